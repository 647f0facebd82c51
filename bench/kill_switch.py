"""Kills a switching process with SIGKILL at random instants and looks at what is left.

    python bench/kill_switch.py [kills] [seed]

After every kill the file must be the old one or the new one to the byte, the backups must be whole, and `recover()` must bring
record and audit to what the file says. Exit code 1 if anything is broken. Needs a system with fork.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from hashlib import sha256
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bot.clock import SystemClock
from bot.model.engine import Engine, KeyRef, Route
from bot.model.team import Team
from bot.outlets.env_file import EnvFiles
from bot.outlets.restart import Restart
from bot.ports import SwitchRecord
from bot.redaction.gate import Gate
from bot.services.balances import Balances
from bot.services.switching import Switching
from bot.settings import EnvKeys
from bot.store.store import SqlStore
from bot.web import Web

NAMES = ("a", "b")


class TellingStore(SqlStore):
    """Tells the killer that an intent is stored, so that half of the kills fall into the few milliseconds around the rename."""

    tell = -1

    async def begin_switch(self, record: SwitchRecord) -> int:
        number = await super().begin_switch(record)
        if self.tell >= 0:
            os.write(self.tell, b".")
        return number


class Room:
    """One file, two routes that nobody listens on, one database."""

    def __init__(self, home: Path) -> None:
        self.home, self.path, self.backups = home, home / "app.env", home / "backups"
        self.environ = {f"{name.upper()}_API_KEY": secrets.token_hex(16) for name in NAMES}
        self.bytes: dict[str, bytes] = {}
        for name in NAMES:
            filler = "".join(f"OTHER_{n}='{'x' * 60}' # line {n}\r\n" for n in range(200))
            self.bytes[name] = (
                f"{filler}export Q_API_KEY='{self.environ[f'{name.upper()}_API_KEY']}'\nQ_BASE_URL=http://127.0.0.1:1/{name}\n"
                f"Q_MODEL_NAME=model-{name}"
            ).encode()
        self.path.write_bytes(self.bytes["a"])

    async def house(self, tell: int = -1) -> tuple[Switching, SqlStore, Web]:
        gate, clock = Gate(b"bench"), SystemClock()
        routes = {
            name: Route(name, f"http://127.0.0.1:1/{name}", f"model-{name}", "", KeyRef(env=f"{name.upper()}_API_KEY"))
            for name in NAMES
        }
        team = Team(routes=routes, engines={"q": Engine("q", "Q", self.path, "Q", NAMES)})
        keys = EnvKeys(gate.fingerprint, environ=self.environ, env_file=None)
        store = TellingStore(f"sqlite+aiosqlite:///{self.home}/q.db", gate)
        store.tell = tell
        await store.open()
        http = Web()
        balances = Balances(team, http, keys, store, clock, gate)
        files = EnvFiles(self.backups, processes=self.home / "none")
        return (
            Switching(team, keys, files, http, balances, Restart(http, clock, gate, {}), store, clock, gate),
            store,
            http,
        )


async def switch_for_ever(room: Room, ready: int) -> None:
    switching, _, _ = await room.house(ready)
    engine = switching.engine("q")
    at = (await switching.standing(engine)).route
    os.write(ready, b"!")
    while True:
        other = "b" if at == "a" else "a"
        await switching.apply(engine, switching._team.routes[other], "terminal:bench")
        at = other


async def look(room: Room) -> dict[str, Any]:
    """What the kill left, then what recover() makes of it."""
    faults: list[str] = []
    now = room.path.read_bytes()
    whose = next((name for name, data in room.bytes.items() if data == now), None)
    if whose is None:
        faults.append("broken file")
    for backup in room.backups.glob("*.env"):
        if backup.read_bytes() not in room.bytes.values():
            faults.append("broken backup")
    switching, store, http = await room.house()
    started = await store.switches(states=("started",))
    for record in await store.switches(limit=5):
        place = Path(record.backup or "none")
        if not place.is_file() or sha256(place.read_bytes()).hexdigest() != record.digest_before:
            faults.append("lost backup")
    recovered = await switching.recover()
    standing = [record for record in await store.switches(limit=50) if record.state == "done"]
    if standing and standing[0].to_route != whose:
        faults.append("wrong audit: record")
    if await store.switches(states=("started",)) or len(recovered) != len(started):
        faults.append("wrong audit: open record")
    told = [entry for entry in await store.audits(limit=20) if entry.what == "recover"]
    for record in recovered:
        said = next((entry for entry in told if f"#{record.id} " in entry.detail.text), None)
        right = "done" if record.to_route == whose else "undone"
        if said is None or said.result != right or record.state != right:
            faults.append("wrong audit: entry")
    leftovers = len(list(room.home.glob(".app.env.quotadesk-*.tmp")))
    await http.close()
    await store.close()
    return {
        "faults": faults,
        "interrupted": len(recovered),
        "kept": [record.state for record in recovered],
        "file": whose,
        "leftovers": leftovers,
    }


def child(work: Callable[[], Coroutine[Any, Any, Any]], out: int) -> int:
    """A forked process; its JSON result goes to `out`."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            result = asyncio.run(work())
            os.write(out, json.dumps(result).encode())
            status = 0
        finally:
            os._exit(status)
    return pid


def one_kill(room: Room, dice: random.Random) -> dict[str, Any]:
    read, write = os.pipe()
    pid = child(lambda: switch_for_ever(room, write), write)
    os.read(read, 1)
    if dice.random() < 0.5:
        time.sleep(dice.uniform(0, 0.12))
    else:
        os.read(read, 1)
        time.sleep(dice.uniform(0, 0.012))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(read)
    os.close(write)
    read, write = os.pipe()
    pid = child(lambda: look(room), write)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    return dict(json.loads(answer)) if answer else {"faults": ["look failed"]}


def main() -> int:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else secrets.randbelow(1 << 30)
    dice, faults, seen = random.Random(seed), Counter[str](), Counter[str]()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as home:
        room = Room(Path(home))
        for _ in range(kills):
            found = one_kill(room, dice)
            faults.update(found["faults"])
            seen["interrupted"] += bool(found.get("interrupted"))
            seen["leftovers"] += bool(found.get("leftovers"))
            for state in found.get("kept", ()):
                seen[state] += 1
    print(
        json.dumps(
            {
                "kills": kills,
                "seed": seed,
                "seconds": round(time.monotonic() - began, 1),
                "in_the_middle_of_a_switch": seen["interrupted"],
                "found_new_and_finished": seen["done"],
                "found_old_and_undone": seen["undone"],
                "half_written_temporary_files_left": seen["leftovers"],
                "faults": dict(faults),
            }
        )
    )
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
