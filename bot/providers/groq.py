"""GroqCloud: no balance API. Limits are the organisation's, so a new key changes nothing."""

from __future__ import annotations

from bot.providers.base import MODELS, Provider

PROVIDER = Provider(
    id="groq",
    title="GroqCloud",
    zh_title="Groq",
    hosts=("api.groq.com",),
    env_vars=("GROQ_API_KEY",),
    models=MODELS,
    base_paths=("/openai/v1",),
    default_base="https://api.groq.com/openai/v1",
    balance_url="https://console.groq.com/settings/limits",
    usage_url="https://console.groq.com/dashboard/usage",
    status_url="https://status.groq.com",
    source="https://console.groq.com/docs/rate-limits.md, read 2026-11",
)
