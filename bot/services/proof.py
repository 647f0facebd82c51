"""A diagnosis against live facts: which of its causes holds, what is ruled out, which route would help.

Only balances and free probes are asked; nothing here costs money or changes anything.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from bot.model.diagnosis import MONEY_CAUSES, SHELF_ID, Cause, Diagnosis, Proven
from bot.model.engine import Engine
from bot.model.handoff import Ticket, TicketState
from bot.model.money import AccountState, Kind, Status
from bot.model.team import Team
from bot.ports import Clock, Sighting, Store
from bot.providers import get, recognise
from bot.services.balances import Balances
from bot.services.detective import BLOCKING_CAUSE, is_wallet, judge
from bot.services.incident import key_of

_REPEAT_WINDOW = timedelta(minutes=10)
_SURE = 0.8  # from here on the words name their cause, and an account that is blocked otherwise is no suspect
_LIVE = MONEY_CAUSES | {Cause.AUTH_INVALID, Cause.UNKNOWN, Cause.NETWORK, Cause.SERVER_ERROR, Cause.UPSTREAM_ERROR}


class Proof:
    """Looks at the team's own accounts behind an error. `wait_s` bounds the whole look."""

    def __init__(
        self,
        team: Team,
        balances: Balances,
        store: Store,
        clock: Clock,
        current: Callable[[Engine], Awaitable[str | None]] | None = None,
    ) -> None:
        """`current`: the route that an engine's own file names now; without it the preferred one is taken for it."""
        self._team = team
        self._balances = balances
        self._store = store
        self._clock = clock
        self._current = current

    def candidates(self, diagnosis: Diagnosis) -> tuple[Engine, ...]:
        """Engines the text may be about: the one it names, else those whose routes fit provider, gateway or model."""
        named = self._named(diagnosis)
        if named is not None:
            return (named,)
        if not (diagnosis.provider or diagnosis.gateway or diagnosis.model):
            return tuple(self._team.engines.values()) if diagnosis.cause in MONEY_CAUSES else ()
        fits = []
        for engine in self._team.engines.values():
            routes = [self._team.routes[name] for name in engine.routes[:1]]
            if any(self._fits(route.name, diagnosis) for route in routes):
                fits.append(engine)
        return tuple(fits)

    def _named(self, diagnosis: Diagnosis) -> Engine | None:
        """The engine that the text names: the application's own names (`QueryEngine/agent.py`, `query engine`), else a title or
        variable of the team file that stands in the text as a word of its own."""
        engines = self._team.engines.values()
        if diagnosis.engine:
            wanted = _stem(diagnosis.engine)
            for engine in engines:
                if wanted in (_stem(engine.name), _stem(engine.title), _stem(engine.env_prefix)):
                    return engine
        low = diagnosis.text.text.lower()
        told = [e for e in engines if any(_stands(word, low) for word in (e.title, e.env_prefix))]
        return told[0] if len(told) == 1 else None

    def _fits(self, route_name: str, diagnosis: Diagnosis) -> bool:
        """Whether the text may be about this route: by gateway, else by provider or address, else by model."""
        route = self._team.routes[route_name]
        known = recognise(route.base_url, route.provider)
        # Who speaks through a relay is the relay's business: the team's own account there was not asked by this call.
        hints = (diagnosis.gateway,) if is_wallet(diagnosis) else (diagnosis.gateway, diagnosis.provider)
        for hint in hints:
            named = get(SHELF_ID.get(hint, hint)) if hint else None
            if hint and ((known and named and known.id == named.id) or _plain(hint) in _plain(route.base_url)):
                return True
            if hint == "new-api" and known and known.id == "one-api":
                return True
        if diagnosis.gateway or diagnosis.provider:
            return False
        return bool(diagnosis.model and route.model and diagnosis.model.lower() == route.model.lower())

    async def repeats(self, diagnosis: Diagnosis, engine: str | None) -> tuple[int, float, int | None]:
        """How often this trouble came in the last ten minutes before now, over how many seconds, and the ticket it went to."""
        now = self._clock.now()
        number = diagnosis.request_id or diagnosis.task_id
        seen: list[Sighting] = []
        if number:
            seen = await self._store.sightings(now - _REPEAT_WINDOW, request_id=number)
        if not seen:
            same, whom = await self._store.sightings(now - _REPEAT_WINDOW, cause=diagnosis.cause.value), mark(diagnosis)
            # A text that names no engine is known again by who speaks in it and what is said.
            seen = [s for s in same if (engine and s.engine == engine) or (whom and s.payload.get("mark") == whom)]
        if not seen:
            return 0, 0.0, None
        ticket = next((s.ticket for s in seen if s.ticket is not None), None)
        return len(seen), (now - min(s.at for s in seen)).total_seconds(), ticket

    async def open_ticket(self, diagnosis: Diagnosis, proven: Proven, seen: int | None) -> Ticket | None:
        """The unresolved ticket of the same trouble: of an earlier sighting (`seen`), else of the same engine, cause and
        account. Only one that another report would join, so that nothing new is opened by it."""
        if not proven.engine and seen is None:
            return None
        key = key_of(diagnosis, proven.cause.value, proven.engine, proven.account or proven.route)
        open_ones = await self._store.tickets(states=(TicketState.OPEN, TicketState.ACKNOWLEDGED), limit=200)
        for ticket in open_ones:
            if ticket.id == seen and ticket.key == key_of(
                diagnosis, ticket.cause, ticket.engine, ticket.account or ticket.route
            ):
                return ticket
        return next((t for t in open_ones if t.key == key and proven.engine), None)

    def heard(
        self,
        diagnosis: Diagnosis,
        engine: str | None = None,
        answers: Mapping[str, str] | None = None,
        repeats: int = 1,
    ) -> Proven:
        """What the text and the person's answers say, where no account can be asked."""
        return judge(diagnosis, self.from_text(diagnosis, engine), (), answers or {}, repeats)

    def from_text(self, diagnosis: Diagnosis, engine: str | None = None) -> Proven:
        """What can be said before anybody is asked."""
        known = diagnosis.cause is not Cause.UNKNOWN
        engines = self.candidates(diagnosis)
        chosen = engine or (engines[0].name if len(engines) == 1 else None)
        return Proven(cause=diagnosis.cause, certainty="text" if known else "unknown", engine=chosen)

    def worth_asking(self, diagnosis: Diagnosis, engine: str | None = None) -> bool:
        """Whether a live answer could prove or refute the first cause."""
        return (
            diagnosis.is_error
            and diagnosis.cause in _LIVE
            and bool(self._team.routes)
            and bool(engine or self.candidates(diagnosis))
        )

    async def prove(
        self,
        diagnosis: Diagnosis,
        engine: str | None = None,
        *,
        answers: Mapping[str, str] | None = None,
        repeats: int = 1,
        fresh: bool = False,
    ) -> Proven:
        """Asks the accounts behind the error at once, and the engine's other routes with them. `answers`: what the person
        said to the questions of an earlier look."""
        engines = (
            (self._team.engines[engine],) if engine and engine in self._team.engines else self.candidates(diagnosis)
        )
        if not engines:
            return judge(diagnosis, self.from_text(diagnosis, engine), (), answers or {}, repeats)
        routes = tuple(dict.fromkeys(route for e in engines for route in e.routes))
        states = dict(
            zip(routes, await asyncio.gather(*(self._balances.check(r, fresh=fresh) for r in routes)), strict=True)
        )
        using = {e.name: await self._using(e) for e in engines}
        behind = tuple(dict.fromkeys(name for name in using.values() if name))
        hinted = bool(diagnosis.provider or diagnosis.gateway or diagnosis.model)
        # A text that names nobody fits every account; only the ones that are blocked right now are worth showing.
        fits = self._fits if hinted else lambda name, _: states[name].blocked and _explains(states[name], diagnosis)
        suspects = [(name, states[name]) for name in behind if len(engines) == 1 or fits(name, diagnosis)]
        suspects = list({state.account: (name, state) for name, state in reversed(suspects)}.values())[::-1]
        among = {state.account for _, state in suspects}
        chosen = engines[0] if len(engines) == 1 else self._worst(engines, using, states, among)
        base = self.from_text(diagnosis, chosen.name if chosen else None)
        unclear = chosen is None and len(engines) > 1
        # Several accounts are blocked and the text names none of them: that proves nothing before the engine is named.
        several = unclear and not hinted and len(among) > 1
        proven = judge(diagnosis, replace(base, ask_engine=unclear), suspects, answers or {}, repeats)
        if several:
            proven = replace(proven, certainty=base.certainty, cause=base.cause, questions=())
        if chosen is None:
            return proven
        proven = replace(proven, engine=chosen.name, route=using[chosen.name])
        if proven.route:
            proven = replace(proven, account=states[proven.route].account)
        return self._other_routes(proven, chosen, states)

    async def _using(self, engine: Engine) -> str | None:
        now = await self._current(engine) if self._current else None
        return now or (engine.routes[0] if engine.routes else None)

    @staticmethod
    def _worst(
        engines: Sequence[Engine],
        using: Mapping[str, str | None],
        states: Mapping[str, AccountState],
        among: Collection[str],
    ) -> Engine | None:
        """Of several engines that fit, the one whose account is provably blocked; None if that does not decide."""
        blocked = [
            (e, states[name])
            for e in engines
            if (name := using[e.name]) and states[name].blocked and states[name].account in among
        ]
        return blocked[0][0] if len({state.account for _, state in blocked}) == 1 else None

    def _other_routes(self, proven: Proven, engine: Engine, states: Mapping[str, AccountState]) -> Proven:
        """The first route after the current one that looks alive, and what is wrong with those before it."""
        tried: list[tuple[str, str]] = []
        for name in engine.routes:
            state = states[name]
            if name == proven.route:
                continue
            if state.account == proven.account:
                tried.append((name, "same_account"))
            elif state.blocked:
                tried.append((name, "blocked"))
            elif state.status is Status.COULD_NOT_CHECK:
                tried.append((name, state.reason or "could_not_check"))
            else:
                return replace(proven, better_route=name, tried=tuple(tried), better_figure=_left(state))
        return replace(proven, tried=tuple(tried), no_route_left=proven.certainty == "proved")


