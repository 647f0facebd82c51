"""Rows of a board that a phone does not wrap. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from bot.model.chat import Row

ROOM: Final = 60  # columns that a phone shows without wrapping
_UNDER: Final = 4  # what the faces indent a line that belongs to a row


def cells(text: str) -> int:
    """How many columns a text takes: a Chinese character takes two, a joiner and what is put on another sign none."""
    if text.isascii():
        return len(text)
    return sum(
        2 if unicodedata.east_asian_width(sign) in "WF" else unicodedata.category(sign) not in ("Mn", "Me", "Cf")
        for sign in text
    )


def packed(parts: Iterable[str], separator: str, room: int = ROOM - _UNDER) -> list[str]:
    """Parts side by side while they fit, else on lines of their own."""
    lines: list[str] = []
    for part in filter(None, parts):
        if lines and cells(lines[-1]) + cells(separator) + cells(part) <= room:
            lines[-1] += separator + part
        else:
            lines.append(part)
    return lines


def narrow(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Notes go beneath, all of them, where one line would be too long with its own."""

    def beside(row: Row) -> int:
        return cells("  ".join(filter(None, (row.state, row.name, row.figure, row.note))))

    if all(not row.note or beside(row) <= ROOM for row in rows):
        return tuple(rows)
    return tuple(replace(row, note="", under=(row.note, *row.under)) if row.note else row for row in rows)
