"""The watch over a make-believe fortnight, with replicas, restarts, deaf chats and silences; and once over the real Balances."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from aiohttp import web

from bot.errors import DeliveryError
from bot.model.alert import AlertKind
from bot.model.chat import MessageRef, Person
from bot.model.engine import Engine, KeyRef, Route
from bot.model.money import Kind, Reading
from bot.model.team import Support, Team, Watching
from bot.outlets.speaker import ChatSpeaker
from bot.redaction.gate import Gate
from bot.services.alert_book import AlertBook
from bot.services.balances import Balances
from bot.services.watch import Watch
from bot.settings import EnvKeys
from bot.store.store import SqlStore
from bot.web import Web
from tests.conftest import FixedClock
from tests.databases import migrated
from tests.fortnight import START, ListeningChat, Scene, Told, at, fortnight, money, scene, story, team

NOON = START + timedelta(days=1, hours=12)  # Tuesday, 12:00 in Beijing: no quiet hours
ALICE = Person("slack", "U0ALICE", "Alice")


def wallet(*amounts: tuple[int, str]) -> Told:
    """What is left from each minute on."""

    def told(now: datetime) -> tuple[Reading, ...] | str:
        minutes = (now - NOON).total_seconds() / 60
        value = [amount for start, amount in amounts if start <= minutes][-1]
        return value if value[0].isalpha() else money(Decimal(value))

    return told


@pytest.fixture
async def play(tmp_path: Path) -> AsyncIterator[Callable[..., object]]:
    made: list[Scene] = []

    async def make(told: dict[str, Told], **more: object) -> Scene:
        the_team = team(watch=Watching(every=timedelta(minutes=2), weekly_report=False), **more)
        made.append(await scene(tmp_path, told, NOON, the_team))
        return made[-1]

    yield make
    for one in made:
        await one.store.close()


def heads(chat: ListeningChat) -> list[str]:
    return [reply.title for _, _, reply in chat.posts]


# --- the fortnight -----------------------------------------------------------------------------------------------------------


async def test_a_fortnight(tmp_path: Path) -> None:
    """One test, for its two weeks cost seconds: shared by several, each worker of a parallel run would live through them again."""
    two_weeks = await fortnight(tmp_path)
    await two_weeks.store.close()
    each_thing_is_said_once(two_weeks)
    both_chats_read_the_same(two_weeks)
    only_what_stands_still_speaks_in_quiet_hours(two_weeks)
    first_messages_are_edited_at_their_end(two_weeks)
    looks_stay_within_the_timetable(two_weeks)


def each_thing_is_said_once(two_weeks: Scene) -> None:
    lines = two_weeks.transcript()
    shown = "\n".join(lines)
    count = {
        word: sum(word in line.split("  ", 1)[1].split("/")[0] for line in lines)
        for word in ("偏低 ·", "已用尽 ·", "恢复 ·", "撑不过周末 ·", "快到头 ·", "花得快 ·", "密钥不可用 ·", "一周额度")
    }
    assert count == {
        "偏低 ·": 2,
        "已用尽 ·": 2,
        "恢复 ·": 3,
        "撑不过周末 ·": 2,
        "快到头 ·": 1,
        "花得快 ·": 1,
        "密钥不可用 ·": 1,
        "一周额度": 3,
    }, shown
    assert len(lines) <= 24, shown
    # Daily twenty-minute outages and refunds of pennies say nothing; a dead line is one message for all accounts.
    assert sum("6 个账户要留意" in line for line in lines) == 1, shown
    assert sum("6 个账户恢复正常" in line for line in lines) == 1, shown


def both_chats_read_the_same(two_weeks: Scene) -> None:
    assert heads(two_weeks.slack) == heads(two_weeks.telegram)
    assert {place for _, place, _ in two_weeks.slack.posts} == {"slack:C0SUPPORT"}
    assert {place for _, place, _ in two_weeks.telegram.posts} == {"telegram:-1009"}


def only_what_stands_still_speaks_in_quiet_hours(two_weeks: Scene) -> None:
    for when, _, reply in two_weeks.slack.posts:
        hour = (when + timedelta(hours=8)).hour
        if hour >= 22 or hour < 8:
            assert reply.title.startswith(("已用尽", "恢复")), reply.title


def first_messages_are_edited_at_their_end(two_weeks: Scene) -> None:
    edited = [reply.title for _, _, reply in two_weeks.slack.edits]
    assert any(title.startswith("已结束：已用尽 · deepseek") for title in edited), edited
    assert all(not reply.actions for _, _, reply in two_weeks.slack.edits if reply.title.startswith("已结束"))


def looks_stay_within_the_timetable(two_weeks: Scene) -> None:
    """At most one look per account and pass, and no burst while accounts fail."""
    passes = (14 * 24 * 60 + 600) / 45
    assert two_weeks.village.asked <= passes * 6 * 1.1


# --- replicas and restarts ---------------------------------------------------------------------------------------------------


async def test_two_replicas_speak_once_and_the_second_takes_over(play: Callable[..., object]) -> None:
    made: Scene = await play({"kimi": wallet((0, "50"), (10, "19"), (60, "300"))})  # type: ignore[misc]
    other = made.replica("two")
    await made.run(NOON + timedelta(minutes=40), 1, made.watch, other)
    assert heads(made.slack) == ["偏低 · kimi ¥19.00"]
    assert made.watch.leads
    assert not other.leads
    # The first one dies; the second leads after the lease and tells the end.
    await made.run(NOON + timedelta(minutes=80), 1, other)
    assert other.leads
    assert heads(made.slack) == ["偏低 · kimi ¥19.00", "恢复 · kimi"]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_two_processes_at_the_same_moment_speak_once(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Two connections, as two replicas have: the database decides who leads, and only one ever does."""
    url = f"sqlite+aiosqlite:///{tmp_path}/a.db"
    if kind == "postgres":
        server = request.getfixturevalue("postgres")
        if server is None:
            pytest.skip("no PostgreSQL on this machine")
        url = await server.new_database()
    the_team = team(watch=Watching(every=timedelta(minutes=2), weekly_report=False))
    made = await scene(tmp_path, {"kimi": wallet((0, "50"), (4, "0"), (20, "300"))}, NOON, the_team, url=url)
    second = SqlStore(url, Gate(b"tests"))
    await second.open()
    speaker = ChatSpeaker({"slack": made.slack, "telegram": made.telegram}, made.team)
    other = Watch(made.team, made.village, second, made.clock, speaker, "two", chance=random.Random(7))
    led = set()
    for _ in range(30):
        await asyncio.gather(other.tick(), made.watch.tick())
        assert not (made.watch.leads and other.leads)
        led.add((made.watch.leads, other.leads))
        made.clock.move(timedelta(minutes=1))
    assert len(led) == 1  # who leads keeps leading
    assert heads(made.slack) == heads(made.telegram) == ["已用尽 · kimi ¥0.00", "恢复 · kimi"]
    # The leader is gone without a word: the other one takes over once the lease is over, and repeats nothing.
    heir = other if made.watch.leads else made.watch
    made.clock.move(timedelta(minutes=2))
    await heir.tick()
    assert heir.leads
    assert len(made.slack.posts) == 2
    await second.close()
    await made.store.close()


