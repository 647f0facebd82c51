"""Money and the five different things that are all called balance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from bot.model.values import dataclass


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in one currency (ISO 4217) or one named unit (credits, requests, tokens, points). Never summed across."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal):
            raise TypeError("Money.amount is a Decimal")

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.amount + other.amount, self.currency)


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs, per million tokens, in one currency. None: this side is not known, never 0.

    `source`: team_file (an operator wrote it), list (the provider's own, asked for free) or local (a machine of the team's own:
    nothing is billed per token). `of`: whose list; "" for a gateway's own.
    """

    currency: str
    input: Decimal | None = None
    output: Decimal | None = None
    source: str = "list"
    of: str = ""


class Kind(StrEnum):
    """What a figure is of. Figures of two kinds are never compared or added; for `spend` the amount is what was spent."""

    ACCOUNT_MONEY = "account_money"
    KEY_BUDGET = "key_budget"
    GROUP_QUOTA = "group_quota"
    WINDOW_QUOTA = "window_quota"
    SPEND = "spend"
    HEALTH = "health"


@dataclass(frozen=True, slots=True)
class Reading:
    """One figure of one account. `amount` is what is left (for spend: what was spent); None is unknown, never 0.

    `parts`: paid, granted, voucher, in the same currency. `limit` only where a denominator is known.
    `blocks`: this figure alone stops calls now.
    """

    kind: Kind
    amount: Decimal | None = None
    currency: str | None = None  # ISO 4217, or credits, requests, tokens, points, percent
    used: Decimal | None = None
    limit: Decimal | None = None
    resets_at: datetime | None = None  # UTC
    parts: Mapping[str, Decimal] = field(default_factory=dict)
    unlimited: bool = False
    label: str = ""  # "5-hour window", "month": the provider's own word, ASCII
    blocks: bool = False
    hand_kept_at: datetime | None = None  # typed in by an operator then, not asked


@dataclass(frozen=True, slots=True)
class Balance:
    """What one provider answered for one account. `usable` is the provider's own word on it, None where it says nothing."""

    readings: tuple[Reading, ...]
    usable: bool | None = None
    note: str = ""  # catalogue key under [balance.notes], e.g. "needs_account_key"
    models: tuple[str, ...] = ()  # where the probe listed them


class Status(StrEnum):
    """Whether there is an answer: asked and told, not published by the provider, or not reached. The last two are never 0."""

    OK = "ok"
    NOT_OFFERED = "not_offered"
    COULD_NOT_CHECK = "could_not_check"


@dataclass(frozen=True, slots=True)
class Runway:
    """Days left as a range; `why` names the missing ground where there is none: too_little_data, not_falling."""

    low_days: Decimal | None = None
    high_days: Decimal | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class AccountState:
    """One account (one key at one host) as of `asked_at`, with every route and engine that draws on it."""

    account: str  # alias: the first route's name; never a key
    provider: str
    routes: tuple[str, ...]
    engines: tuple[str, ...]
    status: Status
    asked_at: datetime
    reason: str = ""  # machine word for could_not_check / not_offered
    reason_facts: Mapping[str, object] = field(default_factory=dict)
    readings: tuple[Reading, ...] = ()
    blocked: bool = False
    low: bool = False
    level: int = 0  # 0 fine, 1 below warn_below, 2 below a third of it or blocked
    last_good: tuple[Reading, ...] = ()
    last_good_at: datetime | None = None
    runway: Runway = field(default_factory=Runway)
    top_up_url: str | None = None
    console_url: str | None = None
    note: str = ""
    models: tuple[str, ...] = ()
    took_s: float | None = None  # how long the last good answer took, all its requests together
