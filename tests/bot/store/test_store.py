"""People, facts, tokens, readings, switches, audit, leadership: on both databases."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bot.model.money import Kind, Reading
from bot.ports import AuditEntry, Profile, Sighting, StoredReading, SwitchRecord
from bot.redaction.gate import Gate
from bot.store.store import SqlStore

NOW = datetime(2026, 11, 22, 2, 42, 0, 123456, tzinfo=UTC)


async def test_a_delivery_counts_once_across_replicas(store: SqlStore, other: SqlStore) -> None:
    firsts = await asyncio.gather(*((store, other)[n % 2].first_time("slack:Ev1", NOW) for n in range(20)))
    assert firsts.count(True) == 1
    assert await store.first_time("slack:Ev2", NOW)


async def test_deliveries_are_forgotten_after_48_hours(store: SqlStore) -> None:
    await store.first_time("old", NOW)
    assert not await store.first_time("old", NOW + timedelta(hours=47))
    assert await store.first_time("old", NOW + timedelta(hours=49))


async def test_a_token_is_taken_by_one(store: SqlStore, other: SqlStore) -> None:
    token = await store.put_token("switch", {"engine": "query", "who": "slack:U1"}, NOW + timedelta(minutes=10))
    assert len(token) == 16
    assert await other.peek_token("switch", token, NOW) == {"engine": "query", "who": "slack:U1"}
    assert await other.peek_token("undo", token, NOW) is None
    taken = await asyncio.gather(*((store, other)[n % 2].take_token("switch", token, NOW) for n in range(8)))
    assert [t for t in taken if t] == [{"engine": "query", "who": "slack:U1"}]
    assert await store.peek_token("switch", token, NOW) is None


async def test_a_token_expires(store: SqlStore) -> None:
    token = await store.put_token("switch", {}, NOW)
    assert await store.take_token("switch", token, NOW) is None


async def test_facts(store: SqlStore, other: SqlStore) -> None:
    assert await store.get_fact("a.b") is None
    await store.set_fact("a.b", {"deep": [1, "二", None]}, NOW)
    await store.set_fact("a.b", {"deep": [2]}, NOW)
    await store.set_fact("a.c", "x", NOW)
    await store.set_fact("A.b", "case counts", NOW)
    await store.set_fact("a_b", "no wildcard", NOW)
    assert await other.facts("a.") == {"a.b": {"deep": [2]}, "a.c": "x"}
    await store.set_fact("a.c", None, NOW)
    assert await other.facts("a.") == {"a.b": {"deep": [2]}}


async def test_linked_people_are_one(store: SqlStore) -> None:
    assert await store.profile("slack:U1") == Profile("slack:U1")
    await store.save_profile(Profile("slack:U1", "zh", "Asia/Shanghai"), NOW)
    await store.link("slack:U1", "telegram:1", NOW)
    await store.link("telegram:2", "telegram:3", NOW)
    await store.link("telegram:2", "telegram:1", NOW)
    assert await store.profile("telegram:3") == Profile(
        "telegram:3", "zh", "Asia/Shanghai", ("slack:U1", "telegram:1", "telegram:2")
    )
    await store.save_profile(Profile("telegram:3", "en"), NOW + timedelta(seconds=1))
    assert (await store.profile("telegram:3")).language == "en"
    assert (await store.profile("slack:U1")).language == "zh"


def reading(amount: str | None, **more: object) -> Reading:
    return Reading(Kind.ACCOUNT_MONEY, None if amount is None else Decimal(amount), "CNY", **more)  # type: ignore[arg-type]


async def test_readings_come_back_digit_by_digit(store: SqlStore) -> None:
    full = Reading(
        Kind.KEY_BUDGET,
        Decimal("0.10"),
        "USD",
        used=Decimal("19.900000000000000001"),
        limit=Decimal("20.00"),
        resets_at=NOW + timedelta(days=1),
        parts={"paid": Decimal("1E+2"), "granted": Decimal("-0.00")},
        unlimited=False,
        label="month",
        blocks=True,
        hand_kept_at=NOW,
    )
    await store.add_readings([StoredReading("deepseek", NOW, full), StoredReading("deepseek", NOW, reading(None))])
    back = await store.history("deepseek", NOW - timedelta(seconds=1))
    assert [b.reading for b in back] == [full, reading(None)]
    assert str(back[0].reading.parts["paid"]) == "1E+2"
    assert back[0].at == NOW
    assert back[0].at.tzinfo is not None
    assert [b.reading for b in await store.history("deepseek", NOW, Kind.KEY_BUDGET)] == [full]


async def test_latest_is_the_newest_asking_of_each_account(store: SqlStore) -> None:
    for minute in range(5):
        at = NOW + timedelta(minutes=minute)
        await store.add_readings([StoredReading("a", at, reading(str(minute))), StoredReading("a", at, reading("7"))])
    await store.add_readings([StoredReading("b", NOW, reading("3"))])
    latest = await store.latest(["a", "b", "never"])
    assert {name: [r.reading.amount for r in rows] for name, rows in latest.items()} == {
        "a": [Decimal(4), Decimal(7)],
        "b": [Decimal(3)],
    }
    assert await store.latest([]) == {}


async def test_sightings(store: SqlStore, gate: Gate) -> None:
    def seen(minute: int, engine: str | None, request_id: str | None = None) -> Sighting:
        text = gate.trusted("402 Insufficient\x00 Balance \ud800 余额不足")
        return Sighting(
            0, NOW + timedelta(minutes=minute), "slack:U1", engine, "balance_exhausted", None, request_id, text, {}
        )

    first = await store.add_sighting(seen(0, "query", "r1"))
    await store.add_sighting(seen(1, "query", "r1"))
    third = await store.add_sighting(seen(2, None))
    assert [s.id for s in await store.sightings(NOW)][0] == third
    assert len(await store.sightings(NOW, engine="query")) == 2
    assert len(await store.sightings(NOW + timedelta(seconds=30), request_id="r1")) == 1
    await store.set_sighting_ticket(first, 42)
    back = await store.sighting(first)
    assert back is not None
    assert back.ticket == 42
    assert "余额不足" in back.text.text
    assert "\x00" not in back.text.text
    assert await store.sighting(999) is None


async def test_switches_and_audit(store: SqlStore, gate: Gate) -> None:
    id = await store.begin_switch(SwitchRecord(0, NOW, "query", "a", "b", "slack:U1", "started", detail={"x": 1}))
    await store.finish_switch(id, "done", detail={"y": Decimal("2.50")}, digest_after="ff")
    [record] = await store.switches("query", states=("done",))
    assert (record.id, record.state, record.digest_after, record.detail) == (id, "done", "ff", {"x": 1, "y": "2.50"})
    assert await store.switches("media") == []
    await store.audit(AuditEntry(NOW, "slack:U1", "switch", "query", "done", gate.trusted("a -> b"), name="Alice"))
    [entry] = await store.audits(subject="query")
    assert (entry.who, entry.name, entry.detail.text, entry.at) == ("slack:U1", "Alice", "a -> b", NOW)


async def test_one_leads_at_a_time(store: SqlStore, other: SqlStore) -> None:
    assert await store.lead("watch", "one", NOW, 30)
    assert not await other.lead("watch", "two", NOW + timedelta(seconds=29), 30)
    assert await store.lead("watch", "one", NOW + timedelta(seconds=29), 30)
    assert not await other.lead("watch", "two", NOW + timedelta(seconds=31), 30)
    assert await other.lead("watch", "two", NOW + timedelta(seconds=60), 30)
    assert not await store.lead("watch", "one", NOW + timedelta(seconds=61), 30)
    assert await other.lead("watch", "two", NOW + timedelta(seconds=61), 0)
    assert await store.lead("watch", "one", NOW + timedelta(seconds=61), 30)


async def test_raw_text_is_refused(store: SqlStore) -> None:
    with pytest.raises(TypeError):
        await store.audit(AuditEntry(NOW, "slack:U1", "switch", "query", "done", "raw text"))  # type: ignore[arg-type]
    assert await store.audits() == []


async def test_times_without_zone_are_refused(store: SqlStore) -> None:
    with pytest.raises(TypeError):
        await store.first_time("x", datetime(2026, 1, 1))  # noqa: DTZ001


async def test_ping(store: SqlStore) -> None:
    await store.ping()
