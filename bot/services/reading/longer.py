"""A long text is mostly a log: which of its records to read, so that nothing beside it is taken for its status, model or ids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import re2

from bot.model.records import BEGINS, TROUBLE, VARIES

LONG: Final = 6_000  # characters; a shorter text is read as a whole
_RECORDS: Final = 20  # fewer are no log: a page, a traceback, one answer
_RECORD_MOST: Final = 8_000
_LOOKS: Final = 400  # different records that are looked at closely
_ENOUGH: Final = 80  # from this rank on a signature knows a provider's own sentence: of several the last one counts

_TROUBLE: Final = re2.compile(TROUBLE)


def focused(text: str, rank: Callable[[str], int]) -> str:
    """The record that counts: the one whose signature ranks highest; of those that know a provider's own sentence, the last.

    `rank`: of the best signature of a text, 0 for none. The text itself where it is short, no log, or says nothing that is known.
    """
    if len(text) <= LONG:
        return text
    records = _records(text)
    if len(records) < _RECORDS:
        return text
    best, at, seen = 0, -1, set[str]()
    for number in range(len(records) - 1, -1, -1):
        record = records[number]
        if not _TROUBLE.search(record):
            continue
        shape = VARIES.sub("0", record[:400])
        if shape in seen:
            continue
        seen.add(shape)
        if (found := min(rank(record), _ENOUGH)) > best:
            best, at = found, number
        if best >= _ENOUGH or len(seen) >= _LOOKS:
            break
    return text if at < 0 else records[at]


def _records(text: str) -> list[str]:
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if BEGINS.match(line)]
    if len(starts) < _RECORDS:
        return []
    ends = [*starts[1:], len(lines)]
    first = ["\n".join(lines[: starts[0]])] if starts[0] else []
    whole = first + ["\n".join(lines[start:end]) for start, end in zip(starts, ends, strict=True)]
    half = _RECORD_MOST // 2
    return [r if len(r) <= _RECORD_MOST else f"{r[:half]} … {r[-half:]}" for r in whole]
