"""Questions, not errors: which answer page is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from bot.services.reading.view import View
from bot.signatures import Page

_QUESTION: Final = re.compile(
    r"[?？]|^(?:how|what|why|where|which|when|does|do|did|is|are|was|can|could|should|will|who|my|i |top)\b|怎么|如何|什么|为什么|哪|吗|呢|是否|多少|能不能|可以|没到账|未到账"
)
_BROKEN: Final = re.compile(r"[{}]|error code|traceback|exception:|^\s*http/|status[ _]?code|\w+error:|_error\b")
_ASKED: Final = re.compile(
    r"^(?:how|what|why|where|which|when|does|do|did|is|are|can|could|should|will|who)\b[^{}:]*\?*$|^[^{}:]{0,80}(?:吗|怎么办|怎么|如何|呢|什么)[^{}:]{0,30}[?。]?$"
)


def is_question(seen: View) -> bool:
    """A short question in plain words that carries no piece of an error."""
    return len(seen.low) < 200 and bool(_ASKED.match(seen.low)) and not _BROKEN.search(seen.low)


def page_of(seen: View, pages: Iterable[Page]) -> Page | None:
    """The answer page that a question asks for, by its words; None for an error text and for any other question."""
    low = seen.low
    if len(low) > 300 or not low or not _QUESTION.search(low) or _BROKEN.search(low):
        return None
    best: tuple[int, Page] | None = None
    for page in pages:
        for group in page.asks:
            if all(_said(word, low) for word in group):
                weight = sum(map(len, group))
                if best is None or weight > best[0]:
                    best = (weight, page)
    return best[1] if best else None


def _said(word: str, low: str) -> bool:
    """`a|b` is one of several words; an ASCII word must start at a word's beginning."""
    for choice in word.split("|"):
        place = low.find(choice)
        while place >= 0:
            if not choice[0].isascii() or not place or not low[place - 1].isascii() or not low[place - 1].isalnum():
                return True
            place = low.find(choice, place + 1)
    return False
