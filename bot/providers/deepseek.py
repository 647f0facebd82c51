"""DeepSeek: account money, one wallet per currency."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.model.money import Balance, Kind
from bot.providers.base import (
    MODELS,
    Ask,
    Json,
    Known,
    Provider,
    Sample,
    amount,
    flag,
    money,
    number,
    part,
    rows,
    settled,
    shape,
)


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """Wallets are kept apart. `is_available` is the provider's word: false with money in it is still not usable."""
    answer = answers["balance"]
    wallets = []
    for row in rows(answer, "balance_infos"):
        currency = part(row, "currency")
        if currency not in {"CNY", "USD"}:
            raise shape("currency")
        wallets.append(
            money(
                amount(part(row, "total_balance")),
                currency,
                paid=number(row.get("topped_up_balance")),
                granted=number(row.get("granted_balance")),
            )
        )
    usable = flag(part(answer, "is_available"))
    if usable is None or not wallets:
        raise shape("is_available")
    return settled(*wallets, usable=usable)


PROVIDER = Provider(
    id="deepseek",
    title="DeepSeek",
    zh_title="深度求索 DeepSeek",
    hosts=("api.deepseek.com",),
    env_vars=("DEEPSEEK_API_KEY", "DEEPSEEK_KEY"),
    tells=(Kind.ACCOUNT_MONEY,),
    asks=(Ask("balance", "https://{host}/user/balance"),),
    read=read,
    models=MODELS,
    base_paths=("/v1", "/beta", "/anthropic"),
    default_base="https://api.deepseek.com",
    balance_url="https://platform.deepseek.com/usage",
    top_up_url="https://platform.deepseek.com/top_up",
    keys_url="https://platform.deepseek.com/api_keys",
    status_url="https://status.deepseek.com",
    usage_url="https://platform.deepseek.com/usage",
    samples=(
        Sample(
            "one wallet",
            {
                "balance": '{"is_available": true, "balance_infos": [{"currency": "CNY", "total_balance": "110.00",'
                ' "granted_balance": "10.00", "topped_up_balance": "100.00"}]}'
            },
            (money(Decimal("110.00"), "CNY", paid=Decimal("100.00"), granted=Decimal("10.00")),),
            usable=True,
        ),
        Sample(
            "an empty row before a funded one, numbers instead of strings",
            {
                "balance": '{"is_available": true, "balance_infos": [{"currency": "CNY", "total_balance": 0,'
                ' "granted_balance": 0, "topped_up_balance": 0}, {"currency": "USD", "total_balance": 12.5,'
                ' "granted_balance": 0, "topped_up_balance": 12.5}]}'
            },
            (
                money(Decimal(0), "CNY", paid=Decimal(0), granted=Decimal(0)),
                money(Decimal("12.5"), "USD", paid=Decimal("12.5"), granted=Decimal(0)),
            ),
            usable=True,
        ),
        Sample(
            "money, but not usable",
            {
                "balance": '{"is_available": false, "balance_infos": [{"currency": "CNY", "total_balance": "3.10",'
                ' "granted_balance": "0.00", "topped_up_balance": "3.10"}]}'
            },
            (money(Decimal("3.10"), "CNY", paid=Decimal("3.10"), granted=Decimal("0.00")),),
            usable=False,
        ),
        Sample("null instead of an answer", {"balance": "null"}, wrong="wrong_shape"),
    ),
    source="https://api-docs.deepseek.com/api/get-user-balance, read 2026-11",
)
