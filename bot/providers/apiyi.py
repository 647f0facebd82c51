"""APIYI: a hosted site on new-api's software."""

from __future__ import annotations

from bot.model.money import Kind
from bot.providers.base import MODELS, Provider
from bot.providers.hosted_sites import asks, explain, read, samples

PROVIDER = Provider(
    id="apiyi",
    title="APIYI",
    zh_title="API易 APIYI",
    hosts=("api.apiyi.com",),
    tells=(Kind.ACCOUNT_MONEY, Kind.KEY_BUDGET),
    needs="system_token",
    asks=asks(),
    read=read,
    explain=explain,
    models=MODELS,
    default_base="https://api.apiyi.com/v1",
    min_interval_s=90,
    samples=samples(),
    source="https://docs.apiyi.com/en/api-capabilities/balance-query, read 2026-11",
)
