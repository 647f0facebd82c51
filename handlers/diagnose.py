"""`/diagnose <error>`: what it really means, proved where it can be, what to do next, the one button that helps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

from bot.errors import Expired
from bot.locales import Words
from bot.model.chat import CleanText, Line, Quote, Reply, Request, Role
from bot.model.diagnosis import Diagnosis, Proven
from bot.model.handoff import Ticket
from bot.ports import Sighting
from bot.services import Services
from bot.services.detective import QUESTIONS
from bot.services.reading.longer import LONG
from handlers import degrade
from handlers import diagnosis_memory as memory
from handlers.diagnosis_hands import asked, cause, escalate, reword, wrong
from handlers.diagnosis_pages import no_error, page
from handlers.diagnosis_words import worded
from handlers.router import Command, Press

_EXAMPLE = "Error code: 402 - {'error': {'message': 'Insufficient Balance'}}"


async def run(request: Request, services: Services) -> AsyncIterator[Reply]:
    """The text after the command, else the message replied to; both together where both are there."""
    words = Words(request.language, request.timezone)
    unread = request.fields.get("unread")  # a sentence, or the key of one: a file beside the text could not be read
    note = (Line(words.say(unread.text) if words.has(unread.text) else unread.text),) if unread else ()
    async for reply in _read(request, services, words):
        yield replace(reply, blocks=(*note, *reply.blocks)) if note else reply


async def _read(request: Request, services: Services, words: Words) -> AsyncIterator[Reply]:
    text = _wanted(request, services)
    if len(text) > LONG:  # a log: what counts is looked for beside the loop, and only that is kept
        text = services.gate.trusted(await asyncio.to_thread(services.diagnosis.focused, text))
    if not text:
        lines = (Line(words.say("diagnose.ask")), Quote(f"/diagnose {_EXAMPLE}"))
        yield Reply(title=words.say("diagnose.ask_title"), blocks=lines)
        return
    diagnosis = services.diagnosis.explain(text)
    if diagnosis.page:
        yield page(diagnosis.page, words, buttons=bool(services.team.routes))
        return
    if not diagnosis.is_error:
        yield no_error(diagnosis, words, buttons=bool(services.team.routes))
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
    known: Sighting | None = None,
    engine: str | None = None,
    *,
    quick: bool = False,
    fresh: bool = False,
) -> AsyncIterator[Reply]:
    """What the text says at once; the same message is edited with the proof. `known`: the same answer again, after a press;
    `quick`: without the first word; `fresh`: no figure that is remembered."""
    proof, now = services.proof, services.clock.now()
    heard = await memory.heard(services, known.id) if known else memory.Heard()
    found = memory.found_then(known) if known else request.found
    before = proof.from_text(diagnosis, engine)
    count, span, ticket = await proof.repeats(diagnosis, before.engine)
    count += known is None
    number = (
        known.id
        if known
        else await services.store.add_sighting(memory.new_sighting(request, services, diagnosis, before))
    )
    if proof.worth_asking(diagnosis, engine):
        if not quick:
            first = replace(before, repeats=count, repeats_span_s=span)
            text = worded(diagnosis, first, services.team, words, now, found=found, number=number, checking=True)
            yield replace(text, final=False)
        proven = await proof.prove(diagnosis, engine, answers=heard.answers, repeats=count, fresh=fresh)
        if services.fallback is not None:
            services.fallback.proved(proven)  # what live facts show; pasted text alone moves nothing
        if proven.engine and proven.engine != before.engine:
            again, longer, joined = await proof.repeats(diagnosis, proven.engine)
            if again > count:
                count, span = again, longer
            ticket = ticket or joined
    else:
        proven = proof.heard(diagnosis, engine, heard.answers, count)
    same = await proof.open_ticket(diagnosis, proven, ticket)
    if same is not None and known is None:
        await _join(request, services, diagnosis, proven, number, same)
    proven = replace(proven, repeats=count, repeats_span_s=span, ticket=same.id if same else None)
    reply = worded(
        diagnosis,
        proven,
        services.team,
        words,
        services.clock.now(),
        found=found,
        number=number,
        done=heard.done,
    )
    if proven.no_route_left and proven.engine:
        reply = degrade.hinted(reply, proven.engine, words)
    yield reply


async def _join(
    request: Request, services: Services, diagnosis: Diagnosis, proven: Proven, number: int, same: Ticket
) -> None:
    """The same trouble again counts on its open ticket; nothing new is opened here."""
    sighting = await services.store.sighting(number)
    await services.escalation.open(
        diagnosis=diagnosis,
        proven=proven,
        sighting=sighting,
        asker=request.asker,
        asked_in=request.message,
        language=request.language,
        engine=same.engine,
        route=same.route,
        account=same.account,
        cause=same.cause,
    )
    await services.store.set_sighting_ticket(number, same.id)


# --- buttons ---------------------------------------------------------------------------------------------------------


async def again(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Asks the accounts once more; no new sighting is counted."""
    words = Words(request.language, request.timezone)
    sighting, diagnosis = await memory.load(request, services)
    of = await memory.engine_of(services, sighting)
    async for reply in _answer(request, services, diagnosis, words, sighting, of, fresh=True):
        # The figures may be the same as before; that somebody looked is then all there is to see.
        looked = Line(words.say("diagnose.checked_again", time=words.local(services.clock.now()).strftime("%H:%M:%S")))
        yield replace(reply, replace=True, blocks=(*reply.blocks, looked) if reply.final else reply.blocks)


