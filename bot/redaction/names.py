"""Values that are secret because of the name before them."""

from __future__ import annotations

from typing import Final

from bot.redaction.rx import rx

from bot.redaction import judge
from bot.redaction.joins import exact_end, open_end
from bot.redaction.rules.named import HARMLESS_BEFORE, NAMES, STEMS
from bot.redaction.spans import Span
from bot.redaction.tokens import decoded, read, rule_of
from bot.redaction.tokens import find as find_tokens

_KIND: Final = {word.encode(): rule.kind for rule in NAMES for word in rule.words}
_WORDS: Final = "|".join(sorted((word for rule in NAMES for word in rule.words), key=len, reverse=True))

# name, then what may stand between it and the value: closing quotes, a remark in brackets, a separator, opening quotes.
_CLOSE: Final = r"(?:[\"'`\]\)\\*]|”|’|」){0,6}"
_REMARK: Final = r"(?:[ \t]{0,2}(?:\([^()\n]{1,24}\)|（[^\n(){}\[\]]{1,48}?）))?"
_SUFFIX: Final = r"(?:_?(?:[0-9]{1,2}|v[0-9]|backup|bak|prod|dev|test|old|new|main|default|live|value|base64|b64|hash)|s)?"
_SEPARATOR: Final = (
    r"[ \t]{0,8}(?:=>|:=|={1,2}|:|：|＝|→|->|=|,|，|是|为|填的是|填的|填了|填|用的是|用的|改成|换成|设成|如下|is|was|provided:|used:)[ \t]{0,8}"
)
_FLAG_GAP: Final = r"[ \t]{1,12}"
_OPEN: Final = r"(?:\[\"?|\(|b|r|f|u)?(?:[\"'`\\*<]|“|‘|「|《){0,6}\[?"
_NAME: Final = rx(
    rf"(?i:({_WORDS}|[?&_\-](?:ak|sk)|\b(?:ak|sk)|[?&;](?:sig|sign|code|auth|hash|x-[a-z]+-credential|q-sign[a-z-]*)){_SUFFIX})"
    rf"({_CLOSE}{_REMARK}{_SEPARATOR}|{_FLAG_GAP}){_OPEN}"
)
_SCHEME: Final = rx(
    r"(?i:(?:bearer|basic|token|bot|key|apikey|digest|v0|oauth|jwt)[ \t:=+]+|(?:bearer|basic)%20)[\"'`\\]{0,3}"
)
_BEARER: Final = rx(r"(?i:\b(?:bearer|basic)(?:[ \t:=+]+|%20)[\"'`\\]{0,3}[A-Za-z0-9_\-])")
_VALUE: Final = rx(r"[!#$%*+\-./0-9:?@A-Z^_a-z~=]{4,}")
_PARAM: Final = rx(r"[!$%*+\-./0-9:@A-Z^_a-z~=]{4,}")
_TOKEN: Final = rx(r"[A-Za-z0-9_\-./+=:%~]{8,}")
_UUID: Final = rx(r"^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_EVIDENCE: Final = rx(
    r"^(?:req_|msg_|chatcmpl-|gen-|resp_|batch_|run_|thread_|file-|toolu_|task_|cgt-|video_|ep-20|https?://|fp_|asst_)"
)
_LENGTHS: Final = (24, 30, 32, 36, 40, 48, 49, 60, 64, 84)
_WEAK: Final = frozenset((b"key", b"token", b"pass", b"session", b"sid", b"credential", b"signature", b"csrf"))
_REST: Final = rx(r"[^\r\n\"'`\\<>{}\[\]|]{4,}")
_PLAIN_COOKIE: Final = rx(r"[A-Za-z0-9_\-%+/=.]{8,}")


def find(view: bytes, spans: list[Span]) -> None:
    position = 0
    length = len(view)
    while position < length:
        match = _NAME.search(view, position)
        if match is None:
            break
        word = match.group(1).lower()
        start, end = match.span()
        position = end
        span = _named(view, word, start, end, match.group(2))
        if span is not None:
            spans.append(span)
            position = max(position, span[1])
    _bare_schemes(view, spans)


def _harmless(view: bytes, word: bytes, start: int) -> bool:
    """Whether the letters before the word make it another word: `monkey`, `cache_key`, `public_key`."""
    if start == 0 or word[0] >= 0x80 or word[0] in b"?&;_-":
        return False
    before = view[max(0, start - 14) : start]
    last = before[-1]
    low = before.lower()
    if low.endswith(_HARMLESS):
        return True
    if 97 <= last <= 122 and not 65 <= view[start] <= 90:
        return not low.endswith(_STEMS)
    return 65 <= last <= 90 and 65 <= view[start] <= 90 and not low.endswith(_STEMS)


_HARMLESS: Final = tuple(word.encode() for word in HARMLESS_BEFORE)
_STEMS: Final = tuple(word.encode() for word in STEMS)


