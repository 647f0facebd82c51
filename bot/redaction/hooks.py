"""Webhook addresses that came in pieces: set in runs, or broken over a line end anywhere, their host included.

An address has one shape from its host to its last sign, so all gaps are taken out and what is left must have it.
"""

from __future__ import annotations

from typing import Final

from bot.redaction.rx import finder, piece
from bot.redaction.spans import Span

_MARKS: Final = ("hooks.slack", "/webhooks/", "/hook/", "webhook/send", "robot/send")
_GAP: Final = r"[ \t\r\n\\=>|]*"
HINTS: Final = "|".join(_GAP.join(sign if sign.isalpha() else f"[{sign}]" for sign in mark) for mark in _MARKS)
_SITE: Final = finder(HINTS)
_BREAK: Final = piece(r"[ \t]*[\\=]?\r?\n[ \t]*(?:[>|][ \t]*)?|[ \t]+")
_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_WHOLE: Final = tuple(
    (kind, piece(rf"(?:https?://)?{host}"))
    for kind, host in (
        (
            "slack webhook",
            r"hooks\.slack(?:-gov)?\.com/[a-z]{8,9}/[TE][A-Z0-9]{8,12}/(?:[AB]?[A-Z0-9]{8,19}/)?(?:[0-9]{15,19}/)?(?:[0-9a-f]{32}|[A-Za-z0-9]{24})",
        ),
        ("discord webhook", r"discord(?:app)?\.com/api/webhooks/[0-9]{17,20}/[A-Za-z0-9_\-]{68}"),
        ("feishu webhook", rf"open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/v2/hook/{_UUID}"),
        ("wecom webhook", rf"qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?(?:debug=1&)?key=?{_UUID}"),
        ("dingtalk webhook", r"oapi\.dingtalk\.com/robot/send\?access_token=?[0-9a-f]{64}"),
    )
)
_BEFORE: Final = 160
_WINDOW: Final = 560
_MOST: Final = 24


def find(view: bytes, spans: list[Span]) -> None:
    """Adds the webhooks in sight that hold a gap; `structures` knows those in one piece."""
    position = 0
    for _ in range(_MOST):
        start, end = _SITE(view, position)
        if start < 0:
            return
        first = max(0, start - _BEFORE, position)
        position = max(end, _broken(view[first : first + _WINDOW], first, spans))


def _broken(text: bytes, first: int, spans: list[Span]) -> int:
    """Adds what stands broken in this window, which begins at `first`. Gives the place behind it, or nought."""
    # where each piece without a gap begins, in what is left and in the text
    parts: list[bytes] = []
    begins: list[tuple[int, int]] = []
    at = size = 0
    for gap in _BREAK.finditer(text):
        parts.append(text[at : gap.start()])
        begins.append((size, at))
        size += gap.start() - at
        at = gap.end()
    parts.append(text[at:])
    begins.append((size, at))
    bare = b"".join(parts)
    for kind, shape in _WHOLE:
        match = shape.search(bare)
        if match is None:
            continue
        left, right = match.span()
        start = next(there + left - here for here, there in reversed(begins) if here <= left)
        end = next(there + right - here for here, there in reversed(begins) if here < right)
        if end - start > right - left:
            spans.append((first + start, first + end, kind, match.group()))
        return first + end
    return 0
