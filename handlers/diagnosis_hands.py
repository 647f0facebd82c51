"""The buttons under a diagnosis that reach further: a page, a model's words, a human, a better cause."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from bot.errors import Expired, ProviderError
from bot.locales import Words
from bot.model.chat import Action, Line, Quote, Reply, Request
from bot.model.diagnosis import Cause
from bot.model.handoff import Ticket, TicketState
from bot.ports import AuditEntry
from bot.services import Services
from handlers import diagnosis_memory as memory
from handlers.diagnosis_pages import page

_UNRESOLVED = (TicketState.OPEN, TicketState.ACKNOWLEDGED)


async def reword(request: Request, services: Services) -> AsyncIterator[Reply]:
    """An unknown error in a model's words: labelled, as a quotation, beside the diagnosis and never in its place."""
    words = Words(request.language, request.timezone)
    sighting, diagnosis = await memory.load(request, services)
    model = services.reword
    if model is None or not model.route:
        yield Reply(blocks=(Line(words.say("diagnose.reword.off")),), alert=True)
        return
    if diagnosis.cause is not Cause.UNKNOWN:
        raise Expired
    now = services.clock.now()
    entry = AuditEntry(
        now,
        request.asker.address,
        "reword",
        str(sighting.id),
        "started",
        services.gate.trusted(model.route),
        name=request.asker.name,
    )
    await services.store.audit(entry)
    try:
        said = await model.ask(diagnosis.text, request.language)
    except ProviderError as fault:
        yield Reply(blocks=(Line(words.say("diagnose.reword.failed", reason=_why(fault, words))),))
        return
    if not said:
        yield Reply(blocks=(Line(words.say("diagnose.reword.failed", reason=words.say("diagnose.reword.empty"))),))
        return
    yield Reply(
        title=words.say("diagnose.reword.title"),
        blocks=(Line(words.say("diagnose.reword.note", route=model.route)), Quote(said.text)),
    )


def _why(fault: ProviderError, words: Words) -> str:
    if fault.reason.startswith("http_"):
        return words.say("balance.reasons.http", status=fault.reason.removeprefix("http_"))
    key = f"balance.reasons.{fault.reason}"
    return words.say(key, **fault.facts) if words.has(key) else fault.reason


async def asked(request: Request, services: Services) -> AsyncIterator[Reply]:
    """One of the answer pages, chosen by its title."""
    words = Words(request.language, request.timezone)
    if not words.has(f"pages.{request.value}.short"):
        raise Expired
    yield page(request.value, words, buttons=bool(services.team.routes))


async def escalate(request: Request, services: Services) -> AsyncIterator[Reply]:
    """A ticket, stored before anybody is told; the same trouble joins the open one."""
    words = Words(request.language, request.timezone)
    sighting, diagnosis = await memory.load(request, services)
    same = await services.store.ticket(sighting.ticket) if sighting.ticket is not None else None
    if same is not None and request.asker in [known.person for known in same.waiting] and same.state in _UNRESOLVED:
        yield _already(same, services, words)  # pressed twice, or joined by itself: nothing new is counted
        return
    engine = await memory.engine_of(services, sighting)
    answers = (await memory.heard(services, sighting.id)).answers
    count, span, _ = await services.proof.repeats(diagnosis, engine or sighting.engine)
    if services.proof.worth_asking(diagnosis, engine):
        proven = await services.proof.prove(diagnosis, engine, answers=answers, repeats=count)
    else:
        proven = services.proof.heard(diagnosis, engine, answers, count)
    proven = replace(proven, repeats=max(1, count), repeats_span_s=span)
    ticket, opened = await services.escalation.open(
        diagnosis=diagnosis,
        proven=proven,
        sighting=sighting,
        asker=request.asker,
        asked_in=request.message,
        language=request.language,
    )
    await services.store.set_sighting_ticket(sighting.id, ticket.id)
    key = "diagnose.escalated" if opened else "diagnose.joined"
    platforms = dict.fromkeys(chat.partition(":")[0].title() for chat in services.team.support.chats)
    where = words.say("common.list_sep").join(platforms) or words.say("diagnose.no_support_chat")
    yield Reply(
        title=words.say(key, ticket=ticket.id, n=ticket.count),
        blocks=(Line(words.say("diagnose.escalated_text", chats=where)),),
        actions=(_show(ticket, words),),
    )


def _show(ticket: Ticket, words: Words) -> Action:
    return Action("ticket.show", words.say("diagnose.buttons.show_ticket", ticket=ticket.id), str(ticket.id))


def _already(ticket: Ticket, services: Services, words: Words) -> Reply:
    by = ticket.acknowledged_by
    names = services.team.people_names
    told = (
        words.say("diagnose.escalated_taken", who=names.get(by.address) or by.name)
        if by
        else words.say("diagnose.escalated_open")
    )
    title = words.say("diagnose.escalated_already", ticket=ticket.id)
    return Reply(title=title, blocks=(Line(told),), actions=(_show(ticket, words),))


async def wrong(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Asks for the right cause; the redacted text and the answer become a candidate case."""
    words = Words(request.language, request.timezone)
    sighting, diagnosis = await memory.load(request, services)
    actions = tuple(
        Action("diagnose.cause", words.say(f"cause.{cause.value}.title")[:70], f"{sighting.id}:{cause.value}")
        for cause in Cause
        if cause not in (diagnosis.cause, Cause.UNKNOWN)
    )
    if diagnosis.cause is not Cause.UNKNOWN:
        none = Action(
            "diagnose.cause", words.say("diagnose.buttons.none_of_these"), f"{sighting.id}:{Cause.UNKNOWN.value}"
        )
        actions = (*actions, none)
    yield Reply(
        title=words.say("diagnose.wrong_title"), blocks=(Line(words.say("diagnose.wrong_text")),), actions=actions
    )


async def cause(request: Request, services: Services) -> AsyncIterator[Reply]:
    """`value` is the sighting and the cause that somebody says was right: kept, never learnt from by itself. Raises Expired for
    what is no cause of ours."""
    words = Words(request.language, request.timezone)
    sighting, diagnosis = await memory.load(request, services)
    right = request.value.partition(":")[2]
    if right not in list(Cause):
        raise Expired
    now = services.clock.now()
    payload: dict[str, Any] = {
        "sighting": sighting.id,
        "said": diagnosis.cause.value,
        "right": right,
        "by": request.asker.address,
        "at": now.isoformat(timespec="seconds"),
        "text": diagnosis.text.text,
    }
    await services.store.set_fact(f"case:{sighting.id}", payload, now)
    await services.store.audit(
        AuditEntry(
            now,
            request.asker.address,
            "case",
            str(sighting.id),
            "done",
            services.gate.trusted(f"{diagnosis.cause.value} -> {right}"),
            name=request.asker.name,
        )
    )
    none = right == Cause.UNKNOWN.value
    title = words.say("diagnose.buttons.none_of_these") if none else words.say(f"cause.{right}.title")
    yield Reply(blocks=(Line(words.say("diagnose.wrong_kept", cause=title)),), replace=True)
