"""Smaller and mostly cheaper models of the same provider, and routes made from them: same key, same address.

Source: the providers' own model and price pages, read 2026-11. A pair says only where to look; whether an account may use the
model, its own list tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from bot.model.engine import Route

SIGN: Final = "+"  # between a route's name, which cannot hold it, and the model

_NEXT: Final[Mapping[str, str]] = {
    "deepseek-reasoner": "deepseek-chat",
    "gemini-2.5-pro": "gemini-2.5-flash",
    "gemini-2.5-flash": "gemini-2.5-flash-lite",
    "gpt-5": "gpt-5-mini",
    "gpt-5-mini": "gpt-5-nano",
    "gpt-4.1": "gpt-4.1-mini",
    "gpt-4.1-mini": "gpt-4.1-nano",
    "gpt-4o": "gpt-4o-mini",
    "claude-opus-4-1": "claude-sonnet-4-5",
    "claude-sonnet-4-5": "claude-haiku-4-5",
    "kimi-k2": "moonshot-v1-8k",
    "kimi-k2-0711-preview": "moonshot-v1-8k",
    "qwen-max": "qwen-plus",
    "qwen-plus": "qwen-flash",
    "glm-4.6": "glm-4.5-air",
    "glm-4.5": "glm-4.5-air",
}


def than(model: str) -> Iterator[str]:
    """Nearest first."""
    while (model := _NEXT.get(model, "")) != "":
        yield model


def name(route: str, model: str) -> str:
    """How a route with another model is called in plans and records."""
    return f"{route}{SIGN}{model}"


def whole(name: str) -> str:
    """The team file's route behind a name."""
    return name.partition(SIGN)[0]


def made(route: Route) -> Iterator[Route]:
    """Every route that may be made from this one."""
    for model in than(route.model):
        yield replace(route, name=name(route.name, model), model=model, price=None)  # the price was for the other model
