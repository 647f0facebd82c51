"""Volcengine Ark (Doubao): money of the cloud account and plan windows, with a cloud key pair."""

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
    money,
    number,
    part,
    percent,
    settled,
    wire,
)
from bot.providers.signing import volcengine

_WINDOWS = (("AFPFiveHour", "5-hour window"), ("AFPWeekly", "week"), ("AFPMonthly", "month"))
_LEVELS = {"session": "5-hour window", "weekly": "week", "monthly": "month"}
_JSON = {"Content-Type": "application/json; charset=utf-8"}


def _on_plan(known: Known) -> bool:
    return "/api/plan" in known.path or "/api/coding" in known.path


def _usage(known: Known) -> str | None:
    """Only the subscription's own addresses have windows."""
    if not _on_plan(known):
        return None
    action = "GetCodingPlanUsage" if "/api/coding" in known.path else "GetAFPUsage"
    return f"https://open.volcengineapi.com/?Action={action}&Region=cn-beijing&Version=2024-01-01"


def explain(name: str, status: int, answer: Json) -> Balance | str | None:
    """The signature's faults: `http_401`, `http_403`, else `said_no`. None where no error is named."""
    code = maybe(answer, "ResponseMetadata", "Error", "Code")
    if code is None:
        return None
    if any(sign in str(code) for sign in ("AccessDenied", "Forbidden")):
        return "http_403"
    return (
        "http_401"
        if any(sign in str(code) for sign in ("Auth", "Signature", "InvalidAccessKey", "Credential"))
        else "said_no"
    )


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """Arrears are debt and never part of what is there. On a plan's address the plan decides, not the money."""
    readings: list[Reading] = []
    on_plan = _on_plan(known)
    usage = maybe(answers.get("usage"), "Result")
    for name, label in _WINDOWS:
        row = maybe(usage, name)
        if isinstance(row, dict):
            of, used = amount(part(row, "Quota")), amount(part(row, "Used"))
            readings.append(
                limit(
                    Kind.WINDOW_QUOTA, "points", used=used, of=of, resets_at=moment(row.get("ResetTime")), label=label
                )
            )
    for row in maybe(usage, "QuotaUsage") or []:
        label = _LEVELS.get(str(row.get("Level")).lower(), "window")
        readings.append(
            percent(100 - amount(part(row, "Percent")), resets_at=moment(row.get("ResetTimestamp")), label=label)
        )
    result = part(answers["account"], "Result")
    readings.append(
        money(
            amount(part(result, "AvailableBalance")),
            "CNY",
            paid=number(result.get("CashBalance")),
            credit_line=number(result.get("CreditLimit")),
            owed=number(result.get("ArrearsBalance")),
            frozen=number(result.get("FreezeAmount")),
        )
    )
    return (
        Balance(tuple(readings), note="whole_cloud_account")
        if on_plan
        else settled(*readings, note="whole_cloud_account")
    )


_ACCOUNT = {
    "ResponseMetadata": {"Action": "QueryBalanceAcct", "Version": "2022-01-01", "RequestId": "x"},
    "Result": {
        "AccountID": 2100000001,
        "AvailableBalance": "77.01",
        "CashBalance": "77.01",
        "CreditLimit": "120.00",
        "ArrearsBalance": "0.00",
        "FreezeAmount": "0.00",
    },
}
_MONEY = money(
    Decimal("77.01"),
    "CNY",
    paid=Decimal("77.01"),
    credit_line=Decimal("120.00"),
    owed=Decimal("0.00"),
    frozen=Decimal("0.00"),
)
_USAGE = {"Result": {"AFPFiveHour": {"Quota": 1000, "Used": 10, "ResetTime": 1785816000000}}}

PROVIDER = Provider(
    id="volcengine-ark",
    title="Volcengine Ark (Doubao)",
    zh_title="火山方舟 / 豆包",
    hosts=("ark.cn-beijing.volces.com", "ark.*.volces.com"),
    aliases=("volcengine", "ark", "doubao"),
    env_vars=("ARK_API_KEY", "VOLCENGINE_API_KEY", "DOUBAO_API_KEY"),
    tells=(Kind.ACCOUNT_MONEY, Kind.WINDOW_QUOTA),
    needs="cloud_keys",
    asks=(
        Ask(
            "account",
            "https://open.volcengineapi.com/?Action=QueryBalanceAcct&Version=2022-01-01",
            credential="account_key",
            sign=volcengine("billing", "cn-north-1"),
        ),
        Ask(
            "usage",
            _usage,
            method="POST",
            credential="account_key",
            headers=_JSON,
            body=b"{}",
            sign=volcengine("ark", "cn-beijing"),
            optional=True,
        ),
    ),
    read=read,
    explain=explain,
    models=MODELS,
    base_paths=("/api/v3", "/api/plan/v3", "/api/coding/v3", "/api/plan", "/api/coding"),
    default_base="https://ark.cn-beijing.volces.com/api/v3",
    balance_url="https://console.volcengine.com/ark",
    keys_url="https://console.volcengine.com/ark",
    samples=(
        Sample(
            "money of the cloud account",
            {"account": wire(_ACCOUNT)},
            (_MONEY,),
            note="whole_cloud_account",
            account_key=True,
        ),
        Sample(
            "a plan's windows before the money",
            {"account": wire(_ACCOUNT), "usage": wire(_USAGE)},
            (
                limit(
                    Kind.WINDOW_QUOTA,
                    "points",
                    used=Decimal(10),
                    of=Decimal(1000),
                    resets_at=moment(1785816000000),
                    label="5-hour window",
                ),
                _MONEY,
            ),
            note="whole_cloud_account",
            base_url="https://ark.cn-beijing.volces.com/api/plan/v3",
            account_key=True,
        ),
        Sample(
            "refused",
            {"account": wire({"ResponseMetadata": {"Error": {"Code": "SignatureDoesNotMatch"}}})},
            account_key=True,
            wrong="http_401",
        ),
    ),
    source="https://www.volcengine.com/docs/6269/1165275, read 2026-11",
)
