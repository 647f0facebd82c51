"""A long text that comes in pieces: cut into blocks which the gate may look at one by one, so that it is never held as a whole."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from typing import Final

from bot.redaction.engine import redact, spans_of

_BLOCK: Final = 32_768  # blocks are whole lines, each looked at with some of the lines around it
_AROUND: Final = 8_192
_MAX_LINE: Final = 6 << 20


def clean_stream(chunks: Iterable[bytes | str], faults: list[str] | None = None) -> Iterator[str]:
    """Cleans a long text piece by piece, for attached files: what comes out, joined, is the clean text.

    Blocks end at line ends; each is looked at together with the lines before and after it, so that a key wrapped over a block's edge
    is seen whole. Bytes that are no UTF-8 become U+FFFD, NUL too; each kind of fault is named once in `faults`.
    """
    blocks = Blocks(faults)
    for chunk in chunks:
        for block in blocks.feed(chunk):
            yield redact(block)[0]
    for block in blocks.finish():
        yield redact(block)[0]


class Blocks:
    """Takes pieces, gives back raw blocks that cut through no secret. They are for the gate and nobody else."""

    def __init__(self, faults: list[str] | None = None) -> None:
        self._decoder = _Decoder(faults if faults is not None else [])
        self._waiting = ""
        self._enough = _BLOCK + _AROUND

    def feed(self, chunk: bytes | str) -> Iterator[str]:
        self._waiting += self._decoder.feed(chunk)
        while len(self._waiting) > self._enough:
            cut = _edge(self._waiting)
            if cut == 0:  # one thing without an end so far; looked at again when there is twice as much of it
                self._enough = 2 * len(self._waiting)
                return
            self._enough = _BLOCK + _AROUND
            block, self._waiting = self._waiting[:cut], self._waiting[cut:]
            yield block

    def finish(self) -> Iterator[str]:
        self._waiting += self._decoder.finish()
        if self._waiting:
            block, self._waiting = self._waiting, ""
            yield block


def _edge(text: str) -> int:
    """Where a block may end without cutting through a secret: a line end whose neighbourhood is clean, or 0 for "wait for more"."""
    limit = len(text) - _AROUND
    at = text.rfind("\n", 0, limit)
    if at < 0:
        if len(text) < _MAX_LINE:
            return 0
        at = limit
    spans = spans_of(text)
    cut = at + 1
    for start, end in reversed(spans):
        if start < cut < end:
            cut = start
    return cut if cut > 0 else (0 if len(text) < _MAX_LINE else at + 1)


class _Decoder:
    def __init__(self, faults: list[str]) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._faults = faults

    def feed(self, chunk: bytes | str) -> str:
        text = chunk if isinstance(chunk, str) else self._decode(chunk)
        return self._checked(text)

    def finish(self) -> str:
        return self._checked(self._decode(b"", True))

    def _checked(self, text: str) -> str:
        if "\ufffd" in text:
            self._tell("bytes that are not UTF-8 were replaced")
        if "\0" in text:
            self._tell("NUL characters were replaced")
            text = text.replace("\0", "\ufffd")
        return text.encode("utf-8", "replace").decode("utf-8") if not text.isascii() else text

    def _tell(self, fault: str) -> None:
        if fault not in self._faults:
            self._faults.append(fault)
