"""Where an engine has no route left: a pause, a smaller model, a local one, only the prompt, or word when the quota is back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from bot.errors import UsageError
from bot.locales import Words
from bot.model.chat import Action, Block, Line, Quote, Reply, Request, Role, Steps
from bot.ports import TakenUp
from bot.services import Services
from handlers.router import Command, Press

_ROOM: int = 46  # bytes that Telegram leaves for a value beside the longest id


async def offered(reply: Reply, engine: str, services: Services, words: Words) -> Reply:
    """The same reply with a button for each way that is open to this engine."""
    return replace(reply, actions=(*reply.actions, *await buttons(engine, services, words)))


def hinted(reply: Reply, engine: str, words: Words) -> Reply:
    """The same reply with one button that leads to all ways."""
    if len(engine.encode()) > _ROOM:
        return reply
    return replace(reply, actions=(*reply.actions, Action("switch.degrade", words.say("degrade.buttons.more"), engine)))


async def buttons(engine: str, services: Services, words: Words) -> tuple[Action, ...]:
    """What can still be done without money: pause, a cheaper model, a local one. Empty where the engine's name has no room in a
    button."""
    if services.degrade is None or len(engine.encode()) > _ROOM - 4:
        return ()
    ways = await services.degrade.ways(engine)
    found: list[Action] = []
    if ways.paused:
        found.append(Action("switch.resume", words.say("degrade.buttons.resume", engine=ways.title)[:70], engine))
    elif ways.can_pause:
        found.append(Action("switch.pause", words.say("degrade.buttons.pause", engine=ways.title)[:70], engine))
    if ways.cheaper and len(value := f"{engine} {ways.cheaper}") <= _ROOM:
        found.append(Action("switch.plan", words.say("degrade.buttons.cheaper", model=ways.model)[:70], value))
    found.append(Action("switch.local", words.say("degrade.buttons.local"), engine))
    found.append(Action("switch.text", words.say("degrade.buttons.text"), engine))
    if ways.account and len(ways.account.encode()) <= _ROOM:
        label = words.say("degrade.buttons.tell", account=ways.account)
        found.append(Action("alert.tell", label[:70], ways.account))
    return tuple(found)


async def run(request: Request, services: Services) -> AsyncIterator[Reply]:
    """`<engine>`, typed or from a button: everything that still helps."""
    words = Words(request.language, request.timezone)
    name = request.value if request.action else request.text.text.strip()
    if not name:
        engines = words.say("common.list_sep").join(services.team.engines) or words.say("common.none")
        raise UsageError(why=words.say("degrade.usage", engines=engines))
    engine = services.switching.engine(name)
    blocks: tuple[Block, ...] = tuple(Line(line) for line in words.lines("switch.degrade", engine=engine.title))
    reply = Reply(title=words.say("degrade.title", engine=engine.title), blocks=blocks, audience="place")
    yield await offered(reply, engine.name, services, words)


async def pause(request: Request, services: Services) -> AsyncIterator[Reply]:
    """`value` is the engine. Done, it comes with the way back as a button."""
    if services.degrade is not None:
        done = await services.degrade.pause(request.value, request.asker, request.role)
        yield _turned(done, request, services, "switch.resume" if done.ok else "")


async def resume(request: Request, services: Services) -> AsyncIterator[Reply]:
    """`value` is the engine; undoes `pause` whoever paused it."""
    if services.degrade is not None:
        yield _turned(await services.degrade.resume(request.value, request.asker, request.role), request, services, "")


def _turned(done: TakenUp, request: Request, services: Services, back: str) -> Reply:
    words = Words(request.language, request.timezone)
    engine = services.switching.engine(request.value)
    facts = {"engine": engine.title, "app": "", "reason": "", **done.facts}
    if words.has(key := f"balance.reasons.{facts['reason']}"):
        facts["reason"] = words.say(key)
    text = words.say(f"degrade.turned.{done.reason}", **facts, who=request.asker.name or request.asker.address)
    if not done.ok:
        return Reply(blocks=(Line(text),), alert=True)
    label = words.say("degrade.buttons.resume", engine=engine.title)
    actions = (Action(back, label[:70], engine.name),) if back else ()
    return Reply(title=engine.title, blocks=(Line(text),), actions=actions, audience="place")


async def local(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Whether a local model makes sense hangs on one thing that only people know."""
    words = Words(request.language, request.timezone)
    engine = services.switching.engine(request.value)
    actions = tuple(
        Action("switch.gpu", words.say(f"degrade.buttons.gpu_{answer}"), f"{answer} {engine.name}")
        for answer in ("yes", "no")
    )
    yield Reply(title=words.say("degrade.gpu_title"), blocks=(Line(words.say("degrade.gpu_text")),), actions=actions)


async def gpu(request: Request, services: Services) -> AsyncIterator[Reply]:
    """`yes <engine>` or `no <engine>`."""
    words = Words(request.language, request.timezone)
    answer, _, name = request.value.partition(" ")
    engine = services.switching.engine(name)
    title = words.say("degrade.gpu_title")
    if answer != "yes":
        yield Reply(title=title, blocks=(Steps(words.lines("degrade.without_gpu")),))
        return
    way = (await services.degrade.ways(engine.name)).local if services.degrade else None
    if way is None or len(value := f"{engine.name} {way}") > _ROOM:
        yield Reply(title=title, blocks=(Steps(words.lines("degrade.with_gpu", engine=engine.name), numbered=True),))
        return
    label = words.say("switch.buttons.better", route=way)
    text = words.say("degrade.local_route", engine=engine.title, route=way)
    yield Reply(title=title, blocks=(Line(text),), actions=(Action("switch.plan", label[:70], value, style="primary"),))


async def text_only(request: Request, services: Services) -> AsyncIterator[Reply]:
    """A prompt to copy, for carrying on in any chat by hand; nothing is changed."""
    words = Words(request.language, request.timezone)
    blocks = (Line(words.say("degrade.text_only")), Quote(words.say("degrade.text_prompt")))
    yield Reply(title=words.say("degrade.buttons.text"), blocks=blocks)


COMMAND = Command(
    "degrade",
    run,
    presses={
        "switch.degrade": Press(run),
        "switch.pause": Press(pause, Role.OPERATOR),
        "switch.resume": Press(resume, Role.OPERATOR),
        "switch.local": Press(local),
        "switch.gpu": Press(gpu),
        "switch.text": Press(text_only),
    },
    aliases=("降级",),
    hidden=True,
)
