"""One replica leads: a killed one is replaced within its lease, and two never believe in it at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import StoreError
from bot.ports import Clock
from bot.redaction.gate import Gate
from bot.services.lead import LEASE_S, MARGIN_S, RENEW_S, Lead
from bot.store.store import SqlStore
from tests.conftest import FixedClock
from tests.databases import migrated


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    made = SqlStore(await migrated(tmp_path / "q.db"), Gate(b"test"))
    await made.open()
    yield made
    await made.close()


async def test_a_killed_leader_is_replaced_within_its_lease(store: SqlStore) -> None:
    clock = FixedClock()
    dead, next_one = Lead(store, clock, "fallback", "dead"), Lead(store, clock, "fallback", "next")
    assert await dead.ask()
    waited = 0.0
    while not await next_one.ask():
        assert not (dead.held and next_one.held)
        clock.move(RENEW_S)
        waited += RENEW_S
        assert waited <= LEASE_S <= 30
    assert not dead.held


async def test_whoever_renews_keeps_it_and_letting_go_is_at_once(store: SqlStore) -> None:
    clock = FixedClock()
    one, two = Lead(store, clock, "fallback", "one"), Lead(store, clock, "fallback", "two")
    for _ in range(20):
        assert await one.ask()
        assert not await two.ask()
        clock.move(RENEW_S)
    await one.let_go()
    assert not one.held
    assert await two.ask()


async def test_a_leader_that_slept_does_not_believe_in_its_old_lease(store: SqlStore) -> None:
    """SIGSTOP, a long garbage collection, a suspended laptop: the steady clock tells it before it does anything."""
    clock = FixedClock()
    slept, awake = Lead(store, clock, "fallback", "slept"), Lead(store, clock, "fallback", "awake")
    assert await slept.ask()
    clock.move(LEASE_S)
    assert await awake.ask()
    assert not slept.held
    assert not await slept.ask()


class Slow:
    """A database whose answer takes `late_s`, or that is away."""

    def __init__(self, store: SqlStore, clock: FixedClock) -> None:
        self.store, self.clock, self.late_s, self.away = store, clock, 0.0, False

    async def lead(self, *given: object) -> bool:
        if self.away:
            raise StoreError("gone")
        taken = await self.store.lead(*given)  # type: ignore[arg-type]
        self.clock.move(self.late_s)
        return taken


async def test_a_slow_answer_counts_from_the_question_and_a_lost_database_runs_out(store: SqlStore) -> None:
    clock = FixedClock()
    slow = Slow(store, clock)
    lead = Lead(slow, clock, "fallback", "one")  # type: ignore[arg-type]
    slow.late_s = LEASE_S - MARGIN_S
    assert not await lead.ask()
    slow.late_s = 0.0
    assert await lead.ask()
    slow.away = True
    with pytest.raises(StoreError):
        await lead.ask()
    assert lead.held
    clock.move(LEASE_S - MARGIN_S)
    assert not lead.held


class Off(FixedClock):
    """A machine whose wall clock is off by so much; its steady clock is the same."""

    def __init__(self, true: FixedClock, by: float) -> None:
        super().__init__()
        self._true, self._by = true, timedelta(seconds=by)

    def now(self):  # type: ignore[no-untyped-def]
        return self._true.now() + self._by

    def monotonic(self) -> float:
        return self._true.monotonic()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.floats(0.1, 12.0)), max_size=30),
    st.tuples(*(st.floats(-MARGIN_S / 2 + 0.1, MARGIN_S / 2 - 0.1),) * 3),
)
async def test_never_two_leaders(steps: list[tuple[int, float]], off: tuple[float, float, float]) -> None:
    """Three replicas ask whenever they like, with clocks that are off, and one may be silent for long."""
    true = FixedClock()
    table: dict[str, object] = {}

    class Table:
        async def lead(self, name: str, owner: str, now, lease_s: float) -> bool:  # type: ignore[no-untyped-def]
            held = table.get("until")
            if table.get("owner") not in (None, owner) and held > now:  # type: ignore[operator]
                return False
            table.update(owner=owner, until=now + timedelta(seconds=lease_s))
            return True

    clocks: list[Clock] = [Off(true, by) for by in off]
    leads = [Lead(Table(), clock, "fallback", str(n)) for n, clock in enumerate(clocks)]  # type: ignore[arg-type]
    for who, pause in steps:
        await leads[who].ask()
        assert sum(each.held for each in leads) <= 1
        true.move(pause)
        assert sum(each.held for each in leads) <= 1
