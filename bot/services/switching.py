"""`/switch`: rehearse, apply as one, take up, verify, undo. Key, address and model move together or not at all.

A written file proves nothing: after the write the file is read again, the application's own way of taking it up is used, and
the target is asked once more with the values as they stand in the file. Every attempt is in the audit, without any value.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Final

from bot.errors import Expired, StoreError, SwitchRefused
from bot.model.chat import Person, Role
from bot.model.engine import Engine, Route
from bot.model.team import Secret, Team
from bot.model.values import dataclass
from bot.ports import AuditEntry, Clock, EnvChange, EnvFiles, Gate, Http, Keys, Restarter, Store, SwitchRecord
from bot.services import smaller, target
from bot.services.switch_plan import Check, Done, refuse
from bot.services.switch_records import Records
from bot.services.target import Checker

ANONYMOUS: Final = "DISABLE_ANONYMOUS_FALLBACK"


@dataclass(frozen=True, slots=True)
class Claim:
    """A confirmed plan, before it is carried out."""

    engine: Engine
    route: Route
    by: Person
    marks: tuple[str, ...]
    forced: bool


class Switching(Records):
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
        super().__init__(team, keys, files, http, balances, restarter, store, clock, gate)
        self._busy: set[Path] = set()
        self._under_way: set[asyncio.Task[Done]] = set()

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
        """Carries out a claimed plan. Raises SwitchRefused; the file is then as it was."""
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

    async def cancel(self, token: str) -> tuple[Engine, str | None, str] | None:
        """What was to be switched from where to where; None if there was nothing to cancel any more."""
        payload = await self._store.take_token("switch", token, self._clock.now())
        if payload is None:
            return None
        return self.engine(str(payload["engine"])), payload.get("from"), str(payload["to"])

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
