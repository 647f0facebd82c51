"""Bytes of a log into records: lines that belong together (a traceback, a message of several lines) become one. Pure.

Some programs put a short prefix before every line of their children, `[12:34:56] `; it is looked past.
"""

from __future__ import annotations

import re
from typing import Final

from bot.model.values import dataclass

LINE_MOST: Final = 16_384  # bytes of one line; of a longer one both ends are kept
RECORD_MOST: Final = 32_768
_HEAD: Final = 8_192
_CUT: Final = " … ".encode()

_PREFIX: Final = re.compile(rb"\[\d\d:\d\d:\d\d\] ")
_STAMP: Final = re.compile(
    rb"\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d|\[?(?:DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL|TRACE|SUCCESS)\b|\{\"|"
    rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d\d:\d\d:\d\d|\d\d:\d\d:\d\d"
)
_GRAVE: Final = re.compile(rb"\b(?:WARN|WARNING|ERROR|CRITICAL|FATAL|SEVERE)\b")
_GOES_ON: Final = re.compile(
    rb"\s|[)}\]],?\s*$|Traceback \(most recent|During handling of|The above exception|Caused by:|\.\.\. \d+ more|"
    rb"\xe2\x94[\x80-\xbf]|\^+|> File "
)
_TRACE: Final = b"Traceback (most recent call last)"
_ERROR_LINE: Final = re.compile(rb"(?:\w+\.)*\w*(?:Error|Exception|Exit|Interrupt|Timeout|Failure)\b")


@dataclass(frozen=True, slots=True)
class Record:
    """One log record: a line, or several that belong together."""

    text: bytes
    end: int  # offset in the file behind its last byte


class Joiner:
    """`at` is the offset in the file from which on the bytes will be fed."""

    def __init__(self, at: int = 0) -> None:
        self._at = at  # behind the last whole line
        self._partial = bytearray()
        self._partial_length = 0
        self._lines: list[bytes] = []
        self._size = 0
        self._frames = False  # inside a traceback's frames
        self._grave = False
        self.done = at  # behind the last record that was handed out: from here on it must be read again after a crash

    @property
    def waiting(self) -> bool:
        """A record that the next line may still belong to."""
        return bool(self._lines)

    @property
    def partial(self) -> bool:
        """Whether a line has begun whose end has not been written yet."""
        return self._partial_length > 0

    def feed(self, data: bytes) -> list[Record]:
        """The records that are whole now."""
        out: list[Record] = []
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._hold(data[start:end])
            line, length = bytes(self._partial), self._partial_length + 1
            self._partial.clear()
            self._partial_length = 0
            self._take(line.rstrip(b"\r"), out)
            self._at += length
            start = end + 1
        self._hold(data[start:])
        return out

    def flush(self, *, partial: bool = False) -> list[Record]:
        """What waited for its next line; with `partial` also a line without an end."""
        out: list[Record] = []
        if partial and self._partial_length:
            line, length = bytes(self._partial), self._partial_length
            self._partial.clear()
            self._partial_length = 0
            self._take(line, out)
            self._at += length
        self._end(out)
        return out

    # --- one line

    def _hold(self, piece: bytes) -> None:
        self._partial_length += len(piece)
        self._partial += piece
        if len(self._partial) > 2 * LINE_MOST:
            del self._partial[_HEAD : len(self._partial) - LINE_MOST]

    def _take(self, line: bytes, out: list[Record]) -> None:
        if len(line) > LINE_MOST:
            line = line[:_HEAD] + _CUT + line[-_HEAD:]
        prefix = _PREFIX.match(line)
        text = line[prefix.end() :] if prefix else line
        if not text.strip():
            return
        if not self._belongs(text):
            self._end(out)
            self._grave = bool(_GRAVE.search(text[:200]))
        self._frames = text.startswith(_TRACE) or (self._frames and text[:1].isspace()) or _TRACE in text
        self._lines.append(text)
        self._size += len(text) + 1
        if self._size > 2 * RECORD_MOST:
            self._shorten()

    def _belongs(self, text: bytes) -> bool:
        if not self._lines:
            return False
        if _STAMP.match(text):
            return False
        if _GOES_ON.match(text) or self._frames:
            return True
        # The rest of a grave message, and the exception's own line behind the frames.
        return self._grave or bool(_ERROR_LINE.match(text) and any(_TRACE in line for line in self._lines[:3]))

    def _shorten(self) -> None:
        """Both ends of a record without an end: its beginning names it, its last lines hold the exception."""
        whole = b"\n".join(self._lines)
        self._lines = [whole[:_HEAD], _CUT + whole[-(RECORD_MOST - _HEAD) :]]
        self._size = RECORD_MOST

    def _end(self, out: list[Record]) -> None:
        if self._lines:
            whole = b"\n".join(self._lines)
            if len(whole) > RECORD_MOST:
                whole = whole[:_HEAD] + _CUT + whole[-(RECORD_MOST - _HEAD) :]
            out.append(Record(whole, self._at))
        self._lines, self._size, self._frames, self._grave = [], 0, False, False
        self.done = self._at
