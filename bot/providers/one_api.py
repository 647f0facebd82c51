"""one-api: the key's budget or the account's money, whichever the site's switch says."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.model.money import Balance, Kind, Reading
from bot.providers.base import MODELS, Ask, Json, Known, Provider, Sample, money, settled, wire
from bot.providers.quota_units import (
    PER_UNIT,
    STATUS,
    account,
    account_bearer,
    explain,
    from_billing,
    key_reading,
    unit_of,
    wallet,
)


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """With the account's own answer at hand the site switch no longer matters: that figure is the account for sure."""
    unit = unit_of(answers.get("status"))
    if unit.note:
        # Without /api/status the pair is dollars, as the field names say: one-api's default.
        unit = unit_of({"data": {"quota_per_unit": PER_UNIT, "display_in_currency": True}})
    reading, note = from_billing(answers["subscription"], answers.get("usage"), unit, accounts_possible=True)
    readings: list[Reading] = [reading]
    own = answers.get("account", answers.get("account with bearer"))
    if own is not None:
        if reading.kind is Kind.ACCOUNT_MONEY:
            readings = []
        readings.append(wallet(own, unit))
        note = "" if note in {"account_figures", "key_unlimited"} else note
    return settled(*readings, note=note)


_STATUS = wire({"success": True, "data": {"quota_per_unit": 500000, "display_in_currency": True, "system_name": "x"}})
_LIMIT = wire({"object": "billing_subscription", "soft_limit_usd": 12.5, "hard_limit_usd": 12.5, "access_until": 0})
_BASE = "https://relay.example/v1"

PROVIDER = Provider(
    id="one-api",
    title="one-api (gateway)",
    zh_title="one-api 网关",
    aliases=("oneapi",),
    tells=(Kind.KEY_BUDGET, Kind.ACCOUNT_MONEY),
    needs="system_token",
    asks=(
        STATUS,
        Ask("subscription", "{root}/v1/dashboard/billing/subscription"),
        Ask("usage", "{root}/v1/dashboard/billing/usage", optional=True),
        account(),
        account_bearer(),
    ),
    read=read,
    explain=explain,
    models=MODELS,
    gateway=True,
    balance_url="{root}/",
    top_up_url="{root}/topup",
    samples=(
        Sample(
            "limit and use",
            {"status": _STATUS, "subscription": _LIMIT, "usage": wire({"object": "list", "total_usage": 250})},
            (key_reading(Decimal(10), Decimal("2.5"), Decimal("12.5"), unit_of({"data": {}})),),
            note="key_or_account",
            base_url=_BASE,
        ),
        Sample(
            "the site shows the account: the limit is what remains",
            {"status": _STATUS, "subscription": _LIMIT, "usage": wire({"object": "list", "total_usage": 123450})},
            (money(Decimal("12.5"), "USD", used=Decimal("1234.5")),),
            note="account_figures",
            base_url=_BASE,
        ),
        Sample(
            "the account itself",
            {
                "status": _STATUS,
                "subscription": wire({"hard_limit_usd": 100000000}),
                "usage": wire({"total_usage": 100}),
                "account": wire({"success": True, "data": {"quota": 24997909, "used_quota": 10027091}}),
            },
            (
                Reading(Kind.KEY_BUDGET, currency="USD", used=Decimal(1), unlimited=True),
                money(Decimal("49.995818"), "USD", used=Decimal("20.054182")),
            ),
            base_url=_BASE,
            account_key=True,
        ),
    ),
    source="the songquanpeng/one-api sources, read 2026-11",
)
