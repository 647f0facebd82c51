"""When to retry, in the reader's zone: what was asked live, what the text says, what the cause knows; or that a retry is no use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from zoneinfo import ZoneInfo

from bot.locales import Words
from bot.model.diagnosis import RETRY, Cause, Diagnosis, Proven, Retry
from bot.services.reading.resets import Reset, reset_of

_RESETS: Final[Mapping[str, str]] = {"openrouter_free": "UTC", "gemini_day": "America/Los_Angeles"}
"""Notes whose quota starts again at midnight of a zone; the seconds in such a text belong to another limit."""

_ENDS: Final = frozenset(
    {Cause.GROUP_LIMIT, Cause.KEY_LIMIT, Cause.BALANCE_EXHAUSTED, Cause.ACCOUNT_SUSPENDED, Cause.FREE_TIER_ZERO_LIMIT}
)
"""A person can end these, and time can where the text names a moment. A key that is wrong stays wrong."""

_CERTIFICATE: Final = "certificate"  # a note of signatures for a network fault that no retry heals

_LONG: Final = 300.0  # a shorter wait is the pace of a program, whenever its log was pasted
_OLD: Final = timedelta(days=400)


def moment_of(written: str | None) -> datetime | None:
    """The time of an error as a moment; None where the text names no zone, or no calendar holds it."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            at = read(written or "")
            return at if at.tzinfo is not None else None
        except (ValueError, TypeError, OverflowError):
            continue
    return None


def _retry(d: Diagnosis, p: Proven) -> Retry:
    return RETRY[p.cause] if p.certainty in ("proved", "narrowed") else d.retry


def stated(d: Diagnosis, p: Proven, words: Words, now: datetime) -> Reset | None:
    """The end of the limit as the text states it, for causes that time can end."""
    if _retry(d, p) in ("no", "smaller") and p.cause not in _ENDS:
        return None
    return reset_of(d.text.text, now, ZoneInfo(words.timezone), moment_of(d.occurred_at))


def when_to_retry(d: Diagnosis, p: Proven, words: Words, now: datetime, reset: Reset | None) -> str:
    """`reset` is what `stated` found."""
    if _CERTIFICATE in d.notes and p.cause is d.cause:
        return words.say("diagnose.retry.certificate")
    retry = _retry(d, p)
    waited = _waited(d, now)
    if retry == "yes" and d.retry_after_s is not None:
        if d.retry_after_s < _LONG or waited is None:
            return _at(now + timedelta(seconds=d.retry_after_s), words, now)
        return _past_or(waited, words, now) or _at(waited, words, now)
    if retry == "after_reset":
        if (live := _live(p)) is not None:
            return _reset(live, words)
        if (reset is None or reset.at is None or reset.over) and (rule := _rule(d, p, now)) is not None:
            return _reset(rule, words)
    vague = reset is not None and reset.vague and d.retry_after_s is not None
    if reset is not None and not vague and (told := _told(d, p, reset, words, now)):
        return told
    if retry == "after_reset" and waited is not None:
        return _past_or(waited, words, now) or _reset(waited, words)
    if retry in ("unknown", "perhaps") and d.retry_after_s is not None:
        at = now + timedelta(seconds=d.retry_after_s)
        return words.say("diagnose.retry.asked", span=words.span(max(1.0, d.retry_after_s)), time=words.when(at, now))
    return words.say("diagnose.retry.stop" if retry == "no" and p.repeats > 1 else f"diagnose.retry.{retry}")


def _waited(d: Diagnosis, now: datetime) -> datetime | None:
    """The end of a wait, from the time of the error where the text tells it, else from now."""
    if d.retry_after_s is None:
        return None
    happened = moment_of(d.occurred_at)
    since = happened if happened is not None and now - _OLD <= happened <= now else now
    return since + timedelta(seconds=d.retry_after_s)


def _past_or(at: datetime, words: Words, now: datetime) -> str | None:
    return words.say("diagnose.retry.reset_past", time=words.stamp(at)) if at <= now else None


def _live(p: Proven) -> datetime | None:
    resets = (f.facts.get("resets_at") for f in p.findings if f.verdict == "proved")
    return next((at for at in resets if isinstance(at, datetime)), None)


def _rule(d: Diagnosis, p: Proven, now: datetime) -> datetime | None:
    zone = next((_RESETS[note] for note in d.notes if note in _RESETS), None)
    if zone is None or p.cause is not d.cause:
        return None
    there = now.astimezone(ZoneInfo(zone))
    return datetime.combine(there.date() + timedelta(days=1), time(), ZoneInfo(zone)).astimezone(UTC)


def _at(at: datetime, words: Words, now: datetime) -> str:
    span = words.span(max(1.0, (at - now).total_seconds()))
    return words.say("diagnose.retry.at", span=span, time=words.when(at, now))


def _reset(at: datetime, words: Words) -> str:
    """In the reader's zone and in UTC, where those are two."""
    if at.astimezone(ZoneInfo(words.timezone)).tzname() == "UTC":
        return words.say("diagnose.retry.reset_then", time=words.stamp(at))
    return words.say("diagnose.retry.reset_at", time=words.stamp(at), utc=words.utc(at))


def _legible(reset: Reset, words: Words) -> str:
    """As written; in digits for who may not read what the date is written in."""
    return reset.written if reset.written.isascii() or words.language != "en" else reset.plain or reset.written


def _told(d: Diagnosis, p: Proven, reset: Reset, words: Words, now: datetime) -> str | None:
    """None where the text's moment says nothing against what is known: a limit that is proved now has not ended."""
    retry = _retry(d, p)
    if reset.vague:
        return words.say("diagnose.retry.vague", written=reset.written) if retry != "no" else None
    time = words.stamp(reset.at) if reset.at else words.say("diagnose.retry.unzoned", written=_legible(reset, words))
    if reset.over:
        if p.certainty == "proved":
            return None
        return words.say("diagnose.retry.reset_past", time=time)
    if retry == "no":
        told = words.say("diagnose.retry.no_until", time=time)
    elif reset.at is None:
        told = words.say("diagnose.retry.reset_then", time=time)
    else:
        told = _at(reset.at, words, now) if retry == "yes" else _reset(reset.at, words)
    if not reset.counted:
        return told
    happened = moment_of(d.occurred_at)
    since = words.say(f"diagnose.retry.since_{'now' if happened is None or happened > now else 'error'}")
    key = "counted_here" if reset.here else "counted"
    return words.say(f"diagnose.retry.{key}", told=told, written=reset.written, since=since)
