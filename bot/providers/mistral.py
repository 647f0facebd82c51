"""Mistral AI: money is shown after a console login only."""

from __future__ import annotations

from bot.providers.base import MODELS, Provider

PROVIDER = Provider(
    id="mistral",
    title="Mistral AI",
    zh_title="Mistral",
    hosts=("api.mistral.ai", "codestral.mistral.ai"),
    env_vars=("MISTRAL_API_KEY",),
    models=MODELS,
    default_base="https://api.mistral.ai/v1",
    balance_url="https://admin.mistral.ai/organization/usage",
    status_url="https://status.mistral.ai",
    source="https://docs.mistral.ai, read 2026-11",
)
