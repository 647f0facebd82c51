"""Writes a day of the fallback chain as people see it: a 402, a rate limit, a quota until its reset, a recovery, no route left.

python docs/transcripts/failover.py   (a real env file and database, local providers and a local BettaFish; the clock is moved by hand)
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

from make import Paper  # noqa: E402

from bot.chats import slack_render, telegram_render, terminal_render  # noqa: E402
from bot.locales import Words  # noqa: E402
from bot.model.chat import Action, MessageRef, Person, Place, Reply, Request  # noqa: E402
from bot.model.diagnosis import Cause  # noqa: E402
from bot.model.money import Price  # noqa: E402
from bot.model.team import Support  # noqa: E402
from bot.services import Services  # noqa: E402
from bot.services.degrade import Degrade  # noqa: E402
from bot.services.fallback import Fallback  # noqa: E402
from handlers import degrade, switch  # noqa: E402
from handlers.chain import Chain  # noqa: E402
from handlers.router import Router  # noqa: E402
from tests.switch_room import ALICE, Room, room  # noqa: E402
from tests.worlds.slack_rules import read_blocks  # noqa: E402

FACES: dict[str, Callable[[Reply, Words], str]] = {
    "slack": lambda reply, words: "\n".join(read_blocks(slack_render.Renderer().message(reply).blocks)),
    "telegram": lambda reply, words: _telegram(reply, words),
    "terminal": lambda reply, words: terminal_render.render(reply, words).rstrip(),
}


def _telegram(reply: Reply, words: Words) -> str:
    shown = telegram_render.render(reply, words)
    rows = [" ".join(f"[{button.text}]" for button in row) for row in shown.keyboard]
    return "\n".join([*shown.plain, *rows])


class Wall:
    """The support chat: keeps what is posted."""

    platform = "slack"

    def __init__(self) -> None:
        self.posted: list[Reply] = []

    async def post(self, place: Place, reply: Reply) -> MessageRef:
        self.posted.append(reply)
        return MessageRef(place.platform, place.chat, str(len(self.posted)))


class Day:
    def __init__(self, house: Room, face: str, language: str) -> None:
        self.house, self.face, self.words = house, face, Words(language, "Asia/Shanghai")
        self.paper = Paper(f"failover-{face}-{language}", f"A day of the fallback chain ({face}, {language})")
        p, unused = house.parts, None
        parts: tuple[Any, ...] = (house.team, house.switching, p["balances"])
        self.fallback = Fallback(*parts, house.store, house.clock)
        self.services = Services(
            team=house.team, store=house.store, clock=house.clock, gate=p["gate"], keys=p["keys"], balances=p["balances"],
            diagnosis=unused, proof=unused, switching=house.switching, escalation=unused, oncall=unused,  # type: ignore[arg-type]
            fallback=self.fallback, degrade=Degrade(*parts, p["restart"], house.store, house.clock, p["gate"]),
        )  # fmt: skip
        self.wall, self._ids, self.said = Wall(), itertools.count(), 0
        self.chain = Chain(self.fallback, self.services, {"slack": self.wall}, "one")  # type: ignore[dict-item]

    def _clock(self) -> str:
        return self.words.local(self.house.clock.now()).strftime("%H:%M")

    def _show(self, who: str, reply: Reply) -> None:
        self.paper.add(f"{self._clock()} {who}", FACES[self.face](reply, self.words))

    async def at(self, clock: str, what: str) -> None:
        """Lets time pass, in steps of five minutes, until this clock time; whatever is said meanwhile is written down."""
        while self._clock() < clock:
            self.house.clock.move(timedelta(minutes=5))
            await self.look()
        self.paper.lines += [f"=== {self._clock()} {what}", ""]

    async def look(self) -> None:
        await self.chain.tick()
        for reply in self.wall.posted[self.said :]:
            self._show("quotadesk in the support chat", reply)
        self.said = len(self.wall.posted)

    async def heard(self, cause: Cause, route: str | None = None, **more: Any) -> None:
        self.house.clock.move(1)
        for said in await self.fallback.report("query", cause, route=route, **more):
            await self.chain._say(said)
        await self.look()

    async def ask(self, who: Person, text: str = "", press: Action | None = None) -> Reply:
        request = Request(
            command="degrade" if press and press.id in degrade.COMMAND.presses else "switch",
            text=self.house.parts["gate"].clean(text).text,
            asker=who,
            place=Place("slack", "C0SUPPORT"),
            language=self.words.language,
            timezone="Asia/Shanghai",
            received_at=self.house.clock.now(),
            id=str(next(self._ids)),
            action=press.id if press else None,
            value=press.value if press else "",
            message=MessageRef("slack", "C0SUPPORT", "1") if press else None,
        )
        router = Router(self.services, {"switch": switch.COMMAND, "degrade": degrade.COMMAND})
        reply = [reply async for reply in router.answer(request)][-1]
        self._show(f"{who.name} {'presses “' + press.label + '”' if press else '/switch ' + text}".rstrip(), reply)
        return reply

    def button(self, id: str) -> Action:
        return next(a for reply in reversed(self.wall.posted) for a in reply.actions if a.id == id)


def _day_of(reply: Reply, id: str) -> Action:
    return next(action for action in reply.actions if action.id == id)


async def day(face: str, language: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with room(Path(folder), failover="auto") as house:
            house.clock.move(timedelta(hours=-1, minutes=-47))
            relay = replace(house.team.routes["dead"], name="relay")
            house.team = replace(house.team, routes={**house.team.routes, "relay": relay})
            price = {"main": "4", "spare": "4", "relay": "14"}
            renamed = {
                name: replace(way, price=Price("CNY", Decimal(price[name]), Decimal(price[name]) * 4, "team_file"))
                for name, way in house.team.routes.items()
                if name in price
            }
            house.team = replace(
                house.team,
                language=language,
                timezone="Asia/Shanghai",
                routes={**house.team.routes, **renamed},
                support=Support(chats=("slack:C0SUPPORT",)),
            )
            house.rebuilt(routes=("main", "spare", "relay"))
            money, keys = house.provider.money, house.keys
            money |= {keys["MAIN"]: "35.20", keys["DEAD"]: "88.10"}
            house.fish.running("query")
            d = Day(house, face, language)
            await d.at("09:00", "main's account is empty: 402, and BettaFish goes on trying for 35 minutes")
            money[keys["MAIN"]] = "0.00"
            for _ in range(7):
                await d.heard(Cause.BALANCE_EXHAUSTED, "main")
                house.clock.move(timedelta(minutes=5))
            await d.at("11:00", "spare asks to wait 20 seconds (429): it is waited out, nothing is said")
            await d.heard(Cause.RATE_LIMITED, retry_after_s=20)
            await d.at("12:00", "spare's plan is used up until 16:00; the next route costs more, so it asks")
            hours = 4
            await d.heard(Cause.QUOTA_EXHAUSTED, resets_at=house.clock.now() + timedelta(hours=hours))
            await d.ask(ALICE, press=d.button("switch.confirm"))
            await d.at("13:00", "what is out now")
            await d.ask(ALICE)
            await d.at("16:30", "money arrives on main")
            money[keys["MAIN"]] = "200.00"
            await d.at("18:00", "Alice tries the dearer route by hand, and takes it back")
            house.clock.move(1)
            plan = await d.ask(ALICE, "query relay")
            done = await d.ask(ALICE, press=_day_of(plan, "switch.confirm"))
            await d.ask(ALICE, press=_day_of(done, "switch.undo"))
            await d.at("22:00", "every account is empty")
            for key in keys.values():
                money[key] = "0.00"
            house.clock.move(120)
            await d.heard(Cause.BALANCE_EXHAUSTED, "main")
            paused = await d.ask(ALICE, press=d.button("switch.pause"))
            await d.ask(ALICE)
            await d.ask(ALICE, press=_day_of(paused, "switch.resume"))
            same = house.path.read_bytes() == house.original
            turns = [path for path in house.fish.asked if "/api/st" in path and "status" not in path]
            d.paper.lines += [
                f"=== {len(d.wall.posted)} messages in the support chat; the file has its first bytes again: {'yes' if same else 'NO'};",
                f"    BettaFish was asked: {', '.join(turns)}; requests that cost money: {house.provider.chats}",
            ]
            d.paper.write()


async def main() -> None:
    for language in ("en", "zh"):
        for face in FACES:
            await day(face, language)


if __name__ == "__main__":
    asyncio.run(main())
