"""Two kinds of patterns. RE2 finds where to look in a whole text; Python's `re` only reads a short piece at a known place.

RE2 patterns are UTF-8 and matched byte by byte: small automata, and offsets that are byte offsets. So a Chinese word may stand as a
literal or in an alternation, but never inside a character class. Counts stay bounded where a thread could otherwise wait for an end
that never comes while shorter matches are found: that would make a hostile text slow. Patterns for `re` are one run of a class or an
alternation of literals: nothing in them can backtrack.

Whether bytes stand in bytes is asked with `find`, or with a number for one byte, in all of this package: Python 3.11's `in` first takes
them for a number, raises, and swallows that, which costs more than a whole pattern.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Final

import re2

NOWHERE: Final = (-1, -1)
ANYWHERE: Final = re2._Anchor.UNANCHORED
Search = Callable[[bytes, int], tuple[int, int]]
_MEMORY: Final = 48 << 20


def rx(pattern: str) -> Any:
    """An RE2 pattern with groups, for places where few texts get to."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = _MEMORY
    options.log_errors = False
    return re2.compile(pattern.encode("utf-8"), options)


def finder(pattern: str) -> Callable[[bytes, int], tuple[int, int]]:
    """The span of the first match at or after a place, or NOWHERE. Groups in the pattern are not counted."""
    compiled = rx(pattern)
    raw = getattr(compiled, "_regexp", None)
    if raw is None or compiled.groups:

        def slowly(view: bytes, position: int = 0) -> tuple[int, int]:
            match = compiled.search(view, position)
            return match.span() if match is not None else NOWHERE

        return slowly

    # The wrapper's own search makes a generator and a match object for each hit, which costs more than the matching.
    match, anywhere = raw.Match, ANYWHERE

    def first(view: bytes, position: int = 0, match: Any = match, anywhere: Any = anywhere) -> tuple[int, int]:
        return match(anywhere, view, position, len(view))[0]  # type: ignore[no-any-return]

    first.match = match  # type: ignore[attr-defined]
    return first


def bare(search: Search) -> Callable[[Any, bytes, int, int], list[tuple[int, int]]]:
    """What a finder calls, for those who call it thousands of times in a row: `bare(...)(ANYWHERE, view, position, end)[0]`."""
    match = getattr(search, "match", None)
    return match if match is not None else lambda _, view, position, end: [search(view[:end], position)]


def groups(compiled: Any, view: bytes) -> Iterator[tuple[int, int]]:
    """Where the first group of each match stands, from left to right."""
    raw = getattr(compiled, "_regexp", None)
    if raw is None:
        yield from (match.span(1) for match in compiled.finditer(view))
        return
    position, size = 0, len(view)
    while position <= size:
        whole, group = raw.Match(ANYWHERE, view, position, size)[:2]
        if whole[0] < 0:
            return
        yield group
        position = whole[1] + (whole[1] == position)


def captures(compiled: Any) -> Callable[[bytes, int], Sequence[tuple[int, int]]]:
    """Gives the spans of the first match at or behind a place and of its groups; that of the match is NOWHERE if there is none."""
    raw = getattr(compiled, "_regexp", None)
    if raw is None:

        def slowly(view: bytes, position: int) -> Sequence[tuple[int, int]]:
            match = compiled.search(view, position)
            return (NOWHERE,) if match is None else [match.span(group) for group in range(compiled.groups + 1)]

        return slowly
    match = raw.Match
    return lambda view, position: match(ANYWHERE, view, position, len(view))


def piece(pattern: str) -> re.Pattern[bytes]:
    return re.compile(pattern.encode("utf-8"))


# Between texts that are looked at together: not one pattern can reach over a line end and a NUL, and no text here holds a NUL.
_APART: Final = b"\n\0\n"
GAP: Final = len(_APART)


def apart(texts: Sequence[bytes]) -> tuple[bytes, list[int]]:
    """The texts as one, and where each begins in it; behind them, where one more would."""
    return _APART.join(texts), list(accumulate([len(text) + GAP for text in texts], initial=0))


def alone(text: bytes) -> tuple[int, int]:
    """What `apart` says of the places of one text."""
    return 0, len(text) + GAP


def touched(search: Search, joined: bytes, starts: list[int]) -> list[int]:
    """The numbers of those of many texts that hold a hit at all."""
    found: list[int] = []
    position = 0
    match, anywhere, size = bare(search), ANYWHERE, len(joined)
    while True:
        start = match(anywhere, joined, position, size)[0][0]
        if start < 0:
            return found
        index = bisect_right(starts, start)
        found.append(index - 1)
        position = starts[index]
