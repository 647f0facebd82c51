"""Lines of spans cut into messages at sensible places, each part as HTML and as plain text."""

from __future__ import annotations

from typing import Final

from bot.chats.telegram_text import Span, escape, u16
from bot.model.values import dataclass

_ENTITIES_MOST: Final = 90  # Telegram shows the first 100; what it finds by itself counts too


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line. `shell` is what surrounds it together with its neighbours: pre, blockquote. `block` numbers its block."""

    spans: tuple[Span, ...]
    shell: str = ""
    block: int = 0

    @property
    def units(self) -> int:
        """With its line end, in UTF-16 units, as Telegram counts."""
        return sum(u16(span.text) for span in self.spans) + 1

    @property
    def entities(self) -> int:
        """How many of the hundred that one message may have."""
        return sum(bool(span.tag) for span in self.spans)


def in_parts(rows: list[TextLine], limit: int) -> list[list[TextLine]]:
    """Breaks between blocks where that leaves a part at least half full, else between lines, else inside a line."""
    if not any(row.spans for row in rows):
        return [[TextLine((Span("…"),))]]
    whole = [piece for row in rows for piece in _short(row, limit)]
    parts: list[list[TextLine]] = []
    here: list[TextLine] = []
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


def _trim(part: list[TextLine]) -> list[TextLine]:
    while part and not part[0].spans:
        part = part[1:]
    while part and not part[-1].spans:
        part = part[:-1]
    return part


def _short(row: TextLine, limit: int) -> list[TextLine]:
    """A line longer than a whole message in pieces, at blanks where there are any."""
    if row.units <= limit:
        return [row]
    out: list[TextLine] = []
    here: list[Span] = []
    room = limit - 1
    for span in row.spans:
        text = span.text
        while text:
            cut = _cut(text, room)
            if cut:
                here.append(Span(text[:cut], span.tag, span.href))
                room -= u16(text[:cut])
                text = text[cut:]
            if text:
                out.append(TextLine(tuple(here), row.shell, row.block))
                here, room = [], limit - 1
    out.append(TextLine(tuple(here), row.shell, row.block))
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


def as_html(part: list[TextLine]) -> str:
    """Telegram's HTML: everything that was typed by anybody is escaped."""
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


def _span_html(span: Span) -> str:
    text = escape(span.text)
    match span.tag:
        case "":
            return text
        case "a" | "person":
            return f'<a href="{escape(span.href)}">{text}</a>'
        case tag:
            return f"<{tag}>{text}</{tag}>"


def as_plain(part: list[TextLine]) -> str:
    """The same words without any markup, for when Telegram refuses the other."""
    return "\n".join("".join(span.text for span in row.spans) for row in part)
