"""Is this value, behind a name that tells of a secret, one? And where does it end?"""

from __future__ import annotations

from typing import Final

from bot.redaction import echoes, judge
from bot.redaction.glue import glued_end, long_hex, of_a_length
from bot.redaction.joins import next_line, quoted_end, shaped_end, wrapped_end
from bot.redaction.makers import in_runs
from bot.redaction.name_shapes import LEAST, MAKERS, VALUE
from bot.redaction.rx import piece
from bot.redaction.spaced import COUNTED, spaced_end, strewn
from bot.redaction.strangers import ends_line

_LINKS: Final = (b"https://", b"http://")
_VENDOR_ENDS: Final = (*MAKERS, b"secret", b"access")
_LONE: Final = piece(r"(?:[A-Za-z0-9+/_\-]{20,}={0,2})$")
_FAULTY: Final = piece(
    r"(?:[Ii]nvalid|[Ii]ncorrect|[Mm]issing|[Uu]nknown|[Ee]xpired|[Ww]rong|[Bb]ad|[Nn]o|[Mm]alformed|[Ff]or) [\w\- ]{0,12}$"
)
_OWN: Final = piece(r"(?:using|with|my|the|this|our|我的|这个|用)[ \t]?$")
_FETCHED: Final = piece(r"(?:[$=%{/]|[Bb]earer )[A-Za-z0-9_.\-]{0,40}$")
_RUN: Final = piece(r"[A-Za-z0-9]{24}")
UUID: Final = piece(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LENGTHS: Final = (24, 30, 32, 36, 40, 41, 45, 46, 48, 49, 59, 60, 64, 70, 72, 77, 84)
_BAIDU: Final = piece(r"24\.[0-9a-f]{32}\.[0-9]{5,8}\.[0-9]{10}\.[0-9]{6}-[0-9]{6,9}")
# whole keys without a prefix that have a sign in their middle: Baidu, Zhipu, iFlytek, Telegram
SHAPES: Final = (
    _BAIDU,
    piece(r"[0-9a-f]{32}\.[A-Za-z0-9]{16}"),
    piece(r"[0-9a-f]{32}:[A-Za-z0-9+/]{32,64}"),
    piece(r"[A-Za-z]{20}:[A-Za-z]{20}"),
    piece(r"[0-9]{8,10}:[A-Za-z0-9_\-]{35}"),
    piece(r"[MNO][A-Za-z0-9_\-]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{38}"),
)
LONGEST_SHAPE: Final = 110
_BARE_VALUE: Final = piece(r"[A-Za-z0-9+/_\-.]{32,}={0,2}$")
# `cache hit key=chat:4f2a...`, `S3 key=a/b.png`: an entry's name in a store
_STORED: Final = piece(r"[a-z_]{2,16}:[^:]|[\w\-./]{1,200}/[\w\-]{1,200}\.[A-Za-z0-9]{2,5}$")
_WEAK: Final = frozenset((b"key", b"token", b"pass", b"session", b"sid", b"credential", b"signature", b"csrf"))
_SHUT: Final = frozenset((b'"', b"'", b",", b"&", b"`"))
_OURS: Final = piece(r"[a-z]{1,12}(?:[ ,]{1,2}(?:[a-z]{1,12}|[0-9]{1,8})){0,4}\]")


def lone(value: bytes) -> bool:
    """Looks like a key whatever stands around it: long, one run, letters of both cases or digits amid them; no id, no hex."""
    return (
        _LONE.match(value) is not None
        and not judge.whole_hex(value)
        and not judge.evidence(value)
        and judge.mixed(value)
        and judge.plausible(value)
        and value.lower() != value
        and value.upper() != value
        and not (value.isalpha() and judge.spoken(value))
        and (value.count(b"-") < 3 or len(value) >= 60)
    )


def alike(value: bytes, first: bytes) -> bool:
    """About as long as a value that was found before it, in the same alphabet: the next in a list."""
    return (
        len(first) >= 20
        and (len(value) == len(first) or (abs(len(value) - len(first)) <= 4 and judge.manifold(value)))
        and judge.mixed(value)
        and judge.all_hex(value) == judge.all_hex(first)
        and value.rstrip(b"=").find(b"=") < 0
        and not judge.evidence(value)
    )


def close_by(view: bytes, end: int) -> bytes:
    """What touches the value: a mask may go on in signs that no value has."""
    following = view[end : end + 3]
    return (following + b" ").split()[0] if following[:1] > b" " and following[:1] not in _SHUT else b""


def ours(view: bytes, at: int) -> bool:
    """`openai key]`: the rest of a label of our own."""
    return _OURS.match(view, at) is not None


def flag(view: bytes, start: int) -> bool:
    """`--api-key VALUE`: a command line flag may be followed by a blank."""
    word = view[max(0, start - 24) : start].rsplit(b"\n", 1)[-1]
    return word.rsplit(b" ", 1)[-1].find(b"--") >= 0


def telling_alone(view: bytes, start: int, word: bytes, kind: str, gap: bytes, value: bytes, end: int) -> bool:
    """After a name and a blank only: must look like nothing but a secret."""
    if gap[-1:] in (b'"', b"'") and view[end : end + 1] == gap[-1:] and 0x0A not in gap:
        return True  # the blank is a configuration file's separator
    if kind == "password":
        if len(value) >= 24 and lone(value):
            return True
        if view[start - 1 : start] == b"_" and judge.odd_signs(value):
            return True
        odd = judge.mixed(value) or not judge.camel(value)
        return len(value) >= 8 and value.isalnum() and odd and value.lower() != value
    if gap == b" to ":  # `move the key to prod-east-2`
        return lone(value) or (qualified(view, start) and judge.whole_hex(value))
    low = value.lower()
    if (
        len(value) >= 24
        and value.isalnum()
        and low != value
        and low.upper() != value
        and not value[:8].isdigit()
        and judge.mixed(value)
    ):
        return True
    if echoes.given_back(view, start, end):
        return (judge.whole_hex(value) and len(value) >= 32) or lone(value)
    if _FAULTY.search(view, max(0, start - 24), start) is not None:
        return False  # `invalid x-api-key <request id>`
    if _FETCHED.search(view, max(0, start - 40), start) is not None:
        return False  # `$API_KEY <request id>`: the name is itself a value
    if not (
        qualified(view, start)
        or word[0] >= 0x80
        or 0x09 in gap
        or gap.find(b"  ") >= 0
        or _OWN.search(view, max(0, start - 12), start) is not None
    ):
        return False
    return UUID.match(value) is not None or (
        _BARE_VALUE.match(value) is not None and judge.mixed(value) and judge.plausible(value)
    )


def told_model(view: bytes, start: int, gap: bytes, value: bytes) -> bool:
    """`invalid x-api-key (gpt-4o-mini-2024-07-18)`: what is told beside a complaint, not the value that it is about."""
    return (
        (0x2D in value or 0x2F in value)
        and judge.model(value)
        and (0x28 in gap or gap.find(_BRACKET) >= 0 or _FAULTY.search(view, max(0, start - 24), start) is not None)
    )


_BRACKET: Final = "（".encode()


def joined(view: bytes, at: int, end: int, value: bytes) -> int:
    following = view[end : end + 1]
    if following == b" ":
        known = in_runs(view, at)
        return end if not known and len(value) >= 8 and judge.placeholder(value) else spaced_end(view, at, end, known)
    if following not in (b"\n", b"\r", b"\\") or judge.dated(value):
        return end
    following_run = next_line(view, end)
    if not following_run or judge.placeholder(value) or (judge.evidence(value) and following_run[:1] != b":"):
        return end
    if 0x2E in value or 0x3A in value or 0x2E in following_run or 0x3A in following_run:
        shaped = shaped_end(view, at, end, SHAPES, LONGEST_SHAPE)
        if shaped > end:
            return shaped
    quoted = quoted_end(view, at, end)
    if quoted > end:
        return quoted
    if value.endswith(b"=") and not value.endswith(b"=="):
        end -= 1
        value = value[:-1]
    glued = glued_end(view, at, end, long_hex if judge.all_hex(value) and _together(view, at) else _whole)
    if glued > end:
        return glued
    if len(value) < (6 if view[end : end + 1] in (b"\\", b"=") else 8) or (judge.wordlike(value) and len(value) < 16):
        return end
    return wrapped_end(view, at, end, _LENGTHS)


def _whole(value: bytes) -> bool:
    if len(value) > 40 and (0x2E in value or 0x3A in value) and value.count(b":") < 2:
        return any(shape.fullmatch(value) for shape in SHAPES)
    return of_a_length(value)


def _together(view: bytes, at: int) -> bool:
    return view[max(0, at - 48) : at].lower().rfind(b"together") >= 0


def torn(view: bytes, at: int) -> bool:
    """Whether a run that begins like a maker's key, and was none to the finder of those, may be one that is broken at its end."""
    value = VALUE.match(view, at)
    return (
        value is not None
        and 16 <= len(value.group()) < 48
        and judge.manifold(value.group())
        and ends_line(view, value.end())
    )


def password_end(view: bytes, at: int, end: int) -> int:
    """The end of a password that goes on in the next line: within its quotes, or alone there and no word; else `end`."""
    if view[end : end + 1] not in (b"\n", b"\r", b"\\", b"="):
        return end
    quoted = quoted_end(view, at, end)
    if quoted > end:
        return quoted
    rest = _REST.match(view, end)
    if rest is None:
        return end
    head, tail = view[at:end], rest.group(1)
    if (tail.isalpha() and (judge.camel(tail) or judge.spoken(tail))) or COUNTED.fullmatch(tail) is not None:
        return end
    if judge.evidence(tail) or tail.lower() == tail or tail.upper() == tail:
        return end
    whole = head + tail
    if judge.manifold(whole) or (whole.isalpha() and len(whole) >= 16 and not judge.camel(head)):
        return rest.end(1)
    return end


BREAKS: Final = frozenset((b" ", b"\n", b"\r", b"\\", b"="))  # behind these a value may go on


def whole_end(view: bytes, start: int, at: int, end: int, value: bytes, kind: str, blank: bool) -> int:
    """Where the value ends with what was broken off it. Words behind `password` are more likely a sentence than its runs."""
    if kind != "password":
        return joined(view, at, end, value)
    following = view[end : end + 1]
    long = len(value) >= judge.MIN_SECRET
    if (long and (len(value) >= 20 or following in (b"\\", b" "))) or (
        following == b" " and (value.isalnum() or in_runs(view, at))
    ):
        whole = joined(view, at, end, value)
        if whole > end and (
            long
            or not (blank or (judge.camel(value) and not judge.mixed(value)))
            or (strewn(view[at:whole]) and not (blank and view[start - 1] not in b"_-"))
        ):
            return whole
    return end if blank or len(value) < LEAST - 1 else password_end(view, at, end)


_REST: Final = piece(r"(?:[ \t]*\\?|=)\r?\n[ \t]*(?:[>|#][ \t]*)?([A-Za-z0-9]{4,24})[ \t]*(?:\\?[\r\n]|[\x80-\xff]|$)")


_TELLING: Final = 200  # what shows nothing odd for so long is no password
_QUERY: Final = piece(r"[?&][A-Za-z_]{1,20}$")
_STRONG: Final = piece(r"[!#$%*+@^~?]")


def telling(view: bytes, word: bytes, kind: str, value: bytes, parameter: bool, start: int) -> bool:
    size = len(value)
    if value.startswith(_LINKS) or (kind != "password" and judge.evidence(value)) or judge.moment(value):
        return False
    if parameter and kind != "password":
        return size >= 8 and (judge.mixed(value) or size >= 20 or judge.odd_signs(value))
    if kind == "password":
        if size < 6:
            return False
        value = value[:_TELLING]
        if judge.mixed(value) or value.isdigit() or (size >= 8 and value.isalpha() and not judge.camel(value)):
            return True
        return _STRONG.search(value) is not None or (size >= 10 and view[start - 1 : start] == b"_")
    if (
        value.isalpha()
        and judge.spoken(value)
        and (size < 24 or _QUERY.search(view, max(0, start - 24), start) is None)
    ):
        return False  # `SignatureDoesNotMatch`, `TokenStatusExhausted`
    if kind == "authorization":
        return size >= 8 and (((judge.mixed(value) or size >= 20) and judge.plausible(value)) or judge.odd_signs(value))
    if kind == "session" and (UUID.fullmatch(value) is not None or value.startswith(b"sess_")):
        return False  # a session's number in a log; a browser's stands in a cookie
    if 8 <= size <= 64 and judge.odd_signs(value):
        return True
    if size < 8 or not (
        judge.mixed(value) or (size >= 20 and (judge.plausible(value) or _RUN.search(value) is not None))
    ):
        return False
    if word in _WEAK and not qualified(view, start):
        if _STORED.match(value) is not None:
            return False
        return (size >= 16 or varied(value)) and judge.plausible(value)
    return size >= 16 or judge.plausible(value)


def varied(value: bytes) -> bool:
    """Twelve digits and letters in both cases, or more, and nothing else."""
    return (
        len(value) >= 12
        and value.isalnum()
        and not value.isalpha()
        and value.lower() != value
        and value.upper() != value
    )


def qualified(view: bytes, start: int) -> bool:
    """`api_key`, `X-Auth-Token`, `secretKey`: the word is part of a longer name."""
    last = view[start - 1 : start]
    return (
        last in (b"_", b"-")
        or last.isalpha()
        or (last >= b"\x80")
        or view[max(0, start - 4) : start].lower() == b"api "
        or view[max(0, start - 24) : start].lower().rstrip(b" ").endswith(_VENDOR_ENDS)
    )
