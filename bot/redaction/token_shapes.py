"""How a token looks that is a key by its maker's prefix or by its own shape: one pattern for the whole text."""

from __future__ import annotations

from typing import Final

import re2

from bot.redaction.rules.vendors import RULES
from bot.redaction.rx import finder

_BODY: Final = {"u": r"[A-Za-z0-9_\-]*", "d": r"[A-Za-z0-9_\-.]*", "s": r"[A-Za-z0-9_\-/+=.%]*"}
OPENAI_MIDDLE: Final = b"T3BlbkFJ"
AZURE_MIDDLE: Final = b"JQQJ99"


# what may stand right before a token: nothing that goes on, or what people glue to a key
_LEAD: Final = r"(?:\b|_|bot|[Kk]ey|KEY|[Tt]oken)"
_ZHIPU: Final = r"[0-9a-f]{32}\.[A-Za-z0-9]{16,17}"
_BAIDU: Final = r"24\.[0-9a-f]{32}\.[0-9]{5,8}\.[0-9]{10}\.[0-9]{6}-[0-9]{6,9}"
_DISCORD: Final = r"[MNO][A-Za-z0-9_\-]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,40}"
# Telegram's bot tokens, iFlytek's password in two halves
_HALVES: Final = r"[0-9]{8,10}(?::|：)(?:[A-Za-z0-9_\-]{35,36}\b|AA[A-Za-z0-9_\-]{33}|[A-Za-z0-9_\-]{34}\b)|[0-9a-f]{32}(?::|：)[A-Za-z0-9+/=_\-]{24,}|[A-Za-z]{20}(?::|：)[A-Za-z]{20}\b"
# Telegram's and Discord's, broken in the middle
_BROKEN: Final = (
    r"(?:[0-9]{8,10}:AA[A-Za-z0-9_\-]{4,32}|[MNO][A-Za-z0-9_\-]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{4,26})"
    r"(?:=|\\|[ \t]{1,3})?\r?\n"
)
# base64 of text: every fourth character stands for five bits whose first is nought
_BASE64: Final = r"(?:[A-Za-f][A-Za-z0-9+/]{3}){6}[A-Za-z0-9+/]*={0,2}"
# hex of text: twenty bytes or more of which none is below a blank or above a tilde
_HEXED: Final = r"(?:[2-7][0-9a-fA-F]){20,}\b"
_SHAPED: Final = "|".join((_ZHIPU, _BAIDU, _DISCORD, _HALVES, _BROKEN))
_CODED: Final = f"{_BASE64}|{_HEXED}"


def _prefixed() -> str:
    parts = []
    for body, tail in _BODY.items():
        prefixes = sorted({rule.prefix for rule in RULES if rule.body == body}, key=len, reverse=True)
        parts.append("(?:" + "|".join(re2.escape(prefix) for prefix in prefixes) + ")" + tail)
    return "|".join(parts)


_MIDDLES: Final = f"{OPENAI_MIDDLE.decode()}|{AZURE_MIDDLE.decode()}"
TOKENS: Final = finder(f"{_LEAD}(?:{_SHAPED}|{_prefixed()}|{_CODED})|{_MIDDLES}")
# The same in two: an automaton that keeps account of prefixes and of shapes at once has many times the states of both.
PREFIXED: Final = finder(f"{_LEAD}(?:{_prefixed()})|{_MIDDLES}")
SHAPED: Final = finder(f"{_LEAD}(?:{_SHAPED}|{_CODED})")
