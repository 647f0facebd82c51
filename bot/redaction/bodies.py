"""What goes wholesale from request bodies: prompts, message lists, tool arguments, inline images.

A value is followed from its opening quote or bracket to the matching end at the same level of escaping, so that JSON, a Python repr,
JSON inside a JSON string and `curl -d '...'` all come out the same. One pass over the value, nothing is parsed twice.
"""

from __future__ import annotations

from typing import Final

from bot.redaction.ends import Ahead, argument, block, brace, closing, line, matching
from bot.redaction.rx import captures, finder, rx
from bot.redaction.spans import BUDGET, UNREADABLE, Span, budget


def _ungrouped(pattern: str) -> str:
    out = []
    for index, char in enumerate(pattern):
        out.append(char)
        if char == "(" and pattern[index + 1] != "?" and pattern[index - 1] != "\\":
            out.append("?:")
    return "".join(out)


PROMPT: Final = "prompt"
IMAGE: Final = "image"
_LISTS: Final = r"messages|contents|input|inputs|system|system_instruction|systemInstruction|instructions|parts|tool_calls|history|prompts?|conversation"
_STRINGS: Final = (
    r"(?:[A-Za-z_]{0,16})?prompt(?:_text|Text|_en|_zh)?|negativePrompt|input|instructions?|system|systemInstruction|system_instruction|"
    r"query|question|inputText|input_text|contents|arguments"
)
_TEXT: Final = r"content|text|reasoning_content"
_PATTERN: Final = rf"(?:[\"'\s,{{(;?&\\]|\b|^)({_STRINGS}|{_LISTS}|{_TEXT}|提示词|反向提示词|正向提示词)(\\*[\"']?[ \t]{{0,4}}(?:[:=]|：|=>)\s{{0,16}})(\\*\"\"\"|\\*\"|\\*'|“|\[|\{{)"
_NAME: Final = captures(rx(_PATTERN))
_LIST_NAMES: Final = frozenset(_LISTS.replace("prompts?", "prompt|prompts").encode().split(b"|"))
_TEXT_NAMES: Final = frozenset((b"content", b"text", b"reasoning_content", b"arguments", b"query", b"question"))
_ROLE: Final = rx(
    r"role\\*[\"']?\s{0,4}[:=]|Message\(|parts\\*[\"']|input_text|inline_?[dD]ata|tool_calls|function\\*[\"']|\"type\\*\":\s?\\*\"text|'type': 'text|arguments"
)
_FLAG: Final = rx(
    r"--?(?:negative-)?prompt[ =]+(\\*[\"'])|(?:-F|--form|--form-string|-d|--data(?:-urlencode)?)[ =]+([\"'])(?:negative_)?prompt="
)
_IMAGE: Final = rx(
    r"data:(?:image|audio|video|application)/[a-zA-Z0-9.+\-]{1,40};base64,[A-Za-z0-9+/=_\-\s\\]{16,}|(?:b64_json|inline_?[dD]ata|bytesBase64Encoded|image_base64|binary_data_base64|\bdata|\bimage)\\*[\"']?\s{0,4}[:=]\s{0,4}[\[]?\\*[\"']([A-Za-z0-9+/=_\-]{80,})"
)
_RETURNED: Final = rx(
    r"(?i:返回|输出|生成|结果|响应|得到|returned|output|result|response|generated|received)[^\n\"'`{}\[\]=]{0,16}$"
)
# What is said without quotes: a midjourney command, an element, a form's part, a query's value, a struct's dump, a labelled line.
_SAID: Final = (
    r"/imagine prompt:[ ]?|[ ,(](?:negative_)?prompt=|<(?:negative_|user_)?prompt>|name=\\?\"(?:negative_)?prompt\\?\"|[?&=](?:negative_)?prompt=|"
    r"(?i:\brole)(?:=|: ?)(?:user|system|assistant|tool|developer|human)[, ] ?(?i:content)(?:=|: ?)|"
    r"(?m:^(?:/[^ \n]{1,24} )?[ \t>*\-]{0,6}(?:(?:反向|正向|负面|负向)?提示词|(?:[Nn]egative[ _]|[Ss]ystem[ _]|[Uu]ser[ _])?[Pp]rompt|PROMPT)[ \t]?(?::|：)[ \t]{0,4})"
)
_LOOSE: Final = finder(_SAID)
# what a provider, not a person, says behind `prompt:`
_VERDICT: Final = rx(
    r"(?i:too long|required|invalid|must |cannot|should|exceed|flagged|violat|not allowed|unsupported|missing|tokens?\b|太长|过长|不能为空|敏感|审核|违规|超过|超出|必填)|^[\d.,:\s]*$"
)
_ANSWER_FAULT: Final = rx(
    r"^[^A-Za-z\x80-\xff\"]{0,4}(?:\xe2[\x80-\xbf]{2}\s?|\xef\xb8\x8f\s?|\xf0\x9f[\x80-\xbf]{2}\s?|\[)?(?:\S{1,24} )?(?i:error\b|api error|api request failed|request failed|failed to|http [45]|[45][0-9]{2}\b|抱歉|对不起|请求失败|调用失败|错误|报错|失败|余额不足|额度)"
)
_FAULT_WORDS: Final = rx(
    r"(?i:error|fail|limit|quota|exceed|exhaust|denied|invalid|insufficient|balance|unauthori|overload|配额|额度|余额|限制|超出|不足|失败|错误|用尽|异常|繁忙)|[45][0-9]{2}"
)
HINTS: Final = (
    _SAID
    + "|"
    + _ungrouped(_PATTERN)
    + r"|--prompt|-prompt |prompt=|base64|b64_json|nline[_]?[dD]ata|Base64|\"data|\"image"
)
_ANY: Final = finder(_ungrouped(_PATTERN))
_ERROR: Final = rx(
    r"^[\\\s\"'\[{]{0,12}(?i:api error|error: api request failed|error: error code|error code: [45]\d\d|error\\*[\"'][ \t]{0,4}:|http error [45]\d\d)"
)
"""An API's error where a prompt or an answer is expected: evidence of what failed, nothing that anybody asked or was told."""
_MIN_TEXT: Final = 2


