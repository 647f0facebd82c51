"""GitHub Copilot: what the month's AI credits cost, with a token that may read billing. The quota left is an editor's secret."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import quote

from bot.model.money import Balance, Kind, Reading
from bot.providers.base import Ask, Json, Known, Provider, Sample, amount, maybe, number, rows, wire

_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


def _report(kind: str, known: Known) -> str | None:
    """`account_user` is a person's name, or `org:NAME`: each has its own address."""
    owner, colon, name = known.user.partition(":")
    if not known.user or (colon and (owner != "org" or not name)):
        return None
    place = f"organizations/{quote(name, safe='')}" if colon else f"users/{quote(owner, safe='')}"
    return f"https://api.github.com/{place}/settings/billing/{kind}/usage"


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """What is to be paid after the plan's own share (`netAmount`, US dollars), and how much of it was used altogether."""
    answer = answers.get("credits", answers.get("requests"))
    items = rows(answer, "usageItems")
    if not items:
        return Balance((Reading(Kind.SPEND, None, "USD", label="month"),), note="no_spend_reported")
    paid = sum((amount(row.get("netAmount")) for row in items), Decimal(0))
    used = [number(row.get("grossQuantity")) for row in items]
    unit = str(maybe(items[0], "unitType") or "").lower()
    same = all(str(maybe(row, "unitType") or "").lower() == unit for row in items)
    readings = [Reading(Kind.SPEND, paid, "USD", label="month")]
    if same and unit in ("requests", "credits", "ai-credits") and all(figure is not None for figure in used):
        whole = sum((figure for figure in used if figure is not None), Decimal(0))
        readings.append(
            Reading(Kind.SPEND, whole, "requests" if unit == "requests" else "credits", used=whole, label="month")
        )
    return Balance(tuple(readings), note="spend_reported")


def _item(model: str, gross: object, net: object, cost: object) -> dict[str, object]:
    return {
        "product": "Copilot",
        "sku": "Copilot Premium Request",
        "model": model,
        "unitType": "requests",
        "pricePerUnit": 0.04,
        "grossQuantity": gross,
        "grossAmount": 4,
        "netQuantity": net,
        "netAmount": cost,
    }


_USED = {"usageItems": [_item("gpt-5", 100, 10, 0.4), _item("claude", 38.5, 0, 0)]}

PROVIDER = Provider(
    id="github-copilot",
    title="GitHub Copilot",
    zh_title="GitHub Copilot",
    hosts=("api.githubcopilot.com",),
    aliases=("copilot",),
    tells=(Kind.SPEND,),
    needs="billing_token",
    asks=(
        Ask("credits", lambda known: _report("ai_credit", known), credential="account_key", headers=_HEADERS),
        Ask(
            "requests",
            lambda known: _report("premium_request", known),
            credential="account_key",
            headers=_HEADERS,
            instead_of="credits",
            instead_when=("http_404",),
        ),
    ),
    read=read,
    balance_url="https://github.com/settings/copilot",
    usage_url="https://github.com/settings/billing",
    status_url="https://www.githubstatus.com/",
    min_interval_s=3600,
    samples=(
        Sample(
            "premium requests of a month",
            {"requests": wire(_USED)},
            (
                Reading(Kind.SPEND, Decimal("0.4"), "USD", label="month"),
                Reading(Kind.SPEND, Decimal("138.5"), "requests", used=Decimal("138.5"), label="month"),
            ),
            note="spend_reported",
            failed={"credits": "http_404"},
            user="org:acme",
            account_key=True,
        ),
        Sample(
            "nothing used is not zero left",
            {"credits": wire({"usageItems": []})},
            (Reading(Kind.SPEND, None, "USD", label="month"),),
            note="no_spend_reported",
            user="ann",
            account_key=True,
        ),
        Sample("not a report", {"credits": wire({"message": "ok"})}, user="ann", account_key=True, wrong="wrong_shape"),
    ),
    source="https://docs.github.com/rest/billing/usage, read 2026-11",
)
