"""Brings a database to the newest schema. Runs at every start; nothing happens where it is there already."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from bot import ports
from bot.errors import ConfigError
from bot.store import tables

HEAD = "0001"  # the newest file under migrations/versions; checked by a test


def upgrade(connection: Connection) -> None:
    """Inside the caller's transaction and lock: half a migration is never seen, and two replicas never run one twice.
    Raises ConfigError for a database of a newer quotadesk, which stays as it is.

    Alembic is slow to import, so it is loaded only where something has to be changed.
    """
    there = inspect(connection).get_table_names()
    if not there:
        create(connection)
        return
    version = (
        connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if "alembic_version" in there
        else None
    )
    if version == HEAD:
        return
    if version is not None and version > HEAD:
        raise ConfigError(
            f"DATABASE_URL: a newer quotadesk (schema {version}) has written this database, and this one knows schema {HEAD}: "
            "install the newer version again, or restore a backup from before the upgrade."
        )
    migrate(connection)


def migrate(connection: Connection) -> None:
    """Step by step from whatever is there."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def create(connection: Connection) -> None:
    """An empty database gets today's tables at once: what all migrations lead to, as a test proves."""
    if connection.dialect.name == "postgresql":
        tables.name_to_postgresql()
    tables.metadata.create_all(connection, checkfirst=False)
    # As Alembic makes it, so that the next migration finds its place.
    connection.execute(
        text(
            "CREATE TABLE alembic_version "
            "(version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": HEAD})


async def run(url: str, gate: ports.Gate) -> str:
    """`quotadesk db upgrade`: the revision the database has now. Raises ConfigError."""
    from bot.store.store import SqlStore

    store = SqlStore(url, gate)
    await store.open()
    await store.close()
    return HEAD
