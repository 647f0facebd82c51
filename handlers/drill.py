"""`/quota drill`: a fire drill through the real path, and its report."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from bot.errors import NotAllowed, QuotadeskError
from bot.locales import Words, delivery_words
from bot.model.chat import Action, Block, Heading, Line, Reply, Request, Steps
from bot.model.handoff import TicketState
from bot.model.money import AccountState, Status
from bot.services import Services
from bot.services.escalation import DRILL_ENDS_AFTER
from bot.services.overview import Drill
from handlers.router import Command, Press
from handlers.shift import states_of


async def run(request: Request, services: Services) -> AsyncIterator[Reply]:
    """A make-believe incident through the real path, pages and all; it ends by itself. Only who may run a ticket may start one."""
    words = Words(request.language, request.timezone)
    try:
        ticket = await services.escalation.drill(request.asker, request.role, request.language, request.message)
    except NotAllowed:
        yield Reply(blocks=(Line(words.say("ticket.errors.oncall_only")),))
        return
    value = str(ticket.id)
    actions = (
        Action("drill.report", words.say("ticket.buttons.report"), value),
        Action("ticket.show", words.say("ticket.buttons.show", ticket=ticket.id), value),
    )
    title = words.say("oncall.drill_started" if ticket.count == 1 else "oncall.drill_goes_on", ticket=ticket.id)
    yield Reply(title, (Line(words.say("oncall.drill_text", span=words.span(DRILL_ENDS_AFTER))),), actions)


async def report(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Each step with its time, then the gaps; the backup routes are asked live."""
    words = Words(request.language, request.timezone)
    if not request.value.isdigit() or len(request.value) > 9:
        raise QuotadeskError(key="old_button")
    drilled = await services.escalation.drill_report(int(request.value))
    now = services.clock.now()
    steps = tuple(
        words.say(
            "oncall.drill_step",
            span=_short(each.at - drilled.ticket.opened_at, words),
            what=delivery_words.entry(each, services.team, words, now),
        )
        for each in drilled.ticket.timeline
    )
    gaps = [_gap(word, dict(facts), services, words, now) for word, facts in drilled.gaps]
    gaps += await _backups(services, words)
    found = words.say("oncall.drill_found", n=len(gaps)) if gaps else words.say("oncall.drill_no_gaps")
    blocks: list[Block] = [
        Line(words.say("oncall.drill_sum", taken=_taken(drilled, words, now), found=found), strong=True)
    ]
    blocks += [Heading(words.say("oncall.drill_steps")), Steps(steps, numbered=False)]
    if gaps:
        blocks += [Heading(words.say("oncall.drill_gaps")), Steps(tuple(gaps), numbered=False)]
    refresh = Action("drill.report", words.say("ticket.buttons.report"), request.value)
    yield Reply(words.say("oncall.drill_report", ticket=drilled.ticket.id), tuple(blocks), (refresh,))


def _short(after: timedelta, words: Words) -> str:
    """Exactly, as long as anybody would time it."""
    seconds = after.total_seconds()
    if seconds >= 600:
        return words.span(after)
    return words.say("oncall.seconds", n=f"{seconds:.1f}" if seconds < 60 else f"{seconds:.0f}")


def _taken(drilled: Drill, words: Words, now: datetime) -> str:
    """Whether anybody woke up, and after how long."""
    ticket = drilled.ticket
    if taken := next((each for each in ticket.timeline if each.what == "acknowledged"), None):
        span = _short(taken.at - ticket.opened_at, words)
        return words.say("oncall.drill_taken", who=taken.name or taken.who, span=span)
    if ticket.state is TicketState.RESOLVED and ticket.resolved_at is not None:
        return words.say("oncall.drill_ended", span=_short(ticket.resolved_at - ticket.opened_at, words))
    return words.say("oncall.drill_running", span=_short(now - ticket.opened_at, words))


def _gap(word: str, facts: dict[str, object], services: Services, words: Words, now: datetime) -> str:
    for name, value in facts.items():
        if isinstance(value, datetime):
            facts[name] = words.when(value, now, zone=name != "since")
        elif isinstance(value, timedelta):
            facts[name] = words.span(value)
    if word == "not_delivered":
        facts = dict(delivery_words.undelivered(str(facts["what"]), services.team, words))
    if "place" in facts:
        facts["place"] = delivery_words.place(str(facts["place"]), services.team, words)
    return words.say(f"oncall.gaps.{word}", **facts)


async def _backups(services: Services, words: Words) -> list[str]:
    states = {route: state for state in await states_of(services) for route in state.routes}
    gaps: list[str] = []
    for engine in services.team.engines.values():
        if len(engine.routes) < 2:
            gaps.append(words.say("oncall.gaps.no_backup", engine=engine.title))
            continue
        first = states.get(engine.routes[0])
        for route in engine.routes[1:]:
            state = states.get(route)
            reason = _useless(state, first)
            if reason:
                key = f"diagnose.why.{reason}"
                why = words.say(key) if words.has(key) else reason
                gaps.append(words.say("oncall.gaps.backup", engine=engine.title, route=route, reason=why))
    return gaps[:12]


def _useless(state: AccountState | None, first: AccountState | None) -> str:
    if state is None:
        return ""
    if first is not None and state.account == first.account:
        return "same_account"
    if state.blocked:
        return "blocked"
    return state.reason if state.status is Status.COULD_NOT_CHECK else ""


COMMANDS = (Command("drill", run, presses={"drill.report": Press(report)}, aliases=("演练",), order=23),)
