"""What the field's errors look like, as data: one TOML file per provider or gateway, `generic.toml`, `pages.toml`.

A file has an `[origin]` table (who it is, which hosts and words reveal it, which nicknames people have for it in a chat) and any number of `[[signature]]` entries. Words are
compared in lower case with white space, escapes and full-width signs evened out (see `bot.services.reading.view`). `load()` reads the
files when it is called, nothing at import.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bot.model.diagnosis import Cause, Party

_HERE: Final = Path(__file__).parent
_ONLY_FOR_TESTS: Final = ("sample", "near_miss")


@dataclass(frozen=True, slots=True)
class Signature:
    """One kind of error. Everything that is given must hold: every word of `all`, one of `any`, none of `none`, one of `code`
    (a code or type standing alone, not a part of a longer word), one of `status` and none of `unless_status` (an answer with a
    status came over a connection that stood), the `regex` (Python syntax, on the evened text), and one of `origin` (a provider
    or gateway that the text reveals otherwise)."""

    id: str
    causes: tuple[Cause, ...]
    rank: int = 60  # 90 decides against everything; 60 a plain sentence; 40 a bare code; 20 a status line
    all: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    status: tuple[int, ...] = ()
    unless_status: tuple[int, ...] = ()
    regex: str = ""
    origin: tuple[str, ...] = ()
    provider: str | None = None
    gateway: str | None = None
    party: Party | None = None
    notes: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    near_miss: str = ""
    source: str = ""
    checked: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who speaks. `hosts` and `words` reveal it; `weak` words only where nothing else says otherwise."""

    provider: str | None
    gateway: str | None
    weight: int


@dataclass(frozen=True, slots=True)
class Page:
    """An answer page's ways to be asked for: every part of a group of `asks` must be there. A part is `a|b`, one of several
    words, or `!a|b`, none of them."""

    id: str
    asks: tuple[tuple[str, ...], ...]
    samples: tuple[str, ...] = ()
    near_miss: str = ""


@dataclass(frozen=True, slots=True)
class Signatures:
    """All signatures and origins. `anchors` maps a word to what it may announce; only announced signatures are examined."""

    entries: tuple[Signature, ...]
    origins: Mapping[str, Origin]
    pages: tuple[Page, ...]
    anchors: Mapping[str, tuple[Signature, ...]] = field(default_factory=dict)
    by_status: Mapping[int, tuple[Signature, ...]] = field(default_factory=dict)
    nicknames: Mapping[str, str] = field(default_factory=dict)  # what people call a provider in a chat, and its id

    @property
    def words(self) -> Iterable[str]:
        """Every word that has to be looked for in a text."""
        return {**dict.fromkeys(self.anchors), **dict.fromkeys(self.origins)}

    def named(self, signature_id: str) -> Signature | None:
        return next((entry for entry in self.entries if entry.id == signature_id), None)


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value.lower(),)
    return tuple(str(word).lower() for word in value) if isinstance(value, list) else ()


def _signature(table: Mapping[str, Any], origin: Mapping[str, Any]) -> Signature:
    samples = table.get("samples", [])
    if "sample" in table:
        samples = [table["sample"], *samples]
    return Signature(
        id=table["id"],
        causes=tuple(Cause(cause) for cause in table["causes"]),
        rank=table.get("rank", 60),
        all=_words(table.get("all")),
        any=_words(table.get("any")),
        none=_words(table.get("none")),
        code=_words(table.get("code")),
        status=tuple(table.get("status", ())),
        unless_status=tuple(table.get("unless_status", ())),
        regex=table.get("regex", ""),
        origin=tuple(table.get("origin", ())),
        provider=table.get("provider", origin.get("provider")) or None,
        gateway=table.get("gateway", origin.get("gateway")) or None,
        party=table.get("party"),
        notes=tuple(table.get("notes", ())),
        samples=tuple(samples),
        near_miss=table.get("near_miss", ""),
        source=table.get("source", origin.get("source", "")),
        checked=table.get("checked", origin.get("checked", "")),
    )


