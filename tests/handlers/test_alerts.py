"""/quota alerts, its buttons, and what follows /balance (chart, around, topup, warp), on the demo team, through the router."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.app import House, demo_house
from bot.chats.terminal_render import render
from bot.locales import Words
from bot.model.alert import AlertKind, Episode
from bot.model.chat import MessageRef, Person, Place, Reply, Request, Role
from bot.model.money import Kind, Reading
from bot.outlets.warp_files import WarpFiles
from bot.ports import Sighting, StoredReading
from bot.services.alert_book import AlertBook
from bot.settings import Settings
from handlers import warp

SHANGHAI = "Asia/Shanghai"


@dataclass
class Talk:
    house: House
    language: str = "zh"

    async def say(
        self, command: str, text: str = "", *, action: str | None = None, value: str = "", role: Role = Role.OPERATOR
    ) -> Reply:
        last = None
        async for reply in self.house.answers.answer(self.request(command, text, action, value, role)):
            last = reply
        assert last is not None
        return last

    def request(self, command: str, text: str, action: str | None, value: str, role: Role) -> Request:
        now = self.house.clock.now()
        return Request(
            command,
            self.house.gate.trusted(text),
            Person("terminal", role.name.lower(), "Alice"),
            Place("terminal", "support"),
            self.language,
            SHANGHAI,
            now,
            "1",
            role=role,
            action=action,
            value=value,
            message=MessageRef("terminal", "support", "1"),
        )

    def shown(self, reply: Reply) -> str:
        return render(reply, Words(self.language, SHANGHAI), width=None)

    async def text(self, command: str, text: str = "", **more: object) -> str:
        return self.shown(await self.say(command, text, **more))  # type: ignore[arg-type]


@asynccontextmanager
async def talk(language: str = "zh") -> AsyncIterator[Talk]:
    async with demo_house(Settings(_env_file=None), language) as house:  # type: ignore[call-arg]
        yield Talk(house, language)


async def test_open_alerts_silences_and_who_may_set_them() -> None:
    async with talk() as t:
        now, book = t.house.clock.now(), AlertBook(t.house.store, t.house.clock)
        assert "现在没有提醒" in await t.text("alerts")
        facts = {"figure": "account_money", "amount": "18.40", "currency": "CNY"}
        since = now - timedelta(hours=2, minutes=16)
        await book.keep(
            Episode("kimi", AlertKind.MONEY, open=True, level=1, told=1, since=since, engines=("report",), facts=facts)
        )
        await book.keep(Episode("relay", AlertKind.MONEY, open=True, level=3, told=3, since=since, engines=("media",)))
        text = await t.text("提醒")
        assert text.index("relay") < text.index("kimi")
        assert "偏低" in text
        assert "¥18.40" in text
        assert "2 小时 16 分" in text
        assert "断了 MediaEngine" in text

        refused = await t.say("alert", action="alert.silence", value="e:money:kimi", role=Role.MEMBER)
        assert refused.alert
        assert await book.silences() == []
        assert "这次不再提" in await t.text("alert", action="alert.silence", value="e:money:kimi")
        (silence,) = await book.silences()
        assert silence.episode == since
        text = await t.text("alerts")
        assert "已静音" in text
        assert "取消静音 kimi" in text
        (audit,) = await t.house.store.audits(subject="kimi")
        assert (audit.what, audit.who) == ("alert.silence", "terminal:operator")

        assert "已取消静音" in await t.text("alert", action="alert.unsilence", value="money:kimi")
        assert "本来就没有" in await t.text("alert", action="alert.unsilence", value="money:kimi")
        assert await book.silences() == []

        assert "只有 operator" in str(await t.say("alerts", "silence kimi", role=Role.MEMBER))
        assert "写法" in await t.text("alerts", "silence kimi 3y")
        assert await book.silences() == []
        assert "kimi 的提醒静音到" in await t.text("alerts", "静音 kimi 周一")
        assert "kimi" in await t.text("audit", "kimi")
        assert "kimi 的提醒已取消静音" in await t.text("alerts", "unsilence kimi")
        # An engine that stands still is told all the same, so not everything is called silent.
        everything = "全部提醒（引擎断了的除外）"
        assert f"{everything}静音到" in await t.text("alert", action="alert.silence", value="h:*:*")
        assert "取消全部静音" in await t.text("alerts")
        assert f"{everything}已取消静音" in await t.text("alert", action="alert.unsilence", value="*:*")
        assert await book.silences() == []


async def test_a_button_that_names_nothing_silences_nothing() -> None:
    async with talk("en") as t:
        for value in ("", "x", "w:money", "q:money:kimi", "w:nothing:kimi", "w:money:stranger", "h:money:"):
            assert "no alert any more" in await t.text("alert", action="alert.silence", value=value), value
        assert await AlertBook(t.house.store, t.house.clock).silences() == []


async def test_tell_me_when_it_is_back() -> None:
    async with talk("en") as t:
        assert "I will tell you" in await t.text("alert", action="alert.tell", value="deepseek-main", role=Role.MEMBER)
        assert "works now: CNY 18.40" in await t.text("alerts", "tell kimi")
        (waiting,) = await AlertBook(t.house.store, t.house.clock).waiting()
        assert (waiting.account, waiting.person.id, waiting.language) == ("deepseek-main", "member", "en")
        assert "alerts tell kimi" in await t.text("alerts", "tell")


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_chart_has_its_text_twin(language: str) -> None:
    async with talk(language) as t:
        reply = await t.say("balance", "chart report")
        assert reply.picture is not None
        assert reply.picture.startswith(b"\x89PNG")
        text = t.shown(reply)
        assert "kimi" in text
        assert "█" in text
        assert "18.40" in text
        assert ("约" if language == "zh" else "about") in text
        assert "chart." not in text
        nothing = await t.say("balance", "chart gemini")
        assert nothing.picture is None
        unknown = await t.text("balance", "chart qurey")
        assert "query" in unknown


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_around_a_task_is_evidence_and_no_verdict(language: str) -> None:
    async with talk(language) as t:
        now, store = t.house.clock.now(), t.house.store
        for minutes, amount in ((20, "19.30"), (9, "19.10"), (4, "18.68")):
            reading = Reading(Kind.ACCOUNT_MONEY, Decimal(amount), "CNY")
            await store.add_readings([StoredReading("kimi", now - timedelta(minutes=minutes), reading)])
        for minutes in (7, 6):
            await store.add_sighting(
                Sighting(
                    0,
                    now - timedelta(minutes=minutes),
                    "slack:U1",
                    "report",
                    "balance_exhausted",
                    "kimi",
                    "task-0042",
                    t.house.gate.trusted("402"),
                    {},
                )
            )
        text = await t.text("balance", "around task-0042")
        assert "0.42" in text
        assert "ReportEngine" in text
        assert "task-0042" in text
        words = Words(language)
        assert words.say("charge.around.twice", n=2, id="task-0042") in text
        assert words.lines("charge.around.limits")[0] in text
        assert "charge." not in text
        assert words.say("charge.around.unknown", id="task-9999") in await t.text("balance", "around task-9999")
        assert words.say("charge.around.usage") in await t.text("balance", "around")


async def test_a_top_up_is_looked_for() -> None:
    async with talk() as t:
        for typed in ["50 CNY 01:05", "¥50 01:05", "50元 01:05", "01:05 50 cny"]:
            text = await t.text("balance", f"topup {typed}")
            assert "找这笔充值：¥50.00" in text
            assert "这四个是不是同一个账户" in text
            assert "以厂商的订单页为准" in text
            assert "charge." not in text


async def test_a_top_up_that_is_not_whole_is_asked_for() -> None:
    async with talk("en") as t:
        for typed in ["", "50", "50 CNY", "CNY 10:05", "-50 CNY 10:05", "50 CNY sometime"]:
            assert "/balance topup 50 CNY 10:05" in await t.text("balance", f"topup {typed}")


async def test_warp_without_a_folder_says_which_setting() -> None:
    async with talk() as t:
        assert "[warp] folder" in await t.text("balance", "warp")


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_warp_in_both_clocks_and_damaged_is_unknown(language: str, tmp_path: Path) -> None:
    async with talk(language) as t:
        now = t.house.clock.now()
        until = (now + timedelta(minutes=48)).replace(microsecond=0)
        (tmp_path / ".anonymous_cooldown").write_text(str(until.timestamp()))
        (tmp_path / ".last_anonymous_attempt").write_text("broken")
        (tmp_path / ".env").write_text("DISABLE_ANONYMOUS_FALLBACK=false\nAPI_TOKEN=123456\n")
        services = replace(t.house.services, warp=WarpFiles(tmp_path))
        request = t.request("balance", "warp", None, "", Role.MEMBER)
        replies = [reply async for reply in warp.run(request, services)]
        text = t.shown(replies[-1])
        words = Words(language, SHANGHAI)
        assert words.utc(until) in text
        assert words.local(until).strftime("%H:%M") in text
        assert words.say("warp.unknown", file=".last_anonymous_attempt") in text
        assert words.say("warp.weak_token") in text
        assert words.say("warp.tier.anonymous") in text
        assert "warp." not in text
