"""One exchange by aiohttp: with exactly the addresses that were looked at, and a ceiling on what is read.

aiohttp is loaded with this module, at the first question: a command that asks nobody does without.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import zlib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from functools import partial
from json import dumps
from typing import Final
from urllib.parse import unquote, urlsplit

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from bot.errors import BadAnswer, ProviderError, Unreachable
from bot.ports import Answer, Call
from bot.trust import Trust
from bot.web.addresses import allowed, metadata_name, next_hop, sane

_HOPS: Final = 3
_HEAD: Final = 1 << 16  # bytes of one line of an answer's head: some send long policies
# OpenSSL's X509_V_ERR_…: self-signed or from an authority that this machine does not know; made for another name.
_CERTIFICATE: Final = {
    10: "tls_expired",
    18: "tls_untrusted",
    19: "tls_untrusted",
    20: "tls_untrusted",
    21: "tls_untrusted",
    62: "tls_name",
    64: "tls_name",
}
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"(?:[!-~](?:[\t -~]*[!-~])?)?")
_NO_LIMITS: Final = aiohttp.ClientTimeout(total=None, sock_connect=None)  # one deadline stands around the whole call


class _Cut(Exception):
    """A connection that ended before its answer came."""


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """By itself aiohttp asks a second time, with a PUT as well; whether to is decided by who knows what is asked."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as fault:
        raise _Cut from fault


class _Names(AbstractResolver):
    """Resolves and looks at the addresses; aiohttp connects to exactly those: a name cannot change between check and use."""

    def __init__(self, names: Executor, *, private_only: bool) -> None:
        self._names, self._private_only = names, private_only

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises Unreachable."""
        if metadata_name(host):
            raise Unreachable("forbidden_address")
        try:
            look = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM)
            entries = await asyncio.get_running_loop().run_in_executor(self._names, look)
        except (OSError, UnicodeError):
            raise Unreachable("dns") from None
        found = {str(place[0]): kind for kind, _, _, _, place in entries}
        if not found:
            raise Unreachable("dns")
        if word := allowed(found, private_only=self._private_only):
            raise Unreachable(word)
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
            for address, kind in found.items()
        ]

    async def close(self) -> None:
        """Nothing is held here: the threads are the caller's."""


