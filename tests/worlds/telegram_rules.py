"""Telegram's own reading of a message: HTML to text and entities, what becomes clickable by itself, what a keyboard may hold."""

from __future__ import annotations

import json
import re
from typing import Any

TEXT_MOST, CAPTION_MOST, ENTITIES_MOST = 4096, 1024, 100
_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "code": "code",
    "pre": "pre",
    "tg-spoiler": "spoiler",
    "blockquote": "blockquote",
    "a": "text_link",
    "span": "spoiler",
    "tg-emoji": "custom_emoji",
}
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_ENTITY = re.compile(r"&(?:#(\d+)|#x([0-9a-fA-F]+)|(lt|gt|amp|quot));?")
_AUTO = (
    ("mention", re.compile(r"(?<![\w])@[A-Za-z][A-Za-z0-9_]{2,31}")),
    ("bot_command", re.compile(r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/])")),
    ("url", re.compile(r"(?:https?://[^\s<>]+|(?<![\w.@])(?:t\.me|telegram\.me)/[^\s<>]+)")),
)


class Refused(Exception):
    def __init__(self, description: str, code: int = 400, **parameters: Any) -> None:
        super().__init__(description)
        self.description, self.code, self.parameters = description, code, parameters


def u16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def parse_html(raw: str) -> tuple[str, list[dict[str, Any]]]:
    """Text and entities, or the refusal that the real server words like this."""
    out: list[str] = []
    entities: list[dict[str, Any]] = []
    stack: list[tuple[str, int, dict[str, str]]] = []
    place = 0

    def at(position: int) -> int:
        return len(raw[:position].encode())

    def length() -> int:
        return u16("".join(out))

    while place < len(raw):
        sign = raw[place]
        if sign == "&" and (found := _ENTITY.match(raw, place)):
            decimal, hexa, named = found.groups()
            out.append(_NAMED[named] if named else chr(int(decimal) if decimal else int(hexa, 16)))
            place = found.end()
            continue
        if sign != "<":
            out.append(sign)
            place += 1
            continue
        begin = place
        end = raw.find(">", place)
        if end < 0:
            raise Refused(f"Bad Request: can't parse entities: Unclosed start tag at byte offset {at(begin)}")
        inner = raw[place + 1 : end]
        place = end + 1
        if inner.startswith("/"):
            name = inner[1:].strip().lower()
            if not stack:
                raise Refused(f"Bad Request: can't parse entities: Unexpected end tag at byte offset {at(begin)}")
            tag, start, attributes = stack.pop()
            if name != tag:
                raise Refused(
                    f"Bad Request: can't parse entities: Unmatched end tag at byte offset {at(begin)}, "
                    f'expected "</{tag}>", found "</{name}>"'
                )
            _close(entities, tag, start, length(), attributes, "".join(out))
            continue
        parts = inner.split(None, 1)
        tag = (parts[0] if parts else "").lower()
        if tag not in _TAGS:
            raise Refused(
                f'Bad Request: can\'t parse entities: Unsupported start tag "{tag}" at byte offset {at(begin)}'
            )
        attributes = dict(re.findall(r'([a-z-]+)(?:="([^"]*)")?', parts[1])) if len(parts) > 1 else {}
        if tag == "span" and attributes.get("class") != "tg-spoiler":
            raise Refused(
                f'Bad Request: can\'t parse entities: Tag "span" must have class "tg-spoiler" at byte offset {at(begin)}'
            )
        stack.append((tag, length(), attributes))
    if stack:
        raise Refused(
            f"Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"{stack[-1][0]}\""
        )
    entities.sort(key=lambda e: (e["offset"], -e["length"]))
    return "".join(out), entities


def _close(
    entities: list[dict[str, Any]], tag: str, start: int, end: int, attributes: dict[str, str], text: str
) -> None:
    if end <= start:
        return
    entity: dict[str, Any] = {"type": _TAGS[tag], "offset": start, "length": end - start}
    if tag == "a":
        href = unescape(attributes.get("href", ""))
        if person := re.fullmatch(r"tg://user\?id=(\d+)", href):
            entity = {
                **entity,
                "type": "text_mention",
                "user": {"id": int(person.group(1)), "is_bot": False, "first_name": "x"},
            }
        elif href.startswith(("http://", "https://", "tg://")):
            entity["url"] = href
        else:
            return
    if tag == "blockquote" and "expandable" in attributes:
        entity["type"] = "expandable_blockquote"
    entities.append(entity)


