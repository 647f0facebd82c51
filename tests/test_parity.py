"""Slack, Telegram and the terminal know the same commands, buttons, rights and errors, in every language."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

import bot.errors
from bot.app import House, demo_house
from bot.chats.pace import Rates
from bot.chats.slack_manifest import ManifestOptions, manifest
from bot.chats.telegram import TelegramChat, TelegramOptions
from bot.chats.telegram_in import COMMANDS as TELEGRAM_MENU
from bot.chats.terminal import TerminalChat, TerminalOptions
from bot.clock import SystemClock
from bot.errors import QuotadeskError
from bot.fittings import command_words
from bot.locales import Words, languages
from bot.model.chat import Action, Line, Person, Place, Reply, Request, Role
from bot.model.team import Secret
from bot.redaction.gate import Gate
from bot.settings import Settings
from bot.store.store import SqlStore
from handlers.router import Command, Press, Router, discover
from tests.worlds.slack import SlackWorld
from tests.worlds.slack_desk import SlackDesk
from tests.worlds.telegram import TelegramWorld

ROOT = Path(__file__).resolve().parent.parent
FACES = ("slack", "telegram", "terminal")
PLAIN = {name: command for name, command in discover().items() if not command.hidden}
PRESSES = [press for command in discover().values() for press in command.presses]
QUICK = Rates(every_s=0.0, burst=1000, group_per_minute=None, overall_per_s=None)
TRIES = [c for name in PLAIN for c in ([name] if PLAIN[name].top_level else []) + [f"quota {name}"]]
ALIASES = [(alias, c.name) for c in PLAIN.values() for alias in c.aliases if re.fullmatch(r"[a-z_]+", alias)]


class Recorder:
    """A router that says which command or press arrived; `buttons` hands out every button there is, five at a time."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def answer(self, request: Request) -> AsyncIterator[Reply]:
        self.asked.append(request.action or request.command)
        if request.command == "buttons" and request.action is None:
            start = int(request.text.text)
            actions = tuple(Action(press, f"b{start + n}", "7") for n, press in enumerate(PRESSES[start : start + 5]))
            yield Reply(blocks=(Line(f"buttons from {start}"),), actions=actions)
        else:
            yield Reply(blocks=(Line("."),), alert=request.action is not None)


class Face:
    """One platform as its person sees it: `type` a line, `press` the button with a label of the newest message."""

    def __init__(self, kind: Callable[[str], Awaitable[None]], press: Callable[[int, int], Awaitable[None]]) -> None:
        self.type, self.press = kind, press


@asynccontextmanager
async def _slack(router: Recorder) -> AsyncIterator[Face]:
    async with SlackWorld() as world, SlackDesk(world, known=command_words() | {"buttons"}) as desk:
        desk.chat.bind(router)

        async def kind(line: str) -> None:
            name, _, rest = line.partition(" ")
            assert (await world.slash("U0ALICE", "C0TEAM", f"/{name}", rest)).ok
            await desk.idle()

        async def press(start: int, number: int) -> None:
            message = await world.wait_for(lambda m: f"buttons from {start}" in world.render_text(m))
            await world.press("U0ALICE", message, f"b{number}")
            await desk.idle()

        yield Face(kind, press)


@asynccontextmanager
async def _telegram(router: Recorder) -> AsyncIterator[Face]:
    store = SqlStore("sqlite+aiosqlite:///:memory:", Gate())
    await store.open()
    async with TelegramWorld() as world:
        world.person(1, "Ada", started=True)
        options = TelegramOptions(
            Secret(world.token), world.url, rates=QUICK, poll_s=1.0, known=command_words() | {"buttons"}
        )
        chat = TelegramChat(options, Gate(), store, SystemClock(), Words)
        chat.bind(router)
        await chat.start()

        async def more(act: Callable[[], Awaitable[Any]]) -> None:
            before = len(router.asked)
            await act()
            await world.until(lambda: len(router.asked) > before)

        async def kind(line: str) -> None:
            await more(lambda: world.say(1, 1, f"/{line}"))

        async def press(start: int, number: int) -> None:
            def shown() -> Any:
                return next((m for m in reversed(world.seen(1)) if f"buttons from {start}" in m["text"]), None)

            message = await world.until(shown)
            await more(lambda: world.press(1, message, f"b{number}"))

        try:
            yield Face(kind, press)
        finally:
            await chat.stop()
            await store.close()


