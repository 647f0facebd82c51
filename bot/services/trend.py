"""The last fortnight of an account's figures, as a chart or a line of text needs them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from bot.model.money import AccountState, Kind, Runway
from bot.model.values import dataclass
from bot.ports import Clock, Store, StoredReading
from bot.services import runway
from bot.services.balances import Balances

WINDOW: Final = timedelta(days=14)
WEEK: Final = timedelta(days=7)
_ORDER: Final = (Kind.ACCOUNT_MONEY, Kind.KEY_BUDGET, Kind.GROUP_QUOTA, Kind.WINDOW_QUOTA)


@dataclass(frozen=True, slots=True)
class Rise:
    """Money that came in, in the line's currency, at a moment in UTC."""

    at: datetime
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Trend:
    """One figure of one account. `points` oldest first, in `unit`; `rises` are top-ups, resets and refunds alike."""

    account: str
    kind: Kind
    unit: str
    points: tuple[tuple[datetime, Decimal], ...]
    rises: tuple[Rise, ...] = ()
    threshold: Decimal | None = None
    runway: Runway = Runway()


async def trends(balances: Balances, store: Store, clock: Clock, names: Sequence[str] = ()) -> tuple[Trend, ...]:
    """The leading figure of each account behind `names`, the soonest end first. Raises UnknownName."""
    accounts = {account.name: account for account in balances.select(names)}
    states: tuple[AccountState, ...] = ()
    async for board in balances.ask(names):
        states = board
    found = []
    now = clock.now()
    for state in states:
        history = await store.history(state.account, now - WINDOW)
        leads = leading(history)
        if leads is not None:
            series, line = leads
            kind = series[0]
            shown = runway.thin(line)
            found.append(
                Trend(
                    state.account,
                    kind,
                    series[1],
                    tuple((point.at, point.left) for point in shown),
                    rises_of(shown),
                    accounts[state.account].warn_below.get(series[1]),
                    state.runway,
                )
            )
    return tuple(sorted(found, key=lambda t: (t.runway.low_days is None, t.runway.low_days or Decimal(0))))


def leading(stored: Sequence[StoredReading]) -> tuple[runway.Series, list[runway.Point]] | None:
    """The line that tells an account's story: its money before a budget or a window. None without any figure."""
    lines = runway.points(stored)
    for kind in _ORDER:
        mine = {series: line for series, line in lines.items() if series[0] is kind}
        if mine:
            # A wallet of another currency that stands empty beside the funded one is not the account's story.
            return max(mine.items(), key=lambda item: (item[1][-1].left > 0, len(item[1])))
    return None


def marks_of_a_week(now: datetime, timezone: str) -> list[datetime]:
    """Where a week's history is looked at: every local midnight, and every three hours between."""
    midnights = _midnights(now, timezone, WEEK.days)
    return sorted({*midnights, *(now - timedelta(hours=3 * step) for step in range(WEEK.days * 8 + 1))})


def _midnights(now: datetime, timezone: str, days: int) -> list[datetime]:
    """The beginnings of the last `days` local days, today's last, in UTC."""
    today = now.astimezone(ZoneInfo(timezone)).replace(hour=0, minute=0, second=0, microsecond=0)
    return [(today - timedelta(days=back)).astimezone(UTC) for back in range(days - 1, -1, -1)]


def daily(line: Sequence[runway.Point], now: datetime, timezone: str, days: int = 7) -> tuple[Decimal | None, ...]:
    """What a figure fell by on each of the last local days, today last. A fall between two readings is spread over the time
    between them; a rise hides what was spent beside it. None where less than half of a day is known."""
    starts = _midnights(now, timezone, days)
    found: list[Decimal | None] = []
    for begin, end in zip(starts, [*starts[1:], now], strict=True):
        used, known = Decimal(0), timedelta(0)
        for before, after in zip(line, line[1:], strict=False):
            shared = min(end, after.at) - max(begin, before.at)
            if shared > timedelta(0) and after.left <= before.left:
                used += (before.left - after.left) * (Decimal(shared / timedelta(seconds=1)) / _seconds(before, after))
                known += shared
        found.append(used if known > timedelta(0) and known * 2 >= end - begin else None)
    return tuple(found)


def _seconds(before: runway.Point, after: runway.Point) -> Decimal:
    return Decimal((after.at - before.at) / timedelta(seconds=1))


def rises_of(line: Sequence[runway.Point], least: Decimal = Decimal(1)) -> tuple[Rise, ...]:
    """Each time the figure went up by more than small change."""
    return tuple(
        Rise(after.at, after.left - before.left)
        for before, after in zip(line, line[1:], strict=False)
        if after.left - before.left >= max(least, before.left / 20)
    )
