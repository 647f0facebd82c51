"""Socket Mode: one live connection, watched. A deaf one is noticed, rebuilt and shown; the new one opens before the old closes.

Slack-SDK's client reconnects by itself, but it closes first, never stops after `link_disabled`, and cannot say that it is deaf.
Here each connection is used once and thrown away; this file decides when.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from typing import Any, Final

import structlog
from slack_bolt.adapter.socket_mode.async_base_handler import AsyncBaseSocketModeHandler
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.response import BoltResponse
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.chats.slack_wire import REFUSED_TOKEN, SILENT, Wire
from bot.errors import DeliveryError
from bot.model.team import Secret
from bot.ports import Clock

log = structlog.get_logger("slack.socket")

DEAF: Final = "socket_deaf"
DOWN: Final = "socket_down"
DISABLED: Final = "link_disabled"
_SHOWN: Final = {DEAF: DEAF, REFUSED_TOKEN: "app_token_refused", "too_many_websockets": "too_many_websockets"}
CONNECT_S: Final = 20.0
PROOF_S: Final = 5.0
SHOWN_LOOKS: Final = (
    3  # so many looks a deafness is shown at least, also where the next connection stood within a second
)
OVERLAP_S: Final = 10.0  # Slack gives a warned connection about so long
_MOST_PAUSE_S: Final = 30.0


class _Line(SocketModeClient):
    """One connection. `hello` is set when Slack has greeted, `told` when it asks to leave; `reason` says why."""

    def __init__(self, app_token: str, wire: Wire, ping_s: float) -> None:
        super().__init__(
            app_token=app_token,
            logger=SILENT,
            web_client=wire.client,
            auto_reconnect_enabled=False,
            ping_interval=ping_s,
        )
        self.proxy = wire.client.proxy
        self.hello, self.told, self.reason = asyncio.Event(), asyncio.Event(), ""

    async def run_message_listeners(self, message: dict[str, Any], raw_message: str) -> None:
        kind = message.get("type")
        if kind == "hello":
            self.hello.set()
        elif kind == "disconnect":
            self.reason = str(message.get("reason", ""))
            self.told.set()
        else:
            await super().run_message_listeners(message, raw_message)

    async def answers(self) -> bool:
        """A greeting only proves that Slack can be heard. Whether it hears us, the answer to a ping proves."""
        asked = time.time()
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(PROOF_S):
                if self.current_session is not None:
                    await self.current_session.ping(f"sdk-ping-pong:{asked}".encode())
                while self.last_ping_pong_time is None or self.last_ping_pong_time < asked:  # noqa: ASYNC110 nobody is told of a pong
                    await asyncio.sleep(0.01)
                return True
        return False

    async def deaf(self) -> bool:
        return self.current_session is None or self.current_session.closed or await self.is_ping_pong_failing()


class _Handler(AsyncBaseSocketModeHandler):
    """Bolt's own way from envelope to acknowledgement, on our connection."""

    def __init__(self, app: AsyncApp, line: _Line) -> None:
        self.app, self.client, self._bolt = app, line, app
        line.socket_mode_request_listeners.append(self.handle)

    async def handle(self, client: AsyncBaseSocketModeClient, req: SocketModeRequest) -> None:
        try:
            answer = await run_async_bolt_app(self._bolt, req)
        except Exception as fault:  # what Bolt cannot read is accepted, or it would come again
            log.warning("a delivery could not be read", kind=type(fault).__name__)
            answer = BoltResponse(status=200)
        await send_async_response(client, req, answer, 0.0)


