"""What a systemd unit sets itself: such a variable wins over the application's env file. Unit files are only read.

Source: systemd.exec(5), systemd.unit(5), read 2026-11. Best effort: generators and templates' instances are not followed.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

FOLDERS: Final = tuple(
    map(
        Path,
        (
            "/etc/systemd/system",
            "/run/systemd/system",
            "/usr/local/lib/systemd/system",
            "/usr/lib/systemd/system",
            "/lib/systemd/system",
        ),
    )  # fmt: skip
)
_VERBS: Final = frozenset({"restart", "try-restart", "reload-or-restart", "try-reload-or-restart", "start", "reload"})
_LARGEST: Final = 1 << 20


def unit_of(command: Sequence[str]) -> tuple[str, bool] | None:
    """(unit, of a user) that a `systemctl` command restarts; None for any other command."""
    words = list(command)
    while words and Path(words[0]).name in ("sudo", "doas", "-n"):
        words.pop(0)
    if not words or Path(words[0]).name != "systemctl":
        return None
    plain = [word for word in words[1:] if not word.startswith("-")]
    if len(plain) < 2 or plain[0] not in _VERBS or "/" in plain[1]:
        return None
    unit = plain[1] if plain[1].endswith(".service") else f"{plain[1]}.service"
    return unit, "--user" in words


def declared(
    unit: str, names: Sequence[str], env_file: Path, folders: Sequence[Path] = FOLDERS
) -> list[tuple[str, str]] | None:
    """(variable, unit or file that sets it). None: the unit or one of its files cannot be read here, so it is not known."""
    found: list[tuple[str, str]] = []
    texts = list(_texts(unit, folders))
    if not texts or None in texts:
        return None
    known = True
    for text in texts:
        for setting, value in _settings(text or ""):
            if setting == "Environment":
                if not value:
                    found.clear()
                found += [(name, unit) for name in _assigned(value) if name in names]
            elif setting == "PassEnvironment":
                found += [(name, unit) for name in value.split() if name in names]
            elif setting == "EnvironmentFile" and value:
                place = Path(value.lstrip("-"))
                if place.is_absolute() and _same(place, env_file):
                    continue  # the very file that a switch changes: the restart reads it anew
                inner = None if "%" in value or "*" in value else _read(place)
                if inner is not None:
                    found += [(name, str(place)) for name in _names(inner) if name in names]
                elif not value.startswith("-") or place.exists():
                    known = False
    if found:
        return list(dict.fromkeys(found))
    return [] if known else None


def _texts(unit: str, folders: Sequence[Path]) -> Iterator[str | None]:
    """The unit file and its drop-ins, in the order in which they count."""
    main = next((folder / unit for folder in folders if (folder / unit).exists()), None)
    if main is None:
        return
    yield _read(main)
    drops: dict[str, Path] = {}
    for folder in reversed(folders):
        with suppress(OSError):
            drops |= {place.name: place for place in (folder / f"{unit}.d").iterdir() if place.suffix == ".conf"}
    for name in sorted(drops):
        yield _read(drops[name])


def _read(place: Path) -> str | None:
    try:
        with place.open("rb") as handle:
            return handle.read(_LARGEST).decode("utf-8", "replace")
    except OSError:
        return None


def _settings(text: str) -> Iterator[tuple[str, str]]:
    section = ""
    for line in text.replace("\\\n", " ").splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line
        elif section == "[Service]" and line[:1] not in ("#", ";", "") and "=" in line:
            name, _, value = line.partition("=")
            yield name.strip(), value.strip()


def _assigned(value: str) -> list[str]:
    with suppress(ValueError):
        return [word.partition("=")[0] for word in shlex.split(value)]
    return [word.strip("\"'").partition("=")[0] for word in value.split()]


def _names(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line.partition("=")[0].strip() for line in lines if line[:1] not in ("#", ";", "") and "=" in line]


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
