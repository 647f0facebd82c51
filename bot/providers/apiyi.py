"""APIYI: a hosted site on new-api's software."""

from __future__ import annotations

from bot.providers.hosted_sites import site

PROVIDER = site(
    "apiyi",
    "APIYI",
    "api.apiyi.com",
    "https://docs.apiyi.com/en/api-capabilities/balance-query, read 2026-11",
    zh_title="API易 APIYI",
)
