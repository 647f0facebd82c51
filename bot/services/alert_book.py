"""Alerts as the store keeps them: `alert:<account>:<kind>`, `silence:…`, `waiting:…`. What people may do with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from bot.model.alert import AlertEvent, AlertKind, Await, Episode, Notice, Silence
from bot.model.chat import MessageRef, Person
from bot.ports import Clock, Store
from bot.services import runway
from bot.services.alerts import episode_from_json, episode_to_json
from bot.services.risks import utc

_ALERT, _SILENCE, _WAITING = "alert:", "silence:", "waiting:"
ALL: Final = "*"
_ALL_LEVEL: Final = 2  # silence for everything never covers an engine that stands still
_FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
_KINDS: Final = frozenset(kind.value for kind in AlertKind)

How = Literal["weekend", "hours", "episode"]
HOURS: Final = timedelta(hours=4)


class AlertBook:
    """Episodes, notices and who waits, as facts of the store; the watch's memory across restarts and replicas."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def episodes(self) -> dict[str, Episode]:
        """By id, also those that only gather signs."""
        found: dict[str, Episode] = {}
        for key, value in (await self._store.facts(_ALERT)).items():
            account, _, kind = key[len(_ALERT) :].partition(":")
            if kind in _KINDS and isinstance(value, Mapping):
                episode = episode_from_json(account, AlertKind(kind), value)
                found[episode.id] = episode
        return found

    async def keep(self, episode: Episode) -> None:
        """Under the episode's id, in the place of what stood there."""
        await self._store.set_fact(_ALERT + episode.id, episode_to_json(episode), self._clock.now())

    async def open(self) -> list[Episode]:
        """The risks of now, worst first."""
        found = [e for e in (await self.episodes()).values() if e.open and e.kind is not AlertKind.TOPUP]
        return sorted(found, key=lambda e: (not e.urgent, -e.level, e.account, e.kind.value))

    # --- silences

    async def silences(self) -> list[Silence]:
        """Those that hold now; what is over is forgotten."""
        now, found = self._clock.now(), []
        for key, value in (await self._store.facts(_SILENCE)).items():
            account, _, kind = key[len(_SILENCE) :].rpartition(":")
            if not isinstance(value, Mapping):
                continue
            of_episode = utc(value["episode"]) if value.get("episode") else None
            silence = Silence(account, kind, utc(value["until"]), int(value["level"]), str(value["by"]), of_episode)
            if silence.until > now:
                found.append(silence)
            else:
                await self._store.set_fact(key, None, now)
        return found

    async def silence(self, account: str, kind: str, how: How, by: Person, timezone: str) -> Silence:
        """What became worse than it is now speaks again; an engine that stands still is silenced only by its own name."""
        now = self._clock.now()
        episode = (await self.episodes()).get(f"{account}:{kind}")
        level = _ALL_LEVEL if ALL in (account, kind) else max(episode.level, episode.told, 1) if episode else 1
        until = {"weekend": runway.next_monday(now, timezone), "hours": now + HOURS, "episode": _FOREVER}[how]
        since = episode.since if how == "episode" and episode else None
        if how == "episode" and since is None:
            until = now + HOURS  # it ended meanwhile: nothing may be silenced for ever by an old button
        made = Silence(account, kind, until, level, by.address, since)
        value = {"until": until.isoformat(), "level": level, "by": by.address, "name": by.name}
        if since is not None:
            value["episode"] = since.isoformat()
        await self._store.set_fact(_SILENCE + made.id, value, now)
        return made

    async def unsilence(self, account: str, kind: str) -> bool:
        """False where there was none."""
        key = f"{_SILENCE}{account}:{kind}"
        if await self._store.get_fact(key) is None:
            return False
        await self._store.set_fact(key, None, self._clock.now())
        return True

    # --- who wants to hear of the end

    async def tell_when_back(
        self, account: str, person: Person, language: str, timezone: str, asked_in: MessageRef | None = None
    ) -> None:
        """Once per person and account, however often it is asked."""
        now = self._clock.now()
        value = {
            "name": person.name,
            "language": language,
            "timezone": timezone,
            "since": now.isoformat(),
            "asked_in": asdict(asked_in) if asked_in else None,
        }
        await self._store.set_fact(f"{_WAITING}{account}:{person.address}", value, now)

    async def waiting(self) -> list[Await]:
        """Everybody who asked to hear when an account works again."""
        found = []
        for key, value in (await self._store.facts(_WAITING)).items():
            account, platform, id = key[len(_WAITING) :].split(":", 2)
            ref = MessageRef(**value["asked_in"]) if value.get("asked_in") else None
            person = Person(platform, id, str(value.get("name", "")))  # type: ignore[arg-type]
            zone = str(value.get("timezone") or "UTC")
            found.append(Await(account, person, str(value["language"]), utc(value["since"]), ref, zone))
        return found

    async def told_back(self, waiting: Await) -> None:
        """Takes this one off the list."""
        await self._store.set_fact(f"{_WAITING}{waiting.account}:{waiting.person.address}", None, self._clock.now())


# --- notices as JSON -------------------------------------------------------------------------------------------------------


def notice_to_json(notice: Notice) -> dict[str, Any]:
    """Times as ISO 8601, UTC."""
    return {
        "id": notice.id,
        "at": notice.at.isoformat(),
        "digest": notice.digest,
        "events": [_event_to_json(event) for event in notice.events],
        "refs": {place: asdict(ref) for place, ref in notice.refs.items()},
        "dirty": list(notice.dirty),
        "lost": list(notice.lost),
    }


def notice_from_json(value: Mapping[str, Any]) -> Notice:
    """What `notice_to_json` made. Raises KeyError and ValueError for anything else."""
    return Notice(
        value["id"],
        utc(value["at"]),
        tuple(_event_from_json(event) for event in value["events"]),
        bool(value["digest"]),
        {place: MessageRef(**ref) for place, ref in value["refs"].items()},
        tuple(value["dirty"]),
        tuple(value["lost"]),
    )


def _event_to_json(event: AlertEvent) -> dict[str, Any]:
    return {
        "account": event.account,
        "kind": event.kind.value,
        "phase": event.phase,
        "level": event.level,
        "urgent": event.urgent,
        "at": event.at.isoformat(),
        "since": event.since.isoformat(),
        "engines": list(event.engines),
        "facts": dict(event.facts),
        "ended": event.ended.isoformat() if event.ended else None,
    }


def _event_from_json(value: Mapping[str, Any]) -> AlertEvent:
    return AlertEvent(
        value["account"],
        AlertKind(value["kind"]),
        value["phase"],
        value["level"],
        value["urgent"],
        utc(value["at"]),
        utc(value["since"]),
        tuple(value["engines"]),
        value["facts"],
        utc(value["ended"]) if value["ended"] else None,
    )
