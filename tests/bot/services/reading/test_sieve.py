"""A sieve never holds back a pattern that fits; what it lets through may still not fit."""

from __future__ import annotations

import json
import re
from itertools import islice
from pathlib import Path

import pytest

from bot.services.reading import ids, models, status
from bot.services.reading.sieve import Sieve, loosened
from bot.services.reading.view import view

_CASES = Path(__file__).parents[1] / "errors.jsonl"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(?<![a-z])id[)\]} ]{1,2}(?!x)", "id]} y"),
        (r"模型? ?[\"'“]{0,3}([\w./-]+)", "模“通义-7b"),
        (r"^[❌✖]\ufe0f? ?([45]\d\d)$", "❌\ufe0f 429"),
        (r"[a-z\u4e00-\u9fff.]: \w", "额: 度"),
        (r"a[^<]b|c\b.d", "a额b"),
        (r"x{2,90}y", "x" * 40 + "y"),
    ],
)
def test_a_loosened_pattern_fits_where_the_pattern_does(pattern: str, text: str) -> None:
    assert re.search(pattern, text)
    assert Sieve(("never", pattern)).passed(text.encode()) == [1]


def test_a_text_without_a_sign_of_any_passes_none() -> None:
    assert Sieve((r"\bid\b", r"(?<=a)b$")).passed(b"nothing here: c") == []
    assert loosened(r"(?<!\[)a(?=[)]|\))b$") == "ab"


def test_no_pattern_that_fits_an_error_is_held_back() -> None:
    sieves = (
        (ids._SIEVE, [way.pattern for way in ids._WAYS]),
        (models._SIEVE, [*(said.pattern for said in models._MODEL_SAID), models._MODEL_KEY]),
        (status._SIEVE, list(status._WAYS)),
    )
    fitting = 0
    with _CASES.open(encoding="utf-8") as lines:
        for line in islice(lines, 0, None, 12):
            seen = view(json.loads(line)["text"])
            for sieve, patterns in sieves:
                passed = sieve.passed(seen.raw)
                for number, pattern in enumerate(patterns):
                    if pattern.search(seen.low):
                        fitting += 1
                        assert number in passed, (pattern.pattern, seen.low)
    assert fitting > 100
