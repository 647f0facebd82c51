"""Of a long log the one record that counts."""

from __future__ import annotations

from bot.services.reading.longer import focused

LINE = "2026-11-22 10:00:{:02} INFO worker fetched {} items, errors=0, model=small request_id={}\n"


def log(*places: tuple[int, str], lines: int = 200) -> str:
    out = [LINE.format(number % 60, number * 7, number) for number in range(lines)]
    for at, record in places:
        out[at] = record + "\n"
    return "".join(out)


def rank(text: str) -> int:
    return 90 if "sure" in text else 85 if "late" in text else 40 if "vague" in text else 0


def test_a_records_own_lines_stay_with_it_and_its_neighbours_do_not() -> None:
    record = "2026-11-22 10:12:13 ERROR it failed\nTraceback:\n  File x\nsure error"
    assert focused(log((100, record)), rank) == record


def test_the_better_known_one_counts_and_of_several_the_last() -> None:
    sure, late, vague = (f"10:12:13 ERROR {word} failure" for word in ("sure", "late", "vague"))
    assert focused(log((20, sure), (150, vague)), rank) == sure
    assert focused(log((20, sure), (150, late)), rank) == late
    assert focused(log((20, late), (150, sure), (180, sure.replace("13", "14"))), rank).startswith("10:12:14")


def test_what_is_short_or_no_log_or_unknown_stays_as_it_is() -> None:
    prose = "an error of no known kind\n" * 1_000
    for text in (log((3, "sure error"), lines=20), prose, f"{prose}sure", log()):
        assert focused(text, rank) == text
