"""What the chain owes outlives the process: whatever the instant of its end, people hear of it, once."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.model.diagnosis import Cause
from bot.services import breaker as rules
from bot.services.fallback import Fallback
from bot.services.owed import HOLD, TOO_LATE, Announcement, Outbox
from tests.switch_room import ALICE, Room, room


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Room]:
    async with room(
        tmp_path, failover="auto", routes=("main", "spare", "spare-chat"), bettafish_url=None, env_file=None
    ) as found:
        found.rebuilt(env_file=found.path)
        yield found


def life(house: Room) -> Fallback:
    """A process begins: nothing is known but what the store and the files hold."""
    house.rebuilt()
    return Fallback(house.team, house.switching, house.parts["balances"], house.store, house.clock)


def told(said: list[Announcement]) -> list[tuple[str, str | None, str | None]]:
    return [(each.say, each.from_route, each.to_route) for each in said]


async def test_killed_between_the_move_and_the_message(house: Room) -> None:
    await life(house).report("query", Cause.BALANCE_EXHAUSTED)  # moved, and the process ends before anybody is told
    again = life(house)
    assert await again.owed() == []  # the one that began may still be at it
    house.clock.move(HOLD)
    (said,) = await again.owed()
    assert (said.say, said.from_route, said.to_route, said.why) == ("moved", "main", "spare", "balance_exhausted")
    assert said.done is not None
    assert said.done.changed == ("QUERY_ENGINE_API_KEY",)
    assert await again.owed() == []
    await again.over(said)
    house.clock.move(HOLD)
    assert await life(house).owed() == []


async def test_killed_before_the_move(house: Room) -> None:
    outbox, now = Outbox(house.store, house.clock), house.clock.now()
    await outbox.begin("leave", "query", "main", "balance_exhausted")
    out = replace(rules.after_failure(rules.Breaker("main"), Cause.BALANCE_EXHAUSTED, now), told=("query",))
    await house.store.set_fact("breaker:main", rules.to_json(out), now)
    house.clock.move(HOLD)
    again = life(house)
    assert told(await again.owed()) == [("moved", "main", "spare")]
    assert (await again.returning("query")) == "main"


async def test_killed_in_the_middle_of_the_move(house: Room) -> None:
    """The file is new, the restart never came to its end: recovery ends the record, and people hear that part, too."""
    stuck = house.path.with_name("stuck")
    stuck.touch()
    program = "import os, sys, time\nwhile os.path.exists(sys.argv[1]): time.sleep(0.05)"
    house.rebuilt(restart=(sys.executable, "-c", program, str(stuck)))
    first = Fallback(house.team, house.switching, house.parts["balances"], house.store, house.clock)
    moving = asyncio.create_task(first.report("query", Cause.BALANCE_EXHAUSTED))
    async with asyncio.timeout(120):
        while house.path.read_bytes() == house.original:
            await asyncio.sleep(0.01)
    moving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await moving
    for task in set(house.switching._under_way):  # nothing outlives a killed process
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    stuck.unlink()  # the command itself outlives the bot that called it, and this test must leave nothing behind
    house.rebuilt(restart=())
    again = life(house)
    house.clock.move(HOLD)
    assert await again.owed() == []  # the record still says that it is under way
    house.clock.move(HOLD)
    assert [record.state for record in await house.switching.recover()] == ["done"]
    (said,) = await again.owed()
    assert told([said]) == [("moved", "main", "spare")]
    assert said.done is not None
    assert said.done.verified is None
    assert said.done.taken_up.reason == "interrupted"
    assert [check.word for check in said.cost] == ["price_same_list"]


async def test_a_question_is_planned_anew_and_dropped_when_it_is_void(house: Room) -> None:
    house.rebuilt(failover="ask", routes=("main", "spare"))
    (asked,) = await life(house).report("query", Cause.BALANCE_EXHAUSTED)
    house.clock.move(3600)  # the first plan's button has long expired
    (said,) = await life(house).owed()
    assert (said.say, said.to_route) == ("ask", "spare")
    assert said.plan is not None
    assert said.plan.token not in ("", asked.plan.token if asked.plan else "")
    spare = house.team.routes["spare"]
    await house.switching.apply(house.team.engines["query"], spare, ALICE.address)
    house.clock.move(HOLD)
    again = life(house)
    assert await again.owed() == []
    house.clock.move(HOLD)
    assert await house.store.facts("owed:") == {}


async def test_going_home_is_told_after_a_crash(house: Room) -> None:
    fallback = life(house)
    for said in await fallback.report("query", Cause.BALANCE_EXHAUSTED):
        await fallback.over(said)
    house.provider.money[house.keys["MAIN"]] = "50.00"
    house.clock.move(3600)
    assert told(list(await fallback.tick())) == [("returned", "spare", "main")]
    house.clock.move(HOLD)
    assert told(await life(house).owed()) == [("returned", "spare", "main")]


async def test_what_is_too_old_is_not_said_any_more(house: Room) -> None:
    await life(house).report("query", Cause.BALANCE_EXHAUSTED)
    house.clock.move(TOO_LATE)
    house.clock.move(1)
    assert await life(house).owed() == []
    assert await house.store.facts("owed:") == {}


async def test_two_engines_on_one_route_are_both_taken_care_of(house: Room) -> None:
    media = replace(house.team.engines["media"], routes=("spare-chat", "main", "spare"), failover="auto")
    house.team = replace(house.team, engines={**house.team.engines, "media": media})
    fallback = life(house)
    await house.switching.apply(media, house.team.routes["main"], ALICE.address)
    state = await house.parts["balances"].check("main")
    said = await fallback.observe((state,))
    assert [(each.engine, each.say) for each in said] == [("query", "moved"), ("media", "ask")]
    assert await fallback.observe((state,)) == ()
