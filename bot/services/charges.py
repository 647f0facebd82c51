"""What the readings show around a task, and whether a payment arrived. Evidence only: nobody's verdict, no promise."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final
from zoneinfo import ZoneInfo

from bot.errors import QuotadeskError
from bot.model.money import Kind, Reading
from bot.model.values import dataclass
from bot.ports import Clock, Sighting, Store, StoredReading
from bot.services import runway
from bot.services.balances import Balances

_BACK: Final = timedelta(days=30)
_NEAR: Final = timedelta(hours=12)  # a reading further away says nothing about the moment
_WIDE: Final = timedelta(hours=1)
_BEFORE_PAYING: Final = timedelta(minutes=30)
_FIT: Final = (Decimal("0.85"), Decimal("1.01"))  # of the amount paid: spending takes off, fees too
_MOVING: Final = frozenset({Kind.ACCOUNT_MONEY, Kind.KEY_BUDGET, Kind.GROUP_QUOTA, Kind.WINDOW_QUOTA})

_CLOCK = re.compile(r"(?:(\d{4})[-/.年])?(?:(\d{1,2})[-/.月](\d{1,2})日?)?[T ]*(\d{1,2})[:：](\d{2})(?::\d{2})?\Z")
_DAYS: Final[Mapping[str, int]] = {"yesterday": 1, "昨天": 1, "today": 0, "今天": 0, "前天": 2}


# --- what people type ------------------------------------------------------------------------------------------------------


def moment(text: str, now: datetime, timezone: str) -> datetime | None:
    """`10:12`, `昨天 18:05`, `2026-11-21 18:05`, `11-21 18:05`, ISO 8601 with an offset; None for anything else.

    A time without a day is the last such time that is over; a local hour that daylight saving repeats is its first.
    """
    text = text.strip()
    if "T" in text and len(text) > 16:
        try:
            given = datetime.fromisoformat(text.replace("Z", "+00:00"))
        except ValueError:
            given = None
        if given is not None and given.tzinfo is not None:
            return given.astimezone(UTC)
    zone = ZoneInfo(timezone)
    local = now.astimezone(zone)
    word, _, rest = text.partition(" ")
    days = _DAYS.get(word.lower())
    found = _CLOCK.match(rest.strip() if days is not None else text)
    if found is None:
        return None
    year, month, day, hour, minute = (int(part) if part else None for part in found.groups())
    try:
        at = local.replace(hour=hour or 0, minute=minute or 0, second=0, microsecond=0, fold=0)
        if month and day:
            at = at.replace(year=year or local.year, month=month, day=day)
            if not year and at > local:
                at = at.replace(year=local.year - 1)
        elif year:
            return None
        elif days is not None:
            at -= timedelta(days=days)
        elif at > local:
            at -= timedelta(days=1)
    except ValueError:
        return None
    return at.astimezone(UTC)


def amount_of(text: str) -> Decimal | None:
    """`50`, `1,200.50`; None for what is no sensible amount."""
    try:
        value = Decimal(text.replace(",", "").replace("，", ""))
    except InvalidOperation:
        return None
    return value if value.is_finite() and 0 < value < Decimal("1e9") else None


# --- around a moment -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Move:
    """One figure on both sides of the moment. `change` below zero: it fell. A side that is unknown is None."""

    account: str
    kind: Kind
    currency: str
    before: tuple[datetime, Decimal] | None
    after: tuple[datetime, Decimal] | None
    of_task: bool = False

    @property
    def change(self) -> Decimal | None:
        return None if self.before is None or self.after is None else self.after[1] - self.before[1]

    @property
    def wide(self) -> timedelta | None:
        """How far apart the readings are, where that is far."""
        if self.before is None or self.after is None or self.after[0] - self.before[0] <= _WIDE:
            return None
        return self.after[0] - self.before[0]


@dataclass(frozen=True, slots=True)
class Around:
    """What moved around a moment: money by account, and the errors that were seen. `at` is UTC."""

    at: datetime
    moves: tuple[Move, ...]
    silent: tuple[str, ...]  # accounts without a reading near
    seen: tuple[Sighting, ...]  # oldest first
    repeats: tuple[tuple[str, int], ...]  # ids seen more than once
    task: str | None = None  # the id that was asked for


class NoSuchTask(QuotadeskError):
    """The id was never seen; `id` is clean text."""

    def __init__(self, id: str) -> None:
        super().__init__("no such task", id=id)
        self.id = id


class Charges:
    """What a moment, a task or a payment did to the accounts, told from kept readings."""

    def __init__(self, balances: Balances, store: Store, clock: Clock) -> None:
        self._balances, self._store, self._clock = balances, store, clock

    async def around(self, what: str, timezone: str) -> Around:
        """`what` is a time of the asker's zone, or a task or request id. Raises NoSuchTask."""
        now = self._clock.now()
        at = moment(what, now, timezone)
        task, accounts = None, set[str]()
        if at is None:
            known = await self._of_task(what.strip())
            if not known:
                raise NoSuchTask(what.strip()[:80])
            at, task = known[-1].at, what.strip()
            accounts = {s.account for s in known if s.account}
        if now - at < _NEAR:
            async for _ in self._balances.ask():  # the other side of a fresh moment is now
                pass
            now = self._clock.now()
        moves: list[Move] = []
        silent: list[str] = []
        for account in self._balances.accounts():
            history = await self._store.history(account.name, at - _NEAR)
            found = moves_of(account.name, history, at, bool(accounts & {account.name, *account.routes}))
            moves += found
            if not found:
                silent.append(account.name)
        moves.sort(key=lambda m: (not m.of_task, m.change is None, m.change or Decimal(0)))
        span = _span(moves, at)
        seen = [s for s in await self._store.sightings(span[0]) if s.at <= span[1]]
        if task is not None:
            seen += [s for s in await self._of_task(task) if s.id not in {other.id for other in seen}]
        seen.sort(key=lambda s: s.at)
        return Around(at, tuple(moves), tuple(silent), tuple(seen), repeats_of(seen), task)

    async def _of_task(self, id: str) -> list[Sighting]:
        """Newest first: by request id, else by a task id inside the diagnosis."""
        since = self._clock.now() - _BACK
        found = await self._store.sightings(since, request_id=id)
        if found or len(id) < 4:
            return found
        return [s for s in await self._store.sightings(since) if s.payload.get("task_id") == id]

    async def top_up(self, amount: Decimal, currency: str, paid_at: datetime) -> TopUp:
        """Every rise since shortly before the payment, on the accounts kept in that currency."""
        async for _ in self._balances.ask(fresh=True):
            pass
        rises: list[Arrival] = []
        looked: list[str] = []
        unseen: list[str] = []
        for account in self._balances.accounts():
            history = await self._store.history(account.name, paid_at - _BEFORE_PAYING - _NEAR)
            lines = {s: line for s, line in runway.points(history).items() if s[1] == currency}
            if not history:
                unseen.append(account.name)
                continue
            if not lines:
                continue  # kept in another currency
            # Without a reading on each side of the payment a missing rise shows nothing.
            sides = [(line[0].at <= paid_at, line[-1].at > paid_at) for line in lines.values()]
            (looked if (True, True) in sides else unseen).append(account.name)
            for series, line in lines.items():
                rises += _arrivals(account.name, series[0], line, amount, paid_at - _BEFORE_PAYING)
        rises.sort(key=lambda r: (not r.fits, abs(r.gained - amount)))
        return TopUp(amount, currency, paid_at, tuple(rises), tuple(looked), tuple(unseen))


