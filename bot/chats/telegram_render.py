"""A reply as Telegram HTML and an inline keyboard: escaped, without mentions from outside, cut at sensible places."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from rich.cells import cell_len

from bot.chats.leaves import MARKER
from bot.model.chat import Action, Block, Board, Facts, Form, Heading, Line, Links, Quote, Reply, Row, Steps
from bot.ports import Wording

TEXT_MOST: Final = 4096  # UTF-16 units after entity parsing
CAPTION_MOST: Final = 1024
ALERT_MOST: Final = 200
_ENTITIES_MOST: Final = 90  # Telegram shows the first 100; what it finds by itself counts too
_BUTTONS_MOST: Final = 100
_ROW_MOST: Final = 8
_ROW_CELLS: Final = 34  # about what a phone shows beside each other
_LABEL_MOST: Final = 60
_COMMANDS: Final = frozenset({"balance", "diagnose", "switch", "quota", "help", "start"})
_TONES: Final = {"bad": "🔴 ", "warn": "🟡 ", "good": "🟢 ", "quiet": "⚪ ", "": ""}
_STYLES: Final = {"primary": "primary", "danger": "danger", "": ""}

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ue000\ue001\ufeff]|[\ud800-\udfff]")
_AT = re.compile(r"(?<![A-Za-z0-9_])@(?=[A-Za-z0-9_])")
_STROKE = re.compile(r"(?<![\w/])/(?=(\w{1,64})(?![\w/])(@?))")
_HOSTS = re.compile(r"\b(t|telegram)\.(?=(?:me|dog)\b)|\btg:(?=//)", re.I)
_JOINER = "\u2060"  # keeps the text readable and whole, and stops the client from making it clickable

Names = Callable[[str], str]  # "telegram:1001" -> display name, "" where unknown


@dataclass(frozen=True, slots=True)
class Button:
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


@dataclass(frozen=True, slots=True)
class _Span:
    text: str
    tag: str = ""  # "", b, code, a, person
    href: str = ""


@dataclass(frozen=True, slots=True)
class _Row:
    """One line. `shell` is what surrounds it together with its neighbours: pre, blockquote. `block` numbers its block."""

    spans: tuple[_Span, ...]
    shell: str = ""
    block: int = 0

    @property
    def units(self) -> int:
        return sum(u16(span.text) for span in self.spans) + 1

    @property
    def entities(self) -> int:
        return sum(bool(span.tag) for span in self.spans)


@dataclass(slots=True)
class _Page:
    names: Names
    rows: list[_Row] = field(default_factory=list)
    block: int = 0
    shell: str = ""

    def add(self, text: str, *, tag: str = "", commands: bool = False, lead: tuple[_Span, ...] = ()) -> None:
        """Text of one line or several. `commands`: ours may be tapped. `lead` stands before the first line."""
        for number, line in enumerate(clean(text).split("\n")):
            spans = spans_of(line, self.names, tag=tag, commands=commands)
            self.rows.append(_Row((*lead, *spans) if number == 0 else spans, self.shell, self.block))

    def gap(self) -> None:
        if self.rows and self.rows[-1].spans:
            self.rows.append(_Row((), self.shell, self.block))


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
    parts = _parts(page.rows, limit)
    return Rendered(
        tuple(_html(part) for part in parts), tuple(_plain(part) for part in parts), keyboard(reply.actions)
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


def u16(text: str) -> int:
    if text.isascii() or max(text) <= "\uffff":
        return len(text)
    return len(text) + sum(sign > "\uffff" for sign in text)


def escape(text: str) -> str:
    return html.escape(text, quote=True)


def clean(text: str) -> str:
    """Without control signs and direction overrides; markers stay for `spans_of`."""
    text = text.replace("\r\n", "\n").replace("\t", "    ")
    out, at = [], 0
    for found in MARKER.finditer(text):
        out += [_CONTROL.sub("", text[at : found.start()]), found.group()]
        at = found.end()
    return "".join([*out, _CONTROL.sub("", text[at:])])


def neutral(text: str, commands: bool = False) -> str:
    """Text in which nothing becomes a mention, a link to a chat or a command; with `commands`, ours stay."""
    text = _AT.sub("@" + _JOINER, text)
    text = _HOSTS.sub(lambda m: m.group() + _JOINER, text)
    return _STROKE.sub(
        lambda m: "/" if commands and m.group(1).lower() in _COMMANDS and not m.group(2) else "/" + _JOINER,
        text,
    )


def spans_of(line: str, names: Names, *, tag: str = "", commands: bool = False) -> tuple[_Span, ...]:
    out: list[_Span] = []
    at = 0
    for found in MARKER.finditer(line):
        out.append(_Span(neutral(line[at : found.start()], commands), tag))
        platform, id = found.groups()
        name = neutral(clean(names(f"{platform}:{id}"))) or id
        if platform == "telegram" and id.isdigit():
            out.append(_Span(name, "person", f"tg://user?id={id}"))
        else:
            out.append(_Span(name, tag))
        at = found.end()
    out.append(_Span(neutral(line[at:], commands), tag))
    return tuple(span for span in out if span.text)


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
                    name = _Span(neutral(clean(label), commands=True) + colon.rstrip(), "b")  # /help lists commands so
                    page.add(value, lead=(name, _Span(" ")) if colon.endswith(" ") else (name,))
            case Steps(items, numbered):
                for number, item in enumerate(items, 1):
                    page.add(item, commands=True, lead=(_Span(f"{number}. " if numbered else "• "),))
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
        page.rows.append(_Row((_Span(line),) if line else (), "pre", page.block))


def _board_row(page: _Page, row: Row) -> None:
    lead = (_Span(_TONES[row.tone] + neutral(clean(row.state)), "b"), _Span("  "))
    figure = f"  {row.figure}" if row.figure else ""
    page.add(f"{row.name}{figure}", lead=lead)
    for line in (row.note, *row.under):
        if line:
            page.add(line, lead=(_Span("    "),))
    page.block += 1


def _link(page: _Page, label: str, url: str) -> None:
    if re.match(r"https?://[^\s]+$", url):
        page.rows.append(_Row((_Span(clean(MARKER.sub("", label)) or url, "a", url),), page.shell, page.block))
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
        cells = cell_len(label) + 4
        if rows and len(rows[-1]) < _ROW_MOST and used + cells <= _ROW_CELLS:
            rows[-1].append(button)
            used += cells
        else:
            rows.append([button])
            used = cells
    return tuple(tuple(row) for row in rows)


# --- cutting


def _parts(rows: list[_Row], limit: int) -> list[list[_Row]]:
    """Breaks between blocks where that leaves a part at least half full, else between lines, else inside a line."""
    if not any(row.spans for row in rows):
        return [[_Row((_Span("…"),))]]
    whole = [piece for row in rows for piece in _short(row, limit)]
    parts: list[list[_Row]] = []
    here: list[_Row] = []
    units = entities = 0
    for row in whole:
        more = row.entities + (1 if row.shell and (not here or here[-1].shell != row.shell) else 0)
        if here and (units + row.units > limit or entities + more > _ENTITIES_MOST):
            start = next((n for n, old in enumerate(here) if old.block == row.block and n), None)
            back = start if start is not None and sum(r.units for r in here[:start]) >= limit // 2 else len(here)
            parts.append(here[:back])
            here = here[back:]
            units, entities = sum(r.units for r in here), sum(r.entities for r in here) + 1
            if here and units + row.units > limit:
                parts.append(here)
                here, units, entities = [], 0, 0
        here.append(row)
        units += row.units
        entities += more
    parts.append(here)
    return [part for part in map(_trim, parts) if part]


def _trim(part: list[_Row]) -> list[_Row]:
    while part and not part[0].spans:
        part = part[1:]
    while part and not part[-1].spans:
        part = part[:-1]
    return part


def _short(row: _Row, limit: int) -> list[_Row]:
    """A line longer than a whole message in pieces, at blanks where there are any."""
    if row.units <= limit:
        return [row]
    out: list[_Row] = []
    here: list[_Span] = []
    room = limit - 1
    for span in row.spans:
        text = span.text
        while text:
            cut = _cut(text, room)
            if cut:
                here.append(_Span(text[:cut], span.tag, span.href))
                room -= u16(text[:cut])
                text = text[cut:]
            if text:
                out.append(_Row(tuple(here), row.shell, row.block))
                here, room = [], limit - 1
    out.append(_Row(tuple(here), row.shell, row.block))
    return out


def _cut(text: str, room: int) -> int:
    """How many characters fit into `room` UTF-16 units, ending at a blank if one is near."""
    if u16(text) <= room:
        return len(text)
    used = count = 0
    for sign in text:
        used += 2 if sign > "\uffff" else 1
        if used > room:
            break
        count += 1
    blank = text.rfind(" ", count * 3 // 4, count)
    return blank + 1 if blank > 0 else count


_OPEN = {"pre": "<pre>", "blockquote": "<blockquote expandable>", "": ""}
_SHUT = {"pre": "</pre>", "blockquote": "</blockquote>", "": ""}


def _html(part: list[_Row]) -> str:
    out: list[str] = []
    shell = ""
    for number, row in enumerate(part):
        line = "".join(_span_html(span) for span in row.spans)
        if row.shell != shell:
            if out:
                out[-1] += _SHUT[shell]
            line = _OPEN[row.shell] + line
            shell = row.shell
        out.append(line)
        if number == len(part) - 1:
            out[-1] += _SHUT[shell]
    return "\n".join(out)


def _span_html(span: _Span) -> str:
    text = escape(span.text)
    match span.tag:
        case "":
            return text
        case "a" | "person":
            return f'<a href="{escape(span.href)}">{text}</a>'
        case tag:
            return f"<{tag}>{text}</{tag}>"


def _plain(part: list[_Row]) -> str:
    return "\n".join("".join(span.text for span in row.spans) for row in part)
