"""Key, address and model that stand together in an env file: live, or kept as a backup in a comment."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from bot.model.engine import KeyRef, is_placeholder
from bot.model.values import dataclass
from bot.outlets.env_text import Binding, decode, one, parse

_PART: Final = re.compile(r"([A-Z][A-Z0-9_]*?)_(API_KEY|BASE_URL|MODEL_NAME)")
_BLOCK_GAP: Final = 4  # commented lines further apart than this are not one backup


@dataclass(frozen=True, slots=True)
class Triple:
    """Key, address and model of one prefix as they stand in the file, live or commented out. The key itself is not in here."""

    prefix: str
    commented: bool
    base_url: str
    model: str  # "" where the block names none
    key_line: int | None  # 1-based; None where the block has no key
    lines: tuple[int, ...]
    placeholder: bool = False  # the key is a template's filler, as far as one can tell

    def key_ref(self, path: Path) -> KeyRef | None:
        """Where the key is: by line for a comment, by name for a live variable."""
        if self.key_line is None:
            return None
        return KeyRef(env=f"{self.prefix}_API_KEY", env_file=path, line=self.key_line if self.commented else None)


def find_triples(data: bytes) -> list[Triple]:
    """In the order of the file. A live one needs all three variables, a commented-out one at least key and address."""
    text = decode(data)
    blocks: list[tuple[str, bool, dict[str, tuple[int, str]]]] = []
    open_blocks: dict[tuple[str, bool], dict[str, tuple[int, str]]] = {}
    for binding in parse(text):
        commented, line = False, binding.line
        name, value = binding.name, binding.value
        if name is None and not binding.error:
            inner = _uncommented(text[binding.start : binding.end])
            if inner is None:
                continue
            commented, name, value = True, inner.name, inner.value
        part = _PART.fullmatch(name or "")
        if part is None or value is None:
            continue
        prefix, kind = part.groups()
        block = open_blocks.get((prefix, commented))
        near = commented and block is not None and line - max(at for at, _ in block.values()) > _BLOCK_GAP
        if block is None or near or (commented and kind in block):
            block = {}
            open_blocks[(prefix, commented)] = block
            blocks.append((prefix, commented, block))
        block[kind] = (line, value)
    found = []
    for prefix, commented, block in blocks:
        needed = {"API_KEY", "BASE_URL"} if commented else {"API_KEY", "BASE_URL", "MODEL_NAME"}
        if not needed <= set(block) or not block["BASE_URL"][1]:
            continue
        key_line, key = block["API_KEY"]
        found.append(
            Triple(
                prefix,
                commented,
                block["BASE_URL"][1],
                block.get("MODEL_NAME", (0, ""))[1],
                key_line,
                tuple(sorted(at for at, _ in block.values())),
                is_placeholder(key),
            )
        )
    return found


def _uncommented(piece: str) -> Binding | None:
    body = piece.strip().lstrip("#").lstrip()
    return one(body, 0, 1) if _PART.match(body.removeprefix("export ").lstrip()) else None


def value_on_line(data: bytes, line: int, name: str | None = None) -> str | None:
    """The value on one line, commented out or live. None where that line sets nothing, or something else than `name`."""
    text = decode(data)
    for binding in parse(text):
        if binding.line == line:
            inner = binding if binding.name else _uncommented(text[binding.start : binding.end])
            return inner.value if inner is not None and (name is None or inner.name == name) else None
    return None
