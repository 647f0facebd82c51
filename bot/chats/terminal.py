"""The terminal: the same commands, typed; buttons pressed by their number; one command a line from a pipe."""

from __future__ import annotations

import asyncio
import itertools
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TextIO

from rich.console import Console

from bot.chats.leaves import each_text
from bot.chats.terminal_render import render
from bot.chats.typed import form_fields, split_command, tidy
from bot.model.chat import (
    Action,
    CleanText,
    Form,
    Found,
    Language,
    MessageRef,
    Person,
    Place,
    Platform,
    Reply,
    Request,
    Role,
)
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


@dataclass(slots=True)
class _Shown:
    """The buttons on the screen, by number; a background message adds its own and never renumbers those above."""

    buttons: list[tuple[Action, MessageRef]] = field(default_factory=list)
    details: Reply | None = None
    form: tuple[Form, MessageRef] | None = None


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
        self._gate, self._words, self._clock = gate, words, clock
        self._options = options or TerminalOptions()
        self._profiles = profiles
        self._in = source or sys.stdin
        self._out = target or sys.stdout
        self._interactive = self._in.isatty() and self._out.isatty()
        self._console = Console(file=self._out)  # asked for width and colour only (NO_COLOR, TERM)
        self.person = Person("terminal", self._options.role.name.lower(), self._options.role.name.lower())
        self.place = Place("terminal", "console", private=True)
        self._answers: Answers | None = None
        self._shown = _Shown()
        self._count = itertools.count(1)
        self._overwrite = 0  # lines of a reply that is not final yet, at the bottom of the screen
        self._reader = _Reader(self._in, self._complete)

    def bind(self, answers: Answers) -> None:
        self._answers = answers

    # --- outgoing (ports.Chat)

    async def post(self, place: Place, reply: Reply) -> MessageRef:
        """Prints below whatever stands there; the buttons get the next free numbers."""
        self._overwrite = 0
        return await self._print(reply, keep=True)

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
                self._write((self._options.greeting or words.say("terminal.greeting")) + "\n\n")
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
                self._write("\n")
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
        self._write((await self._wording()).say("terminal.paste") + "\n")
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
        if typed.lower() == "d" and self._shown.details:
            self._write(render(self._shown.details, await self._wording(), width=self._width, colour=self._colour))
            return True
        if request := await self._request(line, typed):
            await self._answer(request)
        return True

    async def _request(self, line: str, typed: str) -> Request | None:
        head, _, rest = typed.partition(" ")
        if head.lower() == "answer" and self._shown.form:
            # Only in a pipe: `answer label: value; label: value`.
            form, ref = self._shown.form
            labels = {one.name: one.label for one in form.inputs}
            return await self._submitted(form, ref, form_fields(rest.replace(";", "\n"), labels))
        press = rest if head.lower() == "press" else typed
        if (pressed := self._pressed(press.strip())) is not None:
            return await self._press(*pressed)
        if head.lower() == "press" or typed.isdigit():
            self._write((await self._wording()).say("terminal.no_button", count=len(self._shown.buttons)) + "\n")
            return None
        found = split_command(line, slash=False)
        command, text = (found[0], found[2]) if found and not self._is_error(line, found[0]) else ("diagnose", line)
        cleaned = self._gate.clean(text)
        # A word that is no command's form still passes the gate: it is said back in "there is no command called …".
        return await self._make(self._gate.clean(command).text.text, cleaned.text, cleaned.found)

    def _is_error(self, line: str, first: str) -> bool:
        """An error pasted without a command: it starts with no command's name and is no short slip of the keyboard."""
        known = not self._options.commands or first in self._options.commands or line.lstrip().startswith("/")
        return not known and (len(line) > 40 or any(sign in line for sign in ":{=\"'"))

    def _pressed(self, text: str) -> tuple[Action, MessageRef] | None:
        """A number, `switch.confirm`, or `switch.confirm:value`."""
        if text.isascii() and text.isdigit():
            number = int(text[:6])
            return self._shown.buttons[number - 1] if 1 <= number <= len(self._shown.buttons) else None
        for action, ref in self._shown.buttons:
            if text in (action.id, f"{action.id}:{action.value}"):
                return action, ref
        return None

    async def _press(self, action: Action, ref: MessageRef) -> Request | None:
        if action.url:
            self._write(action.url + "\n")
            return None
        return await self._make(
            action.id.partition(".")[0],
            self._gate.trusted(action.value),
            Found(),
            action=action.id,
            value=action.value,
            message=ref,
        )

    async def _submitted(self, form: Form, ref: MessageRef, fields: dict[str, str]) -> Request:
        self._shown.form = None
        counts: dict[str, int] = {}
        secrets: list[object] = []
        clean: dict[str, CleanText] = {}
        for name, value in fields.items():
            one = self._gate.clean(value)
            clean[name] = one.text
            secrets += one.found.secrets
            for kind, count in one.found.counts.items():
                counts[kind] = counts.get(kind, 0) + count
        return replace(
            await self._make(
                form.id.partition(".")[0],
                self._gate.trusted(form.value),
                Found(counts, tuple(secrets)),  # type: ignore[arg-type]
            ),
            action=form.id,
            value=form.value,
            message=ref,
            fields=clean,
        )

    async def _make(
        self,
        command: str,
        text: CleanText,
        found: Found,
        *,
        action: str | None = None,
        value: str = "",
        message: MessageRef | None = None,
    ) -> Request:
        words = await self._wording()
        return Request(
            command=command,
            text=text,
            asker=self.person,
            place=self.place,
            language=words.language,
            timezone=words.timezone,
            received_at=self._clock.now(),
            id=f"terminal:{next(self._count)}",
            found=found,
            action=action,
            value=value,
            message=message,
            role=self._options.role,
        )

    async def _answer(self, request: Request) -> None:
        if self._answers is None:
            raise RuntimeError("bind(answers) comes before run()")
        self._shown = _Shown()
        self._overwrite = 0
        replies = self._answers.answer(request).__aiter__()
        pending: Reply | None = None  # in a pipe: printed once, when final
        while (reply := await self._next(replies)) is not None:
            if self._interactive or reply.final:
                self._shown = _Shown()
                await self._print(reply, keep=not self._interactive and reply.final)
                pending = None
            else:
                pending = reply
        if pending is not None:
            await self._print(pending)
        form = self._shown.form
        if form and self._interactive and (fields := await self._ask(form[0])):
            await self._answer(await self._submitted(*form, fields))

    async def _next(self, replies: AsyncIterator[Reply]) -> Reply | None:
        """The next reply; in a terminal with a moving line while it takes time."""
        try:
            if not (self._interactive and self._colour):
                return await anext(replies)
            wait = asyncio.ensure_future(anext(replies))
            done, _ = await asyncio.wait({wait}, timeout=0.3)  # a fast answer needs no progress line
            if not done:
                with self._console.status((await self._wording()).say("terminal.working")):
                    await asyncio.wait({wait})
            return wait.result()
        except StopAsyncIteration:
            return None

    async def _ask(self, form: Form) -> dict[str, str]:
        words = await self._wording()
        self._write(words.say("terminal.form") + "\n")
        fields: dict[str, str] = {}
        for one in form.inputs:
            line = await self._reader.line(f"{one.label}> ")
            if line is None:
                return {}
            if line.strip():
                fields[one.name] = line.strip()
            elif one.required:
                self._write(words.say("terminal.form_left") + "\n")
                return {}
        return fields

    # --- printing

    async def _print(self, reply: Reply, *, keep: bool = False) -> MessageRef:
        ref = MessageRef("terminal", "console", str(next(self._count)))
        if reply.form is not None and reply.form.by_buttons:
            reply = replace(reply, form=None)
        reply = each_text(reply, lambda text: self._gate.trusted(text).text)
        first = len(self._shown.buttons) + 1
        self._shown.buttons += [(action, ref) for action in reply.actions]
        self._shown.form = (reply.form, ref) if reply.form else self._shown.form
        words = await self._wording()
        hide = self._interactive and bool(reply.details)
        if hide:
            self._shown.details = Reply(blocks=reply.details)
        text = render(reply, words, width=self._width, colour=self._colour, first=first, details=not hide)
        if self._overwrite and self._interactive and self._colour:
            self._write(f"\x1b[{self._overwrite}F\x1b[J")
        self._write(text + ("" if not reply.final else "\n"))
        self._overwrite = 0 if reply.final or keep else text.count("\n")
        return ref

    def _write(self, text: str) -> None:
        # A terminal that cannot show Chinese gets question marks, never a traceback.
        encoding = getattr(self._out, "encoding", None) or "utf-8"
        self._out.write(text.encode(encoding, "replace").decode(encoding))
        self._out.flush()

    @property
    def _colour(self) -> bool:
        if self._options.colour is not None:
            return self._options.colour
        return self._out.isatty() and not self._console.no_color and self._console.color_system is not None

    @property
    def _width(self) -> int | None:
        if self._options.width is not None:
            return self._options.width
        return min(self._console.width, 120) if self._out.isatty() else None

    async def _wording(self) -> Wording:
        language, timezone = self._options.language, self._options.timezone
        if self._profiles is not None:
            chosen = await self._profiles(self.person.address)
            language, timezone = chosen[0] or language, chosen[1] or timezone
        return self._words(language, timezone)

    def _complete(self, start: str) -> list[str]:
        words = [*self._options.commands, *self._options.names(), *(a.id for a, _ in self._shown.buttons)]
        bare = start.lstrip("/")
        return [("/" if start.startswith("/") else "") + word + " " for word in words if word.startswith(bare)]


