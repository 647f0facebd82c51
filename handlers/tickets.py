"""`/quota tickets`, `/quota ticket 42`, and the buttons of a handoff note."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Literal

from bot.errors import NotAllowed, QuotadeskError, UnknownName, UsageError
from bot.locales import Words, delivery_words, export_words, messages, notes
from bot.model.chat import (
    Action,
    Board,
    CleanText,
    Form,
    Heading,
    Input,
    Line,
    Person,
    Quote,
    Reply,
    Request,
    Role,
    Row,
)
from bot.model.handoff import EVIDENCE, Ticket, TicketState
from bot.services import Services
from bot.services.incident import morning
from handlers.balance_words import provider_title
from handlers.router import Command, Press

_SHOWN = 20
_TIMELINE = 8
_SPAN = re.compile(r"(\d{1,4})\s*(m|min|h|d|分钟|小时|天)\Z")
_UNITS = {"m": "minutes", "min": "minutes", "分钟": "minutes", "h": "hours", "小时": "hours", "d": "days", "天": "days"}
_TONE: Final[dict[TicketState, Literal["bad", "warn", "good"]]] = {
    TicketState.OPEN: "bad",
    TicketState.ACKNOWLEDGED: "warn",
    TicketState.RESOLVED: "good",
}
_LANGUAGES: Final = {"en": "en", "english": "en", "英文": "en", "zh": "zh", "chinese": "zh", "中文": "zh"}
_OF_THE_ROTA: Final = frozenset({"ticket.ack", "ticket.resolve", "ticket.snooze"})
_MINE = ("ticket_taken", "ticket_resolved", "ticket_open", "ticket_newer", "evidence_none", "oncall_only")


def span_of(text: str) -> timedelta | None:
    """`30m`, `4h`, `2d`, `4 小时`; None for anything else."""
    found = _SPAN.match(text.strip().lower())
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None


def _words(request: Request) -> Words:
    return Words(request.language, request.timezone)


# --- looking ---------------------------------------------------------------------------------------------------------


async def run(request: Request, services: Services) -> AsyncIterator[Reply]:
    """What is open, newest first; `search WORD` looks through resolved ones as well; a number shows that one."""
    words = _words(request)
    head, _, rest = request.text.text.strip().partition(" ")
    if head.lstrip("#").isdigit():
        async for reply in one(request, services):
            yield reply
        return
    search = ""
    if head.lower() in ("search", "find", "搜索"):
        search = rest.strip()
        if not search:
            raise UsageError(why=words.say("ticket.search_usage"))
    elif head:
        raise UsageError(why=words.say("ticket.search_usage"))
    states = tuple(TicketState) if search else (TicketState.OPEN, TicketState.ACKNOWLEDGED)
    found = await services.escalation.list(search=search, states=states, limit=_SHOWN + 1)
    yield board(found, services, words, search)


def board(found: list[Ticket], services: Services, words: Words, search: str = "") -> Reply:
    """The first of `found`, with `+` behind the number where there are more; `search` is repeated in the title."""
    now = services.clock.now()
    shown = found[:_SHOWN]
    n = f"{len(shown)}+" if len(found) > _SHOWN else str(len(shown))
    title = words.say("ticket.list_found", n=n, search=search) if search else words.say("ticket.list_title", n=n)
    if not shown:
        return Reply(title, (Line(words.say("ticket.none_found" if search else "ticket.none", search=search)),))
    rows = tuple(
        Row(
            words.say(f"ticket.states.{t.state.value}"),
            f"#{t.id} {notes.engine_title(t, services.team, words)}",
            notes.marked(t, words) + notes.cause_title(t, words),
            words.say(
                "ticket.row_note_more" if t.count > 1 else "ticket.row_note", age=words.ago(t.opened_at, now), n=t.count
            ),
            under=tuple(line for line in (notes.state_line(t, words, now),) if line),
            tone=_TONE[t.state],
        )
        for t in shown
    )
    blocks = (Board(rows), *((Line(words.say("ticket.more", n=_SHOWN)),) if len(found) > _SHOWN else ()))
    actions = tuple(Action("ticket.show", words.say("ticket.buttons.show", ticket=t.id), str(t.id)) for t in shown[:5])
    return Reply(title, blocks, actions)


async def one(request: Request, services: Services) -> AsyncIterator[Reply]:
    """`42`, then perhaps ack, resolve TEXT, reopen, snooze 4h, export, NAME=VALUE as evidence."""
    words = _words(request)
    head, _, rest = request.text.text.strip().partition(" ")
    if not head.lstrip("#").isdigit():
        raise UsageError(why=words.say("ticket.usage"))
    id = int(head.lstrip("#")[:12])
    verb, _, more = rest.strip().partition(" ")
    if not verb:
        yield await _open_to(request, services, view(await services.escalation.get(id), services, words))
        return
    yield await _worded(request, services, lambda: _typed(request, services, words, id, verb.lower(), more.strip()))


async def _typed(request: Request, services: Services, words: Words, id: int, verb: str, more: str) -> Reply:
    desk, asker, role = services.escalation, request.asker, request.role
    if verb in ("ack", "acknowledge", "接手"):
        return view(await desk.acknowledge(id, asker, role), services, words)
    if verb in ("resolve", "解决"):
        note = services.gate.trusted(more) if more else None
        return view(await desk.resolve(id, asker, role, note), services, words)
    if verb in ("reopen", "重新打开"):
        return view(await desk.reopen(id, asker, role), services, words)
    if verb in ("snooze", "稍后"):
        return await _snoozed(request, services, words, id, span_of(more) or timedelta(hours=4))
    if verb in ("export", "导出"):
        first = _LANGUAGES.get(more.strip().lower(), words.language)
        return _export(await desk.get(id), services, words, first)
    name, equals, value = f"{verb} {more}".partition("=")
    if equals and name.strip() in EVIDENCE:
        return view(await desk.add_evidence(id, asker, {name.strip(): services.gate.trusted(value)}), services, words)
    raise UsageError(why=words.say("ticket.usage"))


def view(ticket: Ticket, services: Services, words: Words) -> Reply:
    """One ticket in the reader's language: the note, its latest history, the older part behind details."""
    now = services.clock.now()
    note = messages.note(ticket, words, services.team, now, oncall=_oncall(ticket, services))
    lines = [
        Line(
            words.say(
                "ticket.entry",
                time=words.when(e.at, now, zone=False),
                what=delivery_words.entry(e, services.team, words, now),
            )
        )
        for e in ticket.timeline
    ]
    export = Action("ticket.export", words.say("ticket.buttons.export"), str(ticket.id))
    return replace(
        note,
        blocks=(*note.blocks, Heading(words.say("ticket.timeline")), *lines[-_TIMELINE:]),
        details=tuple(lines[:-_TIMELINE]),
        actions=(*note.actions, export),
        audience="asker",
    )


