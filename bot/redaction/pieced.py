"""Keys that only their shape gives away, broken over lines: the sign in their middle tells where to look."""

from __future__ import annotations

from typing import Final

from bot.redaction.glue import glued_end
from bot.redaction.named_values import LONGEST_SHAPE, SHAPES
from bot.redaction.rx import finder, piece
from bot.redaction.spans import UNREADABLE, Span

_BREAK: Final = r"[ \t]{0,4}[\\=]?\r?\n[ \t]{0,24}(?:[>|#][ \t]{0,4})?"
# Zhipu's and iFlytek's before the sign in their middle, on it and behind it; Baidu's; Discord's; Telegram's up to its fourth letter
HINTS: Final = (
    rf"\b[0-9a-f]{{6,32}}{_BREAK}(?:[0-9a-f]{{1,30}}(?:{_BREAK}[0-9a-f]{{1,30}})?(?:{_BREAK})?)?[.:](?:{_BREAK})?[A-Za-z0-9]{{2}}"
    rf"|\b[0-9a-f]{{32}}[.:][A-Za-z0-9]{{0,31}}{_BREAK}[A-Za-z0-9]"
    rf"|\b24\.[0-9a-f]{{1,32}}(?:\.[0-9.\-]{{0,40}})?{_BREAK}[0-9a-f.]"
    rf"|\b[MNO][A-Za-z0-9_\-]{{5,27}}{_BREAK}[A-Za-z0-9_\-]{{0,22}}\.[A-Za-z0-9_\-]{{6}}\."
    rf"|\b[MNO][A-Za-z0-9_\-]{{23,27}}\.(?:[A-Za-z0-9_\-]{{6}}\.?)?{_BREAK}"
    rf"|\b[0-9]{{8,10}}(?::(?:A(?:A[A-Za-z0-9_\-]{{0,3}})?)?{_BREAK}[A-Za-z0-9_\-]|{_BREAK}:AA)"
)
_SITE: Final = finder(HINTS)
_JOINT: Final = piece(_BREAK)
_NEAR: Final = 260
_LONGEST: Final = 500  # with wide joints
_MOST: Final = 100  # that look like a key when they are joined; a person breaks no more
_HEAD: Final = piece(r"[A-Za-z0-9_\-.:]+")
_PAIR: Final = piece(r"[0-9a-f]{32}:")


def find(view: bytes, spans: list[Span]) -> None:
    """Adds those that have one of the shapes to the last sign when they are joined."""
    position = likely = 0
    while True:
        start, position = _SITE(view, position)
        if start < 0:
            return
        bare = _JOINT.sub(b"", view[start : start + _NEAR])
        if len(bare) < LONGEST_SHAPE:
            bare = _JOINT.sub(b"", view[start : start + _LONGEST])
        head = _HEAD.match(view, start)
        if head is None or not any(shape.match(bare) for shape in SHAPES):
            continue
        likely += 1
        if likely > _MOST:
            spans.append((start, len(view), UNREADABLE, b""))
            return
        end = glued_end(view, start, head.end(), _exact, True)
        if end == head.end():
            end = glued_end(view, start, end, _pair)
        if end > head.end():
            secret = b"".join(part.strip(b"\\=>|#") for part in view[start:end].split())
            spans.append((start, end, _kind(secret), secret))
            position = max(position, end)


def _exact(value: bytes) -> bool:
    return _PAIR.match(value) is None and any(shape.fullmatch(value) for shape in SHAPES)


def _pair(value: bytes) -> bool:
    """iFlytek's, whose second half has many lengths: a word behind it would make another."""
    return any(shape.fullmatch(value) for shape in SHAPES)


def _kind(secret: bytes) -> str:
    if secret.find(b":") > 0:
        return "telegram token" if secret[:8].isdigit() else "iflytek key"
    return "baidu token" if secret.startswith(b"24.") else "zhipu key" if secret[32:33] == b"." else "discord token"
