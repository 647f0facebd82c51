"""Where a list, a string or a line ends."""

from __future__ import annotations

import pytest

from bot.redaction.ends import Ahead, matching


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        (
            '[{"role": "user", "content": "it\'s [not] over"}], "n": 1',
            '{"role": "user", "content": "it\'s [not] over"}',
        ),
        (r"[\"a]\", [\"b\"]], \"n\": 1", r"\"a]\", [\"b\"]"),
        ("['a', ['b']]]", "'a', ['b']"),
        (r"[1, [2, {3}}\]] rest", r"1, [2, {3}}"),
        ('["no end, ["', '"no end, ["'),
        ("[[[[", "[[["),
    ],
)
def test_a_list_ends_at_its_own_bracket(text: str, inside: str) -> None:
    view = text.encode()
    assert view[1 : matching(view, 1)].decode() == inside


def test_the_nearest_mark_else_the_end_of_the_line() -> None:
    view = b"a; b) c\nd"
    ahead = Ahead(view)
    assert ahead.first(0, (b")", b";")) == 1
    assert ahead.first(2, (b")", b";")) == 4
    assert ahead.first(5, (b")", b";")) == 7
    assert ahead.first(8, (b")",)) == len(view)
