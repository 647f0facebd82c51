"""Values that are secret because of the name before them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from string import ascii_lowercase
from typing import Final

from bot.redaction import gaps, judge, schemes
from bot.redaction.again import OFTEN, Again
from bot.redaction.makers import HEADS, rule_of
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
    BREAKS,
    SHAPES,
    alike,
    close_by,
    flag,
    lone,
    ours,
    telling,
    telling_alone,
    told_model,
    torn,
    varied,
    whole_end,
)
from bot.redaction.rules.named import HARMLESS_BEFORE, STEMS
from bot.redaction.rx import ANYWHERE, GAP, alone, bare, piece
from bot.redaction.spans import BUDGET, UNREADABLE, Span, budget
from bot.redaction.strangers import ends_line

_ARGUMENT: Final = piece(r"[A-Za-z_]{2,40}=[^=\"']")
_OTHERS: Final = piece(r"请求|任务|追踪|编号|订单|日志|模型")
_HEXED: Final = piece(r"(?:[0-9a-f]{32}|[0-9a-f]{64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$")
_NAME_ENDS: Final = (b"key", b"secret", b"token", b"password", b"id", b"keyid")
_PARAM: Final = piece(r"[!$%*+\-./0-9:@A-Z^_a-z~=]{4,600}")

_match: Final = bare(NAME)
_MANY: Final = 256  # values without a secret, before they are measured


def find(view: bytes, spans: list[Span]) -> None:
    """Adds the values in sight that have a name; `spans` are the keys that were found without one."""
    find_many((view,), view, alone(view), (spans,))


def find_many(texts: Sequence[bytes], joined: bytes, starts: Sequence[int], found: Sequence[list[Span]]) -> None:
    """Does what `find` does for each text. The texts stand in `joined` as `rx.apart` puts them."""
    view, spans, taken = b"", found[0], {0: 0}
    index = base = limit = position = hits = read = listed = 0
    again: Again | None = None
    span: Span | None
    size = len(joined)
    while position < size:
        start, end = _match(ANYWHERE, joined, position, size)[0]
        if start < 0:
            return
        if start >= limit:
            index = bisect_right(starts, start, index) - 1
            base, limit = starts[index], starts[index + 1]
            view, spans = texts[index], found[index]
            taken = {}
            for span in spans:
                taken[span[0]] = span[1]
            hits = read = listed = 0
            again = None
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
        if hits > BUDGET and hits > budget(start):
            spans.append((start, len(view), UNREADABLE, b""))
            position = limit
            continue
        if end in taken:
            position = base + taken[end]
            continue
        if view.startswith(b"-----", end):
            continue
        # after a blank soon, it may be a key in short runs whose prefix is broken too
        if (
            view[end : end + 3] in HEADS
            and rule_of(view[end : end + 24]) is not None
            and 0x20 not in view[end : end + 12]
            and not torn(view, end)
        ):
            continue  # the token finder knows better where it ends
        if hits < OFTEN:
            span = _named(view, start, end)
        else:
            again = again or Again(view, _named)
            span = again(start, end)
        if span is None:
            if hits > _MANY:  # values that lie over each other are a trick
                value = VALUE.match(view, end)
                read += len(value.group()) if value is not None else 0
                if read > len(view):
                    hits = budget(len(view))
        else:
            spans.append(span)
            position = max(position, base + span[1])
            several = span[2] == "api key" and view[start:end].lower().rfind(b"s", 0, 12) >= 0
            if span[1] >= listed and (several or (view[span[1] : span[1] + 1] == b"," and span[2] != "password")):
                listed = _more(view, span, spans, not several)


def _more(view: bytes, span: Span, spans: list[Span], single: bool = False) -> int:
    """Adds the rest of a list of keys: `KEYS=a,b`, `"keys": ["a", "b"]`, a YAML list, one in each line. Gives the end of its last one.

    `single`: the name speaks of one only, so all must look like the first and touch each other, as in `API_KEY=a,b`.
    """
    end = last = span[1]
    for _ in range(_MOST_LISTED):
        joint = _NEXT.match(view, end)
        match = VALUE.match(view, joint.end()) if joint is not None else None
        if joint is None or match is None or (single and joint.end() > end + 1):
            break
        value = match.group()
        end = match.end()
        if view[end : end + 1] in (b":", b"=") or not (alike(value, span[3]) or (not single and lone(value))):
            break
        spans.append((joint.end(), end, span[2], value))
        last = end
    return last


_NEXT: Final = piece(r"[\"']?[ \t]{0,4}(?:,\s{0,24}|;[ \t]{0,4}|\r?\n[ \t]{0,24}-[ \t]{1,4})[\"']?")
_MOST_LISTED: Final = 100


def _harmless(view: bytes, word: bytes, start: int) -> bool:
    """Whether the letters before the word make it another word: `monkey`, `cache_key`, `public_key`."""
    if start == 0 or word[0] >= 0x80 or word[0] in b"?&;_-":
        return False
    last = view[start - 1]
    if last not in _LASTS:
        return False
    low = view[max(0, start - 14) : start].lower()
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
# what the letters before a word end with, if they make it another
_LASTS: Final = frozenset(
    end for word in (*HARMLESS_BEFORE, *ascii_lowercase) for end in (word.encode()[-1], word.upper().encode()[-1])
)


def _shaped(value: bytes) -> bool:
    return any(shape.fullmatch(value) for shape in SHAPES)


def _whole(value: bytes) -> bool:
    """A maker's key, by its prefix or by its shape."""
    return rule_of(value) is not None or _shaped(value)


