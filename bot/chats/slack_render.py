"""A Reply as Slack's blocks. Everything is literal rich text: nothing inside it is parsed, so nothing can be smuggled in.

The limits are Slack's own (Block Kit reference; the sum of text is measured by users, not documented). What is too long is
cut at a line, never sent to be refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from bot.chats.leaves import MARKER, labelled
from bot.chats.slack_parts import (
    CUT,
    PART_MOST,
    buttons,
    cut,
    escape,
    fitting,
    grouped,
    leaf,
    link,
    plain_text,
    preformatted,
    rich,
    section,
    sections,
    size_of,
    split_marks,
    tidy,
    units,
)
from bot.model.chat import Action, Block, Board, Facts, Form, Heading, Input, Line, Links, Quote, Reply, Row, Steps
from bot.model.values import dataclass

Json = dict[str, Any]

TEXT_MOST: Final = 3_000  # `text` beside blocks; chat.update refuses more than 4,000
BLOCKS_MOST: Final = 45  # 50 in a message
SUM_MOST: Final = 8_800  # all text of a message
QUOTE_MOST: Final = 2_400
OPTIONS_MOST: Final = 100  # of one menu

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


class Renderer:
    """Pure: no network, no clock. `words` are passed per call, because each reader has a language."""

    __slots__ = ()

    # --- messages

    def message(self, reply: Reply, *, more: tuple[str, str] | None = None, cut_note: str = CUT) -> Rendered:
        """`more`: label and token of the button behind which the details stand."""
        actions = list(reply.actions)
        blocks = self._blocks(reply.title, reply.blocks, cut_note, BLOCKS_MOST, SUM_MOST - 80 * min(len(actions), 30))
        if more is not None:
            actions.append(Action("details.show", more[0], more[1]))
        return Rendered(self.text(reply), [*blocks, *buttons(actions)])

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
        for kind, value in split_marks(raw):
            piece = f"<@{value}>" if kind == "user" else escape(value)
            if units(piece) > room:
                if kind == "text":  # cut before escaping, so that no entity is cut in two
                    out.append(escape(cut(value, max(1, room // 5 if "&" in piece else room))))
                break
            out.append(piece)
            room -= units(piece)
        return "".join(out).strip() or CUT

    def home(self, reply: Reply, cut_note: str = CUT) -> Json:
        """The view for the home tab, within Slack's limits; what does not fit is replaced by `cut_note`."""
        blocks = self._blocks(reply.title, (*reply.blocks, *reply.details), cut_note, 90, 12_000)
        return {"type": "home", "blocks": [*blocks, *buttons(reply.actions)] or [rich([section([leaf(CUT)])])]}

    def form(self, form: Form, metadata: Json, *, submit: str, close: str) -> Json:
        """A modal. Raises ValueError if the metadata is over Slack's 3,000 characters."""
        packed = json.dumps(metadata, separators=(",", ":"), ensure_ascii=False)
        if units(packed) > 3_000:
            raise ValueError(f"form {form.id}: metadata too long")
        blocks = [_input(field) for field in form.inputs[:90]]
        blocks += self._blocks("", form.blocks, CUT, 99 - len(blocks), 6_000)
        return {
            "type": "modal",
            "callback_id": form.id[:255],
            "title": plain_text(form.title or CUT, 24),
            "submit": plain_text(form.submit or submit, 24),
            "close": plain_text(close, 24),
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
                blocks.append({"type": "header", "text": plain_text(first, 150)})
            else:
                rest, first = title, ""
            room -= units(first)
            if rest.strip():
                blocks.append(rich([section(self._leaves(cut(rest.strip(), PART_MOST), bold=not first))]))
                room -= units(rest)
        for elements in grouped([self._elements(part) for part in parts]):
            size = sum(size_of(element) for element in elements)
            if size <= room and len(blocks) < most:
                blocks.append(rich(elements))
                room -= size
                continue
            kept = fitting(elements, room) if len(blocks) < most else []
            note = section([leaf(cut_note, italic=True)])
            blocks.append(rich([*kept, note]))
            break
        return blocks

    def _leaves(self, text: str, *, bold: bool = False) -> list[Json]:
        return [
            {"type": "user", "user_id": value} if kind == "user" else leaf(value, bold=bold)
            for kind, value in split_marks(text)
        ]

    def _elements(self, block: Block) -> list[Json]:
        match block:
            case Line(text, strong):
                return sections([self._leaves(cut(text, PART_MOST), bold=strong)])
            case Heading(text):
                return sections([self._leaves(cut(text, 300), bold=True)])
            case Quote(text):
                shown = tidy(MARKER.sub("", text)).strip("\n")
                return [preformatted(cut(shown, QUOTE_MOST))] if shown.strip() else []
            case Facts(rows):
                return sections(
                    [*self._leaves(cut(label, 200), bold=True), leaf("  "), *self._leaves(cut(value, 2_000))]
                    for label, value in rows
                )
            case Steps(items, numbered):
                listed = [section(leaves) for item in items if (leaves := self._leaves(cut(item, 2_000)))]
                style = "ordered" if numbered else "bullet"
                return [{"type": "rich_text_list", "style": style, "elements": listed}] if listed else []
            case Board(rows):
                return sections(leaves for row in rows for leaves in self._row(row))
            case Links(items):
                return sections([link(label, address)] for label, address in items)

    def _row(self, row: Row) -> list[list[Json]]:
        """`● EMPTY  deepseek-main  CNY 0.00 · down: QueryEngine`, then what belongs to it, indented."""
        first: list[Json] = []
        if row.tone in _EMOJI:
            first += [{"type": "emoji", "name": _EMOJI[row.tone]}, leaf(" ")]
        if row.state:
            first += [*self._leaves(cut(row.state, 60), bold=True), leaf("  ")]
        first += self._leaves(cut(row.name, 200), bold=not row.state)
        if row.figure:
            first += [leaf("  "), *self._leaves(cut(row.figure, 300), bold=True)]
        if row.note:
            first += [leaf(" · "), *self._leaves(cut(row.note, 500))]
        under = [[leaf("\u2003\u2003"), *self._leaves(cut(line, 500))] for line in row.under if line.strip()]
        return [first, *under]


def _input(field: Input) -> Json:
    """Slack keeps what was chosen in a block of the same id, whatever its new options are: so the id tells what they belong to."""
    block: Json = {
        "type": "input",
        "block_id": (f"{field.name}#{field.of}" if field.of else field.name)[:255],
        "optional": not field.required,
        "label": plain_text(field.label or field.name, 200),
        "element": _choice(field) if field.choices else _written(field),
    }
    if field.choices and field.asks:
        block["dispatch_action"] = True
    if field.hint:
        block["hint"] = plain_text(field.hint, 500)
    return block


def _written(field: Input) -> Json:
    element: Json = {"type": "plain_text_input", "action_id": "value", "max_length": 3_000}
    return element | {"multiline": True} if field.long else element


def _choice(field: Input) -> Json:
    # A value that Slack would not carry cannot be offered; what stands beyond a hundred is typed.
    offered = [(value, label) for value, label in field.choices if 0 < len(value) <= 150][:OPTIONS_MOST]
    options = [{"text": plain_text(label or value, 75), "value": value} for value, label in offered]
    element: Json = {"type": "static_select", "action_id": field.asks or "value", "options": options}
    first = next((option for option in options if option["value"] == field.chosen), None)
    return element | {"initial_option": first} if first else element


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
            return [labelled(label, address) for label, address in items]
