"""Words looked for at once, and what becomes of them where the memory for it runs out."""

from __future__ import annotations

import random

import pytest

from bot.services.reading.words import MEMORY, ROOMY, Words
from bot.signatures import load

_SOME = ("insufficient balance", "balance", "额度", "a.b*c", "rate", "rate limit", "ate")


def _found(words: Words, text: str) -> set[str]:
    return set(words.found(text, text.encode()))


@pytest.fixture(scope="module")
def shelf() -> tuple[str, ...]:
    return tuple(load().words)


def test_words_within_words_and_signs_of_patterns_are_found() -> None:
    words = Words(_SOME)
    assert words.quick
    assert _found(words, "剩余额度: insufficient balance, rate limit") == {
        "insufficient balance", "balance", "额度", "rate", "rate limit", "ate",
    }  # fmt: skip
    assert _found(words, "a.b*c") == {"a.b*c"}
    assert _found(words, "axbbc") == set()
    assert _found(words, "") == set()


def test_too_little_memory_for_an_automaton_misses_nothing(shelf: tuple[str, ...]) -> None:
    poor = Words(shelf, memory=1 << 20)
    assert not poor.quick
    text = "error code: 402 - insufficient balance, 当前分组额度不足"
    assert _found(poor, text) == _found(Words(shelf), text) != set()


def test_an_automaton_that_starts_anew_again_and_again_misses_nothing(shelf: tuple[str, ...]) -> None:
    """The least memory that an automaton can be made in: it is full after a few of these texts."""
    least = next(words for size in range(4, 24) if (words := Words(shelf, memory=size << 20)).quick)
    chance = random.Random(7)
    for _ in range(60):
        text = " ".join(chance.sample(shelf, 30)).replace("\n", " ")
        assert _found(least, text) == {word for word in shelf if word in text}


def test_a_text_of_all_words_and_a_huge_one_are_read(shelf: tuple[str, ...]) -> None:
    words = Words(shelf)
    assert _found(words, " ".join(shelf)) == set(shelf)
    assert "insufficient balance" in _found(words, "\ufffd\x01 " * 80_000 + "insufficient balance")


def test_whole_words_and_their_beginnings_find_the_same(shelf: tuple[str, ...]) -> None:
    small, roomy = Words(shelf), Words(shelf, ROOMY)
    chance = random.Random(8)
    for _ in range(60):
        text = " ".join(chance.sample(shelf, 30))
        assert small.found(text, text.encode()) == roomy.found(text, text.encode()) != []


def test_in_a_long_text_nothing_is_lost_between_its_pieces() -> None:
    words = Words(_SOME)
    for place in range(8_170, 8_200):
        text = f"{'.' * place}insufficient balance{'额' * 9_000}度, rate limit"
        assert words.found(text, text.encode()) == [
            "insufficient balance",
            "balance",
            "额度",
            "rate",
            "ate",
            "rate limit",
        ]


@pytest.mark.parametrize("memory", [MEMORY, ROOMY])
def test_words_that_begin_alike_are_told_apart_and_come_as_they_end(memory: int) -> None:
    words = Words(("you exceeded your limit", "you exceeded", "you exceeded your quota", "your quota"), memory)
    text = "you exceeded your quota"
    assert words.found(text, text.encode()) == ["you exceeded", "your quota", "you exceeded your quota"]
