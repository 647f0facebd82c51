"""Tickets: opened once per trouble, stored before anybody is told, moved by people, told to all who must know.

What is due is a row (see `delivery`); this file decides what becomes due. Names and sentences are the desk's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.errors import NotAllowed, QuotadeskError, UnknownName
from bot.model import trace
from bot.model.chat import CleanText, Found, MessageRef, Person, Role
from bot.model.diagnosis import Diagnosis, Proven
from bot.model.handoff import Ticket, TicketState, TimelineEntry
from bot.model.team import Team
from bot.ports import AuditEntry, Clock, Desk, DueStep, Gate, Pager, Sighting, Store
from bot.services import incident
from bot.services.delivery import SELF, Delivery, person_of
from bot.services.oncall import OnCallRota, Shift
from bot.services.steps import StepRunner

log = logging.getLogger("quotadesk.escalation")

LONGEST_SNOOZE = timedelta(days=7)
DRILL_ENDS_AFTER = timedelta(minutes=30)
GAPS_WITHIN = timedelta(days=14)  # a drill looks so far ahead for times without anybody
_UNRESOLVED = (TicketState.OPEN, TicketState.ACKNOWLEDGED)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a handover needs of tickets: who is on call, who follows, and the open ones, newest first."""

    at: datetime
    shift: Shift
    following: Person | None
    open: tuple[Ticket, ...]
    acknowledged: tuple[Ticket, ...]
    resolved: int  # in the last 24 hours


