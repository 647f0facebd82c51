"""When a limit ends, where the text says so: a date, a clock time, Unix seconds. The time of the error is none of these."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final

from bot.model.values import dataclass
from bot.services.reading.clock import Written, written_at
from bot.services.reading.view import View, view

_FARTHEST: Final = timedelta(days=400)  # no plan's window is longer; beyond it the figure means something else
_READ: Final = 30_000  # characters at each end of a text in which a moment is looked for
_NEAR: Final = timedelta(days=62)  # a date without a year that were farther ahead is one of an old text
_ANYWHERE: Final = timedelta(hours=14)  # the farthest zone from UTC

_WORDS: Final = re.compile(
    r"(?:(?<!conn)(?<!net)(?<!connection )(?<!password )reset[a-z_-]*"
    r"|(?:renew|refill|replenish|restor|recover|resum|refresh|unlock|unblock)(?:s|ed|es|e)?\b"
    r"|(?:unlock|unblock|refresh|renew|refill|recover|available|resume)s?_?at\b|regain(?:s|ed)? access|lifted|\bagain|(?:next[_ ])?retr(?:y|ies)[a-z_-]*|retry-after"
    r"|(?<!valid )(?<!available )(?<!supported )(?<!free )\buntil|[a-z]+_until"
    r"|(?:cycle|period|window|month|week) ends|available[_ ](?:at|again|from|on)|cooldown[a-z_]*|come back|limit reached ?(?=\|))"
)
_LINK: Final = re.compile(
    r"[\"')\]]{0,3}(?: ?(?:time|date|window|daily|weekly|monthly|automatically|every day|each day|next|again|is|are|will be|to|access)\b)*"
    r"(?P<link> ?(?:[:=|]+>?|[\"'], ?(?=[\"'])|\{ ?seconds: ?| (?:at|on|after|until|till|by|from|around|in|for)(?: about| around)?(?:(?= )| ?:))| is(?= )|(?<=again)(?= tomorrow)|(?<=until)|(?<=resets)|(?<=_at)(?= ))"
    r"[ \"'(\[{]{0,4}(?:seconds: ?)?"
)
_NAMED: Final = re.compile(
    r"(?:下次|下一次)?(?:重置|恢复|刷新|重试|解封|解除|清零|更新)(?:的)?(?:时间|日期|时刻)(?:为|是|将为|:|=|于|在)?[ \"'(]{0,3}"
    r"|(?:下次|下一次)(?:重置|恢复|刷新|重试)(?:为|是|于|在|:)?[ \"'(]{0,3}"
    r"|(?:重置|恢复|刷新|解封)(?:于|在|:)[ \"'(]{0,3}|(?:封禁|限制|冻结|暂停|停用)(?:至|到) ?"
)
_LEAD: Final = re.compile(
    r"(?:将于|将在|会于|会在|请于|请在|预计于?|于|在|等到|直到|到|至|每天|每日|每晚)[ \"'(]{0,3}"
    r"|(?=明天|明日|次日|今天|今日|今晚|后天|每月|每个月|每周|下个?月|下个?周|下一?个(?:计费|账单|结算)|次月|下个?星期|北京时间|utc ?时间|太平洋时间|美东时间|东八区)"
    r"|(?<![\d:/年月-])(?=[\d:/年月日号 -]{4,20}(?:(?:之|以)?后(?:再试|重试|可|恢复|自动)|に))"
)
_TAIL: Final = re.compile(
    r"[ )\"']{0,3}(?:之后|以后|后|起|前后|左右|准时|统一|自动|会|将|才能?|可以?|即可|方可|再次?|的|您?的?(?:额度|配额|限额|用量|次数)|被|全部|重新| )*"
    r"(?:重置(?!密码)|恢复|刷新|重试|再试|解除|解封|更新|清零|可用|继续|使用|发放)| ?に(?:リセット|回復|再開)"
)
_EITHER: Final = re.compile(r"-reset(?:-requests|-tokens|-input|-output)|(?:requests|tokens)-reset|-(?:5h|7d)-reset")
_HINTS: Final = (
    "reset", "again", "retry", "until", "renew", "refill", "restor", "regain", "resum", "recover", "replenish", "lifted",
    " ends", "available", "cooldown", "refresh", "lock", "reached|", "come back",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reset:
    """`at` is UTC, None where the text names no zone; then `written` is all that is known. `counted`: the text gives no date,
    so that `at` is the next such moment. `here`: nor a zone, so that it is one in the reader's. `over`: it has passed, in
    whatever zone it was meant. `vague`: a period without a date. `plain`: a date without a zone in digits."""

    written: str
    at: datetime | None = None
    counted: bool = False
    here: bool = False
    over: bool = False
    vague: bool = False
    plain: str = ""


def reset_of(text: str, now: datetime, zone: tzinfo, happened: datetime | None = None) -> Reset | None:
    """What a text says of the end of a limit; None where it says nothing of it. `now` and `happened` (the time of the error,
    where the text gives one) are aware; `zone` is the reader's."""
    seen = view(text if len(text) <= 2 * _READ else f"{text[:_READ]}\n{text[-_READ:]}")
    since = happened if happened is not None and happened <= now else now
    best: tuple[tuple[bool, bool, float], Reset] | None = None
    for number, (written, either) in enumerate(_found(seen)):
        reset = _resolved(written, now, since, zone)
        if reset is None:
            continue
        # Of several figures of one answer's headers the latest counts; of sentences the last, being the newest of a log.
        place = reset.at.timestamp() if either and reset.at else float(number)
        rank = (not reset.vague, not either, place)
        if best is None or rank >= best[0]:
            best = (rank, reset)
    return best[1] if best else None