async def test_a_restart_repeats_nothing_and_loses_nothing(play: Callable[..., object]) -> None:
    made: Scene = await play({"kimi": wallet((0, "50"), (6, "19"), (40, "0"), (90, "300"))})  # type: ignore[misc]
    for minute in range(0, 120, 3):
        restarted = made.replica("one")  # a new process at every pass
        await made.run(NOON + timedelta(minutes=minute + 3), 3, restarted)
    assert heads(made.slack) == ["偏低 · kimi ¥19.00", "已用尽 · kimi ¥0.00", "恢复 · kimi"]
    assert heads(made.telegram) == heads(made.slack)


async def test_a_chat_that_is_down_gets_it_later_and_a_lost_one_never_blocks(play: Callable[..., object]) -> None:
    made: Scene = await play({"kimi": wallet((0, "50"), (4, "0"))})  # type: ignore[misc]
    made.telegram.deaf = DeliveryError("http_502", retry_after_s=30)
    await made.run(NOON + timedelta(minutes=20), 1)
    assert heads(made.slack) == ["已用尽 · kimi ¥0.00"]
    assert heads(made.telegram) == []
    made.telegram.deaf = None
    await made.run(NOON + timedelta(minutes=25), 1)
    assert heads(made.telegram) == ["已用尽 · kimi ¥0.00"]
    made.slack.deaf = DeliveryError("channel_not_found", final=True)
    made.village.told["kimi"] = wallet((0, "200"))
    await made.run(NOON + timedelta(minutes=40), 1)
    assert heads(made.telegram) == ["已用尽 · kimi ¥0.00", "恢复 · kimi"]
    made.slack.deaf = None
    await made.run(NOON + timedelta(minutes=45), 1)
    assert heads(made.slack) == ["已用尽 · kimi ¥0.00"]


async def test_a_chat_that_breaks_costs_the_other_one_nothing(play: Callable[..., object]) -> None:
    made: Scene = await play({"kimi": wallet((0, "50"), (4, "0"))})  # type: ignore[misc]
    made.slack.deaf = RuntimeError("a fault of ours")
    await made.run(NOON + timedelta(minutes=20), 1)
    made.slack.deaf = None
    await made.run(NOON + timedelta(minutes=25), 1)
    assert heads(made.telegram) == ["已用尽 · kimi ¥0.00"]
    assert heads(made.slack) == []


