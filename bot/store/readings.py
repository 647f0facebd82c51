"""Figures over time, and errors that were diagnosed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, func, literal, select, true, union_all, update

from bot.model.money import Kind, Reading
from bot.ports import Sighting, StoredReading
from bot.store import tables
from bot.store.columns import Utc
from bot.store.database import Database

_REACH = timedelta(days=1)  # how far before the first mark its asking may lie


def _reading(row: Row[Any]) -> StoredReading:
    return StoredReading(
        row.account,
        row.at,
        Reading(
            Kind(row.kind),
            row.amount,
            row.currency,
            row.used,
            row.limit,
            row.resets_at,
            {name: Decimal(part) for name, part in row.parts.items()},
            row.unlimited,
            row.label,
            row.blocks,
            row.hand_kept_at,
        ),
    )


class ReadingStore(Database):
    """Figures over time, and sightings. Implements that part of `bot.ports.Store`."""

    async def add_readings(self, readings: Sequence[StoredReading]) -> None:
        """The readings of one asking share their `at`: `latest` returns them together."""
        if not readings:
            return
        rows = [
            {
                "account": stored.account,
                "at": stored.at,
                "kind": stored.reading.kind.value,
                "amount": stored.reading.amount,
                "currency": stored.reading.currency,
                "used": stored.reading.used,
                "limit": stored.reading.limit,
                "resets_at": stored.reading.resets_at,
                "parts": dict(stored.reading.parts),
                "unlimited": stored.reading.unlimited,
                "label": stored.reading.label,
                "blocks": stored.reading.blocks,
                "hand_kept_at": stored.reading.hand_kept_at,
            }
            for stored in readings
        ]
        async with self.write(durable=False) as db:
            await db.execute(tables.readings.insert(), rows)

    async def history(self, account: str, since: datetime, kind: Kind | None = None) -> list[StoredReading]:
        """Oldest first."""
        table = tables.readings.c
        query = select(tables.readings).where(table.account == account, table.at >= since)
        if kind is not None:
            query = query.where(table.kind == kind.value)
        async with self.read() as db:
            return [_reading(row) for row in await db.execute(query.order_by(table.at, table.id))]

    async def latest(self, accounts: Sequence[str]) -> Mapping[str, list[StoredReading]]:
        """The newest readings of each account (all of one asking); accounts that were never read are absent."""
        if not accounts:
            return {}
        table = tables.readings.c
        who = union_all(*(select(literal(a).label("account")) for a in dict.fromkeys(accounts))).cte("who")
        # A look per account into the index on (account, at); a grouped query walks the whole history.
        newest = (
            select(func.max(table.at))
            .where(table.account == who.c.account)
            .correlate(who)
            .scalar_subquery()
            .label("at")
        )
        points = select(who.c.account, newest).subquery()
        query = (
            select(tables.readings)
            .join(points, (points.c.account == table.account) & (points.c.at == table.at))
            .order_by(table.account, table.id)
        )
        found: dict[str, list[StoredReading]] = {}
        async with self.read() as db:
            for row in await db.execute(query):
                found.setdefault(row.account, []).append(_reading(row))
        return found

    async def sparse(self, accounts: Sequence[str], marks: Sequence[datetime]) -> Mapping[str, list[StoredReading]]:
        """For each mark the newest asking not after it, oldest first; marks that saw nothing new give nothing.

        Each mark is one look into the index on (account, at), so the length of the history does not matter.
        """
        if not accounts or not marks:
            return {}
        table = tables.readings.c
        who = union_all(*(select(literal(a).label("account")) for a in dict.fromkeys(accounts))).cte("who")
        when = union_all(*(select(literal(m, Utc()).label("mark")) for m in marks)).cte("moment")
        newest = (
            select(func.max(table.at))
            .where(table.account == who.c.account, table.at <= when.c.mark, table.at > min(marks) - _REACH)
            .correlate(who, when)
            .scalar_subquery()
        )
        points = select(who.c.account, newest.label("at")).select_from(who.join(when, true())).distinct().subquery()
        query = (
            select(tables.readings)
            .join(points, (points.c.account == table.account) & (points.c.at == table.at))
            .order_by(table.account, table.at, table.id)
        )
        found: dict[str, list[StoredReading]] = {}
        async with self.read() as db:
            for row in await db.execute(query):
                found.setdefault(row.account, []).append(_reading(row))
        return found

    # --- sightings

    async def add_sighting(self, sighting: Sighting) -> int:
        """`sighting.id` is ignored; the new one is returned."""
        async with self.write(durable=False) as db:
            row = await db.execute(
                tables.sightings.insert().returning(tables.sightings.c.id),
                {
                    "at": sighting.at,
                    "who": sighting.who,
                    "engine": sighting.engine,
                    "cause": sighting.cause,
                    "account": sighting.account,
                    "request_id": sighting.request_id,
                    "text": sighting.text,
                    "payload": dict(sighting.payload),
                    "ticket": sighting.ticket,
                },
            )
            return int(row.scalar_one())

    def _sighting(self, row: Row[Any]) -> Sighting:
        return Sighting(
            row.id,
            row.at,
            row.who,
            row.engine,
            row.cause,
            row.account,
            row.request_id,
            self.clean(row.text),
            row.payload,
            row.ticket,
        )

    async def sighting(self, id: int) -> Sighting | None:
        async with self.read() as db:
            row = (await db.execute(select(tables.sightings).where(tables.sightings.c.id == id))).first()
        return self._sighting(row) if row else None

    async def sightings(
        self, since: datetime, *, engine: str | None = None, cause: str | None = None, request_id: str | None = None
    ) -> list[Sighting]:
        """Newest first, at most 200."""
        table = tables.sightings.c
        query = select(tables.sightings).where(table.at >= since)
        for column, wanted in ((table.engine, engine), (table.cause, cause), (table.request_id, request_id)):
            if wanted is not None:
                query = query.where(column == wanted)
        async with self.read() as db:
            rows = (await db.execute(query.order_by(table.at.desc(), table.id.desc()).limit(200))).all()
        return [self._sighting(row) for row in rows]

    async def set_sighting_ticket(self, id: int, ticket: int) -> None:
        async with self.write(durable=False) as db:
            await db.execute(update(tables.sightings).where(tables.sightings.c.id == id).values(ticket=ticket))
