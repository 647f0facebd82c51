"""The HTTP status a text tells."""

from __future__ import annotations

import re
from typing import Final

from bot.services.reading.sieve import Sieve
from bot.services.reading.view import View

_NUMBER: Final = r"([1-5]\d\d)(?!\d|\.\d|\s*(?:ms|s|tokens|px|x)\b)"
_REASONS: Final = (
    r"(?:bad request|unauthorized|payment required|forbidden|not found|method not allowed|request timeout|conflict|gone|"
    r"payload too large|request entity too large|content too large|unprocessable|too many requests|internal server error|internal error|not implemented|bad gateway|"
    r"service unavailable|service temporarily|server error|client error|gateway time-?out|overloaded|resource_exhausted|resource exhausted|unavailable|"
    r"invalid_argument|failed_precondition|permission_denied|unauthenticated|not_found|status code|deadline exceeded)"
)
_STATUS_STRONG: Final = re.compile(
    r"(?:error[ _]code|status[ _-]?code|http[ _-]?status(?: code)?|httpstatuscode|http_code|statuscode|upstream[_-]?status|error reference number|response status|response code|status code|indicate success)"
    r"(?: is| of| was)?[\"'*]* ?[:=]? ?(?:http status code: )?[\"'(\[]?" + _NUMBER
)
_STATUS_PHRASE: Final = re.compile(
    r"(?:\bhttp(?:/[\d.]+)?(?: error| status| 状态码)?[ :=(]{1,3}|\bstatus[\"']?[ :=(]{1,3}|状态码[ :=(]{0,3}|\bstatus(?: code)? of |\brejected \()"
    + _NUMBER
    + r"|(?<![\d.,/-])"
    + _NUMBER
    + r"[ ()\]:,-]{1,3}"
    + _REASONS
    + r"|\bhttp/[\d.]+[\"'] "
    + _NUMBER
    + r"|<(?:title|h1)>[^<]{0,60}?"
    + _NUMBER
)
_STATUS_LOOSE: Final = re.compile(
    r"(?:fail(?:ed)?|er+or|exception|错误|报错|返回|失败|异常|响应|(?<![a-z0-9_])(?:upstream|rejected|oauth|api|denied|response|invalid|returned|returns|returning))"
    r"[ :(\[\]-]{1,4}(?:with |code |status )*[\"'(\[]?([45]\d\d)(?![\d.]|\s*(?:ms|s|tokens)\b|/)"
    r"|(?:^(?:[⎿⚠❌✖⛔🚫×✗]\ufe0f? ?)?|[\[(<])([45]\d\d)(?:[\])>]| \]| ?[{\[<\"'`:|-]| [a-z\u4e00-\u9fff.])"
    r"|(?<![\d.,/$-])([45]\d\d) (?:you|your|the|this|no|invalid|incorrect|insufficient|user|access|sorry|free|rate|too|quota|model|provider|account|organization|internal|service|server|bad|permission|authentication|unable|missing|not|unknown|unsupported|error|budget|daily|monthly|request too|request is|resource (?:has|not|exhausted)|page not|unprocessable|payload|upstream|prompt is|client error|context)\b"
    r"|^[\"'`(]?([45]\d\d) (?=[45]\d\d\b)"
    r"|(?<=[a-z0-9] )([45]\d\d):? ?\{ ?[\"']"
    r"|\b(?:msg|message|error)[\"']?[:=] ?[\"']?([45]\d\d)[ {:]"
    r"|\| ?([45]\d\d) ?(?:\||- [a-z\u4e00-\u9fff])"
    r"|(?:返回|报错|提示|出现|响应|显示|报|一直|总是|老是)了?(?:是|报|状态码?)? ?([45]\d\d)(?![\d.]| ?[条个字次元行秒年月])"
    r"|http_([45]\d\d)(?!\d)|(?<=`)([45]\d\d)(?: [a-z]|` ?\|)"
    r"|[\"'“]([45]\d\d): (?=[a-z\[{])"
    r"|\bfailed to [a-z ]{3,30}: ([45]\d\d)$"
    r"|^(?:[⎿⚠❌✖⛔🚫×✗]\ufe0f? ?)?([45]\d\d) [—–-] ?[{\[\"'a-z]|\berrorstatus\(([45]\d\d)\b"
    r"|(?<=\d - )([45]\d\d) [a-z]"
    r"|(?:^|: |\] |[\"'])([45]\d\d), (?:body|message|reason|headers|response)\b"
    r"|: ([45]\d\d)(?: -|:| [{\"<*])"
    r"|=> ?([45]\d\d) [a-z]"
    r"|(?:\b(?:not|expected|want|wanted|expecting)|不是) ?[a-z :(]{0,20}200\)?[,;:]? ?(?:but |and |code |is |was |got:? ?|received |returned |而是|收到|实际){1,3}\(?([45]\d\d)(?![\d.]| ?(?:ms|s|tokens|items|bytes|个|条|字))"
    r"|\b(?:get|post|put|delete|patch) (?:https?:/)?/\S{1,60} ([45]\d\d)(?: |$)"
    r"|[a-z]:([45]\d\d)$"
    r"|(?:(?<=[\])}。.,:>] )|(?<=[。:]))([45]\d\d):? ?[{<\"]|(?<=[a-z]\. )([45]\d\d): [a-z]"
    r"|[\u0400-\u04ff\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]: ?([45]\d\d)(?![\d.])"
    r"|[\u4e00-\u9fff] ([45]\d\d) (?=用户|无效|令牌|余额|额度|账[号户]|模型|分组|当前|请求|服务|上游)"
    r"|,([45]\d\d),(?=[a-z])|(?:failed[,，]|'> )([45]\d\d) (?=[a-z])"
    r"|(?<![\w.,/:$-])([45]\d\d) (?:get|post|put|delete|patch) (?:https?:|/)"
    r"|(?:exhausted|error|exception|badrequest|forbidden|unauthorized|unavailable|notfound|argument|denied|exceeded|precondition|unauthenticated|internal): ([45]\d\d) [a-z]"
)
_STATUS_CODE: Final = re.compile(r"[\"']?\b(?:code|status)[\"']?[ :=]{1,3}[\"']?([45]\d\d)\b(?![.\d-])")
_WAYS: Final = (_STATUS_STRONG, _STATUS_PHRASE, _STATUS_LOOSE, _STATUS_CODE)
_SIEVE: Final = Sieve(way.pattern for way in _WAYS)
_STATUS_LINE: Final = re.compile(r"^\s*([45]\d\d)(?:\s*$|\s*[{<\"])", re.MULTILINE)
_KNOWN: Final = frozenset(
    (
        *range(400, 419),
        *range(421, 430),
        431,
        432,
        433,
        449,
        451,
        456,
        498,
        499,
        *range(500, 512),
        *range(520, 531),
        540,
        561,
        598,
        599,
    )
)
_NUMBERS: Final = 24  # candidates looked at in one text
_BEFORE: Final = 70
_AFTER: Final = 40
_HUNDREDS: Final = re.compile(r"[45]\d\d(?!\d)")  # a look behind would be tried at every letter of the text


