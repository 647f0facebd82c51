"""Many deliveries at once: first all are acknowledged, then they are answered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

FIRST_S: Final = 0.003  # a person alone does not notice it
BREATH_S: Final = 0.002
MANY: Final = 4  # so many more within one breath are a rush
RUSH_S: Final = 0.3


class Rush:
    """Knows how many deliveries are being acknowledged, so that answers wait until a burst has been."""

    def __init__(self) -> None:
        self._open = self._arrived = 0  # being acknowledged now; ever
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._breath: asyncio.Task[None] | None = None

    @contextmanager
    def acknowledging(self) -> Iterator[None]:
        """Around a delivery that is being acknowledged: work steps back for it."""
        self._open += 1
        self._arrived += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._open -= 1
            if not self._open:
                self._quiet.set()

    async def over(self) -> None:
        """Two hundred commands at once: first all are acknowledged, then they are answered. Nobody waits long for that."""
        try:
            async with asyncio.timeout(RUSH_S):
                # Those that arrive together are not all read yet. One breath for all of them: they go on at the same moment,
                # and so share one transaction.
                if self._breath is None or self._breath.done():
                    self._breath = asyncio.create_task(self._lull(), name="breath")
                await asyncio.shield(self._breath)
                await self._quiet.wait()
        except TimeoutError:
            pass

    async def _lull(self) -> None:
        """A moment, and more of them while deliveries pour in; whoever waits for it gives up after RUSH_S."""
        before = self._arrived
        await asyncio.sleep(FIRST_S)
        while self._arrived - before >= MANY:
            before = self._arrived
            await asyncio.sleep(BREATH_S)
