"""Chutes: the subscription's use against its caps, in dollars. The shape is as public clients show it."""

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
    limit,
    maybe,
    moment,
    part,
    shape,
    wire,
)

_WINDOWS = (("four_hour", "4-hour window"), ("monthly", "month"))


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """Beyond the plan calls go on at pay-as-you-go prices, so a full window stops nothing by itself."""
    answer = answers["subscription"]
    readings = []
    for name, label in _WINDOWS:
        row = maybe(answer, name)
        if isinstance(row, dict):
            resets = moment(row.get("reset_at") or row.get("resets_at"))
            readings.append(
                limit(
                    Kind.WINDOW_QUOTA,
                    "USD",
                    used=amount(part(row, "usage")),
                    of=amount(part(row, "cap")),
                    resets_at=resets,
                    label=label,
                    stops=False,
                )
            )
    if not readings:
        raise shape("subscription")
    return Balance(tuple(readings), note="undocumented")


PROVIDER = Provider(
    id="chutes",
    title="Chutes",
    zh_title="Chutes",
    hosts=("llm.chutes.ai", "api.chutes.ai"),
    env_vars=("CHUTES_API_KEY",),
    tells=(Kind.WINDOW_QUOTA,),
    asks=(Ask("subscription", "https://api.chutes.ai/users/me/subscription_usage"),),
    read=read,
    models=MODELS,
    public_models=True,
    default_base="https://llm.chutes.ai/v1",
    unproven=True,
    samples=(
        Sample(
            "two windows",
            {"subscription": wire({"four_hour": {"usage": 0.5, "cap": 10.0}, "monthly": {"usage": 3.0, "cap": 100.0}})},
            (
                limit(Kind.WINDOW_QUOTA, "USD", used=Decimal("0.5"), of=Decimal("10.0"), label="4-hour window"),
                limit(Kind.WINDOW_QUOTA, "USD", used=Decimal("3.0"), of=Decimal("100.0"), label="month"),
            ),
            note="undocumented",
        ),
        Sample("another shape", {"subscription": wire({"used": 1})}, wrong="wrong_shape"),
    ),
    source="https://chutes.ai/docs (GET /users/me/subscription_usage) and public clients, read 2026-11",
)
