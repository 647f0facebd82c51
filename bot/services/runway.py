"""How long the money lasts, from readings. Pure: a range of days, or the ground that is missing.

Consumption is what a figure fell between two readings. Where it rose (a top-up, a reset) the whole interval is left out,
because what was spent inside it is not known. Rates are medians and quartiles over blocks of time, so one wild afternoon
does not decide; with two weeks of data the days of the week are told apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from bot.model.money import Kind, Reading, Runway
from bot.model.values import dataclass
from bot.ports import StoredReading

HISTORY = timedelta(days=28)
_FALLING = frozenset({Kind.ACCOUNT_MONEY, Kind.KEY_BUDGET, Kind.GROUP_QUOTA, Kind.WINDOW_QUOTA})
_MOST_DAYS = Decimal(999)
_DAY = Decimal(86400)

Series = tuple[Kind, str, str]  # kind, currency, label


@dataclass(frozen=True, slots=True)
class Point:
    """What was left (UTC), in the line's currency."""

    at: datetime
    left: Decimal


@dataclass(frozen=True, slots=True)
class _Fall:
    start: datetime
    seconds: Decimal
    spent: Decimal


def series_of(reading: Reading) -> Series | None:
    """Which line of history a reading belongs to; None for what cannot run out."""
    if reading.kind not in _FALLING or reading.amount is None or reading.unlimited or reading.hand_kept_at:
        return None
    return (reading.kind, reading.currency or "", reading.label)


def points(stored: Iterable[StoredReading]) -> dict[Series, list[Point]]:
    """History by line, oldest first."""
    lines: dict[Series, list[Point]] = {}
    for entry in stored:
        series = series_of(entry.reading)
        if series is not None and entry.reading.amount is not None:
            lines.setdefault(series, []).append(Point(entry.at, entry.reading.amount))
    return lines


def thin(line: Sequence[Point], every: timedelta = timedelta(hours=1)) -> list[Point]:
    """One point per span, and both sides of every rise, so that a top-up costs little knowledge."""
    kept: list[Point] = []
    for index, point in enumerate(line):
        following = line[index + 1] if index + 1 < len(line) else None
        rises = following is not None and following.left > point.left
        rose = index > 0 and line[index - 1].left < point.left
        last = following is None
        if not kept or rises or rose or last or point.at - kept[-1].at >= every:
            kept.append(point)
    return kept


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one figure falls: per day, slow and fast end; `weekdays` where two weeks are known. `why` if not known."""

    slow: Decimal = Decimal(0)
    fast: Decimal = Decimal(0)
    weekdays: Mapping[int, Decimal] | None = None  # typical spend by local weekday; slow and fast are then factors
    why: str = ""


def estimate(
    current: Sequence[Reading], history: Mapping[Series, Sequence[Point]], now: datetime, timezone: str = "UTC"
) -> Runway:
    """The soonest end among the figures that can end. A window counts only if it ends before its reset.

    Wallets that are empty beside a funded one are left out; what the account can still spend is the question.
    """
    return at_pace(current, {series: pace(line, now, timezone) for series, line in history.items()}, now, timezone)


def at_pace(current: Sequence[Reading], paces: Mapping[Series, Pace], now: datetime, timezone: str = "UTC") -> Runway:
    """As `estimate`, from paces that were worked out before."""
    funded = [r for r in current if series_of(r) is not None and r.amount is not None and r.amount > 0]
    if not funded:
        known = any(r.amount is not None and series_of(r) is not None for r in current)
        return Runway(Decimal(0), Decimal(0)) if known else Runway(why="too_little_data")
    found: list[Runway] = []
    whys: set[str] = set()
    wallets = [r for r in funded if r.kind is Kind.ACCOUNT_MONEY]
    for reading in funded:
        series = series_of(reading)
        if series is None or reading.amount is None:
            continue
        lasts = days_left(reading.amount, paces.get(series, Pace(why="too_little_data")), now, timezone)
        if lasts.low_days is None or lasts.high_days is None:
            whys.add(lasts.why)
            continue
        if reading.kind is Kind.WINDOW_QUOTA:
            if reading.resets_at is None:
                continue
            until = Decimal(str(max((reading.resets_at - now).total_seconds(), 0))) / _DAY
            if lasts.low_days >= until:
                continue
        found.append(lasts)
    if not found:
        return Runway(why="not_falling" if whys == {"not_falling"} else "too_little_data")
    if len(wallets) > 1 and len(found) == len(wallets):
        # Several currencies: the account lasts as long as the last of its wallets.
        return max(found, key=lambda r: r.low_days or Decimal(0))
    return min(found, key=lambda r: r.low_days or Decimal(0))


def one(left: Decimal, line: Sequence[Point], now: datetime, timezone: str = "UTC") -> Runway:
    """One figure's days left."""
    return days_left(left, pace(line, now, timezone), now, timezone)


