"""Slack's modals: menus that ask anew, faults that keep the form open, and what happens where a form cannot be opened."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from bot.chats.slack_inbox import HOME_LEAST_S, HOME_S, JUDGE_S, VIEWED_S
from bot.chats.slack_render import OPTIONS_MOST, Renderer
from bot.model.chat import Action, Form, Input, Line, Place, Reply, Request
from tests.conftest import FixedClock
from tests.worlds.slack import SlackWorld
from tests.worlds.slack_desk import SlackDesk
from tests.worlds.slack_rules import check_view

WAYS = {"query": ("main", "spare"), "media": ("relay",)}


class Impatient(FixedClock):
    """What a sent form's acknowledgement waits for is over at once."""

    async def sleep(self, seconds: float) -> None:
        if seconds != JUDGE_S:
            await super().sleep(seconds)


def form(engine: str = "query", route: str = "", **more: Any) -> Form:
    engines = tuple((name, name.title()) for name in WAYS)
    routes = tuple((name, f"{name} · model") for name in WAYS[engine])
    return Form(
        "switch.form",
        "Which route, please, of all those that there are?",
        engine,
        (
            Input("engine", "Engine", required=True, choices=engines, chosen=engine, asks="switch.choose"),
            Input(
                "route",
                "Route",
                required=True,
                choices=routes,
                chosen=route or routes[0][0],
                asks="switch.choose",
                of=engine,
            ),
        ),
        blocks=(Line(f"{engine} goes to {route or routes[0][0]}"),),
        submit="See the plan",
        by_buttons=True,
        **more,
    )


@pytest.fixture(params=["http", "socket"])
async def desk(slack: SlackWorld, request: pytest.FixtureRequest) -> AsyncIterator[SlackDesk]:
    async with SlackDesk(slack, socket=request.param == "socket") as desk:
        desk.router.scripts["switch.choose"] = _choose
        desk.router.on("switch", Reply(blocks=(Line("engines"),), actions=(Action("switch.choose", "Choose"),)))
        yield desk


async def _choose(request: Request) -> AsyncIterator[Reply]:
    engine = request.fields["engine"].text if "engine" in request.fields else "query"
    route = request.fields["route"].text if "route" in request.fields else ""
    shown = form(engine, route if route in WAYS[engine] else "")
    yield Reply("Which engine?", actions=(Action("switch.choose", "Query", "query"),), replace=True, form=shown)


async def opened(slack: SlackWorld) -> dict[str, Any]:
    await slack.slash("U0ADMIN", "C0TEAM", "/switch")
    await slack.press("U0ADMIN", await slack.wait_for(lambda m: "Choose" in m.labels), "Choose")
    await slack.until(lambda: bool(slack.views))
    return next(iter(slack.views.values()))


def stands(view: dict[str, Any]) -> str:
    return json.dumps(view["blocks"])


async def test_a_choice_asks_for_the_form_anew(slack: SlackWorld, desk: SlackDesk) -> None:
    view = await opened(slack)
    assert len(slack.from_bot()) == 1  # the form is the answer; no second message beside it
    assert len(view["title"]["text"]) <= 24
    assert view["submit"]["text"] == "See the plan"
    assert "query goes to main" in stands(view)
    await slack.choose("U0ADMIN", view, "route", "spare")
    await slack.until(lambda: "query goes to spare" in stands(view))
    await slack.choose("U0ADMIN", view, "engine", "media")
    await slack.until(lambda: "media goes to relay" in stands(view))
    asked = desk.router.last
    assert (asked.action, asked.place.chat, asked.asker.id) == ("switch.choose", "C0TEAM", "U0ADMIN")
    desk.router.on("switch.form", Reply(blocks=(Line("the plan"),), audience="place"))
    ack = await slack.submit("U0ADMIN", view, {})
    assert ack.ok
    assert view["closed"]
    plan = await slack.wait_for(lambda m: "the plan" in slack.render_text(m))
    assert (plan.channel, plan.only_for) == ("C0TEAM", None)
    assert {name: text.text for name, text in desk.router.last.fields.items()} == {"engine": "media", "route": "relay"}


async def test_what_is_wrong_is_said_in_the_form(slack: SlackWorld, desk: SlackDesk) -> None:
    view = await opened(slack)
    wrong = Form("switch.form", "", "", (), by_buttons=True, errors={"route": "is on it already", "gone": "no input"})
    desk.router.on("switch.form", Reply(form=wrong))
    sent = len(slack.from_bot())
    ack = await slack.submit("U0ADMIN", view, {})
    assert ack.ok
    assert view["errors"] == {"route#query": "is on it already"}
    assert "closed" not in view
    await desk.idle()
    assert len(slack.from_bot()) == sent
    desk.router.on("switch.form", Reply(blocks=(Line("the plan"),), audience="place"))
    await slack.submit("U0ADMIN", view, {})
    await slack.wait_for(lambda m: "the plan" in slack.render_text(m))


