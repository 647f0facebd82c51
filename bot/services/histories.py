"""Thin histories of accounts, kept at hand: loaded once, grown by every asking, and how fast their figures fall."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from bot.model.money import Reading, Runway
from bot.ports import Clock, Store, StoredReading
from bot.services import runway

log = logging.getLogger(__name__)

_PACE_S: Final = 900.0
_POINTS_MOST: Final = 2000

Asked = tuple[datetime, Sequence[Reading]]
"""When an account was asked, and what it told."""


@dataclass(slots=True)
class _Lines:
    lines: dict[runway.Series, list[runway.Point]] = field(default_factory=dict)
    paces: dict[runway.Series, runway.Pace] = field(default_factory=dict)
    paced_at: float | None = None


class Histories:
    """`recent` gives what was asked of an account in this process, which the store may not hold yet."""

    def __init__(self, store: Store, clock: Clock, timezone: str, recent: Callable[[str], Iterable[Asked]]) -> None:
        self._store, self._clock, self._timezone, self._recent = store, clock, timezone, recent
        self._known: dict[str, _Lines] = {}
        self._loading = asyncio.Lock()

    def grow(self, name: str, asked: Asked) -> None:
        """Nothing where the account's history was never wanted."""
        kept = self._known.get(name)
        if kept is None:
            return
        at, readings = asked
        entries = [StoredReading(name, at, reading) for reading in readings]
        for series, line in runway.points(entries).items():
            kept.lines[series] = runway.thin([*kept.lines.get(series, []), *line][-_POINTS_MOST:])

    async def load(self, names: Sequence[str]) -> None:
        """Accounts that were not looked at before, all in one query. Never raises: without history there is no runway."""
        async with self._loading:
            new = [name for name in names if name not in self._known]
            if not new:
                return
            try:
                stored = await self._store.sparse(new, runway.marks(self._clock.now(), self._timezone))
            except Exception:
                log.exception("history could not be read")
                return
            for name in new:
                self._known[name] = _Lines(runway.points(stored.get(name, ())))
                for asked in self._recent(name):
                    self.grow(name, asked)

    async def prepare(self, names: Sequence[str]) -> None:
        """History and paces, worked out while the accounts are being asked and not after."""
        await self.load(names)
        for name in names:
            if (kept := self._known.get(name)) is not None and self._stale(kept):
                self._repace(name, kept)
                await asyncio.sleep(0)

    def runway(self, name: str, readings: Sequence[Reading]) -> Runway:
        """From the history at hand. How fast a figure falls is worked out anew every quarter of an hour."""
        kept = self._known.get(name)
        if kept is None:
            return Runway(why="too_little_data")
        if self._stale(kept):
            self._repace(name, kept)
        return runway.at_pace(readings, kept.paces, self._clock.now(), self._timezone)

    def _stale(self, kept: _Lines) -> bool:
        return kept.paced_at is None or self._clock.monotonic() - kept.paced_at >= _PACE_S

    def _repace(self, name: str, kept: _Lines) -> None:
        now = self._clock.now()
        kept.paced_at = self._clock.monotonic()
        try:
            kept.paces = {series: runway.pace(line, now, self._timezone) for series, line in kept.lines.items()}
        except ArithmeticError:  # one account's odd history must not take the board from the others
            log.exception("the pace could not be worked out: %s", name)
            kept.paces = {}
