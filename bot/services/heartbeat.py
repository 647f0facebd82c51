"""Tells a watcher outside every minute that the bot is well, so that its silence tells somebody that the bot is not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from bot.errors import QuotadeskError
from bot.ports import Call, Clock, DueStep, Http, Store

log = logging.getLogger("quotadesk.heartbeat")

EVERY_S: Final = 60.0
_LEASE_S: Final = 100.0
_UNTOUCHED: Final = timedelta(minutes=2)  # due, and nobody holds it: the steps stand still
_UNSENT: Final = timedelta(minutes=5)


class Heartbeat:
    """`url` may hold a secret: it is never logged. `places`: the support chats. Only one replica at a time calls."""

    def __init__(self, url: str, http: Http, store: Store, clock: Clock, owner: str, places: Sequence[str]) -> None:
        self._url, self._http, self._store, self._clock = url, http, store, clock
        self._owner, self._places = owner, tuple(places)
        self._beating: asyncio.Task[None] | None = None
        self._fault = ""

    def faults(self) -> tuple[str, ...]:
        """What kept the last beat from going out; empty where it went out or another replica sends it."""
        return (f"heartbeat: {self._fault}",) if self._fault else ()

    async def round(self) -> None:
        """Starts a beat and does not wait for it: a slow watcher must not hold up the steps."""
        if self._beating is None or self._beating.done():
            self._beating = asyncio.create_task(self.beat(), name="heartbeat")

    async def beat(self) -> None:
        """Never raises."""
        try:
            if not await self._store.lead("heartbeat", self._owner, self._clock.now(), _LEASE_S):
                self._fault = ""
                return
            fault = await self._unwell() or await self._call()
        except QuotadeskError as refused:
            fault = str(getattr(refused, "reason", "") or refused)
        except Exception as broken:  # whatever is wrong: silence is what the watcher must see
            log.error("heartbeat broke: %s", type(broken).__name__)
            fault = "broken"
        if fault and fault != self._fault:
            log.warning("no heartbeat: %s", fault)
        self._fault = fault

    async def _unwell(self) -> str:
        """Machine word of what would keep a page from going out now; "" where all is well."""
        try:
            await self._store.ping()
        except Exception:
            return "database"
        now = self._clock.now()
        pending = await self._store.pending_steps()
        if any(step.due_at < now - _UNTOUCHED and not _held(step, now) for step in pending):
            return "steps_stand_still"
        behind = {str(step.payload.get("lane", "")) for step in pending if _meant_for(step) < now - _UNSENT}
        # One chat that is away is told in the others; with all of them away nobody is told but by the watcher.
        return "no_chat_reached" if self._places and behind.issuperset(self._places) else ""

    async def _call(self) -> str:
        answer = await self._http.ask(Call("GET", self._url))
        return "" if answer.status < 400 else f"http_{answer.status}"


def _held(step: DueStep, now: datetime) -> bool:
    return step.lease_until is not None and step.lease_until > now


def _meant_for(step: DueStep) -> datetime:
    return datetime.fromisoformat(str(step.payload["at"])) if "at" in step.payload else step.due_at
