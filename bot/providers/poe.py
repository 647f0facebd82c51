"""Poe: points left. Points are not dollars."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.model.money import Balance, Kind
from bot.providers.base import MODELS, Ask, Json, Known, Provider, Sample, amount, money, part, settled, wire


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """Points, Poe's own unit: they have no price."""
    return settled(money(amount(part(answers["balance"], "current_point_balance")), "points"))


PROVIDER = Provider(
    id="poe",
    title="Poe API",
    zh_title="Poe",
    hosts=("api.poe.com",),
    env_vars=("POE_API_KEY",),
    tells=(Kind.ACCOUNT_MONEY,),
    asks=(Ask("balance", "https://{host}/usage/current_balance"),),
    read=read,
    models=MODELS,
    public_models=True,
    default_base="https://api.poe.com/v1",
    balance_url="https://poe.com/api/keys",
    keys_url="https://poe.com/api/keys",
    samples=(
        Sample("a number", {"balance": wire({"current_point_balance": 123456})}, (money(Decimal(123456), "points"),)),
        Sample(
            "a text",
            {"balance": wire({"current_point_balance": "0"})},
            (money(Decimal(0), "points", blocks=True),),
            usable=False,
        ),
    ),
    source="https://creator.poe.com/docs, read 2026-11",
)
