"""The one outgoing HTTP client: the `Http` door.

Every limit is here: one deadline for the whole call, a size limit while streaming (also behind gzip), no redirect to
another host, https except on private addresses, no cloud metadata address. No error carries a URL, a header or a body.

`trust_env` is off on purpose: the environment would bring `.netrc` credentials and proxies that nobody named here. A
proxy is passed as `proxy`.
"""

from __future__ import annotations

import asyncio
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from bot.errors import ProviderError, Unreachable
from bot.ports import Answer, Call
from bot.trust import Trust
from bot.web.addresses import allowed

if TYPE_CHECKING:
    from bot.web.connections import Connections

__all__ = ["Web", "allowed"]


class Web:
    """Implements `bot.ports.Http`. Raises Unreachable (timeout, dns, tls, tls_expired, tls_untrusted, tls_name, refused, closed, proxy, not_https,
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
        self._tls, self._proxy = tls or Trust(), proxy
        self._always = {"User-Agent": user_agent, "Accept": "application/json", "Accept-Encoding": "gzip"}
        self._slots = asyncio.Semaphore(max_parallel)
        self._hosts: dict[str, asyncio.Lock] = {}
        self._open: Connections | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends every connection; nothing may be asked any more."""
        if self._open is not None:
            await self._open.close()
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
            connections = self._connections()
            async with asyncio.timeout(call.timeout_s):
                outcome = await connections.once(call)
                if (
                    isinstance(outcome, Unreachable)
                    and call.method == "GET"
                    and outcome.reason in {"refused", "closed"}
                ):
                    outcome = await connections.once(call)
                return outcome
        except TimeoutError:
            return Unreachable("timeout")

    async def at_hand(self) -> None:
        """Loads in a thread what the first question would wait for."""
        await asyncio.to_thread(import_module, "bot.web.connections")
        if isinstance(self._tls, Trust):
            await self._tls.at_hand()

    def _connections(self) -> Connections:
        if self._open is None:
            from bot.web.connections import Connections

            self._open = Connections(self._tls, self._names, self._proxy, self._always)
        return self._open
