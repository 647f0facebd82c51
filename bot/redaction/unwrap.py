"""Search copies: the text with one layer of dress taken off, and the way back from each place in it.

Dress: full-width and mathematical letters, zero-width characters, %XX, backslash escapes, HTML entities, string concatenation, Markdown
marks inside a word, chat links, line continuations. Everything works on UTF-8 bytes: RE2 counts bytes, and so does the map.
"""

from __future__ import annotations

import re
import unicodedata
from binascii import unhexlify
from bisect import bisect_right
from typing import Final

from bot.redaction.rx import ANYWHERE, bare, finder
from bot.redaction.spans import LONG, budget

_UNDERLINED: Final = r"[A-Za-z0-9\-]_?__[A-Za-z0-9\-.]+(?:_[A-Za-z0-9\-.]+)*__[A-Za-z0-9\-]"
# What sets the copying off, and what one round undoes. Alternatives that need a left neighbour take it into the match.
_WORD = r"[A-Za-z0-9_\-.:/+=]"
_LEFT: Final = r"[A-Za-z0-9_\-.:/+=%]"  # a string may end within an escape
_INVISIBLE: Final = r"\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0\xa6-\xa9]|\xef\xbb\xbf|\xc2\xad|\xe1\xa0\x8e"
_WIDE: Final = r"\xef\xbc[\x90-\x99\xa1-\xba]|\xef\xbd[\x81-\x9a]|\xf0\x9d[\x90-\x9f][\x80-\xbf]|\xe2\x92[\xb6-\xbf]|\xe2\x93[\x80-\xa9]|\xe2\x80[\x90\x91]"
_WIDE_ALL: Final = r"\xef\xbc[\x81-\xbf]|\xef\xbd[\x80-\x9e]|\xf0\x9d[\x90-\x9f][\x80-\xbf]|\xe2\x92[\xb6-\xbf]|\xe2\x93[\x80-\xa9]|\xe2\x80[\x90\x91]"
_WIDE_ASCII: Final = r"\xef\xbc[\x81-\xbf]|\xef\xbd[\x80-\x9e]"
_JOINT: Final = (
    r"[\"'](?:[ \t]{0,8}(?:\+|\.|&|\\)?[ \t]{0,8}(?:\r?\n(?:[ \t]{0,4}>)?)?[ \t]{0,24}(?:\+|\.)?[ \t]{0,8})[fbru]?[\"']"
)
_DRESS: Final = finder(
    "|".join(
        (
            r"(?:%[0-9A-Fa-f]{2})+",
            r"(?:\\u[4-9][0-9A-Fa-f]{3})+",
            r"(?:\\u00[2-7][0-9A-Fa-f])+",
            r"\\{1,6}u[0-9A-Fa-f]{4}",
            r"\\x[0-9A-Fa-f]{2}",
            r"\\\r?\n[ \t]{0,80}",
            r"\\[ nrtbf\"'/\-_.*\\`~+=:]",
            rf"(?:{_INVISIBLE})+",
            rf"(?:{_WIDE_ASCII})+",
            _WIDE_ALL,
            r"&(?:amp|quot|apos|lt|gt|#[0-9]{1,4}|#x[0-9A-Fa-f]{1,4});",
            r"<(?:https?://|mailto:|tel:)[^|<>\s]{1,120}\|[^<>\s]{1,120}>",
            _WORD + r"(?:\*{1,3}|`{1,3}|~~)",
            _UNDERLINED,
            _LEFT + _JOINT,
        )
    )
)
# The cheap question: is there anything at all to take off? Punctuation in full width alone does not count, but for a key's own signs
# amid it, which an input method widens.
GATE: Final = finder(
    "|".join(
        (
            r"%[0-9A-Fa-f]{2}",
            r"\\",
            _INVISIBLE,
            _WIDE,
            r"[A-Za-z0-9]\xef\xbc[\x8d-\x8f\xbf](?:[A-Za-z0-9]|\xef\xbc[\x8d-\x8f\xbf])",
            r"&(?:quot|apos|#[0-9]{1,4}|#x[0-9A-Fa-f]{1,4});",
            r"\|[^<>\s]{1,120}>",
            _WORD + r"(?:\*{1,3}|`|~~)" + _WORD,
            _UNDERLINED,
            _LEFT + _JOINT + _WORD,
        )
    )
)
_ESCAPED: Final = {0x0A: b"", 0x0D: b"", 0x6E: b"\n", 0x72: b"\n", 0x74: b"\t", 0x62: b" ", 0x66: b" "}
_ENTITIES: Final = {b"&amp;": b"&", b"&quot;": b'"', b"&apos;": b"'", b"&lt;": b"<", b"&gt;": b">"}
_KEYISH: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.:/+=")
ROUNDS: Final = 3
# the same dress again and again: each byte of the copy stands for as many bytes of it
_RUN: Final = re.compile(
    rb"(?:%[0-9A-Fa-f]{2})+|(?:\\u[4-9][0-9A-Fa-f]{3})+|(?:\\u00[2-7][0-9A-Fa-f])+|(?:\xef\xbc[\x81-\xbf]|\xef\xbd[\x80-\x9e])+"
)
# a string in other quotes on the next line is a string of its own
_APART: Final = re.compile(rb"'[ \t]*\\?\r?\n[ \t>]*[fbru]?\"|\"[ \t]*\\?\r?\n[ \t>]*[fbru]?'")
# what a piece that begins so stands for does not depend on what follows it
_FREE: Final = frozenset(b"%\\&") | frozenset(range(0x80, 0x100))


