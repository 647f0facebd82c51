"""The desk's words: notes in two languages, exports, mentions per platform, nothing that is markup."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.errors import DeliveryError
from bot.locales import Words, export_words, messages, notes
from bot.model.chat import MessageRef, Person, Role
from bot.model.diagnosis import Cause
from bot.model.handoff import EVIDENCE, Evidence, Page, Waiting
from bot.outlets.desk import ChatDesk, place_of
from bot.ports import Sighting
from tests.escalation_room import ALICE, BOB, CAROL, Room, text_of

EN, ZH = Words("en", "Asia/Shanghai"), Words("zh", "Asia/Shanghai")


@pytest.fixture
def desk(here: Room) -> ChatDesk:
    return ChatDesk(here.chats, here.team)


async def test_a_linked_person_is_mentioned_on_both_platforms(here: Room, desk: ChatDesk) -> None:
    await here.store.link(ALICE.address, "telegram:77", here.clock.now())
    ticket, _ = await here.open()
    await here.due()
    assert "@<U0ALICE>" in text_of(here.slack.to("C0SUPPORT")[0])
    assert "@<77>" in text_of(here.telegram.to("-1009")[0])
    assert len(here.slack.to("U0ALICE")) == len(here.telegram.to("77")) == 1


async def test_chats_may_come_later(here: Room) -> None:
    chats: dict[str, object] = {}
    desk = ChatDesk(chats, here.team)  # type: ignore[arg-type]
    ticket, _ = await here.open()
    with pytest.raises(DeliveryError) as fault:
        await desk.note("slack:C0SUPPORT", ticket, here.clock.now())
    assert fault.value.final
    chats["slack"] = here.slack
    assert (await desk.note("slack:C0SUPPORT", ticket, here.clock.now())).chat == "C0SUPPORT"


async def test_places(here: Room) -> None:
    assert place_of("telegram:-1009:17", here.team).thread == "17"
    assert place_of("telegram:-1009", here.team).chat == "-1009"
    assert place_of("slack:C0", replace(here.team, access=replace(here.team.access, slack_team="T1"))).team == "T1"


async def test_the_end_goes_into_the_thread(here: Room, desk: ChatDesk) -> None:
    ticket, _ = await here.open()
    done = await here.escalation.resolve(ticket.id, ALICE, Role.MEMBER, here.clean("ok"))
    in_topic = Waiting(BOB, "zh", MessageRef("telegram", "-100", "5", thread="9"))
    await desk.ended(in_topic, done, here.clock.now(), directly=False)
    assert list(here.telegram.threads.values()) == ["9"]
    await desk.ended(in_topic, done, here.clock.now(), directly=True)
    assert len(here.telegram.to("1002")) == 1


@pytest.mark.parametrize("words", [EN, ZH])
async def test_every_piece_of_evidence_has_a_word(here: Room, words: Words) -> None:
    for name in EVIDENCE:
        assert words.has(f"note.evidence.{name}")
        assert words.say(f"note.evidence.{name}") != name or words.language == "en"


@pytest.mark.parametrize("section", ["note", "page", "ticket", "oncall"])
def test_both_languages_say_everything(section: str) -> None:
    from bot.locales import missing

    assert [key for key in missing("zh") if key.startswith(f"{section}.")] == []


async def test_the_export_is_ready_to_paste(here: Room) -> None:
    diagnosis = here.diagnosis(
        "Your credit balance is too low", request_id="20260126100910722614337HsQybcmN", status=500, gateway="dmxapi"
    )
    ticket, _ = await here.open(diagnosis=diagnosis, proven=here.proven(repeats=3))
    ticket = await here.escalation.add_evidence(
        ticket.id, BOB, {"amount": here.clean("¥100"), "payment_method": here.clean("支付宝")}
    )
    zh = export_words.export(ticket, ZH, here.team, here.clock.now())
    en = export_words.export(ticket, EN, here.team, here.clock.now())
    assert zh.splitlines() == [
        "向 dmxapi 求助，上游是 deepseek：余额已用尽",
        "",
        "1. 账户：deepseek（我们自己的叫法）",
        "2. 支付方式：支付宝",
        "3. 金额：¥100",
        "4. 模型：deepseek-reasoner",
        "5. 状态：500",
        "6. 报错原文：Your credit balance is too low",
        "7. 请求号：20260126100910722614337HsQybcmN（其中时间 2026-01-26 10:09:10，以服务器时钟为准）",
        "8. 重复提交：是",
        "9. 用在：QueryEngine",
        "10. 出现次数：14 分钟内 3 次",
        "11. 我们的判断：余额已用尽（已证实）",
        "12. 另外试过：deepseek-backup（密钥被拒（401））",
        "",
        "暂时没有：在厂商处的账户名、订单时间。",
        "",
        "请核对这个账户当时的余额和订单，告诉我们调用为什么被拒绝、是否计费。一切以贵方后台记录为准。",
    ]
    assert "7. Request id: 20260126100910722614337HsQybcmN" in en
    assert "2. Payment method: Alipay" in en
    for promise in ("refund", "compensat", "退款", "赔偿", "宕机"):
        assert promise not in zh + en


async def test_the_export_tells_when_we_saw_it_from_when_it_was_sent(here: Room) -> None:
    at = here.clock.now()
    seen = Sighting(1, at, BOB.address, "query", "balance_exhausted", "deepseek", None, here.clean("402"), {})
    ticket, _ = await here.open(sighting=seen)
    text = export_words.export(ticket, EN, here.team, here.clock.now())
    assert "First seen by us: 2026-11-22 10:42:00 (Beijing) = 2026-11-22 02:42:00 UTC" in text
    assert "Not at hand yet: request time," in text
    given = {"time": here.clean("2026-11-22T10:41:07+08:00"), "account": here.clean("team@example.com")}
    ticket = await here.escalation.add_evidence(ticket.id, BOB, given)
    text = export_words.export(ticket, EN, here.team, here.clock.now())
    assert "Request time: 2026-11-22 10:41:07 (Beijing) = 2026-11-22 02:41:07 UTC" in text
    assert "1. Account: t***@example.com\n" in text
    assert "Not at hand yet: request id, payment method, order time, amount." in text


@pytest.mark.parametrize(
    ("cause", "more", "asks"),
    [
        ("rate_limited", {}, "which limit this call met"),
        ("balance_exhausted", {"task_id": "7f3a"}, "look this task up"),
        ("timeout", {}, "why it failed"),
    ],
)
async def test_the_export_asks_what_this_kind_of_trouble_needs(here: Room, cause: str, more: Any, asks: str) -> None:
    ticket, _ = await here.open(diagnosis=here.diagnosis(**more), cause=cause)
    assert asks in export_words.export(ticket, EN, here.team, here.clock.now())


async def test_a_video_task_is_asked_other_things(here: Room) -> None:
    ticket, _ = await here.open(diagnosis=here.diagnosis("402", task_id="7f3a", model="kling-v2"))
    assert {"task_state", "failure_reason", "resolution", "duration"} <= set(notes.missing(ticket))
    assert "submitted_twice" not in notes.missing(ticket)


async def test_the_call_at_night(here: Room) -> None:
    ticket, _ = await here.open()
    here.clock.move(14 * 60)
    now = here.clock.now()
    from datetime import timedelta

    call = Page(0, (ALICE,), now + timedelta(minutes=10), (CAROL,))
    text = text_of(messages.page(ticket, call, ZH, here.team, now))
    assert "QueryEngine 断了（" in text
    assert "没有备用线路可用。已持续 14" in text
    assert "试过：deepseek-backup" in text
    assert "没人接手就叫 Carol。" in text
    again = replace(call, everybody=True, maybe_twice=True)
    text = text_of(messages.page(ticket, again, EN, here.team, now))
    assert "I call again" in text
    assert "May have arrived twice" in text


async def test_what_the_gate_took_out_is_said_in_words_never_in_values(here: Room) -> None:
    from bot.model.chat import Found

    ticket, _ = await here.open(found=Found({"anthropic key": 1, "prompt": 2}))
    text = text_of(messages.note(ticket, EN, here.team, here.clock.now()))
    assert "× 1" in text
    assert "× 2" in text


async def test_a_resolved_ticket_asks_for_nothing(here: Room) -> None:
    ticket, _ = await here.open()
    done = await here.escalation.resolve(ticket.id, Person("slack", "U0ADMIN", "Ada"), Role.OPERATOR)
    text = text_of(messages.note(done, EN, here.team, here.clock.now()))
    assert "Ada resolved it on Slack" in text
    assert "Missing" not in text
    assert "URGENT" not in text


async def test_a_note_for_every_cause(here: Room) -> None:
    ticket, _ = await here.open()
    for cause in Cause:
        for words in (EN, ZH):
            one = replace(ticket, cause=cause.value, facts={**ticket.facts, "no_route_left": False})
            text = text_of(messages.note(one, words, here.team, here.clock.now(), oncall=["Alice"]))
            assert words.say(f"cause.{cause.value}.title") in text
            for left in ("note.", "ticket.", "cause.", "?"):
                assert left not in text, text


def test_only_the_allow_list_can_be_evidence() -> None:
    with pytest.raises(ValueError, match="may be kept"):
        Evidence("prompt", "x")  # type: ignore[arg-type]
