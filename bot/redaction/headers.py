"""Header dumps: three or more `Name: value` lines or pairs of which one carries a credential. Only the allow-list stays.

Pairs are what a program prints: a dict, a list of byte pairs, a Go map, a HAR's list, an object of JavaScript or Rust.

A dump without a credential is left alone: it says what was sent, and there is nothing in it to steal.
"""

from __future__ import annotations

from typing import Final

from bot.redaction.rx import Search, finder, piece
from bot.redaction.spans import Span

HEADER: Final = "header"
_LEAD: Final = r"[ \t]*(?:[<>*|]{1,3}[ \t]*)?"
_CREDENTIAL: Final = finder(
    rf"(?mi:^{_LEAD}(?:(?:proxy-)?authorization|(?:set-)?cookie|[a-z\-]*api-key|[a-z\-]+-token|x-[a-z\-]+-signature)[ \t]*:)"
)
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


_PAIR_NAMES: Final = (
    r"user-agent|accept-encoding|accept-language|accept-charset|content-type|content-length|content-encoding|cache-control|referer|"
    r"upgrade-insecure-requests|x-forwarded-[a-z]+|x-real-ip|cf-connecting-ip|true-client-ip|alt-svc|strict-transport-security|"
    r"x-powered-by|x-frame-options|x-content-type-options|transfer-encoding|keep-alive|openai-organization|openai-project|if-none-match|"
    r"x-requested-with|x-amz-date|content-security-policy|x-client-ip|x-stainless-[a-z-]+|sec-[a-z-]+|access-control-[a-z-]+|x-envoy-[a-z-]+|x-b3-[a-z-]+"
)
_PLAIN_NAMES: Final = "accept|connection|origin|via|vary|pragma|dnt|te|priority|upgrade|server"


def _pairs_of(names: str) -> str:
    """`'name': 'value'`, `(b'name', b'value')`, `"name" => "value"`, `Name:[value]`, `{"name": "...", "value": "..."}`."""
    quote = r"\\{0,4}[\"']"
    return (
        rf"(?i:\{{\s{{0,40}}{quote}name{quote}:\s{{0,4}}{quote}(?:{names}){quote},\s{{0,40}}{quote}value{quote}:\s{{0,4}}{quote}[^\"\n]{{0,400}}?{quote}\s{{0,40}}\}}"
        rf"|\(?b?(?:{quote})?\b(?:{names})(?:{quote})?(?:,|:|=>| =>)\s{{0,24}}b?\[?(?:\"(?:[^\"\n\\]|\\.){{0,400}}\"|{quote}[^\"'\n\\]{{0,400}}{quote})\]?\)?"
        rf"|\b(?:{names}):\[[^\[\]\n]{{0,400}}\])"
    )


_PAIR: Final = finder(_pairs_of(_PAIR_NAMES))
_PLAIN: Final = finder(_pairs_of(_PLAIN_NAMES))
_HELD: Final = finder(
    r"(?i:(?:authorization|cookie|api-key|-token|-signature)\\{0,4}[\"']?(?:,|:|=>| =>)\s{0,24}(?:b?\[?\\{0,4}[\"']|\[|\\{0,4}[\"']value))"
)
# one look tells whether there can be a dump at all
GATE: Final = finder(
    r"(?i:gent[\"'\\:]|ontent-[tle][a-z]{3,7}[\"'\\:]|ccept[:\-\"']|tainless-|orwarded-|erver:|eal-|onnection[:\"'\\]|ache-c)"
)
_BETWEEN: Final = frozenset(b" \t\r\n,")
_NEAR: Final = 400


def find(text: bytes, spans: list[Span]) -> None:
    """Adds what goes, neighbours as one. Call it only when something secret was found in the text."""
    if GATE(text, 0)[0] >= 0:
        dumped(text, spans)


def dumped(text: bytes, spans: list[Span]) -> None:
    _lines(text, spans)
    if _HELD(text, 0)[0] >= 0:
        _pairs(text, spans)


def _pairs(text: bytes, spans: list[Span]) -> None:
    found = _all(_PAIR, text)
    if len(found) < 2:
        return
    first, last = found[0][0] - _NEAR, found[-1][1] + _NEAR
    found += [place for place in _all(_PLAIN, text) if first <= place[0] <= last]
    found.sort()
    begin, stop = found[0]
    for start, end in found[1:]:
        if start > stop and not _BETWEEN.issuperset(text[stop:start]):
            spans.append((begin, stop, HEADER, b""))
            begin = start
        stop = max(stop, end)
    spans.append((begin, stop, HEADER, b""))


def _all(search: Search, text: bytes) -> list[tuple[int, int]]:
    places: list[tuple[int, int]] = []
    start, end = search(text, 0)
    while start >= 0 and len(places) < _MOST:
        places.append((start, end))
        start, end = search(text, end)
    return places


_MOST: Final = 400


def _lines(text: bytes, spans: list[Span]) -> None:
    if text.count(b"\n") < 2 or _TYPICAL(text, 0)[0] < 0 or _CREDENTIAL(text, 0)[0] < 0:
        return
    lines = []
    start, length = 0, len(text)
    while start < length:
        end = text.find(b"\n", start)
        if end < 0:
            end = length
        name = _NAME.match(text, start, end)
        if name is not None:
            lines.append((start, end, name))
        start = end + 1
    if len(lines) < 3:
        return
    last = -1
    for start, end, name in lines:
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
