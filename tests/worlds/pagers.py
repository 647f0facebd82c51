"""PagerDuty's Events API v2, an Apprise JSON receiver and a mail server on loopback. They refuse what the real ones refuse."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiohttp import web

Json = dict[str, Any]
_SEVERITIES = ("critical", "warning", "error", "info")


@dataclass
class Incident:
    """What PagerDuty shows for one dedup key."""

    state: str
    summary: str
    triggers: int = 1


@dataclass
class PagerWorld:
    """`fail`: answers given instead, first come first served: (status, headers)."""

    routing_key: str
    events: list[Json] = field(default_factory=list)
    incidents: dict[str, Incident] = field(default_factory=dict)
    notified: list[Json] = field(default_factory=list)
    fail: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    _runner: web.AppRunner | None = None
    port: int = 0

    async def __aenter__(self) -> PagerWorld:
        app = web.Application()
        app.router.add_post("/v2/enqueue", self._enqueue)
        app.router.add_post("/hook/{secret}", self._notify)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        server: Any = site._server
        self.port = server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def events_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v2/enqueue"

    def notify_url(self, secret: str) -> str:
        """For NOTIFY_URLS: Apprise's JSON service."""
        return f"json://127.0.0.1:{self.port}/hook/{secret}"

    def _failure(self) -> web.Response | None:
        if not self.fail:
            return None
        status, headers = self.fail.pop(0)
        return web.json_response({"status": "throttle exceeded"}, status=status, headers=headers)

    async def _enqueue(self, request: web.Request) -> web.Response:
        if failure := self._failure():
            return failure
        event: Json = await request.json()
        errors = self._errors(event)
        if errors:
            body = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
            return web.json_response(body, status=400)
        self.events.append(event)
        key, action = event["dedup_key"], event["event_action"]
        known = self.incidents.get(key)
        if action == "trigger":
            if known is None or known.state == "resolved":
                self.incidents[key] = Incident("triggered", event["payload"]["summary"])
            else:
                known.triggers += 1
        elif known is not None and known.state != "resolved":  # an event for nothing is dropped
            known.state = {"acknowledge": "acknowledged", "resolve": "resolved"}[action]
        return web.json_response({"status": "success", "message": "Event processed", "dedup_key": key}, status=202)

    def _errors(self, event: Json) -> list[str]:
        errors = []
        if event.get("routing_key") != self.routing_key:
            errors.append("'routing_key' is invalid")
        if event.get("event_action") not in ("trigger", "acknowledge", "resolve"):
            errors.append("'event_action' is invalid")
        if not event.get("dedup_key") or len(event["dedup_key"]) > 255:
            errors.append("'dedup_key' is missing, blank or too long")
        if event.get("event_action") == "trigger":
            payload = event.get("payload") or {}
            if not payload.get("summary") or len(payload["summary"]) > 1024:
                errors.append("'payload.summary' is missing, blank or too long")
            if not payload.get("source"):
                errors.append("'payload.source' is missing or blank")
            if payload.get("severity") not in _SEVERITIES:
                errors.append(
                    "'payload.severity' is invalid (must be one of the following: critical, warning, error, info)"
                )
        return errors

    async def _notify(self, request: web.Request) -> web.Response:
        if failure := self._failure():
            return failure
        self.notified.append(await request.json())
        return web.Response(text="ok")


@contextlib.asynccontextmanager
async def mail_server() -> AsyncIterator[tuple[str, list[EmailMessage]]]:
    """SMTP as far as one mail needs it: the address for NOTIFY_URLS, and what has arrived."""
    arrived: list[EmailMessage] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                raw = (await reader.readuntil(b"\r\n.\r\n"))[:-3].replace(b"\r\n..", b"\r\n.")
                arrived.append(message_from_bytes(raw, policy=policy.default))  # type: ignore[arg-type]
            writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"mailto://127.0.0.1:{port}?from=desk@example.com&to=night@example.com", arrived
    finally:
        server.close()
