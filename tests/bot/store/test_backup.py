"""Backup, restore, copy between databases, and what is taken out when it is old."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.model.money import Kind, Reading
from bot.model.team import Retention
from bot.ports import AuditEntry, Profile, Sighting, StoredReading
from bot.redaction.gate import Gate
from bot.services.keeping import Keeping
from bot.store import backup
from bot.store.store import SqlStore
from tests.conftest import FixedClock
from tests.databases import Server

NOW = datetime(2026, 11, 22, 2, 42, tzinfo=UTC)


def address(file: Path) -> str:
    return f"sqlite+aiosqlite:///{file}"


def reading(at: datetime, amount: str = "12.30") -> StoredReading:
    return StoredReading(
        "deepseek", at, Reading(Kind.ACCOUNT_MONEY, Decimal(amount), "CNY", parts={"paid": Decimal("1.10")})
    )


def sighting(at: datetime, gate: Gate) -> Sighting:
    return Sighting(
        0, at, "slack:U0A", "query", "rate_limited", "deepseek", "req-1", gate.trusted("429 <too> many"), {}, None
    )


def entry(at: datetime, gate: Gate) -> AuditEntry:
    return AuditEntry(at, "slack:U0A", "switch", "query", "done", gate.trusted("deepseek → backup"), name="Ada")


async def fill(url: str, gate: Gate) -> None:
    store = SqlStore(url, gate)
    await store.open()
    await store.add_readings([reading(NOW - timedelta(hours=n), f"{n}.50") for n in range(1500)])
    await store.add_sighting(sighting(NOW, gate))
    await store.save_profile(Profile("slack:U0A", "zh", "Asia/Shanghai", ()), NOW)
    await store.link("slack:U0A", "telegram:1", NOW)
    await store.audit(entry(NOW, gate))
    await store.set_fact("a", {"b": [1, "二"]}, NOW)
    await store.close()


async def same(url: str, other: str, gate: Gate) -> None:
    one, two = SqlStore(url, gate), SqlStore(other, gate)
    await one.open()
    await two.open()
    try:
        since = NOW - timedelta(days=400)
        assert await one.history("deepseek", since) == await two.history("deepseek", since)
        assert len(await two.history("deepseek", since)) == 1500
        assert await one.sightings(since) == await two.sightings(since) != []
        assert await one.profile("telegram:1") == await two.profile("telegram:1")
        assert (await two.profile("telegram:1")).linked == ("slack:U0A",)
        assert await one.audits(limit=5) == await two.audits(limit=5) != []
        assert await two.get_fact("a") == {"b": [1, "二"]}
        # Numbers go on where they ended.
        assert await two.add_sighting(sighting(NOW, gate)) == 2
    finally:
        await one.close()
        await two.close()


async def test_backup_and_restore(tmp_path: Path) -> None:
    gate = Gate(b"tests")
    url = address(tmp_path / "one.db")
    await fill(url, gate)
    running = SqlStore(url, gate)
    await running.open()  # the bot may go on meanwhile
    file = tmp_path / "kept.db"
    counts = await backup.backup(url, file, gate)
    await running.close()
    assert counts["readings"] == 1500
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    assert (await backup.restore(file, address(tmp_path / "two.db"), gate))["readings"] == 1500
    assert file.read_bytes() == before
    await same(url, address(tmp_path / "two.db"), gate)


async def test_nothing_is_overwritten(tmp_path: Path) -> None:
    gate = Gate(b"tests")
    url, other = address(tmp_path / "one.db"), address(tmp_path / "two.db")
    await fill(url, gate)
    await fill(other, gate)
    with pytest.raises(ConfigError, match="not empty"):
        await backup.copy(url, other, gate)
    with pytest.raises(ConfigError, match="same database"):
        await backup.copy(url, url, gate)
    with pytest.raises(ConfigError, match="there already"):
        await backup.backup(url, tmp_path / "two.db", gate)
    (tmp_path / "no.db").write_text("something else")
    with pytest.raises(ConfigError, match="no backup"):
        await backup.restore(tmp_path / "no.db", address(tmp_path / "three.db"), gate)
    with pytest.raises(ConfigError, match="does not exist"):
        await backup.backup(address(tmp_path / "absent.db"), tmp_path / "four.db", gate)
    assert not (tmp_path / "four.db").exists()


async def test_from_sqlite_to_postgresql_and_back(tmp_path: Path, postgres: Server | None) -> None:
    if postgres is None:
        pytest.skip("no PostgreSQL on this machine")
    gate, url = Gate(b"tests"), address(tmp_path / "one.db")
    await fill(url, gate)
    there = await postgres.new_database()
    await backup.copy(url, there, gate)
    await same(url, there, gate)
    await backup.backup(there, tmp_path / "kept.db", gate)
    assert (await backup.restore(tmp_path / "kept.db", address(tmp_path / "two.db"), gate))["readings"] == 1500


async def test_what_is_old_goes_and_the_rest_stays(tmp_path: Path) -> None:
    gate, clock = Gate(b"tests"), FixedClock(NOW)
    store = SqlStore(address(tmp_path / "one.db"), gate)
    await store.open()
    for days in (1, 89, 91, 399, 401, 729, 731):
        at = NOW - timedelta(days=days)
        await store.add_readings([reading(at)])
        await store.add_sighting(sighting(at, gate))
        await store.audit(entry(at, gate))
    await Keeping(Retention(), store, clock).round()
    ever = NOW - timedelta(days=9999)
    assert len(await store.history("deepseek", ever)) == 4
    assert len(await store.sightings(ever)) == 2
    assert len(await store.audits(limit=50)) == 6
    await store.close()
