"""Looks every minute for what is late, broken off or held too long, says so elsewhere and mends it; plans the handover's message."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from bot.model.handoff import Ticket, TicketState
from bot.model.team import Team
from bot.ports import Clock, DueStep, Store
from bot.services.due import Due, step_of
from bot.services.oncall import OnCallRota
from bot.services.steps import LONGEST_WAIT
from bot.services.together import DIGEST

log = logging.getLogger("quotadesk.delivery")

CALLS_END_AFTER: Final = timedelta(hours=24)
LATE: Final = timedelta(minutes=1)
_DIGESTS_KEPT: Final = timedelta(days=30)
_LOOKED_AT: Final = 5000


class Auditor:
    """`kinds`: of steps that it answers for."""

    def __init__(
        self, team: Team, store: Store, rota: OnCallRota, clock: Clock, due: Due, kinds: Sequence[str]
    ) -> None:
        self._team = team
        self._store = store
        self._rota = rota
        self._clock = clock
        self._due = due
        self._kinds = kinds
        # Late at the last look as well: after a rest of ours all is late for a moment.
        self._seen_late: set[int] = set()
        self._seen_broken: set[int] = set()
        self._swept: datetime | None = None

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
                step_of(
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
            if (
                now - datetime.fromisoformat(step.payload["at"]) > LATE
                and step.kind in self._kinds
                and step.kind != "tell"
            ):
                seen.add(step.id)
                if step.id in self._seen_late:
                    late.setdefault(str(step.payload.get("lane", "")), []).append(step)
        self._seen_late = seen
        for lane, steps in late.items():
            since = min(datetime.fromisoformat(step.payload["at"]) for step in steps)
            why = next((step.why for step in steps if step.why not in ("", "waiting", "in_flight")), "")
            facts = {"n": len(steps), "target": lane, "at": since.isoformat(), "reason": why}
            log.warning("%d steps for %s are late since %s: %s", len(steps), lane, since.isoformat(), why)
            tells = self._due.tells(steps[0], lane, "late", facts, now, key=f"{lane}:{since:%Y-%m-%dT%H}")
            await self._store.schedule([t for t in tells if t.payload["lane"] != lane])
        await self._bring_back(pending, now)
        if len(pending) < _LOOKED_AT:
            await self._mend(unanswered, pending, now)
        await self._sweep(now)

    async def _bring_back(self, pending: Sequence[DueStep], now: datetime) -> None:
        """After a clock that jumped back: nobody waits out the jump. No pause, lease or call is ever so far away."""
        calls = self._team.oncall.ack_within * 6 + LATE
        for step in pending:
            wait = step.due_at - now
            held = step.lease_until is not None and step.lease_until - now > LONGEST_WAIT
            if step.kind == "escalate" and int(step.payload["level"]) > 0 and wait > calls:
                await self._store.retry_step(step.id, now + self._team.oncall.ack_within, step.why)
            elif held or (step.why and wait > LONGEST_WAIT + LATE):
                await self._store.retry_step(step.id, now, step.why)

    async def _sweep(self, now: datetime) -> None:
        """Which tickets an old message showed is forgotten once a day."""
        if self._swept is not None and timedelta(0) <= now - self._swept < timedelta(days=1):
            return
        self._swept = now
        for key, value in (await self._store.facts(DIGEST)).items():
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
            step = self._due.escalate(str(id), 0, now, now)
            key = f"ticket:{id}:page:mended:{now:%Y-%m-%dT%H}"
            await self._store.schedule([DueStep(0, step.kind, key, now, {**step.payload, "ticket": id})])
        self._seen_broken = broken
