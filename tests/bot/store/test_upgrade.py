"""From the first release to today: what was written then is read now, on both databases; the `db` commands from end to end."""

from __future__ import annotations

import stat
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.errors import ConfigError
from bot.model.chat import Person
from bot.model.handoff import TicketState, TimelineEntry
from bot.model.money import Kind
from bot.model.team import Retention
from bot.ports import DueStep
from bot.redaction.gate import Gate
from bot.services.keeping import Keeping
from bot.store import upgrade
from bot.store.store import SqlStore
from tests import first_release
from tests.conftest import FixedClock
from tests.databases import Server
from tests.first_release import AT, HOUR, ROWS


async def test_all_that_the_first_release_wrote_is_read(url: str, gate: Gate) -> None:
    schema = await first_release.write(url)
    # Revision 0001 is out: it is never changed, a later one is added.
    assert {name: set(rows[0]) for name, rows in ROWS.items()} == {n: c for n, c in schema.items() if n in ROWS}
    assert set(schema) - set(ROWS) == {"alembic_version"}
    store = SqlStore(url, gate)
    await store.open()
    ticket = await store.ticket(7)
    assert ticket is not None
    assert (ticket.state, ticket.count, ticket.engine, ticket.symptom.text) == (
        TicketState.ACKNOWLEDGED,
        3,
        "query",
        "402 Insufficient Balance",
    )
    assert ticket.acknowledged_by == Person("slack", "U0ALICE", "Alice")
    assert ticket.acknowledged_at == AT + HOUR
    assert ticket.facts["certainty"] == "proved"
    assert ticket.removed == {"openai_key": 1}
    assert [entry.what for entry in ticket.timeline] == ["opened", "acknowledged"]
    assert [(e.name, e.value.text) for e in ticket.evidence] == [("status", "402")]
    assert [m.chat for m in ticket.messages] == ["C0SUPPORT"]
    assert ticket.waiting[0].asked_in is not None
    assert ticket.waiting[0].asked_in.message == "77"
    assert [t.id for t in await store.tickets(states=[TicketState.RESOLVED])] == [3]
    (money,) = await store.history("deepseek", AT - HOUR)
    assert (money.reading.amount, money.reading.parts["granted"]) == (Decimal("12.30"), Decimal("2.30"))
    (window,) = (await store.latest(["kimi"]))["kimi"]
    assert (window.reading.kind, window.reading.resets_at) == (Kind.WINDOW_QUOTA, AT + HOUR)
    assert [s.text.text for s in await store.sightings(AT - HOUR, request_id="req-1")] == ["402 Insufficient Balance"]
    assert [s.to_route for s in await store.switches("query", states=("done",))] == ["relay"]
    assert [a.detail.text for a in await store.audits()] == ["deepseek → relay"]
    assert (await store.profile("telegram:2002")).linked == ("slack:U0ALICE",)
    assert await store.get_fact("watch:seen") == {"deepseek": {"looked": AT.isoformat()}}
    assert not await store.first_time("slack:Ev1", AT)
    assert await store.peek_token("confirm", "abcdefghijklmnop", AT) == {"engine": "query"}
    assert [s.key for s in await store.pending_steps()] == ["ticket:7:review:x"]
    # And it goes on: a move, and numbers that follow the old ones.
    entry = TimelineEntry(AT + 2 * HOUR, "slack:U0ALICE", "resolved")
    moved = await store.move_ticket(
        7, expect=[TicketState.ACKNOWLEDGED], to=TicketState.RESOLVED, by=Person("slack", "U0ALICE", "Alice"), at=AT + 2 * HOUR, entry=entry
    )  # fmt: skip
    assert moved is not None
    assert moved.state is TicketState.RESOLVED
    await store.close()
    again = SqlStore(url, gate)
    await again.open()  # twice is once
    assert (await again.ticket(7)) == moved
    await again.close()


async def test_a_newer_database_is_left_alone(url: str, gate: Gate) -> None:
    await first_release.write(url)
    from sqlalchemy import text

    from bot.store.core import create_async_engine

    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await engine.dispose()
    with pytest.raises(ConfigError, match="schema 9999"):
        await SqlStore(url, gate).open()
    assert upgrade.HEAD < "9999"


async def test_the_retention_job_takes_out_what_is_old_with_all_that_belongs_to_it(url: str, gate: Gate) -> None:
    await first_release.write(url)
    store = SqlStore(url, gate)
    await store.open()
    await store.schedule([DueStep(0, "note", "late", AT, {})])  # pending: stays, however old
    clock = FixedClock(AT + timedelta(days=100))
    keeping = Keeping(
        Retention(timedelta(days=35), timedelta(days=90), timedelta(days=60), timedelta(days=90)), store, clock
    )
    await keeping.round()
    assert await store.ticket(3) is None
    open_one = await store.ticket(7)
    assert open_one is not None  # never resolved: never taken out
    assert len(open_one.timeline) == 2
    assert await store.history("deepseek", AT - HOUR) == []
    assert await store.sightings(AT - HOUR) == []
    assert await store.audits() == []
    assert {s.key for s in await store.pending_steps()} == {"late", "ticket:7:review:x"}
    assert await store.prune("steps", clock.now(), 10) == 0
    await store.close()


@pytest.mark.parametrize("target", ["sqlite", "postgres"])
def test_the_commands_keep_restore_and_copy(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    import asyncio

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FINGERPRINT_KEY", "x" * 32)
    old, copied = f"sqlite+aiosqlite:///{tmp_path}/old.db", f"sqlite+aiosqlite:///{tmp_path}/copied.db"
    restored = f"sqlite+aiosqlite:///{tmp_path}/restored.db"
    if target == "postgres":
        server: Server | None = request.getfixturevalue("postgres")
        if server is None:
            pytest.skip("no PostgreSQL on this machine")
        copied, restored = asyncio.run(server.new_database()), asyncio.run(server.new_database())
    asyncio.run(first_release.write(old))
    kept = tmp_path / "kept.db"
    runner = CliRunner()

    def run(url: str, *words: str) -> tuple[object, str]:
        monkeypatch.setenv("DATABASE_URL", url)
        done = runner.invoke(app, ["db", *words], standalone_mode=False)
        assert done.exception is None or isinstance(done.exception, ConfigError), done.exception
        return done.exception or done.return_value, done.output

    assert run(old, "upgrade") == (0, "The database is up to date.\n")
    code, said = run(old, "copy")
    assert "TARGET_DATABASE_URL is not set" in str(code)
    monkeypatch.setenv("TARGET_DATABASE_URL", copied)
    code, said = run(old, "copy")
    assert code == 0
    assert "2 tickets" in said
    assert run(copied, "backup", str(kept))[0] == 0
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "there already" in str(run(copied, "backup", str(kept))[0])
    code, said = run(restored, "restore", str(kept))
    assert code == 0
    assert "2 tickets" in said
    assert "not empty" in str(run(restored, "restore", str(kept))[0])
    assert run(restored, "upgrade")[0] == 0

    async def look() -> None:
        store = SqlStore(restored, Gate(b"tests"))
        await store.open()
        ticket = await store.ticket(7)
        assert ticket is not None
        assert [entry.what for entry in ticket.timeline] == ["opened", "acknowledged"]
        assert (await store.profile("telegram:2002")).linked == ("slack:U0ALICE",)
        await store.close()

    asyncio.run(look())
