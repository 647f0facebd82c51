"""The doors. Services reach the network, the database, people and files only through these.

What comes back is a model type or plain data; what fails raises an error of `bot.errors`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from bot.errors import SwitchRefused
from bot.model.alert import Await, Notice, WeekReport
from bot.model.chat import CleanText, MessageRef, Person, Place, Platform, Reply, Request
from bot.model.engine import Engine, KeyRef
from bot.model.handoff import Evidence, Page, Ticket, TicketState, TimelineEntry, Waiting
from bot.model.money import AccountState, Kind, Reading
from bot.model.team import Secret

Json = Any  # parsed JSON: every provider file narrows it itself and reports a wrong shape


class Clock(Protocol):
    def now(self) -> datetime:
        """UTC, with tzinfo."""

    def monotonic(self) -> float:
        """Seconds, for durations only."""

    async def sleep(self, seconds: float) -> None: ...


class Gate(Protocol):
    """The one maker of CleanText, as services and outlets see it."""

    def trusted(self, text: str) -> CleanText:
        """For text from a provider or of our own: it passes the same rules."""

    def fingerprint(self, secret: str) -> str: ...


class Keys(Protocol):
    """Reads credentials at the moment they are needed, so a changed file or variable counts at once."""

    def read(self, ref: KeyRef | None) -> Secret | None:
        """None where the variable or file is absent or empty. Raises ConfigError if a file cannot be read."""

    def fingerprint(self, ref: KeyRef | None) -> str:
        """Short keyed hash of the credential, "" where there is none."""


class Wording(Protocol):
    """One reader's language and zone, as chats see it (`bot.locales.Words`)."""

    @property
    def language(self) -> str: ...

    @property
    def timezone(self) -> str: ...

    def say(self, key: str, /, **values: object) -> str:
        """The line under `key`, filled in; never raises."""


@dataclass(frozen=True, slots=True)
class Call:
    """One outgoing request. `headers` and `url` may hold secrets: they are never logged and never in an error."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Json = None
    content: bytes | None = None
    timeout_s: float = 10.0
    max_bytes: int = 1_000_000
    alone: bool = False  # no second call to the same host meanwhile


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # lower-case names
    body: bytes

    def json(self) -> Json:
        """Numbers with a point come as Decimal. Raises BadAnswer (html, not_json)."""
        from json import loads

        from bot.errors import BadAnswer

        try:
            return loads(self.body.decode("utf-8-sig"), parse_float=Decimal)
        except (ValueError, RecursionError) as fault:  # ValueError: bad UTF-8, bad JSON, absurdly long numbers
            start = self.body[:200].lstrip().lower()
            raise BadAnswer("html" if start.startswith(b"<") else "not_json") from fault


class Http(Protocol):
    async def ask(self, call: Call) -> Answer:
        """Any HTTP status is an Answer. Raises Unreachable (timeout, dns, tls, refused) and BadAnswer (too_large, redirect)."""


# --- people and chats ------------------------------------------------------------------------------------------------


class Chat(Protocol):
    """One platform, outgoing. Every method raises DeliveryError."""

    @property
    def platform(self) -> Platform: ...

    async def post(self, place: Place, reply: Reply) -> MessageRef: ...

    async def edit(self, ref: MessageRef, reply: Reply) -> None: ...

    async def direct(self, person: Person, reply: Reply) -> MessageRef:
        """A direct message to one person. DeliveryError(final=True) where the person never opened a chat with the bot."""

    def mention(self, person: Person) -> str:
        """Plain text that the chat's renderer turns into a mention of this person."""

    def faults(self) -> tuple[str, ...]:
        """Machine words of what is wrong now (deaf, refused_token, …); empty is healthy."""


class Answers(Protocol):
    """What a chat adapter hands requests to: the router."""

    def answer(self, request: Request) -> AsyncIterator[Reply]:
        """One reply, then perhaps edits of it. Never raises: errors are replies."""