def _found(seen: View) -> Iterator[tuple[Written, bool]]:
    """Each moment that a word of ending leads to; True beside those of which a client gets several at once."""
    low = seen.low
    if any(hint in low for hint in _HINTS):
        for word in _WORDS.finditer(low):
            link = _LINK.match(low, word.end())
            if link is None or (written := written_at(seen, link.end())) is None:
                continue
            if link["link"].strip(" :") in ("in", "for") and written.unix is None and written.date is None:
                continue  # `in 0:45:12` is a wait
            yield written, _EITHER.search(low[max(0, word.start() - 24) : word.end()]) is not None
    if low.isascii():
        return
    for named in _NAMED.finditer(low):
        if written := written_at(seen, named.end()):
            yield written, False
    until = 0
    for lead in _LEAD.finditer(low):
        if lead.start() < until:
            continue  # inside the last one: 北京时间每天 0 点 is one moment
        written = written_at(seen, lead.end())
        if written and _TAIL.match(low, written.until):
            until = written.until
            yield written, False


def _resolved(written: Written, now: datetime, since: datetime, zone: tzinfo) -> Reset | None:
    said = written.text.strip(" ,([")
    if written.unix is not None:
        at = datetime.fromtimestamp(written.unix, UTC)
        return Reset(said, at, over=at <= now) if at - now <= _FARTHEST else None
    if written.cycle:
        return Reset(said, vague=True)
    where = zone if written.local else written.zone
    try:
        naive, counted = _naive(written, since.astimezone(where or zone))
        if where is None and not (counted and written.clock):
            plain = naive.strftime("%Y-%m-%d %H:%M" if written.clock else "%Y-%m-%d")
            if naive - now.replace(tzinfo=None) > _FARTHEST:
                return None
            if written.clock is None:
                naive += timedelta(days=1)  # a day without an hour has passed at its end
            return Reset(said, over=naive.replace(tzinfo=UTC) + _ANYWHERE <= now, plain=plain)
        at = naive.replace(tzinfo=where or zone).astimezone(UTC)
    except (ValueError, OverflowError):  # the 31st of February
        return None
    if at - now > _FARTHEST:
        return None
    if where is None and at <= now:  # in the reader's zone only
        return Reset(said)
    return Reset(said, at, counted=counted, here=where is None, over=at <= now)


def _naive(written: Written, since: datetime) -> tuple[datetime, bool]:
    """The moment in its own zone, and whether its day had to be counted from `since`, which is in that zone."""
    hour, minute, second = written.clock or (0, 0, 0)
    clock, more = time(hour % 24, minute, second), timedelta(days=hour // 24)
    today, then = since.date(), since.replace(tzinfo=None)
    if written.date is not None:
        year, month, day = written.date
        if year is not None:
            return datetime(year, month, day) + (
                datetime.combine(today, clock) - datetime.combine(today, time())
            ) + more, False
        near = [
            datetime(year, month, day, clock.hour, clock.minute, clock.second) + more
            for year in _years(since.year, month, day)
        ]
        return max(at for at in near if at - then <= _NEAR), False
    if written.first is not None:
        ahead = (today.replace(day=1) + timedelta(days=32)).replace(day=written.first)
        this = today.replace(day=written.first)
        return datetime.combine(this if this > today else ahead, clock) + more, True
    if written.weekday is not None:
        at = datetime.combine(today + timedelta(days=(written.weekday - today.weekday()) % 7), clock) + more
        return at if at > then else at + timedelta(days=7), True
    if written.ahead is not None:
        return datetime.combine(today + timedelta(days=written.ahead), clock) + more, True
    at = datetime.combine(today, clock) + more
    return at if at > then else at + timedelta(days=1), True


def _years(year: int, month: int, day: int) -> list[int]:
    return [y for y in (year - 1, year, year + 1) if (month, day) != (2, 29) or y % 4 == 0]