class Connections:
    """Those that are open, by scheme. Kept only briefly: balances are asked minutes apart, and a stale one costs a retry.

    `proxy` is for https alone, with user and password in the address. `names`: the threads that resolve.
    """

    def __init__(self, tls: ssl.SSLContext, names: Executor, proxy: str | None, always: Mapping[str, str]) -> None:
        self._tls, self._names, self._always = tls, names, always
        self._proxy, self._who = _proxy(proxy)
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def close(self) -> None:
        """No question may be on its way."""
        for session in self._sessions.values():
            await session.close()

    async def once(self, call: Call) -> Answer | ProviderError:
        """Redirects are followed where they stay at the same host. No deadline here, and no second try. A fault is given back
        and not raised, so that aiohttp's error, which may quote the address or a header, is not chained to it."""
        try:
            return await self._exchange(call)
        except ProviderError as fault:
            fault.__context__ = None
            return fault.with_traceback(None)
        except (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError):
            return Unreachable("proxy")
        except TimeoutError:
            return Unreachable("timeout")
        except (aiohttp.ClientConnectorError, ssl.SSLError) as fault:
            return Unreachable(connect_reason(fault))
        except (httpx.InvalidURL, ValueError):
            return Unreachable("bad_address")
        except zlib.error:
            return BadAnswer("encoding")
        except (aiohttp.ClientError, _Cut, OSError) as fault:
            return Unreachable("tls" if any(isinstance(link, ssl.SSLError) for link in _chain(fault)) else "closed")

    async def _exchange(self, call: Call) -> Answer:
        content, headers = call.content, {**self._always, **call.headers}
        if content is None and call.json is not None:
            content = dumps(call.json, ensure_ascii=False).encode()
            headers.setdefault("Content-Type", "application/json")
        if not all(map(_HEADER_NAME.fullmatch, headers)) or not all(map(_HEADER_VALUE.fullmatch, headers.values())):
            raise Unreachable("bad_header")
        method, url = call.method, call.url
        for _ in range(_HOPS + 1):
            sane(url)
            place = httpx.URL(url)  # escapes paths and international names as browsers do
            session = await self._session(place.scheme, place.host)
            target = URL(f"{place.scheme}://{place.netloc.decode()}{place.raw_path.decode()}", encoded=True)
            secure = place.scheme == "https"
            async with session.request(
                method,
                target,
                data=content,
                headers=headers,
                allow_redirects=False,
                proxy=self._proxy if secure else None,
                proxy_headers=self._who if secure else None,
            ) as response:
                got = _headers(response)
                if response.status in _REDIRECTS and "location" in got:
                    url = next_hop(method, response.status, url, got["location"])
                    continue
                return Answer(response.status, got, await _read(response, got, call.max_bytes))
        raise BadAnswer("redirect")

    async def _session(self, scheme: str, host: str) -> aiohttp.ClientSession:
        """Raises Unreachable for a number of an address that may not be asked: those are not resolved."""
        secure = scheme == "https"
        if not secure:
            try:
                word = allowed([host], private_only=True)
            except ValueError:
                word = ""  # a name
            if word:
                raise Unreachable(word)
        elif isinstance(self._tls, Trust):
            await self._tls.at_hand()
        if scheme not in self._sessions:
            self._sessions[scheme] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,
                    ssl=self._tls if secure else False,
                    resolver=_Names(self._names, private_only=not secure),
                    use_dns_cache=False,
                    keepalive_timeout=15,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("Content-Type",),
                timeout=_NO_LIMITS,
                trust_env=False,
                auto_decompress=False,
                max_line_size=_HEAD,
                max_field_size=_HEAD,
                max_headers=1000,
                middlewares=(_once,),
            )
        return self._sessions[scheme]


def _proxy(url: str | None) -> tuple[str | None, dict[str, str] | None]:
    """Address and, apart from it, what proves who asks."""
    if url is None:
        return None, None
    parts = urlsplit(url)
    bare = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if not parts.username:
        return bare, None
    proof = b64encode(f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode())
    return bare, {"Proxy-Authorization": f"Basic {proof.decode()}"}


def _headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    """Names in small letters; what came twice is joined by a comma."""
    found: dict[str, str] = {}
    for raw_name, raw_value in response.raw_headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


async def _read(response: aiohttp.ClientResponse, headers: Mapping[str, str], limit: int) -> bytes:
    length = headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise BadAnswer("too_large")
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "", "gzip", "x-gzip", "deflate"}:
        raise BadAnswer("encoding")
    # Unpacked piece by piece with a ceiling: a small packed body may hold a gigabyte.
    unpack = zlib.decompressobj(47) if encoding not in {"identity", ""} else None
    body = bytearray()
    async for part in response.content.iter_any():
        body += unpack.decompress(part, limit + 1 - len(body)) if unpack else part
        if len(body) > limit:
            raise BadAnswer("too_large")
    return bytes(body)


def _chain(fault: BaseException) -> Iterable[BaseException]:
    seen: BaseException | None = fault
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def connect_reason(fault: BaseException) -> str:
    """Why no connection came about, as the machine word of Unreachable: from the cause that the library wrapped."""
    for link in _chain(fault):
        if isinstance(link, aiohttp.ClientError):
            continue  # it is made like its cause, but does not say as much
        if isinstance(link, ssl.SSLCertVerificationError):
            return _CERTIFICATE.get(link.verify_code, "tls")
        if isinstance(link, ssl.SSLError):
            return "tls"
        if isinstance(link, socket.gaierror):
            return "dns"
    return "refused"
