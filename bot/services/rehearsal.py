"""The first half of `/switch`: names, what stands in the files now, and the plan. Nothing is touched here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from bot.errors import SwitchRefused, UnknownName
from bot.model.chat import Person
from bot.model.engine import Engine, Route
from bot.model.money import AccountState
from bot.model.near import nearest
from bot.model.team import Secret, Team
from bot.ports import Clock, EnvFiles, EnvView, Gate, Http, Keys, Restarter, Store
from bot.services import prices, smaller, target
from bot.services.prices import Prices
from bot.services.switch_plan import NO_KEY, Change, Check, Notice, Plan, Shown, Standing, refuse
from bot.services.target import Checker

VALID: Final = timedelta(minutes=10)
_HARD: Final = frozenset({"settings", "file", "route"})  # --force does not help against these
_BETTAFISH: Final = ("QUERY_ENGINE", "MEDIA_ENGINE", "INSIGHT_ENGINE", "REPORT_ENGINE")


class Rehearsal:
    """What both halves hold; `Switching` is the one that is built."""

    def __init__(
        self,
        team: Team,
        keys: Keys,
        files: EnvFiles,
        http: Http,
        balances: Checker,
        restarter: Restarter,
        store: Store,
        clock: Clock,
        gate: Gate,
    ) -> None:
        self._team, self._keys, self._files, self._http = team, keys, files, http
        self._balances, self._restarter = balances, restarter
        self._store, self._clock, self._gate = store, clock, gate
        self._prices = Prices(http, keys, clock)

    # --- names

    def engine(self, name: str) -> Engine:
        """By name or title, whatever the case. Raises UnknownName with the nearest names."""
        wanted = name.strip().casefold()
        for engine in self._team.engines.values():
            if wanted in (engine.name.casefold(), engine.title.casefold()):
                return engine
        known = tuple(self._team.engines)
        near = nearest(wanted, known, cutoff=0.5)
        raise UnknownName("engine", self._gate.trusted(name[:40]).text, tuple(near), known)

    def _route(self, engine: Engine, name: str) -> Route:
        wanted = name.strip().casefold()
        for known in engine.routes:
            if known.casefold() == wanted:
                return self._team.routes[known]
        for made in self._smaller(engine):
            if made.name.casefold() == wanted:
                return made
        near = nearest(wanted, engine.routes, cutoff=0.5)
        raise UnknownName("route", self._gate.trusted(name[:40]).text, tuple(near), engine.routes, engine.title)

    def _way(self, engine: Engine, name: str | None) -> Route | None:
        """The route behind what the file names now."""
        return (
            self._route(engine, name)
            if name in engine.routes or name and smaller.SIGN in name
            else self._team.routes.get(name or "")
        )

    def _smaller(self, engine: Engine) -> Iterator[Route]:
        """The engine's routes with a smaller model of the same provider: never chosen by itself, only by name."""
        for name in engine.routes:
            yield from smaller.made(self._team.routes[name])

    # --- looking

    async def overview(self) -> tuple[Standing, ...]:
        """Every engine with the route that its file names now. Asks no provider."""
        return tuple(await asyncio.gather(*(self.standing(engine) for engine in self._team.engines.values())))

    async def standing(self, engine: Engine) -> Standing:
        """Which route the engine's file holds now, why it cannot be told, and its last switch."""
        route, fault = None, "" if engine.env_file else "no_env_file"
        if engine.env_file:
            try:
                route = self.route_in(await self._files.look(engine.env_file, engine.variables), engine)
            except SwitchRefused as refused:
                fault = str(refused.facts.get("reason", "file"))
        records = await self._store.switches(engine.name, states=("done",), limit=1)
        others = tuple(name for name in engine.routes if name != route)
        return Standing(
            engine.name,
            engine.title,
            route,
            others,
            switchable=not fault and bool(others),
            fault=fault,
            since=records[0].at if records and records[0].to_route == route else None,
            failover=engine.failover,
        )

    def route_in(self, view: EnvView, engine: Engine) -> str | None:
        """The route whose key, address and model stand in the file; the engine's own routes first. None: none, or a mixture."""
        ordered = [self._team.routes[name] for name in dict.fromkeys((*engine.routes, *self._team.routes))]
        return next(
            (way.name for way in (*ordered, *self._smaller(engine)) if all(self._matches(view, engine, way))), None
        )

    def _matches(self, view: EnvView, engine: Engine, route: Route) -> tuple[bool, bool, bool]:
        key, address, model = (view.values.get(name) for name in engine.variables)
        written = key.reveal() if key else ""
        if route.key is None:
            same_key = written in ("", NO_KEY)
        else:
            same_key = bool(written) and self._gate.fingerprint(written) == self._keys.fingerprint(route.key)
        return (
            same_key,
            bool(address) and target.same_address(address.reveal() if address else "", route.base_url),
            (model.reveal() if model else "") == route.model,
        )

    # --- rehearsing

    async def plan(
        self, engine_name: str, route_name: str | None = None, *, by: Person, force: bool = False, further: bool = False
    ) -> Plan:
        """A rehearsal; touches nothing. Without a route: the first of the engine's other routes that works. `further`: tell the
        better route also where nothing here speaks against the wanted one.

        Raises UnknownName, and SwitchRefused where there is nothing to rehearse (no_env_file, no_other_route, unreadable file).
        """
        engine = self.engine(engine_name)
        if engine.env_file is None:
            raise refuse("no_env_file", f"{engine.name} has no env_file in the team file", engine=engine.name)
        wanted = self._route(engine, route_name) if route_name else None
        view = await self._files.look(engine.env_file, engine.variables)
        current = self.route_in(view, engine)
        leaving = self._way(engine, current)
        others = [self._team.routes[name] for name in engine.routes if name != current]
        if wanted is None and not others:
            raise refuse(
                "no_other_route", f"{engine.name} has no other route", engine=engine.name, route=current or "?"
            )
        # All at once, also the ones that matter only if the wanted one is refused: the answer takes as long as one probe.
        ways = {route.name: route for route in ([wanted] if wanted else []) + others}
        tasks = {name: asyncio.create_task(self._examine(route)) for name, route in ways.items()}
        costs = [
            asyncio.create_task(self._prices.of(route)) for route in (*ways.values(), *([leaving] if leaving else []))
        ]
        now_on = asyncio.create_task(self._account(leaving))
        try:
            if wanted is not None:
                chosen, file_checks = wanted, self._file_checks(view, wanted.name, current)
                found, account = await tasks[wanted.name]
                at_fault = [check for check in _against(file_checks) if check.name != "route"]
                look_on = further or bool(_against(found)) and not at_fault
            else:
                await asyncio.wait(tasks.values())
                good = next((name for name, task in tasks.items() if not _against(task.result()[0])), others[0].name)
                chosen, file_checks = ways[good], self._file_checks(view, good, current)
                found, account = tasks[good].result()
                look_on = False
            checks = (*file_checks, *found)
            if chosen.name != current and not _against(found):
                # The way that is left may be dead: nobody waits for its account.
                checks += await self._cost(leaving, now_on.result() if now_on.done() else None, chosen, account)
            better = None
            if look_on:
                await asyncio.wait(tasks.values())
                works = {name for name, task in tasks.items() if not _against(task.result()[0])}
                better = next((name for name in engine.routes if name in works and name != chosen.name), None)
        finally:
            for task in (*tasks.values(), *costs, now_on):
                task.cancel()
        against = _against(checks)
        plan = Plan(
            engine=engine.name,
            title=engine.title,
            from_route=current,
            to_route=chosen.name,
            changes=self._changes(view, engine, chosen),
            checks=checks,
            warnings=(
                *self._notices(view, engine, chosen, current, await self.overview()),
                *self._declared(await self._restarter.declared(engine)),
            ),
            refused=against,
            hard=any(check.name in _HARD for check in against),
            forced=force,
            better=better,
            account=account,
            made_at=self._clock.now(),
            second_person=engine.protected,
            callable=target.may_be_called(chosen),
        )
        if not plan.possible:
            return plan
        expires = plan.made_at + VALID
        payload = {
            "engine": engine.name,
            "from": current,
            "to": chosen.name,
            "by": by.address,
            "forced": bool(against),
            "marks": self._marks(view, engine),
        }
        return replace(plan, token=await self._store.put_token("switch", payload, expires), expires_at=expires)

    async def preview(self, engine_name: str, route_name: str) -> Plan:
        """What a switch would change, from the file alone: asks no provider, so it is there at once, and cannot be confirmed.

        Raises UnknownName, and SwitchRefused (no_env_file, unreadable file).
        """
        engine = self.engine(engine_name)
        if engine.env_file is None:
            raise refuse("no_env_file", f"{engine.name} has no env_file in the team file", engine=engine.name)
        route = self._route(engine, route_name)
        view = await self._files.look(engine.env_file, engine.variables)
        current = self.route_in(view, engine)
        checks = (*self._file_checks(view, route.name, current), target.settings(route, self._keys))
        against = _against(checks)
        return Plan(
            engine=engine.name,
            title=engine.title,
            from_route=current,
            to_route=route.name,
            changes=self._changes(view, engine, route),
            checks=checks,
            warnings=(),
            refused=against,
            hard=any(check.name in _HARD for check in against),
            forced=False,
            better=None,
            account=None,
            made_at=self._clock.now(),
            second_person=engine.protected,
            callable=False,
        )

    def models(self, engine: Engine, route_name: str) -> tuple[str, ...]:
        """The route's own model first, then the smaller ones of its provider. () for a route that the engine has not."""
        if route_name not in engine.routes:
            return ()
        route = self._team.routes[route_name]
        return (route.model, *(made.model for made in smaller.made(route)))

    async def _examine(self, route: Route) -> tuple[tuple[Check, ...], Any]:
        """All free questions at once: a plan is there as soon as the slowest of them is."""
        own = target.settings(route, self._keys)
        if own.ok is False:
            return (own,), None
        (money, account), listed = await asyncio.gather(
            target.balance(replace(route, name=smaller.whole(route.name)), self._balances),
            target.models(
                route.base_url, route.model, self._keys.read(route.key), route.provider, self._http, self._clock
            ),
        )
        return (own, money, listed), account

    async def cost(self, engine: Engine, old: str | None, new: str | None) -> tuple[Check, ...]:
        """Which way the price went with a switch that has been made."""
        to = self._way(engine, new)
        return await self._cost(self._way(engine, old), None, to, None) if to else ()

    async def _account(self, route: Route | None) -> AccountState | None:
        return await self._balances.check(smaller.whole(route.name), models=False) if route else None

    async def _cost(
        self, old: Route | None, before: AccountState | None, new: Route, after: AccountState | None
    ) -> tuple[Check, ...]:
        """Which way the price goes, and whether the new route answers clearly slower."""
        was, will = await asyncio.gather(
            self._prices.of(old, before) if old else asyncio.sleep(0, None), self._prices.of(new, after)
        )
        slower = prices.slower(before, after)
        return (prices.compared(old, was, new, will), *((slower,) if slower else ()))

    @staticmethod
    def _file_checks(view: EnvView, chosen: str, current: str | None) -> tuple[Check, ...]:
        checks = [Check("file", False, str(fault.facts["reason"]), fault.facts) for fault in view.faults]
        if chosen == current:
            checks.insert(0, Check("route", False, "already", {"route": chosen}))
        if view.overridden:
            variable, where = view.overridden[0]
            checks.append(Check("environment", False, "overridden", {"variable": variable, "where": where}))
        else:
            checks.append(Check("environment", *((True, "clear") if view.processes else (None, "no_process_seen"))))
        return tuple(checks)

    def _changes(self, view: EnvView, engine: Engine, route: Route) -> tuple[Change, ...]:
        new = self._new_values(engine, route)
        out = []
        for place, name in enumerate(engine.variables):
            before, after = view.values.get(name), new.get(name)
            out.append(Change(name, self._shown(before, place == 0), self._shown(after, place == 0), before == after))
        return tuple(out)

    def _shown(self, value: Secret | None, key: bool) -> Shown:
        if value is None:
            return Shown("absent")
        if not value:
            return Shown("empty")
        if not key:
            return Shown("text", self._gate.trusted(value.reveal()).text)
        if value.reveal() == NO_KEY:
            return Shown("no_key")
        mark = self._gate.fingerprint(value.reveal())
        owner = next((r for r in self._team.routes.values() if r.key and self._keys.fingerprint(r.key) == mark), None)
        name = f"{owner.provider or owner.name} " if owner else ""
        return Shown("key", f"[{name}key {mark[:4]}]")

    def _new_values(self, engine: Engine, route: Route) -> dict[str, Secret]:
        key, address, model = engine.variables
        found = self._keys.read(route.key)
        return {
            key: found if found is not None else Secret(NO_KEY if route.key is None else ""),
            address: Secret(route.base_url.strip()),
            model: Secret(route.model.strip()),
        }

    def _notices(
        self, view: EnvView, engine: Engine, route: Route, current: str | None, all_now: Sequence[Standing]
    ) -> tuple[Notice, ...]:
        out = []
        mark = self._keys.fingerprint(route.key)
        same = {r.name for r in self._team.routes.values() if mark and self._keys.fingerprint(r.key) == mark}
        sharing = tuple(now.title for now in all_now if now.route in same and now.engine != engine.name)
        if sharing:
            out.append(Notice("shared_key", {"engines": sharing}))
        if current is None:
            parts = [self._matches(view, engine, self._team.routes[name]) for name in engine.routes]
            mixed = any(any(part) and not all(part) for part in parts)
            out.append(Notice("mixed" if mixed else "unknown_now"))
        if view.link:
            out.append(Notice("link", {"path": str(view.path)}))
        out += [Notice("may_win", {"variable": variable, "where": where}) for variable, where in view.hinted[:1]]
        how = self._restarter.plan(engine)
        out.append(Notice(f"take_up_{how}", {"engine": engine.title}))
        retrying = engine.bettafish_url or engine.env_prefix in _BETTAFISH
        out.append(Notice("in_flight_retries" if retrying else "in_flight", {"engine": engine.title, "minutes": 35}))
        if engine.failover == "auto":
            out.append(Notice("automation_stays", {"engine": engine.title}))
        return tuple(out)

    @staticmethod
    def _declared(told: Sequence[tuple[str, str]] | None) -> tuple[Notice, ...]:
        """What the service manager sets itself comes back with every restart."""
        if told is None:
            return (Notice("unit_unknown"),)
        return tuple(Notice("unit_wins", {"variable": variable, "where": where}) for variable, where in told[:1])

    def _marks(self, view: EnvView, engine: Engine) -> list[str]:
        """Keyed fingerprints of the three values, to see later whether they are still the ones that were shown."""
        values = (view.values.get(name) for name in engine.variables)
        return ["absent" if value is None else self._gate.fingerprint(value.reveal()) for value in values]


def _against(checks: Sequence[Check]) -> tuple[Check, ...]:
    return tuple(check for check in checks if check.ok is False)
