"""Backup, restore, and the way from one database to the other.

A backup is always one SQLite file of mode 0600. From SQLite it is the database's own online copy, while the bot runs; from
PostgreSQL all rows of one snapshot, table by table. What is restored is brought to the newest schema first.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Column, MetaData, Table, Text, func, insert, select, text, type_coerce
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import TypeEngine

from bot import ports
from bot.errors import ConfigError, StoreError
from bot.store import tables
from bot.store.columns import Clean
from bot.store.core import AsyncConnection
from bot.store.database import parse
from bot.store.store import SqlStore

_ROWS = 1_000
# Of the moment, not of the record: who leads.
_PASSING = frozenset({"leaders"})


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite address; None for PostgreSQL. Raises ConfigError."""
    parsed = parse(url)
    if parsed.drivername.startswith("postgresql"):
        return None
    if parsed.database in (None, "", ":memory:"):
        raise ConfigError("DATABASE_URL names a database in memory: there is nothing to keep.")
    return Path(str(parsed.database))


async def backup(url: str, file: Path, gate: ports.Gate) -> Mapping[str, int]:
    """Writes `file` anew. Rows by table. Raises ConfigError if the file is there already or one of the two cannot be used."""
    _new_file(file)
    try:
        source = sqlite_file(url)
        if source is not None:
            if not source.is_file():
                raise ConfigError("DATABASE_URL names a SQLite file that does not exist: there is nothing to keep.")
            _online_copy(source, file)
            return _rows_of(file)
        return await copy(url, f"sqlite+aiosqlite:///{file}", gate)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(file)
        raise


async def restore(file: Path, url: str, gate: ports.Gate) -> Mapping[str, int]:
    """Into an empty database only. Rows by table. The backup itself stays as it is. Raises ConfigError."""
    with tempfile.TemporaryDirectory(prefix="quotadesk-restore-") as folder:
        own = Path(folder) / "backup.db"
        _readable_copy(file, own)
        return await copy(f"sqlite+aiosqlite:///{own}", url, gate)


def _readable_copy(file: Path, own: Path) -> None:
    try:
        with file.open("rb") as given:
            if given.read(15) != b"SQLite format 3":
                raise ConfigError(f"{file} is no backup: name the file that `quotadesk db backup` wrote.")
        shutil.copyfile(file, own)
    except OSError as fault:
        raise ConfigError(
            f"{file} cannot be read ({fault.strerror}): name the file that `quotadesk db backup` wrote."
        ) from None


async def copy(source_url: str, target_url: str, gate: ports.Gate) -> Mapping[str, int]:
    """All rows from one database to another. Rows by table. The target is migrated first and has to be empty; a copy that
    fails leaves it empty. Raises ConfigError, StoreError."""
    if parse(source_url) == parse(target_url):
        raise ConfigError("both addresses name the same database: copy needs another one.")
    source, target = SqlStore(source_url, gate), SqlStore(target_url, gate)
    try:
        await source.open()
        await target.open()
        counts: dict[str, int] = {}
        async with source.read() as reading, target.write() as writing:
            await _one_snapshot(reading)
            if filled := [table.name for table in _tables() if await _count(writing, table)]:
                raise ConfigError(f"the target database is not empty ({', '.join(filled)}): copy needs an empty one.")
            for table in _tables():
                counts[table.name] = await _copy_table(reading, writing, table)
            await _continue_ids(writing)
        return counts
    except SQLAlchemyError:
        raise StoreError("broken") from None
    finally:
        await source.close()
        await target.close()


def _tables() -> list[Table]:
    """Parents before children."""
    return [table for table in tables.metadata.sorted_tables if table.name not in _PASSING]


async def _one_snapshot(db: AsyncConnection) -> None:
    if db.dialect.name == "postgresql":
        await db.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
    else:
        await db.execute(text("BEGIN"))


async def _count(db: AsyncConnection, table: Table) -> int:
    return int((await db.execute(select(func.count()).select_from(select(table).limit(1).subquery()))).scalar_one())


async def _copy_table(reading: AsyncConnection, writing: AsyncConnection, table: Table) -> int:
    """In pieces by the primary key, so that a year of readings fits into memory."""
    # As they are kept: a column for cleaned text takes nothing else, and these texts were cleaned when they were stored.
    columns = [type_coerce(c, Text()).label(c.name) if isinstance(c.type, Clean) else c for c in table.columns]
    into = Table(table.name, MetaData(), *(Column(c.name, _kept(c)) for c in table.columns))
    key, last, count = next(iter(table.primary_key.columns)), None, 0
    while True:
        query = select(*columns).order_by(key).limit(_ROWS)
        rows = (await reading.execute(query if last is None else query.where(key > last))).mappings().all()
        if not rows:
            return count
        await writing.execute(insert(into), [dict(row) for row in rows])
        last, count = rows[-1][key.name], count + len(rows)


def _kept(column: Column[Any]) -> TypeEngine[Any]:
    return Text() if isinstance(column.type, Clean) else column.type


async def _continue_ids(db: AsyncConnection) -> None:
    """PostgreSQL counts on from the highest number; SQLite does so by itself."""
    if db.dialect.name != "postgresql":
        return
    for table in _tables():
        if "id" in table.columns:
            await db.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), "  # noqa: S608 our own names
                    f"COALESCE((SELECT MAX(id) FROM {table.name}), 0) + 1, false)"
                )
            )


def _new_file(file: Path) -> None:
    try:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise ConfigError(f"{file} is there already: name a new file.") from None
    except OSError as fault:
        raise ConfigError(f"{file} cannot be written ({fault.strerror}): name a file in a folder that can.") from None


def _online_copy(source: Path, file: Path) -> None:
    try:
        with (
            contextlib.closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=10)) as old,
            contextlib.closing(sqlite3.connect(file)) as new,
        ):
            old.backup(new, pages=1_000)
            new.execute("PRAGMA journal_mode = DELETE")
            if new.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                raise StoreError("broken")
    except sqlite3.Error:
        raise StoreError("broken") from None


def _rows_of(file: Path) -> dict[str, int]:
    with contextlib.closing(sqlite3.connect(file)) as db:
        return {t.name: db.execute(f"SELECT COUNT(*) FROM {t.name}").fetchone()[0] for t in _tables()}  # noqa: S608
