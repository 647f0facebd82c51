"""Anthropic: what the organisation spent this month, with an Admin key. The remaining credit is nowhere published."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.model.money import Balance, Kind, Reading
from bot.providers.base import Ask, Json, Known, Provider, Sample, amount, part, rows, shape, wire

_VERSION = {"anthropic-version": "2023-06-01"}


def _month(known: Known) -> str:
    start = known.now.strftime("%Y-%m-01T00:00:00Z")
    return f"{{root}}/v1/organizations/cost_report?starting_at={start}&bucket_width=1d&limit=31"


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """Amounts are text in cents: "123.45" is 1.2345 dollars. Priority-tier cost is not in it. No rows is no figure."""
    answer = answers["costs"]
    spent: dict[str, Decimal] = {}
    for day in rows(answer, "data"):
        for row in rows(day, "results"):
            currency = part(row, "currency")
            if currency != "USD":
                raise shape("currency")
            spent[currency] = spent.get(currency, Decimal(0)) + amount(part(row, "amount"), 100)
    note = "spend_incomplete" if answer.get("has_more") is True else "spend_reported"
    if not spent:
        return Balance((Reading(Kind.SPEND, None, "USD", label="month"),), note="no_spend_reported")
    return Balance(tuple(Reading(Kind.SPEND, figure, name, label="month") for name, figure in spent.items()), note=note)


def _days(*amounts: str, more: bool = False) -> str:
    day = [{"results": [{"currency": "USD", "amount": one, "workspace_id": None}]} for one in amounts]
    return wire({"data": day, "has_more": more, "next_page": None})


PROVIDER = Provider(
    id="anthropic",
    title="Anthropic API",
    zh_title="Anthropic Claude",
    hosts=("api.anthropic.com",),
    aliases=("claude",),
    env_vars=("ANTHROPIC_API_KEY", "ANTHROPIC_ADMIN_KEY", "ANTHROPIC_ADMIN_API_KEY"),
    tells=(Kind.SPEND,),
    needs="admin_key",
    asks=(Ask("costs", _month, auth="x-api-key", credential="account_key", headers=_VERSION),),
    read=read,
    models=Ask("models", "{root}/v1/models?limit=1000", auth="x-api-key", headers=_VERSION, optional=True),
    default_base="https://api.anthropic.com",
    balance_url="https://console.anthropic.com/settings/billing",
    top_up_url="https://console.anthropic.com/settings/billing",
    keys_url="https://console.anthropic.com/",
    status_url="https://status.claude.com/",
    min_interval_s=60,
    samples=(
        Sample(
            "cents in text",
            {"costs": _days("123.45", "0.55")},
            (Reading(Kind.SPEND, Decimal("1.24"), "USD", label="month"),),
            note="spend_reported",
            account_key=True,
        ),
        Sample(
            "nothing reported yet",
            {"costs": _days()},
            (Reading(Kind.SPEND, None, "USD", label="month"),),
            note="no_spend_reported",
            account_key=True,
        ),
        Sample("a number that is none", {"costs": _days("many")}, account_key=True, wrong="wrong_shape"),
    ),
    source="https://platform.claude.com/docs/en/api/admin/cost_report.md, read 2026-11",
)
