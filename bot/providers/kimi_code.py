"""Kimi Code, the coding subscription: quota per week and per five hours. A Moonshot key does not work here."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.errors import BadAnswer
from bot.model.money import Balance, Kind, Reading
from bot.providers.base import (
    Ask,
    Json,
    Known,
    Provider,
    Sample,
    exhausted,
    limit,
    maybe,
    moment,
    number,
    percent,
    settled,
    wire,
)

_SHARES = (("limit_5h", "5-hour window"), ("limit_7d", "week"), ("limit_month_total", "month"))


def explain(name: str, status: int, answer: Json) -> Balance | str | None:
    """A refusal that speaks of the usage limit is a used-up window, not a fault."""
    words = maybe(answer, "error", "message") or maybe(answer, "message") or ""
    if status in {403, 429} and isinstance(words, str) and "usage limit" in words.lower():
        return exhausted(Kind.WINDOW_QUOTA, "quota_used_up")
    return None


def _resets(row: Json) -> Json:
    return next((row[name] for name in ("resetTime", "resetAt", "reset_time", "reset_at") if row.get(name)), None)


def _window(row: Json, label: str) -> Reading | None:
    if not isinstance(row, dict):
        return None
    of, used, left = number(row.get("limit")), number(row.get("used")), number(row.get("remaining"))
    if left is None and (of is None or used is None):
        return None
    return limit(
        Kind.WINDOW_QUOTA, "requests", left=left, used=used, of=of, resets_at=moment(_resets(row)), label=label
    )


def _length(row: Json) -> str:
    minutes = number(maybe(row, "window", "duration"))
    if maybe(row, "window", "timeUnit") == "TIME_UNIT_MINUTE" and minutes and minutes % 60 == 0:
        return f"{int(minutes) // 60}-hour window"
    return "window"


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """Two shapes, alone or together: counts, and shares used. A share that is missing is unknown, not nothing used."""
    answer = answers["usages"]
    found: list[Reading | None] = [_window(maybe(answer, "usage"), "week")]
    limits = maybe(answer, "limits")
    for row in limits if isinstance(limits, list) else []:
        found.append(_window(maybe(row, "detail"), _length(row)))
    if not any(found):
        for name, label in _SHARES:
            share = number(maybe(answer, "usages", name, "used_ratio"))
            if share is not None:
                at = maybe(answer, "usages", name)
                found.append(percent(100 - share * 100, resets_at=moment(_resets(at)), label=label))
    readings = [reading for reading in found if reading is not None]
    if not readings:
        raise BadAnswer("wrong_shape")
    return settled(*readings)


_NOW = "2026-01-09T15:23:13.716839300Z"

PROVIDER = Provider(
    id="kimi-code",
    title="Kimi Code",
    zh_title="Kimi 编程会员",
    hosts=("api.kimi.com/coding", "api.kimi.ai/coding"),
    env_vars=("KIMI_CODE_API_KEY",),
    tells=(Kind.WINDOW_QUOTA,),
    asks=(Ask("usages", "{root}/v1/usages"),),
    read=read,
    explain=explain,
    default_base="https://api.kimi.com/coding/v1",
    balance_url="https://www.kimi.com/code/console",
    keys_url="https://www.kimi.com/code/console",
    samples=(
        Sample(
            "counts as strings, nanoseconds in the time",
            {
                "usages": wire(
                    {
                        "usage": {"limit": "2048", "used": "214", "remaining": "1834", "resetTime": _NOW},
                        "limits": [
                            {
                                "window": {"duration": 300, "timeUnit": "TIME_UNIT_MINUTE"},
                                "detail": {"limit": "200", "used": "139", "resetTime": _NOW},
                            }
                        ],
                    }
                )
            },
            (
                limit(
                    Kind.WINDOW_QUOTA,
                    "requests",
                    left=Decimal(1834),
                    used=Decimal(214),
                    of=Decimal(2048),
                    resets_at=moment(_NOW),
                    label="week",
                ),
                limit(
                    Kind.WINDOW_QUOTA,
                    "requests",
                    used=Decimal(139),
                    of=Decimal(200),
                    resets_at=moment(_NOW),
                    label="5-hour window",
                ),
            ),
        ),
        Sample(
            "shares used",
            {
                "usages": wire(
                    {
                        "usages": {
                            "limit_5h": {"used_ratio": 0.25, "reset_time": "2026-10-01T05:00:00Z"},
                            "limit_7d": {"used_ratio": 0.2},
                        }
                    }
                )
            },
            (
                percent(Decimal(75), resets_at=moment("2026-10-01T05:00:00Z"), label="5-hour window"),
                percent(Decimal(80), label="week"),
            ),
        ),
        Sample("neither shape", {"usages": wire({"usage": {}})}, wrong="wrong_shape"),
    ),
    source="the vendor's own client MoonshotAI/kimi-cli, read 2026-11",
)