def find(view: bytes, spans: list[Span]) -> None:
    if _ANY(view, 0)[0] >= 0 or view.find(b"--prompt") >= 0 or view.find(b"prompt=") >= 0:
        _prompts(view, spans)
    if _LOOSE(view, 0)[0] >= 0:
        _said(view, spans)
    if (
        view.find(b"base64") >= 0
        or view.find(b"b64_json") >= 0
        or view.find(b"nline") >= 0
        or view.find(b"Base64") >= 0
        or view.find(b'"data') >= 0
        or view.find(b'"image') >= 0
    ):
        _images(view, spans)


def _images(view: bytes, spans: list[Span]) -> None:
    for match in _IMAGE.finditer(view):
        start, end = match.span(1)
        if start < 0:
            begin, end = match.span()
            start = view.index(b"base64,", begin) + 7
            while view[end - 1 : end] in (b" ", b"\n", b"\r", b"\\"):
                end -= 1
            breaks = view.find(b"\n", start, end)
            if breaks > 0 and breaks - start < 60:
                end = breaks
            # an image that came back stands bare after words that say so: it is the answer, not what was sent
            if view[begin - 1 : begin] not in (b'"', b"'", b"`", b"(", b"=") and _RETURNED.search(
                view[max(0, begin - 48) : begin]
            ):
                continue
        spans.append((start, end, IMAGE, b""))


