"""Runs due steps: claimed with a lease, tried again with back-off, finished once. Knows nothing of what they do."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from bot.errors import DeliveryError, QuotadeskError
from bot.model import trace
from bot.ports import Clock, DueStep, Store
from bot.services.bundles import Bundles

log = logging.getLogger("quotadesk.steps")

LOST = "lost"
RECORDED: Final = "recorded"  # what a job returns that has finished its step in the store itself
_UNCERTAIN = ("in_flight", LOST)
_LONGEST_PAUSE_S = 20.0
LONGEST_WAIT = timedelta(minutes=15)  # of a step that was put off, whatever a platform asks for
_FRESH_S = 1.0
_LOOK_FOR_DEAD_S = 2.0
_LONGEST_HOLD_S = 900.0  # a group at 20 messages a minute may keep a burst waiting so long


class Job(Protocol):
    """What a kind of step does."""

    async def run(self, step: DueStep) -> str:
        """Returns a word for the record. Raises DeliveryError: final ones go to `failed`, others are tried again."""

    async def failed(self, step: DueStep, why: str) -> None:
        """It will not be tried again."""


class Gathering(Protocol):
    """What wants to know which steps came due together. Each announced one is settled once, when it has been run or put off."""

    def expect(self, steps: Sequence[DueStep]) -> None:
        """These were claimed together and will run soon."""

    def settle(self, step: DueStep) -> None:
        """This one is over, however it ended: nobody waits for it."""


def maybe_twice(step: DueStep) -> bool:
    """An earlier try may have arrived: whoever held it vanished, or the answer was lost."""
    return step.why.startswith(_UNCERTAIN)


@dataclass(slots=True)
class _Lane:
    """One place to send to. While it fails, its steps wait together and the other lanes go on."""

    failures: int = 0
    until: float = 0.0  # monotonic: a clock that jumps must not hold a platform for hours


@dataclass(slots=True)
class _Round:
    """Something done every `seconds` by whichever replica comes first."""

    name: str
    seconds: float
    run: Callable[[], Awaitable[None]]
    at: datetime | None = None


@dataclass(slots=True)
class Counts:
    """For the metrics: how often, since start."""

    done: int = 0
    retried: int = 0
    given_up: int = 0
    broken: int = 0
    last_pass_at: datetime | None = None
    results: dict[str, int] = field(default_factory=dict)


class StepRunner:
    """`owner` must differ between replicas. A lease outlives `lease_s` only while this object renews it, so a step of a killed
    process is free again after that time; at once where `gone` knows its owner to be dead."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        owner: str = "",
        lease_s: float = 20.0,
        limit: int = 200,
        most: int = 600,
        gone: Callable[[str], bool] | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._owner = owner or f"{os.getpid()}-{secrets.token_hex(4)}"
        self._lease_s = lease_s
        self._gone = gone
        self._limit = limit
        self._most = most
        self._jobs: dict[str, Job] = {}
        self._gathering: list[Gathering] = []
        self._finishing: Bundles[tuple[int, str], None] = Bundles(least=1, most=200)
        self._delaying: Bundles[tuple[int, datetime, str], None] = Bundles(least=1, most=200)
        self._lanes: dict[str, _Lane] = {}
        self._rounds: list[_Round] = []
        if gone is not None:
            self.every("inherit", _LOOK_FOR_DEAD_S, self._inherit)
        self._said: dict[tuple[str, str], float] = {}
        self._held: dict[int, asyncio.Task[None]] = {}
        self._held_since: dict[int, float] = {}
        self._wake: asyncio.Event | None = None
        self.counts = Counts()
        self.around: Callable[[DueStep], AbstractContextManager[None]] = lambda step: nullcontext()

    def serve(self, kind: str, job: Job) -> None:
        """Who does the steps of this kind."""
        self._jobs[kind] = job

    def tell_claims(self, to: Gathering) -> None:
        """Hears of claimed steps before they run, to send together what came due together."""
        self._gathering.append(to)

    def every(self, name: str, seconds: float, run: Callable[[], Awaitable[None]]) -> None:
        """Done once in so many seconds, by whichever replica comes first."""
        self._rounds.append(_Round(name, seconds, run))

    def wake(self) -> None:
        """Something is due now: do not wait for the next look."""
        if self._wake is not None:
            self._wake.set()

    # --- one pass

    async def run_due(self) -> int:
        """Everything that is due now, to its end; what comes due by it as well. How many steps were run."""
        ran = 0
        for _ in range(1000):
            await self._rounds_now()
            steps = await self._claim()
            if not steps:
                break
            self._expect(steps)
            await asyncio.gather(*(self._one(step) for step in steps))
            ran += len(steps)
        return ran

    async def _claim(self) -> list[DueStep]:
        # What has just begun may end in a moment: a few at a time, so that a kill finds few sent and not yet recorded. What
        # waits longer for a platform's turn does not hold the others up.
        fresh = sum(self._clock.monotonic() - since < _FRESH_S for since in self._held_since.values())
        room = min(self._limit - fresh, self._most - len(self._held))
        now = self._clock.now()
        self.counts.last_pass_at = now
        if room <= 0:
            return []
        return await self._store.claim_steps(now, self._owner, self._lease_s, room)

    def _expect(self, steps: Sequence[DueStep]) -> None:
        for each in self._gathering:
            each.expect(steps)

    async def _one(self, step: DueStep) -> None:
        """Never raises: what cannot even be recorded is claimed again when its lease ends."""
        try:
            await self._tried(step)
        except QuotadeskError as fault:
            log.warning("step %s could not be recorded: %s", step.key, fault)
            self.counts.broken += 1
        except Exception:
            log.exception("step %s broke", step.key)
            self.counts.broken += 1
            await self._put_off(step, "broken", min(300.0, 5.0 * 2**step.attempts))
        finally:
            self._settle(step)

    def _settle(self, step: DueStep) -> None:
        for each in self._gathering:
            each.settle(step)

    async def _tried(self, step: DueStep) -> None:
        job = self._jobs.get(step.kind)
        if job is None:  # another version of the program made it; one that knows it may come
            await self._put_off(step, "unknown_kind", 60.0)
            return
        name = str(step.payload.get("lane") or step.kind)
        lane = self._lanes.setdefault(name, _Lane())
        pause = lane.until - self._clock.monotonic()
        if pause > 0:
            self._settle(step)  # before it is stored: others need not wait for that
            await self._put_off(step, step.why if step.why else "waiting", pause + random.uniform(0, 0.5), quiet=True)
            return
        trace.enter(step.payload.get("trace"))
        try:
            with self.around(step):
                result = await job.run(step)
        except DeliveryError as fault:
            await self._refused(step, job, lane, fault)
            return
        lane.failures, lane.until = 0, 0.0
        if result == RECORDED:
            result = "done"
        else:
            await self._finish(step, result)
        self.counts.done += 1
        log.info("step %s: %s", step.key, result)
        self.counts.results[result] = self.counts.results.get(result, 0) + 1

    async def _refused(self, step: DueStep, job: Job, lane: _Lane, fault: DeliveryError) -> None:
        if fault.final:
            await job.failed(step, fault.reason)
            await self._finish(step, f"failed: {fault.reason}")
            self.counts.given_up += 1
            return
        if lane.until <= self._clock.monotonic():  # else it is the same outage as a moment ago
            lane.failures += 1
        pause = fault.retry_after_s
        if pause is None:
            pause = min(_LONGEST_PAUSE_S, 2.0 ** min(lane.failures - 1, 10)) * random.uniform(0.8, 1.2)
        lane.until = self._clock.monotonic() + pause
        uncertain = fault.lost or maybe_twice(step)
        await self._put_off(step, f"{LOST}: {fault.reason}" if uncertain else fault.reason, pause)

    async def _put_off(self, step: DueStep, why: str, seconds: float, *, quiet: bool = False) -> None:
        wait = min(timedelta(seconds=seconds), LONGEST_WAIT)
        await self._delaying.send("", (step.id, self._clock.now() + wait, why), self._delay_many)
        if quiet:
            return
        self.counts.retried += 1
        said = (str(step.payload.get("lane") or step.key), why)
        if self._said.get(said, 0.0) < self._clock.monotonic():  # once for all that wait for the same place
            self._said = {each: until for each, until in self._said.items() if until >= self._clock.monotonic()}
            self._said[said] = self._clock.monotonic() + _FRESH_S
            log.warning("step %s is put off by %.0f s: %s", step.key, seconds, why)

    async def _finish(self, step: DueStep, result: str) -> None:
        await self._finishing.send("", (step.id, result), self._finish_many)

    async def _finish_many(self, done: Sequence[tuple[int, str]]) -> list[None]:
        """Whatever ends while the database is busy with an earlier record is one transaction."""
        await self._store.finish_steps(done, self._clock.now())
        return [None] * len(done)

    async def _delay_many(self, waiting: Sequence[tuple[int, datetime, str]]) -> list[None]:
        await self._store.retry_steps(waiting)
        return [None] * len(waiting)

    async def _rounds_now(self) -> None:
        now = self._clock.now()
        for one in self._rounds:
            # A clock that jumped back must not stop the rounds.
            if one.at is not None and timedelta(0) <= now - one.at < timedelta(seconds=one.seconds):
                continue
            one.at = now
            try:
                await one.run()
            except QuotadeskError as fault:
                log.warning("round %s failed: %s", one.name, fault)
            except Exception:
                log.exception("round %s broke", one.name)

    # --- for ever

    async def run_forever(self) -> None:
        """Until cancelled; then what is being sent is given a few seconds to end."""
        self._wake = asyncio.Event()
        keeper = asyncio.create_task(self._keep_leases(), name="step leases")
        try:
            while True:
                started = await self._start_due()
                if not started:
                    await self._rest()
        finally:
            keeper.cancel()
            if self._held:
                await asyncio.wait(self._held.values(), timeout=8)
            for task in self._held.values():
                task.cancel()

    async def _start_due(self) -> int:
        try:
            await self._rounds_now()
            steps = await self._claim()
        except QuotadeskError as fault:
            log.warning("due steps cannot be read: %s", fault)
            return 0
        except Exception:
            log.exception("due steps cannot be read")
            return 0
        # One of ours whose lease ran out because the database was slow: it is under way, and now leased again.
        steps = [step for step in steps if step.id not in self._held]
        self._expect(steps)
        for step in steps:
            task = asyncio.create_task(self._one(step), name=f"step {step.key}")
            self._held[step.id] = task
            self._held_since[step.id] = self._clock.monotonic()
            task.add_done_callback(lambda _, id=step.id: self._let_go(id))  # type: ignore[misc]
        return len(steps)

    def _let_go(self, id: int) -> None:
        del self._held[id], self._held_since[id]
        if self._wake is not None:
            self._wake.set()

    async def _rest(self) -> None:
        if self._wake is None:
            return
        waits = [asyncio.ensure_future(self._wake.wait()), asyncio.ensure_future(self._clock.sleep(0.5))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._wake.clear()

    async def _inherit(self) -> None:
        """Steps of a process that was killed here need not wait for the end of its leases."""
        if self._gone is not None and (freed := await self._store.let_go(self._gone, self._clock.now())):
            log.info("%d steps of a replica that has stopped are free", freed)

    async def _keep_leases(self) -> None:
        while True:
            await self._clock.sleep(self._lease_s / 3)
            now = self._clock.monotonic()
            for id, since in self._held_since.items():
                if now - since > _LONGEST_HOLD_S:
                    log.error("a step was held for %.0f s and is let go", now - since)
                    self._held[id].cancel()
            if not self._held:
                continue
            try:
                until = self._clock.now() + timedelta(seconds=self._lease_s)
                await self._store.renew_steps(list(self._held), self._owner, until)
            except QuotadeskError as fault:
                log.warning("leases could not be renewed: %s", fault)
