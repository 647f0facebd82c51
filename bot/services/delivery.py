"""What is due for a ticket: notes, calls, reminders, edits, the end told to who asked. Each is a row that the runner claims.

Keys begin with `ticket:<id>:<kind>:`, so that a move cancels what no longer matters by prefix.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from bot.errors import DeliveryError
from bot.model import trace
from bot.model.chat import MessageRef, Person
from bot.model.handoff import Page, Ticket, TicketState, TimelineEntry
from bot.model.team import Team
from bot.ports import Clock, Desk, DueStep, Gate, Pager, Store
from bot.ports.departure import departing
from bot.services.bundles import Bundles
from bot.services.oncall import OnCallRota
from bot.services.steps import LONGEST_WAIT, RECORDED, StepRunner, maybe_twice

log = logging.getLogger("quotadesk.delivery")

SELF: Final = Person("terminal", "quotadesk", "quotadesk")
KINDS: Final = (
    "note",
    "renew",
    "escalate",
    "page",
    "call",
    "pager",
    "review",
    "remind",
    "ended",
    "tell",
    "drill",
    "shift",
)
CALLS_END_AFTER: Final = timedelta(hours=24)
REMINDERS_END_AFTER: Final = timedelta(days=7)
# Later than this after its time a step is told instead of fired: nobody is rung up for last month's trouble.
_TOO_LATE: Final = {
    "escalate": timedelta(hours=2),
    "page": timedelta(hours=2),
    "call": timedelta(hours=2),
    "pager": timedelta(hours=24),
    "remind": timedelta(hours=6),
    "review": timedelta(days=7),
    "note": timedelta(days=7),
    "ended": timedelta(days=7),
    "renew": timedelta(days=7),
    "tell": timedelta(hours=6),
    "shift": timedelta(hours=6),
}
_TOGETHER: Final = ("note", "page", "call", "remind")  # many of them to one place are one message
_LATE: Final = timedelta(minutes=1)
_ALL_GONE: Final = (
    "removed",
    "blocked",
    "no_chat",
    "not_in_channel",
    "channel_not_found",
    "is_archived",
    "not_connected",
)
_LATEST_CALLS: Final = 12
_DIGEST: Final = "digest:"
_DIGESTS_KEPT: Final = timedelta(days=30)
_LOOKED_AT: Final = 5000


def person_of(address: str, team: Team) -> Person:
    platform, _, id = address.partition(":")
    return Person(platform, id, team.people_names.get(address, ""))  # type: ignore[arg-type]


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
    return f"{_DIGEST}{ref.platform}:{ref.chat}:{ref.message}"


def _target(step: DueStep) -> str:
    """The chat, the person or the paging service that it goes to; "" for what stays here."""
    return str(step.payload.get("place") or step.payload.get("person") or step.payload.get("pager") or "")


async def _nothing() -> None:
    """Before a message that needs no mark: sent twice, it does no harm."""


class Delivery:
    """The job behind every step of a ticket."""

    def __init__(
        self,
        team: Team,
        store: Store,
        desk: Desk,
        pagers: Sequence[Pager],
        rota: OnCallRota,
        runner: StepRunner,
        clock: Clock,
        gate: Gate,
    ) -> None:
        self._team = team
        self._store = store
        self._desk = desk
        self._pagers = {pager.name: pager for pager in pagers}
        self._rota = rota
        self._runner = runner
        self._clock = clock
        self._gate = gate
        self._seen_late: set[int] = (
            set()
        )  # late at the last look as well: after a rest of ours all is late for a moment
        self._seen_broken: set[int] = set()
        self._bundles: Bundles[DueStep, str] = Bundles()
        self._edits: Bundles[DueStep, None] = Bundles(least=1)
        self._tellings: Bundles[DueStep, None] = Bundles()
        self._swept: datetime | None = None
        for kind in KINDS:
            runner.serve(kind, self)
        runner.tell_claims(self)
        runner.every("audit", 60, self.audit)
        runner.every("shift", 60, self.plan_shift)

    @property
    def pagers(self) -> tuple[str, ...]:
        """Names of the paging services that are set up."""
        return tuple(self._pagers)

    # --- steps

    def _step(self, kind: str, key: str, due: datetime, **payload: Any) -> DueStep:
        if number := trace.current():
            payload.setdefault("trace", number)
        return DueStep(0, kind, key, due, {"at": due.isoformat(), **payload})

    def note_step(self, ticket: str, place: str, due: datetime, *, instead_of: str = "") -> DueStep:
        key = f"ticket:{ticket}:note:{place}" + (f":instead:{instead_of}" if instead_of else "")
        return self._step("note", key, due, lane=place, place=place)

    def escalate_step(self, ticket: str, level: int, due: datetime, began: datetime) -> DueStep:
        """`began` tells one chain of calls from the next, after a snooze or a reopening."""
        key = f"ticket:{ticket}:page:{began.isoformat()}:{level}"
        return self._step("escalate", key, due, lane="self", level=level, began=began.isoformat())

    def worse_step(self, ticket: Ticket, now: datetime) -> DueStep:
        """The same key as the chain that a ticket opens with: where that runs already, this is nothing new."""
        first = self.escalate_step(str(ticket.id), 0, ticket.opened_at, ticket.opened_at)
        payload = {**first.payload, "at": now.isoformat(), "began": now.isoformat(), "ticket": ticket.id}
        return DueStep(0, first.kind, first.key, now, payload)

    async def note_now(self, ticket: Ticket, now: datetime) -> None:
        """Notes that waited for the morning go at once."""
        prefix = f"ticket:{ticket.id}:note:"
        waiting = [
            step
            for step in await self._store.pending_steps()
            if step.key.startswith(prefix) and step.due_at - now > _LATE
        ]
        if not waiting:
            return
        steps = [self.note_step(str(ticket.id), s.payload["place"], now, instead_of="morning") for s in waiting]
        entry = TimelineEntry(now, SELF.address, "urgent")
        await self._store.add_to_ticket(ticket.id, entry, steps=steps, cancel=[s.key for s in waiting])

    def review_step(self, ticket: str, due: datetime) -> DueStep:
        return self._step("review", f"ticket:{ticket}:review:{due.isoformat()}", due, lane="self")

    def drill_end_step(self, ticket: str, due: datetime) -> DueStep:
        return self._step("drill", f"ticket:{ticket}:drill:end", due, lane="self")

    def renewals(self, ticket: Ticket, now: datetime) -> list[DueStep]:
        """One edit for each copy of the note, the support chats' own first. Of a long night's calls only the latest: the
        buttons of the others say who has it when they are pressed."""
        first: dict[str, MessageRef] = {}
        for ref in ticket.messages:
            if (place := f"{ref.platform}:{ref.chat}") in self._team.support.chats:
                first.setdefault(place, ref)
        others = [ref for ref in ticket.messages if ref not in first.values()]
        return [self._renewal(ticket.id, ref, now) for ref in (*first.values(), *others[-_LATEST_CALLS:])]

    def _renewal(self, ticket: int, ref: MessageRef, now: datetime) -> DueStep:
        place = f"{ref.platform}:{ref.chat}"
        key = f"ticket:{ticket}:renew:{now.isoformat()}:{place}:{ref.message}"
        return self._step("renew", key, now, lane=place, ref=asdict(ref), ticket=ticket)

    def pager_steps(self, ticket: Ticket, verb: str, now: datetime) -> list[DueStep]:
        """Only for a ticket that called somebody: a mailbox must not hear the end of what it never heard of."""
        if ticket.urgency != "page":
            return []
        return [
            self._step(
                "pager",
                f"ticket:{ticket.id}:pager:{name}:{verb}:{now.isoformat()}",
                now,
                lane=f"pager:{name}",
                pager=name,
                verb=verb,
            )
            for name in self._pagers
        ]

    def ended_steps(self, ticket: Ticket, now: datetime) -> list[DueStep]:
        return [
            self._step(
                "ended",
                f"ticket:{ticket.id}:ended:{now.isoformat()}:{waiting.person.address}",
                now,
                lane=f"{waiting.asked_in.platform}:{waiting.asked_in.chat}"
                if waiting.asked_in
                else waiting.person.address,
                person=waiting.person.address,
            )
            for waiting in ticket.waiting
            if waiting.person.address != SELF.address  # a log or a program reported it: nobody waits for the answer
        ]

    async def everywhere(self, address: str | None) -> tuple[Person, ...]:
        """One person's addresses on all platforms; empty for nobody."""
        if address is None:
            return ()
        linked = (await self._store.profile(address)).linked
        return tuple(person_of(one, self._team) for one in (address, *linked))

    # --- the runner's side

    async def run(self, step: DueStep) -> str:
        now = self._clock.now()
        meant_for = datetime.fromisoformat(step.payload["at"])
        bound = _TOO_LATE.get(step.kind)
        late = bound is not None and now - meant_for > bound
        if step.kind in _TOGETHER and not late:
            return await self._together(step)
        ticket = None
        if "ticket" in step.payload:
            ticket = await self._store.ticket(step.payload["ticket"])
            if ticket is None:
                return "no ticket"
        if late:
            await self._tell_too_late(step, ticket, meant_for, now)
            return "too_late"
        run = getattr(self, f"_run_{step.kind}")
        with departing(_nothing):
            result: str = await (run(step, now) if ticket is None else run(step, ticket, now))
        return result

    def _bundle(self, step: DueStep) -> tuple[Bundles[DueStep, Any], str] | None:
        """Where a step meets those that go into the same message."""
        if step.kind in _TOGETHER:
            return self._bundles, f"{step.kind} {_target(step)}"
        if step.kind == "renew":
            return self._edits, _digest_key(MessageRef(**step.payload["ref"]))
        if step.kind == "tell":
            return self._tellings, str(step.payload["place"])
        return None

    def expect(self, steps: Sequence[DueStep]) -> None:
        for step in steps:
            if found := self._bundle(step):
                found[0].expect(found[1], step.id)

    def settle(self, step: DueStep) -> None:
        if found := self._bundle(step):
            found[0].settle(found[1], step.id)

    async def failed(self, step: DueStep, why: str) -> None:
        """Kept on the ticket, and told where somebody can read it: in the other support chats."""
        now = self._clock.now()
        target = _target(step)
        if step.kind == "renew":
            await self._renew_failed(step, why, now)
            return
        if step.kind in ("tell", "shift"):
            log.warning("%s could not be told: %s", step.key, why)
            return
        id = step.payload.get("ticket")
        detail = self._gate.trusted(f"{step.kind} {target}: {why}")
        tells = self._tells(step, target, "undelivered", {"what": step.kind, "target": target, "reason": why}, now)
        if id is None:
            await self._store.schedule(tells)
            return
        entry = TimelineEntry(now, SELF.address, "failed", detail)
        await self._store.add_to_ticket(id, entry, steps=tells)

    def _tells(
        self, step: DueStep, but_not: str, word: str, facts: dict[str, Any], now: datetime, *, key: str = ""
    ) -> list[DueStep]:
        places = [place for place in self._team.support.chats if place != but_not] or list(self._team.support.chats)
        more = {"ticket": step.payload["ticket"]} if "ticket" in step.payload else {}
        return [
            self._step(
                "tell",
                f"tell:{key or step.key}:{word}:{place}",
                now,
                lane=place,
                place=place,
                word=word,
                facts=facts,
                **more,
            )
            for place in places
        ]

    async def _tell_too_late(self, step: DueStep, ticket: Ticket | None, meant_for: datetime, now: datetime) -> None:
        if ticket is None or ticket.state is TicketState.RESOLVED or step.kind in ("tell", "renew", "shift"):
            return
        target = _target(step)
        facts = {"what": step.kind, "target": target, "at": meant_for.isoformat()}
        entry = TimelineEntry(now, SELF.address, "failed", self._gate.trusted(f"{step.kind} {target}: too_late"))
        # One sentence for all that was missed, not one for each: the key has the ticket and the day.
        key = f"ticket:{ticket.id}:{now:%Y-%m-%d}"
        await self._store.add_to_ticket(ticket.id, entry, steps=self._tells(step, "", "too_late", facts, now, key=key))

    async def _reached(self, ticket: Ticket, what: str, target: str, now: datetime) -> Ticket | None:
        entry = TimelineEntry(now, SELF.address, what, self._gate.trusted(target))
        return await self._store.add_to_ticket(ticket.id, entry)

    # --- one kind each

    async def _together(self, step: DueStep) -> str:
        """Sends this step's message, or one message for all that wait for the same place."""
        send = partial(self._send_together, step.kind, _target(step))
        return await self._bundles.send(f"{step.kind} {_target(step)}", step, send, number=step.id)

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
            await self._store.schedule([self._renewal(moved[0].id, ref, now)])  # one edit shows all as they are then

    async def _send_one(self, address: str, step: DueStep, ticket: Ticket, now: datetime) -> MessageRef:
        if step.kind == "note":
            return await self._desk.note(address, ticket, now, maybe_twice=maybe_twice(step))
        if step.kind == "page":
            language = (await self._store.profile(address)).language or self._team.language
            return await self._desk.page(person_of(address, self._team), ticket, self._page(step), language, now)
        if step.kind == "call":
            return await self._desk.call(address, ticket, self._page(step), now)
        people = [p for one in step.payload["people"] for p in await self.everywhere(one)]
        return await self._desk.remind(address, ticket, people, now, last=step.payload["last"])

    async def _send_digest(
        self, kind: str, address: str, going: Sequence[tuple[DueStep, Ticket]], now: datetime
    ) -> tuple[MessageRef, tuple[str, Any]]:
        """And the fact that says which tickets the message shows."""
        pages = [self._page(step) for step, _ in going if "page" in step.payload]
        people: dict[str, Person] = {}
        for page in pages if kind == "call" else ():
            people |= {person.address: person for person in page.people}
        for step, _ in going if kind == "remind" else ():
            for one in step.payload["people"]:
                people |= {person.address: person for person in await self.everywhere(one)}
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

    async def _run_renew(self, step: DueStep, ticket: Ticket, now: datetime) -> str:
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

    async def _renew_failed(self, step: DueStep, why: str, now: datetime) -> None:
        """The copy was deleted: the support chat gets a new one, once, and the timeline says so."""
        ref = step.payload["ref"]
        place = f"{ref['platform']}:{ref['chat']}"
        if place in self._team.support.chats:
            again = self.note_step(str(step.payload["ticket"]), place, now, instead_of=ref["message"])
            entry = TimelineEntry(now, SELF.address, "deleted", self._gate.trusted(place))
            if why in _ALL_GONE:  # not this message only: the new note is tried, refused and told
                entry = TimelineEntry(now, SELF.address, "failed", self._gate.trusted(f"renew {place}: {why}"))
            await self._store.add_to_ticket(step.payload["ticket"], entry, steps=[again])

    async def _run_escalate(self, step: DueStep, ticket: Ticket, now: datetime) -> str:
        """Decides whom to call at this level and makes those calls, and the next level, due."""
        if ticket.state is not TicketState.OPEN:
            return "not open"
        level, began = int(step.payload["level"]), datetime.fromisoformat(step.payload["began"])
        if now - began > CALLS_END_AFTER:
            facts = {"hours": int(CALLS_END_AFTER.total_seconds() // 3600)}
            await self._store.schedule(self._tells(step, "", "calls_end", facts, now))
            return "calls end"
        rota = await self._rota.rota()
        shift, following = rota.at(now), rota.following(now)
        wanted = [shift.address] if level == 0 else [following] if level == 1 else list(rota.everybody())
        addresses = [address for address in wanted if address] or list(rota.everybody())
        people = [p for address in addresses for p in await self.everywhere(address)]
        # Once everybody was called, the pauses grow: a phone that rings all night is switched off.
        next_at = now + self._team.oncall.ack_within * min(2 ** max(level - 2, 0), 6)
        page = {
            "level": level,
            "people": [p.address for p in people],
            "next": [following] if level == 0 and following and shift.address else list(rota.everybody()),
            "next_at": next_at.isoformat(),
            "everybody": level >= 2 or not shift.address,
            "nobody": level == 0 and not shift.address,
        }
        prefix = f"{step.key}:"
        steps = [
            self._step("page", f"{prefix}direct:{p.address}", now, lane=p.address, person=p.address, page=page)
            for p in people
        ]
        if level > 0 or not shift.address:
            steps += [
                self._step("call", f"{prefix}call:{place}", now, lane=place, place=place, page=page)
                for place in self._team.support.chats
            ]
        steps += [
            self._step(
                "pager", f"{prefix}pager:{name}", now, lane=f"pager:{name}", pager=name, verb="trigger", page=page
            )
            for name in self._pagers
        ]
        steps.append(self.escalate_step(str(ticket.id), level + 1, next_at, began))
        who = ", ".join(p.name or p.address for p in people) or "nobody"
        entry = TimelineEntry(now, SELF.address, "paged", self._gate.trusted(f"{level}: {who}"))
        await self._store.add_to_ticket(ticket.id, entry, steps=steps)
        return "done"

    def _page(self, step: DueStep) -> Page:
        page = step.payload["page"]
        return Page(
            page["level"],
            tuple(person_of(address, self._team) for address in page["people"]),
            datetime.fromisoformat(page["next_at"]),
            tuple(person_of(address, self._team) for address in page["next"]),
            page["everybody"],
            page["nobody"],
            maybe_twice(step),
        )

    async def _run_pager(self, step: DueStep, ticket: Ticket, now: datetime) -> str:
        pager = self._pagers.get(step.payload["pager"])
        if pager is None:
            return "not configured"
        verb = step.payload["verb"]
        if verb == "trigger":
            if ticket.state is not TicketState.OPEN:
                return "not open"
            await pager.trigger(ticket, self._page(step), now)
            latest = await self._reached(ticket, "reached", pager.name, now)
            # It may have been taken while the call was on its way; then the end must not have come before the beginning.
            ticket = latest or ticket
            verb = {TicketState.ACKNOWLEDGED: "acknowledge", TicketState.RESOLVED: "resolve"}.get(ticket.state, "")
        if verb == "acknowledge" and ticket.state is not TicketState.OPEN:
            await pager.acknowledge(ticket)
        elif verb == "resolve" and ticket.state is TicketState.RESOLVED:
            await pager.resolve(ticket)
        return "done"

    async def _run_review(self, step: DueStep, ticket: Ticket, now: datetime) -> str:
        if ticket.state is TicketState.RESOLVED:
            return "resolved"
        last = now - ticket.opened_at > REMINDERS_END_AFTER
        people = [ticket.acknowledged_by.address] if ticket.acknowledged_by else []
        if not people and (address := (await self._rota.rota()).at(now).address):
            people = [address]
        due = now + self._team.support.review_after
        steps = [
            self._step("remind", f"{step.key}:{place}", now, lane=place, place=place, people=people, last=last)
            for place in self._team.support.chats
        ]
        if not last:
            steps.append(self.review_step(str(ticket.id), due))
        entry = TimelineEntry(now, SELF.address, "reminded")
        await self._store.add_to_ticket(ticket.id, entry, steps=steps, next_review=None if last else due)
        return "done"

    async def _run_ended(self, step: DueStep, ticket: Ticket, now: datetime) -> str:
        waiting = next((w for w in ticket.waiting if w.person.address == step.payload["person"]), None)
        if waiting is None or ticket.state is not TicketState.RESOLVED:
            return "not resolved"
        try:
            await self._desk.ended(waiting, ticket, now, directly=waiting.asked_in is None)
        except DeliveryError as fault:
            if not fault.final or waiting.asked_in is None:
                raise
            await self._desk.ended(waiting, ticket, now, directly=True)
        await self._reached(ticket, "told", waiting.person.name or waiting.person.address, now)
        return "done"

    async def _run_tell(self, step: DueStep, *rest: Any) -> str:
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

    async def _run_drill(self, step: DueStep, ticket: Ticket, now: datetime) -> str:
        """A drill that nobody ended ends by itself."""
        entry = TimelineEntry(now, SELF.address, "resolved")
        await self._store.move_ticket(
            ticket.id,
            expect=[TicketState.OPEN, TicketState.ACKNOWLEDGED],
            to=TicketState.RESOLVED,
            by=SELF,
            at=now,
            entry=entry,
            cancel=[f"ticket:{ticket.id}:{kind}:" for kind in ("page", "review")],
            steps=[
                *self.renewals(ticket, now),
                *self.pager_steps(ticket, "resolve", now),
                *self.ended_steps(ticket, now),
            ],
        )
        return "done"

    async def _run_shift(self, step: DueStep, now: datetime) -> str:
        tickets = await self._store.tickets(states=[TicketState.OPEN, TicketState.ACKNOWLEDGED], limit=200)
        facts = {**step.payload["facts"], "open": [t.id for t in tickets]}
        await self._desk.tell(step.payload["place"], "handover", facts, now)
        return "done"

    # --- every minute

    async def plan_shift(self) -> None:
        """The next handover gets its message, once, in every support chat."""
        now = self._clock.now()
        rota = await self._rota.rota()
        shift = rota.at(now)
        if shift.until is None or shift.until - now > timedelta(minutes=10):
            return
        after = rota.at(shift.until)
        if after.address == shift.address:
            return
        facts = {"from": shift.address, "to": after.address, "until": after.until and after.until.isoformat()}
        await self._store.schedule(
            [
                self._step(
                    "shift",
                    f"shift:{shift.until.isoformat()}:{place}",
                    shift.until,
                    lane=place,
                    place=place,
                    facts=facts,
                )
                for place in self._team.support.chats
            ]
        )

    async def audit(self) -> None:
        """Looks for what is late and says so elsewhere; mends a chain of calls that has broken off."""
        now = self._clock.now()
        # Tickets first: one that is opened between the two looks is not seen, instead of being seen without its steps.
        unanswered = await self._store.tickets(states=[TicketState.OPEN], limit=1000)
        pending = await self._store.pending_steps(limit=_LOOKED_AT)
        late: dict[str, list[DueStep]] = {}
        seen = set()
        for step in pending:
            if now - datetime.fromisoformat(step.payload["at"]) > _LATE and step.kind in KINDS and step.kind != "tell":
                seen.add(step.id)
                if step.id in self._seen_late:
                    late.setdefault(str(step.payload.get("lane", "")), []).append(step)
        self._seen_late = seen
        for lane, steps in late.items():
            since = min(datetime.fromisoformat(step.payload["at"]) for step in steps)
            why = next((step.why for step in steps if step.why not in ("", "waiting", "in_flight")), "")
            facts = {"n": len(steps), "target": lane, "at": since.isoformat(), "reason": why}
            log.warning("%d steps for %s are late since %s: %s", len(steps), lane, since.isoformat(), why)
            tells = self._tells(steps[0], lane, "late", facts, now, key=f"{lane}:{since:%Y-%m-%dT%H}")
            await self._store.schedule([t for t in tells if t.payload["lane"] != lane])
        await self._bring_back(pending, now)
        if len(pending) < _LOOKED_AT:
            await self._mend(unanswered, pending, now)
        await self._sweep(now)

    async def _bring_back(self, pending: Sequence[DueStep], now: datetime) -> None:
        """After a clock that jumped back: nobody waits out the jump. No pause, lease or call is ever so far away."""
        calls = self._team.oncall.ack_within * 6 + _LATE
        for step in pending:
            wait = step.due_at - now
            held = step.lease_until is not None and step.lease_until - now > LONGEST_WAIT
            if step.kind == "escalate" and int(step.payload["level"]) > 0 and wait > calls:
                await self._store.retry_step(step.id, now + self._team.oncall.ack_within, step.why)
            elif held or (step.why and wait > LONGEST_WAIT + _LATE):
                await self._store.retry_step(step.id, now, step.why)

    async def _sweep(self, now: datetime) -> None:
        """Which tickets an old message showed is forgotten once a day."""
        if self._swept is not None and timedelta(0) <= now - self._swept < timedelta(days=1):
            return
        self._swept = now
        for key, value in (await self._store.facts(_DIGEST)).items():
            if now - datetime.fromisoformat(value["at"]) > _DIGESTS_KEPT:
                await self._store.set_fact(key, None, now)

    async def _mend(self, unanswered: Sequence[Ticket], pending: Sequence[DueStep], now: datetime) -> None:
        """A chain that is found broken off at two looks in a row begins anew, once an hour whatever the replicas do."""
        chained = {step.payload.get("ticket") for step in pending if step.kind == "escalate"}
        broken = {
            ticket.id
            for ticket in unanswered
            if ticket.urgency == "page"
            and ticket.id not in chained
            and now - ticket.opened_at < CALLS_END_AFTER - timedelta(hours=1)
        }
        for id in broken & self._seen_broken:
            log.error("ticket %d had no call due: the chain begins anew", id)
            step = self.escalate_step(str(id), 0, now, now)
            key = f"ticket:{id}:page:mended:{now:%Y-%m-%dT%H}"
            await self._store.schedule([DueStep(0, step.kind, key, now, {**step.payload, "ticket": id})])
        self._seen_broken = broken