def _prompts(view: bytes, spans: list[Span]) -> None:
    position = hits = mute = read = 0
    spoken: bool | None = None
    while True:
        whole, *inner = _NAME(view, position)
        begin = whole[0]
        if begin < 0:
            break
        hits += 1
        if hits > BUDGET and hits > budget(begin) or read > len(view):
            spans.append((begin, len(view), UNREADABLE, b""))
            return
        name, opening = view[inner[0][0] : inner[0][1]], view[inner[2][0] : inner[2][1]]
        at = inner[2][1]
        position = at
        bracket = opening in (b"[", b"{")
        if bracket and name not in _LIST_NAMES:
            continue
        if name in _TEXT_NAMES:
            if spoken is None:
                spoken = _ROLE.search(view) is not None
            if not spoken:
                continue
        if bracket:
            if at < mute or (opening == b"[" and view[at : at + 6] == b"prompt"):
                continue
            start, end = at, matching(view, at)
            inside = view[start:end]
            if len(inside.strip()) < _MIN_TEXT or not _wordy(inside):
                mute = end  # nor does any list within it say anything
                continue
        else:
            start, end = at, closing(view, at, opening)
            inside = view[start:end]
            if (
                inside[:7] == b"[prompt"
                or len(inside) < _MIN_TEXT
                or inside[:1] == b"["
                and inside.endswith(b"]")
                and len(inside) < 40
            ):
                continue
            if name in _TEXT_NAMES and _fault(view, begin, end, inside):
                continue
            if name == b"system" and (len(inside) < 8 or inside.isalnum()):
                continue
            if name in (b"query", b"question", b"input", b"text") and len(inside) < 4:
                continue
        if inside[:32].find(b"rror") >= 0 and _ERROR.search(inside):
            read += len(inside) if bracket else 0
            continue
        spans.append((start, end, PROMPT, b""))
        position = end
    for match in _FLAG.finditer(view):
        at = match.end()
        hits += 1
        if hits > BUDGET and hits > budget(at):
            spans.append((at, len(view), UNREADABLE, b""))
            return
        opening = match.group(1) or match.group(2)
        end = closing(view, at, opening)
        if view[at : at + 7] != b"[prompt" and end - at >= _MIN_TEXT:
            spans.append((at, end, PROMPT, b""))


def _fault(view: bytes, start: int, end: int, inside: bytes) -> bool:
    """An answer that is itself an error: some gateways send one with status 200. It is evidence, not something that was said."""
    head = inside[:120]
    if _ANSWER_FAULT.search(head) is None or _FAULT_WORDS.search(inside[:400]) is None:
        return False
    return view[max(0, start - 120) : start].find(b"assistant") >= 0 or view[end : end + 60].find(b"assistant") >= 0


def _said(view: bytes, spans: list[Span]) -> None:
    end = hits = 0
    ahead = Ahead(view)
    while True:
        start, at = _LOOSE(view, end)
        if start < 0:
            return
        hits += 1
        if hits > BUDGET and hits > budget(start):
            spans.append((start, len(view), UNREADABLE, b""))
            return
        end = at
        lead = view[start:at]
        if lead[:8] == b"/imagine":
            stop = ahead.first(at, (b" --", b"\n"))
        elif lead[:1] == b"<":
            stop = ahead.first(at, (b"</",))
        elif lead[:5] == b"name=":
            at = view.find(b"\n\r\n", at, at + 200) + 3 or view.find(b"\n\n", at, at + 200) + 2
            if at < start + 5:
                continue
            stop = ahead.first(at, (b"\r\n--", b"\n--"))
        elif lead[:1] in b" ,(":
            stop = argument(view, at)
            if not _wordful(view[at:stop]):
                continue
        elif lead[:1] in b"?&=":
            stop = at
            while stop < len(view) and view[stop] not in b"&\"'` \t\r\n<>,;)}":
                stop += 1
            if view[at:stop].isdigit():
                continue
        elif lead[:4].lower() == b"role":
            if view[at : at + 1] in (b'"', b"'", b"[", b"\\", b"`"):
                continue
            stop = (
                ahead.first(at, (b"), ", b")]", b")\n", b"}, ", b"}]", b"}\n", b"} {"))
                if 0x3D in lead
                else brace(view, at, ahead)
            )
        else:
            stop = line(view, at)
            rest = view[at:stop].strip()
            if rest in (b"|", b">", b"|-", b">-"):
                at, stop = block(view, stop)
            elif rest[:1] in (b'"', b"'", b"[", b"{", b"`", b"\\") or _VERDICT.search(rest) is not None:
                continue
        if stop - at >= 4 and view[at : at + 7] != b"[prompt":
            spans.append((at, stop, PROMPT, b""))
            end = max(end, stop)


def _wordful(said: bytes) -> bool:
    """Words and not a name of something: three of them, or Chinese."""
    return said.count(b" ") >= 2 or len(said) - len(said.decode("utf-8", "replace")) >= 8


def _wordy(inside: bytes) -> bool:
    """Holds a string at all: `input: [1, 2]` and `[]` say nothing."""
    return 0x22 in inside or 0x27 in inside
