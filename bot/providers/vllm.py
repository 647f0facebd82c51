"""vLLM on the team's own machines: reachable or not, and the models it serves. There is no money in it."""

from __future__ import annotations

from collections.abc import Mapping

from bot.model.money import Balance, Kind, Reading
from bot.providers.base import Ask, Json, Known, Provider, Sample, model_names, rows, wire


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """A server of one's own: that it answers, and its models. Raises BadAnswer for another shape."""
    rows(answers["models"], "data")
    return Balance((Reading(Kind.HEALTH),), note="local", models=model_names(answers["models"]))


PROVIDER = Provider(
    id="vllm",
    title="vLLM (self-hosted)",
    zh_title="vLLM 自建",
    env_vars=("VLLM_API_KEY",),
    tells=(Kind.HEALTH,),
    asks=(Ask("models", "{root}/v1/models"),),
    read=read,
    models=Ask("models", "{root}/v1/models", optional=True),
    local=True,
    gateway=True,
    samples=(
        Sample(
            "served models",
            {
                "models": wire(
                    {"object": "list", "data": [{"id": "my-model", "object": "model", "max_model_len": 32768}]}
                )
            },
            (Reading(Kind.HEALTH),),
            note="local",
            base_url="http://127.0.0.1:8000/v1",
        ),
        Sample(
            "not a list", {"models": wire({"data": "no"})}, base_url="http://127.0.0.1:8000/v1", wrong="wrong_shape"
        ),
    ),
    source="https://docs.vllm.ai, read 2026-11",
)