async def _open_to(request: Request, services: Services, reply: Reply) -> Reply:
    """Seen by one person alone: without the buttons that would only refuse this one."""
    if await services.escalation.may(request.asker, request.role):
        return reply
    return replace(reply, actions=tuple(a for a in reply.actions if a.id not in _OF_THE_ROTA))


def _oncall(ticket: Ticket, services: Services) -> list[str]:
    addresses = list(ticket.facts.get("oncall") or ())[:1]
    return [services.team.people_names.get(address, address) for address in addresses]


# --- buttons ---------------------------------------------------------------------------------------------------------


async def _worded(request: Request, services: Services, act: Callable[[], Awaitable[Reply]]) -> Reply:
    """What comes too late or without the right is said to the presser alone, in whole sentences."""
    words = _words(request)
    try:
        return await act()
    except (NotAllowed, QuotadeskError) as fault:
        if fault.key not in _MINE:
            raise
        facts = dict(fault.facts)
        by, at = facts.get("by"), facts.get("at")
        if isinstance(by, Person) or by is None:
            facts["who"] = notes.who(by, words)
        if isinstance(at, datetime):
            facts["time"] = words.when(at, services.clock.now())
        return Reply(blocks=(Line(words.say(f"ticket.errors.{fault.key}", **facts)),), alert=request.action is not None)


def _id(request: Request) -> int:
    head = request.value.split(":")[0]
    if not head.isdigit() or len(head) > 9:
        raise UnknownName("ticket", "?")
    return int(head)


def _after(request: Request, ticket: Ticket, services: Services) -> Reply:
    """A copy of the note is edited by the desk, as are all the others; the presser gets a short notice. Any other message
    that carried the button is edited here."""
    words, ref = _words(request), request.message
    here = ref is not None and any(
        (ref.platform, ref.chat, ref.message) == (m.platform, m.chat, m.message) for m in ticket.messages
    )
    if here:
        line = notes.state_line(ticket, words, services.clock.now())
        mark = f"{words.say('note.drill')} · " if ticket.drill else ""
        line = line or words.say(f"ticket.states.{ticket.state.value}")
        return Reply(blocks=(Line(f"{mark}#{ticket.id} {line}"),), alert=True)
    return replace(view(ticket, services, words), replace=True)


def _move(
    act: Callable[[Request, Services, int], Awaitable[Ticket]],
) -> Callable[[Request, Services], AsyncIterator[Reply]]:
    async def press(request: Request, services: Services) -> AsyncIterator[Reply]:
        async def moved() -> Reply:
            return _after(request, await act(request, services, _id(request)), services)

        yield await _worded(request, services, moved)

    return press


