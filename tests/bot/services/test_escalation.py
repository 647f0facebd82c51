"""Tickets from opening to end: one note on each platform, one call for each person, nothing lost and nothing doubled."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.errors import DeliveryError, NotAllowed, QuotadeskError, UnknownName
from bot.locales import Words, delivery_words
from bot.model.chat import MessageRef, Person, Role
from bot.model.diagnosis import Cause, Diagnosis
from bot.model.handoff import NOTE_FIELDS, TicketState
from bot.model.money import Kind, Reading
from bot.model.team import OnCall, Support
from bot.ports import StoredReading, SwitchRecord
from bot.store.store import SqlStore
from tests.conftest import FixedClock
from tests.escalation_room import (
    ADMIN,
    ALICE,
    BOB,
    CAROL,
    SLACK_DESK,
    TELEGRAM_DESK,
    Room,
    labels,
    room,
    text_of,
)

MINUTE = timedelta(minutes=1)


# --- opening


async def test_a_note_in_both_support_chats_and_one_call(here: Room) -> None:
    ticket, new = await here.open()
    assert new
    assert here.slack.posted == []  # stored first
    await here.due()
    [note] = here.slack.to("C0SUPPORT")
    [other] = here.telegram.to("-1009")
    assert note.title == other.title == "#1 · URGENT · QueryEngine has no working route left"
    assert labels(note) == ["ticket.ack", "ticket.resolve", "ticket.snooze", "ticket.evidence"]
    assert all(action.value == "1" for action in note.actions)
    assert "@<U0ALICE>" in text_of(note)
    assert "Alice" in text_of(other)
    [call] = here.slack.to("U0ALICE")
    assert "QueryEngine is down" in text_of(call)
    assert "deepseek-backup" in text_of(call)
    assert "Carol is called" in text_of(call)
    assert here.pager.sent == [("trigger", 1)]
    assert here.telegram.to("2002") == []
    whole = await here.whole(ticket.id)
    assert {f"{m.platform}:{m.chat}" for m in whole.messages} == {SLACK_DESK, TELEGRAM_DESK, ALICE.address}
    assert await here.due(30) == 0


async def test_the_seven_fields_in_order(here: Room) -> None:
    at = here.clock.now() - timedelta(minutes=40)
    good = Reading(Kind.ACCOUNT_MONEY, Decimal("0.84"), "CNY")
    empty = Reading(Kind.ACCOUNT_MONEY, Decimal("0"), "CNY", blocks=True)
    await here.store.add_readings([StoredReading("deepseek", at, good)])
    await here.store.add_readings([StoredReading("deepseek", at + 30 * MINUTE, empty)])
    switch = await here.store.begin_switch(SwitchRecord(0, at, "query", "x", "deepseek", ADMIN.address, "started"))
    await here.store.finish_switch(switch, "done", detail={})
    await here.open()
    await here.due()
    facts = next(block for block in here.slack.to("C0SUPPORT")[0].blocks if hasattr(block, "rows"))
    rows = dict(facts.rows)
    assert list(rows) == [
        "Owner",
        "Environment",
        "Capability",
        "Last known good",
        "Symptom",
        "Evidence",
        "Next review",
    ]
    assert len(rows) == len(NOTE_FIELDS)
    assert rows["Owner"] == "platform team; reported by Bob (Telegram)"
    assert rows["Capability"] == "QueryEngine · deepseek-reasoner · deepseek"
    assert "10:02 (Beijing): deepseek checked fine, CNY 0.84" in rows["Last known good"]
    assert "switched to deepseek" in rows["Last known good"]
    assert "10:28 (Beijing): 402 Insufficient Balance" in rows["Symptom"]
    assert "3 times in 14 minutes" in rows["Symptom"]
    assert "(proved)" in rows["Symptom"]
    assert "status 402" in rows["Evidence"]
    assert rows["Next review"] == "14:42 (Beijing)"
    text = text_of(here.slack.to("C0SUPPORT")[0])
    assert (
        "Missing: request time, request id, account as the provider knows it, payment method, order time, amount"
        in text
    )


async def test_the_note_speaks_the_teams_language(tmp_path: Path, clock: FixedClock) -> None:
    made = await room(tmp_path, clock, language="zh")
    await made.open(language="en")
    await made.due()
    text = text_of(made.slack.to("C0SUPPORT")[0])
    assert text.startswith("#1 · 紧急 · QueryEngine 没有可用线路")
    for label in ("负责人", "环境", "能力", "最近正常", "现象", "证据", "下次查看"):
        assert label in text
    assert "缺：" in text
    await made.store.close()


async def test_the_same_trouble_joins_and_calls_nobody_again(here: Room) -> None:
    await here.open()
    await here.due()
    calls = len(here.slack.to("U0ALICE"))
    joined, new = await here.open(asker=ALICE, language="en", asked_in=MessageRef("slack", "C0TEAM", "1.1"))
    assert not new
    assert joined.count == 2
    await here.due()
    assert len(here.slack.to("U0ALICE")) == calls
    assert len(here.slack.to("C0SUPPORT")) == 1
    assert "Reported 2 times" in text_of(here.slack.now("C0SUPPORT")[0])
    assert "Reported 2 times" in text_of(here.telegram.now("-1009")[0])


async def test_many_reports_of_one_trouble_at_once_are_one_ticket(here: Room) -> None:
    results = await asyncio.gather(*(here.open() for _ in range(12)))
    assert [new for _, new in results].count(True) == 1
    await here.due()
    assert len(here.slack.to("U0ALICE")) == 1
    assert (await here.whole(1)).count == 12


async def test_unknown_errors_join_only_their_like(here: Room) -> None:
    def unknown(says: str) -> Diagnosis:
        return Diagnosis((Cause.UNKNOWN,), 0.1, here.clean(says), says=says)

    one, _ = await here.open(diagnosis=unknown("flux capacitor 7 is empty"), proven=None)
    same, _ = await here.open(diagnosis=unknown("flux capacitor 9 is empty"), proven=None)
    different, _ = await here.open(diagnosis=unknown("warp core breach"), proven=None)
    assert (one.id, same.id, different.id) == (1, 1, 2)


async def test_urgency(here: Room, tmp_path: Path, clock: FixedClock) -> None:
    down, _ = await here.open()
    note, _ = await here.open(proven=here.proven(no_route_left=False, account="b"))
    asked, _ = await here.open(proven=here.proven(no_route_left=False, account="c"), asked_to_page=True)
    warning, _ = await here.open(proven=here.proven(no_route_left=False, account="d"), warning=True)
    assert [t.urgency for t in (down, note, asked, warning)] == ["page", "note", "page", "morning"]
    (tmp_path / "x").mkdir()
    staging = await room(tmp_path / "x", clock, support=replace(here.team.support, environment="staging"))
    assert (await staging.open())[0].urgency == "note"
    await staging.store.close()


async def test_a_note_calls_nobody_but_names_who_is_on_call(here: Room) -> None:
    await here.open(proven=here.proven(no_route_left=False))
    await here.due()
    assert here.slack.to("U0ALICE") == []
    assert here.pager.sent == []
    text = text_of(here.slack.to("C0SUPPORT")[0])
    assert "On call: Alice" in text
    assert "@<" not in text


async def test_a_warning_waits_for_the_morning(here: Room) -> None:
    await here.open(proven=here.proven(no_route_left=False), warning=True)
    await here.due()
    assert here.slack.posted == []
    there = here.clock.now().astimezone(ZoneInfo("Asia/Shanghai"))
    morning = (there + timedelta(days=1)).replace(hour=9, minute=0)
    await here.due(morning - there - timedelta(seconds=1))
    assert here.slack.posted == []
    await here.due(1)
    assert [r.title for r in here.slack.to("C0SUPPORT") if "ticket.evidence" in labels(r)] == [
        "#1 · QueryEngine: The balance is used up"
    ]
    assert (await here.whole(1)).next_review == here.clock.now() + timedelta(hours=4)


async def test_what_gets_worse_does_not_wait(here: Room) -> None:
    await here.open(proven=here.proven(no_route_left=False), warning=True)
    await here.due(MINUTE)
    worse, new = await here.open()
    assert (new, worse.urgency) == (False, "page")
    await here.due()
    assert len(here.slack.to("C0SUPPORT")) == 1
    assert len(here.slack.to("U0ALICE")) == 1
    await here.due(timedelta(days=1))
    assert len([r for r in here.slack.to("C0SUPPORT") if "ticket.evidence" in labels(r)]) == 1


# --- acknowledging, resolving


async def test_acknowledged_on_telegram_edits_both(here: Room) -> None:
    ticket, _ = await here.open()
    await here.due()
    here.clock.move(4 * MINUTE)
    await here.escalation.acknowledge(ticket.id, CAROL, Role.MEMBER)
    before = here.clock.now()
    await here.due()
    assert here.clock.now() == before  # nothing had to be waited for
    for reply in (here.slack.now("C0SUPPORT")[0], here.telegram.now("-1009")[0], here.slack.now("U0ALICE")[0]):
        assert "Carol took it on Telegram · 10:46 (Beijing)" in text_of(reply)
        assert labels(reply) == ["ticket.resolve"]
    assert here.pager.sent == [("trigger", 1), ("acknowledge", 1)]
    await here.due(timedelta(hours=1))
    assert here.telegram.to("2002") == []  # the next person was never called


async def test_a_night(here: Room) -> None:
    """Called, no answer, the next person, acknowledged in Telegram, Slack edited, resolved, the asker told."""
    ticket, _ = await here.open()
    await here.due()
    await here.due(10 * MINUTE)
    assert len(here.slack.to("U0ALICE")) == 1
    [call] = here.telegram.to("2002")
    assert "everybody is called" in text_of(call)
    mention = here.telegram.to("-1009")[-1]
    assert "@<2002>" in text_of(mention)
    await here.escalation.acknowledge(ticket.id, CAROL, Role.MEMBER)
    await here.due()
    await here.due(20 * MINUTE)
    await here.escalation.resolve(ticket.id, CAROL, Role.MEMBER, here.clean("topped up ¥100"))
    await here.due()
    assert "topped up ¥100" in text_of(here.slack.now("C0SUPPORT")[0])
    assert labels(here.slack.now("C0SUPPORT")[0]) == ["ticket.reopen"]
    told = here.telegram.to("1002")[-1]
    assert "topped up ¥100" in text_of(told)
    assert "Carol 在 Telegram 解决" in text_of(told)  # the asker's own language
    assert here.pager.sent == [("trigger", 1), ("trigger", 1), ("acknowledge", 1), ("resolve", 1)]
    whole = await here.whole(ticket.id)
    assert [e.what for e in whole.timeline if e.what in ("opened", "paged", "acknowledged", "resolved", "told")] == [
        "opened",
        "paged",
        "paged",
        "acknowledged",
        "resolved",
        "told",
    ]
    assert await here.due(timedelta(days=2)) == 0


async def test_everybody_again_and_again_then_an_end(tmp_path: Path, clock: FixedClock) -> None:
    people = OnCall((ALICE.address, CAROL.address), ack_within=timedelta(hours=1))
    here = await room(tmp_path, clock, oncall=people)
    await here.open()
    await here.due()
    for _ in range(4):
        await here.due(timedelta(hours=1))
    # 0: Alice. 1 h: Carol. 2 and 3 h: both. Then the pauses grow: 5, 9, 15 and 21 h.
    assert (len(here.slack.to("U0ALICE")), len(here.telegram.to("2002"))) == (3, 3)
    for _ in range(12):
        await here.due(timedelta(hours=2))
    assert len(here.slack.to("U0ALICE")) == 7
    assert any("I stop calling" in text_of(r) for r in here.slack.to("C0SUPPORT"))
    await here.due(timedelta(days=3))
    assert len(here.slack.to("U0ALICE")) == 7
    await here.store.close()


async def test_everybody_who_asked_is_told_in_their_thread(here: Room) -> None:
    ticket, _ = await here.open()
    await here.open(asker=ADMIN, language="en", asked_in=MessageRef("slack", "C0TEAM", "17.5"))
    await here.open(asker=Person("slack", "U9", "Dan"), language="en", asked_in=None)
    await here.escalation.resolve(ticket.id, ADMIN, Role.OPERATOR)
    await here.due()
    assert len(here.telegram.to("1002")) == 1
    [(place, _)] = [(k, r) for k, r in here.slack.messages.items() if k[0] == "C0TEAM"]
    assert here.slack.threads[place] == "17.5"
    assert len(here.slack.to("U9")) == 1


async def test_a_thread_that_is_gone_becomes_a_direct_message(here: Room) -> None:
    ticket, _ = await here.open(asker=ADMIN, asked_in=MessageRef("slack", "C0GONE", "17.5"))
    here.slack.broken["C0GONE"] = DeliveryError("removed", final=True)
    await here.escalation.resolve(ticket.id, ADMIN, Role.OPERATOR)
    await here.due()
    assert len(here.slack.to("U0ADMIN")) == 1


async def test_a_second_press_says_who_has_it(here: Room) -> None:
    ticket, _ = await here.open()
    await here.escalation.acknowledge(ticket.id, ALICE, Role.MEMBER)
    with pytest.raises(QuotadeskError) as taken:
        await here.escalation.acknowledge(ticket.id, ADMIN, Role.OPERATOR)
    assert (taken.value.key, taken.value.facts["by"]) == ("ticket_taken", ALICE)
    await here.escalation.resolve(ticket.id, ADMIN, Role.OPERATOR)
    for act in (here.escalation.acknowledge, here.escalation.resolve):
        with pytest.raises(QuotadeskError) as late:
            await act(ticket.id, ALICE, Role.MEMBER)
        assert late.value.key == "ticket_resolved"
    with pytest.raises(UnknownName):
        await here.escalation.acknowledge(999, ADMIN, Role.OPERATOR)


async def test_who_may(here: Room) -> None:
    ticket, _ = await here.open()
    stranger = Person("slack", "U9", "Dan")
    for act in (here.escalation.acknowledge, here.escalation.resolve, here.escalation.reopen):
        with pytest.raises(NotAllowed):
            await act(ticket.id, stranger, Role.MEMBER)
    with pytest.raises(NotAllowed):
        await here.escalation.snooze(ticket.id, stranger, Role.MEMBER, timedelta(hours=1))
    assert (await here.whole(ticket.id)).state is TicketState.OPEN
    assert [a.result for a in await here.store.audits()][:4] == ["refused"] * 4
    # The same person under a linked address is the same person.
    await here.store.link(stranger.address, CAROL.address, here.clock.now())
    await here.escalation.acknowledge(ticket.id, stranger, Role.MEMBER)


async def test_reopened_calls_begin_anew(here: Room) -> None:
    ticket, _ = await here.open()
    await here.due()
    await here.escalation.resolve(ticket.id, ADMIN, Role.OPERATOR)
    await here.due(MINUTE)
    await here.escalation.reopen(ticket.id, ADMIN, Role.OPERATOR)
    await here.due()
    assert len(here.slack.to("U0ALICE")) == 2
    assert labels(here.slack.now("C0SUPPORT")[0])[0] == "ticket.ack"
    with pytest.raises(QuotadeskError) as fault:
        await here.escalation.reopen(ticket.id, ADMIN, Role.OPERATOR)
    assert fault.value.key == "ticket_open"


async def test_an_old_ticket_stays_closed_where_a_newer_one_is_open(here: Room) -> None:
    old, _ = await here.open()
    await here.escalation.resolve(old.id, ADMIN, Role.OPERATOR)
    newer, _ = await here.open()
    with pytest.raises(QuotadeskError) as fault:
        await here.escalation.reopen(old.id, ADMIN, Role.OPERATOR)
    assert (fault.value.key, fault.value.facts["newer"]) == ("ticket_newer", newer.id)


async def test_snoozed_is_quiet_then_calls(here: Room) -> None:
    ticket, _ = await here.open()
    await here.due()
    snoozed = await here.escalation.snooze(ticket.id, ALICE, Role.MEMBER, timedelta(hours=1))
    assert snoozed.next_review == here.clock.now() + timedelta(hours=1)
    calls = len(here.slack.to("U0ALICE")) + len(here.telegram.to("2002"))
    await here.due(59 * MINUTE)
    assert len(here.slack.to("U0ALICE")) + len(here.telegram.to("2002")) == calls
    await here.due(MINUTE)
    assert len(here.slack.to("U0ALICE")) + len(here.telegram.to("2002")) == calls + 1


async def test_the_review_reminds_who_has_it_until_the_end(here: Room) -> None:
    ticket, _ = await here.open()
    await here.due()
    await here.escalation.acknowledge(ticket.id, CAROL, Role.MEMBER)
    await here.due(timedelta(hours=4))
    reminder = here.telegram.to("-1009")[-1]
    assert "@<2002>" in text_of(reminder)
    assert "Carol took it" in text_of(reminder)
    assert labels(reminder) == ["ticket.resolve", "ticket.snooze"]
    await here.due(timedelta(hours=4))
    assert len(here.telegram.to("-1009")) == 3
    for _ in range(8):
        await here.due(timedelta(hours=23))
    posted = len(here.telegram.to("-1009"))
    assert "I stop asking" in text_of(here.telegram.to("-1009")[-1])
    await here.due(timedelta(days=30))
    assert len(here.telegram.to("-1009")) == posted


# --- evidence


async def test_evidence_is_kept_in_its_harmless_form(here: Room, make_key: object) -> None:
    ticket, _ = await here.open()
    await here.due()
    values = {
        "payment_method": here.clean("支付宝 6217 0000 1111 2222 333"),
        "account": here.clean("alice.liddell@example.com"),
        "task_state": here.clean("failed https://cdn.example.com/v.mp4?sign=abcdef&t=1"),
        "prompt": here.clean("draw my secret plan"),
        "amount": here.clean("¥100"),
    }
    await here.escalation.add_evidence(ticket.id, BOB, values)
    await here.due()
    kept = {e.name: e.value.text for e in (await here.whole(ticket.id)).evidence}
    assert kept["payment_method"] == "alipay"
    assert kept["account"] == "a***@example.com"
    assert kept["task_state"] == "failed https://cdn.example.com/v.mp4"
    assert "prompt" not in kept
    for chat in (here.slack.now("C0SUPPORT")[0], here.telegram.now("-1009")[0]):
        assert "amount ¥100" in text_of(chat)
        assert "secret plan" not in text_of(chat)
    with pytest.raises(QuotadeskError, match="evidence_none"):
        await here.escalation.add_evidence(ticket.id, BOB, {"prompt": here.clean("x"), "amount": here.clean("  ")})


# --- deliveries that fail


async def test_a_chat_that_removed_the_bot_is_told_elsewhere(here: Room) -> None:
    here.telegram.broken["-1009"] = DeliveryError("removed", final=True)
    ticket, _ = await here.open()
    await here.due()
    told = [text_of(r) for r in here.slack.to("C0SUPPORT")]
    assert any(
        "Could not deliver the note to the support chat on Telegram: the chat removed the bot" in text for text in told
    )
    assert [e.detail.text for e in (await here.whole(ticket.id)).timeline if e.what == "failed" and e.detail] == [
        "note telegram:-1009: removed"
    ]


async def test_a_person_who_left_is_told_and_the_next_is_called(here: Room) -> None:
    here.slack.broken["U0ALICE"] = DeliveryError("blocked", final=True)
    await here.open()
    await here.due()
    assert any("blocked the bot" in text_of(r) for r in here.telegram.to("-1009"))
    await here.due(10 * MINUTE)
    assert len(here.telegram.to("2002")) == 1


async def test_a_platform_that_is_down_is_tried_until_it_is_back(here: Room) -> None:
    here.telegram.broken["-1009"] = DeliveryError("http_502")
    await here.open()
    for _ in range(9):
        await here.due(20)
    assert here.telegram.posted == []
    assert any("late since" in text_of(r) for r in here.slack.to("C0SUPPORT"))  # the auditor tells, once
    assert sum("late since" in text_of(r) for r in here.slack.to("C0SUPPORT")) == 1
    del here.telegram.broken["-1009"]
    back = here.clock.now()
    while not here.telegram.to("-1009"):
        await here.due(1)
        assert here.clock.now() - back <= timedelta(seconds=30)
    assert len([r for r in here.telegram.to("-1009") if "ticket.evidence" in labels(r)]) == 1


async def test_the_platforms_own_delay_is_kept(here: Room) -> None:
    here.slack.broken["C0SUPPORT"] = DeliveryError("rate_limited", retry_after_s=37)
    await here.open()
    await here.due()
    del here.slack.broken["C0SUPPORT"]
    await here.due(36)
    assert here.slack.to("C0SUPPORT") == []
    await here.due(2)
    assert len(here.slack.to("C0SUPPORT")) == 1
    assert len(here.telegram.to("-1009")) == 1  # the other platform never waited


async def test_a_lost_answer_is_marked(here: Room) -> None:
    here.slack.broken["C0SUPPORT"] = DeliveryError("timeout", lost=True)
    await here.open()
    await here.due()
    del here.slack.broken["C0SUPPORT"]
    await here.due(5)
    assert "May have arrived twice" in text_of(here.slack.to("C0SUPPORT")[0])


async def test_acknowledged_while_the_note_is_on_its_way(here: Room) -> None:
    here.telegram.broken["-1009"] = DeliveryError("http_502")
    ticket, _ = await here.open()
    await here.due()
    await here.escalation.acknowledge(ticket.id, ALICE, Role.MEMBER)
    await here.due()
    del here.telegram.broken["-1009"]
    await here.due(20)
    [note] = here.telegram.now("-1009")
    assert "Alice took it on Slack" in text_of(note)
    assert labels(note) == ["ticket.resolve"]


async def test_a_deleted_copy_is_posted_anew_once(here: Room) -> None:
    ticket, _ = await here.open()
    await here.due()
    here.slack.messages = {k: v for k, v in here.slack.messages.items() if k[0] != "C0SUPPORT"}
    await here.escalation.acknowledge(ticket.id, ALICE, Role.MEMBER)
    await here.due()
    [again] = here.slack.now("C0SUPPORT")
    assert "Alice took it" in text_of(again)
    lines = [delivery_words.entry(e, here.team, Words("en"), here.clock.now()) for e in (await here.whole(1)).timeline]
    assert lines[-2:] == [
        "the message in the support chat on Slack was deleted; sent again",
        "note delivered to the support chat on Slack",
    ]
    await here.escalation.resolve(ticket.id, ALICE, Role.MEMBER)
    await here.due(MINUTE)
    assert len(here.slack.now("C0SUPPORT")) == 1


async def test_never_months_later(here: Room) -> None:
    await here.open()
    here.clock.move(timedelta(days=60))
    await here.due()
    assert here.slack.to("U0ALICE") == []
    assert here.pager.sent == []
    told = [text_of(r) for r in here.slack.to("C0SUPPORT")]
    assert sum("nobody is called for old news" in text for text in told) == 1
    assert not any("ticket.evidence" in labels(r) for r in here.slack.to("C0SUPPORT"))


async def test_a_platform_that_is_not_connected(here: Room) -> None:
    del here.chats["telegram"]
    await here.open()
    await here.due()
    assert any("platform not connected" in text_of(r) for r in here.slack.to("C0SUPPORT"))


async def test_a_pager_that_is_down_does_not_hold_the_rest(here: Room) -> None:
    here.pager.broken = DeliveryError("pagerduty_timeout")
    ticket, _ = await here.open()
    await here.due()
    assert len(here.slack.to("U0ALICE")) == 1
    here.pager.broken = None
    await here.due(5)
    assert here.pager.sent == [("trigger", ticket.id)]


# --- restarts and replicas


async def test_a_restart_in_the_middle_of_the_chain(here: Room) -> None:
    await here.open()
    await here.due()
    url = str(here.store._url.render_as_string())
    await here.store.close()
    here.clock.move(11 * MINUTE)
    store = SqlStore(url, here.gate)
    await store.open()
    _, runner = here.replica(store, "after the restart")
    await runner.run_due()
    assert len(here.telegram.to("2002")) == 1
    assert len(here.slack.to("U0ALICE")) == 1
    await store.close()


async def test_a_holder_that_vanished(here: Room) -> None:
    """What it was sending may have arrived; what it only held has not."""
    await here.open()
    steps = await here.store.claim_steps(here.clock.now(), "somebody who is killed", 20, 100)
    await here.store.begin_sending([step.id for step in steps if step.payload.get("place") == SLACK_DESK])
    assert await here.due(19) == 0
    await here.due(2)
    [note], [other] = here.slack.to("C0SUPPORT"), here.telegram.to("-1009")
    assert "May have arrived twice" in text_of(note)
    assert "May have arrived twice" not in text_of(other)


async def test_a_successor_does_not_wait_for_the_lease_of_one_that_is_dead(here: Room) -> None:
    await here.open()
    await here.store.claim_steps(here.clock.now(), "dead", 20, 1)
    await here.store.claim_steps(here.clock.now(), "alive", 20, 1)
    assert await here.store.let_go(lambda owner: owner == "dead", here.clock.now()) == 1
    assert await here.store.let_go(lambda owner: owner == "dead", here.clock.now()) == 0
    await here.due()
    assert len(here.slack.to("C0SUPPORT")) + len(here.telegram.to("-1009")) == 1


async def test_two_runners_on_one_database(here: Room) -> None:
    second = SqlStore(str(here.store._url.render_as_string()), here.gate)
    await second.open()
    _, other = here.replica(second)
    here.runner._limit = other._limit = 9  # so that one look of one does not take all
    for n in range(12):
        await here.open(proven=here.proven(account=f"a{n}"))
    await asyncio.gather(here.runner.run_due(), other.run_due())
    every = [f"#{n}" for n in range(1, 13)]
    for chat, place in ((here.slack, "C0SUPPORT"), (here.telegram, "-1009"), (here.slack, "U0ALICE")):
        said = "\n".join(text_of(reply) for reply in chat.to(place))
        assert sorted(re.findall(r"#\d+", said)) == sorted(every), place
    assert len(here.pager.sent) == 12
    assert here.runner.counts.done
    assert other.counts.done
    await second.close()


async def test_a_broken_chain_is_mended(here: Room) -> None:
    ticket, _ = await here.open()
    await here.due()
    for step in await here.store.pending_steps():
        if step.kind == "escalate":
            await here.store.finish_step(step.id, here.clock.now())
    for _ in range(3):
        await here.due(61)
    assert len(here.slack.to("U0ALICE")) == 2
    assert (await here.whole(ticket.id)).state is TicketState.OPEN


async def test_the_auditor_lets_a_whole_chain_be(here: Room) -> None:
    await here.open()
    for _ in range(9):
        await here.due(61)
    assert len(here.slack.to("U0ALICE")) == 1


async def test_the_clock_jumps_back(here: Room) -> None:
    here.telegram.broken["-1009"] = DeliveryError("http_502")
    await here.open()
    await here.due()
    here.clock._now -= timedelta(hours=3)
    here.clock.move(5)
    del here.telegram.broken["-1009"]
    await here.due(timedelta(hours=3))
    assert len([r for r in here.telegram.to("-1009") if "ticket.evidence" in labels(r)]) == 1


async def test_what_was_put_off_does_not_wait_out_a_jump_back(here: Room) -> None:
    here.telegram.broken["-1009"] = DeliveryError("rate_limited", retry_after_s=40)
    await here.open()
    await here.due()
    del here.telegram.broken["-1009"]
    here.clock._now -= timedelta(hours=3)
    for _ in range(3):
        await here.due(61)
    assert here.telegram.to("-1009")
    # The next person is called after ack_within, once, not three hours later.
    for _ in range(12):
        await here.due(61)
    assert len(here.telegram.to("2002")) == 1
    assert len(here.slack.to("U0ALICE")) == 1


async def test_a_lease_from_before_a_jump_back_ends(here: Room) -> None:
    await here.open()
    steps = await here.store.claim_steps(here.clock.now(), "killed", 20, 100)
    await here.store.begin_sending([step.id for step in steps])
    here.clock._now -= timedelta(hours=3)
    for _ in range(3):
        await here.due(61)
    assert "May have arrived twice" in text_of(here.telegram.to("-1009")[0])


async def test_run_forever_delivers_and_stops(here: Room) -> None:
    running = asyncio.create_task(here.runner.run_forever())
    ticket, _ = await here.open()
    await here.slack.until(lambda: bool(here.slack.to("U0ALICE")))
    await here.telegram.until(lambda: bool(here.telegram.to("-1009")))
    await here.escalation.acknowledge(ticket.id, ALICE, Role.MEMBER)
    await here.telegram.until(lambda: any("took it" in text_of(r) for r in here.telegram.now("-1009")))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert any("took it" in text_of(r) for r in here.telegram.now("-1009"))


# --- many at once


async def test_a_burst_is_one_message_a_chat_and_each_is_edited(here: Room) -> None:
    for n in range(12):
        await here.open(proven=here.proven(account=f"a{n}", no_route_left=n < 5))
    await here.due()
    [digest] = here.telegram.to("-1009")
    assert [action.value for action in digest.actions] == [str(n) for n in range(1, 13)]
    assert labels(digest)[0] == "ticket.show"
    assert "QueryEngine has no working route left" in text_of(digest)
    assert any("@<U0ALICE>" in text_of(reply) for reply in here.slack.to("C0SUPPORT"))
    [calls] = here.slack.to("U0ALICE")
    assert labels(calls) == ["ticket.ack"] * 5
    assert calls.actions[0].label.startswith("Acknowledge #")
    number = int(calls.actions[1].value)

    edits = len(here.telegram.edits)
    await here.escalation.acknowledge(number, ALICE, Role.MEMBER)
    await here.due()
    assert len(here.telegram.edits) == edits + 1
    [now] = [reply for reply in here.telegram.now("-1009") if f"#{number} " in text_of(reply)]
    assert f"#{number} · taken" in text_of(now) or "Alice took it" in text_of(now)
    [direct] = [reply for reply in here.slack.now("U0ALICE") if f"#{number} " in text_of(reply)]
    assert str(number) not in [action.value for action in direct.actions]
    here.clock.move(1)
    await here.escalation.resolve(number, ALICE, Role.MEMBER)
    await here.due()
    [now] = [reply for reply in here.telegram.now("-1009") if f"#{number} " in text_of(reply)]
    assert str(number) not in [action.value for action in now.actions]
    assert len(now.actions) == len(digest.actions) - 1


async def test_many_moves_are_one_edit_of_the_message_that_shows_them(here: Room) -> None:
    for n in range(8):
        await here.open(proven=here.proven(account=f"a{n}", no_route_left=False))
    await here.due()
    before = len(here.slack.edits)
    for id in range(1, 9):
        await here.escalation.resolve(id, ADMIN, Role.OPERATOR)
    await here.due()
    assert len(here.slack.edits) - before == 1
    assert all(not reply.actions or labels(reply) == ["ticket.reopen"] for reply in here.slack.now("C0SUPPORT"))


async def test_a_burst_into_a_chat_that_removed_the_bot_is_told_in_one_message(here: Room) -> None:
    here.telegram.broken["-1009"] = DeliveryError("removed", final=True)
    for n in range(8):
        await here.open(proven=here.proven(account=f"a{n}", no_route_left=False))
    await here.due()
    told = [reply for reply in here.slack.to("C0SUPPORT") if "support chat on Telegram" in text_of(reply)]
    assert len(told) == 1
    said = "\n".join(text_of(reply) for reply in told)
    assert {f"#{n}" for n in range(1, 9)} <= set(re.findall(r"#\d+", said))
    for n in range(1, 9):
        assert [entry.what for entry in (await here.whole(n)).timeline].count("failed") == 1


async def test_a_burst_whose_answer_was_lost_is_marked(here: Room) -> None:
    here.telegram.broken["-1009"] = DeliveryError("network", lost=True)
    for n in range(10):
        await here.open(proven=here.proven(account=f"a{n}", no_route_left=False))
    await here.due()
    del here.telegram.broken["-1009"]
    for _ in range(3):
        await here.due(30)
    said = "\n".join(text_of(reply) for reply in here.telegram.to("-1009"))
    assert all(said.count(f"#{n} ") == 1 for n in range(1, 11))
    assert "May have arrived twice" in said


async def test_a_burst_that_was_sent_but_not_recorded_one_by_one_is_not_sent_again(here: Room) -> None:
    """Whoever sent it was killed right after the one record of the whole message: that finishes all of its steps."""
    for n in range(10):
        await here.open(proven=here.proven(account=f"a{n}", no_route_left=False))
    steps = await here.store.claim_steps(here.clock.now(), "killed", 20, 100)
    _, other = here.replica(owner="killed")
    delivery = other._jobs["note"]
    notes = [step for step in steps if step.payload["place"] == TELEGRAM_DESK]
    await delivery._together._send_together("note", TELEGRAM_DESK, notes)  # type: ignore[attr-defined]
    sent = len(here.telegram.to("-1009"))
    await here.due(30)
    assert len(here.telegram.to("-1009")) == sent == 1
    for n in range(1, 11):
        assert [ref.chat for ref in (await here.whole(n)).messages].count("-1009") == 1


async def test_an_outage_of_one_chat_counts_once_for_all_that_wait(here: Room) -> None:
    here.telegram.broken["-1009"] = DeliveryError("http_502")
    for n in range(10):
        await here.open(proven=here.proven(account=f"a{n}", no_route_left=False))
    await here.due()
    del here.telegram.broken["-1009"]
    await here.due(3)  # the first pause is a second, however many waited
    assert here.telegram.to("-1009")


# --- rota, drill, summary


async def test_a_gap_in_the_rota_is_said_and_everybody_is_called(tmp_path: Path, clock: FixedClock) -> None:
    oncall = OnCall(("nobody", CAROL.address), timedelta(weeks=1), clock.now() - timedelta(hours=1), 10 * MINUTE)
    made = await room(tmp_path, clock, oncall=oncall)
    await made.open()
    await made.due()
    assert "nobody (gap in the rota)" in text_of(made.slack.to("C0SUPPORT")[0])
    assert any("Nobody is on call now, so everybody is called" in text_of(r) for r in made.slack.to("C0SUPPORT"))
    assert len(made.telegram.to("2002")) == 1
    await made.store.close()


async def test_no_people_no_support_chats(tmp_path: Path, clock: FixedClock) -> None:
    made = await room(tmp_path, clock, oncall=OnCall(), support=Support())
    ticket, new = await made.open()
    assert new
    await made.due()
    assert (await made.whole(ticket.id)).state is TicketState.OPEN
    drilled = await made.escalation.drill(ADMIN, Role.OPERATOR, "en", None)
    gaps = {word for word, _ in (await made.escalation.drill_report(drilled.id)).gaps}
    assert {"no_support_chat", "no_oncall"} <= gaps
    await made.store.close()


async def test_a_drill_goes_the_real_way_and_is_marked_everywhere(here: Room) -> None:
    here.telegram.broken["-1009"] = DeliveryError("removed", final=True)
    ticket = await here.escalation.drill(ADMIN, Role.OPERATOR, "en", MessageRef("slack", "C0TEAM", "5.5"))
    await here.due()
    for reply in (*here.slack.to("C0SUPPORT"), *here.slack.to("U0ALICE")):
        assert reply.title.startswith("DRILL")
    assert here.pager.sent == [("trigger", ticket.id)]
    await here.due(3 * MINUTE)
    await here.escalation.acknowledge(ticket.id, ALICE, Role.MEMBER)
    await here.due()
    drilled = await here.escalation.drill_report(ticket.id)
    times = {what: after for what, _, after in drilled.steps}
    assert times["acknowledged"] == 3 * MINUTE
    assert times["delivered"] == timedelta(0)
    assert ("not_delivered", {"what": "note telegram:-1009: removed"}) in drilled.gaps
    await here.due(timedelta(minutes=30))
    assert (await here.whole(ticket.id)).state is TicketState.RESOLVED
    [end] = here.slack.to("C0TEAM")
    assert end.title.startswith("DRILL")
    assert labels(end) == ["drill.report"]
    with pytest.raises(NotAllowed):
        await here.escalation.drill(BOB, Role.MEMBER, "en", None)


async def test_a_drill_never_joins_a_real_ticket(here: Room) -> None:
    real, _ = await here.open()
    one = await here.escalation.drill(ADMIN, Role.OPERATOR, "en", None)
    assert one.id != real.id
    assert one.drill
    again = await here.escalation.drill(ALICE, Role.MEMBER, "en", None)
    assert (again.id, again.count) == (one.id, 2)


async def test_the_handover_is_told_once(here: Room) -> None:
    await here.open()
    await here.due()
    handover = (await here.escalation.rota.rota()).at(here.clock.now()).until
    assert handover is not None
    here.clock.move(handover - here.clock.now() - 5 * MINUTE)
    await here.due()
    for _ in range(7):
        await here.due(MINUTE)
    told = [text_of(r) for r in here.slack.to("C0SUPPORT") if "On call:" in text_of(r) and "→" in text_of(r)]
    assert told == ["\nOn call: Alice → Carol, until Nov 30 09:00 (Beijing). Open: #1"]


async def test_summary(here: Room) -> None:
    one, _ = await here.open()
    two, _ = await here.open(proven=here.proven(account="b"))
    three, _ = await here.open(proven=here.proven(account="c"))
    await here.escalation.acknowledge(two.id, ALICE, Role.MEMBER)
    await here.escalation.resolve(three.id, ALICE, Role.MEMBER)
    summary = await here.escalation.summary()
    assert [t.id for t in summary.open] == [one.id]
    assert [t.id for t in summary.acknowledged] == [two.id]
    assert summary.resolved == 1
    assert summary.shift.address == ALICE.address
    assert summary.following == CAROL
