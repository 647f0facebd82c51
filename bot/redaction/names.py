"""Values that are secret because of the name before them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from bot.redaction import judge, schemes
from bot.redaction.judge import MIN_SECRET
from bot.redaction.makers import rule_of
from bot.redaction.name_shapes import (
    CHINESE_NAMES,
    KIND,
    LEAST,
    LONGEST,
    MAKERS,
    NAME,
    SCHEMES,
    VALUE,
    WORD_TABLE,
    rest,
)
from bot.redaction.named_values import (
    SHAPES,
    close_by,
    ends_line,
    flag,
    joined,
    lone,
    ours,
    telling,
    telling_alone,
    varied,
)
from bot.redaction.rules.named import HARMLESS_BEFORE, STEMS
from bot.redaction.rx import ANYWHERE, GAP, alone, bare, piece
from bot.redaction.spans import UNREADABLE, Span, budget

_SEPARATORS: Final = piece(
    r"[:=,>|~(]|[\x80-\xff]|\?\?| is| was| equals| to | or |value|content|provided |used |body|<<<|using|use |below|\n\r?\n"
)
# names a value without saying so: only what looks like nothing but a key counts behind it
_AIMLESS: Final = piece(r"[ \t]*(?:[\xe4-\xe9][\x80-\xbf]{2})*[ \t]*$")
_AIMED: Final = piece(r"(?:是|为|填|填的|填了|用的|成|了|下|给你)[ \t]*$")
_OTHERS: Final = piece(r"请求|任务|追踪|编号|订单|日志|模型")
_BLANKS: Final = frozenset((b" ", b"  ", b" token ", b" key ", b" bot "))
# what stands between nearly all names and values
_PLAIN: Final = frozenset(
    (b"=", b":", b": ", b"='", b"=\"", b" = ", b" = '", b" = \"", b": '", b": \"", b"\": \"", b"': '", b"\":\"", b"':'", "：".encode(), b"=\\\"", b"\\\":\\\"", b"\\\": \\\"")
)  # fmt: skip
_PLAINLY: Final = piece(r"[a-z_]{2,20}[:,.;]?")
_WORD_ENDS: Final = (b" ", b"\n", b"")
_PART: Final = piece(r"\\?\"(?:\r?\n[^\n]*)?\r?\n\r?\n$")
_FIELD: Final = piece(r"name=\\?\"[A-Za-z0-9_\-.\[\]]{0,40}$")
_HEXED: Final = piece(r"(?:[0-9a-f]{32}|[0-9a-f]{64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$")
_NAME_ENDS: Final = (b"key", b"secret", b"token", b"password", b"id", b"keyid")
_SCHEME_ENDS: Final = (b"bearer ", b"basic ", b"token ", b"bot ")
_LOOSE: Final = piece(r"^[\"'`\]\)\\*]{0,6}[ \t]*(?:\|{1,2}|(?:—){1,2}|–|－|~)[ \t]*[`*\"']*$")
_FAR: Final = 15  # more than four Chinese characters
_FAR_GAP: Final = piece(r"(?:[\xe4-\xe9][\x80-\xbf]{2}){5}")
_DOUBLE_DASH: Final = "——".encode()
_QUOTES: Final = (b'"', b"'", b"`")
_CELL: Final = piece(r"(?:^|[\n|*>\-•])[ \t`*\"'#]*[A-Za-z0-9]{1,24}_[A-Za-z0-9_.]{0,40}$")
_PARAM: Final = piece(r"[!$%*+\-./0-9:@A-Z^_a-z~=]{4,600}")

_match: Final = bare(NAME)


def find(view: bytes, spans: list[Span]) -> None:
    """Adds the values in sight that have a name; `spans` are the keys that were found without one."""
    find_many((view,), view, alone(view), (spans,))


def find_many(texts: Sequence[bytes], joined: bytes, starts: Sequence[int], found: Sequence[list[Span]]) -> None:
    """Does what `find` does for each text. The texts stand in `joined` as `rx.apart` puts them."""
    view, spans, taken = b"", found[0], {0: 0}
    index = base = limit = position = most = hits = 0
    size = len(joined)
    while position < size:
        start, end = _match(ANYWHERE, joined, position, size)[0]
        if start < 0:
            return
        if start >= limit:
            index = bisect_right(starts, start, index) - 1
            base, limit = starts[index], starts[index + 1]
            view, spans = texts[index], found[index]
            taken = {span[0]: span[1] for span in spans}
            most, hits = budget(len(view)), 0
        if end > limit - GAP:  # it took the line end behind the text for one of the text's own
            start, end = _match(ANYWHERE, joined, max(position, base), limit - GAP)[0]
            if start < 0:
                position = limit
                continue
        end -= LEAST
        position = end
        start -= base
        end -= base
        hits += 1
        if hits > most:
            spans.append((start, len(view), UNREADABLE, b""))
            position = limit
            continue
        if end in taken:
            position = base + taken[end]
            continue
        if view.startswith(b"-----", end):
            continue
        # after a blank soon, it may be a key in short runs whose prefix is broken too
        if rule_of(view[end : end + 24]) is not None and 0x20 not in view[end : end + 12]:
            continue  # the token finder knows better where it ends
        span = _named(view, start, end)
        if span is not None:
            spans.append(span)
            position = max(position, base + span[1])
            if span[2] == "api key" and view[start:end].lower().rfind(b"s", 0, 12) >= 0:
                _more(view, span, spans)


def _more(view: bytes, span: Span, spans: list[Span]) -> None:
    """The rest of a list of keys: `KEYS=a,b`, `"keys": ["a", "b"]`, a YAML list, one in each line."""
    end = span[1]
    for _ in range(_MOST_LISTED):
        joint = _NEXT.match(view, end)
        match = VALUE.match(view, joint.end()) if joint is not None else None
        if joint is None or match is None:
            return
        value = match.group()
        end = match.end()
        if view[end : end + 1] in (b":", b"=") or not lone(value):
            return
        spans.append((joint.end(), end, span[2], value))


_NEXT: Final = piece(r"[\"']?[ \t]{0,4}(?:,\s{0,24}|;[ \t]{0,4}|\r?\n[ \t]{0,24}-[ \t]{1,4})[\"']?")
_MOST_LISTED: Final = 100


def _label(view: bytes, at: int) -> bool:
    """Whether only letters and blanks stand between a bracket and this place."""
    opening = view.rfind(b"[", max(0, at - 24), at)
    return opening >= 0 and all(byte == 0x20 or 97 <= byte <= 122 for byte in view[opening + 1 : at])


def _harmless(view: bytes, word: bytes, start: int) -> bool:
    """Whether the letters before the word make it another word: `monkey`, `cache_key`, `public_key`."""
    if start == 0 or word[0] >= 0x80 or word[0] in b"?&;_-":
        return False
    before = view[max(0, start - 14) : start]
    last = before[-1]
    low = before.lower()
    if low.endswith(_HARMLESS.get(low[-2:], ())):
        return word[:3] == b"key" or not low.endswith((b"config_", b"setting_"))
    if 97 <= last <= 122 and not 65 <= view[start] <= 90:
        return not low.endswith(_STEMS)
    return 65 <= last <= 90 and 65 <= view[start] <= 90 and not low.endswith(_STEMS)


def _by_end(words: Sequence[str]) -> dict[bytes, tuple[bytes, ...]]:
    """The words by their last two letters: few are compared."""
    table: dict[bytes, list[bytes]] = {}
    for word in words:
        table.setdefault(word.encode()[-2:], []).append(word.encode())
    return {end: tuple(same) for end, same in table.items()}


_HARMLESS: Final = _by_end(HARMLESS_BEFORE)
_STEMS: Final = tuple(word.encode() for word in STEMS)


def _named(view: bytes, start: int, at: int) -> Span | None:
    hit = view[start:at].lower()
    parameter = hit[0] in b"?&;"
    if hit[0] in b"?&;_-":
        hit = hit[1:]
        start += 1
    for word in WORD_TABLE.get(hit[:2], ()):
        if hit.startswith(word):
            break
    else:
        return None
    if _harmless(view, word, start):
        return None
    parameter = parameter or view[start - 1 : start] in (b"?", b"&")
    if word in SCHEMES:
        return schemes.scheme(view, word, at)
    kind = KIND.get(word, "api key" if word in (b"ak", b"sk") else "signature")
    gap = hit[len(word) :]
    plain = gap in _PLAIN
    if not plain and gap in _BLANKS and not flag(view, start):
        # the usual case: a word in a sentence
        word_behind = _PLAINLY.match(view, at)
        if word_behind is not None and view[word_behind.end() : word_behind.end() + 1] in _WORD_ENDS:
            return None
    if (
        0x0A in gap
        and gap[:1] in b'\\"'
        and _PART.match(gap) is not None
        and _FIELD.search(view, max(0, start - 48), start) is None
    ):
        return None  # a string's end and an empty line, but no part of a form
    if gap[:1] == b"]" and _label(view, start):
        return None  # our own `[... key]`
    blank = (
        not plain
        and _SEPARATORS.search(gap) is None
        and not gap.endswith(_SCHEME_ENDS)
        and not (kind == "authorization" and gap.endswith(b"key "))
    )
    if gap.endswith(b"> ") and gap.find(b"=>") < 0 and gap.find(b"->") < 0:
        return None  # `<token> trace_id=...`
    if word in MAKERS:
        span = schemes.vendor(view, word, at, blank)
        if span is not None or not any(gap.find(name) >= 0 for name in CHINESE_NAMES):
            return span
        word, kind = b"apikey", "api key"  # `火山方舟密钥：`
    aimless = (
        not plain
        and not blank
        and (
            (gap[-1:] == b"\n" and gap.find(b"\n\r\n") < 0 and gap.find(b"\n\n") < 0)
            or (_AIMLESS.match(gap) is not None and _AIMED.search(gap) is None)
        )
    )
    aimless = aimless or (not plain and len(gap) > _FAR and _FAR_GAP.match(gap) is not None)
    if not plain and gap.find(b"\xe2\x80") >= 0 and gap != _DOUBLE_DASH and _LOOSE.match(gap) is not None:
        aimless = True  # a dash may be but a dash
    elif not plain and gap[-1:] in _QUOTES and gap.find(b"||") >= 0:
        pass  # `process.env.KEY || "..."`
    elif (
        not plain
        and gap != _DOUBLE_DASH
        and _LOOSE.match(gap) is not None
        and (_CELL.search(view, max(0, start - 48), start) is None)
    ):
        return None  # `invalid x-api-key | <request id>` is no table
    if kind == "cookie":
        return schemes.cookie(view, start, at, blank)
    match = (_PARAM if parameter else VALUE).match(view, at)
    if match is None:
        return None
    end = match.end()
    value = view[at:end]
    if view[at - 1 : at] == b"[" and value[:1].isalpha() and ours(view, at):
        return None
    if value[:64].count(b"=") > 8:
        return None
    if parameter or blank:
        value = value.split(b"#", 1)[0]
    if value[:-1].isdigit() and value[-1:] == b":" and 9 <= len(value) <= 11:
        pass  # the first half of a bot's token, set apart
    elif not (value.endswith((b".", b":")) and len(value) >= 16 and view[end : end + 1] in (b"\n", b"\r", b"\\")):
        value = value.rstrip(b".:?!")
    end = at + len(value)
    if kind != "password" or (len(value) >= MIN_SECRET and (len(value) >= 20 or view[end : end + 1] in (b"\\", b" "))):
        whole = joined(view, at, end, value)
        if whole > end:
            end = whole
            value = b"".join(part.rstrip(b"\\=") for part in view[at:end].split())
    if not telling(view, word, kind, value, parameter, start):
        return None
    if (
        value.replace(b"_", b"").replace(b"-", b"").isalpha()
        and value.lower().endswith(_NAME_ENDS)
        and judge.spoken(value)
    ):
        return None  # `key="dashscopeApiKey" value=...`
    if blank and not flag(view, start) and not telling_alone(view, start, word, kind, gap, value, end):
        return None
    if aimless and (
        _OTHERS.search(gap) is not None
        or not (
            lone(value)
            or any(shape.fullmatch(value) for shape in SHAPES)
            or (kind == "password" and gap[-1:] == b"\n" and ends_line(view, end) and varied(value))
            or (gap[-1:] == b"\n" and ends_line(view, end) and _HEXED.match(value) is not None)
        )
    ):
        return None
    if value.find(b"://") >= 0 or (0x40 in value and 0x3A in value and kind != "password"):
        return None  # an address: the userinfo rule takes only the password
    if (
        judge.masked(value + close_by(view, end), rule_of(value) is not None)
        or judge.code(value)
        or judge.placeholder(value)
    ):
        return None
    if len(value) >= LONGEST:
        end = rest(view, end)
    return at, end, kind, view[at:end] if end - at > len(value) >= LONGEST else value
