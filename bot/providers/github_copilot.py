"""GitHub Copilot: the quota is told to an editor's login only."""

from __future__ import annotations

from bot.providers.base import Provider

PROVIDER = Provider(
    id="github-copilot",
    title="GitHub Copilot",
    zh_title="GitHub Copilot",
    hosts=("api.githubcopilot.com",),
    aliases=("copilot",),
    needs="personal_login",
    balance_url="https://github.com/settings/copilot",
    status_url="https://www.githubstatus.com/",
    source="https://docs.github.com/copilot, read 2026-11",
)
