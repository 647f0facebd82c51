"""What is due for a ticket is done: notes, calls, reminders, edits, the end told to who asked. Each is a row that the runner claims."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from bot.errors import DeliveryError
from bot.model.chat import Person
from bot.model.handoff import Ticket, TicketState, TimelineEntry
from bot.model.team import Team
from bot.ports import Clock, Desk, DueStep, Gate, Pager, Store
from bot.ports.departure import departing
from bot.services.auditor import CALLS_END_AFTER, LATE, Auditor
from bot.services.due import SELF, Due, person_of, step_of, target_of
from bot.services.oncall import OnCallRota
from bot.services.steps import StepRunner
from bot.services.together import TOGETHER, Together, page_of

log = logging.getLogger("quotadesk.delivery")

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
_ALL_GONE: Final = (
    "removed",
    "blocked",
    "no_chat",
    "not_in_channel",
    "channel_not_found",
    "is_archived",
    "not_connected",
)


async def _nothing() -> None:
    """Before a message that needs no mark: sent twice, it does no harm."""


class Delivery:
    """The job behind every step of a ticket. `due` makes them."""

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
        self._clock = clock
        self._gate = gate
        self.due = Due(team, tuple(self._pagers))
        self._together = Together(team, store, desk, clock, gate, self.due, self.everywhere)
        auditor = Auditor(team, store, rota, clock, self.due, KINDS)
        for kind in KINDS:
            runner.serve(kind, self)
        runner.tell_claims(self._together)
        runner.every("audit", 60, auditor.audit)
        runner.every("shift", 60, auditor.plan_shift)

    @property
    def pagers(self) -> tuple[str, ...]:
        """Names of the paging services that are set up."""
        return tuple(self._pagers)

    async def note_now(self, ticket: Ticket, now: datetime) -> None:
        """Notes that waited for the morning go at once."""
        prefix = f"ticket:{ticket.id}:note:"
        waiting = [
            step
            for step in await self._store.pending_steps()
            if step.key.startswith(prefix) and step.due_at - now > LATE
        ]
        if not waiting:
            return
        steps = [self.due.note(str(ticket.id), s.payload["place"], now, instead_of="morning") for s in waiting]
        entry = TimelineEntry(now, SELF.address, "urgent")
        await self._store.add_to_ticket(ticket.id, entry, steps=steps, cancel=[s.key for s in waiting])

    async def everywhere(self, address: str | None) -> tuple[Person, ...]:
        """One person's addresses on all platforms; empty for nobody."""
        if address is None:
            return ()
        linked = (await self._store.profile(address)).linked
        return tuple(person_of(one, self._team) for one in (address, *linked))

    # --- the runner's side

    async def run(self, step: DueStep) -> str:
        """One due step. The result is a machine word for the record; raises DeliveryError to be tried again."""
        now = self._clock.now()
        meant_for = datetime.fromisoformat(step.payload["at"])
        bound = _TOO_LATE.get(step.kind)
        late = bound is not None and now - meant_for > bound
        if step.kind in TOGETHER and not late:
            return await self._together.send(step)
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

    async def failed(self, step: DueStep, why: str) -> None:
        """Kept on the ticket, and told where somebody can read it: in the other support chats."""
        now = self._clock.now()
        target = target_of(step)
        if step.kind == "renew":
            await self._renew_failed(step, why, now)
            return
        if step.kind in ("tell", "shift"):
            log.warning("%s could not be told: %s", step.key, why)
            return
        id = step.payload.get("ticket")
        detail = self._gate.trusted(f"{step.kind} {target}: {why}")
        tells = self.due.tells(step, target, "undelivered", {"what": step.kind, "target": target, "reason": why}, now)
        if id is None:
            await self._store.schedule(tells)
            return
        entry = TimelineEntry(now, SELF.address, "failed", detail)
        await self._store.add_to_ticket(id, entry, steps=tells)

    async def _tell_too_late(self, step: DueStep, ticket: Ticket | None, meant_for: datetime, now: datetime) -> None:
        if ticket is None or ticket.state is TicketState.RESOLVED or step.kind in ("tell", "renew", "shift"):
            return
        target = target_of(step)
        facts = {"what": step.kind, "target": target, "at": meant_for.isoformat()}
        entry = TimelineEntry(now, SELF.address, "failed", self._gate.trusted(f"{step.kind} {target}: too_late"))
        # One sentence for all that was missed, not one for each: the key has the ticket and the day.
        key = f"ticket:{ticket.id}:{now:%Y-%m-%d}"
        await self._store.add_to_ticket(
            ticket.id, entry, steps=self.due.tells(step, "", "too_late", facts, now, key=key)
        )

    async def _reached(self, ticket: Ticket, what: str, target: str, now: datetime) -> Ticket | None:
        entry = TimelineEntry(now, SELF.address, what, self._gate.trusted(target))
        return await self._store.add_to_ticket(ticket.id, entry)

    # --- one kind each

    async def _run_renew(self, step: DueStep, ticket: Ticket, now: datetime) -> str:
        return await self._together.renew(step)

    async def _run_tell(self, step: DueStep, *rest: Any) -> str:
        return await self._together.tell(step)

    async def _renew_failed(self, step: DueStep, why: str, now: datetime) -> None:
        """The copy was deleted: the support chat gets a new one, once, and the timeline says so."""
        ref = step.payload["ref"]
        place = f"{ref['platform']}:{ref['chat']}"
        if place in self._team.support.chats:
            again = self.due.note(str(step.payload["ticket"]), place, now, instead_of=ref["message"])
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
            await self._store.schedule(self.due.tells(step, "", "calls_end", facts, now))
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
            step_of("page", f"{prefix}direct:{p.address}", now, lane=p.address, person=p.address, page=page)
            for p in people
        ]
        if level > 0 or not shift.address:
            steps += [
                step_of("call", f"{prefix}call:{place}", now, lane=place, place=place, page=page)
                for place in self._team.support.chats
            ]
        steps += [
            step_of("pager", f"{prefix}pager:{name}", now, lane=f"pager:{name}", pager=name, verb="trigger", page=page)
            for name in self._pagers
        ]
        steps.append(self.due.escalate(str(ticket.id), level + 1, next_at, began))
        who = ", ".join(p.name or p.address for p in people) or "nobody"
        entry = TimelineEntry(now, SELF.address, "paged", self._gate.trusted(f"{level}: {who}"))
        await self._store.add_to_ticket(ticket.id, entry, steps=steps)
        return "done"

    async def _run_pager(self, step: DueStep, ticket: Ticket, now: datetime) -> str:
        pager = self._pagers.get(step.payload["pager"])
        if pager is None:
            return "not configured"
        verb = step.payload["verb"]
        if verb == "trigger":
            if ticket.state is not TicketState.OPEN:
                return "not open"
            await pager.trigger(ticket, page_of(step, self._team), now)
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
            step_of("remind", f"{step.key}:{place}", now, lane=place, place=place, people=people, last=last)
            for place in self._team.support.chats
        ]
        if not last:
            steps.append(self.due.review(str(ticket.id), due))
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
                *self.due.renewals(ticket, now),
                *self.due.pagers(ticket, "resolve", now),
                *self.due.ends(ticket, now),
            ],
        )
        return "done"

    async def _run_shift(self, step: DueStep, now: datetime) -> str:
        tickets = await self._store.tickets(states=[TicketState.OPEN, TicketState.ACKNOWLEDGED], limit=200)
        facts = {**step.payload["facts"], "open": [t.id for t in tickets]}
        await self._desk.tell(step.payload["place"], "handover", facts, now)
        return "done"
