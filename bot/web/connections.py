"""One exchange by httpcore, the part of httpx that speaks HTTP, and the connections that stay open for a while.

Both are loaded with this module, at the first question: a bot without accounts and a command that asks nobody do without.
"""

from __future__ import annotations

import socket
import ssl
import zlib
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from functools import partial
from json import dumps
from urllib.parse import unquote, urlsplit

import httpcore
import httpx

from bot.errors import BadAnswer, ProviderError, Unreachable
from bot.ports import Answer, Call
from bot.trust import Trust
from bot.web.addresses import next_hop, sane
from bot.web.sockets import Backend

_HOPS = 3
# OpenSSL's X509_V_ERR_…: self-signed or from an authority that this machine does not know; made for another name.
_CERTIFICATE = {
    10: "tls_expired",
    18: "tls_untrusted",
    19: "tls_untrusted",
    20: "tls_untrusted",
    21: "tls_untrusted",
    62: "tls_name",
    64: "tls_name",
}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Connections:
    """One pool of connections per host: httpcore compares every idle one with every other at every request.

    `names`: the threads that resolve. `proxy` is for https alone. `always`: headers that go with every call.
    """

    def __init__(self, tls: ssl.SSLContext, names: Executor, proxy: str | None, always: Mapping[str, str]) -> None:
        self._always = always
        self._tls, self._proxy = tls, _proxy(proxy) if proxy else None
        self._backends = {scheme: Backend(names, private_only=scheme == b"http") for scheme in (b"http", b"https")}
        self._pools: dict[tuple[bytes, bytes, int | None], httpcore.AsyncConnectionPool] = {}

    async def _pool(self, url: httpcore.URL) -> httpcore.AsyncConnectionPool:
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
        """No question may be on its way."""
        for pool in self._pools.values():
            await pool.aclose()

    async def once(self, call: Call) -> Answer | ProviderError:
        """Redirects are followed where they stay at the same host. No deadline here, and no second try. A fault is given back
        and not raised, so that the library's, which may quote the address or a header, is not chained to it."""
        try:
            return await self._exchange(call)
        except ProviderError as fault:
            fault.__context__ = None
            return fault.with_traceback(None)
        except httpcore.TimeoutException:
            return Unreachable("timeout")
        except (httpcore.ConnectError, ssl.SSLError) as fault:
            return Unreachable(connect_reason(fault))
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
            response = await (await self._pool(target)).handle_async_request(request)
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


def _proxy(url: str) -> tuple[str, tuple[str, str] | None]:
    """Address and, apart from it, user and password: httpcore leaves those of an address unread."""
    parts = urlsplit(url)
    user = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", user


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


def connect_reason(fault: BaseException) -> str:
    """Why no connection came about, as the machine word of Unreachable: from the cause that the library wrapped."""
    for link in _chain(fault):
        if isinstance(link, ssl.SSLCertVerificationError):
            return _CERTIFICATE.get(link.verify_code, "tls")
        if isinstance(link, ssl.SSLError):
            return "tls"
        if isinstance(link, socket.gaierror):
            return "dns"
    return "refused"
