"""Where a value ends that was broken over lines and has no prefix that tells how long it is.

What its pieces are worth is known only when they are joined: each must stand alone on its line, and the whole must have the shape of a
maker's key or a length that the keys of this field have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bot.redaction.judge import all_hex, dated, evidence, manifold, whole_hex, wordlike
from bot.redaction.pieces import PIECE
from bot.redaction.rx import piece
from bot.redaction.strangers import names_next, thing

SHUT: Final = piece(r"[ \t]*(?:[\\=]?\r?\n|[\"'`,;)]|[\x80-\xff]|\\?$)")
_JOINT: Final = piece(r"[ \t]*[\\=]?\r?\n[ \t]*(?:[>|#][ \t]*)?")
_MOST_PIECES: Final = 12
_LONGEST: Final = 260
_LEAST_WIDTH: Final = 12
_MOST_LINES: Final = 48
_UUID: Final = piece(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BASE64: Final = piece(r"[A-Za-z0-9+/]+={0,2}")


def glued_end(view: bytes, start: int, end: int, whole: Callable[[bytes], bool], words: bool = False) -> int:
    """The end of a value whose rest stands on the next lines, a piece on each, and which is `whole` when joined; else `end`.

    `words`: a piece may read like a word, because the whole is beyond doubt.
    """
    text = view[start:end].rstrip(b"=\\")
    joint = _JOINT.match(view, start + len(text))
    run = PIECE.match(view, joint.end()) if joint is not None else None
    if run is None or not (words or SHUT.match(view, run.end())) or whole(text):
        return end
    best, previous = end, _LONGEST
    position = start + len(text)
    even = True
    for number in range(_MOST_PIECES):
        joint = _JOINT.match(view, position)
        run = PIECE.match(view, joint.end()) if joint is not None else None
        if run is None:
            return best
        begin, position = run.span()
        part = run.group()
        if (
            evidence(part)
            or dated(part)
            or names_next(view, begin, position)
            or (whole_hex(part) and not all_hex(text[-4:]))
        ):
            return best
        spoken = thing(view, begin, position) or (wordlike(part) and len(part) > 3 and not part.isdigit())
        # the short last line below lines of one width may read like a word
        if spoken and number >= 2 and even and len(part) < previous and whole(text + part):
            spoken = False
        shut = SHUT.match(view, position)
        if (spoken and not words) or (best > end and (spoken or shut is None or len(part) > previous)):
            return best  # the longest line of a broken value is not its last
        bare = part.rstrip(b"=.:")
        for last in (part, bare) if bare != part else (part,):
            if whole(text + last) and (shut is not None or words or len(last) < len(part)):
                best = begin + len(last)
                break
        if shut is None:
            return best
        if part[-1:] == b"=":
            position -= len(part) - len(part.rstrip(b"="))
            part = part.rstrip(b"=")
        text += part
        even = number == 0 or (even and len(part) == previous)
        previous = len(part)
        if len(text) > _LONGEST:
            return best
    return best


def even_end(view: bytes, end: int, stop: int) -> int:
    """Where a key of no known length ends whose lines, from the one behind `end` to the one that ends at `stop`, are of one width.

    What is shorter than they are is its last line.
    """
    widths = {len(run.strip(b" \t>|#\r\\=")) for run in view[end:stop].split(b"\n")[1:]}
    if len(widths) != 1:
        return stop
    width = widths.pop()
    if width < _LEAST_WIDTH or view.rfind(b"\n", 0, end) < end - 400:
        return stop
    for _ in range(_MOST_LINES):
        joint = _JOINT.match(view, stop)
        run = PIECE.match(view, joint.end()) if joint is not None else None
        if run is None or len(run.group()) > width or SHUT.match(view, run.end()) is None:
            return stop
        part = run.group()
        if (
            evidence(part)
            or dated(part)
            or whole_hex(part)
            or names_next(view, run.start(), run.end())
            or thing(view, run.start(), run.end())
            or (wordlike(part) and len(part) > 2)
        ):
            return stop
        stop = run.end()
        if len(part) < width:
            return stop
    return stop


def of_a_length(value: bytes) -> bool:
    """Has the length and the alphabet of a key that has no prefix."""
    size = len(value)
    if size == 36:
        return _UUID.fullmatch(value) is not None
    if value.isalnum():
        if all_hex(value):
            return size in (32, 64)
        return size in (24, 30, 32, 40, 84) and manifold(value)
    return size in (40, 56, 60) and manifold(value) and _BASE64.fullmatch(value) is not None


def long_hex(value: bytes) -> bool:
    """Together's older keys: twice as long as what else is written in hex digits, so that a half of one looks whole."""
    return len(value) == 64 and all_hex(value)
