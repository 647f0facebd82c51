"""Every account of the team at once. One that is slow or broken never holds or hides the rest."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from bot import providers
from bot.errors import UnknownName
from bot.model.engine import Route
from bot.model.money import AccountState, Balance, Kind, Reading, Status
from bot.model.near import likest
from bot.model.team import Team
from bot.model.values import dataclass
from bot.ports import Clock, Gate, Http, Keys, Store, StoredReading
from bot.services import verdict
from bot.services.asking import Asker, Outcome
from bot.services.histories import Asked, Histories

log = logging.getLogger(__name__)

_CACHE_S = 60.0
_FAILED_CACHE_S = 10.0
_FRESH_FLOOR_S = 3.0  # a finger on Refresh is not a load test
_FIRST_S = 1.5
_NEXT_S = 1.0
_GROUPED_S = 1.0
HAND = "hand:"


@dataclass(frozen=True, slots=True)
class Account:
    """One key at one host. `name` is the first route's name, and the name its history is kept under."""

    name: str
    provider: str  # "" until the probes have told
    routes: tuple[str, ...]
    engines: tuple[str, ...]
    route: Route  # what is asked: the first route, with an account key if any of the routes names one
    warn_below: Mapping[str, Decimal]
    id: tuple[str, str, str]


@dataclass(slots=True)
class _Memory:
    """What is kept of one account between askings."""

    at: datetime
    mono: float
    outcome: Outcome
    with_models: bool
    took_s: float = 0.0


