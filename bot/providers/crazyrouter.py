"""CrazyRouter: a hosted site on new-api's software."""

from __future__ import annotations

from bot.model.money import Kind
from bot.providers.base import MODELS, Provider
from bot.providers.hosted_sites import asks, explain, read, samples

PROVIDER = Provider(
    id="crazyrouter",
    title="CrazyRouter",
    zh_title="CrazyRouter",
    hosts=("crazyrouter.com",),
    tells=(Kind.ACCOUNT_MONEY, Kind.KEY_BUDGET),
    needs="system_token",
    asks=asks(),
    read=read,
    explain=explain,
    models=MODELS,
    default_base="https://crazyrouter.com/v1",
    min_interval_s=90,
    samples=samples(),
    source="https://docs.crazyrouter.com/token-management/account, read 2026-11",
)
