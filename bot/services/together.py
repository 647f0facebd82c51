"""Sends what waits for the same place as one message, and edits a message once for all that changed.

A burst keeps to a platform's pace so, and whoever is killed repeats one message at most.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from bot.model.chat import MessageRef, Person
from bot.model.handoff import Page, Ticket, TicketState, TimelineEntry
from bot.model.team import Team
from bot.ports import Clock, Desk, DueStep, Gate, Store
from bot.ports.departure import departing
from bot.services.bundles import Bundles
from bot.services.due import SELF, Due, person_of, target_of
from bot.services.steps import RECORDED, maybe_twice

TOGETHER: Final = ("note", "page", "call", "remind")  # many of them to one place are one message
DIGEST: Final = "digest:"


def _shown(ticket: Ticket) -> tuple[object, ...]:
    """What a copy of the note depends on."""
    return (
        ticket.state,
        ticket.urgency,
        ticket.count,
        ticket.evidence,
        ticket.acknowledged_by,
        ticket.next_review,
        ticket.resolution,
    )


def _digest_key(ref: MessageRef) -> str:
    """Of the fact that names the tickets of a message which shows many."""
    return f"{DIGEST}{ref.platform}:{ref.chat}:{ref.message}"


def page_of(step: DueStep, team: Team) -> Page:
    """The call that a step's payload holds."""
    page = step.payload["page"]
    return Page(
        page["level"],
        tuple(person_of(address, team) for address in page["people"]),
        datetime.fromisoformat(page["next_at"]),
        tuple(person_of(address, team) for address in page["next"]),
        page["everybody"],
        page["nobody"],
        maybe_twice(step),
    )


