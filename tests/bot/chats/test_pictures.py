"""A screenshot goes the way of an attached log on both platforms: read, through the gate, to the diagnosis; never kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.chats.pace import Rates
from bot.chats.telegram import TelegramChat, TelegramOptions
from bot.clock import SystemClock
from bot.locales import Words
from bot.model.chat import Line, Reply, Request
from bot.model.team import Secret
from bot.redaction.gate import Gate
from bot.store.store import SqlStore
from tests.worlds.slack import SlackWorld
from tests.worlds.slack_desk import SlackDesk
from tests.worlds.telegram import TelegramWorld

PICTURE = b"\x89PNG\r\n\x1a\n" + b"pixels" * 50
ADA, EVE, TEAM = 1, 2, -10


class Eyes:
    """Reads what it is told; remembers what it was shown."""

    ready = True

    def __init__(self, text: str, trouble: str = "") -> None:
        self.answer, self.shown = (text, trouble), []  # type: ignore[var-annotated]

    async def read(self, picture: bytes) -> Any:
        self.shown.append(picture)
        return self.answer


class Router:
    def __init__(self) -> None:
        self.asked: list[Request] = []

    async def answer(self, request: Request) -> AsyncIterator[Reply]:
        self.asked.append(request)
        yield Reply(blocks=(Line("seen"),))


async def test_slack(make_key: Any) -> None:
    key = make_key("sk-", 48)
    eyes = Eyes(f"HTTP 402 Insufficient Balance {key}")
    async with SlackWorld() as slack, SlackDesk(slack, reader=eyes) as desk:
        shot = slack.add_file("shot.png", PICTURE, mimetype="image/png")
        dm = slack.dm("U0ALICE")
        await slack.message("U0ALICE", dm, "", files=[shot])
        await desk.idle()
        await slack.mention("U0ALICE", "C0TEAM", "diagnose", files=[shot])
        await desk.idle()
        standing = slack.says("U0BOB", "C0TEAM", "look", files=[shot])
        await slack.shortcut("U0ALICE", standing)
        await desk.idle()
        for request in desk.router.requests:
            assert request.command == "diagnose"
            assert request.quoted is not None
            assert "402 Insufficient Balance" in request.quoted.text
            assert key not in request.quoted.text
            assert request.found.secrets
        assert len(desk.router.requests) == 3
        assert eyes.shown == [PICTURE] * 3
        said = [m for m in slack.from_bot() if m.channel == dm]
        assert len(said) == 1  # what was said while the picture was read became the answer
        assert "Reading the picture" in str(slack.transcript)
        assert "Reading" not in slack.render_text(said[0])
        eyes.answer = ("", "no_text")
        await slack.message("U0ALICE", dm, "", files=[shot])
        await slack.wait_for(lambda m: "no text in that picture" in slack.render_text(m))
        await slack.message("U0ALICE", dm, "", files=[{**shot, "size": 9_000_000}])
        await slack.wait_for(lambda m: "too large to read" in slack.render_text(m))
        assert len(desk.router.requests) == 3


@pytest.mark.parametrize("reader", [True, False])
async def test_telegram(make_key: Any, reader: bool) -> None:
    key = make_key("sk-", 48)
    eyes, router = Eyes(f"HTTP 402 Insufficient Balance {key}"), Router()
    store = SqlStore("sqlite+aiosqlite:///:memory:", Gate())
    await store.open()
    async with TelegramWorld() as world:
        world.person(ADA, "Ada", started=True)
        world.person(EVE, "Eve")
        world.group(TEAM, "team", members=(ADA, EVE))
        rates = Rates(every_s=0.0, burst=1000, group_per_minute=None, overall_per_s=None)
        options = TelegramOptions(Secret(world.token), world.url, rates=rates, poll_s=1.0)
        chat = TelegramChat(options, Gate(), store, SystemClock(), Words, None, eyes if reader else None)
        chat.bind(router)
        await chat.start()
        try:
            await world.send_photo(ADA, ADA, PICTURE)
            if not reader:
                await world.until(lambda: any("quotadesk[ocr]" in m["text"] for m in world.seen(ADA)))
                assert router.asked == []
                return
            await world.until(lambda: len(router.asked) == 1)
            await world.send_document(ADA, ADA, "shot.webp", PICTURE, mime="image/webp")
            await world.until(lambda: len(router.asked) == 2)
            standing = await world.send_photo(ADA, TEAM, PICTURE)
            await world.say(ADA, TEAM, "/diagnose", reply_to=standing)
            await world.until(lambda: len(router.asked) == 3)
            await world.send_photo(ADA, TEAM, PICTURE, caption="/diagnose what is this")
            await world.until(lambda: len(router.asked) == 4)
            # Somebody without a private chat: what was said meanwhile must not turn into the answer in the group.
            await world.send_photo(EVE, TEAM, PICTURE, caption="/diagnose")
            await world.until(lambda: len(router.asked) == 5)
            await world.until(lambda: not chat.busy)
            assert not any("seen" in m.get("text", "") for m in world.seen(TEAM))
            assert sum("for you alone" in m.get("text", "") for m in world.seen(TEAM)) == 1
            assert [m["text"] for m in world.seen(ADA)[:1]] == ["seen"]  # edited in the same message
        finally:
            await chat.stop()
            await store.close()
    for request in router.asked:
        assert request.command == "diagnose"
        assert request.quoted is not None
        assert "402 Insufficient Balance" in request.quoted.text
        assert key not in request.quoted.text
    assert eyes.shown == [PICTURE] * 5
