"""What `--json` prints: times as ISO 8601 in UTC, amounts as text with every digit, the unknown as null."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bot.model.handoff import NOTE_FIELDS, Ticket
from bot.model.money import AccountState, Reading


def iso(at: datetime | None) -> str | None:
    """ISO 8601 in UTC with `Z`; None stays None."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at is not None else None


def _plain(amount: Decimal | None) -> str | None:
    """Decimal text without an exponent; unknown stays null, never 0."""
    return format(amount, "f") if amount is not None else None


def account(state: AccountState) -> dict[str, Any]:
    """An account with its readings, each in its own currency; `runway_days` is null where either end is unknown."""
    run = state.runway
    known = run.low_days is not None and run.high_days is not None
    return {
        "account": state.account,
        "provider": state.provider,
        "routes": list(state.routes),
        "engines": list(state.engines),
        "status": state.status.value,
        "reason": state.reason or None,
        "blocked": state.blocked,
        "readings": [_reading(reading) for reading in state.readings],
        "runway_days": [_plain(run.low_days), _plain(run.high_days)] if known else None,
        "top_up_url": state.top_up_url,
    }


def _reading(reading: Reading) -> dict[str, Any]:
    return {
        "kind": reading.kind.value,
        "amount": _plain(reading.amount),
        "currency": reading.currency,
        "used": _plain(reading.used),
        "limit": _plain(reading.limit),
        "resets_at": iso(reading.resets_at),
        "parts": {name: _plain(amount) for name, amount in reading.parts.items()},
        "unlimited": reading.unlimited,
    }


def ticket(one: Ticket, fields: Mapping[str, str]) -> dict[str, Any]:
    """`fields`: the note's fields in words, by name."""
    return {
        "id": one.id,
        "state": one.state.value,
        "engine": one.engine,
        "cause": one.cause,
        "opened_at": iso(one.opened_at),
        "acknowledged_by": one.acknowledged_by.address if one.acknowledged_by else None,
        "resolved_by": one.resolved_by.address if one.resolved_by else None,
        "count": one.count,
        "note": {name: fields[name] for name in NOTE_FIELDS},
    }
