"""One engine for both databases: transactions, locks, errors without SQL or values in them."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Table, event, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import StaticPool

from bot import ports
from bot.errors import ConfigError, StoreError
from bot.model.chat import CleanText
from bot.store.core import AsyncConnection, AsyncEngine, create_async_engine

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}
_MEND = "use sqlite+aiosqlite:///var/quotadesk.db or postgresql+asyncpg://user:password@host/name"
_LOCK = 0x71756F7461  # "quota": the advisory lock that lets one replica migrate while the others wait


def parse(url: str) -> URL:
    """Raises ConfigError. The address may hold a password, so no message repeats it."""
    try:
        parsed = make_url(url.strip())
    except (ArgumentError, ValueError) as fault:
        raise ConfigError(f"DATABASE_URL is not a database address: {_MEND}.") from fault
    driver = _DRIVERS.get(parsed.drivername)
    if driver is None:
        raise ConfigError(f"DATABASE_URL names a database that quotadesk cannot use: {_MEND}.")
    if driver.startswith("postgresql"):
        try:
            import asyncpg  # type: ignore[import-untyped]  # noqa: F401
        except ImportError as fault:
            raise ConfigError(
                "DATABASE_URL names PostgreSQL, but its driver is missing: install quotadesk[postgres]."
            ) from fault
        if not parsed.database:
            raise ConfigError(f"DATABASE_URL names no database: {_MEND}.")
    return parsed.set(drivername=driver)


def _reason(fault: BaseException) -> str:
    said = str(getattr(fault, "orig", fault)).lower()
    for sign, reason in (
        ("locked", "locked"),
        ("busy", "locked"),
        ("deadlock", "locked"),
        ("disk is full", "full"),
        ("no space", "full"),
        ("disk full", "full"),
        ("readonly", "read_only"),
        ("read-only", "read_only"),
        ("connection", "gone"),
        ("unable to open", "gone"),
        ("too many clients", "gone"),
        ("terminating", "gone"),
        ("shutting down", "gone"),
        ("starting up", "gone"),
    ):
        if sign in said:
            return reason
    return "broken"


@contextmanager
def plain_errors() -> Iterator[None]:
    """SQLAlchemy's errors carry statements and values, which must reach no log: only a reason goes on."""
    try:
        yield
    except IntegrityError:
        raise StoreError("conflict") from None
    except PoolTimeout:
        raise StoreError("locked") from None
    except DBAPIError as fault:
        raise StoreError(_reason(fault)) from None
    except sqlite3.Error as fault:  # from BEGIN, which does not go through SQLAlchemy's cursor
        raise StoreError(_reason(fault)) from None
    except StatementError as fault:
        if isinstance(fault.orig, TypeError):  # a column refused a value of ours, such as raw text
            raise fault.orig from None
        raise StoreError("broken") from None
    except (OSError, TimeoutError):
        raise StoreError("gone") from None


