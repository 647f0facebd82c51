"""What a figure fell by on each day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bot.model.money import Kind, Reading
from bot.ports import StoredReading
from bot.services.runway import Point
from bot.services.trend import daily, leading, marks_of_a_week

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)  # noon in Beijing


def line(*figures: tuple[float, str]) -> list[Point]:
    """(hours before now, what was left)"""
    return [Point(NOW - timedelta(hours=hours), Decimal(left)) for hours, left in figures]


def test_a_fall_is_spread_over_the_days_it_took() -> None:
    found = daily(line((36, "30"), (12, "18"), (0, "12")), NOW, "Asia/Shanghai", 3)
    assert found[1:] == (Decimal(12), Decimal(6))


def test_a_day_that_nobody_looked_at_is_unknown_and_a_still_one_is_zero() -> None:
    found = daily(line((36, "30"), (0, "30")), NOW, "Asia/Shanghai", 3)
    assert found[-1] == 0
    assert found[-2] == 0
    assert daily(line((1, "30"), (0, "29")), NOW, "Asia/Shanghai", 3) == (None, None, None)
    assert daily([], NOW, "UTC") == (None,) * 7


def test_a_top_up_is_no_use_and_hides_what_was_spent_beside_it() -> None:
    found = daily(line((36, "30"), (30, "27"), (27, "127"), (12, "112"), (0, "100")), NOW, "Asia/Shanghai", 2)
    assert found[1] == 12
    assert found[0] == 3 + 15


def test_the_story_is_the_funded_wallet() -> None:
    def kept(kind: Kind, left: str, unit: str) -> StoredReading:
        return StoredReading("a", NOW, Reading(kind, Decimal(left), unit))

    found = leading([kept(Kind.KEY_BUDGET, "5", "USD"), kept(Kind.ACCOUNT_MONEY, "0", "USD")] +
                    [kept(Kind.ACCOUNT_MONEY, "7", "CNY")])  # fmt: skip
    assert found is not None
    assert found[0] == (Kind.ACCOUNT_MONEY, "CNY", "")
    assert leading([StoredReading("a", NOW, Reading(Kind.HEALTH))]) is None


def test_the_marks_reach_back_a_week_and_hold_each_midnight() -> None:
    marks = marks_of_a_week(NOW, "Asia/Shanghai")
    assert marks == sorted(marks)
    assert marks[-1] == NOW
    assert marks[0] <= NOW - timedelta(days=7)
    assert sum(mark.hour == 16 and mark.minute == 0 for mark in marks) >= 7  # midnight in Beijing
    assert len(marks) < 80
