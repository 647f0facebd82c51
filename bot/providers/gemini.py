"""Google Gemini (AI Studio): no balance API at all. The model list proves the key, and only the key."""

from __future__ import annotations

from bot.model.money import Balance
from bot.providers.base import Ask, Json, Provider, maybe


def explain(name: str, status: int, answer: Json) -> Balance | str | None:
    """A wrong key is HTTP 400 here."""
    words = str(maybe(answer, "error", "message") or "").lower()
    reasons = str(maybe(answer, "error", "details") or "")
    return "http_401" if status == 400 and ("api key not valid" in words or "API_KEY_INVALID" in reasons) else None


PROVIDER = Provider(
    id="gemini",
    title="Google Gemini API",
    zh_title="谷歌 Gemini",
    hosts=("generativelanguage.googleapis.com",),
    aliases=("google", "google-gemini"),
    env_vars=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    explain=explain,
    models=Ask("models", "{root}/v1beta/models?pageSize=1000", auth="x-goog-api-key", optional=True),
    base_paths=("/v1beta/openai", "/v1beta", "/v1"),
    default_base="https://generativelanguage.googleapis.com/v1beta/openai",
    balance_url="https://aistudio.google.com/",
    top_up_url="https://aistudio.google.com/",
    keys_url="https://aistudio.google.com/apikey",
    status_url="https://status.cloud.google.com",
    usage_url="https://console.cloud.google.com/apis/api/generativelanguage.googleapis.com/quotas",
    source="https://ai.google.dev/gemini-api/docs/billing, read 2026-11",
)
