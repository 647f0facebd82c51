"""`POST /v1/errors` and `POST /v1/alertmanager`: what programs report by HTTP.

Who may: programs of `[reports]` in the team file, each with a bearer token of its own, read by reference at every request. The body
is read only after the token and the rate were found good. Answers are JSON and quote nothing of what was sent.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import hdrs, web

from bot.errors import QuotadeskError, StoreError
from bot.model.chat import CleanText, Found
from bot.model.engine import Engine
from bot.model.report import Outside, Report, Taken
from bot.model.team import Reporter
from bot.ports import Clock, Intake, Keys

log = logging.getLogger("quotadesk.programs")

BODY_MOST: Final = 262_144  # bytes
ITEMS_MOST: Final = 100
ALERTS_MOST: Final = 200
TEXT_MOST: Final = 30_000  # characters of one error; of a longer one both ends are read
TOKEN_LEAST: Final = 16
_URGENT: Final = ("critical", "page", "emergency")
_SAID: Final = ("summary", "title", "description", "message")
_TOLD: Final = ("job", "service", "instance", "namespace", "pod")

Clean = Callable[[str], tuple[CleanText, Found]]


class BadBody(ValueError):
    """One sentence for the sender: what is wrong and how it has to be."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Programs:
    """`took` gets what became of errors; `heard` the kind of request and its end: `taken`, `refused`, `limited`, `too_large`, `bad`,
    `failed`."""

    def __init__(
        self,
        reporters: Mapping[str, Reporter],
        engines: Mapping[str, Engine],
        keys: Keys,
        intake: Intake,
        clean: Clean,
        clock: Clock,
        heard: Callable[[str, str], None] = lambda kind, result: None,
        took: Callable[[Sequence[Taken]], None] = lambda taken: None,
    ) -> None:
        self._reporters, self._keys, self._intake = reporters, keys, intake
        self._clean, self._clock, self._heard, self._took = clean, clock, heard, took
        self._engines = {
            _plain(word): e.name for e in engines.values() for word in (e.env_prefix, e.title, e.name) if word
        }
        self._buckets: dict[str, _Bucket] = {}

    async def errors(self, request: web.Request) -> web.Response:
        """202 with the verdict's and the ticket's number; a list is answered by a list under `results`."""

        async def take(reporter: Reporter, body: Any) -> tuple[int, dict[str, Any]]:
            single = isinstance(body, dict)
            items = self._items([body] if single else body, reporter)
            cleaned = await asyncio.to_thread(self._cleaned, items, reporter.name)
            taken = await self._intake.take(cleaned)
            self._took(taken)
            rows = [_row(one) for one in taken]
            return 202, rows[0] if single else {"results": rows}

        return await self._answer("errors", request, take)

    async def alertmanager(self, request: web.Request) -> web.Response:
        """202 with the ticket of each alert, in order."""

        async def take(reporter: Reporter, body: Any) -> tuple[int, dict[str, Any]]:
            alerts = await asyncio.to_thread(self._alerts, body, reporter)
            tickets = await self._intake.alerts(alerts)
            rows = [{"fingerprint": a.fingerprint, "ticket": t} for a, t in zip(alerts, tickets, strict=True)]
            return 202, {"results": rows}

        return await self._answer("alertmanager", request, take)

    # --- one request

    async def _answer(self, kind: str, request: web.Request, take: Any) -> web.Response:
        reporter = self._who(request.headers.get(hdrs.AUTHORIZATION, ""))
        if reporter is None:
            self._heard(kind, "refused")
            why = "The bearer token is missing or not known: send Authorization: Bearer with the token of this program."
            return _said(401, why, {hdrs.WWW_AUTHENTICATE: "Bearer"})
        wait = self._wait(reporter)
        if wait:
            self._heard(kind, "limited")
            why = f"More than {reporter.per_minute} requests a minute: send several errors in one list, or later."
            return _said(429, why, {hdrs.RETRY_AFTER: str(wait)})
        raw = await _read(request)
        if raw is None:
            self._heard(kind, "too_large")
            return _said(413, f"The body has more than {BODY_MOST} bytes: send fewer or shorter errors.")
        try:
            status, answer = await take(reporter, _json(raw))
        except BadBody as fault:
            self._heard(kind, "bad")
            return _said(400, str(fault))
        except QuotadeskError as fault:
            log.warning("what %s reported could not be kept: %s", reporter.name, fault)
            self._heard(kind, "failed")
            reason = fault.reason if isinstance(fault, StoreError) else "busy"
            return _said(503, f"Nothing was kept ({reason}): send it again.", {hdrs.RETRY_AFTER: "5"})
        self._heard(kind, "taken")
        return web.json_response(answer, status=status)

    def _who(self, header: str) -> Reporter | None:
        """Every token is compared, in constant time, whichever fits."""
        scheme, _, token = header.partition(" ")
        given = _digest(token.strip()) if scheme.lower() == "bearer" else b""
        found = None
        for reporter in self._reporters.values():
            try:
                secret = self._keys.read(reporter.key)
            except QuotadeskError as fault:
                log.warning("the token of [reports.%s] cannot be read: %s", reporter.name, fault)
                continue
            if secret is None or len(secret.reveal()) < TOKEN_LEAST:
                continue
            if hmac.compare_digest(_digest(secret.reveal()), given):
                found = reporter
        return found

    def _wait(self, reporter: Reporter) -> int:
        """Seconds until this program may come again; 0 if now. A minute's share may come at once."""
        now, most = self._clock.monotonic(), float(reporter.per_minute)
        bucket = self._buckets.setdefault(reporter.name, _Bucket(most, now))
        bucket.left = min(most, bucket.left + (now - bucket.at) * most / 60.0)
        bucket.at = now
        if bucket.left < 1.0:
            return max(1, math.ceil((1.0 - bucket.left) * 60.0 / most))
        bucket.left -= 1.0
        return 0

    # --- bodies

    def _items(self, items: Any, reporter: Reporter) -> list[tuple[str, str | None, datetime | None]]:
        """Raw text, engine, time."""
        if not isinstance(items, list):
            raise BadBody('The body is a JSON object like {"text": "…"}, or a list of them.')
        if not 1 <= len(items) <= ITEMS_MOST:
            raise BadBody(f"A list holds 1 to {ITEMS_MOST} errors.")
        out = []
        for place, item in enumerate(items):
            where = f"item {place}: " if len(items) > 1 else ""
            if not isinstance(item, dict):
                raise BadBody(f'{where}An error is an object like {{"text": "…", "engine": "…", "time": "…"}}.')
            text = item.get("text")
            if not isinstance(text, str) or not text.strip():
                raise BadBody(f'{where}"text" is the error as it was written, and not empty.')
            at, engine = _time(item.get("time"), where), self._engine(item.get("engine"), where) or reporter.engine
            out.append((_ends(text), engine, at))
        return out

    def _engine(self, value: Any, where: str) -> str | None:
        if value is None or value == "":
            return None
        name = self._engines.get(_plain(value)) if isinstance(value, str) else None
        if name is None:
            known = ", ".join(sorted(set(self._engines.values()))) or "none"
            raise BadBody(f'{where}"engine" is no engine of the team file. Known: {known}.')
        return name

    def _cleaned(self, items: Sequence[tuple[str, str | None, datetime | None]], source: str) -> list[Report]:
        out = []
        for raw, engine, at in items:
            text, found = self._clean(raw)
            out.append(Report(text, source, engine, at, found, sure=True))
        return out

    def _alerts(self, body: Any, reporter: Reporter) -> list[Outside]:
        if not isinstance(body, dict) or not isinstance(body.get("alerts"), list):
            raise BadBody(
                'The body is an Alertmanager notification: an object with "version": "4" and a list "alerts".'
            )
        if body.get("version") != "4":
            raise BadBody('"version" is "4": this is the only form of Alertmanager notifications that is known here.')
        if len(body["alerts"]) > ALERTS_MOST:
            raise BadBody(f'"alerts" holds at most {ALERTS_MOST}: set max_alerts of the webhook.')
        return [self._alert(one, place, reporter) for place, one in enumerate(body["alerts"])]

    def _alert(self, alert: Any, place: int, reporter: Reporter) -> Outside:
        if not isinstance(alert, dict) or alert.get("status") not in ("firing", "resolved"):
            raise BadBody(f'alert {place}: "status" is "firing" or "resolved".')
        fingerprint = alert.get("fingerprint")
        if not isinstance(fingerprint, str) or not fingerprint:
            raise BadBody(f'alert {place}: "fingerprint" is missing.')
        labels, notes = _texts(alert.get("labels")), _texts(alert.get("annotations"))
        name, found = self._clean(labels.get("alertname", "alert")[:200])
        said = [notes[key] for key in _SAID if notes.get(key)]
        told = ", ".join(f"{key}={labels[key]}" for key in _TOLD if labels.get(key))
        text, more = self._clean(
            _ends("\n".join([f"{name.text}: {said[0]}" if said else name.text, *said[1:], told]).strip())
        )
        return Outside(
            fingerprint=self._clean(fingerprint[:100])[0].text,
            firing=alert["status"] == "firing",
            name=name,
            text=text,
            engine=self._engines.get(_plain(labels.get("engine", ""))) or reporter.engine,
            urgent=labels.get("severity", "").lower() in _URGENT,
            started=str(alert.get("startsAt", ""))[:40],
            found=more or found,
        )


