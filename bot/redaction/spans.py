"""What a find is: where, what kind, and the bare secret (for the fingerprint; empty when there is none to compare)."""

from __future__ import annotations

from typing import Final

Span = tuple[int, int, str, bytes]

# A text with more places to look at than a person or a program writes is a trick: its rest is cut instead of read.
UNREADABLE: Final = "unreadable"


BUDGET: Final = 400  # the least there is for any text


def budget(length: int) -> int:
    return BUDGET + length // 64
