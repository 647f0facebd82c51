"""`/switch [engine [route]]`: the plan, the confirm button, the result, undo. Operators only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from bot.errors import SwitchRefused, UsageError
from bot.locales import Words
from bot.model.chat import Action, Block, Board, Form, Line, Reply, Request, Role, Row
from bot.ports import SwitchRecord
from bot.services import Services
from bot.services.switch_plan import Plan
from handlers import degrade, people, switch_form
from handlers.price_words import route_name
from handlers.router import Command, Press
from handlers.switch_words import (
    button_value,
    check_line,
    checks,
    demo,
    fault_line,
    rehearsal,
    result,
    sentence,
    standing_row,
    way,
)

_FLAGS = {"undo", "--undo", "撤销", "force", "--force", "history", "--history", "历史"}


async def run(request: Request, services: Services) -> AsyncIterator[Reply]:
    """No argument: every engine. An engine: the plan to its best other route. `undo`, `--force`, `history` after the name."""
    words = Words(request.language, request.timezone)
    given = request.text.text.split()
    names = [word for word in given if word.lower() not in _FLAGS]
    flags = {word.lower().lstrip("-") for word in given if word.lower() in _FLAGS}
    if len(names) > 2:
        raise UsageError(why=words.say("switch.usage"))
    if not names and flags:  # which one to undo, nobody guesses
        word = next(word for word in given if word.lower() in _FLAGS)
        engines = words.say("common.list_sep").join(services.team.engines)
        raise UsageError(why=words.say("switch.usage_engine", word=word, engines=engines or words.say("common.none")))
    if not names:
        yield await _overview(services, words)
        return
    if names[0].lower() == "warp" and "warp" not in services.team.engines and services.team.warp_folder is not None:
        yield _warp(words)
        return
    if flags & {"undo", "撤销"}:
        yield await _undo(request, services, words, names[0])
    elif flags & {"history", "历史"}:
        yield await _history(services, words, names[0])
    else:
        yield await _plan(request, services, words, names, force="force" in flags)


async def plan(request: Request, services: Services) -> AsyncIterator[Reply]:
    """A button elsewhere: `<engine>` or `<engine> <route>`."""
    words = Words(request.language, request.timezone)
    names = request.value.split()
    yield await _plan(request, services, words, names[:2]) if names else await _overview(services, words)


async def form(request: Request, services: Services) -> AsyncIterator[Reply]:
    """The form of `switch_form.choose`, sent: what is wrong with it at once, else the plan."""
    words = Words(request.language, request.timezone)
    if errors := await switch_form.wrong(request, services):
        yield Reply(form=Form("switch.form", "", "", (), by_buttons=True, errors=errors))
        return
    yield Reply(blocks=(Line(words.say("switch.form.asking")),), final=False)
    choice = switch_form.chosen(request, services)
    yield await _plan(request, services, words, [choice.engine, choice.way])


async def confirm(request: Request, services: Services) -> AsyncIterator[Reply]:
    """`value` is the plan's token. First that it is being done, then what came of it; where a second person is needed the plan
    stays."""
    words = Words(request.language, request.timezone)
    try:
        claim = await services.switching.claim(request.value, request.asker, request.role)
    except SwitchRefused as fault:  # the plan stays where it is, for the second person
        yield Reply(blocks=(Line(sentence(fault_line(fault, words), words)),), alert=True)
        return
    title = words.say("switch.working", engine=claim.engine.title, route=route_name(claim.route.name, words))
    yield Reply(title=title, audience="place", replace=True, final=False)
    try:
        done = await services.switching.carry(claim)
    except SwitchRefused as fault:
        again = Action(
            "switch.plan", words.say("switch.buttons.again"), button_value(claim.engine.name, claim.route.name)
        )
        yield replace(_refusal(fault, words, (again,)), replace=True)
        return
    yield replace(result(done, services, words, await _returning(services, done.engine)), replace=True)


async def probe(request: Request, services: Services) -> AsyncIterator[Reply]:
    """One real call, then the plan again with its result."""
    words = Words(request.language, request.timezone)
    engine, route, forced, found = await services.switching.probe(request.value, request.role)
    try:
        plan = await services.switching.plan(engine, route, by=request.asker, force=forced, further=found.ok is False)
    except SwitchRefused as fault:
        yield replace(_refusal(fault, words), replace=True)
        return
    plan = replace(plan, checks=(*plan.checks, found), callable=False)
    if found.ok is False and not forced:
        plan = replace(plan, refused=(*plan.refused, found), token="")
    reply = rehearsal(plan, services, words) if plan.token else await _not_planned(plan, services, words)
    yield replace(reply, replace=True)


async def cancel(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Takes the plan's token, so that nobody can confirm it any more."""
    words = Words(request.language, request.timezone)
    gone = await services.switching.cancel(request.value)
    said = words.say("switch.cancelled")
    if gone is None:
        yield Reply(title=said, audience="place", replace=True)
        return
    engine, before, after = gone
    title = words.say("switch.cancelled_plan", way=way(engine.title, before, after, words))
    yield Reply(title=title, blocks=(Line(said),), audience="place", replace=True)


