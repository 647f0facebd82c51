"""The chain over a simulated day: what moves, what is said, and how often."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.errors import NotAllowed
from bot.model.chat import Role
from bot.model.diagnosis import Cause, Proven
from bot.model.money import Kind, Reading
from bot.services.fallback import Fallback
from bot.services.owed import Announcement
from tests.switch_room import ALICE, Room, room

CHAIN = ("main", "spare", "spare-chat")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Room]:
    async with room(tmp_path, failover="auto", routes=CHAIN, bettafish_url=None) as found:
        yield found


def chain(house: Room) -> Fallback:
    return Fallback(house.team, house.switching, house.parts["balances"], house.store, house.clock)


async def now_on(house: Room) -> str | None:
    return (await house.switching.standing(house.team.engines["query"])).route


def told(said: list[Announcement]) -> list[tuple[str, str | None, str | None]]:
    return [(each.say, each.from_route, each.to_route) for each in said]


async def test_a_day_with_a_402_a_429_a_reset_and_a_recovery(house: Room) -> None:
    fallback, said = chain(house), []

    async def hours(count: float) -> None:
        for _ in range(int(count * 12)):
            house.clock.move(timedelta(minutes=5))
            said.extend(await fallback.tick())

    # 09:00 the main account is empty; BettaFish repeats the error for 35 minutes.
    for _ in range(7):
        said.extend(await fallback.report("query", Cause.BALANCE_EXHAUSTED, route="main"))
        house.clock.move(timedelta(minutes=5))
    assert told(said) == [("moved", "main", "spare")]
    assert said[0].done is not None
    assert said[0].done.verified is None  # nothing was restarted by us: it is not claimed
    assert await now_on(house) == "spare"
    # 11:00 a short rate limit is waited out.
    await hours(1.5)
    said.extend(await fallback.report("query", Cause.RATE_LIMITED, retry_after_s=20))
    assert len(said) == 1
    # 12:00 the spare plan's window is used up until 16:00; the next route has another model, so it asks.
    await hours(1)
    reset = house.clock.now() + timedelta(hours=4)
    for _ in range(3):
        said.extend(await fallback.report("query", Cause.QUOTA_EXHAUSTED, resets_at=reset))
    assert told(said[1:]) == [("ask", "spare", "spare-chat")]
    assert said[1].asks == "other_model"
    assert said[1].plan is not None
    assert [each.route for each in await fallback.out()] == ["main", "spare"]
    # 13:00 money arrives on the main account: the engine goes home by itself and says it once.
    house.provider.money[house.keys["MAIN"]] = "200.00"
    await hours(1)
    assert told(said[2:]) == [("returned", "spare", "main")]
    assert await now_on(house) == "main"
    # 16:00 the window of the spare plan has been reset.
    await hours(4)
    assert told(said[3:]) == [("recovered", "spare", "main")]
    await hours(6)
    assert len(said) == 4
    assert await fallback.out() == ()
    assert house.path.read_bytes() == house.original
    assert house.provider.chats == 0
    assert {(e.who, e.what) for e in await house.store.audits()} == {("quotadesk", "switch")}


async def test_breakers_survive_a_restart(house: Room) -> None:
    await chain(house).report("query", Cause.AUTH_INVALID, route="main")
    again = chain(house)
    (out,) = await again.out()
    assert (out.route, out.needs, out.cause) == ("main", "person", "auth_invalid")
    assert await again.report("query", Cause.AUTH_INVALID, route="main") == ()
    for _ in range(5):
        house.clock.move(timedelta(hours=5))
        assert await again.tick() == ()
    with pytest.raises(NotAllowed):
        await again.clear("main", Role.MEMBER)
    assert await again.clear("main", Role.OPERATOR)
    assert await again.out() == ()


@pytest.mark.parametrize(("mode", "say"), [("off", "advice"), ("ask", "ask")])
async def test_off_and_ask_touch_nothing(house: Room, mode: str, say: str) -> None:
    house.rebuilt(failover=mode)
    (one,) = await chain(house).report("query", Cause.BALANCE_EXHAUSTED)
    assert (one.say, one.to_route, one.why) == (say, "spare", "balance_exhausted")
    assert one.plan is not None
    assert house.path.read_bytes() == house.original
    done = await house.switching.confirm(one.plan.token, ALICE, Role.OPERATOR)
    assert done.to_route == "spare"


async def test_where_nothing_works_it_says_what_was_tried(house: Room) -> None:
    house.provider.money[house.keys["SPARE"]] = "0.00"
    (one,) = await chain(house).report("query", Cause.BALANCE_EXHAUSTED)
    assert (one.say, one.tried) == ("no_route", (("spare", "blocked"), ("spare-chat", "blocked")))
    assert house.path.read_bytes() == house.original


async def test_a_second_move_too_soon_asks(house: Room) -> None:
    house.rebuilt(routes=("main", "spare", "dead"))
    fallback = chain(house)
    house.provider.money[house.keys["DEAD"]] = "5.00"
    (first,) = await fallback.report("query", Cause.BALANCE_EXHAUSTED)
    house.clock.move(timedelta(minutes=2))
    (second,) = await fallback.report("query", Cause.AUTH_INVALID)
    assert (first.say, second.say, second.asks) == ("moved", "ask", "too_soon")


async def test_the_requests_own_fault_moves_nothing(house: Room) -> None:
    fallback = chain(house)
    for cause in (Cause.CONTEXT_TOO_LONG, Cause.INVALID_REQUEST, Cause.CONTENT_FILTERED, Cause.UNKNOWN):
        assert await fallback.report("query", cause) == ()
    assert await fallback.out() == ()


async def test_a_balance_that_was_asked_anyway_is_enough(house: Room) -> None:
    fallback = chain(house)
    state = await house.parts["balances"].check("main", fresh=True)
    (one,) = await fallback.observe((state,))
    assert (one.say, one.why) == ("moved", "balance_exhausted")
    assert await fallback.observe((state,)) == ()
    await fallback.stay("query")
    house.provider.money[house.keys["MAIN"]] = "50.00"
    house.clock.move(timedelta(minutes=20))
    state = await house.parts["balances"].check("main", fresh=True)
    (two,) = await fallback.observe((state,))
    assert (two.say, two.from_route) == ("recovered", "main")
    assert await now_on(house) == "spare"


async def test_a_keys_own_limit_is_not_called_an_empty_balance(house: Room) -> None:
    state = await house.parts["balances"].check("main", fresh=True)
    left = Reading(Kind.ACCOUNT_MONEY, Decimal("88.10"), "USD")
    own = Reading(Kind.KEY_BUDGET, Decimal(0), "USD", blocks=True)
    (one,) = await chain(house).observe((replace(state, readings=(own, left)),))
    assert (one.say, one.why) == ("moved", "key_limit")


async def test_a_proof_moves_and_pasted_text_alone_never_does(house: Room) -> None:
    fallback = chain(house)
    pasted = Proven(Cause.BALANCE_EXHAUSTED, "text", engine="query", route="main")
    fallback.proved(pasted)
    fallback.proved(replace(pasted, certainty="narrowed"))
    assert await fallback.listen() == []
    # A proof about an account that has money again by now: the account is what counts.
    house.provider.money[house.keys["MAIN"]] = "5.00"
    fallback.proved(replace(pasted, certainty="proved"))
    assert await fallback.listen() == []
    house.provider.money[house.keys["MAIN"]] = "0.00"
    house.clock.move(timedelta(minutes=5))
    fallback.proved(replace(pasted, certainty="proved", cause=Cause.KEY_LIMIT))
    (said,) = await fallback.listen()
    assert (said.say, said.from_route, said.to_route, said.why) == ("moved", "main", "spare", "key_limit")


async def test_a_refused_key_stops_its_route_until_a_person_acts(house: Room) -> None:
    fallback = chain(house)
    fallback.proved(Proven(Cause.AUTH_INVALID, "proved", engine="query", route="main"))
    assert told(await fallback.listen()) == [("moved", "main", "spare")]
    assert (await fallback.breaker("main")).needs == "person"
