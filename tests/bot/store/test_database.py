"""Addresses, file modes, migrations, faults of the database itself."""

from __future__ import annotations

import asyncio
import importlib.abc
import os
import sqlite3
import stat
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, inspect, text

from bot.errors import ConfigError, StoreError
from bot.redaction.gate import Gate
from bot.store import tables, upgrade
from bot.store.store import SqlStore
from tests.conftest import made_up


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://u:{secret}@h/db",
        "postgresql+asyncpg://u:{secret}@127.0.0.1:1",
        "redis://x:{secret}@h",
        "://",
    ],
)
async def test_an_unusable_address_is_one_line_without_values(url: str, gate: Gate) -> None:
    secret = made_up("pw", 20)
    with pytest.raises(ConfigError) as caught:
        SqlStore(url.format(secret=secret), gate)
    assert len(caught.value.faults) == 1
    assert "DATABASE_URL" in caught.value.faults[0]
    assert secret not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_server_that_is_not_there(gate: Gate) -> None:
    secret = made_up("pw", 20)
    store = SqlStore(f"postgresql+asyncpg://u:{secret}@127.0.0.1:1/db", gate)
    with pytest.raises(ConfigError) as caught:
        await store.open()
    assert "DATABASE_URL" in str(caught.value)
    assert secret not in str(caught.value)


async def test_files_are_private(tmp_path: Path, gate: Gate) -> None:
    store = SqlStore(f"sqlite:///{tmp_path}/var/deep/q.db", gate)
    await store.open()
    await store.ping()
    assert stat.S_IMODE((tmp_path / "var/deep").stat().st_mode) == 0o700
    for file in (tmp_path / "var/deep").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
    await store.close()


async def test_a_folder_in_the_way(tmp_path: Path, gate: Gate) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="DATABASE_URL"):
        await SqlStore(f"sqlite+aiosqlite:///{tmp_path}/file/q.db", gate).open()


async def test_a_file_that_is_no_database(tmp_path: Path, gate: Gate) -> None:
    (tmp_path / "q.db").write_bytes(b"This is a letter, no database. " * 100)
    with pytest.raises(ConfigError, match="DATABASE_URL"):
        await SqlStore(f"sqlite+aiosqlite:///{tmp_path}/q.db", gate).open()
    assert (tmp_path / "q.db").read_bytes().startswith(b"This is a letter")


async def test_memory_works_too(gate: Gate) -> None:
    store = SqlStore("sqlite+aiosqlite://", gate)
    await store.open()
    assert await asyncio.gather(store.get_fact("x"), store.ping(), store.get_fact("x")) == [None, None, None]
    await store.close()


async def test_a_closed_store_says_so(tmp_path: Path, gate: Gate) -> None:
    store = SqlStore(f"sqlite+aiosqlite:///{tmp_path}/q.db", gate)
    with pytest.raises(StoreError, match="closed"):
        await store.get_fact("x")


async def test_the_migrations_lead_to_the_tables(url: str, gate: Gate) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from sqlalchemy.ext.asyncio import create_async_engine

    store = SqlStore(url, gate)
    await store.open()
    await store.close()
    folder = Path(upgrade.__file__).with_name("migrations")
    assert ScriptDirectory(str(folder)).get_heads() == [upgrade.HEAD]
    engine = create_async_engine(url)
    async with engine.connect() as db:
        at_once = await db.run_sync(_schema)
        differences = await db.run_sync(lambda c: compare_metadata(MigrationContext.configure(c), tables.metadata))
        version = (await db.execute(text("SELECT version_num FROM alembic_version"))).scalar_one()
    assert differences == []
    assert version == upgrade.HEAD
    async with engine.begin() as db:
        await db.run_sync(tables.metadata.drop_all)
        await db.execute(text("DROP TABLE alembic_version"))
        await db.run_sync(upgrade.migrate)
        step_by_step = await db.run_sync(_schema)
    await engine.dispose()
    assert step_by_step == at_once


def _schema(connection: Connection) -> object:
    """Everything that the database knows of its tables, in an order that does not depend on how they were made."""
    seen = inspect(connection)
    return {
        table: (
            [(one["name"], str(one["type"]), one["nullable"], one["default"]) for one in seen.get_columns(table)],
            seen.get_pk_constraint(table),
            sorted(map(repr, seen.get_foreign_keys(table))),
            sorted(map(repr, seen.get_unique_constraints(table))),
            sorted(
                repr(
                    (
                        one["name"],
                        one["column_names"],
                        one["unique"],
                        {k: str(v) for k, v in (one.get("dialect_options") or {}).items()},
                    )
                )
                for one in seen.get_indexes(table)
            ),
        )
        for table in sorted(seen.get_table_names())
    }


class _NoAlembic(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: object, target: object = None) -> None:
        assert name != "alembic", "Alembic was loaded where nothing has to be migrated"


@pytest.fixture
def no_alembic() -> Iterator[None]:
    loaded = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "alembic"}
    finder = _NoAlembic()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        sys.modules.update(loaded)


@pytest.mark.usefixtures("no_alembic")
async def test_a_first_start_and_the_same_version_need_no_migrations(url: str, gate: Gate) -> None:
    for _ in range(2):
        store = SqlStore(url, gate)
        await store.open()
        await store.ping()
        assert await store.audits() == []
        await store.close()


