"""The week in figures: what each account spent, what arrived, how long the rest lasts. Currencies are never added up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from bot.model.alert import WeekReport, WeekRow
from bot.model.money import AccountState, Kind
from bot.model.team import Team
from bot.ports import Clock, Store, StoredReading
from bot.services import runway
from bot.services.balances import Account
from bot.services.risks import middle

_FACT: Final = "watch:report"
_NEWS_FOR: Final = timedelta(hours=24)
_TOLD = frozenset({Kind.ACCOUNT_MONEY, Kind.KEY_BUDGET})


class Looks(Protocol):
    """The part of Balances that the watch and its report need."""

    def accounts(self) -> tuple[Account, ...]:
        """Each once, however many routes share it."""

    async def check_all(self, names: Sequence[str], at_once: int = 16) -> Mapping[str, AccountState]:
        """By account name. A provider's fault is a state; raises nothing of its own."""


def this_monday(now: datetime, timezone: str, hour: int = 9) -> datetime:
    """This week's report hour, in UTC; it may still be to come."""
    local = now.astimezone(ZoneInfo(timezone))
    monday = (local - timedelta(days=local.weekday())).replace(hour=hour, minute=0, second=0, microsecond=0)
    return monday.astimezone(UTC)


class Weekly:
    """The report of Monday morning, once for each support chat."""

    def __init__(self, team: Team, balances: Looks, store: Store, clock: Clock) -> None:
        self._team, self._balances, self._store, self._clock = team, balances, store, clock

    async def owed(self, places: Sequence[str], now: datetime) -> tuple[str, ...]:
        """Places that still wait for this week's report; none before its hour and a day after."""
        due = this_monday(now, self._team.timezone)
        if not due <= now < due + _NEWS_FOR:
            return ()
        sent = await self._sent(due)
        return tuple(place for place in places if place not in sent)

    async def _sent(self, due: datetime) -> list[str]:
        kept: Any = await self._store.get_fact(_FACT)
        return list(kept["places"]) if isinstance(kept, Mapping) and kept.get("week") == due.isoformat() else []

    async def sent(self, place: str, now: datetime) -> None:
        """This place has this week's."""
        due = this_monday(now, self._team.timezone)
        value = {"week": due.isoformat(), "places": [*await self._sent(due), place]}
        await self._store.set_fact(_FACT, value, now)

    async def make(self, now: datetime, alerts: Mapping[str, int] | None = None) -> WeekReport:
        """The seven days before `now`, from the readings; runway from what was last asked."""
        rows: list[WeekRow] = []
        unseen: list[str] = []
        week = timedelta(days=7)
        accounts = self._balances.accounts()
        asked = await self._balances.check_all([account.name for account in accounts])
        for account in accounts:
            state = asked[account.name]
            history = await self._store.history(account.name, now - 2 * week)
            lines = lines_of(history)
            if not lines:
                unseen.append(account.name)
                continue
            monday = runway.next_monday(now, self._team.timezone) - now
            days = middle(state.runway)
            short = days is not None and days < Decimal(str(monday.total_seconds())) / 86400
            for currency, line in lines.items():
                spent, arrived = moved(line, now - week, now)
                before, _ = moved(line, now - 2 * week, now - week)
                rows.append(
                    WeekRow(
                        account.name,
                        account.engines,
                        currency,
                        line[-1].left,
                        spent,
                        before,
                        arrived or Decimal(0),
                        state.runway,
                        (alerts or {}).get(account.name, 0),
                        short,
                        line[0].at if line[0].at > now - week + timedelta(hours=6) else None,
                        tuple((point.at, point.left) for point in runway.thin([p for p in line if p.at >= now - week])),
                    )
                )
        rows.sort(key=lambda row: (row.runway.low_days is None, row.runway.low_days or Decimal(0)))
        return WeekReport(now - week, now, tuple(rows), tuple(unseen))


def lines_of(history: Sequence[StoredReading]) -> dict[str, list[runway.Point]]:
    """One line for each currency of an account: its money where that is known, else the key's budget."""
    found: dict[str, list[runway.Point]] = {}
    for (kind, currency, _), line in sorted(runway.points(history).items(), key=lambda item: item[0][0].value):
        if kind in _TOLD and line:
            found.setdefault(currency, line)  # "account_money" sorts before "key_budget"
    return found


def moved(line: Sequence[runway.Point], start: datetime, end: datetime) -> tuple[Decimal | None, Decimal | None]:
    """(spent, arrived) between two moments; None with fewer than two readings there."""
    inside = [p for p in line if start <= p.at <= end]
    if len(inside) < 2:
        return None, None
    spent = arrived = Decimal(0)
    for before, after in zip(inside, inside[1:], strict=False):
        change = after.left - before.left
        if change < 0:
            spent -= change
        else:
            arrived += change
    return spent, arrived
