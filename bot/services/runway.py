"""How long the money lasts, from readings. Pure: a range of days, or the ground that is missing.

Consumption is what a figure fell between two readings. Where it rose (a top-up, a reset) the whole interval is left out,
because what was spent inside it is not known. Rates are medians and quartiles over blocks of time, so one wild afternoon
does not decide; with two weeks of data the days of the week are told apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from bot.model.money import Kind, Reading, Runway
from bot.ports import StoredReading

HISTORY = timedelta(days=28)
_FALLING = frozenset({Kind.ACCOUNT_MONEY, Kind.KEY_BUDGET, Kind.GROUP_QUOTA, Kind.WINDOW_QUOTA})
_MOST_DAYS = Decimal(999)
_DAY = Decimal(86400)

Series = tuple[Kind, str, str]  # kind, currency, label


@dataclass(frozen=True, slots=True)
class Point:
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


def estimate(
    current: Sequence[Reading], history: Mapping[Series, Sequence[Point]], now: datetime, timezone: str = "UTC"
) -> Runway:
    """The soonest end among the figures that can end. A window counts only if it ends before its reset.

    Wallets that are empty beside a funded one are left out; what the account can still spend is the question.
    """
    funded = [r for r in current if (series_of(r) is not None and r.amount is not None and r.amount > 0)]
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
        runway = one(reading.amount, history.get(series, ()), now, timezone)
        if runway.low_days is None or runway.high_days is None:
            whys.add(runway.why)
            continue
        if reading.kind is Kind.WINDOW_QUOTA:
            if reading.resets_at is None:
                continue
            until = Decimal(str(max((reading.resets_at - now).total_seconds(), 0))) / _DAY
            if runway.low_days >= until:
                continue
        found.append(runway)
    if not found:
        return Runway(why="not_falling" if whys == {"not_falling"} else "too_little_data")
    if len(wallets) > 1 and len(found) == len(wallets):
        # Several currencies: the account lasts as long as the last of its wallets.
        return max(found, key=lambda r: r.low_days or Decimal(0))
    return min(found, key=lambda r: r.low_days or Decimal(0))


def one(left: Decimal, line: Sequence[Point], now: datetime, timezone: str = "UTC") -> Runway:
    """One figure's days left."""
    recent = [p for p in line if now - HISTORY <= p.at <= now]
    falls = _falls(recent)
    covered = sum((fall.seconds for fall in falls), Decimal(0))
    if len(falls) < 3 or covered < 7200:
        return Runway(why="too_little_data")
    if sum((fall.spent for fall in falls), Decimal(0)) == 0:
        return Runway(why="not_falling")
    zone = ZoneInfo(timezone)
    weekly = _weekdays(falls, zone)
    if weekly is not None:
        by_weekday, spread = weekly
        days = [_walk(left, by_weekday, factor, now, zone) for factor in spread]
    else:
        low_rate, high_rate = _rates(falls, now)
        days = [left / high_rate * _PER_DAY, left / low_rate * _PER_DAY] if low_rate > 0 else []
    if not days:
        return Runway(why="not_falling")
    return Runway(_rounded(min(days)), _rounded(max(days)))


_PER_DAY = Decimal(1)


def _rounded(days: Decimal) -> Decimal:
    return min(days, _MOST_DAYS).quantize(Decimal("0.1"))


def _falls(line: Sequence[Point]) -> list[_Fall]:
    falls = []
    for before, after in zip(line, line[1:], strict=False):
        seconds = Decimal(str((after.at - before.at).total_seconds()))
        if seconds > 0 and after.left <= before.left:
            falls.append(_Fall(before.at, seconds, before.left - after.left))
    return falls


def _spread_over(falls: Sequence[_Fall], start: datetime, length: Decimal) -> tuple[Decimal, Decimal]:
    """(seconds covered, spent) inside a block; a fall across the border is shared by time."""
    seconds = spent = Decimal(0)
    for fall in falls:
        offset = Decimal(str((fall.start - start).total_seconds()))
        overlap = min(offset + fall.seconds, length) - max(offset, Decimal(0))
        if overlap > 0:
            seconds += overlap
            spent += fall.spent * overlap / fall.seconds
    return seconds, spent


def _rates(falls: Sequence[_Fall], now: datetime) -> tuple[Decimal, Decimal]:
    """Low and high spend per day: quartiles over the last days, or over parts of a shorter history."""
    first, last = falls[0].start, falls[-1].start + timedelta(seconds=float(falls[-1].seconds))
    span = Decimal(str((last - first).total_seconds()))
    length = _DAY if span >= 3 * _DAY else max(span / 6, Decimal(1800))
    count = min(int(span / length), 10)
    rates = []
    for index in range(count):
        start = last - timedelta(seconds=float(length * (index + 1)))
        seconds, spent = _spread_over(falls, start, length)
        if seconds * 2 >= length:
            rates.append(spent / seconds * _DAY)
    covered = sum((fall.seconds for fall in falls), Decimal(0))
    mean = sum((fall.spent for fall in falls), Decimal(0)) / covered * _DAY
    if len(rates) < 3:
        return mean / 2, mean * 2
    middle = _quantile(rates, Decimal("0.5"))
    low, high = _quantile(rates, Decimal("0.25")), _quantile(rates, Decimal("0.75"))
    if middle == 0:
        # Bursts with long pauses: no block is typical, only the mean says anything.
        return mean / 2, mean * 2
    low = max(low, middle / 2)
    return low, max(high, middle)


def _weekdays(falls: Sequence[_Fall], zone: ZoneInfo) -> tuple[Mapping[int, Decimal], tuple[Decimal, Decimal]] | None:
    """Typical spend by local weekday, and how far real days were from it. None with less than two weeks of whole days."""
    first = falls[0].start.astimezone(zone)
    last = (falls[-1].start + timedelta(seconds=float(falls[-1].seconds))).astimezone(zone)
    day = (first + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    spent_on: dict[int, list[Decimal]] = {}
    while day + timedelta(days=1) <= last:
        start = day.astimezone(UTC)
        length = Decimal(str(((day + timedelta(days=1)).astimezone(UTC) - start).total_seconds()))
        seconds, spent = _spread_over(falls, start, length)
        if seconds * 2 >= length:
            spent_on.setdefault(day.weekday(), []).append(spent / seconds * _DAY)
        day += timedelta(days=1)
    if len(spent_on) < 7 or min(len(days) for days in spent_on.values()) < 2:
        return None
    typical = {weekday: _quantile(days, Decimal("0.5")) for weekday, days in spent_on.items()}
    if sum(typical.values(), Decimal(0)) <= 0:
        return None
    ratios = [spent / typical[weekday] for weekday, days in spent_on.items() for spent in days if typical[weekday] > 0]
    low = max(_quantile(ratios, Decimal("0.25")), Decimal("0.5"))
    high = min(max(_quantile(ratios, Decimal("0.75")), Decimal(1)), Decimal(3))
    return typical, (min(low, Decimal(1)), high)


def _walk(left: Decimal, typical: Mapping[int, Decimal], factor: Decimal, now: datetime, zone: ZoneInfo) -> Decimal:
    """Days until nothing is left, spending each coming local day what its weekday spends."""
    passed, at = Decimal(0), now
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
    return ends_before(runway, now, next_monday(now, timezone))