def days_left(left: Decimal, speed: Pace, now: datetime, timezone: str = "UTC") -> Runway:
    """By hours of use and days of the week in `timezone`; a range in days, or why there is none."""
    if speed.why:
        return Runway(why=speed.why)
    if speed.weekdays is None:
        days = [left / speed.fast, left / speed.slow]
    else:
        zone = ZoneInfo(timezone)
        days = [_walk(left, speed.weekdays, factor, now, zone) for factor in (speed.slow, speed.fast)]
    return Runway(_rounded(min(days)), _rounded(max(days)))


def pace(line: Sequence[Point], now: datetime, timezone: str = "UTC") -> Pace:
    """Worked out from one line of history; it holds for an hour or so."""
    falls = _falls([p for p in line if now - HISTORY <= p.at <= now])
    covered = sum((fall.seconds for fall in falls), Decimal(0))
    if len(falls) < 3 or covered < 7200:
        return Pace(why="too_little_data")
    spent = sum((fall.spent for fall in falls), Decimal(0))
    if spent == 0:
        return Pace(why="not_falling")
    weekly = _weekdays(falls, ZoneInfo(timezone))
    if weekly is not None:
        return weekly
    slow, fast = _rates(falls, spent / covered * _DAY)
    return Pace(slow, fast) if slow > 0 else Pace(why="not_falling")


def _rounded(days: Decimal) -> Decimal:
    return min(days, _MOST_DAYS).quantize(Decimal("0.1"))


def _falls(line: Sequence[Point]) -> list[_Fall]:
    falls = []
    for before, after in zip(line, line[1:], strict=False):
        seconds = Decimal(str((after.at - before.at).total_seconds()))
        if seconds > 0 and after.left <= before.left:
            falls.append(_Fall(before.at, seconds, before.left - after.left))
    return falls


def _blocks(falls: Sequence[_Fall], edges: Sequence[datetime]) -> list[tuple[Decimal, Decimal]]:
    """(seconds covered, spent) between each two edges; a fall across an edge is shared by time. One pass over both."""
    seconds, spent = [Decimal(0)] * (len(edges) - 1), [Decimal(0)] * (len(edges) - 1)
    first = 0
    for fall in falls:
        end = fall.start + timedelta(seconds=float(fall.seconds))
        while first < len(edges) - 1 and edges[first + 1] <= fall.start:
            first += 1
        block = first
        while block < len(edges) - 1 and edges[block] < end:
            inside = (min(end, edges[block + 1]) - max(fall.start, edges[block])).total_seconds()
            if inside > 0:
                share = min(Decimal(str(inside)), fall.seconds)
                seconds[block] += share
                spent[block] += fall.spent * share / fall.seconds
            block += 1
    return list(zip(seconds, spent, strict=True))


def _end(falls: Sequence[_Fall]) -> datetime:
    return falls[-1].start + timedelta(seconds=float(falls[-1].seconds))


def _rates(falls: Sequence[_Fall], mean: Decimal) -> tuple[Decimal, Decimal]:
    """Low and high spend per day: quartiles over the last days, or over parts of a shorter history."""
    last = _end(falls)
    span = Decimal(str((last - falls[0].start).total_seconds()))
    length = _DAY if span >= 3 * _DAY else max(span / 6, Decimal(1800))
    count = min(int(span / length), 10)
    edges = [last - timedelta(seconds=float(length * index)) for index in range(count, -1, -1)]
    rates = [spent / seconds * _DAY for seconds, spent in _blocks(falls, edges) if seconds * 2 >= length]
    if len(rates) < 3:
        return mean / 2, mean * 2
    middle = _quantile(rates, Decimal("0.5"))
    low, high = _quantile(rates, Decimal("0.25")), _quantile(rates, Decimal("0.75"))
    if middle == 0:
        # Bursts with long pauses: no block is typical, only the mean says anything.
        return mean / 2, mean * 2
    return max(low, middle / 2), max(high, middle)