def status_of(seen: View) -> int | None:
    """The HTTP status as the text tells it; the outermost one where several are told."""
    low = seen.low
    fitting = _SIEVE.passed(seen.raw)
    line = None if fitting else _STATUS_LINE.search(seen.lines)
    if not fitting and line is None:
        return None
    around = _around(low)
    if not around:
        return None
    for place in fitting:
        for window in around:
            for found in _WAYS[place].finditer(window):
                number = int(next(group for group in found.groups() if group))
                if number in _KNOWN:
                    return number
    line = line or _STATUS_LINE.search(seen.lines)
    return int(line.group(1)) if line else None


def _around(low: str) -> list[str]:
    """The pieces of the text with a number in them that can be a status; what is near to each other is one piece."""
    spans: list[list[int]] = []
    seen = 0
    for found in _HUNDREDS.finditer(low):
        start, end = found.span()
        if start and low[start - 1].isdecimal():
            continue
        seen += 1
        if seen > _NUMBERS:
            break
        if int(found.group()) not in _KNOWN:
            continue
        if spans and start - _BEFORE <= spans[-1][1]:
            spans[-1][1] = end + _AFTER
        else:
            spans.append([start - _BEFORE, end + _AFTER])
    # A cut-off start gets a sign that no pattern takes for the start of the text.
    return [low[:end] if start <= 0 else "\0" + low[start:end] for start, end in spans]
