"""Looks at every account on a timetable, speaks up before it is empty, tells the end. One replica at a time does it.

What is to be said is stored before it is sent, so a restart neither loses nor repeats it.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from bot import providers
from bot.errors import DeliveryError, QuotadeskError, StoreError
from bot.model.alert import AlertKind, Episode, Silence
from bot.model.chat import MessageRef, Person
from bot.model.money import AccountState, Status
from bot.model.team import Team
from bot.ports import Clock, Speaker, Store
from bot.services import alerts, risks, spending
from bot.services.alert_book import AlertBook
from bot.services.balances import Account
from bot.services.notices import NOTICES, Notices
from bot.services.weekly import Looks, Weekly

log = logging.getLogger("quotadesk.watch")

TICK_S: Final = 30.0
LEASE_S: Final = 100.0
_AT_ONCE: Final = 16
# A gateway takes several calls for one look, and its limit is shared with the team's own logins.
_GATEWAY_S: Final = 480.0
_SOONEST_S: Final = 120.0
_SEEN: Final = "watch:seen"


@dataclass(slots=True)
class _Book:
    """What one pass knows and changes."""

    episodes: dict[str, Episode]
    notices: Notices
    seen: dict[str, dict[str, Any]]
    silences: list[Silence]
    former: dict[str, Episode] = field(default_factory=dict)
    looked: bool = False  # what was seen must be stored


class Watch:
    """`owner` must differ between replicas. `saw` gets every board that was read (for gauges). `using` tells the route that
    each engine is on now; without it every engine is taken to be on its preferred one."""

    def __init__(
        self,
        team: Team,
        balances: Looks,
        store: Store,
        clock: Clock,
        speaker: Speaker,
        owner: str,
        *,
        saw: Callable[[tuple[AccountState, ...]], None] | None = None,
        using: Callable[[], Awaitable[Mapping[str, str]]] | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self._team, self._balances, self._store, self._clock = team, balances, store, clock
        self._speaker, self._owner, self._saw, self._using = speaker, owner, saw, using
        self._chance = chance or random.Random()
        self._book = AlertBook(store, clock)
        self._weekly = Weekly(team, balances, store, clock)
        self._next: dict[str, float] = {}
        self._failed: dict[str, int] = {}
        self._books: dict[str, dict[str, spending.SpendBook]] = {}
        self._holds: dict[str, float] = {}
        self.leads = False

    async def run_forever(self) -> None:
        """Until cancelled. A pass that fails is logged; the next one tries again."""
        while True:
            try:
                await self.tick()
            except QuotadeskError as fault:
                log.warning("a pass of the watch failed: %s", fault)
            except Exception:
                log.exception("a pass of the watch broke")
            await self._clock.sleep(TICK_S * self._chance.uniform(0.9, 1.1))

    async def tell_when_back(
        self, account: str, person: Person, language: str, timezone: str, asked_in: MessageRef | None = None
    ) -> None:
        """Queues a message for the moment at which the account works again."""
        await self._book.tell_when_back(account, person, language, timezone, asked_in)

    # --- one pass

    async def tick(self) -> None:
        """Looks at what is due, moves the episodes, says what has to be said. Nothing where another replica leads."""
        if not await self._lead():
            return
        began = self._clock.monotonic()
        states = await self._look()
        if self._clock.monotonic() - began > LEASE_S / 4 and not await self._lead():
            return  # the looks took so long that another replica took over: it will say it
        book = await self._open_book()
        now_on = await self._now_on() if states else {}
        for state, account in states:
            try:
                await self._take(book, state, account, now_on)
            except StoreError:
                raise
            except Exception:  # one account's riddle must not silence the others
                log.exception("%s could not be judged", account.name)
                self._next[account.name] = self._clock.monotonic() + self._team.watch.every.total_seconds()
        self._drop_strangers(book)
        self._speak(book)
        await self._save(book)
        await book.notices.deliver(self._lead)
        await self._tell_back(book, [state for state, _ in states])
        await self._report(book)

    async def _lead(self) -> bool:
        self.leads = await self._store.lead("watch", self._owner, self._clock.now(), LEASE_S)
        return self.leads

    async def _open_book(self) -> _Book:
        episodes = await self._book.episodes()
        facts = await self._store.facts("watch:")
        seen = facts.get(_SEEN) or {}
        notices = Notices(self._store, self._clock, self._speaker, self._team.support.chats, self._holds)
        notices.load(facts.get(NOTICES) or [])
        silences = await self._book.silences()
        return _Book(dict(episodes), notices, dict(seen), silences, episodes)

    # --- looking

    async def _look(self) -> list[tuple[AccountState, Account]]:
        accounts = self._balances.accounts()
        if not self._next:
            await self._resume(accounts)
        mono = self._clock.monotonic()
        due = [account for account in accounts if self._next.get(account.name, 0.0) <= mono]
        if not due:
            return []
        try:
            states = await self._balances.check_all([account.name for account in due], _AT_ONCE)
        except Exception:
            log.exception("accounts could not be looked at")
            states = {}
        found = [(states[account.name], account) for account in due if account.name in states]
        for account in due:
            if account.name not in states:
                self._next[account.name] = self._clock.monotonic() + self._team.watch.every.total_seconds()
        if found and self._saw is not None:
            self._saw(tuple(state for state, _ in found))
        return found

    async def _resume(self, accounts: Sequence[Account]) -> None:
        """After a restart: accounts that were just looked at wait for their turn."""
        seen = await self._store.get_fact(_SEEN) or {}
        now, mono = self._clock.now(), self._clock.monotonic()
        for account in accounts:
            at = seen.get(account.name, {}).get("looked")
            age = (now - risks.utc(at)).total_seconds() if at else float("inf")
            self._next[account.name] = mono + max(0.0, self._team.watch.every.total_seconds() - max(age, 0.0))

    def _plan(self, account: Account, state: AccountState, episodes: Sequence[Episode]) -> None:
        """When to look again: sooner where it matters, later where it fails, never against the provider's limits."""
        usual = self._team.watch.every.total_seconds()
        provider = providers.get(account.provider or state.provider)
        least = max(_SOONEST_S, float(provider.min_interval_s) if provider else 0.0)
        if provider is None or provider.gateway:
            least = max(least, _GATEWAY_S)
        pause = usual
        if state.status is Status.COULD_NOT_CHECK:
            failed = self._failed[account.name] = self._failed.get(account.name, 0) + 1
            pause = min(least * 2.0 ** (failed - 1), max(usual, 900.0))
            wait = state.reason_facts.get("retry_after_s")
            pause = max(pause, min(float(wait), 3600.0) if isinstance(wait, (int, float)) else 0.0)
        else:
            self._failed.pop(account.name, None)
            if any(e.open and (e.level >= 2 or e.kind is AlertKind.RUNWAY) for e in episodes):
                pause = usual / 2
        self._next[account.name] = self._clock.monotonic() + max(pause, least) * self._chance.uniform(0.9, 1.1)

    async def _now_on(self) -> Mapping[str, str]:
        """Engine -> route in use."""
        on = {name: engine.routes[0] for name, engine in self._team.engines.items() if engine.routes}
        if self._using is not None:
            try:
                on |= await self._using()
            except QuotadeskError as fault:
                log.warning("the routes in use are not known: %s", fault)
        return on

    async def _take(self, book: _Book, state: AccountState, account: Account, now_on: Mapping[str, str]) -> None:
        """One look into the book."""
        standby = tuple(name for name in state.engines if now_on.get(name) not in account.routes)
        state = replace(state, engines=tuple(name for name in state.engines if name not in standby))
        now = self._clock.now()
        mine = {e.kind: e for e in book.episodes.values() if e.account == account.name}
        seen = dict(book.seen.get(account.name, {}))
        before = {name: Decimal(amount) for name, amount in seen.get("lines", {}).items()}
        look = risks.Look(
            state,
            now,
            account.warn_below,
            before,
            await self._pace(account, state, now),
            self._team.timezone,
            self._team.watch.ends_within,
            standby,
        )
        after = alerts.step(mine, look)
        for kind in {*mine, *after}:
            old = mine.get(kind) or Episode(account.name, kind)
            new = after.get(kind) or Episode(account.name, kind)
            book.episodes[new.id] = new
            book.notices.mark(old, new, now)
        if state.status is Status.OK:
            lines = {**before, **risks.figures(state.readings)}
            seen["lines"] = {name: str(amount) for name, amount in lines.items()}
        seen["looked"] = now.isoformat()
        book.seen[account.name] = seen
        book.looked = True
        self._plan(account, state, list(after.values()))

    def _drop_strangers(self, book: _Book) -> None:
        """Accounts that left the team file end without a word."""
        known = {account.name for account in self._balances.accounts()}
        for episode in [e for e in book.episodes.values() if e.account not in known]:
            blank = Episode(episode.account, episode.kind)
            book.episodes[episode.id] = blank
            book.notices.mark(episode, blank, self._clock.now())
            book.seen.pop(episode.account, None)

    async def _pace(self, account: Account, state: AccountState, now: datetime) -> spending.Pace | None:
        if state.status is not Status.OK:
            return None
        made = self._books.get(account.name)
        if made is None:
            history = await self._store.history(account.name, now - timedelta(days=8))
            made = self._books[account.name] = spending.books(history)
        spending.enter(made, state.asked_at, state.readings)
        return spending.wildest(made, now)

    # --- speaking

    def _speak(self, book: _Book) -> None:
        now = self._clock.now()
        is_quiet = alerts.quiet(now, self._team.quiet_hours, self._team.timezone)
        speech = alerts.speak(list(book.episodes.values()), book.silences, now, is_quiet=is_quiet)
        for episode in speech.episodes:
            book.episodes[episode.id] = episode
        for number, lines in enumerate(speech.messages):
            book.looked = True
            for line in lines:
                if line.phase in ("fire", "worse"):
                    seen = book.seen.setdefault(line.account, {})
                    seen["alerts"] = int(seen.get("alerts", 0)) + 1
            book.notices.add(f"{now:%Y%m%d%H%M%S}-{number}", lines, now, digest=speech.digest)

    async def _save(self, book: _Book) -> None:
        """Notices first: better said again after a crash than never."""
        now = self._clock.now()
        await book.notices.keep()
        for id, episode in book.episodes.items():
            if book.former.get(id, Episode(episode.account, episode.kind)) != episode:
                await self._book.keep(episode)
        await self._forget_silences(book)
        if book.looked:
            await self._store.set_fact(_SEEN, book.seen, now)

    async def _forget_silences(self, book: _Book) -> None:
        """A silence for one episode ends with it."""
        for silence in book.silences:
            episode = book.episodes.get(silence.id)
            if silence.episode is not None and (episode is None or episode.since != silence.episode):
                await self._book.unsilence(silence.account, silence.kind)

    async def _tell_back(self, book: _Book, states: Sequence[AccountState]) -> None:
        """To whoever asked: it works again. Asked for by a person, so it passes quiet hours."""
        by_name = {state.account: state for state in states}
        if not by_name:
            return
        for waiting in await self._book.waiting():
            state = by_name.get(waiting.account)
            if state is None or state.status is not Status.OK or state.blocked:
                continue
            money = book.episodes.get(f"{waiting.account}:{AlertKind.MONEY.value}")
            if money is not None and money.open and money.level >= 3:
                continue  # one good figure after a bad one is no proof yet
            try:
                await self._speaker.back(waiting, state, self._clock.now())
            except DeliveryError as fault:
                log.warning("nobody could be told that %s is back: %s", waiting.account, fault.reason)
                if not fault.final:
                    continue
            await self._book.told_back(waiting)

    async def _report(self, book: _Book) -> None:
        """Monday 09:00 of the team's zone, in every support chat; a day later it is no news."""
        now = self._clock.now()
        if not self._team.watch.weekly_report or alerts.quiet(now, self._team.quiet_hours, self._team.timezone):
            return
        places = await self._weekly.owed(self._speaker.places(), now)
        if not places:
            return
        counts = {name: int(seen.get("alerts", 0)) for name, seen in book.seen.items()}
        report = await self._weekly.make(now, counts)
        for place in places:
            try:
                await self._speaker.report(place, report, now)
            except DeliveryError as fault:
                log.warning("the weekly report could not be sent to %s: %s", place, fault.reason)
                if not fault.final:
                    continue
            await self._weekly.sent(place, now)
        for seen in book.seen.values():
            seen.pop("alerts", None)
        await self._store.set_fact(_SEEN, book.seen, now)
