"""What a column takes and gives, the same on both databases: clean text, names, times in UTC, exact amounts, JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import DateTime, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from bot.model.chat import CleanText


def _storable(value: str) -> str:
    """PostgreSQL refuses NUL, both refuse half a surrogate pair."""
    return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


class Clean(TypeDecorator[Any]):
    """Takes CleanText only. Comes back as str: the store makes it CleanText again through its gate."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Raises TypeError for plain text: what did not pass the gate is not stored."""
        if value is None:
            return None
        if not isinstance(value, CleanText):
            raise TypeError("this column takes CleanText only")
        return _storable(value.text)


class Plain(TypeDecorator[str]):
    """Identifiers and names."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Without NUL and half surrogates, which PostgreSQL does not take."""
        return None if value is None else _storable(value)


class Utc(TypeDecorator[datetime]):
    """Aware in, aware (UTC) out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Raises TypeError for a time without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("times are kept with their zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Always with UTC: SQLite forgets the zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Amount(TypeDecorator[Decimal]):
    """Decimal as text: neither database changes a digit."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """As text, every digit kept. Raises TypeError for a float."""
        if value is None:
            return None
        if not isinstance(value, Decimal):
            raise TypeError("amounts are Decimal")
        return str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        """Exactly what was stored."""
        return None if value is None else Decimal(value)


def _plain_json(value: object) -> object:
    if isinstance(value, CleanText):
        return value.text
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


class Document(TypeDecorator[Any]):
    """JSON as text, the same bytes on both databases. CleanText, Decimal and datetime go in; str comes out."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """CleanText, Decimal and times as text, sets sorted. Raises TypeError for what is no JSON otherwise."""
        return json.dumps(value, default=_plain_json)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Plain lists, dicts and texts: what was a Decimal or a time comes back as text."""
        return None if value is None else json.loads(value)
