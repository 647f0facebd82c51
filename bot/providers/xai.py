"""xAI: the posted prepaid balance, with a management key. Its sign is inverted and its unit is cents."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import quote

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
    maybe,
    money,
    number,
    part,
    wire,
)

_HOST = "https://management-api.x.ai"


def _team(known: Known) -> str | None:
    found = known.user or maybe(known.answers.get("team"), "teamId") or maybe(known.answers.get("team"), "scopeId")
    return quote(found, safe="") if isinstance(found, str) and found and len(found) <= 100 else None


def _find(known: Known) -> str | None:
    return None if known.user else f"{_HOST}/auth/management-keys/validation"


def _prepaid(known: Known) -> str | None:
    return f"{_HOST}/v1/billing/teams/{team}/prepaid/balance" if (team := _team(known)) else None


def _month(known: Known) -> str | None:
    return f"{_HOST}/v1/billing/teams/{team}/postpaid/invoice/preview" if (team := _team(known)) else None


def explain(name: str, status: int, answer: Json) -> Balance | str | None:
    """The inference host answers a wrong key with 400."""
    return "http_401" if name == "models" and status == 400 and "api key" in str(answer).lower() else None


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """-1000 is 10 dollars left. Posted when a cycle closes: in between it is too high by the open spend, so no verdict."""
    readings: list[Reading] = [money(-amount(part(answers["prepaid"], "total", "val"), 100), "USD", label="posted")]
    month = answers.get("month")
    of, used = (
        number(maybe(month, "effectiveSpendingLimit"), 100),
        number(maybe(month, "coreInvoice", "totalWithCorr", "val"), 100),
    )
    if used is not None:
        readings.append(Reading(Kind.SPEND, used, "USD", label="month"))
    if of and used is not None:
        readings.append(limit(Kind.GROUP_QUOTA, "USD", used=used, of=of, label="month", stops=False))
    return Balance(tuple(readings), note="posted_balance")


_TEAM = wire({"scope": "SCOPE_TEAM", "teamId": "t"})

PROVIDER = Provider(
    id="xai",
    title="xAI (Grok API)",
    zh_title="xAI Grok",
    hosts=("api.x.ai",),
    aliases=("grok", "x-ai"),
    env_vars=("XAI_API_KEY", "XAI_MANAGEMENT_API_KEY", "XAI_TEAM_ID"),
    tells=(Kind.ACCOUNT_MONEY, Kind.SPEND, Kind.GROUP_QUOTA),
    needs="management_key",
    asks=(
        Ask("team", _find, credential="account_key", optional=True),
        Ask("prepaid", _prepaid, credential="account_key"),
        Ask("month", _month, credential="account_key", optional=True),
    ),
    read=read,
    explain=explain,
    models=MODELS,
    default_base="https://api.x.ai/v1",
    balance_url="https://console.x.ai",
    keys_url="https://console.x.ai",
    status_url="https://status.x.ai",
    samples=(
        Sample(
            "inverted sign",
            {"team": _TEAM, "prepaid": wire({"total": {"val": "-1000"}, "changes": []})},
            (money(Decimal(10), "USD", label="posted"),),
            note="posted_balance",
            account_key=True,
        ),
        Sample(
            "debt stays debt; with the month beside it",
            {
                "team": _TEAM,
                "prepaid": wire({"total": {"val": 250}}),
                "month": wire({"effectiveSpendingLimit": "5000", "coreInvoice": {"totalWithCorr": {"val": "1234"}}}),
            },
            (
                money(Decimal("-2.5"), "USD", label="posted"),
                Reading(Kind.SPEND, Decimal("12.34"), "USD", label="month"),
                limit(Kind.GROUP_QUOTA, "USD", used=Decimal("12.34"), of=Decimal(50), label="month"),
            ),
            note="posted_balance",
            account_key=True,
        ),
        Sample(
            "a missing total is no zero",
            {"team": _TEAM, "prepaid": wire({"changes": []})},
            account_key=True,
            wrong="wrong_shape",
        ),
    ),
    source="https://docs.x.ai/developers/rest-api-reference/management/billing, read 2026-11",
)
