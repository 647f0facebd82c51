"""Errors that nobody pasted: from logs, from programs, from a monitoring system. One trouble is one ticket, the same that a
pasted error would join.

What calls for a person at once: an empty account, a refused key, a model that is not there. What passes by itself (a rate limit, an
overload, the network) calls for one when it came five times in ten minutes. What the caller has to mend in its request, and what no
signature knows, is kept as a verdict and calls nobody.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from bot.model import trace
from bot.model.chat import Found, Person
from bot.model.diagnosis import MONEY_CAUSES, Cause, Diagnosis, Proven
from bot.model.handoff import Ticket, TicketState
from bot.model.report import Outside, Report, Taken
from bot.model.team import Team
from bot.ports import Clock, Sighting, Store
from bot.services import Explains
from bot.services.due import SELF
from bot.services.escalation import Escalation
from bot.services.fallback import Fallback
from bot.services.proof import Proof, mark

AT_ONCE: Final = (MONEY_CAUSES - {Cause.REQUEST_TOO_COSTLY}) | {
    Cause.AUTH_INVALID,
    Cause.PERMISSION_DENIED,
    Cause.MODEL_NOT_FOUND,
}
PASSING: Final = frozenset(
    {
        Cause.RATE_LIMITED,
        Cause.OVERLOADED,
        Cause.UPSTREAM_ERROR,
        Cause.SERVER_ERROR,
        Cause.NETWORK,
        Cause.NO_CHANNEL,
    }
)
TIMES: Final = 5
WITHIN: Final = timedelta(minutes=10)
_JOIN_S: Final = (
    60.0  # the same trouble counts on its ticket once a minute: a loop must not edit a message every second
)
_PROVE_S: Final = 6.0
_REMEMBERED: Final = 500
_OUTSIDE: Final = "outside:"
_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(slots=True)
class _Group:
    """Reports of one trouble that came together."""

    first: Report
    diagnosis: Diagnosis
    proven: Proven
    places: list[int]
    times: int = 0


class Reports:
    """Implements `bot.ports.Intake`. Accounts are asked for at most six seconds; without an answer the text alone speaks."""

    def __init__(
        self,
        team: Team,
        diagnosis: Explains,
        proof: Proof,
        escalation: Escalation,
        store: Store,
        clock: Clock,
        fallback: Fallback | None = None,
    ) -> None:
        self._team, self._diagnosis, self._proof = team, diagnosis, proof
        self._escalation, self._store, self._clock, self._fallback = escalation, store, clock, fallback
        self._told: dict[
            str, tuple[float, int]
        ] = {}  # trouble -> when it last counted (monotonic), and on which ticket

    async def take(self, reports: Sequence[Report]) -> Sequence[Taken]:
        """In the order of `reports`: the ticket that each one opened or joined; without one where it is no error."""
        taken = [Taken(None, None)] * len(reports)
        groups: dict[str, _Group] = {}
        for place, report in enumerate(reports):
            diagnosis = self._read(report)
            if not diagnosis.is_error and not report.sure:
                continue
            proven = self._proof.from_text(diagnosis, self._engine(report))
            key = _key(diagnosis, proven)
            group = groups.setdefault(key, _Group(report, diagnosis, proven, []))
            group.places.append(place)
            group.times += report.times
        until = self._clock.monotonic() + _PROVE_S
        for key, group in groups.items():
            answer = await self._one(key, group, until)
            for number, place in enumerate(group.places):
                taken[place] = answer if number == 0 else replace(answer, new=False)
        return taken

    def _read(self, report: Report) -> Diagnosis:
        diagnosis = self._diagnosis.explain(report.text)
        if report.at is not None and diagnosis.occurred_at is None:
            diagnosis = replace(diagnosis, occurred_at=report.at.isoformat(timespec="seconds"))
        return diagnosis

    def _engine(self, report: Report | Outside) -> str | None:
        return report.engine if report.engine in self._team.engines else None

    async def _one(self, key: str, group: _Group, until: float) -> Taken:
        trace.enter(trace.new())  # a trouble that nobody asked about begins here
        report, diagnosis, proven = group.first, group.diagnosis, group.proven
        sighting = await self._keep(report, diagnosis, proven, group.times)
        taken = Taken(sighting.id, diagnosis.cause, proven.engine)
        told = await self._lately(key)
        if told is not None:
            await self._store.set_sighting_ticket(sighting.id, told)
            return replace(taken, ticket=told)
        if not await self._calls(diagnosis, proven):
            return taken
        proven = await self._prove(diagnosis, proven, until)
        ticket, new = await self._open(report.source, diagnosis, proven, sighting, report.found)
        self._remember(key, ticket.id)
        await self._store.set_sighting_ticket(sighting.id, ticket.id)
        return replace(taken, engine=proven.engine, ticket=ticket.id, new=new)

    async def _keep(self, report: Report, diagnosis: Diagnosis, proven: Proven, lines: int) -> Sighting:
        payload: dict[str, Any] = {
            "removed": dict(report.found.counts),
            "engine": proven.engine,
            "mark": mark(diagnosis),
            "lines": lines,
            "source": report.source,
        }
        number = diagnosis.request_id or diagnosis.task_id
        cause, now = diagnosis.cause.value, self._clock.now()
        sighting = Sighting(0, now, SELF.id, proven.engine, cause, None, number, diagnosis.text, payload)
        return replace(sighting, id=await self._store.add_sighting(sighting))

    async def _calls(self, diagnosis: Diagnosis, proven: Proven) -> bool:
        """Whether a person is needed. The sighting of this report is stored already and counts."""
        if diagnosis.cause not in PASSING:
            return diagnosis.cause in AT_ONCE
        since = self._clock.now() - WITHIN
        seen = await self._store.sightings(since, cause=diagnosis.cause.value)
        same = mark(diagnosis)
        mine = [one for one in seen if one.engine == proven.engine and (one.engine or one.payload.get("mark") == same)]
        return sum(int(one.payload.get("lines") or 1) for one in mine) >= TIMES

    async def _prove(self, diagnosis: Diagnosis, proven: Proven, until: float) -> Proven:
        """With what the accounts say, and how often it came. What is proved may move the fallback chain, as in a chat. `until`
        (monotonic) bounds all of one delivery: whoever brought it waits."""
        count, span, _ = await self._proof.repeats(diagnosis, proven.engine)
        left = until - self._clock.monotonic()
        if left > 0 and self._proof.worth_asking(diagnosis, proven.engine):
            try:
                async with asyncio.timeout(left):
                    proven = await self._proof.prove(diagnosis, proven.engine, repeats=count)
            except TimeoutError:
                pass
            else:
                if self._fallback is not None:
                    self._fallback.proved(proven)
        return replace(proven, repeats=max(1, count), repeats_span_s=span)

    async def _open(
        self,
        source: str,
        diagnosis: Diagnosis,
        proven: Proven | None,
        sighting: Sighting | None,
        found: Found,
        *,
        urgent: bool = False,
        engine: str | None = None,
        capability: str = "",
    ) -> tuple[Ticket, bool]:
        same = await self._proof.open_ticket(diagnosis, proven, None) if proven is not None else None
        return await self._escalation.open(
            asker=Person(SELF.platform, SELF.id, f"{SELF.name} ({source})"),
            language=self._team.language,
            diagnosis=diagnosis,
            proven=proven,
            sighting=sighting,
            found=found,
            engine=same.engine if same else engine,
            route=same.route if same else None,
            account=same.account if same else None,
            cause=same.cause if same else None,
            asked_to_page=urgent,
            capability=capability or source,
        )

    # --- how often

    async def _lately(self, key: str) -> int | None:
        """The ticket on which this trouble counted within the last minute, while it is not resolved."""
        known = self._told.get(key)
        if known is None or self._clock.monotonic() - known[0] >= _JOIN_S:
            return None
        return known[1] if await self._unresolved(known[1]) else None

    def _remember(self, key: str, ticket: int) -> None:
        while len(self._told) >= _REMEMBERED:
            self._told.pop(next(iter(self._told)))
        self._told.pop(key, None)
        self._told[key] = (self._clock.monotonic(), ticket)

    async def _unresolved(self, id: int) -> bool:
        ticket = await self._store.ticket(id)
        return ticket is not None and ticket.state is not TicketState.RESOLVED

    # --- a monitoring system

    async def alerts(self, alerts: Sequence[Outside]) -> Sequence[int | None]:
        """In their order: the ticket of each, None where none was open or made. Proofs together take a bounded time."""
        until = self._clock.monotonic() + _PROVE_S
        return [await (self._fires(one, until) if one.firing else self._ends(one)) for one in alerts]

    async def _fires(self, alert: Outside, until: float) -> int | None:
        """A repeated notification of the same episode says nothing new."""
        key = _fact(alert)
        known = await self._store.get_fact(key)
        if isinstance(known, dict) and known.get("started") == alert.started:
            id = int(known["ticket"])
            if await self._unresolved(id):
                return id
        diagnosis = self._diagnosis.explain(alert.text)
        proven = None
        if diagnosis.is_error and diagnosis.cause is not Cause.UNKNOWN:
            proven = await self._prove(diagnosis, self._proof.from_text(diagnosis, self._engine(alert)), until)
        ticket, _ = await self._open(
            "Alertmanager",
            diagnosis,
            proven,
            None,
            alert.found,
            urgent=alert.urgent,
            engine=self._engine(alert),
            capability=alert.name.text,
        )
        await self._store.set_fact(key, {"ticket": ticket.id, "started": alert.started}, self._clock.now())
        return ticket.id

    async def _ends(self, alert: Outside) -> int | None:
        """The ticket is resolved with the last alert of it, unless a person had opened it: whoever asked says when it is well."""
        key = _fact(alert)
        known = await self._store.get_fact(key)
        if not isinstance(known, dict):
            return None
        id = int(known["ticket"])
        others = await self._store.facts(_OUTSIDE)
        still = [name for name, fact in others.items() if name != key and fact.get("ticket") == id]
        ticket = await self._store.ticket(id)
        if not still and ticket is not None and ticket.opened_by.address == SELF.address:
            await self._escalation.healed(id)
        await self._store.set_fact(key, None, self._clock.now())
        return id


def _key(diagnosis: Diagnosis, proven: Proven) -> str:
    where = proven.engine or diagnosis.gateway or diagnosis.provider or ""
    unknown = mark(diagnosis) or hashlib.sha256(diagnosis.text.text.encode("utf-8", "replace")).hexdigest()
    return f"{where}|{diagnosis.cause.value}" + (f"|{unknown[:200]}" if diagnosis.cause is Cause.UNKNOWN else "")


def _fact(alert: Outside) -> str:
    plain = _PLAIN_ID.fullmatch(alert.fingerprint)
    return _OUTSIDE + (
        alert.fingerprint if plain else hashlib.sha256(alert.fingerprint.encode("utf-8", "replace")).hexdigest()
    )
