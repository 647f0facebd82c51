"""Bare fragments: a few words from a chat, a code beside a name, a screenshot's letters taken for others. Looked at only where nobody knew
the words as they stand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from bot.services.reading.view import View

SHORT: Final = 28  # characters; so short a text under a command is a piece of an error, not everyday English
_LONGEST: Final = 400  # a longer text has words enough that were read rightly
_NAMED: Final = 60  # characters in which a provider's everyday name says whose error it is
_NUMBER: Final = re.compile(
    r"(?<![\w.:/%$¥-])(?![45]\d\d\b)(\d{3,8})(?![\w.:/%-]|\s?[页个条次元年字块秒分万]| (?!err|code|fail|msg|again)[a-z])"
)
"""A number that counts nothing: no unit and no noun behind it."""
_DENIED: Final = re.compile(
    r"(?:并不是|并非|不是|不算|不关)[^,。;!]{0,4}(?:余额|额度|欠费|没钱|钱|限速|限流|频率|超时|网络)[^,。;!]{0,6}"
    r"|\b(?:not|isn't) (?:an? |the |about )?(?:balance|billing|quota|rate[- ]limit\w*|network|money|credits?)(?: (?:issue|problem|error|thing))?\b"
)
"""What somebody says it is not."""
_WORD: Final = re.compile(r"[A-Za-z0-9|!]{3,24}")
_LIKE: Final = str.maketrans("il1|!05", "iiiiios")
"""Letters that a picture's reader takes for each other."""
_PAIRS: Final = (("rn", "m"), ("vv", "w"), ("ci", "d"))
_TRADE: Final = (
    "insufficient", "balance", "quota", "credit", "credits", "limit", "limited", "exceeded", "available", "channel", "model", "found",
    "permission", "denied", "account", "suspended", "disabled", "deactivated", "overloaded", "billing", "payment", "required",
    "unauthorized", "authentication", "connection", "refused", "timeout", "resource", "exhausted", "context", "length", "maximum",
    "content", "policy", "upstream", "internal", "server", "provider", "returned", "remaining", "reached", "usage", "expired",
    "organization", "restricted", "forbidden", "gateway", "unavailable", "service", "request", "requests", "invalid", "incorrect",
    "api", "api_key", "argument", "token", "tokens", "recharge", "subscription", "concurrent", "concurrency", "temporarily", "unsupported", "parameter",
)  # fmt: skip
_EASILY: Final = 8  # from this length on one letter too many, too few or another one still names the word


def _folded(word: str) -> str:
    folded = word.lower().translate(_LIKE)
    for pair, letter in _PAIRS:
        folded = folded.replace(pair, letter)
    return folded


def _without_one(word: str) -> set[str]:
    return {word[:place] + word[place + 1 :] for place in range(len(word))}


_KNOWN: Final = frozenset(_TRADE)
_FOLDED: Final = {_folded(word): word for word in _TRADE}
_FAR: Final = tuple(word for word in _TRADE if len(word) >= _EASILY)
_NEAR: Final = {piece: word for word in _FAR for piece in _without_one(word)} | dict(zip(_FAR, _FAR, strict=True))


def _mended(word: str) -> str:
    low = word.lower()
    if low in _KNOWN:
        return word
    folded = _FOLDED.get(_folded(word))
    if folded is not None:
        return folded
    if len(word) < _EASILY - 1 or not low.isalpha():
        return word
    return next((_NEAR[piece] for piece in (low, *_without_one(low)) if piece in _NEAR), word)


def spelled(seen: View) -> View | None:
    """The text with the trade's misspelt words put right (`lnsufficient`, `insuficient`); None where none is."""
    if len(seen.flat) > _LONGEST:
        return None
    plain = _WORD.sub(lambda found: _mended(found.group()), seen.flat)
    return None if plain == seen.flat else View(seen.lines, plain, plain.lower())


def coded(seen: View) -> View | None:
    """`minimax 1008` as `minimax code: 1008 (1008)`, for a text that names its provider; None where no lone number is."""
    if len(seen.low) > _NAMED or not _NUMBER.search(seen.low):
        return None
    plain = _NUMBER.sub(r"code: \1 (\1)", seen.low)
    return View(seen.lines, plain, plain)


def undenied(seen: View) -> View:
    """A few words without what they deny ("不是余额不足，是 429 限速"); any other text as it is."""
    low = seen.low
    if (
        len(low) > _NAMED
        or not ("不" in low or "并非" in low or "not" in low or "n't" in low)
        or not _DENIED.search(low)
    ):
        return seen
    plain = " ".join(_DENIED.sub(" ", low).split())
    return View(seen.lines, plain, plain)


def named(seen: View, nicknames: Mapping[str, str]) -> str | None:
    """Whose everyday name (`kimi`, `文心`) stands alone in a short text: no model's name (`kimi-k2`) and no address."""
    low = seen.low
    if len(low) > _NAMED:
        return None
    for nick, provider in nicknames.items():
        place = low.find(nick)
        if place < 0:
            continue
        end = place + len(nick)
        before, behind = low[place - 1 : place], low[end : end + 1]
        if not nick.isascii() or not (_part(before) or _part(behind)):
            return provider
    return None


def _part(sign: str) -> bool:
    """Whether a sign beside a Latin name makes it a part of something longer."""
    return bool(sign) and sign.isascii() and (sign.isalnum() or sign in "-_./@:")
