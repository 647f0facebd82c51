"""One log file followed: renamed away, cut to nothing and written anew, missing for a while. Blocking; nothing raises.

Its place is kept as offset, inode and the bytes before the offset, so that after a restart the same file is known again, also under
the name that it was rotated to.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import field
from pathlib import Path
from typing import Any, Final

from bot.inlets.lines import Joiner, Record
from bot.model.values import dataclass

AT_ONCE: Final = 1_000_000  # bytes read of one file in one look
BEHIND: Final = 4_000_000  # further behind than this it goes on nearer to the end
_CHUNK: Final = 65_536
_BEFORE: Final = 64
# So often a file that was renamed away is looked at once more: its program may still write to it.
_LOOKS_LEFT: Final = 15
_COPIES: Final = 12


@dataclass(frozen=True, slots=True)
class Mark:
    """Where reading goes on. `before` is a hash of the bytes in front of `offset`."""

    inode: int
    offset: int
    before: str

    def as_json(self) -> dict[str, Any]:
        """For the store; `of` reads it."""
        return {"inode": self.inode, "offset": self.offset, "before": self.before}

    @classmethod
    def of(cls, value: object) -> Mark | None:
        """None where `value` is no mark."""
        if not isinstance(value, dict):
            return None
        inode, offset, before = value.get("inode"), value.get("offset"), value.get("before")
        if isinstance(inode, int) and isinstance(offset, int) and isinstance(before, str) and offset >= 0:
            return cls(inode, offset, before)
        return None


@dataclass(slots=True)
class _Stream:
    fd: int
    read: int  # offset of the next byte
    joiner: Joiner
    last: bytes = b""  # the bytes before `read`
    idle: int = 0
    left: int = _LOOKS_LEFT

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self.fd)


@dataclass(slots=True)
class Tail:
    """`mark`: where an earlier process stopped. Without one, `from_end` skips what is there already."""

    path: Path
    mark: Mark | None = None
    from_end: bool = False
    fault: str = ""  # why it cannot be read now; "" also where it does not exist yet
    missing: int = 0  # looks in a row that found no such file
    skipped: int = 0  # bytes that were not looked at since the start
    _live: _Stream | None = None
    _old: list[_Stream] = field(default_factory=list)
    _kept: Mark | None = None  # the place after the last look: once a file is cut, its bytes tell nothing any more

    def look(self) -> list[Record]:
        """What is new. A record that may go on is held back until the next look finds nothing more."""
        out: list[Record] = []
        try:
            now: os.stat_result | None = self.path.stat()
            self.fault, self.missing = "", 0
        except OSError as fault:
            now, self.missing = None, self.missing + 1
            self.fault = "" if isinstance(fault, FileNotFoundError) else fault.strerror or "unreadable"
        if self._live is not None:
            there = os.fstat(self._live.fd)
            if now is not None and (now.st_ino, now.st_dev) != (there.st_ino, there.st_dev):
                self._old.append(self._live)  # renamed away, or deleted: what is in it is still read
                self._live = None
                self.from_end, self.mark = False, None
            elif self._was_cut(self._live, there.st_size):
                if self._kept is not None:
                    out += self._rest_of_copy(self._kept)
                self._reopen_at(self._live, 0)
        for stream in list(self._old):
            out += self._pump(stream)
            stream.left -= 1
            if stream.left <= 0:
                out += stream.joiner.flush(partial=True)
                stream.close()
                self._old.remove(stream)
        if self._live is None and now is not None:
            out += self._open()
        if self._live is not None:
            out += self._pump(self._live)
            self._kept = self._mark(self._live)
        return out

    @property
    def inode(self) -> int | None:
        """Of the file that is open, whatever it is called now."""
        return self._kept.inode if self._live is not None and self._kept is not None else None

    @property
    def held(self) -> bool:
        """Whether a record waits for a line that may belong to it."""
        return self._live is not None and self._live.joiner.waiting

    def place(self) -> Mark | None:
        """Where a new process has to go on: behind the last record that was handed out."""
        return self._kept if self._live is not None else self.mark

    def close(self) -> None:
        for stream in (*self._old, *([self._live] if self._live else [])):
            stream.close()
        self._old, self._live = [], None

    # --- opening

    def _open(self) -> list[Record]:
        try:
            fd = os.open(self.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
            size, inode = os.fstat(fd).st_size, os.fstat(fd).st_ino
        except OSError as fault:
            self.fault = fault.strerror or "unreadable"
            return []
        out: list[Record] = []
        start, mark, self.mark = 0, self.mark, None
        if mark is not None:
            if _fits(fd, mark) and (inode == mark.inode or mark.offset >= _BEFORE):
                start = mark.offset
            else:
                out = self._rest_of_copy(mark)
        elif self.from_end:
            start = size
        self.from_end = False
        self._live = _Stream(fd, start, Joiner(start), _bytes_before(fd, start))
        return out

    def _reopen_at(self, stream: _Stream, offset: int) -> None:
        stream.read, stream.joiner, stream.last, stream.idle = offset, Joiner(offset), b"", 0

    def _was_cut(self, stream: _Stream, size: int) -> bool:
        """Shorter than what was read; or as long again, with other bytes where we stopped."""
        return size < stream.read or _bytes_before(stream.fd, stream.read) != stream.last

    def _rest_of_copy(self, mark: Mark) -> list[Record]:
        """What was written behind `mark` before the file was rotated, from the file that it became."""
        if mark.offset < _BEFORE and not mark.inode:
            return []
        for path in self._copies():
            try:
                fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
            except OSError:
                continue
            stream = _Stream(fd, mark.offset, Joiner(mark.offset), _bytes_before(fd, mark.offset))
            try:
                same = os.fstat(fd).st_ino == mark.inode or mark.offset >= _BEFORE
                if same and _fits(fd, mark):
                    return [*self._pump(stream), *stream.joiner.flush(partial=True)]
            finally:
                stream.close()
        return []

    def _copies(self) -> list[Path]:
        """Neighbours that a rotation may have made of this file, the newest first: query.log.1, query.2026-11-22.log, …"""
        try:
            near = [p for p in self.path.parent.iterdir() if p.name.startswith(self.path.stem) and p != self.path]
            near = [p for p in near if p.is_file() and p.suffix not in (".gz", ".xz", ".bz2", ".zst", ".zip")]
            return sorted(near, key=lambda p: p.stat().st_mtime, reverse=True)[:_COPIES]
        except OSError:
            return []

    # --- reading

    def _pump(self, stream: _Stream) -> list[Record]:
        out: list[Record] = []
        try:
            size = os.fstat(stream.fd).st_size
            if size - stream.read > BEHIND:
                self.skipped += size - AT_ONCE - stream.read
                out += stream.joiner.flush()
                self._reopen_at(stream, size - AT_ONCE)
            got = 0
            while got < AT_ONCE and (data := os.pread(stream.fd, _CHUNK, stream.read)):
                got += len(data)
                stream.read += len(data)
                stream.last = (stream.last + data)[-_BEFORE:]
                out += stream.joiner.feed(data)
        except OSError as fault:
            self.fault = fault.strerror or "unreadable"
            return out
        stream.idle = 0 if got else stream.idle + 1
        if not got:
            out += stream.joiner.flush(partial=stream.idle >= _LOOKS_LEFT)
        return out

    def _mark(self, stream: _Stream) -> Mark:
        done = stream.joiner.done
        try:
            return Mark(os.fstat(stream.fd).st_ino, done, _hash(_bytes_before(stream.fd, done)))
        except OSError:
            return Mark(0, done, "")


def _bytes_before(fd: int, offset: int) -> bytes:
    try:
        return os.pread(fd, min(_BEFORE, offset), max(0, offset - _BEFORE)) if offset else b""
    except OSError:
        return b""


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _fits(fd: int, mark: Mark) -> bool:
    """Whether the same bytes stand before the offset, and the file reaches so far."""
    try:
        return os.fstat(fd).st_size >= mark.offset and _hash(_bytes_before(fd, mark.offset)) == mark.before
    except OSError:
        return False
