"""A thin history by marks, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bot.model.money import Kind, Reading
from bot.ports import StoredReading
from bot.store.store import SqlStore

NOW = datetime(2026, 11, 22, 2, 42, tzinfo=UTC)


async def test_the_newest_asking_before_each_mark(store: SqlStore) -> None:
    rows = []
    for minutes in range(0, 600, 10):
        at = NOW - timedelta(minutes=minutes)
        for account in ("a", "b", "other"):
            rows.append(StoredReading(account, at, Reading(Kind.ACCOUNT_MONEY, Decimal(minutes), "CNY")))
            rows.append(StoredReading(account, at, Reading(Kind.KEY_BUDGET, Decimal(minutes + 1), "USD")))
    await store.add_readings(rows)
    marks = [NOW - timedelta(minutes=m) for m in (305, 65, 64, 0)]
    found = await store.sparse(["a", "b", "unknown", "a"], marks)
    assert set(found) == {"a", "b"}
    assert [(r.reading.kind, r.reading.amount) for r in found["a"]] == [
        (Kind.ACCOUNT_MONEY, Decimal(310)),
        (Kind.KEY_BUDGET, Decimal(311)),
        (Kind.ACCOUNT_MONEY, Decimal(70)),  # two marks, one asking: told once
        (Kind.KEY_BUDGET, Decimal(71)),
        (Kind.ACCOUNT_MONEY, Decimal(0)),
        (Kind.KEY_BUDGET, Decimal(1)),
    ]
    assert found["b"] == [StoredReading("b", r.at, r.reading) for r in found["a"]]


async def test_nothing_asked_for_nothing_found(store: SqlStore) -> None:
    assert await store.sparse([], [NOW]) == {}
    assert await store.sparse(["a"], []) == {}
    await store.add_readings(
        [StoredReading("a", NOW - timedelta(days=9), Reading(Kind.ACCOUNT_MONEY, Decimal(1), "CNY"))]
    )
    assert await store.sparse(["a"], [NOW]) == {}  # far before the first mark