def dressed(text: bytes) -> bool:
    return GATE(text, 0)[0] >= 0


class Overdressed(Exception):  # noqa: N818 - it is a state of the text, not an error of the program
    """Nothing but escapes: not worth reading."""


class Copy:
    """A search copy and its map. `back(start, end)` gives the span of the original that the copy's span came from."""

    __slots__ = ("_parts", "_starts", "parent", "seen", "taken", "text")

    def __init__(
        self, text: bytes, starts: list[int], parts: list[tuple[int, int, int]], parent: Copy | None, taken: int
    ) -> None:
        """`parts`: for each part that begins at `starts`, where it came from, where that ended, and how many bytes one byte of the
        copy stood for there; 0 when the part came from one piece that cannot be cut. `taken`: how many pieces came off."""
        self.text = text
        self._starts = starts
        self._parts = parts
        self.parent = parent
        self.taken = taken
        # where in it something was found: its end, and how much its kind tells
        self.seen: dict[int, tuple[int, int]] = {}

    def back(self, start: int, end: int) -> tuple[int, int]:
        starts = self._starts
        first = bisect_right(starts, start) - 1
        origin, stop, stride = self._parts[first]
        begin = origin + (start - starts[first]) * stride
        last = bisect_right(starts, end - 1, first) - 1
        if last > first:
            origin, stop, stride = self._parts[last]
        if stride:
            stop = origin + (end - starts[last]) * stride
        return self.parent.back(begin, stop) if self.parent is not None else (begin, stop)


def _undo(piece: bytes) -> bytes:
    """What one piece of dress stands for."""
    first = piece[0]
    if first == 0x25:  # %XX
        return bytes((int(piece[1:3], 16),))
    if first == 0x5C:  # backslash
        second = piece[1]
        if piece[-5:-4] == b"u" and len(piece) >= 6:
            return chr(int(piece[-4:], 16)).encode("utf-8", "replace")
        if second == 0x78:
            return bytes((int(piece[2:4], 16),))
        if second in (0x0A, 0x0D):
            return b""
        return _ESCAPED.get(second, piece[1:2])
    if first == 0x26:  # &entity;
        known = _ENTITIES.get(piece)
        if known is not None:
            return known
        number = int(piece[3:-1], 16) if piece[2:3] in b"xX" else int(piece[2:-1])
        return chr(number).encode("utf-8", "replace")
    if first == 0x3C:  # <url|text>
        return piece[piece.rindex(b"|") + 1 : -1]
    if first >= 0x80:
        char = piece.decode("utf-8")
        if unicodedata.category(char[0]) == "Cf":
            return b""
        if char in "\u2010\u2011":
            return b"-"
        return unicodedata.normalize("NFKC", char).encode()
    return piece[:1] + piece[3 : piece.rindex(b"__")] + piece[-1:]  # `a__b__c`