class Sockets:
    """`ping_s`: a connection that answers no ping for four of them is deaf. `watch_s`: how often that is looked at."""

    def __init__(
        self,
        app: AsyncApp,
        wire: Wire,
        app_token: Secret,
        clock: Clock,
        *,
        ping_s: float = 10.0,
        watch_s: float = 5.0,
    ) -> None:
        self._app, self._wire, self._token, self._clock = app, wire, app_token, clock
        self._ping_s, self._watch_s = ping_s, watch_s
        self._fault = DOWN
        self._deaf_until = float("-inf")
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._line: _Line | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self.rebuilt = 0  # connections after the first, for the metrics

    def faults(self) -> tuple[str, ...]:
        if self._fault:
            return (self._fault,)
        return (DEAF,) if self._clock.monotonic() < self._deaf_until else ()

    async def start(self) -> None:
        """Returns when the first connection stands, or after some seconds without one: it goes on trying."""
        first = asyncio.Event()
        self._task = asyncio.create_task(self._run(first), name="slack socket")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(first.wait(), 5)

    async def stop(self) -> None:
        """Hears nothing more; the lines are closed within three seconds."""
        self._stop.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._line is not None:
            self._leave(self._line)
        if self._closing:
            await asyncio.wait(self._closing, timeout=3)
        for task in self._closing:
            task.cancel()

    async def _run(self, first: asyncio.Event) -> None:
        pause = 1.0
        while not self._stop.is_set():
            try:
                line = await self._open()
            except DeliveryError as fault:
                first.set()
                if fault.reason == DISABLED:
                    self._fault = DISABLED  # Socket Mode was switched off in the app's settings: final
                    return
                self._fault = _SHOWN.get(fault.reason) or self._fault or DOWN
                log.warning("no socket", reason=fault.reason, again_in_s=pause)
                await self._pause(max(pause, min(fault.retry_after_s or 0, 60)))
                pause = min(pause * 2, _MOST_PAUSE_S)
                continue
            old, self._line = self._line, line
            if old is not None:
                self.rebuilt += 1
                self._leave(old, after_s=OVERLAP_S if self._fault == "" else 0)
            self._fault, pause = "", 1.0
            first.set()
            why = await self._watch(line)
            log.info("socket to be replaced", why=why)
            if why == DISABLED:
                self._fault = DISABLED
                self._leave(line)
                self._line = None
                return
            if why == DEAF:
                self._fault = DEAF
                self._deaf_until = self._clock.monotonic() + SHOWN_LOOKS * self._watch_s

    async def _open(self) -> _Line:
        """A connection that Slack has greeted. Raises DeliveryError."""
        answer = await self._wire.call(self._wire.client.apps_connections_open, app_token=self._token.reveal())
        line = _Line(self._token.reveal(), self._wire, self._ping_s)
        line.wss_uri = str(answer.get("url", ""))
        handler = _Handler(self._app, line)
        try:
            async with asyncio.timeout(CONNECT_S):
                await handler.connect_async()  # type: ignore[no-untyped-call]
                await _either(line.hello, line.told)
        except TimeoutError:
            self._leave(line)
            raise DeliveryError("no_hello", retry_after_s=1) from None
        except BaseException:
            self._leave(line)
            raise
        if not line.hello.is_set():  # sent away at the door: an eleventh connection, or Socket Mode is off
            self._leave(line)
            raise DeliveryError(line.reason or DOWN, retry_after_s=_MOST_PAUSE_S)
        if not await line.answers():
            self._leave(line)
            raise DeliveryError(DEAF, retry_after_s=1)
        return line

    async def _watch(self, line: _Line) -> str:
        """Why this connection has to be replaced."""
        while True:
            await self._pause(self._watch_s, line.told)
            if line.told.is_set():
                return line.reason or "disconnect"
            if await line.deaf():
                return DEAF

    async def _pause(self, seconds: float, sooner: asyncio.Event | None = None) -> None:
        """Ends early when `sooner` is set, or everything stops."""
        events = [event for event in (self._stop, sooner) if event is not None]
        await _either(*events, or_else=self._clock.sleep(seconds))

    def _leave(self, line: _Line, after_s: float = 0) -> None:
        """Closes in the background: saying goodbye to a deaf end takes its time."""

        async def close() -> None:
            if after_s:
                await self._pause(after_s)
            with contextlib.suppress(Exception):
                await asyncio.wait_for(line.close(), 5)  # type: ignore[no-untyped-call]
            with contextlib.suppress(Exception):
                await line.aiohttp_client_session.close()

        task = asyncio.create_task(close(), name="slack socket goodbye")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _either(*events: asyncio.Event, or_else: Coroutine[Any, Any, None] | None = None) -> None:
    waits: set[asyncio.Task[Any]] = {asyncio.ensure_future(event.wait()) for event in events}
    if or_else is not None:
        waits.add(asyncio.ensure_future(or_else))
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waits:
            task.cancel()
