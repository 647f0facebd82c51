"""A reply as Telegram HTML and an inline keyboard: escaped, without mentions from outside, cut at sensible places."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Final

from bot.chats.leaves import MARKER
from bot.chats.telegram_parts import TextLine, as_html, as_plain, in_parts
from bot.chats.telegram_text import Names, Span, clean, escape, neutral, spans_of, u16
from bot.locales.width import cells as columns
from bot.model.chat import Action, Block, Board, Facts, Form, Heading, Line, Links, Quote, Reply, Row, Steps
from bot.model.values import dataclass
from bot.ports import Wording

TEXT_MOST: Final = 4096  # UTF-16 units after entity parsing
CAPTION_MOST: Final = 1024
ALERT_MOST: Final = 200
_BUTTONS_MOST: Final = 100
_ROW_MOST: Final = 8
_ROW_CELLS: Final = 34  # about what a phone shows beside each other
_LABEL_MOST: Final = 60
_TONES: Final = {"bad": "🔴 ", "warn": "🟡 ", "good": "🟢 ", "quiet": "⚪ ", "": ""}
_STYLES: Final = {"primary": "primary", "danger": "danger", "": ""}


@dataclass(frozen=True, slots=True)
class Button:
    """Either `data` (at most 64 bytes) or `url`."""

    text: str
    data: str | None = None
    url: str | None = None
    style: str = ""


Keyboard = tuple[tuple[Button, ...], ...]


@dataclass(frozen=True, slots=True)
class Rendered:
    """`html` and `plain` are the same parts, each within the limit; the keyboard belongs to the last one."""

    html: tuple[str, ...]
    plain: tuple[str, ...]
    keyboard: Keyboard = ()


@dataclass(slots=True)
class _Page:
    names: Names
    rows: list[TextLine] = field(default_factory=list)
    block: int = 0
    shell: str = ""

    def add(self, text: str, *, tag: str = "", commands: bool = False, lead: tuple[Span, ...] = ()) -> None:
        """Text of one line or several. `commands`: ours may be tapped. `lead` stands before the first line."""
        for number, line in enumerate(clean(text).split("\n")):
            spans = spans_of(line, self.names, tag=tag, commands=commands)
            self.rows.append(TextLine((*lead, *spans) if number == 0 else spans, self.shell, self.block))

    def gap(self) -> None:
        if self.rows and self.rows[-1].spans:
            self.rows.append(TextLine((), self.shell, self.block))


def render(reply: Reply, words: Wording, *, names: Names = lambda _: "", limit: int = TEXT_MOST) -> Rendered:
    """Never empty: a reply without any text says "…"."""
    page = _Page(names)
    if reply.title:
        page.add(reply.title, tag="b")
    _blocks(page, reply.blocks, words, Line if reply.title else None)
    if reply.details:
        page.block += 1
        page.shell = "blockquote"
        page.add(words.say("common.details"), tag="b")
        _blocks(page, reply.details, words, None)
        page.shell = ""
    while page.rows and not page.rows[-1].spans:
        page.rows.pop()
    parts = in_parts(page.rows, limit)
    return Rendered(
        tuple(as_html(part) for part in parts), tuple(as_plain(part) for part in parts), keyboard(reply.actions)
    )


def form_text(form: Form, words: Wording) -> str:
    """The question of a form, as HTML: answered by a reply of `label: value` lines."""
    lines = [f"<b>{escape(neutral(clean(form.title)))}</b>", escape(words.say("telegram.form"))]
    colon = words.say("common.colon").rstrip()
    for one in form.inputs:
        mark = words.say("telegram.required") if one.required else ""
        hint = f" <i>{escape(neutral(clean(one.hint)))}</i>" if one.hint else ""
        lines.append(f"<code>{escape(clean(one.label))}{escape(colon)}</code>{escape(mark)}{hint}")
    return "\n".join(lines)


def alert_text(reply: Reply) -> str | None:
    """The reply as the plain notice of a press; None where it does not fit and must be a message."""
    if reply.actions or reply.form or reply.picture or reply.details:
        return None
    parts = [reply.title, *(block.text for block in reply.blocks if isinstance(block, (Line, Heading, Quote)))]
    if any(not isinstance(block, (Line, Heading, Quote)) for block in reply.blocks):
        return None
    text = "\n".join(clean(MARKER.sub("", part)) for part in parts if part)
    return text if text and u16(text) <= ALERT_MOST else None


# --- blocks


def _blocks(page: _Page, blocks: tuple[Block, ...], words: Wording, after: type | None) -> None:
    for block in blocks:
        if after is not None and after is not Heading and (type(block) is not after or isinstance(block, Heading)):
            page.gap()
        after = type(block)
        page.block += 1
        match block:
            case Line(text, strong):
                page.add(text, tag="b" if strong else "", commands=True)
            case Heading(text):
                page.add(text, tag="b")
            case Facts(rows):
                colon = words.say("common.colon")
                for label, value in rows:
                    name = Span(neutral(clean(label), commands=True) + colon.rstrip(), "b")  # /help lists commands so
                    page.add(value, lead=(name, Span(" ")) if colon.endswith(" ") else (name,))
            case Steps(items, numbered):
                for number, item in enumerate(items, 1):
                    page.add(item, commands=True, lead=(Span(f"{number}. " if numbered else "• "),))
            case Quote(text):
                _quote(page, text)
            case Board(rows):
                for row in rows:
                    _board_row(page, row)
            case Links(items):
                for label, url in items:
                    _link(page, label, url)


def _quote(page: _Page, text: str) -> None:
    """Text from outside. Inside details it cannot be `pre` (quotations do not nest), so it is made harmless instead."""
    if page.shell:
        page.add(text)
        return
    for line in clean(MARKER.sub("", text)).split("\n"):
        page.rows.append(TextLine((Span(line),) if line else (), "pre", page.block))


def _board_row(page: _Page, row: Row) -> None:
    lead = (Span(_TONES[row.tone] + neutral(clean(row.state)), "b"), Span("  "))
    figure = f"  {row.figure}" if row.figure else ""
    page.add(f"{row.name}{figure}", lead=lead)
    for line in (row.note, *row.under):
        if line:
            page.add(line, lead=(Span("    "),))
    page.block += 1


def _link(page: _Page, label: str, url: str) -> None:
    if re.match(r"https?://[^\s]+$", url):
        page.rows.append(TextLine((Span(clean(MARKER.sub("", label)) or url, "a", url),), page.shell, page.block))
    else:
        page.add(f"{label}: {url}")


def keyboard(actions: tuple[Action, ...]) -> Keyboard:
    """Short labels share a row, long ones have their own."""
    rows: list[list[Button]] = []
    used = 0
    for action in actions[:_BUTTONS_MOST]:
        label = " ".join(clean(MARKER.sub("", action.label)).split())[:_LABEL_MOST] or action.id
        if action.url is not None:
            if not re.match(r"https?://[^\s]+$", action.url):
                continue
            button = Button(label, url=action.url)
        else:
            data = f"{action.id}:{action.value}" if action.value else action.id
            button = Button(label, data=data, style=_STYLES[action.style])
        wide = columns(label) + 4
        if rows and len(rows[-1]) < _ROW_MOST and used + wide <= _ROW_CELLS:
            rows[-1].append(button)
            used += wide
        else:
            rows.append([button])
            used = wide
    return tuple(tuple(row) for row in rows)
