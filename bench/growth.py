"""The store as it grows: the same looks with ten readings and with a million, and with 100,000 tickets."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
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
SELECT 'key-' || i, CASE WHEN i % 5000 = 0 THEN 'open' ELSE 'resolved' END, 'query', 'balance_exhausted', 'high',
       '2026-01-01 00:00:00.000000', 'slack:U0A', 'A', 'team', 'production', 'QueryEngine', '', '402',
       '2026-01-01 04:00:00.000000', 'en', '{}', '{}', 1, 0 FROM n
"""


async def _best(look: Callable[[], Awaitable[object]], times: int = 5) -> float:
    """Milliseconds, the best of several."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        await look()
        found.append((time.perf_counter() - start) * 1000)
    return min(found)


async def _looks(readings: int, tickets: int) -> dict[str, float]:
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
                    raw.execute(TICKET_ROWS, (tickets,))
            raw.close()

        await asyncio.to_thread(fill)

        async def pace() -> None:
            stored = await store.sparse(names, runway.marks(now))
            for name in names:
                for line in runway.points(stored.get(name, ())).values():
                    runway.pace(line, now)

        try:
            return {
                "newest readings of 50 accounts": await _best(lambda: store.latest(names)),
                "one account's last day": await _best(lambda: store.history("account-1", now - timedelta(days=1))),
                "runway of 50 accounts": await _best(pace, 3),
                "open tickets": await _best(lambda: store.tickets(states=(TicketState.OPEN, TicketState.ACKNOWLEDGED))),
                "one ticket by number": await _best(lambda: store.ticket(max(1, tickets // 2))),
            }
        finally:
            await store.close()


async def growth() -> list[Row]:
    few = await _looks(10, 20)
    day = await _looks(ACCOUNTS * 6 * 24 * 28, TICKETS // 5000)
    many = await _looks(MANY, TICKETS)
    rows = []
    for what, took in many.items():
        # The same amount of answer: a month of readings, beside which the rest is only weight.
        base = few[what] if "readings of" in what else day[what]
        which = "10 readings" if "readings of" in what else "a month, 20 tickets"
        rows.append(
            Row(
                f"Store, {what}: 1,000,000 readings, 100,000 tickets",
                f"{took:.1f} ms",
                f"{base:.1f} ms ({which})",
                took / base,
            )
        )
    return rows
