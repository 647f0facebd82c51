"""The innermost sentence of an error, as written."""

from __future__ import annotations

import re
from typing import Final

from bot.services.reading.view import View

_LONGEST: Final = 900
_SHOWN: Final = 600
_OPENING: Final = re.compile(
    r"(?:[\"'](?:message|msg|error_msg|errmsg|error_message|status_msg|detail|error_description|error|raw)[\"']\s?[:=]"
    r"|\b(?:message|msg|error_msg|errmsg|error_message|status_msg|detail|error)\s?[:=])\s?([\"'])(?![{\[\s]*[{\[])",
    re.IGNORECASE,
)
_CLOSING: Final = {
    quote: re.compile(re.escape(quote) + r"(?=\s*(?:[,}\])]|$|\"?\s*\+))|" + re.escape(quote) + r"(?=;|\s+at\s)")
    for quote in ('"', "'")
}
_CODED: Final = re.compile(r"(?:Error code|Status Code|HTTP)[: ]{1,2}\d{3}\b[ :,-]*([^{]{4,400})", re.IGNORECASE)
_DRESS: Final = re.compile(r"^[\s│⎿✕✗×■●>*`|#-]+(?=\S)|[\s│`|]+$")
_STOPS: Final = ("{", "- ", "; ", ". ", "\n")
_ENDS: Final = (".", "!", "?", "。", "!", "?", ")", "]", "}", ";", "|")
_SPACE: Final = re.compile(r"\s+")


def says_of(seen: View, near: str) -> str:
    """The whole innermost message that carries the words that decided; without a structure the line that carries them.

    At most 600 characters.
    """
    flat = seen.flat
    placed = _messages(flat)
    told = [sentence for _, sentence in placed]
    fitting = [sentence for sentence in told if near and near in sentence.lower()]
    if fitting:
        return min(fitting, key=len)[:_SHOWN]
    if told and not near:
        return told[-1][:_SHOWN]
    if not near:
        coded = _CODED.search(flat)
        return (coded.group(1).strip(" '\"") if coded else flat)[:_SHOWN]
    line = _line(seen, near)
    place = seen.low.find(near)
    if placed and (" " not in near or '":' in line or "{" in line):
        # A code or a type decided; the sentence next to it is what was said.
        return min(placed, key=lambda message: abs(message[0] - place))[1][:_SHOWN]
    if line:
        return line
    if place < 0:
        return (told[-1] if told else flat)[:_SHOWN]
    start = max(
        (flat.rfind(stop, max(0, place - 300), place) + len(stop) for stop in _STOPS if stop in flat), default=0
    )
    return flat[start if start <= place else place : place + 400].strip(" '\"{}[]")[:_SHOWN]


def _messages(flat: str) -> list[tuple[int, str]]:
    """What stands behind `message` and its like, wrappers and what they wrap alike: place and sentence, in the order they open."""
    found: list[tuple[int, str]] = []
    for opening in _OPENING.finditer(flat):
        start = opening.end()
        closing = _CLOSING[opening.group(1)].search(flat, start, start + _LONGEST)
        end = closing.start() if closing else min(len(flat), start + _LONGEST)
        sentence = flat[start:end].strip()
        if len(sentence) > 2:
            found.append((start, sentence))
    return found


def _line(seen: View, near: str) -> str:
    """The one line of the text that holds the words, without its frame; '' where they are wrapped over several."""
    lines = seen.lines.splitlines()
    for number, line in enumerate(lines):
        if near not in _SPACE.sub(" ", line).lower():
            continue
        plain = _plain(line)
        for further in lines[number + 1 : number + 4]:  # the sentence goes on where a terminal broke it
            more = _plain(further)
            if not more or plain.endswith(_ENDS) or not (more[0].islower() or more[0].isdigit()):
                break
            plain = f"{plain} {more}"
        return plain if len(plain) <= _SHOWN else ""
    return ""


def _plain(line: str) -> str:
    return _DRESS.sub("", _SPACE.sub(" ", line))
