"""Which replica leads. A short lease, renewed often: a killed leader is replaced within `lease_s`, and never are there two.

The holder stops believing in its lease `margin_s` before the database does, by its own steady clock, counted from before it asked:
so a slow answer, a stopped process or clocks that differ by less than the margin never make two leaders.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from bot.errors import QuotadeskError
from bot.ports import Clock, Store

LEASE_S = 30.0
MARGIN_S = 10.0
RENEW_S = 5.0


class Lead:
    """`owner` must differ between replicas."""

    def __init__(self, store: Store, clock: Clock, name: str, owner: str) -> None:
        self._store, self._clock, self._name, self._owner = store, clock, name, owner
        self._until = 0.0

    @property
    def held(self) -> bool:
        """For certain, now. Look again after anything that may have taken long."""
        return self._clock.monotonic() < self._until

    async def ask(self) -> bool:
        """Takes or renews it. Raises StoreError; then what was held runs out by itself."""
        asked = self._clock.monotonic()
        taken = await self._store.lead(self._name, self._owner, self._clock.now(), LEASE_S)
        self._until = asked + LEASE_S - MARGIN_S if taken else 0.0
        return self.held

    async def keep(self, gained: Callable[[], None]) -> None:
        """Renews until cancelled. `gained` is called where this replica begins to lead."""
        while True:
            before = self.held
            with suppress(QuotadeskError):  # a database that is away: the lease runs out, and the next turn asks again
                if await self.ask() and not before:
                    gained()
            await self._clock.sleep(RENEW_S)

    async def let_go(self) -> None:
        """Another replica may lead at once."""
        self._until = 0.0
        with suppress(QuotadeskError):
            await self._store.lead(self._name, self._owner, self._clock.now(), 0.0)
