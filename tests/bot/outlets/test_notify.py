"""Apprise against a real receiver; its addresses are secrets."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from bot.errors import ConfigError, DeliveryError
from bot.model.chat import Role
from bot.model.handoff import Page
from bot.model.team import Secret
from bot.outlets.notify import Notify, fitting, pagers
from tests.escalation_room import ALICE, Room
from tests.worlds.pagers import PagerWorld, mail_server


@pytest.fixture
async def world() -> AsyncIterator[PagerWorld]:
    async with PagerWorld("unused") as world:
        yield world


async def test_a_call_and_its_end(here: Room, world: PagerWorld, make_key: Callable[..., str]) -> None:
    ticket, _ = await here.open()
    page = Page(0, (ALICE,), ticket.next_review, (ALICE,))
    async with mail_server() as (address, mails):
        [_, post] = pagers(Secret(f"{world.notify_url(make_key('', 20))} {address}"), replace(here.team, language="zh"))
        symptom = here.clean("502 <html> @all <!channel> <script> " + "很长 " * 40)
        await post.trigger(replace(ticket, symptom=symptom), page, here.clock.now())
        [mail] = mails
        text = mail.get_content()
        assert mail.get_content_type() == "text/plain"
        assert mail["subject"].startswith("#1 · 紧急 · QueryEngine")
        assert (
            "502 <html> @\u2060all <\u2060!channel> <script>" in text
        )  # words from outside: no markup, and nobody is mentioned
        assert text.index("负责人：") < text.index("现象：") < text.index("下次查看：")
    [pager] = pagers(Secret(world.notify_url(make_key("", 20))), here.team)
    await pager.trigger(ticket, page, here.clock.now())
    [sent] = world.notified
    assert sent["title"] == "#1 · URGENT · QueryEngine has no working route left"
    assert "QueryEngine is down" in sent["message"]
    assert "Next review: " in sent["message"]
    await pager.trigger(ticket, Page(1, (ALICE,), ticket.next_review), here.clock.now())
    assert len(world.notified) == 1  # the next person is called by name elsewhere
    await pager.acknowledge(ticket)
    resolved = await here.escalation.resolve(ticket.id, ALICE, Role.MEMBER, here.clean("topped up"))
    await pager.resolve(resolved)
    assert "topped up" in world.notified[-1]["message"]


async def test_a_failure_names_no_address(
    here: Room, world: PagerWorld, make_key: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    secret = make_key("hook", 20)
    caplog.set_level(logging.DEBUG, logger="apprise")
    world.fail = [(500, {})] * 10
    pager = Notify(Secret(world.notify_url(secret)), 1, here.team)
    ticket, _ = await here.open()
    with pytest.raises(DeliveryError) as fault:
        await pager.trigger(ticket, Page(0, (), ticket.next_review), here.clock.now())
    assert secret not in repr(fault.value)
    assert secret not in "".join(record.getMessage() for record in caplog.records if record.name.startswith("apprise"))
    assert secret not in repr(pager.__dict__)


def test_a_long_page_is_cut_at_the_end_of_a_line() -> None:
    """In bytes: what counts characters has room to spare, what counts bytes would refuse the whole page."""
    text = "#1 没有线路了\n" + "证据：状态 402\n" * 200
    for room in (2048, 140, 7, 3):
        cut = fitting(text, room)
        assert len(cut.encode()) <= room
        assert cut.endswith("…")
        assert room < 100 or cut.splitlines()[-2] == "证据：状态 402"
    assert fitting(text, 10_000) == text


def test_addresses_are_parted_and_checked(here: Room, make_key: Callable[..., str]) -> None:
    secret = make_key("", 24)
    urls = (
        f"json://127.0.0.1:1/{secret}, ntfy://topic\nmailto://user:{secret}@example.com?to=a@example.com,b@example.com"
    )
    assert [pager.name for pager in pagers(Secret(urls), here.team)] == ["notify-1", "notify-2", "notify-3"]
    assert pagers(None, here.team) == []
    with pytest.raises(ConfigError) as fault:
        pagers(Secret(f"json://127.0.0.1:1/x nonsense://{secret}"), here.team)
    assert "NOTIFY_URLS" in str(fault.value)
    assert "address 2" in str(fault.value)
    assert secret not in str(fault.value)
