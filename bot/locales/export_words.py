"""What is pasted into the ticket form of a provider's own support. It states and asks; it claims no refund and no outage."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from bot.locales import Words, notes
from bot.model.handoff import Ticket
from bot.model.team import Team

# What a provider's support asks for, in the order in which it asks.
_ORDER: Final = (
    "account", "payment_method", "order_time", "amount", "model", "time", "status", "error_text", "request_id", "task_id",
    "task_state", "failure_reason", "aspect_ratio", "resolution", "duration", "reference_image", "submitted_twice",
)  # fmt: skip
_LIMITS: Final = ("rate_limited", "quota_exhausted", "free_tier_zero_limit", "group_limit", "key_limit")


def export(ticket: Ticket, words: Words, team: Team, now: datetime, *, called: Callable[[str], str] = str) -> str:
    """Plain text, in the order in which support asks. `called`: a provider's or gateway's name from its id."""
    has = {piece.name: piece.value.text for piece in ticket.evidence}
    facts = [_asked(name, has[name], ticket, words, now) for name in _ORDER if name in has]
    facts += _ours(ticket, words, team)
    lines = [_title(ticket, has, words, called), ""]
    for n, (label, value) in enumerate(facts, 1):
        lines.append(words.say("note.export.line", n=n, name=label[:1].upper() + label[1:], value=value))
    if gaps := notes.missing(ticket):
        lines += ["", words.say("note.export.missing", names=notes.names_of(gaps, words))]
    return "\n".join([*lines, "", words.say(f"note.export.ask_{_asks(ticket, has)}")])


def _title(ticket: Ticket, has: dict[str, str], words: Words, called: Callable[[str], str]) -> str:
    cause = notes.cause_title(ticket, words)
    provider, gateway = has.get("provider"), has.get("gateway")
    if gateway and provider:
        return words.say("note.export.title_through", to=called(gateway), provider=called(provider), cause=cause)
    if gateway or provider:
        return words.say("note.export.title_to", to=called(gateway or provider or ""), cause=cause)
    return words.say("note.export.title", cause=cause)


def _asked(name: str, value: str, ticket: Ticket, words: Words, now: datetime) -> tuple[str, str]:
    label = words.say(f"note.evidence.{name}")
    if name == "account" and value == ticket.account:
        return label, words.say("note.export.our_name", value=value)
    if name == "time":
        seen = value == ticket.facts.get("seen_time")
        return words.say("note.export.seen" if seen else "note.asked.time"), _exact(value, words)
    if name == "order_time":
        return label, _exact(value, words)
    if name == "request_id" and (dated := notes.DATED_ID.match(value)):
        time = "{}-{}-{} {}:{}:{}".format(*dated.groups())
        return label, words.say("note.export.in_id", value=value, time=time)
    return label, notes.value_of(name, value, words, now)


def _ours(ticket: Ticket, words: Words, team: Team) -> list[tuple[str, str]]:
    """What support does not ask for and what spares it a question: how often, what we take it for, what else we tried."""
    facts, ours = ticket.facts, []
    if ticket.engine:
        ours.append((words.say("note.export.used_in"), notes.engine_title(ticket, team, words)))
    if (seen := int(facts.get("seen") or 1)) > 1:
        span = words.span(max(float(facts.get("span_s") or 0), 60.0))
        ours.append((words.say("note.export.often"), words.say("note.seen", n=seen, span=span)))
    sure = str(facts.get("certainty") or "unknown")
    finding = words.say(
        "note.export.finding_value", cause=notes.cause_title(ticket, words), sure=words.say(f"note.certainty.{sure}")
    )
    ours.append((words.say("note.export.finding"), finding))
    if tried := notes.tried_in_words(ticket, words):
        ours.append((words.say("note.export.tried"), words.say("common.list_sep").join(tried)))
    return ours


def _asks(ticket: Ticket, has: dict[str, str]) -> str:
    if "task_id" in has:
        return "task"
    if ticket.cause in _LIMITS:
        return "limit"
    return "money" if ticket.cause in notes.MONEY else "call"


def _exact(text: str, words: Words) -> str:
    """Support reads it elsewhere and later, and searches a log with it: date, seconds, zone, and the same in UTC."""
    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return text
    if at.tzinfo is None:
        return text
    there = words.say("times.zoned", time=f"{words.local(at):%Y-%m-%d %H:%M:%S}", zone=words.zone_name)
    return words.say("note.export.exact", there=there, utc=f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}")