class Desk(Protocol):
    """The support chats and the people, in words. `place` is an address of [support] chats. Everything raises DeliveryError;
    final, where the platform is not connected."""

    async def note(self, place: str, ticket: Ticket, now: datetime, *, maybe_twice: bool = False) -> MessageRef: ...

    async def renew(self, ref: MessageRef, ticket: Ticket, now: datetime) -> None:
        """The same message, with the ticket as it is now."""

    async def page(self, person: Person, ticket: Ticket, page: Page, language: str, now: datetime) -> MessageRef:
        """A direct message."""

    async def call(self, place: str, ticket: Ticket, page: Page, now: datetime) -> MessageRef:
        """A mention in a support chat."""

    async def remind(
        self, place: str, ticket: Ticket, people: Sequence[Person], now: datetime, *, last: bool
    ) -> MessageRef: ...

    async def digest(
        self,
        kind: str,
        address: str,
        tickets: Sequence[Ticket],
        now: datetime,
        *,
        page: Page | None = None,
        people: Sequence[Person] = (),
        language: str | None = None,
        twice: Sequence[int] = (),
    ) -> MessageRef:
        """Many tickets in one message, a line and a button each. `kind`: note, call, remind (to a chat), page (to a person);
        `people` are mentioned. `twice`: ids of those that may have arrived before."""

    async def renew_digest(
        self, ref: MessageRef, kind: str, tickets: Sequence[Ticket], now: datetime, *, language: str | None = None
    ) -> None: ...

    async def tell_many(
        self, place: str, told: Sequence[tuple[str, Mapping[str, Any], Ticket | None]], now: datetime
    ) -> None:
        """Many sentences in one message."""

    async def ended(self, waiting: Waiting, ticket: Ticket, now: datetime, *, directly: bool) -> None:
        """The resolution, to somebody who asked: in their thread, or `directly`."""

    async def tell(
        self, place: str, word: str, facts: Mapping[str, Any], now: datetime, *, ticket: Ticket | None = None
    ) -> None:
        """A sentence of the bot's own: a catalogue key under [page.tell]."""


class Pager(Protocol):
    """A paging service. One incident per ticket, whatever is sent again. Everything raises DeliveryError."""

    @property
    def name(self) -> str: ...

    async def trigger(self, ticket: Ticket, page: Page, now: datetime) -> None: ...

    async def acknowledge(self, ticket: Ticket) -> None: ...

    async def resolve(self, ticket: Ticket) -> None: ...


class Speaker(Protocol):
    """What the watch says unasked, in words. `place` is an address of [support] chats. Everything raises DeliveryError;
    final, where nothing will ever arrive there."""

    def places(self) -> tuple[str, ...]:
        """Support chats whose platform is connected now."""

    async def say(self, place: str, notice: Notice, now: datetime) -> MessageRef: ...

    async def edit(self, ref: MessageRef, notice: Notice, now: datetime) -> None:
        """The same message, with what has ended meanwhile."""

    async def report(self, place: str, report: WeekReport, now: datetime) -> MessageRef: ...

    async def back(self, waiting: Await, state: AccountState, now: datetime) -> None:
        """To somebody who asked to hear it: the account works again."""


@dataclass(frozen=True, slots=True)
class WarpTiers:
    """A Warp gateway's two state files and its policy. None: no such file. `unknown`: names of what cannot be read."""

    folder: Path
    found: bool  # the folder is there
    last_attempt: datetime | None = None
    cooldown_until: datetime | None = None
    personal: bool | None = None  # a personal token is set
    fallback_disabled: bool | None = None
    weak_api_token: bool = False
    unknown: tuple[str, ...] = ()


class WarpView(Protocol):
    async def look(self) -> WarpTiers | None:
        """None where the team has no Warp folder. Never writes, never asks Warp for anything."""


# --- the store -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredReading:
    account: str
    at: datetime
    reading: Reading


