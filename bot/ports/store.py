"""The store: what is kept, in which shape, and each transaction on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any, Protocol

from bot.model.chat import CleanText, MessageRef, Person
from bot.model.handoff import Evidence, Ticket, TicketState, TimelineEntry
from bot.model.money import Kind, Reading
from bot.model.values import dataclass


@dataclass(frozen=True, slots=True)
class StoredReading:
    """A figure as it was kept: of which account, asked when (UTC)."""

    account: str
    at: datetime
    reading: Reading


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what, for good: never changed, taken out only by the retention job. `at` is UTC; `id` 0 before it is stored."""

    at: datetime
    who: str  # Person.address or "quotadesk"
    what: str  # "switch", "undo", "ack", ...
    subject: str  # engine, ticket, account alias
    result: str  # "done", "refused", "failed", "started"
    detail: CleanText
    id: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class DueStep:
    """Something that must happen at `due_at`, whatever restarts in between. `key` makes it unique: a second one is ignored."""

    id: int
    kind: str
    key: str
    due_at: datetime
    payload: Mapping[str, Any]  # JSON; identifiers and CleanText only
    attempts: int = 0  # how often it was claimed, this time included
    lease_until: datetime | None = None
    why: str = (
        ""  # why it was put off; "in_flight": whoever sent it vanished meanwhile, so it may have happened already
    )


@dataclass(frozen=True, slots=True)
class Sighting:
    """One diagnosed error, for repeats."""

    id: int
    at: datetime
    who: str
    engine: str | None
    cause: str
    account: str | None
    request_id: str | None
    text: CleanText
    payload: Mapping[str, Any]  # the diagnosis' fields, JSON
    ticket: int | None = None


@dataclass(frozen=True, slots=True)
class SwitchRecord:
    """A switch from intent to result. `state`: started, done, failed, undone. `backup` is the file with the former bytes."""

    id: int
    at: datetime
    engine: str
    from_route: str | None
    to_route: str
    who: str
    state: str
    backup: str | None = None
    digest_before: str | None = None  # sha256 of the file's bytes
    digest_after: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Profile:
    """What a person chose. `linked`: their other addresses."""

    address: str
    language: str | None = None
    timezone: str | None = None
    linked: tuple[str, ...] = ()


