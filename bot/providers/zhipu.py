"""Zhipu GLM: plan windows, and money through an undocumented address."""

from __future__ import annotations

from bot.model.money import Kind
from bot.providers.base import MODELS, Provider
from bot.providers.glm_plans import ASKS, explain, reader, samples

PROVIDER = Provider(
    id="zhipu",
    title="Zhipu GLM",
    zh_title="智谱 GLM 开放平台",
    hosts=("open.bigmodel.cn", "bigmodel.cn", "www.bigmodel.cn"),
    aliases=("glm", "bigmodel"),
    env_vars=("ZHIPU_API_KEY", "ZHIPUAI_API_KEY", "BIGMODEL_API_KEY", "GLM_API_KEY"),
    tells=(Kind.WINDOW_QUOTA, Kind.ACCOUNT_MONEY),
    asks=ASKS,
    read=reader(lambda known: "CNY"),
    explain=explain,
    models=MODELS,
    base_paths=("/api/paas/v4", "/api/coding/paas/v4", "/api/anthropic"),
    default_base="https://open.bigmodel.cn/api/paas/v4",
    balance_url="https://bigmodel.cn/coding-plan/personal/usage",
    keys_url="https://bigmodel.cn/usercenter/proj-mgmt/apikeys",
    unproven=True,
    samples=samples("https://open.bigmodel.cn", "CNY"),
    source="the vendor's own plugin zai-org/zai-coding-plugins, read 2026-11",
)
