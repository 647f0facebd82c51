"""What one look at an account says of its risks. Pure: no memory, no speech; unknown stays out of the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from bot.model.alert import AlertKind
from bot.model.money import AccountState, Balance, Kind, Reading, Runway, Status
from bot.model.values import dataclass
from bot.services import runway, verdict
from bot.services.spending import Pace, line_name

_MARGIN = Decimal("0.87")  # a figure counts as recovered when it is still fine with 13 % taken off
_AMPLE = Decimal("1.5")
_ZERO = Decimal(0)
_KEY_REASONS = frozenset({"http_401", "token_expired", "token_disabled", "expired_key", "disabled_key"})
_NO_KEY_TROUBLE = frozenset({"key_limit", "key_exhausted"})  # about money, whatever their name


@dataclass(frozen=True, slots=True)
class Rise:
    """A figure that went up between two looks. What was spent meanwhile is not in it, so it may be less than was paid in."""

    kind: Kind
    currency: str
    before: Decimal
    after: Decimal

    @property
    def how(self) -> str:
        """topped_up, raised (a key's budget) or reset."""
        return {Kind.ACCOUNT_MONEY: "topped_up", Kind.KEY_BUDGET: "raised"}.get(self.kind, "reset")


@dataclass(frozen=True, slots=True)
class Look:
    """One account as just asked, with what is remembered of it. `before`: the figures of the last good look."""

    state: AccountState
    at: datetime
    warn_below: Mapping[str, Decimal] = field(default_factory=dict)
    before: Mapping[str, Decimal] = field(default_factory=dict)
    pace: Pace | None = None
    timezone: str = "UTC"
    ends_within: timedelta = timedelta(hours=24)
    standby: tuple[str, ...] = ()  # engines that could use the account, and use another now


@dataclass(frozen=True, slots=True)
class Condition:
    """`level` 0: no risk seen. `sure`: with a margin. `how`: what proves that it is over, without a second look."""

    level: int
    sure: bool = False
    how: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def figures(readings: Iterable[Reading]) -> dict[str, Decimal]:
    """Amounts by line; unknown ones are absent, not 0. A line is of one kind and one currency."""
    return {name: r.amount for r in readings if (name := line_name(r)) is not None and r.amount is not None}


def rises(before: Mapping[str, Decimal], readings: Iterable[Reading]) -> tuple[Rise, ...]:
    """Figures that rose by more than small change. A refund looks the same as a payment: the words must allow for it."""
    found = []
    for reading in readings:
        name = line_name(reading)
        former = before.get(name or "")
        if former is None or reading.amount is None or reading.amount <= former:
            continue
        gain = reading.amount - former
        if former <= 0 < reading.amount or gain >= max(Decimal(1), min(former / 20, Decimal(10))):
            found.append(Rise(reading.kind, reading.currency or "", former, reading.amount))
    return tuple(found)


def worst(state: AccountState, warn_below: Mapping[str, Decimal]) -> Reading | None:
    """The figure to name: what blocks, else the one nearest to its threshold, else the account's money."""
    for reading in state.readings:
        if reading.blocks:
            return reading
    known = [r for r in state.readings if r.amount is not None and r.kind is not Kind.SPEND]
    judged = [(r.amount / warn_below[r.currency or ""], i, r) for i, r in enumerate(known) if _judged(r, warn_below)]  # type: ignore[operator]
    if judged:
        return min(judged)[2]
    tight = [(r.amount / r.limit, i, r) for i, r in enumerate(known) if r.limit]  # type: ignore[operator]
    if state.low and tight:
        return min(tight)[2]
    wallets = [r for r in known if r.kind is Kind.ACCOUNT_MONEY]
    return (wallets or known or [None])[0]  # type: ignore[list-item]


def _judged(reading: Reading, warn_below: Mapping[str, Decimal]) -> bool:
    return reading.kind is not Kind.HEALTH and warn_below.get(reading.currency or "", _ZERO) > 0


def facts_of(look: Look) -> dict[str, Any]:
    """What a message needs of the account now, as JSON."""
    state, facts = look.state, dict[str, Any]()
    reading = worst(state, look.warn_below)
    if reading is not None:
        facts |= {
            "figure": reading.kind.value,
            "label": reading.label,
            "amount": _text(reading.amount),
            "currency": reading.currency,
            "limit": _text(reading.limit),
            "resets_at": reading.resets_at.isoformat() if reading.resets_at else None,
            "parts": {name: str(part) for name, part in reading.parts.items() if part},
        }
        money = [r for r in state.readings if r.kind is Kind.ACCOUNT_MONEY and r.amount is not None and r.amount > 0]
        if reading.blocks and reading.kind is not Kind.ACCOUNT_MONEY and money:
            facts |= {"account_amount": _text(money[0].amount), "account_currency": money[0].currency}
    run_ = state.runway
    facts["low_days"], facts["high_days"] = _text(run_.low_days), _text(run_.high_days)
    facts["weekend"] = weekend(run_, look.at, look.timezone)
    facts["top_up_url"] = state.top_up_url
    facts["provider"] = state.provider
    if look.standby:
        facts["standby"] = list(look.standby)
    return facts


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def middle(run_: Runway) -> Decimal | None:
    """Days; None without a range."""
    if run_.low_days is None or run_.high_days is None:
        return None
    return (run_.low_days + run_.high_days) / 2


def weekend(run_: Runway, now: datetime, timezone: str) -> bool:
    """From Thursday on: whether it is likely over before Monday's work begins."""
    days = middle(run_)
    if days is None or now.astimezone(ZoneInfo(timezone)).weekday() < 3:
        return False
    left = Decimal(str((runway.next_monday(now, timezone) - now).total_seconds())) / 86400
    return days < left


def assess(look: Look) -> dict[AlertKind, Condition]:
    """Kinds of which this look says nothing are absent: they neither begin nor end by it."""
    state = look.state
    if state.reason == verdict.PENDING:
        return {}
    refused = state.note == "key_refused" or (state.status is Status.COULD_NOT_CHECK and _of_key(state.reason))
    facts = facts_of(look)
    why = {"reason": state.reason, "reason_facts": {k: str(v) for k, v in state.reason_facts.items()}}
    found: dict[AlertKind, Condition] = {}
    if refused:
        found[AlertKind.KEY] = Condition(2, facts={**facts, **why})
        found[AlertKind.REACH] = Condition(0, True, "answered")
        return found
    if state.status is Status.COULD_NOT_CHECK:
        return {AlertKind.REACH: Condition(1, facts={**facts, **why, **_last(state)})}
    found[AlertKind.REACH] = found[AlertKind.KEY] = Condition(0, True, "answered", facts)
    if state.status is not Status.OK:
        return found
    if _only_unhealthy(state):
        # A local model that is down is no empty wallet.
        found[AlertKind.REACH] = Condition(1, facts={**facts, "reason": "unhealthy"})
        return found
    gained = rises(look.before, state.readings)
    how = gained[0].how if gained else ""
    if gained:
        facts |= risen(gained[0], look.at)
    if figures(state.readings) or state.blocked:
        level = 3 if state.blocked else state.level
        found[AlertKind.MONEY] = Condition(level, level == 0 and _clearly_fine(look), how, facts)
    if not state.blocked and (ends := _ends(look, how, facts)) is not None:
        found[AlertKind.RUNWAY] = ends
    if look.pace is not None:
        more = {"spent": _text(look.pace.spent), "typical": _text(look.pace.typical), "spent_in": look.pace.currency}
        found[AlertKind.JUMP] = Condition(int(look.pace.jumps), look.pace.calm, "", {**facts, **more})
    for rise in gained:
        if rise.kind in (Kind.ACCOUNT_MONEY, Kind.KEY_BUDGET):
            found[AlertKind.TOPUP] = Condition(1, facts={**facts, **risen(rise, look.at)})
            break
    return found


def _only_unhealthy(state: AccountState) -> bool:
    blocking = {reading.kind for reading in state.readings if reading.blocks}
    return blocking == {Kind.HEALTH}


def risen(rise: Rise, at: datetime) -> dict[str, Any]:
    """For an event's facts: amount and currency as text, time as ISO 8601."""
    return {
        "rise": _text(rise.after - rise.before),
        "rise_currency": rise.currency,
        "rise_at": at.isoformat(),
        "rise_figure": rise.kind.value,
    }


def _of_key(reason: str) -> bool:
    return reason in _KEY_REASONS or (reason.startswith("key_") and reason not in _NO_KEY_TROUBLE)


def _last(state: AccountState) -> dict[str, Any]:
    if not state.last_good or state.last_good_at is None:
        return {}
    reading = state.last_good[0]
    return {
        "figure": reading.kind.value,
        "amount": _text(reading.amount),
        "currency": reading.currency,
        "last_good_at": state.last_good_at.isoformat(),
    }


def _clearly_fine(look: Look) -> bool:
    """Fine with a margin, so that a figure at its threshold does not ring again and again."""
    reduced = tuple(
        replace(r, amount=r.amount * _MARGIN) if r.amount is not None and r.amount > 0 else r
        for r in look.state.readings
    )
    return verdict.level(Balance(reduced), look.warn_below) == 0


def _ends(look: Look, how: str, facts: Mapping[str, Any]) -> Condition | None:
    run_ = look.state.runway
    days = middle(run_)
    if days is None:
        return Condition(0, True, how, facts) if run_.why == "not_falling" else None
    within = Decimal(str(look.ends_within.total_seconds())) / 86400
    if days < within:
        return Condition(2, facts={**facts, "monday": False})
    if weekend(run_, look.at, look.timezone):
        return Condition(1, facts={**facts, "monday": True})
    # On a quiet night everything lasts longer: a range that only just reaches is no recovery.
    enough = days > within * _AMPLE and not weekend(_shorter(run_), look.at, look.timezone)
    return Condition(0, enough, how, facts)


def _shorter(run_: Runway) -> Runway:
    if run_.low_days is None or run_.high_days is None:
        return run_
    return Runway(run_.low_days / _AMPLE, run_.high_days / _AMPLE)


def utc(text: str) -> datetime:
    """From ISO 8601 with a zone."""
    return datetime.fromisoformat(text).astimezone(UTC)