def _weekdays(falls: Sequence[_Fall], zone: ZoneInfo) -> Pace | None:
    """Typical spend by local weekday, and how far real days were from it. None with less than two weeks of whole days."""
    first, last = falls[0].start.astimezone(zone), _end(falls).astimezone(zone)
    day = (first + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    days = []
    while day <= last:
        days.append(day)
        day += timedelta(days=1)
    if len(days) < 15:
        return None
    spent_on: dict[int, list[Decimal]] = {}
    edges = [day.astimezone(UTC) for day in days]
    for day, start, end, (seconds, spent) in zip(days, edges, edges[1:], _blocks(falls, edges), strict=False):
        if seconds * 2 >= Decimal(str((end - start).total_seconds())):
            spent_on.setdefault(day.weekday(), []).append(spent / seconds * _DAY)
    if len(spent_on) < 7 or min(len(found) for found in spent_on.values()) < 2:
        return None
    typical = {weekday: _quantile(found, Decimal("0.5")) for weekday, found in spent_on.items()}
    if sum(typical.values(), Decimal(0)) <= 0:
        return None
    ratios = [
        spent / typical[weekday] for weekday, found in spent_on.items() for spent in found if typical[weekday] > 0
    ]
    low = max(_quantile(ratios, Decimal("0.25")), Decimal("0.5"))
    high = min(max(_quantile(ratios, Decimal("0.75")), Decimal(1)), Decimal(3))
    return Pace(min(low, Decimal(1)), high, typical)


def _walk(left: Decimal, typical: Mapping[int, Decimal], factor: Decimal, now: datetime, zone: ZoneInfo) -> Decimal:
    """Days until nothing is left, spending each coming local day what its weekday spends."""
    week = sum(typical.values(), Decimal(0)) * factor
    # Whole weeks are skipped at once: only the last one is walked.
    weeks = max(int(left / week) - 1, 0)
    passed, at = Decimal(7 * weeks), now
    left -= week * weeks
    while passed < _MOST_DAYS:
        local = at.astimezone(zone)
        midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
        length = Decimal(str((midnight - at).total_seconds())) / _DAY
        cost = typical[local.weekday()] * factor * length
        if cost >= left:
            return passed + length * (left / cost)
        left -= cost
        passed += length
        at = midnight
    return _MOST_DAYS


def _quantile(values: Sequence[Decimal], share: Decimal) -> Decimal:
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def marks(now: datetime, timezone: str = "UTC") -> list[datetime]:
    """Where a thin history is looked at: every local midnight and noon of four weeks, every three hours of the last day."""
    midnight = now.astimezone(ZoneInfo(timezone)).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    days = [midnight - timedelta(hours=12 * step) for step in range(HISTORY.days * 2)]
    hours = [now - timedelta(hours=3 * step) for step in range(1, 9)]
    return sorted({*(mark for mark in days if mark <= now), *hours})


# --- questions people ask ----------------------------------------------------------------------------------------------

Verdict = Literal["will", "may", "no", "unknown"]


def ends_before(runway: Runway, now: datetime, moment: datetime) -> Verdict:
    """Whether it is over before `moment`: will (even at the slow end of the range), may, no, unknown."""
    if runway.low_days is None or runway.high_days is None:
        return "no" if runway.why == "not_falling" else "unknown"
    days = Decimal(str((moment - now).total_seconds())) / _DAY
    if runway.high_days < days:
        return "will"
    return "may" if runway.low_days < days else "no"


def next_monday(now: datetime, timezone: str = "UTC", hour: int = 9) -> datetime:
    """The coming Monday's start of work, in UTC."""
    local = now.astimezone(ZoneInfo(timezone))
    monday = local.replace(hour=hour, minute=0, second=0, microsecond=0) + timedelta(days=-local.weekday() % 7)
    return (monday if monday > local else monday + timedelta(days=7)).astimezone(UTC)


def before_monday(runway: Runway, now: datetime, timezone: str = "UTC") -> Verdict:
    """Whether it ends before Monday's first hour in `timezone`."""
    return ends_before(runway, now, next_monday(now, timezone))
