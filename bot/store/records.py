"""Switches from intent to result, and the audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select, update

from bot.ports import AuditEntry, SwitchRecord
from bot.store import tables
from bot.store.database import Database


class RecordStore(Database):
    """Switches and the audit. Implements that part of `bot.ports.Store`."""

    async def begin_switch(self, record: SwitchRecord) -> int:
        """`record.id` is ignored; the new one is returned."""
        async with self.write() as db:
            row = await db.execute(
                tables.switches.insert().returning(tables.switches.c.id),
                {
                    "at": record.at,
                    "engine": record.engine,
                    "from_route": record.from_route,
                    "to_route": record.to_route,
                    "who": record.who,
                    "state": record.state,
                    "backup": record.backup,
                    "digest_before": record.digest_before,
                    "digest_after": record.digest_after,
                    "detail": dict(record.detail),
                },
            )
            return int(row.scalar_one())

    async def finish_switch(
        self, id: int, state: str, *, detail: Mapping[str, Any], digest_after: str | None = None
    ) -> None:
        """`detail` is added to what the record holds."""
        table = tables.switches.c
        async with self.write() as db:
            kept = (await db.execute(select(table.detail).where(table.id == id).with_for_update())).scalar_one_or_none()
            values: dict[str, Any] = {"state": state, "detail": {**(kept or {}), **detail}}
            if digest_after is not None:
                values["digest_after"] = digest_after
            await db.execute(update(tables.switches).where(table.id == id).values(**values))

    async def switches(
        self, engine: str | None = None, *, states: Sequence[str] = (), limit: int = 20
    ) -> list[SwitchRecord]:
        """Newest first."""
        table = tables.switches.c
        query = select(tables.switches)
        if engine is not None:
            query = query.where(table.engine == engine)
        if states:
            query = query.where(table.state.in_(states))
        async with self.read() as db:
            rows = await db.execute(query.order_by(table.id.desc()).limit(limit))
            return [SwitchRecord(**row._mapping) for row in rows]

    async def audit(self, entry: AuditEntry) -> None:
        async with self.write() as db:
            await db.execute(
                tables.audits.insert(),
                {
                    "at": entry.at,
                    "who": entry.who,
                    "name": entry.name,
                    "what": entry.what,
                    "subject": entry.subject,
                    "result": entry.result,
                    "detail": entry.detail,
                },
            )

    async def audits(self, *, subject: str | None = None, limit: int = 100) -> list[AuditEntry]:
        """Newest first."""
        table = tables.audits.c
        query = select(tables.audits)
        if subject is not None:
            query = query.where(table.subject == subject)
        async with self.read() as db:
            rows = (await db.execute(query.order_by(table.id.desc()).limit(limit))).all()
        return [
            AuditEntry(
                row.at, row.who, row.what, row.subject, row.result, self.clean(row.detail), id=row.id, name=row.name
            )
            for row in rows
        ]