@dataclass(frozen=True, slots=True)
class AuditEntry:
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
    why: str = ""  # why it was put off; "in_flight": whoever held it before vanished, so it may have happened already


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

    async def close(self) -> None: ...

    async def ping(self) -> None:
        """Raises if the database cannot write."""

    # delivery ids and button tokens
    async def first_time(self, key: str, at: datetime) -> bool:
        """True once per key (kept 48 h), across restarts and replicas."""

    async def put_token(self, kind: str, payload: Mapping[str, Any], expires_at: datetime) -> str:
        """A token of 16 URL-safe characters."""

    async def peek_token(self, kind: str, token: str, at: datetime) -> Mapping[str, Any] | None: ...

    async def take_token(self, kind: str, token: str, at: datetime) -> Mapping[str, Any] | None:
        """The payload exactly once, to whoever comes first; None if unknown, used or expired."""

    # facts that outlive a restart: small JSON documents by key
    async def get_fact(self, key: str) -> Any: ...

    async def set_fact(self, key: str, value: Any, at: datetime) -> None: ...

    async def facts(self, prefix: str) -> Mapping[str, Any]: ...

    # people
    async def profile(self, address: str) -> Profile: ...

    async def save_profile(self, profile: Profile, at: datetime) -> None: ...

    async def link(self, one: str, other: str, at: datetime) -> None: ...

    # readings
    async def add_readings(self, readings: Sequence[StoredReading]) -> None: ...

    async def history(self, account: str, since: datetime, kind: Kind | None = None) -> list[StoredReading]:
        """Oldest first."""

    async def latest(self, accounts: Sequence[str]) -> Mapping[str, list[StoredReading]]:
        """The newest good readings of each account (all of one asking)."""

    async def sparse(self, accounts: Sequence[str], marks: Sequence[datetime]) -> Mapping[str, list[StoredReading]]:
        """A thin history: for each mark the newest asking not after it, oldest first. At most 400 marks and accounts."""

    # sightings
    async def add_sighting(self, sighting: Sighting) -> int: ...

    async def sighting(self, id: int) -> Sighting | None: ...

    async def sightings(
        self, since: datetime, *, engine: str | None = None, cause: str | None = None, request_id: str | None = None
    ) -> list[Sighting]:
        """Newest first, at most 200."""

    async def set_sighting_ticket(self, id: int, ticket: int) -> None: ...

    # tickets
    async def open_ticket(self, ticket: Ticket, steps: Sequence[DueStep]) -> tuple[Ticket, bool]:
        """Stores the ticket and its first steps in one transaction. If an unresolved ticket has the same key, joins it
        (count + 1, missing evidence and the asker added, the higher urgency, no steps) and returns (that ticket, False). The id is the store's:
        `{ticket}` in a step's key is filled in, and each step's payload gets `ticket`."""

    async def ticket(self, id: int) -> Ticket | None: ...

    async def tickets(self, *, states: Sequence[TicketState] = (), search: str = "", limit: int = 50) -> list[Ticket]:
        """Newest first, without timelines."""

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
        self, sent: Sequence[tuple[int, int]], entry: TimelineEntry, message: MessageRef, fact: tuple[str, Any]
    ) -> None:
        """One message that shows many tickets: `sent` are (ticket, step), each gets the entry and the copy, each step is done;
        `fact` is a key and its value."""

    # due steps
    async def schedule(self, steps: Sequence[DueStep]) -> None:
        """Steps whose key exists already are left as they are."""

    async def claim_steps(self, now: datetime, owner: str, lease_s: float, limit: int) -> list[DueStep]:
        """Due and unleased ones, leased to `owner`; skip-locked on PostgreSQL, so two replicas never get the same."""

    async def renew_steps(self, ids: Sequence[int], owner: str, until: datetime) -> None:
        """Longer leases for steps that `owner` still holds, while it waits for a platform's turn."""

    async def finish_step(self, id: int, at: datetime, result: str = "done") -> None: ...

    async def retry_step(self, id: int, due_at: datetime, why: str) -> None: ...

    async def pending_steps(self, limit: int = 1000) -> list[DueStep]: ...

    # leadership
    async def lead(self, name: str, owner: str, now: datetime, lease_s: float) -> bool:
        """True if `owner` leads `name` (watch, telegram polling) until now + lease_s."""

    # switching
    async def begin_switch(self, record: SwitchRecord) -> int: ...

    async def finish_switch(
        self, id: int, state: str, *, detail: Mapping[str, Any], digest_after: str | None = None
    ) -> None: ...

    async def switches(
        self, engine: str | None = None, *, states: Sequence[str] = (), limit: int = 20
    ) -> list[SwitchRecord]:
        """Newest first."""

    # audit
    async def audit(self, entry: AuditEntry) -> None: ...

    async def audits(self, *, subject: str | None = None, limit: int = 100) -> list[AuditEntry]:
        """Newest first."""


