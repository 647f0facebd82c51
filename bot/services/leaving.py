"""An engine leaves a route: which routes are out, where it could go, and whether a person must say yes first.

The breakers survive restarts: they are facts in the store, as is where an engine wants to return to.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from bot.errors import NotAllowed, QuotadeskError, SwitchRefused
from bot.model.chat import Person, Role
from bot.model.engine import Engine
from bot.model.team import Team
from bot.ports import Clock, Store
from bot.services import breaker as rules
from bot.services import prices, smaller
from bot.services.breaker import Breaker
from bot.services.owed import Announcement, Outbox, to_json
from bot.services.switch_plan import Check, Done, Plan
from bot.services.switching import Switching
from bot.services.target import Checker

ITSELF: Final = Person("terminal", "quotadesk", "quotadesk")
REST: Final = timedelta(minutes=10)  # between two moves of one engine that nobody confirmed


class Leaving:
    """What all parts of the fallback chain hold; `Fallback` is the one that is built."""

    def __init__(self, team: Team, switching: Switching, balances: Checker, store: Store, clock: Clock) -> None:
        self._team, self._switching, self._balances = team, switching, balances
        self._store, self._clock = store, clock
        self._outbox = Outbox(store, clock)

    # --- which routes are out

    async def breaker(self, route: str) -> Breaker:
        """Whether the route is out, since when and why, as the store has it."""
        return rules.from_json(route, await self._store.get_fact(f"breaker:{route}"))

    async def out(self) -> tuple[Breaker, ...]:
        """Routes that are out now, in the team file's order."""
        now = self._clock.now()
        return tuple(each for each in (await self._breakers()).values() if each.open(now))

    async def _breakers(self) -> dict[str, Breaker]:
        """All routes, in one look into the store."""
        kept = await self._store.facts("breaker:")
        return {route: rules.from_json(route, kept.get(f"breaker:{route}")) for route in self._team.routes}

    async def stopped(self, engine: Engine) -> bool:
        """Whether the route that it is on now is out."""
        route = await self._on(engine)
        return route is not None and (await self.breaker(route)).open(self._clock.now())

    async def _on(self, engine: Engine) -> str | None:
        """The route that its file names now; a smaller model of it is the same key and address. With no file and one route
        there is nothing to doubt."""
        if engine.env_file is None and len(engine.routes) == 1:
            return engine.routes[0]
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

    # --- where it could go

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
        base = replace(base, to_route=plan.to_route, plan=plan, cost=cost_of(plan))
        if engine.failover == "off":
            return base
        if engine.failover == "ask":
            return replace(base, say="ask")
        asks = await self._asks_first(engine, base.from_route, plan)
        if asks:
            return replace(base, say="ask", asks=asks)
        done = await self._move(engine, plan.to_route)
        if done is None:
            return replace(base, say="ask", asks="failed")
        if base.from_route == engine.routes[0]:
            await self.return_to(engine.name, base.from_route)
        return replace(base, say="moved", done=done, plan=None)

    async def _asks_first(self, engine: Engine, old: str | None, plan: Plan) -> str:
        """Why a person must say yes: it is dearer or clearly slower; another model whose price is not known to be no higher, or
        whose speed nobody knows; a protected engine; a second move too soon."""
        if engine.protected:
            return "protected"
        words = {check.word for check in plan.checks if check.name in ("price", "speed")}
        if words & prices.DEARER:
            return "dearer"
        if "slower" in words:
            return "slower"
        # A model on a machine of the team's own costs nothing, but may take minutes where the other took seconds.
        known = words & (prices.KNOWN_NOT_DEARER - {"price_free"})
        if old is not None and self._team.routes[old].model != self._team.routes[plan.to_route].model and not known:
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

    # --- where it wants to return to

    async def return_to(self, engine_name: str, route: str) -> None:
        """Back to `route` by itself as soon as it is proved well again."""
        await self._store.set_fact(f"return:{engine_name}", {"to": route}, self._clock.now())

    async def stay(self, engine_name: str) -> None:
        """Forgets that the engine should go back by itself."""
        await self._store.set_fact(f"return:{engine_name}", None, self._clock.now())

    async def returning(self, engine_name: str) -> str | None:
        """The route that the engine goes back to by itself, if any."""
        wanted = await self._store.get_fact(f"return:{engine_name}")
        return str(wanted["to"]) if wanted else None

    # --- saying it

    async def _owe(self, owed: str, said: Announcement) -> Announcement:
        await self._outbox.ready(owed, to_json(said))
        return replace(said, owed=owed)

    async def told(self, said: Announcement, place: str) -> None:
        """It stands in that chat, or never will."""
        await self._outbox.sent(said.owed, place)

    async def tries(self, said: Announcement, place: str) -> None:
        """It is on its way there: after a crash nobody knows whether it arrived."""
        await self._outbox.tries(said.owed, place, on_its_way=True)

    async def refused(self, said: Announcement, place: str) -> None:
        """It certainly did not arrive there."""
        await self._outbox.tries(said.owed, place, on_its_way=False)

    async def over(self, said: Announcement) -> None:
        """It stands in every chat."""
        await self._outbox.over(said.owed)


def cost_of(plan: Plan) -> tuple[Check, ...]:
    """Those checks of a plan that speak of price and speed."""
    return tuple(check for check in plan.checks if check.name in ("price", "speed"))
