"""A burst of tickets while the processes that deliver are killed and both platforms refuse a share; what arrived is counted."""

from __future__ import annotations

import asyncio
import collections
import itertools
import math
import random
import re
import sys
import time
from dataclasses import dataclass

from aiohttp import web

from bot.clock import SystemClock
from bot.model.diagnosis import Cause, Diagnosis, Proven
from bot.outlets.desk import ChatDesk
from bot.redaction.gate import Gate
from bot.services.bundles import MOST
from bot.services.escalation import build
from bot.store.store import SqlStore
from tests.escalation_room import ALICE, BOB, SLACK_DESK, TELEGRAM_DESK, team

_MARK = "May have arrived twice"
_GROUP_PER_MINUTE = 20


@dataclass(slots=True)
class Arrival:
    at: float  # monotonic
    marked: bool


class DeskServer:
    """Both platforms. Keeps what arrived by chat and ticket; refuses a share with 429 and 500, and a Telegram group's 21st message
    of a minute. `closed`: from when until when a chat took nothing."""

    def __init__(self) -> None:
        self.arrived: dict[tuple[str, str], list[Arrival]] = collections.defaultdict(list)
        self.closed: dict[str, list[tuple[float, float]]] = collections.defaultdict(list)
        self.messages = self.repeated = 0
        self.refused = collections.Counter[str]()
        self._minute: dict[str, collections.deque[float]] = collections.defaultdict(collections.deque)
        self._ids = itertools.count(1)
        self._random = random.Random(7)
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> DeskServer:
        app = web.Application()
        app.router.add_post("/", self._take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner
        await self._runner.cleanup()

    def _refusal(self, chat: str, now: float) -> web.Response | None:
        minute = self._minute[chat]
        while minute and minute[0] <= now - 60:
            minute.popleft()
        wait = 0.0
        if chat.startswith("telegram:-") and len(minute) >= _GROUP_PER_MINUTE:
            wait = minute[0] + 60 - now
            self.refused["group"] += 1
        else:
            chance = self._random.random()
            if chance < 0.02:
                wait = 1.0
                self.refused["429"] += 1
            elif chance < 0.04:
                self.refused["500"] += 1
                return web.Response(status=500)
        if not wait:
            return None
        self.closed[chat].append((now, now + wait))
        return web.Response(status=429, headers={"Retry-After": f"{wait:.2f}"})

    async def _take(self, request: web.Request) -> web.Response:
        body, now = await request.json(), time.monotonic()
        if refusal := self._refusal(body["chat"], now):
            return refusal
        minute = self._minute[body["chat"]]
        minute.append(now)
        if body["chat"].startswith("telegram:-") and len(minute) >= _GROUP_PER_MINUTE:
            self.closed[body["chat"]].append((now, minute[0] + 60))
        if body["verb"] != "edit":
            self.messages += 1
            self._keep(body["chat"], body["text"], now)
        return web.json_response({"message": body["message"] or str(next(self._ids))})

    def _keep(self, chat: str, text: str, now: float) -> None:
        shown, mark, marks = text.partition(_MARK)
        first = re.search(r"#(\d+)", text.split("\n")[0])
        if first:  # one ticket
            self.arrived[chat, first[1]].append(Arrival(now, bool(mark)))
            self.repeated += bool(mark)
            return
        marked = set(re.findall(r"#(\d+)", marks))
        self.repeated += bool(marked)
        for number in dict.fromkeys(re.findall(r"^#(\d+) ", shown, re.MULTILINE)):
            self.arrived[chat, number].append(Arrival(now, number in marked))

    def open_for(self, chat: str, since: float, until: float) -> tuple[float, float]:
        """Seconds in which the chat took messages, all in all and after it was closed last."""
        open_s, at, back = 0.0, since, since
        for start, end in sorted(self.closed[chat]):
            if end <= at or start >= until:
                continue
            open_s += max(0.0, start - at)
            at = max(at, min(end, until))
            back = at
        return open_s + until - at, until - back

    def count(self) -> int:
        return sum(map(len, self.arrived.values()))


@dataclass(slots=True)
class Counts:
    """`lost`: never arrived. `repeated`: messages that hold something marked. `doubled`: arrived more than once; `unmarked`: of these, not said on the later ones. The longest
    times until something arrived: `after_open_s` from its opening, `after_back_s` from the platform's being back where it had
    refused meanwhile, `waited_s` all the time in which the platform would have taken it. `down_s`: how long no replica ran;
    `opening_s`: how long the opening of all tickets took; `floor_s`: the least that the platforms' pace allows for so many."""

    stored: int
    wanted: int
    delivered: int
    lost: int
    doubled: int
    unmarked: int
    marked: int
    messages: int
    repeated: int
    refused: dict[str, int]
    kills: int
    after_open_s: float
    after_back_s: float
    waited_s: float
    late_30: int
    down_s: float
    opening_s: float
    floor_s: float
    took_s: float


async def _replica(url: str, desk: DeskServer) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.chaos_runner", url, desk.url, stdout=asyncio.subprocess.PIPE
    )


