"""What is said about a ticket, piece by piece, from its facts, in any language: title, seven fields, state, buttons."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from bot.locales import Words
from bot.model.chat import Action, Person
from bot.model.handoff import NOTE_FIELDS, Ticket, TicketState
from bot.model.team import Team

MONEY: Final = ("balance_exhausted", "billing_inactive", "key_limit", "group_limit", "quota_exhausted")
_ASKED: Final = ("time", "status", "model", "request_id")
_TASK: Final = ("task_state", "failure_reason", "resolution", "duration")


DRILL_ENGINE: Final = "DrillEngine"
# As new-api makes them: the first fourteen digits are the moment, by the gateway's clock.
DATED_ID: Final = re.compile(r"(20\d\d)(0[1-9]|1[0-2])([0-2]\d|3[01])([01]\d|2[0-3])([0-5]\d)([0-5]\d)\d{3}")


def missing(ticket: Ticket) -> tuple[str, ...]:
    """Evidence that a provider's support will ask for and nobody gave yet, in the order in which it is asked."""
    if ticket.drill:
        return ()
    has = {piece.name for piece in ticket.evidence}
    wanted: tuple[str, ...] = _ASKED
    if "task_id" in has:
        wanted = ("time", "model", "submitted_twice", *_TASK)
    if ticket.cause in MONEY:
        wanted += ("account", "payment_method", "order_time", "amount")
    values = {piece.name: piece.value.text for piece in ticket.evidence}
    if values.get("account") == ticket.account:  # our own name for it, which the provider does not know
        has.discard("account")
    if DATED_ID.match(values.get("request_id", "")):  # it says when, better than we could
        return tuple(name for name in wanted if name not in has and name != "time")
    if values.get("time") == ticket.facts.get("seen_time"):  # when we saw it; the request was before
        has.discard("time")
    return tuple(name for name in wanted if name not in has)


# --- pieces ----------------------------------------------------------------------------------------------------------


def engine_title(ticket: Ticket, team: Team, words: Words) -> str:
    """As people know it; what failed, where no engine is known."""
    if ticket.drill:
        return DRILL_ENGINE
    engine = team.engines.get(ticket.engine or "")
    named = engine.title if engine else ticket.engine or capability(ticket, words).split(" · ")[0]
    return words.say("note.engine_unknown") if named == "-" else named


def capability(ticket: Ticket, words: Words) -> str:
    """Of a trouble without engine and route at least whose it is."""
    if ticket.drill:
        return DRILL_ENGINE
    if ticket.capability.text != "-":
        return ticket.capability.text
    has = {piece.name: piece.value.text for piece in ticket.evidence}
    return _called(ticket, has.get("gateway") or has.get("provider") or "-", words)


def _called(ticket: Ticket, id: str, words: Words) -> str:
    """A provider as people call it; its id where an older ticket kept no name."""
    named: Mapping[str, str] = (ticket.facts.get("titles") or {}).get(id) or {}
    return named.get(words.language) or named.get("en") or id


def cause_title(ticket: Ticket, words: Words) -> str:
    """In the reader's language; the machine word where a newer version has written it."""
    key = f"cause.{ticket.cause}.title"
    return words.say(key) if words.has(key) else ticket.cause.replace("_", " ")


def marked(ticket: Ticket, words: Words) -> str:
    """What stands before a drill wherever it is named beside real trouble; "" for those."""
    return words.say("note.drill") + " · " if ticket.drill else ""


def who(person: Person | None, words: Words) -> str:
    """`Alice (Slack)`."""
    if person is None:
        return words.say("common.unknown")
    if person.id == "quotadesk":
        return person.name or "quotadesk"
    return words.say(
        "note.person", name=person.name or person.id, platform=words.say(f"note.platforms.{person.platform}")
    )


def title(ticket: Ticket, words: Words, team: Team) -> str:
    """`#42 · URGENT · QueryEngine: no working route`, with DRILL in front of all where it is one."""
    if ticket.facts.get("no_route_left"):
        what = words.say("note.no_route", engine=engine_title(ticket, team, words))
    else:
        what = words.say("note.trouble", engine=engine_title(ticket, team, words), cause=cause_title(ticket, words))
    marks = [words.say("note.drill")] if ticket.drill else []
    marks += [words.say("common.demo")] if team.demo else []
    marks.append(f"#{ticket.id}")
    if ticket.state is not TicketState.OPEN:
        marks.append(words.say(f"ticket.states.{ticket.state.value}"))
    elif ticket.urgency == "page":
        marks.append(words.say("note.urgent"))
    return " · ".join([*marks, what])


def moment(text: str, words: Words, now: datetime) -> str:
    """An ISO time in the reader's zone; text that is none, or has no zone, as it stands."""
    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return text
    return words.when(at, now) if at.tzinfo is not None else text


def _figure(check: Mapping[str, Any], words: Words) -> str:
    amount = check.get("amount")
    return words.money(Decimal(amount), check.get("currency")) if amount is not None else ""


def last_known_good(ticket: Ticket, words: Words, now: datetime) -> str:
    """The last check with money and the last switch, one sentence each; "" where nothing is known."""
    good = ticket.facts.get("good") or {}
    parts = []
    if check := good.get("check"):
        figure = _figure(check, words)
        key = "note.good.check" if figure else "note.good.check_plain"
        parts.append(words.say(key, when=moment(check["at"], words, now), account=check["account"], figure=figure))
    if switch := good.get("switch"):
        parts.append(words.say("note.good.switch", when=moment(switch["at"], words, now), route=switch["to"]))
    return words.say("note.sep").join(parts) or words.say("note.good.none")


