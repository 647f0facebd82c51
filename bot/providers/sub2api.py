"""sub2api, a gateway: the key's quota and windows, the subscription's windows, or the owner's wallet."""

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
    exhausted,
    limit,
    maybe,
    moment,
    money,
    number,
    settled,
    shape,
    text,
    wire,
)

_PERIODS = (("daily", "day"), ("weekly", "week"), ("monthly", "month"))
_WINDOWS = {"5h": "5-hour window", "1d": "day", "7d": "week"}


def explain(name: str, status: int, answer: Json) -> Balance | str | None:
    """Older releases run the billing check on this route: a money answer, not a bad key."""
    code = maybe(answer, "code")
    if status == 403 and code == "INSUFFICIENT_BALANCE":
        return exhausted(Kind.ACCOUNT_MONEY, "wallet_empty")
    if status == 429 and code == "USAGE_LIMIT_EXCEEDED":
        return exhausted(Kind.WINDOW_QUOTA, "quota_used_up")
    if status == 403 and code == "SUBSCRIPTION_NOT_FOUND":
        return "no_plan"
    return None


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """`remaining` -1 means no limit, not a debt. `isValid` stays true for a used-up key, so `status` decides."""
    answer = answers["usage"]
    if not isinstance(answer, dict):
        raise shape("usage")
    unit = "USD" if answer.get("unit") in {None, "", "USD"} else text(answer["unit"], 12)
    readings: list[Reading] = []
    quota = answer.get("quota")
    if isinstance(quota, dict):
        readings.append(
            limit(
                Kind.KEY_BUDGET,
                unit,
                left=amount(quota.get("remaining")),
                used=number(quota.get("used")),
                of=number(quota.get("limit")),
            )
        )
    for row in answer.get("rate_limits") or []:
        label = _WINDOWS.get(str(row.get("window")), "window")
        left = number(row.get("remaining"))
        readings.append(
            limit(
                Kind.WINDOW_QUOTA,
                unit,
                left=left,
                used=number(row.get("used")),
                of=number(row.get("limit")),
                resets_at=moment(row.get("reset_at")),
                label=label,
            )
        )
    plan = answer.get("subscription")
    if isinstance(plan, dict):
        for name, label in _PERIODS:
            of = number(plan.get(f"{name}_limit_usd"))
            if of is not None:
                readings.append(
                    limit(Kind.GROUP_QUOTA, "USD", used=amount(plan.get(f"{name}_usage_usd")), of=of, label=label)
                )
        if not readings and number(answer.get("remaining")) == -1:
            readings.append(Reading(Kind.GROUP_QUOTA, currency="USD", unlimited=True))
    elif number(answer.get("balance")) is not None:
        readings.append(money(amount(answer["balance"]), unit, label="owner"))
    if not readings:
        raise shape("usage")
    # The exact words for a used-up or expired key are not published; only "active" is known to be fine.
    limited = answer.get("mode") == "quota_limited" and isinstance(answer.get("status"), str)
    return settled(*readings, usable=False if limited and answer["status"] != "active" else None)


_RESET = "2026-11-22T05:00:00Z"
_BASE = "https://gateway.example/v1"

PROVIDER = Provider(
    id="sub2api",
    title="sub2api (gateway)",
    zh_title="sub2api 网关",
    env_vars=("SUB2API_API_KEY",),
    tells=(Kind.KEY_BUDGET, Kind.WINDOW_QUOTA, Kind.GROUP_QUOTA, Kind.ACCOUNT_MONEY),
    asks=(Ask("usage", "{root}/v1/usage"),),
    read=read,
    explain=explain,
    models=MODELS,
    gateway=True,
    samples=(
        Sample(
            "a key with its own quota and windows",
            {
                "usage": wire(
                    {
                        "mode": "quota_limited",
                        "isValid": True,
                        "status": "active",
                        "quota": {"limit": 10, "used": 2.5, "remaining": 7.5, "unit": "USD"},
                        "remaining": 7.5,
                        "unit": "USD",
                        "rate_limits": [{"window": "5h", "limit": 10, "used": 1, "remaining": 9, "reset_at": _RESET}],
                    }
                )
            },
            (
                limit(Kind.KEY_BUDGET, "USD", left=Decimal("7.5"), used=Decimal("2.5"), of=Decimal(10)),
                limit(
                    Kind.WINDOW_QUOTA,
                    "USD",
                    left=Decimal(9),
                    used=Decimal(1),
                    of=Decimal(10),
                    resets_at=moment(_RESET),
                    label="5-hour window",
                ),
            ),
            base_url=_BASE,
        ),
        Sample(
            "a subscription",
            {
                "usage": wire(
                    {
                        "mode": "unrestricted",
                        "isValid": True,
                        "unit": "USD",
                        "remaining": 19,
                        "subscription": {
                            "daily_usage_usd": 1,
                            "daily_limit_usd": 20,
                            "weekly_usage_usd": 5,
                            "weekly_limit_usd": None,
                        },
                    }
                )
            },
            (limit(Kind.GROUP_QUOTA, "USD", used=Decimal(1), of=Decimal(20), label="day"),),
            base_url=_BASE,
        ),
        Sample(
            "a subscription with no limit says -1",
            {
                "usage": wire(
                    {
                        "mode": "unrestricted",
                        "isValid": True,
                        "remaining": -1,
                        "unit": "USD",
                        "subscription": {"daily_usage_usd": 1},
                    }
                )
            },
            (Reading(Kind.GROUP_QUOTA, currency="USD", unlimited=True),),
            base_url=_BASE,
        ),
        Sample(
            "a wallet",
            {
                "usage": wire(
                    {"mode": "unrestricted", "isValid": True, "unit": "USD", "remaining": 12.3, "balance": 12.3}
                )
            },
            (money(Decimal("12.3"), "USD", label="owner"),),
            base_url=_BASE,
        ),
    ),
    source="the Wei-Shaw/sub2api sources, read 2026-11",
)
