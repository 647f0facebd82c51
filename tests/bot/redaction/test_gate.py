"""The gate as the rest of the house sees it."""

from __future__ import annotations

import base64
import random
import urllib.parse

import pytest

from bot.model.chat import CleanText, claim_gate
from bot.redaction.gate import Gate
from bot.redaction.rules.shapes import grow


def key(seed: int = 1) -> str:
    return grow("sk-ant-api03-<u93>AA", random.Random(seed))


def test_clean_text_and_what_was_found() -> None:
    gate = Gate(b"team")
    cleaned = gate.clean(f"my key {key()} and again {key()}")
    assert str(cleaned.text) == "my key [anthropic key] and again [anthropic key]"
    assert cleaned.found.counts == {"anthropic key": 2}
    (seen,) = cleaned.found.secrets
    assert (seen.kind, seen.route) == ("anthropic key", None)
    assert seen.revoke_url is not None
    assert seen.revoke_url.startswith("https://console.anthropic.com")
    assert key()[13:25] not in repr(cleaned)


def test_a_route_knows_its_own_key() -> None:
    gate = Gate(b"team", {Gate(b"team").fingerprint(key()): "claude-backup"})
    assert gate.clean(f"x-api-key: {key()}").found.secrets[0].route == "claude-backup"
    gate.know(key(2), "claude")
    assert gate.clean(key(2)).found.secrets[0].route == "claude"
    assert gate.clean(key(3)).found.secrets[0].route is None


def test_one_key_has_one_fingerprint_in_any_dress() -> None:
    gate = Gate(b"team")
    secret = key(4)
    dressed = (
        secret,
        urllib.parse.quote(secret).replace("-", "%2D"),
        secret.replace("-", "\\u002d"),
        secret[:40] + "\n" + secret[40:],
        secret[:40] + "\u200b" + secret[40:],
        base64.b64encode(secret.encode()).decode(),
    )
    marks = {gate.fingerprint(item) for item in dressed}
    assert len(marks) == 1
    for item in dressed:
        assert gate.clean(f"ANTHROPIC_API_KEY={item}\nit fails").found.secrets[0].fingerprint in marks


def test_fingerprints_of_two_teams_cannot_be_compared() -> None:
    assert Gate(b"a").fingerprint(key()) != Gate(b"b").fingerprint(key())
    assert len(Gate(b"a").fingerprint(key())) == 8


def test_personal_data_is_counted_but_is_no_key() -> None:
    found = Gate().clean("手机号13812345678").found
    assert found.counts == {"phone": 1}
    assert found.secrets == ()


def test_trusted_is_no_way_round() -> None:
    text = Gate().trusted(f"we wrote {key()}")
    assert isinstance(text, CleanText)
    assert str(text) == "we wrote [anthropic key]"


@pytest.mark.parametrize("raw", ["\ud800 x", "a\0b", "\udcff\udcfe", "", "\U0001f600" * 10])
def test_bad_text_does_not_raise(raw: str) -> None:
    cleaned = str(Gate().clean(raw).text)
    assert "\0" not in cleaned
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned


def test_nobody_else_makes_clean_text() -> None:
    with pytest.raises(RuntimeError, match="the gate is"):
        claim_gate("somebody.else")
    with pytest.raises(TypeError):
        CleanText("x", object())
