"""Babel, of which most is let go again: five megabytes of names and units nobody here asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from babel import Locale

_UNUSED: Final = (
    "languages",
    "scripts",
    "variants",
    "currency_names",
    "currency_names_plural",
    "unit_display_names",
    "compound_unit_patterns",
    "interval_formats",
    "compact_currency_formats",
    "compact_decimal_formats",
    "meta_zones",  # names of zones; a zone is called by its city here
)
# What a territory speaks, pays with and used to be called: for guessing what a locale's name may have meant. Ours are exact. And what
# is asked for whole countries.
_GUESSES: Final = (
    "territory_languages",
    "territory_currencies",
    "territory_aliases",
    "windows_zone_mapping",
    "language_aliases",
    "territory_zones",
    "zone_territories",
    "meta_zones",
)
_CITIES: Final = "cities"  # ours, beside Babel's own tables
_NOWHERE: Final = "ZZ"  # the territory of a zone that has none
_SPANS: Final = ("year", "month", "week", "day", "hour", "minute", "second")


@lru_cache(maxsize=8)
def locale(name: str) -> Locale:
    """Raises babel.UnknownLocaleError. Numbers, money, dates and durations can be written in it; a zone's city gives `city`."""
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
        data["unit_patterns"] = _only(data["unit_patterns"], lambda unit: unit.startswith("duration"))
        data["date_fields"] = _only(data["date_fields"], _SPANS.__contains__)
        data["number_symbols"] = _only(data["number_symbols"], {"latn", data["default_numbering_system"]}.__contains__)
        data["territories"] = _only(data["territories"], _NOWHERE.__eq__)
        cities = {zone: names["city"] for zone, names in data["time_zones"].items() if "city" in names}
        data[_CITIES], data["time_zones"] = data.get(_CITIES, {}) | cities, {}
    return Locale.parse(name)


def city(zone: str, name: str) -> str:
    """The place that a zone is named after, as a locale calls it or else as the zone's name of today does."""
    from babel import localedata
    from babel.core import get_global

    locale(name)
    zone = get_global("zone_aliases").get(zone, zone)
    return str(localedata.load(name)[_CITIES].get(zone) or zone.partition("/")[2].replace("_", " ") or zone)


def _only(table: Mapping[str, Any], wanted: Callable[[str], bool]) -> dict[str, Any]:
    return {name: table[name] for name in table if wanted(name)}
