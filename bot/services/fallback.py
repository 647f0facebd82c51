"""The fallback chain of each engine: `off` tells, `ask` proposes, `auto` moves and says so. Breakers survive restarts.

`report` takes an observed failure, `observe` a balance that was asked anyway, `tick` lets time pass. Each returns what has to be
said, once: posting it where people are is the caller's. Nothing here sends a paid request, and nothing here ever asks a Warp
gateway for a completion or an identity.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from bot.errors import NotAllowed, QuotadeskError, SwitchRefused
from bot.model.chat import Person, Role
from bot.model.diagnosis import Cause, Proven
from bot.model.engine import Engine
from bot.model.money import AccountState, Status
from bot.model.team import Team
from bot.ports import Clock, Store, SwitchRecord
from bot.services import breaker as rules
from bot.services import smaller
from bot.services.breaker import Breaker
from bot.services.owed import Announcement, Outbox, Owed, from_json, to_json
from bot.services.switch_plan import Done, Plan, done_of
from bot.services.switching import Switching
from bot.services.target import Checker

ITSELF: Final = Person("terminal", "quotadesk", "quotadesk")
LOOK_AGAIN: Final = timedelta(minutes=5)
REST: Final = timedelta(minutes=10)  # between two moves of one engine that nobody confirmed


@dataclass(frozen=True, slots=True)
class _Heard:
    engine: str
    cause: Cause
    route: str | None
    retry_after_s: float | None
    look: bool = False  # only if the account really stops calls


class Fallback:
    def __init__(self, team: Team, switching: Switching, balances: Checker, store: Store, clock: Clock) -> None:
        self._team, self._switching, self._balances = team, switching, balances
        self._store, self._clock = store, clock
        self._outbox = Outbox(store, clock)
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

    # --- what is known

    async def breaker(self, route: str) -> Breaker:
        return rules.from_json(route, await self._store.get_fact(f"breaker:{route}"))

    async def out(self) -> tuple[Breaker, ...]:
        """Routes that are out now, in the team file's order."""
        now = self._clock.now()
        return tuple(each for each in (await self._breakers()).values() if each.open(now))

    async def _breakers(self) -> dict[str, Breaker]:
        """All routes, in one look into the store."""
        kept = await self._store.facts("breaker:")
        return {route: rules.from_json(route, kept.get(f"breaker:{route}")) for route in self._team.routes}

    async def _on(self, engine: Engine) -> str | None:
        """The route that its file names now; a smaller model of it is the same key and address."""
        now_on = (await self._switching.standing(engine)).route
        return smaller.whole(now_on) if now_on else None

    async def _keep(self, breaker: Breaker) -> None:
        await self._store.set_fact(f"breaker:{breaker.route}", rules.to_json(breaker), self._clock.now())

    async def clear(self, route: str, role: Role) -> bool:
        """A person has acted (new key, billing on). True if the route was out."""
        if role < Role.OPERATOR:
            raise NotAllowed("operators only", key="operators_only", operators=", ".join(self._team.access.operators))
        before = await self.breaker(route)
        await self._keep(rules.closed(before))
        return before.open(self._clock.now())

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
                        resets = [r.resets_at for r in state.readings if r.blocks and r.resets_at is not None]
                        cause = Cause.QUOTA_EXHAUSTED if resets else Cause.BALANCE_EXHAUSTED
                        said += await self.report(engine.name, cause, route=route, resets_at=min(resets, default=None))
        return tuple(said)

    async def tick(self) -> tuple[Announcement, ...]:
        """Takes up what was noted and lets time pass: looks at routes whose reset or next look is due, and takes engines
        back where that was wanted."""
        said = await self.listen()
        now = self._clock.now()
        for each in await self.out():
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
            said.append(
                await self._owe(owed, Announcement("recovered", e.name, e.title, from_route=route, why=before.cause))
            )
        await self._keep(rules.closed(before))
        return said

    # --- leaving a route

    async def _leave(self, engine: Engine, route: str, why: Breaker) -> Announcement:
        base = Announcement("advice", engine.name, engine.title, route, why=why.cause, until=why.until)
        now = self._clock.now()
        tried: list[tuple[str, str]] = []
        for name in engine.routes:
            if name == route:
                continue
            known = await self.breaker(name)
            if known.open(now):
                tried.append((name, known.cause))
                continue
            try:
                plan = await self._switching.plan(engine.name, name, by=ITSELF)
            except SwitchRefused as fault:
                tried.append((name, str(fault.facts.get("reason", ""))))
                continue
            if not plan.possible:
                tried.append((name, plan.refused[0].word))
                continue
            return await self._go(engine, plan, base)
        return replace(base, say="no_route", tried=tuple(tried))

    async def _go(self, engine: Engine, plan: Plan, base: Announcement) -> Announcement:
        base = replace(base, to_route=plan.to_route, plan=plan)
        if engine.failover == "off":
            return base
        if engine.failover == "ask":
            return replace(base, say="ask")
        asks = await self._asks_first(engine, base.from_route, plan.to_route)
        if asks:
            return replace(base, say="ask", asks=asks)
        done = await self._move(engine, plan.to_route)
        if done is None:
            return replace(base, say="ask", asks="failed")
        if base.from_route == engine.routes[0]:
            await self.return_to(engine.name, base.from_route)
        return replace(base, say="moved", done=done, plan=None)

    async def _asks_first(self, engine: Engine, old: str | None, new: str) -> str:
        """Why a person must say yes: another model may cost more or be slower; a protected engine; a second move too soon."""
        if engine.protected:
            return "protected"
        if old is not None and self._team.routes[old].model != self._team.routes[new].model:
            return "other_model"
        last = await self._store.get_fact(f"moved:{engine.name}")
        if last and self._clock.now() - datetime.fromisoformat(last) < REST:
            return "too_soon"
        return ""

    async def _move(self, engine: Engine, route: str) -> Done | None:
        now = self._clock.now()
        await self._store.set_fact(f"moved:{engine.name}", now.isoformat(), now)
        try:
            return await self._switching.apply(engine, self._team.routes[route], "quotadesk", name="quotadesk")
        except QuotadeskError:
            return None  # the audit has the reason, the file is as it was

    # --- going back

    async def return_to(self, engine_name: str, route: str) -> None:
        """Back to `route` by itself as soon as it is proved well again."""
        await self._store.set_fact(f"return:{engine_name}", {"to": route}, self._clock.now())

    async def stay(self, engine_name: str) -> None:
        await self._store.set_fact(f"return:{engine_name}", None, self._clock.now())

    async def returning(self, engine_name: str) -> str | None:
        """The route that the engine goes back to by itself, if any."""
        wanted = await self._store.get_fact(f"return:{engine_name}")
        return str(wanted["to"]) if wanted else None

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
            said = Announcement("returned", engine.name, engine.title, current, wanted, done=done)
        said = await self._owe(owed, said)
        await self.stay(engine.name)
        return [said]

    # --- what is owed

    async def _owe(self, owed: str, said: Announcement) -> Announcement:
        await self._outbox.ready(owed, to_json(said))
        return replace(said, owed=owed)

    async def told(self, said: Announcement, place: str) -> None:
        """It stands in that chat, or never will."""
        await self._outbox.sent(said.owed, place)

    async def over(self, said: Announcement) -> None:
        """It stands in every chat."""
        await self._outbox.over(said.owed)

    async def owed(self) -> list[Announcement]:
        """What a pass before this one did not get said: the process ended, or a chat did not take it."""
        said = []
        for each in await self._outbox.due():
            engine = self._team.engines.get(each.engine)
            again = await self._again(each, engine) if engine and each.route in self._team.routes else None
            if again is not None:
                said.append(again)
            elif engine is None or not await self._under_way(engine):
                await self._outbox.over(each.id)
        return said

    async def _under_way(self, engine: Engine) -> bool:
        return bool(await self._store.switches(engine.name, states=("started",), limit=1))

    async def _again(self, owed: Owed, engine: Engine) -> Announcement | None:
        """None: there is nothing to say, or not yet."""
        if owed.said is None:
            return await self._ended(owed, engine)
        said = from_json(owed, engine.title)
        if (number := owed.said.get("record")) is not None:
            records = await self._store.switches(engine.name, states=("done",), limit=20)
            record = next((record for record in records if record.id == number), None)
            return None if record is None else self._of(said, record, engine)
        if said.say not in ("ask", "advice") or said.to_route is None:
            return said
        try:
            plan = await self._switching.plan(engine.name, said.to_route, by=ITSELF)
        except SwitchRefused:
            return None  # the file is gone: the question is void
        return replace(said, plan=plan) if plan.possible else await self._still(owed, engine)

    async def _ended(self, owed: Owed, engine: Engine) -> Announcement | None:
        """An engine was about to move when the process ended. The record of the switch tells what came of it."""
        if await self._under_way(engine):
            return None
        for record in await self._store.switches(engine.name, states=("done",), limit=5):
            if record.who != "quotadesk" or record.at < owed.at:
                continue
            if owed.kind == "leave" and record.from_route == owed.route:
                if owed.route == engine.routes[0]:
                    await self.return_to(engine.name, owed.route)
                said = Announcement("moved", engine.name, engine.title, owed.route, why=owed.why, sent=owed.sent)
                return await self._owe(owed.id, self._of(said, record, engine))
            if owed.kind == "back" and record.to_route == owed.route:
                said = Announcement("returned", engine.name, engine.title, sent=owed.sent)
                return await self._owe(owed.id, self._of(said, record, engine))
        return await self._still(owed, engine)

    async def _still(self, owed: Owed, engine: Engine) -> Announcement | None:
        """The engine stands where it was about to leave: the ways are looked at anew."""
        known = await self.breaker(owed.route)
        on_it = await self._on(engine) == owed.route
        if owed.kind == "leave" and on_it and known.worth_leaving(self._clock.now()):
            return await self._owe(owed.id, replace(await self._leave(engine, owed.route, known), sent=owed.sent))
        return None

    @staticmethod
    def _of(said: Announcement, record: SwitchRecord, engine: Engine) -> Announcement:
        return replace(
            said, from_route=record.from_route, to_route=record.to_route or None, done=done_of(record, engine)
        )
