"""Messages of the watch, from the moment they are owed until nothing in them can change: stored, posted, edited.

One fact in the store holds all that are alive. It is written before a message is sent and after each one that was, so a
crash repeats at most the one that was on its way.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from bot.errors import DeliveryError
from bot.model.alert import AlertEvent, AlertKind, Episode, Notice
from bot.ports import Clock, Speaker, Store
from bot.services.alert_book import notice_from_json, notice_to_json

log = logging.getLogger("quotadesk.watch")

NOTICES: Final = "watch:notices"
_UNSENT: Final = timedelta(hours=6)  # what could not be said for so long is not said any more
_JOIN: Final = timedelta(minutes=30)
_OLDEST: Final = timedelta(days=30)
_MOST: Final = 200


class Notices:
    """`holds`: places that asked for a pause, until when (monotonic); it outlives one pass."""

    def __init__(
        self, store: Store, clock: Clock, speaker: Speaker, places: Sequence[str], holds: dict[str, float]
    ) -> None:
        self._store, self._clock, self._speaker, self._places, self._holds = store, clock, speaker, places, holds
        self._alive: list[Notice] = []
        self._touched = False

    def load(self, kept: Sequence[Mapping[str, Any]]) -> None:
        """What the store kept of messages whose end has to be shown."""
        self._alive = [notice_from_json(one) for one in kept]

    # --- what changes

    def add(self, id: str, lines: tuple[AlertEvent, ...], now: datetime, *, digest: bool) -> None:
        """A new message; or more lines in the one that stands, for accounts that cannot be reached one after the other."""
        self._touched = True
        if all(line.kind is AlertKind.REACH and line.phase == "fire" for line in lines):
            for i, notice in enumerate(self._alive):
                alike = all(event.kind is AlertKind.REACH and event.phase == "fire" for event in notice.events)
                if alike and not notice.over and now - notice.at < _JOIN:
                    events = (*notice.events, *lines)
                    self._alive[i] = replace(notice, events=events, digest=len(events) > 1, dirty=tuple(notice.refs))
                    return
        self._alive.append(Notice(id, now, lines, digest))

    def mark(self, old: Episode, new: Episode, now: datetime) -> None:
        """Messages that stand already show the end (or that it came back)."""
        if old.open == new.open or not (old.told or new.told):
            return
        ended = None if new.open else now

        def marked(event: AlertEvent) -> AlertEvent:
            mine = event.id == new.id and event.phase not in ("clear", "info")
            return replace(event, ended=ended) if mine and (event.ended is None or new.open) else event

        for i, notice in enumerate(self._alive):
            events = tuple(map(marked, notice.events))
            if events != notice.events:
                self._alive[i] = replace(notice, events=events, dirty=tuple(notice.refs))
                self._touched = True

    async def keep(self) -> None:
        """Stores what changed; forgets what is told to its end."""
        if not self._touched:
            return
        now = self._clock.now()
        self._alive = [notice for notice in self._alive if not self._finished(notice, now)][-_MOST:]
        await self._store.set_fact(NOTICES, [notice_to_json(notice) for notice in self._alive], now)
        self._touched = False

    def _finished(self, notice: Notice, now: datetime) -> bool:
        age = now - notice.at
        if age > _OLDEST:
            return True
        if not notice.over or notice.dirty:
            return False
        owed = [place for place in self._places if place not in notice.refs and place not in notice.lost]
        return not owed or age > _UNSENT

    # --- sending

    async def deliver(self, leads: Callable[[], Awaitable[bool]]) -> None:
        """Posts and edits what is owed. `leads` is asked before each one: sending may take long, and another replica may
        have taken over meanwhile."""
        for notice in list(self._alive):
            for place in self._speaker.places():
                current = next((one for one in self._alive if one.id == notice.id), None)
                if current is None or not self._owed(current, place):
                    continue
                if not await leads():
                    return
                sent = await self._send(current, place)
                self._alive = [sent if one.id == sent.id else one for one in self._alive]
                await self.keep()
        await self.keep()

    def _owed(self, notice: Notice, place: str) -> bool:
        if self._holds.get(place, 0.0) > self._clock.monotonic() or place in notice.lost:
            return False
        if place in notice.refs:
            return place in notice.dirty
        said = all(event.phase in ("clear", "info") for event in notice.events)
        return (said or not notice.over) and self._clock.now() - notice.at <= _UNSENT

    async def _send(self, notice: Notice, place: str) -> Notice:
        now, ref = self._clock.now(), notice.refs.get(place)
        clean = tuple(other for other in notice.dirty if other != place)
        try:
            if ref is not None:
                await self._speaker.edit(ref, notice, now)
                self._touched = True
                return replace(notice, dirty=clean)
            made = await self._speaker.say(place, notice, now)
            self._touched = True
            return replace(notice, refs={**notice.refs, place: made})
        except DeliveryError as fault:
            log.warning("an alert could not be sent to %s: %s", place, fault.reason)
            if not fault.final:
                self._holds[place] = self._clock.monotonic() + (fault.retry_after_s or 60.0)
                return notice
        except Exception:  # said once too little, never again and again
            log.exception("an alert could not be worded or sent to %s", place)
        self._touched = True
        return replace(notice, dirty=clean) if ref else replace(notice, lost=(*notice.lost, place))