async def engine(request: Request, services: Services) -> AsyncIterator[Reply]:
    """The reader said which engine failed."""
    words = Words(request.language, request.timezone)
    sighting, diagnosis = await memory.load(request, services)
    name = request.value.partition(":")[2]
    if name not in services.team.engines:
        raise Expired
    await services.store.set_fact(f"engine:{sighting.id}", name, services.clock.now())
    async for reply in _answer(request, services, diagnosis, words, sighting, name):
        yield replace(reply, replace=True)


async def answer(request: Request, services: Services) -> AsyncIterator[Reply]:
    """The reader answered a question; the verdict is looked at again in its light."""
    words = Words(request.language, request.timezone)
    sighting, diagnosis = await memory.load(request, services)
    _, _, rest = request.value.partition(":")
    question, _, said = rest.partition(":")
    if said not in QUESTIONS.get(question, ()):
        raise Expired
    heard = await memory.heard(services, sighting.id)
    await memory.keep(services, sighting.id, replace(heard, answers={**heard.answers, question: said}))
    engine = await memory.engine_of(services, sighting)
    async for reply in _answer(request, services, diagnosis, words, sighting, engine, quick=True):
        yield replace(reply, replace=True)


async def done(request: Request, services: Services) -> AsyncIterator[Reply]:
    """A step of a checklist is done."""
    words = Words(request.language, request.timezone)
    sighting, diagnosis = await memory.load(request, services)
    place = request.value.partition(":")[2]
    if not place.isdigit() or int(place) > 20:
        raise Expired
    heard = await memory.heard(services, sighting.id)
    await memory.keep(services, sighting.id, replace(heard, done=tuple(sorted({*heard.done, int(place)}))))
    engine = await memory.engine_of(services, sighting)
    async for reply in _answer(request, services, diagnosis, words, sighting, engine, quick=True):
        yield replace(reply, replace=True)


COMMAND = Command(
    "diagnose",
    run,
    presses={
        "diagnose.again": Press(again),
        "diagnose.engine": Press(engine),
        "diagnose.page": Press(asked),
        "diagnose.escalate": Press(escalate),
        "diagnose.wrong": Press(wrong),
        "diagnose.cause": Press(cause),
        "diagnose.answer": Press(answer),
        "diagnose.done": Press(done),
        "diagnose.reword": Press(reword),
    },
    role=Role.MEMBER,
    aliases=("诊断", "diag", "diagnose_message"),
    top_level=True,
    order=2,
)