def _side(reading: Reading, at: datetime) -> tuple[datetime, Decimal]:
    assert reading.amount is not None
    return at, reading.amount


def moves_of(account: str, history: Sequence[StoredReading], at: datetime, of_task: bool) -> list[Move]:
    """The last reading at or before the moment and the first after it, line by line."""
    before: dict[runway.Series, tuple[datetime, Decimal]] = {}
    after: dict[runway.Series, tuple[datetime, Decimal]] = {}
    for entry in history:
        series = runway.series_of(entry.reading)
        if series is None or series[0] not in _MOVING or abs(entry.at - at) > _NEAR:
            continue
        if entry.at <= at:
            before[series] = _side(entry.reading, entry.at)
        else:
            after.setdefault(series, _side(entry.reading, entry.at))
    lines = dict.fromkeys([*before, *after])
    return [Move(account, s[0], s[1], before.get(s), after.get(s), of_task) for s in lines]


def _span(moves: Sequence[Move], at: datetime) -> tuple[datetime, datetime]:
    """From the earliest to the latest reading that is shown, and ten minutes at least."""
    sides = [side[0] for move in moves if move.change is not None for side in (move.before, move.after) if side]
    edge = timedelta(minutes=10)
    near = [side for side in sides if abs(side - at) <= _WIDE]
    return min([at - edge, *near]), max([at + edge, *near])


def repeats_of(seen: Sequence[Sighting]) -> tuple[tuple[str, int], ...]:
    """(request or task id, how often), the most frequent first."""
    ids = Counter(str(s.request_id or s.payload.get("task_id") or "") for s in seen)
    return tuple((id, count) for id, count in ids.most_common() if id and count > 1)


# --- a payment -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Arrival:
    """Money that came between two readings, `start` and `end` (UTC), in the currency that was asked about; `fits`: as much as that."""

    account: str
    kind: Kind
    start: datetime
    end: datetime
    gained: Decimal
    fits: bool


@dataclass(frozen=True, slots=True)
class TopUp:
    """`looked`: accounts kept in that currency with readings on both sides of the payment. `unseen`: accounts that told
    nothing, or not on both sides, so the money may be there."""

    amount: Decimal
    currency: str
    paid_at: datetime
    rises: tuple[Arrival, ...]
    looked: tuple[str, ...]
    unseen: tuple[str, ...]


def _arrivals(
    account: str, kind: Kind, line: Sequence[runway.Point], amount: Decimal, since: datetime
) -> list[Arrival]:
    found = []
    for before, after in zip(line, line[1:], strict=False):
        gained = after.left - before.left
        if after.at < since or gained <= 0:
            continue
        low, high = _FIT
        found.append(Arrival(account, kind, before.at, after.at, gained, amount * low <= gained <= amount * high))
    return found
