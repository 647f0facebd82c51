"""What a find is: where, what kind, and the bare secret (for the fingerprint; empty when there is none to compare)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

Span = tuple[int, int, str, bytes]

# A text with more places to look at than a person or a program writes is a trick: its rest is cut instead of read.
UNREADABLE: Final = "unreadable"


BUDGET: Final = 400  # the least there is for any text
LONG: Final = 40_000  # no chat lets through more, and files come in smaller blocks


def budget(length: int) -> int:
    """How many places the first so many bytes of a text may hold; what follows them does not matter, so that a second look agrees.

    One in a hundred bytes is more than any log or settings file has in the long run.
    """
    return max(BUDGET + min(length, LONG) // 64, length // 100)


def legible(text: bytes, spans: Sequence[Span]) -> int:
    """Where the rest of the text begins that goes unread, whatever it wears; the text's end if it was read to the end."""
    size = len(text)
    if size < BUDGET:  # it holds too few places for that
        return size
    return min((span[0] for span in spans if span[2] == UNREADABLE and span[1] == size), default=size)
