"""The leak guard: named, private, never the value; asked about once more, unless it was replaced."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.errors import QuotadeskError
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
    runner.serve(KIND, RotatedFollowUp({"telegram": chat}, services.store, services.clock))  # type: ignore[dict-item]
    await runner.run_due()
    assert chat.said == []
    services.clock.move(timedelta(hours=1, minutes=1))
    await runner.run_due()
    ((person, reply),) = chat.said
    assert person.id == "1002"
    assert "Has it been replaced?" in words_of(reply)
    assert [action.id for action in reply.actions] == ["leak.rotated", "leak.later"]
    # Not yet: once more a day later, and then no more once it was.
    press = request(services, "", action="leak.later", value=reply.actions[1].value)
    (noted,) = [r async for r in leaks.later(press, services)]  # type: ignore[arg-type]
    assert "once more" in words_of(noted)
    services.clock.move(timedelta(days=1, minutes=1))
    await runner.run_due()
    assert "yesterday" in words_of(chat.said[-1][1]).lower()
    assert "Anthropic key" in words_of(chat.said[-1][1])
    assert len(chat.said) == 2


async def test_several_keys_of_one_message_are_one_question(services: Services, make_key: Callable[..., str]) -> None:
    two = " ".join(make_key("sk-ant-api03-", 93) + "AA" for _ in range(2))
    asked = request(services, f"{two} {make_key('sk-ant-api03-', 93)}AA")
    (reply,) = [r async for r in leaks.run(asked, services)]  # type: ignore[arg-type]
    await leaks.follow_up(request(services, two), services)  # type: ignore[arg-type]
    runner, chat = StepRunner(services.store, services.clock, owner="one"), Told()
    runner.serve(KIND, RotatedFollowUp({"telegram": chat}, services.store, services.clock))  # type: ignore[dict-item]
    services.clock.move(timedelta(hours=2))
    await runner.run_due()
    ((_, question),) = chat.said
    assert words_of(question).count("fingerprint") == 3
    assert "Have they been replaced?" in words_of(question)
    press = request(services, "", action="leak.rotated", value=reply.actions[0].value)
    _ = [r async for r in leaks.rotated(press, services)]  # type: ignore[arg-type]
    assert len([entry for entry in await services.store.audits() if entry.what == "rotated"]) == 3


async def test_rotated_under_an_answer_leaves_the_answer(services: Services, make_key: Callable[..., str]) -> None:
    asked = request(services, make_key("sk-ant-api03-", 93) + "AA", command="diagnose")
    reply = leaks.with_warning(Reply(title="t"), asked, Words("en"))
    press = request(services, "", action="leak.rotated", value=reply.actions[0].value)
    (thanks,) = [r async for r in leaks.rotated(press, services)]  # type: ignore[arg-type]
    assert (thanks.replace, thanks.alert) == (False, True)
    assert await services.store.get_fact(f"rotated:{asked.found.secrets[0].fingerprint}")


async def test_who_cannot_be_told_alone_is_told_no_route(services: Services, make_key: Callable[..., str]) -> None:
    key = make_key("sk-ant-api03-", 93) + "AA"
    services.gate.know(key, "relay-claude")
    for more in ({"asker": Person("telegram", "")}, {"role": Role.NOBODY}):
        (reply,) = [r async for r in leaks.run(request(services, key, **more), services)]  # type: ignore[arg-type]
        assert "Anthropic key" in words_of(reply)
        assert "relay-claude" not in str(reply)
        assert reply.actions == ()
        assert reply.audience == ("asker" if "role" in more else "place")


async def test_not_asked_where_it_was_replaced(services: Services, make_key: Callable[..., str]) -> None:
    asked = request(services, make_key("sk-ant-api03-", 93) + "AA")
    await leaks.follow_up(asked, services)  # type: ignore[arg-type]
    press = request(services, "", action="leak.rotated", value=asked.found.secrets[0].fingerprint)
    (thanks,) = [r async for r in leaks.rotated(press, services)]  # type: ignore[arg-type]
    assert "rotated at" in words_of(thanks)
    runner, chat = StepRunner(services.store, services.clock, owner="one"), Told()
    runner.serve(KIND, RotatedFollowUp({"telegram": chat}, services.store, services.clock))  # type: ignore[dict-item]
    services.clock.move(timedelta(hours=2))
    await runner.run_due()
    assert chat.said == []
    (entry,) = [e for e in await services.store.audits() if e.what == "rotated"]
    assert entry.who == "telegram:1002"


async def test_a_press_that_names_no_key_asks_nothing(services: Services) -> None:
    for press in (leaks.later, leaks.rotated):
        with pytest.raises(QuotadeskError):
            await anext(aiter(press(request(services, "", value="+who knows,ABCDEF01"), services)))
    assert await services.store.pending_steps(limit=9) == []
    assert await services.store.audits() == []


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
