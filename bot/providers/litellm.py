"""LiteLLM Proxy: spend and budget of the key, its user and its team. Its spend is an estimate, not the upstream's bill."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import quote

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
    number,
    part,
    settled,
    wire,
)


def explain(name: str, status: int, answer: Json) -> Balance | str | None:
    """A budget refusal has three faces: 400, 429 and, in older releases, 401."""
    words = str(maybe(answer, "error", "message") or maybe(answer, "detail") or "").lower()
    if (
        maybe(answer, "error", "type") == "budget_exceeded"
        or "budget has been exceeded" in words
        or "exceededtokenbudget" in words
    ):
        return exhausted(Kind.KEY_BUDGET, "key_exhausted")
    if "max budget limit reached" in words:
        return exhausted(Kind.GROUP_QUOTA, "group_exhausted")
    return None


def _id(known: Known, name: str) -> str | None:
    found = maybe(known.answers.get("key"), "info", name)
    return quote(found, safe="") if isinstance(found, str) and found and len(found) < 200 else None


def _user(known: Known) -> str | None:
    found = _id(known, "user_id")
    return f"{{root}}/user/info?user_id={found}" if found else None


def _team(known: Known) -> str | None:
    found = _id(known, "team_id")
    return f"{{root}}/team/info?team_id={found}" if found else None


def _budget(kind: Kind, row: Json, label: str, *, stops: bool = True) -> Reading | None:
    of = number(row.get("max_budget"))
    if of is None:
        of = number(maybe(row, "litellm_budget_table", "max_budget"))
    spent = number(row.get("spend"))
    if of is None:
        return None
    return limit(kind, "USD", used=spent, of=of, resets_at=moment(row.get("budget_reset_at")), label=label, stops=stops)


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """The tightest of key, team and user stops. For a key of a team the team's budget is enforced, not the user's."""
    info = part(answers["key"], "info")
    spent = amount(part(info, "spend"))
    own = _budget(Kind.KEY_BUDGET, info, "")
    readings = [own or Reading(Kind.KEY_BUDGET, currency="USD", used=spent, unlimited=True)]
    in_team = isinstance(info.get("team_id"), str)
    team = maybe(answers.get("team"), "team_info")
    if isinstance(team, dict) and (group := _budget(Kind.GROUP_QUOTA, team, "team")):
        readings.append(group)
    user = maybe(answers.get("user"), "user_info")
    if isinstance(user, dict) and (person := _budget(Kind.GROUP_QUOTA, user, "user", stops=not in_team)):
        readings.append(person)
    return settled(*readings, note="proxy_estimate")


_RESET = "2026-12-01T00:00:00Z"
_INFO = {
    "key_alias": "bot",
    "spend": 12.34,
    "max_budget": 100.0,
    "budget_reset_at": _RESET,
    "user_id": "u1",
    "team_id": "t1",
    "models": [],
}
_TEAM = wire(
    {"team_id": "t1", "team_info": {"team_id": "t1", "spend": 300.0, "max_budget": 1000.0, "budget_reset_at": None}}
)
_USER = wire(
    {
        "user_id": "u1",
        "user_info": {"user_id": "u1", "spend": 200.0, "max_budget": 200.0, "budget_reset_at": _RESET},
        "teams": [],
    }
)
_BASE = "https://proxy.example/v1"

PROVIDER = Provider(
    id="litellm",
    title="LiteLLM Proxy",
    zh_title="LiteLLM 网关",
    env_vars=("LITELLM_API_KEY",),
    tells=(Kind.KEY_BUDGET, Kind.GROUP_QUOTA),
    asks=(
        Ask("key", "{root}/key/info"),
        Ask("team", _team, optional=True),
        Ask("user", _user, optional=True),
    ),
    read=read,
    explain=explain,
    models=MODELS,
    gateway=True,
    balance_url="{root}/ui",
    samples=(
        Sample(
            "key, team, user",
            {"key": wire({"key": "hash", "info": _INFO}), "team": _TEAM, "user": _USER},
            (
                limit(Kind.KEY_BUDGET, "USD", used=Decimal("12.34"), of=Decimal("100.0"), resets_at=moment(_RESET)),
                limit(Kind.GROUP_QUOTA, "USD", used=Decimal("300.0"), of=Decimal("1000.0"), label="team"),
                limit(
                    Kind.GROUP_QUOTA,
                    "USD",
                    used=Decimal("200.0"),
                    of=Decimal("200.0"),
                    resets_at=moment(_RESET),
                    label="user",
                    stops=False,
                ),
            ),
            note="proxy_estimate",
            base_url=_BASE,
        ),
        Sample(
            "no budget: only what was spent",
            {"key": wire({"info": {**_INFO, "max_budget": None, "user_id": None, "team_id": None}})},
            (Reading(Kind.KEY_BUDGET, currency="USD", used=Decimal("12.34"), unlimited=True),),
            note="proxy_estimate",
            base_url=_BASE,
        ),
    ),
    source="https://docs.litellm.ai/docs/proxy/users and the BerriAI/litellm sources, read 2026-11",
)