async def test_what_ended_before_it_could_be_said_is_not_said(play: Callable[..., object]) -> None:
    made: Scene = await play({"kimi": wallet((0, "50"), (4, "19"), (30, "60"))})  # type: ignore[misc]
    made.slack.deaf = made.telegram.deaf = DeliveryError("http_502", retry_after_s=10)
    await made.run(NOON + timedelta(minutes=50), 1)
    made.slack.deaf = made.telegram.deaf = None
    await made.run(NOON + timedelta(minutes=60), 1)
    assert [title.split(" ")[0] for title in heads(made.slack)] == ["恢复"]


# --- silences and waiting ----------------------------------------------------------------------------------------------------


async def test_silence_until_monday_then_it_speaks(play: Callable[..., object]) -> None:
    made: Scene = await play({"kimi": wallet((0, "50"), (4, "19"), (30, "300"), (60, "15"))})  # type: ignore[misc]
    await made.run(NOON + timedelta(minutes=10), 1)
    book = AlertBook(made.store, made.clock)
    silence = await book.silence("kimi", "money", "weekend", ALICE, "Asia/Shanghai")
    assert silence.until == datetime(2026, 11, 30, 1, 0, tzinfo=UTC)  # Monday 09:00 in Beijing
    await made.run(NOON + timedelta(minutes=90), 1)
    assert heads(made.slack) == ["偏低 · kimi ¥19.00"]
    assert made.slack.edits[-1][2].title == "已结束：偏低 · kimi ¥19.00"
    made.clock.move(silence.until - made.clock.now() + timedelta(hours=1))
    await made.run(made.clock.now() + timedelta(minutes=10), 1)
    assert heads(made.slack)[1:] == ["偏低 · kimi ¥15.00"]
    assert await book.silences() == []


async def test_silence_for_this_episode_ends_with_it(play: Callable[..., object]) -> None:
    made: Scene = await play({"kimi": wallet((0, "50"), (4, "19"), (30, "300"), (60, "19"))})  # type: ignore[misc]
    await made.run(NOON + timedelta(minutes=10), 1)
    book = AlertBook(made.store, made.clock)
    await book.silence("kimi", "money", "episode", ALICE, "Asia/Shanghai")
    await made.run(NOON + timedelta(minutes=50), 1)
    assert heads(made.slack) == ["偏低 · kimi ¥19.00"]
    assert await book.silences() == []
    await made.run(NOON + timedelta(minutes=80), 1)
    assert heads(made.slack) == ["偏低 · kimi ¥19.00", "偏低 · kimi ¥19.00"]


async def test_who_asked_hears_of_the_return_once(play: Callable[..., object]) -> None:
    made: Scene = await play({"kimi": wallet((0, "0"), (30, "80"))})  # type: ignore[misc]
    await made.run(NOON + timedelta(minutes=6), 1)
    ref = MessageRef("slack", "C0SUPPORT", "1", thread="1.1")
    bob = Person("telegram", "1002", "Bob")
    for _ in range(2):
        await made.watch.tell_when_back("kimi", ALICE, "en", "UTC", ref)
    await made.watch.tell_when_back("kimi", bob, "zh", "Asia/Shanghai")
    await made.run(NOON + timedelta(minutes=60), 1)
    told = [reply.blocks[0].text for _, _, reply in made.slack.posts if not reply.title]  # type: ignore[union-attr]
    assert told == ["@U0ALICE kimi works again: CNY 80.00."]
    assert [reply.blocks[0].text for _, _, reply in made.telegram.directs] == ["kimi 又能用了：¥80.00。"]  # type: ignore[union-attr]


async def test_an_account_that_left_the_team_file_ends_silently(play: Callable[..., object]) -> None:
    made: Scene = await play({"kimi": wallet((0, "19")), "relay": wallet((0, "90"))})  # type: ignore[misc]
    await made.run(NOON + timedelta(minutes=10), 1)
    del made.village.told["kimi"]
    await made.run(NOON + timedelta(minutes=20), 1)
    assert heads(made.slack) == ["偏低 · kimi ¥19.00"]
    assert await AlertBook(made.store, made.clock).open() == []


