"""Slack over HTTP: commands, presses, threads, forms, and everything that must not go wrong in between."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from bot.model.chat import (
    Action,
    Board,
    Facts,
    Form,
    Heading,
    Input,
    Line,
    Links,
    MessageRef,
    Person,
    Place,
    Quote,
    Reply,
    Request,
    Row,
    Steps,
)
from bot.redaction.gate import Gate
from bot.store.store import SqlStore
from tests.worlds.slack import SlackWorld
from tests.worlds.slack_desk import SlackDesk


def says(text: str, **more: Any) -> Reply:
    return Reply(blocks=(Line(text),), **more)


def reads(slack: SlackWorld, text: str) -> Any:
    return lambda message: text in slack.render_text(message)


# --- a command -------------------------------------------------------------------------------------------------------


async def moving(clock: Any, step_s: float, true: Callable[[], bool]) -> None:
    """The clock goes on until it is so, however long this machine takes for each step."""
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.005)
            clock.move(step_s)


async def test_a_command_is_acknowledged_empty_and_answered_to_the_asker_only(
    slack: SlackWorld, desk: SlackDesk
) -> None:
    desk.router.on("balance", Reply(title="Balance", blocks=(Facts((("deepseek", "CNY 18.40"),)),)))
    ack = await slack.slash("U0ALICE", "C0TEAM", "/balance", "query")
    assert (ack.ok, ack.body) == (True, "")
    message = await slack.wait_for(reads(slack, "CNY 18.40"))
    assert slack.render_text(message) == "# Balance\ndeepseek  CNY 18.40"
    assert message.only_for == "U0ALICE"
    assert slack.visible("C0TEAM", "U0BOB") == []
    asked = desk.router.last
    assert (asked.command, asked.text.text) == ("balance", "query")
    assert (asked.asker, asked.place) == (
        Person("slack", "U0ALICE", "Alice"),
        Place("slack", "C0TEAM", team="T0TEAM"),
    )
    assert (asked.language, asked.timezone) == ("en", "Europe/Berlin")


async def test_root_command_configured_names_and_typographic_signs(slack: SlackWorld) -> None:
    async with SlackDesk(slack, commands={"balance": "/ai-balance"}) as desk:
        for command, text in (
            ("/quota", "switch query —dry-run"),
            ("/ai-balance", "“query”"),
            ("/quota", ""),
            ("/diagnose", "Error “code”: 402 — {&lt;nil&gt; &amp;amp;}"),
            ("/QUOTA", "TICKETS 7"),
        ):
            assert (await slack.slash("U0ALICE", "C0TEAM", command, text)).ok
        await desk.idle()
        got = sorted((r.command, r.text.text) for r in desk.router.requests)
        assert got == [
            ("balance", '"query"'),
            ("diagnose", "Error “code”: 402 — {<nil> &amp;}"),  # an error stays as it was written; unescaped once
            ("help", ""),
            ("switch", "query --dry-run"),
            ("tickets", "7"),
        ]


async def test_language_and_zone_come_from_the_person_then_slack_then_the_team(slack: SlackWorld) -> None:
    slack.add_user("U0LI", "李", locale="zh-CN", tz="Asia/Shanghai")
    slack.add_user("U0ODD", "Odd", locale="fr-FR", tz="Mars/Olympus")
    async with SlackDesk(slack, language="zh", timezone="Asia/Tokyo") as desk:
        desk.chosen["slack:U0BOB"] = ("zh", "America/New_York")
        for user in ("U0LI", "U0ODD", "U0BOB", "U0ALICE"):
            await slack.slash(user, "C0TEAM", "/balance")
        await desk.idle()
        got = {r.asker.id: (r.language, r.timezone) for r in desk.router.requests}
        assert got == {
            "U0LI": ("zh", "Asia/Shanghai"),
            "U0ODD": ("zh", "Asia/Tokyo"),
            "U0BOB": ("zh", "America/New_York"),
            "U0ALICE": ("en", "Europe/Berlin"),
        }
        await slack.slash("U0LI", "C0TEAM", "/balance")
        await desk.idle()
        assert slack.calls.count("users.info") == 4  # asked once each, then remembered


async def test_work_after_the_acknowledgement_never_delays_or_destroys_it(slack: SlackWorld, desk: SlackDesk) -> None:
    gate = asyncio.Event()

    async def slow(_: Request) -> AsyncIterator[Reply]:
        await gate.wait()
        yield says("at last")

    desk.router.scripts["balance"] = slow
    desk.router.on("switch", RuntimeError("boom"))
    slow_ack = await slack.slash("U0ALICE", "C0TEAM", "/balance")
    broken = [await slack.slash("U0ALICE", "C0TEAM", "/switch", "query") for _ in range(5)]
    assert all(ack.ok and ack.body == "" for ack in (slow_ack, *broken))
    message = await slack.wait_for(reads(slack, "Something in me broke"))
    assert message.only_for == "U0ALICE"
    gate.set()
    await slack.wait_for(reads(slack, "at last"))
    assert slack.timeouts == []


async def test_two_hundred_commands_at_once_are_all_acknowledged_and_answered(
    slack: SlackWorld, desk: SlackDesk
) -> None:
    acks = await asyncio.gather(*(slack.slash("U0ALICE", "C0TEAM", "/balance", f"n{n}") for n in range(200)))
    assert all(ack.ok for ack in acks)
    await slack.until(lambda: len(slack.from_bot()) == 200)
    assert {slack.render_text(m) for m in slack.from_bot()} == {f"balance: n{n}" for n in range(200)}


async def test_a_command_in_two_peoples_own_messages_is_not_private_but_in_the_bots_it_is(
    slack: SlackWorld, desk: SlackDesk
) -> None:
    slack.channels["D0TWO"] = {"id": "D0TWO", "name": "directmessage", "bot_in": False, "private": True}
    await slack.slash("U0ALICE", "D0TWO", "/balance")
    await desk.idle()
    assert not desk.router.last.place.private
    assert slack.from_bot()[-1].only_for == "U0ALICE"
    await slack.slash("U0ALICE", slack.dm("U0ALICE"), "/balance")
    await desk.idle()
    assert desk.router.last.place.private
    assert slack.from_bot()[-1].via == "chat.postMessage"


# --- replies: edits, ways, limits --------------------------------------------------------------------------------------


async def test_a_public_reply_is_edited_in_place(slack: SlackWorld, desk: SlackDesk) -> None:
    desk.router.on("balance", says("asking…", audience="place", final=False), says("all asked", audience="place"))
    await slack.slash("U0ALICE", "C0TEAM", "/balance")
    message = await slack.wait_for(reads(slack, "all asked"))
    assert (message.only_for, message.edits, len(slack.from_bot())) == (None, 1, 1)
    assert message.raw["parse"] == "none"


async def test_an_interim_private_reply_waits_for_the_final_one(slack: SlackWorld, clock: Any) -> None:
    slack._now = lambda: clock.now().timestamp()
    async with SlackDesk(slack, clock=clock) as desk:
        gate = asyncio.Event()

        async def two(_: Request) -> AsyncIterator[Reply]:
            yield says("asking…", final=False)
            await gate.wait()
            yield says("done")

        desk.router.scripts["balance"] = two
        gate.set()
        await slack.slash("U0ALICE", "C0TEAM", "/balance")
        await slack.wait_for(reads(slack, "done"))
        assert len(slack.from_bot()) == 1  # it cannot be edited, so the quick interim one was never sent

        gate.clear()
        await slack.slash("U0ALICE", "C0TEAM", "/balance")
        await slack.until(lambda: len(desk.router.requests) == 2)
        await moving(clock, 1, lambda: any(reads(slack, "asking…")(m) for m in slack.from_bot()))
        gate.set()
        await slack.until(lambda: len(slack.from_bot()) == 3)
        assert slack.render_text(slack.from_bot()[-1]) == "This takes the place of the message above.\ndone"


async def test_where_the_bot_is_no_member_the_response_url_still_reaches_the_channel(
    slack: SlackWorld, desk: SlackDesk
) -> None:
    desk.router.on("balance", says("for all", audience="place"))
    for channel in ("C0OUT", "G0SECRET"):
        await slack.slash("U0ALICE", channel, "/balance")
        await desk.idle()
        message = slack.from_bot()[-1]
        assert (message.channel, message.only_for, message.via) == (channel, None, "response_url")


async def test_a_used_up_response_url_gives_way_to_an_ephemeral_then_to_a_direct_message(
    slack: SlackWorld, desk: SlackDesk
) -> None:
    slack.fail("response_url", status=404, error="used_url", times=2)
    await slack.slash("U0ALICE", "C0TEAM", "/balance", "one")
    message = await slack.wait_for(reads(slack, "one"))
    assert (message.via, message.only_for) == ("chat.postEphemeral", "U0ALICE")
    await slack.slash("U0ALICE", "C0OUT", "/balance", "two")
    message = await slack.wait_for(reads(slack, "two"))
    assert (message.via, message.channel) == ("chat.postMessage", slack.dm("U0ALICE"))


async def test_the_sixth_edit_through_a_press_goes_on_by_chat_update(slack: SlackWorld, desk: SlackDesk) -> None:
    ref = await desk.chat.post(Place("slack", "C0TEAM"), says("0", actions=(Action("balance.refresh", "Refresh"),)))
    desk.router.on("balance.refresh", *(says(str(n), replace=True, final=n == 8) for n in range(1, 9)))
    message = await slack.wait_for(reads(slack, "0"))
    await slack.press("U0BOB", message, "Refresh")
    await slack.wait_for(reads(slack, "8"))
    assert message.ts == ref.message
    assert message.edits == 8
    assert slack.calls.count("chat.update") == 3
    assert len(slack.from_bot()) == 1


async def test_refused_blocks_go_out_again_plain_with_the_fault_logged_once(slack: SlackWorld, desk: SlackDesk) -> None:
    reply = Reply(title="T", blocks=(Line("<!channel> *x*"),), audience="place")
    slack.fail("chat.postMessage", error="invalid_blocks", times=2, when=lambda args: bool(args.get("blocks")))
    for _ in range(2):
        ref = await desk.chat.post(Place("slack", "C0TEAM"), reply)
    message = [m for m in slack.from_bot() if m.ts == ref.message][0]
    assert (message.blocks, message.text) == ([], "T\n&lt;!channel&gt; *x*")
    assert message.raw["mrkdwn"] is False
    assert desk.chat.counts["plain_resent"] == 2


async def test_a_secret_in_a_reply_is_taken_out_at_the_door(slack: SlackWorld, desk: SlackDesk, make_key: Any) -> None:
    key = make_key("sk-", 48)
    desk.router.on(
        "balance",
        Reply(
            title=f"key {key}",
            blocks=(Quote(f"it was {key}"), Links((("page", f"https://x.example/?key={key}"),))),
            details=(Line(key),),
            actions=(Action("a.b", f"use {key}"),),
        ),
    )
    await slack.slash("U0ALICE", "C0TEAM", "/balance")
    await desk.idle()
    assert slack.leaked(key) == []
    assert key not in str(desk.memory.tokens)
    assert desk.chat.counts["gate_changed"] == 1


async def test_a_pasted_key_never_reaches_the_router_or_slack(
    slack: SlackWorld, desk: SlackDesk, make_key: Any
) -> None:
    key = make_key("sk-", 48)
    await slack.slash("U0ALICE", "C0TEAM", "/diagnose", f"Error 401 with {key}")
    await desk.idle()
    assert key not in repr(desk.router.requests)
    assert desk.router.last.found.counts
    assert slack.leaked(key) == []


# --- buttons -----------------------------------------------------------------------------------------------------------


async def test_a_press_carries_action_value_and_message_and_can_edit_it(slack: SlackWorld, desk: SlackDesk) -> None:
    actions = (Action("ticket.ack", "Acknowledge", "42"), Action("ticket.ack", "Mine", "43"))
    ref = await desk.chat.post(Place("slack", "C0SUPPORT", thread="1.5"), says("#42", actions=actions))
    message = await slack.wait_for(reads(slack, "#42"))
    assert message.action_ids == ["ticket.ack", "ticket.ack#2"]
    desk.router.on("ticket.ack", says("acknowledged by Bob", replace=True))
    assert (await slack.press("U0BOB", message, "Mine")).ok
    await slack.wait_for(reads(slack, "acknowledged by Bob"))
    asked = desk.router.last
    assert (asked.command, asked.action, asked.value) == ("ticket", "ticket.ack", "43")
    assert asked.message == MessageRef("slack", "C0SUPPORT", ref.message, "1.5")
    assert asked.place.thread == "1.5"
    assert len(slack.from_bot()) == 1


async def test_a_press_on_an_ephemeral_message_edits_it_and_an_alert_leaves_it(
    slack: SlackWorld, desk: SlackDesk
) -> None:
    desk.router.on("balance", says("board", actions=(Action("balance.refresh", "Refresh"), Action("x.no", "No"))))
    desk.router.on("balance.refresh", says("fresh board", replace=True, actions=(Action("x.no", "No"),)))
    desk.router.on("x.no", says("operators only", alert=True))
    await slack.slash("U0ALICE", "C0TEAM", "/balance")
    message = await slack.wait_for(reads(slack, "board"))
    await slack.press("U0ALICE", message, "Refresh")
    await slack.until(lambda: "fresh board" in slack.render_text(message))
    await slack.press("U0ALICE", message, "No")
    notice = await slack.wait_for(reads(slack, "operators only"))
    assert notice.only_for == "U0ALICE"
    assert "fresh board" in slack.render_text(message)


async def test_a_button_that_opens_a_page_is_no_request(slack: SlackWorld, desk: SlackDesk) -> None:
    await desk.chat.post(
        Place("slack", "C0TEAM"), says("x", actions=(Action("balance.topup", "Top up", url="https://pay.example/"),))
    )
    message = await slack.wait_for(reads(slack, "x"))
    assert (await slack.press("U0BOB", message, "Top up")).ok
    await desk.idle()
    assert desk.router.requests == []


async def test_details_stand_behind_a_button_and_grow_old(slack: SlackWorld, desk: SlackDesk) -> None:
    details = (
        Heading("More"),
        Board((Row("LOW", "kimi", "CNY 1.00", under=("ReportEngine",)),)),
        Steps(("one", "two")),
        Facts((("a", "b"),)),
    )
    await desk.chat.post(Place("slack", "C0TEAM"), says("short", details=details))
    message = await slack.wait_for(reads(slack, "short"))
    assert "More" not in slack.render_text(message)
    await slack.press("U0BOB", message, "Details")
    shown = await slack.wait_for(reads(slack, "ReportEngine"))
    assert shown.only_for == "U0BOB"
    assert "1. one" in slack.render_text(shown)
    desk.strangers.add("U0BOB")
    await slack.press("U0BOB", message, "Details")
    await slack.wait_for(reads(slack, "slack:U0BOB"))  # the closed door, which names whom to add
    desk.strangers.clear()
    desk.memory.tokens.clear()
    await slack.press("U0BOB", message, "Details")
    await slack.wait_for(reads(slack, "no longer kept"))
    assert desk.router.requests == []


async def test_details_stand_in_the_message_while_the_store_is_down(slack: SlackWorld, desk: SlackDesk) -> None:
    desk.memory.broken = True
    desk.router.on("balance", says("short", details=(Line("long"),)))
    await slack.slash("U0ALICE", "C0TEAM", "/balance")
    message = await slack.wait_for(reads(slack, "short"))
    assert slack.render_text(message) == "short\nlong"


# --- forms, Home, pictures ---------------------------------------------------------------------------------------------

EVIDENCE = Form(
    "ticket.evidence",
    "Evidence for ticket 42, please",
    "42",
    (Input("order", "Order number", "from the bill", True), Input("text", "Error", long=True)),
)


async def test_a_form_opens_as_a_modal_and_its_fields_come_back_clean(
    slack: SlackWorld, desk: SlackDesk, make_key: Any
) -> None:
    key = make_key("sk-", 48)
    desk.router.on("ticket.add", Reply(form=EVIDENCE))
    desk.router.on("ticket.evidence", says("thank you"))
    await desk.chat.post(Place("slack", "C0SUPPORT"), says("#42", actions=(Action("ticket.add", "Add", "42"),)))
    message = await slack.wait_for(reads(slack, "#42"))
    await slack.press("U0BOB", message, "Add")
    await slack.until(lambda: bool(slack.views))
    view = next(iter(slack.views.values()))
    assert view["title"]["text"].startswith("Evidence for ticket")
    assert len(view["title"]["text"]) <= 24
    ack = await slack.submit("U0BOB", view, {"order": "A-1", "text": f"401 {key}"})
    assert (ack.ok, ack.body) == (True, "")
    answer = await slack.wait_for(reads(slack, "thank you"))
    asked = desk.router.last
    assert (asked.action, asked.value, asked.place.chat) == ("ticket.evidence", "42", "C0SUPPORT")
    assert asked.message is not None
    assert asked.message.message == message.ts
    assert asked.fields["order"].text == "A-1"
    assert key not in str(asked.fields)
    assert (answer.only_for, answer.channel) == ("U0BOB", "C0SUPPORT")


async def test_a_form_that_comes_too_late_becomes_a_button(slack: SlackWorld, desk: SlackDesk) -> None:
    slack.fail("views.open", error="expired_trigger_id")
    desk.router.on("switch", Reply(form=EVIDENCE))
    await slack.slash("U0ALICE", "C0TEAM", "/switch")
    message = await slack.wait_for(lambda m: "Open the form" in m.labels)
    await slack.press("U0ALICE", message, "Open the form")
    await slack.until(lambda: bool(slack.views))
    desk.memory.tokens.clear()
    await slack.press("U0ALICE", message, "Open the form")
    await slack.wait_for(reads(slack, "too old"))


async def test_home_is_published_and_renewed_after_a_press(slack: SlackWorld, desk: SlackDesk) -> None:
    count = 0

    async def home(_: Request) -> AsyncIterator[Reply]:
        nonlocal count
        count += 1
        yield Reply(title=f"Board {count}", blocks=(Line("all well"),), actions=(Action("ticket.ack", "Ack", "7"),))

    desk.router.scripts["home"] = home
    desk.router.on("ticket.ack", says("yours", replace=True))
    await slack.open_home("U0ALICE")
    await slack.until(lambda: "U0ALICE" in slack.homes)
    assert slack.homes["U0ALICE"]["blocks"][0]["text"]["text"] == "Board 1"
    assert desk.router.last.place == Place("slack", slack.dm("U0ALICE"), private=True, team="T0TEAM")
    await slack.press_home("U0ALICE", "Ack")
    message = await slack.wait_for(reads(slack, "yours"))
    assert message.channel == slack.dm("U0ALICE")
    await slack.until(lambda: slack.homes["U0ALICE"]["blocks"][0]["text"]["text"] == "Board 2")


async def test_a_picture_goes_beside_its_text_and_to_the_asker_alone_when_private(
    slack: SlackWorld, desk: SlackDesk
) -> None:
    desk.router.on("balance", says("chart", picture=b"\x89PNG public", audience="place"))
    await slack.slash("U0ALICE", "C0TEAM", "/balance")
    message = await slack.wait_for(lambda m: bool(m.files))
    assert message.channel == "C0TEAM"
    assert slack.files[message.files[0]["id"]]["bytes"] == b"\x89PNG public"
    desk.router.on("balance", says("chart", picture=b"\x89PNG mine"))
    await slack.slash("U0ALICE", "C0TEAM", "/balance")
    message = await slack.wait_for(lambda m: bool(m.files) and m.channel != "C0TEAM")
    assert message.channel == slack.dm("U0ALICE")
    slack.scopes.discard("files:write")
    await slack.slash("U0ALICE", "C0TEAM", "/balance")
    await desk.idle()
    assert desk.chat.counts["picture_failed"] == 1


# --- messages ----------------------------------------------------------------------------------------------------------


async def test_a_mention_is_a_command_line_answered_in_its_thread(slack: SlackWorld, desk: SlackDesk) -> None:
    desk.router.on("balance", says("for all", audience="place"))
    await slack.mention("U0ALICE", "C0TEAM", "`balance query`")
    message = await slack.wait_for(reads(slack, "for all"))
    asked = desk.router.last
    assert (asked.command, asked.text.text) == ("balance", "query")
    assert message.thread_ts == asked.place.thread is not None

    parent = slack.says("U0BOB", "C0TEAM", "HTTP 402 <nil> & more")
    await slack.mention("U0ALICE", "C0TEAM", "", thread=parent.ts)
    await desk.idle()
    asked = desk.router.last
    assert asked.command == "diagnose"
    assert asked.quoted is not None
    assert asked.quoted.text == "HTTP 402 <nil> & more"
    reply = slack.from_bot()[-1]
    assert (reply.thread_ts, reply.only_for) == (parent.ts, "U0ALICE")


async def test_a_pasted_error_is_diagnosed_and_a_wrong_word_is_left_to_the_router(
    slack: SlackWorld, desk: SlackDesk
) -> None:
    await slack.message("U0ALICE", slack.dm("U0ALICE"), "```\nError code: 402 - {'error': {}}\n```")
    await slack.message("U0ALICE", slack.dm("U0ALICE"), "余额 query")
    await slack.mention("U0ALICE", "C0TEAM", "blance")
    await slack.mention("U0ALICE", "C0TEAM", "<https://api.example/v1|api.example/v1> said &lt;b&gt; no 500", raw=True)
    await desk.idle()
    got = sorted((r.command, r.text.text, r.place.private) for r in desk.router.requests)
    assert got == [
        ("blance", "", False),
        ("diagnose", "Error code: 402 - {'error': {}}", True),
        ("diagnose", "https://api.example/v1 said <b> no 500", False),
        ("余额", "query", True),
    ]


async def test_an_unreadable_thread_is_said(slack: SlackWorld, desk: SlackDesk) -> None:
    slack.scopes.discard("channels:history")
    await slack.mention("U0ALICE", "C0TEAM", "", thread="1700000000.000001")
    await slack.wait_for(reads(slack, "cannot read this thread"))
    assert desk.router.requests == []


async def test_the_shortcut_quotes_the_whole_message(slack: SlackWorld, desk: SlackDesk) -> None:
    message = slack.says("U0BOB", "C0TEAM", "429 RESOURCE_EXHAUSTED limit: 0")
    await slack.shortcut("U0ALICE", message)
    await desk.idle()
    asked = desk.router.last
    assert (asked.command, asked.text.text) == ("diagnose", "")
    assert asked.quoted is not None
    assert asked.quoted.text == "429 RESOURCE_EXHAUSTED limit: 0"
    assert slack.from_bot()[-1].only_for == "U0ALICE"


async def test_attached_text_is_read_through_the_gate_and_other_files_are_not(
    slack: SlackWorld, desk: SlackDesk, make_key: Any
) -> None:
    key = make_key("sk-", 48)
    noise = b"10:00:00 INFO x\n" * 30_000
    log = slack.add_file("run.log", noise + f"10:00:01 ERROR HTTP 402 with {key}\n".encode() + noise)
    await slack.mention("U0ALICE", "C0TEAM", "diagnose", files=[log])
    await desk.idle()
    quoted = desk.router.last.quoted
    assert quoted is not None
    assert "HTTP 402 with" in quoted.text
    assert key not in quoted.text
    assert len(quoted) < 210_000
    assert [seen.fingerprint for seen in desk.router.last.found.secrets] == [desk.gate.fingerprint(key)]
    assert desk.router.last.fields["file"].text == "run.log"
    calls = slack.calls.count("file")
    dm = slack.dm("U0ALICE")
    picture = slack.add_file("shot.png", b"\x89PNG", mimetype="image/png")
    await slack.message("U0ALICE", dm, "", files=[picture])
    await slack.wait_for(reads(slack, "cannot read pictures here"))
    await slack.message("U0ALICE", dm, "", files=[{**log, "size": 6_000_000}])
    await slack.wait_for(reads(slack, "larger than 5 MB"))
    await slack.message("U0ALICE", dm, "", files=[{**log, "url_private": "http://evil.example/x.log"}])
    await slack.wait_for(reads(slack, "could not read that file"))
    assert slack.calls.count("file") == calls  # the token went nowhere else
    assert len(desk.router.requests) == 1


async def test_bots_edits_and_own_messages_are_left_alone(slack: SlackWorld, desk: SlackDesk) -> None:
    dm = slack.dm("U0ALICE")
    base = {"type": "message", "channel": dm, "channel_type": "im", "user": "U0ALICE", "text": "balance", "ts": "5.1"}
    for odd in (
        {"bot_id": "B0OTHER"},
        {"subtype": "message_changed"},
        {"subtype": "bot_message", "user": None},
        {"subtype": "message_deleted"},
        {"user": slack.bot_user},
        {"user": "USLACKBOT"},
        {"edited": {"ts": "5.2"}},
        {"type": "reaction_added"},
        {"type": "team_join", "user": {"id": "U0NEW"}},
    ):
        assert (await slack.event({**base, **odd})).status == 200
    await slack.mention("U0ALICE", dm, "balance")  # the same text comes as message.im too
    await desk.idle()
    assert desk.router.requests == []
    assert slack.from_bot() == []


async def test_only_a_secret_in_a_channel_is_overheard(slack: SlackWorld, desk: SlackDesk, make_key: Any) -> None:
    key = make_key("sk-", 48)
    await slack.message("U0ALICE", "C0TEAM", "lunch?")
    await slack.message("U0ALICE", "C0TEAM", f"here you are: {key}")
    await desk.idle()
    assert [r.command for r in desk.router.requests] == ["leak"]
    assert key not in repr(desk.router.requests)
    assert desk.router.last.found.secrets
    assert slack.from_bot()[-1].only_for == "U0ALICE"


# --- deliveries --------------------------------------------------------------------------------------------------------


async def test_repeated_deliveries_run_once_also_after_a_restart(slack: SlackWorld) -> None:
    async with SlackDesk(slack) as first:
        await slack.mention("U0ALICE", "C0TEAM", "balance", event_id="Ev0SAME")
        stood = slack.messages[0]
        again = {**slack._shown(stood), "type": "app_mention", "channel": "C0TEAM", "team": "T0TEAM"}
        for _ in range(3):
            assert (await slack.event(again, event_id="Ev0SAME")).ok
        await first.idle()
        assert len(first.router.requests) == 1
    async with SlackDesk(slack) as second:
        second.memory.seen = first.memory.seen
        await slack.event(again, event_id="Ev0SAME")
        await second.idle()
        assert second.router.requests == []
        assert second.chat.counts["duplicates"] == 1


async def test_on_the_real_store_repeats_and_details_outlive_a_restart(slack: SlackWorld, tmp_path: Path) -> None:
    store = SqlStore(f"sqlite+aiosqlite:///{tmp_path}/q.db", Gate(b"k"))
    await store.open()
    event = {"type": "app_mention", "user": "U0ALICE", "text": "<@U0BOT> balance", "ts": "9.1", "channel": "C0TEAM"}
    reply = Reply(
        blocks=(Line("short"),),
        details=(Board((Row("LOW", "kimi", "¥1.00", under=("ReportEngine",), tone="warn"),)), Quote("<nil> & 长")),
        audience="place",
    )
    try:
        async with SlackDesk(slack, memory=store) as desk:
            desk.router.on("balance", reply)
            await slack.event(event, event_id="Ev0ONE")
            message = await slack.wait_for(reads(slack, "short"))
        async with SlackDesk(slack, memory=store) as desk:
            await slack.event(event, event_id="Ev0ONE")
            await slack.press("U0BOB", message, "Details")
            shown = await slack.wait_for(reads(slack, "ReportEngine"))
            assert "<nil> & 长" in slack.render_text(shown)
            assert desk.router.requests == []
    finally:
        await store.close()


async def test_a_retry_whose_first_delivery_never_came_is_answered(slack: SlackWorld, desk: SlackDesk) -> None:
    body = {
        "type": "event_callback",
        "event_id": "Ev0LOST",
        "team_id": "T0TEAM",
        "event": {
            "type": "app_mention",
            "user": "U0ALICE",
            "text": "<@U0BOT> balance",
            "ts": "9.1",
            "channel": "C0TEAM",
        },
    }
    raw = json.dumps(body).encode()
    headers = {
        "Content-Type": "application/json",
        "X-Slack-Retry-Num": "1",
        "X-Slack-Retry-Reason": "http_timeout",
        **slack.sign(raw),
    }
    assert (await slack.post_raw(raw, headers)).ok
    await desk.idle()
    assert len(desk.router.requests) == 1


async def test_signatures_windows_and_replays(slack: SlackWorld, desk: SlackDesk) -> None:
    form = {"command": "/balance", "text": "", "user_id": "U0ALICE", "channel_id": "C0TEAM", "trigger_id": "1.x"}
    raw = urlencode({**form, "response_url": f"{slack.base}/response/none"}).encode()
    mime = {"Content-Type": "application/x-www-form-urlencoded"}
    good = slack.sign(raw)
    now = time.time()
    for headers in (
        {},
        {**good, "X-Slack-Signature": "v0=" + "0" * 64},
        {**good, "X-Slack-Request-Timestamp": "soon"},
        {**good, "X-Slack-Request-Timestamp": str(int(now) + 1)},
        slack.sign(raw, now - 301),
        slack.sign(raw, now + 302),
    ):
        assert (await slack.post_raw(raw, {**mime, **headers})).status == 401
    assert (await slack.post_raw(b"\xff\xfe", slack.sign(b"\xff\xfe"))).status in (200, 401)
    for _ in range(3):  # the same signed bytes again, inside the window
        assert (await slack.post_raw(raw, {**mime, **good})).status == 200
    await desk.idle()
    assert len(desk.router.requests) == 1
    assert (await slack.url_verification()).ok


async def test_url_verification_answers_the_challenge(slack: SlackWorld, desk: SlackDesk) -> None:
    ack = await slack.url_verification()
    sent = [e for e in slack.transcript if e.name == "url_verification"][-1]
    assert json.loads(sent.body)["challenge"] in ack.body


async def test_nothing_is_taken_before_the_router_is_there(slack: SlackWorld, desk: SlackDesk) -> None:
    desk.chat._inbox.answers = None
    assert (await slack.slash("U0ALICE", "C0TEAM", "/balance")).status == 503


async def test_stop_lets_running_answers_end(slack: SlackWorld) -> None:
    entered, gate = asyncio.Event(), asyncio.Event()

    async def slow(_: Request) -> AsyncIterator[Reply]:
        entered.set()
        await gate.wait()
        yield says("finished")

    async with SlackDesk(slack) as desk:
        desk.router.scripts["balance"] = slow
        await slack.slash("U0ALICE", "C0TEAM", "/balance")
        await entered.wait()
        stopping = asyncio.create_task(desk.chat.stop())
        await asyncio.sleep(0)
        assert (await slack.slash("U0ALICE", "C0TEAM", "/balance")).status == 503
        gate.set()
        await stopping
        assert "finished" in slack.render_text(slack.from_bot()[-1])


# --- trouble at Slack --------------------------------------------------------------------------------------------------


async def test_a_rate_limit_holds_one_channel_and_no_other(slack: SlackWorld, clock: Any) -> None:
    slack._now = lambda: clock.now().timestamp()
    async with SlackDesk(slack, clock=clock) as desk:
        slack.fail("chat.postMessage", retry_after=7, when=lambda args: args["channel"] == "C0TEAM")
        held = asyncio.create_task(desk.chat.post(Place("slack", "C0TEAM"), says("held")))
        await slack.until(lambda: "chat.postMessage" in slack.calls)
        await desk.chat.post(Place("slack", "C0SUPPORT"), says("free"))
        assert not held.done()
        desk.router.on("balance", says("behind", audience="place"))
        await slack.slash("U0ALICE", "C0TEAM", "/balance")
        await slack.wait_for(reads(slack, "Slack makes me wait about"))
        await moving(clock, 1, held.done)
        assert (await held).message
        await moving(clock, 1, lambda: any(reads(slack, "behind")(m) for m in slack.from_bot()))
        assert desk.chat.counts["waited"] == 1


async def test_a_flood_is_sent_at_slacks_pace_and_in_order(slack: SlackWorld, clock: Any) -> None:
    slack._now = lambda: clock.now().timestamp()
    slack.pace_burst = 4  # one in hand: what leaves a second apart may arrive closer
    async with SlackDesk(slack, clock=clock) as desk:
        posts = [asyncio.create_task(desk.chat.post(Place("slack", "C0TEAM"), says(f"n{n}"))) for n in range(12)]
        await moving(clock, 0.1, lambda: all(post.done() for post in posts))
        await asyncio.gather(*posts)
        assert [m.text for m in slack.from_bot()] == [f"n{n}" for n in range(12)]
        assert desk.chat.counts["waited"] == 0


async def test_a_private_answer_to_a_first_mention_is_not_hidden_in_an_empty_thread(
    slack: SlackWorld, desk: SlackDesk
) -> None:
    await slack.mention("U0ALICE", "C0TEAM", "balance")
    message = await slack.wait_for(reads(slack, "balance"))
    assert message in slack.visible("C0TEAM", "U0ALICE")
    assert message not in slack.visible("C0TEAM", "U0BOB")


async def test_failures_say_whether_to_try_again(slack: SlackWorld, desk: SlackDesk) -> None:
    from bot.errors import DeliveryError

    async def fault(place: str = "C0TEAM", **how: Any) -> DeliveryError:
        if how:
            slack.fail("chat.postMessage", **how)
        with pytest.raises(DeliveryError) as caught:
            await desk.chat.post(Place("slack", place), says("x"))
        return caught.value

    gone = await fault("C0NONE")
    assert (gone.reason, gone.final, gone.retry_after_s) == ("channel_not_found", True, None)
    out = await fault("C0OUT")
    assert (out.reason, out.final) == ("not_in_channel", True)
    broken = await fault(status=503, raw="<html>down</html>")
    assert (broken.final, broken.lost, broken.retry_after_s) == (False, True, 5)
    inside = await fault(error="internal_error")
    assert (inside.lost, inside.retry_after_s) == (True, 5)
    refused = await fault(error="token_revoked")
    assert (refused.reason, refused.final) == ("refused_token", False)
    assert desk.chat.faults() == ("refused_token",)
    await desk.chat.post(Place("slack", "C0TEAM"), says("well again"))
    assert desk.chat.faults() == ()
    missing = await fault(error="missing_scope")
    assert missing.final


async def test_direct_messages_and_edits_from_inside(slack: SlackWorld, desk: SlackDesk) -> None:
    from bot.errors import DeliveryError

    ref = await desk.chat.direct(Person("slack", "U0BOB"), says("ring"))
    await desk.chat.edit(ref, says("over", actions=(Action("a.b", "B"),)))
    message = slack.from_bot()[-1]
    assert (message.channel, slack.render_text(message), message.edits) == (slack.dm("U0BOB"), "over\n[B]", 1)
    slack.users["U0BOB"]["deleted"] = True
    with pytest.raises(DeliveryError):
        await desk.chat.direct(Person("slack", "U0NOBODY"), says("x"))
    with pytest.raises(DeliveryError) as caught:
        await desk.chat.edit(MessageRef("slack", "C0TEAM", "1.1"), says("x"))
    assert caught.value.final
    long = says("y" * 40_000)
    await desk.chat.edit(ref, long)
    assert message.edits == 2


async def test_a_refused_token_at_the_start_is_a_fault_and_no_crash(slack: SlackWorld) -> None:
    slack.bot_token, real = "other", slack.bot_token
    from bot.model.team import Secret

    async with SlackDesk(slack, bot_token=Secret(real)) as desk:
        assert desk.chat.faults() == ("refused_token",)
