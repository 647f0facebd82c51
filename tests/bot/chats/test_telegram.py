"""The Telegram chat against a local Telegram, by polling and by webhook, with a scripted router."""

from __future__ import annotations

import asyncio
import json
import logging
import struct
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientSession, web

from bot.chats.pace import Rates
from bot.chats.telegram import TelegramChat, TelegramOptions
from bot.clock import SystemClock
from bot.errors import DeliveryError
from bot.locales import Words
from bot.model.chat import (
    Action,
    Facts,
    Form,
    Input,
    Line,
    MessageRef,
    Person,
    Place,
    Quote,
    Reply,
    Request,
)
from bot.model.team import Secret
from bot.redaction.gate import Gate
from bot.store.store import SqlStore
from tests.databases import migrated
from tests.worlds.telegram import TelegramWorld, render_text

ALICE, BOB, OPS, SECRET = 1001, 1002, -1001, "hook_secret"
QUICK = Rates(every_s=0.0, burst=100, group_per_minute=None, overall_per_s=None)
SWITCH = Reply(
    title="Switch QueryEngine: deepseek-main → deepseek-backup",
    blocks=(Facts((("QUERY_ENGINE_BASE_URL", "unchanged"),)), Line("Valid for 10 minutes.")),
    actions=(
        Action("switch.confirm", "Confirm switch", "tok123", style="primary"),
        Action("switch.cancel", "Cancel", "tok123"),
    ),
    audience="place",
)


class Script:
    """A router that remembers what it was asked."""

    def __init__(self, *replies: Reply | Callable[[Request], list[Reply]]) -> None:
        self.asked: list[Request] = []
        self._replies = list(replies)
        self.gate: asyncio.Event | None = None

    async def answer(self, request: Request) -> AsyncIterator[Reply]:
        self.asked.append(request)
        reply = self._replies.pop(0) if self._replies else Reply(title=f"did {request.command}", audience="place")
        if self.gate is not None:
            await self.gate.wait()
        for one in reply(request) if callable(reply) else [reply]:
            yield one


@pytest.fixture
async def store(tmp_path):
    made = SqlStore(await migrated(tmp_path / "q.db"), Gate())
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def world():
    async with TelegramWorld() as made:
        made.person(ALICE, "Alice", started=True)
        made.person(BOB, "Bob", language="zh-hans")
        made.group(OPS, "ops", members=(ALICE, BOB))
        yield made


