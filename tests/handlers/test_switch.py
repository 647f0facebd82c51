"""What operators read: plan, confirm, result, undo, refusals, in both languages."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.chats.terminal_render import render
from bot.locales import Words
from bot.model.chat import Action, MessageRef, Person, Place, Reply, Request
from bot.model.diagnosis import Cause
from bot.services import Services
from bot.services.fallback import Fallback
from handlers import switch
from handlers.fallback_words import announced
from handlers.router import Router
from tests.switch_room import ALICE, BOB, Room, room

_ids = itertools.count()
STRANGER = Person("slack", "U0BOB", "Bob")


class Desk:
    """One chat: types and presses through the router, keeps what was answered."""

    def __init__(self, house: Room, language: str = "en") -> None:
        self.house, self.language = house, language
        self.fallback = Fallback(house.team, house.switching, house.parts["balances"], house.store, house.clock)

    def services(self) -> Services:
        h = self.house
        unused: Any = None
        return Services(
            team=h.team, store=h.store, clock=h.clock, gate=h.parts["gate"], keys=h.parts["keys"],
            balances=h.parts["balances"], fallback=self.fallback, diagnosis=unused, proof=unused, switching=h.switching, escalation=unused, oncall=unused,
        )  # fmt: skip

    async def send(
        self, text: str = "", *, action: str | None = None, value: str = "", by: Person = ALICE, **fields: str
    ) -> list[Reply]:
        request = Request(
            command="switch",
            text=self.house.parts["gate"].clean(text).text,
            asker=by,
            place=Place("slack", "C1"),
            language=self.language,
            timezone="Asia/Shanghai",
            received_at=self.house.clock.now(),
            id=str(next(_ids)),
            action=action,
            value=value,
            message=MessageRef("slack", "C1", "1") if action else None,
            fields={name: self.house.parts["gate"].clean(text).text for name, text in fields.items()},
        )
        router = Router(self.services(), {"switch": switch.COMMAND})
        return [reply async for reply in router.answer(request)]

    async def press(self, button: Action, by: Person = ALICE) -> list[Reply]:
        return await self.send(action=button.id, value=button.value, by=by)

    def read(self, reply: Reply) -> str:
        return render(reply, Words(self.language, "Asia/Shanghai"), colour=False, width=None)


def button(reply: Reply, id: str) -> Action:
    return next(action for action in reply.actions if action.id == id)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Room]:
    async with room(tmp_path) as found:
        yield found


async def test_from_plan_to_undo_in_chinese(house: Room) -> None:
    desk = Desk(house, "zh")
    house.fish.running("query")
    (plan,) = await desk.send("query")
    text = desk.read(plan)
    assert "切换 QueryEngine：main → spare" in text
    assert "还没有动任何东西" in text
    assert "¥120.35，可用" in text
    assert "MediaEngine" in text
    assert "35 分钟" in text
    working, result = await desk.press(button(plan, "switch.confirm"))
    assert not working.final
    assert result.replace
    text = desk.read(result)
    assert "已切换 10:42" in text
    assert "已验证" in text
    assert "只改了 1 个值（QUERY_ENGINE_API_KEY）" in text
    assert "子程序 query 已重启" in text
    (again,) = await desk.press(button(plan, "switch.confirm"), by=BOB)
    assert again.alert
    (back,) = await desk.press(button(result, "switch.undo"))
    assert "已撤回" in desk.read(back)
    assert house.path.read_bytes() == house.original
    (nothing,) = await desk.press(button(result, "switch.undo"))
    assert nothing.alert
    shown = "".join(map(desk.read, [plan, working, result, again, back, nothing]))
    assert not any(key[-8:] in shown for key in house.keys.values())


async def test_from_plan_to_undo_in_english(house: Room) -> None:
    desk = Desk(house)
    (plan,) = await desk.send("QueryEngine spare")
    text = desk.read(plan)
    assert "Switch QueryEngine: main → spare" in text
    assert "Nothing has been touched yet." in text
    assert "deepseek-reasoner (unchanged)" in text
    *_, result = await desk.press(button(plan, "switch.confirm"))
    assert "1 value changed" in desk.read(result)
    assert "stays stopped" in desk.read(result)
    (listed,) = await desk.send("")
    assert "spare" in desk.read(listed)
    (history,) = await desk.send("query history")
    assert "main → spare" in desk.read(history)
    (back,) = await desk.send("query --undo")
    assert "put back" in desk.read(back)
    assert house.path.read_bytes() == house.original


async def test_a_refusal_says_why_and_what_instead(house: Room) -> None:
    desk = Desk(house, "zh")
    (reply,) = await desk.send("query poor")
    text = desk.read(reply)
    assert "没有切换" in text
    assert "¥0.00，切过去也会停" in text
    assert "建议换成 spare" in text
    assert button(reply, "switch.plan").value == "query spare"
    (plan,) = await desk.press(button(reply, "switch.plan"))
    assert "main → spare" in desk.read(plan)
    (forced,) = await desk.send("query poor --force")
    assert button(forced, "switch.confirm").style == "danger"


async def test_where_no_route_is_left_the_ways_to_degrade_are_told(house: Room) -> None:
    desk = Desk(house)
    house.provider.money[house.keys["SPARE"]] = "0.00"
    (reply,) = await desk.send("query")
    text = desk.read(reply)
    assert "No other route of QueryEngine works now" in text
    assert "image prompt" in text


async def test_cancel_takes_the_button_away(house: Room) -> None:
    desk = Desk(house)
    (plan,) = await desk.send("query")
    (cancelled,) = await desk.press(button(plan, "switch.cancel"))
    assert cancelled.replace
    (late,) = await desk.press(button(plan, "switch.confirm"))
    assert late.alert
    assert house.path.read_bytes() == house.original


async def test_others_are_told_who_may(house: Room) -> None:
    desk = Desk(house)
    house.rebuilt()
    object.__setattr__(house.team.access, "members", (STRANGER.address,))
    (reply,) = await desk.send("query", by=STRANGER)
    assert "Only operators" in desk.read(reply)
    assert ALICE.address in desk.read(reply)
    (plan,) = await desk.send("query")
    (pressed,) = await desk.press(button(plan, "switch.confirm"), by=STRANGER)
    assert pressed.alert
    assert house.path.read_bytes() == house.original


async def test_the_second_person_is_asked_for(house: Room) -> None:
    desk = Desk(house)
    house.rebuilt(protected=True)
    (plan,) = await desk.send("query")
    assert "another operator must confirm" in desk.read(plan)
    (own,) = await desk.press(button(plan, "switch.confirm"))
    assert own.alert
    *_, result = await desk.press(button(plan, "switch.confirm"), by=BOB)
    assert "done" in result.title


async def test_a_changed_file_offers_the_three_values(house: Room) -> None:
    desk = Desk(house)
    (plan,) = await desk.send("query")
    *_, result = await desk.press(button(plan, "switch.confirm"))
    house.path.write_bytes(house.path.read_bytes() + b"\nX=1\n")
    (refused,) = await desk.press(button(result, "switch.undo"))
    (back,) = await desk.press(button(refused, "switch.undo"))
    assert "put back" in desk.read(back)
    assert house.path.read_bytes() == house.original + b"\nX=1\n"


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_every_reason_has_words(house: Room, language: str) -> None:
    words = Words(language)
    room = Path(switch.__file__).parents[1]
    found: set[str] = set()
    for place in (
        "bot/outlets/env_file.py",
        "bot/outlets/env_disk.py",
        "bot/outlets/env_text.py",
        "bot/services/switching.py",
        "bot/services/rehearsal.py",
    ):
        text = (room / place).read_text(encoding="utf-8")
        found |= {
            piece.split('"')[1]
            for piece in text.split("refuse(")[1:] + text.split("refused(")[1:]
            if piece.lstrip().startswith('"')
        }
    assert len(found) > 20
    assert [word for word in sorted(found) if not words.has(f"switch.words.{word}")] == []


async def test_too_many_words_show_the_usage(house: Room) -> None:
    (reply,) = await Desk(house).send("query spare now please")
    assert "/switch <engine>" in Desk(house).read(reply)


@pytest.mark.parametrize(("language", "words"), [("en", "moved by itself"), ("zh", "已自动切换")])
async def test_an_automatic_move_says_from_to_why_and_offers_undo(house: Room, language: str, words: str) -> None:
    house.rebuilt(failover="auto", routes=("main", "spare", "spare-chat"))
    desk = Desk(house, language)
    (said,) = await desk.fallback.report("query", Cause.BALANCE_EXHAUSTED)
    reply = announced(said, desk.services(), Words(language), await desk.fallback.returning("query"))
    text = desk.read(reply)
    assert words in text
    assert "main → spare" in text
    cause = Words(language).inside(Words(language).say("cause.balance_exhausted.title"))
    assert cause in text
    assert Words(language).say("switch.returns", engine="QueryEngine", route="main") in text
    (listed,) = await desk.send("")
    assert cause in desk.read(listed)
    (stays,) = await desk.press(button(reply, "switch.stay"))
    assert stays.alert
    assert await desk.fallback.returning("query") is None
    *_, back = await desk.press(button(reply, "switch.undo"))
    assert house.path.read_bytes() == house.original
    assert back.replace


async def test_what_asks_first_can_be_confirmed(house: Room) -> None:
    house.rebuilt(failover="auto", routes=("main", "spare-chat"))
    desk = Desk(house, "zh")
    (said,) = await desk.fallback.report("query", Cause.AUTH_INVALID)
    reply = announced(said, desk.services(), Words("zh"))
    text = desk.read(reply)
    assert "价格和速度可能不同" in text
    *_, result = await desk.press(button(reply, "switch.confirm"), by=BOB)
    assert "已切换" in desk.read(result)
    (wanted,) = await desk.press(button(result, "switch.return"))
    assert "自动切回" in desk.read(wanted)
    assert await desk.fallback.returning("query") == "main"
    (listed,) = await desk.send("")
    (cleared,) = await desk.press(button(listed, "switch.clear"))
    assert "main" in desk.read(cleared)
    assert await desk.fallback.out() == ()
    await desk.press(button(result, "switch.undo"), by=BOB)
    assert await desk.fallback.returning("query") is None  # it is back, so the next switch by hand is not pulled at
    assert "撤回" in desk.read((await desk.send("query history"))[-1])


async def test_no_route_and_recovery_are_told(house: Room) -> None:
    house.rebuilt(failover="ask", routes=("main", "poor", "dead"))
    desk = Desk(house)
    (said,) = await desk.fallback.report("query", Cause.BALANCE_EXHAUSTED)
    text = desk.read(announced(said, desk.services(), Words("en")))
    assert "poor: used up too" in text
    assert "dead: key refused" in text
    house.provider.money[house.keys["MAIN"]] = "9.00"
    house.clock.move(600)
    (said,) = await desk.fallback.tick()
    assert "main is well again" in desk.read(announced(said, desk.services(), Words("en")))


async def test_one_real_call_only_when_asked_for(house: Room) -> None:
    desk = Desk(house)
    (plan,) = await desk.send("query")
    assert house.provider.chats == 0
    (called,) = await desk.press(button(plan, "switch.probe"))
    assert house.provider.chats == 1
    assert "one real call was answered" in desk.read(called)
    (used,) = await desk.press(button(plan, "switch.probe"))
    assert used.alert
    assert house.provider.chats == 1
    house.provider.says = "抱歉，您的账户配额已用尽。请等待配额重置或联系管理员。"
    (plan,) = await desk.send("query")
    (refused,) = await desk.press(button(plan, "switch.probe"))
    assert "the quota is used up" in desk.read(refused)
    assert "switch.confirm" not in {action.id for action in refused.actions}


async def test_a_warp_gateway_is_never_called(house: Room) -> None:
    house.team.routes["warp"] = dataclasses.replace(house.team.routes["spare"], name="warp", provider="warp2api")  # type: ignore[index]
    house.rebuilt(routes=("main", "warp"))
    (plan,) = await Desk(house).send("query warp --force")
    assert "switch.probe" not in {action.id for action in plan.actions}
    assert house.provider.chats == 0


async def test_warps_policy_is_one_value_in_its_file_and_nothing_is_asked(house: Room, tmp_path: Path) -> None:
    folder = tmp_path / "warp"
    folder.mkdir()
    before = b"WARP_JWT='x'\r\n# DISABLE_ANONYMOUS_FALLBACK=true\nDISABLE_ANONYMOUS_FALLBACK=false # quota\n"
    (folder / ".env").write_bytes(before)
    (folder / ".anonymous_cooldown").write_text("1", encoding="ascii")
    house.team = dataclasses.replace(house.team, warp_folder=folder)
    house.rebuilt()
    desk = Desk(house, "zh")
    (policy,) = await desk.send("warp")
    assert "不会替任何人注册" in desk.read(policy)
    asked = len(house.provider.asked)
    (done,) = await desk.press(policy.actions[0])
    assert "只用个人额度" in desk.read(done)
    assert (folder / ".env").read_bytes() == before.replace(b"=false #", b"=true #")
    (same,) = await desk.press(policy.actions[0])
    assert "本来就是这样" in desk.read(same)
    await desk.press(policy.actions[1])
    assert (folder / ".env").read_bytes() == before
    assert (folder / ".anonymous_cooldown").exists()
    assert len(house.provider.asked) == asked
    assert [entry.what for entry in await house.store.audits()] == ["warp_policy", "warp_policy"]
