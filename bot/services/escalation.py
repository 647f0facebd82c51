"""Tickets: opened once per trouble, stored before anybody is told, moved by people, told to all who must know.

What is due is a row (see `delivery`); this file decides what becomes due. Names and sentences are the desk's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.errors import NotAllowed, QuotadeskError, UnknownName
from bot.model import trace
from bot.model.chat import CleanText, Found, MessageRef, Person, Role
from bot.model.diagnosis import Diagnosis, Proven
from bot.model.handoff import Ticket, TicketState, TimelineEntry
from bot.model.team import Team
from bot.ports import AuditEntry, Clock, Desk, DueStep, Gate, Pager, Sighting, Store
from bot.services import incident, overview
from bot.services.delivery import Delivery
from bot.services.due import SELF
from bot.services.oncall import OnCallRota
from bot.services.overview import Drill, Summary
from bot.services.steps import StepRunner

log = logging.getLogger("quotadesk.escalation")

LONGEST_SNOOZE = timedelta(days=7)
DRILL_ENDS_AFTER = timedelta(minutes=30)
_UNRESOLVED = (TicketState.OPEN, TicketState.ACKNOWLEDGED)


class Escalation:
    """Every move may raise UnknownName (no such ticket), NotAllowed, QuotadeskError(key="ticket_...") where it comes too late,
    and StoreError; then nothing has changed."""

    def __init__(
        self,
        team: Team,
        store: Store,
        delivery: Delivery,
        rota: OnCallRota,
        runner: StepRunner,
        clock: Clock,
        gate: Gate,
    ) -> None:
        self._team = team
        self._store = store
        self._delivery = delivery
        self._rota = rota
        self._runner = runner
        self._clock = clock
        self._gate = gate

    @property
    def rota(self) -> OnCallRota:
        """Who is on call, asked anew each time."""
        return self._rota

    # --- opening

    async def open(
        self,
        *,
        asker: Person,
        language: str,
        asked_in: MessageRef | None = None,
        diagnosis: Diagnosis | None = None,
        proven: Proven | None = None,
        sighting: Sighting | None = None,
        engine: str | None = None,
        route: str | None = None,
        account: str | None = None,
        cause: str | None = None,
        symptom: CleanText | None = None,
        found: Found | None = None,
        asked_to_page: bool = False,
        warning: bool = False,
        drill: bool = False,
        capability: str = "",
    ) -> tuple[Ticket, bool]:
        """The ticket, and whether it is new. It and its first steps are stored before anybody is told. `proven` gives engine,
        route, account and cause where they are not named. `warning`: nothing is broken yet, the note waits for the morning.
        `capability`: what is in trouble, where neither engine nor route is known."""
        now = self._clock.now()
        engine = engine or (proven and proven.engine) or (sighting and sighting.engine) or None
        account = account or (proven and proven.account) or (sighting and sighting.account) or None
        route = route or (proven and proven.route) or None
        cause = cause or (proven and proven.cause.value) or (diagnosis and diagnosis.cause.value) or "unknown"
        removed = dict(found.counts) if found else dict(sighting.payload.get("removed") or {}) if sighting else {}
        good = await incident.last_known_good(self._store, engine, account or route, now)
        shift = (await self._rota.rota()).at(now)
        urgency = incident.urgency(self._team, proven, asked_to_page=asked_to_page or drill, warning=warning)
        told_at = incident.morning(now, self._team) if urgency == "morning" else now
        model = incident.model_of(self._team, route, diagnosis)
        says = diagnosis.says or diagnosis.text.text if diagnosis else symptom.text if symptom else ""
        ticket = Ticket(
            id=0,
            key=incident.key_of(diagnosis, cause, engine, account or route),
            state=TicketState.OPEN,
            engine=engine,
            cause=cause,
            urgency=urgency,
            opened_at=now,
            opened_by=asker,
            owner=self._team.support.owner,
            environment=self._team.support.environment,
            capability=self._gate.trusted(incident.capability(self._team, engine, route, model) or capability or "-"),
            last_known_good=self._gate.trusted(incident.good_in_short(good)),
            symptom=symptom or self._gate.trusted(incident.symptom(diagnosis)),
            evidence=incident.evidence(diagnosis, sighting, proven, self._gate, model=model),
            next_review=told_at + self._team.support.review_after,
            language=language,
            removed=removed,
            asked_in=asked_in,
            drill=drill,
            route=route,
            account=account,
            facts={
                "good": good,
                "says": self._gate.trusted(" ".join(says.split())[:300]),
                "certainty": proven.certainty if proven else "text" if diagnosis else "",
                "seen": proven.repeats if proven and proven.repeats else 1,
                "span_s": proven.repeats_span_s if proven else 0,
                "first_seen": (now - timedelta(seconds=proven.repeats_span_s if proven else 0)).isoformat(),
                "tried": [list(one) for one in proven.tried] if proven else [],
                "seen_time": incident.seen_time(diagnosis, sighting),
                "better_route": proven.better_route if proven else None,
                "trace": trace.current(),
                "no_route_left": bool(proven and proven.no_route_left),
                "oncall": [p.address for p in await self._delivery.everywhere(shift.address)],
                "oncall_until": shift.until.isoformat() if shift.until else None,
                "titles": incident.titles(diagnosis),
            },
        )
        if drill:
            ticket = replace(ticket, key="drill")  # a second press joins the drill that runs: nobody is called twice
        stored, new = await self._store.open_ticket(ticket, self._first_steps(ticket, told_at))
        if not new:
            await self._joined(stored, ticket.urgency, now)
        log.info("ticket %d %s: %s", stored.id, "opened" if new else "joined", stored.cause)
        await self._audit("open" if new else "join", asker, stored.id, stored.cause)
        self._runner.wake()
        return stored, new

    async def _joined(self, stored: Ticket, urgency: str, now: datetime) -> None:
        """The copies count one more. A trouble that got worse is called out as one that began so."""
        await self._store.schedule(self._delivery.due.renewals(stored, now))
        if stored.state is not TicketState.OPEN:
            return
        if urgency == "page":
            await self._store.schedule([self._delivery.due.worse(stored, now)])
        if urgency != "morning" and not stored.messages:
            await self._delivery.note_now(stored, now)

    def _first_steps(self, ticket: Ticket, told_at: datetime) -> list[DueStep]:
        steps = [self._delivery.due.note("{ticket}", place, told_at) for place in self._team.support.chats]
        if ticket.urgency == "page":
            steps.append(self._delivery.due.escalate("{ticket}", 0, ticket.opened_at, ticket.opened_at))
        steps.append(self._delivery.due.review("{ticket}", ticket.next_review))
        if ticket.drill:
            steps.append(self._delivery.due.drill_end("{ticket}", ticket.opened_at + DRILL_ENDS_AFTER))
        return steps

    # --- looking

    async def get(self, id: int) -> Ticket:
        """Raises UnknownName."""
        ticket = await self._store.ticket(id)
        if ticket is None:
            raise UnknownName("ticket", f"#{id}")
        return ticket

    async def list(
        self, *, search: str = "", states: Sequence[TicketState] = _UNRESOLVED, limit: int = 50
    ) -> list[Ticket]:
        """Unresolved ones unless `states` says otherwise; the newest first, without timelines."""
        return await self._store.tickets(states=states, search=search, limit=limit)

    # --- moving

    async def may(self, person: Person, role: Role) -> bool:
        """Operators, and whoever is in the rota or was swapped into it, under any of their linked addresses."""
        if role >= Role.OPERATOR:
            return True
        rota = await self._rota.rota()
        now = self._clock.now()
        profile = await self._store.profile(person.address)
        wanted = {*rota.everybody(), *(s.address for s in await self._rota.swaps() if s.until > now)}
        return not wanted.isdisjoint({person.address, *profile.linked})

    async def _allow(self, person: Person, role: Role, id: int) -> None:
        if not await self.may(person, role):
            await self._audit("ticket", person, id, "no right", result="refused")
            raise NotAllowed(key="oncall_only", ticket=id)

    async def acknowledge(self, id: int, by: Person, role: Role) -> Ticket:
        """Stops the calls. Raises QuotadeskError: ticket_taken (by whom, when), ticket_resolved."""
        await self._allow(by, role, id)
        ticket, now = await self.get(id), self._clock.now()
        moved = await self._store.move_ticket(
            id,
            expect=[TicketState.OPEN],
            to=TicketState.ACKNOWLEDGED,
            by=by,
            at=now,
            entry=TimelineEntry(now, by.address, "acknowledged", name=by.name),
            cancel=[f"ticket:{id}:page:"],
            steps=[*self._delivery.due.renewals(ticket, now), *self._delivery.due.pagers(ticket, "acknowledge", now)],
        )
        if moved is None:
            raise self._too_late(await self.get(id))
        await self._audit("ack", by, id, ticket.cause)
        await self._catch_up(moved, now)
        return moved

    async def resolve(self, id: int, by: Person, role: Role, resolution: CleanText | None = None) -> Ticket:
        """Tells everybody who asked. Raises QuotadeskError(ticket_resolved) if it is resolved already."""
        await self._allow(by, role, id)
        return await self._resolved(id, by, resolution)

    async def _resolved(self, id: int, by: Person, resolution: CleanText | None) -> Ticket:
        ticket, now = await self.get(id), self._clock.now()
        moved = await self._store.move_ticket(
            id,
            expect=_UNRESOLVED,
            to=TicketState.RESOLVED,
            by=by,
            at=now,
            entry=TimelineEntry(now, by.address, "resolved", resolution, by.name),
            resolution=resolution,
            cancel=[f"ticket:{id}:{kind}:" for kind in ("page", "review", "drill")],
            steps=[
                *self._delivery.due.renewals(ticket, now),
                *self._delivery.due.pagers(ticket, "resolve", now),
                *self._delivery.due.ends(ticket, now),
            ],
        )
        if moved is None:
            raise self._too_late(await self.get(id))
        await self._audit("resolve", by, id, ticket.cause)
        await self._catch_up(moved, now)
        return moved

    async def healed(self, id: int) -> Ticket | None:
        """Resolved by the bot itself, which saw that it works again; None if it was resolved already."""
        try:
            return await self._resolved(id, SELF, None)
        except QuotadeskError:
            return None

    async def reopen(self, id: int, by: Person, role: Role) -> Ticket:
        """The calls begin anew where it was urgent. Raises QuotadeskError: ticket_open, ticket_newer."""
        await self._allow(by, role, id)
        ticket, now = await self.get(id), self._clock.now()
        if ticket.state is not TicketState.RESOLVED:
            raise QuotadeskError(key="ticket_open", ticket=id)
        review = now + self._team.support.review_after
        steps = [*self._delivery.due.renewals(ticket, now), self._delivery.due.review(str(id), review)]
        if ticket.urgency == "page":
            steps.append(self._delivery.due.escalate(str(id), 0, now, now))
        moved = await self._store.move_ticket(
            id,
            expect=[TicketState.RESOLVED],
            to=TicketState.OPEN,
            by=by,
            at=now,
            entry=TimelineEntry(now, by.address, "reopened", name=by.name),
            steps=steps,
            next_review=review,
        )
        if moved is None:
            newer = [t for t in await self.list() if t.key == ticket.key]
            raise QuotadeskError(key="ticket_newer", ticket=id, newer=newer[0].id if newer else "?")
        await self._audit("reopen", by, id, ticket.cause)
        await self._catch_up(moved, now)
        return moved

    async def snooze(self, id: int, by: Person, role: Role, span: timedelta) -> Ticket:
        """Quiet for `span` (at most seven days); then the reminder, and the calls where nobody had acknowledged."""
        await self._allow(by, role, id)
        ticket, now = await self.get(id), self._clock.now()
        if ticket.state is TicketState.RESOLVED:
            raise self._too_late(ticket)
        until = now + min(max(span, timedelta(minutes=1)), LONGEST_SNOOZE)
        steps = [*self._delivery.due.renewals(ticket, now), self._delivery.due.review(str(id), until)]
        if ticket.state is TicketState.OPEN and ticket.urgency == "page":
            steps.append(self._delivery.due.escalate(str(id), 0, until, until))
        snoozed = await self._store.add_to_ticket(
            id,
            TimelineEntry(now, by.address, "snoozed", self._gate.trusted(until.isoformat(timespec="minutes")), by.name),
            cancel=[f"ticket:{id}:page:", f"ticket:{id}:review:"],
            steps=steps,
            next_review=until,
        )
        await self._audit("snooze", by, id, until.isoformat(timespec="minutes"))
        await self._catch_up(snoozed or ticket, now)
        return snoozed or ticket

    async def add_evidence(self, id: int, by: Person, values: Mapping[str, CleanText]) -> Ticket:
        """Only names of the allow-list are kept, each in its shortest harmless form. Raises QuotadeskError(evidence_none) if
        nothing of it may be kept."""
        now = self._clock.now()
        ticket = await self.get(id)
        pieces = [p for name, value in values.items() if (p := incident.kept(name, value, self._gate)) is not None]
        if not pieces:
            raise QuotadeskError(key="evidence_none", ticket=id)
        names = self._gate.trusted(", ".join(piece.name for piece in pieces))
        added = await self._store.add_to_ticket(
            id,
            TimelineEntry(now, by.address, "evidence", names, by.name),
            evidence=pieces,
            steps=self._delivery.due.renewals(ticket, now),
        )
        self._runner.wake()
        return added or ticket

    async def _catch_up(self, moved: Ticket, now: datetime) -> None:
        """A copy that was stored while the ticket moved is in neither's list of copies: look once more, after the move.
        Steps that are there already have the same key and stay as they are."""
        await self._store.schedule(self._delivery.due.renewals(moved, now))
        self._runner.wake()

    def _too_late(self, ticket: Ticket) -> QuotadeskError:
        if ticket.state is TicketState.RESOLVED:
            by, at = ticket.resolved_by, ticket.resolved_at
            return QuotadeskError(key="ticket_resolved", ticket=ticket.id, by=by, at=at)
        return QuotadeskError(
            key="ticket_taken", ticket=ticket.id, by=ticket.acknowledged_by, at=ticket.acknowledged_at
        )

    async def _audit(self, what: str, by: Person, id: int, detail: str, *, result: str = "done") -> None:
        entry = AuditEntry(
            self._clock.now(), by.address, what, f"#{id}", result, self._gate.trusted(detail), name=by.name
        )
        await self._store.audit(entry)

    # --- overview, drill

    async def summary(self) -> Summary:
        """What somebody needs who takes over the shift now."""
        return await overview.summary(self._store, self._rota, self._team, self._clock.now())

    async def drill(self, by: Person, role: Role, language: str, asked_in: MessageRef | None) -> Ticket:
        """A harmless make-believe incident through the real path; ends by itself after half an hour."""
        await self._allow(by, role, 0)
        ticket, _ = await self.open(
            asker=by,
            language=language,
            asked_in=asked_in,
            engine="drill",
            route="drill",
            account="drill",
            cause="balance_exhausted",
            symptom=self._gate.trusted("402 Insufficient Balance"),
            drill=True,
        )
        return ticket

    async def drill_report(self, id: int) -> Drill:
        """What the drill has shown so far."""
        return overview.report(
            await self.get(id), await self._rota.rota(), self._team, self._delivery.pagers, self._clock.now()
        )


def build(
    team: Team,
    store: Store,
    desk: Desk,
    pagers: Sequence[Pager],
    clock: Clock,
    gate: Gate,
    *,
    owner: str = "",
    gone: Callable[[str], bool] | None = None,
) -> tuple[Escalation, StepRunner]:
    """The service and the runner of its steps; the runner must run for anything to be delivered. `gone`: whether the owner of
    a lease is certainly dead."""
    runner = StepRunner(store, clock, owner=owner, gone=gone)
    rota = OnCallRota(team, store, clock)
    delivery = Delivery(team, store, desk, pagers, rota, runner, clock, gate)
    return Escalation(team, store, delivery, rota, runner, clock, gate), runner
