"""Finds the command, checks the role, words every error. Chat adapters hand requests here and nowhere else."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import field, replace
from functools import lru_cache

import structlog

import handlers
from bot.errors import (
    ConfigError,
    DeliveryError,
    NotAllowed,
    ProviderError,
    QuotadeskError,
    StoreError,
    UnknownName,
)
from bot.locales import Words
from bot.locales.fault_words import told
from bot.model import trace as tracing
from bot.model.chat import Action, Line, Reply, Request, Role
from bot.model.near import nearest
from bot.model.values import dataclass
from bot.services import Services
from handlers.leaks import follow_up, with_warning

log = structlog.get_logger("router")

Run = Callable[[Request, Services], AsyncIterator[Reply]]


@dataclass(frozen=True, slots=True)
class Press:
    """What a button does. `run` yields one reply, then edits of it."""

    run: Run
    role: Role = Role.MEMBER


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `presses`: action ids to what they do. `hidden` ones are not typed by people."""

    name: str
    run: Run
    role: Role = Role.MEMBER
    presses: Mapping[str, Press] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    top_level: bool = False  # /balance, /diagnose, /switch beside /quota <name>
    hidden: bool = False
    order: int = 50  # place in /help


@lru_cache(maxsize=1)
def discover() -> Mapping[str, Command]:
    """Every `COMMAND` (or each of `COMMANDS`) of the files in handlers/, by name, in the order of /help."""
    found: list[Command] = []
    for info in pkgutil.iter_modules(handlers.__path__):
        module = importlib.import_module(f"handlers.{info.name}")
        found.extend(getattr(module, "COMMANDS", ()))
        if command := getattr(module, "COMMAND", None):
            found.append(command)
    return {command.name: command for command in sorted(found, key=lambda c: (c.order, c.name))}