async def undo(request: Request, services: Services) -> AsyncIterator[Reply]:
    """`<engine> [record [values]]`."""
    words = Words(request.language, request.timezone)
    parts = request.value.split()
    if not parts:
        raise UsageError(why=words.say("switch.usage"))
    record = int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else None
    reply = await _undo(request, services, words, parts[0], record, values_only=parts[-1] == "values")
    yield reply if reply.alert else replace(reply, replace=True)


async def go_back(request: Request, services: Services) -> AsyncIterator[Reply]:
    """`<engine> <route>`: back to that route by itself, as soon as it is proved well."""
    words = Words(request.language, request.timezone)
    engine_name, _, route = request.value.partition(" ")
    engine = services.switching.engine(engine_name)
    if services.fallback is None or route not in engine.routes:
        raise UsageError(why=words.say("switch.usage"))
    await services.fallback.return_to(engine.name, route)
    yield Reply(blocks=(Line(words.say("switch.returns", engine=engine.title, route=route)),), alert=True)


async def stay(request: Request, services: Services) -> AsyncIterator[Reply]:
    """`value` is the engine: the fallback stops asking about this outage. The route stays."""
    words = Words(request.language, request.timezone)
    engine = services.switching.engine(request.value)
    if services.fallback is not None:
        await services.fallback.stay(engine.name)
    yield Reply(blocks=(Line(words.say("switch.stays", engine=engine.title)),), alert=True)


async def clear(request: Request, services: Services) -> AsyncIterator[Reply]:
    """`<route>`: a person has mended it."""
    words = Words(request.language, request.timezone)
    if services.fallback is not None:
        await services.fallback.clear(request.value, request.role)
    yield Reply(blocks=(Line(words.say("switch.cleared", route=request.value)),), alert=True)


async def warp(request: Request, services: Services) -> AsyncIterator[Reply]:
    """`forbid` or `allow` the anonymous fallback of the Warp gateway."""
    words = Words(request.language, request.timezone)
    forbid = request.value != "allow"
    try:
        changed = await services.switching.forbid_anonymous(forbid, request.asker, request.role)
    except SwitchRefused as fault:
        yield replace(_refusal(fault, words), alert=True)
        return
    said = words.say(f"switch.warp.{'forbidden' if forbid else 'allowed'}")
    blocks = (Line(said), Line(words.say("switch.warp.restart" if changed else "switch.warp.same")))
    yield Reply(title=words.say("switch.warp.title"), blocks=blocks, audience="place", replace=True)


def _warp(words: Words) -> Reply:
    return Reply(
        title=words.say("switch.warp.title"),
        blocks=tuple(Line(line) for line in words.lines("switch.warp.rules")),
        actions=(
            Action("switch.warp", words.say("switch.warp.forbid"), "forbid", style="primary"),
            Action("switch.warp", words.say("switch.warp.allow"), "allow"),
        ),
        audience="place",
    )


COMMAND = Command(
    "switch",
    run,
    role=Role.OPERATOR,
    presses={
        "switch.plan": Press(plan, Role.OPERATOR),
        "switch.choose": Press(switch_form.choose, Role.OPERATOR),
        "switch.form": Press(form, Role.OPERATOR),
        "switch.confirm": Press(confirm, Role.OPERATOR),
        "switch.probe": Press(probe, Role.OPERATOR),
        "switch.cancel": Press(cancel, Role.OPERATOR),
        "switch.undo": Press(undo, Role.OPERATOR),
        "switch.return": Press(go_back, Role.OPERATOR),
        "switch.stay": Press(stay, Role.OPERATOR),
        "switch.clear": Press(clear, Role.OPERATOR),
        "switch.warp": Press(warp, Role.OPERATOR),
    },
    aliases=("切换",),
    top_level=True,
    order=3,
)


# --- the plan --------------------------------------------------------------------------------------------------------


async def _plan(request: Request, services: Services, words: Words, names: list[str], *, force: bool = False) -> Reply:
    try:
        found = await services.switching.plan(
            names[0], names[1] if len(names) > 1 else None, by=request.asker, force=force
        )
    except SwitchRefused as fault:
        return _refusal(fault, words)
    return rehearsal(found, services, words) if found.possible else await _not_planned(found, services, words)


