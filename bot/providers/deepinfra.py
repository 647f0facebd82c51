"""DeepInfra: money left is minus `stripe_balance` minus `recent`; the month's spend is in cents."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.model.money import Balance, Kind, Reading
from bot.providers.base import (
    Ask,
    Json,
    Known,
    Provider,
    Sample,
    amount,
    flag,
    maybe,
    money,
    number,
    part,
    settled,
    shape,
    wire,
)


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """The raw figure is too high between invoices. Only these fields are read: the answer also holds a postal address."""
    answer = answers["checklist"]
    suspended = flag(part(answer, "suspended"))
    if suspended is None:
        raise shape("suspended")
    left = -amount(part(answer, "stripe_balance")) - amount(part(answer, "recent"))
    readings: list[Reading] = [money(left, "USD")]
    months = maybe(answers.get("month"), "months")
    if isinstance(months, list) and months:
        cents = number(maybe(months[-1], "total_cost"), 100)
        if cents is not None:
            readings.append(Reading(Kind.SPEND, cents, "USD", label="month"))
    # Below zero means "owed on the next invoice" and goes on working until the account is suspended.
    return settled(*readings, usable=not suspended, note="suspended" if suspended else "")


def _answer(balance: float, *, suspended: bool = False) -> str:
    return wire({"stripe_balance": balance, "recent": 3.2, "limit": 50, "suspended": suspended, "suspend_reason": None})


PROVIDER = Provider(
    id="deepinfra",
    title="DeepInfra",
    zh_title="DeepInfra",
    hosts=("api.deepinfra.com",),
    env_vars=("DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN"),
    tells=(Kind.ACCOUNT_MONEY, Kind.SPEND),
    asks=(
        Ask("checklist", "https://{host}/payment/checklist?compute_owed=true"),
        Ask("month", "https://{host}/payment/usage?from=current", optional=True),
    ),
    read=read,
    models=Ask("models", "https://{host}/v1/openai/models", optional=True),
    public_models=True,
    base_paths=("/v1/openai",),
    default_base="https://api.deepinfra.com/v1/openai",
    balance_url="https://deepinfra.com/dash",
    keys_url="https://deepinfra.com/dash/api_keys",
    status_url="https://status.deepinfra.com",
    samples=(
        Sample(
            "prepaid, usage not yet invoiced",
            {
                "checklist": _answer(-12.5),
                "month": wire({"months": [{"period": "2026.11", "total_cost": 320}], "initial_month": "2026.01"}),
            },
            (money(Decimal("9.3"), "USD"), Reading(Kind.SPEND, Decimal("3.2"), "USD", label="month")),
            usable=True,
        ),
        Sample(
            "suspended",
            {"checklist": _answer(4, suspended=True)},
            (money(Decimal("-7.2"), "USD", blocks=True),),
            usable=False,
            note="suspended",
        ),
        Sample("HTML-ish nothing", {"checklist": "[]"}, wrong="wrong_shape"),
    ),
    source="https://api.deepinfra.com/openapi.json as read by a public client, 2026-11",
)
