"""Times as people type them, what moved around them, and payments that arrived, here or elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.model.money import AccountState, Kind, Reading
from bot.ports import Sighting, StoredReading
from bot.redaction.gate import Gate
from bot.services.balances import Account
from bot.services.charges import Charges, NoSuchTask, amount_of, moment
from bot.store.store import SqlStore
from tests.conftest import FixedClock
from tests.databases import migrated
from tests.fortnight import Village, money, team

NOW = datetime(2026, 11, 22, 2, 42, tzinfo=UTC)  # 10:42 in Beijing
ZONE = "Asia/Shanghai"


@pytest.mark.parametrize(
    ("typed", "utc"),
    [
        ("10:12", "2026-11-22T02:12"),
        ("10：12", "2026-11-22T02:12"),
        ("23:50", "2026-11-21T15:50"),  # tonight has not come: yesterday's
        ("昨天 18:05", "2026-11-21T10:05"),
        ("yesterday 18:05", "2026-11-21T10:05"),
        ("2026-11-20 08:00", "2026-11-20T00:00"),
        ("2026年11月20日 08:00", "2026-11-20T00:00"),
        ("11-20 08:00", "2026-11-20T00:00"),
        ("12-31 08:00", "2025-12-31T00:00"),
        ("2026-11-20T08:00:00+08:00", "2026-11-20T00:00"),
        ("2026-11-20T00:00:00Z", "2026-11-20T00:00"),
    ],
)
def test_times_are_the_askers(typed: str, utc: str) -> None:
    assert moment(typed, NOW, ZONE) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize("typed", ["", "task_01", "25:99", "13-45 10:00", "2026 10:00", "req-10:12-x", "10:12:99:1"])
def test_what_is_no_time_is_none(typed: str) -> None:
    assert moment(typed, NOW, ZONE) is None


def test_a_repeated_hour_is_its_first() -> None:
    now = datetime(2026, 10, 25, 10, 0, tzinfo=UTC)
    assert moment("02:30", now, "Europe/Berlin") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_amounts() -> None:
    assert amount_of("1,200.50") == Decimal("1200.50")
    assert [amount_of(bad) for bad in ("0", "-5", "NaN", "1e99", "abc", "")] == [None] * 6


class Board(Village):
    """The village with the part of Balances that asks everybody."""

    async def ask(self, names: tuple[str, ...] = (), fresh: bool = False) -> AsyncIterator[tuple[AccountState, ...]]:
        yield tuple([await self.check(account.name) for account in self.accounts()])

    def select(self, names: tuple[str, ...] = ()) -> tuple[Account, ...]:
        return self.accounts()


@dataclass
class Desk:
    store: SqlStore
    charges: Charges
    gate: Gate

    async def read(self, account: str, at: str, amount: str, currency: str = "CNY") -> None:
        when = datetime.fromisoformat(f"2026-11-22T{at}+08:00").astimezone(UTC)
        reading = Reading(Kind.ACCOUNT_MONEY, Decimal(amount), currency)
        await self.store.add_readings([StoredReading(account, when, reading)])

    async def see(self, at: str, request_id: str | None, account: str | None, **payload: str) -> None:
        when = datetime.fromisoformat(f"2026-11-22T{at}+08:00").astimezone(UTC)
        text = self.gate.trusted("402 Insufficient Balance")
        await self.store.add_sighting(
            Sighting(0, when, "slack:U1", "report", "balance_exhausted", account, request_id, text, payload)
        )


@pytest.fixture
async def desk(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Desk]:
    gate = Gate(b"tests")
    store = SqlStore(await migrated(tmp_path / "q.db"), gate)
    await store.open()
    told = {"kimi": lambda now: money(Decimal("41.00")), "relay": lambda now: "timeout"}
    village = Board(team(), store, clock, told)
    yield Desk(store, Charges(village, store, clock), gate)  # type: ignore[arg-type]
    await store.close()


async def test_what_moved_between_the_readings_around_a_time(desk: Desk) -> None:
    for at, amount in (("10:05:00", "42.00"), ("10:09:00", "41.90"), ("10:14:00", "41.48"), ("10:30:00", "41.00")):
        await desk.read("kimi", at, amount)
    await desk.see("10:11:00", "req-1", "kimi")
    await desk.see("10:12:30", "req-1", "kimi")
    await desk.see("09:00:00", "req-old", "kimi")
    found = await desk.charges.around("10:12", ZONE)
    (move,) = found.moves
    assert (move.account, move.change, move.wide) == ("kimi", Decimal("-0.42"), None)
    assert move.before is not None
    assert move.before[0] == datetime(2026, 11, 22, 2, 9, tzinfo=UTC)
    assert found.silent == ("relay",)
    assert [s.request_id for s in found.seen] == ["req-1", "req-1"]
    assert found.repeats == (("req-1", 2),)


async def test_a_task_is_found_by_its_id_and_its_account_comes_first(desk: Desk) -> None:
    await desk.read("kimi", "10:09:00", "41.90")
    await desk.read("kimi", "10:14:00", "41.48")
    await desk.read("relay", "08:00:00", "90", "USD")
    await desk.read("relay", "10:20:00", "80", "USD")
    await desk.see("10:12:00", None, "kimi", task_id="task-77")
    found = await desk.charges.around("task-77", ZONE)
    assert found.task == "task-77"
    assert found.at == datetime(2026, 11, 22, 2, 12, tzinfo=UTC)
    assert [(m.account, m.of_task) for m in found.moves] == [("kimi", True), ("relay", False)]
    assert found.moves[1].wide == timedelta(hours=2, minutes=20)
    with pytest.raises(NoSuchTask):
        await desk.charges.around("task-78", ZONE)


async def test_a_fresh_moment_is_compared_with_now(desk: Desk) -> None:
    await desk.read("kimi", "10:38:00", "41.60")
    found = await desk.charges.around("10:41", ZONE)
    assert [m.change for m in found.moves] == [Decimal("-0.60")]


async def test_a_payment_that_arrived_with_something_spent(desk: Desk) -> None:
    await desk.read("kimi", "10:00:00", "12.00")
    await desk.read("kimi", "10:10:00", "61.40")  # 50 paid, 0.60 spent
    await desk.read("kimi", "10:20:00", "66.40")
    found = await desk.charges.top_up(Decimal(50), "CNY", datetime(2026, 11, 22, 2, 5, tzinfo=UTC))
    assert [(r.account, r.gained, r.fits) for r in found.rises] == [
        ("kimi", Decimal("49.40"), True),
        ("kimi", Decimal("5.00"), False),
    ]
    assert found.looked == ("kimi",)
    assert found.unseen == ("relay",)


async def test_a_payment_that_is_nowhere(desk: Desk) -> None:
    await desk.read("kimi", "10:00:00", "42.00")
    found = await desk.charges.top_up(Decimal(50), "CNY", datetime(2026, 11, 22, 2, 5, tzinfo=UTC))
    assert found.rises == ()
    assert found.looked == ("kimi",)


async def test_without_a_reading_before_the_payment_nothing_is_claimed(desk: Desk) -> None:
    found = await desk.charges.top_up(Decimal(50), "CNY", datetime(2026, 11, 22, 2, 5, tzinfo=UTC))
    assert found.looked == ()
    assert set(found.unseen) == {"kimi", "relay"}
