"""What is kept of a long log while it streams by: all of a short one; of a long one its ends, and what looks like trouble between."""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from typing import Final

import re2

from bot.model.records import BEGINS, TROUBLE, VARIES

WHOLE: Final = 200_000  # characters; up to here nothing is left out
_HEAD: Final = 20_000
_TAIL: Final = 80_000
_SLICE: Final = 20_000
_RECORD_MOST: Final = 6_000
_LINE_HEAD: Final = 500
_BEFORE: Final = 2  # lines before a record that stay with it
_SHAPES: Final = 2_000
_GAP: Final = "\n…\n"

_TROUBLE: Final = re2.compile(TROUBLE)
# The first that fits says how much room there is for a record: (what it says, characters).
_TIERS: Final = (
    (
        re2.compile(
            r"(?i)error code|status[_ ]?(?:code)?[\"']?[ :=]{1,3}[45]\d\d|\bHTTP/[\d.]+[\"']? [45]\d\d|payment required|"
            r"too many requests|rate.?limit|insufficient|quota|balance|credit|overloaded|unauthor|api.?key|余额|额度|欠费|限流|不足|耗尽|用尽"
        ),
        60_000,
    ),
    (re2.compile(r"(?i)traceback|\w(?:error|exception)\b|[\"']error|[\"'](?:message|msg)[\"']|异常"), 25_000),
    (re2.compile(r""), 15_000),
)
_CALM: Final = re.compile(r"\b(?:TRACE|DEBUG|INFO|SUCCESS|NOTICE)\b|\"level\": ?\"(?:trace|debug|info|notice)\"")
_NEVERTHELESS: Final = re2.compile(
    r"(?i)error code|traceback|exception|[\"']error[\"']|\bHTTP/[\d.]+[\"']? [45]\d\d|payment required"
)


class Excerpt:
    """Takes clean blocks; `text` is at most `WHOLE` characters and a little of them, in their order. Never raises."""

    def __init__(self) -> None:
        self._head = ""
        self._waiting: deque[str] = deque()
        self._length = 0
        self._long = False
        self._carry = ""
        self._number = 0
        self._kept = [(pattern, _Kept(most)) for pattern, most in _TIERS]

    def feed(self, block: str) -> None:
        self._waiting.extend(_slices(block))
        self._length += len(block)
        if not self._long and self._length > WHOLE:
            self._long = True
            whole = "".join(self._waiting)
            cut = whole.rfind("\n", 0, _HEAD) + 1 or _HEAD
            self._head, rest = whole[:cut], whole[cut:]
            self._waiting = deque(_slices(rest))
            self._length = len(rest)
        while self._long and self._length - len(self._waiting[0]) >= _TAIL:
            oldest = self._waiting.popleft()
            self._length -= len(oldest)
            self._sift(oldest)

    @property
    def text(self) -> str:
        tail = self._carry + "".join(self._waiting)
        if not self._long:
            return tail
        between = [text for _, text in sorted(piece for _, kept in self._kept for piece in kept.pieces())]
        return _GAP.join([self._head, *between, tail])

    def _sift(self, text: str) -> None:
        """The records of what has left the tail. The last one may go on in the next block."""
        lines = (self._carry + text).split("\n")
        if len(lines) == 1 and len(lines[0]) < _RECORD_MOST:
            self._carry = lines[0]
            return
        starts = [number for number, line in enumerate(lines) if BEGINS.match(line)] or [0]
        if starts[0]:
            starts.insert(0, 0)
        last = starts[-1] if len(starts) > 1 and len("\n".join(lines[starts[-1] :])) < _RECORD_MOST else len(lines)
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            if start < last:
                self._look(lines, start, end)
        # An endless line is looked at in pieces that lie over each other.
        self._carry = "\n".join(lines[last:]) if last < len(lines) else lines[-1][-_LINE_HEAD:]

    def _look(self, lines: list[str], start: int, end: int) -> None:
        record = "\n".join(lines[start:end])
        calm = _CALM.search(record, 0, 120) is not None
        if not (_NEVERTHELESS if calm else _TROUBLE).search(record):
            return
        self._number += 1
        kept, place = next((kept, found.start()) for pattern, kept in self._kept if (found := pattern.search(record)))
        before = "\n".join(line[:300] for line in lines[max(0, start - _BEFORE) : start])
        if (
            len(record) > _RECORD_MOST
        ):  # what was sent with it, or one endless line: what it says stands around the sign
            record = f"{record[:_LINE_HEAD]} … {record[max(_LINE_HEAD, place - _LINE_HEAD) : place + _RECORD_MOST]}"
        kept.add(VARIES.sub("0", record[:400]), self._number, f"{before}\n{record}".lstrip("\n"))


class _Kept:
    """The last records, of each shape the last one, up to so many characters."""

    def __init__(self, most: int) -> None:
        self._most, self._length = most, 0
        self._by_shape: OrderedDict[str, tuple[int, str]] = OrderedDict()

    def add(self, shape: str, number: int, text: str) -> None:
        if before := self._by_shape.pop(shape, None):
            self._length -= len(before[1])
        self._by_shape[shape] = (number, text)
        self._length += len(text)
        while self._length > self._most or len(self._by_shape) > _SHAPES:
            _, (_, oldest) = self._by_shape.popitem(last=False)
            self._length -= len(oldest)

    def pieces(self) -> list[tuple[int, str]]:
        return list(self._by_shape.values())


def _slices(text: str) -> list[str]:
    return [text[at : at + _SLICE] for at in range(0, len(text), _SLICE)]
