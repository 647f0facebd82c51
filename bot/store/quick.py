"""aiosqlite with one hop to the database thread per statement.

SQLAlchemy opens, runs, fetches and closes a cursor in four waits on that thread, and rolls back connections at rest. Each wait
is two thread switches; together they were two thirds of the time of a small transaction.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import aiosqlite


class _Cursor:
    """What SQLAlchemy's adapter needs of a cursor; rows are fetched with the statement."""

    arraysize = 1

    def __init__(self, connection: QuickConnection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> _Cursor:
        return self

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> _Cursor:
        return await self._run(lambda cursor: cursor.execute(statement, parameters))

    async def executemany(self, statement: str, parameters: Sequence[Sequence[Any]]) -> _Cursor:
        return await self._run(lambda cursor: cursor.executemany(statement, parameters))

    async def _run(self, act: Callable[[sqlite3.Cursor], object]) -> _Cursor:
        def there() -> tuple[Any, int, int | None, list[Any]]:
            cursor = self._connection.raw.cursor()
            try:
                act(cursor)
                rows = cursor.fetchall() if cursor.description else []
                return cursor.description, cursor.rowcount, cursor.lastrowid, rows
            finally:
                cursor.close()

        self.description, self.rowcount, self.lastrowid, self._rows = await self._connection.hop(there)
        return self

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Nothing is open."""


class QuickConnection(aiosqlite.Connection):
    """Ends a transaction only where one is open or may be about to open."""

    def __init__(self, connector: Callable[[], sqlite3.Connection], leaving: set[asyncio.Future[Any]]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self._leaving = leaving
        self._asked = 0  # by the event loop's thread only
        self._done = 0  # by the database thread only
        self._thread.daemon = True  # a process that dies must not wait for it

    @property
    def raw(self) -> sqlite3.Connection:
        """The standard library's own connection; it belongs to the thread that `hop` goes to."""
        return self._conn

    async def hop(self, act: Callable[[], Any]) -> Any:
        """Runs `act` in the connection's thread, one at a time, and gives back or raises what it did."""
        return await self._execute(act)

    async def _execute(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        def counted() -> Any:
            try:
                return fn(*args, **kwargs)
            finally:
                self._done += 1

        self._asked += 1
        return await super()._execute(counted)  # type: ignore[no-untyped-call]

    def stop(self) -> asyncio.Future[Any] | None:
        """Whoever was cancelled does not wait for the thread's end; it stands in `leaving`, for whoever closes the database."""
        ended = super().stop()
        if ended is not None:
            self._leaving.add(ended)
            ended.add_done_callback(self._leaving.discard)
        return ended

    def cursor(self) -> Any:
        """Of our own, which SQLAlchemy drives."""
        return _Cursor(self)

    @property
    def _at_rest(self) -> bool:
        # A statement whose caller was cancelled may still be on its way: then BEGIN can come after this look.
        return self._asked == self._done and not self.in_transaction

    async def commit(self) -> None:
        if not self._at_rest:
            await super().commit()

    async def rollback(self) -> None:
        """Nothing where no transaction stands: that saves a hop for every look."""
        if not self._at_rest:
            await super().rollback()


def connector(path: str, timeout_s: float, leaving: set[asyncio.Future[Any]]) -> Callable[..., QuickConnection]:
    """For SQLAlchemy's `async_creator`. `leaving` holds the ends of threads that were told to end and have not yet."""

    def connect(*_: Any, **__: Any) -> QuickConnection:
        return QuickConnection(lambda: sqlite3.connect(path, timeout=timeout_s, check_same_thread=False), leaving)

    return connect
