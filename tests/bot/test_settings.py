"""The team's key for fingerprints: made once, for the bot's user alone."""

from __future__ import annotations

import stat
from pathlib import Path

from bot.settings import Settings, fingerprint_key


def test_the_key_is_made_once_and_nobody_else_reads_it(tmp_path: Path) -> None:
    folder, settings = tmp_path / "var", Settings(_env_file=None)  # type: ignore[call-arg]
    key = fingerprint_key(settings, folder)
    assert len(key) == 32
    assert fingerprint_key(settings, folder) == key
    assert stat.S_IMODE((folder / "fingerprint.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
