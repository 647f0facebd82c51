"""Thousands of words looked for in a text at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import re2

from bot.services.reading.view import View

_END: Final = "\n"  # no evened text holds one
MEMORY: Final = 16 << 20
"""Bytes the automaton may grow to, state by state as texts come; then it starts anew. A process that lives for long wants it small."""
ROOMY: Final = 64 << 20
"""Enough for tens of thousands of errors of all kinds without starting anew, for a process that reads many of them and ends."""


class Words:
    """`found` gives those of the words that stand in a text. Building takes some 50 ms.

    The bytes of UTF-8 are looked for as they are: an automaton of characters takes three times as long to grow. Behind each text
    an end is looked for as well: RE2 says nothing found both where nothing is and where it ran out of memory. Where it did, the
    words are looked for one by one, which takes a hundred times as long and misses nothing.
    """

    __slots__ = ("_match", "_words")

    def __init__(self, words: Iterable[str], memory: int = MEMORY) -> None:
        self._words = tuple(words)
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.max_mem = memory
        options.log_errors = False
        # The wrapper's own set encodes and decodes once more what is bytes already.
        search = re2._re2.Set(re2._Anchor.UNANCHORED, options)
        for word in (*self._words, _END):
            search.Add(re2.escape(word).encode("utf-8"))
        self._match = search.Match if search.Compile() else None

    @property
    def quick(self) -> bool:
        """False where the memory is too small for any automaton of these words."""
        return self._match is not None

    def found(self, low: str, raw: bytes) -> list[str]:
        """In the order in which the words were given. `raw` is `low` in UTF-8."""
        words = self._words
        if self._match is not None and (places := self._match(raw + b"\n")):
            places.remove(len(words))  # the end
            return [words[place] for place in places]
        return [word for word in words if word in low]


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
