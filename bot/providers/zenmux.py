"""ZenMux: pay-as-you-go credit and the plan's windows, with a management key. Its 422 means too many requests."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.model.money import Balance, Kind, Reading
from bot.providers.base import (
    MODELS,
    Ask,
    Json,
    Known,
    Provider,
    Sample,
    amount,
    maybe,
    moment,
    money,
    number,
    part,
    percent,
    settled,
    shape,
    wire,
)

_WINDOWS = (("quota_5_hour", "5-hour window"), ("quota_7_day", "week"))


def explain(name: str, status: int, answer: Json) -> Balance | str | None:
    """422 is its word for too many questions; a 200 without `success` is `said_no`."""
    if status == 422:
        return "rate_limited"
    return "said_no" if status == 200 and name != "models" and maybe(answer, "success") is not True else None


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """total_credits is what is LEFT here. The share used is a fraction. Plan and purse are separate, so with a plan an
    empty purse is no verdict."""
    data = part(answers["purse"], "data")
    currency = str(part(data, "currency")).upper()
    if len(currency) != 3:
        raise shape("currency")
    readings: list[Reading] = [
        money(
            amount(part(data, "total_credits")),
            currency,
            paid=number(data.get("top_up_credits")),
            granted=number(data.get("bonus_credits")),
        )
    ]
    plan = maybe(answers.get("plan"), "data")
    windows = []
    for name, label in _WINDOWS:
        share = number(maybe(plan, name, "usage_percentage"))
        if share is not None:
            windows.append(
                percent(100 - share * 100, resets_at=moment(maybe(plan, name, "resets_at")), label=label, stops=False)
            )
    return Balance((*readings, *windows)) if windows else settled(*readings)


_PURSE = wire(
    {
        "success": True,
        "data": {"currency": "usd", "total_credits": 482.74, "top_up_credits": 35.0, "bonus_credits": 447.74},
    }
)
_MONEY = money(Decimal("482.74"), "USD", paid=Decimal("35.0"), granted=Decimal("447.74"))
_RESET = "2026-11-22T05:00:00Z"

PROVIDER = Provider(
    id="zenmux",
    title="ZenMux",
    zh_title="ZenMux",
    hosts=("zenmux.ai",),
    env_vars=("ZENMUX_API_KEY", "ZENMUX_MANAGEMENT_API_KEY"),
    tells=(Kind.ACCOUNT_MONEY, Kind.WINDOW_QUOTA),
    needs="management_key",
    asks=(
        Ask("purse", "https://{host}/api/v1/management/payg/balance", credential="account_key"),
        Ask("plan", "https://{host}/api/v1/management/subscription/detail", credential="account_key", optional=True),
    ),
    read=read,
    explain=explain,
    models=MODELS,
    base_paths=("/api/v1", "/api/anthropic"),
    default_base="https://zenmux.ai/api/v1",
    balance_url="https://zenmux.ai/platform/management",
    samples=(
        Sample("pay as you go", {"purse": _PURSE}, (_MONEY,), account_key=True),
        Sample(
            "with a plan",
            {
                "purse": _PURSE,
                "plan": wire(
                    {"success": True, "data": {"quota_5_hour": {"usage_percentage": 0.25, "resets_at": _RESET}}}
                ),
            },
            (_MONEY, percent(Decimal(75), resets_at=moment(_RESET), label="5-hour window")),
            account_key=True,
        ),
    ),
    source="https://docs.zenmux.ai/zh/api/platform/payg-balance.html, read 2026-11",
)
