"""Every transaction on a ticket. One trouble has one open ticket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import case, literal, or_, select, update

from bot.errors import StoreError
from bot.model.chat import CleanText, MessageRef, Person
from bot.model.handoff import Evidence, Ticket, TicketState, TimelineEntry
from bot.ports import DueStep
from bot.store import tables
from bot.store.core import AsyncConnection
from bot.store.ticket_reading import TicketReading


def _by(prefix: str, person: Person | None) -> dict[str, Any]:
    return {f"{prefix}_by": person and person.address, f"{prefix}_by_name": person and person.name}


def _entry(ticket: Ticket, what: str) -> TimelineEntry:
    return TimelineEntry(ticket.opened_at, ticket.opened_by.address, what, name=ticket.opened_by.name)


class TicketStore(TicketReading):
    """Opens, joins, moves and adds. Implements that part of `bot.ports.Store`."""

    # --- opening and joining

    async def open_ticket(self, ticket: Ticket, steps: Sequence[DueStep]) -> tuple[Ticket, bool]:
        """See ports.Store. The timeline gets "opened" or "joined", by `opened_by` at `opened_at`."""
        async with self.write() as db:
            for _ in range(5):
                # Joining is tried first: a refused INSERT would use up a number, and people read these numbers.
                id = (await db.execute(self._join(ticket))).scalar_one_or_none()
                new = id is None
                if id is None:
                    id = (await db.execute(self._new(ticket))).scalar_one_or_none()
                if id is None:  # another replica opened it since; it is there to be joined now
                    continue
                await self._enter(db, id, _entry(ticket, "opened" if new else "joined"))
                if new:
                    await self._schedule(db, steps, ticket=id)
                await self._add_evidence(db, id, ticket.evidence, newer_wins=False)
                await self._add_waiting(db, id, ticket)
                whole = await self._ticket(db, id)
                if whole is None:
                    raise TypeError("the ticket was just written")
                return whole, new
        raise TypeError("a ticket can be opened or joined")

    def _join(self, ticket: Ticket) -> Any:
        table = tables.tickets.c
        return (
            update(tables.tickets)
            .where(table.key == ticket.key, table.state != TicketState.RESOLVED.value)
            .values(
                count=table.count + 1,
                urgency=case(
                    (or_(table.urgency == "page", literal(ticket.urgency) == "page"), "page"),
                    (or_(table.urgency == "note", literal(ticket.urgency) == "note"), "note"),
                    else_=table.urgency,
                ),
            )
            .returning(table.id)
        )

    def _new(self, ticket: Ticket) -> Any:
        return (
            self.insert(tables.tickets)
            .values(
                key=ticket.key,
                state=ticket.state.value,
                engine=ticket.engine,
                cause=ticket.cause,
                route=ticket.route,
                account=ticket.account,
                urgency=ticket.urgency,
                opened_at=ticket.opened_at,
                **_by("opened", ticket.opened_by),
                owner=ticket.owner,
                environment=ticket.environment,
                capability=ticket.capability,
                last_known_good=ticket.last_known_good,
                symptom=ticket.symptom,
                next_review=ticket.next_review,
                language=ticket.language,
                removed=dict(ticket.removed),
                facts=dict(ticket.facts),
                count=1,
                drill=ticket.drill,
            )
            .on_conflict_do_nothing()
            .returning(tables.tickets.c.id)
        )

    async def _enter(self, db: AsyncConnection, id: int, entry: TimelineEntry) -> None:
        await db.execute(
            tables.ticket_entries.insert().values(
                ticket=id, at=entry.at, who=entry.who, name=entry.name, what=entry.what, detail=entry.detail
            )
        )

    async def _add_evidence(
        self, db: AsyncConnection, id: int, evidence: Sequence[Evidence], *, newer_wins: bool
    ) -> None:
        for one in evidence:
            insert = self.insert(tables.ticket_evidence).values(ticket=id, name=one.name, value=one.value)
            await db.execute(
                insert.on_conflict_do_update(index_elements=["ticket", "name"], set_={"value": insert.excluded.value})
                if newer_wins
                else insert.on_conflict_do_nothing()
            )

    async def _add_waiting(self, db: AsyncConnection, id: int, ticket: Ticket) -> None:
        insert = self.insert(tables.ticket_waiting).values(
            ticket=id,
            person=ticket.opened_by.address,
            name=ticket.opened_by.name,
            language=ticket.language,
            asked_in=asdict(ticket.asked_in) if ticket.asked_in else None,
        )
        # Who asks again is answered where they asked last.
        await db.execute(
            insert.on_conflict_do_update(
                index_elements=["ticket", "person"],
                set_={"asked_in": insert.excluded.asked_in, "language": insert.excluded.language},
            )
        )

    # --- moving and adding

    async def move_ticket(
        self,
        id: int,
        *,
        expect: Sequence[TicketState],
        to: TicketState,
        by: Person,
        at: datetime,
        entry: TimelineEntry,
        steps: Sequence[DueStep] = (),
        cancel: Sequence[str] = (),
        resolution: CleanText | None = None,
        next_review: datetime | None = None,
    ) -> Ticket | None:
        """See ports.Store."""
        if not 0 < id < 2**31:
            return None
        table = tables.tickets.c
        values: dict[str, Any] = {"state": to.value}
        if to is TicketState.ACKNOWLEDGED:
            values |= {**_by("acknowledged", by), "acknowledged_at": at}
        elif to is TicketState.RESOLVED:
            values |= {**_by("resolved", by), "resolved_at": at, "resolution": resolution}
        else:
            values |= {**_by("acknowledged", None), "acknowledged_at": None}
            values |= {**_by("resolved", None), "resolved_at": None, "resolution": None}
        if next_review is not None:
            values["next_review"] = next_review
        try:
            async with self.write() as db:
                moved = await db.execute(
                    update(tables.tickets)
                    .where(table.id == id, table.state.in_([state.value for state in expect]))
                    .values(**values)
                    .returning(table.id)
                )
                if moved.first() is None:
                    return None
                await self._enter(db, id, entry)
                await self._cancel(db, cancel, at)
                await self._schedule(db, steps, ticket=id)
                return await self._ticket(db, id)
        except StoreError as fault:
            if fault.reason == "conflict":  # reopened, while a newer ticket of the same key is open
                return None
            raise

    async def add_to_ticket(
        self,
        id: int,
        entry: TimelineEntry,
        *,
        evidence: Sequence[Evidence] = (),
        message: MessageRef | None = None,
        next_review: datetime | None = None,
        steps: Sequence[DueStep] = (),
        cancel: Sequence[str] = (),
    ) -> Ticket | None:
        """See ports.Store."""
        if not 0 < id < 2**31:
            return None
        table = tables.tickets.c
        async with self.write() as db:
            locked = await db.execute(select(table.id).where(table.id == id).with_for_update())
            if locked.first() is None:
                return None
            await self._cancel(db, cancel, entry.at)
            new = await self._schedule(db, steps, ticket=id)
            if steps and not new:
                return await self._ticket(db, id)
            await self._enter(db, id, entry)
            await self._add_evidence(db, id, evidence, newer_wins=True)
            if message is not None:
                await db.execute(
                    self.insert(tables.ticket_messages).values(ticket=id, **asdict(message)).on_conflict_do_nothing()
                )
            if next_review is not None:
                await db.execute(update(tables.tickets).where(table.id == id).values(next_review=next_review))
            return await self._ticket(db, id)

    async def record_digest(
        self, sent: Sequence[tuple[int, int]], entry: TimelineEntry, message: MessageRef, fact: tuple[str, Any] | None
    ) -> None:
        """See ports.Store."""
        async with self.write() as db:
            # Few statements: whoever is killed before this ends sends the whole message again.
            wanted = select(tables.tickets.c.id).where(tables.tickets.c.id.in_({ticket for ticket, _ in sent}))
            # In one order: two replicas must not wait for each other.
            ids = (await db.execute(wanted.order_by(tables.tickets.c.id).with_for_update())).scalars().all()
            if ids:
                said = {
                    "at": entry.at,
                    "who": entry.who,
                    "name": entry.name,
                    "what": entry.what,
                    "detail": entry.detail,
                }
                await db.execute(tables.ticket_entries.insert(), [{"ticket": id, **said} for id in ids])
                copies = self.insert(tables.ticket_messages).values([{"ticket": id, **asdict(message)} for id in ids])
                await db.execute(copies.on_conflict_do_nothing())
            await db.execute(
                update(tables.steps)
                .where(tables.steps.c.id.in_([step for _, step in sent]), tables.steps.c.state == "pending")
                .values(state="done", finished_at=entry.at, result="done", lease_owner=None, lease_until=None)
            )
            if fact is None:
                return
            insert = self.insert(tables.facts).values(key=fact[0], value=fact[1], at=entry.at)
            newest = {"value": insert.excluded.value, "at": insert.excluded.at}
            await db.execute(insert.on_conflict_do_update(index_elements=["key"], set_=newest))
