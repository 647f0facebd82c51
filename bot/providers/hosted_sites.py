"""Hosted sites on new-api's software: the account with the system access token, the key's budget with the key."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.model.money import Balance, Kind, Reading
from bot.providers.base import MODELS, Ask, Json, Known, Provider, Sample, amount, limit, money, part, settled, wire
from bot.providers.quota_units import Unit, account_bearer, explain, key_reading, user_headers, wallet


def _headers(known: Known) -> Mapping[str, str]:
    # These sites' own examples send a browser-like name; others are turned away at the edge.
    return {**user_headers(known), "User-Agent": "Mozilla/5.0 (compatible; quotadesk)"}


def site(id: str, title: str, host: str, source: str, *, zh_title: str = "") -> Provider:
    """Such a site: only its names, its host and its documentation differ. Money in USD."""
    return Provider(
        id=id,
        title=title,
        zh_title=zh_title or title,
        hosts=(host,),
        tells=(Kind.ACCOUNT_MONEY, Kind.KEY_BUDGET),
        needs="system_token",
        asks=asks(),
        read=read,
        explain=explain,
        models=MODELS,
        default_base=f"https://{host}/v1",
        min_interval_s=90,
        samples=samples(),
        source=source,
    )


def asks() -> tuple[Ask, ...]:
    """The account by its own key, where there is one, and the key's own budget: either is enough."""
    return (
        Ask("account", "{root}/api/user/self", auth="raw", credential="account_key", headers=_headers, optional=True),
        account_bearer(),
        Ask("token", "{root}/api/usage/token/", optional=True),
    )


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """The sites document 500000 units as one dollar."""
    unit = Unit()
    readings: list[Reading] = []
    if "token" in answers:
        data = part(answers["token"], "data")
        used = unit.of(amount(part(data, "total_used")))
        if part(data, "unlimited_quota") is True:
            readings.append(Reading(Kind.KEY_BUDGET, currency="USD", used=used, unlimited=True))
        else:
            granted = unit.of(amount(part(data, "total_granted")))
            readings.append(key_reading(unit.need(amount(part(data, "total_available"))), used, granted, unit))
    own = answers.get("account", answers.get("account with bearer"))
    if own is not None:
        readings.append(wallet(own, unit))
    return settled(*readings, note="" if own is not None else "needs_system_token")


def samples() -> tuple[Sample, ...]:
    """Made-up answers in the shape that these sites share, in their internal units."""
    own = wire(
        {"success": True, "message": None, "data": {"quota": 24997909, "used_quota": 10027091, "request_count": 339}}
    )
    token = wire(
        {
            "code": True,
            "data": {
                "total_granted": 1000000,
                "total_used": 250000,
                "total_available": 750000,
                "unlimited_quota": False,
            },
        }
    )
    purse = money(Decimal("49.995818"), "USD", used=Decimal("20.054182"))
    budget = limit(Kind.KEY_BUDGET, "USD", left=Decimal("1.5"), used=Decimal("0.5"), of=Decimal(2))
    return (
        Sample("the account", {"account": own}, (purse,), account_key=True),
        Sample(
            "only the key", {"token": token}, (budget,), note="needs_system_token", failed={"account": "no_account_key"}
        ),
        Sample("no figure", {"account": wire({"success": True, "data": {}})}, account_key=True, wrong="wrong_shape"),
    )
