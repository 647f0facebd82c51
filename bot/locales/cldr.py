"""Babel, of which most is let go again: five megabytes of names and units nobody here asks for."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from babel import Locale

_UNUSED: Final = (
    "languages",
    "scripts",
    "variants",
    "currency_names_plural",
    "unit_display_names",
    "compound_unit_patterns",
    "interval_formats",
    "compact_currency_formats",
    "compact_decimal_formats",
)
# What a territory speaks, pays with and used to be called: for guessing what a locale's name may have meant. Ours are exact.
_GUESSES: Final = ("territory_languages", "territory_currencies", "territory_aliases", "windows_zone_mapping")


@lru_cache(maxsize=8)
def locale(name: str) -> Locale:
    """Raises babel.UnknownLocaleError. Numbers, money, dates, durations and cities can be written in it."""
    from babel import Locale, UnknownLocaleError, localedata
    from babel.core import get_global

    for table in _GUESSES:
        get_global(table).clear()  # type: ignore[attr-defined]
    likely = get_global("likely_subtags")
    kept = {language: likely[language] for language in likely if len(language) == 2}
    likely.clear()  # type: ignore[attr-defined]
    likely.update(kept)  # type: ignore[attr-defined]
    if not localedata.exists(name):
        raise UnknownLocaleError(name)
    parts = name.split("_")
    for end in range(len(parts) + 1):  # what it inherits comes first
        data = localedata.load("_".join(parts[:end]) or "root")
        for part in _UNUSED:
            data[part] = {}  # Babel looks, and finds nothing
        units = data["unit_patterns"]
        data["unit_patterns"] = {unit: units[unit] for unit in units if unit.startswith("duration")}
    return Locale.parse(name)
