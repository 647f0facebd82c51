"""Which way the price goes: compared, asked for, and what it means for a plan and for the fallback chain."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from bot.model.diagnosis import Cause
from bot.model.engine import Route
from bot.model.money import AccountState, Price, Status
from bot.services.fallback import Fallback
from bot.services.prices import compared, slower
from bot.services.switch_plan import Check, Plan, as_json
from tests.switch_room import ALICE, Room, room

A = Route("a", "https://a.example/v1", "m")
B = Route("b", "https://b.example/v1", "m")


def usd(into: str | None, out: str | None = None) -> Price:
    return Price("USD", *(None if side is None else Decimal(side) for side in (into, out)))


@pytest.mark.parametrize(
    ("old", "new", "word", "said"),
    [
        (usd("0.28", "0.42"), usd("0.87", "0.84"), "price_dearer", "in 3.1 x dearer, out 2.0 x dearer"),
        (usd("2", "8"), usd("1", "16"), "price_dearer", "in 2.0 x cheaper, out 2.0 x dearer"),
        (usd("2", "8"), usd("1", "8.00"), "price_cheaper", "in 2.0 x cheaper, out 1 x same"),
        (usd("2", "8"), usd("2.01", "8"), "price_same", "in 1 x same"),
        (usd("0", "0"), usd("2", "8"), "price_dearer", "before 0/0 USD"),
        (usd("2", "8"), usd("0", "0"), "price_cheaper", "after 0/0 USD"),
        (usd("2"), usd(None, "8"), "price_alone", "after ?/8 USD"),
        (None, usd("2", "8"), "price_alone", "after 2/8 USD per million tokens"),
        (usd("2", "8"), Price("CNY", Decimal(1), Decimal(2)), "price_other_currency", "after 1/2 CNY"),
        (usd("2", "8"), None, "price_unknown", "price_unknown"),
        (None, None, "price_unknown", "price_unknown"),
        (usd("2", "8"), Price("", Decimal(0), Decimal(0), "local"), "price_free", "price_free"),
        (Price("", Decimal(0), Decimal(0), "local"), usd("2"), "price_not_free", "after 2/? USD"),
    ],
)
def test_directions(old: Price | None, new: Price | None, word: str, said: str) -> None:
    check = compared(A, old, B, new)
    assert (check.name, check.word) == ("price", word)
    assert said in check.told
    assert check.ok is not False  # a price is never a reason to refuse what somebody wants


def test_one_list_for_all_customers_of_a_provider_but_not_of_a_gateway() -> None:
    one = Route("a", "https://api.deepseek.com", "deepseek-chat")
    other = Route("b", "https://api.deepseek.com/v1", "DeepSeek-Chat")
    assert compared(one, None, other, None).word == "price_same_list"
    assert compared(one, None, replace(other, model="deepseek-reasoner"), None).word == "price_unknown"
    assert compared(one, None, replace(other, base_url="https://relay.example/v1"), None).word == "price_unknown"
    relay = Route("c", "https://relay.example/v1", "m", "new-api")
    assert compared(relay, None, replace(relay, name="d"), None).word == "price_unknown"


def test_clearly_slower_is_said_and_nothing_else() -> None:
    def took(seconds: float | None) -> AccountState:
        return AccountState("a", "p", (), (), Status.OK, datetime(2026, 11, 22, tzinfo=UTC), took_s=seconds)

    found = slower(took(0.4), took(3.0))
    assert found == Check("speed", None, "slower", {"before_s": 0.4, "after_s": 3.0})
    assert found.told == "slower: 3.0 s against 0.4 s"
    for before, after in ((0.4, 2.0), (1.2, 3.3), (3.0, 0.4), (None, 9.0), (1.0, None)):
        assert slower(took(before), took(after)) is None
    assert slower(None, took(9.0)) is None


# --- in a plan and in the chain --------------------------------------------------------------------------------------


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Room]:
    async with room(tmp_path, failover="auto", routes=("main", "spare", "spare-chat"), bettafish_url=None) as found:
        yield found


def costing(house: Room, **prices: Price) -> None:
    routes = {name: replace(route, price=prices.get(name)) for name, route in house.team.routes.items()}
    house.team = replace(house.team, routes=routes)
    house.rebuilt()


def price_of(plan: Plan) -> Check:
    return next(check for check in plan.checks if check.name == "price")


async def test_a_plan_says_the_direction_in_scripts_too(house: Room) -> None:
    costing(house, main=usd("0.28", "0.42"), spare=usd("0.87", "0.84"))
    plan = await house.switching.plan("query", "spare", by=ALICE)
    assert price_of(plan).word == "price_dearer"
    assert plan.possible
    assert {"name": "price", "ok": None, "detail": price_of(plan).told} in as_json(plan)["checks"]
    assert price_of(await house.switching.plan("query", "spare-chat", by=ALICE)).word == "price_unknown"


async def test_a_list_is_asked_without_a_key_and_once_an_hour(house: Room) -> None:
    rows = [
        {"id": "deepseek-reasoner", "pricing": {"prompt": "0.0000004", "completion": "0.000002"}},
        {"id": "deepseek-chat", "pricing": {"prompt": "0.0000002", "completion": "0.000001"}},
    ]
    house.provider.lists["/api/v1/models"] = {"data": rows}
    routes = {name: replace(route, provider="openrouter") for name, route in house.team.routes.items()}
    house.team = replace(house.team, routes=routes)
    house.rebuilt()
    for _ in range(3):
        plan = await house.switching.plan("query", "spare-chat", by=ALICE, force=True)
        assert price_of(plan).told == (
            "price_cheaper: in 2.0 x cheaper, out 2.0 x cheaper, before 0.4/2 USD per million tokens, "
            "after 0.2/1 USD per million tokens"
        )
        assert price_of(plan).facts["after_of"] == "OpenRouter"
    assert 1 <= house.provider.asked.count("/api/v1/models") <= 2
    before = house.provider.asked.count("/api/v1/models")
    house.clock.move(3700)
    await house.switching.plan("query", "spare-chat", by=ALICE, force=True)
    assert house.provider.asked.count("/api/v1/models") > before


async def test_a_model_on_a_machine_of_the_teams_own_bills_nothing(house: Room) -> None:
    local = replace(house.team.routes["spare"], name="local", provider="ollama", key=None)
    house.team = replace(house.team, routes={**house.team.routes, "local": local})
    house.rebuilt(routes=("main", "local"))
    plan = await house.switching.plan("query", "local", by=ALICE, force=True)
    assert price_of(plan).word == "price_free"
    away = replace(local, base_url="https://ollama.example.com/v1")
    house.team = replace(house.team, routes={**house.team.routes, "local": away})
    assert await house.rebuilt()._prices.of(away) is None


async def test_auto_asks_before_what_is_dearer(house: Room) -> None:
    costing(house, main=usd("0.28", "0.42"), spare=usd("0.87", "0.84"))
    chain = Fallback(house.team, house.switching, house.parts["balances"], house.store, house.clock)
    (said,) = await chain.report("query", Cause.BALANCE_EXHAUSTED)
    assert (said.say, said.to_route, said.asks) == ("ask", "spare", "dearer")
    assert house.path.read_bytes() == house.original


@pytest.mark.parametrize(
    ("prices", "say", "asks"),
    [
        ({"main": usd("2", "8"), "spare-chat": usd("1", "4")}, "moved", ""),
        ({"main": usd("2", "8"), "spare-chat": usd("1", "9")}, "ask", "dearer"),
        ({"spare-chat": usd("1", "4")}, "ask", "other_model"),
        ({"main": usd("2", "8"), "spare-chat": Price("CNY", Decimal(1), Decimal(1))}, "ask", "other_model"),
    ],
)
async def test_auto_takes_another_model_only_where_it_is_known_not_to_cost_more(
    house: Room, prices: dict[str, Price], say: str, asks: str
) -> None:
    costing(house, **prices)
    house.rebuilt(routes=("main", "spare-chat"))
    chain = Fallback(house.team, house.switching, house.parts["balances"], house.store, house.clock)
    (said,) = await chain.report("query", Cause.BALANCE_EXHAUSTED)
    assert (said.say, said.asks) == (say, asks)
    assert [check.name for check in said.cost] == ["price"]


async def test_the_cost_is_still_said_after_a_crash(house: Room) -> None:
    costing(house, main=usd("2", "8"), spare=usd("1", "4"))
    chain = Fallback(house.team, house.switching, house.parts["balances"], house.store, house.clock)
    (said,) = await chain.report("query", Cause.BALANCE_EXHAUSTED)
    house.clock.move(120)
    (again,) = await Fallback(house.team, house.switching, house.parts["balances"], house.store, house.clock).owed()
    assert (again.say, again.cost) == ("moved", said.cost)
    assert again.cost[0].word == "price_cheaper"


async def test_auto_asks_before_what_answers_clearly_slower(house: Room) -> None:
    chain = Fallback(house.team, house.switching, house.parts["balances"], house.store, house.clock)
    plan = await house.switching.plan("query", "spare", by=ALICE)
    late = replace(plan, checks=(*plan.checks, Check("speed", None, "slower", {"before_s": 0.4, "after_s": 9.0})))
    engine = house.team.engines["query"]
    assert await chain._asks_first(engine, "main", plan) == ""
    assert await chain._asks_first(engine, "main", late) == "slower"
