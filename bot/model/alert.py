"""What the bot says unasked: episodes of risk, the notices about them, silences, the week. Facts only; no wording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from bot.model.chat import MessageRef, Person
from bot.model.money import Runway
from bot.model.values import dataclass


class AlertKind(StrEnum):
    """One risk of one account. Six letters at most: they are part of a button's 64 bytes."""

    MONEY = "money"  # level 1 below the threshold, 2 nearly gone, 3 calls stop
    RUNWAY = "runway"  # level 1 ends before Monday, 2 within hours
    JUMP = "jump"  # spends far more than usual
    REACH = "reach"  # could not be checked for an hour
    KEY = "key"  # the key is missing, expired or refused
    TOPUP = "topup"  # money arrived; spoken once, has no end


Phase = Literal["fire", "worse", "better", "clear", "info"]


@dataclass(frozen=True, slots=True)
class Episode:
    """One risk from its first sign to its proved end. `told` is the level that was spoken; what is owed follows from it.

    `facts` is JSON: amounts as decimal strings, times as ISO 8601 UTC.
    """

    account: str
    kind: AlertKind
    open: bool = False
    level: int = 0
    told: int = 0
    covered: bool = False  # another kind's message of the same account has said it
    since: datetime | None = None
    stopped: datetime | None = None  # since when calls stop (level 3)
    ended: datetime | None = None
    how: str = ""  # what proved the end: topped_up, reset, raised, or ""
    owed_since: datetime | None = None
    bad: int = 0  # looks in a row that show the risk, before it opens
    first_bad: datetime | None = None
    good: int = 0  # looks in a row that show a recovery
    first_good: datetime | None = None
    engines: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """`<account>:<kind>`: one episode of each at a time."""
        return f"{self.account}:{self.kind.value}"

    @property
    def urgent(self) -> bool:
        """Somebody's engine stands still."""
        worst = max(self.level, self.told)
        return bool(self.engines) and (
            (self.kind is AlertKind.MONEY and worst >= 3) or (self.kind is AlertKind.KEY and worst >= 2)
        )


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One line of a notice. `ended` is filled in later, when the message is edited."""

    account: str
    kind: AlertKind
    phase: Phase
    level: int
    urgent: bool
    at: datetime
    since: datetime
    engines: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    ended: datetime | None = None

    @property
    def id(self) -> str:
        """The episode's."""
        return f"{self.account}:{self.kind.value}"


@dataclass(frozen=True, slots=True)
class Notice:
    """One message, in every support chat. `refs` are its copies by place; places in `dirty` show an older form."""

    id: str
    at: datetime
    events: tuple[AlertEvent, ...]
    digest: bool = False
    refs: Mapping[str, MessageRef] = field(default_factory=dict)
    dirty: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()  # places that will never take it

    @property
    def over(self) -> bool:
        """Nothing in it can change any more."""
        return all(event.ended is not None or event.phase in ("clear", "info") for event in self.events)


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing is said about `account` (`*`: all) and `kind` (`*`: all) up to `level` until then."""

    account: str
    kind: str
    until: datetime
    level: int
    by: str
    episode: datetime | None = None  # only for the episode that began then

    @property
    def id(self) -> str:
        """`<account>:<kind>`, either may be `*`."""
        return f"{self.account}:{self.kind}"


@dataclass(frozen=True, slots=True)
class Await:
    """Somebody wants to hear when the account works again, in `asked_in` or else directly."""

    account: str
    person: Person
    language: str
    since: datetime
    asked_in: MessageRef | None = None
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class WeekRow:
    """One account's week, in one currency. `spent` None: too few readings."""

    account: str
    engines: tuple[str, ...]
    currency: str
    left: Decimal | None
    spent: Decimal | None
    spent_before: Decimal | None  # the week before
    arrived: Decimal
    runway: Runway
    alerts: int = 0
    before_monday: bool = False  # it will not last until the Monday after
    since: datetime | None = None  # the first reading, where that is younger than the week
    points: tuple[tuple[datetime, Decimal], ...] = ()  # what was left over the week, oldest first, thinned


@dataclass(frozen=True, slots=True)
class WeekReport:
    """From `start` to `end` (UTC), a row for each account and currency."""

    start: datetime
    end: datetime
    rows: tuple[WeekRow, ...]
    unseen: tuple[str, ...] = ()  # accounts without a figure
