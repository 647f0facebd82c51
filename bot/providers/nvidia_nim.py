"""NVIDIA NIM: nothing is published, and its model list answers without telling anything of credits."""

from __future__ import annotations

from bot.providers.base import MODELS, Provider

PROVIDER = Provider(
    id="nvidia-nim",
    title="NVIDIA NIM",
    zh_title="英伟达 NIM",
    hosts=("integrate.api.nvidia.com",),
    aliases=("nvidia",),
    env_vars=("NVIDIA_API_KEY",),
    models=MODELS,
    public_models=True,
    default_base="https://integrate.api.nvidia.com/v1",
    balance_url="https://build.nvidia.com",
    keys_url="https://build.nvidia.com/settings/api-keys",
    source="https://build.nvidia.com, read 2026-11",
)
