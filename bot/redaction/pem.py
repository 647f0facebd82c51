"""Where a private key ends whose first line was found: at its END line, or without one where its lines stop looking like a key's."""

from __future__ import annotations

from typing import Final

from bot.redaction.rx import piece

_END: Final = piece(r"-----END [A-Z0-9 ]{0,40}-----")
_GAP: Final = piece(r"(?:\\[nr]|[\s\\]){0,200}")
_FRONT: Final = piece(r"[^\n|>]{0,40}[|>][ \t]*")  # what a quotation or a log puts before each line
_RUN: Final = piece(r"[A-Za-z0-9+/]*={0,2}")
_ODD: Final = piece(r"[A-Za-z]{0,12}[0-9+/]")
_BODY: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= \t\r\n\\")
_LINE: Final = 60  # a whole line counts behind any gap
_PART: Final = 20  # what is left of one, only right below
_SHORT: Final = 10
_MOST: Final = 20_000


def end(view: bytes, at: int) -> int:
    """The end of the key whose first line, and what the key says of itself, end at `at`."""
    mark = view.find(b"-----", at, at + _MOST)
    if mark >= 0:
        last = _END.match(view, mark)
        if last is None and mark - at < _SHORT:
            return at  # the next key's first line
        if last is not None and all(_plain(line) for line in view[at:mark].split(b"\n")):
            return last.end()
    best = position = at
    while position - at < _MOST:
        gap = _GAP.match(view, position).group()  # type: ignore[union-attr]
        lines = gap.count(b"\n") + gap.count(b"\\n")
        position += len(gap)
        front = _FRONT.match(view, position) if lines else None
        run = _RUN.match(view, position if front is None else front.end())
        if run is None or not run.group():
            return best
        size, position = run.end() - run.start(), run.end()
        padded = view[position - 1] == 0x3D
        if not (padded or size >= _LINE) and (
            lines > 1
            or (
                size < _PART
                and (size < _SHORT or _ODD.match(run.group()) is None)
                and view[position : position + _PART].strip()
            )
        ):
            return best
        best = position
        if padded:
            return best
    return best


def _plain(line: bytes) -> bool:
    if _BODY.issuperset(line):
        return True
    front = _FRONT.match(line)
    return front is not None and _BODY.issuperset(line[front.end() :])
