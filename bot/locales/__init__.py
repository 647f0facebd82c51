"""Words by language: one TOML catalogue each. Babel for plurals, money, dates and relative times.

A missing line falls back to English and is listed by `missing`. Nothing here knows a platform.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from bot.locales.cldr import city, locale
from bot.model.values import dataclass

if TYPE_CHECKING:
    from babel import Locale

_HERE = Path(__file__).parent
_BABEL = {"zh": "zh_Hans_CN", "en": "en_US"}
_UNITS = frozenset({"credits", "requests", "tokens", "points", "percent", "magicube"})


class _Values(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"  # a missing value must not lose the whole answer


@lru_cache(maxsize=8)
def _load(language: str) -> Mapping[str, Any]:
    return tomllib.loads((_HERE / f"{language}.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def languages() -> tuple[str, ...]:
    """Names of the catalogues at hand, English first."""
    names = sorted(file.stem for file in _HERE.glob("*.toml"))
    return tuple(sorted(names, key=lambda name: (name != "en", name)))


def best(tag: str | None, default: str) -> str:
    """The catalogue for an IETF tag (`zh-CN`, `en_GB`), else `default`."""
    head = (tag or "").replace("_", "-").split("-")[0].lower()
    return head if head in languages() else default


def _look(catalogue: Mapping[str, Any], key: str) -> Any:
    node: Any = catalogue
    for part in key.split("."):
        if not isinstance(node, Mapping) or part not in node:
            return None
        node = node[part]
    return node


@lru_cache(maxsize=8192)
def _line(language: str, key: str) -> Any:
    """What stands under `key`, else what English has; an answer asks for dozens of lines."""
    found = _look(_load(language), key) if language in languages() else None
    return found if found is not None else _look(_load("en"), key)


def _leaves(node: Any, path: str = "") -> set[str]:
    if isinstance(node, Mapping):
        if node and set(node) <= {"zero", "one", "two", "few", "many", "other"}:
            return {path}
        return {leaf for name, child in node.items() for leaf in _leaves(child, f"{path}.{name}" if path else name)}
    return {path}


def missing(language: str) -> tuple[str, ...]:
    """Keys that English has and `language` has not, sorted."""
    return tuple(sorted(_leaves(_load("en")) - _leaves(_load(language))))


# --- Chinese: blanks stand between a Chinese character and a Latin letter or digit, and nowhere beside full-width signs

_FULL_WIDTH = frozenset({"zh"})
_CJK = "\u3400-\u9fff"
_SIGNS = "，。；：、！？（）《》「」“”‘’…—\u3000"
_DIGIT = rf"(\d)([{_CJK}])"


@lru_cache(maxsize=4096)
def _pieces(template: str) -> tuple[tuple[str, str, str], ...]:
    """(words, name of the value behind them or "", its format)."""
    return tuple((words, name or "", format or "") for words, name, format, _ in Formatter().parse(template))


def fitted(template: str, values: Mapping[str, object]) -> str:
    """The template filled in, with the blanks that belong where words meet a value. Inside a value nothing changes: it may be
    somebody else's text."""
    out, value = "", False
    for words, name, form in _pieces(template):
        out = _joined(out, words) if value else out + words
        value = bool(name)
        if value:
            out = _joined(out, format(values.get(name, "?"), form))
    return out


def _joined(left: str, right: str) -> str:
    before, after = left.rstrip(" "), right.lstrip(" ")
    if not before or not after:
        return left + right
    pair = before[-1] + after[0]
    if len(before) + len(after) < len(left) + len(right):
        tight = pair[0] in _SIGNS or pair[1] in _SIGNS or (_chinese(pair[0]) and _chinese(pair[1]))
        return before + after if tight else left + right
    mixed = (_chinese(pair[0]) and _latin(pair[1])) or (_latin(pair[0]) and _chinese(pair[1]))
    return f"{left} {right}" if mixed else left + right


def _chinese(sign: str) -> bool:
    return "\u3400" <= sign <= "\u9fff"


def _latin(sign: str) -> bool:
    return sign.isascii() and sign.isalnum()


@lru_cache(maxsize=1024)
def _city(zone: str, language: str) -> str:
    """`柏林`; the end of the zone's own name where Babel knows no city for it."""
    named = city(zone, _BABEL.get(language, language))
    return zone.split("/")[-1].replace("_", " ") if "/" in named else named


def currency_unit(text: str) -> str | None:
    """`usd` is USD, `Credits` is credits; None for what is neither a currency's code nor a unit that the providers count in."""
    if text.lower() in _UNITS - {"percent"}:
        return text.lower()
    from babel.numbers import is_currency

    return text.upper() if is_currency(text.upper()) else None


