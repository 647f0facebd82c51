"""When it happened and how long to wait. Clock times of a reset are neither."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from bot.services.reading.ids import Named
from bot.services.reading.view import View

_TIME: Final = re.compile(
    r"20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|20\d\d[-/][01]\d[-/][0-3]\d(?: - | )[0-2]\d:[0-5]\d(?::[0-5]\d)?(?:[.,]\d{1,6})?(?: ?[+-]\d{4}| UTC)?"
    r"|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) 20\d\d [0-2]\d:[0-5]\d:[0-5]\d GMT"
    r"|20\d\d年\d{1,2}月\d{1,2}日(?: ?\d{1,2}:\d\d(?::\d\d)?)?"
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* \d{1,2},? 20\d\d,? (?:at )?\d{1,2}:\d\d(?::\d\d)? ?(?:AM|PM)?"
    r"|(?<=\[)20\d\d-[01]\d-[0-3]\d(?=\])"
)
_YEAR: Final = re.compile(r"20[0-9]{2}[-/年 ,]")
_NOT_WHEN: Final = re.compile(
    r"(?:reset\w*|expire\w*|retry|again|until|restor\w*|recover\w*|refill\w*|refresh\w*|replenish\w*|resum\w*|lifted|unlock\w*|regain access|cooldown\w*|next_\w+|valid|ends?(?: on| at)?|after|before|deadline|renew\w*|created(?!_at|_time)|available|timestamp_reset|resetstime\w*|quotaresettimestamp|modified|since|effective|remove[ds]?|version|将在|将于|会在|会于|请于|请在|预计|直到|等到|封禁至|限制至|將於|將在|請於|請在|重置|恢复|解封|到期|截止|有效期)"
    r"[\w\"' -]{0,12}[:=]? ?(?:on |at |in )?(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*, )?[\"'(]?$"
    r"|reset\w* in [\w ]{2,14}\(at $",
    re.IGNORECASE,
)
_AFTERWARDS: Final = re.compile(r" ?(?:之|以)?[后後] ?(?:再|重|可|自动|恢)")


def occurred_at_of(seen: View, near: str = "") -> str | None:
    """When it happened, as written: the last time before the words that decided, else the first one in the text."""
    text = seen.lines
    if not _YEAR.search(text):
        return None
    times = [
        found
        for found in _TIME.finditer(text)
        if not _NOT_WHEN.search(text[max(0, found.start() - 32) : found.start()])
        and not _AFTERWARDS.match(text, found.end())
    ]
    if not times:
        return None
    place = text.lower().find(near) if near else -1
    before = [found for found in times if found.start() < place]
    return (before[-1] if before else times[0]).group(0)


_UNIT: Final = r"(?:milliseconds?|millis|ms|seconds?|secs?|s|minutes?|mins?|min|m|hours?|hrs?|h|days?|d|weeks?|毫秒|秒钟?|分钟?|小时|个小时|天)"
_SPAN: Final = r"(\d+(?:\.\d+)?) ?(" + _UNIT + r")(?![a-z])"
_ANY_SPAN: Final = r"~? ?((?:\d+(?:\.\d+)? ?" + _UNIT + r"(?:,? ?(?:and )?|(?![a-z\d])))+)"
_WAIT_SAID: Final = tuple(
    Named(hints, re.compile(pattern))
    for hints, pattern in (
        (("delay",), r"retry_?delay[\"']?[ :={(]{1,4}[\"']?(?:seconds: ?)?" + _ANY_SPAN),
        (("retry_delay",), r"retry_delay ?\{ ?seconds: ?(\d+)"),
        (("after",), r"retry[-_ ]?after(?:[-_ ]?(?:seconds|secs|s))?[\"')]?[ :=]{1,3}[\"']?" + _ANY_SPAN),
        (("after-ms", "after_ms", "afterms"), r"retry[-_ ]?after[-_ ]?ms[\"']?[ :=]{1,3}[\"']?(\d+(?:\.\d+)?)()"),
        (
            ("after",),
            r"retry[-_ ]?after(?:[-_ ]?(?:seconds|secs|s))?[\"')]?[ :=]{1,3}[\"']?(\d+(?:\.\d+)?)(?![\w.:/-])",
        ),
        (("try again", "try a gain"), r"try a ?gain (?:in|after)(?: about| approximately| around)?:? ?" + _ANY_SPAN),
        (("retry in", "retry after"), r"\bretry (?:in|after)(?: about| approximately)? ?" + _ANY_SPAN),
        (("wait",), r"\bwait(?: for| at least| about| another)* " + _ANY_SPAN),
        (("reset",), r"(?:will |limit |quota |usage )?resets? (?:in|after) (?:about )?" + _ANY_SPAN),
        (
            ("reset", "wait_", "cooldown", "retry_after", "retryafter"),
            r"(?:quotaresetdelay|reset_after|resets_in|resets_in_seconds|reset_seconds|resets-in|wait_time|wait_seconds|cooldown_seconds|retry_after_seconds|retryafterseconds)[\"']?[ :=]{1,3}[\"']?"
            + _ANY_SPAN,
        ),
        (
            ("reset", "wait_", "cooldown", "retry_after", "retryafter"),
            r"(?:resets_in_seconds|reset_seconds|wait_seconds|cooldown_seconds|retry_after_seconds|retryafterseconds|retryafter|resets_in)[\"']?[ :=]{1,3}[\"']?(\d+(?:\.\d+)?)(?![\w.:/-])",
        ),
        (("limiting for",), r"rate limiting for " + _ANY_SPAN),
        (("available",), r"available (?:again )?in (?:about )?" + _ANY_SPAN),
        (
            ("后",),
            r"(?:请|需要?|等待|稍等|于|在|将在|还需等待?)[^,。;]{0,8}?"
            + _ANY_SPAN
            + r" ?(?:之?后(?!进行第)|再|重试|恢复|重置)",
        ),
        (("等",), r"(?:等待|再等) ?" + _ANY_SPAN),
        (("后に",), _ANY_SPAN + r" ?后に"),
        (("后",), _ANY_SPAN + r" ?(?:之|以)?后(?:将|会|自动|可|才能)* ?(?:恢复|重置|解除|解封|刷新|可用)"),
        (("reset-requests", "reset-tokens"), r"reset-(?:requests|tokens)[\"']?[ :=]{1,3}[\"']?" + _ANY_SPAN),
    )
)
_CLOCKWISE: Final = re.compile(r"(?:again|retry|wait|resets?) (?:in|for) (\d{1,3}):([0-5]\d):([0-5]\d)(?![\d:])")
_PIECE: Final = re.compile(_SPAN)
_SECONDS: Final = {
    "ms": 0.001,
    "mi": 60.0,
    "m": 60.0,
    "s": 1.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
    "毫": 0.001,
    "秒": 1.0,
    "分": 60.0,
    "小": 3600.0,
    "个": 3600.0,
    "天": 86400.0,
}
_OWN_RETRY: Final = re.compile(r"retrying|重试中|attempt \d+$")


def _unit(word: str) -> float:
    if word.startswith(("milli", "ms")):
        return 0.001
    return _SECONDS.get(word[0], 1.0)


def seconds_of(span: str) -> float | None:
    """`9m38.016s`, `1 hour 5 minutes`, `856.559356ms`, `30 秒` in seconds; a bare number is seconds."""
    pieces = _PIECE.findall(span)
    if not pieces:
        return float(span) if re.fullmatch(r"\d+(?:\.\d+)?", span.strip()) else None
    return float(sum(float(number) * _unit(unit) for number, unit in pieces))


_HTTP_DATE: Final = r"((?:mon|tue|wed|thu|fri|sat|sun), \d{1,2} [a-z]{3} 20\d\d [0-2]\d:[0-5]\d:[0-5]\d gmt)"
_AFTER_DATE: Final = re.compile(r"retry-after[\"']?[ :=]{1,3}[\"']?" + _HTTP_DATE)
_SENT_DATE: Final = re.compile(r"(?<![\w-])date[\"']?[ :=]{1,3}[\"']?" + _HTTP_DATE)


def _between_dates(low: str) -> float | None:
    """`Retry-After` as a date, counted from the answer's own `Date`; without that header nothing is known."""
    until, sent = _AFTER_DATE.search(low), _SENT_DATE.search(low)
    if until is None or sent is None:
        return None
    try:
        seconds = (_moment(until.group(1)) - _moment(sent.group(1))).total_seconds()
    except ValueError:  # the 31st of February
        return None
    return seconds if seconds >= 0 else None


