"""Finds and cuts secrets in one text, in time that grows with its length only.

The order: find in the text and in its undressed copies, map every hit back, cut the union of the spans, look once more. RE2 finds
where to look; small functions decide. Everything is UTF-8 bytes inside, because RE2 counts bytes.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Sequence
from typing import Final

from bot.redaction import bodies, early, headers, makers, names, numbers, pieced, structures, tables, tokens
from bot.redaction.rx import finder, piece
from bot.redaction.spans import UNREADABLE, Span, legible
from bot.redaction.unwrap import Copy, Overdressed, copies, dressed

_LOOKS: Final = 3  # what still holds a secret after that many looks is dropped, not sent
_MOST_REPEATED: Final = 200  # each is one more walk over the text
_UNSEEN: Final = (-1, 0)
_FEW: Final = 8  # for more of them, what can be coded at all is looked for first
_CODED: Final = piece(r"[A-Za-z0-9+/]{21,}")
BEYOND: Final = 8_000  # behind the place where reading stopped: what began before it may end there
_REPEATED: Final = 8  # a shorter secret may well be a word of its own elsewhere
DROPPED: Final = "[text dropped: it could not be cleaned]"


_TORN: Final = f"{early.HINTS}|{pieced.HINTS}"
_APART: Final = f"{tables.HINTS}|{_TORN}"  # one walk for all: each is rare, and they are small
_torn: Final = finder(_TORN)


def _apart(view: bytes, spans: list[Span]) -> None:
    """Values that stand apart from their names, or from their own beginnings."""
    tables.find(view, spans)
    if _torn(view, 0)[0] >= 0:
        early.find(view, spans)
        pieced.find(view, spans)


# Most texts hold nothing for the rarer finders: one look tells.
RARER: Final = tuple(
    (finder(hints), finds)
    for hints, finds in (
        (structures.HINTS, structures.find),
        (bodies.HINTS, bodies.find),
        (numbers.HINTS, numbers.find),
        (_APART, _apart),
    )
)
_RARE: Final = finder("|".join((structures.HINTS, bodies.HINTS, numbers.HINTS, _APART)))

# What only a name told: a maker's own prefix in the same place says more.
_VAGUE: Final = frozenset(
    ("api key", "token", "secret", "password", "credential", "authorization", "signature", "session", "cookie", "jwt")
)


def find(view: bytes, whole: bool = True) -> list[Span]:
    """All secrets that stand in plain sight in this view. `whole`: also what goes wholesale from request bodies."""
    spans = tokens.find(view)
    names.find(view, spans)
    if _RARE(view, 0)[0] >= 0:
        _rare(view, spans, whole)
    return spans


def _rare(view: bytes, spans: list[Span], whole: bool) -> None:
    for search, finds in RARER:
        if (whole or finds is not bodies.find) and search(view, 0)[0] >= 0:
            finds(view, spans)


def _look(text: bytes) -> list[Span]:
    spans = find(text)
    if dressed(text):
        spans = _undressed(text, spans)
    elif spans:
        repeats(text, (), spans)
    if spans:
        headers.find(text, spans)
    return spans


def _undressed(text: bytes, spans: list[Span]) -> list[Span]:
    """What was found in the text as it stands, with what its copies show and all repeats."""
    try:
        views = copies(text[: legible(text, spans) + BEYOND])
    except Overdressed:
        return [(0, len(text), UNREADABLE, b"")]
    # Escapes tell where a string in a body ends, and a copy has lost them: it is read for bodies only if the text shows none.
    whole = not any(span[2] == bodies.PROMPT for span in spans)
    # One layer between the text and the last copy shows nothing of its own.
    for copy in views if len(views) > 2 else views[-1:]:
        for start, end, kind, secret in find(copy.text, whole):
            spans.append((*copy.back(start, end), kind, secret))
            copy.seen[start] = end, rank(kind)
    if spans:
        repeats(text, views, spans)
    return spans


def rank(kind: str) -> int:
    """How much a kind tells of what went."""
    return _RANK.get(kind, 1)


def repeats(text: bytes, views: Sequence[Copy], spans: list[Span]) -> None:
    """A secret once found is cut wherever else it stands."""
    if len(spans) == 1 and not views:  # the usual case: it stands nowhere else
        _, _, kind, secret = spans[0]
        size = len(secret)
        if size < _REPEATED or kind == structures.MAIL:
            return
        if (size < 16 or kind not in _VAGUE) and text.find(secret, text.find(secret) + size) < 0:
            return
    found: dict[bytes, str] = {}
    for _, _, kind, secret in spans:
        if len(secret) >= _REPEATED and kind != structures.MAIL:
            found[secret] = kind
    limit = legible(text, spans)
    if limit < len(text):
        text = text[: limit + BEYOND]
    runs = b" ".join(_CODED.findall(text)) if len(found) > _FEW else text
    for secret in tuple(found)[:_MOST_REPEATED] if len(found) > _MOST_REPEATED else found:
        kind = found[secret]
        if len(secret) >= 16 and kind in _VAGUE:  # a maker's own key is known by what it decodes to
            coded = b2a_base64(secret, newline=False).rstrip(b"=")[:-1]
            at = text.find(coded) if runs.find(coded) >= 0 else -1
            while at >= 0:
                end = at + len(coded)
                while end < len(text) and (text[end : end + 1].isalnum() or text[end] in b"+/="):
                    end += 1
                spans.append((at, end, kind, secret))
                at = text.find(coded, end)
        at = text.find(secret)
        if at >= 0 and (views or text.find(secret, at + len(secret)) >= 0):
            while at >= 0:
                end = at + len(secret)
                spans.append((at, end, kind, secret))
                at = text.find(secret, end)
        telling = rank(kind)
        for copy in views:
            at = copy.text.find(secret)
            while at >= 0:
                end = at + len(secret)
                stop, told = copy.seen.get(at, _UNSEEN)
                if stop >= end and told >= telling:
                    at = copy.text.find(secret, end)
                    continue
                begin, stop = copy.back(at, end)
                spans.append((begin, stop, kind, secret))
                at = copy.text.find(secret, end) if begin < limit else -1


def spans_of(raw: str) -> list[tuple[int, int]]:
    """Where secrets stand in a text, in characters, in order: for those who must not cut through one."""
    text = raw.encode("utf-8", "replace")
    spans = sorted((start, end) for start, end, _, _ in _look(text))
    if text.isascii():
        return spans
    return [
        (len(text[:start].decode("utf-8", "replace")), len(text[:end].decode("utf-8", "replace")))
        for start, end in spans
    ]


_MEDIA: Final = piece(r"(?:image|video|audio)/[a-z0-9.+\-]{1,20}")


_SPECIAL: Final = frozenset((structures.MAIL, bodies.PROMPT, bodies.IMAGE))


# how a cut is told: kinds are few
_labels: Final[dict[str, bytes]] = {}


def _label(kind: str, cut: bytes) -> bytes:
    label = _labels.get(kind)
    if label is not None:
        return label
    if kind not in _SPECIAL:
        label = _labels[kind] = b"[%b]" % kind.encode()
        return label
    if kind == structures.MAIL:
        return b"***"
    if kind == bodies.PROMPT:
        media = _MEDIA.search(cut)
        more = b", " + media.group() if media is not None else b""
        return b"[prompt, %d characters%b]" % (len(cut.decode("utf-8", "replace")), more)
    return b"[image, %d kB]" % (len(cut) * 3 // 4096 + 1)


def _union(spans: list[Span]) -> list[Span]:
    """The spans in order, overlapping ones as one: of the most telling kind, with the longest secret of that kind."""
    if len(spans) == 1:
        return spans
    spans.sort()
    merged: list[Span] = []
    following = iter(spans)
    last_start, last_end, kind, secret = next(following)
    most = rank(kind)
    for start, end, other, found in following:
        if start < last_end:
            if end > last_end:
                last_end = end
            if other == kind:
                if len(found) > len(secret):
                    secret = found
            else:
                ranked = rank(other)
                if ranked > most or ranked == most and len(found) > len(secret):
                    most, kind, secret = ranked, other, found
        else:
            merged.append((last_start, last_end, kind, secret))
            last_start, last_end, kind, secret = start, end, other, found
            most = rank(kind)
    merged.append((last_start, last_end, kind, secret))
    return merged


# all others are a maker's
_RANK: Final = dict.fromkeys(_VAGUE, 0) | dict.fromkeys((bodies.PROMPT, bodies.IMAGE, headers.HEADER), 2)


def cut(text: bytes, spans: list[Span]) -> tuple[bytes, dict[str, int]]:
    """The text without these spans, and how many of each kind went. A span may end amid a character: then half of it is left."""
    if len(spans) == 1:
        start, end, kind, _ = spans[0]
        return b"".join((text[:start], _label(kind, text[start:end]), text[end:])), {kind: 1}
    counts: dict[str, int] = {}
    return _cut(text, _union(spans), counts), counts


def _cut(text: bytes, spans: list[Span], counts: dict[str, int]) -> bytes:
    """The text without the spans, which are in order and apart."""
    out: list[bytes] = []
    position = 0
    for start, end, kind, _ in spans:
        out.append(text[position:start])
        out.append(_label(kind, text[start:end]))
        counts[kind] = counts.get(kind, 0) + 1
        position = end
    out.append(text[position:])
    return b"".join(out)


def sweep(raw: str) -> tuple[str, dict[str, int], list[tuple[str, str]]]:
    """The clean text, how many of each kind went, and (kind, bare secret) for each secret that can be compared.

    Looks again until nothing is found. Raises UnicodeEncodeError on half of a surrogate pair: the gate mends that first, the command
    line reports it.
    """
    text = raw.encode("utf-8")
    counts: dict[str, int] = {}
    secrets: list[tuple[str, str]] = []
    for _ in range(_LOOKS):
        spans = _look(text)
        if not spans:
            break
        spans = _union(spans)
        secrets += [(kind, secret.decode("utf-8", "replace")) for _, _, kind, secret in spans if secret]
        text = _cut(text, spans, counts)
    else:
        if _look(text):
            return DROPPED, counts, secrets
    return text.decode("utf-8", "replace"), counts, secrets


def redact(raw: str) -> tuple[str, dict[str, int]]:
    """The clean text and how many of each kind went: the quick way, for the command line.

    Gives what `sweep` gives with one look: a label can make no secret out of what stood beside it. The tests hold both ways against
    each other.
    """
    text = raw.encode("utf-8")
    spans = _look(text)
    if not spans:
        return raw, {}
    clean, counts = cut(text, spans)
    return clean.decode("utf-8", "replace"), counts


def canonical(secret: str) -> str:
    """The bare key of a key in any dress, for comparing: undressed, without line ends and blanks, and out of its base64."""
    text = secret.encode("utf-8").strip()
    try:
        layers = copies(text)
    except Overdressed:
        layers = []
    if layers:
        text = layers[-1].text
    text = b"".join(part.rstrip(b"\\") for part in text.split())
    if makers.rule_of(text) is None:
        inside = makers.decoded(text) if len(text) >= 24 else None
        if inside is not None:
            text = inside.strip()
    return text.decode("utf-8", "replace")
