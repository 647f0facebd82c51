"""A long text is mostly a log: which of its records to read, so that nothing beside it is taken for its status, model or ids."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import re2

LONG: Final = 6_000  # characters; a shorter text is read as a whole
_RECORDS: Final = 20  # fewer are no log: a page, a traceback, one answer
_RECORD_MOST: Final = 8_000
_LOOKS: Final = 400  # different records that are looked at closely
_ENOUGH: Final = 80  # from this rank on a signature knows a provider's own sentence: of several the last one counts

_BEGINS: Final = re.compile(
    r"\[?\d{4}[-/]\d\d[-/]\d\d|\[?\d\d:\d\d:\d\d|\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL|SUCCESS)\b|\{\""
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d |\S+ \S+ \S+ \[\d\d/"
)
_MAYBE: Final = re2.compile(
    r"(?i)error|exception|traceback|critical|fatal|fail|quota|balance|credit|insufficient|billing|exceed|limit|denied|forbidden|"
    r"unauthor|invalid|expired|suspend|overload|unavailable|refused|time[d ]?-?out|too many|payment|"
    r"错误|失败|异常|报错|余额|额度|欠费|超时|限流|无权|无效|不足|拒绝|耗尽|用尽|\b[45]\d\d\b"
)
_VARIES: Final = re.compile(r"[0-9a-f]{8,}|\d+")


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
        if not _MAYBE.search(record):
            continue
        shape = _VARIES.sub("0", record[:400])
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
    starts = [number for number, line in enumerate(lines) if _BEGINS.match(line)]
    if len(starts) < _RECORDS:
        return []
    ends = [*starts[1:], len(lines)]
    first = ["\n".join(lines[: starts[0]])] if starts[0] else []
    whole = first + ["\n".join(lines[start:end]) for start, end in zip(starts, ends, strict=True)]
    half = _RECORD_MOST // 2
    return [r if len(r) <= _RECORD_MOST else f"{r[:half]} … {r[-half:]}" for r in whole]
