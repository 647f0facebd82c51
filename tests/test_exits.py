"""For any key of any family in any of the places: no twelve characters of it leave by any of the eight exits.

The exits: replies as every chat shows them, the store's files, the log, tickets, pages, metrics, exceptions, process arguments.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import random
import sys
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest

from bench import gen_redaction as first
from bench import gen_redaction2 as second
from bot.app import House, demo_house
from bot.chats.slack_render import Renderer
from bot.chats.telegram_render import render as telegram
from bot.chats.terminal_render import render as terminal
from bot.locales import Words
from bot.model.chat import MessageRef, Person, Place, Reply, Request, Role
from bot.model.engine import Engine
from bot.outlets.restart import Restart
from bot.redaction.logs import install, loop_handler
from bot.settings import Settings
from tests.conftest import made_up
from tests.escalation_room import MemoryChat
from tests.worlds.pagers import PagerWorld

WIDTH = 12
ADA = Person("terminal", "operator", "Ada")
WORDS = Words("en", "UTC")
PLACES = [*((first, name) for name in sorted(first.PLACES)), *((second, name) for name in sorted(second.PLACES))]


def runs(key: str, public: int) -> set[str]:
    """Every twelve characters of a key that show more than its maker's prefix."""
    if len(key) <= WIDTH:
        return {key}
    return {key[i : i + WIDTH] for i in range(len(key) - WIDTH + 1) if i + WIDTH - public >= 5}


def shown(reply: Reply) -> str:
    """The reply as each chat shows it, and as it stands in memory."""
    slack = Renderer().message(reply)
    parts = [slack.text, json.dumps(slack.blocks, ensure_ascii=False), str(telegram(reply, WORDS))]
    return "\n".join([*parts, terminal(reply, WORDS, width=None), repr(reply)])


@dataclass
class Exits:
    """What went out, by exit, and every run that must not be in it."""

    house: House
    chat: MemoryChat
    pagers: PagerWorld
    log: io.StringIO
    replies: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    secret: set[str] = field(default_factory=set)
    numbers: int = 0

    async def ask(self, command: str, raw: str = "", **more: Any) -> Reply:
        """What a chat does with a message: the gate first, then the handlers."""
        self.numbers += 1
        cleaned = self.house.gate.clean(raw)
        request = Request(
            command=command, text=cleaned.text, found=cleaned.found, asker=ADA, place=Place("terminal", "here"),
            language="en", timezone="UTC", received_at=self.house.clock.now(), id=str(self.numbers), role=Role.OPERATOR,
            message=MessageRef("terminal", "here", str(self.numbers)), **more,
        )  # fmt: skip
        replies = [reply async for reply in self.house.answers.answer(request)]
        self.replies += map(shown, replies)
        return replies[-1]

    async def paste(self, raw: str) -> None:
        """One message with a key in it, taken all the way."""
        answer = await self.ask("diagnose", raw)
        await self.ask("leak", raw)
        await self.ask(raw)  # a command that nobody knows
        await self.ask("leak", action="leak.rotated", value=raw)  # presses that no button of ours makes
        await self.ask("leak", action=raw, value="x")
        for action in answer.actions:
            if action.id == "diagnose.escalate":
                await self.ask("diagnose", action="diagnose.escalate", value=action.value)
        cleaned = self.house.gate.clean(raw)
        await self.house.services.escalation.open(
            asker=ADA, language="en", symptom=cleaned.text, found=cleaned.found, asked_to_page=True, capability=str(self.numbers)
        )  # fmt: skip
        logger = logging.getLogger("anybody")
        logger.warning("it said %s", raw)
        try:
            try:
                json.loads(raw + "{")
            except ValueError as fault:
                raise RuntimeError(f"while reading {raw}") from fault
        except RuntimeError as fault:
            logger.exception("failed")
            loop_handler(self.house.gate)(asyncio.get_running_loop(), {"message": raw, "exception": fault})
            with redirect_stderr(io.StringIO()) as crash:
                sys.excepthook(type(fault), fault, fault.__traceback__)
            self.faults.append(crash.getvalue())

    async def everything(self) -> dict[str, str]:
        """Each exit's whole text. The clock goes on for all reminders and pages that are due."""
        await self.house.steps.run_due()
        folder = next(engine.env_file.parent for engine in self.house.team.engines.values() if engine.env_file)
        tickets = await self.house.store.tickets(limit=2_000)
        return {
            "reply": "\n".join(self.replies),
            "store": "\n".join(
                path.read_bytes().decode("latin-1") for path in sorted(folder.rglob("*")) if path.is_file()
            ),
            "log": self.log.getvalue(),
            "ticket": "\n".join([*map(repr, tickets), *(shown(reply) for _, reply in self.chat.posted)]),
            "page": json.dumps([self.pagers.events, self.pagers.notified], ensure_ascii=False),
            "metrics": generate_latest(self.house.registry).decode(),
            "exception": "\n".join(self.faults),
        }


