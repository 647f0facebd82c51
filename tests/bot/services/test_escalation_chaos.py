"""A burst of tickets while the process that delivers is killed, and the platforms answer 429 and 500 at times.

CHAOS_TICKETS and CHAOS_KILLS make it as large as wanted: the full size is 1000 and 20.
"""

from __future__ import annotations

import asyncio
import collections
import itertools
import os
import random
import re
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from bot.clock import SystemClock
from bot.model.diagnosis import Cause, Diagnosis, Proven
from bot.outlets.desk import ChatDesk
from bot.redaction.gate import Gate
from bot.services.escalation import build
from bot.store.store import SqlStore
from tests.databases import Server
from tests.escalation_room import ALICE, BOB, SLACK_DESK, TELEGRAM_DESK, team

TICKETS = int(os.environ.get("CHAOS_TICKETS", "40"))
KILLS = int(os.environ.get("CHAOS_KILLS", "2"))
_MARK = "May have arrived twice"


class DeskServer:
    """Keeps what arrived, by chat and ticket; refuses a share of it."""

    def __init__(self) -> None:
        self.arrived: dict[tuple[str, str], list[str]] = collections.defaultdict(list)
        self.refused = 0
        self._ids = itertools.count(1)
        self._random = random.Random(7)
        self.url = ""

    async def start(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_post("/", self._take)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/"  # type: ignore[union-attr]
        return runner

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.json()
        chance = self._random.random()
        if chance < 0.02:
            self.refused += 1
            return web.Response(status=429, headers={"Retry-After": "0.3"})
        if chance < 0.04:
            self.refused += 1
            return web.Response(status=500)
        number = re.search(r"#(\d+)", body["text"])
        if body["verb"] != "edit" and number:
            self.arrived[(body["chat"], number[1])].append(body["text"])
        return web.json_response({"message": body["message"] or str(next(self._ids))})


@pytest.fixture
async def desk() -> AsyncIterator[DeskServer]:
    server = DeskServer()
    runner = await server.start()
    yield server
    await runner.cleanup()


@pytest.fixture(params=["sqlite", "postgres"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/q.db"
    server: Server | None = request.getfixturevalue("postgres")
    if server is None:
        pytest.skip("no PostgreSQL on this machine")
    return await server.new_database()


async def replica(url: str, desk: DeskServer, owner: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.chaos_runner", url, desk.url, owner)


async def burst(store: SqlStore, gate: Gate) -> list[int]:
    the_team, clock = team(), SystemClock()
    escalation, _ = build(the_team, store, ChatDesk({}, the_team), [], clock, gate)
    ids = []
    for n in range(TICKETS):
        says = gate.trusted("402 Insufficient Balance")
        ticket, new = await escalation.open(
            asker=BOB,
            language="en",
            diagnosis=Diagnosis((Cause.BALANCE_EXHAUSTED,), 0.9, says, says=says.text),
            proven=Proven(Cause.BALANCE_EXHAUSTED, "proved", account=f"a{n}", no_route_left=n % 5 == 0),
        )
        assert new
        ids.append(ticket.id)
    return ids


async def test_a_burst_under_kill(url: str, desk: DeskServer) -> None:
    """Every ticket stored, every note delivered, nobody called twice without the mark; two replicas on PostgreSQL."""
    gate = Gate(b"tests")
    store = SqlStore(url, gate)
    await store.open()
    count = 2 if url.startswith("postgresql") else 1
    running = [await replica(url, desk, f"r{n}") for n in range(count)]
    opening = asyncio.create_task(burst(store, gate))
    deadline = time.monotonic() + 60 + TICKETS / 5
    for kill in range(KILLS):
        before = sum(map(len, desk.arrived.values()))
        while sum(map(len, desk.arrived.values())) < before + TICKETS // 20 and time.monotonic() < deadline:
            if opening.done() and not await _left(store):
                break
            await asyncio.sleep(0.02)
        victim = kill % count
        running[victim].kill()
        await running[victim].wait()
        running[victim] = await replica(url, desk, f"r{victim}-{kill}")
    ids = await opening
    while await _left(store) and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    for process in running:
        process.kill()
        await process.wait()
    assert len(ids) == len(set(ids)) == TICKETS
    doubled = unmarked = 0
    for number, id in enumerate(ids):
        places = [SLACK_DESK, TELEGRAM_DESK, *([ALICE.address] if number % 5 == 0 else [])]
        for place in places:
            texts = desk.arrived[(place, str(id))]
            assert texts, f"#{id} never reached {place}"
            doubled += len(texts) > 1
            unmarked += sum(_MARK not in text for text in texts) > 1
    print(
        f"\n{url.split(':')[0]}: {TICKETS} tickets, {KILLS} kills, {desk.refused} refused, lost 0, doubled {doubled}, unmarked {unmarked}"
    )
    assert unmarked == 0
    assert doubled <= KILLS * 64
    await store.close()


async def _left(store: SqlStore) -> int:
    """Notes and calls that are still to be sent."""
    return sum(
        step.kind in ("note", "page", "tell") or (step.kind == "escalate" and step.payload["level"] == 0)
        for step in await store.pending_steps(limit=8000)
    )
