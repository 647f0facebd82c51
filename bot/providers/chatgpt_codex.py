"""ChatGPT and Codex subscriptions: windows are told to a person's login only."""

from __future__ import annotations

from bot.providers.base import Provider

PROVIDER = Provider(
    id="chatgpt-codex",
    title="ChatGPT / Codex subscription",
    zh_title="ChatGPT Codex 订阅",
    hosts=("chatgpt.com",),
    aliases=("codex",),
    needs="personal_login",
    balance_url="https://chatgpt.com/codex/settings/usage",
    status_url="https://status.openai.com/",
    source="https://chatgpt.com/codex/settings/usage, read 2026-11",
)
