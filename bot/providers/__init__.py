"""The shelf of providers. One new provider is one new file with `PROVIDER` in it; nothing is registered."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from importlib import import_module
from types import MappingProxyType

from bot.model.values import dataclass
from bot.providers.base import Ask, Json, Provider, host_matches, maybe

__all__ = ["PROBES", "Probe", "get", "recognise", "shelf"]


@cache
def shelf() -> Mapping[str, Provider]:
    """Every provider by id, sorted by id."""
    found: dict[str, Provider] = {}
    for module in pkgutil.iter_modules(__path__):
        provider = getattr(import_module(f"{__name__}.{module.name}"), "PROVIDER", None)
        if isinstance(provider, Provider):
            found[provider.id] = provider
    return MappingProxyType(dict(sorted(found.items())))


def get(provider_id: str) -> Provider | None:
    """By id or by one of the names people write for it."""
    wanted = provider_id.strip().lower()
    if wanted in shelf():
        return shelf()[wanted]
    plain = wanted.replace("_", "-").replace(" ", "-")
    for provider in shelf().values():
        if plain in {provider.id, *provider.aliases}:
            return provider
    return None


@lru_cache(maxsize=1024)
def recognise(base_url: str, provider_id: str = "") -> Provider | None:
    """The provider that the team file names, else the one whose host it is. None: ask the probes.

    The model's name tells nothing: Gemini through a relay is a question to the relay.
    """
    if provider_id and (named := get(provider_id)):
        return named
    best: tuple[int, Provider] | None = None
    for provider in shelf().values():
        for pattern in provider.hosts:
            # The longest pattern wins: api.kimi.com/coding before *.kimi.com.
            if host_matches(pattern, base_url) and (best is None or len(pattern) > best[0]):
                best = (len(pattern), provider)
    return best[1] if best else None


@dataclass(frozen=True, slots=True)
class Probe:
    """One free question, without any key, to a gateway of unknown make. `tells` gives a provider id, or ""."""

    ask: Ask
    tells: Callable[[Json], str]


def _status(answer: Json) -> str:
    data = maybe(answer, "data")
    if maybe(answer, "success") is not True or not isinstance(data, dict):
        return ""
    if "quota_per_unit" in data and ("quota_display_type" in data or "usd_exchange_rate" in data):
        return "new-api"
    return "one-api"


def _sub2api(answer: Json) -> str:
    data = maybe(answer, "data")
    return "sub2api" if maybe(answer, "code") == 0 and isinstance(data, dict) and "site_name" in data else ""


def _litellm(answer: Json) -> str:
    return "litellm" if isinstance(answer, dict) and "litellm_version" in answer else ""


def _ollama(answer: Json) -> str:
    models = maybe(answer, "models")
    return "ollama" if isinstance(models, list) else ""


def _lm_studio(answer: Json) -> str:
    data = maybe(answer, "data")
    rows = data if isinstance(data, list) else []
    return "lm-studio" if any(isinstance(row, dict) and "state" in row for row in rows) else ""


def _vllm(answer: Json) -> str:
    return "vllm" if isinstance(maybe(answer, "version"), str) else ""


def _free(name: str, url: str) -> Ask:
    return Ask(name, url, auth="none", credential="none", optional=True)


PROBES: tuple[Probe, ...] = (
    Probe(_free("status", "{root}/api/status"), _status),
    Probe(_free("settings", "{root}/api/v1/settings/public"), _sub2api),
    Probe(_free("readiness", "{root}/health/readiness"), _litellm),
    Probe(_free("tags", "{root}/api/tags"), _ollama),
    Probe(_free("local models", "{root}/api/v0/models"), _lm_studio),
    # vLLM's /health is empty, which any server can be; its /version says a version.
    Probe(_free("version", "{root}/version"), _vllm),
)
