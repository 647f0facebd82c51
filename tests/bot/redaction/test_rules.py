"""Every rule carries a sample that goes and a near miss that stays; a rule without them does not pass."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from bot.redaction import engine
from bot.redaction.revoke import NOT_A_KEY, REVOKE
from bot.redaction.rules import named, structures, vendors
from bot.redaction.rules.shapes import grow

SEEDS = range(12)
RULES = [*vendors.RULES, *structures.RULES, *named.NAMES]


def _name(rule: object) -> str:
    return str(getattr(rule, "name", None) or getattr(rule, "kind", ""))


def windows(secret: str, width: int = 12) -> list[str]:
    return [secret[i : i + width] for i in range(max(1, len(secret) - width + 1))]


@pytest.mark.parametrize("rule", RULES, ids=_name)
def test_rule_has_a_sample_and_a_near_miss(rule: vendors.Vendor | structures.Structure | named.Named) -> None:
    assert "<" in rule.sample, "a sample is a template, never a literal key"
    assert rule.near
    assert rule.kind == rule.kind.lower()


@pytest.mark.parametrize("rule", vendors.RULES, ids=_name)
def test_a_vendor_key_goes_wholly(rule: vendors.Vendor) -> None:
    for seed in SEEDS:
        key = grow(rule.sample, random.Random(seed))
        text, counts = engine.redact(f"my key {key}, it fails")
        assert re.fullmatch(r"my key \[[a-z -]+\], it fails", text), text
        assert sum(counts.values()) == 1


@pytest.mark.parametrize("rule", RULES, ids=_name)
def test_a_near_miss_stays(rule: vendors.Vendor | structures.Structure | named.Named) -> None:
    for seed in SEEDS:
        text = grow(rule.near, random.Random(seed))
        assert engine.redact(text) == (text, {})


@pytest.mark.parametrize("rule", [*structures.RULES, *named.NAMES], ids=_name)
def test_a_structure_or_name_gives_its_secret_away(rule: structures.Structure | named.Named) -> None:
    for seed in SEEDS:
        text = grow(rule.sample, random.Random(seed))
        fixed = grow(rule.sample.replace("\n", "\n"), _Constant())
        clean, counts = engine.redact(text)
        assert counts
        # what differs from the template's constant filling was made up, and must be gone
        changed = [text[i] for i in range(len(text)) if i < len(fixed) and text[i] != fixed[i]]
        assert changed
        assert not any(
            piece in clean
            for piece in re.findall(r"[A-Za-z0-9+/_]{12,}", text)
            if piece not in rule.sample and "example" not in piece
        )


class _Constant:
    def choice(self, seq: str, /) -> str:
        return seq[0]


def test_every_kind_of_key_says_where_to_revoke_it() -> None:
    vague = {
        "api key",
        "secret",
        "token",
        "password",
        "credential",
        "cookie",
        "authorization",
        "signature",
        "session",
        "jwt",
        "private key",
    }
    for rule in RULES:
        assert rule.kind in REVOKE or rule.kind in vague, rule.kind
    assert not NOT_A_KEY & set(REVOKE)
    assert all(page.startswith("https://") and "ref=" not in page and "utm_" not in page for page in REVOKE.values())


def test_no_rule_file_holds_anything_like_a_key() -> None:
    folder = Path(engine.__file__).parent
    for path in folder.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        for literal in re.findall(r"\"([^\"\n]*)\"", source):
            if re.search(r"[A-Za-z0-9]{24,}", literal) and not literal.isalpha():
                assert re.search(r"[^A-Za-z0-9]", literal) or len(set(literal)) > 30, f"{path.name}: {literal[:40]}"
