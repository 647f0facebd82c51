"""Diagnosing and redacting as a pipe: messages a second of one process, its start apart."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import time

from bench.gen_redaction import make
from bench.peers import ROOT
from bench.table import Row

COUNT = 3000


def _timed(arguments: list[str], source: bytes) -> tuple[float, float]:
    """Wall and CPU seconds of one child."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "bot", *arguments], input=source, stdout=subprocess.DEVNULL, check=True, cwd=ROOT
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _measure() -> list[Row]:
    rows = make(1, COUNT)
    lines = "".join(json.dumps({"id": r["id"], "text": r["text"]}, ensure_ascii=False) + "\n" for r in rows).encode()
    one = lines.split(b"\n", 1)[0] + b"\n"
    found = []
    for command in ("redact", "diagnose"):
        start = min(_timed([command, "--jsonl"], one) for _ in range(2))
        whole = min(_timed([command, "--jsonl"], lines) for _ in range(3))
        found += [
            Row(f"`{command} --jsonl`, messages a second of CPU", f"{COUNT / (whole[1] - start[1]):.0f}"),
            Row(f"`{command}`, start to first answer", f"{start[0]:.2f} s"),
        ]
    return found


async def batch() -> list[Row]:
    return await asyncio.to_thread(_measure)
