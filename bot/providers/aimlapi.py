"""AI/ML API: credits left, told by the vendor's billing host. What a credit costs is not published."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.model.money import Balance, Kind
from bot.providers.base import MODELS, Ask, Json, Known, Provider, Sample, amount, money, part, settled, wire


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """Credits; a state other than `current` becomes the note `account_not_normal`."""
    answer = answers["balance"]
    state = answer.get("status") if isinstance(answer, dict) else None
    return settled(
        money(amount(part(answer, "balance")), "credits"),
        note="account_not_normal" if isinstance(state, str) and state != "current" else "",
    )


PROVIDER = Provider(
    id="aimlapi",
    title="AI/ML API",
    zh_title="AI/ML API",
    hosts=("api.aimlapi.com",),
    aliases=("aiml-api", "ai-ml-api"),
    env_vars=("AIML_API_KEY",),
    tells=(Kind.ACCOUNT_MONEY,),
    # The vendor documents this second host for the same key.
    asks=(Ask("balance", "https://billing.aimlapi.com/v1/billing/balance"),),
    read=read,
    models=MODELS,
    public_models=True,
    default_base="https://api.aimlapi.com/v1",
    samples=(
        Sample(
            "credits",
            {
                "balance": wire(
                    {"balance": 551564495, "lowBalance": False, "lowBalanceThreshold": 10000, "status": "current"}
                )
            },
            (money(Decimal(551564495), "credits"),),
        ),
        Sample("not a number", {"balance": wire({"balance": "lots"})}, wrong="wrong_shape"),
    ),
    source="https://docs.aimlapi.com/api-references/can-i-get-my-billing-info-via-api-request, read 2026-11",
)
