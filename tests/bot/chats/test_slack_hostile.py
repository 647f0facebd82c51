"""Bad input and bad weather in Slack: answered rightly or left alone, never a crash, never twice in public."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest

from bot.errors import DeliveryError
from bot.model.chat import Action, Facts, Line, Place, Quote, Reply, Request
from tests.worlds.slack import SlackWorld
from tests.worlds.slack_desk import SlackDesk
from tests.worlds.slack_rules import mentions


async def echo(request: Request) -> AsyncIterator[Reply]:
    """A handler that shows what it was given, everywhere it can."""
    text = request.text.text
    yield Reply(
        title=text[:200],
        blocks=(Line(text), Quote(text), Facts(((text[:50], text),))),
        details=(Quote(text),),
        actions=(Action("diagnose.escalate", text[:60] or "x"),),
        audience="place",
    )


@pytest.mark.parametrize(
    "text",
    [
        "<!channel> fire <!here>",
        "&lt;!channel&gt; &lt;@U0BOB&gt;",
        "``` `*_~ :x: > | ```",
        "<https://evil.example|https://good.example> <mailto:a@b.example|x>",
        "\u202eevil\u202c مرحبا \ufeff",
        "\ue000slack:U0BOB\ue001",
        "x" * 40_000,
        "<&>" * 13_000,
        "长报错。" * 10_000,
        "\x00\x01 \ud83d half",
        "😀" * 5_000,
    ],
)
async def test_hostile_text_comes_back_as_text(slack: SlackWorld, desk: SlackDesk, text: str) -> None:
    desk.router.scripts["diagnose"] = echo
    ack = await slack.slash("U0ALICE", "C0TEAM", "/diagnose", text.encode("utf-8", "replace").decode())
    assert ack.ok
    await desk.idle()
    (message,) = slack.from_bot()
    assert message.blocks
    assert mentions(message.text) == []
    raw = json.dumps(message.blocks)
    assert '"mrkdwn"' not in raw
    assert '"user"' not in raw
    assert "\\u202e" not in raw
    assert "\\ue000" not in raw
    assert desk.chat.counts["plain_resent"] == 0
    await slack.press("U0BOB", message, "details.show")
    await slack.until(lambda: len(slack.from_bot()) == 2)


async def test_a_40_000_character_reply_is_edited_and_posted_without_a_refusal(
    slack: SlackWorld, desk: SlackDesk
) -> None:
    ref = await desk.chat.post(Place("slack", "C0TEAM"), Reply(blocks=(Line("y " * 20_000), Quote("z\n" * 20_000))))
    await desk.chat.edit(ref, Reply(blocks=(Quote("<&>" * 20_000),)))
    assert slack.from_bot()[-1].edits == 1
    assert desk.chat.counts["plain_resent"] == 0


async def test_signed_nonsense_is_accepted_and_left_alone(slack: SlackWorld, desk: SlackDesk) -> None:
    """Slack switches off an app that fails often: what we do not understand is still accepted."""
    bodies: list[tuple[bytes, str]] = [
        (json.dumps(body).encode(), "application/json")
        for body in (
            {"type": "event_callback", "event": {"type": "message"}},
            {"type": "event_callback", "event": {"type": "app_mention", "user": "U0ALICE"}, "event_id": "Ev1"},
            {"type": "event_callback", "event": {"type": "message", "user": 7, "text": None, "channel": None}},
            {"type": "event_callback", "event": {"type": "tokens_revoked"}},
            {"type": "app_rate_limited", "minute_rate_limited": 1},
            {"type": "event_callback"},
            {},
            [],
        )
    ]
    for payload in (
        {"type": "block_actions", "user": {"id": "U0ALICE"}, "actions": []},
        {"type": "block_actions", "user": {"id": "U0ALICE"}, "actions": [{"type": "overflow", "action_id": "x"}]},
        {"type": "block_actions", "actions": [{"type": "button"}]},
        {"type": "view_submission", "user": {"id": "U0ALICE"}, "view": {"callback_id": "x.y", "private_metadata": "["}},
        {"type": "view_closed", "user": {"id": "U0ALICE"}, "view": {"callback_id": "x.y"}},
        {"type": "message_action", "callback_id": "diagnose_message", "user": {"id": "U0ALICE"}},
        {"type": "shortcut", "callback_id": "other", "user": {"id": "U0ALICE"}},
        {"type": "something_new"},
    ):
        form = urlencode({"payload": json.dumps(payload)}).encode()
        bodies.append((form, "application/x-www-form-urlencoded"))
    bodies += [(b"", "text/plain"), (b"{", "application/json"), (b"payload=%7B", "application/x-www-form-urlencoded")]
    statuses = [(await slack.post_raw(raw, {"Content-Type": mime, **slack.sign(raw)})).status for raw, mime in bodies]
    await desk.idle()
    assert set(statuses) == {200}
    assert (await slack.slash("U0ALICE", "C0TEAM", "/balance")).ok


async def test_a_lost_public_answer_is_not_posted_twice_but_reaches_the_asker(
    slack: SlackWorld, desk: SlackDesk
) -> None:
    desk.router.on("balance", Reply(blocks=(Line("for all"),), audience="place"))
    slack.fail("chat.postMessage", status=502, raw="<html>bad gateway</html>")
    await slack.slash("U0ALICE", "C0TEAM", "/balance")
    message = await slack.wait_for(lambda m: "for all" in m.text)
    assert (message.only_for, message.via) == ("U0ALICE", "response_url")
    assert slack.calls.count("chat.postMessage") == 1


async def test_response_url_down_and_limited(slack: SlackWorld, desk: SlackDesk) -> None:
    slack.fail("response_url", status=500, error="x")
    await slack.slash("U0ALICE", "C0TEAM", "/balance", "one")
    assert (await slack.wait_for(lambda m: "one" in m.text)).via == "chat.postEphemeral"
    slack.fail("response_url", retry_after=1)
    await slack.slash("U0ALICE", "C0TEAM", "/balance", "two")
    assert (await slack.wait_for(lambda m: "two" in m.text)).via == "response_url"


async def test_a_store_that_is_down_costs_nothing_but_memory(slack: SlackWorld, desk: SlackDesk) -> None:
    desk.memory.broken = True
    for _ in range(2):
        await slack.event(
            {"type": "app_mention", "user": "U0ALICE", "text": "<@U0BOT> balance", "ts": "1.1", "channel": "C0TEAM"},
            event_id="Ev0ONE",
        )
    await desk.idle()
    assert len(desk.router.requests) == 1


async def test_a_stranger_in_a_shared_channel_keeps_the_strangers_team(slack: SlackWorld, desk: SlackDesk) -> None:
    slack.add_user("U0EVE", "Eve", team_id="T0OTHER")
    await slack.slash("U0EVE", "C0TEAM", "/balance")
    await slack.mention("U0EVE", "C0TEAM", "balance")
    await desk.idle()
    assert {r.place.team for r in desk.router.requests} == {"T0OTHER"}


async def test_before_auth_test_has_answered_the_event_says_who_we_are(slack: SlackWorld) -> None:
    slack.fail("auth.test", status=500, error="internal_error", times=99)
    async with SlackDesk(slack) as desk:
        assert "unreachable" in desk.chat.faults() or "not_identified" in desk.chat.faults()
        await slack.mention("U0ALICE", "C0TEAM", "balance query")
        await desk.idle()
        assert (desk.router.last.command, desk.router.last.text.text) == ("balance", "query")


async def test_a_fault_does_not_outlive_its_cause(slack: SlackWorld, clock: Any) -> None:
    slack._now = lambda: clock.now().timestamp()
    async with SlackDesk(slack, clock=clock) as desk:
        slack.fail("chat.postMessage", error="invalid_auth")
        with pytest.raises(DeliveryError):
            await desk.chat.post(Place("slack", "C0TEAM"), Reply(blocks=(Line("x"),)))
        assert desk.chat.faults() == ("refused_token",)
        clock.move(15)
        await slack.until(lambda: desk.chat.faults() == ())


async def test_no_token_or_secret_of_ours_is_ever_in_a_body(slack: SlackWorld, desk: SlackDesk) -> None:
    await slack.slash("U0ALICE", "C0TEAM", "/balance")
    await slack.open_home("U0ALICE")
    await desk.chat.post(Place("slack", "C0TEAM"), Reply(blocks=(Line("x"),), picture=b"png"))
    await desk.idle()
    for secret in (slack.bot_token, slack.app_token, slack.signing_secret):
        assert slack.leaked(secret) == []
        assert secret not in repr(vars(desk.chat))
