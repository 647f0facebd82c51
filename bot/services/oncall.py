"""Who is on call at a moment, until when, who comes next, and where nobody is."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.model.team import OnCall, Team
from bot.model.values import dataclass
from bot.ports import Clock, Store

NOBODY = "nobody"  # may stand in [oncall] people for a turn that nobody takes
_PREFIX = "oncall.swap:"
_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Swap:
    """An override: `address` is on call from `since` to `until`, whatever the rota says. None: nobody."""

    address: str | None
    since: datetime
    until: datetime
    by: str = ""


@dataclass(frozen=True, slots=True)
class Shift:
    """`address` None is a gap. `until` None: no end is known. Times are UTC."""

    address: str | None
    since: datetime | None
    until: datetime | None
    swapped: bool = False


class Rota:
    """Pure. A handover every N days keeps its hour on the clock of the team's zone through daylight-saving changes; one of
    hours keeps its length."""

    def __init__(self, oncall: OnCall, timezone: str, swaps: Sequence[Swap] = ()) -> None:
        self._people = oncall.people
        self._every = oncall.every
        self._since = oncall.since
        self._zone = ZoneInfo(timezone)
        self._swaps = tuple(swaps)  # the later entry wins

    def at(self, moment: datetime) -> Shift:
        """Who has it at this moment (UTC), from when until when; swaps count."""
        shift = self._turn(moment)
        for n, swap in enumerate(self._swaps):
            if swap.since <= moment < swap.until:
                shift = Shift(swap.address, swap.since, swap.until, swapped=True)
            elif not any(s.since <= moment < s.until for s in self._swaps[n:]):
                # A swap to come ends the turn earlier, one that is over began it later.
                if moment < swap.since and (shift.until is None or swap.since < shift.until):
                    shift = Shift(shift.address, shift.since, swap.since)
                if swap.until <= moment and shift.since is not None and shift.since < swap.until:
                    shift = Shift(shift.address, swap.until, shift.until)
        return shift

    def _turn(self, moment: datetime) -> Shift:
        if not self._people:
            return Shift(None, None, None)
        if self._since is None:
            return Shift(_somebody(self._people[0]), None, None)
        n = self._number(moment)
        if n < 0:
            return Shift(None, None, self._since)
        return Shift(_somebody(self._people[n % len(self._people)]), self._handover(n), self._handover(n + 1))

    def _number(self, moment: datetime) -> int:
        """Of the turn that `moment` falls into; below 0 before the first handover."""
        since = self._since or moment
        n = (moment - since) // self._every
        # An hour of daylight saving moves a boundary against plain division.
        while self._handover(n) > moment:
            n -= 1
        while self._handover(n + 1) <= moment:
            n += 1
        return n

    def _handover(self, n: int) -> datetime:
        since = self._since
        if since is None:
            raise ValueError("a rota without a first handover has no others")
        if self._every % timedelta(days=1):
            return since + n * self._every
        there = since.astimezone(self._zone).replace(tzinfo=None) + n * self._every
        return there.replace(tzinfo=self._zone).astimezone(UTC)

    def following(self, moment: datetime) -> str | None:
        """Whoever comes next in turn after the one on call, another person; None if there is none."""
        now = self.at(moment).address
        people = [person for person in self._people if _somebody(person)]
        if not people:
            return None
        if self._since is not None and self._number(moment) >= 0:
            start = self._number(moment) % len(self._people)
            people = [p for p in (*self._people[start + 1 :], *self._people[: start + 1]) if _somebody(p)]
        elif now in people:
            start = people.index(now)
            people = [*people[start + 1 :], *people[: start + 1]]
        return next((person for person in people if person != now), None)

    def everybody(self) -> tuple[str, ...]:
        """Addresses, each once, in turn."""
        return tuple(dict.fromkeys(person for person in self._people if _somebody(person)))

    def gaps(self, since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
        """Times without anybody, joined, within the span."""
        found: list[tuple[datetime, datetime]] = []
        at = since
        for _ in range(10_000):
            if at >= until:
                break
            shift = self.at(at)
            end = min(shift.until or until, until)
            if shift.address is None:
                if found and found[-1][1] == at:
                    found[-1] = (found[-1][0], end)
                else:
                    found.append((at, end))
            at = end
        return found


def _somebody(address: str) -> str | None:
    return None if address in ("", NOBODY) else address


class OnCallRota:
    """The rota of the team file with the swaps that people made."""

    def __init__(self, team: Team, store: Store, clock: Clock) -> None:
        self._team = team
        self._store = store
        self._clock = clock

    async def rota(self) -> Rota:
        """The team file's turns with the swaps that people made."""
        return Rota(self._team.oncall, self._team.timezone, await self.swaps())

    async def swaps(self) -> list[Swap]:
        """In the order they were made."""
        kept = await self._store.facts(_PREFIX)
        return [_swap(value) for _, value in sorted(kept.items())]

    async def swap(self, address: str | None, since: datetime, until: datetime, by: str) -> Swap:
        """From now on counts over the rota and over earlier swaps. Old ones are forgotten."""
        now = self._clock.now()
        for key, value in (await self._store.facts(_PREFIX)).items():
            if _swap(value).until < now - _KEPT:
                await self._store.set_fact(key, None, now)
        swap = Swap(address, since, until, by)
        value = {"address": address, "since": since.isoformat(), "until": until.isoformat(), "by": by}
        await self._store.set_fact(f"{_PREFIX}{now.isoformat()}:{secrets.token_hex(3)}", value, now)
        return swap


def _swap(value: Any) -> Swap:
    return Swap(
        value["address"], datetime.fromisoformat(value["since"]), datetime.fromisoformat(value["until"]), value["by"]
    )