class Balances:
    """What is left on every account, asked live, remembered for seconds, never twice at the same time."""

    def __init__(self, team: Team, http: Http, keys: Keys, store: Store, clock: Clock, gate: Gate) -> None:
        self._team, self._keys, self._store, self._clock, self._gate = team, keys, store, clock, gate
        self._asker = Asker(http, keys, clock)
        self._memory: dict[tuple[str, str, str], _Memory] = {}
        self._running: dict[tuple[tuple[str, str, str], bool], asyncio.Task[_Memory]] = {}
        self._histories = Histories(store, clock, team.timezone, self._recent)
        self._names: dict[tuple[str, str, str], str] = {}
        self._unsaved: list[StoredReading] = []
        self._grouped: tuple[float, tuple[Account, ...]] | None = None

    # --- names

    def accounts(self) -> tuple[Account, ...]:
        """In the team file's order. Routes with the same provider, host and key are one account."""
        # One command asks this several times, and each key's fingerprint is a hash over a file or a variable.
        if self._grouped is None or self._clock.monotonic() >= self._grouped[0]:
            self._grouped = (self._clock.monotonic() + _GROUPED_S, self._group())
        return self._grouped[1]

    def _group(self) -> tuple[Account, ...]:
        grouped: dict[tuple[str, str, str], list[Route]] = {}
        for route in self._team.routes.values():
            made = providers.recognise(route.base_url, route.provider)
            host = urlsplit(route.base_url).netloc.lower()
            try:
                print_of_key = self._keys.fingerprint(route.key)
            except Exception:  # a key file that cannot be read is told when the account is asked
                print_of_key = ""
            if not print_of_key and route.key is not None:
                print_of_key = f"missing {route.key.name}"
            grouped.setdefault((made.id if made else "", host, print_of_key), []).append(route)
        return tuple(self._account(identity, routes) for identity, routes in grouped.items())

    def _account(self, identity: tuple[str, str, str], routes: Sequence[Route]) -> Account:
        asked = routes[0]
        for route in routes:
            if asked.account_key is None and route.account_key is not None:
                asked = replace(asked, account_key=route.account_key, account_user=route.account_user)
        names = tuple(route.name for route in routes)
        engines = tuple(dict.fromkeys(engine for name in names for engine in self._team.engines_of(name)))
        return Account(names[0], identity[0], names, engines, asked, verdict.thresholds(routes), identity)

    def select(self, names: Sequence[str] = ()) -> tuple[Account, ...]:
        """Accounts behind engines, routes or accounts of these names; all for none. Raises UnknownName."""
        accounts = self.accounts()
        if not names:
            return accounts
        chosen: dict[str, Account] = {}
        for name in names:
            for account in self._named(name, accounts):
                chosen.setdefault(account.name, account)
        return tuple(chosen.values())

    def _named(self, name: str, accounts: Sequence[Account]) -> list[Account]:
        wanted = name.strip().lower()
        for engine in self._team.engines.values():
            if wanted in {engine.name.lower(), engine.title.lower()}:
                return [account for account in accounts if set(account.routes) & set(engine.routes)]
        found = [account for account in accounts if wanted in {route.lower() for route in account.routes}]
        if not found:
            known = tuple(dict.fromkeys([*self._team.engines, *self._team.routes]))
            raise UnknownName("engine or route", name, likest(wanted, known), known)
        return found

    # --- asking

    async def ask(self, names: Sequence[str] = (), fresh: bool = False) -> AsyncIterator[tuple[AccountState, ...]]:
        """Boards, worst first. An early one where some accounts are slow: those have the reason "pending". The last one
        is whole. Raises UnknownName before anything is asked."""
        accounts = self.select(names)
        tasks = {account.name: asyncio.ensure_future(self._known(account, fresh)) for account in accounts}
        history = asyncio.ensure_future(self._histories.prepare([account.name for account in accounts]))
        wait, shown = _FIRST_S, 0
        while waiting := {task for task in tasks.values() if not task.done()}:
            await self._wait(waiting, wait)
            wait = _NEXT_S
            done = {name for name, task in tasks.items() if task.done()}
            if shown < len(done) < len(tasks):
                shown = len(done)
                yield await self._board(accounts, {name: tasks[name].result() for name in done})
        await history
        board = await self._board(accounts, {name: task.result() for name, task in tasks.items()})
        saving = asyncio.ensure_future(self._save())  # beside the answer, not before it
        yield board
        await saving

    async def _wait(self, tasks: set[asyncio.Task[_Memory]], seconds: float) -> None:
        """Until all are done, or at least one is and `seconds` have passed."""
        nap = asyncio.ensure_future(self._clock.sleep(seconds))
        everything = asyncio.ensure_future(asyncio.wait(tasks))
        try:
            await asyncio.wait({nap, everything}, return_when=asyncio.FIRST_COMPLETED)
            if not any(task.done() for task in tasks):
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            nap.cancel()
            everything.cancel()

    async def check(self, route_name: str, *, fresh: bool = False, models: bool = True) -> AccountState:
        """One route's account, for switching and proof. With `models` also what the model list says, where that is free."""
        if route_name not in self._team.routes:
            raise UnknownName("route", route_name, known=tuple(self._team.routes))
        account = next(account for account in self.accounts() if route_name in account.routes)
        memory, _ = await asyncio.gather(
            self._known(account, fresh, models=models), self._histories.load([account.name])
        )
        board = await self._board((account,), {account.name: memory})
        await self._save()
        return board[0]

    async def check_all(self, names: Sequence[str], at_once: int = 16) -> dict[str, AccountState]:
        """Accounts by their own names, for looks on a timetable: `at_once` of them are asked at a time, the store is read
        and written once. Names that are no account's are left out."""
        accounts = [account for account in self.accounts() if account.name in set(names)]
        gate = asyncio.Semaphore(at_once)

        async def one(account: Account) -> _Memory:
            async with gate:
                return await self._known(account, False)

        *found, _ = await asyncio.gather(
            *map(one, accounts), self._histories.prepare([account.name for account in accounts])
        )
        known = {account.name: memory for account, memory in zip(accounts, found, strict=True) if memory is not None}
        board = await self._board(accounts, known)
        await self._save()
        return {state.account: state for state in board}

    async def _known(self, account: Account, fresh: bool, *, models: bool = False) -> _Memory:
        """From memory if young enough, from the request under way if there is one, else asked. Never raises."""
        memory = self._memory.get(account.id)
        if memory is not None and self._young(memory, fresh) and (memory.with_models or not models):
            return memory
        for kind in {models, True}:
            if running := self._running.get((account.id, kind)):
                return await asyncio.shield(running)
        other = self._running.get((account.id, not models))
        task = asyncio.ensure_future(self._ask(account, models, other))
        self._running[(account.id, models)] = task
        task.add_done_callback(lambda _: self._running.pop((account.id, models), None))
        return await asyncio.shield(task)

    def _young(self, memory: _Memory, fresh: bool) -> bool:
        age = self._clock.monotonic() - memory.mono
        outcome = memory.outcome
        if outcome.retry_after_s is not None and age < min(outcome.retry_after_s, 3600):
            return True
        if outcome.status is Status.COULD_NOT_CHECK:
            return age < (_FRESH_FLOOR_S if fresh else _FAILED_CACHE_S)
        least = outcome.provider.min_interval_s if outcome.provider else 0
        if fresh:
            # Refresh passes our own memory, never a limit that the provider set.
            return age < (least if least > _CACHE_S else _FRESH_FLOOR_S)
        return age < max(_CACHE_S, least)

    async def _ask(self, account: Account, models: bool, before: asyncio.Task[_Memory] | None) -> _Memory:
        if before is not None:
            await asyncio.wait({before})  # at most one request per account at a time
        begun = self._clock.monotonic()
        try:
            outcome = await self._asker.ask(account.route, models=models)
        except Exception:
            log.exception("account could not be asked: %s", account.name)
            outcome = Outcome(None, Status.COULD_NOT_CHECK, reason="unexpected")
        outcome = self._clean(outcome)
        ended = self._clock.monotonic()
        memory = _Memory(self._clock.now(), ended, outcome, models, ended - begun)
        self._memory[account.id] = memory
        self._names[account.id] = account.name
        if outcome.status is Status.OK:
            for reading in outcome.balance.readings:
                if reading.kind is not Kind.HEALTH:
                    self._unsaved.append(StoredReading(account.name, memory.at, reading))
            self._histories.grow(account.name, (memory.at, outcome.balance.readings))
        return memory

    def _recent(self, name: str) -> list[Asked]:
        """What this process has asked of the account, where it answered."""
        return [
            (memory.at, memory.outcome.balance.readings)
            for identity, memory in self._memory.items()
            if self._names.get(identity) == name and memory.outcome.status is Status.OK
        ]

    def _clean(self, outcome: Outcome) -> Outcome:
        """Labels may quote a provider's own words: they pass the gate like any text from outside."""
        if not any(reading.label for reading in outcome.balance.readings):
            return outcome
        readings = tuple(
            replace(r, label=self._gate.trusted(r.label).text) if r.label else r for r in outcome.balance.readings
        )
        return replace(outcome, balance=replace(outcome.balance, readings=readings))

    async def _save(self) -> None:
        if self._unsaved:
            batch, self._unsaved = self._unsaved, []
            try:
                await self._store.add_readings(batch)
            except Exception:  # the answer is worth more than its history
                log.exception("readings were not stored")

    # --- the board

    async def _board(self, accounts: Sequence[Account], known: Mapping[str, _Memory]) -> tuple[AccountState, ...]:
        lost = [a.name for a in accounts if a.name not in known or known[a.name].outcome.status is not Status.OK]
        try:
            latest = await self._store.latest(lost) if lost else {}
            hand = await self._store.facts(HAND)
        except Exception:
            log.exception("the last good readings could not be read")
            latest, hand = {}, {}
        states = []
        for account in accounts:
            memory = known.get(account.name)
            state = self._state(account, memory)
            state = _with_hand(state, hand.get(HAND + account.name), account)
            if state.status is not Status.OK and (stored := latest.get(account.name)):
                state = replace(state, last_good=tuple(s.reading for s in stored), last_good_at=stored[0].at)
            if memory is not None and memory.outcome.status is Status.OK:
                state = replace(state, runway=self._histories.runway(account.name, state.readings))
            states.append(state)
        return verdict.order(states)

    def _state(self, account: Account, memory: _Memory | None) -> AccountState:
        provider = memory.outcome.provider if memory else providers.get(account.provider)
        state = AccountState(
            account=account.name,
            provider=provider.id if provider else account.provider,
            routes=account.routes,
            engines=account.engines,
            status=Status.COULD_NOT_CHECK,
            asked_at=memory.at if memory else self._clock.now(),
            reason=verdict.PENDING,
            top_up_url=_own(provider.top_up_url, account) if provider else None,
            console_url=_own(provider.balance_url or provider.usage_url, account) if provider else None,
        )
        if memory is None:
            return state
        outcome = memory.outcome
        balance = outcome.balance
        refused = balance.note == "key_refused"
        how_bad = verdict.level(balance, account.warn_below)
        return replace(
            state,
            status=outcome.status,
            reason=outcome.reason,
            reason_facts=outcome.facts,
            readings=balance.readings,
            blocked=verdict.blocked(balance) or refused,
            low=how_bad > 0,
            level=2 if refused else how_bad,
            note=balance.note,
            models=outcome.models,
            took_s=memory.took_s if outcome.status is Status.OK else None,
        )

    # --- by hand

    async def keep_by_hand(self, name: str, amount: Decimal, currency: str) -> AccountState:
        """A figure that an operator typed in, for a provider with no API. Raises UnknownName; the caller checks the role."""
        account = self.select([name])[0]
        value = {"amount": str(amount), "currency": currency, "at": self._clock.now().isoformat()}
        await self._store.set_fact(HAND + account.name, value, self._clock.now())
        return await self.check(account.routes[0], models=False)


def _own(url: str | None, account: Account) -> str | None:
    """Console pages of a gateway are on the team's own site."""
    if url and "{root}" in url:
        from bot.providers.base import root_of

        return url.replace("{root}", root_of(account.route.base_url))
    return url


def _with_hand(state: AccountState, value: Any, account: Account) -> AccountState:
    """Adds the figure kept by hand, where nothing was told by the provider."""
    if not isinstance(value, Mapping) or state.status is Status.OK:
        return state
    try:
        reading = Reading(
            Kind.ACCOUNT_MONEY,
            Decimal(str(value["amount"])),
            str(value["currency"]),
            hand_kept_at=datetime.fromisoformat(str(value["at"])),
        )
    except (KeyError, ValueError, ArithmeticError):
        return state
    how_bad = verdict.level(Balance((reading,)), account.warn_below)
    return replace(state, readings=(*state.readings, reading), low=how_bad > 0, level=max(state.level, how_bad))
