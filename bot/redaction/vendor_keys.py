"""Keys with a maker's prefix: whether it is one, and where it ends when it was broken."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Final

from bot.redaction import judge
from bot.redaction.glue import even_end, glued_end
from bot.redaction.joins import exact_end, next_line, open_end, quoted_end, shaped_end
from bot.redaction.makers import rule_of
from bot.redaction.rules.shapes import shape
from bot.redaction.rules.vendors import RULES, Vendor
from bot.redaction.rx import piece
from bot.redaction.spans import Span
from bot.redaction.token_shapes import OPENAI_MIDDLE

KEY_RUN: Final = piece(r"[A-Za-z0-9_\-]+")
_UUID: Final = piece(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SOFT: Final = piece(r"=\r?\n")
_REST: Final = 8  # less, behind a key that may be whole, is more likely a word of its own
LINE_ENDS: Final = (b"\n", b"\r", b"\\")
BREAKS: Final = (b"\n", b"\r", b" ", b"\\", b"=", b"\t", b"\xe3")

# How long a whole key of the rule is where that is beyond doubt, else nought.
WHOLE: Final = {
    rule.name: len(rule.prefix) + max(rule.exact) if rule.body == "u" and rule.check != "sk" and rule.exact else 0
    for rule in RULES
}


@cache
def _shapes(prefix: str) -> tuple[re.Pattern[bytes], ...]:
    """What a whole token with the prefix looks like. Compiled when a broken one is met: few texts hold any."""
    return tuple(
        piece(rule.shape or shape(rule.sample))
        for rule in RULES
        if rule.prefix == prefix and not rule.sample.endswith("%3D%3D")
    )


def _sk(body: bytes) -> bool:
    if len(body) >= 48 and body[:48].isalnum():
        return True
    return judge.plausible(body)


def _whole_sk(token: bytes) -> bool:
    return _SK.fullmatch(token) is not None


_SK: Final = piece(r"sk-(?:[A-Za-z0-9]{48}(?:-[0-9]{1,4})?|[0-9a-f]{32})")


def _jwt(body: bytes) -> bool:
    return 0x2E in body[8:]


def _has_digit(body: bytes) -> bool:
    return _DIGIT.search(body) is not None


_DIGIT: Final = piece(r"[0-9]")


_CHECKS: Final[dict[str, Callable[[bytes], bool]]] = {
    "": lambda body: True,
    "sk": _sk,
    "plausible": judge.plausible,
    "digit": lambda body: _has_digit(body) or (body[:20].isalnum() and not (body.islower() or judge.spoken(body))),
    "alnum": lambda body: body[:30].isalnum(),
    "alnum-digit": lambda body: body[:20].isalnum() and (_has_digit(body) or not (body.islower() or judge.camel(body))),
    "upper": lambda body: body[:16].isalnum() and body[:16].upper() == body[:16],
    "capitals": lambda body: len(body) in (32, 48) and body.isalnum() and _has_digit(body) and body.upper() == body,
    "uuid": lambda body: _UUID.match(body) is not None,
    "jwt": _jwt,
}


def _sk_kind(body: bytes) -> str:
    return "openai key" if OPENAI_MIDDLE in body else "api key"


def _wanted(rule: Vendor, body: bytes) -> tuple[int, ...]:
    """The lengths that this body can still grow to."""
    if rule.check == "sk":
        lengths = [48] if body.isalnum() else []
        if _hexish(body):
            lengths.append(32)
        if len(body) < 22:
            lengths.append(22)
        return tuple(length for length in lengths if length > len(body))
    middle = body.find(OPENAI_MIDDLE)
    if middle > 0:
        whole = middle * 2 + 8
        return (whole,) if whole > len(body) else ()
    return tuple(length for length in rule.exact if length > len(body))


_TOKEN: Final = 60  # what is at least so long is no key but a session's token, and may be much longer
_LONGEST: Final = 1200


def _hexish(body: bytes) -> bool:
    return all(byte in b"0123456789abcdef" for byte in body)


def read(rule: Vendor, view: bytes, start: int, end: int, joins: bool = True) -> Span | None:
    """The vendor key that begins at `start` and stands in one piece up to `end`: its span, joined over breaks, or None."""
    token = view[start:end]
    head = len(rule.prefix)
    if (
        joins
        and (view[end : end + 1] in LINE_ENDS or _SOFT.match(view, end))
        and next_line(view, end - 1 if token[-1:] == b"=" else end)
    ):
        # all of a key's shape is there, only broken: no doubt about its end
        vague = rule.check in ("sk", "jwt")  # of many lengths: what has one of them by chance is not told apart
        shapes = () if vague else tuple(whole for whole in _shapes(rule.prefix) if not whole.fullmatch(token))
        bare = start + len(token.rstrip(b"="))
        shaped = shaped_end(view, start, bare, shapes) if shapes else bare
        if rule.check == "sk":
            shaped = glued_end(view, start, bare, _whole_sk, True)
        if shaped == bare:
            shaped = quoted_end(view, start, bare)
        if shaped > bare:
            if not rule.exact:
                shaped = even_end(view, bare, shaped)
            whole = squeeze(view[start:shaped])
            return start, shaped, _kind(rule, whole), whole
    body = token[head:]
    size = len(body)
    loose = rule.body != "u"
    if loose:
        stripped = body.rstrip(b".=%" if rule.body == "d" else b".")
        if len(stripped) < rule.low and view[end : end + 1] in LINE_ENDS:
            stripped = body  # broken right behind a dot of its own
        end -= size - len(stripped)
        size, body = len(stripped), stripped
    begin = start + head
    following = view[end : end + 1]
    if rule.body == "s" and following in (b"\n", b"\r") and body.endswith(b"=") and not body.endswith(b"=="):
        # a mail's soft line end, unless nothing fits behind it
        soft = read(rule, view, start, end - 1, joins) if joins else None
        if soft is not None and soft[1] > end:
            return soft
    soft_end = following == b"=" and view[end + 1 : end + 2] in (b"\n", b"\r")
    if joins and size in rule.exact and (soft_end or following in LINE_ENDS):
        # one of a family's lengths, but the next line may make it a longer one
        lengths = _wanted(rule, body)
        joined = exact_end(view, begin, end, lengths, loose) if lengths else end
        grown = squeeze(view[begin:joined])
        if (
            len(grown) >= size + _REST
            and not grown[size:].isdigit()
            and _CHECKS[rule.check](grown)
            and not judge.placeholder(grown)
        ):
            return start, joined, _kind(rule, grown), token[:head] + grown
    if joins and size not in rule.exact and following in BREAKS and not (size >= 6 and judge.placeholder(body)):
        lengths = _wanted(rule, body)
        joined = exact_end(view, begin, end, lengths, loose) if lengths else end
        if joined == end and (not rule.exact or size < rule.low or size > max(rule.exact)):
            joined = open_end(
                view, begin, end, _LONGEST if rule.check == "jwt" or rule.low >= _TOKEN else 400, loose, head
            )
        elif joined == end and (soft_end or following in LINE_ENDS) and rule.check != "sk":
            joined = open_end(view, begin, end, 300 if rule.body == "d" else max(rule.exact) + 8, loose, head)
        if joined > end and not rule.exact:
            joined = even_end(view, end, joined)
        if joined > end:
            body = squeeze(view[begin:joined])
            if len(body) >= rule.low and _CHECKS[rule.check](body) and not judge.placeholder(body):
                return start, joined, _kind(rule, body), token[:head] + body
            body = token[head:]
    if size < rule.low:
        if size < judge.MIN_SECRET or following not in (b"*", b"\xe2", b"."):
            return None  # too short for a key, or a mask that shows little
        if view[end : end + 2] not in (b"**", b"..") and view[end : end + 1] != b"\xe2":
            return None
    if not _CHECKS[rule.check](body) or judge.placeholder(body):
        return None
    return start, end, _kind(rule, body), view[start:end]


def _kind(rule: Vendor, body: bytes) -> str:
    return _sk_kind(body) if rule.check == "sk" else rule.kind


def squeeze(text: bytes) -> bytes:
    return b"".join(part.strip(b"\\>|#=") for part in text.split())


def half(rule: Vendor, view: bytes, end: int, size: int, spans: list[Span]) -> None:
    """`first half: sk-..., second half: ...`: a run close behind that is just what the key lacks."""
    for run in KEY_RUN.finditer(view, end, end + 240):
        begin, stop = run.span()
        if begin - end > 48:
            return
        value = run.group()
        if (
            stop - begin >= 20
            and rule_of(value) is None
            and value.lower() != value
            and size + stop - begin in rule.exact
            and judge.mixed(value)
            and judge.plausible(value)
            and not judge.evidence(value)
            and not judge.whole_hex(value)
        ):
            spans.append((begin, stop, rule.kind, value))
            return


def doubtful(rule: Vendor, token: bytes) -> bool:
    body = token[len(rule.prefix) :]
    return judge.placeholder(body) or (rule.check != "" and not _CHECKS[rule.check](body))
