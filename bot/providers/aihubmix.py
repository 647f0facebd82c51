"""AIHubMix: what is left on the key with the key; the account's money with the access token of its console."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.model.money import Balance, Kind, Reading
from bot.providers.base import MODELS, Ask, Json, Known, Provider, Sample, amount, limit, money, part, settled, wire
from bot.providers.quota_units import Unit, account, account_bearer, explain, wallet


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """`total_usage` is what REMAINS, despite its name; below zero (-1 quota unit) means the key has no limit of its own."""
    readings: list[Reading] = []
    note = ""
    if "remain" in answers:
        left = amount(part(answers["remain"], "total_usage"))
        if left < 0:
            readings.append(Reading(Kind.KEY_BUDGET, currency="USD", unlimited=True))
            note = "" if "account" in answers else "key_unlimited"
        else:
            readings.append(limit(Kind.KEY_BUDGET, "USD", left=left))
    for name in ("account", "account with bearer"):
        if name in answers:
            readings.append(wallet(answers[name], Unit()))
            note = ""
    return settled(*readings, note=note)


_SELF = wire({"success": True, "message": "", "data": {"quota": 250000, "used_quota": 10027091, "request_count": 339}})

PROVIDER = Provider(
    id="aihubmix",
    title="AIHubMix",
    zh_title="AIHubMix 聚合中转",
    hosts=("aihubmix.com", "api.aihubmix.com", "www.aihubmix.com", "console.aihubmix.com"),
    env_vars=("AIHUBMIX_API_KEY",),
    tells=(Kind.KEY_BUDGET, Kind.ACCOUNT_MONEY),
    needs="system_token",
    asks=(
        Ask("remain", "https://aihubmix.com/dashboard/billing/remain"),
        account("https://aihubmix.com/api/user/self"),
        account_bearer("https://aihubmix.com/api/user/self"),
    ),
    read=read,
    explain=explain,
    models=MODELS,
    default_base="https://aihubmix.com/v1",
    balance_url="https://aihubmix.com/",
    top_up_url="https://aihubmix.com/",
    samples=(
        Sample(
            "what remains",
            {"remain": wire({"object": "list", "total_usage": 0.06495})},
            (limit(Kind.KEY_BUDGET, "USD", left=Decimal("0.06495")),),
        ),
        Sample(
            "an unlimited key",
            {"remain": '{"object": "list", "total_usage": -0.000002}'},
            (Reading(Kind.KEY_BUDGET, currency="USD", unlimited=True),),
            note="key_unlimited",
        ),
        Sample(
            "with the account's token",
            {"remain": '{"object": "list", "total_usage": -0.000002}', "account": _SELF},
            (
                Reading(Kind.KEY_BUDGET, currency="USD", unlimited=True),
                money(Decimal("0.5"), "USD", used=Decimal("20.054182")),
            ),
            account_key=True,
        ),
        Sample("another shape is unknown, not a guess", {"remain": wire({"data": {"remain": 1}})}, wrong="wrong_shape"),
    ),
    source="https://docs.aihubmix.com/en/api/Cli, read 2026-11",
)
