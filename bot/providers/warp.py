"""Warp: AI credits of the plan and bonus grants, through the app's own private GraphQL."""

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
    amount,
    limit,
    maybe,
    moment,
    money,
    number,
    part,
    wire,
)

_QUERY = (
    "query GetRequestLimitInfo($requestContext: RequestContext!) { user(requestContext: $requestContext) { __typename"
    " ... on UserOutput { user { requestLimitInfo { isUnlimited nextRefreshTime requestLimit"
    " requestsUsedSinceLastRefresh } bonusGrants { requestCreditsGranted requestCreditsRemaining expiration }"
    " workspaces { bonusGrantsInfo { grants { requestCreditsGranted requestCreditsRemaining expiration } } } } } } }"
)
_SYSTEM = {"category": "Linux", "name": "Linux", "version": "6.0"}
_BODY = {
    "query": _QUERY,
    "variables": {"requestContext": {"clientContext": {}, "osContext": _SYSTEM}},
    "operationName": "GetRequestLimitInfo",
}
_HEADERS = {
    "Content-Type": "application/json",
    "User-Agent": "Warp/1.0",  # the edge answers 429 to anything else
    "x-warp-client-id": "warp-app",
    "x-warp-os-category": "Linux",
    "x-warp-os-name": "Linux",
    "x-warp-os-version": "6.0",
}
_URL = "https://app.warp.dev/graphql/v2?op=GetRequestLimitInfo"


def explain(name: str, status: int, answer: Json) -> Balance | str | None:
    """GraphQL answers 200 to everything: `graphql` for its errors, `http_401` for an answer about nobody."""
    if status == 200 and maybe(answer, "errors"):
        return "graphql"
    kind = maybe(answer, "data", "user", "__typename")
    if status == 200 and isinstance(kind, str) and kind != "UserOutput":
        return "http_401"
    return None


def _grants(user: Json) -> list[Json]:
    found = list(maybe(user, "bonusGrants") or [])
    for workspace in maybe(user, "workspaces") or []:
        found += maybe(workspace, "bonusGrantsInfo", "grants") or []
    return found


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """The fields say requests and count credits. Bonus credits are kept apart: they end on days of their own."""
    answer = answers.get("limits", answers.get("limits of the account"))
    user = part(answer, "data", "user", "user")
    info = part(user, "requestLimitInfo")
    left_of_bonus: Decimal | None = None
    for grant in _grants(user):
        ends = moment(maybe(grant, "expiration"))
        if ends is None or ends > known.now:
            left_of_bonus = (left_of_bonus or Decimal(0)) + (
                number(maybe(grant, "requestCreditsRemaining")) or Decimal(0)
            )
    if not isinstance(part(info, "isUnlimited"), bool):
        raise BadAnswer("wrong_shape")
    resets = moment(info.get("nextRefreshTime"))
    if info["isUnlimited"]:
        plan = Reading(Kind.WINDOW_QUOTA, currency="credits", unlimited=True, label="plan")
    else:
        plan = limit(
            Kind.WINDOW_QUOTA,
            "credits",
            used=amount(part(info, "requestsUsedSinceLastRefresh")),
            of=amount(part(info, "requestLimit")),
            resets_at=resets,
            label="plan",
            stops=not left_of_bonus,
        )
    bonus = () if left_of_bonus is None else (money(left_of_bonus, "credits", label="bonus"),)
    return Balance((plan, *bonus), note="ai_credits_only")


def _answer(used: int, left_of_bonus: int) -> str:
    info = {
        "isUnlimited": False,
        "nextRefreshTime": "2026-12-01T00:00:00Z",
        "requestLimit": 1500,
        "requestsUsedSinceLastRefresh": used,
    }
    grant = {
        "requestCreditsGranted": 500,
        "requestCreditsRemaining": left_of_bonus,
        "expiration": "2027-04-01T00:00:00Z",
    }
    user = {"requestLimitInfo": info, "bonusGrants": [grant], "workspaces": [{"bonusGrantsInfo": {"grants": []}}]}
    return wire({"data": {"user": {"__typename": "UserOutput", "user": user}}})


def _plan(used: int, *, blocks: bool = False) -> Reading:
    return Reading(
        Kind.WINDOW_QUOTA,
        Decimal(1500 - used),
        "credits",
        used=Decimal(used),
        limit=Decimal(1500),
        resets_at=moment("2026-12-01T00:00:00Z"),
        label="plan",
        blocks=blocks,
    )


PROVIDER = Provider(
    id="warp",
    title="Warp (AI credits)",
    zh_title="Warp 终端",
    hosts=("app.warp.dev",),
    env_vars=("WARP_API_KEY", "WARP_TOKEN"),
    tells=(Kind.WINDOW_QUOTA, Kind.ACCOUNT_MONEY),
    asks=(
        Ask("limits", _URL, method="POST", headers=_HEADERS, json=_BODY),
        # A local relay to Warp has a token of its own; the credits belong to the Warp key, which only Warp may see.
        Ask(
            "limits of the account",
            _URL,
            method="POST",
            credential="account_key",
            headers=_HEADERS,
            json=_BODY,
            optional=True,
            instead_of="limits",
            fixed=True,
        ),
    ),
    read=read,
    explain=explain,
    default_base="https://app.warp.dev",
    keys_url="https://docs.warp.dev/reference/cli/api-keys",
    unproven=True,
    samples=(
        Sample(
            "plan and bonus",
            {"limits": _answer(120, 300)},
            (_plan(120), money(Decimal(300), "credits", label="bonus")),
            note="ai_credits_only",
        ),
        Sample(
            "plan used up, the bonus carries on",
            {"limits": _answer(1500, 300)},
            (_plan(1500), money(Decimal(300), "credits", label="bonus")),
            note="ai_credits_only",
        ),
        Sample(
            "nothing left",
            {"limits": _answer(1500, 0)},
            (_plan(1500, blocks=True), money(Decimal(0), "credits", label="bonus")),
            note="ai_credits_only",
        ),
        Sample(
            "GraphQL errors come with HTTP 200",
            {"limits": wire({"errors": [{"message": "x"}], "data": None})},
            wrong="graphql",
        ),
    ),
    source="private API of the app, as coded by five public clients, read 2026-11",
)
