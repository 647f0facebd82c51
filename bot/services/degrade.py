"""Where an engine has no route left: what still helps. Nothing here is done without somebody's press.

A smaller model is offered only where the provider's own list shows it and its account can still pay; a pause only where the
application has a call for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from bot import providers
from bot.errors import NotAllowed
from bot.model.chat import Person, Role
from bot.model.engine import Engine
from bot.model.money import AccountState, Kind, Status
from bot.model.team import Team
from bot.model.values import dataclass
from bot.ports import AuditEntry, Clock, Gate, Restarter, Store, TakenUp
from bot.services import smaller
from bot.services.balances import Balances
from bot.services.switching import Switching


@dataclass(frozen=True, slots=True)
class Ways:
    """`cheaper` and `local` are names for `Switching.plan`; `account` is what to wait for. None: there is no such way."""

    engine: str
    title: str
    route: str | None
    can_pause: bool = False
    paused: bool = False
    cheaper: str | None = None
    model: str = ""  # of `cheaper`
    local: str | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """An engine that was paused here and not started again here. `at` None: an older record without a time."""

    engine: str
    by: str  # Person.address
    name: str = ""
    at: datetime | None = None


_PAUSED: Final = "paused:"


def _wanted(state: AccountState) -> bool:
    """Whether there is anything to wait for: it is not known to work."""
    return state.blocked or state.low or state.status is not Status.OK


class Degrade:
    """What an engine can do instead of stopping: a smaller model, a pause, its way back."""

    def __init__(
        self,
        team: Team,
        switching: Switching,
        balances: Balances,
        restarter: Restarter,
        store: Store,
        clock: Clock,
        gate: Gate,
    ) -> None:
        self._team, self._switching, self._balances = team, switching, balances
        self._restarter, self._store, self._clock, self._gate = restarter, store, clock, gate

    async def ways(self, engine_name: str) -> Ways:
        """Asks the accounts of the engine's routes for their model lists, which is free. Raises UnknownName."""
        engine = self._switching.engine(engine_name)
        now_on = (await self._switching.standing(engine)).route
        route = smaller.whole(now_on) if now_on else None
        names = tuple(name for name in dict.fromkeys((route, *engine.routes)) if name and name in self._team.routes)
        states = dict(zip(names, await asyncio.gather(*map(self._balances.check, names)), strict=True))
        cheaper = next((found for name in names if (found := self._cheaper(name, states[name], now_on))), None)
        local = next((name for name in names if name != route and self._local(name)), None)
        return Ways(
            engine.name,
            engine.title,
            now_on,
            can_pause=self._restarter.can_pause(engine),
            paused=await self._store.get_fact(_PAUSED + engine.name) is not None,
            cheaper=cheaper,
            model=cheaper.partition(smaller.SIGN)[2] if cheaper else "",
            local=local,
            account=next((states[name].account for name in names[:1] if _wanted(states[name])), None),
        )

    def _cheaper(self, name: str, state: AccountState, now_on: str | None) -> str | None:
        # A window can be one model's own; an account without money has none for a small one either.
        if state.blocked and not all(r.kind is Kind.WINDOW_QUOTA for r in state.readings if r.blocks):
            return None
        for model in smaller.than(self._team.routes[name].model):
            made = smaller.name(name, model)
            if model in state.models and made != now_on:
                return made
        return None

    def _local(self, name: str) -> bool:
        route = self._team.routes[name]
        provider = providers.recognise(route.base_url, route.provider)
        return provider is not None and provider.local

    async def pauses(self) -> Mapping[str, Pause]:
        """By engine. Asks nobody."""
        found = {}
        for key, value in (await self._store.facts(_PAUSED)).items():
            engine = key.removeprefix(_PAUSED)
            at = value.get("at")
            when = datetime.fromisoformat(at) if at else None
            found[engine] = Pause(engine, str(value.get("by", "")), str(value.get("name", "")), when)
        return found

    async def pause(self, engine_name: str, by: Person, role: Role) -> TakenUp:
        """Stops the engine's sub-app, so that it neither retries nor spends. Raises NotAllowed, UnknownName."""
        engine = self._allowed(engine_name, role)
        done = await self._restarter.pause(engine)
        if done.ok:
            await self._mark(engine, {"by": by.address, "name": by.name, "at": self._clock.now().isoformat()})
        await self._note("pause", engine, by, done)
        return done

    async def resume(self, engine_name: str, by: Person, role: Role) -> TakenUp:
        """Starts it again. Raises NotAllowed, UnknownName."""
        engine = self._allowed(engine_name, role)
        done = await self._restarter.resume(engine)
        if done.ok:
            await self._mark(engine, None)
        await self._note("resume", engine, by, done)
        return done

    def _allowed(self, engine_name: str, role: Role) -> Engine:
        if role < Role.OPERATOR:
            raise NotAllowed("operators only", key="operators_only", operators=", ".join(self._team.access.operators))
        return self._switching.engine(engine_name)

    async def _mark(self, engine: Engine, value: Mapping[str, str] | None) -> None:
        await self._store.set_fact(_PAUSED + engine.name, value, self._clock.now())

    async def _note(self, what: str, engine: Engine, by: Person, done: TakenUp) -> None:
        result = "done" if done.ok else "failed"
        detail = self._gate.trusted(done.reason)
        entry = AuditEntry(self._clock.now(), by.address, what, engine.name, result, detail, name=by.name)
        await self._store.audit(entry)
