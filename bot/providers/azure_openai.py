"""Azure OpenAI: costs need an Entra login; the key proves only that the deployment's resource answers."""

from __future__ import annotations

from bot.providers.base import Ask, Provider

PROVIDER = Provider(
    id="azure-openai",
    title="Azure OpenAI",
    zh_title="Azure OpenAI",
    hosts=("*.openai.azure.com", "*.services.ai.azure.com"),
    aliases=("azure",),
    env_vars=("AZURE_OPENAI_API_KEY",),
    needs="cloud_login",
    models=Ask("models", "https://{host}/openai/models?api-version=2024-10-21", auth="api-key", optional=True),
    base_paths=("/openai/v1", "/openai"),
    balance_url="https://ai.azure.com",
    status_url="https://azure.status.microsoft/en-us/status",
    source="https://learn.microsoft.com/azure/ai-services/openai, read 2026-11",
)
