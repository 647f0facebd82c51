"""What an error says, in the reader's language: known phrases translated beside the original, and what its cause means here."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from bot.locales import Words
from bot.model.chat import Block, Heading, Line, Quote
from bot.model.diagnosis import Cause, Diagnosis, Proven

_MOST_QUOTED = 400
_FRAMES = re.compile(r"\s+at [\w.$<>\[\] ]{1,80} ?\((?:file:|node:|/|[A-Za-z]:\\).*", re.S)  # the program's own stack
_MOST_PHRASES = 4
_MISLEADING = frozenset({Cause.BALANCE_EXHAUSTED, Cause.KEY_LIMIT, Cause.GROUP_LIMIT, Cause.BILLING_INACTIVE})


@lru_cache(maxsize=8)
def _phrases(language: str) -> tuple[tuple[str, str], ...]:
    """(foreign phrase in lower case, its meaning), the longest first."""
    pairs = (line.partition(" = ")[::2] for line in Words(language).lines("diagnose.says_known"))
    return tuple(sorted(((theirs.lower(), ours) for theirs, ours in pairs), key=lambda pair: -len(pair[0])))


def translated(text: str, words: Words) -> str:
    """The known phrases of a foreign text in the reader's language, in their order; '' where none is known."""
    low = unicodedata.normalize("NFKC", text).lower()
    found: list[tuple[int, str]] = []
    for theirs, ours in _phrases(words.language):
        place = low.find(theirs)
        if place >= 0:
            found.append((place, ours))
            low = low.replace(theirs, "\0" * len(theirs))
    told = dict.fromkeys(ours for _, ours in sorted(found))
    return words.say("diagnose.says_sep").join(list(told)[:_MOST_PHRASES])


def says(d: Diagnosis, title: str, words: Words, *, doubt: bool) -> list[Block]:
    """The original, cut where it is long, and what it means where it is in another language."""
    if not d.says:
        return []
    said = _FRAMES.sub("", d.says) or d.says
    quoted = said if len(said) <= _MOST_QUOTED else said[: _MOST_QUOTED - 1].rstrip() + "…"
    out: list[Block] = [Heading(words.say("diagnose.says")), Quote(quoted)]
    foreign = d.says.isascii() if words.language != "en" else any("\u3400" <= sign <= "\u9fff" for sign in d.says)
    if not foreign:
        return out
    text = translated(d.says, words)
    if not text and d.cause is not Cause.UNKNOWN and not doubt:
        text = words.say(f"cause.{d.cause.value}.title")
    if text and text not in title:  # the title says it already
        out.append(Line(words.say("diagnose.says_means", text=text)))
    return out


def strange(d: Diagnosis, p: Proven) -> bool:
    """It says something, in words that nobody here knows; a bare status says nothing."""
    return p.cause is Cause.UNKNOWN and not d.signature and bool(d.says)


def meaning(d: Diagnosis, p: Proven, words: Words, note: str | None) -> list[Block]:
    """What the cause means here: in the note's words, else in general; where it is proved the proof says it. A status that
    points elsewhere is put right."""
    out: list[Block] = []
    if strange(d, p):
        return [Line(words.say("diagnose.strange"))]
    if note and words.has(f"diagnose.notes.{note}.means"):
        return [Line(words.say(f"diagnose.notes.{note}.means"))]
    if p.certainty != "proved":
        out.append(Line(words.say(f"cause.{p.cause.value}.meaning")))
    if p.cause in _MISLEADING and d.status is not None and d.status != 402:
        family = "5xx" if d.status >= 500 else str(d.status)
        key = f"diagnose.status_misleads.{family}"
        if words.has(key):
            out.append(Line(words.say(key, status=d.status)))
    return out