class Together:
    """`everywhere`: one person's addresses on all platforms."""

    def __init__(
        self,
        team: Team,
        store: Store,
        desk: Desk,
        clock: Clock,
        gate: Gate,
        due: Due,
        everywhere: Callable[[str | None], Awaitable[tuple[Person, ...]]],
    ) -> None:
        self._team = team
        self._store = store
        self._desk = desk
        self._clock = clock
        self._gate = gate
        self._due = due
        self._everywhere = everywhere
        self._bundles: Bundles[DueStep, str] = Bundles()
        self._edits: Bundles[DueStep, None] = Bundles(least=1)
        self._tellings: Bundles[DueStep, None] = Bundles()

    # --- bot.services.steps.Gathering

    def _bundle(self, step: DueStep) -> tuple[Bundles[DueStep, Any], str] | None:
        """Where a step meets those that go into the same message."""
        if step.kind in TOGETHER:
            return self._bundles, f"{step.kind} {target_of(step)}"
        if step.kind == "renew":
            return self._edits, _digest_key(MessageRef(**step.payload["ref"]))
        if step.kind == "tell":
            return self._tellings, str(step.payload["place"])
        return None

    def expect(self, steps: Sequence[DueStep]) -> None:
        """Gathers those that may go in one message."""
        for step in steps:
            if found := self._bundle(step):
                found[0].expect(found[1], step.id)

    def settle(self, step: DueStep) -> None:
        """Its message goes without it."""
        if found := self._bundle(step):
            found[0].settle(found[1], step.id)

    # --- messages

    async def send(self, step: DueStep) -> str:
        """Sends this step's message, or one message for all that wait for the same place."""
        send = partial(self._send_together, step.kind, target_of(step))
        return await self._bundles.send(f"{step.kind} {target_of(step)}", step, send, number=step.id)

    async def _send_together(self, kind: str, address: str, steps: Sequence[DueStep]) -> list[str]:
        """What became of each. The tickets are read now: the turn may have come late."""
        now = self._clock.now()
        ids = sorted({step.payload["ticket"] for step in steps})
        tickets = {t.id: t for t in await self._store.tickets(ids=ids, limit=len(ids))}
        results = {step.id: self._needless(kind, tickets.get(step.payload["ticket"])) for step in steps}
        going = sorted(
            ((step, tickets[step.payload["ticket"]]) for step in steps if not results[step.id]),
            key=lambda each: each[1].id,
        )
        if going:
            await self._send_all(kind, address, going, now)
        return [results[step.id] or RECORDED for step in steps]

    def _needless(self, kind: str, ticket: Ticket | None) -> str:
        """Why nothing is to be sent any more, else ""."""
        if ticket is None:
            return "no ticket"
        if kind in ("page", "call") and ticket.state is not TicketState.OPEN:
            return "not open"
        return "resolved" if kind == "remind" and ticket.state is TicketState.RESOLVED else ""

    async def _send_all(self, kind: str, address: str, going: Sequence[tuple[DueStep, Ticket]], now: datetime) -> None:
        with departing(partial(self._store.begin_sending, [step.id for step, _ in going])):
            if len(going) == 1:
                ref, fact = await self._send_one(address, *going[0], now), None
            else:
                ref, fact = await self._send_digest(kind, address, going, now)
        now = self._clock.now()
        what = "reached" if kind in ("page", "call") else "delivered"
        entry = TimelineEntry(now, SELF.address, what, self._gate.trusted(address))
        # At once and as one: whoever is killed now has told fifty people's worth, and must not tell it again.
        await self._store.record_digest([(ticket.id, step.id) for step, ticket in going], entry, ref, fact)
        shown = {ticket.id: _shown(ticket) for _, ticket in going}
        latest = await self._store.tickets(ids=list(shown), limit=len(shown))
        if moved := [ticket for ticket in latest if _shown(ticket) != shown[ticket.id]]:
            await self._store.schedule(
                [self._due.renewal(moved[0].id, ref, now)]
            )  # one edit shows all as they are then

    async def _send_one(self, address: str, step: DueStep, ticket: Ticket, now: datetime) -> MessageRef:
        if step.kind == "note":
            return await self._desk.note(address, ticket, now, maybe_twice=maybe_twice(step))
        if step.kind == "page":
            language = (await self._store.profile(address)).language or self._team.language
            return await self._desk.page(
                person_of(address, self._team), ticket, page_of(step, self._team), language, now
            )
        if step.kind == "call":
            return await self._desk.call(address, ticket, page_of(step, self._team), now)
        people = [p for one in step.payload["people"] for p in await self._everywhere(one)]
        return await self._desk.remind(address, ticket, people, now, last=step.payload["last"])

    async def _send_digest(
        self, kind: str, address: str, going: Sequence[tuple[DueStep, Ticket]], now: datetime
    ) -> tuple[MessageRef, tuple[str, Any]]:
        """And the fact that says which tickets the message shows."""
        pages = [page_of(step, self._team) for step, _ in going if "page" in step.payload]
        people: dict[str, Person] = {}
        for page in pages if kind == "call" else ():
            people |= {person.address: person for person in page.people}
        for step, _ in going if kind == "remind" else ():
            for one in step.payload["people"]:
                people |= {person.address: person for person in await self._everywhere(one)}
        language = None
        if kind == "page":
            language = (await self._store.profile(address)).language or self._team.language
        tickets = [ticket for _, ticket in going]
        ref = await self._desk.digest(
            kind,
            address,
            tickets,
            now,
            page=min(pages, key=lambda page: page.next_at) if pages else None,
            people=tuple(people.values()),
            language=language,
            twice=[ticket.id for step, ticket in going if maybe_twice(step)],
        )
        value = {"kind": kind, "tickets": [t.id for t in tickets], "language": language, "at": now.isoformat()}
        return ref, (_digest_key(ref), value)

    # --- edits

    async def renew(self, step: DueStep) -> str:
        """However many moves wait for this message, it is edited once, into what is true then."""
        ref = MessageRef(**step.payload["ref"])
        key = _digest_key(ref)
        digest = await self._store.get_fact(key)
        send = partial(self._renew_digest, ref, digest) if digest else partial(self._renew_one, ref)
        await self._edits.send(key, step, send, number=step.id)
        return "done"

    async def _renew_one(self, ref: MessageRef, steps: Sequence[DueStep]) -> list[None]:
        ticket = await self._store.ticket(steps[-1].payload["ticket"])
        for _ in range(5):
            if ticket is None:
                break
            await self._desk.renew(ref, ticket, self._clock.now())
            latest = await self._store.ticket(ticket.id)
            # Two replicas may edit at once; whoever comes last must have shown the newest.
            if latest is None or _shown(latest) == _shown(ticket):
                break
            ticket = latest
        return [None] * len(steps)

    async def _renew_digest(self, ref: MessageRef, digest: dict[str, Any], steps: Sequence[DueStep]) -> list[None]:
        """One edit for all of its tickets that moved."""
        for _ in range(5):
            tickets = await self._in_order(digest["tickets"])
            now = self._clock.now()
            await self._desk.renew_digest(ref, digest["kind"], tickets, now, language=digest["language"])
            latest = await self._in_order(digest["tickets"])
            if [_shown(ticket) for ticket in latest] == [_shown(ticket) for ticket in tickets]:
                break
        return [None] * len(steps)

    async def _in_order(self, ids: Sequence[int]) -> list[Ticket]:
        found = {ticket.id: ticket for ticket in await self._store.tickets(ids=ids, limit=len(ids))}
        return [found[id] for id in ids if id in found]

    # --- sentences of the bot's own

    async def tell(self, step: DueStep) -> str:
        place = step.payload["place"]
        await self._tellings.send(place, step, partial(self._tell_together, place), number=step.id)
        return "done"

    async def _tell_together(self, place: str, steps: Sequence[DueStep]) -> list[None]:
        now = self._clock.now()
        told = [
            (
                str(step.payload["word"]),
                step.payload["facts"],
                await self._store.ticket(step.payload["ticket"]) if "ticket" in step.payload else None,
            )
            for step in steps
        ]
        if len(told) == 1:
            word, facts, ticket = told[0]
            await self._desk.tell(place, word, facts, now, ticket=ticket)
        else:
            await self._desk.tell_many(place, told, now)
        return [None] * len(steps)
