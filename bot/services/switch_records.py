"""What was switched before: the newest one, the history, and what a killed process left unfinished."""

from __future__ import annotations

from dataclasses import replace

from bot.errors import NotAllowed
from bot.model.chat import Role
from bot.model.engine import Engine
from bot.ports import AuditEntry, SwitchRecord
from bot.services.rehearsal import Rehearsal


class Records(Rehearsal):
    """The store's side of switching."""

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
