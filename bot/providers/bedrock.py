"""AWS Bedrock: this month's spend from Cost Explorer, with an IAM key pair. AWS bills a cent for every asking."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from bot.model.money import Balance, Kind, Reading
from bot.providers.base import Ask, Json, Known, Provider, Sample, amount, maybe, part, rows, shape, wire
from bot.providers.signing import aws4


def _body(known: Known) -> bytes:
    """The end day is exclusive, so the first of a month asks for one whole day."""
    query = {
        "TimePeriod": {
            "Start": known.now.strftime("%Y-%m-01"),
            "End": (known.now + timedelta(days=1)).strftime("%Y-%m-%d"),
        },
        "Granularity": "MONTHLY",
        "Metrics": ["UnblendedCost"],
        "Filter": {"Dimensions": {"Key": "SERVICE", "Values": ["Amazon Bedrock"]}},
    }
    return wire(query).encode()


def explain(name: str, status: int, answer: Json) -> Balance | str | None:
    """AWS answers every refusal with 400."""
    kind = str(maybe(answer, "__type") or "")
    if "AccessDenied" in kind:
        return "http_403"
    if any(sign in kind for sign in ("UnrecognizedClient", "InvalidSignature", "InvalidClientTokenId", "ExpiredToken")):
        return "http_401"
    return "rate_limited" if "Throttling" in kind or "LimitExceeded" in kind else None


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """This month's cost by currency, as AWS's Cost Explorer tells it; no balance exists. Raises BadAnswer for another shape."""
    spent: dict[str, Decimal] = {}
    for row in rows(answers["costs"], "ResultsByTime"):
        cost = part(row, "Total", "UnblendedCost")
        currency = part(cost, "Unit")
        if not isinstance(currency, str) or len(currency) != 3:
            raise shape("Unit")
        spent[currency] = spent.get(currency, Decimal(0)) + amount(part(cost, "Amount"))
    if not spent:
        return Balance((Reading(Kind.SPEND, None, "USD", label="month"),), note="no_spend_reported")
    return Balance(
        tuple(Reading(Kind.SPEND, figure, name, label="month") for name, figure in spent.items()), note="costs_a_cent"
    )


PROVIDER = Provider(
    id="bedrock",
    title="AWS Bedrock",
    zh_title="AWS Bedrock",
    hosts=("bedrock-runtime.*.amazonaws.com",),
    aliases=("aws-bedrock", "aws"),
    env_vars=("AWS_BEARER_TOKEN_BEDROCK",),
    tells=(Kind.SPEND,),
    needs="cloud_keys",
    asks=(
        Ask(
            "costs",
            "https://ce.us-east-1.amazonaws.com/",
            method="POST",
            credential="account_key",
            headers={"Content-Type": "application/x-amz-json-1.1"},
            body=_body,
            sign=aws4("ce", "us-east-1", "AWSInsightsIndexService.GetCostAndUsage"),
        ),
    ),
    read=read,
    explain=explain,
    default_base="https://bedrock-runtime.us-east-1.amazonaws.com",
    balance_url="https://console.aws.amazon.com/bedrock",
    status_url="https://health.aws.amazon.com/health/status",
    min_interval_s=21_600,  # every asking is billed
    samples=(
        Sample(
            "this month",
            {
                "costs": wire(
                    {
                        "ResultsByTime": [
                            {"Total": {"UnblendedCost": {"Amount": "12.34", "Unit": "USD"}}, "Estimated": True}
                        ]
                    }
                )
            },
            (Reading(Kind.SPEND, Decimal("12.34"), "USD", label="month"),),
            note="costs_a_cent",
            account_key=True,
        ),
    ),
    source="https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html, read 2026-11",
)
