"""Tencent Hunyuan: money of the cloud account with a cloud key pair, in fen."""

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
    maybe,
    money,
    number,
    part,
    settled,
    wire,
)
from bot.providers.signing import tc3


def explain(name: str, status: int, answer: Json) -> Balance | str | None:
    """Refusals come with HTTP 200."""
    code = maybe(answer, "Response", "Error", "Code")
    if code is None:
        return None
    if str(code).startswith("UnauthorizedOperation"):
        return "http_403"
    return "http_401" if str(code).startswith("AuthFailure") else "said_no"


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """Yuan, told in fen. The balance of the whole cloud account, and noted as such."""
    response = part(answers["account"], "Response")
    return settled(
        money(
            amount(part(response, "RealBalance"), 100),
            "CNY",
            owed=number(response.get("OweAmount"), 100),
            frozen=number(response.get("FreezeAmount"), 100),
        ),
        note="whole_cloud_account",
    )


_ANSWER = {
    "Response": {"Uin": 90961, "RealBalance": 9647442, "FreezeAmount": 1290368738, "OweAmount": 0, "RequestId": "1323"}
}

PROVIDER = Provider(
    id="tencent-hunyuan",
    title="Tencent Hunyuan",
    zh_title="腾讯混元",
    hosts=("api.hunyuan.cloud.tencent.com", "hunyuan.tencentcloudapi.com", "api.lkeap.cloud.tencent.com"),
    aliases=("hunyuan", "tencent"),
    env_vars=("HUNYUAN_API_KEY",),
    tells=(Kind.ACCOUNT_MONEY,),
    needs="cloud_keys",
    asks=(
        Ask(
            "account",
            "https://billing.tencentcloudapi.com/",
            method="POST",
            credential="account_key",
            headers={"Content-Type": "application/json; charset=utf-8"},
            body=b"{}",
            sign=tc3("billing", "DescribeAccountBalance", "2018-07-09"),
        ),
    ),
    read=read,
    explain=explain,
    models=MODELS,
    default_base="https://api.hunyuan.cloud.tencent.com/v1",
    balance_url="https://console.cloud.tencent.com/expense/overview",
    samples=(
        Sample(
            "fen become yuan",
            {"account": wire(_ANSWER)},
            (money(Decimal("96474.42"), "CNY", owed=Decimal(0), frozen=Decimal("12903687.38")),),
            note="whole_cloud_account",
            account_key=True,
        ),
        Sample(
            "a refusal with HTTP 200",
            {"account": wire({"Response": {"Error": {"Code": "AuthFailure.SecretIdNotFound"}}})},
            account_key=True,
            wrong="http_401",
        ),
    ),
    source="https://cloud.tencent.com/document/api/555/20253, read 2026-11",
)
