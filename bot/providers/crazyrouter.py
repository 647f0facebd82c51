"""CrazyRouter: a hosted site on new-api's software."""

from __future__ import annotations

from bot.providers.hosted_sites import site

PROVIDER = site(
    "crazyrouter",
    "CrazyRouter",
    "crazyrouter.com",
    "https://docs.crazyrouter.com/token-management/account, read 2026-11",
)
