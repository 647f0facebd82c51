"""The picture: the right size, a line where the figures are, the threshold, the rise, the fan; and its twin in text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO

import pytest
from PIL import Image

from bot.charts import Series, balance_chart, sparkline

START = datetime(2026, 11, 8, tzinfo=UTC)
LINE, FAN, WARN, UP = (24, 95, 180), (214, 228, 246), (196, 66, 30), (20, 128, 74)


def falling(days: int = 14, first: str = "90", a_day: str = "5") -> list[tuple[datetime, Decimal]]:
    return [
        (START + timedelta(hours=h), max(Decimal(first) - Decimal(a_day) * h / 24, Decimal(0)))
        for h in range(days * 24)
    ]


def colours(png: bytes) -> tuple[tuple[int, int], set[tuple[int, ...]]]:
    picture = Image.open(BytesIO(png)).convert("RGB")
    found = picture.getcolors(maxcolors=1 << 20) or []
    return picture.size, {colour for _, colour in found}  # type: ignore[misc]


def test_a_whole_chart_shows_line_threshold_rise_and_fan() -> None:
    png = balance_chart(
        [Series("kimi", "CNY", falling(), Decimal(20), (Decimal(4), Decimal(6)), (START + timedelta(days=9),))],
        "Asia/Shanghai",
    )
    size, shown = colours(png)
    assert png.startswith(b"\x89PNG")
    assert size == (1080, 536)
    assert {LINE, FAN, WARN, UP} <= shown
    assert len(png) < 200_000


def test_what_is_not_known_is_not_drawn() -> None:
    _, shown = colours(balance_chart([Series("kimi", "CNY", falling())]))
    assert LINE in shown
    assert not {FAN, WARN, UP} & shown


def test_four_panels_at_most_and_empty_ones_are_left_out() -> None:
    one = Series("a", "CNY", falling())
    assert colours(balance_chart([one] * 6))[0] == (1080, 4 * 520 + 16)
    assert colours(balance_chart([one, Series("b", "CNY", [])]))[0] == (1080, 536)
    with pytest.raises(ValueError, match="readings"):
        balance_chart([Series("b", "CNY", [])])


@pytest.mark.parametrize(
    "points",
    [
        [(START, Decimal(0))],
        [(START, Decimal("-3")), (START + timedelta(hours=1), Decimal("-3"))],
        [(START, Decimal("0.0003")), (START + timedelta(days=400), Decimal("0.0001"))],
        [(START, Decimal("123456789")), (START + timedelta(seconds=1), Decimal(5))],
    ],
)
def test_odd_figures_still_make_a_picture(points: list[tuple[datetime, Decimal]]) -> None:
    fan = (Decimal(0), Decimal(999))
    assert balance_chart([Series("名字 <b>", "CNY", points, Decimal(1), fan)]).startswith(b"\x89PNG")


def test_a_spring_day_of_23_hours_is_one_day() -> None:
    line = [(datetime(2026, 3, 26, tzinfo=UTC) + timedelta(hours=h), Decimal(200 - h)) for h in range(150)]
    assert balance_chart([Series("kimi", "CNY", line)], "Europe/Berlin").startswith(b"\x89PNG")


def test_the_sparkline_says_the_same() -> None:
    line = falling(10, "100", "10")
    text = sparkline(line, 10)
    assert len(text) == 10
    assert text[0] == "█"
    assert text[-1] == "▁"
    assert list(text) == sorted(text, reverse=True)
    assert sparkline([]) == ""
    assert sparkline([(START, Decimal(5))]) == "█"
