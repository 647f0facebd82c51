"""`make bench`: every figure as a ratio to a measure taken in the same run. The table goes to bench/README.md.

python -m bench                  everything, about two minutes
python -m bench slack growth     some parts; the table is printed and not kept
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sqlite3
import subprocess
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.batch import batch
from bench.fanout import fanout
from bench.growth import growth
from bench.speed import cold, slack, telegram
from bench.table import Row, markdown

PARTS: dict[str, Callable[[], Awaitable[list[Row]]]] = {
    "slack": slack,
    "telegram": telegram,
    "cold": cold,
    "batch": batch,
    "fanout": fanout,
    "growth": growth,
}
README = Path(__file__).with_name("README.md")
MARK = "<!-- results -->"
END = "<!-- end of results -->"


def machine() -> str:
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    libraries = ", ".join(f"{name} {version(name)}" for name in ("slack-bolt", "python-telegram-bot", "aiohttp"))
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({model}), Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, {libraries}; load average at the start {os.getloadavg()[0]:.1f}"
    )


async def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="|".join(PARTS), help="default: all of them")
    parser.add_argument("--no-keep", action="store_true", help="leave bench/README.md as it is")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no part called {', '.join(sorted(unknown))}")
    where, begun, failed = machine(), time.monotonic(), False
    rows: list[Row] = []
    for name in options.parts or PARTS:
        start = time.monotonic()
        try:
            rows += await PARTS[name]()
        except (RuntimeError, TimeoutError, OSError, subprocess.CalledProcessError) as fault:
            failed = True
            rows.append(Row(f"{name}: could not be measured ({type(fault).__name__})", "", ""))
        print(f"{name}: {time.monotonic() - start:.0f} s", flush=True)
    table = markdown(rows)
    print(f"\n{where}\n\n{table}\n\n{time.monotonic() - begun:.0f} s in all")
    if not options.parts and not options.no_keep:
        head, _, rest = README.read_text(encoding="utf-8").partition(MARK)
        tail = rest.partition(END)[2]  # the long runs, which are not made anew here
        README.write_text(f"{head}{MARK}\n\n{where}.\n\n{table}\n\n{END}{tail}", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
