"""Deliveries are repeated: by the platform when an answer was late, and by whoever replays one. Each is answered once."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from bot.ports import Clock

_SEEN: Final = 5_000


class Memory(Protocol):
    """What of the store remembers deliveries, for all replicas."""

    async def first_time(self, key: str, at: datetime) -> bool: ...


class Once:
    """`counts`: where `duplicates` are counted. `broken`: told the fault of a store that does not answer."""

    def __init__(self, memory: Memory, clock: Clock, counts: Counter[str], broken: Callable[[Exception], None]) -> None:
        self._memory, self._clock, self._counts, self._broken = memory, clock, counts, broken
        self._seen: OrderedDict[str, None] = OrderedDict()

    async def first(self, key: str) -> bool:
        """Whether a delivery is seen for the first time, by any replica. True as well where the store does not answer: twice is
        better than never."""
        if key in self._seen:
            self._counts["duplicates"] += 1
            return False
        self._seen[key] = None
        while len(self._seen) > _SEEN:
            self._seen.popitem(last=False)
        try:
            first = await self._memory.first_time(key, self._clock.now())
        except Exception as fault:  # an answer given twice is better than none
            self._broken(fault)
            return True
        self._counts["duplicates"] += not first
        return first
