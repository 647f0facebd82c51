"""What stands behind a key that may be broken, run by run: over line ends with their marks, and over blanks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bot.redaction.rx import piece
from bot.redaction.strangers import flag, names_next, thing

LINE: Final = piece(r"(?:[ \t]*\\?|=)\r?\n[ \t]*(?:[>|#][ \t]*)?")
_BLANK: Final = piece(r"[ \t]{1,3}|\xe3\x80\x80")
PIECE: Final = piece(r"[A-Za-z0-9_\-./+:%]+={0,2}")
_PIECE_U: Final = piece(r"[A-Za-z0-9_\-]+")
_MAX_PIECES: Final = 320
_MOST_LINES: Final = 48


def pieces(view: bytes, end: int, loose: bool, blanks: bool, things: bool = False) -> Iterator[tuple[int, int, bool]]:
    """What follows `end`, as runs of key characters: (start, end, over a line end). Stops at the first thing that is neither.

    `things`: also runs in a next line that are a thing's name by themselves.
    """
    run_of = PIECE if loose else _PIECE_U
    position = end
    lines = 0
    for _ in range(_MAX_PIECES):
        if blanks and view[position : position + 1] == b" " and view[position + 1 : position + 2].isalnum():
            begin, over = position + 1, False  # the usual joint
        else:
            joint = LINE.match(view, position)
            over = joint is not None
            if joint is None and blanks:
                joint = _BLANK.match(view, position)
            if joint is None:
                break
            lines += over
            if lines > _MOST_LINES:
                break
            begin = joint.end()
        run = run_of.match(view, begin)
        if run is None:
            break
        begin, position = run.span()
        near = view[position - 1 : position + 1]
        if (0x3D in near or 0x3A in near) and names_next(view, begin, position):
            break
        if (not things and thing(view, begin, position)) if over else (view[begin] == 0x2D and flag(view, begin)):
            break
        yield begin, position, over
