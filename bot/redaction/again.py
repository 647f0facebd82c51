"""The same place again: what was read at one place is true of another when the text around both is the same.

A text that says one thing a thousand times is read once and compared a thousand times, which costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bot.redaction.rx import piece
from bot.redaction.schemes import PLAIN_COOKIE
from bot.redaction.spans import Span

OFTEN: Final = 24  # places, before it is worth asking whether they are the same again
_BACK: Final = 160  # no look at a place reads further back
_NEAR: Final = 48  # two places are compared when so much behind them is the same
_AHEAD: Final = 8_000
_MARGIN: Final = 160  # what stands behind a value or a piece is looked at as well
_MOST_TOLD: Final = 200  # where nothing comes again, looking for it is to cost little
# what a value, its pieces and the joints between them consist of
_STRETCH: Final = piece(rf"[!#$%*+\-./0-9:?@A-Z^_a-z~=\s\\>|\xe3\x80]{{0,{_AHEAD}}}")
_LINE: Final = piece(rf"[^\r\n\"'`\\<>{{}}\[\]|]{{0,{_AHEAD}}}")
_CRUMB: Final = 400  # so far a cookie's first value is looked for
_MOST_LINES: Final = 130  # a look goes over fewer line ends than this,
_MOST_RUNS: Final = 460  # over fewer pieces,
_TWO: Final = piece(r"[A-Za-z0-9][ \t]{1,3}[A-Za-z0-9]")  # and no further than here once it went over a line end

Look = Callable[[bytes, int, int], Span | None]


class Again:
    """Asks `look` about the places of one text, but only once about places with the same surroundings.

    `parted`: no look goes on over blanks in a line that it came to over a line end.
    """

    __slots__ = ("_known", "_left", "_look", "_parted", "_view")

    def __init__(self, view: bytes, look: Look, parted: bool = True) -> None:
        self._view = view
        self._look = look
        self._parted = parted
        self._left = _MOST_TOLD
        self._known: dict[bytes, tuple[int, int, int, Span | None]] = {}

    def __call__(self, start: int, at: int) -> Span | None:
        """What `look` says of the name at `start` and the value at `at`."""
        view = self._view
        near = view[start : at + _NEAR]
        known = self._known.get(near)
        if known is not None:
            low, place, high, span = known
            shift = at - place
            if view[low:high] == view[low + shift : high + shift]:
                return None if span is None else (span[0] + shift, span[1] + shift, span[2], span[3])
        span = self._look(view, start, at)
        if self._left and start >= _BACK:
            self._left -= 1
            high = _reach(view, start, at, self._parted)
            if high:
                self._known[near] = start - _BACK, at, high, span
        return span


def _reach(view: bytes, start: int, at: int, parted: bool) -> int:
    """How far a look at a value can read, or nought when that cannot be told."""
    if view[start : start + 6].lower() == b"cookie":  # read to the end of the line, whatever is in it
        if PLAIN_COOKIE.search(view, at, at + _CRUMB) is None:
            return at + _CRUMB + _MARGIN
        stop = _LINE.match(view, at).end()  # type: ignore[union-attr]
        return 0 if stop - at == _AHEAD else max(stop, at + _CRUMB) + _MARGIN
    stretch = _STRETCH.match(view, at).group()  # type: ignore[union-attr]
    if len(stretch) == _AHEAD:
        lines = stretch.count(b"\n")
        if (
            lines <= _MOST_LINES
            and len(stretch.split()) <= _MOST_RUNS
            and not (parted and (not lines or _TWO.search(stretch, stretch.find(b"\n")) is not None))
        ):
            return 0
    return at + len(stretch) + _MARGIN
