"""Xiaomi MiMo: balance and plan are told to a console login only. Cookies are never asked for."""

from __future__ import annotations

from bot.providers.base import MODELS, Provider

PROVIDER = Provider(
    id="xiaomi-mimo",
    title="Xiaomi MiMo",
    zh_title="小米 MiMo",
    hosts=("api.xiaomimimo.com",),
    aliases=("mimo",),
    env_vars=("MIMO_API_KEY",),
    needs="personal_login",
    models=MODELS,
    default_base="https://api.xiaomimimo.com/v1",
    balance_url="https://platform.xiaomimimo.com/#/console/balance",
    source="https://platform.xiaomimimo.com, read 2026-11",
)
