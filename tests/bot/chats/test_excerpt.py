"""What is kept of a long log, and whatever wrote it."""

from __future__ import annotations

import itertools

import pytest

from bot.chats.excerpt import WHOLE, Excerpt
from bot.errors import DeliveryError
from bot.redaction.decoding import Decoder

NOISE = "2026-11-22 10:00:00,{0:03} INFO worker-{0} GET /v1/items/{0} 200 {0} ms, errors=0, timeout=30\n"
TROUBLE = "2026-11-22 10:12:13,222 ERROR query\nTraceback (most recent call last):\n  ask()\nAPIStatusError: Error code: 402\n"


def excerpt(*parts: str, block: int = 30_011) -> str:
    kept, text = Excerpt(), "".join(parts)
    for at in range(0, len(text), block):
        kept.feed(text[at : at + block])
    return kept.text


def noise(count: int) -> str:
    return "".join(NOISE.format(number) for number in range(count))


def test_a_short_text_is_kept_as_it_is() -> None:
    text = noise(2_000)[:WHOLE]
    assert excerpt(text) == text


@pytest.mark.parametrize("before", [100, 3_000, 5_900])
def test_of_a_long_one_the_ends_and_the_trouble_between(before: int) -> None:
    text = excerpt(noise(before), TROUBLE, noise(6_000 - before))
    assert len(text) < 1.2 * WHOLE
    assert TROUBLE.strip() in text
    assert text.startswith(NOISE.format(0))
    assert text.endswith(NOISE.format(max(0, 6_000 - before - 1)))


def test_what_a_service_said_outlives_the_programs_own_faults() -> None:
    own = [
        f"2026-11-22 10:13:00 ERROR {a}{b}{c * 90}: ValueError\n"
        for a, b, c in itertools.product("abcdefghijklmnop", "qrstuv", "wxyz")
    ]
    assert "Error code: 402" in excerpt(noise(1_000), TROUBLE, *own, *own, noise(3_000))


@pytest.mark.parametrize("before", [200_000, 259_990, 260_000])
def test_one_endless_line_is_cut_around_what_it_says(before: int) -> None:
    text = excerpt("x y " * (before // 4), "Error code: 402 - Insufficient Balance", " z" * 150_000)
    assert len(text) < 1.2 * WHOLE
    assert "Error code: 402 - Insufficient Balance" in text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
@pytest.mark.parametrize("size", [1_000, 1_001])
def test_text_of_every_encoding(encoding: str, size: int) -> None:
    text = "plain at first\r\n" * 300 + "错误：余额不足，请充值。\n" * 200
    raw, decoder = text.encode(encoding), Decoder()
    got = "".join(decoder.feed(raw[at : at + size]) for at in range(0, len(raw), size)) + decoder.feed(b"", last=True)
    assert got.removeprefix("\ufeff") == text


@pytest.mark.parametrize(
    "body", [b"\x1f\x8b\x08\0\0\0\0\0\0\3abc", b"PK\3\4\x14\0\0\0\x08\0", b"\x7fELF\2\1\1\0" + bytes(40)]
)
def test_what_is_no_text_is_refused(body: bytes) -> None:
    with pytest.raises(DeliveryError, match="not_text"):
        Decoder().feed(body)
