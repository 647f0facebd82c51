"""python-telegram-bot's requests by aiohttp, which is here anyway: a message costs a third of what it costs by httpx, whose pool
looks at every open connection twice for each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import aiohttp
from telegram.error import BadRequest, NetworkError, TimedOut
from telegram.request import BaseRequest, RequestData

from bot.trust import Trust

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Requests(BaseRequest):
    """`read_s` also for writing; a call may name its own. No error carries the address: the token rides in it."""

    def __init__(self, pool: int, trust: Trust, *, read_s: float, connect_s: float, proxy: str | None = None) -> None:
        self._pool, self._trust, self._proxy = pool, trust, proxy
        self._read_s, self._connect_s = read_s, connect_s
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        """Seconds; python-telegram-bot asks for it to size its own long polls."""
        return self._read_s

    async def initialize(self) -> None:
        """Opens nothing yet: connections come with the first call. May be called twice."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._pool, keepalive_timeout=30, ssl=self._trust),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self.USER_AGENT},
                trust_env=False,
            )

    async def shutdown(self) -> None:
        """Closes every connection; may be called twice. Afterwards a call raises RuntimeError."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Raises TimedOut and NetworkError, whose cause is aiohttp's."""
        if self._session is None:
            raise RuntimeError("closed")
        read_s = read_timeout if isinstance(read_timeout, (int, float)) else self._read_s
        # For a place among the connections and a new one together, then for each look at the answer, then for all of it.
        limits = aiohttp.ClientTimeout(
            total=2 * self._connect_s + 3 * read_s,
            connect=2 * self._connect_s,
            sock_connect=self._connect_s,
            sock_read=read_s,
        )
        body, headers = _body(request_data)
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, timeout=limits, proxy=self._proxy, allow_redirects=False
            ) as answer:
                return answer.status, await answer.read()
        except TimeoutError as fault:
            raise TimedOut from fault
        except (aiohttp.ClientError, OSError) as fault:
            raise NetworkError(type(fault).__name__) from fault

    async def stream(self, url: str) -> AsyncIterator[bytes]:
        """A file, a piece at a time. Raises TimedOut and NetworkError, as above, and BadRequest for a refusal."""
        if self._session is None:
            raise RuntimeError("closed")
        limits = aiohttp.ClientTimeout(
            total=6 * self._read_s, connect=2 * self._connect_s, sock_connect=self._connect_s, sock_read=self._read_s
        )
        try:
            async with self._session.get(url, timeout=limits, proxy=self._proxy, allow_redirects=False) as answer:
                if answer.status != 200:
                    raise BadRequest(f"http {answer.status}")
                async for chunk in answer.content.iter_chunked(65_536):
                    yield chunk
        except TimeoutError as fault:
            raise TimedOut from fault
        except (aiohttp.ClientError, OSError) as fault:
            raise NetworkError(type(fault).__name__) from fault


def _body(data: RequestData | None) -> tuple[Any, dict[str, str] | None]:
    if data is None:
        return None, None
    if not data.contains_files:
        return urlencode(data.json_parameters).encode(), _FORM
    form = aiohttp.FormData(data.json_parameters)
    for name, (file, content, kind) in data.multipart_data.items():
        form.add_field(name, content, filename=file, content_type=kind)
    return form, None
