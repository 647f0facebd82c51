"""The fallback chain of each engine: `off` tells, `ask` proposes, `auto` moves and says so. Breakers survive restarts.

`report` takes an observed failure, `observe` a balance that was asked anyway, `tick` lets time pass. Each returns what has to be
said, once: posting it where people are is the caller's. Nothing here sends a paid request, and nothing here ever asks a Warp
gateway for a completion or an identity.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from bot.errors import SwitchRefused
from bot.model.diagnosis import Cause, Proven
from bot.model.engine import Engine
from bot.model.money import AccountState, Reading, Status
from bot.model.team import Team
from bot.model.values import dataclass
from bot.ports import Clock, Store
from bot.services import breaker as rules
from bot.services.detective import BLOCKING_CAUSE
from bot.services.leaving import ITSELF, REST, cost_of
from bot.services.owed import Announcement
from bot.services.switching import Switching
from bot.services.target import Checker
from bot.services.unsaid import Unsaid

LOOK_AGAIN: Final = timedelta(minutes=5)


def _cause_of(stops: Sequence[Reading]) -> Cause:
    """Of readings that stop calls and name no date: money, unless nothing but a key's or a group's own limit does."""
    causes = {BLOCKING_CAUSE.get(r.kind, Cause.BALANCE_EXHAUSTED) for r in stops}
    alone = causes.pop() if len(causes) == 1 else Cause.BALANCE_EXHAUSTED
    return alone if alone in (Cause.KEY_LIMIT, Cause.GROUP_LIMIT) else Cause.BALANCE_EXHAUSTED


@dataclass(frozen=True, slots=True)
class _Heard:
    engine: str
    cause: Cause
    route: str | None
    retry_after_s: float | None
    look: bool = False  # only if the account really stops calls


class Fallback(Unsaid):
    """Moves an engine when its route is proved out, and back when it works again; asks first where the team said so."""

    def __init__(self, team: Team, switching: Switching, balances: Checker, store: Store, clock: Clock) -> None:
        super().__init__(team, switching, balances, store, clock)
        self.stirred = asyncio.Event()  # something was heard; set until it is listened to
        self._heard: deque[_Heard | tuple[AccountState, ...]] = deque(maxlen=1000)

    # --- what others notice; said at the next tick

    def note(self, engine: str, cause: Cause, *, route: str | None = None, retry_after_s: float | None = None) -> None:
        """A failure that was proved against live facts. Pasted text alone is no proof and must not come here."""
        self._heard.append(_Heard(engine, cause, route, retry_after_s))
        self.stirred.set()

    def proved(self, proven: Proven) -> None:
        """A diagnosis that was asked of the accounts. What only the pasted text says is left out: anybody can paste."""
        if proven.certainty == "proved" and proven.engine is not None and proven.route is not None:
            look = proven.cause is not Cause.AUTH_INVALID
            self._heard.append(_Heard(proven.engine, proven.cause, proven.route, None, look))
            self.stirred.set()

    def saw(self, states: tuple[AccountState, ...]) -> None:
        """Balances that the watch asked."""
        self._heard.append(states)
        self.stirred.set()

    async def listen(self) -> list[Announcement]:
        """Takes up only what was noted here. Every replica does it; letting time pass is for the one that leads."""
        self.stirred.clear()
        said: list[Announcement] = []
        while self._heard:
            heard = self._heard.popleft()
            if not isinstance(heard, _Heard):
                said += await self.observe(heard)
            elif heard.look and heard.route is not None:
                said += await self._looked(heard, heard.route)
            else:
                said += await self.report(
                    heard.engine, heard.cause, route=heard.route, retry_after_s=heard.retry_after_s
                )
        return said

    async def _looked(self, heard: _Heard, route: str) -> tuple[Announcement, ...]:
        """One figure at zero is a finding; only an account that stops calls takes its route out."""
        state = await self._balances.check(route, models=False)
        if state.status is not Status.OK or not state.blocked:
            return ()
        resets = [r.resets_at for r in state.readings if r.blocks and r.resets_at is not None]
        return await self.report(heard.engine, heard.cause, route=route, resets_at=min(resets, default=None))

    # --- what happens

    async def report(
        self,
        engine_name: str,
        cause: Cause,
        *,
        route: str | None = None,
        retry_after_s: float | None = None,
        resets_at: datetime | None = None,
    ) -> tuple[Announcement, ...]:
        """One observed failure of an engine. Without `route` it is the route that the engine's file names now."""
        engine = self._switching.engine(engine_name)
        current = await self._on(engine)
        route = route or current
        if route is None or route not in self._team.routes:
            return ()
        now = self._clock.now()
        before = await self.breaker(route)
        after = rules.after_failure(before, cause, now, retry_after_s=retry_after_s, resets_at=resets_at)
        if after.worth_leaving(now) and engine.name not in after.told and route == current:
            # Stored before anything moves: after a crash nobody is moved twice, and what is owed is still said.
            owed = await self._outbox.begin("leave", engine.name, route, after.cause)
            await self._keep(replace(after, told=(*after.told, engine.name)))
            return (await self._owe(owed, await self._leave(engine, route, after)),)
        if after != before:
            await self._keep(after)
        return ()

    async def observe(self, states: tuple[AccountState, ...]) -> tuple[Announcement, ...]:
        """Balances that were asked anyway: blocked accounts open breakers, proved recoveries close them."""
        said: list[Announcement] = []
        resting = {route for route, each in (await self._breakers()).items() if each.needs in ("balance", "reset")}
        for state in states:
            for route in state.routes:
                if state.status is not Status.OK:
                    continue
                if not state.blocked:
                    if route in resting:
                        said += await self._well(route)
                    continue
                for engine in self._team.engines.values():
                    if route in engine.routes and await self._on(engine) == route:
                        stops = [r for r in state.readings if r.blocks]
                        resets = [r.resets_at for r in stops if r.resets_at is not None]
                        cause = Cause.QUOTA_EXHAUSTED if resets else _cause_of(stops)
                        said += await self.report(engine.name, cause, route=route, resets_at=min(resets, default=None))
        return tuple(said)

    async def tick(self, leads: Callable[[], bool] = lambda: True) -> tuple[Announcement, ...]:
        """Takes up what was noted and lets time pass: looks at routes whose reset or next look is due, and takes engines
        back where that was wanted. Where `leads` says that another replica may lead by now, it stops there."""
        said = await self.listen()
        now = self._clock.now()
        for each in await self.out():
            if not leads():
                return tuple(said)
            if each.needs not in ("balance", "reset") or (each.until is not None and now < each.until):
                continue
            state = await self._balances.check(each.route, fresh=True, models=False)
            proved = state.status is Status.OK and not state.blocked
            # Where no balance is published, the end of the window is all the proof there can be.
            ended = (
                each.needs == "reset"
                and state.status is Status.NOT_OFFERED
                and (each.dated or (each.since is not None and now - each.since >= rules.A_DAY))
            )
            if proved or ended:
                said += await self._well(each.route)
            else:
                await self._keep(replace(each, until=now + LOOK_AGAIN))
        for engine in self._team.engines.values():
            if leads():
                said += await self._back(engine)
        return tuple(said)

    async def _well(self, route: str) -> list[Announcement]:
        before = await self.breaker(route)
        if before.needs not in ("balance", "reset"):
            return []
        engines = [engine for engine in self._team.engines.values() if route in engine.routes]
        # An engine that goes back by itself says so then: one message for one thing.
        told = bool(before.told) and not [e for e in engines if await self.returning(e.name) == route]
        said = []
        for e in engines[:1] if told else []:
            owed = await self._outbox.begin("well", e.name, route, before.cause)
            now_on = await self._on(e)
            said.append(await self._owe(owed, Announcement("recovered", e.name, e.title, route, now_on, before.cause)))
        await self._keep(rules.closed(before))
        return said

    # --- going back

    async def _back(self, engine: Engine) -> list[Announcement]:
        wanted = await self.returning(engine.name)
        if wanted is None or wanted not in engine.routes:
            return []
        current = (await self._switching.standing(engine)).route
        if current == wanted:
            await self.stay(engine.name)
            return []
        now = self._clock.now()
        last = await self._store.get_fact(f"moved:{engine.name}")
        if (last and now - datetime.fromisoformat(last) < REST) or (await self.breaker(wanted)).open(now):
            return []
        looked = await self._store.get_fact(f"looked:{engine.name}")
        if looked and now - datetime.fromisoformat(looked) < LOOK_AGAIN:
            return []
        await self._store.set_fact(f"looked:{engine.name}", now.isoformat(), now)
        try:
            plan = await self._switching.plan(engine.name, wanted, by=ITSELF)
        except SwitchRefused:
            return []
        if not plan.possible or not any(check.ok for check in plan.checks if check.name in ("balance", "models")):
            return []
        owed = await self._outbox.begin("back", engine.name, wanted)
        done = await self._move(engine, wanted)
        if done is None:
            said = Announcement("ask", engine.name, engine.title, current, wanted, plan=plan, asks="failed")
        else:
            cost = cost_of(plan)
            said = Announcement("returned", engine.name, engine.title, current, wanted, done=done, cost=cost)
        said = await self._owe(owed, said)
        await self.stay(engine.name)
        return [said]
