"""ALLTKN: no balance address is known. What software it runs is asked with the free probes first."""

from __future__ import annotations

from bot.providers.base import MODELS, Provider

PROVIDER = Provider(
    id="alltkn",
    title="ALLTKN",
    zh_title="ALLTKN",
    hosts=("api.alltkn.com",),
    models=MODELS,
    probe=True,
    base_paths=("/api/v1",),
    default_base="https://api.alltkn.com/api/v1",
    source="nothing published, looked for 2026-11",
)
