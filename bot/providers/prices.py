"""Price lists that can be read for nothing, per provider: what to ask, and one pure function from the answers to a `Price`.

A price that cannot be told for sure (tiers, a price per call, groups of a gateway that pay differently) is None, not a guess.
No figure is converted: a list's own currency stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from bot.model.money import Price
from bot.model.values import dataclass
from bot.providers.base import Ask, Json, maybe, number
from bot.providers.quota_units import STATUS, unit_of

_MILLION: Final = Decimal(1_000_000)

Read = Callable[[Mapping[str, Json], str], Price | None]


@dataclass(frozen=True, slots=True)
class PriceList:
    """`read(answers, model)`: per million tokens, or None. `source`: where its shape is described."""

    asks: tuple[Ask, ...]
    read: Read
    source: str


def _row(answer: Json, model: str, *names: str) -> Mapping[str, Json] | None:
    """The one row of this very model; None where there is none, or more than one."""
    found = maybe(answer, "data")
    if not isinstance(found, list):
        return None
    wanted = model.strip().lower()
    same = [row for row in found if isinstance(row, dict) and _name(row, names) == wanted]
    return same[0] if len(same) == 1 else None


def _name(row: Mapping[str, Json], names: tuple[str, ...]) -> str:
    return next((str(row[name]).lower() for name in names if row.get(name)), "")


def _price(currency: str, into: Decimal | None, out: Decimal | None) -> Price | None:
    """A price below zero is a sign (OpenRouter's own router: it varies), not a figure."""
    into, out = (None if side is None or side < 0 else side for side in (into, out))
    return None if into is None and out is None else Price(currency, into, out)


def _times(value: Json, factor: Decimal) -> Decimal | None:
    found = number(value)
    return None if found is None else found * factor


def _openrouter(answers: Mapping[str, Json], model: str) -> Price | None:
    """`pricing.prompt` and `.completion` are dollars for one token, as strings."""
    row = _row(answers["prices"], model, "id")
    return _price(
        "USD",
        _times(maybe(row, "pricing", "prompt"), _MILLION),
        _times(maybe(row, "pricing", "completion"), _MILLION),
    )


def _new_api(answers: Mapping[str, Json], model: str) -> Price | None:
    """A ratio of 1 is one quota unit for one token. What a key pays hangs on its group, which the list does not tell:
    only where all groups that may use the model pay the same is the price known."""
    row = _row(answers["prices"], model, "model_name")
    if row is None or row.get("quota_type") != 0 or row.get("billing_mode"):
        return None
    ratios = maybe(answers["prices"], "group_ratio")
    groups = row.get("enable_groups") or row.get("enable_group")
    if not isinstance(ratios, dict) or not isinstance(groups, list):
        return None
    paying = {number(ratios[name]) for name in (ratios if "all" in groups else groups) if name in ratios}
    ratio, out = number(row.get("model_ratio")), number(row.get("completion_ratio"))
    unit = unit_of(answers.get("status"))
    if len(paying) != 1 or ratio is None or unit.note or unit.currency in ("tokens", "credits"):
        return None
    into = unit.of(ratio * (paying.pop() or Decimal(0)) * _MILLION)
    return _price(unit.currency, into, None if into is None or out is None else into * out)


def _litellm(answers: Mapping[str, Json], model: str) -> Price | None:
    """The proxy's own cost map, dollars for one token. Several deployments of one name must agree."""
    found = maybe(answers["prices"], "data")
    if not isinstance(found, list):
        return None
    told = {
        _price(
            "USD",
            _times(maybe(row, "model_info", "input_cost_per_token"), _MILLION),
            _times(maybe(row, "model_info", "output_cost_per_token"), _MILLION),
        )
        for row in found
        if isinstance(row, dict) and row.get("model_name") == model
    }
    # Its map says 0 for a model that it does not know.
    price = told.pop() if len(told) == 1 else None
    return price if price is not None and (price.input or price.output) else None


def _aihubmix(answers: Mapping[str, Json], model: str) -> Price | None:
    """Dollars for a million tokens. 0 stands for "not by token" as well as for free."""
    row = _row(answers["prices"], model, "model_id", "id")
    price = _price("USD", number(maybe(row, "pricing", "input")), number(maybe(row, "pricing", "output")))
    return price if price and (price.input or price.output) else None


def _novita(answers: Mapping[str, Json], model: str) -> Price | None:
    """Ten-thousandths of a dollar for a million tokens."""
    row = _row(answers["prices"], model, "id")
    if row is None:
        return None
    return _price(
        "USD", number(row.get("input_token_price_per_m"), 10_000), number(row.get("output_token_price_per_m"), 10_000)
    )


def _open(url: str) -> Ask:
    """Lists that everybody may read get no key."""
    return Ask("prices", url, auth="none", credential="none")


LISTS: Mapping[str, PriceList] = MappingProxyType(
    {
        "openrouter": PriceList(
            (_open("https://{host}/api/v1/models"),), _openrouter, "https://openrouter.ai/docs/api-reference/list-available-models"
        ),
        "new-api": PriceList(
            (_open("{root}/api/pricing"), STATUS), _new_api, "QuantumNous/new-api controller/pricing.go, model/pricing.go"
        ),
        "litellm": PriceList(
            (Ask("prices", "{root}/model/info"),), _litellm, "https://docs.litellm.ai/docs/proxy/model_management"
        ),
        "aihubmix": PriceList((_open("https://aihubmix.com/api/v1/models"),), _aihubmix, "https://aihubmix.com/api/v1/models"),
        "novita": PriceList(
            (Ask("prices", "https://{host}/openai/v1/models"),), _novita, "https://novita.ai/docs/api-reference/model-apis-llm-list-models"
        ),
    }
)  # fmt: skip
"""By the provider's id. All read 2026-11."""


def of(provider: str, answers: Mapping[str, Json], model: str) -> Price | None:
    """Raises BadAnswer where a figure is no figure."""
    return LISTS[provider].read(answers, model)
