"""The last fortnight of an account's figures, as a chart or a line of text needs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.model.money import AccountState, Kind, Runway
from bot.ports import Clock, Store
from bot.services import runway
from bot.services.balances import Balances

WINDOW: Final = timedelta(days=14)
_ORDER: Final = (Kind.ACCOUNT_MONEY, Kind.KEY_BUDGET, Kind.GROUP_QUOTA, Kind.WINDOW_QUOTA)


@dataclass(frozen=True, slots=True)
class Rise:
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
        lines = runway.points(history)
        for kind in _ORDER:
            mine = {series: line for series, line in lines.items() if series[0] is kind}
            if not mine:
                continue
            # A wallet of another currency that stands empty beside the funded one is not the account's story.
            series, line = max(mine.items(), key=lambda item: (item[1][-1].left > 0, len(item[1])))
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
            break
    return tuple(sorted(found, key=lambda t: (t.runway.low_days is None, t.runway.low_days or Decimal(0))))


def rises_of(line: Sequence[runway.Point], least: Decimal = Decimal(1)) -> tuple[Rise, ...]:
    """Each time the figure went up by more than small change."""
    return tuple(
        Rise(after.at, after.left - before.left)
        for before, after in zip(line, line[1:], strict=False)
        if after.left - before.left >= max(least, before.left / 20)
    )
