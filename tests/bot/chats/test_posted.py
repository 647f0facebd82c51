"""Files that were posted without a command: looked through for secrets on both platforms, told privately, never kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from bot.chats.pace import Rates
from bot.chats.posted import FILE_MOST, Posted, Sieve, is_text
from bot.chats.telegram import TelegramChat, TelegramOptions
from bot.clock import SystemClock
from bot.errors import DeliveryError
from bot.locales import Words
from bot.model.chat import Person, Place, Reply, Request
from bot.model.team import Secret
from bot.redaction.gate import Gate
from bot.store.store import SqlStore
from tests.worlds.slack import SlackWorld
from tests.worlds.slack_desk import SlackDesk
from tests.worlds.telegram import TelegramWorld

ADA, EVE, TEAM = 1, 2, -10


def test_only_what_is_text_by_name_or_kind_is_read() -> None:
    yes = ["app.log", "x.ENV", ".env", ".env.production", "app.log.1", "key.pem", ".netrc"]
    no = ["shot.png", "a.zip", "core.bin", "README", "log", ""]
    assert [name for name in (*yes, *no) if is_text(name, "application/octet-stream")] == yes
    assert is_text("noname", "text/plain; charset=utf-8")


async def test_a_secret_is_found_over_the_edges_of_pieces_and_before_a_break(make_key: Any) -> None:
    first, second, third = make_key("sk-", 48), make_key("sk-", 48), make_key("sk-", 48)
    lines = "2026-11-22 10:00:00 INFO nothing to see\n" * 3_000
    text = f"{lines}key={first}\n{lines}key={second}\n"
    lost: list[str] = []
    sieve, opened = Sieve(Gate(b"team"), lost.append), []

    def file(name: str, body: bytes, *, breaks: bool = False, size: int = 0) -> Posted:
        async def pieces() -> AsyncIterator[bytes]:
            opened.append(name)
            step = 1_001 if len(body) < FILE_MOST else 65_536
            for at in range(0, len(body), step):
                yield body[at : at + step]
            if breaks:
                raise DeliveryError("timeout", retry_after_s=1)

        return Posted(name, "text/plain", size, pieces)

    found, names = await sieve.found([file("a.log", text.encode()), file("b.log", b"fine")])
    assert {s.fingerprint for s in found.secrets} == {Gate(b"team").fingerprint(k) for k in (first, second)}
    assert names.text == "a.log"
    wide, _ = await sieve.found([file("w.txt", f"key={third}\n".encode("utf-16"))])
    assert [s.fingerprint for s in wide.secrets] == [Gate(b"team").fingerprint(third)]
    assert lost == []
    broken, _ = await sieve.found([file("c.log", f"key={third}\n".encode(), breaks=True)])
    assert len(broken.secrets) == 1
    await sieve.found([file("d.txt", b"\0\1" + third.encode()), file("e.log", b"x" * (FILE_MOST + 1))])
    assert lost == ["timeout", "not_text", "too_large"]
    await sieve.found([file("huge.log", b"", size=FILE_MOST + 1)])
    assert "huge.log" not in opened


async def test_slack(make_key: Any) -> None:
    key, other = make_key("sk-", 48), make_key("sk-", 48)
    async with SlackWorld() as slack, SlackDesk(slack, hears=lambda place: False) as desk:
        desk.strangers.add("U0EVE")
        good = slack.add_file("fine.log", b"all is well\n")
        bad = slack.add_file("app.env", f"OPENAI_API_KEY={key}\n".encode())
        picture = slack.add_file("shot.png", b"\x89PNG", mimetype="image/png")
        await slack.message("U0ALICE", "C0TEAM", "", files=[good, picture], subtype="file_share")
        await slack.message("U0ALICE", "C0TEAM", "", files=[{**bad, "size": FILE_MOST + 1}], subtype="file_share")
        await slack.message("U0EVE", "C0TEAM", "", files=[bad], subtype="file_share")
        await desk.idle()
        assert desk.router.requests == []
        assert slack.calls.count("file") == 1  # only the small text of somebody who may read here
        for _ in range(2):  # Slack delivers it again
            await slack.message("U0ALICE", "C0TEAM", "", files=[bad, good], subtype="file_share", event_id="Ev0FILE")
        await desk.idle()
        (asked,) = desk.router.requests
        assert (asked.command, asked.fields["file"].text) == ("leak", "app.env")
        assert len(asked.found.secrets) == 1
        assert slack.from_bot()[-1].only_for == "U0ALICE"
        # What the words beside it hold is told at once, and not twice.
        both = slack.add_file("both.txt", f"{key} and {other}".encode())
        await slack.message("U0ALICE", "C0TEAM", f"mine: {key}", files=[both], subtype="file_share")
        await desk.idle()
        text, file = desk.router.requests[1:]
        assert "file" not in text.fields
        assert [s.fingerprint for s in file.found.secrets] == [desk.gate.fingerprint(other)]
        slack.scopes.discard("files:read")
        said = len(slack.from_bot())
        await slack.message("U0ALICE", "C0TEAM", "", files=[bad], subtype="file_share")
        await desk.idle()
        assert len(slack.from_bot()) == said
        assert desk.chat.counts["files_unread"] == 1
        assert key not in repr(desk.router.requests)
        assert slack.leaked(key) == []


async def test_telegram(make_key: Any) -> None:
    key = make_key("sk-", 48)
    asked: list[Request] = []

    class Router:
        async def answer(self, request: Request) -> AsyncIterator[Reply]:
            asked.append(request)
            yield Reply(title=f"{request.command}!", delete_original=request.command == "leak")

    async def allowed(person: Person, place: Place) -> bool:
        return person.id != str(EVE)

    store = SqlStore("sqlite+aiosqlite:///:memory:", Gate())
    await store.open()
    async with TelegramWorld(privacy=False) as world:
        world.person(ADA, "Ada", started=True)
        world.person(EVE, "Eve")
        world.group(TEAM, "team", members=(ADA, EVE))
        world.chats[TEAM].bot_admin = True
        rates = Rates(every_s=0.0, burst=1000, group_per_minute=None, overall_per_s=None)
        options = TelegramOptions(Secret(world.token), world.url, rates=rates, poll_s=1.0, hears=lambda place: False)
        chat = TelegramChat(options, Gate(), store, SystemClock(), Words, None, None, allowed)
        chat.bind(Router())
        await chat.start()
        try:
            body = f"DEEPSEEK_API_KEY={key}\n".encode()
            await world.send_document(EVE, TEAM, "eve.log", body)
            await world.send_document(ADA, TEAM, "fine.log", b"all is well")
            await world.send_document(ADA, TEAM, "huge.log", body + b"x" * FILE_MOST)
            message = await world.send_document(ADA, TEAM, ".env", body, mime="application/octet-stream")
            await world.until(lambda: (TEAM, message["message_id"]) in world.deleted)
            await world.edit(message, "what is this")  # the same file is not read again
            await world.send_document(ADA, TEAM, "beside.log", body, caption="/balance")
            await world.until(lambda: len(asked) == 3)
            await world.until(lambda: not chat.busy)
        finally:
            await chat.stop()
            await store.close()
    assert [request.command for request in asked] == ["leak", "balance", "leak"]
    assert [asked[0].fields["file"].text, asked[2].fields["file"].text] == [".env", "beside.log"]
    assert len(world.called("getFile")) == 3
    assert key not in repr(asked)
    assert key.encode() not in world.bodies()
