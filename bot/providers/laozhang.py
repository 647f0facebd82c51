"""LaoZhang API: a hosted site on new-api's software."""

from __future__ import annotations

from bot.providers.hosted_sites import site

PROVIDER = site(
    "laozhang",
    "LaoZhang API",
    "api.laozhang.ai",
    "https://docs.laozhang.ai/en/api-capabilities/balance-query, read 2026-11",
    zh_title="老张 API",
)
