"""The chain speaks where people are: once, in the team's language, with the buttons."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import DeliveryError
from bot.model.chat import MessageRef, Person, Place, Platform, Reply
from bot.model.diagnosis import Cause
from bot.model.team import Support
from bot.services import Services
from bot.services.fallback import Fallback
from bot.services.lead import LEASE_S
from bot.services.owed import HOLD
from handlers.chain import Chain
from tests.switch_room import Room, room


class Wall:
    """A chat that keeps what is posted; `busy` makes it ask for patience first, `lost` loses its answer to what it posted."""

    platform: Platform = "slack"

    def __init__(self, busy: int = 0, lost: int = 0) -> None:
        self.posted: list[tuple[Place, Reply]] = []
        self.busy = busy
        self.lost = lost

    async def post(self, place: Place, reply: Reply) -> MessageRef:
        if self.busy:
            self.busy -= 1
            raise DeliveryError("rate_limited", retry_after_s=3)
        self.posted.append((place, reply))
        if self.lost:
            self.lost -= 1
            raise DeliveryError("timeout", lost=True)
        return MessageRef(place.platform, place.chat, str(len(self.posted)))

    async def edit(self, ref: MessageRef, reply: Reply) -> None:
        raise DeliveryError("not_here", final=True)

    async def direct(self, person: Person, reply: Reply) -> MessageRef:
        raise DeliveryError("not_here", final=True)

    def mention(self, person: Person) -> str:
        return person.address

    def faults(self) -> tuple[str, ...]:
        return ()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Room]:
    async with room(tmp_path, failover="auto", routes=("main", "spare"), bettafish_url=None) as found:
        found.team = replace(found.team, language="zh", support=Support(chats=("slack:C0SUPPORT", "telegram:-1009")))
        found.rebuilt()
        yield found


def chain(house: Room, wall: Wall, owner: str = "one", **more: Wall) -> tuple[Chain, Fallback]:
    fallback = Fallback(house.team, house.switching, house.parts["balances"], house.store, house.clock)
    unused: object = None
    services = Services(
        team=house.team, store=house.store, clock=house.clock, gate=house.parts["gate"], keys=house.parts["keys"],
        balances=house.parts["balances"], diagnosis=unused, proof=unused, switching=house.switching, escalation=unused, oncall=unused,  # type: ignore[arg-type]
        fallback=fallback,
    )  # fmt: skip
    return Chain(fallback, services, {"slack": wall, **more}, owner), fallback


async def test_a_move_is_said_once_where_people_are(house: Room) -> None:
    wall = Wall(busy=1)
    runner, fallback = chain(house, wall)
    for _ in range(5):
        fallback.note("query", Cause.BALANCE_EXHAUSTED, route="main")
    assert await runner.tick() == 1
    ((place, reply),) = wall.posted
    assert place.address == "slack:C0SUPPORT"
    assert "已自动切换：main → spare" in str(reply.blocks)
    assert {action.id for action in reply.actions} == {"switch.undo", "switch.stay"}
    assert await runner.tick() == 0
    assert len(wall.posted) == 1


async def test_what_the_watch_saw_is_enough(house: Room) -> None:
    wall = Wall()
    runner, fallback = chain(house, wall)
    fallback.saw((await house.parts["balances"].check("main"),))
    assert await runner.tick() == 1
    assert (await house.switching.overview())[0].route == "spare"


async def test_one_replica_lets_time_pass_and_each_hears_its_own(house: Room) -> None:
    first, second = Wall(), Wall()
    one, _ = chain(house, first, "one")
    two, fallback = chain(house, second, "two")
    await one.tick()
    fallback.note("query", Cause.BALANCE_EXHAUSTED)
    assert await two.tick() == 1
    house.provider.money[house.keys["MAIN"]] = "9.00"
    house.clock.move(3600)
    await one.tick()
    assert len(first.posted) == 1
    assert await two.tick() == 0
    assert house.path.read_bytes() == house.original


async def test_a_chat_that_is_gone_stops_nothing(house: Room) -> None:
    wall = Wall(busy=99)
    runner, fallback = chain(house, wall)
    fallback.note("query", Cause.BALANCE_EXHAUSTED)
    assert await runner.tick() == 1
    assert (await house.switching.overview())[0].route == "spare"


async def test_a_message_that_did_not_arrive_is_posted_later_and_never_twice(house: Room) -> None:
    house.team = replace(house.team, support=Support(chats=("slack:C0SUPPORT", "telegram:-1009")))
    house.rebuilt()
    slack, telegram = Wall(), Wall(busy=2)
    telegram.platform = "telegram"
    runner, fallback = chain(house, slack, telegram=telegram)
    fallback.note("query", Cause.BALANCE_EXHAUSTED)
    await runner.tick()
    assert (len(slack.posted), len(telegram.posted)) == (1, 0)
    later = Wall()
    again, _ = chain(house, later, "after a restart", telegram=telegram)
    house.clock.move(180)
    assert await again.tick() == 1
    assert (len(later.posted), len(telegram.posted)) == (0, 1)
    house.clock.move(180)
    assert await again.tick() == 0


async def test_a_message_that_may_stand_there_already_says_so(house: Room) -> None:
    wall = Wall(lost=1)
    runner, fallback = chain(house, wall)
    fallback.note("query", Cause.BALANCE_EXHAUSTED)
    await runner.tick()
    house.clock.move(HOLD)
    again, _ = chain(house, wall, "after a crash")
    house.clock.move(LEASE_S)
    assert await again.tick() == 1
    first, second = (str(reply.blocks) for _, reply in wall.posted)
    assert "这条可能已经发过一次" in second
    assert "这条可能已经发过一次" not in first
    house.clock.move(HOLD)
    assert await again.tick() == 0


async def test_after_a_kill_the_other_replica_takes_the_engine_home_within_a_lease(house: Room) -> None:
    first, second = Wall(), Wall()
    dead, fallback = chain(house, first, "dead")
    other, _ = chain(house, second, "other")
    fallback.note("query", Cause.BALANCE_EXHAUSTED)
    assert await dead.tick() == 1
    house.provider.money[house.keys["MAIN"]] = "9.00"
    house.clock.move(900)
    await dead._lead.ask()  # renewed, and then killed
    waited = 0.0
    while not await other.tick():
        house.clock.move(5)
        waited += 5
        assert waited <= LEASE_S
    assert house.path.read_bytes() == house.original
    assert len(second.posted) == 1
