"""Many texts at once, as a stream of rows brings them: each pattern walks over all of them in one go.

The tables of one pattern fit a processor's cache, those of all of them do not, and one walk over a hundred texts is one call. What is
found is then judged text by text, as `engine` does it.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.redaction import bodies, headers, names, tokens
from bot.redaction.engine import BEYOND, RARER, cut, rank, repeats
from bot.redaction.rx import apart, touched
from bot.redaction.spans import UNREADABLE, Span, legible
from bot.redaction.unwrap import GATE, Copy, Overdressed, copies


def redact_many(raws: Sequence[str]) -> list[tuple[str, dict[str, int]]]:
    """Gives what `redact` gives for each. No text may hold a NUL, which is what stands between them here."""
    cleaned = clean_many([raw.encode("utf-8") for raw in raws])
    return [(clean.decode("utf-8", "replace"), counts) for clean, counts in cleaned]


def clean_many(texts: Sequence[bytes]) -> list[tuple[bytes, dict[str, int]]]:
    """The same in UTF-8, where the clean text may hold half a character beside a cut."""
    joined, starts = apart(texts)
    found = _find(texts, joined, starts, None)
    worn = touched(GATE, joined, starts)
    _undressed(texts, found, worn)
    bare = set(worn)
    for number, spans in enumerate(found):
        if spans and number not in bare:
            repeats(texts[number], (), spans)
    for number in touched(headers.GATE, joined, starts):
        if found[number]:
            headers.dumped(texts[number], found[number])
    return [cut(text, spans) if spans else (text, {}) for text, spans in zip(texts, found, strict=True)]


def _find(texts: Sequence[bytes], joined: bytes, starts: list[int], whole: Sequence[bool] | None) -> list[list[Span]]:
    """What `engine.find` gives for each text; `whole` as there, None for all of them."""
    found: list[list[Span]] = [[] for _ in texts]
    tokens.find_many(texts, joined, starts, found)
    names.find_many(texts, joined, starts, found)
    for hint, finds in RARER:
        for number in touched(hint, joined, starts):
            if finds is not bodies.find or whole is None or whole[number]:
                finds(texts[number], found[number])
    return found


def _undressed(texts: Sequence[bytes], found: list[list[Span]], worn: Sequence[int]) -> None:
    """What `engine.undressed` does, for those of the texts that wear anything."""
    looks: list[tuple[int, Copy, bool]] = []
    dresses: list[tuple[int, list[Copy]]] = []
    for number in worn:
        try:
            views = copies(texts[number][: legible(texts[number], found[number]) + BEYOND])
        except Overdressed:
            found[number] = [(0, len(texts[number]), UNREADABLE, b"")]
            continue
        whole = not any(span[2] == bodies.PROMPT for span in found[number])
        looks += [(number, view, whole) for view in (views if len(views) > 2 else views[-1:])]
        dresses.append((number, views))
    if looks:
        inner = [look[1].text for look in looks]
        shown = _find(inner, *apart(inner), [look[2] for look in looks])
        for (number, view, _), spans in zip(looks, shown, strict=True):
            found[number] += [(*view.back(start, end), kind, secret) for start, end, kind, secret in spans]
            view.seen = {start: (end, rank(kind)) for start, end, kind, _ in spans}
    for number, views in dresses:
        if found[number]:
            repeats(texts[number], views, found[number])
