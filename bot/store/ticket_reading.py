"""Tickets as they are read: with their timeline, evidence, copies and the people who wait."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, Table, exists, func, or_, select

from bot.model.chat import MessageRef, Person
from bot.model.handoff import Evidence, Ticket, TicketState, TimelineEntry, Waiting
from bot.store import tables
from bot.store.core import AsyncConnection
from bot.store.steps import StepStore


def _person(address: str | None, name: str | None) -> Person | None:
    if address is None:
        return None
    platform, _, id = address.partition(":")
    return Person(platform, id, name or "")  # type: ignore[arg-type]


def _stated(rows: Iterable[Row[Any]]) -> dict[int, list[Row[Any]]]:
    grouped: dict[int, list[Row[Any]]] = {}
    for row in rows:
        grouped.setdefault(row.ticket, []).append(row)
    return grouped


class TicketReading(StepStore):
    """Finds tickets and puts their parts together. Implements that part of `bot.ports.Store`."""

    async def ticket(self, id: int) -> Ticket | None:
        if not 0 < id < 2**31:
            return None
        async with self.read() as db:
            return await self._ticket(db, id)

    async def _ticket(self, db: AsyncConnection, id: int) -> Ticket | None:
        rows = (await db.execute(select(tables.tickets).where(tables.tickets.c.id == id))).all()
        found = await self._whole(db, rows, timelines=True)
        return found[0] if found else None

    async def tickets(
        self,
        *,
        states: Sequence[TicketState] = (),
        search: str = "",
        limit: int = 50,
        ids: Sequence[int] | None = None,
    ) -> list[Ticket]:
        """Newest first, without timelines. `search` looks for the words in engine, cause, route, what was seen, evidence and
        resolution, whatever the case of ASCII letters."""
        table = tables.tickets.c
        query = select(tables.tickets)
        if ids is not None:
            query = query.where(table.id.in_(ids))
        if states:
            query = query.where(table.state.in_([state.value for state in states]))
        evidence = tables.ticket_evidence.c
        for word in search.lower().split()[:8]:
            columns = (
                table.engine,
                table.cause,
                table.route,
                table.account,
                table.capability,
                table.symptom,
                table.resolution,
            )
            query = query.where(
                or_(
                    *(func.lower(column).contains(word, autoescape=True) for column in columns),
                    exists().where(
                        evidence.ticket == table.id, func.lower(evidence.value).contains(word, autoescape=True)
                    ),
                )
            )
        async with self.read() as db:
            rows = (await db.execute(query.order_by(table.id.desc()).limit(limit))).all()
            return await self._whole(db, rows, timelines=False)

    async def _of(self, db: AsyncConnection, table: Table, ids: list[int]) -> dict[int, list[Row[Any]]]:
        return _stated((await db.execute(select(table).where(table.c.ticket.in_(ids)).order_by(table.c.id))).all())

    async def _whole(self, db: AsyncConnection, rows: Sequence[Row[Any]], *, timelines: bool) -> list[Ticket]:
        if not rows:
            return []
        ids = [row.id for row in rows]
        evidence = await self._of(db, tables.ticket_evidence, ids)
        messages = await self._of(db, tables.ticket_messages, ids)
        waiting = await self._of(db, tables.ticket_waiting, ids)
        entries = await self._of(db, tables.ticket_entries, ids) if timelines else {}
        return [
            self._made(
                row,
                evidence.get(row.id, []),
                messages.get(row.id, []),
                waiting.get(row.id, []),
                entries.get(row.id, []),
            )
            for row in rows
        ]

    def _made(
        self,
        row: Row[Any],
        evidence: list[Row[Any]],
        messages: list[Row[Any]],
        waiting: list[Row[Any]],
        entries: list[Row[Any]],
    ) -> Ticket:
        opened_by = _person(row.opened_by, row.opened_by_name)
        if opened_by is None:
            raise TypeError("a ticket has an opener")
        waits = tuple(
            Waiting(
                _person(one.person, one.name) or opened_by,
                one.language,
                MessageRef(**one.asked_in) if one.asked_in else None,
            )
            for one in waiting
        )
        return Ticket(
            id=row.id,
            key=row.key,
            state=TicketState(row.state),
            engine=row.engine,
            cause=row.cause,
            urgency=row.urgency,
            opened_at=row.opened_at,
            opened_by=opened_by,
            owner=row.owner,
            environment=row.environment,
            capability=self.clean(row.capability),
            last_known_good=self.clean(row.last_known_good),
            symptom=self.clean(row.symptom),
            evidence=tuple(Evidence(one.name, self.clean(one.value)) for one in evidence),
            next_review=row.next_review,
            language=row.language,
            removed=row.removed,
            count=row._mapping["count"],  # a Row is a tuple, whose own `count` comes first
            acknowledged_by=_person(row.acknowledged_by, row.acknowledged_by_name),
            acknowledged_at=row.acknowledged_at,
            resolved_by=_person(row.resolved_by, row.resolved_by_name),
            resolved_at=row.resolved_at,
            resolution=self.clean_or_none(row.resolution),
            asked_in=next((one.asked_in for one in waits if one.person == opened_by), None),
            drill=row.drill,
            timeline=tuple(
                TimelineEntry(one.at, one.who, one.what, self.clean_or_none(one.detail), one.name) for one in entries
            ),
            messages=tuple(
                MessageRef(one.platform, one.chat, one.message, one.thread, one.picture) for one in messages
            ),
            route=row.route,
            account=row.account,
            facts=row.facts,
            waiting=waits,
        )
