"""Where in a request's body something ends that began: a string, a list, a parameter, a line. Nothing here is read twice."""

from __future__ import annotations

from typing import Final

from bot.redaction.rx import piece

REACH: Final = 20_000  # nobody writes more without an end
_PARAMETER: Final = piece(r"(?:,|;|，|；)? ?[a-z_]{1,24}=|[)\]}]$")
_QUOTED: Final = frozenset((b'"', b"'", b"[", b"{", b"`", b"\\", b" ", b""))
_MARK: Final = piece(r"(?<!\\)\\*[\"']|[\[{]+|(?<!\\)\\*[\]}]+")
_OPENING: Final = frozenset(b"[{")
_QUOTES: Final = frozenset(b"\"'")
# a quote that may close a string: a separator or a bracket follows, whatever blanks lie between
_SHUT: Final = {ord(mark): piece(rf"{mark}[ \t\r\n\\nrt>|]{{0,40}}(?:[,\]}}:)]|\Z)") for mark in "\"'"}


class Ahead:
    """The next place of each mark in one text, for those who ask from left to right: each stretch is looked through once."""

    __slots__ = ("_places", "_view")

    def __init__(self, view: bytes) -> None:
        self._view = view
        self._places: dict[bytes, int] = {}

    def first(self, at: int, marks: tuple[bytes, ...]) -> int:
        """The nearest of the marks within reach, else the end of the line."""
        reach = min(len(self._view), at + REACH)
        nearest = reach
        for mark in marks:
            place = self._places.get(mark, -1)
            if place < at:
                place = self._view.find(mark, at)
                if place < 0:
                    place = len(self._view) + 1
                self._places[mark] = place
            if place < nearest and place + len(mark) <= reach:
                nearest = place
        return nearest if nearest < reach else line(self._view, at)


def brace(view: bytes, at: int, ahead: Ahead) -> int:
    """The end of a struct's last field: the brace before the list's end or the next struct, else the first."""
    stop = ahead.first(at, (b"}",))
    if view.startswith((b"]", b" {", b", {", b",{", b"\n"), stop + 1):
        return stop
    later = view.find(b"}]", stop, stop + 2_000)
    return later if later > stop and view.find(b"\n", stop, later) < 0 else stop


def argument(view: bytes, at: int) -> int:
    """The end of a parameter's value that stands without quotes: where the next parameter begins."""
    if view[at : at + 1] in _QUOTED:
        return at
    stop = view.find(b"\n", at, at + REACH)
    stop = min(len(view), at + REACH) if stop < 0 else stop
    following = _PARAMETER.search(view, at, stop)
    return int(following.start()) if following is not None else stop


def block(view: bytes, stop: int) -> tuple[int, int]:
    """The indented lines below a YAML block mark."""
    at = end = stop + 1
    while end < len(view) and view[end : end + 1] in (b" ", b"\t"):
        end = line(view, end) + 1
    return at, min(max(at, end - 1), len(view))


def closing(view: bytes, at: int, opening: bytes) -> int:
    """The end of a string: the next equal quote with as many backslashes before it; else the end of the line."""
    if opening == b"\xe2\x80\x9c":
        end = view.find(b"\xe2\x80\x9d", at)
        return end if end >= 0 else line(view, at)
    quote = opening[-1:]
    slashes = len(opening) - len(opening.lstrip(b"\\"))
    if opening.endswith(b'"""'):
        end = view.find(b'"""', at)
        return end if end >= 0 else len(view)
    position = at
    while True:
        end = view.find(quote, position)
        if end < 0:
            return line(view, at)
        before = end
        while before > at and view[before - 1] == 0x5C:
            before -= 1
        if end - before <= slashes or (slashes == 0 and (end - before) % 2 == 0):
            return before
        position = end + 1


def line(view: bytes, at: int) -> int:
    end = view.find(b"\n", at)
    return len(view) if end < 0 else end


def matching(view: bytes, at: int) -> int:
    """The end of a list or dict whose opening bracket stands before `at`: the place of its closing bracket, or the end of the text."""
    depth = 1
    position = at
    while True:
        mark = _MARK.search(view, position)
        if mark is None:
            return len(view)
        begin, position = mark.span()
        last = view[position - 1]
        if last in _OPENING:
            depth += position - begin
        elif last in _QUOTES:
            position = _string(view, position, position - begin - 1, last)
            if position < 0:
                return len(view)
        else:
            brackets = len(mark.group().lstrip(b"\\"))
            if brackets >= depth:
                return begin if depth == 1 else position - brackets + depth - 1
            depth -= brackets


def _string(view: bytes, at: int, slashes: int, mark: int) -> int:
    """The place behind a string in a list that began before `at` with so many backslashes and this quote; -1 when it has no end."""
    position = at
    shut = _SHUT[mark]
    while True:
        match = shut.search(view, position)
        if match is None:
            return -1
        end = begin = match.start()
        while begin > at and view[begin - 1] == 0x5C:
            begin -= 1
        position = end + 1
        count = end - begin
        if (count <= slashes or (slashes == 0 and count % 2 == 0)) and _ends_string(view, position):
            return position


def _ends_string(view: bytes, end: int) -> bool:
    """A closing quote is followed by a separator or a bracket, whatever blanks lie between; an apostrophe in a word is not."""
    position = end
    limit = min(len(view), end + 40)
    while position < limit and view[position] in b" \t\r\n\\nrt>|":
        if view[position] in b"nrt" and view[position - 1 : position] != b"\\":
            return False
        position += 1
    return position >= len(view) or view[position : position + 1] in (b",", b"]", b"}", b":", b")", b"")
