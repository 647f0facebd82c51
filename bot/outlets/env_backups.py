"""The former bytes of changed files: exact, mode 0600, in the bot's own directory; ten per file are kept."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from bot.outlets.env_disk import plain, sync_directory, write_beside

KEPT: Final = 10


def family(path: Path) -> str:
    """The common beginning of all backups of one file."""
    return f"{path.name.lstrip('.') or 'env'}-{sha256(os.fsencode(path)).hexdigest()[:10]}-"


def keep(path: Path, data: bytes, directory: Path, at: datetime) -> Path:
    """A new file, mode 0600, on the disk when this returns. `at` stands in its name, UTC. Raises SwitchRefused."""
    with plain(directory):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        taken = {entry.name for entry in directory.iterdir()}
        stem = f"{family(path)}{at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"
        place = next(directory / name for n in range(100_000) if (name := f"{stem}-{n:05d}.env") not in taken)
        temporary = write_beside(place, data, None, secrets.token_hex(4))
        temporary.replace(place)
        sync_directory(directory)
        return place


def backups(path: Path, directory: Path) -> list[Path]:
    """Oldest first."""
    if not directory.is_dir():
        return []
    begin = family(path)
    return sorted(entry for entry in directory.iterdir() if entry.name.startswith(begin) and entry.suffix == ".env")


def thin_out(path: Path, directory: Path) -> None:
    """Drops what is older than the ten newest. A backup that cannot be dropped stays."""
    with suppress(OSError):
        for old in backups(path, directory)[:-KEPT]:
            old.unlink()
