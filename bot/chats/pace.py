"""One queue per chat, at the platform's pace.

    pace = Pace(SLACK, clock)
    ref = await pace.run("C0SUPPORT", lambda: send(...), urgent=True)

Messages of one chat go out one after the other, in the order asked, urgent ones first. A chat that the platform told to wait
(DeliveryError `rate_limited` with `retry_after_s`) waits alone: other chats go on. Nothing is dropped: what cannot be sent
within the caller's patience is raised as the same DeliveryError, with the seconds that are left.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import field
from typing import Any, Final, TypeVar

from bot.errors import DeliveryError
from bot.model.values import dataclass
from bot.ports import Clock
from bot.ports.departure import Before, before_departure

T = TypeVar("T")

RATE_LIMITED: Final = "rate_limited"  # DeliveryError.reason of a refusal that names its seconds
_KEPT_CHATS: Final = 2_000
_STORED_WAITS_S: Final = 5.0  # here, for its turn; longer, where it is stored


@dataclass(frozen=True, slots=True)
class Rates:
    """`every_s`: steady seconds between two messages of one chat; `burst` may go at once after a rest.
    `group_per_minute`: messages per sliding minute in one group. `overall_per_s`: all chats together."""

    every_s: float = 1.0
    burst: int = 3
    group_per_minute: int | None = None
    overall_per_s: int | None = None


SLACK: Final = Rates(every_s=1.0, burst=3)
TELEGRAM: Final = Rates(every_s=1.0, burst=3, group_per_minute=20, overall_per_s=30)


@dataclass(order=True, slots=True)
class _Job:
    rank: tuple[int, int]  # urgent first, then first come
    send: Callable[[], Awaitable[Any]] = field(compare=False)
    done: asyncio.Future[Any] = field(compare=False)
    deadline: float = field(compare=False)
    group: bool = field(compare=False, default=False)
    before: Before | None = field(compare=False, default=None)


@dataclass(slots=True)
class _Lane:
    """One chat. `free_at` is the moment of a leaky bucket: a message may go while it is at most `burst - 1` steps ahead.
    `minute`: when it was written to, where a minute has a limit. `worker` while there is work: a task that is done would keep all that
    its context holds, and thousands of chats are kept."""

    jobs: list[_Job] = field(default_factory=list)
    free_at: float = 0.0
    held_until: float = 0.0
    minute: list[float] = field(default_factory=list)
    worker: asyncio.Task[None] | None = None


async def _sent(job: _Job) -> Any:
    if job.before is not None:
        await job.before()
    return await job.send()


class Pace:
    """`patience_s`: how long a message may be kept waiting by refusals before its caller is told. One per platform."""

    def __init__(self, rates: Rates, clock: Clock, *, patience_s: float = 120.0) -> None:
        self._rates, self._clock, self._patience_s = rates, clock, patience_s
        self._lanes: dict[str, _Lane] = {}
        self._order = itertools.count()
        self._overall = 0.0
        self._overall_wait: list[tuple[tuple[int, int], asyncio.Future[None]]] = []
        self._dispenser: asyncio.Task[None] | None = None
        self._forget_at = _KEPT_CHATS
        self.refusals = 0  # how often a platform told a chat to wait, for the metrics

    async def run(self, chat: str, send: Callable[[], Awaitable[T]], *, group: bool = False, urgent: bool = False) -> T:
        """Waits for the chat's turn, sends, and returns what `send` returned. `send` raises DeliveryError("rate_limited",
        retry_after_s=s) to be tried again after `s`; whatever else it raises is the caller's. A caller that is cancelled
        while waiting leaves the queue. Within `ports.departing` a refusal is raised at once."""
        lane, before = self._lane(chat), before_departure()
        if before is not None and (wait := self._wait(lane, group)) > _STORED_WAITS_S:
            raise DeliveryError(RATE_LIMITED, retry_after_s=wait)  # a lease and a place in memory are not for waiting
        job = _Job(
            (0 if urgent else 1, next(self._order)),
            send,
            asyncio.get_running_loop().create_future(),
            self._clock.monotonic() + self._patience_s,
            group,
            before,
        )
        heapq.heappush(lane.jobs, job)
        if lane.worker is None or lane.worker.done():
            lane.worker = asyncio.create_task(self._work(lane), name=f"pace {chat}")
        result: T = await job.done
        return result

    @asynccontextmanager
    async def slot(self, chat: str, *, group: bool = False, urgent: bool = False) -> AsyncIterator[None]:
        """The same turn as a context: the chat's next message waits until the block ends. A refusal inside is not tried
        again here, but its seconds are kept for those behind it."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def hold() -> None:
            turn.set_result(None)
            await over

        holder = asyncio.create_task(self.run(chat, hold, group=group, urgent=urgent))
        try:
            await turn
            yield
        except DeliveryError as fault:
            if fault.reason == RATE_LIMITED and fault.retry_after_s is not None:
                self.hold(chat, fault.retry_after_s)
            raise
        finally:
            if not over.done():
                over.set_result(None)
            if not turn.done():
                holder.cancel()
            await asyncio.gather(holder, return_exceptions=True)

    def hold(self, chat: str, seconds: float) -> None:
        """Nothing goes to this chat for so long; others are not touched."""
        lane = self._lane(chat)
        lane.held_until = max(lane.held_until, self._clock.monotonic() + seconds)
        self.refusals += 1

    def wait_s(self, chat: str, *, group: bool = False) -> float:
        """About how long a new ordinary message would wait now: worth telling the person when it is long."""
        lane = self._lanes.get(chat)
        if lane is None:
            return 0.0
        return self._wait(lane, group) + len(lane.jobs) * self._rates.every_s

    async def close(self) -> None:
        """Stops the queues; whoever still waits is cancelled."""
        tasks = [lane.worker for lane in self._lanes.values() if lane.worker is not None]
        tasks += [self._dispenser] if self._dispenser is not None else []
        for lane in self._lanes.values():
            for job in lane.jobs:
                job.done.cancel()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def waiting(self) -> int:
        """How many messages stand in all queues."""
        return sum(len(lane.jobs) for lane in self._lanes.values())

    # --- one chat

    def _lane(self, chat: str) -> _Lane:
        if (lane := self._lanes.get(chat)) is None:
            lane = self._lanes[chat] = _Lane()
        return lane

    def _wait(self, lane: _Lane, group: bool) -> float:
        now = self._clock.monotonic()
        until = max(lane.held_until, lane.free_at - (self._rates.burst - 1) * self._rates.every_s)
        if group and self._rates.group_per_minute is not None:
            while lane.minute and lane.minute[0] <= now - 60:
                del lane.minute[0]
            if len(lane.minute) >= self._rates.group_per_minute:
                until = max(until, lane.minute[-self._rates.group_per_minute] + 60)
        return max(0.0, until - now)

    async def _work(self, lane: _Lane) -> None:
        while lane.jobs:
            if lane.jobs[0].done.done():  # the caller was cancelled
                heapq.heappop(lane.jobs)
                continue
            if (wait := self._wait(lane, lane.jobs[0].group)) > 0:
                await self._clock.sleep(wait)
                continue  # an urgent one may have come meanwhile
            if self._rates.overall_per_s is not None:
                await self._overall_turn(lane.jobs[0].rank)
            job = heapq.heappop(lane.jobs)
            if not job.done.done():
                await self._send(lane, job)
        lane.worker = None
        self._forget()

    async def _send(self, lane: _Lane, job: _Job) -> None:
        now = self._clock.monotonic()
        lane.free_at = max(lane.free_at, now) + self._rates.every_s
        if self._rates.group_per_minute is not None:
            lane.minute.append(now)
            del lane.minute[:-60]
        sending = asyncio.ensure_future(_sent(job))
        # A caller who gives up also stops the call on the wire: the queue must not wait for an answer nobody reads.
        job.done.add_done_callback(lambda done: sending.cancel() if done.cancelled() else None)
        try:
            result = await sending
        except DeliveryError as fault:
            if fault.reason == RATE_LIMITED and fault.retry_after_s is not None:
                lane.held_until = max(lane.held_until, self._clock.monotonic() + fault.retry_after_s)
                self.refusals += 1
                if job.before is None and lane.held_until <= job.deadline and not job.done.done():
                    heapq.heappush(lane.jobs, job)  # keeps its place in the order
                    return
            if not job.done.done():
                job.done.set_exception(fault)
        except asyncio.CancelledError:
            if not job.done.cancelled():
                job.done.cancel()
                raise
        except Exception as fault:  # whatever it is, it belongs to the caller and must not stop the queue
            if not job.done.done():
                job.done.set_exception(fault)
        else:
            if not job.done.done():
                job.done.set_result(result)

    def _forget(self) -> None:
        """Chats at rest need no memory; a bot that lives for months meets many."""
        if len(self._lanes) <= self._forget_at:
            return
        now = self._clock.monotonic() - 60
        for chat, lane in list(self._lanes.items()):
            if not lane.jobs and max(lane.free_at, lane.held_until) < now:
                del self._lanes[chat]
        # Not at every message of a minute in which thousands wrote: each look walks over all of them.
        self._forget_at = max(_KEPT_CHATS, 2 * len(self._lanes))

    # --- all chats together

    async def _overall_turn(self, rank: tuple[int, int]) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._overall_wait, (rank, turn))
        if self._dispenser is None or self._dispenser.done():
            self._dispenser = asyncio.create_task(self._dispense(), name="pace overall")
        await turn

    async def _dispense(self) -> None:
        rate = self._rates.overall_per_s or 1
        step = 1 / rate
        while self._overall_wait:
            now = self._clock.monotonic()
            wait = self._overall - (rate - 1) * step - now  # a rested bot may send one second's worth at once
            if wait > 1e-9:
                await self._clock.sleep(wait)
                continue
            _, turn = heapq.heappop(self._overall_wait)
            if turn.done():
                continue
            self._overall = max(self._overall, now) + step
            turn.set_result(None)
