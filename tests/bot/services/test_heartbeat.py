"""The watcher outside hears of the bot only while it could still page somebody."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from bot.errors import DeliveryError
from bot.services.heartbeat import Heartbeat
from bot.web import Web
from tests.escalation_room import Room


class Watcher:
    """Counts the beats that arrive; `status` is what it answers."""

    def __init__(self) -> None:
        self.beats = 0
        self.heard = asyncio.Event()
        self.status = 200
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.beats += 1
        self.heard.set()
        return web.Response(status=self.status)


@pytest.fixture
async def watcher() -> AsyncIterator[Watcher]:
    made = Watcher()
    app = web.Application()
    app.router.add_get("/ping/{secret}", made.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/ping/"
    yield made
    await runner.cleanup()


@pytest.fixture
async def http() -> AsyncIterator[Web]:
    async with Web() as made:
        yield made


def beat_of(here: Room, http: Web, url: str, owner: str = "one") -> Heartbeat:
    return Heartbeat(url, http, here.store, here.clock, owner, here.team.support.chats)


async def test_one_replica_calls(here: Room, http: Web, watcher: Watcher) -> None:
    one, other = (beat_of(here, http, watcher.url + "x", owner) for owner in ("one", "two"))
    await one.beat()
    await other.beat()
    assert watcher.beats == 1
    assert one.faults() == other.faults() == ()
    here.clock.move(200)  # the first has died
    await other.beat()
    assert watcher.beats == 2


async def test_silent_while_no_chat_is_reached(here: Room, http: Web, watcher: Watcher) -> None:
    beat = beat_of(here, http, watcher.url + "x")
    down = DeliveryError("network", retry_after_s=30)
    here.telegram.broken["-1009"] = down
    await here.open()
    await here.due()
    await here.due(timedelta(minutes=6))
    await beat.beat()
    assert watcher.beats == 1  # Slack tells of Telegram
    here.slack.broken["C0SUPPORT"] = down
    await here.open(proven=here.proven(account="other"))
    await here.due(timedelta(minutes=6))
    await here.due(timedelta(minutes=6))
    await beat.beat()
    assert watcher.beats == 1
    assert beat.faults() == ("heartbeat: no_chat_reached",)


async def test_silent_while_steps_stand_still(here: Room, http: Web, watcher: Watcher) -> None:
    beat = beat_of(here, http, watcher.url + "x")
    await here.open()
    here.clock.move(timedelta(minutes=3))
    await beat.beat()
    assert watcher.beats == 0
    assert beat.faults() == ("heartbeat: steps_stand_still",)
    await here.due()
    await beat.beat()
    assert watcher.beats == 1
    assert beat.faults() == ()


async def test_silent_while_the_database_is_gone(here: Room, http: Web, watcher: Watcher, tmp_path: Path) -> None:
    beat = beat_of(here, http, watcher.url + "x")
    await here.store.close()
    await beat.beat()
    assert watcher.beats == 0
    assert len(beat.faults()) == 1


async def test_a_watcher_that_refuses_is_said_without_its_address(
    here: Room, http: Web, watcher: Watcher, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "s" + str(id(watcher)) * 3
    beat = beat_of(here, http, watcher.url + secret)
    watcher.status = 404
    with caplog.at_level(logging.WARNING, "quotadesk.heartbeat"):
        await beat.beat()
    assert beat.faults() == ("heartbeat: http_404",)
    assert "http_404" in caplog.text
    assert secret not in caplog.text
    gone = beat_of(here, http, f"http://127.0.0.1:9/{secret}")
    await gone.beat()
    assert gone.faults() == ("heartbeat: refused",)


async def test_a_round_does_not_wait(here: Room, http: Web, watcher: Watcher) -> None:
    beat = beat_of(here, http, watcher.url + "x")
    here.runner.every("heartbeat", 60, beat.round)
    await here.due()
    async with asyncio.timeout(120):
        await watcher.heard.wait()
    assert watcher.beats == 1
