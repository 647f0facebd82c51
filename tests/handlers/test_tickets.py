"""The buttons of a note and the typed twins, through the router: rights, lateness, languages."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.errors import DeliveryError
from bot.model.chat import Action, Board, MessageRef, Person, Place, Reply, Request, Role
from bot.model.handoff import TicketState
from bot.outlets.desk import ChatDesk
from bot.services import Services
from bot.services.alert_book import AlertBook
from bot.services.escalation import build
from bot.services.fallback import Fallback
from handlers import audit, drill, oncall, shift, tickets
from handlers.router import Command, Router
from tests.conftest import FixedClock
from tests.escalation_room import ADMIN, ALICE, BOB, CAROL, Room, labels, room, team, text_of

_ids = itertools.count()
_COMMANDS: dict[str, Command] = {
    c.name: c for c in (*tickets.COMMANDS, *oncall.COMMANDS, *drill.COMMANDS, *shift.COMMANDS, audit.COMMAND)
}


class Desk:
    def __init__(self, here: Room) -> None:
        self.here = here
        unused: Any = None
        self.router = Router(
            Services(
                team=here.team,
                store=here.store,
                clock=here.clock,
                gate=here.gate,
                keys=unused,
                balances=unused,
                diagnosis=unused,
                proof=unused,
                switching=unused,
                escalation=here.escalation,
                oncall=here.escalation.rota,
            ),
            _COMMANDS,
        )

    async def send(self, text: str = "", by: Person = ADMIN, language: str = "en", **more: Any) -> Reply:
        command, _, rest = text.partition(" ")
        request = Request(
            command=command,
            text=self.here.gate.clean(rest).text,
            asker=by,
            place=Place(by.platform, "C0TEAM" if by.platform == "slack" else by.id),
            language=language,
            timezone="Asia/Shanghai",
            received_at=self.here.clock.now(),
            id=str(next(_ids)),
            **more,
        )
        [reply] = [reply async for reply in self.router.answer(request)]
        return reply

    async def press(
        self, action: str, value: str = "1", by: Person = ADMIN, *, on: MessageRef | None = None, **more: Any
    ) -> Reply:
        message = on or MessageRef("slack", "C0TEAM", "9.9")
        return await self.send(by=by, action=action, value=value, message=message, **more)


@pytest.fixture
async def here(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Room]:
    made = await room(tmp_path, clock, routes={})
    yield made
    await made.store.close()


@pytest.fixture
def desk(here: Room) -> Desk:
    return Desk(here)


async def copy_in(here: Room, chat: str) -> MessageRef:
    return next(ref for ref in (await here.whole(1)).messages if ref.chat == chat)


async def test_acknowledge_on_a_copy_is_a_private_word_and_the_desk_edits(here: Room, desk: Desk) -> None:
    await here.open()
    await here.due()
    reply = await desk.press("ticket.ack", by=CAROL_MEMBER, on=await copy_in(here, "-1009"))
    assert reply.alert
    assert "Carol took it on Telegram · 10:42" in text_of(reply)
    await here.due()
    assert "Carol took it" in text_of(here.slack.now("C0SUPPORT")[0])
    assert "Carol took it" in text_of(here.telegram.now("-1009")[0])


CAROL_MEMBER = CAROL


@pytest.fixture(autouse=True)
async def carol_is_known(here: Room) -> None:
    """A member by a linked address, on call by her own."""
    await here.store.link(CAROL.address, "slack:U0CAROL", here.clock.now())


async def test_on_another_message_the_press_edits_it(here: Room, desk: Desk) -> None:
    await here.open()
    reply = await desk.press("ticket.ack")
    assert reply.replace
    assert "Ada took it on Slack" in text_of(reply)
    assert labels(reply) == ["ticket.resolve", "ticket.export"]


async def test_a_member_without_the_right_is_refused_privately(here: Room, desk: Desk) -> None:
    await here.open()
    for action in ("ticket.ack", "ticket.resolve", "ticket.snooze"):
        reply = await desk.press(action, by=BOB)
        assert reply.alert
        assert "Only operators and people in the on-call rota" in text_of(reply)
    assert (await here.whole(1)).state is TicketState.OPEN


async def test_a_stranger_is_refused(here: Room, desk: Desk) -> None:
    await here.open()
    reply = await desk.press("ticket.ack", by=Person("telegram", "666", "Eve"))
    assert reply.alert
    assert "telegram:666" in text_of(reply)


async def test_double_press_and_press_after_the_end(here: Room, desk: Desk) -> None:
    await here.open()
    await desk.press("ticket.ack")
    late = await desk.press("ticket.ack", by=ALICE)
    assert late.alert
    assert "Ada (Slack) has #1 already, since 10:42 (Beijing)." in text_of(late)
    await desk.press("ticket.resolve")
    for action in ("ticket.ack", "ticket.resolve", "ticket.snooze"):
        value = "1:4h" if action == "ticket.snooze" else "1"
        late = await desk.press(action, value)
        assert late.alert
        assert "nothing is left to do here" in text_of(late)


@pytest.mark.parametrize("value", ["999", "x", "", "1" * 30, "-1"])
async def test_a_ticket_that_is_not_there(here: Room, desk: Desk, value: str) -> None:
    for action in ("ticket.ack", "ticket.show", "ticket.evidence", "ticket.export", "ticket.reopen"):
        assert "no ticket" in text_of(await desk.press(action, value))


async def test_the_list(here: Room, desk: Desk) -> None:
    assert "No ticket is open" in text_of(await desk.send("tickets"))
    await here.open()
    await here.open(proven=here.proven(account="b"), asker=ALICE)
    await desk.press("ticket.resolve", "1")
    reply = await desk.send("tickets", by=BOB)
    assert reply.title == "Tickets · 1 open"
    assert "#2 QueryEngine" in text_of(reply)
    assert [a.value for a in reply.actions] == ["2"]
    found = await desk.send("tickets search INSUFFICIENT")
    assert "#1" in text_of(found)
    assert "RESOLVED" in text_of(found)
    assert "No ticket matches “nothing”" in text_of(await desk.send("tickets search nothing"))
    assert "Write it like" in text_of(await desk.send("tickets search"))
    zh = await desk.send("tickets", by=BOB, language="zh")
    assert zh.title == "工单 · 1 张未解决"


async def test_one_ticket_with_its_timeline(here: Room, desk: Desk) -> None:
    await here.open()
    await here.due()
    await desk.send("ticket 1 ack")
    reply = await desk.send("ticket #1", by=BOB, language="zh")
    text = text_of(reply)
    for part in ("经过", "Bob（Telegram）报告", "交接单已送到 Slack 支持群", "呼叫：Alice", "Ada（Slack）接手"):
        assert part in text, part
    assert reply.title == "#1 · 处理中 · QueryEngine 没有可用线路"


async def test_typed_twins(here: Room, desk: Desk) -> None:
    await here.open()
    assert "Ada took it" in text_of(await desk.send("ticket 1 ack"))
    assert "is quiet until 12:42" in text_of(await desk.send("ticket 1 snooze 2h"))
    assert "amount ¥100" in text_of(await desk.send("ticket 1 amount=¥100", by=BOB))
    assert "Nothing of that may be kept" in text_of(await desk.send("ticket 1 amount= ", by=BOB))
    assert "topped up" in text_of(await desk.send("ticket 1 resolve topped up"))
    assert labels(await desk.send("ticket 1 reopen"))[0] == "ticket.ack"
    for wrong in ("ticket", "ticket x", "ticket 1 dance", "ticket 1 prompt=x"):
        assert "Write it like: /quota ticket 42" in text_of(await desk.send(wrong))
    assert "no ticket #77" in text_of(await desk.send("ticket 77")).lower()


async def test_evidence_by_form(here: Room, desk: Desk) -> None:
    await here.open()
    asked = await desk.press("ticket.evidence", by=BOB)
    assert asked.form is not None
    assert asked.form.id == "ticket.evidence"
    assert asked.form.value == "1"
    assert {"order_time", "amount", "payment_method"} <= {i.name for i in asked.form.inputs}
    fields = {
        "amount": here.clean("¥100"),
        "order_time": here.clean("2026-11-22T10:02:00+08:00"),
        "evil": here.clean("x"),
    }
    kept = await desk.press("ticket.evidence", by=BOB, fields=fields)
    assert kept.alert
    whole = await here.whole(1)
    assert {e.name for e in whole.evidence} >= {"amount", "order_time"}
    assert "evil" not in str(whole.evidence)


async def test_snooze_asks_for_how_long(here: Room, desk: Desk) -> None:
    await here.open()
    asked = await desk.press("ticket.snooze")
    assert [a.value for a in asked.actions] == ["1:1h", "1:4h", "1:morning"]
    reply = await desk.press("ticket.snooze", "1:morning")
    assert "tomorrow 09:00" in text_of(reply)
    assert (await here.whole(1)).next_review == here.clock.now() + timedelta(hours=22, minutes=18)


async def test_who_asked_may_say_that_it_is_not_solved(here: Room, desk: Desk) -> None:
    await here.open()
    await desk.press("ticket.resolve")
    refused = await desk.press("ticket.reopen", by=Person("slack", "U9", "Dan"))
    assert "Only operators" in text_of(refused)
    reply = await desk.press("ticket.reopen", by=BOB)
    assert (await here.whole(1)).state is TicketState.OPEN
    assert "URGENT" in reply.title


async def test_the_export_has_the_other_language_behind_details(here: Room, desk: Desk) -> None:
    await here.open()
    reply = await desk.press("ticket.export", language="zh")
    assert "向深度求索 DeepSeek 求助：" in text_of(reply)
    assert "Support request to DeepSeek:" in text_of(reply)


# --- on call


async def test_oncall(here: Room, desk: Desk) -> None:
    text = text_of(await desk.send("oncall", by=BOB))
    assert "Now: Alice until tomorrow 09:00 (Beijing)" in text
    assert "Then: Carol" in text
    assert "In turn: Alice, Carol" in text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("swap Carol", "Carol is on call from 10:42 to tomorrow 09:00 (Beijing)."),
        ("swap @carol 4h", "Carol is on call from 10:42 to 14:42 (Beijing)."),
        ("swap <@U0ALICE|alice> 18:00", "Alice is on call from 10:42 to 18:00 (Beijing)."),
        ("swap telegram:2002 22:00 06:00", "Carol is on call from 22:00 to tomorrow 06:00 (Beijing)."),
        ("swap nobody 02:00 07:00", "Nobody is on call from tomorrow 02:00 to tomorrow 07:00 (Beijing)."),
        (
            "swap Carol 2026-11-24T09:00 2026-11-25T09:00",
            "Carol is on call from Nov 24 09:00 to Nov 25 09:00",
        ),
        ("swap Mallory 4h", "I know nobody called Mallory"),
        ("swap Carol yesterday", "Write it like: /quota oncall swap"),
        ("swap Carol 2030-01-01T00:00 2030-01-02T00:00", "at most four weeks"),
        ("swap", "Write it like: /quota oncall swap"),
    ],
)
async def test_swap(here: Room, desk: Desk, typed: str, said: str) -> None:
    assert said in text_of(await desk.send(f"oncall {typed}", by=ALICE))


async def test_swap_shows_and_gaps_are_said(here: Room, desk: Desk) -> None:
    await desk.send("oncall swap nobody 02:00 07:00")
    text = text_of(await desk.send("oncall"))
    assert "Nobody from tomorrow 02:00 to tomorrow 07:00 (Beijing)" in text
    assert "nobody: tomorrow 02:00 to tomorrow 07:00 (Beijing)" in text
    assert "Only operators" in text_of(await desk.send("oncall swap Carol", by=BOB))
    assert (await here.store.audits(subject="swap"))[0].who == ADMIN.address


async def test_drill_and_report(here: Room, desk: Desk) -> None:
    await desk.send("oncall swap nobody 02:00 07:00")
    started = await desk.send("drill", by=ALICE)
    assert started.title == "DRILL #1 has begun"
    await here.due()
    here.clock.move(90)
    listed = text_of(await desk.send("tickets", by=ALICE))
    assert "DRILL · The balance is used up" in listed  # beside real trouble nobody may take it for that
    await desk.press("ticket.ack", by=ALICE)
    entries = await desk.send("audit", language="zh")
    log = text_of(entries)
    assert "接手 #1" in log
    assert "新建工单 #1" in log
    details = [row.under for block in entries.blocks if isinstance(block, Board) for row in block.rows]
    assert details[:2] == [("余额已用尽",), ("余额已用尽",)]
    assert "明天 02:00" in details[2][0]
    report = await desk.press("drill.report", by=ALICE)
    text = text_of(report)
    assert "0.0 s · note delivered to the support chat on Slack" in text
    assert "0.0 s · to be called: Alice\n" in text
    assert "90 s · taken by Alice (Slack)" in text
    assert "Alice took it after 90 s. 2 gaps were found." in text
    assert report.title == "DRILL · report on #1"
    assert "Nobody is on call from tomorrow 02:00 to tomorrow 07:00 (Beijing)." in text
    assert "QueryEngine has no backup route." in text
    assert "Only operators" in text_of(await desk.send("drill", by=BOB))
    assert report.actions == (Action("drill.report", "Drill report", "1"),)


async def test_a_drill_without_a_pager_and_with_a_gap_next_week(tmp_path: Path, clock: FixedClock) -> None:
    made = await room(tmp_path, clock, routes={})
    made.escalation, made.runner = build(
        made.team, made.store, ChatDesk(made.chats, made.team), [], clock, made.gate, owner="one"
    )
    made.telegram.broken["-1009"] = DeliveryError("removed", final=True)
    desk = Desk(made)
    await made.escalation.rota.swap(
        None, clock.now() + timedelta(days=9), clock.now() + timedelta(days=9, hours=5), "x"
    )
    await desk.send("drill", by=ALICE)
    await made.due()
    for language, no_pager, refused in (
        (
            "en",
            "No paging service is set",
            "Not delivered to the support chat on Telegram: the note (the chat removed the bot).",
        ),
        ("zh", "没有设置呼叫服务", "没有送到 Telegram 支持群：交接单（群里移除了机器人）。"),
    ):
        text = text_of(await desk.press("drill.report", by=ALICE, language=language))
        assert no_pager in text
        assert refused in text
        assert ("Nobody is on call from" if language == "en" else "没有人值班") in text
    await made.store.close()


async def test_shift_lists_what_is_silenced_and_off(here: Room, desk: Desk) -> None:
    unused: Any = None
    book = AlertBook(here.store, here.clock)
    await book.silence("kimi", "money", "hours", ADMIN, "Asia/Shanghai")
    services = desk.router._services
    chain = Fallback(
        replace(here.team, routes={"deepseek": team().routes["deepseek"]}), unused, unused, here.store, here.clock
    )
    desk.router._services = replace(services, fallback=chain)
    await here.store.set_fact(
        "breaker:deepseek",
        {"needs": "balance", "cause": "balance_exhausted", "since": here.clock.now().isoformat()},
        here.clock.now(),
    )
    text = text_of(await desk.press("shift.show", "", by=BOB))
    assert "Silenced: kimi · " in text
    assert "Routes off: deepseek (the balance is used up)" in text
    text = text_of(await desk.send("shift", by=BOB, language="zh"))
    assert "已静音：kimi · " in text
    assert "停用的线路：deepseek（" in text


async def test_shift(here: Room, desk: Desk) -> None:
    await here.open()
    text = text_of(await desk.send("shift", by=BOB, language="zh"))
    assert "未接手：#1 QueryEngine" in text
    assert "处理中：无" in text
    assert Role.MEMBER == 1
