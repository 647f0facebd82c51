"""StepFun: account money. Postpaid accounts may go below zero and still work."""

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
    money,
    part,
    settled,
    wire,
)


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """The two totals are what was ever paid in and granted, not parts of the balance, so they are not shown as such."""
    answer = answers["account"]
    currency, note = currency_of(PROVIDER.currency, known)
    reading = money(amount(part(answer, "balance")), currency)
    if answer.get("type") == "postpaid":
        return Balance((reading,), note="postpaid")
    return settled(reading, note=note)


_ANSWER = {
    "object": "account",
    "type": "prepaid",
    "balance": 8.5,
    "total_cash_balance": 100.0,
    "total_voucher_balance": 15.0,
}

PROVIDER = Provider(
    id="stepfun",
    title="StepFun",
    zh_title="阶跃星辰",
    hosts=("api.stepfun.com", "api.stepfun.ai"),
    env_vars=("STEPFUN_API_KEY",),
    tells=(Kind.ACCOUNT_MONEY,),
    asks=(Ask("account", "https://{host}/v1/accounts"),),
    read=read,
    models=MODELS,
    currency={"api.stepfun.com": "CNY", "api.stepfun.ai": "USD"},
    default_base="https://api.stepfun.com/v1",
    balance_url="https://platform.stepfun.com/plan-usage",
    keys_url="https://platform.stepfun.com/interface-key",
    samples=(
        Sample("prepaid", {"account": wire(_ANSWER)}, (money(Decimal("8.5"), "CNY"),)),
        Sample(
            "the international site",
            {"account": wire(_ANSWER)},
            (money(Decimal("8.5"), "USD"),),
            base_url="https://api.stepfun.ai/v1",
        ),
        Sample(
            "postpaid below zero still works",
            {"account": wire({**_ANSWER, "type": "postpaid", "balance": "-3"})},
            (money(Decimal(-3), "CNY"),),
            note="postpaid",
        ),
        Sample(
            "prepaid and empty",
            {"account": wire({**_ANSWER, "balance": 0})},
            (money(Decimal(0), "CNY", blocks=True),),
            usable=False,
        ),
    ),
    source="https://platform.stepfun.com/docs/zh/api-reference/accounts/get, read 2026-11",
)
