"""Texts that are made to cost time: each place is read once, and a key among them goes like any other."""

from __future__ import annotations

import random
import string

import pytest

from bench.redact_bench import HOSTILE
from bot.redaction import engine, names
from bot.redaction.again import Again
from bot.redaction.name_shapes import LEAST, NAME
from bot.redaction.spans import Span

SIZE = 24_000
REPEATED = (
    "key:ab1cdefg\n", "key=ab1cdefg=\nhijklmn\n", "password: a1b2 c3d4 ", "token=\"ab1cdefg\\\nhijk\" ", "cookie=os.getenv( ",
    "Cookie: a=b1cdefgh; \n", "secret is ab1cdefghijkl\n> ", "密钥是ab1cdefg 的",
)  # fmt: skip


def made_up(size: int) -> str:
    return "".join(random.choice(string.ascii_letters + string.digits) for _ in range(size)) + "7a"


def places(view: bytes) -> list[tuple[int, int]]:
    found, position = [], 0
    while True:
        start, end = NAME(view, position)
        if start < 0:
            return found
        position = end - LEAST
        found.append((start, position))


@pytest.mark.parametrize("unit", REPEATED)
def test_the_same_place_again_gives_what_a_look_at_it_gives(unit: str) -> None:
    text = unit * (SIZE // len(unit.encode()))
    half = len(text) // 2
    view = (text[:half] + made_up(30) + text[half:]).encode()
    looks = 0

    def look(view: bytes, start: int, at: int) -> Span | None:
        nonlocal looks
        looks += 1
        return names._named(view, start, at)

    again = Again(view, look)
    found = places(view)
    seen = [again(start, at) for start, at in found]
    assert seen[::5] == [names._named(view, start, at) for start, at in found[::5]]
    if "cookie=" not in unit:  # whose lines are longer than what is compared
        assert looks < len(found) * 7 // 8


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_key_in_a_hostile_text_goes_wherever_it_stands(unit: str) -> None:
    hostile = (unit * (SIZE // len(unit.encode()))).encode()[: SIZE // 4].decode("utf-8", "ignore")
    keys = [made_up(34) for _ in range(6)]
    first, last, *between = [f"\nMY_API_KEY={keys[at]}\nghp_{keys[at + 1]}\n" for at in (0, 4, 2)]
    text = first + hostile + "".join(between) + hostile + last
    clean, _ = engine.redact(text)
    swept, _, _ = engine.sweep(text)
    for key in keys:
        for at in range(len(key) - 11):
            assert key[at : at + 12] not in clean
            assert key[at : at + 12] not in swept
