"""Secrets known by their surroundings: webhooks, addresses with a password, PEM blocks, command line flags, mail addresses."""

from __future__ import annotations

from typing import Any, Final

import re2

from bot.redaction import hooks, judge, pem
from bot.redaction.makers import rule_of
from bot.redaction.rules.structures import RULES, SHOWN, Structure
from bot.redaction.rx import finder, groups, piece, rx
from bot.redaction.spans import BUDGET, UNREADABLE, Span, budget

MAIL: Final = "mail"

_EACH: dict[str, Any] = {}
_AT: Final = tuple(rule for rule in RULES if rule.hints == ("@",))
_SHOWING: Final = next(rule for rule in RULES if rule.name == "shown-setting")
_HINTS: Final = tuple((hint.encode(), rule) for rule in RULES if rule not in _AT for hint in rule.hints)
# what each rule for a password before an at sign needs
_PASSWORDS: Final = r"[A-Za-z0-9_.\-]:[A-Za-z0-9!#$%^*_+=.~\-]+@|://[^\s\"'<>]+@"
# a name at a domain, or something that ends a password; not a bot that is spoken to, nor a mail that is masked
_AT_SIGN: Final = r"[A-Za-z0-9._%+\-]@[A-Za-z0-9\-]+\.[A-Za-z0-9\-]|" + _PASSWORDS
_FRONT: Final = 120
_ADDRESS: Final = piece(r"https?://[A-Za-z0-9.:/?=&_\-]*")
_PASSWORD: Final = finder(_PASSWORDS)
_SHOWN: Final = finder(SHOWN)
HINTS: Final = "|".join(
    sorted({re2.escape(hint) for rule in RULES for hint in rule.hints if hint != "@"} | {_AT_SIGN, SHOWN, hooks.HINTS})
)
_MAIL: Final = finder(
    r"[A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63})*\.(?:com|net|org|edu|gov|info|biz|dev|app|xyz|top|site|"
    r"online|tech|cloud|email|icu|vip|mobi|name|group|team|work|[A-Za-z]{2})\b"
)
_MAILS: Final = 4  # a list of them is no trick
_ROLES: Final = frozenset(
    b"support help sales billing security noreply no-reply no_reply donotreply info contact abuse admin service legal privacy "
    b"feedback git root ubuntu hello team press postmaster webmaster hostmaster api business api-support appeals hi".split()
)


def _pattern(rule: Structure) -> Any:
    compiled = _EACH.get(rule.name)
    if compiled is None:
        compiled = _EACH[rule.name] = rx(rule.pattern)
    return compiled


def find(view: bytes, spans: list[Span]) -> None:
    done: list[str] = []
    for hint, rule in _HINTS:
        if view.find(hint) >= 0 and rule.name not in done:
            done.append(rule.name)
            _one(rule, view, spans)
    hooks.find(view, spans)
    if _SHOWN(view, 0)[0] >= 0:
        _one(_SHOWING, view, spans)
    if 0x40 in view:
        if _PASSWORD(view, 0)[0] >= 0:
            for rule in _AT:
                _one(rule, view, spans)
        _mail(view, spans)


def _one(rule: Structure, view: bytes, spans: list[Span]) -> None:
    known: dict[bytes, bool] = {}
    for hits, (begin, stop) in enumerate(groups(_pattern(rule), view)):
        if rule.name == "pem":
            stop = pem.end(view, stop)
        if hits >= BUDGET and hits >= budget(begin):
            spans.append((begin, len(view), UNREADABLE, b""))
            return
        value = view[begin:stop]
        told = known.get(value)
        if told is None:
            told = known[value] = (not rule.judged or _worth(value)) and _odd(rule.name, value)
        if told:
            spans.append((_front(view, begin) if rule.kind.endswith(" webhook") else begin, stop, rule.kind, value))


def _front(view: bytes, begin: int) -> int:
    """Where the address begins that ends in a secret: nobody needs the rest of it, and in another dress it reads as a part of it."""
    at = view.rfind(b"http", max(0, begin - _FRONT), begin)
    return at if at >= 0 and _ADDRESS.fullmatch(view, at, begin) is not None else begin


def _odd(name: str, value: bytes) -> bool:
    """What only signs around it call a secret must look like one."""
    if name == "short-flag":
        return judge.mixed(value) and judge.plausible(value)
    if name == "refused-setting":
        return not judge.speech(value)
    if name == "shown-setting":
        return judge.mixed(value) and judge.plausible(value) and not value.isalpha()
    return name != "proxy" or judge.mixed(value)


def _worth(value: bytes) -> bool:
    return not (
        judge.placeholder(value)
        or judge.masked(value)
        or judge.code(value)
        or judge.evidence(value)
        or rule_of(value) is not None
        and len(value) > 30
    )


def _mail(view: bytes, spans: list[Span]) -> None:
    end = hits = 0
    while True:
        start, end = _MAIL(view, end)
        if start < 0:
            return
        hits += 1
        if hits > _MAILS * BUDGET and hits > _MAILS * budget(start):
            spans.append((start, len(view), UNREADABLE, b""))
            return
        at = view.index(b"@", start)
        name = view[start:at]
        if (
            name.lower() in _ROLES
            or view[end - 24 : end].endswith(b"gserviceaccount.com")
            or view[start - 1 : start] in (b":", b"/", b"*")
        ):
            continue
        spans.append((start + 1, at, MAIL, view[start:end]))
