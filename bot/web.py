"""The one outgoing HTTP client: the `Http` door.

Every limit is here: one deadline for the whole call, a size limit while streaming (also behind gzip), no redirect to
another host, https except on private addresses, no cloud metadata address. No error carries a URL, a header or a body.

`trust_env` is off on purpose: the environment would bring `.netrc` credentials and proxies that nobody named here. A
proxy is passed as `proxy`. Certificates come from certifi and from the machine's own store, so a company's CA works.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from json import dumps
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import certifi
import httpcore
import httpx

from bot.errors import BadAnswer, ProviderError, Unreachable
from bot.ports import Answer, Call

_HOPS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_METADATA_NAMES = frozenset(
    {"metadata.google.internal", "metadata", "instance-data", "metadata.azure.internal", "metadata.tencentyun.com"}
)
# Link-local is refused as a whole; these answer with cloud credentials on other ranges.
_METADATA = frozenset(
    ipaddress.ip_address(text) for text in ("100.100.100.200", "fd00:ec2::254", "168.63.129.16", "192.0.0.192")
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _inner(address: _Address) -> _Address:
    """The IPv4 address inside a mapped or translated IPv6 one: it is where the packets really go."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address.sixtofour:
            return address.sixtofour
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def allowed(addresses: Iterable[str], *, private_only: bool) -> str:
    """ "" if all addresses may be asked, else the machine word: forbidden_address or not_https."""
    for text in addresses:
        address = _inner(ipaddress.ip_address(text.split("%")[0]))
        if address.is_link_local or address.is_multicast or address in _METADATA:
            return "forbidden_address"
        if private_only and address.is_global:
            return "not_https"
    return ""


class _Backend(httpcore.AsyncNetworkBackend):
    """Resolves, looks at the addresses, and connects to exactly those: a name cannot change between check and use."""

    def __init__(self, names: Executor, *, private_only: bool) -> None:
        self._inner = httpcore.AnyIOBackend()
        self._names, self._private_only = names, private_only

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        if host.rstrip(".").lower() in _METADATA_NAMES:
            raise Unreachable("forbidden_address")
        addresses = await _resolved(self._names, host, port)
        word = allowed(addresses, private_only=self._private_only)
        if word:
            raise Unreachable(word)
        # A dead IPv6 path must not eat the whole deadline of a host that also has IPv4.
        each = timeout if len(addresses) == 1 or timeout is None else min(timeout, 3.0)
        for index, address in enumerate(addresses):
            try:
                return await self._inner.connect_tcp(address, port, each, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if index == len(addresses) - 1:
                    raise
        raise Unreachable("dns")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


async def _resolved(names: Executor, host: str, port: int) -> list[str]:
    try:
        ipaddress.ip_address(host.split("%")[0])
        return [host]
    except ValueError:
        pass  # a name
    try:
        look = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(names, look)
    except (OSError, UnicodeError):
        raise Unreachable("dns") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Body(httpx.AsyncByteStream):
    def __init__(self, parts: AsyncIterator[bytes], close: AsyncExitStack) -> None:
        self._parts, self._close = parts, close

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._parts:
            yield part

    async def aclose(self) -> None:
        await self._close.aclose()


class _Transport(httpx.AsyncBaseTransport):
    """httpx over an httpcore pool whose network backend is ours."""

    def __init__(self, tls: ssl.SSLContext, names: Executor, *, private_only: bool, proxy: str | None) -> None:
        self._backend = _Backend(names, private_only=private_only)
        self._tls, self._proxy = tls, None if private_only else proxy
        self._pools: dict[tuple[str, int | None], httpcore.AsyncConnectionPool] = {}

    def _pool(self, host: str, port: int | None) -> httpcore.AsyncConnectionPool:
        """One per host, with few idle connections: httpcore compares every idle one with every other at every request."""
        if (host, port) not in self._pools:
            # Kept only briefly: balances are asked minutes apart, and a stale connection costs a retry.
            if self._proxy:
                pool: httpcore.AsyncConnectionPool = httpcore.AsyncHTTPProxy(
                    self._proxy,
                    ssl_context=self._tls,
                    max_connections=200,
                    max_keepalive_connections=4,
                    keepalive_expiry=15,
                    network_backend=self._backend,
                )
            else:
                pool = httpcore.AsyncConnectionPool(
                    self._tls,
                    max_connections=200,
                    max_keepalive_connections=4,
                    keepalive_expiry=15,
                    network_backend=self._backend,
                )
            self._pools[host, port] = pool
        return self._pools[host, port]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        answer = await self._pool(url.host, url.port).handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        stack = AsyncExitStack()
        stack.push_async_callback(answer.aclose)
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(answer.aiter_stream(), stack),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()


class Web:
    """Implements `bot.ports.Http`. Raises Unreachable (timeout, dns, tls, tls_expired, refused, closed, not_https,
    forbidden_address, bad_address, bad_header) and BadAnswer (too_large, redirect, encoding)."""

    def __init__(
        self,
        *,
        max_parallel: int = 64,
        proxy: str | None = None,
        user_agent: str = "quotadesk",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        context = tls or _tls()
        # Threads of our own: a dead name server holds those that ask it for seconds, and the loop's few would be all gone.
        self._names = ThreadPoolExecutor(32, "names")
        self._client = httpx.AsyncClient(
            transport=_Transport(context, self._names, private_only=False, proxy=proxy),
            mounts={"http://": _Transport(context, self._names, private_only=True, proxy=None)},
            follow_redirects=False,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={"User-Agent": user_agent, "Accept": "application/json", "Accept-Encoding": "gzip"},
        )
        self._slots = asyncio.Semaphore(max_parallel)
        self._hosts: dict[str, asyncio.Lock] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._client.aclose()
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
        except (httpcore.TimeoutException, httpx.TimeoutException):
            return Unreachable("timeout")
        except (httpcore.ConnectError, httpx.ConnectError, ssl.SSLError) as fault:
            return Unreachable(_connect_reason(fault))
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpcore.UnsupportedProtocol):
            return Unreachable("bad_address")
        except (httpcore.LocalProtocolError, httpx.LocalProtocolError, UnicodeError):
            return Unreachable("bad_header")
        except (httpcore.ProxyError, httpx.ProxyError):
            return Unreachable("proxy")
        except (httpcore.NetworkError, httpcore.ProtocolError, httpx.TransportError, OSError) as fault:
            return Unreachable("tls" if _tls_fault(fault) else "closed")
        except zlib.error:
            return BadAnswer("encoding")

    async def _exchange(self, call: Call) -> Answer:
        content, headers = call.content, dict(call.headers)
        if content is None and call.json is not None:
            content = dumps(call.json, ensure_ascii=False).encode()
            headers.setdefault("Content-Type", "application/json")
        method, url = call.method, call.url
        for _ in range(_HOPS + 1):
            _sane(url)
            request = self._client.build_request(method, url, headers=headers, content=content, timeout=call.timeout_s)
            response = await self._client.send(request, stream=True)
            try:
                if response.status_code in _REDIRECTS and "location" in response.headers:
                    url = _next(method, response.status_code, url, response.headers["location"])
                    continue
                body = await _read(response, call.max_bytes)
            finally:
                await response.aclose()
            return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)
        raise BadAnswer("redirect")


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    return context


