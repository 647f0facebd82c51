"""One PagerDuty incident for one ticket, from trigger to resolve."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from bot.errors import DeliveryError
from bot.model.chat import Role
from bot.model.handoff import Page, Ticket
from bot.model.team import Secret
from bot.outlets.desk import ChatDesk
from bot.outlets.pagerduty import PagerDuty
from bot.services.escalation import build
from bot.web import Web
from tests.escalation_room import ALICE, Room
from tests.worlds.pagers import PagerWorld


@pytest.fixture
async def world(make_key: Callable[..., str]) -> AsyncIterator[PagerWorld]:
    async with PagerWorld(make_key("R0", 30)) as world:
        yield world


@pytest.fixture
async def pager(world: PagerWorld, here: Room) -> AsyncIterator[PagerDuty]:
    async with Web() as web:
        yield PagerDuty(web, Secret(world.routing_key), world.events_url, here.team)


def page(ticket: Ticket) -> Page:
    return Page(0, (ALICE,), ticket.next_review)


async def test_trigger_acknowledge_resolve_join(here: Room, world: PagerWorld, pager: PagerDuty) -> None:
    escalation, runner = build(
        here.team, here.store, ChatDesk(here.chats, here.team), [pager], here.clock, here.gate, owner="x"
    )
    here.escalation = escalation
    ticket, _ = await here.open()
    await runner.run_due()
    [(key, incident)] = world.incidents.items()
    assert key.startswith(f"quotadesk-{ticket.id}-")
    assert incident.summary == "#1 · URGENT · QueryEngine has no working route left"
    payload = world.events[0]["payload"]
    assert payload["severity"] == "critical"
    assert payload["class"] == "balance_exhausted"
    assert list(payload["custom_details"]) == [
        "Owner",
        "Environment",
        "Capability",
        "Last known good",
        "Symptom",
        "Evidence",
        "Next review",
    ]
    here.clock.move(600)
    await runner.run_due()
    assert incident.triggers == 2  # the next level: the same incident
    await escalation.acknowledge(ticket.id, ALICE, Role.MEMBER)
    await runner.run_due()
    assert incident.state == "acknowledged"
    await escalation.resolve(ticket.id, ALICE, Role.MEMBER)
    await runner.run_due()
    assert incident.state == "resolved"
    assert len(world.incidents) == 1


async def test_a_drill_is_no_emergency(here: Room, world: PagerWorld, pager: PagerDuty) -> None:
    ticket, _ = await here.open(drill=True)
    await pager.trigger(ticket, page(ticket), here.clock.now())
    assert world.events[0]["payload"]["severity"] == "info"
    assert world.events[0]["payload"]["summary"].startswith("DRILL")


async def test_refusals(here: Room, world: PagerWorld, pager: PagerDuty) -> None:
    ticket, _ = await here.open()
    world.fail = [(429, {"Retry-After": "17"}), (500, {}), (202, {})]
    with pytest.raises(DeliveryError) as limited:
        await pager.trigger(ticket, page(ticket), here.clock.now())
    assert limited.value.retry_after_s == 17
    with pytest.raises(DeliveryError) as broken:
        await pager.trigger(ticket, page(ticket), here.clock.now())
    assert not broken.value.final
    world.routing_key = "another"
    world.fail = []
    with pytest.raises(DeliveryError) as wrong:
        await pager.trigger(ticket, page(ticket), here.clock.now())
    assert wrong.value.final


async def test_errors_show_neither_key_nor_address(here: Room, make_key: Callable[..., str]) -> None:
    key = make_key("R0", 30)
    async with Web() as web:
        pager = PagerDuty(web, Secret(key), f"http://127.0.0.1:1/{key}", here.team)
        ticket, _ = await here.open()
        with pytest.raises(DeliveryError) as fault:
            await pager.resolve(ticket)
    assert key not in repr(fault.value)
    assert key not in str(fault.value.__cause__)
    assert fault.value.__suppress_context__


async def test_tickets_of_equal_number_are_told_apart(here: Room, pager: PagerDuty) -> None:
    ticket, _ = await here.open()
    later = replace(ticket, opened_at=ticket.opened_at.replace(year=2027))
    assert pager.dedup_key(ticket) != pager.dedup_key(later)
    assert len(pager.dedup_key(ticket)) < 255
