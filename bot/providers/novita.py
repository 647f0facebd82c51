"""Novita: account money in ten-thousandths of a dollar. What is available can include a credit line."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.model.money import Balance, Kind
from bot.providers.base import MODELS, Ask, Json, Known, Provider, Sample, amount, money, number, part, settled, wire


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """US dollars; the site counts in ten-thousandths. An older address answers with fewer fields."""
    answer = answers.get("detail", answers.get("older"))
    return settled(
        money(
            amount(part(answer, "availableBalance"), 10_000),
            "USD",
            paid=number(answer.get("cashBalance"), 10_000),
            credit_line=number(answer.get("creditLimit"), 10_000),
            owed=number(answer.get("outstandingInvoices"), 10_000),
        )
    )


_ANSWER = {
    "availableBalance": "1000000",
    "cashBalance": "800000",
    "creditLimit": "200000",
    "pendingCharges": "0",
    "outstandingInvoices": "0",
}
_MONEY = money(Decimal(100), "USD", paid=Decimal(80), credit_line=Decimal(20), owed=Decimal(0))

PROVIDER = Provider(
    id="novita",
    title="Novita AI",
    zh_title="Novita AI",
    hosts=("api.novita.ai",),
    env_vars=("NOVITA_API_KEY",),
    tells=(Kind.ACCOUNT_MONEY,),
    asks=(
        Ask("detail", "https://{host}/openapi/v1/billing/balance/detail"),
        Ask("older", "https://{host}/v3/user/balance", optional=True, instead_of="detail", instead_when=("http_404",)),
    ),
    read=read,
    models=MODELS,
    public_models=True,
    base_paths=("/v3/openai", "/openai/v1"),
    default_base="https://api.novita.ai/v3/openai",
    balance_url="https://novita.ai/",
    samples=(
        Sample("texts", {"detail": wire(_ANSWER)}, (_MONEY,)),
        Sample(
            "the older address, numbers",
            {
                "older": wire(
                    {
                        "availableBalance": 1000000,
                        "cashBalance": 800000,
                        "creditLimit": 200000,
                        "outstandingInvoices": 0,
                    }
                )
            },
            (_MONEY,),
            failed={"detail": "http_404"},
        ),
        Sample("null is unknown", {"detail": wire({"availableBalance": None})}, wrong="wrong_shape"),
    ),
    source="https://novita.ai/docs/api-reference/basic-get-user-balance.md, read 2026-11",
)
