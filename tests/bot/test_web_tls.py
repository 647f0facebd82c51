"""Servers with certificates that must not be believed: made at run time, answered by a real TLS server."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot.errors import Unreachable
from bot.locales import Words, languages
from bot.model.engine import KeyRef, Route
from bot.model.money import AccountState, Status
from bot.ports import Call
from bot.redaction.gate import Gate
from bot.services.asking import Asker
from bot.settings import EnvKeys
from bot.web import Web
from handlers.balance_words import reason
from tests.conftest import FixedClock

OPENSSL = shutil.which("openssl") or ""
pytestmark = pytest.mark.skipif(not OPENSSL, reason="certificates are made with the openssl program")

KINDS = {"expired": "tls_expired", "self-signed": "tls_untrusted", "other name": "tls_name"}


class Shop:
    """An authority of our own and what it signs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = folder / "ca.pem"
        self._run("req", "-x509", *self._key("ca"), "-out", "ca.pem", "-subj", "/CN=authority", "-days", "2")

    def _run(self, *arguments: str) -> None:
        subprocess.run([OPENSSL, *arguments], cwd=self.folder, check=True, capture_output=True)

    def _key(self, name: str) -> tuple[str, ...]:
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key"

    def server(self, kind: str) -> ssl.SSLContext:
        """`good`, or one of KINDS, for 127.0.0.1."""
        name = kind.replace(" ", "-")
        alternative = "subjectAltName=DNS:elsewhere.example" if kind == "other name" else "subjectAltName=IP:127.0.0.1"
        if kind == "self-signed":
            arguments = ("-out", f"{name}.pem", "-subj", "/CN=x", "-days", "2", "-addext", alternative)
            self._run("req", "-x509", *self._key(name), *arguments)
        else:
            self._run("req", "-new", *self._key(name), "-out", f"{name}.csr", "-subj", "/CN=x")
            (self.folder / f"{name}.ext").write_text(alternative)
            days = "-1" if kind == "expired" else "2"
            self._run(
                *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
                *("-days", days, "-extfile", f"{name}.ext", "-out", f"{name}.pem"),
            )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return context


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
async def client(shop: Shop) -> AsyncIterator[Web]:
    async with Web(tls=ssl.create_default_context(cafile=str(shop.authority))) as web:
        yield web


class Door:
    """A TLS server that answers every request with a funded DeepSeek account, and keeps what it was told."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self.heard = b""

    async def __aenter__(self) -> Door:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0, ssl=self._context)
        self.url = f"https://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard += await reader.readuntil(b"\r\n\r\n")
        info = b'{"currency":"CNY","total_balance":"5","granted_balance":"0","topped_up_balance":"5"}'
        body = b'{"is_available":true,"balance_infos":[' + info + b"]}"
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        await writer.drain()
        writer.close()


async def test_a_certificate_of_a_known_authority(shop: Shop, client: Web) -> None:
    async with Door(shop.server("good")) as door:
        answer = await client.ask(Call("GET", door.url, {"Authorization": "Bearer k"}))
        assert (answer.status, answer.json()["is_available"]) == (200, True)
        assert b"Bearer k" in door.heard


@pytest.mark.parametrize("kind", KINDS)
async def test_no_key_goes_where_the_certificate_is_wrong(
    shop: Shop, client: Web, clock: FixedClock, make_key: Callable[..., str], kind: str
) -> None:
    key = make_key("sk-", 40)
    async with Door(shop.server(kind)) as door:
        keys = EnvKeys(Gate(b"team").fingerprint, environ={"IT_KEY": key}, env_file=None)
        route = Route("it", door.url, provider="deepseek", key=KeyRef(env="IT_KEY"))
        outcome = await Asker(client, keys, clock).ask(route)
        assert (outcome.status, outcome.reason) == (Status.COULD_NOT_CHECK, KINDS[kind])
        assert outcome.balance.readings == ()
        assert door.heard == b""  # the handshake ended it: not one byte of a request
    state = AccountState("it", "deepseek", ("it",), (), outcome.status, clock.now(), reason=outcome.reason)
    for language in languages():
        sentence = reason(state, Words(language))
        assert "certificate" in sentence or "证书" in sentence
        assert key not in sentence


async def test_a_certificate_that_ends_the_talk_raises_and_quotes_nothing(shop: Shop, client: Web) -> None:
    async with Door(shop.server("self-signed")) as door:
        with pytest.raises(Unreachable) as caught:
            await client.ask(Call("GET", f"{door.url}/?token=secret"))
    assert caught.value.reason == "tls_untrusted"
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


async def test_through_a_proxy_the_certificate_is_still_the_servers(shop: Shop) -> None:
    """The proxy sees a CONNECT and an encrypted stream; the key stands inside."""
    told: list[bytes] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(65536):
            told.append(part)
            writer.write(part)
        writer.close()

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        told.append(head)
        host, _, port = head.split()[1].decode().rpartition(":")
        there, back = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(pump(reader, back), pump(there, writer))

    async with Door(shop.server("good")) as door:
        server = await asyncio.start_server(proxy, "127.0.0.1", 0)
        address = f"http://some%20one:a%40b@127.0.0.1:{server.sockets[0].getsockname()[1]}"
        context = ssl.create_default_context(cafile=str(shop.authority))
        async with server, Web(tls=context, proxy=address) as web:
            answer = await web.ask(Call("GET", door.url, {"Authorization": "Bearer inside"}))
        assert answer.status == 200
        assert b"Bearer inside" in door.heard
    assert told[0].startswith(b"CONNECT 127.0.0.1:")
    assert b"Basic " + b64encode(b"some one:a@b") in told[0]
    assert not any(b"inside" in part for part in told)
