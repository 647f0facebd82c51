"""Reads a Warp gateway's state files and policy. It only reads: no file is written, nobody is registered.

`.last_anonymous_attempt` and `.anonymous_cooldown` hold seconds since 1970 as text; the second is the END of the cool-down.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bot.model.engine import is_placeholder
from bot.model.team import Team
from bot.outlets import env_keys
from bot.ports import Gate, WarpTiers

ATTEMPT: Final = ".last_anonymous_attempt"
COOLDOWN: Final = ".anonymous_cooldown"
_MOST: Final = 4096
_LOG_TAIL: Final = 65_536  # bytes from its end
_LINES_MOST, _LINE_MOST = 8, 300
_QUOTA: Final = re.compile(r"\b429\b|quota|cool-?down", re.I)
_TRUE, _FALSE = frozenset({"true", "1", "yes", "on"}), frozenset({"false", "0", "no", "off", ""})
_SAMPLE_API_WORD: Final = "123456"  # the guide prints it: everybody knows it


class WarpFiles:
    """The bot's view of one gateway's folder. Without a folder of its own in the team file, the first of `candidates` (the
    folders of the engines' env files) that holds one of the state files."""

    def __init__(self, folder: Path | None, candidates: Sequence[Path] = (), gate: Gate | None = None) -> None:
        """Without a gate nothing is shown of the log: its lines hold tokens."""
        self._folder, self._candidates, self._gate = folder, tuple(dict.fromkeys(candidates)), gate

    @classmethod
    def of(cls, team: Team, gate: Gate | None = None) -> WarpFiles:
        """Looks in the team's folder, else beside the engines' env files."""
        return cls(team.warp_folder, [e.env_file.parent for e in team.engines.values() if e.env_file], gate)

    async def look(self) -> WarpTiers | None:
        tiers = await asyncio.to_thread(self._look)
        if tiers is None or not tiers.found or self._gate is None:
            return tiers
        found = await asyncio.to_thread(_log_of, tiers.folder)
        return replace(tiers, log=tuple(self._gate.trusted(line) for line in found))

    def _look(self) -> WarpTiers | None:
        if self._folder is not None:
            return _look(self._folder)
        for folder in self._candidates:
            tiers = _look(folder)
            if tiers.last_attempt or tiers.cooldown_until or {ATTEMPT, COOLDOWN} & set(tiers.unknown):
                return tiers
        return None


def _look(folder: Path) -> WarpTiers:
    try:
        if not folder.is_dir():
            return WarpTiers(folder, found=False)
    except OSError:
        return WarpTiers(folder, found=False)
    unknown: list[str] = []
    attempt, cooldown = _time(folder / ATTEMPT, unknown), _time(folder / COOLDOWN, unknown)
    personal: bool | None = None
    disabled: bool | None = None
    weak = False
    try:
        values = env_keys.values_of(folder / ".env")
    except Exception:  # whatever is wrong with the file: the policy is not known then
        values = {}
        unknown.append(".env")
    if ".env" not in unknown:
        tokens = [values.get(name) or "" for name in ("WARP_JWT", "WARP_REFRESH_TOKEN")]
        personal = any(not is_placeholder(token) for token in tokens)
        word = values.get("DISABLE_ANONYMOUS_FALLBACK")
        if word is not None:
            word = word.strip().lower()
            disabled = True if word in _TRUE else False if word in _FALSE else None
            if disabled is None:
                unknown.append("DISABLE_ANONYMOUS_FALLBACK")
        weak = (values.get("API_TOKEN") or "").strip() == _SAMPLE_API_WORD
    return WarpTiers(folder, True, attempt, cooldown, personal, disabled, weak, tuple(unknown))


def _log_of(folder: Path) -> list[str]:
    """The newest lines of the gateway's log that speak of quota. A log that cannot be read shows nothing."""
    path = folder / "logs" / "warp_server.log"
    try:
        if not path.is_file():  # a pipe would hold the reader for ever
            return []
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - _LOG_TAIL, 0))
            text = file.read(_LOG_TAIL).decode("utf-8", "replace")
    except OSError:
        return []
    return [line.strip()[:_LINE_MOST] for line in text.splitlines() if _QUOTA.search(line)][-_LINES_MOST:]


def _time(path: Path, unknown: list[str]) -> datetime | None:
    """None where there is no file; a damaged one is unknown, which is not the same."""
    try:
        if path.exists() and not path.is_file():
            raise OSError  # a pipe would hold the reader for ever
        with path.open("rb") as file:
            raw = file.read(_MOST)
    except FileNotFoundError:
        return None
    except OSError:
        unknown.append(path.name)
        return None
    try:
        seconds = float(raw.decode("ascii").strip())
        if not math.isfinite(seconds) or not 1e9 < seconds < 1e11:
            raise ValueError
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        unknown.append(path.name)
        return None
