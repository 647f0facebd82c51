"""ModelScope: magicubes, which are neither money nor calls."""

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
    wire,
)


def explain(name: str, status: int, answer: Json) -> Balance | str | None:
    """`said_no` for a 200 without `success`; None where the answer can be read."""
    return "said_no" if status == 200 and name == "balance" and maybe(answer, "success") is not True else None


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """Daily free calls are apart from magicubes, so none left is no verdict."""
    data = part(answers["balance"], "data")
    frozen = number(data.get("frozen_balance", data.get("frozen_amount")))
    return Balance((money(amount(part(data, "available_balance")), "magicube", frozen=frozen),))


PROVIDER = Provider(
    id="modelscope",
    title="ModelScope",
    zh_title="魔搭社区",
    hosts=("api-inference.modelscope.cn", "modelscope.cn"),
    env_vars=("MODELSCOPE_API_KEY", "MODELSCOPE_API_TOKEN"),
    tells=(Kind.ACCOUNT_MONEY,),
    asks=(Ask("balance", "https://modelscope.cn/openapi/v1/magicubes/balance"),),
    read=read,
    explain=explain,
    models=MODELS,
    public_models=True,
    default_base="https://api-inference.modelscope.cn/v1",
    balance_url="https://modelscope.cn/magicube/usage",
    keys_url="https://modelscope.cn/my/myaccesstoken",
    samples=(
        Sample(
            "magicubes",
            {
                "balance": wire(
                    {
                        "success": True,
                        "data": {"total_balance": 120.5, "available_balance": 100.5, "frozen_balance": 20.0},
                    }
                )
            },
            (money(Decimal("100.5"), "magicube", frozen=Decimal("20.0")),),
        ),
        Sample("a refusal", {"balance": wire({"success": False})}, wrong="said_no"),
    ),
    source="modelscope/modelscope_hub tests/data/openapi.json, read 2026-11",
)
