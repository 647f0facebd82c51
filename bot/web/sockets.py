"""Connections for httpcore: to exactly the addresses that were looked at, on plain asyncio.

httpcore's own way to asyncio goes through anyio, which was half of the CPU time of fifty questions asked at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Iterable
from concurrent.futures import Executor
from functools import partial
from typing import Any, cast

import httpcore

from bot.errors import Unreachable
from bot.web.addresses import allowed, metadata_name

_HIGH_WATER = 1 << 18  # bytes that wait here before the peer is held back


class Stream(asyncio.Protocol, httpcore.AsyncNetworkStream):
    """One connection. Time limits are the caller's: one deadline stands around the whole call."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting: bytearray = bytearray()
        self._ended = False
        self._fault: Exception | None = None
        self._held = False
        self._readable: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None

    # --- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio has a connection: before this nothing may be written."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Keeps what came until it is read; beyond a quarter of a megabyte the peer is held back."""
        self._waiting += data
        if len(self._waiting) > _HIGH_WATER and not self._held and self._transport is not None:
            self._held = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        """The peer sends no more. The connection is closed: half-open ones are of no use here."""
        self._ended = True
        self._wake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Wakes whoever waits, to read or to write; a fault is raised at the next read."""
        self._ended, self._fault = True, exc
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        """From here `write` waits: the peer does not read as fast as we send."""
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """Lets the waiting `write` go on."""
        waiting, self._writable = self._writable, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def _wake(self) -> None:
        waiting, self._readable = self._readable, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    # --- httpcore's side

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's own signature
        while not self._waiting and not self._ended:
            self._readable = asyncio.get_running_loop().create_future()
            await self._readable
        if not self._waiting and self._fault is not None:
            raise httpcore.ReadError("closed") from self._fault
        found = bytes(self._waiting[:max_bytes])
        del self._waiting[:max_bytes]
        if self._held and len(self._waiting) <= _HIGH_WATER // 2 and self._transport is not None:
            self._held = False
            self._transport.resume_reading()
        return found

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's own signature
        """Raises WriteError where the connection has ended. Returns when there is room, not when it has arrived."""
        if self._transport is None or self._ended:
            raise httpcore.WriteError("closed")
        self._transport.write(buffer)
        if self._writable is not None:
            await self._writable

    async def aclose(self) -> None:
        """At once, without waiting for the peer's farewell."""
        if self._transport is not None:
            self._transport.close()
            # A peer that does not answer the farewell must not keep the socket.
            self._transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own signature
    ) -> httpcore.AsyncNetworkStream:
        """The same stream, encrypted from here on; raises what the handshake raised, and the connection is gone then."""
        assert self._transport is not None
        try:
            made = await asyncio.get_running_loop().start_tls(
                self._transport, self, ssl_context, server_hostname=server_hostname, ssl_handshake_timeout=timeout
            )
        except BaseException:
            self._transport.abort()
            raise
        if made is None:
            raise httpcore.ConnectError("closed")
        self._transport = made
        return self

    def get_extra_info(self, info: str) -> Any:
        """By httpcore's names; `is_readable` is true where a kept connection has ended, and None means unknown."""
        if info == "is_readable":  # asked before a kept connection is used again: then it can only be its end
            return bool(self._waiting) or self._ended
        name = {"ssl_object": "ssl_object", "client_addr": "sockname", "server_addr": "peername", "socket": "socket"}
        return self._transport.get_extra_info(name[info]) if self._transport is not None and info in name else None


class Backend(httpcore.AsyncNetworkBackend):
    """Resolves, looks at the addresses, and connects to exactly those: a name cannot change between check and use."""

    def __init__(self, names: Executor, *, private_only: bool) -> None:
        self._names, self._private_only = names, private_only

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """The addresses one after the other. Raises Unreachable for those that may not be asked, ConnectError and
        ConnectTimeout."""
        if metadata_name(host):
            raise Unreachable("forbidden_address")
        addresses = await _resolved(self._names, host, port)
        word = allowed(addresses, private_only=self._private_only)
        if word:
            raise Unreachable(word)
        # A dead IPv6 path must not eat the whole deadline of a host that also has IPv4.
        each = timeout if len(addresses) == 1 or timeout is None else min(timeout, 3.0)
        fault: Exception = Unreachable("dns")
        for address in addresses:
            try:
                async with asyncio.timeout(each):
                    _, stream = await asyncio.get_running_loop().create_connection(Stream, address, port)
            except TimeoutError:
                fault = httpcore.ConnectTimeout("timeout")
            except OSError as refused:
                fault = httpcore.ConnectError(type(refused).__name__)
            else:
                return stream
        raise fault

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def _resolved(names: Executor, host: str, port: int) -> list[str]:
    with contextlib.suppress(ValueError):  # a name
        ipaddress.ip_address(host.split("%")[0])
        return [host]
    try:
        look = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(names, look)
    except (OSError, UnicodeError):
        raise Unreachable("dns") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
