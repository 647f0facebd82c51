"""The one incoming HTTP server: Slack, Telegram, health, readiness, metrics. It knows no platform: each brings its handler.

POST /slack/events   POST /telegram/webhook   POST /v1/errors   POST /v1/alertmanager   GET /healthz   GET /readyz   GET /metrics
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import structlog
from aiohttp import hdrs, web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

log = structlog.get_logger("server")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Faults = Callable[[], Awaitable[Sequence[str]]]
Remarks = Callable[[], Sequence[str]]

BODY_LIMIT: Final = 1_000_000  # bytes; Slack's largest payload is a view of 250 kB
HANDLER_S: Final = 10.0  # reading the body included; platforms give up after 3 s anyway
READY_S: Final = 5.0


async def _no_faults() -> Sequence[str]:
    return ()


class Server:
    """`slack` and `telegram`: None where that platform is not served here (the path then answers 404). `posts`: other paths.
    `faults`: machine words of what is wrong now; empty is ready. `remarks` are shown beside them and make nothing unready. `port` 0 takes a free one: read `port` after `start`."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        slack: Handler | None = None,
        telegram: Handler | None = None,
        posts: Mapping[str, Handler] | None = None,
        faults: Faults = _no_faults,
        remarks: Remarks = tuple,
        registry: CollectorRegistry | None = None,
        handler_s: float = HANDLER_S,
        ready_s: float = READY_S,
        drain_s: float = 10.0,
    ) -> None:
        self._host, self._port = host, port
        self._faults, self._remarks, self._registry = faults, remarks, registry
        self._handler_s, self._ready_s, self._drain_s = handler_s, ready_s, drain_s
        self._stopping = False
        app = web.Application(client_max_size=BODY_LIMIT, middlewares=[self._guard])
        app.on_response_prepare.append(_plain_headers)
        if slack is not None:
            app.router.add_post("/slack/events", slack)
        if telegram is not None:
            app.router.add_post("/telegram/webhook", telegram)
        for path, handler in (posts or {}).items():
            app.router.add_post(path, handler)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        if registry is not None:
            app.router.add_get("/metrics", self._metrics)
        self._app = app
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Raises OSError if the address is taken."""
        runner = web.AppRunner(
            self._app,
            access_log=None,  # a path or a header in an access log is one more place to leak from
            handle_signals=False,
            shutdown_timeout=self._drain_s,
            keepalive_timeout=30,
            max_line_size=8190,
            max_field_size=8190,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port, backlog=512).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner

    async def stop(self) -> None:
        """Takes no new connection, lets running answers end, then closes."""
        self._stopping = True
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    @property
    def port(self) -> int:
        """The port in use, 0 before `start`."""
        if self._runner is None or not self._runner.addresses:
            return 0
        return int(self._runner.addresses[0][1])

    # --- routes

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def _readyz(self, _: web.Request) -> web.Response:
        try:
            found = ["stopping"] if self._stopping else list(await asyncio.wait_for(self._faults(), self._ready_s))
        except TimeoutError:
            found = ["readiness_timeout"]
        except Exception as fault:
            log.error("readiness check failed", kind=type(fault).__name__)
            found = ["readiness_check_failed"]
        shown = [*found, *self._remarks()]
        return web.json_response({"ready": not found, "faults": shown}, status=503 if found else 200)

    async def _metrics(self, _: web.Request) -> web.Response:
        assert self._registry is not None
        return web.Response(body=generate_latest(self._registry), headers={hdrs.CONTENT_TYPE: CONTENT_TYPE_LATEST})

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A slow or broken request costs itself only; no answer says more than a number."""
        try:
            return await asyncio.wait_for(handler(request), self._handler_s)
        except web.HTTPException as refusal:
            return web.Response(status=refusal.status, text=f"{refusal.status}\n", headers=_allowed(refusal))
        except TimeoutError:
            return web.Response(status=408, text="408\n")
        except ConnectionResetError:
            raise
        except Exception as fault:
            log.error("request failed", path=request.path, kind=type(fault).__name__)
            return web.Response(status=500, text="500\n")


def _allowed(refusal: web.HTTPException) -> dict[str, str]:
    allow = refusal.headers.get(hdrs.ALLOW)
    return {hdrs.ALLOW: allow} if allow else {}


async def _plain_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers[hdrs.SERVER] = "quotadesk"  # without versions
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
