"""`/switch`: rehearse, apply as one, take up, verify, undo. Key, address and model move together or not at all.

A written file proves nothing: after the write the file is read again, the application's own way of taking it up is used, and
the target is asked once more with the values as they stand in the file. Every attempt is in the audit, without any value.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from bot.errors import Expired, NotAllowed, StoreError, SwitchRefused, UnknownName
from bot.model.chat import Person, Role
from bot.model.engine import Engine, Route
from bot.model.team import Secret, Team
from bot.ports import (
    AuditEntry,
    Clock,
    EnvChange,
    EnvFiles,
    EnvView,
    Gate,
    Http,
    Keys,
    Restarter,
    Store,
    SwitchRecord,
)
from bot.services import smaller, target
from bot.services.switch_plan import NO_KEY, Change, Check, Done, Notice, Plan, Shown, Standing, refuse
from bot.services.target import Checker

VALID: Final = timedelta(minutes=10)
ANONYMOUS: Final = "DISABLE_ANONYMOUS_FALLBACK"
_HARD: Final = frozenset({"settings", "file", "route"})  # --force does not help against these
_BETTAFISH: Final = ("QUERY_ENGINE", "MEDIA_ENGINE", "INSIGHT_ENGINE", "REPORT_ENGINE")


@dataclass(frozen=True, slots=True)
class Claim:
    """A confirmed plan, before it is carried out."""

    engine: Engine
    route: Route
    by: Person
    marks: tuple[str, ...]
    forced: bool


class Switching:
    """One object per process. Only operators get through `confirm` and `undo`."""

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
        self._busy: set[Path] = set()
        self._under_way: set[asyncio.Task[Done]] = set()

    # --- names

    def engine(self, name: str) -> Engine:
        """By name or title, whatever the case. Raises UnknownName with the nearest names."""
        wanted = name.strip().casefold()
        for engine in self._team.engines.values():
            if wanted in (engine.name.casefold(), engine.title.casefold()):
                return engine
        known = tuple(self._team.engines)
        near = get_close_matches(wanted, known, n=3, cutoff=0.5)
        raise UnknownName("engine", self._gate.trusted(name[:40]).text, tuple(near), known)

    def _route(self, engine: Engine, name: str) -> Route:
        wanted = name.strip().casefold()
        for known in engine.routes:
            if known.casefold() == wanted:
                return self._team.routes[known]
        for made in self._smaller(engine):
            if made.name.casefold() == wanted:
                return made
        near = get_close_matches(wanted, engine.routes, n=3, cutoff=0.5)
        raise UnknownName("route", self._gate.trusted(name[:40]).text, tuple(near), engine.routes)

    def _smaller(self, engine: Engine) -> Iterator[Route]:
        """The engine's routes with a smaller model of the same provider: never chosen by itself, only by name."""
        for name in engine.routes:
            yield from smaller.made(self._team.routes[name])

    # --- looking

    async def overview(self) -> tuple[Standing, ...]:
        """Every engine with the route that its file names now. Asks no provider."""
        return tuple(await asyncio.gather(*(self.standing(engine) for engine in self._team.engines.values())))

    async def standing(self, engine: Engine) -> Standing:
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

    async def plan(self, engine_name: str, route_name: str | None = None, *, by: Person, force: bool = False) -> Plan:
        """A rehearsal; touches nothing. Without a route: the first of the engine's other routes that works.

        Raises UnknownName, and SwitchRefused where there is nothing to rehearse (no_env_file, no_other_route, unreadable file).
        """
        engine = self.engine(engine_name)
        if engine.env_file is None:
            raise refuse("no_env_file", f"{engine.name} has no env_file in the team file", engine=engine.name)
        wanted = self._route(engine, route_name) if route_name else None
        view = await self._files.look(engine.env_file, engine.variables)
        current = self.route_in(view, engine)
        others = [self._team.routes[name] for name in engine.routes if name != current]
        if wanted is None and not others:
            raise refuse(
                "no_other_route", f"{engine.name} has no other route", engine=engine.name, route=current or "?"
            )
        # All at once, also the ones that matter only if the wanted one is refused: the answer takes as long as one probe.
        ways = {route.name: route for route in ([wanted] if wanted else []) + others}
        tasks = {name: asyncio.create_task(self._examine(route)) for name, route in ways.items()}
        try:
            if wanted is not None:
                chosen, file_checks = wanted, self._file_checks(view, wanted.name, current)
                found, account = await tasks[wanted.name]
                look_on = bool(_against(found)) and not _against(file_checks)
            else:
                await asyncio.wait(tasks.values())
                good = next((name for name, task in tasks.items() if not _against(task.result()[0])), others[0].name)
                chosen, file_checks = ways[good], self._file_checks(view, good, current)
                found, account = tasks[good].result()
                look_on = False
            checks = (*file_checks, *found)
            better = None
            if look_on:
                await asyncio.wait(tasks.values())
                works = {name for name, task in tasks.items() if not _against(task.result()[0])}
                better = next((name for name in engine.routes if name in works and name != chosen.name), None)
        finally:
            for task in tasks.values():
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

    # --- applying

    async def confirm(self, token: str, by: Person, role: Role) -> Done:
        """The plan behind a button, once. Raises NotAllowed, Expired, SwitchRefused; then the file is as it was."""
        return await self.carry(await self.claim(token, by, role))

    async def claim(self, token: str, by: Person, role: Role) -> Claim:
        """Takes the token: whoever comes second gets Expired. Raises NotAllowed, SwitchRefused (second_person)."""
        self._operators_only(role)
        now = self._clock.now()
        payload = await self._store.peek_token("switch", token, now)
        if payload is None:
            raise Expired
        engine = self.engine(str(payload["engine"]))
        if engine.protected and payload["by"] == by.address:
            raise refuse(
                "second_person", f"{engine.name} is protected: somebody else must confirm", engine=engine.title
            )
        payload = await self._store.take_token("switch", token, now)
        if payload is None:
            raise Expired
        route = self._route(engine, str(payload["to"]))
        return Claim(engine, route, by, tuple(payload["marks"]), bool(payload["forced"]))

    async def carry(self, claim: Claim) -> Done:
        return await self.apply(
            claim.engine, claim.route, claim.by.address, marks=claim.marks, forced=claim.forced, name=claim.by.name
        )

    async def probe(self, token: str, role: Role) -> tuple[str, str, bool, Check]:
        """One smallest paid call to the planned route, once for each plan: (engine, route, forced, result). The plan's token
        is used up, so make a new plan. Raises NotAllowed, Expired. Never sent to Warp."""
        self._operators_only(role)
        payload = await self._store.take_token("switch", token, self._clock.now())
        if payload is None:
            raise Expired
        engine = self.engine(str(payload["engine"]))
        route = self._route(engine, str(payload["to"]))
        found = await target.completion(route, self._keys, self._http)
        result = {True: "done", False: "failed", None: "refused"}[found.ok]
        await self._note("probe", engine, str(payload["by"]), "", result, f"{route.name}: {found.word}")
        return engine.name, route.name, bool(payload["forced"]), found

    async def cancel(self, token: str) -> bool:
        """True if there was something to cancel."""
        return await self._store.take_token("switch", token, self._clock.now()) is not None

    async def apply(
        self,
        engine: Engine,
        route: Route,
        who: str,
        *,
        marks: Sequence[str] | None = None,
        forced: bool = False,
        name: str = "",
    ) -> Done:
        """`marks`: what stood in the file when the plan was shown. `who`: Person.address, or "quotadesk" for automation."""
        if engine.env_file is None:
            raise refuse("no_env_file", f"{engine.name} has no env_file in the team file", engine=engine.name)
        own = target.settings(route, self._keys)
        if own.ok is False:
            await self._note("switch", engine, who, name, "refused", f"to {route.name}: {own.word}")
            raise refuse(own.word, f"route {route.name}: {own.word}", **own.facts)
        view = await self._files.look(engine.env_file, engine.variables)
        current = self.route_in(view, engine)
        if marks is not None and list(marks) != self._marks(view, engine):
            await self._note("switch", engine, who, name, "refused", f"to {route.name}: changed_since_plan")
            raise refuse(
                "changed_since_plan", "the engine's settings were changed after this plan was made", engine=engine.title
            )
        if current == route.name:
            raise refuse("already", f"{engine.name} is on {route.name} already", engine=engine.title, route=route.name)
        new = self._new_values(engine, route)
        record = SwitchRecord(
            0, self._clock.now(), engine.name, current, route.name, who, "started", detail={"forced": forced}
        )
        return await self._shielded(
            engine, record, self._files.change(engine.env_file, new, record.at), name, provider=route.provider
        )

    async def undo(
        self, engine_name: str, by: Person, role: Role, *, record_id: int | None = None, values_only: bool = False
    ) -> Done:
        """The very bytes from before the last switch. Raises SwitchRefused: nothing_to_undo, already_undone,
        changed_since (then `values_only` puts just the three values back), backup_gone."""
        self._operators_only(role)
        engine = self.engine(engine_name)
        last = await self.last(engine.name)
        if engine.env_file is None or last is None or not last.backup or not last.digest_after:
            raise refuse("nothing_to_undo", f"there is no switch of {engine.name} to undo", engine=engine.title)
        if record_id is not None and record_id != last.id:
            raise refuse("already_undone", "that switch is not the last one any more", engine=engine.title)
        now = self._clock.now()
        if values_only:
            opened = self._files.change(engine.env_file, await self._former(engine, last), now)
        else:
            opened = self._files.restore(engine.env_file, last.backup, last.digest_after, now)
        record = SwitchRecord(
            0,
            now,
            engine.name,
            last.to_route,
            last.from_route or "",
            by.address,
            "started",
            detail={"undo_of": last.id, "values_only": values_only},
        )
        former = self._team.routes.get(smaller.whole(last.from_route or ""))
        provider = former.provider if former else ""
        try:
            return await self._shielded(engine, record, opened, by.name, provider=provider)
        except SwitchRefused as fault:
            fault.facts = {**fault.facts, "engine": engine.title, "record": last.id}
            raise

    async def _former(self, engine: Engine, last: SwitchRecord) -> Mapping[str, Secret]:
        assert engine.env_file is not None
        view = await self._files.look(engine.env_file, engine.variables)
        if last.detail.get("after") != self._marks(view, engine):
            raise refuse("values_changed", "the three values were changed after that switch", engine=engine.title)
        values = await self._files.backup_values(last.backup or "", engine.variables)
        found = {name: value for name, value in values.items() if value is not None}
        if len(found) != len(values):
            raise refuse("were_absent", "before that switch not all three variables were there", engine=engine.title)
        return found

    async def _shielded(
        self,
        engine: Engine,
        record: SwitchRecord,
        opened: AbstractAsyncContextManager[EnvChange],
        name: str,
        *,
        provider: str,
    ) -> Done:
        """Whoever waits may go away; a switch that has begun comes to its end."""
        assert engine.env_file is not None
        what = "undo" if "undo_of" in record.detail else "switch"
        if engine.env_file in self._busy:
            await self._note(what, engine, record.who, name, "refused", f"to {record.to_route}: busy")
            raise refuse("busy", "another switch is running", path=str(engine.env_file))
        self._busy.add(engine.env_file)
        task = asyncio.create_task(self._carry_out(engine, record, opened, name, what, provider))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def drain(self) -> None:
        """Waits for switches that have begun. Call it before the store closes."""
        if self._under_way:
            await asyncio.wait(set(self._under_way))

    async def _carry_out(
        self,
        engine: Engine,
        record: SwitchRecord,
        opened: AbstractAsyncContextManager[EnvChange],
        name: str,
        what: str,
        provider: str,
    ) -> Done:
        assert engine.env_file is not None
        way = f"{record.from_route or '?'} -> {record.to_route or '?'}"
        number = 0
        try:
            async with opened as change:
                # The intent is stored before the file changes, and with both digests: after a crash the next start
                # compares them with the file and knows.
                record = replace(
                    record,
                    backup=change.backup,
                    digest_before=change.digest_before,
                    digest_after=change.digest_after,
                )
                number = await self._store.begin_switch(record)
                await self._note(what, engine, record.who, name, "started", f"{way} (#{number})")
                await change.commit()
                changed = change.changed
        except SwitchRefused as fault:
            reason = str(fault.facts.get("reason", "file"))
            if number:
                await self._store.finish_switch(number, "failed", detail={"reason": reason})
            await self._note(what, engine, record.who, name, "refused", f"{way}: {reason}")
            raise
        finally:
            self._busy.discard(engine.env_file)
        taken_up = await self._restarter.take_up(engine)
        checks, marks = await self._verify(engine, record, provider)
        done = Done(
            number,
            engine.name,
            engine.title,
            record.from_route,
            record.to_route or None,
            record.who,
            record.at,
            changed,
            taken_up,
            checks,
            undo=what == "undo",
            automation=engine.failover,
            name=name,
        )
        detail = {
            "changed": list(changed),
            "after": marks,
            "take_up": [taken_up.how, taken_up.ok, taken_up.reason],
            "take_up_facts": dict(taken_up.facts),
            "verified": done.verified,
        }
        said = {True: "verified", False: "NOT verified", None: "not verifiable"}[done.verified]
        forced = ", forced" if record.detail.get("forced") else ""
        line = f"{way} (#{number}), {said}, {taken_up.how}: {taken_up.reason or 'ok'}{forced}"
        try:
            await self._store.finish_switch(number, "undone" if done.undo else "done", detail=detail)
            if done.undo:
                await self._store.finish_switch(int(record.detail["undo_of"]), "undone", detail={"undone_by": number})
            await self._note(what, engine, record.who, name, "done", line)
        except StoreError:
            # The file is changed: saying otherwise would be the worse lie. The next start finds the record and ends it.
            return replace(done, recorded=False)
        return done

    async def _verify(self, engine: Engine, record: SwitchRecord, provider: str) -> tuple[tuple[Check, ...], list[str]]:
        """Reads the file as the application will, and asks the target with exactly what stands there."""
        assert engine.env_file is not None
        try:
            view = await self._files.look(engine.env_file, engine.variables)
        except SwitchRefused as fault:
            return (Check("read_back", False, str(fault.facts.get("reason", "file"))),), []
        marks = self._marks(view, engine)
        if view.digest != record.digest_after:
            return (Check("read_back", False, "changed_meanwhile"),), marks
        key, address, model = (view.values.get(name) for name in engine.variables)
        read_back = Check("read_back", True, "as_written")
        if not address or not model:
            return (read_back, Check("models", None, "application_default")), marks
        asked = await target.models(address.reveal(), model.reveal(), key, provider, self._http, self._clock)
        return (read_back, asked), marks

    # --- Warp's policy

    async def forbid_anonymous(self, forbid: bool, by: Person, role: Role) -> bool:
        """Sets DISABLE_ANONYMOUS_FALLBACK in the Warp gateway's `.env`, like any other value: lock, backup, one rename.

        False: it was like that already. It only ever writes this policy; nothing is registered and nothing is asked. Both
        processes of the gateway read it at their start. Raises SwitchRefused (no_warp, and the file's reasons).
        """
        self._operators_only(role)
        folder = self._team.warp_folder
        if folder is None:
            raise refuse("no_warp", "the team file names no Warp folder")
        wanted = "true" if forbid else "false"
        path, now = folder / ".env", self._clock.now()
        async with self._files.change(path, {ANONYMOUS: Secret(wanted)}, now) as change:
            if not change.changed:
                return False
            await change.commit()
        entry = AuditEntry(
            now, by.address, "warp_policy", "warp", "done", self._gate.trusted(f"{ANONYMOUS}={wanted}"), name=by.name
        )
        await self._store.audit(entry)
        return True

    # --- the past

    async def last(self, engine: str) -> SwitchRecord | None:
        """The newest switch that stands."""
        found = await self._store.switches(engine, states=("done",), limit=1)
        return found[0] if found else None

    async def history(self, engine: str, limit: int = 10) -> list[SwitchRecord]:
        return await self._store.switches(self.engine(engine).name, limit=limit)

    async def recover(self) -> tuple[SwitchRecord, ...]:
        """At start: what a killed process left as "started" is compared with the file, and the audit is brought to its end.

        The file itself is never touched here: it is the old one or the new one, and both are whole.
        """
        out = []
        for record in await self._store.switches(states=("started",), limit=100):
            if record.engine.startswith("gateway:"):
                continue  # no file: `gateways` asks the gateway itself
            engine = self._team.engines.get(record.engine)
            path = engine.env_file if engine else None
            if path is not None and await self._files.held(path):
                continue  # another process is at it right now
            now = await self._files.digest(path) if path is not None else None
            undo_of = record.detail.get("undo_of")
            if now is not None and now == record.digest_after:
                state, found = ("undone" if undo_of else "done"), "new"
            elif now is not None and now == record.digest_before:
                state, found = "undone" if not undo_of else "failed", "old"
            else:
                state, found = "failed", "other" if now else "unreadable"
            detail = {"interrupted": True, "file": found, "take_up": ["unknown", None, "interrupted"]}
            await self._store.finish_switch(record.id, state, detail=detail)
            if undo_of and found == "new":
                await self._store.finish_switch(int(undo_of), "undone", detail={"undone_by": record.id})
            await self._store.audit(
                AuditEntry(
                    self._clock.now(),
                    "quotadesk",
                    "recover",
                    record.engine,
                    {"new": "done", "old": "undone"}.get(found, "failed"),
                    self._gate.trusted(
                        f"#{record.id} {record.from_route or '?'} -> {record.to_route or '?'} was interrupted; "
                        f"the file is the {found} one"
                    ),
                )
            )
            out.append(replace(record, state=state, detail={**record.detail, **detail}))
        return tuple(out)

    # --- small

    def _operators_only(self, role: Role) -> None:
        if role < Role.OPERATOR:
            names = ", ".join(self._team.access.operators)
            raise NotAllowed("operators only", key="operators_only", operators=names)

    async def _note(self, what: str, engine: Engine, who: str, name: str, result: str, detail: str) -> None:
        await self._store.audit(
            AuditEntry(self._clock.now(), who, what, engine.name, result, self._gate.trusted(detail), name=name)
        )


def _against(checks: Sequence[Check]) -> tuple[Check, ...]:
    return tuple(check for check in checks if check.ok is False)
