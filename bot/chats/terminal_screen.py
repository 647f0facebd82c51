"""What stands on the terminal: replies, their numbered buttons, and a reply that is not final yet, overwritten by the next."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TextIO

from rich.console import Console

from bot.chats.leaves import each_text
from bot.chats.terminal_render import render
from bot.model.chat import Action, Form, MessageRef, Reply
from bot.ports import Wording


@dataclass(slots=True)
class Shown:
    """The buttons on the screen, by number; a background message adds its own and never renumbers those above."""

    buttons: list[tuple[Action, MessageRef]] = field(default_factory=list)
    details: Reply | None = None
    form: tuple[Form, MessageRef] | None = None

    def pressed(self, text: str) -> tuple[Action, MessageRef] | None:
        """A number, `switch.confirm`, or `switch.confirm:value`."""
        if text.isascii() and text.isdigit():
            number = int(text[:6])
            return self.buttons[number - 1] if 1 <= number <= len(self.buttons) else None
        for action, ref in self.buttons:
            if text in (action.id, f"{action.id}:{action.value}"):
                return action, ref
        return None


class Screen:
    """`interactive`: details wait for a `d`, and a reply may be overwritten. `colour` and `width` None: as the terminal says."""

    def __init__(
        self,
        target: TextIO,
        safe: Callable[[str], str],
        *,
        interactive: bool,
        colour: bool | None,
        width: int | None,
    ) -> None:
        self._out, self._safe, self._interactive = target, safe, interactive
        self._wanted = (colour, width)
        self._console = Console(file=target)  # asked for width and colour only (NO_COLOR, TERM)
        self._count = itertools.count(1)
        self._overwrite = 0  # lines of a reply that is not final yet, at the bottom of the screen
        self.shown = Shown()

    def fresh(self) -> None:
        """A new answer begins: what stands there stays, its buttons are not offered any more."""
        self.shown = Shown()
        self._overwrite = 0

    def below(self, reply: Reply, words: Wording) -> MessageRef:
        """Prints below whatever stands there; the buttons get the next free numbers."""
        self._overwrite = 0
        return self.show(reply, words, keep=True)

    def show(self, reply: Reply, words: Wording, *, keep: bool = False) -> MessageRef:
        """Writes a reply, its buttons numbered on from those that stand; `keep`: the next reply comes below, not over it."""
        ref = MessageRef("terminal", "console", str(next(self._count)))
        if reply.form is not None and reply.form.by_buttons:
            reply = replace(reply, form=None)
        reply = each_text(reply, self._safe)
        first = len(self.shown.buttons) + 1
        self.shown.buttons += [(action, ref) for action in reply.actions]
        self.shown.form = (reply.form, ref) if reply.form else self.shown.form
        hide = self._interactive and bool(reply.details)
        if hide:
            self.shown.details = Reply(blocks=reply.details)
        text = render(reply, words, width=self.width, colour=self.colour, first=first, details=not hide)
        if self._overwrite and self._interactive and self.colour:
            self.write(f"\x1b[{self._overwrite}F\x1b[J")
        self.write(text + ("" if not reply.final else "\n"))
        self._overwrite = 0 if reply.final or keep else text.count("\n")
        return ref

    def details(self, words: Wording) -> bool:
        """Shows what was held back; False where there is nothing."""
        if self.shown.details is None:
            return False
        self.write(render(self.shown.details, words, width=self.width, colour=self.colour))
        return True

    def write(self, text: str) -> None:
        """What the terminal cannot show becomes question marks; never raises for that."""
        # A terminal that cannot show Chinese gets question marks, never a traceback.
        encoding = getattr(self._out, "encoding", None) or "utf-8"
        self._out.write(text.encode(encoding, "replace").decode(encoding))
        self._out.flush()

    def working(self, said: str) -> AbstractContextManager[object]:
        """A moving line while an answer takes time."""
        return self._console.status(said)

    @property
    def colour(self) -> bool:
        """As wished, else whether this is a terminal that has colours."""
        if self._wanted[0] is not None:
            return self._wanted[0]
        return self._out.isatty() and not self._console.no_color and self._console.color_system is not None

    @property
    def width(self) -> int | None:
        """In columns, at most 120; None where nothing limits it, as in a file."""
        if self._wanted[1] is not None:
            return self._wanted[1]
        return min(self._console.width, 120) if self._out.isatty() else None