# --- where a switch takes effect -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EnvView:
    """An application's env file as it stands. `path` is the real file behind a link; `faults` are why it cannot be changed."""

    path: Path
    link: bool
    digest: str  # sha256 of the bytes
    values: Mapping[str, Secret | None]  # None: the variable is not there
    faults: tuple[SwitchRefused, ...] = ()
    overridden: tuple[tuple[str, str], ...] = ()  # (variable, machine word of where): these win over the file
    hinted: tuple[tuple[str, str], ...] = ()  # (variable, file): these may win
    processes: int = 0  # running programs of that directory that could be looked at


class EnvChange(Protocol):
    """A prepared change under the file's lock: the backup is on the disk, the file is still the old one."""

    @property
    def backup(self) -> str: ...

    @property
    def digest_before(self) -> str: ...

    @property
    def digest_after(self) -> str: ...

    @property
    def changed(self) -> tuple[str, ...]:
        """The variables whose value is not the same afterwards."""

    async def commit(self) -> None:
        """The one atomic step. Raises SwitchRefused; then the file is as it was."""


class EnvFiles(Protocol):
    """Every method raises SwitchRefused with `reason` in its facts; the file is then as it was."""

    async def look(self, path: Path, names: Sequence[str]) -> EnvView: ...

    def change(
        self, path: Path, values: Mapping[str, Secret], at: datetime
    ) -> AbstractAsyncContextManager[EnvChange]: ...

    def restore(self, path: Path, backup: str, expect: str, at: datetime) -> AbstractAsyncContextManager[EnvChange]:
        """The exact bytes of `backup`, if the file's digest is still `expect`; else SwitchRefused (changed_since)."""

    async def digest(self, path: Path) -> str | None:
        """None where there is no readable file."""

    async def held(self, path: Path) -> bool:
        """Whether somebody changes the file at this moment."""

    async def backup_values(self, backup: str, names: Sequence[str]) -> Mapping[str, Secret | None]: ...


@dataclass(frozen=True, slots=True)
class TakenUp:
    """What was done so that the application uses its changed file. `ok` None: nothing was to be done by us."""

    how: str  # none | command | bettafish
    ok: bool | None
    reason: str = ""  # machine word: exit_code, timed_out, not_found, was_stopped, whole_app, ...
    facts: Mapping[str, object] = field(default_factory=dict)
    output: CleanText | None = None


class Restarter(Protocol):
    async def take_up(self, engine: Engine) -> TakenUp:
        """Never raises: what went wrong is in the result."""

    async def declared(self, engine: Engine) -> tuple[tuple[str, str], ...] | None:
        """(variable, where) that the service manager sets itself and that would win over the env file; None: not known."""

    def can_pause(self, engine: Engine) -> bool:
        """Whether the application has a call that stops just this engine."""

    async def pause(self, engine: Engine) -> TakenUp:
        """Never raises."""

    async def resume(self, engine: Engine) -> TakenUp:
        """Never raises."""

    def plan(self, engine: Engine) -> str:
        """Machine word of what `take_up` would do: none, command, bettafish_app, bettafish_whole, own_run."""


@dataclass(frozen=True, slots=True)
class GatewayTarget:
    """One thing of a gateway that can be switched. `state` is JSON without any key: status, priority, model, …"""

    id: str
    name: str
    state: Mapping[str, Any]
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a gateway said before and after, read back from it. JSON, kept in the record, enough to undo."""

    target: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


class Gateway(Protocol):
    """A program that routes for many and has its own switch. Raises SwitchRefused (reason in its facts) and ProviderError."""

    async def targets(self) -> tuple[GatewayTarget, ...]: ...

    async def look(self, target: str) -> GatewayTarget:
        """One target as it is now. Raises SwitchRefused (no_such_target)."""

    async def apply(self, target: str, want: Mapping[str, Any]) -> Receipt:
        """Changes only what `want` names. Raises SwitchRefused (not_taken) where reading back does not show it."""

    async def undo(self, receipt: Receipt) -> Receipt:
        """Writes `before` back, if the gateway still shows `after`; else SwitchRefused (changed_since)."""
