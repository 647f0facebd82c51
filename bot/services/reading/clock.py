"""One moment as people and programs write it: dates, clock times, zones, in any order, English and Chinese."""

from __future__ import annotations

import re
from datetime import UTC, timedelta, timezone, tzinfo
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from bot.model.values import dataclass
from bot.services.reading.view import View

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTH: Final = (
    r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_ISO: Final = re.compile(r"(?P<y>20\d\d)([-/.])(?P<m>\d{1,2})\2(?P<d>\d{1,2})(?!\d)")
_SHORT: Final = re.compile(r"(?P<m>\d{1,2})[-/](?P<d>\d{1,2})(?=,? \d{1,2}:\d\d)")  # Qwen: 07-27 09:25:00 UTC
_SLASHED: Final = re.compile(r"(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>20\d\d)")
_CHINESE: Final = re.compile(r"(?:(?P<y>20\d\d) ?年 ?)?(?P<m>\d{1,2}) ?月 ?(?P<d>\d{1,2}) ?[日号]")
_ENGLISH: Final = re.compile(_MONTH + r" (?P<d>\d{1,2})(?:st|nd|rd|th)?(?![\d:])(?:,? (?P<y>20\d\d))?")
_BRITISH: Final = re.compile(
    r"(?P<d>\d{1,2})(?:st|nd|rd|th)?(?:[ -]| of | de )" + _MONTH + r"(?:,? |-| de )?(?P<y>20\d\d)?"
)
_DATES: Final = (_ISO, _SLASHED, _SHORT, _CHINESE, _ENGLISH, _BRITISH)

_WEEKDAY: Final = re.compile(
    r"(?:next )?(mon|tue|wed|thu|fri|sat|sun)(?:day|s|sday|nesday|rs|rsday|urday)?\b\.?"
    r"|(?:(?:下|每)?个?(?:周|星期|礼拜))([一二三四五六日天])"
)
_AHEAD: Final = re.compile(r"(today|tonight|今天|今日|今晚)|(tomorrow|明天|明日|次日)|(后天)")
_FIRST: Final = re.compile(
    r"(?:1st|first)(?: day)? of (?:(?:the|each|every|next|following|calendar) )*month"
    r"|(?:start|beginning) of (?:(?:the|each|every|next|following|calendar) )*month"
    r"|(?:下个?|次|每个?)月 ?(?:(\d{1,2}) ?[日号]|初)"
)
_CYCLE: Final = re.compile(
    r"(?:your |the )?next (?:billing|payment|subscription|usage) (?:cycle|period|date|month)"
    r"|next (?:calendar )?(?:month|week)|下(?:一?个)?(?:计费|账单|结算|订阅|续费)(?:周期|日)|下个?周期|下个?(?:月|周)"
)
_CLOCK: Final = re.compile(
    r"(?P<part>凌晨|早上|上午|中午|下午|傍晚|晚上|晚)? ?"
    r"(?:(?P<h>\d{1,2}):(?P<mi>\d\d)(?::(?P<s>\d\d)(?:[.,]\d{1,9})?)?(?: ?(?P<ap>[ap])(?:\.m\.|m\b))?"
    r"|(?P<h2>\d{1,2}) ?(?P<ap2>[ap])(?:\.m\.|m\b)"
    r"|(?P<h3>\d{1,2}) ?[点时](?:整|(?P<half>半)| ?(?P<mi3>\d{1,2}) ?分)?)"
    r"|(?P<word>midnight|noon|午夜|零点|正午)"
)
_ZONE: Final = re.compile(
    r"(?P<sign>(?:utc|gmt) ?[+-] ?\d{1,2}(?::?\d\d)?|[+-]\d\d(?::?\d\d)?)(?![\d/:])"
    r"|(?P<utc>z\b|utc(?: ?时间|\b)|gmt\b|世界时|协调世界时)"
    r"|(?P<iana>[a-z]{2,20}/[a-z][a-z0-9_+-]{1,30}(?:/[a-z_]{2,30})?)"
    r"|(?P<local>(?:your |my )?local(?: time)?\b|本地时间|当地时间)"
    r"|(?P<name>pacific(?: standard| daylight)?(?: time)?|eastern(?: standard| daylight)?(?: time)?|beijing(?: time)?|china standard time|"
    r"p[sd]?t\b|e[sd]?t\b|m[sd]t\b|ces?t\b|bst\b|jst\b|kst\b|hkt\b|sgt\b|太平洋时间|美东时间|北京时间|东八区|日本时间)"
)
_NAMED: Final = {
    "pacific": "America/Los_Angeles", "pt": "America/Los_Angeles", "pst": "America/Los_Angeles",
    "pdt": "America/Los_Angeles", "太平洋时间": "America/Los_Angeles", "eastern": "America/New_York",
    "et": "America/New_York", "est": "America/New_York", "edt": "America/New_York", "美东时间": "America/New_York",
    "mst": "America/Denver", "mdt": "America/Denver", "beijing": "Asia/Shanghai", "china": "Asia/Shanghai",
    "北京时间": "Asia/Shanghai", "东八区": "Asia/Shanghai", "hkt": "Asia/Hong_Kong", "sgt": "Asia/Singapore",
    "jst": "Asia/Tokyo", "日本时间": "Asia/Tokyo", "kst": "Asia/Seoul", "cet": "Europe/Paris",
    "cest": "Europe/Paris", "bst": "Europe/London",
}  # fmt: skip
"""CST and IST mean two or three zones each: they count as not stated."""
_UNIX: Final = re.compile(r"(1[5-9]\d{8}|2[0-3]\d{8})(\d{3}|\d{6}|\d{9})?(?:\.\d{1,9})?(?![\w-])")
_FILL: Final = re.compile(
    r"[ ,·@(\[]{0,3}(?:t(?=\d)|(?:at|on|by|around|about|of|the|à|的) )?[ (\[]{0,2}(?:每天|每日|每晚)? ?"
)
_AFTERNOON: Final = frozenset({"下午", "傍晚", "晚上", "晚"})


@dataclass(frozen=True, slots=True)
class Written:
    """What one text says of a moment; what is not written is None. `until` is where it ends in the text."""

    text: str
    until: int
    unix: float | None = None
    date: tuple[int | None, int, int] | None = None  # year or None, month, day
    weekday: int | None = None  # Monday is 0
    ahead: int | None = None  # days from the day of the error
    first: int | None = None  # a day of the next month
    cycle: bool = False  # a period without a date
    clock: tuple[int, int, int] | None = None
    zone: tzinfo | None = None
    local: bool = False  # "local time": the reader's


class _Read(NamedTuple):
    name: str
    value: Any
    end: int


def _date(low: str, at: int) -> _Read | None:
    for pattern in _DATES:
        found = pattern.match(low, at)
        if found is None:
            continue
        named = found.groupdict()
        month = named.get("m") or next(g for g in found.groups() if g and g[:3] in _MONTHS)
        number = int(month) if month.isdigit() else _MONTHS.index(month[:3]) + 1
        day, year = int(named["d"]), int(named["y"]) if named.get("y") else None
        if pattern is _SLASHED and number > 12:
            number, day = day, number
        return _Read("date", (year, number, day), found.end()) if 1 <= number <= 12 and 1 <= day <= 31 else None
    return None


def _clock(low: str, at: int) -> _Read | None:
    found = _CLOCK.match(low, at)
    if found is None:
        return None
    if word := found["word"]:
        return _Read("clock", (12 if word in ("noon", "正午") else 0, 0, 0), found.end())
    hour = int(found["h"] or found["h2"] or found["h3"])
    minute = 30 if found["half"] else int(found["mi"] or found["mi3"] or 0)
    half = found["ap"] or found["ap2"]
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    elif found["part"] in _AFTERNOON and hour < 12:
        hour += 12
    if hour > 24 or minute > 59:
        return None
    return _Read("clock", (hour, minute, min(int(found["s"] or 0), 59)), found.end())


def _offset(written: str) -> tzinfo | None:
    found = re.fullmatch(r"(?:utc|gmt)? ?([+-]) ?(\d{1,2}):?(\d\d)?", written)
    if found is None or int(found[2]) > 14:
        return None
    ahead = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    return timezone(ahead if found[1] == "+" else -ahead)


def _city(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # no such zone, or a folder of zones
        return None


def _zone(seen: View, at: int) -> _Read | None:
    found = _ZONE.match(seen.low, at)
    if found is None:
        return None
    if found["local"]:
        return _Read("local", True, found.end())
    if found["utc"]:
        return _Read("zone", UTC, found.end())
    zone: tzinfo | None
    if found["sign"]:
        zone = _offset(found["sign"])
    elif found["iana"]:
        zone = _city(seen.flat[found.start() : found.end()])
    else:
        zone = ZoneInfo(_NAMED[found["name"].split(" ")[0]])
    return _Read("zone", zone, found.end()) if zone else None


def _day(low: str, at: int) -> _Read | None:
    """A day that is told by another: tomorrow, on Monday, on the first of the month."""
    if found := _FIRST.match(low, at):
        return _Read("first", int(found[1] or 1), found.end())
    if found := _AHEAD.match(low, at):
        return _Read("ahead", next(n for n, group in enumerate(found.groups()) if group), found.end())
    if found := _WEEKDAY.match(low, at):
        place = _DAYS.index(found[1]) if found[1] else min("一二三四五六日天".index(found[2]), 6)
        return _Read("weekday", place, found.end())
    if found := _CYCLE.match(low, at):
        return _Read("cycle", True, found.end())
    return None


_MOST_PIECES: Final = 6


def written_at(seen: View, at: int) -> Written | None:
    """The moment that begins at a place of `seen.low`; None where none begins there."""
    low = seen.low
    begin = end = at
    if found := _UNIX.match(low, at):
        digits = found[1] + (found[2] or "")
        return Written(found.group(0), found.end(), unix=int(digits) / 10.0 ** len(found[2] or ""))
    had: dict[str, Any] = {}
    for _ in range(_MOST_PIECES):
        filled = _FILL.match(low, end)
        place = filled.end() if filled else end
        piece = None
        if "date" not in had:
            piece = _date(low, place)
        if piece is None and not had.keys() & {"date", "first", "ahead", "weekday", "cycle"}:
            piece = _day(low, place)
        if piece is None and "date" not in had and "weekday" in had:
            piece = _date(low, place)
        if piece is None and "clock" not in had:
            piece = _clock(low, place)
        if piece is None and not had.keys() & {"zone", "local"}:
            piece = _zone(seen, place)
        if piece is None:
            break
        if not had:
            begin = place
        had[piece.name] = piece.value
        end = piece.end
    if not had.keys() - {"zone", "local"}:
        return None
    if "date" in had:
        had.pop("weekday", None)
    text = seen.flat[begin:end]
    if text.count("(") > text.count(")") and low[end : end + 1] == ")":
        text += ")"
        end += 1
    return Written(text=text, until=end, **had)
