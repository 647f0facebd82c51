"""302.AI: account money, where the key may ask for it. The currency is confirmed nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.model.money import Balance, Kind
from bot.providers.base import MODELS, Ask, Json, Known, Provider, Sample, amount, money, part, settled, wire


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """Only data.balance is read; the other shapes that were coded somewhere are guesses. Four clients of five say dollars."""
    return settled(money(amount(part(answers["balance"], "data", "balance")), "USD"), note="currency_unconfirmed")


PROVIDER = Provider(
    id="302ai",
    title="302.AI",
    zh_title="302.AI",
    hosts=("api.302.ai", "api.302ai.cn"),
    aliases=("302.ai", "ai302"),
    env_vars=("AI_302_API_KEY",),
    tells=(Kind.ACCOUNT_MONEY,),
    asks=(Ask("balance", "https://{host}/dashboard/balance"),),
    read=read,
    models=MODELS,
    default_base="https://api.302.ai/v1",
    balance_url="https://302.ai/",
    top_up_url="https://302.ai/",
    keys_url="https://dash.302.ai/apis/list",
    samples=(
        Sample(
            "a text",
            {"balance": wire({"data": {"balance": "12.34"}})},
            (money(Decimal("12.34"), "USD"),),
            note="currency_unconfirmed",
        ),
        Sample("another shape", {"balance": wire({"balance": 12})}, wrong="wrong_shape"),
    ),
    source="https://doc-en.302.ai/api-263735171, read 2026-11",
)
