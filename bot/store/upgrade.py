"""Brings a database to the newest schema. Runs at every start; nothing happens where it is there already."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from bot import ports

HEAD = "0001"  # the newest file under migrations/versions; checked by a test


def upgrade(connection: Connection) -> None:
    """Inside the caller's transaction and lock: half a migration is never seen, and two replicas never run one twice."""
    known = inspect(connection).has_table("alembic_version")
    if known and connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD:
        return  # Alembic is slow to import and every start would pay for it
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


async def run(url: str, gate: ports.Gate) -> str:
    """`quotadesk db upgrade`: the revision the database has now. Raises ConfigError."""
    from bot.store.store import SqlStore

    store = SqlStore(url, gate)
    await store.open()
    await store.close()
    return HEAD
