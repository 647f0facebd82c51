"""Vertex AI: quota figures need a Google service account's OAuth token, which this bot does not mint."""

from __future__ import annotations

from bot.providers.base import Provider

PROVIDER = Provider(
    id="vertex-ai",
    title="Google Vertex AI",
    zh_title="谷歌 Vertex AI",
    hosts=("*-aiplatform.googleapis.com", "aiplatform.googleapis.com"),
    aliases=("vertex",),
    needs="service_account",
    balance_url="https://console.cloud.google.com/vertex-ai",
    status_url="https://status.cloud.google.com",
    source="https://cloud.google.com/vertex-ai/docs/quotas, read 2026-11",
)
