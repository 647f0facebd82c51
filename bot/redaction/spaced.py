"""Where a key ends that text recognition has set in runs: `abcd efgh ijkl m`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bot.redaction.judge import all_hex, camel, evidence, manifold, mixed, plausible, wordlike
from bot.redaction.pieces import pieces
from bot.redaction.rx import piece

SHORT: Final = 16  # a body that may be whole
_ENOUGH: Final = 7  # so many runs in, words and keys can be told apart
_PLENTY: Final = 41  # more runs would not change whether they make a key
_MOST_WORDS: Final = 5
_SHUT: Final = piece(r"[ \t]*(?:[\r\n\"'`,;)]|[\x80-\xff]|$)")
_JOINTS: Final = piece(r"[_\-.]")
COUNTED: Final = piece(r"[A-Za-z]?[a-z]*[0-9]{1,4}|[0-9]+[a-z]*")


def spaced_end(view: bytes, start: int, end: int, known: bool = False) -> int:
    """`abcd efgh ijkl m`, as text recognition gives it: three runs or more of one width, the last no longer; else `end`.

    `known`: the runs begin like a maker's key, so that words among them are chance.
    """
    width = end - start
    if not 3 <= width <= 16 or view[end - 1] == 0x3D:  # base64 has ended
        return end
    count = 1
    odd = 0
    best = end
    for begin, stop, over in pieces(view, end, True, True):
        run = view[begin:stop]
        if over or stop - begin > width:
            break
        count += 1
        odd += not wordlike(run)
        best = stop
        if count == _ENOUGH and not known and (odd < 2 or not plausible(b"".join(view[start:best].split()))):
            return end
        if count == _PLENTY and not plausible(b"".join(view[start:best].split())):
            return end
        if stop - begin < width:
            break
    if count == 2:
        return best if pair(view, start, end, best) else end
    enough = (
        count >= 3
        and best - start - count >= SHORT - 1
        and (odd * 2 >= count - 1 or (count >= 5 and (odd >= 2 or known)))
    )
    return best if enough and plausible(b"".join(view[start:best].split())) else end


def strewn(text: bytes) -> bool:
    """Whether these runs are no words: digits and both cases in them, or hardly one that could be a word."""
    runs = text.split()
    whole = b"".join(runs)
    return manifold(whole) or (
        len(whole) >= SHORT
        and whole.lower() != whole
        and not any(wordlike(run) or camel(run) for run in runs if len(run) == len(runs[0]))
    )


def pair(view: bytes, start: int, end: int, stop: int) -> bool:
    """Whether what ends at `end` and the run behind it, up to `stop`, are the two halves of one key that text recognition parted."""
    first, second = view[start:end], view[end:stop].lstrip()
    if not 8 <= len(first) <= 20 or not 5 <= len(second) <= len(first) or not _SHUT.match(view, stop):
        return False
    whole = first + second
    if len(first) == len(second) and len(whole) in (24, 32, 40) and all_hex(whole):
        return mixed(first) and mixed(second)
    bare = _JOINTS.sub(b"", second)
    return (
        bare.isalnum()
        and not (wordlike(bare) or camel(bare) or evidence(second) or COUNTED.fullmatch(bare))
        and manifold(whole)
        and len(whole) >= SHORT
        and (len(first) == len(second) or manifold(second))
    )


def equal_runs(
    view: bytes, end: int, following: Iterator[tuple[int, int, bool]], width: int, even: bool = False
) -> int:
    """`abcd efgh ijkl m`: at least two runs of one length and a last one that is no longer. `even`: what stands before is one of them."""
    best = end
    words = low = seen = 0
    for number, (begin, stop, over) in enumerate(following):
        if over or stop - begin > width:
            break
        seen += 1
        if seen < _MOST_WORDS:
            words += wordlike(view[begin:stop])
            low += not view[begin:stop].isupper()
        if stop - begin < width:
            best = stop if number >= 2 - even else best
            break
        if number >= 1:
            best = stop
    # `maximum context length`: the text goes on
    return end if low and words == seen < _MOST_WORDS else best
