"""Anything that speaks the OpenAI protocol and that no probe recognised: reachable or not, and the models it lists."""

from __future__ import annotations

from collections.abc import Mapping

from bot.model.money import Balance, Kind, Reading
from bot.providers.base import Ask, Json, Known, Provider, Sample, model_names, shape


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """No balance is known: that the key works, and which models it may use. Raises BadAnswer for another shape."""
    answer = answers["models"]
    if not isinstance(answer, (dict, list)):
        raise shape("models")
    return Balance((Reading(Kind.HEALTH),), note="no_balance_known", models=model_names(answer))


PROVIDER = Provider(
    id="openai-compatible",
    title="OpenAI-compatible server",
    zh_title="OpenAI 兼容服务",
    aliases=("openai-like", "custom", "compatible"),
    tells=(Kind.HEALTH,),
    asks=(Ask("models", "{base}/models"),),
    read=read,
    gateway=True,
    samples=(
        Sample(
            "a model list",
            {"models": '{"object": "list", "data": [{"id": "my-model", "object": "model"}]}'},
            (Reading(Kind.HEALTH),),
            note="no_balance_known",
            base_url="http://127.0.0.1:8000/v1",
        ),
        Sample("a bare string", {"models": '"ok"'}, base_url="http://127.0.0.1:8000/v1", wrong="wrong_shape"),
    ),
)
