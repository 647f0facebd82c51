"""Where a key ends that was broken by a line end, blanks or indentation.

Only after a vendor's prefix or a key's name, only while the body is shorter than the family's, and only over pieces that do not look
like words: the next line of a log must not be swallowed.
"""

from __future__ import annotations

import re
from typing import Final

from bot.redaction.judge import all_hex, camel, dated, evidence, foreign, mixed, numbered, spoken, whole_hex, wordlike
from bot.redaction.pieces import LINE, PIECE, pieces
from bot.redaction.rx import piece
from bot.redaction.spaced import SHORT, equal_runs, pair
from bot.redaction.strangers import goes_on, lettered, thing

_AFTER_PIECE: Final = frozenset(bytes((byte,)) for byte in b"\n\r\"'`\\ =,;)&") | {b""}
_WRAP_MIN: Final = 6
_LONG_REST: Final = 40
_STATUS: Final = piece(r"[1-5][0-9]{2} +[^ \r\n]")
_MOST_BREAKS: Final = 12
_LONGEST_SHAPE: Final = 420
_COLUMNS: Final = (72, 76, 80, 100, 120)  # where terminals and mails break lines


def exact_end(view: bytes, start: int, end: int, wanted: tuple[int, ...], loose: bool) -> int:
    """The end of a body that begins at `start` and, joined, has one of the wanted lengths; `end` when there is none.

    Longer is preferred, as long as every piece on the way looks like a part of a key.
    """
    size = end - start
    best = end
    letters, capitals = _lowerish(view[start:end]), view[start:end].isupper()
    most = max(wanted)
    width = previous = inline = 0
    for number, (begin, stop, over) in enumerate(pieces(view, end, loose, True, True)):
        run = view[begin:stop]
        if over and thing(view, begin, stop) and (size + stop - begin not in wanted or goes_on(view, stop)):
            break
        if over and (
            foreign(run, view[start:end])
            or (inline > 1 and (previous < width or size in wanted))
            or _STATUS.match(view, begin)
        ):
            break  # a thing of its own, or the last run of a line of runs was the key's last
        inline = inline + 1 if not over else 0
        size += stop - begin
        width = width or stop - begin
        if (
            best > end
            and number >= 2
            and not over
            and previous == width == stop - begin
            and size not in wanted
            and not wordlike(run)
        ):
            # one of the lengths was passed amid runs of one width: it is none of those families
            return equal_runs(view, end, pieces(view, end, loose, True), width)
        previous = stop - begin
        # in runs of one width a plain word is chance; alone it is the next word of the text
        even = number >= 2 and not over and stop - begin <= width
        # alone on its line, and just what is missing
        even = even or (
            over and number >= 1 and size in wanted and view[stop : stop + 8].split(b"\n", 1)[0].strip() == b""
        )
        if number == 0 and stop - begin <= 3 and size - (stop - begin) >= SHORT and (wordlike(run) or numbered(run)):
            break  # `No remaining quota`
        if size - 1 == most and run[-1:] == b"_" and not (inline > 1 and view[stop : stop + 1] == b" "):
            return stop - 1  # a mark of emphasis closes behind it
        if size > most and size - most < 6 and _channel(run, size - most):
            return stop
        if size > most or (
            not even
            and wordlike(run)
            and stop - begin > 2
            and not run.isdigit()
            and not (letters and run.islower() or capitals and run.isupper())
        ):
            break
        if size in wanted:
            best = stop
    return best


def _channel(run: bytes, over: int) -> bool:
    """Whether the run's last `over` bytes are a gateway's channel: `-12`."""
    return run[-over : -over + 1] == b"-" and run[-over + 1 :].rstrip(b"_").isdigit()


def shaped_end(
    view: bytes, start: int, end: int, shapes: tuple[re.Pattern[bytes], ...], longest: int = _LONGEST_SHAPE
) -> int:
    """The end of a token that begins at `start` and goes on over line ends until it has one of the shapes, to the last sign; else `end`."""
    whole = view[start:end].rstrip(b"=\\")
    for number, (begin, stop, over) in enumerate(pieces(view, end, True, False, True)):
        if not over or number > _MOST_BREAKS:
            break
        run = view[begin:stop]
        if dated(run) and view[stop : stop + 1] == b" ":
            break  # the next line of a log
        bare = run.rstrip(b"=.:")
        word = bare.isalpha() and wordlike(bare) and len(bare) <= 10 and view[stop : stop + 1] == b" "
        if not word and any(shape.fullmatch(whole + bare) for shape in shapes):
            return begin + len(bare)
        if not word and bare[-1:] == b"_" and any(shape.fullmatch(whole + bare[:-1]) for shape in shapes):
            return begin + len(bare) - 1  # a mark of emphasis closes behind it
        whole += run.rstrip(b"=")
        if len(whole) > longest:
            break
    return end


def next_line(view: bytes, end: int) -> bytes:
    """What the next line begins with, when it can be the rest of a value that ends here; empty for `NAME=...` and for no key sign."""
    joint = LINE.match(view, end)
    run = PIECE.match(view, joint.end()) if joint is not None else None
    if run is None:
        return b""
    stop = run.end()
    return b"" if view[stop - 1] == 0x3D and view[stop : stop + 1].isalnum() else run.group()


