"""Typed lines: history, completion, a paste as one text; or lines from a pipe."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO


class LineReader:
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