@dataclass(frozen=True, slots=True)
class Drill:
    """`steps`: what happened after how long. `gaps`: (machine word, its facts): what would go wrong on a bad night."""

    ticket: Ticket
    steps: tuple[tuple[str, str, timedelta], ...]  # what, to whom, after
    gaps: tuple[tuple[str, Mapping[str, object]], ...]


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
            capability=self._capability(engine, route, diagnosis, capability),
            last_known_good=self._gate.trusted(incident.good_in_short(good)),
            symptom=symptom or self._symptom(diagnosis),
            evidence=incident.evidence(diagnosis, sighting, proven, self._gate, model=self._model(route, diagnosis)),
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
        await self._store.schedule(self._delivery.renewals(stored, now))
        if stored.state is not TicketState.OPEN:
            return
        if urgency == "page":
            await self._store.schedule([self._delivery.worse_step(stored, now)])
        if urgency != "morning" and not stored.messages:
            await self._delivery.note_now(stored, now)

    def _capability(
        self, engine: str | None, route: str | None, diagnosis: Diagnosis | None, otherwise: str
    ) -> CleanText:
        known = self._team.engines.get(engine or "")
        model = self._model(route, diagnosis)
        parts = (known.title if known else engine, model, route)
        return self._gate.trusted(" · ".join(part for part in parts if part) or otherwise or "-")

    def _model(self, route: str | None, diagnosis: Diagnosis | None) -> str | None:
        """As the error names it, else as the route in trouble is set up."""
        if diagnosis is not None and diagnosis.model:
            return diagnosis.model
        known = self._team.routes.get(route or "")
        return known.model or None if known else None

    def _symptom(self, diagnosis: Diagnosis | None) -> CleanText:
        if diagnosis is None:
            return self._gate.trusted("-")
        says = " ".join((diagnosis.says or diagnosis.text.text).split())[:300]
        status = str(diagnosis.status) if diagnosis.status is not None and str(diagnosis.status) not in says else ""
        return self._gate.trusted(" ".join(part for part in (status, says) if part) or "-")

    def _first_steps(self, ticket: Ticket, told_at: datetime) -> list[DueStep]:
        steps = [self._delivery.note_step("{ticket}", place, told_at) for place in self._team.support.chats]
        if ticket.urgency == "page":
            steps.append(self._delivery.escalate_step("{ticket}", 0, ticket.opened_at, ticket.opened_at))
        steps.append(self._delivery.review_step("{ticket}", ticket.next_review))
        if ticket.drill:
            steps.append(self._delivery.drill_end_step("{ticket}", ticket.opened_at + DRILL_ENDS_AFTER))
        return steps

    # --- looking

    async def get(self, id: int) -> Ticket:
        ticket = await self._store.ticket(id)
        if ticket is None:
            raise UnknownName("ticket", f"#{id}")
        return ticket

    async def list(
        self, *, search: str = "", states: Sequence[TicketState] = _UNRESOLVED, limit: int = 50
    ) -> list[Ticket]:
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
            steps=[*self._delivery.renewals(ticket, now), *self._delivery.pager_steps(ticket, "acknowledge", now)],
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
                *self._delivery.renewals(ticket, now),
                *self._delivery.pager_steps(ticket, "resolve", now),
                *self._delivery.ended_steps(ticket, now),
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
        steps = [*self._delivery.renewals(ticket, now), self._delivery.review_step(str(id), review)]
        if ticket.urgency == "page":
            steps.append(self._delivery.escalate_step(str(id), 0, now, now))
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
        steps = [*self._delivery.renewals(ticket, now), self._delivery.review_step(str(id), until)]
        if ticket.state is TicketState.OPEN and ticket.urgency == "page":
            steps.append(self._delivery.escalate_step(str(id), 0, until, until))
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
            steps=self._delivery.renewals(ticket, now),
        )
        self._runner.wake()
        return added or ticket

    async def _catch_up(self, moved: Ticket, now: datetime) -> None:
        """A copy that was stored while the ticket moved is in neither's list of copies: look once more, after the move.
        Steps that are there already have the same key and stay as they are."""
        await self._store.schedule(self._delivery.renewals(moved, now))
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
        now = self._clock.now()
        rota = await self._rota.rota()
        following = rota.following(now)
        unresolved = await self.list(limit=200)
        resolved = await self.list(states=[TicketState.RESOLVED], limit=200)
        return Summary(
            now,
            rota.at(now),
            person_of(following, self._team) if following else None,
            tuple(t for t in unresolved if t.state is TicketState.OPEN),
            tuple(t for t in unresolved if t.state is TicketState.ACKNOWLEDGED),
            sum(1 for t in resolved if t.resolved_at is not None and t.resolved_at > now - timedelta(days=1)),
        )

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
        ticket, now = await self.get(id), self._clock.now()
        steps = tuple(
            (entry.what, entry.detail.text if entry.detail else entry.name or entry.who, entry.at - ticket.opened_at)
            for entry in ticket.timeline
        )
        gaps: list[tuple[str, Mapping[str, object]]] = []
        if not self._team.support.chats:
            gaps.append(("no_support_chat", {}))
        elif len({chat.partition(":")[0] for chat in self._team.support.chats}) == 1:
            gaps.append(("one_platform", {"chats": ", ".join(self._team.support.chats)}))
        if not self._team.oncall.people:
            gaps.append(("no_oncall", {}))
        else:
            rota = await self._rota.rota()
            gaps += [("nobody", {"since": a, "until": b}) for a, b in rota.gaps(now, now + GAPS_WITHIN)[:5]]
            if len(rota.everybody()) == 1:
                gaps.append(("one_person", {}))
        if not self._delivery.pagers:
            gaps.append(("no_pager", {}))
        for entry in ticket.timeline:
            if entry.what == "failed" and entry.detail is not None:
                gaps.append(("not_delivered", {"what": entry.detail.text}))
        delivered = {ref.platform + ":" + ref.chat for ref in ticket.messages}
        for chat in self._team.support.chats:
            if chat not in delivered and not any(g[0] == "not_delivered" and chat in str(g[1]) for g in gaps):
                gaps.append(("not_yet", {"place": chat}))
        acknowledged = next((e for e in ticket.timeline if e.what == "acknowledged"), None)
        if acknowledged is None and now - ticket.opened_at >= self._team.oncall.ack_within:
            gaps.append(("not_acknowledged", {"within": self._team.oncall.ack_within}))
        return Drill(ticket, steps, tuple(gaps))


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
