"""`/balance` as it is read: rows that a phone does not wrap, one engine in depth, names that are not there, closed doors."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.chats.terminal_render import render
from bot.locales import Words
from bot.locales.width import ROOM, cells
from bot.model.chat import Board, MessageRef, Person, Place, Reply, Request, Role
from bot.model.diagnosis import Cause
from bot.model.engine import Engine, Route
from bot.model.handoff import Ticket, TicketState
from bot.model.money import AccountState, Kind, Reading, Runway, Status
from bot.model.team import Team
from bot.ports import StoredReading
from bot.services import Services
from bot.services.fallback import Fallback
from handlers import balance
from handlers.balance_words import row
from handlers.router import Router
from tests.switch_room import ALICE, BOB, Room, room

NOW = datetime(2026, 11, 22, 2, 42, tzinfo=UTC)  # Sunday, 10:42 in Beijing
_ids = itertools.count()


class Desk:
    """One chat about balances, through the router."""

    def __init__(self, house: Room, language: str = "zh") -> None:
        self.house, self.language = house, language
        self.fallback = Fallback(house.team, house.switching, house.parts["balances"], house.store, house.clock)

    async def send(self, text: str = "", *, by: Person = ALICE, action: str | None = None, value: str = "") -> Reply:
        h = self.house
        unused: Any = None
        services = Services(
            team=h.team, store=h.store, clock=h.clock, gate=h.parts["gate"], keys=h.parts["keys"],
            balances=h.parts["balances"], fallback=self.fallback, diagnosis=unused, proof=unused,
            switching=h.switching, escalation=unused, oncall=unused,
        )  # fmt: skip
        request = Request(
            command="balance",
            text=h.parts["gate"].clean(text).text,
            asker=by,
            place=Place("slack", "C1"),
            language=self.language,
            timezone="Asia/Shanghai",
            received_at=h.clock.now(),
            id=str(next(_ids)),
            action=action,
            value=value,
            message=MessageRef("slack", "C1", "1") if action else None,
        )
        return [reply async for reply in Router(services, {"balance": balance.COMMAND}).answer(request)][-1]

    async def read(self, text: str, **more: Any) -> str:
        return shown(await self.send(text, **more), self.language)


def shown(reply: Reply, language: str) -> str:
    return render(replace(reply, details=()), Words(language, "Asia/Shanghai"), colour=False, width=None)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Room]:
    async with room(tmp_path) as found:
        yield found


def ticket(house: Room, engine: str) -> Ticket:
    gate = house.parts["gate"]
    return Ticket(
        id=0,
        key=f"{engine}|balance_exhausted|main",
        state=TicketState.OPEN,
        engine=engine,
        cause="balance_exhausted",
        urgency="page",
        opened_at=house.clock.now() - timedelta(minutes=14),
        opened_by=BOB,
        owner="platform team",
        environment="production",
        capability=gate.trusted("QueryEngine"),
        last_known_good=gate.trusted("10:02"),
        symptom=gate.trusted("402"),
        evidence=(),
        next_review=house.clock.now() + timedelta(hours=4),
        language="zh",
    )


async def a_week(house: Room, account: str) -> None:
    """10 a day, and a top-up in the night before yesterday."""
    readings = []
    for step in range(7 * 8, 0, -1):
        left = Decimal("1.25") * step + Decimal("120.35") - (100 if step > 18 else 0)
        at = house.clock.now() - timedelta(hours=3 * step)
        readings.append(StoredReading(account, at, Reading(Kind.ACCOUNT_MONEY, left, "CNY")))
    await house.store.add_readings(readings)


async def test_one_engine_that_never_moved(house: Room) -> None:
    text = await Desk(house).read("query")
    assert "余额 · QueryEngine · 10:42（北京）" in text
    assert "现用线路  main（已用尽）" in text
    assert "其他线路  poor（已用尽）、dead（未查到）、spare（正常）" in text
    assert "上次切换  还没有切换过" in text
    assert "工单      没有未解决的" in text
    assert "切回" not in text  # it is where it belongs
    assert "[2] 切换 query → spare" in text


async def test_one_engine_in_depth_in_both_languages(house: Room) -> None:
    desk = Desk(house)
    house.fish.running("query")
    engine, spare = house.team.engines["query"], house.team.routes["spare"]
    await desk.fallback.report("query", Cause.BALANCE_EXHAUSTED)
    await house.switching.apply(engine, spare, ALICE.address, name="Alice")
    await desk.fallback.return_to("query", "main")
    await a_week(house, "spare")
    mine, _ = await house.store.open_ticket(ticket(house, "query"), ())
    other, _ = await house.store.open_ticket(ticket(house, "media"), ())
    reply = await desk.send("QUERY")
    text = shown(reply, "zh")
    assert "现用线路         spare（正常） · 10:42 起" in text
    assert f"上次切换         10:42 main → spare，由 {ALICE.address}" in text
    assert "切回             确认 main 恢复后自动切回" in text
    assert f"工单             #{mine.id} 未接手 · 余额已用尽 · 14 分钟前" in text
    assert f"#{other.id}" not in text
    assert "近 7 天" in text
    assert "→ ¥120.35（spare）" in text
    assert "每天用量（CNY）  10.00 10.00 10.00 10.00 8.75 10.00，今天 4.46" in text
    assert "main 暂停使用：余额已用尽；查到余额恢复为止" in text
    assert max(cells(line) for line in text.splitlines() if "http" not in line) <= ROOM + 4
    assert [action.id for action in reply.actions] == [
        "balance.refresh",
        "switch.plan",
        "ticket.show",
        "balance.chart",
    ]
    assert reply.actions[2].label == f"看 #{mine.id}"

    english = await Desk(house, "en").read("query")
    assert "Route now         spare (OK) · since 10:42" in english
    assert f"Last switch       10:42, main → spare, by {ALICE.address}" in english
    assert "Way back          to main by itself, once it is proved well" in english
    assert "10.00 10.00 10.00 10.00 8.75 10.00, today 4.46" in english
    assert f"Show #{mine.id}" in english

    drawn = await desk.send(action="balance.chart", value="query")
    assert drawn.picture is not None
    assert drawn.title == "14 天余额 · query"
    assert not drawn.replace  # the board stays
    again = await desk.send(action="balance.refresh", value="query")
    assert again.replace
    assert f"#{mine.id}" in shown(again, "zh")


async def test_who_put_it_back_and_what_stays(house: Room) -> None:
    desk = Desk(house, "en")
    house.fish.running("query")
    engine = house.team.engines["query"]
    await house.switching.apply(engine, house.team.routes["spare"], "quotadesk", name="quotadesk")
    text = await desk.read("query")
    assert "main → spare, by the fallback itself" in text
    assert "Way back      not by itself" in text
    await house.switching.undo("query", ALICE, Role.OPERATOR)
    text = await desk.read("query")
    assert f"put back: spare → main, by {ALICE.address}" in text
    assert "Route now     main (EMPTY)" in text
    assert "Way back" not in text


async def test_a_name_that_is_not_there_and_a_closed_door(house: Room) -> None:
    desk = Desk(house)
    reply = await desk.send("qurey")
    assert "没有叫 qurey 的引擎或线路。你是说 query 吗？" in shown(reply, "zh")
    assert [(action.id, action.value) for action in reply.actions] == [("balance.show", "query")]
    assert "你是说 spare、spare-chat 吗？" in await desk.read("spar")
    stranger = Person("slack", "U0NOBODY", "Eve")
    for more in ({"text": "query"}, {"action": "balance.chart", "value": "query"}):
        refused = await desk.send(by=stranger, **more)
        text = shown(refused, "zh")
        assert "slack:U0NOBODY" in text
        assert "[access]" in text
        assert "¥" not in text
        assert refused.picture is None


async def test_a_figure_by_hand_and_what_is_no_currency(house: Room) -> None:
    desk = Desk(house)
    assert "¥1,200.00" in await desk.read("set spare 1200 cny")
    assert "500 点额度" in await desk.read("set spare 500 credits")
    for wrong in ("set spare 5 XYZ", "set spare five CNY", "set spare 5", "set spare 5 percent"):
        assert "set azure 1200 USD" in shown(await desk.send(wrong), "zh"), wrong
    assert "没有叫 spre 的" in shown(await desk.send("set spre 5 CNY"), "zh")


# --- rows

_TEAM = Team(
    routes={"plan": Route("plan", "https://plan.example.com/v1", warn_below={"CNY": Decimal(20)})},
    engines={"coder": Engine("coder", "Coder", routes=("plan",))},
)


def line_of(language: str, *readings: Reading, **more: Any) -> tuple[Any, str]:
    unused: Any = None
    services = Services(
        team=_TEAM, store=unused, clock=unused, gate=unused, keys=unused, balances=unused, diagnosis=unused,
        proof=unused, switching=unused, escalation=unused, oncall=unused,
    )  # fmt: skip
    facts: dict[str, Any] = {"status": Status.OK, "asked_at": NOW} | more
    state = AccountState("plan", "kimi-code", ("plan",), ("coder",), readings=readings, **facts)
    words = Words(language, "Asia/Shanghai")
    made = row(state, services, words, NOW, {"coder": "plan"})
    return made, render(Reply(blocks=(Board((made,)),)), words, colour=False, width=None)


def window(label: str, left: str, hours: int, **more: Any) -> Reading:
    at = NOW + timedelta(hours=hours)
    return Reading(Kind.WINDOW_QUOTA, Decimal(left), "requests", limit=Decimal(100), resets_at=at, label=label, **more)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_two_windows_the_worst_on_the_row_and_the_other_beneath(language: str) -> None:
    week, five = window("weekly", "38", 74), window("5-hour window", "0", 2, blocks=True)
    made, text = line_of(language, week, five, blocked=True)
    assert ("5 小时" if language == "zh" else "5-hour") in made.figure
    assert any(("每周" if language == "zh" else "weekly") in line for line in made.under[:2])
    assert made.note == ""  # no wallet is known, so nothing is said about it
    assert max(cells(line) for line in text.splitlines()) <= ROOM + 2
    assert made.state in ("受限", "LIMITED")  # a word, whatever the colour


def test_a_long_figure_gives_its_reset_to_the_next_line() -> None:
    at = NOW + timedelta(days=9)
    budget = Reading(Kind.KEY_BUDGET, Decimal("1021.50"), "USD", limit=Decimal(2500), resets_at=at, label="monthly")
    made, text = line_of("en", budget, Reading(Kind.ACCOUNT_MONEY, Decimal("44.25"), "USD"))
    assert made.figure == "monthly key budget USD 1,021.50 of 2,500.00"
    assert made.under[0] == "resets Dec 1 10:42 · account USD 44.25"
    assert max(cells(line) for line in text.splitlines()) <= ROOM + 2


def test_the_time_left_stands_beside_the_wallet_it_is_about() -> None:
    parts = {"paid": Decimal(15), "granted": Decimal("3.40")}
    wallets = [
        Reading(Kind.ACCOUNT_MONEY, Decimal(0), "USD"),
        Reading(Kind.ACCOUNT_MONEY, Decimal("18.40"), "CNY", parts=parts),
    ]
    made, _ = line_of("en", *wallets, runway=Runway(Decimal(4), Decimal(7)), low=True)
    assert made.figure.startswith("account CNY 18.40")
    assert made.under[0] == "about 4–7 days left · account USD 0.00"


def test_the_smaller_share_first_even_where_nothing_blocks() -> None:
    made, _ = line_of("en", window("weekly", "80", 74), window("5-hour window", "12", 2))
    assert "12 of 100" in made.figure
    assert "80 of 100" in made.under[0]


def test_what_fits_stands_on_one_line() -> None:
    days = Runway(Decimal("12.1"), Decimal("14.8"))
    made, text = line_of("zh", Reading(Kind.KEY_BUDGET, Decimal("42.10"), "USD"), runway=days)
    assert text.splitlines()[0] == "正常  plan  密钥额度 US$42.10  约 12–15 天"
    assert made.under == ("Coder",)
    parts = {"paid": Decimal(15000), "granted": Decimal(3400)}
    low = Reading(Kind.ACCOUNT_MONEY, Decimal("18400.40"), "CNY", parts=parts)
    made, text = line_of("zh", low, runway=replace(days, low_days=Decimal(1), high_days=Decimal("1.9")))
    assert "约剩 24–46 小时" in text  # as the chart and the alerts say it
    assert all(cells(line) <= ROOM for line in text.splitlines())


def test_a_wallet_beside_a_used_up_budget_is_named() -> None:
    budget = Reading(Kind.KEY_BUDGET, Decimal(0), "USD", limit=Decimal(20), blocks=True)
    made, _ = line_of("en", Reading(Kind.ACCOUNT_MONEY, Decimal("88.10"), "USD"), budget, blocked=True)
    assert made.figure.startswith("key budget USD 0.00 of 20.00")
    assert "what blocks is the key budget, not the account" in made.under


def test_the_last_figure_goes_beneath_a_long_reason() -> None:
    gone = Reading(Kind.ACCOUNT_MONEY, Decimal("63.20"), "CNY")
    at = NOW - timedelta(hours=16)
    more: dict[str, Any] = {"status": Status.COULD_NOT_CHECK, "last_good": (gone,), "last_good_at": at}
    made, _ = line_of("zh", reason="timeout", **more)
    assert made.figure == "10 秒没有应答；上次 ¥63.20（昨天 18:42）"
    refused = line_of("zh", reason="http_401", reason_facts={"variable": "KIMI_API_KEY"}, **more)[0]
    assert refused.figure == "KIMI_API_KEY 里的凭据被拒绝（HTTP 401）"
    assert refused.under[:2] == ("在控制台新建一个，再填到那里 · 上次 ¥63.20（昨天 18:42）", "Coder")
