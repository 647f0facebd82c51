"""Every store test runs on SQLite, and on PostgreSQL where the machine has one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.redaction.gate import Gate
from bot.store.store import SqlStore
from tests.databases import Server


@pytest.fixture(scope="session")
def gate() -> Gate:
    return Gate(b"tests")


@pytest.fixture(params=["sqlite", "postgres"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/quotadesk.db"
    server: Server | None = request.getfixturevalue("postgres")
    if server is None:
        pytest.skip("no PostgreSQL on this machine")
    return await server.new_database()


@pytest.fixture
async def store(url: str, gate: Gate) -> AsyncIterator[SqlStore]:
    store = SqlStore(url, gate)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def other(url: str, gate: Gate, store: SqlStore) -> AsyncIterator[SqlStore]:
    """A second replica on the same database."""
    second = SqlStore(url, gate)
    await second.open()
    yield second
    await second.close()
