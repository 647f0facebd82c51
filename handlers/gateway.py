"""`/quota gateway [name [target change]]`: channels of new-api and one-api, LiteLLM's fallbacks, claude-code-router's slots."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

from bot.errors import SwitchRefused, UsageError
from bot.locales import Words
from bot.model.chat import Action, Board, Facts, Line, Reply, Request, Role, Row
from bot.ports import GatewayTarget
from bot.services import Services
from bot.services.gateways import GatewayDone, Gateways
from handlers.router import Command, Press
from handlers.switch_words import sentence

_ON_OFF = {"on": 1, "开": 1, "off": 2, "关": 2}


async def run(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Channels of a gateway, the plan to turn one on or off, or its usage. Nothing changes before `confirm`."""
    words = Words(request.language, request.timezone)
    gateways = _gateways(services, words)
    given = request.text.text.split()
    if not given:
        names = words.say("common.list_sep").join(gateways.names())
        usage = tuple(Line(line) for line in words.lines("gateway.usage"))
        yield Reply(title=words.say("gateway.title"), blocks=(Line(words.say("gateway.known", names=names)), *usage))
        return
    name = gateways.named(given[0])
    if len(given) == 1:
        try:
            yield _list(name, await gateways.targets(name), words)
        except SwitchRefused as fault:
            yield _refusal(fault, words, words.say("gateway.unread", gateway=name))
        return
    try:
        if given[1] in ("undo", "--undo", "撤销"):
            yield _result(await gateways.undo(name, request.asker, request.role), words)
        else:
            want = _want(gateways.kind(name), name, given[2:], words)
            plan = await gateways.plan(name, given[1], want, request.asker)
            yield Reply(
                title=words.say("gateway.plan", gateway=name, target=plan.target.name),
                blocks=(
                    Line(words.say("switch.nothing_yet"), strong=True),
                    Facts(_changes(plan.before, plan.after, words)),
                    Line(words.say("gateway.others")),
                    Line(words.say("switch.foot", minutes=10)),
                ),
                actions=(
                    Action("gateway.confirm", words.say("switch.buttons.confirm"), plan.token, style="primary"),
                    Action("gateway.cancel", words.say("switch.buttons.cancel"), plan.token),
                ),
                audience="place",
            )
    except SwitchRefused as fault:
        yield _refusal(fault, words)


async def confirm(request: Request, services: Services) -> AsyncIterator[Reply]:
    """`value` is the plan's token; the result, or the refusal, stands where the plan stood."""
    words = Words(request.language, request.timezone)
    try:
        done = await _gateways(services, words).confirm(request.value, request.asker, request.role)
    except SwitchRefused as fault:
        yield replace(_refusal(fault, words), replace=True)
        return
    yield replace(_result(done, words), replace=True)


async def cancel(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Takes the token, so that nobody can confirm any more; told to the place, also where it had been used up."""
    words = Words(request.language, request.timezone)
    gone = await services.store.take_token("gateway", request.value, services.clock.now())
    said = words.say("switch.cancelled")
    if gone is None:
        yield Reply(title=said, audience="place", replace=True)
        return
    title = words.say("gateway.cancelled", gateway=gone["gateway"], target=gone["target"])
    yield Reply(title=title, blocks=(Line(said),), audience="place", replace=True)


async def undo(request: Request, services: Services) -> AsyncIterator[Reply]:
    """`<gateway> <record>`."""
    words = Words(request.language, request.timezone)
    name, _, number = request.value.partition(" ")
    record = int(number) if number.isdigit() else None
    try:
        done = await _gateways(services, words).undo(name, request.asker, request.role, record_id=record)
    except SwitchRefused as fault:
        yield replace(_refusal(fault, words), alert=True)
        return
    yield replace(_result(done, words), replace=True)


COMMAND = Command(
    "gateway",
    run,
    role=Role.OPERATOR,
    presses={
        "gateway.confirm": Press(confirm, Role.OPERATOR),
        "gateway.cancel": Press(cancel, Role.OPERATOR),
        "gateway.undo": Press(undo, Role.OPERATOR),
    },
    aliases=("网关",),
    order=60,
)


def _gateways(services: Services, words: Words) -> Gateways:
    if services.gateways is None or not services.gateways.names():
        raise UsageError(why=words.say("gateway.none"))
    return services.gateways


def _want(kind: str, name: str, given: list[str], words: Words) -> dict[str, Any]:
    """`off`, `on`, `priority 20`, `weight 5`; `fallbacks a,b` or `fallbacks none`, `upstream x`; `provider,model`."""
    first, rest = (given[0].lower() if given else ""), given[1:]
    if kind == "new-api" and first in _ON_OFF and not rest:
        return {"status": _ON_OFF[first]}
    if kind == "new-api" and first in ("priority", "weight") and len(rest) == 1 and rest[0].lstrip("-").isdigit():
        return {first: int(rest[0][:9])}
    if kind == "litellm" and first == "fallbacks" and len(rest) == 1:
        return {"fallbacks": [] if rest[0] == "none" else [one for one in rest[0].split(",") if one]}
    if kind == "litellm" and first == "upstream" and len(rest) == 1:
        return {"upstream": rest[0]}
    if kind == "claude-code-router" and len(given) == 1 and "," in given[0]:
        return {"route": given[0]}
    raise UsageError(why=words.say("gateway.how." + kind.replace("-", "_"), gateway=name))


def _list(name: str, targets: tuple[GatewayTarget, ...], words: Words) -> Reply:
    rows = tuple(
        Row(
            state=target.id,
            name=target.name if target.name != target.id else "",
            figure=words.say("common.list_sep").join(
                f"{_label(key, words)} {_shown(key, value, words)}" for key, value in target.state.items()
            ),
            note=words.say("common.list_sep").join(target.models[:3]),
            tone="bad" if target.state.get("status") in (2, 3) else "",
        )
        for target in targets[:40]
    )
    return Reply(title=words.say("gateway.list", gateway=name), blocks=(Board(rows),))


def _label(key: str, words: Words) -> str:
    return words.say(f"gateway.labels.{key}")


def _shown(key: str, value: Any, words: Words) -> str:
    if key == "status":
        return words.say(f"gateway.states.{value}")
    if isinstance(value, (list, tuple)):
        return words.say("common.list_sep").join(str(part) for part in value) or words.say("common.none")
    return words.say("common.unknown") if value is None else str(value)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any], words: Words) -> tuple[tuple[str, str], ...]:
    return tuple(
        (
            _label(key, words),
            words.say("switch.change", before=_shown(key, before.get(key), words), after=_shown(key, value, words)),
        )
        for key, value in after.items()
    )


def _result(done: GatewayDone, words: Words) -> Reply:
    value = f"{done.gateway} {done.record}"
    actions = () if done.undo else (Action("gateway.undo", words.say("switch.buttons.undo"), value),)
    return Reply(
        title=words.say("gateway.undone" if done.undo else "gateway.done", gateway=done.gateway, target=done.name),
        blocks=(
            Facts(_changes(done.receipt.before, done.receipt.after, words)),
            Line(words.say("gateway.read_back"), strong=True),
        ),
        actions=actions,
        audience="place",
    )


def _refusal(fault: SwitchRefused, words: Words, title: str = "") -> Reply:
    key = f"switch.words.{fault.facts.get('reason')}"
    text = words.say(key, **{k: v for k, v in fault.facts.items() if k != "reason"}) if words.has(key) else str(fault)
    return Reply(title=title or words.say("gateway.refused"), blocks=(Line(sentence(text, words)),))