async def _ack(request: Request, services: Services, id: int) -> Ticket:
    return await services.escalation.acknowledge(id, request.asker, request.role)


async def _resolve(request: Request, services: Services, id: int) -> Ticket:
    return await services.escalation.resolve(id, request.asker, request.role, request.fields.get("resolution"))


async def _reopen(request: Request, services: Services, id: int) -> Ticket:
    """Whoever asked may say that it is not solved; everybody else needs the right."""
    ticket = await services.escalation.get(id)
    asked = any(waiting.person.address == request.asker.address for waiting in ticket.waiting)
    role = Role.OPERATOR if asked else request.role
    return await services.escalation.reopen(id, request.asker, role)


async def snooze(request: Request, services: Services) -> AsyncIterator[Reply]:
    """First asks for how long, then does it."""
    words, id = _words(request), _id(request)
    wanted = request.value.partition(":")[2]

    async def act() -> Reply:
        if not wanted:
            return await _ask_span(request, services, words, id)
        now = services.clock.now()
        span = morning(now, services.team) - now if wanted == "morning" else span_of(wanted) or timedelta(hours=4)
        return replace(await _snoozed(request, services, words, id, span), replace=True)

    yield await _worded(request, services, act)


async def _ask_span(request: Request, services: Services, words: Words, id: int) -> Reply:
    await services.escalation.get(id)
    if not await services.escalation.may(request.asker, request.role):
        raise NotAllowed(key="oncall_only")
    actions = tuple(
        Action("ticket.snooze", words.say(f"ticket.snooze.{name}"), f"{id}:{name}") for name in ("1h", "4h", "morning")
    )
    return Reply(words.say("ticket.snooze_title", ticket=id), actions=actions)


async def _snoozed(request: Request, services: Services, words: Words, id: int, span: timedelta) -> Reply:
    ticket = await services.escalation.snooze(id, request.asker, request.role, span)
    time = words.when(ticket.next_review, services.clock.now())
    return Reply(blocks=(Line(words.say("ticket.snoozed", ticket=id, time=time)),))


async def evidence(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Without fields: the form of what is missing. With fields: what may be kept is kept."""
    words, id = _words(request), _id(request)
    if not request.fields:
        yield _form(await services.escalation.get(id), words)
        return

    async def act() -> Reply:
        values: dict[str, CleanText] = dict(request.fields)
        await services.escalation.add_evidence(id, request.asker, values)
        return Reply(blocks=(Line(words.say("ticket.evidence_added", ticket=id)),), alert=True)

    yield await _worded(request, services, act)


def _form(ticket: Ticket, words: Words) -> Reply:
    names = notes.missing(ticket) or ("amount", "order_time", "submitted_twice", "task_state")
    inputs = tuple(
        Input(
            name,
            notes.names_of((name,), words),
            words.say(f"ticket.hint.{name}") if words.has(f"ticket.hint.{name}") else "",
        )
        for name in names[:8]
    )
    title = words.say("ticket.evidence_title", ticket=ticket.id)
    return Reply(
        title,
        (Line(words.say("ticket.evidence_hint")),),
        form=Form("ticket.evidence", title, str(ticket.id), inputs),
    )


async def show(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Whoever may not run it sees it without the buttons that would only refuse."""
    yield await _open_to(
        request, services, view(await services.escalation.get(_id(request)), services, _words(request))
    )


def _export(ticket: Ticket, services: Services, words: Words, first: str = "") -> Reply:
    """`first`: the language that is shown at once; the other one is behind details."""
    shown = Words(first or words.language, words.timezone)
    other = Words("en" if shown.language == "zh" else "zh", words.timezone)

    def text(reader: Words) -> str:
        return export_words.export(
            ticket, reader, services.team, services.clock.now(), called=lambda id: provider_title(id, reader)
        )

    return Reply(
        words.say("ticket.export_title", ticket=ticket.id), (Quote(text(shown)),), details=(Quote(text(other)),)
    )


async def export(request: Request, services: Services) -> AsyncIterator[Reply]:
    """The whole ticket as text to copy, in the reader's language, the other one behind details."""
    yield _export(await services.escalation.get(_id(request)), services, _words(request))


COMMANDS = (
    Command(
        "tickets",
        run,
        presses={
            "ticket.ack": Press(_move(_ack)),
            "ticket.resolve": Press(_move(_resolve)),
            "ticket.reopen": Press(_move(_reopen)),
            "ticket.snooze": Press(snooze),
            "ticket.evidence": Press(evidence),
            "ticket.show": Press(show),
            "ticket.export": Press(export),
        },
        aliases=("工单",),
        order=20,
    ),
    Command("ticket", one, order=21),
)
