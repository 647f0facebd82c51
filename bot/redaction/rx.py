"""Two kinds of patterns. RE2 finds where to look in a whole text; Python's `re` only reads a short piece at a known place.

RE2 patterns are UTF-8 and matched byte by byte: small automata, and offsets that are byte offsets. So a Chinese word may stand as a
literal or in an alternation, but never inside a character class. Counts stay bounded where a thread could otherwise wait for an end
that never comes while shorter matches are found: that would make a hostile text slow. Patterns for `re` are one run of a class or an
alternation of literals: nothing in them can backtrack.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import re2

NOWHERE: Final = (-1, -1)
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
    match, anywhere = raw.Match, re2._Anchor.UNANCHORED

    def first(view: bytes, position: int = 0) -> tuple[int, int]:
        span: tuple[int, int] = match(anywhere, view, position, len(view))[0]
        return span

    return first


def piece(pattern: str) -> re.Pattern[bytes]:
    return re.compile(pattern.encode("utf-8"))
