"""Keys with a maker's prefix, and long runs that give themselves away by their middle or once decoded from base64."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Final

import re2

from bot.redaction import judge, names
from bot.redaction.joins import exact_end, next_line, open_end, quoted_end, shaped_end, wrapped_end
from bot.redaction.makers import decoded, rule_of, unhexed
from bot.redaction.rules.shapes import shape
from bot.redaction.rules.vendors import RULES, Vendor
from bot.redaction.rx import Search, finder, piece
from bot.redaction.spans import UNREADABLE, Span, budget

_BODY: Final = {"u": r"[A-Za-z0-9_\-]*", "d": r"[A-Za-z0-9_\-.]*", "s": r"[A-Za-z0-9_\-/+=.%]*"}
_OPENAI_MIDDLE: Final = b"T3BlbkFJ"
_AZURE_MIDDLE: Final = b"JQQJ99"


def _pattern() -> str:
    parts = []
    for body, tail in _BODY.items():
        prefixes = sorted({rule.prefix for rule in RULES if rule.body == body}, key=len, reverse=True)
        parts.append("(?:" + "|".join(re2.escape(prefix) for prefix in prefixes) + ")" + tail)
    zhipu = r"[0-9a-f]{32}\.[A-Za-z0-9]{16,17}"
    discord = r"[MNO][A-Za-z0-9_\-]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,40}"
    # Telegram's bot tokens, iFlytek's password in two halves
    halves = r"[0-9]{8,10}(?::|：)[A-Za-z0-9_\-]{34,36}\b|[0-9a-f]{32}(?::|：)[A-Za-z0-9+/=_\-]{24,}|[A-Za-z]{20}(?::|：)[A-Za-z]{20}\b"
    # base64 of text: every fourth character stands for five bits whose first is nought
    base64 = r"(?:[A-Za-f][A-Za-z0-9+/]{3}){6}[A-Za-z0-9+/]*={0,2}"
    # hex of text: twenty bytes or more of which none is below a blank or above a tilde
    hexed = r"(?:[2-7][0-9a-fA-F]){20,}\b"
    # Telegram's and Discord's, broken in the middle
    broken = (
        r"(?:[0-9]{8,10}:AA[A-Za-z0-9_\-]{4,32}|[MNO][A-Za-z0-9_\-]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{4,26})"
        r"(?:=|\\|[ \t]{1,3})?\r?\n"
    )
    return (
        rf"(?:\b|_|bot|[Kk]ey|KEY|[Tt]oken)(?:{zhipu}|{discord}|{halves}|{broken}|"
        + "|".join(parts)
        + rf"|{base64}|{hexed})|{_OPENAI_MIDDLE.decode()}|{_AZURE_MIDDLE.decode()}"
    )


TOKENS: Final = finder(_pattern())
_KEY_RUN: Final = piece(r"[A-Za-z0-9_\-]+")
_KEY_BYTES: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_BOT: Final = b"bot"
_GLUED: Final = (b"key", b"Key", b"KEY", b"token", b"Token")  # `keysk-...`
_BROKEN_HEAD: Final = piece(r"([A-Za-z0-9]{1,51})(?:[ \t]*\\?|=)\r?\n[ \t]*(?:[>|#][ \t]*)?$")
_BASE64: Final = piece(r"[A-Za-z0-9+/_\-]+={0,2}")
_HEX: Final = piece(r"[0-9a-f]{32}\b")
_DISCORD: Final = piece(r"[MNO][A-Za-z0-9_\-]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,40}$")
_DISCORD_HEAD: Final = piece(r"[MNO][A-Za-z0-9_\-.]+")
_UUID: Final = piece(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ALNUM: Final = piece(r"[A-Za-z0-9]*")


# How long a whole key of the rule is where that is beyond doubt, else nought.
_WHOLE: Final = {
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


def _jwt(body: bytes) -> bool:
    return b"." in body[8:]


def _has_digit(body: bytes) -> bool:
    return any(48 <= byte <= 57 for byte in body)


_CHECKS: Final[dict[str, Callable[[bytes], bool]]] = {
    "": lambda body: True,
    "sk": _sk,
    "plausible": judge.plausible,
    "digit": lambda body: _has_digit(body) or (body[:20].isalnum() and not (body.islower() or judge.spoken(body))),
    "alnum": lambda body: body[:30].isalnum(),
    "alnum-digit": lambda body: body[:20].isalnum() and (_has_digit(body) or not (body.islower() or judge.camel(body))),
    "upper": lambda body: body[:16].isalnum() and body[:16].upper() == body[:16],
    "uuid": lambda body: _UUID.match(body) is not None,
    "jwt": _jwt,
}


def _sk_kind(body: bytes) -> str:
    return "openai key" if _OPENAI_MIDDLE in body else "api key"


def _wanted(rule: Vendor, body: bytes) -> tuple[int, ...]:
    """The lengths that this body can still grow to."""
    if rule.check == "sk":
        lengths = [48] if body.isalnum() else []
        if _hexish(body):
            lengths.append(32)
        if len(body) < 22:
            lengths.append(22)
        return tuple(length for length in lengths if length > len(body))
    middle = body.find(_OPENAI_MIDDLE)
    if middle > 0:
        whole = middle * 2 + 8
        return (whole,) if whole > len(body) else ()
    return tuple(length for length in rule.exact if length > len(body))


def _hexish(body: bytes) -> bool:
    return all(byte in b"0123456789abcdef" for byte in body)


def read(rule: Vendor, view: bytes, start: int, end: int, joins: bool = True) -> Span | None:
    """The vendor key that begins at `start` and stands in one piece up to `end`: its span, joined over breaks, or None."""
    token = view[start:end]
    head = len(rule.prefix)
    if (
        joins
        and (view[end : end + 1] in _LINE_ENDS or _SOFT.match(view, end))
        and next_line(view, end - 1 if token[-1:] == b"=" else end)
    ):
        # all of a key's shape is there, only broken: no doubt about its end
        vague = rule.check in ("sk", "jwt")  # of many lengths: what has one of them by chance is not told apart
        shapes = () if vague else tuple(whole for whole in _shapes(rule.prefix) if not whole.fullmatch(token))
        bare = start + len(token.rstrip(b"="))
        shaped = shaped_end(view, start, bare, shapes) if shapes else bare
        if shaped == bare:
            shaped = quoted_end(view, start, bare)
        if shaped > bare:
            return start, shaped, rule.kind, _squeeze(view[start:shaped])
    body = token[head:]
    size = len(body)
    loose = rule.body != "u"
    if loose:
        stripped = body.rstrip(b".=%" if rule.body == "d" else b".")
        if len(stripped) < rule.low and view[end : end + 1] in _LINE_ENDS:
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
    if joins and size in rule.exact and (soft_end or following in _LINE_ENDS):
        # one of a family's lengths, but the next line may make it a longer one
        lengths = _wanted(rule, body)
        joined = exact_end(view, begin, end, lengths, loose) if lengths else end
        grown = _squeeze(view[begin:joined])
        if joined > end and not grown[size:].isdigit() and _CHECKS[rule.check](grown) and not judge.placeholder(grown):
            return start, joined, _kind(rule, grown), token[:head] + grown
    if joins and size not in rule.exact and following in _BREAKS and not (size >= 6 and judge.placeholder(body)):
        lengths = _wanted(rule, body)
        joined = exact_end(view, begin, end, lengths, loose) if lengths else end
        if joined == end and (not rule.exact or size < rule.low or size > max(rule.exact)):
            joined = open_end(view, begin, end, 1200 if rule.check == "jwt" else 400, loose)
        elif joined == end and following in _LINE_ENDS and rule.check != "sk":
            joined = open_end(view, begin, end, 300 if rule.body == "d" else max(rule.exact) + 8, loose)
        if joined > end:
            body = _squeeze(view[begin:joined])
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


# after so many prefixes with nothing to join behind them, a text is not a broken key but a trick or a list
_FRUITLESS: Final = 40
_SOFT: Final = piece(r"=\r?\n")
_LINE_ENDS: Final = (b"\n", b"\r", b"\\")
_BREAKS: Final = (b"\n", b"\r", b" ", b"\\", b"=", b"\t", b"\xe3")


def _kind(rule: Vendor, body: bytes) -> str:
    return _sk_kind(body) if rule.check == "sk" else rule.kind


def _squeeze(text: bytes) -> bytes:
    return b"".join(part.strip(b"\\>|#=") for part in text.split())


def find(view: bytes, deep: bool = True, search: Search = TOKENS) -> list[Span]:
    """All vendor keys in sight, and base64 runs that hold one (one level deep)."""
    spans: list[Span] = []
    position = fruitless = hits = 0
    length = len(view)
    most = budget(length)
    while position < length:
        start, end = search(view, position)
        if start < 0:
            break
        if view[start] == 0x5F:
            start += 1
        elif view.startswith(_BOT, start) and view[start + 3 : start + 4].isdigit():
            start += 3
        elif view[start] in b"kKtT" and view.startswith(_GLUED, start):
            start += 3 if view[start] in b"kK" else 5
        hits += 1
        if hits > most:
            spans.append((start, length, UNREADABLE, b""))
            break
        token = view[start:end]
        rule = rule_of(token)
        if rule is None:
            span = _run(view, start, end, deep)
        elif end - start == _WHOLE[rule.name] and not _doubtful(rule, token):
            # the usual case, whole and of the right length
            spans.append((start, end, rule.kind, token))
            position = end
            continue
        else:
            span = read(rule, view, start, end, fruitless < _FRUITLESS)
            if span is None and view[end : end + 1] in _BREAKS:
                fruitless += 1
            if span is None and deep and rule.check == "jwt":
                span = _run(view, start, _BASE64.match(view, start).end(), deep)  # type: ignore[union-attr]
        if span is None:
            position = max(_ALNUM.match(view, start).end(), start + 1)  # type: ignore[union-attr]
            continue
        spans.append(span)
        position = max(span[1], start + 1)
        if (
            rule is not None
            and rule.exact
            and rule.check != "sk"
            and span[1] == end
            and end - start < len(rule.prefix) + min(rule.exact)
        ):
            _half(rule, view, end, end - start - len(rule.prefix), spans)
    return spans


def _half(rule: Vendor, view: bytes, end: int, size: int, spans: list[Span]) -> None:
    """`first half: sk-..., second half: ...`: a run close behind that is just what the key lacks."""
    for run in _KEY_RUN.finditer(view, end, end + 240):
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


def _doubtful(rule: Vendor, token: bytes) -> bool:
    body = token[len(rule.prefix) :]
    return judge.placeholder(body) or (rule.check != "" and not _CHECKS[rule.check](body))


def _azure(view: bytes, begin: int, start: int, end: int, stop: int) -> tuple[int, int]:
    """Both ends of an Azure key of 84 around its middle, which is whole: either half may be broken over a line end."""
    if start - begin < 52:
        head = _BROKEN_HEAD.search(view, max(0, begin - 140), begin)
        missing = 52 - (start - begin)
        if head is not None and head.end(1) - head.start(1) >= missing:
            begin = head.end(1) - missing
    if stop - end < 26:
        joined = exact_end(view, end, stop, (26,), False)
        stop = max(stop, joined)
    return begin, stop


def _run(view: bytes, start: int, end: int, deep: bool) -> Span | None:
    run = view[start:end]
    if end - start > 8 and (_AZURE_MIDDLE in run or _OPENAI_MIDDLE in run):
        middle = _AZURE_MIDDLE if _AZURE_MIDDLE in run else _OPENAI_MIDDLE
        start = view.index(middle, start)
        end = start + len(middle)
        run = middle
    if run in (_OPENAI_MIDDLE, _AZURE_MIDDLE):
        begin = start
        floor = max(0, start - 90)
        while begin > floor and view[begin - 1] in _KEY_BYTES:
            begin -= 1
        tail = _KEY_RUN.match(view, start)
        stop = tail.end() if tail is not None else end
        if run == _AZURE_MIDDLE:
            begin, stop = _azure(view, begin, start, end, stop)
        if start - begin < 16 or stop - end < 16:
            return None
        return begin, stop, "openai key" if run == _OPENAI_MIDDLE else "azure key", view[begin:stop]
    if run.endswith(b"\n"):
        if view[start] in b"MNO":
            head = _DISCORD_HEAD.match(view, start)
            if head is None:
                return None
            stop = shaped_end(view, start, head.end(), (_DISCORD,))
            return (start, stop, "discord token", _squeeze(view[start:stop])) if stop > head.end() else None
        begin = view.index(b":", start) + 1
        head = _KEY_RUN.match(view, begin)
        if head is None:
            return None
        stop = exact_end(view, begin, head.end(), (35,), False)
        return (start, stop, "telegram token", _squeeze(view[start:stop])) if stop > head.end() else None
    if b"." in run:
        if _HEX.match(run):
            return (start, end, "zhipu key", run) if end - start == 49 else None
        if not _DISCORD.match(run):
            return None
        stop = max(end, wrapped_end(view, start, end, (70, 71, 72, 59)))
        return start, stop, "discord token", _squeeze(view[start:stop])
    if b":" in run or b"\xef" in run:
        soft = (
            end - 1 if run.endswith(b"=") and not run.endswith(b"==") and view[end : end + 1] in (b"\n", b"\r") else end
        )
        stop = max(end, wrapped_end(view, start, soft, (46, 45, 77)))
        return start, stop, "telegram token" if run[:8].isdigit() else "iflytek key", _squeeze(view[start:stop])
    if not deep:
        return None
    stop = end
    if run[0] in b"234567":
        inside = unhexed(run)
    else:
        whole = _BASE64.match(view, start)
        stop = max(end, whole.end() if whole is not None else end)
        inside = decoded(view[start:stop])
        if inside is None and stop > end:
            stop, inside = end, decoded(run)
    if inside is None:
        return None
    inner = find(inside, deep=False)
    if not inner:
        names.find(inside, inner)
    if not inner:
        return None
    return start, stop, inner[0][2], inner[0][3]
