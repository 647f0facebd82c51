"""The terminal: the same commands, typed; buttons pressed by their number; one command a line from a pipe."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TextIO

from bot.chats.terminal_reader import LineReader
from bot.chats.terminal_requests import Requests
from bot.chats.terminal_screen import Screen, Shown
from bot.chats.typed import form_fields, split_command, tidy
from bot.model.chat import (
    Form,
    Language,
    MessageRef,
    Person,
    Place,
    Platform,
    Reply,
    Request,
    Role,
)
from bot.model.values import dataclass
from bot.ports import Answers, Clock, Wording
from bot.redaction.gate import Gate

_PASTED = frozenset({"diagnose"})  # a bare one asks for a pasted text of several lines
_LEAVE = frozenset({"exit", "quit", "q"})


@dataclass(frozen=True, slots=True)
class TerminalOptions:
    """`colour` and `width` None: as the terminal says (NO_COLOR counts). `commands` and `names` complete with Tab."""

    language: Language = "en"
    timezone: str = "UTC"
    role: Role = Role.OPERATOR
    colour: bool | None = None
    width: int | None = None
    commands: tuple[str, ...] = ()
    names: Callable[[], Iterable[str]] = tuple
    greeting: str = ""


class TerminalChat:
    """One person at one terminal. `source` and `target` are the streams; with a `source` that is no terminal, every line is
    one command and every reply is printed once, when it is final."""

    platform: Platform = "terminal"

    def __init__(
        self,
        *,
        gate: Gate,
        words: Callable[[str, str], Wording],
        clock: Clock,
        options: TerminalOptions | None = None,
        profiles: Callable[[str], Awaitable[tuple[str | None, str | None]]] | None = None,
        source: TextIO | None = None,
        target: TextIO | None = None,
    ) -> None:
        self._gate, self._words = gate, words
        self._options = options or TerminalOptions()
        self._profiles = profiles
        self._in = source or sys.stdin
        self._out = target or sys.stdout
        self._interactive = self._in.isatty() and self._out.isatty()
        self._screen = Screen(
            self._out,
            lambda text: self._gate.trusted(text).text,
            interactive=self._interactive,
            colour=self._options.colour,
            width=self._options.width,
        )
        self.person = Person("terminal", self._options.role.name.lower(), self._options.role.name.lower())
        self.place = Place("terminal", "console", private=True)
        self._answers: Answers | None = None
        self._requests = Requests(gate, clock, self.person, self.place, self._options.role)
        self._reader = LineReader(self._in, self._complete)

    def bind(self, answers: Answers) -> None:
        """Before `run`: who answers."""
        self._answers = answers

    # --- outgoing (ports.Chat)

    async def post(self, place: Place, reply: Reply) -> MessageRef:
        return self._screen.below(reply, await self._wording())

    async def edit(self, ref: MessageRef, reply: Reply) -> None:
        await self.post(self.place, reply)

    async def direct(self, person: Person, reply: Reply) -> MessageRef:
        return await self.post(self.place, reply)

    def mention(self, person: Person) -> str:
        return person.name or person.id

    def faults(self) -> tuple[str, ...]:
        return ()

    # --- the loop

    async def run(self) -> None:
        """Until the input ends or the person leaves."""
        try:
            if self._interactive:
                words = await self._wording()
                self._screen.write((self._options.greeting or words.say("terminal.greeting")) + "\n\n")
                await self._talk()
            else:
                async for line in self._piped():
                    if not await self._line(line):
                        break
        finally:
            self._reader.close()

    async def _talk(self) -> None:
        while True:
            typed = await self._reader.line("quotadesk> ")
            if typed is None:
                self._screen.write("\n")
                return
            for line in self._commands(typed):
                if (found := split_command(line, slash=False)) and found[0] in _PASTED and not found[2]:
                    line = f"{line} {await self._paste()}"
                self._reader.remember(self._gate.clean(line).text.text)
                if not await self._line(line):
                    return

    def _commands(self, typed: str) -> list[str]:
        """Several lines in one paste: one error, or a command on every line."""
        first = typed.split("\n", 1)[0]
        found = split_command(first, slash=False)
        whole = found is None or found[0] in _PASTED or self._is_error(first, found[0])
        return [typed] if whole else typed.split("\n")

    async def _paste(self) -> str:
        """Lines until one that is only a dot, or the end of input: a traceback has blank lines of its own."""
        self._screen.write((await self._wording()).say("terminal.paste") + "\n")
        lines: list[str] = []
        while (chunk := await self._reader.line("… ")) is not None:
            for line in chunk.split("\n"):
                if line.strip() == ".":
                    return "\n".join(lines)
                lines.append(line)
        return "\n".join(lines)

    async def _piped(self) -> AsyncIterator[str]:
        while (line := await self._reader.line("")) is not None:
            yield line

    async def _line(self, line: str) -> bool:
        """One command or press; False to leave."""
        typed = tidy(line[:200])
        if not typed or typed.startswith("#"):
            return True
        if typed.lower().lstrip("/") in _LEAVE:
            return False
        if typed.lower() == "d" and self._screen.details(await self._wording()):
            return True
        if request := await self._request(line, typed):
            await self._answer(request)
        return True

    async def _request(self, line: str, typed: str) -> Request | None:
        head, _, rest = typed.partition(" ")
        if head.lower() == "answer" and self._screen.shown.form:
            # Only in a pipe: `answer label: value; label: value`.
            form, ref = self._screen.shown.form
            labels = {one.name: one.label for one in form.inputs}
            return await self._filled(form, ref, form_fields(rest.replace(";", "\n"), labels))
        press = rest if head.lower() == "press" else typed
        if (pressed := self._screen.shown.pressed(press.strip())) is not None:
            action, ref = pressed
            if action.url:
                self._screen.write(action.url + "\n")
                return None
            return self._requests.pressed(await self._wording(), action, ref)
        if head.lower() == "press" or typed.isdigit():
            self._screen.write(
                (await self._wording()).say("terminal.no_button", count=len(self._screen.shown.buttons)) + "\n"
            )
            return None
        found = split_command(line, slash=False)
        command, text = (found[0], found[2]) if found and not self._is_error(line, found[0]) else ("diagnose", line)
        return self._requests.typed(await self._wording(), command, text)

    def _is_error(self, line: str, first: str) -> bool:
        """An error pasted without a command: it starts with no command's name and is no short slip of the keyboard."""
        known = not self._options.commands or first in self._options.commands or line.lstrip().startswith("/")
        return not known and (len(line) > 40 or any(sign in line for sign in ":{=\"'"))

    async def _filled(self, form: Form, ref: MessageRef, fields: dict[str, str]) -> Request:
        self._screen.shown.form = None
        return self._requests.submitted(await self._wording(), form, ref, fields)

    async def _answer(self, request: Request) -> None:
        if self._answers is None:
            raise RuntimeError("bind(answers) comes before run()")
        self._screen.fresh()
        replies = self._answers.answer(request).__aiter__()
        pending: Reply | None = None  # in a pipe: printed once, when final
        while (reply := await self._next(replies)) is not None:
            if self._interactive or reply.final:
                self._screen.shown = Shown()
                self._screen.show(reply, await self._wording(), keep=not self._interactive and reply.final)
                pending = None
            else:
                pending = reply
        if pending is not None:
            self._screen.show(pending, await self._wording())
        form = self._screen.shown.form
        if form and self._interactive and (fields := await self._ask(form[0])):
            await self._answer(await self._filled(*form, fields))

    async def _next(self, replies: AsyncIterator[Reply]) -> Reply | None:
        """The next reply; in a terminal with a moving line while it takes time."""
        try:
            if not (self._interactive and self._screen.colour):
                return await anext(replies)
            wait = asyncio.ensure_future(anext(replies))
            done, _ = await asyncio.wait({wait}, timeout=0.3)  # a fast answer needs no progress line
            if not done:
                with self._screen.working((await self._wording()).say("terminal.working")):
                    await asyncio.wait({wait})
            return wait.result()
        except StopAsyncIteration:
            return None

    async def _ask(self, form: Form) -> dict[str, str]:
        words = await self._wording()
        self._screen.write(words.say("terminal.form") + "\n")
        fields: dict[str, str] = {}
        for one in form.inputs:
            line = await self._reader.line(f"{one.label}> ")
            if line is None:
                return {}
            if line.strip():
                fields[one.name] = line.strip()
            elif one.required:
                self._screen.write(words.say("terminal.form_left") + "\n")
                return {}
        return fields

    async def _wording(self) -> Wording:
        language, timezone = self._options.language, self._options.timezone
        if self._profiles is not None:
            chosen = await self._profiles(self.person.address)
            language, timezone = chosen[0] or language, chosen[1] or timezone
        return self._words(language, timezone)

    def _complete(self, start: str) -> list[str]:
        words = [*self._options.commands, *self._options.names(), *(a.id for a, _ in self._screen.shown.buttons)]
        bare = start.lstrip("/")
        return [("/" if start.startswith("/") else "") + word + " " for word in words if word.startswith(bare)]
