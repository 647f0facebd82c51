"""Days left from simulated histories with a known truth."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.model.money import Kind, Reading, Runway
from bot.ports import StoredReading
from bot.services import runway
from bot.services.runway import Point

NOW = datetime(2026, 11, 22, 2, 42, tzinfo=UTC)  # a Sunday; 10:42 in Beijing
MONEY = (Kind.ACCOUNT_MONEY, "CNY", "")


def wallet(left: str | Decimal, currency: str = "CNY") -> Reading:
    return Reading(Kind.ACCOUNT_MONEY, Decimal(left), currency)


def backwards(left: Decimal, days: float, per_hour: Callable[[datetime], Decimal], step_h: float = 1) -> list[Point]:
    """History that ends now with `left`, spending `per_hour(time)`."""
    line = [Point(NOW, left)]
    at = NOW
    while at > NOW - timedelta(days=days):
        at -= timedelta(hours=step_h)
        left += per_hour(at) * Decimal(str(step_h))
        line.append(Point(at, left))
    return line[::-1]


def steady(daily: str) -> Callable[[datetime], Decimal]:
    return lambda at: Decimal(daily) / 24


def test_steady_spending() -> None:
    line = backwards(Decimal(30), 5, steady("10"))
    found = runway.one(Decimal(30), line, NOW)
    assert found.low_days is not None
    assert found.high_days is not None
    assert Decimal("2.9") <= found.low_days <= Decimal(3) <= found.high_days <= Decimal("3.1")


def test_a_few_hours_are_enough_for_a_wide_range() -> None:
    line = backwards(Decimal(20), 0.25, steady("240"), step_h=0.25)
    found = runway.one(Decimal(20), line, NOW)
    assert found.low_days is not None
    assert found.high_days is not None
    assert found.low_days <= Decimal("0.1") <= found.high_days


@pytest.mark.parametrize("line", [[], [Point(NOW, Decimal(5))], backwards(Decimal(5), 0.05, steady("10"), 0.02)])
def test_too_little_data(line: list[Point]) -> None:
    assert runway.one(Decimal(5), line, NOW) == Runway(why="too_little_data")


def test_not_falling() -> None:
    assert runway.one(Decimal(5), backwards(Decimal(5), 3, steady("0")), NOW) == Runway(why="not_falling")


def test_top_ups_are_left_out() -> None:
    line = backwards(Decimal(30), 6, steady("10"))
    topped = [p if p.at > NOW - timedelta(days=2) else Point(p.at, p.left - 200) for p in line]
    plain, found = runway.one(Decimal(30), line, NOW), runway.one(Decimal(30), topped, NOW)
    assert found.low_days is not None
    assert plain.low_days is not None
    assert abs(found.low_days - plain.low_days) <= Decimal("0.2")


def test_one_wild_afternoon_does_not_decide() -> None:
    def spend(at: datetime) -> Decimal:
        wild = NOW - timedelta(days=3, hours=4) < at < NOW - timedelta(days=3)
        return Decimal(100) if wild else Decimal(10) / 24

    found = runway.one(Decimal(50), backwards(Decimal(50), 9, spend), NOW)
    assert found.low_days is not None
    assert found.low_days >= Decimal(4)


def test_weekdays_are_told_apart() -> None:
    """Nothing is spent at weekends, 20 on working days: 30 on a Sunday morning last until Tuesday noon, Beijing time."""

    def spend(at: datetime) -> Decimal:
        return Decimal(0) if (at + timedelta(hours=8)).weekday() >= 5 else Decimal(20) / 24

    line = backwards(Decimal(30), 22, spend)
    found = runway.one(Decimal(30), line, NOW, "Asia/Shanghai")
    assert found.low_days is not None
    assert found.high_days is not None
    # 13.3 h of Sunday left, one whole Monday, half a Tuesday
    assert Decimal("2.0") <= found.low_days <= Decimal("2.1") <= found.high_days + Decimal("0.1")
    one_week = [p for p in line if p.at > NOW - timedelta(days=7)]
    plain = runway.one(Decimal(30), one_week, NOW, "Asia/Shanghai")
    assert plain.low_days is not None
    assert plain.low_days < found.low_days  # without two weeks the quiet Sunday is not known


def test_a_thinned_history_tells_the_same() -> None:
    chance = random.Random(7)
    line, left = [], Decimal(500)
    for minute in range(0, 6 * 24 * 60, 5):
        left -= Decimal(chance.randrange(0, 20)) / 100
        if minute == 4000:
            left += 300
        line.append(Point(NOW - timedelta(days=6) + timedelta(minutes=minute), left))
    thinned = runway.thin(line)
    assert len(thinned) < len(line) / 8
    full, less = runway.one(left, line, NOW), runway.one(left, thinned, NOW)
    assert full.low_days is not None
    assert less.low_days is not None
    assert abs(full.low_days - less.low_days) <= full.low_days / 20 + Decimal("0.2")


def test_several_figures() -> None:
    history = {
        MONEY: backwards(Decimal(100), 5, steady("10")),
        (Kind.KEY_BUDGET, "CNY", ""): backwards(Decimal(20), 5, steady("10")),
    }
    both = runway.estimate((wallet("100"), Reading(Kind.KEY_BUDGET, Decimal(20), "CNY")), history, NOW)
    assert both.low_days is not None
    assert both.low_days <= Decimal("2.1")  # the key's budget ends first


def test_an_empty_wallet_beside_a_funded_one_is_left_out() -> None:
    history = {
        MONEY: backwards(Decimal(0), 5, steady("0")),
        (Kind.ACCOUNT_MONEY, "USD", ""): backwards(Decimal(10), 5, steady("5")),
    }
    found = runway.estimate((wallet("0"), wallet("10", "USD")), history, NOW)
    assert found.high_days is not None
    assert Decimal("1.9") <= found.high_days <= Decimal("2.1")


def test_a_window_counts_only_if_it_ends_before_its_reset() -> None:
    key = (Kind.WINDOW_QUOTA, "percent", "week")
    history = {key: backwards(Decimal(50), 4, steady("10"))}

    def left(days: int) -> Reading:
        return Reading(Kind.WINDOW_QUOTA, Decimal(50), "percent", resets_at=NOW + timedelta(days=days), label="week")

    assert runway.estimate((left(2),), history, NOW).why
    assert runway.estimate((left(7),), history, NOW).low_days is not None


def test_empty_is_zero_days_and_unknown_is_unknown() -> None:
    assert runway.estimate((wallet("0"),), {}, NOW) == Runway(Decimal(0), Decimal(0))
    assert runway.estimate((Reading(Kind.SPEND, Decimal(5), "USD"),), {}, NOW).why == "too_little_data"
    assert runway.estimate((Reading(Kind.KEY_BUDGET, None, "USD", unlimited=True),), {}, NOW).why == "too_little_data"


def test_lines_of_history() -> None:
    stored = [
        StoredReading("a", NOW, wallet("5")),
        StoredReading("a", NOW, Reading(Kind.SPEND, Decimal(1), "USD")),
        StoredReading("a", NOW, Reading(Kind.ACCOUNT_MONEY, Decimal(9), "USD", hand_kept_at=NOW)),
        StoredReading("a", NOW, Reading(Kind.WINDOW_QUOTA, Decimal(50), "percent", label="week")),
    ]
    assert set(runway.points(stored)) == {MONEY, (Kind.WINDOW_QUOTA, "percent", "week")}


def test_before_monday() -> None:
    monday = runway.next_monday(NOW, "Asia/Shanghai")
    assert monday == datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    assert runway.next_monday(monday, "Asia/Shanghai") == monday + timedelta(days=7)
    days = {"0.2 0.5": "will", "0.5 2": "may", "2 3": "no"}
    for pair, verdict in days.items():
        low, high = (Decimal(day) for day in pair.split())
        assert runway.before_monday(Runway(low, high), NOW, "Asia/Shanghai") == verdict
    assert runway.before_monday(Runway(why="too_little_data"), NOW) == "unknown"
    assert runway.before_monday(Runway(why="not_falling"), NOW) == "no"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 3000), st.integers(0, 10_000)), max_size=60),
    st.integers(1, 100_000),
    st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York"]),
)
def test_any_history_gives_a_range_or_a_ground(steps: list[tuple[int, int]], left: int, zone: str) -> None:
    at, line = NOW, []
    for minutes, cents in steps:
        line.append(Point(at, Decimal(cents) / 100))
        at -= timedelta(minutes=minutes)
    found = runway.one(Decimal(left) / 100, line[::-1], NOW, zone)
    if found.low_days is None:
        assert found.why in {"too_little_data", "not_falling"}
    else:
        assert found.high_days is not None
        assert 0 <= found.low_days <= found.high_days <= 999
