"""A key in whatever shape of message a platform delivers: seen, told once and to the right people, deleted where that goes, not kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.chats.pace import Rates
from bot.chats.telegram import TelegramChat, TelegramOptions
from bot.clock import SystemClock
from bot.locales import Words
from bot.model.chat import Reply, Request, Role
from bot.model.team import Secret
from bot.redaction.gate import Gate
from bot.store.store import SqlStore
from handlers import leaks
from tests.databases import migrated
from tests.worlds.slack import SlackWorld
from tests.worlds.slack_desk import SlackDesk
from tests.worlds.telegram import TelegramWorld

Json = dict[str, Any]
ADA, EVE, TEAM, NEWS = 1, 2, -10, -20


class Guarding:
    """A router that has only the leak guard."""

    def __init__(self, store: SqlStore, gate: Gate) -> None:
        self.store, self.gate, self.clock = store, gate, SystemClock()
        self.asked: list[Request] = []

    async def answer(self, request: Request) -> AsyncIterator[Reply]:
        self.asked.append(request)
        if request.command == "leak":
            known = Request(**{**{n: getattr(request, n) for n in request.__slots__}, "role": Role.MEMBER})
            async for reply in leaks.run(known, self):  # type: ignore[arg-type]
                yield reply
        else:
            yield leaks.with_warning(Reply(title="answered"), request, Words(request.language))


@asynccontextmanager
async def guarding(folder: Path) -> AsyncIterator[Guarding]:
    store = SqlStore(await migrated(folder / "q.db"), gate := Gate(b"team"))
    await store.open()
    try:
        yield Guarding(store, gate)
    finally:
        await store.close()


def kept(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


# --- Slack ---------------------------------------------------------------------------------------------------------------

PROGRAM = {"subtype": "bot_message", "user": None, "bot_id": "B0CI", "username": "CI"}
RICH = "rich_text"


def blocks(kind: str, key: str, **more: Any) -> Json:
    inner = {"type": kind, "elements": [{"type": "text", "text": key} | more]}
    return {"text": "look", "blocks": [{"type": RICH, "elements": [inner]}]}


SLACK: dict[str, Callable[[str], Json]] = {
    "plain": lambda key: {"text": key},
    "in a thread": lambda key: {"text": key, "thread_ts": "1.1"},
    "also sent to the channel": lambda key: {"text": key, "thread_ts": "1.1", "subtype": "thread_broadcast"},
    "/me": lambda key: {"text": key, "subtype": "me_message"},
    "topic": lambda key: {"text": f"set the topic: {key}", "topic": key, "subtype": "channel_topic"},
    "on a link": lambda key: {"text": f"<https://example.com|{key}>"},
    "in a link": lambda key: {"text": f"<https://example.com/?api_key={key}|here>"},
    "section of rich text": lambda key: blocks("rich_text_section", key),
    "code block": lambda key: blocks("rich_text_preformatted", key),
    "quote": lambda key: blocks("rich_text_quote", key),
    "link of rich text": lambda key: blocks("rich_text_section", "here", type="link", url=f"https://e.com/?api_key={key}"),
    "shared message": lambda key: {"text": "", "attachments": [{"is_share": True, "text": f"use {key}", "footer": "#x"}]},
    "old attachment": lambda key: {"text": "", "attachments": [{"fields": [{"title": "key", "value": key}]}]},
    "unfurled": lambda key: {
        "text": "see", "attachments": [{"message_blocks": [{"message": blocks("rich_text_section", key)}]}]
    },
    "name of a file": lambda key: {"text": "", "subtype": "file_share", "files": [{"name": f"{key}.png", "mimetype": "image/png"}]},
    "snippet": lambda key: {"text": "", "subtype": "file_share", "files": [{"name": "s.txt", "preview": f"K={key}"}]},
    "another app": lambda key: PROGRAM | {"text": key},
    "a webhook's block": lambda key: PROGRAM | {"text": "build", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": key}}]},
    "a bot with a user": lambda key: {"text": key, "user": "U0CI", "bot_id": "B0CI", "bot_profile": {"name": "ci"}},
}  # fmt: skip


async def test_slack(tmp_path: Path, make_key: Any) -> None:
    keys: list[str] = []
    async with guarding(tmp_path) as router, SlackWorld() as slack, SlackDesk(slack, memory=router.store) as desk:
        desk.chat.bind(router)
        for number, (shape, made) in enumerate(SLACK.items()):
            keys.append(key := make_key("sk-proj-", 60))
            event = {
                "type": "message", "channel": "C0TEAM", "channel_type": "channel", "user": "U0ALICE", "team": "T0TEAM",
                "ts": f"7.{number}", "event_ts": f"7.{number}", **made(key),
            }  # fmt: skip
            await slack.event(event, event_id=f"Ev{number}")
            await desk.idle()
            (told,) = slack.from_bot()[number:]  # once
            said = slack.render_text(told)
            program = bool(event.get("bot_id"))
            assert told.only_for == (None if program else "U0ALICE"), shape
            assert ("Rotated" in said) is not program, shape
            assert "delete" in said, shape
            if program:
                assert told.thread_ts == event["ts"], shape
            # The same again, and an edit that leaves the key where it is, tell nothing.
            await slack.event(event, event_id=f"Ev{number}")
            await slack.event(event, event_id=f"Ev{number}again")
            edit = {**event, "edited": {"user": "U0ALICE", "ts": "8.1"}}
            changed = {
                "type": "message",
                "subtype": "message_changed",
                "channel": "C0TEAM",
                "hidden": True,
                "ts": "8.1",
            }
            await slack.event({**changed, "message": edit, "previous_message": event}, event_id=f"Ev{number}edit")
            await desk.idle()
            assert len(slack.from_bot()) == number + 1, shape
        # A key that is edited in; a mention and a direct message whose edit tells nothing new.
        keys.append(key := make_key("sk-proj-", 60))
        hello = {"type": "message", "user": "U0ALICE", "ts": "9.1", "team": "T0TEAM", "text": "hello"}
        await slack.event({**changed, "message": {**hello, "text": key}, "previous_message": hello})
        await desk.idle()
        assert slack.from_bot()[-1].only_for == "U0ALICE"
        count = len(slack.from_bot())
        for where, send in (("C0TEAM", slack.mention), (slack.dm("U0ALICE"), slack.message)):
            keys.append(key := make_key("sk-proj-", 60))
            await send("U0ALICE", where, f"Error code: 401 with {key}")
            await desk.idle()
            said = slack.render_text(slack.from_bot()[-1])
            assert "answered" in said
            assert "delete the message" in said
            stood = [message for message in slack.messages if key in message.text][0]
            await slack.event({**changed, "channel": where, "message": {**slack._shown(stood), "text": f"{key} !"}})
            await desk.idle()
            count += 1
            assert len(slack.from_bot()) == count
        await slack.event(
            {**changed, "message": {**hello, "user": slack.bot_user, "text": key, "bot_id": slack.bot_id}}
        )
        await slack.event({**changed, "subtype": "message_deleted", "previous_message": {**hello, "text": key}})
        await desk.idle()
        assert len(slack.from_bot()) == count
        for key in keys:
            assert slack.leaked(key) == []
    assert [key for key in keys if key.encode() in kept(tmp_path)] == []


# --- Telegram ------------------------------------------------------------------------------------------------------------


def linked(key: str) -> Json:
    return {"entities": [{"type": "text_link", "offset": 0, "length": 4, "url": f"https://e.com/?api_key={key}"}]}


TELEGRAM: dict[str, Callable[[str], tuple[str, Json]]] = {
    "plain": lambda key: (key, {}),
    "in a topic": lambda key: (key, {"thread": 5}),
    "forwarded": lambda key: (key, {"forwarded": True}),
    "by an inline bot": lambda key: (key, {"via_bot": True}),
    "behind a word": lambda key: ("here", linked(key)),
    "under a video": lambda key: (key, {"caption": True, "video": {
        "file_id": "v", "file_unique_id": "v", "width": 1, "height": 1, "duration": 1}}),
    "name of a file": lambda key: ("", {"caption": True, "document": {
        "file_id": "d", "file_unique_id": "d", "file_name": f"{key}.png", "mime_type": "image/png"}}),
    "quoted": lambda key: ("this one", {"quote": {"text": f"K={key}", "position": 0}}),
    "poll": lambda key: ("", {"poll": {
        "id": "1", "question": "which?", "options": [{"text": key, "voter_count": 0}], "total_voter_count": 0,
        "is_closed": False, "is_anonymous": True, "type": "regular", "allows_multiple_answers": False}}),
    "checklist": lambda key: ("", {"checklist": {"title": "todo", "tasks": [{"id": 1, "text": f"rotate {key}"}]}}),
    "a button": lambda key: ("press", {"via_bot": True, "reply_markup": {"inline_keyboard": [[
        {"text": "go", "url": f"https://e.com/?api_key={key}"}]]}}),
    "of a kind to come": lambda key: ("", {"rich_message": {"blocks": [{"type": "paragraph", "text": f"K={key}"}]}}),
    "anonymous": lambda key: (key, {"anonymous": True}),
    "a linked channel's": lambda key: (key, {"is_automatic_forward": True, "as_bot": True, "sender_chat": {
        "id": NEWS, "type": "channel", "title": "news"}}),
}  # fmt: skip


async def test_telegram(tmp_path: Path, make_key: Any) -> None:
    keys: list[str] = []
    async with guarding(tmp_path) as router, TelegramWorld(privacy=False) as world:
        world.person(ADA, "Ada", started=True)
        world.person(EVE, "Eve")
        for id, name in ((TEAM, "team"), (NEWS, "news")):
            world.group(id, name, members=(ADA, EVE))
            world.chats[id].bot_admin = True
        world.chats[NEWS].kind = "channel"
        rates = Rates(every_s=0.0, burst=1000, group_per_minute=None, overall_per_s=None)
        options = TelegramOptions(Secret(world.token), world.url, rates=rates, poll_s=1.0)
        chat = TelegramChat(options, router.gate, router.store, SystemClock(), Words)
        chat.bind(router)
        await chat.start()

        async def told(where: int, message: Json, shape: str) -> None:
            """Deleted, and said once: in private, or in the chat where nobody can be told in private."""
            before = len(router.asked)
            await world.until(lambda: (where, message["message_id"]) in world.deleted)
            await world.until(lambda: not chat.busy)
            world.repeat()
            await world.say(ADA, ADA, "/help")
            await world.until(lambda: router.asked[-1].command == "help" and not chat.busy)
            router.asked.pop()
            assert len(router.asked) == max(before, 1), shape

        try:
            for shape, made in TELEGRAM.items():
                keys.append(key := make_key("sk-proj-", 60))
                text, more = made(key)
                private, public = len(world.seen(ADA)), len(world.seen(TEAM))
                router.asked.clear()
                message = await world.say(ADA, TEAM, text, **more)
                await told(TEAM, message, shape)
                nobody = "sender_chat" in message
                news = world.seen(TEAM)[public:] if nobody else world.seen(ADA)[private:]
                assert "deleted" in news[0]["text"], shape
                assert ("Rotated" in str(news[0])) is not nobody, shape
                if nobody:
                    assert len(world.seen(ADA)) == private + 1, shape  # only the /help
            router.asked.clear()
            keys.append(key := make_key("sk-proj-", 60))
            await world.post(NEWS, f"our {key}")
            await told(NEWS, next(m for (c, _), m in world.messages.items() if c == NEWS), "channel post")
            assert "Whoever it belongs to" in world.seen(NEWS)[-1]["text"]
            message = await world.say(ADA, TEAM, "hello")
            router.asked.clear()
            keys.append(key := make_key("sk-proj-", 60))
            await world.edit(message, f"hello {key}")
            await told(TEAM, message, "edited in")
        finally:
            await chat.stop()
        assert [key for key in keys if key.encode() in world.bodies()] == []
    assert [key for key in keys if key.encode() in kept(tmp_path)] == []
