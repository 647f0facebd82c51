"""Channels in three generations of the API: changed, read back, taken back; nothing is ever tested or deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.errors import SwitchRefused
from bot.model.team import Secret
from bot.outlets.new_api import NewApi
from bot.web import Web
from tests.conftest import made_up
from tests.worlds.gateways import NewApiWorld


@pytest.fixture
async def http() -> AsyncIterator[Web]:
    async with Web() as web:
        yield web


@pytest.mark.parametrize("generation", ["one-api", "older", "newest"])
async def test_off_priority_and_back(http: Web, generation: str) -> None:
    token = made_up("", 32)
    async with NewApiWorld(generation, token) as world:
        gateway = NewApi(http, world.url, Secret(token), "1")
        assert [(t.id, t.name, t.state["status"]) for t in await gateway.targets()] == [
            ("7", "main", 1),
            ("8", "spare", 1),
        ]
        receipt = await gateway.apply("7", {"status": 2, "priority": 0})
        assert (receipt.before, receipt.after) == ({"status": 1, "priority": 3}, {"status": 2, "priority": 0})
        assert world.channels[7]["status"] == 2
        assert world.channels[7]["models"] == "gpt-4o,claude-sonnet-4"
        await gateway.undo(receipt)
        assert (world.channels[7]["status"], world.channels[7]["priority"]) == (1, 3)
        assert world.harm == 0
        assert all(set(body) <= {"id", "status", "priority", "weight"} for body in world.bodies)


@pytest.mark.parametrize("generation", ["one-api", "older", "newest"])
async def test_a_yes_that_changes_nothing_is_seen(http: Web, generation: str) -> None:
    token = made_up("", 32)
    async with NewApiWorld(generation, token) as world:
        world.deaf = True
        with pytest.raises(SwitchRefused) as caught:
            await NewApi(http, world.url, Secret(token), "1").apply("7", {"status": 2})
        assert caught.value.facts["reason"] == "not_taken"


async def test_what_the_gateway_did_itself_is_not_undone(http: Web) -> None:
    token = made_up("", 32)
    async with NewApiWorld("newest", token) as world:
        gateway = NewApi(http, world.url, Secret(token))
        receipt = await gateway.apply("8", {"priority": 50})
        world.channels[8]["priority"] = 1
        with pytest.raises(SwitchRefused) as caught:
            await gateway.undo(receipt)
        assert caught.value.facts["reason"] == "changed_since"


@pytest.mark.parametrize("generation", ["one-api", "older", "newest"])
async def test_a_wrong_token_is_told_whatever_the_status(http: Web, generation: str) -> None:
    async with NewApiWorld(generation, made_up("", 32)) as world:
        wrong = made_up("", 32)
        with pytest.raises(SwitchRefused) as caught:
            await NewApi(http, world.url, Secret(wrong), "1").targets()
        assert caught.value.facts["reason"] == "gateway_denied"
        assert wrong not in str(caught.value)


@pytest.mark.parametrize(
    ("target", "want"),
    [("7", {"key": "x"}), ("7", {"status": 3}), ("7", {}), ("../7", {"status": 2}), ("99", {"status": 2})],
)
async def test_only_known_fields_of_known_channels(http: Web, target: str, want: dict[str, object]) -> None:
    token = made_up("", 32)
    async with NewApiWorld("newest", token) as world:
        with pytest.raises(SwitchRefused):
            await NewApi(http, world.url, Secret(token)).apply(target, want)
        assert world.bodies == []