def _sane(url: str) -> None:
    """What can be told before resolving; behind a proxy it is all that can be told."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".").lower()
        _ = parts.port
    except ValueError:
        raise Unreachable("bad_address") from None
    if parts.scheme not in {"http", "https"} or not host or parts.username or parts.password:
        raise Unreachable("bad_address")
    if host in _METADATA_NAMES:
        raise Unreachable("forbidden_address")
    try:
        word = allowed([host], private_only=False)
    except ValueError:
        return  # a name: looked at once it is resolved
    if word:
        raise Unreachable(word)


def _next(method: str, status: int, url: str, location: str) -> str:
    """Where the same host sends us; another scheme, host or port is never followed, so the key stays where it belongs."""
    target = urljoin(url, location)
    old, new = urlsplit(url), urlsplit(target)
    if (old.scheme, old.hostname, old.port) != (new.scheme, new.hostname, new.port):
        raise BadAnswer("redirect")
    if method != "GET" and status not in {307, 308}:
        raise BadAnswer("redirect")
    return target


async def _read(response: httpx.Response, limit: int) -> bytes:
    length = response.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise BadAnswer("too_large")
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "", "gzip", "x-gzip", "deflate"}:
        raise BadAnswer("encoding")
    # Unpacked piece by piece with a ceiling: a small packed body may hold a gigabyte.
    unpack = zlib.decompressobj(47) if encoding not in {"identity", ""} else None
    body = bytearray()
    async for part in response.aiter_raw():
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
        if isinstance(link, ssl.SSLCertVerificationError) and link.verify_code == 10:  # X509_V_ERR_CERT_HAS_EXPIRED
            return "tls_expired"
        if isinstance(link, ssl.SSLError):
            return "tls"
        if isinstance(link, socket.gaierror):
            return "dns"
    return "refused"
