"""Perplexity: no balance API, and no free question that proves a key."""

from __future__ import annotations

from bot.providers.base import Provider

PROVIDER = Provider(
    id="perplexity",
    title="Perplexity API",
    zh_title="Perplexity",
    hosts=("api.perplexity.ai",),
    env_vars=("PERPLEXITY_API_KEY",),
    default_base="https://api.perplexity.ai",
    balance_url="https://www.perplexity.ai/account/usage",
    status_url="https://status.perplexity.com/",
    source="https://github.com/perplexityai/api-discussion/issues/327, read 2026-11",
)