class _Reader:
    """Lines from a stream, read in a thread of its own: a prompt must not hold up alerts and other work, and a thread that
    waits at a prompt must not hold up the end of the program."""

    def __init__(self, source: TextIO, complete: Callable[[str], list[str]]) -> None:
        self._source, self._complete = source, complete
        self._saved: list[object] | None = None
        self._prepared = False

    async def line(self, prompt: str) -> str | None:
        """None at the end of the input."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str | None] = loop.create_future()
        read = self._prompt if self._source is sys.stdin and self._source.isatty() else self._plain

        def work() -> None:
            try:
                found: str | None = read(prompt)
            except (EOFError, OSError, ValueError):
                found = None
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(give, found)

        def give(found: str | None) -> None:
            if not answer.done():
                answer.set_result(found)

        threading.Thread(target=work, daemon=True, name="terminal").start()
        return await answer

    def remember(self, clean: str) -> None:
        """History holds what passed the gate, in memory only."""
        with suppress(ImportError):
            import readline

            if self._prepared and clean.strip():
                readline.add_history(clean.replace("\n", " "))

    def close(self) -> None:
        """Gives the terminal back as it was, also when the prompt was cut off."""
        if self._saved is not None:
            import termios

            with suppress(termios.error, OSError, ValueError):
                termios.tcsetattr(self._source.fileno(), termios.TCSANOW, self._saved)  # type: ignore[arg-type]

    def _plain(self, prompt: str) -> str | None:
        line = self._source.readline()
        return line.rstrip("\r\n") if line else None

    def _prompt(self, prompt: str) -> str | None:
        import select

        self._prepare()
        lines = [input(prompt)]
        # What is there already came in one paste: it is one text, not a command a line.
        while select.select([self._source], [], [], 0.03)[0]:
            try:
                lines.append(input())
            except EOFError:
                break
        return "\n".join(lines)

    def _prepare(self) -> None:
        if self._prepared:
            return
        self._prepared = True
        with suppress(ImportError):
            import termios

            with suppress(termios.error):
                self._saved = list(termios.tcgetattr(self._source.fileno()))
        with suppress(ImportError):
            import readline

            readline.set_auto_history(False)  # a pasted key must not come back with the arrow key
            readline.set_completer_delims(" \t\n")
            readline.set_completer(lambda start, n: [*self._complete(start), None][n])
            readline.parse_and_bind("tab: complete")
            readline.parse_and_bind("set enable-bracketed-paste on")
