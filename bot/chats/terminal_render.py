"""A reply as lines for a terminal, with or without colour, wrapped by the width that characters really take."""

from __future__ import annotations

import re
from io import StringIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from bot.chats.leaves import MARKER, labelled
from bot.model.chat import Action, Block, Board, Facts, Form, Heading, Line, Links, Quote, Reply, Row, Steps
from bot.ports import Wording

# Escape sequences and direction overrides from a pasted log must not move the cursor or turn a line around.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ue000\ue001]")
_PIECES = re.compile(
    "\\s+|[\u2e80-\u9fff\uf900-\uffef][\uff0c\u3002\u3001\uff1a\uff1b\uff09\uff01\uff1f]*|[^\\s\u2e80-\u9fff\uf900-\uffef]+"
)
_TONES = {"bad": "bold red", "warn": "bold yellow", "good": "bold green", "quiet": "dim", "": "bold"}
_STYLES = {"danger": "bold red", "primary": "bold green", "": "bold cyan"}


def render(
    reply: Reply, words: Wording, *, width: int | None = 100, colour: bool = False, first: int = 1, details: bool = True
) -> str:
    """The whole reply, with a line break at its end. `width` None does not wrap (a pipe); `first` is the first button's number."""
    page = _Page(width)
    if reply.title:
        page.add(reply.title, style="bold")
    _blocks(page, reply.blocks, after=Line if reply.title else Heading)
    if reply.details and details:
        page.gap()
        page.add(words.say("common.details"), style="bold")
        _blocks(page, reply.details)
    elif reply.details:
        page.add(words.say("terminal.details_hidden"), style="dim")
    if reply.form:
        _form(page, reply.form, words)
    if reply.actions:
        page.gap()
        _buttons(page, reply.actions, first)
    return page.text(colour)


def safe(text: str) -> str:
    """Text without control signs; people's markers become `@id`."""
    return _CONTROL.sub("", MARKER.sub(r"@\2", text).replace("\r\n", "\n").replace("\t", "    "))


def wrap(text: str, width: int | None, hang: int = 0) -> list[str]:
    """Lines of at most `width` cells; a Chinese character takes two, and may break anywhere but before a full stop."""
    out: list[str] = []
    for raw in safe(text).split("\n"):
        if width is None or cell_len(raw) <= width:
            out.append(" " * hang + raw if out and hang else raw)
            continue
        line, room = "", max(width, 8)
        for piece in _PIECES.findall(raw):
            while cell_len(piece) > room - hang:  # one long word: cut hard
                free = room - cell_len(line)
                cut = max(1, _fit(piece, free))
                out.append(line + piece[:cut])
                line, piece = " " * hang, piece[cut:]
            if cell_len(line) + cell_len(piece) > room:
                out.append(line.rstrip())
                line = " " * hang + piece.lstrip()
            else:
                line += piece
        out.append(line.rstrip())
    return out


def _fit(text: str, cells: int) -> int:
    used = 0
    for place, sign in enumerate(text):
        used += cell_len(sign)
        if used > cells:
            return place
    return len(text)


class _Page:
    def __init__(self, width: int | None) -> None:
        self.width = width
        self._lines: list[Text] = []

    def add(self, text: str, *, style: str = "", hang: int = 0, indent: int = 0) -> None:
        room = None if self.width is None else max(self.width - indent, 8)
        for line in wrap(text, room, hang):
            self._lines.append(Text(" " * indent + line, style=style))

    def raw(self, line: Text) -> None:
        self._lines.append(line)

    def gap(self) -> None:
        if self._lines and self._lines[-1].plain:
            self._lines.append(Text(""))

    def text(self, colour: bool) -> str:
        out = StringIO()
        console = Console(
            file=out,
            width=10_000,
            force_terminal=colour,
            color_system="standard" if colour else None,
            no_color=not colour,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
            _environ={},
        )
        for line in self._lines:
            console.print(line, soft_wrap=True)
        return out.getvalue()