async def _ready(process: asyncio.subprocess.Process) -> float:
    """When it began to deliver."""
    assert process.stdout is not None
    await process.stdout.readline()
    return time.monotonic()


async def _open(store: SqlStore, gate: Gate, count: int) -> dict[int, tuple[float, bool]]:
    """Ticket to when it was stored, and whether it calls somebody (each fifth)."""
    the_team, clock = team(), SystemClock()
    escalation, _ = build(the_team, store, ChatDesk({}, the_team), [], clock, gate)
    opened = {}
    for n in range(count):
        says = gate.trusted("402 Insufficient Balance")
        ticket, new = await escalation.open(
            asker=BOB,
            language="en",
            diagnosis=Diagnosis((Cause.BALANCE_EXHAUSTED,), 0.9, says, says=says.text),
            proven=Proven(Cause.BALANCE_EXHAUSTED, "proved", account=f"a{n}", no_route_left=n % 5 == 0),
        )
        assert new
        opened[ticket.id] = (time.monotonic(), n % 5 == 0)
    return opened


async def _left(store: SqlStore) -> int:
    """Notes and calls that are still to be sent."""
    return sum(
        step.kind in ("note", "page", "tell") or (step.kind == "escalate" and step.payload["level"] == 0)
        for step in await store.pending_steps(limit=8000)
    )


async def run(url: str, *, tickets: int, kills: int, replicas: int, limit_s: float) -> Counts:
    """Opens all, kills in turn as deliveries come in, waits until nothing is left or `limit_s` is over."""
    began, gate, chance = time.monotonic(), Gate(b"tests"), random.Random(11)
    store = SqlStore(url, gate)
    await store.open()
    async with DeskServer() as desk:
        running = [await _replica(url, desk) for _ in range(replicas)]
        starts = [[asyncio.create_task(_ready(process))] for process in running]
        ends: list[list[float]] = [[] for _ in running]
        try:
            opening = asyncio.create_task(_open(store, gate, tickets))
            done = 0
            for kill in range(kills):
                before = desk.count()
                while desk.count() < before + tickets * 2 // (kills + 2) and time.monotonic() < began + limit_s:
                    if opening.done() and not await _left(store):
                        break
                    await asyncio.sleep(0.02)
                await asyncio.sleep(chance.uniform(0, 0.5))  # at any moment, not always right after an arrival
                which = kill % replicas
                running[which].kill()
                ends[which].append(time.monotonic())
                await running[which].wait()
                running[which] = await _replica(url, desk)
                starts[which].append(asyncio.create_task(_ready(running[which])))
                done += 1
            opened = await opening
            while await _left(store) and time.monotonic() < began + limit_s:
                await asyncio.sleep(0.2)
        finally:
            for process in running:
                if process.returncode is None:
                    process.kill()
                await process.wait()
        up = [
            [(await start, end) for start, end in zip(one, [*ended, time.monotonic()], strict=True)]
            for one, ended in zip(starts, ends, strict=True)
        ]
        counts = _counted(opened, desk, done, time.monotonic() - began)
        counts.down_s = _down(began, [span for one in up for span in one])
    await store.close()
    return counts


def _down(began: float, up: list[tuple[float, float]]) -> float:
    down, at = 0.0, began
    for start, end in sorted(up):
        down, at = down + max(0.0, start - at), max(at, end)
    return round(down, 1)


def _counted(opened: dict[int, tuple[float, bool]], desk: DeskServer, kills: int, took: float) -> Counts:
    counts = Counts(
        len(opened),
        0,
        0,
        0,
        0,
        0,
        0,
        desk.messages,
        desk.repeated,
        dict(desk.refused),
        kills,
        0.0,
        0.0,
        0.0,
        0,
        0.0,
        0.0,
        0.0,
        took,
    )
    times = [at for at, _ in opened.values()]
    counts.opening_s = round(max(times) - min(times), 1)
    counts.floor_s = max(0.0, math.ceil(len(opened) / MOST) - 3) * 1.0  # three at once, then one a second
    for id, (at, calls) in opened.items():
        for place in (SLACK_DESK, TELEGRAM_DESK, *([ALICE.address] if calls else [])):
            found = desk.arrived.get((place, str(id)), [])
            counts.wanted += 1
            counts.delivered += bool(found)
            counts.lost += not found
            counts.doubled += len(found) > 1
            counts.unmarked += sum(not arrival.marked for arrival in found) > 1
            counts.marked += sum(arrival.marked for arrival in found)
            if found:
                first = found[0].at
                waited, back = desk.open_for(place, at, first)
                counts.after_open_s = max(counts.after_open_s, round(first - at, 1))
                counts.after_back_s = max(counts.after_back_s, round(back, 1))
                counts.waited_s = max(counts.waited_s, round(waited, 1))
                counts.late_30 += back > 30
    return counts
