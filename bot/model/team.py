"""The team file, parsed: who, which routes and engines, who may do what, who is on call. No key is in here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime, timedelta
from pathlib import Path

from bot.model.chat import Person, Place, Role
from bot.model.engine import Engine, GatewaySettings, KeyRef, Route
from bot.model.values import dataclass


class Secret:
    """A credential in memory. Printing, formatting or logging it shows stars; `reveal` is for the wire only."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself. Whoever calls it sends it or writes it to an env file, and keeps it nowhere."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Secret is never pickled")


@dataclass(frozen=True, slots=True)
class Access:
    """Closed by default. Entries are addresses: `slack:*`, `slack:U0ADMIN`, `telegram:1001`."""

    members: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    slack_team: str | None = None
    telegram_chats: tuple[int, ...] = ()

    def role(self, person: Person, place: Place, linked: tuple[str, ...] = ()) -> Role:
        """`linked`: other addresses of the same person. A chat that is not named has no rights at all, whoever writes."""
        if person.platform == "slack" and self.slack_team and place.team and place.team != self.slack_team:
            return Role.NOBODY
        if (
            person.platform == "telegram"
            and self.telegram_chats
            and not place.private
            and place.chat not in {str(chat) for chat in self.telegram_chats}
        ):
            return Role.NOBODY
        addresses = (person.address, *linked)
        for role, entries in ((Role.OPERATOR, self.operators), (Role.MEMBER, self.members)):
            if any(self._names(entry, address) for entry in entries for address in addresses):
                return role
        return Role.NOBODY

    @staticmethod
    def _names(entry: str, address: str) -> bool:
        return entry == address or (entry.endswith(":*") and address.startswith(entry[:-1]))


@dataclass(frozen=True, slots=True)
class Support:
    """Where people take over. `review_after`: when an open ticket is looked at again."""

    chats: tuple[str, ...] = ()  # "slack:C0SUPPORT", "telegram:-1009"
    owner: str = ""
    environment: str = ""
    review_after: timedelta = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class OnCall:
    """Who is called, in turn, `every` so long from `since` on; the next one after `ack_within` without an answer."""

    people: tuple[str, ...] = ()  # addresses, in turn
    every: timedelta = timedelta(weeks=1)
    since: datetime | None = None  # the first handover, UTC
    ack_within: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Watching:
    """How the watch looks and when it speaks."""

    every: timedelta = timedelta(minutes=10)  # between two looks at one account
    ends_within: timedelta = timedelta(hours=24)  # warn when the money lasts no longer
    weekly_report: bool = True
    logs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # engine, or "*", -> paths that may hold * and ?


@dataclass(frozen=True, slots=True)
class Reporter:
    """A program that may report errors by HTTP: `[reports.<name>]`. Its bearer token is read by reference."""

    name: str
    key: KeyRef | None
    engine: str | None = None  # of reports that name none
    per_minute: int = 60  # requests


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept. Tickets: after they were resolved. Sightings: errors that were diagnosed."""

    readings: timedelta = timedelta(days=400)
    tickets: timedelta = timedelta(days=730)
    audit: timedelta = timedelta(days=730)
    sightings: timedelta = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Team:
    """All of the team file, checked: names in it exist. Nobody changes it; a new file needs a new start."""

    language: str = "en"
    timezone: str = "UTC"
    routes: Mapping[str, Route] = field(default_factory=dict)
    engines: Mapping[str, Engine] = field(default_factory=dict)
    access: Access = field(default_factory=Access)
    support: Support = field(default_factory=Support)
    oncall: OnCall = field(default_factory=OnCall)
    people_names: Mapping[str, str] = field(default_factory=dict)  # address -> display name
    slack_commands: Mapping[str, str] = field(default_factory=dict)  # command -> its configured name
    quiet_hours: tuple[str, str] | None = None  # ("22:00", "07:00") in the team's zone
    demo: bool = False
    watch: Watching = field(default_factory=Watching)
    model_route: str = ""  # a route that may put an unknown error into other words; "" is off
    warp_folder: Path | None = None  # where a Warp gateway keeps its .env and its state files
    gateways: Mapping[str, GatewaySettings] = field(default_factory=dict)
    retention: Retention = field(default_factory=Retention)
    reporters: Mapping[str, Reporter] = field(default_factory=dict)

    def engines_of(self, route: str) -> tuple[str, ...]:
        """Engines that may use the route, in the team file's order."""
        return tuple(name for name, engine in self.engines.items() if route in engine.routes)

    @property
    def telegram_chats(self) -> tuple[str, ...]:
        """Ids of all Telegram chats that the team file names, in [access] and in [support]."""
        support = (address.partition(":") for address in self.support.chats)
        named = (chat for platform, _, chat in support if platform == "telegram")
        return tuple(dict.fromkeys((*map(str, self.access.telegram_chats), *named)))

    def hears(self, place: Place) -> bool:
        """Whether this is one of the team's own chats: a secret in it is spoken about, whoever posted it."""
        if place.private:
            return False
        if place.platform == "slack":
            return not self.access.slack_team or not place.team or place.team == self.access.slack_team
        named = {chat.partition(":")[0] for chat in self.telegram_chats}  # a topic may be named too
        return not self.access.telegram_chats or place.chat in named

    def role(self, person: Person, place: Place, linked: tuple[str, ...] = ()) -> Role:
        """As [access] says; besides, a chat named in [support] chats is a named chat, and whoever is named in [oncall] people
        is a member: otherwise they could be called and not answer."""
        chats = self.access.telegram_chats
        support = [address.split(":") for address in self.support.chats]
        named = tuple(int(parts[1]) for parts in support if parts[0] == "telegram" and parts[1].lstrip("-").isdigit())
        access = replace(self.access, telegram_chats=(*chats, *named)) if chats else self.access
        role = access.role(person, place, linked)
        called = not {person.address, *linked}.isdisjoint(self.oncall.people)
        if role is Role.NOBODY and called:
            # With everybody a member, NOBODY is left only to the wrong chat or workspace.
            return replace(access, members=(person.address,)).role(person, place)
        return role
