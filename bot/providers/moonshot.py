"""Moonshot, the Kimi Open Platform: account money. The China and the international site are two worlds of accounts."""

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
    currency_of,
    maybe,
    money,
    number,
    part,
    settled,
    wire,
)


def explain(name: str, status: int, answer: Json) -> Balance | str | None:
    """`said_no` for a 200 whose own code or status denies; None where the answer can be read."""
    if status == 200 and name == "balance" and (maybe(answer, "code") != 0 or maybe(answer, "status") is False):
        return "said_no"
    return None


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """The body names no currency: CNY on the .cn host, USD on .ai. Cash below zero is debt; available is what counts."""
    data = part(answers["balance"], "data")
    currency, note = currency_of(PROVIDER.currency, known)
    return settled(
        money(
            amount(part(data, "available_balance")),
            currency,
            paid=number(data.get("cash_balance")),
            voucher=number(data.get("voucher_balance")),
        ),
        note=note,
    )


_ANSWER = {
    "code": 0,
    "data": {"available_balance": 49.58894, "voucher_balance": 46.58893, "cash_balance": 3.00001},
    "scode": "0x0",
    "status": True,
}
_CASH, _VOUCHER = Decimal("3.00001"), Decimal("46.58893")

PROVIDER = Provider(
    id="moonshot",
    title="Moonshot (Kimi Open Platform)",
    zh_title="月之暗面 Kimi 开放平台",
    hosts=("api.moonshot.cn", "api.moonshot.ai"),
    aliases=("kimi",),
    env_vars=("MOONSHOT_API_KEY", "MOONSHOT_KEY"),
    tells=(Kind.ACCOUNT_MONEY,),
    asks=(Ask("balance", "https://{host}/v1/users/me/balance"),),
    read=read,
    explain=explain,
    models=MODELS,
    currency={"api.moonshot.cn": "CNY", "api.moonshot.ai": "USD"},
    default_base="https://api.moonshot.cn/v1",
    balance_url="https://platform.moonshot.ai/console/account",
    top_up_url="https://platform.moonshot.cn/",
    usage_url="https://platform.moonshot.ai/console/account",
    samples=(
        Sample("China", {"balance": wire(_ANSWER)}, (money(Decimal("49.58894"), "CNY", paid=_CASH, voucher=_VOUCHER),)),
        Sample(
            "international: the same body is dollars",
            {"balance": wire(_ANSWER)},
            (money(Decimal("49.58894"), "USD", paid=_CASH, voucher=_VOUCHER),),
            base_url="https://api.moonshot.ai/v1",
        ),
        Sample(
            "debt: only the voucher is left, then nothing",
            {
                "balance": wire(
                    {
                        "code": 0,
                        "status": True,
                        "data": {"available_balance": -1.5, "voucher_balance": 0, "cash_balance": -1.5},
                    }
                )
            },
            (money(Decimal("-1.5"), "CNY", paid=Decimal("-1.5"), voucher=Decimal(0), blocks=True),),
            usable=False,
        ),
        Sample("a failure with HTTP 200", {"balance": wire({"code": 5, "status": False, "data": {}})}, wrong="said_no"),
    ),
    source="https://platform.moonshot.cn/docs/api/balance, read 2026-11",
)
