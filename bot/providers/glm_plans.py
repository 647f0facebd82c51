"""What Zhipu and Z.ai share: plan windows and the pay-as-you-go purse, on two undocumented addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from bot.errors import BadAnswer
from bot.model.money import Balance, Kind, Reading
from bot.providers.base import (
    Ask,
    Json,
    Known,
    Sample,
    amount,
    limit,
    maybe,
    moment,
    money,
    number,
    part,
    percent,
    rows,
    wire,
)

ASKS = (
    # The vendor's own plugin sends the key bare; some sites want Bearer.
    Ask("plan", "https://{host}/api/monitor/usage/quota/limit", auth="raw", optional=True),
    Ask(
        "plan with bearer",
        "https://{host}/api/monitor/usage/quota/limit",
        optional=True,
        instead_of="plan",
        instead_when=("http_401",),
    ),
    Ask("purse", "https://{host}/api/biz/account/query-customer-account-report", optional=True),
    Ask(
        "purse raw",
        "https://{host}/api/biz/account/query-customer-account-report",
        auth="raw",
        optional=True,
        instead_of="purse",
        instead_when=("http_401",),
    ),
)


def explain(name: str, status: int, answer: Json) -> Balance | str | None:
    """Failures come with HTTP 200."""
    if status != 200 or not isinstance(answer, dict) or name == "models":
        return None
    if answer.get("success") is True and answer.get("code") == 200:
        return None
    if answer.get("code") in {401, 1000, 1001}:
        return "http_401"
    return "no_plan" if answer.get("code") == 500 and name.startswith("plan") else "said_no"


def _label(row: Mapping[str, Json]) -> str:
    unit, count = row.get("unit"), row.get("number")
    if unit == 3 and isinstance(count, int):
        return f"{count}-hour window"
    return {6: "week", 5: "month"}.get(unit if isinstance(unit, int) else 0, "window")


def _windows(answer: Json, *, stops: bool) -> list[Reading]:
    data = maybe(answer, "data")
    found = []
    for row in rows(data, "limits") if isinstance(data, dict) and data.get("limits") else []:
        resets = moment(row.get("nextResetTime"))
        if row.get("type") == "TIME_LIMIT":
            # Tool calls of the month; here `usage` is the limit. The model answers without them.
            found.append(
                limit(
                    Kind.WINDOW_QUOTA,
                    "requests",
                    left=number(row.get("remaining")),
                    used=number(row.get("currentValue")),
                    of=number(row.get("usage")),
                    resets_at=resets,
                    label="tool calls, month",
                    stops=False,
                )
            )
        elif row.get("type") in {"TOKENS_LIMIT", "CREDIT_LIMIT"}:
            found.append(
                percent(100 - amount(part(row, "percentage")), resets_at=resets, label=_label(row), stops=stops)
            )
    return found


def reader(currency: Callable[[Known], str]) -> Callable[[Mapping[str, Json], Known], Balance]:
    """Plan and purse are independent: which of them stops calls, the address in use tells (/coding is the plan)."""

    def read(answers: Mapping[str, Json], known: Known) -> Balance:
        on_plan = "/coding" in known.path
        plan = answers.get("plan", answers.get("plan with bearer"))
        readings = _windows(plan, stops=on_plan) if plan is not None else []
        purse = maybe(answers.get("purse", answers.get("purse raw")), "data")
        usable: bool | None = None
        if isinstance(purse, dict) and "availableBalance" in purse:
            left = amount(purse["availableBalance"])
            empty = left <= 0 and not on_plan
            usable = False if empty else None
            readings.append(
                money(
                    left,
                    currency(known),
                    granted=number(purse.get("giveAmount")),
                    used=number(purse.get("totalSpendAmount")),
                    blocks=empty,
                )
            )
        if not readings:
            raise BadAnswer("nothing_subscribed")
        return Balance(tuple(readings), usable=usable)

    return read


def samples(base: str, currency: str) -> tuple[Sample, ...]:
    """Made-up answers in the shape of both sites. `base`: where the plan is asked; `currency` of the money beside it."""
    five_hours, week = 1785816000000, 1786291200000
    plan = {
        "code": 200,
        "msg": "success",
        "success": True,
        "data": {
            "level": "pro",
            "limits": [
                {"type": "TOKENS_LIMIT", "unit": 3, "number": 5, "percentage": 25, "nextResetTime": five_hours},
                {"type": "TOKENS_LIMIT", "unit": 6, "number": 1, "percentage": 100, "nextResetTime": week},
                {
                    "type": "TIME_LIMIT",
                    "unit": 5,
                    "number": 1,
                    "usage": 1000,
                    "currentValue": 224,
                    "remaining": 776,
                    "percentage": 22,
                },
            ],
        },
    }
    purse = (
        '{"code": 200, "success": true, "data": {"balance": 9.923912205, "availableBalance": 9.923912205E0,'
        ' "rechargeAmount": 10.0, "giveAmount": 0.0, "totalSpendAmount": 7.6087795E-2}}'
    )
    money_left = money(Decimal("9.923912205"), currency, granted=Decimal("0.0"), used=Decimal("0.076087795"))

    def windows(*, stops: bool) -> tuple[Reading, ...]:
        return (
            percent(Decimal(75), resets_at=moment(five_hours), label="5-hour window", stops=stops),
            percent(Decimal(0), resets_at=moment(week), label="week", stops=stops),
            limit(
                Kind.WINDOW_QUOTA,
                "requests",
                left=Decimal(776),
                used=Decimal(224),
                of=Decimal(1000),
                label="tool calls, month",
            ),
        )

    return (
        Sample(
            "plan used up, but the purse pays here",
            {"plan": wire(plan), "purse": purse},
            (*windows(stops=False), money_left),
            base_url=base + "/api/paas/v4",
        ),
        Sample(
            "on the plan's address the plan stops",
            {"plan": wire(plan), "purse": purse},
            (*windows(stops=True), money_left),
            base_url=base + "/api/coding/paas/v4",
        ),
        Sample(
            "no plan, only a purse",
            {"purse": purse},
            (money_left,),
            base_url=base + "/api/paas/v4",
            failed={"plan": "no_plan"},
        ),
        Sample(
            "a wrong key with HTTP 200",
            {"plan": wire({"code": 1001, "msg": "x", "success": False})},
            base_url=base + "/api/paas/v4",
            wrong="http_401",
        ),
        Sample(
            "nothing subscribed",
            {"plan": wire({"code": 200, "success": True, "data": {}})},
            base_url=base + "/api/paas/v4",
            wrong="nothing_subscribed",
        ),
    )