@asynccontextmanager
async def _terminal(router: Recorder) -> AsyncIterator[Face]:
    """Lines are collected and read as from a pipe when the test is over."""
    lines: list[str] = []

    async def kind(line: str) -> None:
        lines.append(line)

    async def press(start: int, number: int) -> None:
        lines.extend((f"quota buttons {start}", f"press {PRESSES[number]}:7"))  # a newer answer's buttons replace these

    yield Face(kind, press)
    options = TerminalOptions(commands=(*command_words(), "buttons"))
    chat = TerminalChat(
        gate=Gate(),
        words=Words,
        clock=SystemClock(),
        options=options,
        source=StringIO("\n".join(lines) + "\n"),
        target=StringIO(),
    )
    chat.bind(router)
    await chat.run()


FACE = {"slack": _slack, "telegram": _telegram, "terminal": _terminal}


@pytest.mark.parametrize("face", FACES)
async def test_every_command_and_every_button_arrives(face: str) -> None:
    router = Recorder()
    typed = [*TRIES, *(f"quota {alias}" for alias, _ in ALIASES)]
    if face != "slack":  # Slack has room for a few names of its own only
        typed += PLAIN
    async with asyncio.timeout(30), FACE[face](router) as here:
        for line in typed:
            await here.type(line)
        for start in range(0, len(PRESSES), 5):
            await here.type(f"quota buttons {start}")
            for number in range(start, min(start + 5, len(PRESSES))):
                await here.press(start, number)
    asked = [name for name in router.asked if name != "buttons"]
    # The root's own name below the root is the root: help.
    assert asked[: len(typed)] == [{"quota": "help"}.get(name, name) for name in (line.split()[-1] for line in typed)]
    assert sorted(asked[len(typed) :]) == sorted(PRESSES)


def test_menus_of_both_platforms_offer_the_same() -> None:
    made = manifest(ManifestOptions(), Words("en"))
    slack = {command["command"].lstrip("/") for command in made["features"]["slash_commands"]}
    top = {command.name for command in PLAIN.values() if command.top_level}
    assert slack == top | {"quota"}
    assert set(TELEGRAM_MENU) == slack | {"start", "help"}
    for language in languages():
        for name in TELEGRAM_MENU:
            assert Words(language).has(f"telegram.commands.{name}"), name


@pytest.mark.parametrize("language", languages())
def test_help_names_every_command(language: str) -> None:
    catalogue = tomllib.loads((ROOT / f"bot/locales/{language}.toml").read_text(encoding="utf-8"))
    assert set(PLAIN) <= set(catalogue["help"]["usage"])
    assert set(PLAIN) <= set(catalogue["help"]["about"])


# --- rights ----------------------------------------------------------------------------------------------------------

PEOPLE = {
    "slack": (Person("slack", "U0BOB"), Place("slack", "C0TEAM")),
    "telegram": (Person("telegram", "1002"), Place("telegram", "1002", private=True)),
}


async def _asked(router: Router, platform: str, role: Role, command: str, action: str | None, gate: Gate) -> str:
    person, place = PEOPLE.get(platform, (Person("terminal", role.name.lower()), Place("terminal", "console")))
    request = Request(
        command=command,
        text=gate.clean("").text,
        asker=person,
        place=place,
        language="zh",
        timezone="UTC",
        received_at=SystemClock().now(),
        id="1",
        action=action,
        role=role if platform == "terminal" else Role.NOBODY,
    )
    replies = [reply async for reply in router.answer(request)]
    return " ".join(block.text for block in replies[-1].blocks if isinstance(block, Line))


