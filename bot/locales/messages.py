"""Whole messages about a ticket: the handoff note, the call, the reminder, many in one, the end. Used by the desk and by handlers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.locales import Words
from bot.locales.notes import (
    buttons,
    cause_title,
    engine_title,
    fields,
    missing,
    names_of,
    removed,
    state_line,
    title,
    tried_in_words,
)
from bot.model.chat import Action, Block, Facts, Line, Quote, Reply, Steps
from bot.model.handoff import Page, Ticket, TicketState
from bot.model.team import Team


def note(
    ticket: Ticket, words: Words, team: Team, now: datetime, *, oncall: Sequence[str] = (), maybe_twice: bool = False
) -> Reply:
    """The handoff note: seven fields, what is missing, what was taken out. `oncall`: names or mentions, said once."""
    blocks: list[Block] = []
    if ticket.drill:
        blocks.append(Line(words.say("note.drill_line"), strong=True))
    if line := state_line(ticket, words, now):
        blocks.append(Line(line, strong=True))
    if ticket.resolution:
        blocks.append(Quote(ticket.resolution.text))
    if oncall and ticket.state is TicketState.OPEN:
        blocks.append(Line(words.say("note.oncall", names=words.say("common.list_sep").join(oncall))))
    elif ticket.urgency == "page" and ticket.state is TicketState.OPEN:
        blocks.append(Line(words.say("note.nobody")))
    blocks.append(Facts(tuple((words.say(f"note.fields.{k}"), v) for k, v in fields(ticket, words, now).items())))
    if ticket.count > 1:
        blocks.append(Line(words.say("note.count", n=ticket.count)))
    if ticket.state is not TicketState.RESOLVED and (names := missing(ticket)):
        blocks.append(Line(words.say("note.missing", names=names_of(names, words))))
    if ticket.removed:
        blocks.append(Line(words.say("note.removed", items=removed(ticket.removed, words))))
    if maybe_twice:
        blocks.append(Line(words.say("note.maybe_twice")))
    return Reply(title(ticket, words, team), tuple(blocks), buttons(ticket, words), audience="place")


def page(ticket: Ticket, call: Page, words: Words, team: Team, now: datetime, *, names: Sequence[str] = ()) -> Reply:
    """The call at night: one sentence of what broke, what was tried, what comes if nobody answers. `names`: mentions, in a chat."""
    if ticket.facts.get("no_route_left"):
        cause = words.inside(cause_title(ticket, words))
        what = words.say("page.no_route", engine=engine_title(ticket, team, words), cause=cause)
    else:
        what = words.say(
            "page.trouble", engine=engine_title(ticket, team, words), cause=words.inside(cause_title(ticket, words))
        )
    age = now - ticket.opened_at
    blocks: list[Block] = [Line(words.say("note.drill_line"), strong=True)] if ticket.drill else []
    if names:
        blocks.append(Line(words.say("page.calls", names=words.say("common.list_sep").join(names)), strong=True))
    blocks.append(Line(what if age < timedelta(minutes=1) else what + words.say("page.since", span=words.span(age))))
    if tried := tried_in_words(ticket, words):
        blocks.append(Line(words.say("page.tried", items=words.say("common.list_sep").join(tried))))
    if call.nobody:
        blocks.append(Line(words.say("page.nobody")))
    blocks.append(Line(_then(call, words, now)))
    if call.maybe_twice:
        blocks.append(Line(words.say("note.maybe_twice")))
    value = str(ticket.id)
    actions = (
        Action("ticket.ack", words.say("ticket.buttons.ack"), value, style="primary"),
        Action("ticket.show", words.say("ticket.buttons.show", ticket=ticket.id), value),
    )
    return Reply(title(ticket, words, team), tuple(blocks), actions, audience="place")


def _then(call: Page, words: Words, now: datetime) -> str:
    span = words.span(max(call.next_at - now, timedelta(minutes=1)))
    if call.everybody:
        return words.say("page.then_again", span=span)
    if call.next and set(call.next) <= set(call.people):  # there is nobody else
        return words.say("page.then_again", span=span)
    if call.level == 0 and call.next:
        return words.say("page.then_next", span=span, name=call.next[0].name or call.next[0].id)
    return words.say("page.then_all", span=span)


def reminder(ticket: Ticket, words: Words, team: Team, now: datetime, names: Sequence[str], *, last: bool) -> Reply:
    """What `Desk.remind` sends. `names` are mentions, ready to be shown."""
    line = state_line(ticket, words, now) or words.say("page.untaken")
    blocks: list[Block] = [Line(words.say("common.list_sep").join(names), strong=True)] if names else []
    blocks += [Line(line), Line(words.say("page.remind", span=words.span(now - ticket.opened_at)))]
    blocks.append(
        Line(
            words.say("page.remind_last")
            if last
            else words.say("page.remind_next", time=words.when(ticket.next_review, now))
        )
    )
    value = str(ticket.id)
    actions = [Action("ticket.resolve", words.say("ticket.buttons.resolve"), value)]
    if ticket.state is TicketState.OPEN:
        actions.insert(0, Action("ticket.ack", words.say("ticket.buttons.ack"), value, style="primary"))
    actions.append(Action("ticket.snooze", words.say("ticket.buttons.snooze"), value))
    return Reply(title(ticket, words, team), tuple(blocks), tuple(actions), audience="place")


def digest(
    kind: str,
    tickets: Sequence[Ticket],
    words: Words,
    team: Team,
    now: datetime,
    *,
    names: Sequence[str] = (),
    page: Page | None = None,
    twice: Sequence[int] = (),
) -> Reply:
    """Many tickets in one message: a line each, and a button that takes it (calls) or shows all of it."""
    unresolved = [ticket for ticket in tickets if ticket.state is not TicketState.RESOLVED]
    blocks: list[Block] = [Line(words.say("note.drill_line"), strong=True)] if all(t.drill for t in tickets) else []
    if names:
        blocks.append(Line(words.say("common.list_sep").join(names), strong=True))
    lines = []
    for ticket in tickets:
        parts = [_cut(title(ticket, words, team), 80), state_line(ticket, words, now)]
        parts.append(words.say("note.count", n=ticket.count) if ticket.count > 1 else "")
        lines.append(" · ".join(part for part in parts if part))
    blocks.append(Steps(tuple(lines), numbered=False))
    if page is not None:
        blocks.append(Line(words.say("page.nobody") if page.nobody else _then(page, words, now)))
    if twice:
        listed = words.say("common.list_sep").join(f"#{id}" for id in twice)
        blocks.append(Line(words.say("note.digest.maybe_twice", tickets=listed)))
    called = kind in ("page", "call")
    untaken = [ticket for ticket in unresolved if not called or ticket.state is TicketState.OPEN]
    actions = tuple(
        Action("ticket.ack", words.say("note.digest.ack", ticket=ticket.id), str(ticket.id))
        if called
        else Action("ticket.show", f"#{ticket.id}", str(ticket.id))
        for ticket in untaken
    )
    return Reply(words.say(f"note.digest.{kind}", n=len(tickets)), tuple(blocks), actions, audience="place")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def ended(ticket: Ticket, words: Words, team: Team, now: datetime) -> Reply:
    """To who asked."""
    blocks: list[Block] = [Line(state_line(ticket, words, now))]
    blocks.append(Quote(ticket.resolution.text) if ticket.resolution else Line(words.say("page.no_resolution")))
    actions = [Action("ticket.reopen", words.say("ticket.buttons.not_solved"), str(ticket.id))]
    if ticket.drill:
        actions = [Action("drill.report", words.say("ticket.buttons.report"), str(ticket.id))]
    return Reply(title(ticket, words, team), tuple(blocks), tuple(actions), audience="asker")
