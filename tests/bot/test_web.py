"""The outgoing client against servers that misbehave."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from bot.errors import BadAnswer, ProviderError, Unreachable
from bot.ports import Answer, Call
from bot.web import Web, allowed
from bot.web.connections import connect_reason

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Place:
    """A server whose pages a test writes, and the requests it saw."""

    def __init__(self) -> None:
        self.seen: list[web.Request] = []
        self.pages: dict[str, Handler] = {}
        self.port = 0
        self.at_once = self.most_at_once = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self.pages[request.path](request)
        finally:
            self.at_once -= 1

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


async def serve(place: Place) -> web.AppRunner:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", place.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    place.port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    return runner


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    found = Place()
    runner = await serve(found)
    yield found
    await runner.cleanup()


@pytest.fixture
async def stranger() -> AsyncIterator[Place]:
    found = Place()
    runner = await serve(found)
    yield found
    await runner.cleanup()


@pytest.fixture
async def client() -> AsyncIterator[Web]:
    async with Web() as found:
        yield found


async def fails(client: Web, call: Call) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await client.ask(call)
    fault = caught.value
    assert fault.__cause__ is None
    assert fault.__context__ is None  # a chained library error could quote the address or a header
    return fault


def page(text: str = "{}", status: int = 200, **headers: str) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=text, status=status, headers=headers)

    return answer


async def test_any_status_is_an_answer(place: Place, client: Web) -> None:
    place.pages["/x"] = page('{"amount": 1.10}', 402, **{"X-Thing": "y"})
    answer = await client.ask(Call("GET", place.url("/x"), {"Authorization": "Bearer k"}))
    assert (answer.status, answer.headers["x-thing"]) == (402, "y")
    assert str(answer.json()["amount"]) == "1.10"
    assert place.seen[0].headers["Authorization"] == "Bearer k"
    assert place.seen[0].headers["User-Agent"] == "quotadesk"


async def test_json_goes_out(place: Place, client: Web) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.json_response({"got": await request.json(), "kind": request.content_type})

    place.pages["/x"] = echo
    answer = await client.ask(Call("POST", place.url("/x"), json={"a": "密"}))
    assert answer.json() == {"got": {"a": "密"}, "kind": "application/json"}


@pytest.mark.parametrize("kind", ["hang", "drip", "headers"])
async def test_one_deadline_for_all_of_it(place: Place, client: Web, kind: str) -> None:
    over = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse()
        if kind == "drip":
            await stream.prepare(request)
            while not over.is_set():
                await stream.write(b" ")
                await asyncio.sleep(0.02)
        await over.wait()
        return stream

    place.pages["/x"] = slow
    started = time.perf_counter()
    fault = await fails(client, Call("GET", place.url("/x"), timeout_s=0.3))
    over.set()
    assert isinstance(fault, Unreachable)
    assert fault.reason == "timeout"
    assert time.perf_counter() - started < 30  # it drips, or hangs, for ever


async def test_too_much_is_cut_off_early(place: Place, client: Web) -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        stream = web.StreamResponse()
        await stream.prepare(request)
        try:
            for _ in range(1600):
                await stream.write(b" " * 65536)
                sent += 65536
        except ConnectionError:
            pass
        return stream

    place.pages["/x"] = endless
    fault = await fails(client, Call("GET", place.url("/x")))
    assert (type(fault), fault.reason) == (BadAnswer, "too_large")
    assert sent < 20_000_000


async def test_a_small_packed_bomb_is_too_large(place: Place, client: Web) -> None:
    bomb = gzip.compress(b" " * 30_000_000)

    async def packed(request: web.Request) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    place.pages["/bomb"] = packed
    assert (await fails(client, Call("GET", place.url("/bomb")))).reason == "too_large"

    async def small(request: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(b'{"a": 1}'), headers={"Content-Encoding": "gzip"})

    place.pages["/small"] = small
    assert (await client.ask(Call("GET", place.url("/small")))).json() == {"a": 1}

    async def broken(request: web.Request) -> web.Response:
        return web.Response(body=b"no gzip at all", headers={"Content-Encoding": "gzip"})

    place.pages["/broken"] = broken
    assert (await fails(client, Call("GET", place.url("/broken")))).reason == "encoding"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_key_never_follows_to_another_host(place: Place, stranger: Place, client: Web, status: int) -> None:
    stranger.pages["/take"] = page()
    place.pages["/x"] = page(status=status, Location=stranger.url("/take"))
    for method in ("GET", "POST"):
        fault = await fails(client, Call(method, place.url("/x"), {"Authorization": "Bearer k"}))
        assert fault.reason == "redirect"
    assert stranger.seen == []


async def test_a_key_never_follows_to_another_name_of_the_same_machine(place: Place, client: Web) -> None:
    place.pages["/x"] = page(status=302, Location=place.url("/y", host="localhost"))
    place.pages["/y"] = page()
    assert (await fails(client, Call("GET", place.url("/x")))).reason == "redirect"
    assert [request.path for request in place.seen] == ["/x"]


async def test_the_same_host_is_followed_but_not_forever(place: Place, client: Web) -> None:
    place.pages["/x"] = page(status=301, Location="/x/")
    place.pages["/x/"] = page('{"ok": true}')
    place.pages["/loop"] = page(status=302, Location="/loop")
    assert (await client.ask(Call("GET", place.url("/x"), {"Authorization": "Bearer k"}))).json() == {"ok": True}
    assert place.seen[-1].headers["Authorization"] == "Bearer k"
    assert (await fails(client, Call("GET", place.url("/loop")))).reason == "redirect"


async def test_cookies_are_not_kept(place: Place, client: Web) -> None:
    place.pages["/x"] = page(**{"Set-Cookie": "a=b; Path=/"})
    await client.ask(Call("GET", place.url("/x")))
    await client.ask(Call("GET", place.url("/x")))
    assert "Cookie" not in place.seen[1].headers


async def test_a_get_that_was_cut_is_tried_once_more_and_a_post_is_not(place: Place, client: Web) -> None:
    async def cut(request: web.Request) -> web.Response:
        if len(place.seen) % 2:
            assert request.transport is not None
            request.transport.close()
        return web.Response(text="{}")

    place.pages["/x"] = cut
    assert (await client.ask(Call("GET", place.url("/x")))).status == 200
    assert len(place.seen) == 2
    assert (await fails(client, Call("POST", place.url("/x")))).reason == "closed"
    assert len(place.seen) == 3


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:1/", "refused"),
        ("https://no-such-host.invalid/", "dns"),
        ("http://169.254.169.254/latest/meta-data/", "forbidden_address"),
        ("https://[::ffff:169.254.169.254]/", "forbidden_address"),
        ("https://[64:ff9b::a9fe:a9fe]/", "forbidden_address"),
        ("https://[fd00:ec2::254]/", "forbidden_address"),
        ("http://metadata.google.internal./", "forbidden_address"),
        ("https://100.100.100.200/", "forbidden_address"),
        ("http://93.184.216.34/", "not_https"),
        ("ftp://127.0.0.1/", "bad_address"),
        ("http://user:pass@127.0.0.1/", "bad_address"),
        ("http://127.0.0.1:99999/", "bad_address"),
        ("http://[::1", "bad_address"),
        ("/no/host", "bad_address"),
    ],
)
async def test_addresses_that_are_not_asked(client: Web, url: str, reason: str) -> None:
    fault = await fails(client, Call("GET", url, timeout_s=60))
    assert (type(fault), fault.reason) == (Unreachable, reason)
    assert str(fault) == reason


def test_which_addresses_are_allowed() -> None:
    assert (
        allowed(["127.0.0.1", "10.1.2.3", "192.168.0.9", "fd12::1", "100.64.0.1", "0.0.0.0"], private_only=True) == ""
    )
    assert allowed(["10.0.0.1", "8.8.8.8"], private_only=True) == "not_https"
    assert allowed(["8.8.8.8"], private_only=False) == ""
    assert allowed(["8.8.8.8", "fe80::1%eth0"], private_only=False) == "forbidden_address"


async def test_tls_to_a_server_without_it(place: Place, client: Web) -> None:
    fault = await fails(client, Call("GET", place.url("/x").replace("http:", "https:"), {"Authorization": "Bearer k"}))
    assert fault.reason == "tls"
    assert place.seen == []


def test_an_expired_certificate_is_named() -> None:
    fault = ssl.SSLCertVerificationError(1, "certificate verify failed")
    fault.verify_code = 10
    assert connect_reason(fault) == "tls_expired"
    wrapped = OSError("x")
    wrapped.__cause__ = socket.gaierror()
    assert connect_reason(wrapped) == "dns"


@pytest.mark.parametrize("key", ["line\nbreak", "密钥", "tab\x00"])
async def test_a_key_that_cannot_be_sent_is_not_quoted(place: Place, client: Web, key: str) -> None:
    place.pages["/x"] = page()
    fault = await fails(client, Call("GET", place.url("/x"), {"Authorization": f"Bearer {key}"}))
    assert fault.reason == "bad_header"
    assert key not in str(fault) + repr(fault)
    assert place.seen == []


def meeting(place: Place, number: int) -> Handler:
    """Answers once `number` requests have been there at the same time; a moment longer shows whether more come."""
    met = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        if place.at_once >= number:
            met.set()
        await met.wait()
        await asyncio.sleep(0.02)
        return web.Response(text="{}")

    return answer


async def test_alone_means_one_at_a_time_at_a_host(place: Place, client: Web) -> None:
    place.pages["/x"] = meeting(place, 1)
    await asyncio.gather(*(client.ask(Call("GET", place.url("/x"), alone=True)) for _ in range(4)))
    assert place.most_at_once == 1
    place.pages["/x"] = meeting(place, 4)
    await asyncio.gather(*(client.ask(Call("GET", place.url("/x"))) for _ in range(4)))
    assert place.most_at_once == 4


async def test_parallelism_has_a_bound(place: Place) -> None:
    place.pages["/x"] = meeting(place, 3)
    async with Web(max_parallel=3) as client:
        await asyncio.gather(*(client.ask(Call("GET", place.url("/x"))) for _ in range(9)))
    assert place.most_at_once == 3


async def test_the_environment_names_no_proxy(place: Place, stranger: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", stranger.url(""))
    monkeypatch.setenv("ALL_PROXY", stranger.url(""))
    place.pages["/x"] = page()
    async with Web() as client:
        assert (await client.ask(Call("GET", place.url("/x")))).status == 200
    assert stranger.seen == []


def test_json_of_an_answer() -> None:
    def parsed(body: bytes) -> object:
        return Answer(200, {}, body).json()

    assert parsed("\ufeff{}".encode()) == {}
    for body, reason in ((b" <html>", "html"), (b"nope", "not_json"), (b"\xff", "not_json"), (b"", "not_json")):
        with pytest.raises(BadAnswer) as caught:
            parsed(body)
        assert caught.value.reason == reason
    for body in (b"[" * 200_000, json.dumps({"a": 1}).encode()[:-1], b"9" * 10_000):
        with pytest.raises(BadAnswer):
            parsed(body)