async def test_a_verdict_that_comes_late_is_a_message(slack: SlackWorld) -> None:
    acknowledged = asyncio.Event()

    async def slow(_: Request) -> AsyncIterator[Reply]:
        await acknowledged.wait()
        yield Reply(form=Form("switch.form", "", "", (), by_buttons=True, errors={"route": "is on it already"}))

    async with SlackDesk(slack, socket=True, clock=Impatient()) as desk:
        desk.router.scripts |= {"switch.form": slow, "switch.choose": _choose}
        desk.router.on("switch", Reply(blocks=(Line("engines"),), actions=(Action("switch.choose", "Choose"),)))
        view = await opened(slack)
        ack = await slack.submit("U0ADMIN", view, {})
        assert ack.ok
        assert view["closed"]
        acknowledged.set()
        told = await slack.wait_for(lambda m: "is on it already" in slack.render_text(m))
        assert told.only_for == "U0ADMIN"


async def test_an_older_answer_does_not_undo_a_newer_one(slack: SlackWorld, desk: SlackDesk) -> None:
    view = await opened(slack)
    first_may_go, asked = asyncio.Event(), asyncio.Event()

    async def choose(request: Request) -> AsyncIterator[Reply]:
        if request.fields["engine"].text == "media":
            asked.set()
            await first_may_go.wait()
        async for reply in _choose(request):
            yield reply

    desk.router.scripts["switch.choose"] = choose
    await slack.choose("U0ADMIN", view, "engine", "media")
    await asked.wait()
    await slack.choose("U0ADMIN", view, "engine", "query")
    await slack.choose("U0ADMIN", view, "route", "spare")
    await slack.until(lambda: "query goes to spare" in stands(view))
    first_may_go.set()
    await desk.idle()
    assert "query goes to spare" in stands(view)
    assert desk.chat.counts["undelivered"] == 0


async def test_two_quick_choices_end_with_the_second(slack: SlackWorld, desk: SlackDesk) -> None:
    """Both were made in the same form, so that the answer to the first makes the second one's hash old."""
    view = await opened(slack)
    first = {"engine": "media", "route": ""}
    held = dict(view)
    await slack.choose("U0ADMIN", view, "engine", first["engine"])
    await slack.until(lambda: "media goes to relay" in stands(view))
    await slack.choose("U0ADMIN", held, "route", "spare")  # pressed before the form had changed
    await desk.idle()
    assert "hash_conflict" in desk.chat.counts
    assert "goes to relay" in stands(view)  # the route of the other engine is none of this one's


async def test_where_a_form_comes_too_late_the_buttons_are_there(slack: SlackWorld, desk: SlackDesk) -> None:
    await slack.slash("U0ADMIN", "C0TEAM", "/switch")
    message = await slack.wait_for(lambda m: "Choose" in m.labels)
    slack.fail("views.open", error="expired_trigger_id")
    await slack.press("U0ADMIN", message, "Choose")
    await slack.until(lambda: "Which engine?" in slack.render_text(message))
    assert message.labels == ["Query"]
    assert not slack.views


async def test_a_form_opens_from_the_home_tab_and_answers_directly(slack: SlackWorld, desk: SlackDesk) -> None:
    desk.router.on("home", Reply(title="Board", actions=(Action("switch.choose", "Choose"),)))
    desk.router.on("switch.form", Reply(blocks=(Line("the plan"),), audience="place"))
    await slack.open_home("U0ADMIN")
    await slack.until(lambda: "U0ADMIN" in slack.homes)
    await slack.press_home("U0ADMIN", "Choose")
    await slack.until(lambda: bool(slack.views))
    await slack.submit("U0ADMIN", next(iter(slack.views.values())), {})
    plan = await slack.wait_for(lambda m: "the plan" in slack.render_text(m))
    assert plan.channel == slack.dm("U0ADMIN")


async def test_a_place_without_rights_stays_closed(slack: SlackWorld, desk: SlackDesk) -> None:
    """The metadata of a form names a place and nothing more: who sends it is who pressed."""
    view = await opened(slack)
    desk.router.on("switch.form", Reply(blocks=(Line("ok"),)))
    await slack.submit("U0BOB", view, {})
    await desk.idle()
    assert desk.router.last.asker.id == "U0BOB"