async def test_the_route_in_use_decides_what_stands_still(tmp_path: Path) -> None:
    """glm is MindSpider's first route; once MindSpider is on aihubmix, an empty glm wakes nobody."""
    made = await scene(tmp_path, {"glm": wallet((0, "0"))}, NOON, team(quiet_hours=("00:00", "23:59")))

    async def using() -> dict[str, str]:
        return {"spider": "aihubmix"}

    speaker = ChatSpeaker({"slack": made.slack}, made.team)
    moved = Watch(made.team, made.village, made.store, made.clock, speaker, "one", using=using)
    await moved.tick()
    made.clock.move(timedelta(minutes=5))
    await moved.tick()
    assert made.slack.posts == []
    (episode,) = await AlertBook(made.store, made.clock).open()
    assert (episode.kind, episode.level, episode.urgent) == (AlertKind.MONEY, 3, False)
    await made.store.close()


# --- the real Balances -------------------------------------------------------------------------------------------------------


async def test_over_real_balances_a_top_up_ends_the_alert(
    tmp_path: Path, clock: FixedClock, make_key: Callable[..., str]
) -> None:
    left = {"amount": "50.00"}

    async def balance(request: web.Request) -> web.Response:
        info = {
            "currency": "CNY",
            "total_balance": left["amount"],
            "granted_balance": "0",
            "topped_up_balance": left["amount"],
        }
        return web.json_response({"is_available": float(left["amount"]) > 0, "balance_infos": [info]})

    app = web.Application()
    app.router.add_get("/user/balance", balance)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    route = Route(
        "main", f"http://127.0.0.1:{port}", "m", "deepseek", KeyRef(env="A_KEY"), warn_below={"CNY": Decimal(20)}
    )
    the_team = Team(
        language="en",
        routes={"main": route},
        engines={"query": Engine("query", "QueryEngine", routes=("main",))},
        support=Support(chats=("slack:C0",)),
    )
    gate = Gate(b"tests")
    store = SqlStore(await migrated(tmp_path / "q.db"), gate)
    await store.open()
    chat = ListeningChat("slack", clock)
    keys = EnvKeys(gate.fingerprint, environ={"A_KEY": make_key("sk-", 32)})
    boards: list[object] = []
    async with Web() as http:
        balances = Balances(the_team, http, keys, store, clock, gate)
        speaker = ChatSpeaker({"slack": chat}, the_team)
        watch = Watch(the_team, balances, store, clock, speaker, "one", saw=boards.append, chance=random.Random(3))
        for minute in range(0, 80, 4):
            left["amount"] = "50.00" if minute < 16 else "0.00" if minute < 44 else "120.00"
            await watch.tick()
            clock.move(timedelta(minutes=4))
    await store.close()
    await runner.cleanup()
    titles = heads(chat)
    assert titles == ["EMPTY · main CNY 0.00", "BACK TO NORMAL · main"]
    text = json.dumps([str(reply.blocks) for _, _, reply in chat.posts])
    assert "down: QueryEngine" in text
    assert "about CNY 120.00 arrived" in text
    assert boards


# --- the weekly report -------------------------------------------------------------------------------------------------------


async def test_the_report_comes_on_monday_at_nine_once_and_not_a_day_late(tmp_path: Path) -> None:
    told, runways = story()
    monday = START + timedelta(days=7)
    made = await scene(tmp_path, told, START + at(6, "20:00"), team(quiet_hours=None, engines={}))
    made.village.runways = runways
    await made.run(monday + timedelta(hours=12), 60)
    reports = [(when, reply) for when, _, reply in made.slack.posts if reply.title.startswith("一周额度")]
    assert [when for when, _ in reports] == [monday + timedelta(hours=9)]
    picture = reports[0][1].picture
    assert picture is not None  # and the rows beside it say the same in words
    assert picture.startswith(b"\x89PNG")
    late = await scene(tmp_path, told, monday + timedelta(hours=34), replace(made.team), "late")
    await late.run(monday + timedelta(hours=36), 60)
    assert [title for title in heads(late.slack) if "一周" in title] == []
    await late.store.close()
    await made.store.close()


async def test_the_report_counts_what_was_spent_and_what_arrived(tmp_path: Path) -> None:
    from bot.ports import StoredReading
    from bot.services.weekly import Weekly

    made = await scene(tmp_path, {"kimi": wallet((0, "240"))}, NOON)
    amounts = [("100", 6), ("90", 5), ("80", 4), ("280", 3), ("250", 2), ("240", 1)]
    await made.store.add_readings(
        [
            StoredReading("kimi", NOON - timedelta(days=days), Reading(Kind.ACCOUNT_MONEY, Decimal(amount), "CNY"))
            for amount, days in amounts
        ]
    )
    report = await Weekly(made.team, made.village, made.store, made.clock).make(NOON)
    (row,) = report.rows
    assert (row.spent, row.arrived, row.left) == (Decimal(60), Decimal(200), Decimal(240))
    assert [left for _, left in row.points] == [*(Decimal(amount) for amount, _ in amounts), Decimal(240)]  # and now
    await made.store.close()
