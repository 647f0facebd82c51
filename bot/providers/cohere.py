"""Cohere: no balance API."""

from __future__ import annotations

from bot.providers.base import Ask, Provider

PROVIDER = Provider(
    id="cohere",
    title="Cohere",
    zh_title="Cohere",
    hosts=("api.cohere.com", "api.cohere.ai"),
    env_vars=("CO_API_KEY", "COHERE_API_KEY"),
    models=Ask("models", "{root}/v1/models?page_size=1000", optional=True),
    base_paths=("/v1", "/v2", "/compatibility/v1"),
    default_base="https://api.cohere.com/v2",
    balance_url="https://dashboard.cohere.com/",
    keys_url="https://dashboard.cohere.com/api-keys",
    source="https://docs.cohere.com/docs/rate-limits.md, read 2026-11",
)