async def _not_planned(plan: Plan, services: Services, words: Words) -> Reply:
    blocks: list[Block] = demo(services, words)
    # Where it is on that route already, the rest says nothing about a switch.
    told = [check for check in plan.refused if check.name == "route"] or plan.refused
    blocks += [Line(sentence(check_line(check, words, plan.account), words)) for check in told]
    actions: tuple[Action, ...] = ()
    if plan.better:
        blocks.append(Line(words.say("switch.better", route=plan.better)))
        label = words.say("switch.buttons.better", route=plan.better)
        actions = (Action("switch.plan", label[:70], button_value(plan.engine, plan.better), style="primary"),)
    elif not any(check.name in ("route", "file", "environment") for check in plan.refused):
        blocks.append(Line(words.say("switch.no_route_left", engine=plan.title)))
        blocks += [Line(line) for line in words.lines("switch.degrade", engine=plan.title)]
        actions = await degrade.buttons(plan.engine, services, words)
    if not plan.hard:
        blocks.append(Line(words.say("switch.force_hint", engine=plan.engine, route=plan.to_route)))
    return Reply(
        title=words.say("switch.not_switched", engine=plan.title, route=route_name(plan.to_route, words)),
        blocks=tuple(blocks),
        actions=actions,
        details=(checks(plan.checks, words, plan.account),),
    )


# --- undo -----------------------------------------------------------------------------------------------------------


async def _undo(
    request: Request,
    services: Services,
    words: Words,
    engine: str,
    record: int | None = None,
    *,
    values_only: bool = False,
) -> Reply:
    try:
        done = await services.switching.undo(
            engine, request.asker, request.role, record_id=record, values_only=values_only
        )
    except SwitchRefused as fault:
        reply = _refusal(fault, words)
        if fault.facts.get("reason") == "changed_since":
            value = button_value(services.switching.engine(engine).name, f"{fault.facts['record']} values")
            return replace(reply, actions=(Action("switch.undo", words.say("switch.buttons.undo_values"), value),))
        return replace(reply, alert=request.action is not None)
    if services.fallback is not None and await services.fallback.returning(done.engine) == done.to_route:
        await services.fallback.stay(done.engine)  # it is back: the wish must not pull at the next switch
    return result(done, services, words, await _returning(services, done.engine))


async def _returning(services: Services, engine: str) -> str | None:
    return None if services.fallback is None else await services.fallback.returning(engine) or ""


def _refusal(fault: SwitchRefused, words: Words, actions: tuple[Action, ...] = ()) -> Reply:
    return Reply(
        title=words.say("switch.refused"),
        blocks=(Line(sentence(fault_line(fault, words), words)), Line(words.say("switch.as_it_was"))),
        actions=actions,
    )


# --- lists -----------------------------------------------------------------------------------------------------------


async def _overview(services: Services, words: Words) -> Reply:
    standings = await services.switching.overview()
    blocks: list[Block] = demo(services, words)
    if not standings:
        blocks.append(Line(words.say("switch.no_engines")))
        return Reply(title=words.say("switch.overview"), blocks=tuple(blocks))
    out = {each.route: each for each in await services.fallback.out()} if services.fallback else {}
    paused = await services.degrade.pauses() if services.degrade else {}
    blocks.append(Board(tuple(standing_row(standing, services, words, out, paused) for standing in standings)))
    actions = [
        Action("switch.plan", words.say("switch.buttons.plan", engine=standing.engine), button_value(standing.engine))
        for standing in standings
        if standing.switchable
    ][:8]
    if actions:
        actions.append(Action("switch.choose", words.say("switch.buttons.choose")))
    actions += [
        Action("switch.resume", words.say("degrade.buttons.resume", engine=standing.title)[:70], standing.engine)
        for standing in standings
        if standing.engine in paused and len(standing.engine.encode()) <= 46
    ][:4]
    actions += [
        Action("switch.clear", words.say("switch.buttons.clear", route=each.route)[:70], button_value(each.route))
        for each in out.values()
        if each.needs == "person"
    ][:2]
    return Reply(title=words.say("switch.overview"), blocks=tuple(blocks), actions=tuple(actions))


def _was_put_back(record: SwitchRecord) -> bool:
    """An undo of its own, as against a switch that was undone later."""
    return record.state == "undone" and "undo_of" in record.detail


async def _history(services: Services, words: Words, name: str) -> Reply:
    engine = services.switching.engine(name)
    records = await services.switching.history(name)
    named = await people.names(services)
    now = services.clock.now()
    rows = tuple(
        Row(
            state=words.say(f"switch.record_states.{'put_back' if _was_put_back(record) else record.state}"),
            name=words.when(record.at, now, zone=False),
            figure=words.say(
                "switch.change",
                before=route_name(record.from_route, words),
                after=route_name(record.to_route, words),
            ),
            note=named(record.who),
        )
        for record in records
    )
    title = words.say("switch.history", engine=engine.title)
    zone = Line(words.say("audit.zone", zone=words.zone_name))
    return Reply(title=title, blocks=(Board(rows), zone) if rows else (Line(words.say("switch.no_history")),))
