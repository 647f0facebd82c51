"""new-api, a gateway anybody can host: the key's budget with the key, the account's money with a system access token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from bot.model.money import Balance, Kind, Reading
from bot.providers.base import MODELS, Ask, Json, Known, Provider, Sample, amount, money, part, settled, wire
from bot.providers.quota_units import (
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
    """The key's budget and the account's money, in the currency that the site says its units are shown in."""
    unit = unit_of(answers.get("status"))
    readings: list[Reading] = []
    note = unit.note
    if "token" in answers:
        data = part(answers["token"], "data")
        used = unit.of(amount(part(data, "total_used")))
        if part(data, "unlimited_quota") is True:
            readings.append(Reading(Kind.KEY_BUDGET, currency=unit.currency, used=used, unlimited=True))
            note = note or ("" if known.has_account_key else "key_unlimited")
        else:
            granted = unit.of(amount(part(data, "total_granted")))
            readings.append(key_reading(unit.need(amount(part(data, "total_available"))), used, granted, unit))
    elif "subscription" in answers:
        # The billing pair is shown in the display currency already; with a custom one it stays in dollars.
        shown = replace(unit, currency="USD" if unit.label else unit.currency)
        reading, told = from_billing(answers["subscription"], answers.get("usage"), shown, accounts_possible=False)
        readings.append(reading)
        note = note or told
    for name in ("account", "account with bearer"):
        if name in answers:
            readings.append(wallet(answers[name], unit))
    return settled(*readings, note=note)


STATUS_SAMPLE = wire(
    {
        "success": True,
        "message": "",
        "data": {
            "system_name": "My Gateway",
            "quota_per_unit": 500000,
            "quota_display_type": "CNY",
            "usd_exchange_rate": 7.2,
            "custom_currency_symbol": "",
            "custom_currency_exchange_rate": 1,
        },
    }
)
_USD_STATUS = wire(
    {"success": True, "data": {"quota_per_unit": 500000, "quota_display_type": "USD", "usd_exchange_rate": 7.2}}
)
_TOKEN = {
    "object": "token_usage",
    "name": "Default Token",
    "total_granted": 1000000,
    "total_used": 12345,
    "total_available": 987655,
    "unlimited_quota": False,
    "model_limits": {"gpt-4o-mini": True},
    "model_limits_enabled": False,
    "expires_at": 0,
}
_SELF = wire(
    {
        "success": True,
        "message": "",
        "data": {"id": 1, "quota": 24997909, "used_quota": 10027091, "request_count": 339, "group": "default"},
    }
)
_INSTEAD = ("http_404", "http_4xx", "http_5xx", "html", "not_json", "wrong_shape", "rate_limited", "said_no")
_BASE = "https://relay.example/v1"

PROVIDER = Provider(
    id="new-api",
    title="new-api (gateway)",
    zh_title="new-api 网关（自建或中转站）",
    aliases=("newapi", "new-api-compatible", "veloera"),
    env_vars=("NEWAPI_API_KEY",),
    tells=(Kind.KEY_BUDGET, Kind.ACCOUNT_MONEY),
    needs="system_token",
    asks=(
        STATUS,
        Ask("token", "{root}/api/usage/token/"),  # without the slash the site redirects
        Ask(
            "subscription",
            "{root}/v1/dashboard/billing/subscription",
            instead_of="token",
            instead_when=_INSTEAD,
        ),
        Ask(
            "usage",
            lambda known: "{root}/v1/dashboard/billing/usage" if "subscription" in known.answers else None,
            optional=True,
        ),
        account(),
        account_bearer(),
    ),
    read=read,
    explain=explain,
    models=MODELS,
    gateway=True,
    balance_url="{root}/console",
    top_up_url="{root}/console/topup",
    keys_url="{root}/console/token",
    min_interval_s=90,  # 20 key-usage calls in 20 minutes per address, shared with logins
    samples=(
        Sample(
            "key and account, shown in CNY",
            {"status": STATUS_SAMPLE, "token": wire({"code": True, "message": "ok", "data": _TOKEN}), "account": _SELF},
            (
                key_reading(
                    Decimal("14.222232"),
                    Decimal("0.177768"),
                    Decimal("14.4"),
                    unit_of({"data": {"quota_display_type": "CNY", "usd_exchange_rate": 7}}),
                ),
                money(Decimal("359.9698896"), "CNY", used=Decimal("144.3901104")),
            ),
            base_url=_BASE,
            account_key=True,
            user="1",
        ),
        Sample(
            "an unlimited key draws on the account",
            {"status": _USD_STATUS, "token": wire({"code": True, "data": {**_TOKEN, "unlimited_quota": True}})},
            (Reading(Kind.KEY_BUDGET, currency="USD", used=Decimal("0.02469"), unlimited=True),),
            note="key_unlimited",
            base_url=_BASE,
        ),
        Sample(
            "a used-up key still answers here",
            {
                "status": _USD_STATUS,
                "token": wire({"code": True, "data": {**_TOKEN, "total_available": 0, "total_used": 1000000}}),
            },
            (Reading(Kind.KEY_BUDGET, Decimal(0), "USD", used=Decimal(2), limit=Decimal(2), blocks=True),),
            base_url=_BASE,
        ),
        Sample(
            "the OpenAI-style pair: 100 million is no money",
            {
                "status": _USD_STATUS,
                "subscription": wire(
                    {"object": "billing_subscription", "hard_limit_usd": 100000000, "access_until": 0}
                ),
                "usage": wire({"object": "list", "total_usage": 1234.5}),
            },
            (Reading(Kind.KEY_BUDGET, currency="USD", used=Decimal("12.345"), unlimited=True),),
            note="key_unlimited",
            base_url=_BASE,
            failed={"token": "http_404"},
        ),
        Sample(
            "no unit told: no currency is made up",
            {"token": wire({"code": True, "data": _TOKEN})},
            (
                Reading(
                    Kind.KEY_BUDGET,
                    Decimal("1.97531"),
                    "credits",
                    used=Decimal("0.02469"),
                    limit=Decimal(2),
                ),
            ),
            note="unit_unknown",
            base_url=_BASE,
            failed={"status": "html"},
        ),
        Sample(
            "a wrong type",
            {"status": _USD_STATUS, "token": wire({"code": True, "data": {**_TOKEN, "total_available": {"a": 1}}})},
            base_url=_BASE,
            wrong="wrong_shape",
        ),
    ),
    source="https://docs.newapi.pro/en/api/token-usage and the QuantumNous/new-api sources, read 2026-11",
)
