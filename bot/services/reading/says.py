"""The innermost sentence of an error, as written."""

from __future__ import annotations

import re
from typing import Final

from bot.services.reading.view import View

_SENTENCE: Final = re.compile(
    r"[\"']?(?:message|msg|error_msg|errmsg|error_message|status_msg|detail|Message|error_description)[\"']?\s?[:=]\s?"
    r"(?:\"([^\"{}]{3,900})\"?|'((?:[^'{}]|(?<=\w)'(?=\w)){3,900})'?)"
)
_BARE: Final = re.compile(r"[\"']error[\"']\s?:\s?[\"']([^\"'{}]{3,600})")
_CODED: Final = re.compile(r"(?:Error code|Status Code|HTTP)[: ]{1,2}\d{3}\b[ :,-]*([^{]{4,400})", re.IGNORECASE)


def says_of(seen: View, near: str) -> str:
    """The message that carries the words that decided, else the last one, else the text's own line. At most 600 characters."""
    flat = seen.flat
    last = ""
    for found in _SENTENCE.finditer(flat):
        sentence = (found.group(1) or found.group(2) or "").strip()
        if near and near in sentence.lower():
            return sentence[:600]
        last = sentence or last
    if last and not near:
        return last[:600]
    for pattern in (_BARE, _CODED):
        found_at = pattern.search(flat)
        if found_at and (not near or near in found_at.group(1).lower()):
            return found_at.group(1).strip(" '\"")[:600]
    place = seen.low.find(near) if near else -1
    if place >= 0:
        start = max(flat.rfind(sign, 0, place) for sign in ("{", ": ", "- ", "[", "\n", '"')) + 1
        return flat[start : place + 400].strip(" '\"{}[]")[:400]
    return (last or flat)[:400]