def _moment(written: str) -> datetime:
    return datetime.strptime(written[5:-4], "%d %b %Y %H:%M:%S").replace(tzinfo=UTC)


def retry_after_of(seen: View) -> float | None:
    """Seconds the other side asks to wait. A client's own `Retrying in 2 s` is no such word, nor is a clock time."""
    low = seen.low
    if not (
        "retry" in low
        or "try a" in low
        or "wait" in low
        or "reset" in low
        or "available" in low
        or "后" in low
        or "等待" in low
        or "cooldown" in low
    ):
        return None
    if "gmt" in low and "after" in low and (dated := _between_dates(low)) is not None:
        return dated
    for named in _WAIT_SAID:
        for hint in named.hints:  # a loop, not any(): this runs for every text and pattern
            if hint in low:
                break
        else:
            continue
        for found in named.pattern.finditer(low):
            if _OWN_RETRY.search(low[max(0, found.start() - 3) : found.end()]):
                continue
            if found.re.groups == 2:  # retry-after-ms
                return float(found.group(1)) / 1000
            value = seconds_of(found.group(1))
            if value is not None and value < 60 * 86400:
                return value
    if ":" in low and (spelled := _CLOCKWISE.search(low)):  # Hugging Face: retry in 0:09:48
        hours, minutes, seconds = map(int, spelled.groups())
        return float(hours * 3600 + minutes * 60 + seconds)
    return None
