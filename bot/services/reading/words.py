"""Thousands of words looked for in a text at once."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain
from typing import Final

import re2

from bot.services.reading.view import View

_HEAD: Final = 10  # bytes of a word's beginning: few texts hold one without the rest
_WINDOW: Final = 8_192  # characters of a long text that are looked through together
_END: Final = rb"\n"  # no evened text holds one
MEMORY: Final = 16 << 20
"""Bytes the automaton may grow to, state by state as texts come; then it starts anew. A process that lives for long wants it small."""
ROOMY: Final = 64 << 20
"""Enough for tens of thousands of errors of all kinds without starting anew, for a process that reads many of them and ends: with so
much the automaton knows the words to their ends, which is a tenth quicker."""


class Words:
    """`found` gives those of the words that stand in a text. Building takes some 30 ms.

    The bytes of UTF-8 are looked for as they are: an automaton of characters takes three times as long to grow. It knows only how
    words begin, which makes it half as large; whether the rest stands there is asked for the few that begin somewhere. Behind each
    text an end is looked for as well: RE2 says nothing found both where nothing is and where it ran out of memory. Where it did, the
    words are looked for one by one, which takes a hundred times as long and misses nothing.
    """

    __slots__ = ("_longest", "_match", "_numbers", "_starts", "_whole", "_words")

    def __init__(self, words: Iterable[str], memory: int = MEMORY) -> None:
        # RE2 would give them in this order where they end at one place of a text.
        patterns = sorted(((re2.escape(word).encode("utf-8"), word) for word in words), reverse=True)
        self._words = tuple(word for _, word in patterns)
        self._longest = max(map(len, self._words), default=0)
        self._whole = memory >= ROOMY
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.max_mem = memory
        options.log_errors = False
        heads: dict[bytes, list[int]] = {}
        for number, (pattern, word) in enumerate(patterns):
            heads.setdefault(pattern if self._whole else _head(word), []).append(number)
        # The numbers of the words with the first head, the second, ...; where each head's begin, and the end of all.
        self._numbers = array("I", chain.from_iterable(heads.values()))
        self._starts = array("I", accumulate(map(len, heads.values()), initial=0))
        # The wrapper's own set encodes and decodes once more what is bytes already.
        search = re2._re2.Set(re2._Anchor.UNANCHORED, options)
        for pattern in (*heads, _END):
            search.Add(pattern)
        self._match = search.Match if search.Compile() else None

    @property
    def quick(self) -> bool:
        """False where the memory is too small for any automaton of these words."""
        return self._match is not None

    def found(self, low: str, raw: bytes) -> list[str]:
        """In the order in which they end in the text. `raw` is `low` in UTF-8."""
        if self._whole and self._match is not None and (places := self._match(raw + b"\n")):
            words = self._words
            places.remove(len(words))  # the end
            return [words[place] for place in places]
        if len(low) <= _WINDOW:
            ends = self._ends(low, raw)
        else:  # a piece at a time: else each of the words that only begin somewhere is looked for in all of a long text
            ends = {}
            for start in range(0, len(low), _WINDOW):
                piece = low[start : start + _WINDOW + self._longest]
                for number, end in self._ends(piece, piece.encode()).items():
                    ends.setdefault(number, start + end)
        return [self._words[number] for number in sorted(ends, key=lambda number: (ends[number], number))]

    def _ends(self, low: str, raw: bytes) -> dict[int, int]:
        """Number of each word that stands in the text, and where it ends first."""
        words = self._words
        near: Sequence[int] = range(len(words))
        if self._match is not None and (places := self._match(raw + b"\n")):
            starts, numbers = self._starts, self._numbers
            places.remove(len(starts) - 1)  # the end
            near = [number for place in places for number in numbers[starts[place] : starts[place + 1]]]
        return {number: at + len(words[number]) for number in near if (at := low.find(words[number])) >= 0}


def _head(word: str) -> bytes:
    """The pattern of a word's beginning."""
    begin = word.encode("utf-8")[:_HEAD].decode("utf-8", "ignore")
    return str(re2.escape(begin)).encode("utf-8")


def begins(word: str, seen: View) -> bool:
    """The word starts where a word starts, or at a hump of a camelCase name: no "low balance" in "below balance"."""
    first = word[0]
    if not first.isascii() or not first.isalnum():
        return True
    low = seen.low
    place = low.find(word)
    while place >= 0:
        before = low[place - 1] if place else " "
        if not before.isascii() or not before.isalnum() or before.isdigit() != first.isdigit():
            return True
        if seen.flat[place].isupper():
            return True
        place = low.find(word, place + 1)
    return False
