"""How fast money goes: what each figure fell, hour by hour, and whether that is far more than usual. Pure, no memory of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from bot.model.money import Kind, Reading
from bot.model.values import dataclass
from bot.ports import StoredReading
from bot.services import runway

_JUMP, _CALM = 4, 2  # times the busiest usual hour
_WORTH = Decimal("0.03")  # of what was left: a jump of pennies is no news
_HOURS_NEEDED = 24
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Pace:
    """What one figure fell in the last hour, and in a busy usual hour (90 % are quieter). In `currency`."""

    currency: str
    spent: Decimal
    typical: Decimal
    left: Decimal

    @property
    def jumps(self) -> bool:
        """Far more than usual, and enough money to speak of."""
        return (
            self.spent > 0 and self.spent >= _JUMP * self.typical and self.spent >= _WORTH * abs(self.left + self.spent)
        )

    @property
    def calm(self) -> bool:
        """Near enough to the usual to end an alert."""
        return self.spent < _CALM * self.typical or self.spent == 0


def line_name(reading: Reading) -> str | None:
    """A key for one line of figures in JSON; None for what cannot run out."""
    series = runway.series_of(reading)
    return f"{series[0].value}|{series[1]}|{series[2]}" if series else None


class SpendBook:
    """What one figure fell, hour by hour over a week. Grown by looks, so that nobody walks the history again."""

    def __init__(self, currency: str) -> None:
        self._currency = currency
        self._hours: dict[int, tuple[Decimal, int]] = {}  # hour -> spent, seconds covered
        self._recent: list[tuple[datetime, Decimal, int]] = []  # at, fell, seconds
        self._last: tuple[datetime, Decimal] | None = None

    def add(self, at: datetime, left: Decimal) -> None:
        """In order of time; a rise and a long gap teach nothing."""
        last, self._last = self._last, (at, left)
        if last is None or at <= last[0]:
            return
        seconds = int((at - last[0]).total_seconds())
        if seconds > 7200 or left > last[1]:
            return
        fell, hour = last[1] - left, int(at.timestamp()) // 3600
        spent, covered = self._hours.get(hour, (_ZERO, 0))
        self._hours[hour] = (spent + fell, covered + seconds)
        self._recent = [entry for entry in self._recent if at - entry[0] < timedelta(hours=1)] + [(at, fell, seconds)]
        if len(self._hours) > 200:
            self._hours = {h: v for h, v in self._hours.items() if h > hour - 168}

    def pace(self, now: datetime) -> Pace | None:
        """None where a usual hour is not known yet, or the last hour was not watched."""
        if self._last is None:
            return None
        recent = [entry for entry in self._recent if now - entry[0] < timedelta(hours=1)]
        if sum(entry[2] for entry in recent) < 1200:
            return None
        this = int(now.timestamp()) // 3600
        usual = [s * 3600 / c for h, (s, c) in self._hours.items() if this - 168 <= h <= this - 3 and c >= 1200]
        if len(usual) < _HOURS_NEEDED:
            return None
        usual.sort()
        typical = max(usual[int(len(usual) * 9 / 10)], sum(usual, _ZERO) / len(usual))
        spent = sum((entry[1] for entry in recent), _ZERO)
        return Pace(self._currency, spent, typical, self._last[1])


def books(stored: Iterable[StoredReading]) -> dict[str, SpendBook]:
    """One book for each line of money, from history (oldest first)."""
    made: dict[str, SpendBook] = {}
    for entry in stored:
        enter(made, entry.at, (entry.reading,))
    return made


def enter(made: dict[str, SpendBook], at: datetime, readings: Iterable[Reading]) -> None:
    """Adds one asking to the books by line; spend counts downwards."""
    for reading in readings:
        name = line_name(reading)
        if reading.kind is Kind.SPEND and reading.amount is not None:
            # What was spent grows where money falls; a new month is a rise of the money, and teaches nothing.
            made.setdefault(f"spend|{reading.label}", SpendBook(reading.currency or "")).add(at, -reading.amount)
        elif name and reading.amount is not None and reading.kind in (Kind.ACCOUNT_MONEY, Kind.KEY_BUDGET):
            made.setdefault(name, SpendBook(reading.currency or "")).add(at, reading.amount)


def wildest(made: Mapping[str, SpendBook], now: datetime) -> Pace | None:
    """The pace that is furthest over its usual; None where none is known."""
    paces = [pace for book in made.values() if (pace := book.pace(now)) is not None]
    return max(paces, key=lambda p: (p.jumps, p.spent / p.typical if p.typical else p.spent), default=None)