def _named(view: bytes, word: bytes, start: int, at: int, gap: bytes) -> Span | None:
    if _harmless(view, word, start):
        return None
    parameter = word[0] in b"?&;" or view[start - 1 : start] in (b"?", b"&")
    word = word.lstrip(b"?&;_-")
    kind = _KIND.get(word, "api key" if word in (b"ak", b"sk") else "signature")
    if kind == "cookie":
        return _cookie(view, start, at, gap)
    blank = not gap.strip()
    if kind == "authorization" or not blank:
        scheme = _SCHEME.match(view, at)
        if scheme is not None:
            at = scheme.end()
    match = (_PARAM if parameter else _VALUE).match(view, at)
    if match is None:
        return None
    end = match.end()
    value = view[at:end]
    if view[at - 1 : at] == b"[" and value[:1].isalpha() and _ours(view, at):
        return None
    if rule_of(value) is not None:
        return None  # the token finder knows better where it ends
    if parameter or blank:
        value = value.split(b"#", 1)[0]
    value = value.rstrip(b".:?!" if not value.endswith(b"==") else b"")
    end = at + len(value)
    if judge.masked(value + view[end : end + 3]) or judge.code(value) or judge.placeholder(value):
        return None
    if blank and not _flag(view, start) and not _telling_alone(value):
        return None
    if b"://" in value or (b"@" in value and b":" in value and kind != "password"):
        return None  # an address: the userinfo rule takes only the password
    joined = _joined(view, at, end, value)
    if joined > end:
        end = joined
        value = b"".join(view[at:end].split())
    if not _telling(view, word, kind, value, parameter, start):
        return None
    return start_of(view, at), end, kind, value


def start_of(view: bytes, at: int) -> int:
    return at


def _ours(view: bytes, at: int) -> bool:
    close = view.find(b"]", at, at + 40)
    return close > 0 and view[at:close].replace(b" ", b"").replace(b",", b"").isalnum()


def _flag(view: bytes, start: int) -> bool:
    """`--api-key VALUE`: a command line flag may be followed by a blank."""
    line = view.rfind(b"\n", 0, start) + 1
    word = view[max(line, start - 24) : start]
    return b" --" in b" " + word.rsplit(b" ", 1)[-1]


def _telling_alone(value: bytes) -> bool:
    """After a name and a blank only: must look like nothing but a key."""
    if _EVIDENCE.search(value) is not None:
        return False
    return (len(value) >= 20 and judge.plausible(value) and b":" not in value) or _UUID.search(value) is not None


def _joined(view: bytes, at: int, end: int, value: bytes) -> int:
    if view[end : end + 1] not in (b"\n", b"\r", b" ", b"\\", b"="):
        return end
    if not judge.mixed(value) and not value.isdigit():
        return end
    if len(value) not in _LENGTHS:
        lengths = tuple(length for length in _LENGTHS if length > len(value))
        if lengths:
            joined = exact_end(view, at, end, lengths, True)
            if joined > end:
                return joined
    if len(value) in (24, 30, 32, 36, 40, 48, 64) or len(value) < 6:
        return end
    if view[end : end + 1] == b" ":
        return open_end(view, at, end, 200, True)
    return end


def _telling(view: bytes, word: bytes, kind: str, value: bytes, parameter: bool, start: int) -> bool:
    size = len(value)
    if _EVIDENCE.search(value) is not None:
        return False
    if parameter:
        return size >= 8 and (judge.mixed(value) or size >= 20)
    if kind == "password":
        if size < 6:
            return False
        if judge.mixed(value) or value.isdigit():
            return True
        return any(byte in b"!#$%*+@^~?" for byte in value) or (size >= 10 and view[start - 1 : start] == b"_")
    if kind == "authorization":
        return size >= 8 and (judge.mixed(value) or size >= 20)
    if size < 8 or not judge.mixed(value):
        return False
    if word in _WEAK and not _qualified(view, start):
        return size >= 16 and judge.plausible(value)
    return size >= 16 or judge.plausible(value)


def _qualified(view: bytes, start: int) -> bool:
    """`api_key`, `X-Auth-Token`, `secretKey`: the word is part of a longer name."""
    last = view[start - 1 : start]
    return last in (b"_", b"-") or last.isalpha() or (last >= b"\x80") or view[max(0, start - 4) : start].lower() == b"api "


def _cookie(view: bytes, start: int, at: int, gap: bytes) -> Span | None:
    """Everything after `Cookie:` up to the end of the line or of the string."""
    if not gap.strip() and not _flag(view, start):
        return None
    rest = _REST.match(view, at)
    if rest is None:
        return None
    end = rest.end()
    value = view[at:end].rstrip()
    if _ours(view, at) and view[at - 1 : at] == b"[":
        return None
    if judge.code(value) or _PLAIN_COOKIE.search(value) is None or judge.masked(value):
        return None
    if value.endswith(b")") and b"(" not in value:
        value = value[:-1]
    return at, at + len(value), "cookie", value


def _bare_schemes(view: bytes, spans: list[Span]) -> None:
    """`Bearer abc...` without a header name before it."""
    position = 0
    while True:
        match = _BEARER.search(view, position)
        if match is None:
            return
        at = match.end() - 1
        position = at + 1
        token = _TOKEN.match(view, at)
        if token is None:
            continue
        value = token.group().rstrip(b".:")
        end = at + len(value)
        if rule_of(value) is not None or judge.masked(value + view[end : end + 3]) or judge.code(value) or judge.placeholder(value):
            continue
        if len(value) < 16 or not judge.mixed(value):
            inside = decoded(value) if len(value) >= 8 and match.group()[:2].lower() == b"ba" else None
            if inside is None or b":" not in inside:
                continue
        joined = _joined(view, at, end, value)
        if joined > end:
            end = joined
            value = b"".join(view[at:end].split())
        spans.append((at, end, "authorization", value))
        position = end


__all__ = ["find", "find_tokens", "read"]