def test_no_key_leaves_by_any_exit(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        pagers = runner.run(PagerWorld(made_up("R", 31)).__aenter__())
        values = {"pagerduty_routing_key": pagers.routing_key, "pagerduty_events_url": pagers.events_url}
        building = demo_house(Settings(_env_file=None, **values), "en", "UTC")  # type: ignore[call-arg]
        house = runner.run(building.__aenter__())
        house.chats["terminal"] = chat = MemoryChat("terminal")
        install(house.gate, "DEBUG", "text", log := io.StringIO())
        exits = Exits(house, chat, pagers, log)

        @settings(
            max_examples=8,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        @given(picks=st.lists(st.tuples(st.sampled_from(PLACES), st.integers(0, 10_000)), min_size=3, max_size=3))
        def any_key_anywhere(picks: list[tuple[tuple[Any, str], int]]) -> None:
            messages = []
            for (book, place), pick in picks:
                family = book.FAMILIES[pick % len(book.FAMILIES)]
                made = (first.Made if book is first else second.Row)(
                    random.Random(f"{pick} {exits.numbers} {len(messages)}")
                )
                if family.named and place in ("screen", "vendor"):
                    place = "env" if book is first else "config"  # nothing names the key there
                messages.append(book.PLACES[place](made, family))
                for key, public in zip(made.secrets, made.pub, strict=True):
                    exits.secret |= runs(key, public)
            runner.run(exits.paste("\n".join(messages)))

        try:
            any_key_anywhere()
            for exit, text in runner.run(exits.everything()).items():
                assert len(text) > 200, f"nothing went out by {exit}"
                pieces = {text[i : i + WIDTH] for i in range(len(text) - WIDTH + 1)}
                leaked = exits.secret & pieces
                assert not leaked, [
                    text[max(0, text.index(run) - 60) : text.index(run) + 60] for run in sorted(leaked)[:3]
                ]
        finally:
            runner.run(building.__aexit__(None, None, None))
            runner.run(pagers.__aexit__())


async def test_no_key_is_in_a_childs_arguments_or_environment(tmp_path: Path) -> None:
    """The only programs that are started are the engines' own restart commands."""
    environ = {
        name: made_up("sk-", 40) for name in ("DEEPSEEK_API_KEY", "SLACK_BOT_TOKEN", "PAGERDUTY_ROUTING_KEY", "A_KEY_2")
    }
    async with demo_house(Settings(_env_file=None), "en", "UTC") as house:  # type: ignore[call-arg]
        restart = Restart(house.web, house.clock, house.gate, {"PATH": "/usr/bin:/bin", **environ})
        script = f"cat /proc/$$/cmdline /proc/$$/environ > {tmp_path}/seen"
        taken = await restart.take_up(
            Engine("query", "QueryEngine", None, "QUERY_ENGINE", restart=("sh", "-c", script))
        )
    seen = (tmp_path / "seen").read_text()
    assert taken.ok
    assert "PATH=" in seen
    assert not [run for key in environ.values() for run in runs(key, 3) if run in seen]
