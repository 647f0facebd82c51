"""A thousand tickets in a burst while `kill -9` strikes twenty times and both platforms answer 429 and 500 at times.

    python bench/escalation_burst.py [tickets] [kills] [sqlite|postgres|both]

Processes, SIGKILL, databases and the HTTP desk are real; a Telegram group takes 20 messages a minute and no more. PostgreSQL runs
with two replicas, where the machine has it. Prints one line of JSON for each database. Exit code 1 if anything was lost or
came twice without being marked.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.burst import run
from tests.databases import Server

LIMIT_S = 420.0


async def one(name: str, url: str, tickets: int, kills: int, replicas: int) -> bool:
    counts = await run(url, tickets=tickets, kills=kills, replicas=replicas, limit_s=LIMIT_S)
    print(json.dumps({"database": name, "replicas": replicas, **asdict(counts)}), flush=True)
    return counts.lost == 0 and counts.unmarked == 0 and counts.stored == tickets


async def main(tickets: int, kills: int, which: str) -> int:
    good = True
    if which in ("sqlite", "both"):
        with tempfile.TemporaryDirectory(prefix="quotadesk-burst-") as folder:
            good = await one("sqlite", f"sqlite+aiosqlite:///{folder}/q.db", tickets, kills, 1)
    if which in ("postgres", "both"):
        server = Server.start()
        if server is None:
            print("no PostgreSQL on this machine", file=sys.stderr)
            return 0 if good and which == "both" else 1
        try:
            good = await one("postgres", await server.new_database(), tickets, kills, 2) and good
        finally:
            server.stop()
    return 0 if good else 1


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(
        asyncio.run(
            main(
                int(given[0]) if given else 1000,
                int(given[1]) if len(given) > 1 else 20,
                given[2] if len(given) > 2 else "both",
            )
        )
    )
