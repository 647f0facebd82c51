"""Narrowing what came from outside: a missing or strange value is a wrong shape, never a quiet 0."""

from __future__ import annotations

import json as jsonlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bot.errors import BadAnswer

Json = Any


def wire(value: Json) -> str:
    """JSON text as it comes over the wire, for samples."""
    return jsonlib.dumps(value)


def shape(detail: str = "") -> BadAnswer:
    """To be raised for an answer of another shape than documented; `detail` names the field, never its value."""
    return BadAnswer("wrong_shape", field=detail)


def part(value: Json, *path: str) -> Json:
    """Walks into objects. A step that is not there, or not an object, is a wrong shape: never a quiet None."""
    for name in path:
        if not isinstance(value, dict) or name not in value:
            raise shape(name)
        value = value[name]
    return value


def maybe(value: Json, *path: str) -> Json:
    """As `part`, but None where the way ends."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def rows(value: Json, *path: str) -> list[dict[str, Json]]:
    """A list of objects; anything else is a wrong shape."""
    found = part(value, *path) if path else value
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise shape(path[-1] if path else "list")
    return found


def number(value: Json, divisor: int = 1) -> Decimal | None:
    """A JSON number or a number in a string (thousands separators allowed), divided. None and "" stay unknown."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        raise shape("number")
    text = value.strip().replace(",", "") if isinstance(value, str) else str(value)
    if len(text) > 60:
        raise shape("number")
    try:
        found = Decimal(text)
    except ArithmeticError:
        raise shape("number") from None
    # An exponent of a billion parses, and then printing it takes a gigabyte.
    if not found.is_finite() or abs(found.adjusted()) > 30:
        raise shape("number")
    return found / divisor if divisor != 1 else found


def amount(value: Json, divisor: int = 1) -> Decimal:
    """As `number`, but a missing figure is a wrong shape."""
    found = number(value, divisor)
    if found is None:
        raise shape("number")
    return found


def flag(value: Json) -> bool | None:
    """None for anything but JSON's true and false: "0" or 1 is no answer."""
    return value if isinstance(value, bool) else None


def text(value: Json, limit: int = 40) -> str:
    """Short ASCII for labels: letters, digits, space and a few signs. Anything else from outside is dropped."""
    if not isinstance(value, str):
        return ""
    return "".join(c for c in value if c.isascii() and (c.isalnum() or c in " -_.")).strip()[:limit]


def moment(value: Json) -> datetime | None:
    """RFC 3339 (nanoseconds cut), epoch seconds or epoch milliseconds, to UTC. None where it says nothing."""
    if isinstance(value, bool) or value in (None, "", 0, -1):
        return None
    try:
        if isinstance(value, str) and not value.lstrip("-").isdigit():
            head, dot, tail = value.strip().partition(".")
            if dot:
                digits = len(tail) - len(tail.lstrip("0123456789"))
                value = f"{head}.{tail[:digits][:6]}{tail[digits:]}"
            found = datetime.fromisoformat(value)
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        seconds = int(value)
        if seconds <= 0:
            return None
        return datetime.fromtimestamp(seconds / 1000 if seconds > 100_000_000_000 else seconds, UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        return None


def model_names(answer: Json) -> tuple[str, ...]:
    """Names from any of the usual model lists: {data:[{id}]}, {models:[{name}]}, [{id}]."""
    found = answer if isinstance(answer, list) else maybe(answer, "data") or maybe(answer, "models")
    if not isinstance(found, list):
        return ()
    names = []
    for row in found[:2000]:
        name = row if isinstance(row, str) else maybe(row, "id") or maybe(row, "name")
        if isinstance(name, str) and len(name) <= 200:
            names.append(name.removeprefix("models/"))
    return tuple(names)
