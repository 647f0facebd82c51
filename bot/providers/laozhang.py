"""LaoZhang API: a hosted site on new-api's software."""

from __future__ import annotations

from bot.model.money import Kind
from bot.providers.base import MODELS, Provider
from bot.providers.hosted_sites import asks, explain, read, samples

PROVIDER = Provider(
    id="laozhang",
    title="LaoZhang API",
    zh_title="老张 API",
    hosts=("api.laozhang.ai",),
    tells=(Kind.ACCOUNT_MONEY, Kind.KEY_BUDGET),
    needs="system_token",
    asks=asks(),
    read=read,
    explain=explain,
    models=MODELS,
    default_base="https://api.laozhang.ai/v1",
    min_interval_s=90,
    samples=samples(),
    source="https://docs.laozhang.ai/en/api-capabilities/balance-query, read 2026-11",
)
