"""What one asking means for a team: blocked, low, how bad, in which order. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from bot.model.engine import Route
from bot.model.money import AccountState, Balance, Kind, Reading, Status

PENDING = "pending"  # reason of an account that has not answered yet, on a board shown early
_LIMITED = frozenset({Kind.KEY_BUDGET, Kind.GROUP_QUOTA, Kind.WINDOW_QUOTA})
_TENTH = Decimal("0.1")


def blocked(balance: Balance) -> bool:
    """Calls stop now: the provider says so, or one figure alone stops them (a used-up key budget does, whatever the
    account holds)."""
    return balance.usable is False or any(reading.blocks for reading in balance.readings)


def thresholds(routes: Iterable[Route]) -> Mapping[str, Decimal]:
    """warn_below over all routes of an account: the highest wins, so the most careful engine is heard."""
    found: dict[str, Decimal] = {}
    for route in routes:
        for currency, figure in route.warn_below.items():
            found[currency] = max(figure, found.get(currency, figure))
    return found


def level(balance: Balance, warn_below: Mapping[str, Decimal]) -> int:
    """0 fine, 1 below the threshold, 2 below a third of it or blocked.

    Without a threshold for its unit a quota with a known limit counts as low under a tenth. A wallet that is empty beside
    a funded one of another currency is no alarm.
    """
    if blocked(balance):
        return 2
    worst = 0
    funded = any(_is_wallet(r) and r.amount is not None and r.amount > 0 for r in balance.readings)
    for reading in balance.readings:
        left = reading.amount
        if left is None or reading.unlimited or reading.kind in {Kind.SPEND, Kind.HEALTH}:
            continue
        if _is_wallet(reading) and left <= 0 and funded:
            continue
        threshold = warn_below.get(reading.currency or "")
        if threshold is not None:
            worst = max(worst, 2 if left * 3 < threshold else 1 if left < threshold else 0)
        elif reading.kind in _LIMITED and reading.limit and left < reading.limit * _TENTH:
            worst = max(worst, 1)
    return worst


def _is_wallet(reading: Reading) -> bool:
    return reading.kind is Kind.ACCOUNT_MONEY


def rank(state: AccountState) -> tuple[int, int]:
    """Worst first: blocked, nearly empty, low, not checked, fine, not published, still asking."""
    if state.reason == PENDING:
        place = 6
    elif state.blocked:
        place = 0
    elif state.level == 2:
        place = 1
    elif state.level == 1:
        place = 2
    elif state.status is Status.COULD_NOT_CHECK:
        place = 3
    elif state.status is Status.OK:
        place = 4
    else:
        place = 5
    return place, -len(state.engines)


def order(states: Iterable[AccountState]) -> tuple[AccountState, ...]:
    """The worst first; the team file's order between equals."""
    return tuple(sorted(states, key=rank))  # stable: the team file's order decides between equals
