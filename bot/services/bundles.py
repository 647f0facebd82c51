"""One message at a time to each place; what gathers meanwhile goes together, so that a burst keeps to a platform's pace.

A Telegram group takes 20 messages a minute: a thousand tickets one by one would need fifty minutes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from bot.errors import DeliveryError

MOST: Final = 50  # lines that fit into one message of either platform, with a button each
_FROM: Final = 3  # two go one by one: each with all its facts

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(eq=False, slots=True)
class _Waiting(Generic[Item, Result]):
    item: Item
    done: asyncio.Future[Result]


@dataclass(slots=True)
class _Box(Generic[Item, Result]):
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: list[_Waiting[Item, Result]] = field(default_factory=list)
    coming: dict[int, asyncio.Event] = field(default_factory=dict)  # announced, and neither here nor given up yet
    users: int = 0


class Bundles(Generic[Item, Result]):
    """`least`: so many are sent together, fewer one by one."""

    def __init__(self, *, least: int = _FROM, most: int = MOST) -> None:
        self._least, self._most = least, most
        self._boxes: dict[str, _Box[Item, Result]] = {}

    def expect(self, place: str, number: int) -> None:
        """An item of this number is on its way: whoever sends before it is here waits for it, so that what became due together
        goes together, in whatever order tasks wake. Each must come (`send`) or be given up (`settle`)."""
        self._boxes.setdefault(place, _Box()).coming[number] = asyncio.Event()

    def settle(self, place: str, number: int) -> None:
        """It has come, or will not come. Harmless where nobody expects it."""
        box = self._boxes.get(place)
        if box is None:
            return
        if event := box.coming.pop(number, None):
            event.set()
        self._forget(place, box)

    def _forget(self, place: str, box: _Box[Item, Result]) -> None:
        if not box.users and not box.coming:
            self._boxes.pop(place, None)

    async def send(
        self,
        place: str,
        item: Item,
        send: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        number: int | None = None,
    ) -> Result:
        """What `send` returned for this item; it gets the items to go in one message, in order. What it raises is raised for
        each of them. If whoever sends for others is cancelled, the others get a lost DeliveryError: it may have arrived.
        `number`: as announced by `expect`."""
        box = self._boxes.setdefault(place, _Box())
        mine: _Waiting[Item, Result] = _Waiting(item, asyncio.get_running_loop().create_future())
        box.waiting.append(mine)
        box.users += 1
        try:
            if number is not None:
                self.settle(place, number)
            async with box.turn:
                while not mine.done.done():
                    for event in list(box.coming.values()):  # of now: what is announced later waits for the next one
                        await event.wait()
                    await self._go(box, mine, send)
            return mine.done.result()
        finally:
            if mine in box.waiting:
                box.waiting.remove(mine)
            box.users -= 1
            self._forget(place, box)

    async def _go(
        self,
        box: _Box[Item, Result],
        mine: _Waiting[Item, Result],
        send: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
    ) -> None:
        together = box.waiting[: self._most]
        if len(together) < self._least:
            together = [mine]
        for each in together:
            box.waiting.remove(each)
        try:
            results = await send([each.item for each in together])
        except BaseException as fault:
            for each in together:
                if not each.done.done():
                    each.done.set_exception(_copy(fault))
                    each.done.exception()  # looked at, whether or not its owner still waits
            if not isinstance(fault, Exception):
                raise
            return
        for each, result in zip(together, results, strict=True):
            if not each.done.done():
                each.done.set_result(result)


def _copy(fault: BaseException) -> BaseException:
    """One exception must not be raised in many tasks at once."""
    if isinstance(fault, DeliveryError):
        return DeliveryError(fault.reason, retry_after_s=fault.retry_after_s, final=fault.final, lost=fault.lost)
    if isinstance(fault, Exception):
        return fault
    return DeliveryError("stopped", lost=True)