def quoted_end(view: bytes, start: int, end: int) -> int:
    """The end of a string in quotes that holds nothing more than this value, broken over line ends; else `end`."""
    head = view[max(0, start - 120) : start].rsplit(b"\n", 1)[-1]
    if _QUOTES.isdisjoint(head):
        return end
    opened = _OPENED.search(head)
    mark = opened.group(1) if opened is not None else b""
    best = end
    size = end - start
    for begin, stop, over in pieces(view, end, True, False, mark != b""):
        run = view[begin:stop]
        if not over or ((evidence(run) or dated(run) or wordlike(run) and len(run) > 2) and not mark):
            return end
        best = stop
        size += stop - begin
    if best == end or size < (_LEAST_QUOTED if mark else 20):
        return end
    if mark:
        return best if view[best : best + 1] == mark else end
    mark = view[best : best + 1]
    return best if mark in (b'"', b"'", b"`") and head.count(mark) % 2 else end


_LEAST_QUOTED: Final = 12
_OPENED: Final = piece(r"([\"'`])(?:(?i:bearer|basic|token|bot|key) )?$")
_QUOTES: Final = frozenset(b"\"'`")


def wrapped_end(view: bytes, start: int, end: int, lengths: tuple[int, ...]) -> int:
    """The end of a value with no family that goes on in the next line, alone there or up to a quote; else `end`."""
    size = width = end - start
    best = end
    most = max(lengths)
    idle = 0
    column = end - view.rfind(b"\n", 0, start) - 1
    for begin, stop, over in pieces(view, end, True, False):
        run = view[begin:stop]
        following = view[stop : stop + 1]
        whole = size + stop - begin in (32, 40, 64) and all_hex(run) and all_hex(view[start:end])
        if (
            not over
            or stop - begin <= 2
            or run.endswith(b":")
            or (not whole and (wordlike(run) or foreign(run, view[start:end])))
        ):
            break
        if following.isascii() and following not in _AFTER_PIECE and view[best : best + 1] != b"\\":
            break
        if view[best - 2 : best] == b"==" and view[best : best + 1] != b"\\":
            break  # base64 has ended
        if (
            view[best : best + 1] not in (b"\\", b"=")
            and _complete(view[start:end])
            and (
                (not any(48 <= byte <= 57 for byte in run) and not (size + stop - begin in lengths and _odd(run)))
                or (whole_hex(run) and (size + stop - begin != 64 or stop - begin == 32))
            )
        ):
            break
        size += stop - begin
        # a shell's line continuation; a mail's soft line end, unless the sign may be base64's own
        marked = view[best : best + 1] == b"\\" or (view[best : best + 1] == b"=" and (best + 1 - start) % 4 != 0)
        even = stop - begin == width >= 20 or (best > end and stop - begin < width)
        if (
            size in lengths
            or marked
            or ((end - start >= 40 or column in _COLUMNS) and stop - begin >= 8 and mixed(run))
            or (even and mixed(run))
            or (stop - begin >= _LONG_REST and not run.islower() and not run.isupper() and mixed(run))
        ):
            best = stop
            idle = 0
            continue
        idle += 1
        if stop - begin < 8 or (idle > _MOST_IDLE and size > most):
            break
    return best


_MOST_IDLE: Final = 3  # lines that make no key, longer than any when put together


def _complete(value: bytes) -> bool:
    """Has the length and the alphabet of a whole key, so that the next line is more likely not part of it."""
    return (len(value) in (24, 30, 32, 40, 48, 64, 84) and value.isalnum()) or (
        len(value) == 36 and value.count(b"-") == 4
    )


def _odd(run: bytes) -> bool:
    """Eight letters or more, in both cases and no words."""
    bare = run.rstrip(b"=")
    return len(bare) >= 8 and bare.isalpha() and not bare.islower() and not camel(bare) and not spoken(bare)


def _lowerish(body: bytes) -> bool:
    return len(body) >= 5 and body.isalpha() and body.islower()


def open_end(view: bytes, start: int, end: int, longest: int, loose: bool, head: int = 0) -> int:
    """The end of a body without a known length: over line ends while the pieces look like a key, or over equal blank-separated runs.

    `head`: how long the prefix is that stands before the body.
    """
    first = next(pieces(view, end, loose, True), None)
    if first is None:
        return end
    if not first[2]:
        width = first[1] - first[0]
        even = width == end - start + head
        best = equal_runs(view, end, pieces(view, end, loose, True), width, even)
        return first[1] if best == end and pair(view, start - head, end, first[1]) else best
    following = pieces(view, end, loose, True)
    size = end - start
    best = end
    width = 0
    for begin, stop, over in following:
        run = view[begin:stop]
        size += stop - begin
        if not over or size > longest or wordlike(run) or stop - begin < _WRAP_MIN or foreign(run, view[start:end]):
            break
        marked = view[best : best + 1] == b"\\"
        if not (marked or mixed(run) or stop - begin == width or lettered(view, run, stop)):
            break
        width = stop - begin
        best = stop
    return best
