"""A diagnosis against live facts: which of its causes holds, what is ruled out, which route would help.

Only balances and free probes are asked; nothing here costs money or changes anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from bot.model.diagnosis import MONEY_CAUSES, Cause, Diagnosis, Finding, Proven
from bot.model.engine import Engine
from bot.model.money import AccountState, Kind, Status
from bot.model.team import Team
from bot.ports import Clock, Sighting, Store
from bot.providers import get, recognise
from bot.services.balances import Balances

_REPEAT_WINDOW = timedelta(minutes=10)
_BLOCKING_CAUSE = {
    Kind.ACCOUNT_MONEY: Cause.BALANCE_EXHAUSTED,
    Kind.KEY_BUDGET: Cause.KEY_LIMIT,
    Kind.GROUP_QUOTA: Cause.GROUP_LIMIT,
    Kind.WINDOW_QUOTA: Cause.QUOTA_EXHAUSTED,
}
_LIVE = MONEY_CAUSES | {Cause.AUTH_INVALID, Cause.UNKNOWN, Cause.NETWORK, Cause.SERVER_ERROR, Cause.UPSTREAM_ERROR}
_AUTH_REASONS = ("http_401", "auth", "key_refused", "key_missing")


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
        if diagnosis.engine:
            wanted = _plain(diagnosis.engine)
            named = [
                e
                for e in self._team.engines.values()
                if wanted in (_plain(e.name), _plain(e.title), _plain(e.env_prefix))
            ]
            if named:
                return tuple(named[:1])
        if not (diagnosis.provider or diagnosis.gateway or diagnosis.model):
            return tuple(self._team.engines.values()) if diagnosis.cause in MONEY_CAUSES else ()
        fits = []
        for engine in self._team.engines.values():
            routes = [self._team.routes[name] for name in engine.routes[:1]]
            if any(self._fits(route.name, diagnosis) for route in routes):
                fits.append(engine)
        return tuple(fits)

    def _fits(self, route_name: str, diagnosis: Diagnosis) -> bool:
        """Whether the text may be about this route: by provider, else by gateway or address, else by model."""
        route = self._team.routes[route_name]
        known = recognise(route.base_url, route.provider)
        for hint in (diagnosis.gateway, diagnosis.provider):
            named = get(hint) if hint else None
            if hint and ((known and named and known.id == named.id) or _plain(hint) in _plain(route.base_url)):
                return True
        if diagnosis.gateway or diagnosis.provider:
            return False
        return bool(diagnosis.model and route.model and diagnosis.model.lower() == route.model.lower())

    async def repeats(self, diagnosis: Diagnosis, engine: str | None) -> tuple[int, float, int | None]:
        """How often this trouble came in the last ten minutes before now, over how many seconds, and its open ticket."""
        now = self._clock.now()
        number = diagnosis.request_id or diagnosis.task_id
        seen: list[Sighting] = []
        if number:
            seen = await self._store.sightings(now - _REPEAT_WINDOW, request_id=number)
        if not seen and engine:
            seen = await self._store.sightings(now - _REPEAT_WINDOW, engine=engine, cause=diagnosis.cause.value)
        if not seen:
            return 0, 0.0, None
        ticket = next((s.ticket for s in seen if s.ticket is not None), None)
        return len(seen), (now - min(s.at for s in seen)).total_seconds(), ticket

    def from_text(self, diagnosis: Diagnosis, engine: str | None = None) -> Proven:
        """What can be said before anybody is asked."""
        known = diagnosis.cause is not Cause.UNKNOWN
        engines = self.candidates(diagnosis)
        chosen = engine or (engines[0].name if len(engines) == 1 else None)
        return Proven(cause=diagnosis.cause, certainty="text" if known else "unknown", engine=chosen)

    def worth_asking(self, diagnosis: Diagnosis, engine: str | None = None) -> bool:
        return (
            diagnosis.is_error
            and diagnosis.cause in _LIVE
            and bool(self._team.routes)
            and bool(engine or self.candidates(diagnosis))
        )

    async def prove(self, diagnosis: Diagnosis, engine: str | None = None) -> Proven:
        """Asks the accounts behind the error at once, and the engine's other routes with them."""
        engines = (
            (self._team.engines[engine],) if engine and engine in self._team.engines else self.candidates(diagnosis)
        )
        if not engines:
            return self.from_text(diagnosis, engine)
        routes = tuple(dict.fromkeys(route for e in engines for route in e.routes))
        states = dict(zip(routes, await asyncio.gather(*(self._balances.check(r) for r in routes)), strict=True))
        using = {e.name: await self._using(e) for e in engines}
        behind = tuple(dict.fromkeys(name for name in using.values() if name))
        hinted = bool(diagnosis.provider or diagnosis.gateway or diagnosis.model)
        # A text that names nobody fits every account; only the ones that are blocked right now are worth showing.
        fits = self._fits if hinted else lambda name, _: states[name].blocked
        suspects = [(name, states[name]) for name in behind if len(engines) == 1 or fits(name, diagnosis)]
        suspects = list({state.account: (name, state) for name, state in reversed(suspects)}.values())[::-1]
        chosen = engines[0] if len(engines) == 1 else self._worst(engines, using, states)
        base = self.from_text(diagnosis, chosen.name if chosen else None)
        proven = self._judge(diagnosis, base, suspects)
        if chosen is None:
            return replace(proven, ask_engine=len(engines) > 1)
        proven = replace(proven, engine=chosen.name, route=using[chosen.name])
        if proven.route:
            proven = replace(proven, account=states[proven.route].account)
        return self._other_routes(proven, chosen, states)

    async def _using(self, engine: Engine) -> str | None:
        now = await self._current(engine) if self._current else None
        return now or (engine.routes[0] if engine.routes else None)

    @staticmethod
    def _worst(
        engines: Sequence[Engine], using: Mapping[str, str | None], states: Mapping[str, AccountState]
    ) -> Engine | None:
        """Of several engines that fit, the one whose account is provably blocked; None if that does not decide."""
        blocked = [(e, states[name]) for e in engines if (name := using[e.name]) and states[name].blocked]
        return blocked[0][0] if len({state.account for _, state in blocked}) == 1 else None

    def _judge(self, diagnosis: Diagnosis, base: Proven, suspects: Sequence[tuple[str, AccountState]]) -> Proven:
        findings: list[Finding] = []
        proved: list[Cause] = []
        ruled_out: set[Cause] = set()
        for route, state in suspects:
            facts = {"account": state.account, "route": route, "at": state.asked_at}
            if state.status is not Status.OK:
                if state.reason.startswith(_AUTH_REASONS):
                    findings.append(
                        Finding("proved", "key_refused", {**facts, "reason": state.reason}, Cause.AUTH_INVALID)
                    )
                    proved.append(Cause.AUTH_INVALID)
                else:
                    findings.append(
                        Finding("open", state.status.value, {**facts, "reason": state.reason, **state.reason_facts})
                    )
                continue
            if diagnosis.cause is Cause.AUTH_INVALID:
                findings.append(Finding("ruled_out", "key_accepted", facts, Cause.AUTH_INVALID))
            for reading in state.readings:
                cause = _BLOCKING_CAUSE.get(reading.kind)
                if cause is None:
                    continue
                figure = {
                    **facts,
                    "figure": (reading.amount, reading.currency),
                    "kind": reading.kind.value,
                    "resets_at": reading.resets_at,
                }
                if reading.blocks or (reading.amount is not None and reading.amount <= 0 and not reading.unlimited):
                    findings.append(Finding("proved", "empty", figure, cause))
                    proved.append(cause)
                elif reading.unlimited or reading.amount is not None:
                    need = _needed(diagnosis)
                    if (
                        need is not None
                        and reading.amount is not None
                        and not reading.unlimited
                        and reading.amount < need
                    ):
                        findings.append(
                            Finding(
                                "likely",
                                "too_costly",
                                {**figure, "need": (need, reading.currency)},
                                Cause.REQUEST_TOO_COSTLY,
                            )
                        )
                    elif reading.kind in (Kind.ACCOUNT_MONEY, Kind.KEY_BUDGET, Kind.GROUP_QUOTA, Kind.WINDOW_QUOTA):
                        findings.append(
                            Finding("ruled_out", "unlimited" if reading.unlimited else "has", figure, cause)
                        )
                        ruled_out.add(cause)
            if state.blocked and not any(f.verdict == "proved" for f in findings):
                findings.append(Finding("proved", "not_usable", facts, Cause.BALANCE_EXHAUSTED))
                proved.append(Cause.BALANCE_EXHAUSTED)
        return self._verdict(diagnosis, base, findings, proved, ruled_out)

    @staticmethod
    def _verdict(
        diagnosis: Diagnosis, base: Proven, findings: list[Finding], proved: list[Cause], ruled_out: set[Cause]
    ) -> Proven:
        if proved and (
            diagnosis.cause in proved or diagnosis.cause in MONEY_CAUSES | {Cause.UNKNOWN, Cause.AUTH_INVALID}
        ):
            # A relay's upstream may be empty while our own account is fine: only a proof about our side moves the verdict.
            cause = diagnosis.cause if diagnosis.cause in proved else proved[0]
            return replace(base, cause=cause, certainty="proved", findings=tuple(findings))
        still = [cause for cause in diagnosis.causes if cause not in ruled_out]
        if diagnosis.cause in ruled_out and diagnosis.cause in MONEY_CAUSES:
            for cause in still:
                if cause in MONEY_CAUSES:
                    findings.append(Finding("open", f"may_be_{cause.value}", {}, cause))
            cause = next((c for c in still if c in MONEY_CAUSES), diagnosis.cause)
            return replace(base, cause=cause, certainty="narrowed", findings=tuple(findings))
        return replace(base, findings=tuple(findings))

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
                return replace(proven, better_route=name, tried=tuple(tried))
        return replace(proven, tried=tuple(tried), no_route_left=proven.certainty == "proved")


def _plain(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def _needed(diagnosis: Diagnosis) -> Decimal | None:
    """What the request would have cost, where the text says it in the same breath as what is left."""
    raw = diagnosis.figures.get("needed") or diagnosis.figures.get("required")
    digits = "".join(c for c in (raw or "") if c.isdigit() or c == ".")
    try:
        return Decimal(digits) if digits.strip(".") else None
    except ArithmeticError:
        return None
