"""No route left: what the buttons do, in both languages. Nothing happens without a press."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.chats.terminal_render import render
from bot.locales import Words
from bot.model.chat import Action, MessageRef, Person, Place, Reply, Request
from bot.model.diagnosis import Cause
from bot.model.engine import Route
from bot.services import Services
from bot.services.alert_book import AlertBook
from bot.services.degrade import Degrade
from bot.services.fallback import Fallback
from handlers import alerts, degrade, switch
from handlers.fallback_words import announced
from handlers.router import Router
from tests.switch_room import ALICE, Room, room

_ids = itertools.count()
MEMBER = Person("slack", "U0BOB", "Bob")


class Desk:
    def __init__(self, house: Room, language: str) -> None:
        self.house, self.words = house, Words(language, "Asia/Shanghai")
        p, unused = house.parts, None
        parts: tuple[Any, ...] = (house.team, house.switching, p["balances"])
        self.fallback = Fallback(*parts, house.store, house.clock)
        self.services = Services(
            team=house.team, store=house.store, clock=house.clock, gate=p["gate"], keys=p["keys"], balances=p["balances"],
            diagnosis=unused, proof=unused, switching=house.switching, escalation=unused, oncall=unused,  # type: ignore[arg-type]
            fallback=self.fallback, degrade=Degrade(*parts, p["restart"], house.store, house.clock, p["gate"]),
        )  # fmt: skip

    async def send(self, text: str = "", command: str = "switch", *, press: Action | None = None, by: Person = ALICE) -> Reply:  # fmt: skip
        request = Request(
            command=command,
            text=self.house.parts["gate"].clean(text).text,
            asker=by,
            place=Place("slack", "C1"),
            language=self.words.language,
            timezone="Asia/Shanghai",
            received_at=self.house.clock.now(),
            id=str(next(_ids)),
            action=press.id if press else None,
            value=press.value if press else "",
            message=MessageRef("slack", "C1", "1") if press else None,
        )
        commands = {"switch": switch.COMMAND, "degrade": degrade.COMMAND, "alerts": alerts.COMMAND}
        replies = [reply async for reply in Router(self.services, commands).answer(request)]
        return replies[-1]

    def read(self, reply: Reply) -> str:
        return render(reply, self.words, colour=False, width=None)


def button(reply: Reply, id: str) -> Action:
    return next(action for action in reply.actions if action.id == id)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Room]:
    async with room(tmp_path, routes=("main", "poor")) as found:
        found.fish.running("query")
        found.team = replace(found.team, access=replace(found.team.access, members=(MEMBER.address,)))
        found.rebuilt()
        yield found


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_refused_plan_offers_what_still_helps(house: Room, language: str) -> None:
    desk = Desk(house, language)
    reply = await desk.send("query")
    assert [a.id for a in reply.actions] == ["switch.pause", "switch.local", "switch.text", "alert.tell"]
    text = await desk.send(press=button(reply, "switch.text"))
    assert "image_prompt" in desk.read(text)
    assert house.path.read_bytes() == house.original
    assert house.fish.asked == []


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_pause_stops_only_that_sub_app_and_is_taken_back(house: Room, language: str) -> None:
    house.fish.running("media")
    desk = Desk(house, language)
    pause = button(await desk.send("query", "degrade"), "switch.pause")
    refused = await desk.send(press=pause, by=MEMBER)
    assert house.fish.apps["query"].status == "running"
    assert ALICE.address in desk.read(refused)
    paused = await desk.send(press=pause)
    assert (house.fish.apps["query"].status, house.fish.apps["media"].status) == ("stopped", "running")
    assert "Alice" in desk.read(paused)
    overview = desk.read(await desk.send(""))
    assert desk.words.say("switch.states.paused") in overview
    assert "Alice" in overview
    again = await desk.send("")  # the list of engines leads back, and so does `degrade`
    assert button(again, "switch.resume").value == "query"
    again = await desk.send("query", "degrade")
    assert "switch.pause" not in {action.id for action in again.actions}
    resumed = await desk.send(press=button(again, "switch.resume"))
    assert house.fish.apps["query"].status != "stopped"
    assert "query" in desk.read(resumed)
    assert desk.words.say("switch.states.paused") not in desk.read(await desk.send(""))
    assert [(e.what, e.who, e.result) for e in await house.store.audits()] == [
        ("resume", ALICE.address, "done"),
        ("pause", ALICE.address, "done"),
    ]


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_list_of_engines_shows_what_is_out_after_a_restart(house: Room, language: str) -> None:
    await Desk(house, language).fallback.report("query", Cause.RATE_LIMITED, route="poor", retry_after_s=900)
    await Desk(house, language).fallback.report("query", Cause.AUTH_INVALID, route="main")
    desk = Desk(house, language)
    reply = await desk.send("")
    shown = desk.read(reply)
    cause = desk.words.inside(desk.words.say("cause.auth_invalid.title"))
    assert desk.words.say("switch.out.person", route="main", cause=cause) in shown
    assert desk.words.when(house.clock.now() + timedelta(seconds=900), house.clock.now()) in shown
    assert button(reply, "switch.clear").value == "main"


async def test_a_pause_that_is_refused_says_so(house: Room) -> None:
    house.fish.refuse.add("query")
    desk = Desk(house, "en")
    reply = await desk.send(press=button(await desk.send("query", "degrade"), "switch.pause"))
    assert reply.alert
    assert "did not do it" in desk.read(reply)
    assert "switch.pause" in {action.id for action in (await desk.send("query", "degrade")).actions}


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_smaller_model_only_where_the_list_shows_it_and_money_is_there(house: Room, language: str) -> None:
    desk = Desk(house, language)
    assert "switch.plan" not in {a.id for a in (await desk.send("query", "degrade")).actions}  # nothing to pay with
    house.provider.money[house.keys["MAIN"]] = "0.40"
    house.provider.models = ("deepseek-reasoner",)
    house.clock.move(600)
    assert "switch.plan" not in {a.id for a in (await desk.send("query", "degrade")).actions}  # not in its list
    house.provider.models = ("deepseek-reasoner", "deepseek-chat")
    house.clock.move(600)
    offer = button(await desk.send("query", "degrade"), "switch.plan")
    assert offer.value == "query main+deepseek-chat"
    plan = await desk.send(press=offer)
    assert "deepseek-chat" in desk.read(plan)
    done = await desk.send(press=button(plan, "switch.confirm"))
    changed = house.path.read_bytes()
    assert changed == house.original.replace(b"deepseek-reasoner", b"deepseek-chat")
    assert house.fish.apps["query"].settings["QUERY_ENGINE_MODEL_NAME"] == "deepseek-chat"
    assert desk.words.say("switch.with_model", route="main", model="deepseek-chat") in desk.read(await desk.send(""))
    # The account behind it is still the one of its route.
    house.provider.money[house.keys["MAIN"]] = "0.00"
    house.clock.move(600)
    (said,) = await desk.fallback.report("query", Cause.BALANCE_EXHAUSTED)
    assert (said.say, said.from_route) == ("no_route", "main")
    await desk.send(press=button(done, "switch.undo"))
    assert house.path.read_bytes() == house.original
    assert house.provider.chats == 0


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_local_model_hangs_on_a_gpu(house: Room, language: str) -> None:
    desk = Desk(house, language)
    asked = await desk.send(press=button(await desk.send("query", "degrade"), "switch.local"))
    yes, no = asked.actions
    assert "4B" in desk.read(await desk.send(press=no))
    assert "Ollama" in desk.read(await desk.send(press=yes))
    own = Route("own", "http://127.0.0.1:9/v1", "qwen3:8b", "ollama")
    house.team = replace(house.team, routes={**house.team.routes, "own": own})
    house.rebuilt(routes=("main", "poor", "own"))
    offered = await Desk(house, language).send(press=yes)
    assert button(offered, "switch.plan").value == "query own"


async def test_whoever_asks_hears_when_it_is_back(house: Room) -> None:
    desk = Desk(house, "en")
    reply = await desk.send("query", "degrade", by=MEMBER)
    kept = await desk.send(press=button(reply, "alert.tell"), by=MEMBER)
    assert kept.alert
    (waiting,) = await AlertBook(house.store, house.clock).waiting()
    assert (waiting.account, waiting.person.address) == ("main", MEMBER.address)


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_support_chats_get_the_buttons(house: Room, language: str) -> None:
    desk = Desk(house, language)
    (said,) = await desk.fallback.report("query", Cause.BALANCE_EXHAUSTED)
    reply = await degrade.offered(announced(said, desk.services, desk.words), said.engine, desk.services, desk.words)
    assert [a.id for a in reply.actions] == ["switch.pause", "switch.local", "switch.text", "alert.tell"]
