"""Secrets known by their surroundings: webhooks, addresses with a password, PEM blocks, command line flags, mail addresses."""

from __future__ import annotations

from typing import Any, Final

from bot.redaction.rx import rx

from bot.redaction import judge
from bot.redaction.rules.structures import RULES, Structure
from bot.redaction.spans import Span
from bot.redaction.tokens import rule_of

MAIL: Final = "mail"
_ALL: Final = rx(
    "|".join(f"(?:{rule.pattern})" for rule in RULES).replace("(?:\\b|bot|_)([0-9]", "(?:\\b|bot|_)(?:[0-9]")
)
_EACH: dict[str, Any] = {}
# What must be in a text for a rule to be worth a look: the cheap gate before the patterns.
_HINTS: Final = rx(r"://|@|hooks\.|webhook|bot/v2|-----BEGIN|LS0tLS1CRUdJTi|(?:-u|--user|--proxy-user|-p)\b|[0-9]{8,10}(?::|：)[A-Za-z0-9_\-]{34}|[0-9a-f]{32}(?::|：)|[A-Za-z]{20}(?::|：)[A-Za-z]{20}|robot/send")
_MAIL: Final = rx(
    r"[A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63})*\.(?:com|net|org|edu|gov|info|biz|dev|app|xyz|top|site|"
    r"online|tech|cloud|email|icu|vip|mobi|name|group|team|work|[A-Za-z]{2})\b"
)
_ROLES: Final = frozenset(
    b"support help sales billing security noreply no-reply no_reply donotreply info contact abuse admin service legal privacy "
    b"feedback git root ubuntu hello team press postmaster webmaster hostmaster api business api-support".split()
)


def _pattern(rule: Structure) -> Any:
    compiled = _EACH.get(rule.name)
    if compiled is None:
        compiled = _EACH[rule.name] = rx(rule.pattern)
    return compiled


def find(view: bytes, spans: list[Span]) -> None:
    if _HINTS.search(view) is None:
        return
    position = 0
    while True:
        match = _ALL.search(view, position)
        if match is None:
            break
        start, end = match.span()
        position = end
        for rule in RULES:
            own = _pattern(rule).match(view, start)
            if own is None:
                continue
            begin, stop = own.span(1)
            value = view[begin:stop]
            if rule.judged and not _worth(value):
                continue
            spans.append((begin, stop, rule.kind, value))
            break
    if b"@" in view:
        _mail(view, spans)


def _worth(value: bytes) -> bool:
    return not (judge.placeholder(value) or judge.masked(value) or judge.code(value) or rule_of(value) is not None and len(value) > 30)


def _mail(view: bytes, spans: list[Span]) -> None:
    for match in _MAIL.finditer(view):
        start, end = match.span()
        at = view.index(b"@", start)
        name = view[start:at]
        if name.lower() in _ROLES or view[end - 24 : end].endswith(b"gserviceaccount.com") or view[start - 1 : start] in (b":", b"/", b"*"):
            continue
        spans.append((start + 1, at, MAIL, view[start:end]))
