"""Alibaba Model Studio: the inference key never reads money; a cloud AccessKey pair tells the whole cloud account's."""

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
    shape,
    wire,
)
from bot.providers.signing import acs3

_SIGN = acs3("QueryAccountBalance", "2017-12-14")


def _endpoint(known: Known) -> str:
    """Accounts of the international site are asked in their own region."""
    international = known.host.startswith("dashscope-intl") or ".ap-southeast-1." in known.host
    return "https://business.ap-southeast-1.aliyuncs.com/" if international else "https://business.aliyuncs.com/"


def explain(name: str, status: int, answer: Json) -> Balance | str | None:
    """Alibaba's codes about the access key: `http_401`, `http_403`, else `said_no`. None where the answer can be read."""
    if name != "account":
        return None
    code = str(maybe(answer, "Code") or "")
    if code in {"NotAuthorized", "Forbidden", "NoPermission"} or code.startswith("Forbidden"):
        return "http_403"
    if code.startswith(("InvalidAccessKeyId", "SignatureDoesNotMatch", "IncompleteSignature", "MissingAccessKeyId")):
        return "http_401"
    return "said_no" if status == 200 and maybe(answer, "Success") is not True else None


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """Text amounts, perhaps with thousands separators. Available includes the credit line."""
    data = part(answers["account"], "Data")
    currency = part(data, "Currency")
    if currency not in {"CNY", "USD", "JPY"}:
        raise shape("Currency")
    return settled(
        money(
            amount(part(data, "AvailableAmount")),
            currency,
            paid=number(data.get("AvailableCashAmount")),
            credit_line=number(data.get("CreditAmount")),
        ),
        note="whole_cloud_account",
    )


def _answer(available: str) -> str:
    data = {"AvailableAmount": available, "AvailableCashAmount": "10000.00", "CreditAmount": "0.00", "Currency": "CNY"}
    return wire({"Code": "200", "Message": "success", "Success": True, "Data": data})


PROVIDER = Provider(
    id="dashscope",
    title="Alibaba Model Studio",
    zh_title="阿里云百炼 / 通义千问",
    hosts=("dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com", "*.maas.aliyuncs.com"),
    aliases=("bailian", "qwen", "aliyun", "alibaba"),
    env_vars=("DASHSCOPE_API_KEY",),
    tells=(Kind.ACCOUNT_MONEY,),
    needs="cloud_keys",
    asks=(Ask("account", _endpoint, method="POST", credential="account_key", sign=_SIGN),),
    read=read,
    explain=explain,
    models=MODELS,
    base_paths=("/compatible-mode/v1", "/api/v1"),
    default_base="https://dashscope.aliyuncs.com/compatible-mode/v1",
    balance_url="https://bailian.console.aliyun.com/",
    keys_url="https://bailian.console.aliyun.com/",
    status_url="https://status.aliyun.com",
    samples=(
        Sample(
            "thousands separators",
            {"account": _answer("10,000.00")},
            (money(Decimal("10000.00"), "CNY", paid=Decimal("10000.00"), credit_line=Decimal("0.00")),),
            note="whole_cloud_account",
            account_key=True,
        ),
        Sample(
            "not allowed",
            {"account": wire({"Code": "NotAuthorized", "Message": "x", "Success": False})},
            account_key=True,
            wrong="http_403",
        ),
    ),
    source="https://help.aliyun.com/document_detail/472991.html, read 2026-11",
)
