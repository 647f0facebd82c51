"""What wins over an env file: variables of running processes, and what a compose file beside it sets itself."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

_COMPOSE: Final = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")


def exported(path: Path, names: Sequence[str], processes: Path = Path("/proc")) -> tuple[list[tuple[str, str]], int]:
    """(variable, "process <id>") for running programs of this directory that have the variable in their environment, and
    how many programs could be looked at.

    Such a variable wins over the file, and children inherit it. Only names are looked at; only what the system lets us read.
    """
    home = path.parent
    found: list[tuple[str, str]] = []
    seen = 0
    with suppress(OSError):
        for entry in processes.iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            with suppress(OSError):
                place = Path(os.readlink(entry / "cwd"))
                if place != home and home not in place.parents:
                    continue
                have = {item.split(b"=", 1)[0] for item in (entry / "environ").read_bytes().split(b"\0")}
                seen += 1
                found += [(name, f"process {entry.name}") for name in names if name.encode() in have]
    return sorted(found), seen


def composed(path: Path, names: Sequence[str]) -> list[tuple[str, str]]:
    """(variable, file) where a compose file beside it sets the variable itself, so that the env file does not count."""
    found: list[tuple[str, str]] = []
    for place in (path.with_name(name) for name in _COMPOSE):
        try:
            text = place.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for name in names:
            if re.search(
                rf"(?m)^[ \t]*(?:-[ \t]*)?[\"']?{re.escape(name)}[\"']?[ \t]*[:=](?![^\n]*\$\{{?{re.escape(name)})",
                text,
            ):
                found.append((name, place.name))
    return found
