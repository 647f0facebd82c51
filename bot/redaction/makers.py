"""Whose key a token is, by how it begins; and what a coded run stands for."""

from __future__ import annotations

import binascii
from typing import Final

from bot.redaction.rules.vendors import RULES, Vendor

_URL64: Final = bytes.maketrans(b"-_", b"+/")


_Rules = dict[bytes, tuple[tuple[bytes, Vendor], ...]]


def _by_prefix() -> tuple[_Rules, _Rules]:
    """The rules by their first four bytes, each with those that are shorter behind it, and by their first three."""
    fours: dict[bytes, list[tuple[bytes, Vendor]]] = {}
    threes: dict[bytes, list[tuple[bytes, Vendor]]] = {}
    seen: set[str] = set()
    for rule in sorted(RULES, key=lambda rule: -len(rule.prefix)):
        if rule.prefix not in seen:
            seen.add(rule.prefix)
            prefix = rule.prefix.encode()
            threes.setdefault(prefix[:3], []).append((prefix, rule))
            if len(prefix) > 3:
                fours.setdefault(prefix[:4], []).append((prefix, rule))
    for head, rules in fours.items():
        rules += [known for known in threes[head[:3]] if len(known[0]) == 3]
    return {head: tuple(rules) for head, rules in fours.items()}, {
        head: tuple(known for known in rules if len(known[0]) == 3) for head, rules in threes.items()
    }


_FOURS, _THREES = _by_prefix()
HEADS: Final = _THREES.keys()  # what does not begin with one of these has no rule


def rule_of(token: bytes) -> Vendor | None:
    for prefix, rule in _FOURS.get(token[:4]) or _THREES.get(token[:3], ()):
        if token.startswith(prefix):
            return rule
    return None


_AHEAD: Final = 48


def in_runs(view: bytes, at: int) -> bool:
    """Whether what begins here is a maker's key once its blanks are taken out: `glpa t-qb ZpND`."""
    ahead = view[at : at + _AHEAD].split(b"\n", 1)[0]
    rule = rule_of(ahead.replace(b" ", b""))
    return rule is not None and rule is not rule_of(ahead)


def decoded(run: bytes) -> bytes | None:
    """The text that a base64 run stands for, or None when it is not text."""
    bare = run.rstrip(b"=")
    if len(bare) % 4 == 1:
        bare = bare[:-1]
    try:
        inside = binascii.a2b_base64(bare.translate(_URL64) + b"=" * (-len(bare) % 4))
    except binascii.Error:
        return None
    if inside.isascii():
        return inside if inside.replace(b"\n", b"").replace(b"\t", b"").decode("ascii").isprintable() else None
    if len(bare) < 48:
        return None
    try:
        inside.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return inside


def unhexed(run: bytes) -> bytes | None:
    """The text that hex digits stand for, or None when it is not text."""
    try:
        inside = binascii.unhexlify(run)
    except binascii.Error:
        return None
    return inside if inside.isascii() and inside.decode("ascii").isprintable() else None
