"""A whole escalation on a real database, a clock that is moved by hand, and chats that keep what they are given."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.errors import DeliveryError
from bot.model.chat import CleanText, MessageRef, Person, Place, Platform, Reply
from bot.model.diagnosis import Cause, Diagnosis, Proven
from bot.model.engine import Engine, Route
from bot.model.handoff import Page, Ticket
from bot.model.team import Access, OnCall, Support, Team
from bot.outlets.desk import ChatDesk
from bot.ports import Chat
from bot.ports.departure import before_departure
from bot.redaction.gate import Gate
from bot.services.escalation import Escalation, build
from bot.services.steps import StepRunner
from bot.store.store import SqlStore
from tests.conftest import FixedClock
from tests.databases import migrated

ALICE = Person("slack", "U0ALICE", "Alice")
CAROL = Person("telegram", "2002", "Carol")
BOB = Person("telegram", "1002", "Bob")
ADMIN = Person("slack", "U0ADMIN", "Ada")
SLACK_DESK, TELEGRAM_DESK = "slack:C0SUPPORT", "telegram:-1009"


class MemoryChat:
    """`messages`: what stands where now. `broken`: chat or person id to the error that it raises, until taken out."""

    def __init__(self, platform: Platform) -> None:
        self.platform: Platform = platform
        self.messages: dict[tuple[str, str], Reply] = {}
        self.posted: list[tuple[str, Reply]] = []
        self.edits: list[tuple[str, Reply]] = []
        self.broken: dict[str, DeliveryError] = {}
        self.threads: dict[tuple[str, str], str | None] = {}
        self.changed = asyncio.Event()
        self._ids = itertools.count(1)

    def _put(self, chat: str, reply: Reply, thread: str | None = None) -> MessageRef:
        if fault := self.broken.get(chat):
            raise fault
        ref = MessageRef(self.platform, chat, str(next(self._ids)), thread)
        self.messages[(chat, ref.message)] = reply
        self.threads[(chat, ref.message)] = thread
        self.posted.append((chat, reply))
        self.changed.set()
        return ref

    async def post(self, place: Place, reply: Reply) -> MessageRef:
        await self._pass()
        return self._put(place.chat, reply, place.thread)

    async def edit(self, ref: MessageRef, reply: Reply) -> None:
        if fault := self.broken.get(ref.chat):
            raise fault
        if (ref.chat, ref.message) not in self.messages:
            raise DeliveryError("deleted", final=True)
        self.messages[(ref.chat, ref.message)] = reply
        self.edits.append((ref.chat, reply))
        self.changed.set()

    async def until(self, met: Callable[[], bool]) -> None:
        """Waits for what the messages show; a limit only so that a test that would never end is seen."""
        async with asyncio.timeout(120):
            while not met():
                self.changed.clear()
                await self.changed.wait()

    async def _pass(self) -> None:
        if before := before_departure():
            await before()

    async def direct(self, person: Person, reply: Reply) -> MessageRef:
        await self._pass()
        return self._put(person.id, reply)

    def mention(self, person: Person) -> str:
        return f"@<{person.id}>"

    def faults(self) -> tuple[str, ...]:
        return ()

    def to(self, chat: str) -> list[Reply]:
        """What was posted there, as posted."""
        return [reply for where, reply in self.posted if where == chat]

    def now(self, chat: str) -> list[Reply]:
        """What stands there now."""
        return [reply for (where, _), reply in self.messages.items() if where == chat]


class MemoryPager:
    def __init__(self, name: str = "pagerduty") -> None:
        self.name = name
        self.sent: list[tuple[str, int]] = []
        self.broken: DeliveryError | None = None

    def _send(self, verb: str, ticket: Ticket) -> None:
        if self.broken:
            raise self.broken
        self.sent.append((verb, ticket.id))

    async def trigger(self, ticket: Ticket, page: Page, now: datetime) -> None:
        self._send("trigger", ticket)

    async def acknowledge(self, ticket: Ticket) -> None:
        self._send("acknowledge", ticket)

    async def resolve(self, ticket: Ticket) -> None:
        self._send("resolve", ticket)


def team(**changes: Any) -> Team:
    route = Route("deepseek", "https://api.deepseek.com", "deepseek-reasoner", "deepseek")
    base: dict[str, Any] = {
        "language": "en",
        "timezone": "Asia/Shanghai",
        "routes": {"deepseek": route},
        "engines": {"query": Engine("query", "QueryEngine", routes=("deepseek",))},
        "access": Access(members=("slack:*", BOB.address), operators=(ADMIN.address,)),
        "support": Support((SLACK_DESK, TELEGRAM_DESK), "platform team", "production", timedelta(hours=4)),
        "oncall": OnCall(
            (ALICE.address, CAROL.address),
            timedelta(weeks=1),
            datetime(2026, 11, 16, 1, tzinfo=UTC),
            timedelta(minutes=10),
        ),
        "people_names": {p.address: p.name for p in (ALICE, CAROL, BOB, ADMIN)},
    }
    return Team(**{**base, **changes})


@dataclass
class Room:
    team: Team
    store: SqlStore
    gate: Gate
    clock: FixedClock
    slack: MemoryChat
    telegram: MemoryChat
    pager: MemoryPager
    escalation: Escalation
    runner: StepRunner
    chats: dict[str, Chat] = field(default_factory=dict)

    def replica(self, store: SqlStore | None = None, owner: str = "other") -> tuple[Escalation, StepRunner]:
        desk = ChatDesk(self.chats, self.team)
        return build(self.team, store or self.store, desk, [self.pager], self.clock, self.gate, owner=owner)

    async def due(self, after: timedelta | float = 0) -> int:
        """Moves the clock and runs what has come due."""
        self.clock.move(after)
        return await self.runner.run_due()

    def proven(self, **more: Any) -> Proven:
        facts = {
            "engine": "query", "route": "deepseek", "account": "deepseek", "no_route_left": True,
            "tried": (("deepseek-backup", "http_401"),), "repeats": 3, "repeats_span_s": 840.0,
        }  # fmt: skip
        return Proven(Cause.BALANCE_EXHAUSTED, "proved", **{**facts, **more})

    def diagnosis(self, says: str = "Insufficient Balance", **more: Any) -> Diagnosis:
        text = self.gate.trusted(f"Error code: 402 - {says}")
        facts = {"says": says, "provider": "deepseek", "status": 402, "model": "deepseek-reasoner"}
        return Diagnosis((Cause.BALANCE_EXHAUSTED,), 0.9, text, **{**facts, **more})

    async def open(self, asker: Person = BOB, language: str = "zh", **more: Any) -> tuple[Ticket, bool]:
        values: dict[str, Any] = {
            "diagnosis": self.diagnosis(),
            "proven": self.proven(),
            "asked_in": MessageRef("telegram", "1002", "77"),
            **more,
        }
        return await self.escalation.open(asker=asker, language=language, **values)

    async def whole(self, id: int) -> Ticket:
        ticket = await self.store.ticket(id)
        assert ticket is not None
        return ticket

    def clean(self, text: str) -> CleanText:
        return self.gate.trusted(text)


async def room(tmp_path: Path, clock: FixedClock, url: str = "", **changes: Any) -> Room:
    gate = Gate(b"tests")
    store = SqlStore(url or await migrated(tmp_path / "q.db"), gate)
    await store.open()
    slack, telegram, pager = MemoryChat("slack"), MemoryChat("telegram"), MemoryPager()
    chats: dict[str, Chat] = {"slack": slack, "telegram": telegram}
    the_team = team(**changes)
    escalation, runner = build(the_team, store, ChatDesk(chats, the_team), [pager], clock, gate, owner="one")
    return Room(the_team, store, gate, clock, slack, telegram, pager, escalation, runner, chats)


def text_of(reply: Reply) -> str:
    """Everything a reader sees, as one text."""
    parts: list[str] = [reply.title]
    for block in (*reply.blocks, *reply.details):
        for name in ("text", "rows", "items"):
            value = getattr(block, name, None)
            if isinstance(value, str):
                parts.append(value)
            elif isinstance(value, tuple):
                parts += [_flat(item) for item in value]
    return "\n".join(parts)


def _flat(item: object) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, Sequence):
        return ": ".join(str(part) for part in item)
    return " ".join(str(getattr(item, n)) for n in ("state", "name", "figure", "note"))


def labels(reply: Reply) -> list[str]:
    return [action.id for action in reply.actions]
