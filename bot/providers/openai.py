"""OpenAI: what the organisation spent this month and its own limit, with an Admin key. Prepaid credit: not published."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from bot.model.money import Balance, Kind, Reading
from bot.providers.base import MODELS, Ask, Json, Known, Provider, Sample, amount, maybe, part, rows, shape, wire


def _first(known: Known) -> datetime:
    return known.now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _costs(known: Known) -> str:
    start = int(_first(known).timestamp())
    return f"{{root}}/v1/organization/costs?start_time={start}&bucket_width=1d&limit=31"


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """Limit minus spend is a budget, not money in the account. The limit is in cents, the costs are not."""
    answer = answers["costs"]
    spent: dict[str, Decimal] = {}
    for day in rows(answer, "data"):
        for row in rows(day, "results"):
            currency = part(row, "amount", "currency")
            if not isinstance(currency, str) or len(currency) != 3:
                raise shape("currency")
            value = amount(part(row, "amount", "value"))
            spent[currency.upper()] = spent.get(currency.upper(), Decimal(0)) + value
    note = "spend_incomplete" if answer.get("has_more") is True else "spend_reported"
    readings = [Reading(Kind.SPEND, figure, name, label="month") for name, figure in spent.items()]
    if not readings:
        readings, note = [Reading(Kind.SPEND, None, "USD", label="month")], "no_spend_reported"
    own = answers.get("limit")
    if isinstance(own, dict) and own.get("threshold_amount") is not None:
        of, currency = amount(own["threshold_amount"], 100), str(own.get("currency", "USD")).upper()
        used = spent.get(currency)
        next_month = (_first(known) + timedelta(days=32)).replace(day=1)
        readings.append(
            Reading(
                Kind.GROUP_QUOTA,
                of - used if used is not None else None,
                currency,
                used=used,
                limit=of,
                resets_at=next_month if own.get("interval") == "month" else None,
                label="organisation",
                # The costs lag, so only the provider's own word says that the limit bites.
                blocks=maybe(own, "enforcement", "status") == "enforcing",
            )
        )
    return Balance(tuple(readings), note=note)


def _days(*values: Json) -> str:
    day = [
        {"object": "bucket", "results": [{"amount": {"value": one, "currency": "usd"}, "line_item": None}]}
        for one in values
    ]
    return wire({"object": "page", "data": day, "has_more": False, "next_page": None})


_LIMIT = {"object": "organization.spend_limit", "threshold_amount": 10000, "currency": "USD", "interval": "month"}

PROVIDER = Provider(
    id="openai",
    title="OpenAI API",
    zh_title="OpenAI",
    hosts=("api.openai.com",),
    env_vars=("OPENAI_API_KEY", "OPENAI_ADMIN_KEY"),
    tells=(Kind.SPEND, Kind.GROUP_QUOTA),
    needs="admin_key",
    asks=(
        Ask("costs", _costs, credential="account_key"),
        Ask("limit", "{root}/v1/organization/spend_limit", credential="account_key", optional=True),
    ),
    read=read,
    models=MODELS,
    default_base="https://api.openai.com/v1",
    balance_url="https://platform.openai.com/usage",
    top_up_url="https://platform.openai.com/settings/organization/billing/overview",
    usage_url="https://platform.openai.com/usage",
    status_url="https://status.openai.com/",
    samples=(
        Sample(
            "costs, numbers and texts",
            {"costs": _days(0.06, "1.04")},
            (Reading(Kind.SPEND, Decimal("1.10"), "USD", label="month"),),
            note="spend_reported",
            account_key=True,
        ),
        Sample(
            "with a limit that bites",
            {"costs": _days(101), "limit": wire({**_LIMIT, "enforcement": {"status": "enforcing"}})},
            (
                Reading(Kind.SPEND, Decimal(101), "USD", label="month"),
                Reading(
                    Kind.GROUP_QUOTA,
                    Decimal(-1),
                    "USD",
                    used=Decimal(101),
                    limit=Decimal(100),
                    resets_at=datetime.fromisoformat("2026-12-01T00:00:00+00:00"),
                    label="organisation",
                    blocks=True,
                ),
            ),
            note="spend_reported",
            account_key=True,
        ),
    ),
    source="https://developers.openai.com/api/reference/resources/admin, read 2026-11",
)
