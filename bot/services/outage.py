"""An engine with no working route left, found by the bot itself: the on-call is called, and told when it is over.

Nobody has pasted anything at that hour. The ticket is the same that a person's `Hand to a human` would open or join.
"""

from __future__ import annotations

from typing import Final

from bot.model.chat import Person
from bot.model.diagnosis import Cause, Diagnosis, Proven
from bot.model.handoff import Ticket
from bot.model.team import Team
from bot.ports import Clock, Gate, Store
from bot.services.balances import Balances
from bot.services.due import SELF
from bot.services.escalation import Escalation
from bot.services.fallback import Fallback
from bot.services.owed import Announcement

PLACE: Final = "ticket"  # beside the chats among which an announcement is kept as told
_PREFIX: Final = "outage:"


class Outages:
    """Which engines are down is a fact in the store, so it outlives a restart."""

    def __init__(
        self,
        team: Team,
        balances: Balances,
        fallback: Fallback,
        escalation: Escalation,
        store: Store,
        gate: Gate,
        clock: Clock,
    ) -> None:
        self._team, self._balances, self._fallback, self._escalation = team, balances, fallback, escalation
        self._store, self._gate, self._clock = store, gate, clock

    async def begins(self, said: Announcement, symptom: str) -> Ticket:
        """`said` is one of `no_route`; `symptom` in the team's language. Raises StoreError: then it may be tried again."""
        account = self._account(said.from_route)
        proven = Proven(
            Cause(said.why),
            "proved",
            engine=said.engine,
            route=said.from_route,
            account=account,
            no_route_left=True,
            tried=said.tried,
        )
        # What the on-call asks first, as a pasted error would have told it: there is no text of a provider here.
        known = self._team.routes.get(said.from_route or "")
        seen = Diagnosis(
            (proven.cause,),
            1.0,
            self._gate.trusted(symptom),
            says=symptom,
            provider=(known.provider or None) if known else None,
            model=(known.model or None) if known else None,
            occurred_at=self._clock.now().isoformat(timespec="seconds"),
        )
        ticket, new = await self._escalation.open(
            asker=Person(SELF.platform, SELF.id, SELF.name),
            language=self._team.language,
            diagnosis=seen,
            proven=proven,
        )
        if new or ticket.opened_by.address == SELF.address:
            await self._store.set_fact(_PREFIX + said.engine, {"ticket": ticket.id}, self._clock.now())
        return ticket

    async def look(self) -> list[int]:
        """Resolves what is over: the engine's present route is not out any more, healed or switched away from. The numbers of
        the resolved tickets. A ticket that a person opened is theirs to close."""
        over: list[int] = []
        for key, fact in (await self._store.facts(_PREFIX)).items():
            name = key.removeprefix(_PREFIX)
            engine = self._team.engines.get(name)
            if engine is not None and await self._fallback.stopped(engine):
                continue
            id = int(fact["ticket"])
            if await self._escalation.healed(id) is not None:
                over.append(id)
            await self._store.set_fact(key, None, self._clock.now())
        return over

    def _account(self, route: str | None) -> str | None:
        """As a diagnosis of the same trouble names it, so that both join one ticket."""
        return next((each.name for each in self._balances.accounts() if route in each.routes), route)
