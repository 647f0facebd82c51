"""Azure OpenAI: what the subscription cost this month, with a service principal. The model's key only proves that it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from urllib.parse import quote, urlencode

from bot.model.money import Balance, Kind, Reading
from bot.providers.base import Ask, Draft, Json, Known, Provider, Sample, amount, maybe, part, shape, wire

_QUERY = {
    "type": "ActualCost",
    "timeframe": "MonthToDate",
    "dataset": {"granularity": "None", "aggregation": {"totalCost": {"name": "Cost", "function": "Sum"}}},
}


def _credentials(draft: Draft, plain: str) -> Draft | str:
    """TENANT:CLIENT:SECRET to the client-credentials form; the tenant stands in the address."""
    tenant, _, rest = plain.partition(":")
    client, _, secret = rest.partition(":")
    if not (tenant.strip() and client.strip() and secret.strip()):
        return "bad_account_key"
    form = {
        "grant_type": "client_credentials",
        "client_id": client.strip(),
        "client_secret": secret.strip(),
        "scope": "https://management.azure.com/.default",
    }
    return replace(
        draft,
        url=draft.url.replace("{tenant}", quote(tenant.strip(), safe="")),
        headers={**draft.headers, "Content-Type": "application/x-www-form-urlencoded"},
        content=urlencode(form).encode(),
    )


def _login(known: Known) -> str | None:
    return "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token" if known.user else None


def _costs(known: Known) -> str | None:
    """`account_user` is the subscription's id."""
    if not known.user or "token" not in known.answers:
        return None
    subscription = quote(known.user, safe="")
    return (
        f"https://management.azure.com/subscriptions/{subscription}/providers/Microsoft.CostManagement/query"
        "?api-version=2023-11-01"
    )


def _bearer(known: Known) -> dict[str, str]:
    token = maybe(known.answers.get("token"), "access_token")
    return {"Authorization": f"Bearer {token}"} if isinstance(token, str) and token else {}


def explain(name: str, status: int, answer: Json) -> Balance | str | None:
    """Entra says 400 or 401 for a wrong tenant, client or secret alike."""
    if name == "token" and (status in (400, 401) or (status == 200 and not maybe(answer, "access_token"))):
        return "http_401"
    return None


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """One row per currency; the order of the columns is told by the answer and nowhere else."""
    table = part(answers["costs"], "properties")
    columns, found = part(table, "columns"), part(table, "rows")
    if not isinstance(columns, list) or not isinstance(found, list):
        raise shape("rows")
    places = {str(maybe(column, "name")).lower(): index for index, column in enumerate(columns)}
    cost, unit = places.get("cost", places.get("pretaxcost")), places.get("currency")
    if cost is None or unit is None:
        raise shape("columns")
    spent: dict[str, Decimal] = {}
    for row in found:
        if not isinstance(row, list) or len(row) <= max(cost, unit):
            raise shape("rows")
        currency = str(row[unit]).upper()
        if len(currency) != 3 or not currency.isalpha():
            raise shape("currency")
        spent[currency] = spent.get(currency, Decimal(0)) + amount(row[cost])
    if not spent:
        return Balance((Reading(Kind.SPEND, None, "USD", label="month"),), note="no_spend_reported")
    readings = tuple(Reading(Kind.SPEND, figure, currency, label="month") for currency, figure in spent.items())
    return Balance(readings, note="whole_cloud_account")


_TOKEN = wire({"token_type": "Bearer", "expires_in": 3599, "access_token": "made-up"})


def _answer(*found: list[object]) -> str:
    columns = [{"name": "Cost", "type": "Number"}, {"name": "Currency", "type": "String"}]
    return wire({"properties": {"nextLink": None, "columns": columns, "rows": list(found)}})


PROVIDER = Provider(
    id="azure-openai",
    title="Azure OpenAI",
    zh_title="Azure OpenAI",
    hosts=("*.openai.azure.com", "*.services.ai.azure.com"),
    aliases=("azure",),
    env_vars=("AZURE_OPENAI_API_KEY",),
    tells=(Kind.SPEND,),
    needs="service_principal",
    asks=(
        Ask("token", _login, method="POST", credential="account_key", make=_credentials),
        Ask("costs", _costs, method="POST", credential="none", headers=_bearer, json=_QUERY),
    ),
    read=read,
    explain=explain,
    models=Ask("models", "https://{host}/openai/models?api-version=2024-10-21", auth="api-key", optional=True),
    base_paths=("/openai/v1", "/openai"),
    balance_url="https://ai.azure.com",
    usage_url="https://portal.azure.com/#view/Microsoft_Azure_CostManagement",
    status_url="https://azure.status.microsoft/en-us/status",
    min_interval_s=14_400,  # the costs themselves move every few hours, and the query is strictly limited
    samples=(
        Sample(
            "a month's costs",
            {"token": _TOKEN, "costs": _answer([12.5, "EUR"])},
            (Reading(Kind.SPEND, Decimal("12.5"), "EUR", label="month"),),
            note="whole_cloud_account",
            user="00000000-0000-0000-0000-000000000001",
            base_url="https://example.openai.azure.com/openai/v1",
            account_key=True,
        ),
        Sample(
            "a month without costs is not zero left",
            {"token": _TOKEN, "costs": _answer()},
            (Reading(Kind.SPEND, None, "USD", label="month"),),
            note="no_spend_reported",
            user="00000000-0000-0000-0000-000000000001",
            base_url="https://example.openai.azure.com/openai/v1",
            account_key=True,
        ),
        Sample(
            "columns that are not there",
            {"token": _TOKEN, "costs": wire({"properties": {"columns": [{"name": "Cost"}], "rows": [[1]]}})},
            user="00000000-0000-0000-0000-000000000001",
            base_url="https://example.openai.azure.com/openai/v1",
            account_key=True,
            wrong="wrong_shape",
        ),
    ),
    source="https://learn.microsoft.com/rest/api/cost-management/query/usage, read 2026-11",
)
