"""Escalation: evidence by allow-list, the seven-field note, tickets and pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal

from bot.model.chat import CleanText, MessageRef, Person
from bot.model.values import dataclass

EVIDENCE: Final = (
    "time",
    "provider",
    "gateway",
    "model",
    "status",
    "error_text",
    "request_id",
    "task_id",
    "account",
    "payment_method",
    "order_time",
    "amount",
    "submitted_twice",
    "aspect_ratio",
    "resolution",
    "duration",
    "reference_image",
    "task_state",
    "failure_reason",
)
"""The allow-list. Evidence with any other name cannot be made."""

NOTE_FIELDS: Final = ("owner", "environment", "capability", "last_known_good", "symptom", "evidence", "next_review")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One named fact of the allow-list. Raises ValueError for another name, TypeError for text that did not pass the gate."""

    name: str
    value: CleanText

    def __post_init__(self) -> None:
        if self.name not in EVIDENCE:
            raise ValueError(f"{self.name} is no evidence that may be kept")
        if not isinstance(self.value, CleanText):
            raise TypeError("evidence is CleanText")


Urgency = Literal["page", "note", "morning"]


class TicketState(StrEnum):
    """Acknowledged means that somebody has it; only resolved ones can be reopened."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """What happened to a ticket, when (UTC) and by whom."""

    at: datetime
    who: str  # Person.address, or "quotadesk"
    what: str  # opened, joined, acknowledged, resolved, reopened, evidence, paged, snoozed, rotated, delivered, failed
    detail: CleanText | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who asked about this trouble and hears its end, in `asked_in`'s thread or else directly."""

    person: Person
    language: str
    asked_in: MessageRef | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """One trouble. `key` (engine, cause, account) joins the same trouble to the open ticket."""

    id: int
    key: str
    state: TicketState
    engine: str | None
    cause: str
    urgency: Urgency
    opened_at: datetime
    opened_by: Person
    owner: str
    environment: str
    capability: CleanText
    last_known_good: CleanText
    symptom: CleanText
    evidence: tuple[Evidence, ...]
    next_review: datetime
    language: str
    removed: dict[str, int] = field(default_factory=dict)  # what the gate took out, by kind
    count: int = 1
    acknowledged_by: Person | None = None
    acknowledged_at: datetime | None = None
    resolved_by: Person | None = None
    resolved_at: datetime | None = None
    resolution: CleanText | None = None
    asked_in: MessageRef | None = None  # where the asker gets the resolution
    drill: bool = False
    timeline: tuple[TimelineEntry, ...] = ()
    messages: tuple[MessageRef, ...] = ()  # every copy of the note
    route: str | None = None
    account: str | None = None  # alias
    facts: Mapping[str, Any] = field(
        default_factory=dict
    )  # JSON: what the words of the note are made of, in any language
    waiting: tuple[Waiting, ...] = ()  # who asked, the opener first


@dataclass(frozen=True, slots=True)
class Page:
    """One call for a person. `level`: 0 who is on call, 1 the next person, 2 and more everybody, again and again."""

    level: int
    people: tuple[Person, ...]
    next_at: datetime
    next: tuple[Person, ...] = ()  # who is called then
    everybody: bool = False
    nobody: bool = False  # the rota has a gap now
    maybe_twice: bool = False  # an earlier try may have arrived: its answer was lost
