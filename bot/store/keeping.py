"""Taking out what is old."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Table, and_, delete, select

from bot.store import tables
from bot.store.database import Database


class KeepingStore(Database):
    """Retention: what is old is taken out in pieces."""

    async def prune(self, what: str, before: datetime, limit: int) -> int:
        """At most `limit` rows older than `before`, the oldest first: readings, sightings, audit, resolved tickets with all that
        belongs to them, finished steps. How many it were."""
        table, old = _old(what, before)
        async with self.write(durable=False) as db:
            ids = list((await db.execute(select(table.c.id).where(old).order_by(table.c.id).limit(limit))).scalars())
            if ids:
                await db.execute(delete(table).where(table.c.id.in_(ids)))
        return len(ids)


def _old(what: str, before: datetime) -> tuple[Table, ColumnElement[bool]]:
    readings, tickets, steps = tables.readings, tables.tickets, tables.steps
    kinds: dict[str, tuple[Table, ColumnElement[bool]]] = {
        "readings": (readings, readings.c.at < before),
        "sightings": (tables.sightings, tables.sightings.c.at < before),
        "audit": (tables.audits, tables.audits.c.at < before),
        "tickets": (tickets, and_(tickets.c.state == "resolved", tickets.c.resolved_at < before)),
        "steps": (steps, and_(steps.c.state != "pending", steps.c.finished_at < before)),
    }
    return kinds[what]
