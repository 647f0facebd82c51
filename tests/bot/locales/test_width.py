"""Lines that a phone does not wrap."""

from __future__ import annotations

from bot.locales.width import ROOM, cells, narrow, packed
from bot.model.chat import Row


def test_a_chinese_character_takes_two_columns() -> None:
    assert cells("余额 ¥1.00") == 10
    assert cells("▅█…–") == 4


def test_parts_stand_side_by_side_while_they_fit() -> None:
    assert packed(["a", "", "b"], " · ") == ["a · b"]
    assert packed(["x" * 40, "y" * 20, "z"], " · ") == ["x" * 40, "y" * 20 + " · z"]
    assert packed([], " · ") == []


def test_one_long_note_takes_all_notes_beneath() -> None:
    short, long = Row("OK", "kimi", "CNY 1.00", "short", ("Coder",)), Row("OK", "relay", "USD 1.00", "n" * ROOM)
    bare = Row("OK", "local")
    assert narrow([short, bare]) == (short, bare)
    first, second, third = narrow([short, long, bare])
    assert (first.note, first.under) == ("", ("short", "Coder"))
    assert second.under == ("n" * ROOM,)
    assert third == bare