def symptom(ticket: Ticket, words: Words, now: datetime) -> str:
    """Since when, how often, and the error's own words, which passed the gate."""
    facts = ticket.facts
    seen, span = int(facts.get("seen") or 1), float(facts.get("span_s") or 0)
    parts = [
        words.say(
            "note.since",
            when=moment(str(facts.get("first_seen", "")), words, now),
            what=ticket.symptom.text.rstrip(" .。;；"),
        )
    ]
    if seen > 1:
        parts.append(words.say("note.seen", n=seen, span=words.span(max(span, 60.0))))
    sure = facts.get("certainty")
    key = "note.verdict" if sure else "note.verdict_plain"
    verdict = words.say(key, cause=words.inside(cause_title(ticket, words)), sure=words.say(f"note.certainty.{sure}"))
    return words.say("note.sep").join([*parts, verdict])


def value_of(name: str, value: str, words: Words, now: datetime) -> str:
    """A piece of evidence as people read it."""
    if name in ("time", "order_time"):
        return moment(value, words, now)
    for shelf in ("yes_no", "payments"):
        if words.has(f"note.{shelf}.{value}"):
            return words.say(f"note.{shelf}.{value}")
    return value


def evidence(ticket: Ticket, words: Words, now: datetime) -> str:
    """A line for each piece of the allow-list but the error's text."""
    items = [
        words.say(
            "note.item",
            name=words.say(f"note.evidence.{piece.name}"),
            value=_called(ticket, piece.value.text, words)
            if piece.name in ("provider", "gateway")
            else value_of(piece.name, piece.value.text, words, now),
        )
        for piece in ticket.evidence
        if piece.name != "error_text"  # the symptom says it
    ]
    return " · ".join(items) or words.say("common.none")


def names_of(names: Iterable[str], words: Words) -> str:
    """Of evidence that is asked for or was given."""
    keys = (f"note.asked.{name}" if words.has(f"note.asked.{name}") else f"note.evidence.{name}" for name in names)
    return words.say("common.list_sep").join(words.say(key) for key in keys)


def fields(ticket: Ticket, words: Words, now: datetime) -> dict[str, str]:
    """The seven fields in the contract's order: name to words."""
    values = (
        words.say(
            "note.owner", owner=ticket.owner or words.say("common.unknown"), reporter=who(ticket.opened_by, words)
        ),
        ticket.environment or words.say("common.unknown"),
        capability(ticket, words),
        last_known_good(ticket, words, now),
        symptom(ticket, words, now),
        evidence(ticket, words, now),
        words.when(ticket.next_review, now) if ticket.state is not TicketState.RESOLVED else words.say("common.none"),
    )
    return dict(zip(NOTE_FIELDS, values, strict=True))


def removed(counts: Mapping[str, int], words: Words) -> str:
    """`Anthropic key × 1, prompt × 1`."""
    return words.say("common.list_sep").join(f"{words.kind(kind)} × {n}" for kind, n in counts.items())


def state_line(ticket: Ticket, words: Words, now: datetime) -> str:
    """Who took or ended it, where and when; "" while nobody did."""
    if ticket.state is TicketState.ACKNOWLEDGED and ticket.acknowledged_at is not None:
        when = words.when(ticket.acknowledged_at, now)
        return words.say("note.acknowledged", **_by(ticket.acknowledged_by, words), time=when)
    if ticket.state is TicketState.RESOLVED and ticket.resolved_at is not None:
        when = words.when(ticket.resolved_at, now)
        return words.say("note.resolved", **_by(ticket.resolved_by, words), time=when)
    return ""


def _by(person: Person | None, words: Words) -> dict[str, str]:
    if person is None or person.id == "quotadesk":
        return {"name": "quotadesk", "platform": words.say("note.platforms.self")}
    return {"name": person.name or person.id, "platform": words.say(f"note.platforms.{person.platform}")}


def buttons(ticket: Ticket, words: Words) -> tuple[Action, ...]:
    """What can be done now, and nothing that comes too late."""
    value = str(ticket.id)
    if ticket.state is TicketState.RESOLVED:
        return (Action("ticket.reopen", words.say("ticket.buttons.reopen"), value),)
    resolve = Action("ticket.resolve", words.say("ticket.buttons.resolve"), value)
    if ticket.state is TicketState.ACKNOWLEDGED:
        return (resolve,)
    return (
        Action("ticket.ack", words.say("ticket.buttons.ack"), value, style="primary"),
        resolve,
        Action("ticket.snooze", words.say("ticket.buttons.snooze"), value),
        Action("ticket.evidence", words.say("ticket.buttons.evidence"), value),
    )


def tried_in_words(ticket: Ticket, words: Words) -> list[str]:
    """Other routes, each with why it would not do."""
    tried: Sequence[Sequence[str]] = ticket.facts.get("tried") or ()
    return [words.say("page.route", route=route, why=why_not(why, words)) for route, why in tried]


def why_not(word: str, words: Words) -> str:
    """Why a route would not do, from the machine word of a check, an asking or a breaker."""
    for key in (f"cause.{word}.title", f"diagnose.why.{word}", f"switch.short.{word}", f"alert.reasons.{word}"):
        if words.has(key):
            return words.inside(words.say(key))
    return word
