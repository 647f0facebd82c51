"""The bytes of a text file as text, whatever wrote it: UTF-8, UTF-16 (PowerShell's `>`), GBK (Windows in Chinese)."""

from __future__ import annotations

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, IncrementalDecoder, getincrementaldecoder
from typing import Final

from bot.errors import DeliveryError

_LOOK: Final = 2_000  # bytes at the beginning that tell a binary file from a text


class Decoder:
    """Takes a file's bytes piece by piece. What is plain ASCII so far is taken as it is: the first other byte decides."""

    def __init__(self) -> None:
        self._begun = False
        self._decoder: IncrementalDecoder | None = None

    def feed(self, piece: bytes, *, last: bool = False) -> str:
        """Raises DeliveryError("not_text") for a binary file. Bytes that fit nothing become U+FFFD."""
        if not self._begun and piece:
            self._begun = True
            if wide := _wide(piece):
                self._decoder = getincrementaldecoder(wide)("replace")
            elif b"\0" in piece[:_LOOK]:
                raise DeliveryError("not_text", final=True)
        if self._decoder is None:
            if piece.isascii():
                return piece.decode("ascii")
            name = "utf-8-sig" if _fits("utf-8", piece) or not _fits("gb18030", piece) else "gb18030"
            self._decoder = getincrementaldecoder(name)("replace")
        return self._decoder.decode(piece, last)


def decoded(raw: bytes) -> str:
    """A whole text. Never raises: a binary file comes out as what is UTF-8 in it."""
    try:
        decoder = Decoder()
        return decoder.feed(raw) + decoder.feed(b"", last=True)
    except DeliveryError:
        return raw.decode("utf-8", "replace")


def wide_zeros(piece: bytes) -> str:
    """Which UTF-16, "" for none, as its zeros tell: every other byte of what is mostly ASCII. A mark alone tells nothing."""
    head = piece[: _LOOK & ~1]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if len(head) < 16 or max(even, odd) < len(head) // 4 or min(even, odd):
        return ""
    return "utf-16-le" if odd else "utf-16-be"


def marked_encoding(first: bytes) -> str:
    """How a stream that begins so is to be read: UTF-16 as its zeros tell, else UTF-8; without the mark in front."""
    if wide := wide_zeros(first):
        return "utf-16" if first.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else wide
    return "utf-8-sig" if first.startswith(BOM_UTF8) else "utf-8"


def _wide(piece: bytes) -> str:
    return "utf-16" if piece.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else wide_zeros(piece)


def _fits(encoding: str, piece: bytes) -> bool:
    """Whether the piece is of this encoding; its last character may be cut off."""
    try:
        getincrementaldecoder(encoding)("strict").decode(piece)
    except UnicodeDecodeError:
        return False
    return True
