"""What is let go of Babel is missed nowhere, also by languages that are read later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from babel import UnknownLocaleError, localedata
from babel.dates import format_skeleton, format_timedelta
from babel.numbers import format_currency, format_decimal

from bot.locales.cldr import city, locale

AT = datetime(2026, 11, 22, 9, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("en_US", ("1,234.5", "€2.00", "Nov 22", "Nov 22, 2026", "3 hours", "in 3 hours", "Berlin", "one")),
        ("zh_Hans_CN", ("1,234.5", "€2.00", "11月22日", "2026年11月22日", "3小时", "3小时后", "柏林", "other")),
        ("de", ("1.234,5", "2,00\xa0€", "22. Nov.", "22. Nov. 2026", "3 Stunden", "in 3 Stunden", "Berlin", "one")),
    ],
)
def test_every_figure_in_every_language(name: str, told: tuple[str, ...]) -> None:
    one = locale(name)
    assert told == (
        format_decimal(Decimal("1234.5"), locale=one),
        format_currency(Decimal(2), "EUR", locale=one),
        format_skeleton("MMMd", AT, locale=one),
        format_skeleton("yMMMd", AT, locale=one),
        format_timedelta(timedelta(hours=3), locale=one),
        format_timedelta(timedelta(hours=3), add_direction=True, locale=one),
        city("Europe/Berlin", name),
        one.plural_form(1),
    )
    assert localedata.load(name)["unit_display_names"] == {}


def test_a_place_without_a_name_of_its_own_is_called_as_its_zone() -> None:
    assert [city(zone, "en_US") for zone in ("Africa/Timbuktu", "America/New_York", "UTC")] == [
        "Bamako",
        "New York",
        "UTC",
    ]
    assert city("Asia/Tokyo", "zh_Hans_CN") == "东京"


def test_no_such_language() -> None:
    with pytest.raises(UnknownLocaleError):
        locale("xx")
