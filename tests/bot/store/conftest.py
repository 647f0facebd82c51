"""Every store test runs on SQLite, and on PostgreSQL where the machine has one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.redaction.gate import Gate
from bot.store.store import SqlStore
from tests.databases import Server, migrated


@pytest.fixture(scope="session")
def gate() -> Gate:
    return Gate(b"tests")


@pytest.fixture(params=["sqlite", "postgres"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """Of an empty database; a test that asks for an open `store` gets one that is migrated already, which is quicker."""
    ready = "store" in request.fixturenames
    if request.param == "sqlite":
        file = tmp_path / "quotadesk.db"
        yield await migrated(file) if ready else f"sqlite+aiosqlite:///{file}"
        return
    server: Server | None = request.getfixturevalue("postgres")
    if server is None:
        pytest.skip("no PostgreSQL on this machine")
    if not ready:
        yield await server.new_database()
        return
    async with server.migrated() as found:
        yield found


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
