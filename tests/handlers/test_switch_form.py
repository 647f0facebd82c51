"""Choosing engine, route and model: the form, and the same by buttons where there are no forms."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.model.chat import Form, Person, Reply
from tests.handlers.test_switch import STRANGER, Desk, button
from tests.switch_room import ALICE, Room, room


class FormDesk(Desk):
    async def choose(self, *, action: str = "switch.choose", by: Person = ALICE, **fields: str) -> Reply:
        self.all = await self.send(action=action, by=by, **fields)
        return self.all[-1]


def form(reply: Reply) -> Form:
    assert reply.form is not None
    return reply.form


def picked(reply: Reply) -> dict[str, str]:
    return {one.name: one.chosen for one in form(reply).inputs}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Room]:
    async with room(tmp_path) as found:
        yield found


async def test_the_form_shows_masked_values_and_touches_nothing(house: Room) -> None:
    desk = FormDesk(house, "zh")
    overview = (await desk.send())[-1]
    assert button(overview, "switch.choose").label == "选线路"
    first = await desk.choose()
    assert picked(first) == {"engine": "query", "route": "poor", "model": "deepseek-reasoner"}
    labels = dict(form(first).inputs[1].choices)
    assert labels["main"] == "main · deepseek-reasoner（在用）"
    spare = await desk.choose(engine="query", route="spare", model="deepseek-chat")
    shown = desk.read(Reply(blocks=form(spare).blocks))
    assert "deepseek-reasoner → deepseek-chat" in shown
    assert "还没有动任何东西" in shown
    assert not any(key[-8:] in shown for key in house.keys.values())
    assert house.path.read_bytes() == house.original
    assert house.provider.asked == []


async def test_another_engine_starts_with_its_own_routes(house: Room) -> None:
    desk = FormDesk(house)
    found = await desk.choose(engine="media", route="spare", model="deepseek-chat")
    assert picked(found)["engine"] == "media"
    assert picked(found)["route"] in dict(form(found).inputs[1].choices)
    assert form(found).inputs[1].of == "media"


async def test_what_is_wrong_is_told_by_field(house: Room) -> None:
    desk = FormDesk(house, "zh")
    already = await desk.choose(action="switch.form", engine="query", route="main", model="deepseek-reasoner")
    assert list(form(already).errors) == ["route"]
    assert list(form(await desk.choose(action="switch.form", engine="query")).errors) == ["route"]
    assert list(form(await desk.choose(action="switch.form")).errors) == ["engine"]
    gone = await desk.choose(action="switch.form", engine="query", route="nowhere")
    assert form(gone).errors == {"route": "团队文件里没有这条线路了，请重新选。"}
    house.path.write_bytes(house.original + b"\nQUERY_ENGINE_API_KEY=twice\n")
    assert "engine" in form(await desk.choose(action="switch.form", engine="query", route="spare")).errors


async def test_what_was_sent_becomes_the_plan(house: Room) -> None:
    desk = FormDesk(house)
    plan = await desk.choose(action="switch.form", engine="query", route="spare", model="deepseek-reasoner")
    assert desk.all[0].final is False
    assert plan.title == "Switch QueryEngine: main → spare"
    done = (await desk.press(button(plan, "switch.confirm")))[-1]
    assert "main → spare" in done.title


async def test_only_operators_choose(house: Room) -> None:
    desk = FormDesk(house)
    for action in ("switch.choose", "switch.form"):
        refused = await desk.choose(by=STRANGER, action=action, engine="query", route="spare")
        assert refused.form is None
        assert refused.alert
    assert house.path.read_bytes() == house.original


async def test_the_same_by_buttons(house: Room) -> None:
    desk = FormDesk(house)
    engines = await desk.choose()
    assert [a.label for a in engines.actions] == ["QueryEngine", "MediaEngine"]
    ways = (await desk.press(engines.actions[0]))[-1]
    assert ways.title == "QueryEngine: to which route?"
    assert ("switch.plan", "query spare") in {(a.id, a.value) for a in ways.actions}
    smaller = next(a for a in ways.actions if a.value == "query spare+deepseek-chat")
    plan = (await desk.press(smaller))[-1]
    assert "spare (deepseek-chat)" in plan.title


async def test_nothing_to_choose_is_said(house: Room) -> None:
    house.path.unlink()
    desk = FormDesk(house)
    said = await desk.choose()
    assert said.alert
    assert said.form is None
    assert not any(a.id == "switch.choose" for a in (await desk.send())[-1].actions)
