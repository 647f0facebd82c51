"""A Reply as Slack's blocks. Everything is literal rich text: nothing inside it is parsed, so nothing can be smuggled in.

The limits are Slack's own (Block Kit reference; the sum of text is measured by users, not documented). What is too long is
cut at a line, never sent to be refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from bot.chats.leaves import MARKER, unmarked
from bot.model.chat import Action, Block, Board, Facts, Form, Heading, Line, Links, Quote, Reply, Row, Steps

Json = dict[str, Any]

TEXT_MOST: Final = 3_000  # `text` beside blocks; chat.update refuses more than 4,000
BLOCKS_MOST: Final = 45  # 50 in a message
SUM_MOST: Final = 8_800  # all text of a message
PART_MOST: Final = 2_900  # one rich text part; a section has 3,000
QUOTE_MOST: Final = 2_400
BUTTONS_MOST: Final = 25
_CUT: Final = "…"

# Characters that change the direction of what follows, or are no text at all: an outside text could hide or reorder words.
_UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff]")
_EMOJI: Final = {
    "bad": "red_circle",
    "warn": "large_yellow_circle",
    "good": "large_green_circle",
    "quiet": "white_circle",
}


@dataclass(frozen=True, slots=True)
class Rendered:
    """`text` is escaped mrkdwn for notifications and screen readers; with no blocks it is the message itself."""

    text: str
    blocks: list[Json]


def _split(text: str) -> list[tuple[str, str]]:
    """("text", words) and ("user", id), in order. Markers of other platforms vanish."""
    parts: list[tuple[str, str]] = []
    last = 0
    for found in MARKER.finditer(text):
        parts.append(("text", tidy(text[last : found.start()])))
        if found.group(1) == "slack":
            parts.append(("user", found.group(2)))
        last = found.end()
    parts.append(("text", tidy(text[last:])))
    return [(kind, value) for kind, value in parts if value]


def tidy(text: str) -> str:
    return _UNSEEN.sub("", unmarked(text)).replace("\u2028", "\n").replace("\u2029", "\n")


def escape(text: str) -> str:
    """Slack's three control characters, `&` first."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def units(text: str) -> int:
    """UTF-16 units: the strictest way Slack may count."""
    return len(text.encode("utf-16-le", "replace")) // 2


def cut(text: str, most: int) -> str:
    """At most `most` units; ends at a line or a blank where one is near, and says so with an ellipsis."""
    if units(text) <= most:
        return text
    kept = text.encode("utf-16-le", "replace")[: (most - 1) * 2].decode("utf-16-le", "ignore")
    for mark in ("\n", " ", "，", "。"):
        at = kept.rfind(mark)
        if at > len(kept) * 0.8:
            kept = kept[:at]
            break
    return kept.rstrip() + _CUT