@asynccontextmanager
async def running(
    world: TelegramWorld, store: Any, router: Script, *, hook: bool = False, clock: Any = None, **more: Any
):
    """The chat, polling or behind a webhook."""
    options = {"rates": QUICK, "poll_s": 2.0, "api_url": world.url} | more
    if hook:
        options |= {"webhook_url": "https://bot.example/telegram/webhook", "webhook_secret": Secret(SECRET)}
    chat = TelegramChat(
        TelegramOptions(bot_token=Secret(world.token), **options), Gate(), store, clock or SystemClock(), Words
    )
    chat.bind(router)
    app = web.Application()
    app.router.add_post("/telegram/webhook", chat.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    world.public["https://bot.example"] = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    await chat.start()
    if hook:
        await world.until(lambda: world.webhook["url"])
    try:
        yield chat
    finally:
        await chat.stop()
        await runner.cleanup()


@pytest.mark.parametrize("hook", [False, True], ids=["polling", "webhook"])
async def test_a_command_in_a_group_is_answered_below_it(world, store, hook):
    router = Script()
    async with running(world, store, router, hook=hook):
        asked = await world.say(ALICE, OPS, "/balance@QuotaDesk_bot  query")
        answer = await world.answer(OPS)
    assert answer["text"] == "did balance"
    assert answer["reply_to_message"]["message_id"] == asked["message_id"]
    assert answer["link_preview_options"] == {"is_disabled": True}
    request = router.asked[0]
    assert (request.command, request.text.text, request.asker, request.language) == (
        "balance",
        "query",
        Person("telegram", "1001", "Alice"),
        "en",
    )
    assert request.place == Place("telegram", "-1001")


@pytest.mark.parametrize("hook", [False, True], ids=["polling", "webhook"])
async def test_switch_confirm_edits_in_place(world, store, hook):
    done = Reply(title="Switched", replace=True, audience="place", actions=(Action("switch.undo", "Undo", "9"),))
    router = Script(SWITCH, lambda _: [Reply(title="Switching…", replace=True, final=False), done])
    async with running(world, store, router, hook=hook):
        await world.say(ALICE, OPS, "/switch query")
        asked = await world.answer(OPS)
        await world.press(ALICE, asked, "Confirm switch")
        await world.until(lambda: world.seen(OPS)[0]["text"] == "Switched")
        await world.until(lambda: world.alerts)
    assert len(world.seen(OPS)) == 1
    assert [b["callback_data"] for row in asked["reply_markup"]["inline_keyboard"] for b in row] == [
        "switch.confirm:tok123",
        "switch.cancel:tok123",
    ]
    press = router.asked[1]
    assert (press.command, press.action, press.value) == ("switch", "switch.confirm", "tok123")
    assert press.message == MessageRef("telegram", "-1001", str(asked["message_id"]))
    assert "[Undo]" in render_text(world.seen(OPS)[0])


async def test_an_alert_is_for_the_presser_only(world, store):
    router = Script(SWITCH, Reply(blocks=(Line("Only operators may do this."),), alert=True))
    async with running(world, store, router):
        await world.say(ALICE, OPS, "/switch query")
        asked = await world.answer(OPS)
        await world.press(BOB, asked, "switch.confirm")
        await world.until(lambda: world.alerts)
        await world.until(lambda: len(router.asked) == 2)
    assert world.alerts[0]["text"] == "Only operators may do this."
    assert str(world.alerts[0]["show_alert"]).lower() == "true"
    assert router.asked[1].asker.id == str(BOB)
    assert router.asked[1].language == "zh"
    assert len(world.seen(OPS)) == 1


async def test_a_press_on_a_message_too_old_to_be_shown_and_one_that_comes_too_late(world, store):
    router = Script(
        SWITCH, Reply(title="Old", replace=True), Reply(blocks=(Line("No."),), alert=True, audience="place")
    )
    async with running(world, store, router):
        await world.say(ALICE, OPS, "/switch query")
        asked = await world.answer(OPS)
        await world.press(ALICE, asked, "Cancel", lost=True)
        await world.until(lambda: world.seen(OPS)[0]["text"] == "Old")
        world.query_ttl_s = -1.0
        message = {**asked, "reply_markup": asked["reply_markup"]}
        world.messages[(OPS, asked["message_id"])] = message
        await world.press(ALICE, message, "Cancel")
        assert (await world.answer(OPS, 2))["text"] == "No."
    assert router.asked[1].message == MessageRef("telegram", str(OPS), str(asked["message_id"]))


async def test_a_private_text_is_an_error_to_explain(world, store, make_key):
    key = make_key("sk-", 40)
    router = Script()
    async with running(world, store, router):
        for count, text in enumerate((f"402 from {key} " + "x " * 80, key, "429 too many requests"), 1):
            await world.say(ALICE, ALICE, text)
            await world.until(lambda n=count: len(router.asked) == n)
        await world.say(ALICE, ALICE, "/switch query", forwarded=True)
        await world.say(ALICE, ALICE, "500 internal", forwarded=True)
        await world.until(lambda: len(router.asked) == 4)
    assert [request.command for request in router.asked] == ["diagnose", "leak", "diagnose", "diagnose"]
    assert router.asked[0].found.secrets


async def test_a_slow_press_ends_the_spinner_and_a_late_alert_becomes_a_message(world, store):
    router = Script(SWITCH, Reply(blocks=(Line("Too late."),), alert=True, audience="place"))
    async with running(world, store, router):
        await world.say(ALICE, OPS, "/switch query")
        asked = await world.answer(OPS)
        router.gate = asyncio.Event()
        await world.press(ALICE, asked, "Cancel")
        await world.until(lambda: world.alerts)
        assert "text" not in world.alerts[0]
        router.gate.set()
        assert (await world.answer(OPS, 2))["text"] == "Too late."


@pytest.mark.parametrize("hook", [False, True], ids=["polling", "webhook"])
async def test_repeated_updates_run_once_also_after_a_restart(world, store, hook):
    router = Script()
    async with running(world, store, router, hook=hook):
        await world.say(ALICE, OPS, "/balance")
        world.repeat(2)
        await world.answer(OPS)
        pressed = await world.say(ALICE, OPS, "/switch query")
        await world.answer(OPS, 2)
        assert pressed
    async with running(world, store, router, hook=hook) as chat:
        world.repeat(2)
        await world.say(ALICE, OPS, "/help")
        await world.answer(OPS, 3)
        assert chat.counts["duplicates"] >= 2
    assert [request.command for request in router.asked] == ["balance", "switch", "help"]


async def test_only_one_of_two_replicas_polls_and_the_other_takes_over(world, store):
    one, two = Script(), Script()
    async with running(world, store, two) as second_first:
        await world.until(lambda: world.called("getUpdates"))
        async with running(world, store, one) as standby:
            await world.say(ALICE, OPS, "/balance")
            await world.answer(OPS)
            assert standby._poller is not None
            assert not standby._poller.leading
            assert (len(one.asked), len(two.asked), world.conflicts) == (0, 1, 0)
            assert second_first.faults() == ()
    async with running(world, store, one):
        await world.say(ALICE, OPS, "/help")
        await world.answer(OPS, 2)
    assert len(one.asked) == 1


class SlowLeads:
    """A store whose lead takes as long as it is told."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def lead(self, *asked: Any) -> bool:
        self.asked.set()
        await self.go.wait()
        return await self._store.lead(*asked)


async def test_a_lead_that_is_won_while_the_bot_stops_is_let_go(world, store):
    slow = SlowLeads(store)
    async with running(world, slow, Script()) as chat:
        await slow.asked.wait()
        stopping = asyncio.create_task(chat.stop())
        while any(task.get_name() == "telegram poll" for task in asyncio.all_tasks()):
            await asyncio.sleep(0)
        slow.go.set()
        await stopping
        assert await store.lead("telegram", "another", SystemClock().now(), 60)


async def test_hostile_text_becomes_nothing_clickable(world, store):
    evil = '<b>x</i> <script> & "q" @alice_admin t.me/evil /switch@quotadesk_bot /balance \u202egnp tg://user?id=1'
    reply = Reply(
        title=evil,
        blocks=(Line(evil), Quote(evil), Facts(((evil, evil),))),
        details=(Quote(evil),),
        actions=(Action("a.b", evil),),
        audience="place",
    )
    async with running(world, store, Script(reply)) as chat:
        await world.say(ALICE, OPS, "/diagnose x")
        answer = await world.answer(OPS)
        assert chat.counts["plain_resent"] == 0
    found = [e for e in answer["entities"] if e["type"] in ("mention", "url", "text_link", "text_mention")]
    assert found == []
    commands = {e["shown"] for e in answer["entities"] if e["type"] == "bot_command"}
    assert commands <= {"/balance"}  # ours may be tapped; they only ask
    assert "<script>" in answer["text"]
    assert "\u202e" not in answer["text"]


async def test_a_mention_of_ours_notifies_and_a_forged_one_does_not(world, store):
    router = Script()
    async with running(world, store, router) as chat:
        mark = chat.mention(Person("telegram", "2002", "Carol <ops>"))
        await chat.post(Place("telegram", str(OPS)), Reply(blocks=(Line(f"On call: {mark}"), Quote(mark))))
        answer = await world.answer(OPS)
        await world.say(ALICE, OPS, "/diagnose \ue000telegram:2002\ue001 402")
        await world.until(lambda: router.asked)
    assert [e["user"]["id"] for e in answer["entities"] if e["type"] == "text_mention"] == [2002]
    assert answer["text"].startswith("On call: Carol <ops>")
    assert "\ue000" not in router.asked[0].text.text


async def test_a_refused_message_is_sent_again_plain(world, store):
    async with running(world, store, Script()) as chat:
        world.refuse("sendMessage", 'Bad Request: can\'t parse entities: Unsupported start tag "x" at byte offset 0')
        await chat.post(Place("telegram", str(OPS)), Reply(title="A & B", actions=(Action("a.b", "Go"),)))
        answer = await world.answer(OPS)
        assert chat.counts["plain_resent"] == 1
    assert answer["text"] == "A & B"
    assert answer["entities"] == []
    assert "Go" in render_text(answer)


async def test_a_flooded_chat_waits_alone(world, store, clock):
    router = Script()
    world._clock = clock
    async with running(world, store, router, clock=clock):
        world.flood(1, chat=OPS)
        await world.say(ALICE, OPS, "/balance")
        await world.until(lambda: world.called("sendMessage"))
        await world.say(ALICE, ALICE, "/help")
        await world.answer(ALICE)
        assert world.seen(OPS) == []
        async with asyncio.timeout(60):
            while not world.seen(OPS):
                clock.move(0.5)
                await asyncio.sleep(0.01)
        assert (await world.answer(OPS))["text"] == "did balance"


async def test_a_blocked_bot_is_final_and_others_go_on(world, store):
    router = Script()
    async with running(world, store, router) as chat:
        world.chats[ALICE].blocked = True
        with pytest.raises(DeliveryError) as refused:
            await chat.direct(Person("telegram", str(ALICE)), Reply(title="x"))
        assert refused.value.final
        with pytest.raises(DeliveryError) as nobody:
            await chat.direct(Person("telegram", str(BOB)), Reply(title="x"))
        assert nobody.value.final
        await world.say(BOB, OPS, "/balance")
        await world.answer(OPS)


async def test_an_answer_for_the_asker_goes_to_the_private_chat(world, store):
    router = Script(*[Reply(title="¥18.40")] * 3)
    async with running(world, store, router):
        await world.say(ALICE, OPS, "/balance")
        assert (await world.answer(ALICE))["text"] == "¥18.40"
        assert (await world.answer(OPS))["text"] == "Sent to you privately."
        # Bob never opened a chat: nothing private in the group, and the answer waits for him.
        await world.say(BOB, OPS, "/balance")
        notice = await world.answer(OPS, 2)
        assert "18.40" not in notice["text"]
        door = notice["reply_markup"]["inline_keyboard"][0][0]
        assert door["url"] == "https://t.me/quotadesk_bot?start=private"
        await world.say(BOB, BOB, "/start private")
        assert (await world.answer(BOB))["text"] == "¥18.40"
    assert [request.command for request in router.asked] == ["balance", "balance"]


async def test_a_topic_is_answered_in_its_topic_and_in_general_once_it_is_gone(world, store):
    forum = world.group(-1005, "forum", members=(ALICE,), forum=True)
    forum.topics.add(77)
    router = Script()
    async with running(world, store, router) as chat:
        await world.say(ALICE, -1005, "/balance", thread=77)
        answer = await world.answer(-1005)
        assert answer["message_thread_id"] == 77
        assert router.asked[0].place.thread == "77"
        forum.topics.clear()
        await chat.post(Place("telegram", "-1005", "77"), Reply(title="handoff"))
        assert "message_thread_id" not in await world.answer(-1005, 2)


async def test_a_long_paste_is_one_question(world, store, make_key):
    key = make_key("sk-", 48)
    lines = "\n".join(f"line {n} of a very long traceback with words" for n in range(1000))
    text = f"/diagnose {lines[:4070]} {key}{lines[4070:40_000]}"
    router = Script()
    async with running(world, store, router):
        await world.say(ALICE, ALICE, text)
        await world.until(lambda: router.asked, 10)
        await world.answer(ALICE)
        await world.say(ALICE, ALICE, "/help")  # a second answer to the paste would stand before this one's
        await world.answer(ALICE, 2)
    assert [asked.command for asked in router.asked] == ["diagnose", "help"]
    got = router.asked[0].text.text
    assert len(got) > 39_000
    assert key[:20] not in got
    assert key[-20:] not in got
    assert router.asked[0].found.secrets


async def test_a_long_answer_is_split_between_blocks_with_buttons_last(world, store):
    reply = Reply(
        title="All accounts",
        blocks=tuple(Quote("\n".join(f"<{n}> row {i} 余额 😀" for i in range(60))) for n in range(8)),
        actions=(Action("balance.refresh", "Refresh"),),
        audience="place",
    )
    async with running(world, store, Script(reply)) as chat:
        await world.say(ALICE, OPS, "/balance")
        await world.until(lambda: world.seen(OPS) and "reply_markup" in world.seen(OPS)[-1])
        assert chat.counts["plain_resent"] == 0
    parts = world.seen(OPS)
    assert len(parts) > 1
    assert "".join("".join(p["text"].split()) for p in parts).count("row") == 480
    assert all("reply_markup" not in part for part in parts[:-1])


async def test_an_edit_that_changes_nothing_is_success(world, store):
    async with running(world, store, Script()) as chat:
        ref = await chat.post(Place("telegram", str(OPS)), Reply(title="ticket 42"))
        await chat.edit(ref, Reply(title="ticket 42"))
        await chat.edit(ref, Reply(title="ticket 42, acknowledged"))
        with pytest.raises(DeliveryError) as gone:
            await chat.edit(MessageRef("telegram", str(OPS), "999"), Reply(title="x"))
        assert gone.value.final
    assert [m["text"] for m in world.seen(OPS)] == ["ticket 42, acknowledged"]


async def test_what_is_left_alone(world, store):
    world.privacy = False
    world.group(-1009, "news", kind="channel")
    router = Script()
    async with running(world, store, router):
        message = await world.say(ALICE, OPS, "hello")
        await world.edit(message, "/switch query")
        await world.say(ALICE, OPS, "/switch query", forwarded=True)
        await world.say(ALICE, OPS, "/switch query", as_bot=True)
        await world.say(ALICE, OPS, "/switch query", via_bot=True)
        await world.say(ALICE, OPS, "/switch@other_bot query")
        await world.say(ALICE, OPS, "/weather Beijing")
        await world.say(ALICE, OPS, "/switch query", entities=[{"type": "pre", "offset": 0, "length": 13}])
        await world.say(ALICE, OPS, "see /switch query")
        await world.post(-1009, "/switch query")
        world.post_update({"update_id": 1, "message": {"message_id": "x", "chat": 5}})
        world.post_update(
            {"update_id": 2, "message": {"message_id": 5, "date": 1, "chat": {"id": OPS, "type": "group"}}}
        )
        await world.say(ALICE, OPS, "/help")
        await world.answer(OPS)
    assert [request.command for request in router.asked] == ["help"]


async def test_an_anonymous_admin_has_no_rights(world, store):
    router = Script()
    async with running(world, store, router):
        await world.say(ALICE, OPS, "/switch query", anonymous=True)
        answer = await world.answer(OPS)
    assert "under your own name" in answer["text"]
    assert router.asked == []


async def test_what_was_typed_while_the_bot_was_away_must_be_meant_again(world, store):
    router = Script()
    old = datetime.now(UTC) - timedelta(hours=1)
    async with running(world, store, router):
        await world.say(ALICE, OPS, "/switch query", at=old)
        assert "send it again" in (await world.answer(OPS))["text"]
        await world.say(ALICE, OPS, "/balance", at=old)
        await world.answer(OPS, 2)
    assert [request.command for request in router.asked] == ["balance"]


async def test_typographic_signs_blanks_and_subcommands(world, store):
    router = Script()
    async with running(world, store, router):
        for count, text in enumerate(
            ("/quota\u00a0tickets\u00a0\u201c7\u201d", "/switch query \u2014undo", "/quota", "\u200e/help"), 1
        ):
            await world.say(ALICE, ALICE, text)
            await world.until(lambda n=count: len(router.asked) == n)
    assert [(r.command, r.text.text) for r in router.asked] == [
        ("tickets", '"7"'),
        ("switch", "query --undo"),
        ("help", ""),
        ("help", ""),
    ]


async def test_diagnose_as_a_reply_takes_the_message_and_its_file(world, store, make_key):
    key = make_key("sk-", 40)
    router = Script(Reply(title="with a warning", delete_original=True, audience="place"))
    async with running(world, store, router):
        before = await world.say(BOB, OPS, f"402 Insufficient Balance {key}")
        world.chats[OPS].bot_admin = True
        asked = await world.say(ALICE, OPS, "/diagnose", reply_to=before)
        # The message with the key in it goes, too.
        await world.until(lambda: {(OPS, each["message_id"]) for each in (before, asked)} <= set(world.deleted))
        world.chats[OPS].bot_admin = False
        await world.until(lambda: len(router.asked) == 1)
        file = await world.send_document(BOB, OPS, "app.log", b"\xef\xbb\xbf503 overloaded\n" * 10)
        await world.say(ALICE, OPS, "/diagnose now", reply_to=file)
        await world.until(lambda: len(router.asked) == 2)
        await world.send_document(ALICE, ALICE, "err.txt", "余额不足".encode("gb18030"))
        await world.until(lambda: len(router.asked) == 3)
        await world.send_document(ALICE, ALICE, "big.log", b"x" * 5_000_001)
        assert "too large" in (await world.answer(ALICE, 2))["text"]
        blob = {"mime": "application/octet-stream"}
        await world.send_document(ALICE, ALICE, "core.bin", b"\0\1", **blob)
        assert "not text" in (await world.answer(ALICE, 3))["text"]
        await world.send_document(ALICE, ALICE, "core.bin", b"\0\1", caption="/diagnose 402 no money", **blob)
        await world.until(lambda: len(router.asked) == 4)  # what was written beside it is answered
    first, second, third, beside = router.asked
    assert (beside.text.text, beside.quoted) == ("402 no money", None)
    assert "402 Insufficient Balance" in first.quoted.text
    assert key not in repr(first)
    assert first.found.secrets
    assert second.quoted.text.startswith("503 overloaded")
    assert second.text.text == "now"
    assert third.quoted.text == "余额不足"


async def test_a_leaked_key_is_deleted_where_that_is_allowed(world, store, make_key):
    world.privacy = False
    key, other = make_key("sk-", 40), make_key("sk-", 40)
    leak = Reply(title="There was a secret in your message", delete_original=True)
    router = Script(leak, leak, leak)
    async with running(world, store, router):
        await world.say(ALICE, OPS, f"try {key}")
        told = await world.answer(ALICE)
        assert "please delete it yourself" in told["text"]
        world.chats[OPS].bot_admin = True
        message = await world.say(ALICE, OPS, f"or {other}")
        await world.until(lambda: (OPS, message["message_id"]) in world.deleted)
        assert "delete it yourself" not in (await world.answer(ALICE, 2))["text"]
    assert [request.command for request in router.asked] == ["leak", "leak"]
    assert key.encode() not in world.bodies()
    assert other.encode() not in world.bodies()


async def test_a_form_is_asked_and_its_reply_read(world, store):
    form = Form(
        "ticket.evidence",
        "Evidence for #42",
        "42",
        (Input("order", "Order time", "as on the bill"), Input("sum", "Amount")),
    )
    router = Script(Reply(form=form, audience="place"))
    async with running(world, store, router):
        await world.say(ALICE, OPS, "/quota tickets 42")
        question = await world.answer(OPS)
        assert world.asks[(OPS, question["message_id"])]["force_reply"] is True
    async with running(world, store, router):  # remembered across a restart
        await world.say(ALICE, OPS, "Order time: 10:42\nAmount：¥20\nthe second line", reply_to=question)
        await world.until(lambda: len(router.asked) == 2)
        await world.say(ALICE, OPS, "Amount: 30", reply_to=question)
        await world.say(ALICE, OPS, "/help")
        await world.until(lambda: len(router.asked) == 3)
    sent = router.asked[1]
    assert (sent.command, sent.action, sent.value) == ("ticket", "ticket.evidence", "42")
    assert {name: value.text for name, value in sent.fields.items()} == {
        "order": "10:42",
        "sum": "¥20\nthe second line",
    }
    assert router.asked[2].command == "help"


def png(wide: int, high: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress(b"".join(b"\0" + b"\xff\xff\xff" * wide for _ in range(high)))
    head = struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


async def test_a_picture_takes_the_place_of_the_interim_text_and_is_edited_as_a_picture(world, store):
    picture = Reply(
        title="Runway", picture=png(40, 20), actions=(Action("balance.refresh", "Refresh"),), audience="place"
    )
    router = Script(
        lambda _: [Reply(title="asking…", final=False, audience="place"), picture],
        Reply(title="Runway now", replace=True),
    )
    async with running(world, store, router):
        await world.say(ALICE, OPS, "/balance query")
        await world.until(lambda: world.seen(OPS) and "photo" in world.seen(OPS)[-1])
        await world.until(lambda: len(world.seen(OPS)) == 1)
        await world.press(ALICE, world.seen(OPS)[0], "Refresh")
        await world.until(lambda: world.seen(OPS)[0]["caption"] == "Runway now")
    assert router.asked[1].message.picture


async def test_a_picture_that_is_refused_costs_nothing(world, store):
    router = Script(Reply(title="Runway", picture=b"no picture", audience="place"))
    async with running(world, store, router):
        await world.say(ALICE, OPS, "/balance query")
        assert (await world.answer(OPS))["text"] == "Runway"


@pytest.mark.parametrize("how", ["service", "chat"])
async def test_a_group_that_became_a_supergroup_keeps_its_name(world, store, how):
    world.group(-50, "old", members=(ALICE,), kind="group")
    router = Script()
    async with running(world, store, router, chats=frozenset({"-50"})) as chat:
        if how == "service":
            world.migrate(-50, -1000050)
            await world.until(lambda: chat._wire.moved)
        else:
            world.migrate(-50, -1000050)
        await chat.post(Place("telegram", "-50"), Reply(title="handoff"))
        assert (await world.answer(-1000050))["text"] == "handoff"
    async with running(world, store, router, chats=frozenset({"-50"})):
        await world.say(ALICE, -1000050, "/balance")
        await world.answer(-1000050, 2)
    assert router.asked[0].place.chat == "-50"


async def test_faulty_answers_of_the_server(world, store):
    async with running(world, store, Script()) as chat:
        world.fail("sendMessage", 502)
        await chat.post(Place("telegram", str(OPS)), Reply(title="after a 502"))
        assert [m["text"] for m in world.seen(OPS)] == ["after a 502"]
        world.lose_answer("sendMessage")
        with pytest.raises(DeliveryError) as lost:
            await chat.post(Place("telegram", str(OPS)), Reply(title="once"))
        assert lost.value.lost
        assert [m["text"] for m in world.seen(OPS)].count("once") == 1


async def test_nothing_secret_is_logged_or_sent(world, store, make_key, caplog):
    key = make_key("sk-", 40)
    caplog.set_level(logging.DEBUG)
    reply = Reply(title=f"raw {key}", blocks=(Line(key),), actions=(Action("a.b", key),), audience="place")
    async with running(world, store, Script(reply)) as chat:
        await world.say(ALICE, OPS, f"/diagnose {key}")
        await world.answer(OPS)
        assert chat.counts["gate_changed"] == 1
    assert key.encode() not in world.bodies()
    assert key not in caplog.text
    assert world.token not in caplog.text


async def test_the_menu_is_set_by_language_and_scope_and_only_once(world, store):
    async with running(world, store, Script()):
        await world.until(lambda: len(world.commands) == 6)
    before = len(world.called("setMyCommands"))
    async with running(world, store, Script()):
        await world.until(lambda: len(world.called("getMyCommands")) == 12)
    assert len(world.called("setMyCommands")) == before == 6
    assert [c["command"] for c in world.commands[("all_private_chats", "zh")]][-1] == "start"
    assert world.commands[("default", "zh")][0]["description"] == "查询实时余额"


async def test_a_refused_token_is_a_fault_and_no_crash(world, store):
    world.token = world.token[:-1] + "x"
    good = world.token
    world.token = good + "y"
    async with running(world, store, Script(), hook=False) as chat:
        assert chat.faults() == ()
    chat = TelegramChat(TelegramOptions(bot_token=Secret(good), api_url=world.url), Gate(), store, SystemClock(), Words)
    chat.bind(Script())
    await chat.start()
    assert chat.faults() == ("refused_token",)
    await chat.stop()


async def test_the_webhook_door(world, store):
    router = Script()
    async with running(world, store, router, hook=True) as chat:
        door = world.public["https://bot.example"] + "/telegram/webhook"
        right = {"X-Telegram-Bot-Api-Secret-Token": SECRET, "Content-Type": "application/json"}
        update = {"update_id": 5, "message": {"text": "/help"}}
        async with ClientSession() as http:
            for headers, body, status in (
                ({}, json.dumps(update), 401),
                ({**right, "X-Telegram-Bot-Api-Secret-Token": "wrong"}, json.dumps(update), 401),
                (right, "no json", 200),
                (right, "[]", 200),
                (right, "[" * 100_000, 200),
                (right, json.dumps({"update_id": 6, "message": {"message_id": []}}), 200),
                (right, json.dumps({"update_id": 7}), 200),
                (right, json.dumps({"update_id": 8, "message": "x" * 2_000_000}), 200),
            ):
                async with http.post(door, data=body, headers=headers) as answer:
                    assert answer.status == status, body[:40]
        await world.say(ALICE, OPS, "/help")
        await world.answer(OPS)
        assert chat.faults() == ()
        assert set(world.webhook_answers) == {200}
    assert len(router.asked) == 1


async def test_a_webhook_set_elsewhere_gives_way_to_polling(world, store):
    world.do_setwebhook({"url": "https://old.example/telegram/webhook"}, {})
    router = Script()
    async with running(world, store, router):
        await world.until(lambda: not world.webhook["url"])
        await world.say(ALICE, OPS, "/help")
        await world.answer(OPS)


async def test_a_deaf_poller_is_noticed_within_90_seconds_and_rebuilt(world, store, clock):
    router = Script()
    world._clock = clock
    async with running(world, store, router, clock=clock) as chat:
        await world.until(lambda: world.called("getUpdates"))
        world.hang("getUpdates", times=1)
        await world.say(ALICE, OPS, "/help")  # wakes the poll that waits; the next one hangs
        await world.answer(OPS)
        await world.until(lambda: len(world.called("getUpdates")) >= 2)
        for _ in range(6):  # the poller's own looks: none is missed while this machine is slow
            await world.until(lambda: clock._sleepers or chat.counts["poller_rebuilt"])
            if chat.counts["poller_rebuilt"]:
                break
            clock.move(15)
            await asyncio.sleep(0.05)
        await world.until(lambda: chat.counts["poller_rebuilt"])
        assert chat.counts["poller_rebuilt"] == 1
        await world.say(ALICE, OPS, "/balance")
        await world.answer(OPS, 2)
        assert chat.faults() == ()


async def test_after_a_fault_a_short_question_proves_that_all_is_well(world, store, clock):
    world._clock = clock
    async with running(world, store, Script(), clock=clock) as chat:
        await world.until(lambda: world.called("getUpdates"))
        world.fail("getUpdates", 502)
        await world.say(ALICE, OPS, "/help")  # wakes the poll that waits; the next one fails
        await world.until(lambda: chat.faults() == ("unreachable",))

        def asked() -> list[int]:
            return [int(call.params["timeout"]) for call in world.called("getUpdates")]

        assert 0 not in asked()
        while 0 not in asked():
            clock.move(1)
            await asyncio.sleep(0.01)
        await world.until(lambda: chat.faults() == ())


async def test_many_commands_at_once_are_each_answered_once(world, store):
    router = Script()
    async with running(world, store, router):
        for _ in range(40):
            await world.say(ALICE, ALICE, "/balance")
            await world.say(ALICE, OPS, "/balance")
        await world.until(lambda: len(world.seen(ALICE)) == 40 and len(world.seen(OPS)) == 40, 15)
    assert len({request.id for request in router.asked}) == len(router.asked) == 80
