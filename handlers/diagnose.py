"""`/diagnose <error>`: what it really means, proved where it can be, what to do next, the one button that helps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from bot.errors import Expired
from bot.locales import Words
from bot.model.chat import Action, CleanText, Line, Quote, Reply, Request, Role
from bot.model.diagnosis import Cause, Diagnosis, Proven
from bot.ports import AuditEntry, Sighting
from bot.services import Services
from handlers.diagnosis_words import no_error, page, worded
from handlers.router import Command, Press

_EXAMPLE = "Error code: 402 - {'error': {'message': 'Insufficient Balance'}}"


async def run(request: Request, services: Services) -> AsyncIterator[Reply]:
    """The text after the command, else the message replied to; both together where both are there."""
    words = Words(request.language, request.timezone)
    text = _wanted(request, services)
    if not text:
        lines = (Line(words.say("diagnose.ask")), Quote(f"/diagnose {_EXAMPLE}"))
        yield Reply(title=words.say("diagnose.ask_title"), blocks=lines)
        return
    diagnosis = services.diagnosis.explain(text)
    if diagnosis.page:
        yield page(diagnosis, words)
        return
    if not diagnosis.is_error:
        yield no_error(diagnosis, words)
        return
    async for reply in _answer(request, services, diagnosis, words):
        yield reply


def _wanted(request: Request, services: Services) -> CleanText:
    if request.text and request.quoted:
        return services.gate.trusted(f"{request.text.text}\n{request.quoted.text}")
    return request.quoted if request.quoted and not request.text else request.text


async def _answer(
    request: Request,
    services: Services,
    diagnosis: Diagnosis,
    words: Words,
    engine: str | None = None,
    sighting: int | None = None,
) -> AsyncIterator[Reply]:
    """What the text says at once; the same message is edited with the proof."""
    before = services.proof.from_text(diagnosis, engine)
    count, span, ticket = await services.proof.repeats(diagnosis, before.engine)
    proven = replace(before, repeats=count + (sighting is None), repeats_span_s=span, ticket=ticket)
    number = sighting
    if number is None:
        number = await services.store.add_sighting(_sighting(request, services, diagnosis, proven))
    if services.proof.worth_asking(diagnosis, engine):
        first = worded(
            diagnosis,
            proven,
            services.team,
            words,
            services.clock.now(),
            found=request.found,
            number=number,
            checking=True,
        )
        yield replace(first, final=False)
        live = await services.proof.prove(diagnosis, engine)
        if services.fallback is not None:
            services.fallback.proved(live)
        proven = replace(live, repeats=proven.repeats, repeats_span_s=span, ticket=ticket)
        if not ticket and proven.engine and proven.engine != before.engine:
            count, span, ticket = await services.proof.repeats(diagnosis, proven.engine)
            proven = replace(proven, repeats=max(proven.repeats, count), repeats_span_s=span, ticket=ticket)
    yield worded(diagnosis, proven, services.team, words, services.clock.now(), found=request.found, number=number)


def _sighting(request: Request, services: Services, diagnosis: Diagnosis, proven: Proven) -> Sighting:
    return Sighting(
        id=0,
        at=services.clock.now(),
        who=request.asker.address,
        engine=proven.engine,
        cause=diagnosis.cause.value,
        account=None,
        request_id=diagnosis.request_id or diagnosis.task_id,
        text=diagnosis.text,
        payload={"removed": dict(request.found.counts), "engine": proven.engine},
    )


# --- buttons ---------------------------------------------------------------------------------------------------------


async def _load(request: Request, services: Services) -> tuple[Sighting, Diagnosis]:
    head = request.value.split(":")[0]
    sighting = await services.store.sighting(int(head)) if head.isdigit() else None
    if sighting is None:
        raise Expired
    return sighting, services.diagnosis.explain(sighting.text)


async def again(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Asks the accounts once more; no new sighting is counted."""
    words = Words(request.language, request.timezone)
    sighting, diagnosis = await _load(request, services)
    async for reply in _answer(request, services, diagnosis, words, sighting.payload.get("engine"), sighting.id):
        yield replace(reply, replace=True)


async def engine(request: Request, services: Services) -> AsyncIterator[Reply]:
    """The reader said which engine failed."""
    words = Words(request.language, request.timezone)
    sighting, diagnosis = await _load(request, services)
    name = request.value.partition(":")[2]
    if name not in services.team.engines:
        raise Expired
    async for reply in _answer(request, services, diagnosis, words, name, sighting.id):
        yield replace(reply, replace=True)


async def escalate(request: Request, services: Services) -> AsyncIterator[Reply]:
    """A ticket, stored before anybody is told; the same trouble joins the open one."""
    words = Words(request.language, request.timezone)
    sighting, diagnosis = await _load(request, services)
    proven = services.proof.from_text(diagnosis, sighting.payload.get("engine"))
    if services.proof.worth_asking(diagnosis, proven.engine):
        proven = await services.proof.prove(diagnosis, proven.engine)
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
    where = words.say("common.list_sep").join(services.team.support.chats) or words.say("diagnose.no_support_chat")
    yield Reply(
        title=words.say(key, ticket=ticket.id, n=ticket.count),
        blocks=(Line(words.say("diagnose.escalated_text", chats=where)),),
        actions=(Action("ticket.show", words.say("diagnose.buttons.show_ticket", ticket=ticket.id), str(ticket.id)),),
    )


async def wrong(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Asks for the right cause; the redacted text and the answer become a candidate case."""
    words = Words(request.language, request.timezone)
    sighting, diagnosis = await _load(request, services)
    actions = tuple(
        Action("diagnose.cause", words.say(f"cause.{cause.value}.title")[:70], f"{sighting.id}:{cause.value}")
        for cause in Cause
        if cause not in (diagnosis.cause, Cause.UNKNOWN)
    )
    yield Reply(
        title=words.say("diagnose.wrong_title"), blocks=(Line(words.say("diagnose.wrong_text")),), actions=actions
    )


async def cause(request: Request, services: Services) -> AsyncIterator[Reply]:
    words = Words(request.language, request.timezone)
    sighting, diagnosis = await _load(request, services)
    right = request.value.partition(":")[2]
    if right not in list(Cause):
        raise Expired
    now = services.clock.now()
    payload: dict[str, Any] = {
        "sighting": sighting.id,
        "said": diagnosis.cause.value,
        "right": right,
        "by": request.asker.address,
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
        )
    )
    yield Reply(blocks=(Line(words.say("diagnose.wrong_kept", cause=words.say(f"cause.{right}.title"))),), replace=True)


COMMAND = Command(
    "diagnose",
    run,
    presses={
        "diagnose.again": Press(again),
        "diagnose.engine": Press(engine),
        "diagnose.escalate": Press(escalate),
        "diagnose.wrong": Press(wrong),
        "diagnose.cause": Press(cause),
    },
    role=Role.MEMBER,
    aliases=("诊断", "diag", "diagnose_message"),
    top_level=True,
    order=2,
)
