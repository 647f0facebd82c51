"""Baidu Qianfan: cash of the cloud account with a cloud key pair. Vouchers are not in it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.model.money import Balance, Kind
from bot.providers.base import MODELS, Ask, Json, Known, Provider, Sample, amount, money, part, wire
from bot.providers.signing import bce


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """The body names no currency; the site bills in CNY. Empty cash is no verdict: vouchers may still pay."""
    cash = amount(part(answers["account"], "cashBalance"))
    return Balance((money(cash, "CNY", label="cash"),), note="cash_only")


PROVIDER = Provider(
    id="baidu-qianfan",
    title="Baidu Qianfan",
    zh_title="百度千帆 / 文心",
    hosts=("qianfan.baidubce.com", "aip.baidubce.com"),
    aliases=("qianfan", "baidu", "ernie"),
    env_vars=("QIANFAN_API_KEY",),
    tells=(Kind.ACCOUNT_MONEY,),
    needs="cloud_keys",
    asks=(
        Ask(
            "account",
            "https://billing.baidubce.com/v1/finance/cash/balance",
            method="POST",
            credential="account_key",
            headers={"Content-Type": "application/json"},
            sign=bce(),
        ),
    ),
    read=read,
    models=MODELS,
    base_paths=("/v2", "/v2/coding"),
    default_base="https://qianfan.baidubce.com/v2",
    balance_url="https://console.bce.baidu.com/",
    samples=(
        Sample(
            "cash",
            {"account": wire({"cashBalance": 850.0})},
            (money(Decimal("850.0"), "CNY", label="cash"),),
            note="cash_only",
            account_key=True,
        ),
        Sample("nothing in it", {"account": "{}"}, account_key=True, wrong="wrong_shape"),
    ),
    source="https://cloud.baidu.com/doc/Finance/s/Skhtyytwu, read 2026-11",
)
