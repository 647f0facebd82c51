"""SiliconFlow: account money. Of its three amounts `balance` is only the gift."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.model.money import Balance, Kind
from bot.providers.base import (
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
    """`said_no` for a 200 with another code than 20000; None where the answer can be read."""
    return "said_no" if status == 200 and name == "user" and maybe(answer, "code") != 20000 else None


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """Only the three amounts and the state are read: the body also carries name, e-mail and picture."""
    data = part(answers["user"], "data")
    currency, note = currency_of(PROVIDER.currency, known)
    if data.get("currency") in {"CNY", "USD"}:
        currency, note = data["currency"], ""
    if data.get("status") not in {None, "", "normal"}:
        note = "account_not_normal"
    return settled(
        money(
            amount(part(data, "totalBalance")),
            currency,
            paid=number(data.get("chargeBalance")),
            granted=number(data.get("balance")),
        ),
        note=note,
    )


_ANSWER = {
    "code": 20000,
    "message": "OK",
    "status": True,
    "data": {
        "id": "userid",
        "name": "username",
        "email": "user@example.com",
        "isAdmin": False,
        "balance": "0.88",
        "status": "normal",
        "chargeBalance": "88.00",
        "totalBalance": "88.88",
    },
}

PROVIDER = Provider(
    id="siliconflow",
    title="SiliconFlow",
    zh_title="硅基流动",
    hosts=("api.siliconflow.cn", "api.siliconflow.com"),
    env_vars=("SILICONFLOW_API_KEY",),
    tells=(Kind.ACCOUNT_MONEY,),
    asks=(Ask("user", "https://{host}/v1/user/info"),),
    read=read,
    explain=explain,
    models=Ask("models", "https://{host}/v1/models?sub_type=chat", optional=True),
    currency={"api.siliconflow.cn": "CNY", "api.siliconflow.com": "USD"},
    default_base="https://api.siliconflow.cn/v1",
    balance_url="https://cloud.siliconflow.cn/",
    top_up_url="https://cloud.siliconflow.cn/",
    samples=(
        Sample(
            "China",
            {"user": wire(_ANSWER)},
            (money(Decimal("88.88"), "CNY", paid=Decimal("88.00"), granted=Decimal("0.88")),),
        ),
        Sample(
            "international",
            {"user": wire(_ANSWER)},
            (money(Decimal("88.88"), "USD", paid=Decimal("88.00"), granted=Decimal("0.88")),),
            base_url="https://api.siliconflow.com/v1",
        ),
        Sample(
            "a field is missing: unknown, not 0",
            {"user": wire({"code": 20000, "status": True, "data": {"balance": "0.88"}})},
            wrong="wrong_shape",
        ),
        Sample(
            "a failure with HTTP 200", {"user": wire({"code": 50000, "message": "x", "data": None})}, wrong="said_no"
        ),
    ),
    source="https://docs.siliconflow.cn/cn/api-reference/userinfo/get-user-info, read 2026-11",
)
