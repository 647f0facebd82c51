"""OpenRouter: the key's own budget with any key; the account's credit officially with a management key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from bot.model.money import Balance, Kind, Reading
from bot.providers.base import (
    MODELS,
    Ask,
    Json,
    Known,
    Provider,
    Sample,
    amount,
    limit,
    money,
    number,
    part,
    settled,
    text,
    wire,
)


def _resets(kind: Json, now: datetime) -> datetime | None:
    """Budgets start anew at UTC midnight, on Monday, on the first of the month."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if kind == "daily":
        return day + timedelta(days=1)
    if kind == "weekly":
        return day + timedelta(days=7 - day.weekday())
    if kind == "monthly":
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return None


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """A key can be under its limit while the account is empty, and the reverse: both are shown where both are known."""
    data = part(answers["key"], "data")
    used = amount(part(data, "usage"))
    of, left = number(part(data, "limit")), number(part(data, "limit_remaining"))
    kind = data.get("limit_reset")
    if of is None and left is None:
        budget = Reading(Kind.KEY_BUDGET, currency="USD", used=used, unlimited=True)
    else:
        budget = limit(Kind.KEY_BUDGET, "USD", left=left, of=of, resets_at=_resets(kind, known.now), label=text(kind))
    readings = [budget]
    credit = answers.get("credits", answers.get("credits with the key"))
    note = "needs_management_key"
    if credit is not None:
        bought, spent = amount(part(credit, "data", "total_credits")), amount(part(credit, "data", "total_usage"))
        readings.append(money(bought - spent, "USD", used=spent))
        note = ""
    return settled(*readings, note=note)


def _key(**changes: Json) -> str:
    data = {
        "label": "a label",
        "limit": 100,
        "limit_remaining": 74.5,
        "limit_reset": "monthly",
        "usage": 25.5,
        "usage_monthly": 25.5,
        "is_free_tier": False,
        "is_management_key": False,
        "expires_at": "2027-12-31T23:59:59Z",
    }
    return wire({"data": {**data, **changes}})


_FIRST = datetime.fromisoformat("2026-12-01T00:00:00+00:00")
_BUDGET = limit(Kind.KEY_BUDGET, "USD", left=Decimal("74.5"), of=Decimal(100), resets_at=_FIRST, label="monthly")
_CREDITS = wire({"data": {"total_credits": 100.5, "total_usage": 25.75}})

PROVIDER = Provider(
    id="openrouter",
    title="OpenRouter",
    zh_title="OpenRouter",
    hosts=("openrouter.ai",),
    env_vars=("OPENROUTER_API_KEY", "OPENROUTER_MANAGEMENT_API_KEY"),
    tells=(Kind.KEY_BUDGET, Kind.ACCOUNT_MONEY),
    needs="management_key",
    asks=(
        Ask("key", "https://{host}/api/v1/key"),
        Ask("credits", "https://{host}/api/v1/credits", credential="account_key", optional=True),
        Ask(
            "credits with the key",
            "https://{host}/api/v1/credits",
            optional=True,
            instead_of="credits",
            instead_when=("no_account_key",),
        ),
    ),
    read=read,
    models=MODELS,
    public_models=True,
    base_paths=("/api/v1",),
    default_base="https://openrouter.ai/api/v1",
    balance_url="https://openrouter.ai/settings/credits",
    top_up_url="https://openrouter.ai/settings/credits",
    keys_url="https://openrouter.ai/settings/keys",
    status_url="https://status.openrouter.ai",
    samples=(
        Sample(
            "key and account",
            {"key": _key(), "credits": _CREDITS},
            (_BUDGET, money(Decimal("74.75"), "USD", used=Decimal("25.75"))),
            account_key=True,
        ),
        Sample(
            "the account refuses an ordinary key",
            {"key": _key()},
            (_BUDGET,),
            note="needs_management_key",
            failed={"credits with the key": "http_403"},
        ),
        Sample(
            "no limit on the key, the account overdrawn",
            {
                "key": _key(limit=None, limit_remaining=None, limit_reset=None),
                "credits with the key": wire({"data": {"total_credits": 5, "total_usage": 5.2}}),
            },
            (
                Reading(Kind.KEY_BUDGET, currency="USD", used=Decimal("25.5"), unlimited=True),
                money(Decimal("-0.2"), "USD", used=Decimal("5.2"), blocks=True),
            ),
            usable=False,
        ),
        Sample(
            "the key's budget is gone, the account is not",
            {"key": _key(limit_remaining=0), "credits": _CREDITS},
            (
                limit(Kind.KEY_BUDGET, "USD", left=Decimal(0), of=Decimal(100), resets_at=_FIRST, label="monthly"),
                money(Decimal("74.75"), "USD", used=Decimal("25.75")),
            ),
            account_key=True,
        ),
    ),
    source="https://openrouter.ai/docs/api/api-reference/api-keys/get-current-key.md, read 2026-11",
)