def test_forms_are_cut_to_what_slack_takes() -> None:
    made = form()
    many = tuple((f"r{n}", f"route {n} " + "x" * 90) for n in range(150)) + (("y" * 151, "never"), ("", "never"))
    long = replace(made, inputs=(replace(made.inputs[0], choices=many, chosen="r7", label="L" * 300, hint="h" * 900),))
    long = replace(long, blocks=tuple(Line(f"line {n} " + "z" * 3_500) for n in range(200)), submit="s" * 60)
    view = Renderer().form(long, {"v": "x" * 2_900}, submit="Send", close="Cancel")
    assert check_view(view) == []
    element = view["blocks"][0]["element"]
    assert len(element["options"]) == OPTIONS_MOST
    assert element["initial_option"]["value"] == "r7"
    with pytest.raises(ValueError, match="metadata too long"):
        Renderer().form(made, {"v": "x" * 3_000}, submit="Send", close="Cancel")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"title": {"type": "plain_text", "text": "t" * 25}}, "/view/title"),
        ({"submit": {"type": "plain_text", "text": "t" * 25}}, "/view/submit"),
        ({"private_metadata": "m" * 3_001}, "private_metadata"),
        ({"blocks": [{"type": "divider"}] * 101}, "/blocks"),
        ({"state": {}}, "additional property: state"),
        ({"callback_id": "c" * 256}, "/view/callback_id"),
    ],
)
def test_the_world_refuses_what_slack_refuses(change: dict[str, Any], where: str) -> None:
    view = Renderer().form(form(), {"v": "1"}, submit="Send", close="Cancel")
    assert check_view(view) == []
    assert any(where in fault for fault in check_view({**view, **change}))


def test_the_world_refuses_menus_that_slack_refuses() -> None:
    view = Renderer().form(form(), {}, submit="Send", close="Cancel")
    element = view["blocks"][0]["element"]
    element["initial_option"] = {**element["options"][0], "value": "other"}
    assert any("initial_option" in fault for fault in check_view(view))
    element["options"] = [element["options"][0]] * 101
    assert any("/options" in fault for fault in check_view(view))
    element.update(options=[{"text": {"type": "plain_text", "text": "t" * 76}, "value": "v"}])
    assert any("/options/0/text" in fault for fault in check_view(view))


async def test_the_place_comes_back_from_the_form(slack: SlackWorld, desk: SlackDesk) -> None:
    """A direct message stays private: what may be said there is said there."""
    desk.router.on("switch.form", Reply(blocks=(Line("ok"),)))
    dm = slack.dm("U0ADMIN")
    await slack.message("U0ADMIN", dm, "switch")
    await slack.press("U0ADMIN", await slack.wait_for(lambda m: "Choose" in m.labels), "Choose")
    await slack.until(lambda: bool(slack.views))
    await slack.submit("U0ADMIN", next(iter(slack.views.values())), {})
    await desk.idle()
    place: Place = desk.router.last.place
    assert (place.chat, place.private) == (dm, True)


class Quick(FixedClock):
    """A minute of the live board is over when the test says so; what is grouped is not waited for."""

    async def sleep(self, seconds: float) -> None:
        if seconds != HOME_LEAST_S:
            await super().sleep(seconds)


async def test_home_stays_true_while_somebody_may_look_at_it(slack: SlackWorld) -> None:
    clock, drawn = Quick(), 0

    async def home(_: Request) -> AsyncIterator[Reply]:
        nonlocal drawn
        drawn += 1
        yield Reply(title=f"Board {drawn}")

    def shows(number: int) -> bool:
        return slack.homes["U0ALICE"]["blocks"][0]["text"]["text"] == f"Board {number}"

    async with SlackDesk(slack, socket=True, clock=clock) as desk:
        desk.router.scripts["home"] = home
        desk.router.on("ticket.ack", Reply(blocks=(Line("yours"),)))
        await slack.open_home("U0ALICE")
        await slack.until(lambda: "U0ALICE" in slack.homes)
        await desk.idle()
        clock.move(HOME_S)
        await slack.until(lambda: shows(2))
        await desk.chat.post(Place("slack", "C0SUPPORT"), Reply("#7", actions=(Action("ticket.ack", "Ack", "7"),)))
        await slack.press("U0BOB", await slack.wait_for(lambda m: "Ack" in m.labels), "Ack")
        await slack.until(lambda: shows(3))
        clock.move(VIEWED_S + HOME_S)
        await slack.open_home("U0BOB")
        await slack.until(lambda: "U0BOB" in slack.homes)
        await desk.idle()
        assert shows(3)
