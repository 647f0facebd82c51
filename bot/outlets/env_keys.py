"""Keys and backups that stand in env files, read by reference. Values are handed on, never printed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from bot.errors import ConfigError, SwitchRefused
from bot.outlets import env_text
from bot.outlets.env_backups import backups
from bot.outlets.env_disk import read_whole, real_path
from bot.outlets.env_triples import Triple, find_triples, value_on_line


def values_of(path: Path) -> Mapping[str, str]:
    """All variables as the application reads them. Raises ConfigError."""
    try:
        data, _ = read_whole(real_path(path))
        names = tuple(dict.fromkeys(b.name for b in env_text.parse(env_text.decode(data)) if b.name))
        return {name: value for name, value in env_text.values(data, names).items() if value is not None}
    except SwitchRefused as fault:
        raise ConfigError(f"{fault}.") from None


def value_at(path: Path, line: int, name: str | None = None) -> str | None:
    """The value of the variable on one line, commented out or live; None where it sets another one. Raises ConfigError."""
    try:
        return value_on_line(read_whole(real_path(path))[0], line, name)
    except SwitchRefused as fault:
        raise ConfigError(f"{fault}.") from None


class FirstSeen:
    """`values_of` and `value_at` as the file was when this process first looked.

    A route that is known only from an application's live variables keeps its own key after a switch. Without this it would
    take the key of the route that the file names now, and send it to its own, former address. Lines move, too, when
    somebody edits the file.
    """

    def __init__(self) -> None:
        self._seen: dict[Path, Mapping[str, str]] = {}
        self._lines: dict[tuple[Path, int, str | None], str | None] = {}

    def value_at(self, path: Path, line: int, name: str | None = None) -> str | None:
        """Raises ConfigError."""
        place = (path, line, name)
        if place not in self._lines:
            self._lines[place] = value_at(path, line, name)
        return self._lines[place]

    def values_of(self, path: Path) -> Mapping[str, str]:
        """Raises ConfigError."""
        if path not in self._seen:
            self._seen[path] = values_of(path)
        return self._seen[path]


def triples(path: Path) -> list[Triple]:
    """The engines and backups that stand in the file. Raises SwitchRefused."""
    return find_triples(read_whole(real_path(path))[0])


def former_triples(path: Path, directory: Path) -> list[tuple[Path, Triple]]:
    """Live triples of the file's backups, newest first: what a switch has replaced. `triple.key_ref(backup)` reads its key."""
    found: list[tuple[Path, Triple]] = []
    with suppress(SwitchRefused):
        for backup in reversed(backups(real_path(path), directory)):
            with suppress(SwitchRefused, OSError):
                found += [(backup, t) for t in find_triples(backup.read_bytes()) if not t.commented]
    return found
