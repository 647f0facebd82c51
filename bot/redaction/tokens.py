"""All keys in sight that need no name before them: a maker's prefix, a maker's shape, or either inside base64 or hex digits."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from bot.redaction import names, runs, structures
from bot.redaction.again import OFTEN, Again
from bot.redaction.makers import rule_of
from bot.redaction.rx import ANYWHERE, GAP, alone, bare, finder, piece
from bot.redaction.spans import BUDGET, UNREADABLE, Span, budget
from bot.redaction.token_shapes import PREFIXED, SHAPED, TOKENS
from bot.redaction.vendor_keys import BREAKS, WHOLE, doubtful, half, read

_either: Final = bare(TOKENS)
_prefixed: Final = bare(PREFIXED)
_shaped: Final = bare(SHAPED)
_LEADS: Final = frozenset(b"bkKtT")
_BOT: Final = b"bot"
_GLUED: Final = (b"key", b"Key", b"KEY", b"token", b"Token")  # `keysk-...`
_ALNUM: Final = piece(r"[A-Za-z0-9]*")
_ADDRESS: Final = finder(
    r"://[^\s@]{1,60}:[^\s@]{4,80}@|[/?](?:hook|webhooks|key=|access_token=|[A-Z0-9]{9,12})/?[A-Za-z0-9\-/]{16}"
)
# after so many prefixes with nothing to join behind them, a text is not a broken key but a trick or a list
_FRUITLESS: Final = 40
# nor is a run of so many characters read from more than so many places in it: it is an image, or a trick
_LONG: Final = 2_000
_TRIES: Final = 8
_SHORT: Final = 400


def find(view: bytes, deep: bool = True) -> list[Span]:
    """All vendor keys in sight, and base64 runs that hold one (one level deep)."""
    spans: list[Span] = []
    find_many((view,), view, alone(view), (spans,), deep)
    return spans


def find_many(
    texts: Sequence[bytes], joined: bytes, starts: Sequence[int], found: Sequence[list[Span]], deep: bool = True
) -> None:
    """Adds to the spans of each text what `find` finds there. The texts stand in `joined` as `rx.apart` puts them."""
    coded: dict[bytes, list[Span]] = {}

    def look(text: bytes) -> list[Span]:
        inner = coded.get(text)
        if inner is None:
            inner = coded[text] = _inside(text)
        return inner

    again: Again | None = None
    view, spans = b"", found[0]
    index = base = limit = position = hits = fruitless = 0
    size = len(joined)
    never = size + 1
    tries = run_end = 0
    prefixed = shaped = prefixed_end = shaped_end = -1  # the next of each kind, if it is not behind us
    while position < size:
        if prefixed < position:
            prefixed, prefixed_end = _prefixed(ANYWHERE, joined, position, size)[0]
            if prefixed < 0:
                prefixed = never
        if shaped < position:
            shaped, shaped_end = _shaped(ANYWHERE, joined, position, size)[0]
            if shaped < 0:
                shaped = never
        if prefixed < shaped:
            start, end = prefixed, prefixed_end
        elif shaped < prefixed:
            start, end = shaped, shaped_end
        elif shaped == never:
            return
        else:
            start, end = _either(ANYWHERE, joined, shaped, size)[0]
        if start >= limit:
            index = bisect_right(starts, start, index) - 1
            base, limit = starts[index], starts[index + 1]
            view, spans = texts[index], found[index]
            hits = fruitless = 0
            again = None
        if end > limit - GAP:  # it took the line end behind the text for one of the text's own
            start, end = _either(ANYWHERE, joined, max(position, base), limit - GAP)[0]
            if start < 0:
                position = limit
                continue
        start -= base
        end -= base
        first = view[start]
        if first == 0x5F:
            start += 1
        elif first in _LEADS:
            if view.startswith(_BOT, start) and view[start + 3 : start + 4].isdigit():
                start += 3
            elif view.startswith(_GLUED, start):
                start += 3 if first in b"kK" else 5
        hits += 1
        if hits > BUDGET and hits > budget(start):
            spans.append((start, len(view), UNREADABLE, b""))
            position = limit
            continue
        token = view[start:end]
        rule = rule_of(token)
        if rule is None:
            span = runs.read(view, start, end, look if deep else None)
        elif end - start == WHOLE[rule.name] and not doubtful(rule, token):
            # the usual case, whole and of the right length
            spans.append((start, end, rule.kind, token))
            position = base + end
            continue
        else:
            if hits < OFTEN or fruitless >= _FRUITLESS or end - start > _SHORT:
                span = read(rule, view, start, end, fruitless < _FRUITLESS)
            else:
                again = again or Again(view, _read, False)
                span = again(start, end)
            if span is None and view[end : end + 1] in BREAKS:
                fruitless += 1
            if span is None and deep and rule.check == "jwt":
                span = runs.read(view, start, runs.BASE64.match(view, start).end(), look)  # type: ignore[union-attr]
        if span is None and end - start > _LONG:
            tries = tries + 1 if base + end == run_end else 1
            run_end = base + end
            if tries > _TRIES:
                if rule is not None:
                    spans.append((start, end, UNREADABLE, b""))
                position = run_end
                continue
        if span is None:
            position = base + max(_ALNUM.match(view, start).end(), start + 1)  # type: ignore[union-attr]
            continue
        spans.append(span)
        position = base + max(span[1], start + 1)
        if (
            rule is not None
            and rule.exact
            and rule.check != "sk"
            and span[1] == end
            and end - start < len(rule.prefix) + min(rule.exact)
        ):
            half(rule, view, end, end - start - len(rule.prefix), spans)


def _read(view: bytes, start: int, end: int) -> Span | None:
    rule = rule_of(view[start:end])
    return None if rule is None else read(rule, view, start, end)


def _inside(text: bytes) -> list[Span]:
    """What stands in a text that was coded: one level deep."""
    inner = find(text, deep=False)
    if not inner:
        names.find(text, inner)
    if not inner and _ADDRESS(text, 0)[0] >= 0:
        structures.find(text, inner)
        inner = [span for span in inner if span[2] != structures.MAIL]
    return inner
