"""Price lists as their owners send them, and what is read from them: per million tokens, or nothing."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from bot.errors import BadAnswer
from bot.model.money import Price
from bot.providers import prices, shelf

USD_SITE = {"success": True, "data": {"quota_per_unit": 500000, "quota_display_type": "USD"}}
CNY_SITE = {"success": True, "data": {"quota_per_unit": 500000, "quota_display_type": "CNY", "usd_exchange_rate": 7}}
ROW = {
    "model_name": "gpt-4o",
    "quota_type": 0,
    "model_ratio": 1.25,
    "completion_ratio": 4,
    "enable_groups": ["default", "vip"],
}


def site(groups: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"success": True, "data": [{**ROW, **changes}], "group_ratio": groups}


def wired(answers: dict[str, Any]) -> dict[str, Any]:
    """As it comes over the wire: numbers with a point are decimals."""
    return {name: json.loads(json.dumps(answer), parse_float=Decimal) for name, answer in answers.items()}


def router(prompt: Any, completion: Any) -> dict[str, Any]:
    return {"prices": {"data": [{"id": "openai/gpt-4o", "pricing": {"prompt": prompt, "completion": completion}}]}}


def proxy(*costs: tuple[Any, Any]) -> dict[str, Any]:
    return {
        "prices": {
            "data": [
                {"model_name": "gpt-4o", "model_info": {"input_cost_per_token": i, "output_cost_per_token": o}}
                for i, o in costs
            ]
        }
    }


@pytest.mark.parametrize(
    ("provider", "model", "answers", "expected"),
    [
        ("openrouter", "openai/gpt-4o", router("0.0000025", "0.00001"), ("USD", "2.5", "10")),
        ("openrouter", "OpenAI/GPT-4o", router("0", "0"), ("USD", "0", "0")),
        ("openrouter", "openai/gpt-4o", router("-1", "-1"), None),  # its own router: it varies
        ("openrouter", "openai/gpt-4o", router(None, "0.00001"), ("USD", None, "10")),
        ("openrouter", "openai/gpt-4o:free", router("0.0000025", "0.00001"), None),
        ("new-api", "gpt-4o", {"prices": site({"default": 1, "vip": 1}), "status": USD_SITE}, ("USD", "2.5", "10")),
        ("new-api", "gpt-4o", {"prices": site({"default": 0.5, "vip": 0.5}), "status": CNY_SITE}, ("CNY", "8.75", "35")),
        ("new-api", "gpt-4o", {"prices": site({"default": 1, "vip": 0.8}), "status": USD_SITE}, None),  # the key's group is not known
        ("new-api", "gpt-4o", {"prices": site({"default": 1}, enable_groups=["all"]), "status": USD_SITE}, ("USD", "2.5", "10")),
        ("new-api", "gpt-4o", {"prices": site({"default": 1}, quota_type=1, model_price=0.1), "status": USD_SITE}, None),  # per call
        ("new-api", "gpt-4o", {"prices": site({"default": 1}, billing_mode="tiered_expr"), "status": USD_SITE}, None),
        ("new-api", "gpt-4o", {"prices": site({"default": 1})}, None),  # which unit is not told
        ("new-api", "gpt-4o", {"prices": {"success": False, "message": "no"}, "status": USD_SITE}, None),
        ("litellm", "gpt-4o", proxy((2.5e-06, 1e-05)), ("USD", "2.5", "10")),
        ("litellm", "gpt-4o", proxy((2.5e-06, 1e-05), (2.5e-06, 1e-05)), ("USD", "2.5", "10")),
        ("litellm", "gpt-4o", proxy((2.5e-06, 1e-05), (1e-06, 1e-05)), None),  # two deployments that cost differently
        ("litellm", "gpt-4o", proxy((0, 0)), None),  # its map does not know the model
        ("aihubmix", "gpt-4o", {"prices": {"data": [{"model_id": "gpt-4o", "pricing": {"input": 2.5, "output": 10}}]}}, ("USD", "2.5", "10")),
        ("aihubmix", "gpt-4o", {"prices": {"data": [{"model_id": "gpt-4o", "pricing": {"input": 0, "output": 0}}]}}, None),
        ("novita", "m", {"prices": {"data": [{"id": "m", "input_token_price_per_m": 2690, "output_token_price_per_m": 4000}]}}, ("USD", "0.269", "0.4")),
        ("novita", "other", {"prices": {"data": [{"id": "m", "input_token_price_per_m": 2690}]}}, None),
    ],
)  # fmt: skip
def test_what_is_read(
    provider: str, model: str, answers: dict[str, Any], expected: tuple[str, str | None, str | None] | None
) -> None:
    price = prices.of(provider, wired(answers), model)
    if expected is None:
        assert price is None
        return
    currency, into, out = expected
    assert price == Price(currency, *(None if side is None else Decimal(side) for side in (into, out)))


@pytest.mark.parametrize("provider", sorted(prices.LISTS))
@pytest.mark.parametrize("strange", [[], {}, "text", 7, None, {"data": "x"}, {"data": [1, None]}])
def test_another_shape_is_not_known(provider: str, strange: Any) -> None:
    assert prices.of(provider, {"prices": strange, "status": strange}, "m") is None


def test_what_is_no_figure_is_refused() -> None:
    with pytest.raises(BadAnswer):
        prices.of("openrouter", wired(router({"a": 1}, "1")), "openai/gpt-4o")


def test_every_list_belongs_to_a_provider_on_the_shelf() -> None:
    assert set(prices.LISTS) <= set(shelf())
