"""An application's `.env` before a switch, after it, and after undo: every byte, keys as fingerprints.

    python bench/env_bytes.py

Line ends and quotes are printed as they are (repr); at the end the digests of the whole file, and what a switch changed.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bot.model.chat import Role
from tests.switch_room import ALICE, Room, room


def shown(house: Room) -> list[str]:
    """Every line with its own line end; each key of this run as its name and the start of its keyed fingerprint."""
    text = house.path.read_bytes().decode()
    for name, key in house.keys.items():
        text = text.replace(key, f"<{name.lower()} {house.parts['gate'].fingerprint(key)[:8]}>")
    text = text.replace(house.provider.url, "http://provider")
    return [repr(line) for line in text.splitlines(keepends=True)]


async def run() -> int:
    with tempfile.TemporaryDirectory() as folder:
        async with room(Path(folder)) as house:
            house.fish.running("query")
            states = {"before": (house.path.read_bytes(), shown(house), house.path.stat().st_mode)}
            plan = await house.switching.plan("query", "spare", by=ALICE)
            await house.switching.confirm(plan.token, ALICE, Role.OPERATOR)
            states["after"] = (house.path.read_bytes(), shown(house), house.path.stat().st_mode)
            await house.switching.undo("query", ALICE, Role.OPERATOR)
            states["undone"] = (house.path.read_bytes(), shown(house), house.path.stat().st_mode)
    for name, (data, lines, mode) in states.items():
        print(f"--- {name}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()[:16]}, mode {mode & 0o777:o}")
        print("\n".join(lines))
    (old, before, _), (_, after, _), (back, _, _) = states["before"], states["after"], states["undone"]
    changed = [number for number, (one, other) in enumerate(zip(before, after, strict=True), 1) if one != other]
    print(json.dumps({"lines_changed": changed, "undo_equals_original": old == back}))
    return 0 if old == back and changed == [4] else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(run()))
