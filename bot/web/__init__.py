"""The one outgoing HTTP client: the `Http` door.

Every limit is here: one deadline for the whole call, a size limit while streaming (also behind gzip), no redirect to
another host, https except on private addresses, no cloud metadata address. No error carries a URL, a header or a body.

`trust_env` is off on purpose: the environment would bring `.netrc` credentials and proxies that nobody named here. A
proxy is passed as `proxy`.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import zlib
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial
from json import dumps
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

import httpcore
import httpx

from bot.errors import BadAnswer, ProviderError, Unreachable
from bot.ports import Answer, Call
from bot.trust import Trust
from bot.web.addresses import allowed, next_hop, sane
from bot.web.sockets import Backend

__all__ = ["Web", "allowed"]

_HOPS = 3
# OpenSSL's X509_V_ERR_…: self-signed or from an authority that this machine does not know; made for another name.
_CERTIFICATE = {
    10: "tls_expired",
    18: "tls_untrusted",
    19: "tls_untrusted",
    20: "tls_untrusted",
    21: "tls_untrusted",
} | {
    62: "tls_name",
    64: "tls_name",
}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class _Pools:
    """One pool of connections per host: httpcore compares every idle one with every other at every request."""

    def __init__(self, tls: ssl.SSLContext, names: Executor, proxy: str | None) -> None:
        self._tls, self._proxy = tls, _proxy(proxy) if proxy else None
        self._backends = {scheme: Backend(names, private_only=scheme == b"http") for scheme in (b"http", b"https")}
        self._pools: dict[tuple[bytes, bytes, int | None], httpcore.AsyncConnectionPool] = {}

    async def of(self, url: httpcore.URL) -> httpcore.AsyncConnectionPool:
        if url.scheme == b"https" and isinstance(self._tls, Trust):
            await self._tls.at_hand()
        place = (url.scheme, url.host, url.port)
        if place not in self._pools:
            # Kept only briefly: balances are asked minutes apart, and a stale connection costs a retry.
            make = (
                partial(httpcore.AsyncHTTPProxy, *self._proxy)
                if self._proxy and url.scheme == b"https"
                else httpcore.AsyncConnectionPool
            )
            self._pools[place] = make(
                ssl_context=self._tls if url.scheme == b"https" else None,
                max_connections=200,
                max_keepalive_connections=4,
                keepalive_expiry=15,
                network_backend=self._backends[url.scheme],
            )
        return self._pools[place]

    async def close(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()


def _proxy(url: str) -> tuple[str, tuple[str, str] | None]:
    """Address and, apart from it, user and password: httpcore leaves those of an address unread."""
    parts = urlsplit(url)
    user = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", user


class Web:
    """Implements `bot.ports.Http`. Raises Unreachable (timeout, dns, tls, tls_expired, tls_untrusted, tls_name, refused, closed, not_https,
    forbidden_address, bad_address, bad_header) and BadAnswer (too_large, redirect, encoding)."""

    def __init__(
        self,
        *,
        max_parallel: int = 64,
        proxy: str | None = None,
        user_agent: str = "quotadesk",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        # Threads of our own: a dead name server holds those that ask it for seconds, and the loop's few would be all gone.
        self._names = ThreadPoolExecutor(32, "names")
        self._pools = _Pools(tls or Trust(), self._names, proxy)
        self._always = {"User-Agent": user_agent, "Accept": "application/json", "Accept-Encoding": "gzip"}
        self._slots = asyncio.Semaphore(max_parallel)
        self._hosts: dict[str, asyncio.Lock] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._pools.close()
        self._names.shutdown(wait=False, cancel_futures=True)

    async def ask(self, call: Call) -> Answer:
        """Any HTTP status is an Answer. A GET whose connection failed is tried once more, inside the same deadline."""
        async with AsyncExitStack() as stack:
            if call.alone:
                await stack.enter_async_context(self._hosts.setdefault(urlsplit(call.url).netloc, asyncio.Lock()))
            await stack.enter_async_context(self._slots)
            outcome = await self._guarded(call)
        # Raised outside of the handler: the library's error, which may quote the URL or a header, is not chained.
        if isinstance(outcome, ProviderError):
            raise outcome
        return outcome

    async def _guarded(self, call: Call) -> Answer | ProviderError:
        try:
            async with asyncio.timeout(call.timeout_s):
                outcome = await self._once(call)
                if (
                    isinstance(outcome, Unreachable)
                    and call.method == "GET"
                    and outcome.reason in {"refused", "closed"}
                ):
                    outcome = await self._once(call)
                return outcome
        except TimeoutError:
            return Unreachable("timeout")

    async def _once(self, call: Call) -> Answer | ProviderError:
        try:
            return await self._exchange(call)
        except ProviderError as fault:
            fault.__context__ = None
            return fault.with_traceback(None)
        except httpcore.TimeoutException:
            return Unreachable("timeout")
        except (httpcore.ConnectError, ssl.SSLError) as fault:
            return Unreachable(_connect_reason(fault))
        except (httpx.InvalidURL, httpcore.UnsupportedProtocol):
            return Unreachable("bad_address")
        except (httpcore.LocalProtocolError, UnicodeError):
            return Unreachable("bad_header")
        except httpcore.ProxyError:
            return Unreachable("proxy")
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as fault:
            return Unreachable("tls" if _tls_fault(fault) else "closed")
        except zlib.error:
            return BadAnswer("encoding")

    async def _exchange(self, call: Call) -> Answer:
        content, headers = call.content, {**self._always, **call.headers}
        if content is None and call.json is not None:
            content = dumps(call.json, ensure_ascii=False).encode()
            headers.setdefault("Content-Type", "application/json")
        if content is not None or call.method in {"POST", "PUT", "PATCH"}:
            headers["Content-Length"] = str(len(content or b""))
        sent = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
        method, url = call.method, call.url
        for _ in range(_HOPS + 1):
            sane(url)
            place = httpx.URL(url)  # escapes paths and international names as browsers do
            target = httpcore.URL(scheme=place.raw_scheme, host=place.raw_host, port=place.port, target=place.raw_path)
            request = httpcore.Request(
                method,
                target,
                headers=[(b"Host", place.netloc), *sent],
                content=content,
                extensions={"timeout": {"connect": call.timeout_s, "pool": call.timeout_s}},
            )
            response = await (await self._pools.of(target)).handle_async_request(request)
            try:
                got = _headers(response)
                if response.status in _REDIRECTS and "location" in got:
                    url = next_hop(method, response.status, url, got["location"])
                    continue
                body = await _read(response, got, call.max_bytes)
            finally:
                await response.aclose()
            return Answer(response.status, got, body)
        raise BadAnswer("redirect")


def _headers(response: httpcore.Response) -> dict[str, str]:
    """Names in small letters; what came twice is joined by a comma."""
    found: dict[str, str] = {}
    for raw_name, raw_value in response.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


async def _read(response: httpcore.Response, headers: Mapping[str, str], limit: int) -> bytes:
    length = headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise BadAnswer("too_large")
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "", "gzip", "x-gzip", "deflate"}:
        raise BadAnswer("encoding")
    # Unpacked piece by piece with a ceiling: a small packed body may hold a gigabyte.
    unpack = zlib.decompressobj(47) if encoding not in {"identity", ""} else None
    body = bytearray()
    async for part in response.aiter_stream():
        body += unpack.decompress(part, limit + 1 - len(body)) if unpack else part
        if len(body) > limit:
            raise BadAnswer("too_large")
    return bytes(body)


def _chain(fault: BaseException) -> Iterable[BaseException]:
    seen: BaseException | None = fault
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _tls_fault(fault: BaseException) -> bool:
    return any(isinstance(link, ssl.SSLError) for link in _chain(fault))


def _connect_reason(fault: BaseException) -> str:
    for link in _chain(fault):
        if isinstance(link, ssl.SSLCertVerificationError):
            return _CERTIFICATE.get(link.verify_code, "tls")
        if isinstance(link, ssl.SSLError):
            return "tls"
        if isinstance(link, socket.gaierror):
            return "dns"
    return "refused"
