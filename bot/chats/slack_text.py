"""The text of what Slack delivers: its own form undone, and all that a message shows in whatever part of it. Raw, for the gate."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from bot.chats.leaves import strings, unmarked

RAW_MOST: Final = 400_000  # characters of one pasted text; a command has 40,000 at most
_LINK = re.compile(r"<((?:https?|mailto|tel|ftp):[^|>\s]*)(?:\|([^>]*))?>")
_NAMED = re.compile(r"<([@#!])([^|>\s]*)(?:\|([^>]*))?>")


def unescape(text: str) -> str:
    """Slack escapes three characters, once; so they are given back once."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def plain(text: str) -> str:
    """Slack's form as people see it: `<https://a|b>` is an address again, `<@U1|ann>` a name, then the escapes go."""
    text = _LINK.sub(lambda m: m.group(1).removeprefix("mailto:") if m.group(2) else m.group(1), text)
    text = _NAMED.sub(lambda m: ("#" if m.group(1) == "#" else "@") + (m.group(3) or m.group(2)), text)
    return unmarked(unescape(text))[:RAW_MOST]


def whole(message: Mapping[str, Any]) -> str:
    """All text of a message: an alert from another program often stands in its attachments or blocks."""
    parts = [plain(str(message.get("text") or ""))]
    for attachment in message.get("attachments") or []:
        rows = [f"{f.get('title', '')}: {f.get('value', '')}" for f in attachment.get("fields") or []]
        texts = [attachment.get(name) for name in ("pretext", "title", "text")]
        own = [str(text) for text in texts if text] or [str(attachment.get("fallback") or "")]
        parts += [plain(text) for text in (*own, *rows)]
    if not any(part.strip() for part in parts):
        parts += [plain(text) for text in _texts(message.get("blocks") or [])]
    return "\n".join(part for part in parts if part.strip())[:RAW_MOST]


def _texts(node: Any) -> list[str]:
    if isinstance(node, list):
        return [text for item in node for text in _texts(item)]
    if not isinstance(node, Mapping):
        return []
    own = [node["text"]] if isinstance(node.get("text"), str) else []
    return own + [text for name, child in node.items() if isinstance(child, dict | list) for text in _texts(child)]


# What a message shows, by field name; and what is about people, rooms and files, not said by anybody.
_SHOWN: Final = frozenset(
    [
        "text",
        "fallback",
        "pretext",
        "title",
        "title_link",
        "from_url",
        "original_url",
        "value",
        "footer",
        "author_name",
        "url",
        "alt_text",
        "name",
        "preview",
        "plain_text",
        "comment",
        "topic",
        "purpose",
        "username",
        "description",
    ]
)
_ABOUT: Final = frozenset(
    ["bot_profile", "user_profile", "metadata", "previous_message", "root", "icons", "reactions", "edited"]
)


def shown(message: Mapping[str, Any]) -> str:
    """Whatever a message shows, in whatever block, link, label, attachment or name of a file; for the guard's eyes."""
    found = dict.fromkeys(text for raw in strings(message, _SHOWN, _ABOUT) for text in (plain(raw), *_labels(raw)))
    return "\n".join(text for text in found if text.strip())[:RAW_MOST]


def _labels(raw: str) -> list[str]:
    """What stands on a link, where `plain` gives the address."""
    return [unmarked(unescape(found.group(2))) for found in _LINK.finditer(raw) if found.group(2)]
