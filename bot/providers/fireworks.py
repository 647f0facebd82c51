"""Fireworks: what was spent this month. A balance is not published."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
    maybe,
    number,
    part,
    rows,
    shape,
    wire,
)


def _summary(known: Known) -> str | None:
    """A wrong account name looks like no spend, so it comes from the accounts list or not at all."""
    found = maybe(known.answers.get("accounts"), "accounts")
    name = maybe(found[0], "name") if isinstance(found, list) and found else None
    if not isinstance(name, str) or not re.fullmatch(r"accounts/[A-Za-z0-9_-]{1,80}", name):
        return None
    start, end = known.now.strftime("%Y-%m-01T00:00:00Z"), known.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"https://{{host}}/v1/{name}/billing/summary?startTime={start}&endTime={end}"


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """Money is whole units as text plus billionths."""
    if "summary" not in answers:
        raise shape("accounts")
    spent: dict[str, Decimal] = {}
    for row in rows(answers["summary"], "lineItems"):
        cost = part(row, "totalCost")
        currency = part(cost, "currencyCode")
        if not isinstance(currency, str) or len(currency) != 3:
            raise shape("currencyCode")
        whole = number(cost.get("units")) or Decimal(0)
        billionths = amount(cost.get("nanos", 0), 1_000_000_000)
        spent[currency] = spent.get(currency, Decimal(0)) + whole + billionths
    if not spent:
        return Balance((Reading(Kind.SPEND, None, "USD", label="month"),), note="no_spend_reported")
    return Balance(
        tuple(Reading(Kind.SPEND, figure, name, label="month") for name, figure in spent.items()), note="spend_reported"
    )


_ACCOUNTS = wire({"accounts": [{"name": "accounts/my-team"}]})

PROVIDER = Provider(
    id="fireworks",
    title="Fireworks AI",
    zh_title="Fireworks AI",
    hosts=("api.fireworks.ai",),
    aliases=("fireworks-ai",),
    env_vars=("FIREWORKS_API_KEY",),
    tells=(Kind.SPEND,),
    asks=(Ask("accounts", "https://{host}/v1/accounts"), Ask("summary", _summary)),
    read=read,
    models=MODELS,
    base_paths=("/inference/v1",),
    default_base="https://api.fireworks.ai/inference/v1",
    balance_url="https://app.fireworks.ai",
    top_up_url="https://fireworks.ai/billing",
    samples=(
        Sample(
            "units and billionths",
            {
                "accounts": _ACCOUNTS,
                "summary": wire(
                    {
                        "lineItems": [{"totalCost": {"currencyCode": "USD", "units": "1", "nanos": 33292280}}],
                        "usageBuckets": [],
                    }
                ),
            },
            (Reading(Kind.SPEND, Decimal("1.03329228"), "USD", label="month"),),
            note="spend_reported",
        ),
        Sample(
            "no rows is no figure",
            {"accounts": _ACCOUNTS, "summary": wire({"lineItems": []})},
            (Reading(Kind.SPEND, None, "USD", label="month"),),
            note="no_spend_reported",
        ),
    ),
    source="https://docs.fireworks.ai/guides/quotas_usage/account-quotas.md, read 2026-11",
)
