"""Blocks of a reply as JSON and back: details stand behind a button, and wait in the store until somebody asks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Final

from bot.model.chat import Block, Board, Facts, Heading, Line, Links, Quote, Row, Steps

Json = dict[str, Any]

_KINDS: Final[dict[str, type[Block]]] = {
    kind.__name__: kind for kind in (Line, Heading, Facts, Steps, Quote, Board, Links)
}


def pack(blocks: Iterable[Block]) -> list[Json]:
    """Blocks as JSON, for the store."""
    packed = []
    for block in blocks:
        values = {field.name: getattr(block, field.name) for field in fields(block)}
        if isinstance(block, Board):
            values["rows"] = [{field.name: getattr(row, field.name) for field in fields(row)} for row in block.rows]
        packed.append({"kind": type(block).__name__, **values})
    return packed


def unpack(packed: Iterable[Json]) -> tuple[Block, ...]:
    """The way back. What is not understood (another version wrote it) is left out."""
    blocks: list[Block] = []
    for values in packed:
        kind = _KINDS.get(values.get("kind", ""))
        if kind is None:
            continue
        rest: Json = {name: _frozen(value) for name, value in values.items() if name != "kind"}
        try:
            if kind is Board:
                rest["rows"] = tuple(Row(**{n: _frozen(v) for n, v in row.items()}) for row in values["rows"])
            blocks.append(kind(**rest))
        except TypeError:
            continue
    return tuple(blocks)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value
