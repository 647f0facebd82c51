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
    (host.encode(), kind, piece(shape))
    for host, kind, shape in (
        (
            "hooks.slack",
            "slack webhook",
            r"hooks\.slack(?:-gov)?\.com/[a-z]{8,9}/[TE][A-Z0-9]{8,12}/(?:[AB]?[A-Z0-9]{8,19}/)?(?:[0-9]{15,19}/)?(?:[0-9a-f]{32}|[A-Za-z0-9]{24})",
        ),
        ("discord", "discord webhook", r"discord(?:app)?\.com/api/webhooks/[0-9]{17,20}/[A-Za-z0-9_\-]{68}"),
        ("open.", "feishu webhook", rf"open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/v2/hook/{_UUID}"),
        ("qyapi.weixin", "wecom webhook", rf"qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?(?:debug=1&)?key=?{_UUID}"),
        ("oapi.dingtalk", "dingtalk webhook", r"oapi\.dingtalk\.com/robot/send\?access_token=?[0-9a-f]{64}"),
    )
)
_SCHEMES: Final = (b"https://", b"http://")
_BEFORE: Final = 160
_LONGEST: Final = 400  # an address with all its gaps
_WINDOW: Final = 2_048


def find(view: bytes, spans: list[Span]) -> None:
    """Adds the webhooks in sight that hold a gap; `structures` knows those in one piece."""
    position = 0
    while True:
        start, end = _SITE(view, position)
        if start < 0:
            return
        first = max(0, start - _BEFORE, position)
        _broken(view[first : first + _WINDOW], first, spans)
        # what begins before this stood whole in the window
        position = max(end, first + _WINDOW - _LONGEST)


def _broken(text: bytes, first: int, spans: list[Span]) -> None:
    """Adds what stands broken in this window, which begins at `first`."""
    bare = _BREAK.sub(b"", text)
    whole: list[tuple[int, int, str]] = []
    for host, kind, shape in _WHOLE:
        at = bare.find(host)
        while at >= 0:
            match = shape.match(bare, at)
            if match is not None:
                scheme = next((len(scheme) for scheme in _SCHEMES if bare.endswith(scheme, 0, at)), 0)
                whole.append((at - scheme, match.end(), kind))
            at = bare.find(host, at + 1)
    if whole:
        _cut(text, bare, first, whole, spans)


def _cut(text: bytes, bare: bytes, first: int, whole: list[tuple[int, int, str]], spans: list[Span]) -> None:
    # where each piece without a gap begins, in what is left and in the text
    begins: list[tuple[int, int]] = []
    at = size = 0
    for gap in _BREAK.finditer(text):
        begins.append((size, at))
        size += gap.start() - at
        at = gap.end()
    begins.append((size, at))
    for left, right, kind in whole:
        start = next(there + left - here for here, there in reversed(begins) if here <= left)
        end = next(there + right - here for here, there in reversed(begins) if here < right)
        if end - start > right - left:
            spans.append((first + start, first + end, kind, bare[left:right]))
