"""Which other causes a text leaves open, and how sure the first one is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.model.diagnosis import Cause
from bot.signatures import Signature

PAYMENT: Final = (
    Cause.BALANCE_EXHAUSTED,
    Cause.KEY_LIMIT,
    Cause.GROUP_LIMIT,
    Cause.REQUEST_TOO_COSTLY,
    Cause.BILLING_INACTIVE,
)
_ALSO: Final = {
    402: PAYMENT,
    429: (Cause.RATE_LIMITED, Cause.QUOTA_EXHAUSTED, Cause.BALANCE_EXHAUSTED),
    403: (Cause.PERMISSION_DENIED, Cause.BALANCE_EXHAUSTED, Cause.ACCOUNT_SUSPENDED),
    400: (Cause.INVALID_REQUEST, Cause.BALANCE_EXHAUSTED),
    401: (Cause.AUTH_INVALID, Cause.KEY_LIMIT),
}
CLOSE: Final = 5  # a cause that is told this much less surely still is a rival
_A_WINDOW: Final = 3600.0  # seconds: whoever is sent away for an hour has used up a window, not met a throttle
_OWN_SENTENCE: Final = 70  # from this rank on a signature knows what its provider means by it
_A_SENTENCE: Final = 50  # below this rank a signature knows a few words, which can mean more than one thing
_FEW_WORDS: Final = 0.85
_SHORT: Final = ("per min", "per-min", "/min", "rpm", "tpm", "per second", "每分钟", "concurren")


def with_rivals(
    causes: list[Cause], status: int | None, entry: Signature | None, retry_after: float | None, low: str
) -> list[Cause]:
    """The causes in order, with those that the status leaves open behind them."""
    if (
        causes[0] is Cause.RATE_LIMITED
        and retry_after is not None
        and retry_after >= _A_WINDOW
        and entry is not None
        and entry.rank < _OWN_SENTENCE
        and not any(word in low for word in _SHORT)
    ):
        causes = [Cause.QUOTA_EXHAUSTED, *causes]
    if causes[0] is Cause.UNKNOWN and status not in (429, 403, 400):
        return causes
    more = _ALSO.get(status or 0, ())
    if not more or not _may_also(causes[0], status, entry):
        return causes
    return [*causes, *(cause for cause in more if cause not in causes)]


def _may_also(first: Cause, status: int | None, entry: Signature | None) -> bool:
    return (
        first is Cause.UNKNOWN
        or entry is None
        or entry.rank <= 20
        or (status == 402 and first in PAYMENT and entry.rank < 90)
    )


def confidence_of(entry: Signature | None, fitting: Sequence[Signature]) -> float:
    if entry is None:
        return 0.2
    if entry.causes[0] is Cause.UNKNOWN:
        return 0.3
    told = 0.5 if entry.rank <= 24 else 0.75 if entry.rank <= 40 else 0.9 if entry.rank < 80 else 0.97
    if entry.rank < _A_SENTENCE and len(entry.causes) > 1:
        told = min(told, _FEW_WORDS)
    if len(fitting) == 1:
        return told
    rivals = {other.causes[0] for other in fitting if other.rank >= entry.rank - CLOSE}
    return round(told - 0.1 * (len(rivals) > 1), 2)
