"""What stands before several replicas: each request goes to one that is ready, in turns, as a Service or a proxy does it.

A refused connection and a 503 ("I am stopping") go on to the next replica; a connection that breaks later is a 502, because the
request may have been taken.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import aiohttp
from aiohttp import web

_PASSED_ON = {"host", "content-length", "transfer-encoding", "connection"}


class Balancer:
    """`replicas`: base URLs. `counts`: answers by status, and how often the next replica had to help."""

    def __init__(self, replicas: Sequence[str]) -> None:
        self.replicas = list(replicas)
        self.counts: Counter[str] = Counter()
        self.url = ""
        self._turn = itertools.count()

    async def __aenter__(self) -> Balancer:
        app = web.Application(client_max_size=20_000_000)
        app.router.add_route("*", "/{path:.*}", self._forward)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, backlog=512).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._client = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()
        await self._runner.cleanup()

    async def _forward(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _PASSED_ON}
        first = next(self._turn)
        for n in range(len(self.replicas)):
            base = self.replicas[(first + n) % len(self.replicas)]
            try:
                async with self._client.request(
                    request.method, base + request.path_qs, data=body, headers=headers
                ) as answer:
                    content = await answer.read()
                    if answer.status == 503:
                        self.counts["next"] += 1
                        continue
                    self.counts[str(answer.status)] += 1
                    return web.Response(status=answer.status, body=content, content_type=answer.content_type)
            except aiohttp.ClientConnectorError:
                self.counts["next"] += 1
            except aiohttp.ClientError:
                self.counts["502"] += 1
                return web.Response(status=502)
        self.counts["503"] += 1
        return web.Response(status=503)
