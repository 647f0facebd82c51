"""Tells in one walk over a text which of many patterns can fit it at all; only those are then tried, by Python's slower `re`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import re2

_MEMORY: Final = 8 << 20  # per sieve; the automaton grows with the texts and then starts anew
_AROUND: Final = ("(?=", "(?!", "(?<=", "(?<!")
_COUNT: Final = re.compile(r"\{(\d+)(,?)(\d*)\}")
_ESCAPED: Final = re.compile(r"\\u([0-9a-f]{4})")
_MANY: Final = 8  # from here on a count is read as "and more": counting is what makes an automaton large


class Sieve:
    """`passed` gives the numbers of the patterns that may fit; one that is not among them fits nowhere in the text."""

    __slots__ = ("_all", "_match")

    def __init__(self, patterns: Iterable[str]) -> None:
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.max_mem = _MEMORY
        options.log_errors = False
        search = re2._re2.Set(re2._Anchor.UNANCHORED, options)
        loose = [loosened(pattern).encode() for pattern in patterns]
        added = [search.Add(pattern) for pattern in (*loose, b"\n")]
        self._all = list(range(len(loose)))
        if -1 in added or not search.Compile():
            raise ValueError("a pattern that the sieve cannot read")
        self._match = search.Match

    def passed(self, raw: bytes) -> list[int]:
        """In ascending order. `raw` is UTF-8 in one line; its end is looked for as well, as in `words.Words`."""
        places: list[int] = self._match(raw + b"\n")
        if not places:
            return self._all
        places.sort()
        places.pop()
        return places


def loosened(pattern: str) -> str:
    """A pattern of `re` as one of RE2 on bytes that fits wherever the first one does, and more often.

    Look-arounds, word ends and text ends are left out; in a class any byte of a longer character stands for all of them.
    """
    pattern = _ESCAPED.sub(lambda found: chr(int(found.group(1), 16)), pattern)
    made: list[str] = []
    place = 0
    while place < len(pattern):
        sign = pattern[place]
        if pattern.startswith(_AROUND, place):
            place = _behind(pattern, place)
        elif sign == "\\":
            escaped = pattern[place : place + 2]
            place += 2
            if escaped == r"\w":
                made.append(_one(r"[\w\x80-\xff]", pattern, place))
            elif escaped != r"\b":
                made.append(escaped)
        elif sign == "[":
            end = _class_end(pattern, place)
            made.append(_one(_bytes_class(pattern[place:end]), pattern, end))
            place = end
        elif sign == "{" and (count := _COUNT.match(pattern, place)):
            least, comma, most = count.groups()
            many = comma and (not most or int(most) > _MANY)
            made.append(f"{{{least},}}" if many else count.group())
            place = count.end()
        else:
            if sign != "$":
                made.append(sign if sign.isascii() else f"(?:{sign})")
            place += 1
    return "".join(made)


def _class_end(pattern: str, start: int) -> int:
    place = start + 1 + (pattern[start + 1] == "^")
    place += pattern[place] == "]"  # as the first sign it is one of the class
    while pattern[place] != "]":
        place += 2 if pattern[place] == "\\" else 1
    return place + 1


def _behind(pattern: str, start: int) -> int:
    """Where a group that opens here is over."""
    depth, place = 0, start
    while True:
        sign = pattern[place]
        if sign == "[":
            place = _class_end(pattern, place)
            continue
        depth += (sign == "(") - (sign == ")")
        place += 2 if sign == "\\" else 1
        if not depth:
            return place


def _bytes_class(given: str) -> str:
    if given.startswith("[^"):
        return "".join(sign for sign in given if sign.isascii())
    plain = re.sub(r"[^\x00-\x7f](?:-[^\x00-\x7f])?", "", given)
    if plain == given and r"\w" not in given:
        return given
    return plain[:-1].removesuffix("-") + r"\x80-\xff" + ("-]" if plain.endswith("-]") else "]")


def _one(given: str, pattern: str, end: int) -> str:
    """A class for one character takes all of its bytes; where it is repeated anyway it stays as it is."""
    several = r"\x80" in given or given.startswith("[^")
    counted = end < len(pattern) and pattern[end] in "*+"
    return given if counted or not several else f"(?:{given}{{1,}})"
