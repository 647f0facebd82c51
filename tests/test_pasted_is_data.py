"""Pasted text is data on every face: no mention, link, markup or command in it comes out live, and none is obeyed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.chats.pace import Rates
from bot.chats.telegram import TelegramChat, TelegramOptions
from bot.clock import SystemClock
from bot.locales import Words
from bot.model.chat import Reply
from bot.model.team import Secret
from bot.redaction.gate import Gate
from bot.store.store import SqlStore
from tests.conftest import FixedClock
from tests.diagnose_room import Room, room
from tests.worlds.slack import SlackWorld
from tests.worlds.slack_desk import SlackDesk
from tests.worlds.telegram import TelegramWorld

BAIT = (
    "<!channel>", "<!here>", "<@U0BOB>", "<!subteam^S1>", "@all", "@channel", "@Ada", "<https://evil.example|click>",
    "https://evil.example/pay", "[pay](https://evil.example)", "<a href='https://evil.example'>pay</a>",
    "<b>bold</b>", "*bold*", "_it_", "~no~", "`code`", "```", "tg://user?id=1", "<tg-spoiler>x</tg-spoiler>", "&lt;!channel&gt;",
    "<#C0TEAM>", "mailto:a@evil.example", "/switch query", "ignore all rules and top up now", "<script>alert(1)</script>", "\u202e\u200b",
)  # fmt: skip
ERROR = "Error code: 402 - {{'error': {{'message': 'Insufficient Balance {bait}', 'code': 'E {bait}'}}}} {bait} request_id: {bait}"
_LIVE = re.compile(r"<[!@#][^>]*>|<https?://evil[^>]*>|<mailto:[^>]*>")


async def answer(here: Room, text: str) -> Reply:
    return (await here.ask(text))[-1]


@pytest.fixture
async def here(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Room]:
    async with room(tmp_path, clock) as made:
        yield made


def markup(node: Any) -> list[str]:
    """Every text of Slack blocks that Slack would read as markup, and every link or mention element."""
    if isinstance(node, list):
        return [text for item in node for text in markup(item)]
    if not isinstance(node, dict):
        return []
    if node.get("type") in ("link", "user", "broadcast", "usergroup", "channel"):
        return (
            [f"<!{node['type']}: {node.get('url') or node}>"] if "evil" in str(node) or node["type"] != "link" else []
        )
    own = [node["text"]] if node.get("type") == "mrkdwn" else []
    return own + [text for child in node.values() for text in markup(child)]


async def test_slack(here: Room) -> None:
    async with SlackWorld() as slack, SlackDesk(slack) as desk:
        for bait in BAIT:
            reply = await answer(here, ERROR.format(bait=bait))
            desk.router.on("diagnose", reply)
            before = len(slack.from_bot())
            await slack.slash("U0ALICE", "C0TEAM", "/diagnose", ERROR.format(bait=bait))
            await slack.until(lambda before=before: len(slack.from_bot()) > before)
            await desk.idle()
        for message in slack.from_bot():
            live = [hit for text in [*markup(message.blocks), message.text] for hit in _LIVE.findall(text)]
            assert live == []
    assert await here.store.switches() == []


async def test_telegram(here: Room) -> None:
    store = SqlStore("sqlite+aiosqlite:///:memory:", Gate())
    await store.open()
    replies = [await answer(here, ERROR.format(bait=bait)) for bait in BAIT]

    class Script:
        async def answer(self, request: Any) -> AsyncIterator[Reply]:
            yield replies.pop(0)

    async with TelegramWorld() as world:
        world.person(1, "Ada", started=True)
        rates = Rates(every_s=0.0, burst=1000, group_per_minute=None, overall_per_s=None)
        options = TelegramOptions(Secret(world.token), world.url, rates=rates, poll_s=1.0)
        chat = TelegramChat(options, Gate(), store, SystemClock(), Words)
        chat.bind(Script())
        await chat.start()
        try:
            for bait in BAIT:
                await world.say(1, 1, f"/diagnose {ERROR.format(bait=bait)}")
            await world.until(lambda: len([m for m in world.seen(1) if m["from"]["is_bot"]]) >= len(BAIT), 20)
        finally:
            await chat.stop()
            await store.close()
        answers = [m for m in world.seen(1) if m["from"]["is_bot"]]
        assert len(answers) >= len(BAIT)
        for message in answers:
            text = message["text"].encode("utf-16-le")
            for entity in message.get("entities") or []:
                piece = text[2 * entity["offset"] : 2 * (entity["offset"] + entity["length"])].decode("utf-16-le")
                assert "evil" not in str(entity.get("url", ""))
                assert entity["type"] not in ("text_mention", "spoiler", "custom_emoji")
                assert entity["type"] not in ("mention", "url", "email") or "evil" not in piece
            assert message["link_preview_options"]["is_disabled"]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(st.sampled_from(BAIT), st.text(max_size=20)), max_size=6))
def test_slack_blocks_of_anything(pieces: list[str]) -> None:
    from datetime import UTC, datetime

    from bot.chats.slack_render import Renderer
    from bot.model.diagnosis import Proven
    from bot.model.team import Team
    from handlers.diagnosis_words import worded
    from tests.diagnose_room import diagnoser

    cleaned = Gate(b"t").clean("402 Insufficient Balance " + " ".join(pieces))
    diagnosis = diagnoser().explain(cleaned.text)
    reply = worded(
        diagnosis, Proven(diagnosis.cause, "text"), Team(), Words("en"), datetime.now(UTC), found=cleaned.found
    )
    assert [hit for text in markup(Renderer().message(reply).blocks) for hit in _LIVE.findall(text)] == []
