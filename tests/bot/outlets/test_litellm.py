"""LiteLLM: fallbacks and a database model, with and without a database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.errors import SwitchRefused
from bot.model.team import Secret
from bot.outlets.litellm import LiteLlm
from bot.web import Web
from tests.conftest import made_up
from tests.worlds.gateways import LiteLlmWorld


@pytest.fixture
async def http() -> AsyncIterator[Web]:
    async with Web() as web:
        yield web


async def test_fallbacks_are_set_read_back_and_taken_back(http: Web) -> None:
    key = made_up("sk-", 24)
    async with LiteLlmWorld(key) as world:
        proxy = LiteLlm(http, world.url, Secret(key))
        assert [(t.id, dict(t.state)) for t in await proxy.targets()] == [
            ("chat", {"fallbacks": [], "upstream": "deepseek/deepseek-chat"}),
            ("backup", {"fallbacks": []}),
        ]
        receipt = await proxy.apply("chat", {"fallbacks": ["backup"]})
        assert world.fallbacks == {"chat": ["backup"]}
        await proxy.undo(receipt)
        assert world.fallbacks == {}
        assert not any("/health" in path for path in world.asked)


async def test_a_database_model_is_changed_and_a_config_model_is_refused(http: Web) -> None:
    key = made_up("sk-", 24)
    async with LiteLlmWorld(key) as world:
        proxy = LiteLlm(http, world.url, Secret(key))
        receipt = await proxy.apply("chat", {"upstream": "openai/gpt-4o-mini"})
        assert world.models[0]["litellm_params"] == {
            "model": "openai/gpt-4o-mini",
            "api_base": "https://api.deepseek.com",
        }
        await proxy.undo(receipt)
        assert world.models[0]["litellm_params"]["model"] == "deepseek/deepseek-chat"
        with pytest.raises(SwitchRefused) as caught:
            await proxy.apply("backup", {"upstream": "x"})
        assert caught.value.facts["reason"] == "config_only"


async def test_without_a_database_it_says_so(http: Web) -> None:
    key = made_up("sk-", 24)
    async with LiteLlmWorld(key, database=False) as world:
        with pytest.raises(SwitchRefused) as caught:
            await LiteLlm(http, world.url, Secret(key)).apply("chat", {"fallbacks": ["backup"]})
        assert caught.value.facts["reason"] == "no_database"
        with pytest.raises(SwitchRefused) as caught:
            await LiteLlm(http, world.url, Secret(made_up("sk-", 24))).targets()
        assert caught.value.facts["reason"] == "gateway_denied"
