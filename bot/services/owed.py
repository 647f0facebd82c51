"""What the fallback chain owes to the support chats: stored before anything moves, gone when it stands in every chat.

One fact for each thing to say. After a crash another pass, here or in another replica, finds it: either the words are known
already, or only that an engine was about to leave a route, and then the record of its switch tells how that ended. At most the
one message that was on its way is said twice, and then it says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from bot.model.values import dataclass
from bot.ports import Clock, Store
from bot.services.switch_plan import Check, Done, Plan

Say = Literal["moved", "ask", "advice", "no_route", "recovered", "returned"]
Kind = Literal["leave", "back", "well"]

HOLD: Final = timedelta(seconds=60)  # whoever began has so long before another pass takes it up
TOO_LATE: Final = timedelta(hours=6)  # what could not be said for so long is not said any more
_PREFIX: Final = "owed:"


@dataclass(frozen=True, slots=True)
class Announcement:
    """One thing to say about one engine. `why` is a cause; `asks` names why `auto` asks first: dearer, slower, other_model,
    too_soon, protected, failed. `cost`: the plan's checks of price and speed.

    `owed` is its number in the outbox; `sent` names the places that have it already, `trying` those that may have it.
    """

    say: Say
    engine: str
    title: str
    from_route: str | None = None
    to_route: str | None = None
    why: str = ""
    until: datetime | None = None
    plan: Plan | None = None
    done: Done | None = None
    asks: str = ""
    tried: tuple[tuple[str, str], ...] = ()
    owed: str = ""
    sent: tuple[str, ...] = ()
    trying: tuple[str, ...] = ()
    cost: tuple[Check, ...] = ()


def to_json(said: Announcement) -> dict[str, Any]:
    """Without the plan, which is made anew, and with the number of the switch instead of its result."""
    return {
        "say": said.say,
        "from": said.from_route,
        "to": said.to_route,
        "until": said.until.isoformat() if said.until else None,
        "asks": said.asks,
        "tried": [list(pair) for pair in said.tried],
        "record": said.done.record if said.done else None,
        "cost": [[check.name, check.ok, check.word, dict(check.facts)] for check in said.cost],
    }


def from_json(owed: Owed, title: str) -> Announcement:
    """What is to be said, as the chats word it; `title` is the engine's."""
    value = owed.said or {}
    until = value.get("until")
    return Announcement(
        value["say"],
        owed.engine,
        title,
        value.get("from"),
        value.get("to"),
        owed.why,
        datetime.fromisoformat(until) if until else None,
        asks=str(value.get("asks", "")),
        tried=tuple((str(route), str(word)) for route, word in value.get("tried", ())),
        owed=owed.id,
        sent=owed.sent,
        trying=owed.trying,
        cost=tuple(Check(name, ok, word, facts) for name, ok, word, facts in value.get("cost", ())),
    )


@dataclass(frozen=True, slots=True)
class Owed:
    """`said` is None as long as it is not known what came of it. `sent`: places that have it, or never will."""

    id: str
    kind: Kind
    engine: str
    route: str
    at: datetime
    why: str = ""
    said: Mapping[str, Any] | None = None
    sent: tuple[str, ...] = ()
    trying: tuple[str, ...] = ()  # it was on its way there, and nobody has heard what came of it
    held_until: datetime | None = None


class Outbox:
    """What a move by itself still owes people: kept before the move, told after it, whoever is killed between."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def begin(self, kind: Kind, engine: str, route: str, why: str = "") -> str:
        """Before anything moves. The same thing begun again takes the place of the former."""
        now = self._clock.now()
        id = f"{kind}:{engine}:{route}"
        await self._keep(Owed(id, kind, engine, route, now, why, held_until=now + HOLD))
        return id

    async def ready(self, id: str, said: Mapping[str, Any]) -> None:
        """What has to be said is known now."""
        if (owed := await self._get(id)) is not None:
            await self._keep(replace(owed, said=said, held_until=self._clock.now() + HOLD))

    async def sent(self, id: str, place: str) -> None:
        """This place knows; the others follow."""
        if (owed := await self._get(id)) is not None:
            left = tuple(each for each in owed.trying if each != place)
            await self._keep(replace(owed, sent=(*owed.sent, place), trying=left, held_until=self._clock.now() + HOLD))

    async def tries(self, id: str, place: str, *, on_its_way: bool) -> None:
        """Before it is posted there; and again where it is certain that it did not arrive."""
        if (owed := await self._get(id)) is not None:
            left = tuple(each for each in owed.trying if each != place)
            await self._keep(replace(owed, trying=(*left, place) if on_its_way else left))

    async def over(self, id: str) -> None:
        """Everybody knows."""
        await self._store.set_fact(_PREFIX + id, None, self._clock.now())

    async def due(self) -> list[Owed]:
        """Those that nobody is at; held by the caller from now on. What is too old is forgotten."""
        now, found = self._clock.now(), []
        for key, value in (await self._store.facts(_PREFIX)).items():
            owed = _from_json(key.removeprefix(_PREFIX), value)
            if now - owed.at > TOO_LATE:
                await self.over(owed.id)
            elif owed.held_until is None or owed.held_until <= now:
                held = replace(owed, held_until=now + HOLD)
                await self._keep(held)
                found.append(held)
        return sorted(found, key=lambda owed: owed.at)

    async def _get(self, id: str) -> Owed | None:
        value = await self._store.get_fact(_PREFIX + id)
        return _from_json(id, value) if value else None

    async def _keep(self, owed: Owed) -> None:
        value = {
            "kind": owed.kind,
            "engine": owed.engine,
            "route": owed.route,
            "at": owed.at.isoformat(),
            "why": owed.why,
            "said": dict(owed.said) if owed.said is not None else None,
            "sent": list(owed.sent),
            "trying": list(owed.trying),
            "held_until": owed.held_until.isoformat() if owed.held_until else None,
        }
        await self._store.set_fact(_PREFIX + owed.id, value, self._clock.now())


def _from_json(id: str, value: Mapping[str, Any]) -> Owed:
    held = value.get("held_until")
    return Owed(
        id,
        value["kind"],
        str(value["engine"]),
        str(value["route"]),
        datetime.fromisoformat(value["at"]),
        str(value.get("why", "")),
        value.get("said"),
        tuple(value.get("sent", ())),
        tuple(value.get("trying", ())),
        datetime.fromisoformat(held) if held else None,
    )
