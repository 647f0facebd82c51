"""The leak guard: named, private, never the value; asked about once more, unless it was replaced."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.locales import Words
from bot.model.chat import Found, Line, MessageRef, Person, Place, Reply, Request, Role, SecretSeen
from bot.outlets.follow_up import KIND, RotatedFollowUp
from bot.redaction.gate import Gate
from bot.services.steps import StepRunner
from bot.store.store import SqlStore
from handlers import leaks
from tests.conftest import FixedClock
from tests.databases import migrated


class Services:
    """The three that the leak guard uses."""

    def __init__(self, store: SqlStore, clock: FixedClock, gate: Gate) -> None:
        self.store, self.clock, self.gate = store, clock, gate


class Told:
    """A chat that keeps what was said directly."""

    platform = "telegram"

    def __init__(self) -> None:
        self.said: list[tuple[Person, Reply]] = []

    async def direct(self, person: Person, reply: Reply) -> MessageRef:
        self.said.append((person, reply))
        return MessageRef("telegram", person.id, str(len(self.said)))


@pytest.fixture
async def services(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Services]:
    gate = Gate(b"team")
    store = SqlStore(await migrated(tmp_path / "q.db"), gate)
    await store.open()
    yield Services(store, clock, gate)
    await store.close()


def request(services: Services, text: str, **more: Any) -> Request:
    cleaned = services.gate.clean(text)
    values: dict[str, Any] = {
        "command": "leak",
        "text": cleaned.text,
        "asker": Person("telegram", "1002", "Bob"),
        "place": Place("telegram", "-1001"),
        "language": "en",
        "timezone": "UTC",
        "received_at": services.clock.now(),
        "id": "1",
        "found": cleaned.found,
        "role": Role.MEMBER,
    }
    return Request(**{**values, **more})


def words_of(reply: Reply) -> str:
    return "\n".join([reply.title, *(b.text for b in reply.blocks if isinstance(b, Line))])


async def test_kind_page_and_route_are_named_and_the_key_is_not(
    services: Services, make_key: Callable[..., str]
) -> None:
    key = make_key("sk-ant-api03-", 93) + "AA"
    services.gate.know(key, "relay-claude")
    (reply,) = [r async for r in leaks.run(request(services, f"look: {key}"), services)]  # type: ignore[arg-type]
    said = words_of(reply) + str(reply)
    assert "Anthropic key" in said
    assert "relay-claude" in said
    assert "console.anthropic.com" in said
    assert reply.delete_original
    assert key[20:] not in said


async def test_asked_once_after_an_hour(services: Services, make_key: Callable[..., str]) -> None:
    asked = request(services, make_key("sk-ant-api03-", 93) + "AA")
    for _ in range(3):
        await leaks.follow_up(asked, services)  # type: ignore[arg-type]
    runner, chat = StepRunner(services.store, services.clock, owner="one"), Told()
    runner.serve(KIND, RotatedFollowUp({"telegram": chat}, services.store))  # type: ignore[dict-item]
    await runner.run_due()
    assert chat.said == []
    services.clock.move(timedelta(hours=1, minutes=1))
    await runner.run_due()
    ((person, reply),) = chat.said
    assert person.id == "1002"
    assert "Has it been replaced?" in words_of(reply)
    assert reply.actions[0].id == "leak.rotated"


async def test_not_asked_where_it_was_replaced(services: Services, make_key: Callable[..., str]) -> None:
    asked = request(services, make_key("sk-ant-api03-", 93) + "AA")
    await leaks.follow_up(asked, services)  # type: ignore[arg-type]
    press = request(services, "", action="leak.rotated", value=asked.found.secrets[0].fingerprint)
    (thanks,) = [r async for r in leaks.rotated(press, services)]  # type: ignore[arg-type]
    assert "rotated at" in words_of(thanks)
    runner, chat = StepRunner(services.store, services.clock, owner="one"), Told()
    runner.serve(KIND, RotatedFollowUp({"telegram": chat}, services.store))  # type: ignore[dict-item]
    services.clock.move(timedelta(hours=2))
    await runner.run_due()
    assert chat.said == []
    (entry,) = [e for e in await services.store.audits() if e.what == "rotated"]
    assert entry.who == "telegram:1002"


def test_a_command_that_carried_a_key_gets_the_warning_below_its_answer() -> None:
    found = Found({"openai key": 1}, (SecretSeen("openai key", "abcd1234"),))
    asked = Request(
        "diagnose",
        Gate().trusted("x"),
        Person("slack", "U1"),
        Place("slack", "C1"),
        "zh",
        "UTC",
        FixedClock().now(),
        "1",
        found,
    )
    reply = leaks.with_warning(Reply(title="t"), asked, Words("zh", "UTC"))
    assert "OpenAI 密钥" in words_of(reply)
    assert reply.delete_original
