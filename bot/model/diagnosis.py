"""Causes and what a text revealed. The causes are a contract with users' scripts: they stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from bot.model.chat import CleanText
from bot.model.values import dataclass


class Cause(StrEnum):
    """Why a call failed, one word each; titles, meanings and steps are in the catalogues under [cause]."""

    BALANCE_EXHAUSTED = "balance_exhausted"
    QUOTA_EXHAUSTED = "quota_exhausted"
    FREE_TIER_ZERO_LIMIT = "free_tier_zero_limit"
    KEY_LIMIT = "key_limit"
    GROUP_LIMIT = "group_limit"
    REQUEST_TOO_COSTLY = "request_too_costly"
    BILLING_INACTIVE = "billing_inactive"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    AUTH_INVALID = "auth_invalid"
    ACCOUNT_SUSPENDED = "account_suspended"
    PERMISSION_DENIED = "permission_denied"
    MODEL_NOT_FOUND = "model_not_found"
    NO_CHANNEL = "no_channel"
    CONTEXT_TOO_LONG = "context_too_long"
    INVALID_REQUEST = "invalid_request"
    CONTENT_FILTERED = "content_filtered"
    UPSTREAM_ERROR = "upstream_error"
    SERVER_ERROR = "server_error"
    NETWORK = "network"
    UNKNOWN = "unknown"


Party = Literal["client", "gateway", "provider", "unknown"]
Retry = Literal["no", "yes", "after_reset", "smaller", "perhaps", "unknown"]

RETRY: Mapping[Cause, Retry] = {
    Cause.BALANCE_EXHAUSTED: "no",
    Cause.QUOTA_EXHAUSTED: "after_reset",
    Cause.FREE_TIER_ZERO_LIMIT: "no",
    Cause.KEY_LIMIT: "no",
    Cause.GROUP_LIMIT: "no",
    Cause.REQUEST_TOO_COSTLY: "smaller",
    Cause.BILLING_INACTIVE: "no",
    Cause.RATE_LIMITED: "yes",
    Cause.OVERLOADED: "yes",
    Cause.AUTH_INVALID: "no",
    Cause.ACCOUNT_SUSPENDED: "no",
    Cause.PERMISSION_DENIED: "no",
    Cause.MODEL_NOT_FOUND: "no",
    Cause.NO_CHANNEL: "perhaps",
    Cause.CONTEXT_TOO_LONG: "smaller",
    Cause.INVALID_REQUEST: "no",
    Cause.CONTENT_FILTERED: "no",
    Cause.UPSTREAM_ERROR: "yes",
    Cause.SERVER_ERROR: "yes",
    Cause.NETWORK: "yes",
    Cause.UNKNOWN: "unknown",
}

MONEY_CAUSES = frozenset(
    {
        Cause.BALANCE_EXHAUSTED,
        Cause.KEY_LIMIT,
        Cause.GROUP_LIMIT,
        Cause.BILLING_INACTIVE,
        Cause.FREE_TIER_ZERO_LIMIT,
        Cause.ACCOUNT_SUSPENDED,
        Cause.REQUEST_TOO_COSTLY,
        Cause.QUOTA_EXHAUSTED,
    }
)


SHELF_ID: Mapping[str, str] = {
    "google": "gemini",
    "azure": "azure-openai",
    "volcengine": "volcengine-ark",
    "baidu": "baidu-qianfan",
    "tencent": "tencent-hunyuan",
    "nvidia": "nvidia-nim",
}
"""A diagnosis names the company as users' scripts know it; `bot/providers` has a file for the product. Others are equal in both."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What one text says. Unknown is None. `causes` are the ones that fit, best first; `cause` is the first."""

    causes: tuple[Cause, ...]
    confidence: float
    text: CleanText  # what was read
    says: str = ""  # the innermost message, as written
    provider: str | None = None
    gateway: str | None = None
    status: int | None = None
    model: str | None = None
    request_id: str | None = None
    task_id: str | None = None
    retry_after_s: float | None = None
    occurred_at: str | None = None  # as written
    engine: str | None = None  # canonical engine title from log prefixes, file names, variables: "QueryEngine"
    engine_from: str = ""  # how it was seen: "log_prefix", "file_name", "variable"
    party: Party = "unknown"
    signature: str = ""  # id of the signature that decided
    notes: tuple[
        str, ...
    ] = ()  # catalogue keys under [diagnose.notes] for special advice ("gemini_zero", "warp_tiers")
    figures: Mapping[str, str] = field(
        default_factory=dict
    )  # remainders, limits, as written: {"remaining": "＄2.53", ...}
    is_error: bool = True  # False: an ordinary sentence, a welcome page
    page: str | None = None  # id of an answer page, where the text is a question
    near: tuple[str, ...] = ()  # pages that the question comes near to, where none answers it
    checked: str = ""  # day the deciding signature was last checked, ISO date
    source: str = ""

    @property
    def cause(self) -> Cause:
        """The first to check."""
        return self.causes[0]

    @property
    def retry(self) -> Retry:
        """Whether and when the same call may be made again, by its cause."""
        return RETRY[self.cause]

    @property
    def retryable(self) -> bool | None:
        """True, False, or None where it is not known. quota_exhausted, smaller requests and `perhaps` count as no and yes
        in the contract's sense: can the same call work again later without a person acting?"""
        return {"no": False, "yes": True, "after_reset": True, "smaller": False, "perhaps": True, "unknown": None}[
            self.retry
        ]


Verdict = Literal["proved", "likely", "ruled_out", "open"]
Certainty = Literal["proved", "narrowed", "text", "unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked. `key` is a catalogue key under [diagnose.proof]; money in `facts` as (Decimal, currency)."""

    verdict: Verdict
    key: str
    facts: Mapping[str, object] = field(default_factory=dict)
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Proven:
    """A diagnosis against live facts. `cause` may differ from the text's first guess; `certainty` says how sure it is."""

    cause: Cause
    certainty: Certainty
    findings: tuple[Finding, ...] = ()
    engine: str | None = None  # name in the team file
    route: str | None = None
    account: str | None = None
    better_route: str | None = None  # another route of the engine that would work now
    no_route_left: bool = False  # every route of the engine was looked at and none works
    tried: tuple[tuple[str, str], ...] = ()  # (route, machine word) of the ones that would not work
    ask_engine: bool = False  # the team has several candidates and the text names none
    repeats: int = 0  # how many times this same trouble was seen in the last minutes, this one included
    repeats_span_s: float = 0.0
    ticket: int | None = None  # the open ticket of the same trouble
    better_figure: tuple[Decimal, str] | None = None  # what that route has left, where it is known
    questions: tuple[str, ...] = ()  # at most two, besides `ask_engine`: catalogue keys under [diagnose.ask_for]
    wallet: str = ""  # a relay's wallet question, once decided: "ours", "relay"