async def test_an_older_database_is_migrated(url: str, gate: Gate) -> None:
    """The oldest there can be: Alembic has been here, and no step is done."""
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(url)
    async with engine.begin() as db:
        await db.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    store = SqlStore(url, gate)
    await store.open()
    await store.set_fact("x", 1, datetime(2026, 11, 22, tzinfo=UTC))
    assert await store.get_fact("x") == 1
    await store.close()
    async with engine.begin() as db:
        assert (await db.execute(text("SELECT version_num FROM alembic_version"))).scalars().all() == [upgrade.HEAD]
    await engine.dispose()


async def test_a_database_of_a_newer_version_stays_as_it_is(url: str, gate: Gate) -> None:
    from sqlalchemy.ext.asyncio import create_async_engine

    store = SqlStore(url, gate)
    await store.open()
    await store.set_fact("x", 1, datetime(2026, 11, 22, tzinfo=UTC))
    await store.close()
    engine = create_async_engine(url)
    async with engine.begin() as db:
        await db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        await db.execute(text("ALTER TABLE facts ADD COLUMN colour TEXT"))
    with pytest.raises(ConfigError, match="9999") as refused:
        await SqlStore(url, gate).open()
    assert upgrade.HEAD in refused.value.faults[0]
    assert "backup" in refused.value.faults[0]
    async with engine.begin() as db:
        assert (await db.execute(text("SELECT version_num FROM alembic_version"))).scalar() == "9999"
        assert (await db.execute(text("SELECT count(*) FROM facts WHERE colour IS NULL"))).scalar() == 1
    await engine.dispose()


async def test_replicas_that_start_together_migrate_once(url: str, gate: Gate) -> None:
    stores = [SqlStore(url, gate) for _ in range(4)]
    await asyncio.gather(*(store.open() for store in stores))
    await stores[0].set_fact("x", 1, datetime(2026, 11, 22, tzinfo=UTC))
    assert await asyncio.gather(*(store.get_fact("x") for store in stores)) == [1, 1, 1, 1]
    await asyncio.gather(*(store.close() for store in stores))


def test_every_migration_goes_down_again(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    engine = create_engine(f"sqlite:///{tmp_path}/q.db")
    config = Config()
    config.set_main_option("script_location", str(Path(upgrade.__file__).with_name("migrations")))
    with engine.begin() as db:
        config.attributes["connection"] = db
        command.upgrade(config, "head")
        command.downgrade(config, "base")
        left = set(db.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars())
    engine.dispose()
    assert left <= {"alembic_version", "sqlite_sequence"}


async def test_upgrade_as_a_command(url: str, gate: Gate) -> None:
    assert await upgrade.run(url, gate) == upgrade.HEAD
    assert await upgrade.run(url, gate) == upgrade.HEAD


async def test_a_locked_file_is_said(tmp_path: Path, gate: Gate) -> None:
    store = SqlStore(f"sqlite+aiosqlite:///{tmp_path}/q.db", gate, busy_timeout_s=0.05)
    await store.open()
    holder = sqlite3.connect(tmp_path / "q.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        await store.ping()
    holder.execute("ROLLBACK")
    holder.close()
    await store.ping()
    await store.close()


async def test_errors_show_no_values(url: str, gate: Gate) -> None:
    store = SqlStore(url, gate)
    await store.open()
    async with store.write() as db:
        await db.execute(text("DROP TABLE facts"))
    with pytest.raises(StoreError) as caught:
        await store.set_fact(
            "very-private-name", "very-private-value", __import__("datetime").datetime.now(__import__("datetime").UTC)
        )
    assert "very-private" not in repr(caught.value)
    assert caught.value.__suppress_context__
    await store.close()


def test_nothing_is_touched_at_import() -> None:
    """What `quotadesk run` loads on SQLite. Each of these costs megabytes or a tenth of a second of every start."""
    import subprocess

    code = (
        "import ssl, sys; import bot.lean as l, bot.trust as t; trust = t.Trust(); l.load(); l.load_server(trust);"
        "import bot.faces, bot.chats.slack, bot.chats.telegram, handlers.router as r; r.discover(); print(*sys.modules);"
        "import aiohttp.connector as c; assert c._SSL_CONTEXT_VERIFIED is trust and ssl.create_default_context is not trust;"
        "assert not any(each.cert_store_stats()['x509'] for each in (trust, c._SSL_CONTEXT_UNVERIFIED));"
        "assert ssl.create_default_context().cert_store_stats() != {}"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    loaded = set(done.stdout.split())
    heavy = {
        "PIL", "difflib", "alembic", "apprise", "asyncpg", "babel", "bot.services.diagnosis", "click", "pygments", "rich.console",
        "sqlalchemy.dialects.postgresql", "sqlalchemy.orm", "typer",
    }  # fmt: skip
    assert loaded & heavy == set()
    assert {"sqlalchemy.ext.asyncio.engine", "httpx", "structlog"} <= loaded


async def test_a_write_that_is_cancelled_leaves_no_lock_behind(url: str, gate: Gate) -> None:
    store = SqlStore(url, gate, busy_timeout_s=0.2)
    await store.open()
    now = datetime(2026, 11, 22, tzinfo=UTC)
    for hops in range(40):
        task = asyncio.create_task(store.set_fact("x", hops, now))
        for _ in range(hops):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.wait_for(store.set_fact("y", hops, now), 60)
    assert await store.get_fact("y") == 39
    await store.close()
