"""A process that is killed in the middle of a switch: the file is whole, and the next start tells which one it is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.model.chat import Role
from bot.ports import SwitchRecord
from tests.switch_room import ALICE, Room, room

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Room]:
    async with room(tmp_path) as found:
        yield found


def test_sixteen_kills_break_nothing() -> None:
    """`make bench` does five hundred."""
    done = subprocess.run(
        [sys.executable, "bench/kill_switch.py", "16"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert json.loads(done.stdout)["faults"] == {}


async def interrupted(house: Room, *, commit: bool) -> SwitchRecord:
    """What a killed process leaves: a started record, and the file before or after the rename."""
    engine = house.switching.engine("query")
    new = house.switching._new_values(engine, house.team.routes["spare"])
    async with house.parts["files"].change(house.path, new, house.clock.now()) as change:
        record = SwitchRecord(
            0,
            house.clock.now(),
            "query",
            "main",
            "spare",
            ALICE.address,
            "started",
            change.backup,
            change.digest_before,
            change.digest_after,
        )
        number = await house.store.begin_switch(record)
        assert await house.switching.recover() == ()  # the lock is held: somebody is at it
        if commit:
            await change.commit()
    return replace(record, id=number)


async def test_the_new_file_is_finished_and_can_be_undone(house: Room) -> None:
    record = await interrupted(house, commit=True)
    (found,) = await house.switching.recover()
    assert (found.id, found.state, found.detail["file"]) == (record.id, "done", "new")
    (entry,) = await house.store.audits()
    assert (entry.who, entry.what, entry.result) == ("quotadesk", "recover", "done")
    await house.switching.undo("query", ALICE, Role.OPERATOR)
    assert house.path.read_bytes() == house.original


async def test_the_old_file_is_told_as_undone(house: Room) -> None:
    await interrupted(house, commit=False)
    (found,) = await house.switching.recover()
    assert (found.state, found.detail["file"]) == ("undone", "old")
    assert house.path.read_bytes() == house.original
    assert await house.switching.last("query") is None
    assert await house.switching.recover() == ()


async def test_a_file_that_is_neither_is_said_to_be_neither(house: Room) -> None:
    await interrupted(house, commit=True)
    house.path.write_bytes(house.path.read_bytes() + b"\nX=1\n")
    (found,) = await house.switching.recover()
    assert (found.state, found.detail["file"]) == ("failed", "other")


async def test_an_interrupted_undo_is_finished_too(house: Room) -> None:
    plan = await house.switching.plan("query", by=ALICE)
    done = await house.switching.confirm(plan.token, ALICE, Role.OPERATOR)
    last = await house.switching.last("query")
    assert last is not None
    assert last.backup is not None
    assert last.digest_after is not None
    async with house.parts["files"].restore(house.path, last.backup, last.digest_after, house.clock.now()) as change:
        await house.store.begin_switch(
            SwitchRecord(
                0,
                house.clock.now(),
                "query",
                "spare",
                "main",
                ALICE.address,
                "started",
                change.backup,
                change.digest_before,
                change.digest_after,
                {"undo_of": done.record},
            )
        )
        await change.commit()
    (found,) = await house.switching.recover()
    assert (found.state, found.detail["file"]) == ("undone", "new")
    assert {record.state for record in await house.store.switches("query")} == {"undone"}
    assert house.path.read_bytes() == house.original
