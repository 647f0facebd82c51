"""The store as it grows: the same looks with few readings and with a million, and with 100,000 tickets."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.table import Row
from bot.model.handoff import TicketState
from bot.redaction.gate import Gate
from bot.services import runway
from bot.store.store import SqlStore

ACCOUNTS = 50
MANY = 1_000_000
TICKETS = 100_000
OPEN = 20

READINGS = """
INSERT INTO readings (account, at, kind, amount, currency, parts, unlimited, label, blocks)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
SELECT 'account-' || (i % ?), strftime('%Y-%m-%d %H:%M:%S.000000', ?, '-' || (i / ? * 10) || ' minutes'),
       'account_money', CAST(1000 + (i / ?) * 0.25 AS TEXT), 'CNY', '{}', 0, '', 0 FROM n
"""
TICKET_ROWS = """
INSERT INTO tickets (key, state, engine, cause, urgency, opened_at, opened_by, opened_by_name, owner, environment, capability,
                     last_known_good, symptom, next_review, language, removed, facts, count, drill)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
SELECT 'key-' || i, CASE WHEN i % ? = 0 THEN 'open' ELSE 'resolved' END, 'query', 'balance_exhausted', 'high',
       '2026-01-01 00:00:00.000000', 'slack:U0A', 'A', 'team', 'production', 'QueryEngine', '', '402',
       '2026-01-01 04:00:00.000000', 'en', '{}', '{}', 1, 0 FROM n
"""


@dataclass(slots=True)
class Grown:
    """One store of some size, and the looks at it."""

    store: SqlStore
    looks: dict[str, Callable[[], Awaitable[object]]]
    best: dict[str, float] = field(default_factory=dict)  # milliseconds


@asynccontextmanager
async def _grown(readings: int, tickets: int) -> AsyncIterator[Grown]:
    now = datetime.now(UTC).replace(microsecond=0)
    names = [f"account-{number}" for number in range(ACCOUNTS)]
    with tempfile.TemporaryDirectory(prefix="quotadesk-bench-") as folder:
        file = Path(folder) / "grown.db"
        store = SqlStore(f"sqlite+aiosqlite:///{file}", Gate())
        await store.open()

        def fill() -> None:
            raw = sqlite3.connect(file)
            with raw:
                stamp = now.strftime("%Y-%m-%d %H:%M:%S")
                raw.execute(READINGS, (readings, ACCOUNTS, stamp, ACCOUNTS, ACCOUNTS))
                if tickets:
                    raw.execute(TICKET_ROWS, (tickets, max(1, tickets // OPEN)))
            raw.close()

        await asyncio.to_thread(fill)

        async def pace() -> None:
            stored = await store.sparse(names, runway.marks(now))
            for name in names:
                for line in runway.points(stored.get(name, ())).values():
                    runway.pace(line, now)

        try:
            yield Grown(
                store,
                {
                    "newest readings of 50 accounts": lambda: store.latest(names),
                    "one account's last day": lambda: store.history("account-1", now - timedelta(days=1)),
                    "runway of 50 accounts": pace,
                    "open tickets": lambda: store.tickets(states=(TicketState.OPEN, TicketState.ACKNOWLEDGED)),
                    "one ticket by number": lambda: store.ticket(max(1, tickets // 2)),
                },
            )
        finally:
            await store.close()


async def growth() -> list[Row]:
    """The stores are looked at in turn, so that a busy moment of the machine meets all of them."""
    rows = []
    async with (
        _grown(ACCOUNTS, OPEN) as few,
        _grown(ACCOUNTS * 6 * 24 * 28, OPEN) as month,
        _grown(MANY, TICKETS) as many,
    ):
        for what in many.looks:
            for turn in range(4 if "runway" in what else 25):
                for size in (few, month, many):
                    start = time.perf_counter()
                    await size.looks[what]()
                    took = (time.perf_counter() - start) * 1000
                    if turn:
                        size.best[what] = min(took, size.best.get(what, took))
            # The same amount of answer on both sides: a reading each, or a month beside which the rest is only weight.
            base, which = (few, "a reading each") if "readings of" in what else (month, f"a month, {OPEN} tickets")
            rows.append(
                Row(
                    f"Store, {what}: 1,000,000 readings, 100,000 tickets",
                    f"{many.best[what]:.1f} ms",
                    f"{base.best[what]:.1f} ms ({which})",
                    many.best[what] / base.best[what],
                    most=1.2,
                )
            )
    return rows
