"""A switch from rehearsal to undo, with a real file, a real database and real loopback servers."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import Expired, NotAllowed, SwitchRefused, UnknownName
from bot.model.chat import Role
from bot.model.engine import Route
from bot.services.switch_plan import NO_KEY, Plan, as_json
from tests.switch_room import ALICE, BOB, Room, room

OPERATOR = Role.OPERATOR


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Room]:
    async with room(tmp_path) as found:
        yield found


def words(plan: Plan) -> dict[str, tuple[bool | None, str]]:
    return {check.name: (check.ok, check.word) for check in plan.checks}


async def audits(house: Room) -> list[tuple[str, str, str, str]]:
    return [(e.who, e.what, e.subject, e.result) for e in reversed(await house.store.audits())]


async def everything_stored(house: Room) -> str:
    rows = [repr(entry) for entry in await house.store.audits()]
    rows += [repr(record) for record in await house.store.switches()]
    return "\n".join(rows)


async def test_the_plan_takes_the_first_route_that_works_and_touches_nothing(house: Room) -> None:
    plan = await house.switching.plan("QueryEngine", by=ALICE)
    assert (plan.from_route, plan.to_route, plan.possible) == ("main", "spare", True)
    assert [change.variable for change in plan.changes] == list(house.team.engines["query"].variables)
    assert [change.same for change in plan.changes] == [False, True, True]
    gate = house.parts["gate"]
    assert str(plan.changes[0].before) == f"[deepseek key {gate.fingerprint(house.keys['MAIN'])[:4]}]"
    assert words(plan)["balance"] == (True, "usable")
    assert words(plan)["models"] == (True, "listed")
    assert words(plan)["environment"] == (None, "no_process_seen")
    assert {"shared_key", "take_up_bettafish_app", "in_flight_retries"} <= {notice.word for notice in plan.warnings}
    assert house.path.read_bytes() == house.original
    assert house.provider.chats == 0
    assert set(house.provider.asked) <= {"/user/balance", "/v1/models", "/models"}
    assert not any(key in repr(plan) for key in house.keys.values())


async def test_confirm_changes_one_line_restarts_the_sub_app_and_verifies(house: Room) -> None:
    house.fish.running("query")
    plan = await house.switching.plan("query", by=ALICE)
    done = await house.switching.confirm(plan.token, ALICE, OPERATOR)
    assert done.verified is True
    assert (done.taken_up.how, done.taken_up.ok, done.taken_up.reason) == ("bettafish", True, "restarted")
    assert "402" in str(done.taken_up.output)
    assert done.changed == ("QUERY_ENGINE_API_KEY",)
    changed = house.original.replace(house.keys["MAIN"].encode(), house.keys["SPARE"].encode(), 1)
    assert house.path.read_bytes() == changed
    assert house.fish.apps["query"].settings["QUERY_ENGINE_API_KEY"] == house.keys["SPARE"]
    assert house.fish.apps["media"].starts == 0
    assert "/api/config" not in house.fish.asked
    assert (await house.switching.overview())[0].route == "spare"
    record = await house.switching.last("query")
    assert record is not None
    assert Path(record.backup or "").read_bytes() == house.original
    assert await audits(house) == [
        (ALICE.address, "switch", "query", "started"),
        (ALICE.address, "switch", "query", "done"),
    ]
    stored = await everything_stored(house)
    assert not any(key in stored for key in house.keys.values())


async def test_undo_brings_the_very_bytes_back(house: Room) -> None:
    house.fish.running("query")
    plan = await house.switching.plan("query", by=ALICE)
    done = await house.switching.confirm(plan.token, ALICE, OPERATOR)
    back = await house.switching.undo("query", BOB, OPERATOR, record_id=done.record)
    assert house.path.read_bytes() == house.original
    assert house.path.stat().st_mode & 0o777 == 0o640
    assert back.undo
    assert back.to_route == "main"
    assert house.fish.apps["query"].settings["QUERY_ENGINE_API_KEY"] == house.keys["MAIN"]
    with pytest.raises(SwitchRefused) as caught:
        await house.switching.undo("query", BOB, OPERATOR, record_id=done.record)
    assert caught.value.facts["reason"] == "nothing_to_undo"
    assert [record.state for record in await house.switching.history("query")] == ["undone", "undone"]


async def test_two_switches_are_undone_one_after_the_other(house: Room) -> None:
    for route in ("spare", "poor"):
        plan = await house.switching.plan("query", route, by=ALICE, force=True)
        await house.switching.confirm(plan.token, ALICE, OPERATOR)
    await house.switching.undo("query", ALICE, OPERATOR)
    assert (await house.switching.overview())[0].route == "spare"
    await house.switching.undo("query", ALICE, OPERATOR)
    assert house.path.read_bytes() == house.original


async def test_undo_is_refused_after_a_foreign_change_and_offers_the_values(house: Room) -> None:
    plan = await house.switching.plan("query", by=ALICE)
    await house.switching.confirm(plan.token, ALICE, OPERATOR)
    house.path.write_bytes(house.path.read_bytes() + b"\nNEW=1\n")
    with pytest.raises(SwitchRefused) as caught:
        await house.switching.undo("query", ALICE, OPERATOR)
    assert caught.value.facts["reason"] == "changed_since"
    done = await house.switching.undo("query", ALICE, OPERATOR, values_only=True)
    assert done.undo
    assert house.path.read_bytes() == house.original + b"\nNEW=1\n"


async def test_an_empty_or_dead_target_is_refused_with_the_better_route(house: Room) -> None:
    plan = await house.switching.plan("query", "poor", by=ALICE)
    assert not plan.possible
    assert plan.token == ""
    assert [check.word for check in plan.refused] == ["blocked"]
    assert plan.better == "spare"
    plan = await house.switching.plan("query", "dead", by=ALICE)
    assert [check.word for check in plan.refused] == ["key_refused"]
    assert as_json(plan)["reason"] == "key_refused"
    forced = await house.switching.plan("query", "poor", by=ALICE, force=True)
    assert forced.possible
    assert forced.token


@pytest.mark.parametrize(("mood", "word"), [("html", "html"), ("dead500", "http_error"), ("error200", "error_in_200")])
async def test_http_200_is_not_health(house: Room, mood: str, word: str) -> None:
    house.provider.mood = mood
    plan = await house.switching.plan("query", "spare", by=ALICE)
    assert words(plan)["models"] == (False, word)
    assert plan.better is None


async def test_a_route_that_cannot_be_written_is_refused_even_with_force(house: Room) -> None:
    house.environ["SPARE_API_KEY"] = "your_api_key_here"
    plan = await house.switching.plan("query", "spare", by=ALICE, force=True)
    assert (plan.possible, plan.hard) == (False, True)
    assert words(plan)["settings"] == (False, "key_placeholder")
    del house.environ["SPARE_API_KEY"]
    assert words(await house.switching.plan("query", "spare", by=ALICE))["settings"] == (False, "key_missing")


async def test_names_are_helped_with(house: Room) -> None:
    with pytest.raises(UnknownName) as caught:
        await house.switching.plan("qurey", by=ALICE)
    assert caught.value.nearest == ("query",)
    with pytest.raises(UnknownName) as caught:
        await house.switching.plan("query", "spar", by=ALICE)
    assert caught.value.nearest[0] == "spare"
    assert caught.value.of == house.team.engines["query"].title  # the route may well be another engine's
    plan = await house.switching.plan("query", "main", by=ALICE)
    assert [check.word for check in plan.refused] == ["already", "blocked"]


async def test_a_button_works_once_for_ten_minutes_and_for_operators(house: Room) -> None:
    plan = await house.switching.plan("query", by=ALICE)
    with pytest.raises(NotAllowed):
        await house.switching.confirm(plan.token, BOB, Role.MEMBER)
    house.clock.move(timedelta(minutes=11))
    with pytest.raises(Expired):
        await house.switching.confirm(plan.token, ALICE, OPERATOR)
    plan = await house.switching.plan("query", by=ALICE)
    await house.switching.confirm(plan.token, ALICE, OPERATOR)
    with pytest.raises(Expired):
        await house.switching.confirm(plan.token, ALICE, OPERATOR)
    assert house.path.read_bytes() != house.original


async def test_fifty_press_at_once_and_one_wins(house: Room) -> None:
    plan = await house.switching.plan("query", by=ALICE)
    results = await asyncio.gather(
        *(house.switching.confirm(plan.token, ALICE, OPERATOR) for _ in range(50)), return_exceptions=True
    )
    assert sum(isinstance(result, Expired) for result in results) == 49
    assert len(await house.store.switches(states=("done",))) == 1


async def test_fifty_operators_with_fifty_plans_and_one_wins(house: Room) -> None:
    house.rebuilt(routes=("main", "spare"))
    plans = [await house.switching.plan("query", by=ALICE) for _ in range(50)]
    results = await asyncio.gather(
        *(house.switching.confirm(plan.token, ALICE, OPERATOR) for plan in plans), return_exceptions=True
    )
    told = [result.facts["reason"] for result in results if isinstance(result, SwitchRefused)]
    assert len(told) == 49
    assert set(told) <= {"busy", "changed_since_plan"}
    assert len(await house.store.switches(states=("done",))) == 1
    assert sum(entry.result == "refused" for entry in await house.store.audits()) == 49


async def test_a_plan_is_void_when_the_settings_have_changed(house: Room) -> None:
    plan = await house.switching.plan("query", by=ALICE)
    house.path.write_bytes(house.original.replace(b"deepseek-reasoner", b"deepseek-chat", 1))
    with pytest.raises(SwitchRefused) as caught:
        await house.switching.confirm(plan.token, ALICE, OPERATOR)
    assert caught.value.facts["reason"] == "changed_since_plan"
    assert words_of(await audits(house)) == ["refused"]


def words_of(entries: list[tuple[str, str, str, str]]) -> list[str]:
    return [entry[3] for entry in entries]


async def test_a_protected_engine_wants_a_second_person(house: Room) -> None:
    house.rebuilt(protected=True)
    plan = await house.switching.plan("query", by=ALICE)
    assert plan.second_person
    with pytest.raises(SwitchRefused) as caught:
        await house.switching.confirm(plan.token, ALICE, OPERATOR)
    assert caught.value.facts["reason"] == "second_person"
    done = await house.switching.confirm(plan.token, BOB, OPERATOR)
    assert done.who == BOB.address


async def test_an_app_that_was_stopped_stays_stopped(house: Room) -> None:
    plan = await house.switching.plan("query", by=ALICE)
    done = await house.switching.confirm(plan.token, ALICE, OPERATOR)
    assert done.taken_up.reason == "was_stopped"
    assert house.fish.apps["query"].starts == 0


async def test_a_refused_restart_is_said_and_not_called_verified(house: Room) -> None:
    house.fish.running("query")
    house.fish.refuse.add("query")
    plan = await house.switching.plan("query", by=ALICE)
    done = await house.switching.confirm(plan.token, ALICE, OPERATOR)
    assert (done.taken_up.ok, done.taken_up.facts["reason"]) == (False, "stop_refused")
    assert done.verified is False
    assert as_json(plan, done)["applied"] is True
    assert as_json(plan, done)["verified"] is False


@pytest.mark.parametrize(
    ("code", "reason", "ok"),
    [("print('restarted')", "", True), ("import sys; sys.exit(3)", "exit_code", False)],
)
async def test_the_restart_command_is_a_list_of_arguments(house: Room, code: str, reason: str, ok: bool) -> None:
    house.rebuilt(restart=(sys.executable, "-c", code), bettafish_url=None)
    plan = await house.switching.plan("query", by=ALICE)
    done = await house.switching.confirm(plan.token, ALICE, OPERATOR)
    assert (done.taken_up.how, done.taken_up.ok, done.taken_up.reason) == ("command", ok, reason)


async def test_the_restart_command_never_sees_a_key_and_its_output_is_redacted(house: Room) -> None:
    key = house.keys["MAIN"]
    code = f"import os; print([n for n in os.environ if n.endswith('_API_KEY')], {key!r})"
    house.rebuilt(restart=(sys.executable, "-c", code), bettafish_url=None)
    plan = await house.switching.plan("query", by=ALICE)
    done = await house.switching.confirm(plan.token, ALICE, OPERATOR)
    assert str(done.taken_up.output).startswith("[]")
    assert key not in str(done.taken_up.output)


async def test_a_route_without_a_key_never_gets_the_former_one(house: Room) -> None:
    house.team.routes["local"] = Route("local", f"{house.provider.url}/v1", "qwen3:8b", "ollama")  # type: ignore[index]
    house.provider.money[NO_KEY] = "1"
    house.rebuilt(routes=("main", "local"))
    plan = await house.switching.plan("query", "local", by=ALICE, force=True)
    assert plan.changes[0].after.word == "no_key"
    await house.switching.confirm(plan.token, ALICE, OPERATOR)
    text = house.path.read_text(encoding="utf-8")
    assert house.keys["MAIN"] not in text
    assert f"QUERY_ENGINE_API_KEY='{NO_KEY}'" in text
    assert (await house.switching.overview())[0].route == "local"


async def test_a_half_switch_by_hand_is_named(house: Room) -> None:
    house.path.write_bytes(house.original.replace(house.keys["MAIN"].encode(), made_by_hand(house), 1))
    plan = await house.switching.plan("query", "spare", by=ALICE)
    assert plan.from_route is None
    assert "mixed" in {notice.word for notice in plan.warnings}


def made_by_hand(house: Room) -> bytes:
    return house.keys["SPARE"][::-1].encode()


async def test_a_key_that_was_typed_into_the_wrong_variable_is_not_shown(house: Room) -> None:
    key = house.keys["SPARE"].encode()
    house.path.write_bytes(house.original.replace(b"MODEL_NAME=deepseek-reasoner", b"MODEL_NAME=" + key, 1))
    plan = await house.switching.plan("query", "spare", by=ALICE)
    assert house.keys["SPARE"] not in repr(plan)
    assert house.keys["SPARE"] not in json.dumps(as_json(plan))


async def test_engines_without_a_file_or_without_routes_say_so(house: Room) -> None:
    house.rebuilt(env_file=None)
    with pytest.raises(SwitchRefused) as caught:
        await house.switching.plan("query", by=ALICE)
    assert caught.value.facts["reason"] == "no_env_file"
    house.rebuilt(env_file=house.path, routes=("main",))
    with pytest.raises(SwitchRefused) as caught:
        await house.switching.plan("query", by=ALICE)
    assert caught.value.facts["reason"] == "no_other_route"


async def test_a_file_that_cannot_be_changed_is_refused_in_the_plan(house: Room) -> None:
    house.path.write_bytes(house.original + b"\nQUERY_ENGINE_MODEL_NAME=other\n")
    plan = await house.switching.plan("query", "spare", by=ALICE, force=True)
    assert not plan.possible
    assert words(plan)["file"] == (False, "duplicate")


async def test_the_one_who_waits_may_go_away(house: Room) -> None:
    house.fish.running("query")
    house.fish.reads_log.clear()
    plan = await house.switching.plan("query", by=ALICE)
    waiting = asyncio.create_task(house.switching.confirm(plan.token, ALICE, OPERATOR))
    async with asyncio.timeout(120):
        while house.path.read_bytes() == house.original:
            assert not waiting.done(), waiting.result()
            await asyncio.sleep(0.005)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    house.fish.reads_log.set()
    await house.switching.drain()
    assert [entry[3] for entry in await audits(house)] == ["started", "done"]


@pytest.mark.parametrize("route", [None, "spare", "poor"])
async def test_a_plan_takes_no_longer_than_its_slowest_probe(house: Room, route: str | None) -> None:
    """Balance and model list of three routes are asked at once: nothing is answered before all six questions are there."""
    house.provider.together = 6
    async with asyncio.timeout(60):
        plan = await house.switching.plan("query", route, by=ALICE)
    assert (plan.better or plan.to_route) == "spare"
