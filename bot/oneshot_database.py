"""`quotadesk db …`: the database itself, without a house around it."""

from __future__ import annotations

import os
from pathlib import Path

from bot.errors import ConfigError
from bot.redaction.gate import Gate
from bot.settings import Settings, database_directory, fingerprint_key, load
from bot.store import backup as safe
from bot.store.store import SqlStore


async def upgrade() -> int:
    """Opening the store brings the database up to date. Raises ConfigError for one of a newer version."""
    settings = load()
    store = SqlStore(settings.database_url.get_secret_value(), _gate(settings))
    await store.open()
    await store.close()
    print("The database is up to date.")
    return 0


async def backup(file: Path) -> int:
    """Into a file that nobody else may read. Raises ConfigError where it exists or cannot be written."""
    settings = load()
    counts = await safe.backup(settings.database_url.get_secret_value(), file, _gate(settings))
    print(f"{file}: {sum(counts.values())} rows, {counts.get('tickets', 0)} tickets.")
    return 0


async def restore(file: Path) -> int:
    """Into an empty database. Raises ConfigError, and nothing is changed then."""
    settings = load()
    counts = await safe.restore(file, settings.database_url.get_secret_value(), _gate(settings))
    print(f"Restored {sum(counts.values())} rows, {counts.get('tickets', 0)} tickets.")
    return 0


async def copy(variable: str) -> int:
    """The other address may hold a password, so it comes from the environment and not from the command line."""
    target = os.environ.get(variable)
    if not target:
        raise ConfigError(f"{variable} is not set: put the address of the other, empty database there.")
    settings = load()
    counts = await safe.copy(settings.database_url.get_secret_value(), target, _gate(settings))
    print(
        f"Copied {sum(counts.values())} rows, {counts.get('tickets', 0)} tickets. Set DATABASE_URL to the new address now."
    )
    return 0


def _gate(settings: Settings) -> Gate:
    return Gate(fingerprint_key(settings, database_directory(settings)))