def _row(taken: Taken) -> dict[str, Any]:
    return {
        "verdict": taken.verdict,
        "cause": taken.cause.value if taken.cause else None,
        "engine": taken.engine,
        "ticket": taken.ticket,
        "new": taken.new,
    }


def _said(status: int, why: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response({"error": why}, status=status, headers=headers)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


async def _read(request: web.Request) -> bytes | None:
    """None where it is too large, without reading all of it."""
    if (request.content_length or 0) > BODY_MOST:
        return None
    parts, size = [], 0
    async for piece in request.content.iter_chunked(16_384):
        size += len(piece)
        if size > BODY_MOST:
            return None
        parts.append(piece)
    return b"".join(parts)


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise BadBody("The body is no JSON in UTF-8.") from None


def _time(value: Any, where: str) -> datetime | None:
    """ISO 8601 with its offset, or seconds since 1970."""
    if value is None or value == "":
        return None
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str) and (at := datetime.fromisoformat(value)).tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise BadBody(f'{where}"time" is like 2026-11-22T10:00:00+08:00, or seconds since 1970.')


def _texts(value: Any) -> dict[str, str]:
    return {str(k): v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else {}


def _ends(text: str) -> str:
    half = TEXT_MOST // 2
    return text if len(text) <= TEXT_MOST else f"{text[:half]} … {text[-half:]}"


def _plain(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())