class Renderer:
    """Pure: no network, no clock. `words` are passed per call, because each reader has a language."""

    __slots__ = ()

    # --- messages

    def message(self, reply: Reply, *, more: tuple[str, str] | None = None, cut_note: str = _CUT) -> Rendered:
        """`more`: label and token of the button behind which the details stand."""
        actions = list(reply.actions)
        blocks = self._blocks(reply.title, reply.blocks, cut_note, BLOCKS_MOST, SUM_MOST - 80 * min(len(actions), 30))
        if more is not None:
            actions.append(Action("details.show", more[0], more[1]))
        return Rendered(self.text(reply), [*blocks, *_buttons(actions)])

    def plain(self, reply: Reply) -> Rendered:
        """The same as one text without blocks, for a reply that Slack refused. Buttons are lost; addresses are written out."""
        text = self.text(reply, most=TEXT_MOST)
        for action in reply.actions:
            line = "\n" + escape(f"{cut(tidy(action.label), 75)}: {action.url}")
            if action.url and units(text) + units(line) < 3_900:
                text += line
        return Rendered(text, [])

    def text(self, reply: Reply, most: int = TEXT_MOST) -> str:
        """Escaped text of the whole reply, at most about `most` characters, mentions live."""
        lines = [reply.title] if reply.title else []
        for block in reply.blocks:
            lines += _lines(block)
        raw = "\n".join(lines).strip()
        out: list[str] = []
        room = most
        for kind, value in _split(raw):
            piece = f"<@{value}>" if kind == "user" else escape(value)
            if units(piece) > room:
                if kind == "text":  # cut before escaping, so that no entity is cut in two
                    out.append(escape(cut(value, max(1, room // 5 if "&" in piece else room))))
                break
            out.append(piece)
            room -= units(piece)
        return "".join(out).strip() or _CUT

    def home(self, reply: Reply, cut_note: str = _CUT) -> Json:
        blocks = self._blocks(reply.title, (*reply.blocks, *reply.details), cut_note, 90, 12_000)
        return {"type": "home", "blocks": [*blocks, *_buttons(reply.actions)] or [_rich([_section([_leaf(_CUT)])])]}

    def form(self, form: Form, metadata: Json, *, submit: str, close: str) -> Json:
        """A modal. Raises ValueError if the metadata is over Slack's 3,000 characters."""
        packed = json.dumps(metadata, separators=(",", ":"), ensure_ascii=False)
        if units(packed) > 3_000:
            raise ValueError(f"form {form.id}: metadata too long")
        blocks: list[Json] = []
        for field in form.inputs[:90]:
            element: Json = {"type": "plain_text_input", "action_id": "value", "max_length": 3_000}
            if field.long:
                element["multiline"] = True
            block: Json = {
                "type": "input",
                "block_id": field.name[:255],
                "optional": not field.required,
                "label": _plain(field.label or field.name, 200),
                "element": element,
            }
            if field.hint:
                block["hint"] = _plain(field.hint, 500)
            blocks.append(block)
        return {
            "type": "modal",
            "callback_id": form.id[:255],
            "title": _plain(form.title or _CUT, 24),
            "submit": _plain(submit, 24),
            "close": _plain(close, 24),
            "private_metadata": packed,
            "blocks": blocks,
        }

    # --- parts

    def _blocks(self, title: str, parts: Iterable[Block], cut_note: str, most: int, room: int) -> list[Json]:
        blocks: list[Json] = []
        title = tidy(MARKER.sub("", title)).strip()
        if title:
            first, _, rest = title.partition("\n")
            if units(first) <= 150:
                blocks.append({"type": "header", "text": _plain(first, 150)})
            else:
                rest, first = title, ""
            room -= units(first)
            if rest.strip():
                blocks.append(_rich([_section(self._leaves(cut(rest.strip(), PART_MOST), bold=not first))]))
                room -= units(rest)
        for elements in _grouped([self._elements(part) for part in parts]):
            size = sum(_size(element) for element in elements)
            if size <= room and len(blocks) < most:
                blocks.append(_rich(elements))
                room -= size
                continue
            kept = _fitting(elements, room) if len(blocks) < most else []
            note = _section([_leaf(cut_note, italic=True)])
            blocks.append(_rich([*kept, note]))
            break
        return blocks

    def _leaves(self, text: str, *, bold: bool = False) -> list[Json]:
        return [
            {"type": "user", "user_id": value} if kind == "user" else _leaf(value, bold=bold)
            for kind, value in _split(text)
        ]

    def _elements(self, block: Block) -> list[Json]:
        match block:
            case Line(text, strong):
                return _sections([self._leaves(cut(text, PART_MOST), bold=strong)])
            case Heading(text):
                return _sections([self._leaves(cut(text, 300), bold=True)])
            case Quote(text):
                shown = tidy(MARKER.sub("", text)).strip("\n")
                return [_preformatted(cut(shown, QUOTE_MOST))] if shown.strip() else []
            case Facts(rows):
                return _sections(
                    [*self._leaves(cut(label, 200), bold=True), _leaf("  "), *self._leaves(cut(value, 2_000))]
                    for label, value in rows
                )
            case Steps(items, numbered):
                listed = [_section(leaves) for item in items if (leaves := self._leaves(cut(item, 2_000)))]
                style = "ordered" if numbered else "bullet"
                return [{"type": "rich_text_list", "style": style, "elements": listed}] if listed else []
            case Board(rows):
                return _sections(leaves for row in rows for leaves in self._row(row))
            case Links(items):
                return _sections([_link(label, address)] for label, address in items)

    def _row(self, row: Row) -> list[list[Json]]:
        """`● EMPTY  deepseek-main  CNY 0.00 · down: QueryEngine`, then what belongs to it, indented."""
        first: list[Json] = []
        if row.tone in _EMOJI:
            first += [{"type": "emoji", "name": _EMOJI[row.tone]}, _leaf(" ")]
        if row.state:
            first += [*self._leaves(cut(row.state, 60), bold=True), _leaf("  ")]
        first += self._leaves(cut(row.name, 200), bold=not row.state)
        if row.figure:
            first += [_leaf("  "), *self._leaves(cut(row.figure, 300), bold=True)]
        if row.note:
            first += [_leaf(" · "), *self._leaves(cut(row.note, 500))]
        under = [[_leaf("\u2003\u2003"), *self._leaves(cut(line, 500))] for line in row.under if line.strip()]
        return [first, *under]


# --- leaves ----------------------------------------------------------------------------------------------------------


def _leaf(text: str, *, bold: bool = False, italic: bool = False) -> Json:
    leaf: Json = {"type": "text", "text": text}
    style = {name: True for name, on in (("bold", bold), ("italic", italic)) if on and text.strip()}
    return {**leaf, "style": style} if style else leaf


def _link(label: str, address: str) -> Json:
    """A link with its label, or plain words where the address is none to be followed."""
    label, address = tidy(MARKER.sub("", label)).strip(), tidy(address).strip()
    if re.fullmatch(r"https?://[^\s<>|]+", address) and len(address) <= 3_000:
        return {"type": "link", "url": address, "text": cut(label or address, 200)}
    return _leaf(cut(f"{label} {address}".strip() or _CUT, 500))


def _section(leaves: list[Json]) -> Json:
    return {"type": "rich_text_section", "elements": leaves}


def _sections(lines: Iterable[list[Json]]) -> list[Json]:
    return [_section(leaves) for leaves in lines if leaves]


def _preformatted(text: str) -> Json:
    return {"type": "rich_text_preformatted", "elements": [_leaf(text)]}


def _rich(elements: list[Json]) -> Json:
    """Lines that follow each other become one section with line breaks in it, as Slack's own editor writes them."""
    joined: list[Json] = []
    for element in elements:
        if element["type"] == "rich_text_section" and joined and joined[-1]["type"] == "rich_text_section":
            joined[-1] = _section([*joined[-1]["elements"], _leaf("\n"), *element["elements"]])
        else:
            joined.append(element)
    return {"type": "rich_text", "elements": joined}


def _plain(text: str, most: int) -> Json:
    shown = " ".join(tidy(MARKER.sub("", text)).split())
    return {"type": "plain_text", "text": cut(shown, most) or _CUT, "emoji": False}


def _buttons(actions: Iterable[Action]) -> list[Json]:
    """Action ids are unique in the whole message: a repeated one gets `#2`. A button that only opens a page is `link.…`."""
    seen: dict[str, int] = {}
    elements: list[Json] = []
    for action in actions:
        id = f"link.{action.id}" if action.url else action.id
        seen[id] = seen.get(id, 0) + 1
        element: Json = {
            "type": "button",
            "text": _plain(action.label, 72),
            "action_id": id if seen[id] == 1 else f"{id}#{seen[id]}",
        }
        if action.url:
            if not re.fullmatch(r"https?://[^\s<>|]+", action.url):
                continue
            element["url"] = action.url[:3_000]
        if action.value:
            element["value"] = action.value
        if action.style in ("primary", "danger"):
            element["style"] = action.style
        elements.append(element)
    rows = [elements[n : n + BUTTONS_MOST] for n in range(0, len(elements), BUTTONS_MOST)]
    return [{"type": "actions", "block_id": f"actions{n}", "elements": row} for n, row in enumerate(rows[:4])]


# --- sizes -----------------------------------------------------------------------------------------------------------


def _size(element: Json) -> int:
    if element["type"] == "rich_text_list":
        return sum(_size(item) for item in element["elements"])
    return sum(units(leaf.get("text", "")) + units(leaf.get("url", "")) + 2 for leaf in element["elements"])


def _fitting(elements: list[Json], room: int) -> list[Json]:
    """As many whole lines as fit; a long quote is shortened instead."""
    kept: list[Json] = []
    for element in elements:
        size = _size(element)
        if size > room:
            if element["type"] == "rich_text_preformatted" and room > 200:
                kept.append(_preformatted(cut(element["elements"][0]["text"], room - 50)))
            elif element["type"] == "rich_text_list":
                items = _fitting(element["elements"], room)
                kept += [{**element, "elements": items}] if items else []
            break
        kept.append(element)
        room -= size
    return kept


def _grouped(parts: Iterable[list[Json]]) -> list[list[Json]]:
    """One rich text block for each part; more than forty parts share blocks, since a message has fifty."""
    whole = [piece for part in parts for piece in _pieces(part)]
    if len(whole) <= 38:
        return whole
    size = -(-len(whole) // 38)
    return [[e for part in whole[n : n + size] for e in part] for n in range(0, len(whole), size)]


def _pieces(part: list[Json]) -> list[list[Json]]:
    """A long part in blocks of at most PART_MOST."""
    pieces: list[list[Json]] = []
    room = 0
    for element in part:
        size = _size(element)
        if not pieces or size > room:
            pieces.append([])
            room = PART_MOST
        pieces[-1].append(element)
        room -= size
    return pieces


def _lines(block: Block) -> list[str]:
    """One part as plain lines, for `text`."""
    match block:
        case Line(text) | Heading(text):
            return [text]
        case Quote(text):
            return [MARKER.sub("", text)]
        case Facts(rows):
            return [f"{label}  {value}" for label, value in rows]
        case Steps(items, numbered):
            return [f"{n}. {item}" if numbered else f"• {item}" for n, item in enumerate(items, 1)]
        case Board(rows):
            return [
                line
                for row in rows
                for line in (
                    "  ".join(part for part in (row.state, row.name, row.figure, row.note) if part),
                    *(f"    {under}" for under in row.under),
                )
            ]
        case Links(items):
            return [f"{label}: {address}" for label, address in items]
