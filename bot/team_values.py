"""Values of the team file: each read with its kind, and a fault in a sentence where it is another."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.locales.fault_words import fault as fault_of
from bot.model.engine import KeyRef
from bot.model.money import Price
from bot.model.near import nearest

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}\Z")
_SPAN = re.compile(r"(\d+)\s*(s|m|h|d|w)\Z")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_ADDRESS = re.compile(r"(slack|telegram):(\*|-?[A-Za-z0-9]+)\Z")
_LOOKS_LIKE_KEY = re.compile(r"(sk-|AIza|xox|gsk_|key-)[A-Za-z0-9_-]{12,}|[A-Za-z0-9_-]{40,}")


class Values:
    """`faults` gathers a sentence for each wrong value; what stands in for it is the usual one, so that reading goes on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.faults: list[str] = []

    def _fault(self, key: str, /, **facts: object) -> None:
        self.faults.append(fault_of(key, **facts))

    def _table(self, raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        value = raw.get(name, {})
        if not isinstance(value, dict):
            self._fault("table", name=name)
            return {}
        return value

    def _tables(self, raw: Mapping[str, Any], name: str) -> list[tuple[str, Mapping[str, Any]]]:
        out: list[tuple[str, Mapping[str, Any]]] = []
        for key, value in self._table(raw, name).items():
            if isinstance(value, dict):
                out.append((key, value))
            else:
                self._fault("subtable", name=name, key=safe(key))
        return out

    def _known(self, where: str, table: Mapping[str, Any], names: Sequence[str]) -> None:
        for key in table:
            if key not in names:
                place, shown = where or fault_of("the_file"), safe(key)
                if near := nearest(key, names, most=1, cutoff=0.6):
                    self._fault("unknown_near", where=place, key=shown, near=near[0])
                else:
                    self._fault("unknown", where=place, key=shown, known=tuple(names))

    def _named(self, where: str, name: str) -> None:
        if not _NAME.match(name) or _LOOKS_LIKE_KEY.match(name):
            self._fault("name", where=safe(where))

    def _text(self, where: str, table: Mapping[str, Any], key: str) -> str:
        value = table.get(key, "")
        if not isinstance(value, str):
            self._fault("text", where=where, key=key)
            return ""
        return value.strip()

    def _list(self, where: str, table: Mapping[str, Any], key: str) -> list[str]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._fault("list", where=where, key=key)
            return []
        return value

    def _addresses(self, where: str, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        out = []
        for item in self._list(where, table, key):
            if _ADDRESS.match(item):
                out.append(item)
            else:
                self._fault("address", where=where, key=key, item=safe(item))
        return tuple(out)

    def _choice(self, table: Mapping[str, Any], key: str, choices: Sequence[str], default: str, where: str = "") -> str:
        value = table.get(key, default)
        if value not in choices:
            self._fault("choice", where=where, key=key, choices=tuple(choices))
            return default
        return str(value)

    def _zone(self, value: object) -> str:
        try:
            ZoneInfo(str(value))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._fault("zone")
            return "UTC"
        return str(value)

    def _span(self, where: str, table: Mapping[str, Any], key: str, default: timedelta) -> timedelta:
        value = table.get(key)
        if value is None:
            return default
        found = _SPAN.match(value) if isinstance(value, str) else None
        if not found or int(found[1]) == 0:
            self._fault("span", where=where, key=key)
            return default
        return timedelta(**{_UNITS[found[2]]: int(found[1])})

    def _ref(self, where: str, table: Mapping[str, Any], stem: str) -> KeyRef | None:
        env, file = self._text(where, table, f"{stem}_env"), self._text(where, table, f"{stem}_file")
        if env and file:
            self._fault("key_both", where=where, stem=stem)
        if env and (_LOOKS_LIKE_KEY.match(env) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", env)):
            self._fault("key_name", where=where, stem=stem)
            return None
        if file:
            return KeyRef(file=self._path(file))
        return KeyRef(env=env) if env else None

    def _of_application(self, where: str, table: Mapping[str, Any], ref: KeyRef | None) -> KeyRef | None:
        """`key_env_file`: key_env is a variable of an application's `.env`; `key_line`: commented out, on that line."""
        file, line = self._path(self._text(where, table, "key_env_file")), table.get("key_line")
        if line is not None and (not isinstance(line, int) or isinstance(line, bool) or line < 1):
            self._fault("key_line", where=where)
            return ref
        if (file or line) and (ref is None or ref.env is None):
            self._fault("key_needs_env", where=where)
            return ref
        if line is not None and file is None:
            self._fault("key_needs_file", where=where)
        return replace(ref, env_file=file, line=line) if ref is not None and file is not None else ref

    def _warn(self, where: str, value: object) -> dict[str, Decimal]:
        if value is None:
            return {}
        out: dict[str, Decimal] = {}
        for currency, amount in value.items() if isinstance(value, dict) else ():
            try:
                if isinstance(amount, (bool, float)) or not isinstance(amount, (str, int)):
                    raise InvalidOperation
                out[str(currency)] = Decimal(amount)
            except InvalidOperation:
                self._fault("warn_amount", where=where, currency=safe(str(currency)))
        if not isinstance(value, dict):
            self._fault("warn_table", where=where)
        return out

    def _price(self, where: str, value: object) -> Price | None:
        """`{ currency = "CNY", input = "4", output = "16" }` for a million tokens; one side may be left out."""
        if value is None:
            return None
        sides: dict[str, Decimal] = {}
        if isinstance(value, dict) and set(value) <= {"currency", "input", "output"}:
            for side in ("input", "output"):
                with suppress(InvalidOperation):
                    if (
                        isinstance(figure := value.get(side), str)
                        and (amount := Decimal(figure)).is_finite()
                        and amount >= 0
                    ):
                        sides[side] = amount
            currency = value.get("currency")
            if (
                isinstance(currency, str)
                and re.fullmatch(r"[A-Z]{3}", currency)
                and sides
                and len(sides) == len(value) - 1
            ):
                return Price(currency, sides.get("input"), sides.get("output"), "team_file")
        self._fault("price", where=where)
        return None

    def _quiet(self, value: object) -> tuple[str, str] | None:
        if value is None:
            return None
        if (
            isinstance(value, list)
            and len(value) == 2
            and all(isinstance(v, str) and re.fullmatch(r"[0-2]\d:[0-5]\d", v) for v in value)
        ):
            return value[0], value[1]
        self._fault("quiet")
        return None

    def _path(self, text: str) -> Path | None:
        if not text:
            return None
        try:
            path = Path(text).expanduser()
        except RuntimeError:
            self._fault("home", text=safe(text))
            return None
        return path if path.is_absolute() else (self._folder / path)


def plain_address(text: str) -> bool:
    """http(s) with a host, without user and query. What cannot even be taken apart is no address."""
    try:
        parts = urlsplit(text)
        return bool(parts.scheme in ("http", "https") and parts.hostname and not parts.username and not parts.query)
    except ValueError:
        return False


def safe(text: str) -> str:
    """A name from the file for a message; anything that could be a key is not repeated."""
    return fault_of("looks_like_key") if _LOOKS_LIKE_KEY.search(text) else text[:60]
