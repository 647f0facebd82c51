"""Together AI: no balance API. Its model list is a bare array."""

from __future__ import annotations

from bot.providers.base import MODELS, Provider

PROVIDER = Provider(
    id="together",
    title="Together AI",
    zh_title="Together AI",
    hosts=("api.together.xyz", "api.together.ai"),
    aliases=("together-ai", "togetherai"),
    env_vars=("TOGETHER_API_KEY",),
    models=MODELS,
    default_base="https://api.together.xyz/v1",
    balance_url="https://api.together.ai/",
    source="https://docs.together.ai/docs/serverless/rate-limits, read 2026-11",
)
