"""Claude Pro and Max: windows are told to a person's login only, which does not belong in a team's bot."""

from __future__ import annotations

from bot.providers.base import Provider

PROVIDER = Provider(
    id="claude-subscription",
    title="Claude Pro/Max subscription",
    zh_title="Claude 订阅",
    aliases=("claude-code", "claude-max", "claude-pro"),
    needs="personal_login",
    balance_url="https://claude.ai/settings/usage",
    status_url="https://status.claude.com/",
    source="https://claude.ai/settings/usage, read 2026-11",
)