class Router:
    """Answers every request; never raises."""

    def __init__(self, services: Services, commands: Mapping[str, Command] | None = None) -> None:
        self._services = services
        self._commands = dict(discover() if commands is None else commands)
        self._aliases = {alias: c.name for c in self._commands.values() for alias in c.aliases}
        self._presses = {id: press for c in self._commands.values() for id, press in c.presses.items()}

    @property
    def actions(self) -> frozenset[str]:
        """The ids of all buttons."""
        return frozenset(self._presses)

    async def answer(self, request: Request) -> AsyncIterator[Reply]:
        """One reply, then perhaps edits of it. Errors are replies."""
        words = Words(request.language, request.timezone)
        before = tracing.enter(tracing.current() or tracing.new())
        trace = tracing.current()
        try:
            request = await self._with_role(request)
            run, needed = self._find(request)
            if request.role < needed:
                # A stranger who only talks near the bot asked it nothing; but a key in one of the team's own chats is the team's.
                overheard = request.command == "leak" and request.action is None
                if not overheard:
                    yield self._refusal(request, words)
                if not overheard or not self._services.team.hears(request.place):
                    return
            if request.found.secrets and request.command != "leak":
                await follow_up(request, self._services)
            async for reply in run(request, self._services):
                yield with_warning(reply, request, words) if request.command != "leak" else reply
        except QuotadeskError as fault:
            yield with_warning(self._worded(fault, words, request), request, words)
        except Exception:
            # The traceback passes the gate in the log; the chat gets only the number to find it by.
            log.exception("handler failed", command=request.command, action=request.action)
            yield Reply(
                title=words.say("errors.unexpected.title"),
                blocks=(Line(words.say("errors.unexpected.text", trace=trace)),),
                alert=request.action is not None,
            )
        finally:
            tracing.enter(before)

    def _find(self, request: Request) -> tuple[Run, Role]:
        if request.action is not None:
            press = self._presses.get(request.action)
            # No button of ours carries a secret: whoever sends one has forged the press, and it must not be kept.
            if press is None or self._services.gate.trusted(request.value).text != request.value:
                raise QuotadeskError(key="old_button")
            return press.run, press.role
        name = request.command.lower().lstrip("/") or "help"
        command = self._commands.get(self._aliases.get(name, name))
        if command is None:
            known = tuple(c.name for c in self._commands.values() if not c.hidden)
            near = nearest(name, [*known, *self._aliases], cutoff=0.5)
            clean = self._services.gate.trusted(request.command[:4_000]).text[:40]  # cut first, a key would be no key
            raise UnknownName("command", clean, tuple(dict.fromkeys(self._aliases.get(n, n) for n in near)), known)
        return command.run, command.role

    async def _with_role(self, request: Request) -> Request:
        """The terminal sits on the machine itself and says its own role; everybody else is looked up."""
        if request.asker.platform == "terminal":
            return request
        profile = await self._services.store.profile(request.asker.address)
        role = self._services.team.role(request.asker, request.place, profile.linked)
        return replace(request, role=role)

    def _refusal(self, request: Request, words: Words) -> Reply:
        if request.role is Role.NOBODY:
            text = words.say("errors.closed", address=request.asker.address)
        else:
            team = self._services.team
            names = dict.fromkeys(team.people_names.get(address, address) for address in team.access.operators)
            operators = words.say("common.list_sep").join(names)
            text = words.say("errors.operators_only", operators=operators or words.say("common.none"))
        return Reply(blocks=(Line(text),), alert=request.action is not None, harmless=True)

    def _worded(self, fault: QuotadeskError, words: Words, request: Request) -> Reply:
        press = request.action is not None
        if isinstance(fault, UnknownName):
            return _unknown_name(fault, words)
        if isinstance(fault, ConfigError):
            return Reply(
                title=words.say("errors.config.title"),
                blocks=tuple(Line(told(f, words)) for f in fault.faults),
                alert=press,
            )
        if isinstance(fault, NotAllowed):
            return Reply(blocks=(Line(words.say(f"errors.{fault.key}", **fault.facts)),), alert=press)
        if isinstance(fault, ProviderError | StoreError | DeliveryError):
            text = words.say(f"errors.{fault.key}", reason=_reason(fault, words))
            return Reply(blocks=(Line(text),), alert=press)
        key = f"errors.{fault.key}"
        if not words.has(key):
            log.warning("no wording for an error", key=fault.key)
            return Reply(blocks=(Line(words.say("errors.plain", text=str(fault))),), alert=press)
        return Reply(blocks=(Line(words.say(key, **fault.facts)),), alert=press)


def _reason(fault: ProviderError | StoreError | DeliveryError, words: Words) -> str:
    """The sentence for a machine word; the word itself where there is none."""
    room = "errors.store_reasons" if isinstance(fault, StoreError) else "balance.reasons"
    if fault.reason.startswith("http_"):
        return words.say("balance.reasons.http", status=fault.reason.removeprefix("http_"))
    key = f"{room}.{fault.reason}"
    return words.say(key, **fault.facts) if words.has(key) else fault.reason


def _unknown_name(fault: UnknownName, words: Words) -> Reply:
    """Names the nearest and lists the known ones; one button where there is one good guess."""
    sep = words.say("common.list_sep")
    key = f"errors.unknown_{fault.what.replace(' ', '_')}"
    text = words.say(f"{key}_of", name=fault.name, of=fault.of) if fault.of else words.say(key, name=fault.name)
    if fault.nearest:
        text += words.say("errors.did_you_mean", names=sep.join(fault.nearest))
    blocks = [Line(text)]
    if fault.known:
        blocks.append(Line(words.say("errors.known_names", names=sep.join(fault.known))))
    actions: tuple[Action, ...] = ()
    if fault.what in ("engine", "route", "engine or route") and fault.nearest:
        actions = tuple(Action("balance.show", name, name[:40]) for name in fault.nearest[:3])
    return Reply(blocks=tuple(blocks), actions=actions)
