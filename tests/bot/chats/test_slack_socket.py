"""Socket Mode: the same deliveries, and a connection that is watched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bot.model.chat import Action, Line, Place, Reply, Request
from tests.worlds.slack import SlackWorld
from tests.worlds.slack_desk import SlackDesk

FAST: dict[str, Any] = {"ping_s": 0.2, "watch_s": 0.05}


async def test_commands_presses_and_events_come_over_the_socket(slack: SlackWorld) -> None:
    async with SlackDesk(slack, socket=True) as desk:
        assert slack.sockets == 1
        assert desk.chat.faults() == ()
        desk.router.on("balance", Reply(blocks=(Line("board"),), actions=(Action("balance.refresh", "Refresh"),)))
        desk.router.on("balance.refresh", Reply(blocks=(Line("fresh"),), replace=True))
        ack = await slack.slash("U0ALICE", "C0TEAM", "/balance")
        assert (ack.ok, ack.body) == (True, "{}")
        assert ack.seconds < 1
        message = await slack.wait_for(lambda m: "board" in m.text)
        assert (await slack.press("U0ALICE", message, "Refresh")).ok
        await slack.until(lambda: message.text == "fresh")
        assert (await slack.mention("U0BOB", "C0TEAM", "balance")).ok
        await slack.until(lambda: len(desk.router.requests) == 3)
        # The app-level token rides in the header only.
        assert not slack.leaked(slack.app_token)
        assert not slack.leaked(slack.bot_token)
    assert slack.sockets == 0


async def test_an_answer_that_fails_or_hangs_does_not_cost_the_acknowledgement(slack: SlackWorld) -> None:
    async def hang(_: Request) -> AsyncIterator[Reply]:
        await asyncio.Event().wait()
        yield Reply()

    async with SlackDesk(slack, socket=True) as desk:
        desk.router.on("balance", RuntimeError("boom"))
        desk.router.scripts["switch"] = hang
        acks = [await slack.slash("U0ALICE", "C0TEAM", name) for name in ("/balance", "/switch", "/balance")]
        assert [ack.ok for ack in acks] == [True] * 3
        await slack.wait_for(lambda m: "broke" in m.text)
        for task in desk.chat._inbox._work:
            task.cancel()
    assert slack.timeouts == []


async def test_two_hundred_commands_over_one_socket(slack: SlackWorld) -> None:
    async with SlackDesk(slack, socket=True):
        acks = await asyncio.gather(*(slack.slash("U0ALICE", "C0TEAM", "/balance", str(n)) for n in range(200)))
        assert all(ack.ok for ack in acks)
        await slack.until(lambda: len(slack.from_bot()) == 200, 10)


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_the_new_connection_stands_before_the_old_one_goes(slack: SlackWorld, reason: str) -> None:
    async with SlackDesk(slack, socket=True, **FAST) as desk:
        await slack.disconnect(reason)
        await slack.until(lambda: desk.chat.counts["sockets_rebuilt"] == 1)
        assert slack.socket_opens == len(slack._sockets) == 2  # both are open
        assert desk.chat.faults() == ()
        assert (await slack.slash("U0ALICE", "C0TEAM", "/balance")).ok


async def test_a_closed_connection_is_rebuilt(slack: SlackWorld) -> None:
    async with SlackDesk(slack, socket=True, **FAST):
        await slack.disconnect("refresh_requested", close=True)
        await slack.until(lambda: slack.sockets == 1 and slack.socket_opens == 2)
        assert (await slack.slash("U0ALICE", "C0TEAM", "/balance")).ok


async def test_a_deaf_connection_is_noticed_shown_and_rebuilt(slack: SlackWorld) -> None:
    async with SlackDesk(slack, socket=True, **FAST) as desk:
        slack.deaf = True  # greets whoever comes, and answers nothing
        await slack.until(lambda: desk.chat.faults() == ("socket_deaf",), 5)
        opens = slack.socket_opens
        await slack.until(lambda: slack.socket_opens > opens, 15)
        assert desk.chat.faults() == ("socket_deaf",)  # a greeting alone proves nothing
        slack.deaf = False
        await slack.until(lambda: desk.chat.faults() == (), 10)
        assert (await slack.slash("U0ALICE", "C0TEAM", "/balance")).ok


def test_deafness_is_noticed_well_within_ninety_seconds() -> None:
    from bot.chats.slack import SlackOptions
    from bot.chats.slack_socket import CONNECT_S, PROOF_S
    from bot.model.team import Secret

    options = SlackOptions(Secret("x"))
    # Four pings unanswered, or a heartbeat lost, and one look; then connecting.
    assert options.ping_s * 4 + options.watch_s + PROOF_S < 90 - CONNECT_S


async def test_a_socket_that_never_greets_is_not_taken_for_a_live_one(slack: SlackWorld) -> None:
    from bot.chats import slack_socket

    assert slack_socket.CONNECT_S <= 20
    slack.silent_hello = True
    desk = SlackDesk(slack, socket=True, **FAST)
    starting = asyncio.create_task(desk.chat.start())
    await slack.until(lambda: slack.sockets == 1)
    assert "socket_down" in desk.chat.faults()
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await desk.chat.stop()


async def test_link_disabled_is_final(slack: SlackWorld) -> None:
    async with SlackDesk(slack, socket=True, **FAST) as desk:
        await slack.disconnect("link_disabled", close=True)
        await slack.until(lambda: desk.chat.faults() == ("link_disabled",))
        await asyncio.sleep(0.3)
        assert slack.socket_opens == 1
        # What goes out does not need the socket.
        assert (await desk.chat.post(Place("slack", "C0TEAM"), Reply(blocks=(Line("x"),)))).message


async def test_a_refused_app_token_is_a_fault_that_names_it(slack: SlackWorld) -> None:
    slack.refuse_sockets = "invalid_auth"
    async with SlackDesk(slack, socket=True) as desk:
        assert "app_token_refused" in desk.chat.faults()


async def test_an_eleventh_connection_waits_its_turn(slack: SlackWorld) -> None:
    async with aiohttp.ClientSession() as client:
        others = [await client.ws_connect(slack._open_link(slack.app_token, {})["url"]) for _ in range(10)]
        await slack.until(lambda: slack.sockets == len(others))
        async with SlackDesk(slack, socket=True) as desk:
            await slack.until(lambda: "too_many_websockets" in desk.chat.faults())


async def test_what_bolt_cannot_read_is_still_acknowledged(slack: SlackWorld) -> None:
    async with SlackDesk(slack, socket=True):
        ack = await slack._over_socket("events_api", {"type": "event_callback", "event": {"type": "message"}}, None)
        assert ack.ok
        ack = await slack._over_socket("interactive", {"type": "block_actions", "actions": [{}]}, None)
        assert ack.ok