def _plain(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def _stem(name: str) -> str:
    """`QueryEngine`, `query engine`, `QUERY_ENGINE_` and `query` are one name."""
    plain = _plain(name)
    return plain.removesuffix("engine") or plain


def _stands(name: str, low: str) -> bool:
    """Whether a name of the team file stands in the text as a word; short names are everyday words and tell nothing."""
    name = name.strip().lower()
    if len(name) < 5 and name.isascii():
        return False
    return bool(name) and bool(re.search(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", low))


def mark(diagnosis: Diagnosis) -> str:
    """Who speaks in a text and what is said, without its numbers; "" where it names nobody."""
    who = [name for name in (diagnosis.provider, diagnosis.gateway, diagnosis.model) if name]
    words = "".join(c for c in (diagnosis.says or diagnosis.text.text)[:200] if c.isalpha()).lower()
    return "|".join((*who, words)) if who else ""


def _explains(state: AccountState, diagnosis: Diagnosis) -> bool:
    """Whether what blocks the account is what the text says, where it says one thing for sure."""
    if diagnosis.confidence < _SURE or diagnosis.cause not in BLOCKING_CAUSE.values():
        return True
    causes = {BLOCKING_CAUSE[r.kind] for r in state.readings if r.kind in BLOCKING_CAUSE and r.blocks}
    return not causes or diagnosis.cause in causes


def _left(state: AccountState) -> tuple[Decimal, str] | None:
    for reading in state.readings:
        if reading.kind in (Kind.ACCOUNT_MONEY, Kind.KEY_BUDGET) and reading.amount is not None and reading.currency:
            return reading.amount, reading.currency
    return None
