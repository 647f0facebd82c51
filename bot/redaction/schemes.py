"""Values that are read in a way of their own: a cookie's whole line, what stands behind `Bearer`, a key behind its maker's name."""

from __future__ import annotations

from typing import Final

from bot.redaction import judge
from bot.redaction.joins import shaped_end
from bot.redaction.makers import decoded
from bot.redaction.name_shapes import LONGEST, VALUE, rest
from bot.redaction.named_values import SHAPES, UUID, close_by, flag, joined, ours, varied
from bot.redaction.rx import piece
from bot.redaction.spans import Span

_UUID_VENDORS: Final = frozenset(word.encode() for word in ("火山", "方舟", "豆包", "ark"))
_TOKEN: Final = piece(r"[A-Za-z0-9_\-./+=:%~]{8,600}")
_REST: Final = piece(r"[^\r\n\"'`\\<>{}\[\]|]{4,}")
_CRUMB: Final = piece(r"[A-Za-z0-9_\-.%]{1,60}=[^;,\s]{6,}")
PLAIN_COOKIE: Final = piece(r"[A-Za-z0-9_\-%+/=.]{8,}")
_VENDOR_VALUE: Final = piece(
    r"(?:[A-Za-z0-9+/]{40}|[A-Za-z0-9+/]{200,}={0,2}|24\.[0-9a-f]{32}\.[0-9.\-]{10,60}|[A-Za-z0-9]{24}|[A-Za-z0-9]{30}|[A-Za-z0-9]{32}|[A-Za-z0-9]{40}|[0-9a-f]{64}|[A-Za-z0-9+/]{56,60}={1,2})$"
)
_SPEECH: Final = 160  # words that go on for longer are no remark about cookies


def vendor(view: bytes, word: bytes, at: int, blank: bool) -> Span | None:
    """`Mistral: <key>`: a maker whose keys have no prefix, and right behind its name something of a key's very length."""
    match = VALUE.match(view, at)
    if match is None or blank:
        return None
    value = match.group().rstrip(b".:?!")
    shaped = _VENDOR_VALUE.match(value) is not None and judge.mixed(value)
    if not shaped and not (word in _UUID_VENDORS and len(value) == 36 and UUID.match(value) is not None):
        return None
    if judge.evidence(value) or judge.placeholder(value):
        return None
    return at, at + len(value), "api key", value


def cookie(view: bytes, start: int, at: int, blank: bool) -> Span | None:
    """Everything after `Cookie:` up to the end of the line or of the string."""
    if blank and not flag(view, start):
        return None
    if PLAIN_COOKIE.search(view, at, at + 400) is None or judge.fetched(view, at):
        return None
    rest = _REST.match(view, at)
    if rest is None:
        return None
    end = rest.end()
    value = view[at:end].rstrip()
    if view[at - 1 : at] == b"[" and (ours(view, at) or value.isalpha()):
        return None  # `[Filtered]`
    if judge.code(value) or PLAIN_COOKIE.search(value) is None or judge.masked(value):
        return None
    if len(value) < _SPEECH and _CRUMB.search(value) is None and judge.speech(value):
        return None  # `cookies: CookieTypes`
    if value.endswith(b")") and 0x28 not in value:
        value = value[:-1]
    return at, at + len(value), "cookie", value


def scheme(view: bytes, word: bytes, at: int) -> Span | None:
    """`Bearer abc...` without a header name before it."""
    token = _TOKEN.match(view, at)
    if token is None:
        return None
    value = token.group().rstrip(b".:")
    end = at + len(value)
    if judge.masked(value + close_by(view, end)) or judge.code(value) or judge.placeholder(value):
        return None
    if (len(value) < 16 and not varied(value)) or not judge.mixed(value):
        inside = decoded(value) if word == b"basic" else None
        if inside is None or 0x3A not in inside:
            return None
    if view[end : end + 1] in (b".", b":") and view[end + 1 : end + 2] in (b"\n", b"\r", b"\\"):
        shaped = shaped_end(view, at, end + 1, SHAPES)
        if shaped > end + 1:
            return at, shaped, "authorization", b"".join(view[at:shaped].split())
    whole = joined(view, at, end, value)
    if whole > end:
        end = whole
        value = b"".join(view[at:end].split())
    return at, rest(view, end) if end - at >= LONGEST else end, "authorization", value