def _anchors_of(entry: Signature) -> tuple[str, ...]:
    """The fewest words of which at least one stands in every text that the entry fits."""
    if entry.all:
        rare = max(entry.all, key=len)
        # Short words stand in many texts; then the choices are the rarer sign.
        return entry.any if entry.any and not entry.code and min(map(len, entry.any)) > len(rare) else (rare,)
    if entry.code and (not entry.any or min(map(len, entry.code)) > min(map(len, entry.any))):
        return entry.code
    return entry.any


def read_files(folder: Path = _HERE, *, samples: bool = False) -> Iterator[dict[str, Any]]:
    """The files as tables, one after the other: together they would take twice the memory of what is kept. Without `samples`
    the lines only tests need are left out, which halves the reading time."""
    for path in sorted(folder.glob("*.toml")):
        text = path.read_text(encoding="utf-8")
        yield tomllib.loads(text if samples else _without_samples(text))


def _without_samples(text: str) -> str:
    """Drops `sample = ...`, `near_miss = ...` and `samples = [` ... `]`, each of which starts its own line."""
    kept: list[str] = []
    inside = False
    for line in text.split("\n"):
        if inside:
            inside = line != "]"
        elif line.startswith("samples = ["):
            inside = not line.endswith("]")
        elif not line.startswith(_ONLY_FOR_TESTS):
            kept.append(line)
    return "\n".join(kept)


def _shared(found: Mapping[str, list[Signature]]) -> dict[str, tuple[Signature, ...]]:
    """A list for each word: nearly all words of an entry announce it alone, and so can have the same one."""
    known: dict[tuple[int, ...], tuple[Signature, ...]] = {}
    return {word: known.setdefault(tuple(map(id, entries)), tuple(entries)) for word, entries in found.items()}


def load(folder: Path = _HERE, *, samples: bool = False) -> Signatures:
    """Reads every file of the folder. `samples=True` also reads what only tests need. Raises ValueError for a double id."""
    entries: dict[str, Signature] = {}
    origins: dict[str, Origin] = {}
    pages: list[Page] = []
    nicknames: dict[str, str] = {}
    for table in read_files(folder, samples=samples):
        who = table.get("origin", {})
        nicknames |= dict.fromkeys(who.get("nicknames", ()), who.get("provider", ""))
        for weight, kind in ((3, "hosts"), (2, "words"), (1, "weak")):
            for word in _words(who.get(kind)):
                origins[word] = Origin(who.get("provider"), who.get("gateway"), weight)
        for raw in table.get("also", ()):  # further names of the same file's family
            for weight, kind in ((3, "hosts"), (2, "words"), (1, "weak")):
                for word in _words(raw.get(kind)):
                    origins[word] = Origin(raw.get("provider"), raw.get("gateway"), weight)
        for raw in table.get("signature", ()):
            entry = _signature(raw, who)
            if entry.id in entries:
                raise ValueError(f"two signatures are called {entry.id}")
            entries[entry.id] = entry
        said = {name: "|".join(_words(words)) for name, words in table.get("words", {}).items()}
        for raw in table.get("page", ()):
            asks = tuple(
                tuple(said.get(part[1:], part) if part[0] == "@" else part for part in _words(group))
                for group in raw["asks"]
            )
            pages.append(Page(raw["id"], asks, tuple(raw.get("samples", ())), raw.get("near_miss", "")))
    anchors: dict[str, list[Signature]] = {}
    by_status: dict[int, list[Signature]] = {}
    for entry in entries.values():
        for word in _anchors_of(entry):
            anchors.setdefault(word, []).append(entry)
        if not _anchors_of(entry):
            for status in entry.status:
                by_status.setdefault(status, []).append(entry)
    return Signatures(
        entries=tuple(entries.values()),
        origins=origins,
        pages=tuple(pages),
        anchors=_shared(anchors),
        by_status={status: tuple(found) for status, found in by_status.items()},
        nicknames=nicknames,
    )