def unescape(text: str) -> str:
    return _ENTITY.sub(
        lambda m: _NAMED[m.group(3)] if m.group(3) else chr(int(m.group(1) or int(m.group(2), 16))), text
    )


def resolve(text: str, parse_mode: str | None, most: int, *, what: str = "text") -> tuple[str, list[dict[str, Any]]]:
    """What the person will see, or a refusal."""
    if parse_mode in (None, ""):
        entities: list[dict[str, Any]] = []
    elif parse_mode == "HTML":
        text, entities = parse_html(text)
    else:
        raise Refused("Bad Request: unsupported parse_mode")
    if any(sign < " " and sign not in "\n\t\r" for sign in text):
        text = "".join(" " if sign < " " and sign not in "\n" else sign for sign in text)
    cut = len(text) - len(text.lstrip())
    if cut:
        gone = u16(text[:cut])
        for entity in entities:
            entity["offset"] = max(0, entity["offset"] - gone)
    text = text.strip()
    if not text and what == "text":
        raise Refused("Bad Request: message text is empty")
    if u16(text) > most:
        raise Refused(
            "Bad Request: message is too long" if what == "text" else "Bad Request: message caption is too long"
        )
    return text, [*entities, *found_by_itself(text, entities)][:ENTITIES_MOST]


def found_by_itself(text: str, entities: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mentions, commands and addresses that Telegram makes clickable without markup; not inside code."""
    shut = [
        range(e["offset"], e["offset"] + e["length"])
        for e in entities
        if e["type"] in ("code", "pre", "text_link", "text_mention")
    ]
    found = []
    for kind, pattern in _AUTO:
        for match in pattern.finditer(text):
            offset = u16(text[: match.start()])
            if not any(offset in span for span in shut):
                found.append({"type": kind, "offset": offset, "length": u16(match.group()), "shown": match.group()})
    return found


def read_keyboard(raw: Any) -> dict[str, Any] | None:
    """The markup of one message, checked."""
    if raw in (None, ""):
        return None
    markup = as_json(raw, "reply markup")
    if not isinstance(markup, dict):
        raise Refused("Bad Request: object expected as reply markup")
    if "inline_keyboard" not in markup:
        return markup
    rows = markup["inline_keyboard"]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise Refused('Bad Request: field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    if sum(len(row) for row in rows) > 100 or any(len(row) > 8 for row in rows):
        raise Refused("Bad Request: REPLY_MARKUP_TOO_LONG")
    for row in rows:
        for button in row:
            if not isinstance(button.get("text"), str) or not button["text"].strip():
                raise Refused("Bad Request: inline keyboard button text must be non-empty")
            kinds = [kind for kind in ("url", "callback_data", "switch_inline_query", "web_app") if kind in button]
            if len(kinds) != 1:
                raise Refused("Bad Request: Text buttons are unallowed in the inline keyboard")
            if "callback_data" in button and not 1 <= len(button["callback_data"].encode()) <= 64:
                raise Refused("Bad Request: BUTTON_DATA_INVALID")
            if "url" in button and not re.match(
                r"(https?://[^\s/]+\.[^\s]+|https?://127\.0\.0\.1|tg://)", button["url"]
            ):
                raise Refused("Bad Request: BUTTON_URL_INVALID")
            if button.get("style", "primary") not in ("primary", "danger", "success"):
                raise Refused("Bad Request: BUTTON_STYLE_INVALID")
    return markup


def as_json(raw: Any, what: str) -> Any:
    if not isinstance(raw, str):
        return raw
    try:
        return json.loads(raw)
    except json.JSONDecodeError:
        raise Refused(f"Bad Request: can't parse {what} JSON object") from None


def read_commands(raw: Any) -> list[dict[str, str]]:
    commands = as_json(raw, "commands")
    if not isinstance(commands, list) or len(commands) > 100:
        raise Refused("Bad Request: BOT_COMMANDS_TOO_MUCH")
    for one in commands:
        if not re.fullmatch(r"[a-z0-9_]{1,32}", one.get("command", "")):
            raise Refused("Bad Request: BOT_COMMAND_INVALID")
        if not 1 <= len(one.get("description", "")) <= 256:
            raise Refused("Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
    return commands
