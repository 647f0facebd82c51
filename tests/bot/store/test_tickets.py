"""Tickets and due steps: one truth, whatever two replicas do at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.model.chat import MessageRef, Person
from bot.model.handoff import Evidence, Ticket, TicketState, TimelineEntry, Waiting
from bot.ports import DueStep
from bot.redaction.gate import Gate
from bot.store.store import SqlStore

NOW = datetime(2026, 11, 22, 2, 42, tzinfo=UTC)
BOB = Person("telegram", "1002", "Bob")
ALICE = Person("slack", "U0ALICE", "Alice")
ASKED = MessageRef("telegram", "1002", "77", thread="5")


@pytest.fixture
def ticket(gate: Gate) -> Ticket:
    return Ticket(
        id=0,
        key="query|balance_exhausted|deepseek",
        state=TicketState.OPEN,
        engine="query",
        cause="balance_exhausted",
        urgency="page",
        opened_at=NOW,
        opened_by=BOB,
        owner="platform team",
        environment="production",
        capability=gate.trusted("QueryEngine · deepseek-reasoner"),
        last_known_good=gate.trusted("10:02"),
        symptom=gate.trusted("402 Insufficient Balance 100%"),
        evidence=(Evidence("status", gate.trusted("402")), Evidence("model", gate.trusted("deepseek-reasoner"))),
        next_review=NOW + timedelta(hours=4),
        language="zh",
        removed={"anthropic key": 1},
        asked_in=ASKED,
        route="deepseek",
        account="deepseek",
        facts={"says": "Insufficient Balance"},
    )


def step(key: str, due: datetime = NOW, **payload: object) -> DueStep:
    return DueStep(0, "note", key, due, payload)


def entry(what: str, at: datetime = NOW) -> TimelineEntry:
    return TimelineEntry(at, ALICE.address, what, name="Alice")


async def test_a_ticket_comes_back_whole(store: SqlStore, ticket: Ticket) -> None:
    stored, new = await store.open_ticket(ticket, [step("ticket:{ticket}:note:slack:C1")])
    assert new
    assert stored == replace(
        ticket,
        id=stored.id,
        timeline=(TimelineEntry(NOW, BOB.address, "opened", name="Bob"),),
        waiting=(Waiting(BOB, "zh", ASKED),),
    )
    assert await store.ticket(stored.id) == stored
    [pending] = await store.pending_steps()
    assert pending.key == f"ticket:{stored.id}:note:slack:C1"
    assert pending.payload["ticket"] == stored.id


async def test_the_same_trouble_joins(store: SqlStore, other: SqlStore, ticket: Ticket, gate: Gate) -> None:
    again = replace(
        ticket,
        opened_by=ALICE,
        asked_in=None,
        language="en",
        evidence=(Evidence("status", gate.trusted("429")), Evidence("task_id", gate.trusted("t-9"))),
    )
    results = await asyncio.gather(
        *((store, other)[n % 2].open_ticket(ticket if n < 3 else again, [step("ticket:{ticket}:n")]) for n in range(8))
    )
    assert [new for _, new in results].count(True) == 1
    assert len({t.id for t, _ in results}) == 1
    whole = await store.ticket(results[0][0].id)
    assert whole is not None
    assert whole.count == 8
    assert [e.what for e in whole.timeline] == ["opened", *["joined"] * 7]
    assert {w.person for w in whole.waiting} == {BOB, ALICE}
    assert len(await store.pending_steps()) == 1


async def test_a_resolved_trouble_opens_anew_and_the_old_one_stays(store: SqlStore, ticket: Ticket) -> None:
    first, _ = await store.open_ticket(ticket, [])
    done = await store.move_ticket(
        first.id, expect=[TicketState.OPEN], to=TicketState.RESOLVED, by=ALICE, at=NOW, entry=entry("resolved")
    )
    assert done is not None
    second, new = await store.open_ticket(ticket, [])
    assert new
    assert second.id > first.id
    # Reopening the old one would make two open tickets of one trouble.
    assert (
        await store.move_ticket(
            first.id, expect=[TicketState.RESOLVED], to=TicketState.OPEN, by=ALICE, at=NOW, entry=entry("reopened")
        )
        is None
    )
    old = await store.ticket(first.id)
    assert old is not None
    assert old.state is TicketState.RESOLVED
    assert [e.what for e in old.timeline] == ["opened", "resolved"]


async def test_two_who_acknowledge_at_once(store: SqlStore, other: SqlStore, ticket: Ticket) -> None:
    stored, _ = await store.open_ticket(ticket, [step("ticket:{ticket}:page:0"), step("ticket:{ticket}:note:a")])
    moves = await asyncio.gather(
        *(
            (store, other)[n % 2].move_ticket(
                stored.id,
                expect=[TicketState.OPEN],
                to=TicketState.ACKNOWLEDGED,
                by=ALICE,
                at=NOW,
                entry=entry("acknowledged"),
                cancel=[f"ticket:{stored.id}:page:"],
                steps=[step("ticket:{ticket}:review:1")],
            )
            for n in range(6)
        )
    )
    assert len([m for m in moves if m]) == 1
    whole = await other.ticket(stored.id)
    assert whole is not None
    assert (whole.acknowledged_by, whole.acknowledged_at) == (ALICE, NOW)
    assert [s.key.split(":", 2)[2] for s in await store.pending_steps()] == ["note:a", "review:1"]


async def test_evidence_and_copies(store: SqlStore, ticket: Ticket, gate: Gate) -> None:
    stored, _ = await store.open_ticket(ticket, [])
    copy = MessageRef("slack", "C1", "1.2")
    for _ in range(2):
        await store.add_to_ticket(stored.id, entry("delivered"), message=copy)
    later = await store.add_to_ticket(
        stored.id,
        entry("evidence"),
        evidence=[Evidence("status", gate.trusted("500")), Evidence("amount", gate.trusted("¥100"))],
        next_review=NOW + timedelta(hours=9),
    )
    assert later is not None
    assert {e.name: e.value.text for e in later.evidence} == {
        "status": "500",
        "model": "deepseek-reasoner",
        "amount": "¥100",
    }
    assert later.messages == (copy,)
    assert later.next_review == NOW + timedelta(hours=9)
    assert await store.add_to_ticket(999, entry("evidence")) is None
    assert await store.add_to_ticket(10**12, entry("evidence")) is None
    assert await store.ticket(10**12) is None


async def test_the_same_call_twice_is_one(store: SqlStore, ticket: Ticket) -> None:
    stored, _ = await store.open_ticket(ticket, [])
    for _ in range(2):
        whole = await store.add_to_ticket(stored.id, entry("paged"), steps=[step("ticket:{ticket}:page:1:direct:0")])
    assert whole is not None
    assert [e.what for e in whole.timeline] == ["opened", "paged"]


async def test_search(store: SqlStore, ticket: Ticket, gate: Gate) -> None:
    one, _ = await store.open_ticket(ticket, [])
    two, _ = await store.open_ticket(
        replace(ticket, key="x", engine="media", symptom=gate.trusted("额度为零 limit_0"), evidence=()), []
    )
    assert [t.id for t in await store.tickets(search="INSUFFICIENT reasoner")] == [two.id, one.id][1:]
    assert [t.id for t in await store.tickets(search="额度")] == [two.id]
    assert [t.id for t in await store.tickets(search="100%")] == [one.id]
    assert await store.tickets(search="limitx0") == []
    assert [t.id for t in await store.tickets(states=[TicketState.OPEN], limit=1)] == [two.id]
    assert (await store.tickets())[0].timeline == ()


async def test_steps_are_claimed_by_one(store: SqlStore, other: SqlStore) -> None:
    await store.schedule([step(f"k{n}", NOW + timedelta(seconds=n)) for n in range(50)])
    await store.schedule([step("k0")])
    at = NOW + timedelta(seconds=100)
    batches = await asyncio.gather(*((store, other)[n % 2].claim_steps(at, f"o{n}", 20, 7) for n in range(12)))
    claimed = [s.key for batch in batches for s in batch]
    rest = [s.key for s in await store.claim_steps(at, "last", 20, 50)]
    assert sorted(claimed + rest) == sorted(f"k{n}" for n in range(50))
    assert all(s.attempts == 1 and s.why == "" for batch in batches for s in batch)


async def test_a_lease_ends_and_says_that_it_may_have_happened(store: SqlStore) -> None:
    await store.schedule([step("a"), step("later", NOW + timedelta(minutes=1))])
    [first] = await store.claim_steps(NOW, "one", 20, 10)
    assert await store.claim_steps(NOW + timedelta(seconds=19), "two", 20, 10) == []
    await store.begin_sending([first.id])
    [again] = await store.claim_steps(NOW + timedelta(seconds=20), "two", 20, 10)
    assert (again.id, again.attempts, again.why) == (first.id, 2, "in_flight")
    await store.retry_step(again.id, NOW + timedelta(seconds=50), "http_429")
    [third] = await store.claim_steps(NOW + timedelta(seconds=50), "two", 20, 10)
    assert (third.attempts, third.why) == (3, "http_429")
    await store.finish_step(third.id, NOW)
    await store.retry_step(third.id, NOW, "too late")
    assert [s.key for s in await store.pending_steps()] == ["later"]


async def test_a_zone_in_the_session_changes_nothing(store: SqlStore) -> None:
    await store.schedule([step("a", datetime.fromisoformat("2026-11-22T10:42:00+08:00"))])
    [only] = await store.pending_steps()
    assert only.due_at == NOW
    assert only.due_at.utcoffset() == timedelta(0)
