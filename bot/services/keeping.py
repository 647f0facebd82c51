"""What is older than the team wants to keep is taken out, a little at a time."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final, Protocol

from bot.model.team import Retention
from bot.ports import Clock

log = logging.getLogger("quotadesk.keeping")

BATCH: Final = 2_000
BATCHES: Final = 25  # of one kind in one round: deliveries wait for a round


class Pruned(Protocol):
    """As much of the store as `Keeping` needs."""

    async def prune(self, what: str, before: datetime, limit: int) -> int:
        """Takes out at most `limit` rows of readings, tickets (resolved), audit, sightings or steps (finished) that are older;
        how many it were."""


class Keeping:
    """Takes out what is older than the team keeps it, in small pieces."""

    EVERY_S: Final = 3_600.0

    def __init__(self, retention: Retention, store: Pruned, clock: Clock) -> None:
        self._retention, self._store, self._clock = retention, store, clock

    async def round(self) -> None:
        """Raises StoreError; the next round goes on where this one ended."""
        now, kept = self._clock.now(), self._retention
        for what, span in (
            ("readings", kept.readings),
            ("sightings", kept.sightings),
            ("tickets", kept.tickets),
            ("audit", kept.audit),
            ("steps", kept.sightings),
        ):
            gone = 0
            for _ in range(BATCHES):
                count = await self._store.prune(what, now - span, BATCH)
                gone += count
                if count < BATCH:
                    break
            if gone:
                log.info("%d old %s were taken out", gone, what)
