"""Where a key ends that was broken by a line end, blanks or indentation.

Only after a vendor's prefix or a key's name, only while the body is shorter than the family's, and only over pieces that do not look
like words: the next line of a log must not be swallowed.
"""

from __future__ import annotations

from typing import Final

from bot.redaction.judge import dated, mixed, wordlike
from bot.redaction.rx import piece

_LINE: Final = piece(r"(?:[ \t]*\\?|=)\r?\n[ \t]*(?:[>|#][ \t]*)?")
_BLANK: Final = piece(r"[ \t]{1,3}|\xe3\x80\x80")
_PIECE: Final = piece(r"[A-Za-z0-9_\-./+=%]+")
_PIECE_U: Final = piece(r"[A-Za-z0-9_\-]+")
_MAX_PIECES: Final = 40
_WRAP_MIN: Final = 6


def pieces(view: bytes, end: int, loose: bool, blanks: bool) -> list[tuple[int, int, bool]]:
    """What follows `end`, as runs of key characters: (start, end, over a line end). Stops at the first thing that is neither."""
    found: list[tuple[int, int, bool]] = []
    run_of = _PIECE if loose else _PIECE_U
    position = end
    lines = 0
    while len(found) < _MAX_PIECES:
        joint = _LINE.match(view, position)
        over = joint is not None
        if joint is None and blanks:
            joint = _BLANK.match(view, position)
        if joint is None:
            break
        lines += over
        if lines > 8:
            break
        run = run_of.match(view, joint.end())
        if run is None:
            break
        begin, position = run.span()
        found.append((begin, position, over))
    return found


def exact_end(view: bytes, start: int, end: int, wanted: tuple[int, ...], loose: bool) -> int:
    """The end of a body that begins at `start` and, joined, has one of the wanted lengths; `end` when there is none.

    Longer is preferred, as long as every piece on the way looks like a part of a key.
    """
    size = end - start
    best = end
    for begin, stop, _ in pieces(view, end, loose, True):
        run = view[begin:stop]
        size += stop - begin
        if size > max(wanted):
            break
        if size in wanted:
            best = stop
        elif wordlike(run) and stop - begin > 2 and not run.isdigit() and not _lowerish(view[start:end]):
            break
    return best


def _lowerish(body: bytes) -> bool:
    return len(body) >= 5 and body.isalpha() and body.islower()


def open_end(view: bytes, start: int, end: int, longest: int, loose: bool) -> int:
    """The end of a body without a known length: over line ends while the pieces look like a key, or over equal blank-separated runs."""
    following = pieces(view, end, loose, True)
    if not following:
        return end
    if not following[0][2]:
        return _equal_runs(view, end, following)
    size = end - start
    best = end
    for begin, stop, over in following:
        run = view[begin:stop]
        size += stop - begin
        if not over or size > longest or wordlike(run) or not mixed(run) or stop - begin < _WRAP_MIN or dated(run):
            break
        best = stop
    return best


def _equal_runs(view: bytes, end: int, following: list[tuple[int, int, bool]]) -> int:
    """`abcd efgh ijkl m`: at least two runs of one length and a last one that is no longer."""
    width = following[0][1] - following[0][0]
    count = 0
    best = end
    for begin, stop, over in following:
        if over:
            break
        if stop - begin != width:
            if count >= 2 and stop - begin < width:
                best = stop
            break
        count += 1
        if count >= 2:
            best = stop
    return best
