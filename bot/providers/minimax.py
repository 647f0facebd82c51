"""MiniMax: windows of the subscription. Percentages are what is LEFT. Pay-as-you-go money is not published."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.errors import BadAnswer
from bot.model.money import Balance, Kind, Reading
from bot.providers.base import (
    MODELS,
    Ask,
    Json,
    Known,
    Provider,
    Sample,
    amount,
    maybe,
    moment,
    part,
    percent,
    rows,
    wire,
)


def _site(known: Known) -> str:
    if known.host.endswith(("minimaxi.com", "minimax.chat")):
        return "www.minimaxi.com"
    return "www.minimax.io"


def explain(name: str, status: int, answer: Json) -> Balance | str | None:
    """HTTP is 200 either way; a pay-as-you-go key gets an error here."""
    if status != 200 or name == "models":
        return None
    code = maybe(answer, "base_resp", "status_code")
    if code == 0:
        return None
    return "not_a_plan_key" if code == 1004 else "said_no"


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """Only "general" stops text models. The weekly percent counts where its status is 1; 3 means no weekly limit."""
    answer = answers.get("plan", answers.get("older plan"))
    readings: list[Reading] = []
    for row in rows(answer, "model_remains"):
        general = row.get("model_name") == "general"
        name = "" if general else "other models, "
        if not general and any(r.label.startswith("other") for r in readings):
            continue
        readings.append(
            percent(
                amount(part(row, "current_interval_remaining_percent")),
                resets_at=moment(row.get("end_time")),
                label=f"{name}5-hour window",
                stops=general,
            )
        )
        if row.get("current_weekly_status") == 1:
            left = amount(part(row, "current_weekly_remaining_percent"))
            readings.append(
                percent(left, resets_at=moment(row.get("weekly_end_time")), label=f"{name}week", stops=general)
            )
    if not readings:
        raise BadAnswer("nothing_subscribed")
    return Balance(tuple(readings))


_ROW = {
    "model_name": "general",
    "end_time": 1782057600000,
    "current_interval_total_count": 0,
    "current_interval_usage_count": 0,
    "current_interval_remaining_percent": 100,
    "weekly_end_time": 1782057600000,
    "current_weekly_status": 1,
    "current_weekly_remaining_percent": 70,
}
_FINE = {"status_code": 0, "status_msg": "success"}
_END = moment(1782057600000)

PROVIDER = Provider(
    id="minimax",
    title="MiniMax",
    zh_title="MiniMax 稀宇",
    hosts=("api.minimaxi.com", "www.minimaxi.com", "api.minimax.io", "www.minimax.io", "api.minimax.chat"),
    env_vars=("MINIMAX_API_KEY", "MINIMAX_CODING_API_KEY"),
    tells=(Kind.WINDOW_QUOTA,),
    asks=(
        Ask("plan", lambda known: f"https://{_site(known)}/v1/token_plan/remains"),
        Ask(
            "older plan",
            lambda known: f"https://{_site(known).replace('www', 'api')}/v1/api/openplatform/coding_plan/remains",
            optional=True,
            instead_of="plan",
            instead_when=("http_404", "html"),
        ),
    ),
    read=read,
    explain=explain,
    models=MODELS,
    default_base="https://api.minimaxi.com/v1",
    balance_url="https://platform.minimax.io/user-center/payment/coding-plan?cycle_type=3",
    top_up_url="https://platform.minimax.io/user-center/payment/balance",
    usage_url="https://platform.minimax.io/user-center/payment/coding-plan?cycle_type=3",
    samples=(
        Sample(
            "five hours and a week, percent left",
            {"plan": wire({"model_remains": [_ROW], "base_resp": _FINE})},
            (
                percent(Decimal(100), resets_at=_END, label="5-hour window"),
                percent(Decimal(70), resets_at=_END, label="week"),
            ),
        ),
        Sample(
            "this plan has no weekly limit",
            {"plan": wire({"model_remains": [{**_ROW, "current_weekly_status": 3}], "base_resp": _FINE})},
            (percent(Decimal(100), resets_at=_END, label="5-hour window"),),
        ),
        Sample(
            "a pay-as-you-go key",
            {"plan": wire({"base_resp": {"status_code": 1004, "status_msg": "x"}})},
            wrong="not_a_plan_key",
        ),
    ),
    source="the vendor's Token Plan FAQ as coded by five public clients, read 2026-11",
)
