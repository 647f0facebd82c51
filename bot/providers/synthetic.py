"""Synthetic: requests per five hours, credits per week, searches per hour."""

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
    limit,
    maybe,
    moment,
    number,
    percent,
    shape,
    wire,
)


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """Each window where it is told; searches are apart from the model and stop nothing."""
    answer = answers["quotas"]
    readings: list[Reading] = []
    five = maybe(answer, "rollingFiveHourLimit")
    if number(maybe(five, "max")) is not None:
        readings.append(
            limit(
                Kind.WINDOW_QUOTA,
                "requests",
                left=amount(five.get("remaining")),
                of=amount(five["max"]),
                resets_at=moment(five.get("nextTickAt")),
                label="5-hour window",
            )
        )
    week = maybe(answer, "weeklyTokenLimit")
    left = number(maybe(week, "percentRemaining"))
    if left is not None:
        readings.append(percent(left, resets_at=moment(week.get("nextRegenAt")), label="week"))
    search = maybe(answer, "search", "hourly")
    if number(maybe(search, "limit")) is not None:
        readings.append(
            limit(
                Kind.WINDOW_QUOTA,
                "requests",
                used=amount(search.get("requests")),
                of=amount(search["limit"]),
                resets_at=moment(search.get("renewsAt")),
                label="searches, hour",
                stops=False,
            )
        )
    plan = maybe(answer, "subscription")
    if not readings and number(maybe(plan, "limit")) is not None:
        readings.append(
            limit(
                Kind.WINDOW_QUOTA,
                "requests",
                used=amount(plan.get("requests")),
                of=amount(plan["limit"]),
                resets_at=moment(plan.get("renewsAt")),
                label="plan",
            )
        )
    if not readings:
        raise shape("quotas")
    return Balance(tuple(readings))


PROVIDER = Provider(
    id="synthetic",
    title="Synthetic",
    zh_title="Synthetic",
    hosts=("api.synthetic.new",),
    env_vars=("SYNTHETIC_API_KEY",),
    tells=(Kind.WINDOW_QUOTA,),
    asks=(Ask("quotas", "https://{host}/v2/quotas"),),
    read=read,
    models=MODELS,
    public_models=True,
    base_paths=("/openai/v1",),
    default_base="https://api.synthetic.new/openai/v1",
    samples=(
        Sample(
            "five hours, week, searches",
            {
                "quotas": wire(
                    {
                        "rollingFiveHourLimit": {
                            "max": 500,
                            "remaining": 480.5,
                            "limited": False,
                            "nextTickAt": "2026-11-22T03:00:00Z",
                        },
                        "weeklyTokenLimit": {"percentRemaining": 62.5, "nextRegenAt": "2026-11-23T00:00:00Z"},
                        "search": {"hourly": {"limit": 250, "requests": 0, "renewsAt": "2026-11-22T04:00:00Z"}},
                    }
                )
            },
            (
                limit(
                    Kind.WINDOW_QUOTA,
                    "requests",
                    left=Decimal("480.5"),
                    of=Decimal(500),
                    resets_at=moment("2026-11-22T03:00:00Z"),
                    label="5-hour window",
                ),
                percent(Decimal("62.5"), resets_at=moment("2026-11-23T00:00:00Z"), label="week"),
                limit(
                    Kind.WINDOW_QUOTA,
                    "requests",
                    used=Decimal(0),
                    of=Decimal(250),
                    resets_at=moment("2026-11-22T04:00:00Z"),
                    label="searches, hour",
                ),
            ),
        ),
        Sample(
            "empty windows are unknown, not full",
            {"quotas": wire({"rollingFiveHourLimit": {}, "weeklyTokenLimit": {}, "search": {"hourly": {}}})},
            wrong="wrong_shape",
        ),
    ),
    source="https://dev.synthetic.new/docs/synthetic/quotas, read 2026-11",
)
