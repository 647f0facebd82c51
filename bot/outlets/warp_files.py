"""Reads a Warp gateway's state files and policy. It only reads: no file is written, nobody is registered.

`.last_anonymous_attempt` and `.anonymous_cooldown` hold seconds since 1970 as text; the second is the END of the cool-down.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bot.model.engine import is_placeholder
from bot.model.team import Team
from bot.outlets import env_keys
from bot.ports import WarpTiers

ATTEMPT: Final = ".last_anonymous_attempt"
COOLDOWN: Final = ".anonymous_cooldown"
_MOST: Final = 4096
_TRUE, _FALSE = frozenset({"true", "1", "yes", "on"}), frozenset({"false", "0", "no", "off", ""})
_SAMPLE_API_WORD: Final = "123456"  # the guide prints it: everybody knows it


class WarpFiles:
    """The bot's view of one gateway's folder. Without a folder of its own in the team file, the first of `candidates` (the
    folders of the engines' env files) that holds one of the state files."""

    def __init__(self, folder: Path | None, candidates: Sequence[Path] = ()) -> None:
        self._folder, self._candidates = folder, tuple(dict.fromkeys(candidates))

    @classmethod
    def of(cls, team: Team) -> WarpFiles:
        return cls(team.warp_folder, [e.env_file.parent for e in team.engines.values() if e.env_file])

    async def look(self) -> WarpTiers | None:
        return await asyncio.to_thread(self._look)

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