def _run(piece: bytes) -> tuple[bytes, int]:
    """What a run of one kind of dress stands for, and how many bytes of it make one byte of that."""
    if piece[0] == 0x25:
        return unhexlify(piece.replace(b"%", b"")), 3
    if piece[0] == 0x5C:
        plain = piece.decode("unicode_escape").encode("utf-8")
        return plain, len(piece) // len(plain)
    return unicodedata.normalize("NFKC", piece.decode("utf-8")).encode(), 3


_dress: Final = bare(_DRESS)


def undress(text: bytes, parent: Copy | None = None, most: int = 0) -> Copy | None:
    """One round. None when nothing came off. Raises Overdressed when there is more dress than text: more than `most` pieces."""
    out: list[bytes] = []
    starts: list[int] = []
    parts: list[tuple[int, int, int]] = []
    known: dict[bytes, tuple[bytes, int]] = {}
    size = position = taken = underlined = 0
    length = len(text)
    most = most or _most(length)
    begin, end = _dress(ANYWHERE, text, 0, length)[0]
    while begin >= 0:
        first = text[begin]
        if (first in _KEYISH and text[begin + 1 : begin + 3] != b"__") or (first == 0x25 and text[begin + 1] in b"\"'"):
            # marks behind a word: only between two word characters
            if (
                end == length
                or text[end] not in _KEYISH
                or (end - begin > 3 and _APART.fullmatch(text, begin + 1, end) is not None)
            ):
                begin, end = _dress(ANYWHERE, text, end, length)[0]
                continue
            plain, stride = text[begin : begin + 1], 0
        else:
            piece = text[begin:end]
            meaning = known.get(piece)
            if meaning is None:
                if first == 0x5C and end - begin == 2:
                    meaning = _ESCAPED.get(piece[1], piece[1:]), 0
                elif end - begin > 3 and _RUN.fullmatch(piece) is not None:
                    meaning = _run(piece)
                else:
                    meaning = _undo(piece), 0
                    if piece[1:3] == b"__":
                        underlined += 1
                        if underlined > budget(length):
                            raise Overdressed
                if first in _FREE:
                    known[piece] = meaning
            plain, stride = meaning
        taken += 1
        if taken > most:
            raise Overdressed
        if position < begin:
            out.append(text[position:begin])
            starts.append(size)
            parts.append((position, begin, 1))
            size += begin - position
        if plain:
            out.append(plain)
            starts.append(size)
            parts.append((begin, end, stride))
            size += len(plain)
        position = end
        begin, end = _dress(ANYWHERE, text, end, length)[0]
    if position == 0:
        return None
    if position < length:
        out.append(text[position:])
        starts.append(size)
        parts.append((position, length, 1))
    if not out:
        return None
    return Copy(b"".join(out), starts, parts, parent, taken)


def _most(length: int) -> int:
    """How many pieces of dress a text may wear."""
    return 400 + min(length, LONG) // 4 + max(0, length - LONG) // 24


def copies(text: bytes) -> list[Copy]:
    """Up to three copies, each with one more layer off. Empty for a text without dress."""
    found: list[Copy] = []
    current: Copy | None = None
    most = _most(len(text)) if len(text) > LONG else 0
    for _ in range(ROUNDS):
        current = undress(current.text if current else text, current, most)
        if current is None:
            break
        found.append(current)
        if most:  # all layers of a long text together
            most -= current.taken
            if most <= 0:
                raise Overdressed
    return found
