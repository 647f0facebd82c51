"""The bot itself finds an engine without a way out: the on-call is called, once, and told when it is over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.model.chat import Role
from bot.model.diagnosis import Cause, Proven
from bot.model.handoff import TicketState
from bot.model.team import OnCall, Support
from bot.outlets.desk import ChatDesk
from bot.services import Services
from bot.services.escalation import Escalation, build
from bot.services.fallback import Fallback
from bot.services.outage import Outages
from bot.services.steps import StepRunner
from handlers.chain import Chain
from tests.escalation_room import ALICE, BOB, MemoryChat, MemoryPager, text_of
from tests.switch_room import Room, room


class Night:
    """A house whose query engine has an empty route, another empty one, and a refused key."""

    def __init__(self, house: Room, environment: str) -> None:
        self.house = house
        house.team = replace(
            house.team,
            language="en",
            support=Support(("slack:C0SUPPORT",), "platform team", environment, timedelta(hours=4)),
            oncall=OnCall(
                (ALICE.address,), timedelta(weeks=1), datetime(2026, 6, 1, tzinfo=UTC), timedelta(minutes=10)
            ),
            people_names={ALICE.address: ALICE.name},
        )
        house.rebuilt(failover="auto", routes=("main", "poor", "dead"))
        self.slack, self.pager = MemoryChat("slack"), MemoryPager()
        self.chain, self.fallback, self.escalation, self.runner = self.replica("one")

    def replica(self, owner: str) -> tuple[Chain, Fallback, Escalation, StepRunner]:
        house, chats = self.house, {"slack": self.slack}
        escalation, runner = build(
            house.team, house.store, ChatDesk(chats, house.team), [self.pager], house.clock, house.parts["gate"], owner=owner
        )  # fmt: skip
        balances = house.parts["balances"]
        fallback = Fallback(house.team, house.switching, balances, house.store, house.clock)
        unused: Any = None
        services = Services(
            house.team, house.store, house.clock, house.parts["gate"], house.parts["keys"], balances, unused, unused,
            house.switching, escalation, unused, fallback=fallback,
        )  # fmt: skip
        outages = Outages(house.team, balances, fallback, escalation, house.store, house.parts["gate"], house.clock)
        return Chain(fallback, services, chats, owner, outages), fallback, escalation, runner

    async def passes(self, minutes: float = 0) -> None:
        self.house.clock.move(minutes * 60)
        await self.chain.tick()
        await self.runner.run_due()

    async def tickets(self) -> list[tuple[int, TicketState, str]]:
        return [(t.id, t.state, t.urgency) for t in await self.house.store.tickets()]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Room]:
    async with room(tmp_path, failover="auto", bettafish_url=None) as found:
        yield found


async def test_the_on_call_is_called_once_and_told_when_it_is_over(house: Room) -> None:
    night = Night(house, "production")
    for _ in range(3):
        night.fallback.note("query", Cause.BALANCE_EXHAUSTED, route="main")
    await night.passes()
    assert await night.tickets() == [(1, TicketState.OPEN, "page")]
    assert night.pager.sent == [("trigger", 1)]
    (call,) = night.slack.to(ALICE.id)
    assert "query" in text_of(call).lower()
    assert "QueryEngine is down (the balance is used up) and no other route works" in text_of(call)
    assert "poor (used up too), dead (key refused)" in text_of(call)
    assert "I call again" in text_of(call), "there is nobody else"
    for _ in range(3):
        await night.passes(1)
    assert len(night.slack.to(ALICE.id)) == 1

    house.provider.money[house.keys["MAIN"]] = "9.00"
    night.fallback.saw((await night.fallback._balances.check("main"),))
    await night.passes(10)
    await night.passes(1)
    assert (await night.tickets())[0][:2] == (1, TicketState.RESOLVED)
    assert night.pager.sent[-1] == ("resolve", 1)


async def test_not_in_production_it_is_a_note(house: Room) -> None:
    night = Night(house, "staging")
    night.fallback.note("query", Cause.BALANCE_EXHAUSTED, route="main")
    await night.passes()
    assert await night.tickets() == [(1, TicketState.OPEN, "note")]
    assert night.pager.sent == []
    assert night.slack.to(ALICE.id) == []


async def test_it_joins_the_ticket_of_the_person_who_was_first_and_that_one_is_theirs_to_close(house: Room) -> None:
    night = Night(house, "production")
    mine, _ = await night.escalation.open(
        asker=BOB,
        language="en",
        proven=Proven(Cause.BALANCE_EXHAUSTED, "proved", engine="query", route="main", account="main"),
    )
    night.fallback.note("query", Cause.BALANCE_EXHAUSTED, route="main")
    await night.passes()
    assert [id for id, *_ in await night.tickets()] == [mine.id]
    assert night.pager.sent == [("trigger", mine.id)], "it got worse: nothing is left"
    house.provider.money[house.keys["MAIN"]] = "9.00"
    for _ in range(3):
        night.fallback.saw((await night.fallback._balances.check("main"),))
        await night.passes(10)
    assert (await night.tickets())[0][1] is TicketState.OPEN
    await night.escalation.resolve(mine.id, ALICE, Role.OPERATOR)


async def test_another_replica_goes_on_after_a_restart(house: Room) -> None:
    night = Night(house, "production")
    night.fallback.note("query", Cause.BALANCE_EXHAUSTED, route="main")
    await night.passes()
    house.clock.move(300)
    night.chain, night.fallback, night.escalation, night.runner = night.replica("two")
    await night.passes()
    assert len(await night.tickets()) == 1
    house.path.write_bytes(house.path.read_bytes().replace(house.keys["MAIN"].encode(), house.keys["SPARE"].encode()))
    house.rebuilt(routes=("main", "poor", "dead", "spare"))
    night.chain, night.fallback, night.escalation, night.runner = night.replica("three")
    await night.passes(10)
    assert (await night.tickets())[0][1] is TicketState.RESOLVED, "somebody switched by hand"


async def test_an_engine_that_only_has_a_route_is_watched_too(house: Room) -> None:
    """The bot cannot switch it, but it can call somebody."""
    night = Night(house, "production")
    house.rebuilt(env_file=None, routes=("main",))
    night.chain, night.fallback, night.escalation, night.runner = night.replica("two")
    night.fallback.saw((await night.fallback._balances.check("main"),))
    await night.passes()
    assert await night.tickets() == [(1, TicketState.OPEN, "page")]
