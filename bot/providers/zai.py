"""Z.ai (GLM international): plan windows, and money through an undocumented address."""

from __future__ import annotations

from bot.model.money import Kind
from bot.providers.base import MODELS, Provider
from bot.providers.glm_plans import ASKS, explain, reader, samples

PROVIDER = Provider(
    id="zai",
    title="Z.ai (GLM international)",
    zh_title="Z.ai 智谱国际",
    hosts=("api.z.ai",),
    aliases=("z-ai", "z.ai"),
    env_vars=("Z_AI_API_KEY", "ZAI_API_KEY"),
    tells=(Kind.WINDOW_QUOTA, Kind.ACCOUNT_MONEY),
    asks=ASKS,
    read=reader(lambda known: "USD"),
    explain=explain,
    models=MODELS,
    base_paths=("/api/paas/v4", "/api/coding/paas/v4", "/api/anthropic"),
    default_base="https://api.z.ai/api/paas/v4",
    balance_url="https://z.ai/manage-apikey/coding-plan/personal/my-plan",
    top_up_url="https://z.ai/manage-apikey/billing",
    keys_url="https://z.ai/manage-apikey/apikey",
    unproven=True,
    samples=samples("https://api.z.ai", "USD"),
    source="the vendor's own plugin zai-org/zai-coding-plugins, read 2026-11",
)