def _blocks(page: _Page, blocks: tuple[Block, ...], after: type = Heading) -> None:
    """`after`: the kind of block that stands above; another kind gets a blank line, but not what a heading names."""
    for block in blocks:
        if after is not Heading and (type(block) is not after or isinstance(block, Heading)):
            page.gap()
        after = type(block)
        match block:
            case Line(text, strong):
                page.add(text, style="bold" if strong else "")
            case Heading(text):
                page.add(text, style="bold")
            case Facts(rows):
                _facts(page, rows)
            case Steps(items, numbered):
                for number, item in enumerate(items, 1):
                    sign = f"{number}. " if numbered else "- "
                    page.add(sign + item, hang=len(sign))
            case Quote(text):
                for line in wrap(text, None if page.width is None else page.width - 2):
                    page.raw(Text("│ " + line, style="dim"))
            case Board(rows):
                _board(page, rows)
            case Links(items):
                for label, url in items:
                    page.add(labelled(label, url), hang=2)


def _pad(text: str, cells: int) -> str:
    return text + " " * max(0, cells - cell_len(text))


def _facts(page: _Page, rows: tuple[tuple[str, str], ...]) -> None:
    column = min(max((cell_len(safe(label)) for label, _ in rows), default=0), 28)
    for label, value in rows:
        room = None if page.width is None else max(page.width - column - 2, 8)
        lines = wrap(value, room)
        first = Text(_pad(safe(label), column) + "  ", style="dim")
        first.append(lines[0], style="not dim")
        page.raw(first)
        for line in lines[1:]:
            page.raw(Text(" " * (column + 2) + line))


def _board(page: _Page, rows: tuple[Row, ...]) -> None:
    def column(values: list[str], most: int) -> int:
        return min(max((cell_len(safe(value)) for value in values), default=0), most)

    state = column([row.state for row in rows], 24)
    name = column([row.name for row in rows], 32)
    figure = column([row.figure for row in rows if row.note], 40)  # notes line up; other figures may be longer
    for row in rows:
        line = Text(_pad(safe(row.state), state), style=_TONES[row.tone])
        line.append("  " + _pad(safe(row.name), name), style="not bold not dim default")
        wide = state + name + 2
        beside = page.width is None or wide + 2 + cell_len(safe(row.figure)) <= page.width
        if row.figure and beside:
            line.append("  " + _pad(safe(row.figure), figure if row.note else 0), style="bold default not dim")
            wide += 2 + max(figure, cell_len(safe(row.figure)))
        fits = bool(row.note) and (page.width is None or wide + 2 + cell_len(safe(row.note)) <= page.width)
        if fits and beside:
            line.append("  " + safe(row.note), style="not bold not dim default")
        line.rstrip()
        page.raw(line)
        if row.figure and not beside:
            page.add(row.figure, indent=state + 2)
        if row.note and not (fits and beside):
            page.add(row.note, indent=state + 2)
        for under in row.under:
            page.add(under, indent=state + 2, style="dim")


def _form(page: _Page, form: Form, words: Wording) -> None:
    page.gap()
    page.add(form.title, style="bold")
    for one in form.inputs:
        mark = words.say("terminal.required") if one.required else ""
        hint = f" ({one.hint})" if one.hint else ""
        page.add(f"{one.label}{mark}{hint}", indent=2, hang=2)


def _buttons(page: _Page, actions: tuple[Action, ...], first: int) -> None:
    """Buttons side by side while they fit; one that opens a page shows its address on a line of its own."""
    row, used = Text(""), 0
    for number, action in enumerate(actions, first):
        label = f"[{number}] {safe(action.label)}"
        if action.url:
            if used:
                page.raw(row)
                row, used = Text(""), 0
            page.add(f"{label} → {action.url}", style="cyan", hang=4)
            continue
        if used and page.width is not None and used + 2 + cell_len(label) > page.width:
            page.raw(row)
            row, used = Text(""), 0
        if used:
            row.append("  ")
            used += 2
        row.append(label, style=_STYLES[action.style])
        used += cell_len(label)
    if used:
        page.raw(row)
