"""Questions, not errors: which answer page is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from bot.services.reading.sieve import Sieve
from bot.services.reading.view import View
from bot.signatures import Page

_QUESTION: Final = re.compile(
    r"[?？](?!\w+=)|^(?:how|what|why|where|which|when|who|whose|does|do|did|is|are|was|were|can|could(?! not)|should|will|would|has|have|any|my|money|our|i|i'm|we|explain|define|tell|ways|tips|top|"
    r"added|paid|bought|sent|got|transferred|recharged|topped|my code|the code|code redeemed|task failed|stripe|the coupon|the system|no picture)\b"
    r"|(?:[,.;:!-]\s|\b(?:and|so|but|then|know)\s)(?:how|what|why|where|who|will|do i|can i|should i|am i|is it|was it|any)\b"
    r"|怎|如何|什么|为啥|啥|咋|哪|吗|呢|么$|多少|多久|几时|是否|是不是|有没有|会不会|要不要|能不能|可不可以|算不算|退不退|扣不扣|该不该|先看|先查|查起|解释|介绍|谁|(?<!联系)我|(.)不\1|不$|可是|充了|充的|刚充|还是|还没|一直|没反应|[没未不]有?到账|付了|付过|兑换码"
)
_MAYBE: Final = Sieve((_QUESTION.pattern.replace(r"(.)不\1", "不"),))
"""Whatever it refuses is no question, and it is ten times as quick."""
_BROKEN: Final = re.compile(
    r"[{}]|\[error|^\| | \| |error code|rate limit reached for|request too large for|you are not charged for this|\b[45]\d\d (?:forbidden|unauthorized|not found|bad request|too many requests|unprocessable|internal server error|service unavailable|bad gateway)|traceback|exception:|^\s*http/|status[ _]?code|\w+error[:(]|_error\b|^\s*(?:4(?!02)|5)\d\d\s|^\[[45]\d\d\]|^code: ?\d|无可用渠道|报错:|(?:检查|确认)[^?。]{0,40}是否"
)
_ASKED: Final = re.compile(
    r"^(?:how|what|why|where|which|when|does|do|did|is|are|can|could|should|will|who)\b(?! (?:not|only|request)\b)[^{}:]*\?*$|^[^{}:]{0,80}(?:吗|怎么办|怎么|如何|呢|什么)[^{}:]{0,30}[?。]?$"
)


def is_question(seen: View) -> bool:
    """A short question in plain words that carries no piece of an error."""
    return len(seen.low) < 200 and bool(_ASKED.match(seen.low)) and not _BROKEN.search(seen.low)


def page_of(seen: View, pages: Iterable[Page]) -> Page | None:
    """The answer page that a question asks for, by its words; None for an error text and for any other question."""
    low = seen.low
    if (
        len(low) > 300
        or seen.lines.count("\n") > 2
        or not low
        or "{" in low
        or not _MAYBE.passed(seen.raw)
        or _BROKEN.search(low)
        or not _QUESTION.search(low)
    ):
        return None
    best: tuple[int, Page] | None = None
    for page in pages:
        for group in page.asks:
            weight = _fit(group, low)
            if weight and (best is None or weight > best[0]):
                best = (weight, page)
    return best[1] if best else None


def near_of(seen: View, pages: Iterable[Page], most: int = 3) -> tuple[str, ...]:
    """The pages whose topic is named, the nearest first."""
    if len(seen.low) > 300:
        return ()
    ranked = {page.id: max(_topic(group, seen.low) for group in page.asks) for page in pages}
    return tuple(sorted((id for id in ranked if ranked[id]), key=lambda id: -ranked[id]))[:most]


def _topic(group: tuple[str, ...], low: str) -> int:
    said = _said(group[0], low)
    return len(said) if said.isascii() else 3 * len(said)


def asks(text: str) -> bool:
    """Whether a text puts a question at all."""
    return len(text) <= 300 and bool(_QUESTION.search(text.lower()))


def _fit(group: tuple[str, ...], low: str) -> int:
    """How telling the words are that were found: 0 where a part is missing or a forbidden one is there."""
    weight = 0
    for part in group:
        if part[0] == "!":
            if _said(part[1:], low):
                return 0
            continue
        said = _said(part, low)
        if not said:
            return 0
        weight += 10 + (len(said) if said.isascii() else 3 * len(said))
    return weight


def _said(part: str, low: str) -> str:
    """The longest of `a|b` that stands in the text, or ''; a Latin word must start where a word begins."""
    best = ""
    for choice in part.split("|"):
        if len(choice) <= len(best):
            continue
        place = low.find(choice)
        while place >= 0:
            if not choice[0].isascii() or not place or not low[place - 1].isascii() or not low[place - 1].isalnum():
                best = choice
                break
            place = low.find(choice, place + 1)
    return best