@pytest.fixture
async def built() -> AsyncIterator[House]:
    async with demo_house(Settings(), "zh") as house:
        yield house


def _needing(role: Role) -> Iterator[tuple[str, str | None]]:
    for command in discover().values():
        if command.role is role and not command.hidden:  # nobody types a hidden one; a stranger's is left alone
            yield command.name, None
        for action, press in command.presses.items():
            if press.role is role:
                yield action.partition(".")[0], action


async def test_rights_are_the_same_everywhere(built: House) -> None:
    """The demo team names nobody on Slack or Telegram, so all of them are strangers there; in the terminal there is `--as`."""
    router = Router(built.services)
    for platform in ("slack", "telegram"):
        for role in (Role.MEMBER, Role.OPERATOR):
            for command, action in _needing(role):
                said = await _asked(router, platform, role, command, action, built.gate)
                assert "还没有对你开放" in said, (platform, command, action)
    for command, action in _needing(Role.OPERATOR):
        said = await _asked(router, "terminal", Role.MEMBER, command, action, built.gate)
        assert "只有 operator" in said, (command, action)


# --- errors ----------------------------------------------------------------------------------------------------------


def _error_classes() -> list[type[QuotadeskError]]:
    found = [c for _, c in inspect.getmembers(bot.errors, inspect.isclass) if issubclass(c, QuotadeskError)]
    return [c for c in found if c is not QuotadeskError]


def _made(error: type[QuotadeskError]) -> QuotadeskError:
    wanted = [p for p in inspect.signature(error).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    values: list[Any] = [
        {"status": 503, "what": "engine"}.get(p.name, "timeout") for p in wanted if p.default is p.empty
    ]
    if error is bot.errors.ConfigError:
        values = ["SLACK_BOT_TOKEN 不能用。"]
    made = error(*values)
    if type(made).key == "usage":
        made.facts.setdefault("why", "请这样写：/switch query")
    if isinstance(made, bot.errors.NotAllowed):
        made.facts.setdefault("why", "")
    return made


@pytest.mark.parametrize("error", _error_classes(), ids=lambda c: c.__name__)
async def test_every_error_is_told_in_the_readers_language(built: House, error: type[QuotadeskError]) -> None:
    async def fails(request: Request, services: Any) -> AsyncIterator[Reply]:
        raise _made(error)
        yield Reply()

    press = Press(fails)
    router = Router(built.services, {"x": Command("x", fails, presses={"x.y": press})})
    for action in (None, "x.y"):
        said = await _asked(router, "terminal", Role.OPERATOR, "x", action, built.gate)
        assert re.search(r"[\u4e00-\u9fff]", said), said
        assert "{" not in said
        assert "?" not in said


def test_every_key_that_code_raises_is_worded() -> None:
    absent = []
    for path in [*(ROOT / "handlers").rglob("*.py"), *(ROOT / "bot" / "services").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (
                isinstance(node, ast.Raise | ast.Return)
                and isinstance(node.value if isinstance(node, ast.Return) else node.exc, ast.Call)
            ):
                continue
            call = node.value if isinstance(node, ast.Return) else node.exc
            assert isinstance(call, ast.Call)
            if getattr(call.func, "id", "") not in {c.__name__ for c in (*_error_classes(), QuotadeskError)}:
                continue
            if getattr(call.func, "id", "") == "UnknownName" and isinstance(call.args[0], ast.Constant):
                what = str(call.args[0].value).replace(" ", "_")
                absent += [
                    f"{path.name}: {what}" for lang in languages() if not Words(lang).has(f"errors.unknown_{what}")
                ]
            for word in call.keywords:
                if word.arg == "key" and isinstance(word.value, ast.Constant):
                    for language in languages():
                        words = Words(language)
                        key = str(word.value.value)
                        if not any(words.has(f"{room}.{key}") for room in ("errors", "ticket.errors")):
                            absent.append(f"{path.name}: {key} in {language}")
    assert absent == []
