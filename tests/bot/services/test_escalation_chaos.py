"""A burst of tickets while the processes that deliver are killed and the platforms answer 429 and 500 at times.

The full size is `bench/escalation_burst.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.burst import run
from tests.databases import Server

TICKETS, KILLS = 40, 2


@pytest.fixture(params=["sqlite", "postgres"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/q.db"
    server: Server | None = request.getfixturevalue("postgres")
    if server is None:
        pytest.skip("no PostgreSQL on this machine")
    return await server.new_database()


async def test_a_burst_under_kill(url: str) -> None:
    """Every ticket stored, every note delivered, nobody called twice without the mark; two replicas on PostgreSQL."""
    replicas = 2 if url.startswith("postgresql") else 1
    counts = await run(url, tickets=TICKETS, kills=KILLS, replicas=replicas, limit_s=300)
    print(counts)
    assert counts.stored == TICKETS
    assert counts.lost == 0
    assert counts.unmarked == 0
    assert counts.delivered == counts.wanted == TICKETS * 2 + TICKETS // 5