@dataclass(frozen=True, slots=True)
class Words:
    """One reader's language and zone. `say` never raises for a missing line or value."""

    language: str
    timezone: str = "UTC"

    def say(self, key: str, /, **values: object) -> str:
        """The line under `key`, filled in. With `n`, a table of plural forms is chosen from by Babel."""
        line = self._line(key)
        if isinstance(line, Mapping):
            line = line.get(self._plural(values.get("n", 0))) or line.get("other", key)
        if isinstance(line, (list, tuple)):
            line = "\n".join(str(item) for item in line)
        if line is None:
            return key
        return self._filled(str(line), values)

    def lines(self, key: str, /, **values: object) -> tuple[str, ...]:
        """The list under `key`, filled in; empty where there is none."""
        line = self._line(key)
        if line is None:
            return ()
        items = line if isinstance(line, (list, tuple)) else [line]
        return tuple(self._filled(str(item), values) for item in items)

    def _filled(self, text: str, values: Mapping[str, object]) -> str:
        if "{" not in text and "}" not in text:
            return text
        return fitted(text, values) if self.language in _FULL_WIDTH else text.format_map(_Values(values))

    def has(self, key: str) -> bool:
        """Whether this language, or English in its place, has the line."""
        return self._line(key) is not None

    def _line(self, key: str) -> Any:
        return _line(self.language, key)

    def _plural(self, n: object) -> str:
        return str(self.locale.plural_form(n if isinstance(n, (int, float, Decimal)) else 0))

    @property
    def locale(self) -> Locale:
        """Babel's, for what is not written here."""
        return locale(_BABEL.get(self.language, self.language))

    def inside(self, title: str) -> str:
        """A title within a sentence, where English begins it small."""
        return title[:1].lower() + title[1:] if self.language == "en" and title[1:2].islower() else title

    def kind(self, kind: str) -> str:
        """What the gate took out, in this language: `anthropic key` is `Anthropic 密钥`; makers keep their names."""
        whole = f"leak.kinds.{kind.replace(' ', '_').replace('-', '_').lower()}"
        if self.has(whole):
            return self.say(whole)
        maker, _, noun = kind.rpartition(" ")
        if maker and self.has(f"leak.nouns.{noun}"):
            return self.say(
                "leak.of", maker=maker.title() if maker.islower() else maker, noun=self.say(f"leak.nouns.{noun}")
            )
        return kind

    # --- figures

    def money(self, amount: Decimal | None, currency: str | None, *, exact: bool = False) -> str:
        """`¥18.40` / `CNY 18.40`, credits and tokens with their unit's name; unknown is said, never 0. `exact`: a price, of which
        thousandths count."""
        if amount is None:
            return self.say("common.unknown")
        if currency in _UNITS or not currency:
            return self.say(f"units.{currency or 'plain'}", n=amount, amount=self.number(amount))
        from babel.numbers import format_currency

        # At least two decimals, but a tenth of a cent that is left is not shown as nothing.
        digits = 2 if not exact and (amount == 0 or abs(amount) >= Decimal("0.01")) else 6
        pattern = "¤#,##0.00" if digits == 2 else "¤#,##0.00####"
        if self.language == "en":
            pattern = "¤¤ " + pattern[1:]
        return str(format_currency(amount, currency, pattern, locale=self.locale, currency_digits=False))

    def number(self, value: Decimal | int) -> str:
        """With the language's separators, all digits kept."""
        from babel.numbers import format_decimal

        return str(format_decimal(value, locale=self.locale))

    def amount(self, value: Decimal) -> str:
        """A part of a sum of money whose currency stands beside it."""
        from babel.numbers import format_decimal

        return str(format_decimal(value, "#,##0.00####", locale=self.locale))

    # --- times

    @property
    def zone_name(self) -> str:
        """`北京` for Asia/Shanghai, else the zone's city in this language, or UTC."""
        key = f"zones.{self.timezone.replace('/', '_')}"
        return self.say(key) if self.has(key) else _city(self.timezone, self.language)

    def local(self, at: datetime) -> datetime:
        """The same moment in the reader's zone."""
        return at.astimezone(ZoneInfo(self.timezone))

    def when(self, at: datetime, now: datetime, *, zone: bool = True) -> str:
        """`10:42（北京）` today, `昨天 18:05`, else with the date (and another year). `at` and `now` are UTC."""
        there, here = self.local(at), self.local(now)
        days = (there.date() - here.date()).days
        clock = there.strftime("%H:%M")
        if days == 0:
            text = clock
        elif days in (-1, 1):
            text = self.say("times.yesterday" if days < 0 else "times.tomorrow", clock=clock)
        else:
            from babel.dates import format_skeleton

            dated = "MMMd" if there.year == here.year else "yMMMd"
            text = f"{format_skeleton(dated, there, locale=self.locale)} {clock}"
        return self.say("times.zoned", time=text, zone=self.zone_name) if zone else text

    def stamp(self, at: datetime) -> str:
        """Date, time and zone in full."""
        from babel.dates import format_skeleton

        there = self.local(at)
        return self.say(
            "times.zoned",
            time=f"{format_skeleton('yMMMd', there, locale=self.locale)} {there.strftime('%H:%M')}",
            zone=self.zone_name,
        )

    def ago(self, at: datetime, now: datetime) -> str:
        """ "3 minutes ago", "in 2 hours": from `now`, rounded to one unit."""
        from babel.dates import format_timedelta

        return self._spaced(str(format_timedelta(at - now, add_direction=True, locale=self.locale, threshold=0.95)))

    def span(self, duration: timedelta | float) -> str:
        """`14 分钟`, `2 hours`."""
        from babel.dates import format_timedelta

        delta = duration if isinstance(duration, timedelta) else timedelta(seconds=duration)
        return self._spaced(str(format_timedelta(delta, locale=self.locale, threshold=0.95)))

    def _spaced(self, text: str) -> str:
        """`14分钟` of Babel as the catalogue writes it: `14 分钟`; a second is 秒."""
        return re.sub(_DIGIT, r"\1 \2", text).replace("秒钟", "秒") if self.language in _FULL_WIDTH else text

    def utc(self, at: datetime) -> str:
        """Hour and minute, for logs that people compare."""
        return at.astimezone(UTC).strftime("%H:%M UTC")