_MARKS: Final = (b">", b"|", b"#")


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
    blank = aimless = False
    if not gap and view[start - 1 : start].isalnum():
        return None  # three letters of an id
    if gap not in gaps.PLAIN:
        if not gap and view[start - 1 : start] in (b"-", b"_"):
            return None  # `chatcmpl-keyb9...`
        if gap.endswith(b"\n> "):
            gap = gap[:-2]  # a quoted answer's mark
        sentence = gaps.blank(view, start, at, kind, gap)
        if sentence is None:
            return None
        blank = sentence
    if word in MAKERS:
        span = schemes.vendor(view, word, at, blank)
        if span is not None or not any(gap.find(name) >= 0 for name in CHINESE_NAMES):
            return span
        word, kind = b"apikey", "api key"  # `火山方舟密钥：`
    if gap not in gaps.PLAIN:
        loose = gaps.aimless(view, start, gap, blank)
        if loose is None:
            return None
        aimless = loose
    if kind == "cookie":
        return schemes.cookie(view, start, at, blank)
    match = (_PARAM if parameter else VALUE).match(view, at)
    if match is None:
        return None
    end = match.end()
    value = view[at:end]
    if view[at - 1] == 0x5B and value[:1].isalpha() and ours(view, at):
        return None
    if value[:64].count(b"=") > 8:
        return None
    if parameter or (blank and gap[-1:] not in (b'"', b"'")):
        value = value.split(b"#", 1)[0]
    if value[-1:] == b":" and 9 <= len(value) <= 11 and value[:-1].isdigit():
        pass  # the first half of a bot's token, set apart
    elif not (value.endswith((b".", b":")) and len(value) >= 16 and view[end : end + 1] in (b"\n", b"\r", b"\\")):
        value = value.rstrip(b".:?!")
    end = at + len(value)
    whole = whole_end(view, start, at, end, value, kind, blank) if view[end : end + 1] in BREAKS else end
    if whole > end:
        end = whole
        value = b"".join(part.rstrip(b"\\=") for part in view[at:end].split() if part not in _MARKS)
        if len(value) > 2 * LONGEST:
            return at, end, kind, value  # so much of a key's looks is not judged word by word
    if (0x28 in gap or 0x0A in gap) and _ARGUMENT.match(value) is not None:
        return None  # `ClientSession(timeout=...)`
    if not telling(view, word, kind, value, parameter, start) or told_model(view, start, gap, value):
        return None
    if (
        value.replace(b"_", b"").replace(b"-", b"").isalpha()
        and value.lower().endswith(_NAME_ENDS)
        and judge.spoken(value)
    ):
        return None  # `key="dashscopeApiKey" value=...`
    if (
        blank
        and not flag(view, start)
        and not (end - at > len(value) and _whole(value))
        and not telling_alone(view, start, word, kind, gap, value, end)
    ):
        return None
    if aimless and (
        _OTHERS.search(gap) is not None
        or not (
            lone(value)
            or _shaped(value)
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
