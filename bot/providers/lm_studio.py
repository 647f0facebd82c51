"""LM Studio on a local machine: which models there are and which are loaded."""

from __future__ import annotations

from collections.abc import Mapping

from bot.model.money import Balance, Kind, Reading
from bot.providers.base import Ask, Json, Known, Provider, Sample, model_names, rows, wire


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    """Loaded models first: a listed one that is not loaded makes the first call slow, not broken."""
    answer = answers.get("models", answers.get("plain models"))
    found = rows(answer, "data")
    ready = [row for row in found if row.get("state") == "loaded"]
    names = dict.fromkeys((*model_names(ready), *model_names(answer)))
    return Balance(
        (Reading(Kind.HEALTH),),
        note="local" if ready or "models" not in answers else "nothing_loaded",
        models=tuple(names),
    )


PROVIDER = Provider(
    id="lm-studio",
    title="LM Studio (local)",
    zh_title="LM Studio 本地",
    hosts=("localhost:1234", "127.0.0.1:1234"),
    aliases=("lmstudio",),
    tells=(Kind.HEALTH,),
    asks=(
        Ask("models", "{root}/api/v0/models", auth="none", credential="none"),
        Ask("plain models", "{root}/v1/models", auth="none", credential="none", optional=True, instead_of="models"),
    ),
    read=read,
    local=True,
    gateway=True,
    default_base="http://127.0.0.1:1234/v1",
    samples=(
        Sample(
            "nothing is loaded",
            {
                "models": wire(
                    {"object": "list", "data": [{"id": "qwen2-vl-7b-instruct", "type": "vlm", "state": "not-loaded"}]}
                )
            },
            (Reading(Kind.HEALTH),),
            note="nothing_loaded",
        ),
        Sample(
            "one is",
            {"models": wire({"data": [{"id": "a", "state": "not-loaded"}, {"id": "b", "state": "loaded"}]})},
            (Reading(Kind.HEALTH),),
            note="local",
        ),
    ),
    source="https://www.lmstudio.ai/docs/api/rest-api, read 2026-11",
)
