"""The way out to the network: one call, one answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from decimal import Decimal
from typing import Any, Protocol

from bot.model.values import dataclass

Json = Any  # parsed JSON: every provider file narrows it itself and reports a wrong shape


@dataclass(frozen=True, slots=True)
class Call:
    """One outgoing request. `headers` and `url` may hold secrets: they are never logged and never in an error."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Json = None
    content: bytes | None = None
    timeout_s: float = 10.0
    max_bytes: int = 1_000_000
    alone: bool = False  # no second call to the same host meanwhile


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, of any status. `body` is whole and at most `Call.max_bytes` long, unpacked."""

    status: int
    headers: Mapping[str, str]  # lower-case names
    body: bytes

    def json(self) -> Json:
        """Numbers with a point come as Decimal. Raises BadAnswer (html, not_json)."""
        from json import loads

        from bot.errors import BadAnswer

        try:
            return loads(self.body.decode("utf-8-sig"), parse_float=Decimal)
        except (ValueError, RecursionError) as fault:  # ValueError: bad UTF-8, bad JSON, absurdly long numbers
            start = self.body[:200].lstrip().lower()
            raise BadAnswer("html" if start.startswith(b"<") else "not_json") from fault


class Http(Protocol):
    """The only way out for requests of ours: time limit, size limit, no redirect to another host, no cloud metadata address."""

    async def ask(self, call: Call) -> Answer:
        """Any HTTP status is an Answer. Raises Unreachable (timeout, dns, tls, refused) and BadAnswer (too_large, redirect)."""