class Database:
    """`write` and `read` are one transaction each. On SQLite writes queue in this process and take the lock at once
    (BEGIN IMMEDIATE), so two of them never deadlock half-way."""

    def __init__(self, url: str, gate: ports.Gate, *, busy_timeout_s: float = 5) -> None:
        self._url = parse(url)
        self._gate = gate
        self._busy_timeout_s = busy_timeout_s
        self._postgres = self._url.drivername.startswith("postgresql")
        self._memory = not self._postgres and self._url.database in (None, "", ":memory:")
        self._engine: AsyncEngine | None = None
        self._queue = asyncio.Lock()
        self._leaving: set[asyncio.Future[Any]] = set()

    # --- life

    async def open(self) -> None:
        """Connects and migrates under a lock. Raises ConfigError if the database cannot be used."""
        if self._engine is not None:
            return
        engine = await self._connect()
        try:
            with plain_errors():
                await self._migrate(engine)
        except StoreError as fault:
            await self._end(engine)
            raise ConfigError(self._unusable(fault.reason)) from None
        except SQLAlchemyError:
            await self._end(engine)
            raise ConfigError(self._unusable("broken")) from None
        except BaseException:
            await self._end(engine)
            raise
        self._engine = engine

    async def close(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            await self._end(engine)

    async def _end(self, engine: AsyncEngine) -> None:
        await engine.dispose()
        if self._leaving:  # their threads still tell this loop, which may be closed right after
            await asyncio.wait(self._leaving)

    async def ping(self) -> None:
        """Raises StoreError if the database cannot write."""
        async with self.write(durable=False) as db:
            await db.execute(text("UPDATE leaders SET owner = owner WHERE name = ''"))

    def _unusable(self, reason: str) -> str:
        where = "the PostgreSQL server" if self._postgres else "the SQLite file"
        mend = {
            "locked": "another program holds it; stop that program and start again",
            "full": "its disk is full; make room and start again",
            "read_only": "it cannot be written; check owner and mode of the file and its folder",
            "gone": "check that the server runs and that host, port, user and database name are right"
            if self._postgres
            else "check that its folder exists and can be written",
        }.get(reason, "check that it is quotadesk's own database and that user and password are right")
        return f"DATABASE_URL: {where} cannot be used: {mend}."

    async def _connect(self) -> AsyncEngine:
        if self._postgres:
            from bot.store.tables import name_to_postgresql

            name_to_postgresql()
            return create_async_engine(
                self._url, hide_parameters=True, pool_size=8, max_overflow=4, pool_timeout=15, pool_pre_ping=True,
                connect_args={"timeout": 10, "command_timeout": 30, "server_settings": {"timezone": "UTC"}},
            )  # fmt: skip
        if not self._memory:
            _make_private(Path(str(self._url.database)))
        from bot.store.quick import connector

        engine = create_async_engine(
            self._url,
            hide_parameters=True,
            async_creator=connector(str(self._url.database or ":memory:"), self._busy_timeout_s, self._leaving),
            **({"poolclass": StaticPool} if self._memory else {"pool_size": 4, "max_overflow": 0, "pool_timeout": 30}),
        )
        event.listen(engine.sync_engine, "connect", self._prepare)
        event.listen(engine.sync_engine, "begin", _begin)
        return engine

    def _prepare(self, connection: Any, _record: Any) -> None:
        # The driver's own implicit BEGIN is a deferred one: it would take the write lock too late.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(self._busy_timeout_s * 1000)}")
        if not self._memory:
            cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    async def _migrate(self, engine: AsyncEngine) -> None:
        from bot.store.upgrade import upgrade

        async with engine.begin() as db:
            if self._postgres:
                await db.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            await db.run_sync(upgrade)

    # --- transactions

    @asynccontextmanager
    async def write(self, *, durable: bool = True) -> AsyncIterator[AsyncConnection]:
        """`durable`: on the disk before it returns, whatever happens to the machine; else only safe from a crash of ours."""
        engine = self._open_engine()
        async with self._one_at_a_time(not self._postgres):
            with plain_errors():
                # Options of the engine, not of the connection, and below no begin() for a single look: each is one more
                # switch to SQLAlchemy's own greenlet, and a command makes several of these.
                async with engine.execution_options(quotadesk_durable=durable).connect() as db, db.begin():
                    yield db

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        engine = self._open_engine()
        async with self._one_at_a_time(self._memory):
            with plain_errors():
                async with engine.execution_options(quotadesk_read=True).connect() as db:
                    yield db

    @asynccontextmanager
    async def _one_at_a_time(self, wanted: bool) -> AsyncIterator[None]:
        if not wanted:
            yield
            return
        async with self._queue:
            yield

    def _open_engine(self) -> AsyncEngine:
        if self._engine is None:
            raise StoreError("closed")
        return self._engine

    # --- what both dialects spell alike but import from different places

    def insert(self, table: Table) -> Any:
        """An INSERT that knows ON CONFLICT."""
        if not self._postgres:
            return sqlite.insert(table)
        from sqlalchemy.dialects import postgresql  # a tenth of a second and five megabytes

        return postgresql.insert(table)

    def clean(self, text: str) -> CleanText:
        """Kept text passes the gate again on its way out, so a rule that is newer than the row counts as well."""
        return self._gate.trusted(text)

    def clean_or_none(self, text: str | None) -> CleanText | None:
        """As `clean`; None stays None."""
        return None if text is None else self.clean(text)


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("quotadesk_read"):
        return  # single looks: a transaction would only add waits
    # WAL with FULL syncs at every commit; NORMAL loses nothing when a process dies, only when the machine does.
    wanted = "FULL" if options.get("quotadesk_durable", True) else "NORMAL"
    if connection.info.get("synchronous") != wanted:
        _execute(connection, f"PRAGMA synchronous = {wanted}")
        connection.info["synchronous"] = wanted
    _execute(connection, "BEGIN IMMEDIATE")


def _execute(connection: Connection, statement: str) -> None:
    """One hop to the driver's thread instead of the three that a cursor costs."""
    driver: Any = connection.connection.dbapi_connection
    driver.run_async(lambda raw: raw.execute(statement))


def _make_private(path: Path) -> None:
    """Folder 0700 where we make it, file 0600: tickets name people and accounts."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as fault:
        raise ConfigError(
            f"DATABASE_URL: the SQLite file cannot be used ({fault.strerror}): "
            "check that its folder exists and can be written."
        ) from None
