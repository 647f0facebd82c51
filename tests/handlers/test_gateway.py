"""The gateways from the team file to the chat: plan, confirm, read back, undo, and what an interruption leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot import team_file
from bot.chats.terminal_render import render
from bot.errors import ConfigError
from bot.locales import Words
from bot.model.chat import Action, MessageRef, Person, Place, Reply, Request, Role
from bot.outlets import gateways as made
from bot.ports import SwitchRecord
from bot.services import Services
from bot.services.gateways import Gateways
from handlers import gateway
from handlers.router import Router
from tests.conftest import made_up
from tests.switch_room import ALICE, BOB, Room, room
from tests.worlds.gateways import LiteLlmWorld, NewApiWorld


class Desk:
    def __init__(self, house: Room, gateways: Gateways, language: str = "en") -> None:
        self.house, self.gateways, self.language = house, gateways, language
        unused: object = None
        self.router = Router(
            Services(
                team=house.team, store=house.store, clock=house.clock, gate=house.parts["gate"], keys=house.parts["keys"],
                balances=unused, diagnosis=unused, proof=unused, switching=unused, escalation=unused, oncall=unused,  # type: ignore[arg-type]
                gateways=gateways,
            ),
            {"gateway": gateway.COMMAND},
        )  # fmt: skip
        self.count = 0

    async def send(self, text: str, *, press: Action | None = None, by: Person = ALICE) -> Reply:
        self.count += 1
        request = Request(
            "gateway", self.house.parts["gate"].clean(text).text, by, Place("slack", "C1"), self.language, "UTC",
            self.house.clock.now(), str(self.count), action=press.id if press else None, value=press.value if press else "",
            message=MessageRef("slack", "C1", "1") if press else None,
        )  # fmt: skip
        *_, last = [reply async for reply in self.router.answer(request)]
        return last

    def read(self, reply: Reply) -> str:
        return render(reply, Words(self.language), width=None)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Room]:
    async with room(tmp_path) as found:
        yield found


@pytest.fixture
async def relay(house: Room) -> AsyncIterator[NewApiWorld]:
    token = made_up("", 32)
    house.environ.update(RELAY_ADMIN=token, RELAY_USER="1")
    async with NewApiWorld("older", token) as world:
        yield world


def desk(house: Room, language: str = "en", **tables: dict[str, object]) -> Desk:
    team = team_file.parse({"gateways": tables}, house.path.parent)
    house.team = replace(house.team, gateways=team.gateways)
    p = house.parts
    built = made.build(house.team, p["http"], p["keys"], p["restart"], house.clock, house.backups)
    return Desk(house, Gateways(built, house.team, house.store, house.clock, p["gate"]), language)


def relay_table(relay: NewApiWorld) -> dict[str, object]:
    return {"kind": "new-api", "url": relay.url, "key_env": "RELAY_ADMIN", "user_env": "RELAY_USER"}


def button(reply: Reply, id: str) -> Action:
    return next(action for action in reply.actions if action.id == id)


async def test_a_channel_off_and_on_again(house: Room, relay: NewApiWorld) -> None:
    chat = desk(house, "zh", relay=relay_table(relay))
    assert "main" in chat.read(await chat.send("relay"))
    plan = await chat.send("relay 7 off")
    assert "启用 → 停用" in chat.read(plan)
    assert relay.channels[7]["status"] == 1
    done = await chat.send("", press=button(plan, "gateway.confirm"))
    assert "已验证" in chat.read(done)
    assert relay.channels[7]["status"] == 2
    assert (await chat.send("", press=button(plan, "gateway.confirm"), by=BOB)).alert
    back = await chat.send("", press=button(done, "gateway.undo"))
    assert "已撤回" in chat.read(back)
    assert relay.channels[7]["status"] == 1
    assert (await chat.send("", press=button(done, "gateway.undo"))).alert
    assert [(e.what, e.subject, e.result) for e in reversed(await house.store.audits())] == [
        ("switch", "gateway:relay", "started"),
        ("switch", "gateway:relay", "done"),
        ("undo", "gateway:relay", "done"),
    ]


async def test_a_proxy_and_words_that_do_not_fit(house: Room, relay: NewApiWorld) -> None:
    key = made_up("sk-", 24)
    house.environ["PROXY_KEY"] = key
    async with LiteLlmWorld(key) as proxy:
        chat = desk(
            house,
            relay=relay_table(relay),
            proxy={"kind": "litellm", "url": proxy.url, "key_env": "PROXY_KEY"},
        )
        assert "relay, proxy" in chat.read(await chat.send(""))
        assert "Did you mean relay" in chat.read(await chat.send("rely"))
        assert "relay <channel> off (or on" in chat.read(await chat.send("relay 7 sideways"))
        assert "There is no 99 there." in chat.read(await chat.send("relay 99 off"))
        assert "main is like that already" in chat.read(await chat.send("relay 7 on"))
        plan = await chat.send("proxy chat fallbacks backup")
        await chat.send("", press=button(plan, "gateway.confirm"))
        assert proxy.fallbacks == {"chat": ["backup"]}
        await chat.send("proxy undo")
        assert proxy.fallbacks == {}


async def test_one_of_many_presses_wins(house: Room, relay: NewApiWorld) -> None:
    chat = desk(house, relay=relay_table(relay))
    plan = await chat.send("relay 8 priority 50")
    replies = await asyncio.gather(*(chat.send("", press=button(plan, "gateway.confirm")) for _ in range(20)))
    assert sum(not reply.alert for reply in replies) == 1
    assert sum("priority" in body for body in relay.bodies) == 1


async def test_a_missing_key_is_named(house: Room, relay: NewApiWorld) -> None:
    del house.environ["RELAY_ADMIN"]
    chat = desk(house, relay=relay_table(relay))
    said = chat.read(await chat.send("relay"))
    assert "Gateway relay cannot be read" in said
    assert "RELAY_ADMIN" in said
    assert "was not changed" in chat.read(await chat.send("relay 1 off"))


async def test_an_interrupted_change_is_ended_at_the_next_start(house: Room, relay: NewApiWorld) -> None:
    chat = desk(house, relay=relay_table(relay))
    detail = {"target": "7", "name": "main", "before": {"status": 1}, "want": {"status": 2}}
    record = SwitchRecord(0, house.clock.now(), "gateway:relay", None, "7", ALICE.address, "started", detail=detail)
    first = await house.store.begin_switch(record)
    relay.channels[7]["status"] = 2
    assert await house.switching.recover() == ()
    assert await chat.gateways.recover() == 1
    assert (await house.store.switches("gateway:relay"))[0].state == "done"
    await chat.gateways.undo("relay", ALICE, Role.OPERATOR, record_id=first)
    assert relay.channels[7]["status"] == 1
    await house.store.begin_switch(record)
    assert await chat.gateways.recover() == 1
    assert (await house.store.switches("gateway:relay"))[0].state == "undone"


def test_wrong_tables_are_named(tmp_path: Path) -> None:
    wrong: dict[str, object] = {
        "a": {"kind": "nonsense", "url": "http://127.0.0.1:3000", "key_env": "X"},
        "b": {"kind": "new-api"},
        "c": {"kind": "claude-code-router"},
    }
    with pytest.raises(ConfigError) as caught:
        team_file.parse({"gateways": wrong}, tmp_path)
    text = "\n".join(caught.value.faults)
    for part in (
        "[gateways.a] kind",
        "[gateways.b] needs url",
        "[gateways.b] needs key_env",
        "[gateways.c] needs config",
    ):
        assert part in text
