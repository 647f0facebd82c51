"""A deaf platform is told on the other one, once, with its end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.errors import DeliveryError
from bot.model.chat import Line, Place, Reply
from bot.model.team import Support, Team
from bot.outlets.platforms import LASTS_S, Platforms
from tests.conftest import FixedClock


class Ear:
    def __init__(self) -> None:
        self.wrong: tuple[str, ...] = ()
        self.refuses = False
        self.said: list[tuple[str, str]] = []

    def faults(self) -> tuple[str, ...]:
        return self.wrong

    async def post(self, place: Place, reply: Reply) -> None:
        if self.refuses:
            raise DeliveryError("unreachable")
        self.said += [(place.address, block.text) for block in reply.blocks if isinstance(block, Line)]


async def test_a_deaf_platform_is_told_on_the_other_one(clock: FixedClock) -> None:
    slack, telegram = Ear(), Ear()
    chats: Any = {"slack": slack, "telegram": telegram}
    team = replace(Team(language="zh"), support=Support(chats=("slack:C1", "telegram:-1009")))
    telling = Platforms(chats, team, clock)
    slack.wrong = ("unreachable",)
    await telling.round()
    assert telegram.said == []  # rebuilt at once, most often
    clock.move(LASTS_S)
    telegram.refuses = True
    await telling.round()
    telegram.refuses = False
    await telling.round()
    await telling.round()
    assert [where for where, _ in telegram.said] == ["telegram:-1009"]
    assert "Slack 那边听不到我了（连不上）" in telegram.said[0][1]
    slack.wrong = ()
    await telling.round()
    await telling.round()
    assert telegram.said[1:] == [
        ("telegram:-1009", "Slack 那边恢复了。中断期间在那里发的命令可能没有回应，请再发一次。")
    ]
    assert slack.said == []


async def test_deafness_is_told_at_once_since_it_has_lasted_when_it_is_noticed(clock: FixedClock) -> None:
    slack, telegram = Ear(), Ear()
    chats: Any = {"slack": slack, "telegram": telegram}
    team = replace(Team(language="en"), support=Support(chats=("slack:C1", "telegram:-1009")))
    slack.wrong = ("socket_deaf",)
    await Platforms(chats, team, clock).round()
    assert "Slack does not reach me (the connection is open, but nothing comes through)." in telegram.said[0][1]
