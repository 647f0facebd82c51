"""The one HTTP server: routes, limits, readiness, and a stop that lets answers end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter

from bot.server import Server


class Desk:
    """A server with one echoing handler and faults that a test sets."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.gate = asyncio.Event()
        self.entered = asyncio.Event()
        self.registry = CollectorRegistry()
        Counter("quotadesk_answers", "Answers", registry=self.registry).inc(3)
        self.server = Server(
            "127.0.0.1",
            0,
            slack=self.slack,
            faults=self.faults,
            registry=self.registry,
            handler_s=60,
            ready_s=60,
            drain_s=60,
        )

    async def faults(self) -> Sequence[str]:
        if "hang" in self.found:
            await asyncio.sleep(3600)
        if "raise" in self.found:
            raise RuntimeError("a secret detail")
        return self.found

    async def slack(self, request: web.Request) -> web.Response:
        body = await request.text()
        if body == "slow":
            self.entered.set()
            await self.gate.wait()
        if body == "raise":
            raise RuntimeError("a secret detail")
        return web.Response(text=f"got {len(body)}")

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    await desk.server.start()
    yield desk
    desk.gate.set()
    await desk.server.stop()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_routes_and_no_version_in_any_header(desk: Desk, client: aiohttp.ClientSession) -> None:
    seen = []
    for method, path, body in (
        ("GET", "/healthz", None),
        ("GET", "/metrics", None),
        ("POST", "/slack/events", "hello"),
        ("GET", "/slack/events", None),
        ("POST", "/telegram/webhook", "{}"),
        ("GET", "/../etc/passwd", None),
    ):
        async with client.request(method, desk.base + path, data=body) as answer:
            seen.append(answer.status)
            assert answer.headers["Server"] == "quotadesk"
            text = await answer.text()
            assert "aiohttp" not in text
            assert "Python/" not in str(answer.headers)
            if path == "/metrics":
                assert "quotadesk_answers_total 3.0" in text
                assert answer.headers["Content-Type"].startswith("text/plain")
    assert seen == [200, 200, 200, 405, 404, 404]


async def test_readiness_lists_faults_and_survives_a_bad_check(desk: Desk, client: aiohttp.ClientSession) -> None:
    async def ready() -> tuple[int, object]:
        async with client.get(desk.base + "/readyz") as answer:
            return answer.status, json.loads(await answer.text())

    assert await ready() == (200, {"ready": True, "faults": []})
    desk.found = ["slack: socket_deaf", "database: locked"]
    assert await ready() == (503, {"ready": False, "faults": ["slack: socket_deaf", "database: locked"]})
    desk.server._ready_s = 0.2
    desk.found = ["hang"]
    assert await ready() == (503, {"ready": False, "faults": ["readiness_timeout"]})
    desk.server._ready_s = 60
    desk.found = ["raise"]
    assert await ready() == (503, {"ready": False, "faults": ["readiness_check_failed"]})


async def test_too_large_too_slow_and_broken_requests_cost_only_themselves(
    desk: Desk, client: aiohttp.ClientSession
) -> None:
    async with client.post(desk.base + "/slack/events", data=b"x" * 1_000_001) as answer:
        assert answer.status == 413
    async with client.post(desk.base + "/slack/events", data="raise") as answer:
        assert (answer.status, await answer.text()) == (500, "500\n")
    desk.server._handler_s = 0.3
    async with client.post(desk.base + "/slack/events", data="slow") as answer:
        assert answer.status == 408

    # Announces a body and never sends it: the time limit frees the handler.
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.server.port)
    writer.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nabc")
    line = await asyncio.wait_for(reader.readline(), 60)
    assert b"408" in line
    writer.close()

    desk.server._handler_s = 60
    async with client.get(desk.base + "/healthz") as answer:
        assert answer.status == 200


async def test_bytes_that_are_no_http_are_refused(desk: Desk, client: aiohttp.ClientSession) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.server.port)
    writer.write(b"\x16\x03\x01 nonsense\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(4000), 60)
    assert answer.startswith(b"HTTP/1.")
    assert b" 400 " in answer
    writer.close()
    async with client.get(desk.base + "/healthz") as health:
        assert health.status == 200


async def test_stop_lets_a_running_answer_end() -> None:
    desk = Desk()
    await desk.server.start()
    async with aiohttp.ClientSession() as client:
        running = asyncio.create_task(client.post(desk.base + "/slack/events", data="slow"))
        await asyncio.wait_for(desk.entered.wait(), 60)
        stopping = asyncio.create_task(desk.server.stop())
        await asyncio.sleep(0)
        desk.gate.set()
        answer = await running
        assert answer.status == 200
        await stopping
    assert desk.server.port == 0


async def test_a_taken_port_is_told() -> None:
    desk = Desk()
    await desk.server.start()
    try:
        with pytest.raises(OSError):
            await Server("127.0.0.1", desk.server.port).start()
    finally:
        await desk.server.stop()


async def test_remarks_are_shown_and_make_nothing_unready() -> None:
    server = Server("127.0.0.1", 0, remarks=lambda: ("heartbeat: timeout",))
    await server.start()
    try:
        async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{server.port}/readyz") as answer:
            assert answer.status == 200
            assert await answer.json() == {"ready": True, "faults": ["heartbeat: timeout"]}
    finally:
        await server.stop()
