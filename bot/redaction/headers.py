"""Header dumps: three or more `Name: value` lines of which one carries a credential. Only the allow-list stays.

A dump without a credential is left alone: it says what was sent, and there is nothing in it to steal.
"""

from __future__ import annotations

from typing import Final

from bot.redaction.rx import finder, piece
from bot.redaction.spans import Span

HEADER: Final = "header"
_LEAD: Final = r"[ \t]*(?:[<>*|]{1,3}[ \t]*)?"
_CREDENTIAL: Final = finder(
    rf"(?mi:^{_LEAD}(?:(?:proxy-)?authorization|(?:set-)?cookie|[a-z\-]*api-key|[a-z\-]+-token|x-[a-z\-]+-signature)[ \t]*:)"
)
_LINE: Final = finder(r"(?m:^[ \t]*(?:[<>*|]{1,3}[ \t]*)?[A-Za-z][A-Za-z0-9\-]*:[^\n]*)")
_NAME: Final = piece(r"[ \t]*(?:[<>*|]{1,3}[ \t]*)?([A-Za-z][A-Za-z0-9\-]*):[ \t]*")
# parts of the names of which one is in every dump
_TYPICAL: Final = finder(r"gent:|ontent-[TLEtle]|ccept[:\-]|tainless-|orwarded-|erver:|eal-|onnection:|ache-C")
_DROPPED: Final = frozenset(
    b"user-agent accept accept-encoding accept-language accept-charset connection content-type content-length content-encoding "
    b"cache-control pragma origin referer dnt te upgrade upgrade-insecure-requests x-forwarded-for x-forwarded-host x-forwarded-proto "
    b"x-real-ip cf-connecting-ip true-client-ip forwarded via server vary alt-svc strict-transport-security x-powered-by "
    b"x-frame-options x-content-type-options transfer-encoding keep-alive openai-organization openai-project x-csrf-token "
    b"if-none-match priority expect x-requested-with x-amz-date x-amz-security-token x-client-ip content-security-policy".split()
)
_DROPPED_FAMILIES: Final = (b"x-stainless-", b"sec-", b"access-control-", b"x-forwarded-", b"x-envoy-", b"x-b3-")


def find(text: bytes, spans: list[Span]) -> None:
    """Adds the lines that go, neighbours as one. Call it only when something secret was found in the text."""
    if text.count(b"\n") < 2 or _TYPICAL(text, 0)[0] < 0 or _CREDENTIAL(text, 0)[0] < 0:
        return
    lines = []
    start, end = _LINE(text, 0)
    while start >= 0:
        lines.append((start, end))
        start, end = _LINE(text, end)
    if len(lines) < 3:
        return
    last = -1
    for start, end in lines:
        name = _NAME.match(text, start)
        if name is None:
            continue
        word = name.group(1).lower()
        if word not in _DROPPED and not word.startswith(_DROPPED_FAMILIES):
            continue
        if text[end - 1 : end] == b"\r":
            end -= 1
        if last >= 0 and text[spans[last][1] : start].strip() == b"":
            spans[last] = (spans[last][0], end, HEADER, b"")
        else:
            last = len(spans)
            spans.append((name.start(1), end, HEADER, b""))
