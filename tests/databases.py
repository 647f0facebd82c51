"""Real databases for tests: SQLite files, and a PostgreSQL server of our own where the machine has one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from bot.redaction.gate import Gate
from bot.store.store import SqlStore

_migrated: list[bytes] = []


async def migrated(path: Path) -> str:
    """The address of this SQLite file; where there is none yet, one of the newest schema without a row. The migrations run once
    in a process."""
    url = f"sqlite+aiosqlite:///{path}"
    if path.exists():
        return url
    if _migrated:
        path.write_bytes(_migrated[0])
        return url
    store = SqlStore(url, Gate(b"tests"))
    await store.open()
    await store.close()
    _migrated.append(path.read_bytes())
    return url


def _programs() -> Path | None:
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    found = shutil.which("initdb")
    return Path(found).parent if found and shutil.which("postgres") else None


class Server:
    """One PostgreSQL server in a folder of its own, on a loopback port. None of it outlives `stop`."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="quotadesk-pg-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._emptied: list[str] = []
        self.port = 0

    @staticmethod
    def start() -> Server | None:
        """None where PostgreSQL is not installed or cannot be started here."""
        programs = _programs()
        if programs is None:
            return None
        for _ in range(3):  # its port may be gone before it has it
            server = Server()
            try:
                server._start(programs)
            except (OSError, subprocess.SubprocessError, RuntimeError):
                server.stop()
            else:
                return server
        return None

    def _user(self) -> tuple[int, int] | None:
        if os.geteuid() != 0:
            return None
        import pwd

        # initdb refuses root, so it runs as somebody else where the tests run as root (containers).
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return entry.pw_uid, entry.pw_gid
        raise RuntimeError("no user to run PostgreSQL as")

    def _start(self, programs: Path) -> None:
        user = self._user()
        data = self._folder / "data"
        data.mkdir()
        how: dict[str, object] = {}
        if user is not None:
            os.chown(self._folder, *user)
            os.chown(data, *user)
            how = {"user": user[0], "group": user[1], "extra_groups": []}
        data.chmod(0o700)
        env = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "HOME": str(self._folder), "TZ": "UTC"}
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "quotadesk", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            env=env,
            timeout=120,
            **how,  # type: ignore[call-overload]
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._process = subprocess.Popen(
            [
                programs / "postgres",
                "-D",
                data,
                "-h",
                "127.0.0.1",
                "-p",
                str(self.port),
                "-k",
                self._folder,
                "-c",
                "fsync=off",
                "-c",
                "max_connections=80",
                "-c",
                "timezone=Asia/Shanghai",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            env=env,
            **how,  # type: ignore[call-overload]
        )
        self._wait()

    def _wait(self) -> None:
        import time

        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise RuntimeError("PostgreSQL ended at once")
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("PostgreSQL did not come up")

    async def new_database(self) -> str:
        """The address of a fresh, empty database."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        async with self._connected("postgres") as connection:
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return f"postgresql+asyncpg://quotadesk@127.0.0.1:{self.port}/{name}"

    @contextlib.asynccontextmanager
    async def migrated(self) -> AsyncIterator[str]:
        """The address of a database of the newest schema without a row. The next test gets it, emptied: making one costs eight
        megabytes on the disk."""
        url = self._emptied.pop() if self._emptied else await self.new_database()
        yield url
        async with self._connected(url.rpartition("/")[2]) as connection:
            tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
            counters = "SELECT sequencename FROM pg_sequences"
            rows = [f"DELETE FROM {row[0]}" for row in await connection.fetch(tables)]
            rows += [f"ALTER SEQUENCE {row[0]} RESTART" for row in await connection.fetch(counters)]
            await connection.execute("SET session_replication_role = replica; " + "; ".join(rows))
        self._emptied.append(url)

    @contextlib.asynccontextmanager
    async def _connected(self, name: str) -> AsyncIterator[Any]:
        import asyncpg

        for attempt in range(100):
            try:
                connection = await asyncpg.connect(host="127.0.0.1", port=self.port, user="quotadesk", database=name)
                break
            except (OSError, asyncpg.PostgresError):
                if attempt == 99:
                    raise
                await asyncio.sleep(0.1)
        try:
            yield connection
        finally:
            await connection.close()

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(2)  # SIGINT: fast shutdown
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)
        shutil.rmtree(self._folder, ignore_errors=True)
