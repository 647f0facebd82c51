"""Ollama: models of a local server; on ollama.com the plan's allowance and the bought credit."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.model.money import Balance, Kind, Reading
from bot.providers.base import (
    Ask,
    Json,
    Known,
    Provider,
    Sample,
    amount,
    limit,
    maybe,
    model_names,
    moment,
    money,
    number,
    part,
    percent,
    rows,
    settled,
    wire,
)


def _cloud(known: Known) -> bool:
    return known.host == "ollama.com" or known.host.endswith(".ollama.com")


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """Dollars or, on older plans, percent left. What is included stops calls only where nothing was bought besides."""
    if "models" in answers:
        rows(answers["models"], "models")
        return Balance((Reading(Kind.HEALTH),), note="local", models=model_names(answers["models"]))
    answer = answers["balance"]
    bought = number(maybe(answer, "purchased", "balance_usd"))
    stops = not bought or bought <= 0
    included = part(answer, "included")
    readings = []
    if "balance_usd" in included:
        readings.append(
            limit(
                Kind.WINDOW_QUOTA,
                "USD",
                left=amount(included["balance_usd"]),
                of=number(included.get("allowance_usd")),
                resets_at=moment(maybe(included, "period", "until")),
                label="plan",
                stops=stops,
            )
        )
    for name, label in (("session", "session"), ("weekly", "week")):
        left = number(maybe(included, name, "remaining_percent"))
        if left is not None:
            readings.append(
                percent(left, resets_at=moment(maybe(included, name, "resets_at")), label=label, stops=stops)
            )
    if bought is not None:
        # Usable stays the plan's word: an empty purse beside a plan blocks nothing.
        readings.append(money(bought, "USD", label="bought"))
    if not readings:
        part(included, "balance_usd")
    return Balance(tuple(readings)) if readings else settled()


_UNTIL = "2026-12-15T09:30:00Z"

PROVIDER = Provider(
    id="ollama",
    title="Ollama (local and Cloud)",
    zh_title="Ollama（本地与云）",
    hosts=("*:11434", "ollama.com", "api.ollama.com"),
    env_vars=("OLLAMA_API_KEY",),
    tells=(Kind.HEALTH, Kind.WINDOW_QUOTA, Kind.ACCOUNT_MONEY),
    asks=(
        Ask("balance", lambda known: "https://ollama.com/api/balance" if _cloud(known) else None),
        # A cloud key never goes to a local server.
        Ask("models", lambda known: None if _cloud(known) else "{root}/api/tags", auth="none", credential="none"),
    ),
    read=read,
    models=Ask("models", "{root}/api/tags", auth="none", credential="none", optional=True),
    public_models=True,
    base_paths=("/v1", "/api"),
    default_base="http://127.0.0.1:11434/v1",
    balance_url="https://ollama.com/settings",
    keys_url="https://ollama.com/settings/keys",
    local=True,
    samples=(
        Sample(
            "cloud: plan and bought credit",
            {
                "balance": wire(
                    {
                        "included": {
                            "balance_usd": 72.5,
                            "allowance_usd": 100,
                            "period": {"from": "2026-11-15T09:30:00Z", "until": _UNTIL},
                        },
                        "purchased": {"balance_usd": 25},
                    }
                )
            },
            (
                limit(
                    Kind.WINDOW_QUOTA,
                    "USD",
                    left=Decimal("72.5"),
                    of=Decimal(100),
                    resets_at=moment(_UNTIL),
                    label="plan",
                ),
                money(Decimal(25), "USD", label="bought"),
            ),
            base_url="https://ollama.com/v1",
        ),
        Sample(
            "cloud, older plan: percent left",
            {
                "balance": wire(
                    {
                        "included": {
                            "session": {"remaining_percent": 40, "resets_at": _UNTIL},
                            "weekly": {"remaining_percent": 0},
                        }
                    }
                )
            },
            (percent(Decimal(40), resets_at=moment(_UNTIL), label="session"), percent(Decimal(0), label="week")),
            base_url="https://ollama.com/v1",
        ),
        Sample(
            "local",
            {"models": wire({"models": [{"name": "llama3:8b", "size": 4661224676}]})},
            (Reading(Kind.HEALTH),),
            note="local",
            base_url="http://127.0.0.1:11434/v1",
        ),
    ),
    source="https://docs.ollama.com/api/balance.md, read 2026-11",
)
