"""A route's breaker: when it is out, why, until when, and what proves it well again. Pure; kept in the store by `fallback`.

Money stops a route until a balance proves recovery; a window quota until its reset; a rate limit for as long as was asked, else
doubling; a zero limit or a refused key until a person acts; faults of server and network only after several in a short time.
What is the request's own fault never counts against the route.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from bot.model.diagnosis import Cause
from bot.model.values import dataclass

Needs = Literal["", "balance", "reset", "time", "person"]

FAILURES: Final = 3
WINDOW: Final = timedelta(minutes=5)
FIRST_WAIT: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(minutes=30)
SHORT: Final = timedelta(minutes=2)  # a cool-down up to this long is waited out, not switched away from
A_DAY: Final = timedelta(days=1)  # the longest window of a free tier; after it a quota without a date is tried again
FORGOTTEN: Final = timedelta(hours=1)  # a clean hour, and doubling begins anew

_MONEY: Final = frozenset({Cause.BALANCE_EXHAUSTED, Cause.KEY_LIMIT, Cause.GROUP_LIMIT})
_PERSON: Final = frozenset(
    {
        Cause.FREE_TIER_ZERO_LIMIT,
        Cause.AUTH_INVALID,
        Cause.ACCOUNT_SUSPENDED,
        Cause.PERMISSION_DENIED,
        Cause.BILLING_INACTIVE,
        Cause.MODEL_NOT_FOUND,
    }
)
_PACE: Final = frozenset({Cause.RATE_LIMITED, Cause.OVERLOADED})
_COUNTED: Final = frozenset({Cause.SERVER_ERROR, Cause.UPSTREAM_ERROR, Cause.NETWORK, Cause.NO_CHANNEL})


@dataclass(frozen=True, slots=True)
class Breaker:
    """`needs` "" is closed. `until` is when to try again (time), or when to look whether it is well (reset, balance)."""

    route: str
    needs: Needs = ""
    cause: str = ""
    since: datetime | None = None
    until: datetime | None = None
    openings: int = 0  # in a row, for doubling
    recent: tuple[datetime, ...] = ()  # counted failures within the window
    last: datetime | None = None
    told: tuple[str, ...] = ()  # engines whose people have heard of it
    dated: bool = False  # `until` is the reset that the provider named

    def open(self, now: datetime) -> bool:
        if self.needs in ("balance", "person", "reset"):
            return True
        return self.needs == "time" and self.until is not None and now < self.until

    def worth_leaving(self, now: datetime) -> bool:
        """Whether work should go elsewhere meanwhile."""
        if self.needs == "time":
            return self.until is not None and self.until - now > SHORT
        return self.open(now)


def after_failure(
    before: Breaker,
    cause: Cause,
    now: datetime,
    *,
    retry_after_s: float | None = None,
    resets_at: datetime | None = None,
) -> Breaker:
    """The breaker after one observed failure. A worse reason replaces a milder one, never the other way round."""
    if cause in _MONEY:
        return _opened(before, "balance", cause, now, None)
    if cause in _PERSON:
        return _opened(before, "person", cause, now, None)
    if cause is Cause.QUOTA_EXHAUSTED:
        return _opened(before, "reset", cause, now, resets_at)
    if before.needs in ("balance", "person", "reset"):
        return before
    count = before.openings if before.last is not None and now - before.last < FORGOTTEN else 0
    if cause in _PACE:
        if before.open(now) and retry_after_s is None:
            return before
        doubled = min(FIRST_WAIT * 2 ** min(count, 10), LONGEST_WAIT)
        # What the provider asks for is believed up to a day; beyond that it is a date, not a wait.
        wait = timedelta(seconds=min(max(retry_after_s, 1.0), 86_400.0)) if retry_after_s is not None else doubled
        return replace(_opened(before, "time", cause, now, now + wait), openings=count + 1)
    if cause in _COUNTED:
        recent = (*(at for at in before.recent if now - at < WINDOW), now)
        if len(recent) < FAILURES or before.open(now):
            return replace(before, recent=recent[-FAILURES:], last=now)
        wait = min(WINDOW * 2 ** min(count, 10), LONGEST_WAIT)
        return replace(_opened(before, "time", cause, now, now + wait), openings=count + 1)
    return before


def _opened(before: Breaker, needs: Needs, cause: Cause, now: datetime, until: datetime | None) -> Breaker:
    same = before.needs == needs and before.cause == cause.value and before.open(now)
    return Breaker(
        before.route,
        needs,
        cause.value,
        before.since if same else now,
        until if until is not None or not same else before.until,
        before.openings,
        (),
        now,
        told=before.told if same else (),
        dated=until is not None or (same and before.dated),
    )


def closed(before: Breaker) -> Breaker:
    """Everything forgotten but the route's name."""
    return Breaker(before.route)


def to_json(breaker: Breaker) -> dict[str, Any] | None:
    """None where there is nothing to remember."""
    if breaker == Breaker(breaker.route):
        return None
    return {
        "needs": breaker.needs,
        "cause": breaker.cause,
        "since": breaker.since.isoformat() if breaker.since else None,
        "until": breaker.until.isoformat() if breaker.until else None,
        "openings": breaker.openings,
        "recent": [at.isoformat() for at in breaker.recent],
        "last": breaker.last.isoformat() if breaker.last else None,
        "told": list(breaker.told),
        "dated": breaker.dated,
    }


def from_json(route: str, value: Mapping[str, Any] | None) -> Breaker:
    """A closed one where nothing was kept."""
    if not value:
        return Breaker(route)

    def when(name: str) -> datetime | None:
        return datetime.fromisoformat(value[name]) if value.get(name) else None

    return Breaker(
        route,
        value.get("needs", ""),
        value.get("cause", ""),
        when("since"),
        when("until"),
        int(value.get("openings", 0)),
        tuple(datetime.fromisoformat(at) for at in value.get("recent", ())),
        when("last"),
        tuple(told) if isinstance(told := value.get("told"), list) else (),
        bool(value.get("dated", False)),
    )