class Store(Protocol):
    """All methods are one transaction. Text columns that come from people or providers take CleanText only."""

    # life
    async def open(self) -> None:
        """Connects and migrates under a lock."""

    async def close(self) -> None:
        """Waits for nobody; a second call does nothing."""

    async def ping(self) -> None:
        """Raises if the database cannot write."""

    # delivery ids and button tokens
    async def first_time(self, key: str, at: datetime) -> bool:
        """True once per key (kept 48 h), across restarts and replicas."""

    async def put_token(self, kind: str, payload: Mapping[str, Any], expires_at: datetime) -> str:
        """A token of 16 URL-safe characters."""

    async def peek_token(self, kind: str, token: str, at: datetime) -> Mapping[str, Any] | None:
        """The payload, left in its place; None if unknown, used or expired."""

    async def take_token(self, kind: str, token: str, at: datetime) -> Mapping[str, Any] | None:
        """The payload exactly once, to whoever comes first; None if unknown, used or expired."""

    # facts that outlive a restart: small JSON documents by key
    async def get_fact(self, key: str) -> Any:
        """The document; None where there is none."""

    async def set_fact(self, key: str, value: Any, at: datetime) -> None:
        """Replaces the whole document; None takes it away."""

    async def facts(self, prefix: str) -> Mapping[str, Any]:
        """Documents whose key begins with `prefix`, by whole key."""

    # people
    async def profile(self, address: str) -> Profile:
        """One without choices where the person never made any."""

    async def save_profile(self, profile: Profile, at: datetime) -> None:
        """Language and zone; links are made by `link`."""

    async def link(self, one: str, other: str, at: datetime) -> None:
        """Two addresses become the same person, in both directions and for everyone linked to either."""

    # readings
    async def add_readings(self, readings: Sequence[StoredReading]) -> None:
        """Never replaces: each asking is a row."""

    async def history(self, account: str, since: datetime, kind: Kind | None = None) -> list[StoredReading]:
        """Oldest first."""

    async def latest(self, accounts: Sequence[str]) -> Mapping[str, list[StoredReading]]:
        """The newest good readings of each account (all of one asking)."""

    async def sparse(self, accounts: Sequence[str], marks: Sequence[datetime]) -> Mapping[str, list[StoredReading]]:
        """A thin history: for each mark the newest asking not after it, oldest first. At most 400 marks and accounts."""

    # sightings
    async def add_sighting(self, sighting: Sighting) -> int:
        """Its id; the one given is ignored."""

    async def sighting(self, id: int) -> Sighting | None:
        """None if unknown or taken out by the retention job."""

    async def sightings(
        self, since: datetime, *, engine: str | None = None, cause: str | None = None, request_id: str | None = None
    ) -> list[Sighting]:
        """Newest first, at most 200."""

    async def set_sighting_ticket(self, id: int, ticket: int) -> None:
        """Ties a diagnosed error to the ticket that it became."""

    # tickets
    async def open_ticket(self, ticket: Ticket, steps: Sequence[DueStep]) -> tuple[Ticket, bool]:
        """Stores the ticket and its first steps in one transaction. If an unresolved ticket has the same key, joins it
        (count + 1, missing evidence and the asker added, the higher urgency, no steps) and returns (that ticket, False). The id is the store's:
        `{ticket}` in a step's key is filled in, and each step's payload gets `ticket`."""

    async def ticket(self, id: int) -> Ticket | None:
        """With its timeline, evidence, messages and waiting people; None if unknown."""

    async def tickets(
        self,
        *,
        states: Sequence[TicketState] = (),
        search: str = "",
        limit: int = 50,
        ids: Sequence[int] | None = None,
    ) -> list[Ticket]:
        """Newest first, without timelines. `ids`: only these."""

    async def move_ticket(
        self,
        id: int,
        *,
        expect: Sequence[TicketState],
        to: TicketState,
        by: Person,
        at: datetime,
        entry: TimelineEntry,
        steps: Sequence[DueStep] = (),
        cancel: Sequence[str] = (),
        resolution: CleanText | None = None,
        next_review: datetime | None = None,
    ) -> Ticket | None:
        """Atomically: only from one of `expect`, else None (also where reopening meets a newer open ticket of the same
        key). `cancel`: key prefixes of steps that no longer matter."""

    async def add_to_ticket(
        self,
        id: int,
        entry: TimelineEntry,
        *,
        evidence: Sequence[Evidence] = (),
        message: MessageRef | None = None,
        next_review: datetime | None = None,
        steps: Sequence[DueStep] = (),
        cancel: Sequence[str] = (),
    ) -> Ticket | None:
        """None if unknown. With `steps` whose keys all exist already nothing happens: the same call was made before."""

    async def record_digest(
        self, sent: Sequence[tuple[int, int]], entry: TimelineEntry, message: MessageRef, fact: tuple[str, Any] | None
    ) -> None:
        """One message that shows these tickets: `sent` are (ticket, step), each gets the entry and the copy, each step is done;
        `fact` is a key and its value."""

    # due steps
    async def schedule(self, steps: Sequence[DueStep]) -> None:
        """Steps whose key exists already are left as they are."""

    async def claim_steps(self, now: datetime, owner: str, lease_s: float, limit: int) -> list[DueStep]:
        """Due and unleased ones, leased to `owner`; skip-locked on PostgreSQL, so two replicas never get the same."""

    async def renew_steps(self, ids: Sequence[int], owner: str, until: datetime) -> None:
        """Longer leases for steps that `owner` still holds, while it waits for a platform's turn."""

    async def finish_step(self, id: int, at: datetime, result: str = "done") -> None:
        """Ends a step for good, with one machine word."""

    async def finish_steps(self, done: Sequence[tuple[int, str]], at: datetime) -> None:
        """`done`: (id, result), in one transaction."""

    async def retry_step(self, id: int, due_at: datetime, why: str) -> None:
        """Puts a claimed step off and ends its lease; `why` is a machine word."""

    async def retry_steps(self, waiting: Sequence[tuple[int, datetime, str]]) -> None:
        """(id, due at, why), in one transaction."""

    async def begin_sending(self, ids: Sequence[int]) -> None:
        """Right before a message goes out: until they are finished or put off, these may have arrived."""

    async def let_go(self, gone: Callable[[str], bool], now: datetime) -> int:
        """Ends the leases and the leading of owners that are gone; of how many steps."""

    async def pending_steps(self, limit: int = 1000) -> list[DueStep]:
        """Not finished ones, due or not, leased or not; the earliest due first."""

    # leadership
    async def lead(self, name: str, owner: str, now: datetime, lease_s: float) -> bool:
        """True if `owner` leads `name` (watch, telegram polling) until now + lease_s."""

    # switching
    async def begin_switch(self, record: SwitchRecord) -> int:
        """Its id, before anything is changed: what a killed process leaves is told by this row."""

    async def finish_switch(
        self, id: int, state: str, *, detail: Mapping[str, Any], digest_after: str | None = None
    ) -> None:
        """`state`: done, failed or undone. `detail` is JSON without any value of the file."""

    async def switches(
        self, engine: str | None = None, *, states: Sequence[str] = (), limit: int = 20
    ) -> list[SwitchRecord]:
        """Newest first."""

    # audit
    async def audit(self, entry: AuditEntry) -> None:
        """Adds one entry; its id is the store's."""

    async def audits(self, *, subject: str | None = None, limit: int = 100) -> list[AuditEntry]:
        """Newest first."""
