"""The small parts of Slack's blocks: literal text, links, buttons, and how long each is. Nothing here is parsed by Slack."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from bot.chats.leaves import MARKER, unmarked
from bot.model.chat import Action

Json = dict[str, Any]

PART_MOST: Final = 2_900  # one rich text part; a section has 3,000
BUTTONS_MOST: Final = 25
CUT: Final = "…"

# Characters that change the direction of what follows, or are no text at all: an outside text could hide or reorder words.
_UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff]")


def split_marks(text: str) -> list[tuple[str, str]]:
    """("text", words) and ("user", id), in order. Markers of other platforms vanish."""
    if text and text.isprintable():  # a marker is not
        return [("text", text)]
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
    """Without what could hide or reorder words; every kind of line end is one."""
    if text.isprintable():  # neither control, private nor direction signs: most texts
        return text
    return re.sub("\r\n?|\u2028|\u2029|\x85", "\n", _UNSEEN.sub("", unmarked(text)))


def escape(text: str) -> str:
    """Slack's three control characters, `&` first."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def units(text: str) -> int:
    """UTF-16 units: the strictest way Slack may count."""
    if text.isascii():
        return len(text)
    return len(text.encode("utf-16-le", "replace")) // 2


def cut(text: str, most: int) -> str:
    """At most `most` units; ends at a line or a blank where one is near, and says so with an ellipsis."""
    if len(text) * 2 <= most or units(text) <= most:
        return text
    kept = text.encode("utf-16-le", "replace")[: (most - 1) * 2].decode("utf-16-le", "ignore")
    for mark in ("\n", " ", "，", "。"):
        at = kept.rfind(mark)
        if at > len(kept) * 0.8:
            kept = kept[:at]
            break
    return kept.rstrip() + CUT


# --- leaves ----------------------------------------------------------------------------------------------------------


def leaf(text: str, *, bold: bool = False, italic: bool = False) -> Json:
    """`text` goes as it is: inside rich text nothing is markup."""
    made: Json = {"type": "text", "text": text}
    if (bold or italic) and text.strip():
        made["style"] = {name: True for name, on in (("bold", bold), ("italic", italic)) if on}
    return made


def link(label: str, address: str) -> Json:
    """A link with its label, or plain words where the address is none to be followed."""
    label, address = tidy(MARKER.sub("", label)).strip(), tidy(address).strip()
    if re.fullmatch(r"https?://[^\s<>|]+", address) and len(address) <= 3_000:
        return {"type": "link", "url": address, "text": cut(label or address, 200)}
    return leaf(cut(f"{label} {address}".strip() or CUT, 500))


def section(leaves: list[Json]) -> Json:
    """One line of rich text."""
    return {"type": "rich_text_section", "elements": leaves}


def sections(lines: Iterable[list[Json]]) -> list[Json]:
    """A line each; empty ones are left out, which Slack would refuse."""
    return [section(leaves) for leaves in lines if leaves]


def preformatted(text: str) -> Json:
    """A block of fixed width, in which nothing is markup."""
    return {"type": "rich_text_preformatted", "elements": [leaf(text)]}


def rich(elements: list[Json]) -> Json:
    """Lines that follow each other become one section with line breaks in it, as Slack's own editor writes them."""
    joined: list[Json] = []
    for element in elements:
        if element["type"] == "rich_text_section" and joined and joined[-1]["type"] == "rich_text_section":
            joined[-1]["elements"].append(leaf("\n"))
            joined[-1]["elements"] += element["elements"]
        elif element["type"] == "rich_text_section":
            joined.append(section(list(element["elements"])))
        else:
            joined.append(element)
    return {"type": "rich_text", "elements": joined}


def plain_text(text: str, most: int) -> Json:
    """At most `most` characters in one line, without mentions; never empty, which Slack would refuse."""
    shown = " ".join(tidy(MARKER.sub("", text)).split())
    return {"type": "plain_text", "text": cut(shown, most) or CUT, "emoji": False}


def buttons(actions: Iterable[Action]) -> list[Json]:
    """Action ids are unique in the whole message: a repeated one gets `#2`. A button that only opens a page is `link.…`."""
    seen: dict[str, int] = {}
    elements: list[Json] = []
    for action in actions:
        id = f"link.{action.id}" if action.url else action.id
        seen[id] = seen.get(id, 0) + 1
        element: Json = {
            "type": "button",
            "text": plain_text(action.label, 72),
            "action_id": id if seen[id] == 1 else f"{id}#{seen[id]}",
        }
        if action.url:
            if not re.fullmatch(r"https?://[^\s<>|]+", action.url) or len(action.url) > 3_000:
                continue
            element["url"] = action.url
        if action.value:
            element["value"] = action.value
        if action.style in ("primary", "danger"):
            element["style"] = action.style
        elements.append(element)
    rows = [elements[n : n + BUTTONS_MOST] for n in range(0, len(elements), BUTTONS_MOST)]
    return [{"type": "actions", "block_id": f"actions{n}", "elements": row} for n, row in enumerate(rows[:4])]


# --- sizes -----------------------------------------------------------------------------------------------------------


def size_of(element: Json) -> int:
    """As Slack counts it, in UTF-16 units, and a little more: never less."""
    size = 0
    if element["type"] == "rich_text_list":
        for item in element["elements"]:
            size += size_of(item)
        return size
    for one in element["elements"]:
        text = one.get("text", "")
        size += (len(text) if text.isascii() else units(text)) + 2
        if "url" in one:
            size += units(one["url"])
    return size


def fitting(elements: list[Json], room: int) -> list[Json]:
    """As many whole lines as fit; a long quote is shortened instead."""
    kept: list[Json] = []
    for element in elements:
        size = size_of(element)
        if size > room:
            if element["type"] == "rich_text_preformatted" and room > 200:
                kept.append(preformatted(cut(element["elements"][0]["text"], room - 50)))
            elif element["type"] == "rich_text_list":
                items = fitting(element["elements"], room)
                kept += [{**element, "elements": items}] if items else []
            break
        kept.append(element)
        room -= size
    return kept


def grouped(parts: Iterable[list[Json]]) -> list[list[Json]]:
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
        size = size_of(element)
        if not pieces or size > room:
            pieces.append([])
            room = PART_MOST
        pieces[-1].append(element)
        room -= size
    return pieces
