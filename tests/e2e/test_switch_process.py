"""The chain and the switch as people meet them: the bot is a process between Slack, Telegram, a BettaFish and a provider."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot.redaction.gate import Gate
from bot.store.store import SqlStore
from tests.conftest import made_up
from tests.e2e.harness import ADMIN, SUPPORT, BotProcess
from tests.worlds.bettafish import BettaFishWorld, ProviderWorld
from tests.worlds.slack import Message, SlackWorld
from tests.worlds.telegram import TelegramWorld

SLACK_OPS = [f"U0OP{n:02}" for n in range(25)]
TELEGRAM_OPS = [2000 + n for n in range(25)]
KEYS = ("MAIN", "SPARE", "POOR", "THIRD")


@dataclass
class House:
    folder: Path
    app: Path
    original: bytes
    keys: dict[str, str]
    slack: SlackWorld
    telegram: TelegramWorld
    fish: BettaFishWorld
    provider: ProviderWorld
    bot: BotProcess
    lines: list[str] = field(default_factory=list)

    def stands(self, name: str) -> tuple[str, ...]:
        """Which keys the file holds, by their names in this test."""
        text = self.app.read_text()
        return tuple(key for key in KEYS if f"{name}_ENGINE_API_KEY={self.keys[key]}" in text)

    async def in_slack(self, *parts: str, button: str = "") -> Message:
        return await self.slack.wait_for(
            lambda m: (
                m.channel == "C0SUPPORT"
                and all(part in self.slack.render_text(m) for part in parts)
                and button in " ".join(m.action_ids)
            ),
            15,
        )

    async def in_telegram(self, *parts: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            seen = reversed(self.telegram.seen(SUPPORT))
            return next((m for m in seen if all(part in str(m.get("text", "")) for part in parts)), None)

        found: dict[str, Any] = await self.telegram.until(look, 15)
        return found

    def note(self, what: str) -> None:
        """A line of the transcript."""
        self.lines.append(f"=== {what}")

    def keep(self) -> None:
        said = [
            f"[slack {m.channel}] {self.slack.render_text(m)}\n  buttons: {m.labels}" for m in self.slack.from_bot()
        ]
        said += [f"[telegram {SUPPORT}] {m.get('text', '')}" for m in self.telegram.seen(SUPPORT)]
        text = "\n\n".join([*self.lines, *said])
        (self.folder / "transcript.txt").write_text(text, encoding="utf-8")

    async def audits(self) -> list[tuple[str, str, str, str]]:
        store = SqlStore(f"sqlite+aiosqlite:///{self.folder}/var/quotadesk.db", Gate(b"test"))
        await store.open()
        try:
            return [(e.what, e.subject, e.who, e.result) for e in await store.audits(limit=500)]
        finally:
            await store.close()

    async def breaker(self, route: str) -> tuple[str, str] | None:
        """(what it needs, its cause), or None where the route is not out."""
        store = SqlStore(f"sqlite+aiosqlite:///{self.folder}/var/quotadesk.db", Gate(b"test"))
        await store.open()
        try:
            fact = await store.get_fact(f"breaker:{route}")
            return (fact["needs"], fact["cause"]) if fact else None
        finally:
            await store.close()

    async def later(self, minutes: int) -> None:
        """What the chain has stored is so much older: no test waits for ten minutes."""
        store = SqlStore(f"sqlite+aiosqlite:///{self.folder}/var/quotadesk.db", Gate(b"test"))
        await store.open()
        try:
            back = timedelta(minutes=minutes)
            for key, value in (await store.facts("moved:")).items():
                at = datetime.fromisoformat(value)
                await store.set_fact(key, (at - back).isoformat(), at)
            for key, value in (await store.facts("breaker:")).items():
                at = datetime.fromisoformat(value["since"])
                until = value["until"] and (datetime.fromisoformat(value["until"]) - back).isoformat()
                await store.set_fact(key, {**value, "until": until}, at)
            for key, value in (await store.facts("owed:")).items():
                at = datetime.fromisoformat(value["held_until"])
                await store.set_fact(key, {**value, "held_until": (at - back).isoformat()}, at)
        finally:
            await store.close()


def team_file(app: Path, provider: str, fish: str) -> str:
    lines = ['language = "en"']
    for key in KEYS:
        lines += [f"[routes.{key.lower()}]", 'provider = "deepseek"', f'base_url = "{provider}/v1"']
        lines += ['model = "deepseek-chat"', f'key_env = "{key}_API_KEY"']
    engines = (
        ("query", "main", "auto", ""),
        ("media", "poor", "ask", ""),
        ("insight", "third", "off", "protected = true"),
    )
    for name, first, mode, more in engines:
        lines += [f"[engines.{name}]", f'title = "{name.title()}Engine"', f'env_file = "{app}"']
        lines += [
            f'env_prefix = "{name.upper()}_ENGINE"',
            f'routes = ["{first}", "spare"]',
            f'failover = "{mode}"',
            more,
        ]
        lines += [f'bettafish = {{ url = "{fish}", app = "{name}" }}']
    operators = ["slack:U0ADMIN", "slack:U0ALICE", f"telegram:{ADMIN}"]
    operators += [f"slack:{u}" for u in SLACK_OPS] + [f"telegram:{u}" for u in TELEGRAM_OPS]
    lines += ["[access]", f"operators = {operators!r}".replace("'", '"'), 'slack_team = "T0TEAM"']
    lines += [
        f"telegram_chats = [{SUPPORT}, {ADMIN}]",
        "[support]",
        f'chats = ["slack:C0SUPPORT", "telegram:{SUPPORT}"]',
    ]
    return "\n".join(lines) + "\n"


@contextlib.asynccontextmanager
async def house(folder: Path, *, forked: bool = False, stuck: bool = False) -> AsyncIterator[House]:
    """`stuck`: no restart gets further than its first step, until `fish.reads_log` is set."""
    app = folder / "app" / ".env"
    app.parent.mkdir()
    keys = {name: made_up("sk-", 32) for name in KEYS}
    async with (
        ProviderWorld() as provider,
        BettaFishWorld(app) as fish,
        SlackWorld() as slack,
        TelegramWorld() as telegram,
    ):
        provider.money = {keys["MAIN"]: "0.00", keys["SPARE"]: "120.35", keys["POOR"]: "0.00", keys["THIRD"]: "30.00"}
        rows = ["# BettaFish", ""]
        for name, key in (("QUERY", "MAIN"), ("MEDIA", "POOR"), ("INSIGHT", "THIRD")):
            rows += [f"{name}_ENGINE_API_KEY={keys[key]}", f"{name}_ENGINE_BASE_URL={provider.url}/v1"]
            rows += [f"{name}_ENGINE_MODEL_NAME=deepseek-chat", ""]
        app.write_text("\n".join(rows))
        fish.running("query")
        if stuck:
            fish.reads_log.clear()
        for user in SLACK_OPS:
            slack.add_user(user, user)
        telegram.person(ADMIN, "Ada", language="en", started=True)
        for person in TELEGRAM_OPS:
            telegram.person(person, f"Op {person}", language="en", started=True)
        telegram.group(SUPPORT, "support", members=(ADMIN, *TELEGRAM_OPS))
        (folder / "quotadesk.toml").write_text(team_file(app, provider.url, fish.url), encoding="utf-8")
        environ = {f"{name}_API_KEY": key for name, key in keys.items()} | {
            "CONFIG_FILE": str(folder / "quotadesk.toml"),
            "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/var/quotadesk.db",
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_API_URL": slack.api_url,
            "SLACK_SIGNING_SECRET": slack.signing_secret,
            "TELEGRAM_BOT_TOKEN": telegram.token,
            "TELEGRAM_API_URL": telegram.url,
        }
        bot = BotProcess(folder, environ, forked=forked)
        slack.events_url = f"{bot.url}/slack/events"
        made = House(folder, app, app.read_bytes(), keys, slack, telegram, fish, provider, bot)
        try:
            assert await fish.work("query") == 402
            await bot.start()
            yield made
        finally:
            made.keep()
            if bot.process and bot.process.returncode is None:
                await bot.stop()
        out = "".join(bot.output) + "".join(slack.render_text(m) for m in slack.from_bot()) + telegram.bodies().decode()
        assert [name for name, key in keys.items() if key[6:] in out] == []


async def test_a_402_moves_the_engine_and_a_recovery_brings_it_home(tmp_path: Path) -> None:
    async with house(tmp_path, forked=True) as h:
        h.note("the account of main is empty; QueryEngine is on auto")
        in_slack = await h.in_slack("QueryEngine was moved by itself: main → spare", button="switch.undo")
        in_telegram = await h.in_telegram("QueryEngine was moved by itself: main → spare")
        for text in (h.slack.render_text(in_slack), in_telegram["text"]):
            for part in (
                "the balance is used up",
                "the same price list",
                "goes back to main by itself",
            ):
                assert part.lower() in text.lower(), (part, text)
        assert h.stands("QUERY") == ("SPARE",)
        # The real proof: the sub-app was stopped and started in this order, and its next request is paid by the new key.
        turns = [path for path in h.fish.asked if "/api/st" in path and "status" not in path]
        assert turns == ["/api/stop/query", "/api/start/query"]
        h.fish.apps["query"].status = "running"
        assert await h.fish.work("query") == 200
        assert h.fish.apps["query"].settings["QUERY_ENGINE_API_KEY"] == h.keys["SPARE"]
        assert h.fish.apps["media"].starts == 0

        h.note("killed; meanwhile the money comes back")
        await h.bot.kill()
        h.provider.money[h.keys["MAIN"]] = "200.00"
        await h.later(20)
        await h.bot.start()
        await h.in_slack("QueryEngine went back by itself: spare → main")
        await h.in_telegram("QueryEngine went back by itself: spare → main")
        assert h.app.read_bytes() == h.original
        h.fish.apps["query"].status = "running"
        assert await h.fish.work("query") == 200
        moved = [m for m in h.slack.from_bot() if "was moved by itself" in h.slack.render_text(m)]
        assert len(moved) == 1

        h.note("a 402 is pasted while the account has money: nothing is believed")
        pasted = "[Insight Engine Streamlit App] Error code: 402 - {'error': {'message': 'Insufficient Balance'}}"
        await h.slack.slash("U0ADMIN", "C0SUPPORT", "/diagnose", pasted)
        answer = await h.slack.wait_for(lambda m: "diagnose.again" in " ".join(m.action_ids), 30)
        assert await h.breaker("third") is None
        h.note("checked again when the account is empty: proved, so its route is out, and people hear of it")
        h.provider.money[h.keys["THIRD"]] = "0.00"
        async with asyncio.timeout(120):
            while await h.breaker("third") is None:  # a figure that is only seconds old is not asked for again
                await h.slack.press("U0ADMIN", answer, "diagnose.again")
                await asyncio.sleep(0.5)
        said = await h.in_slack("InsightEngine: third is out", "automatic fallback is off")
        await h.in_telegram("InsightEngine: third is out", "automatic fallback is off")
        assert "the balance is used up" in h.slack.render_text(said)
        assert await h.breaker("third") == ("balance", "balance_exhausted")
        assert h.stands("INSIGHT") == ("THIRD",)
        await h.slack.slash("U0ADMIN", "C0SUPPORT", "/switch", "")
        await h.in_slack("third is out")
        await h.bot.stop()
        done = [entry for entry in await h.audits() if entry[:2] == ("switch", "query") and entry[3] == "done"]
        assert [who for _, _, who, _ in done] == ["quotadesk", "quotadesk"]


async def test_killed_in_the_middle_of_a_move_it_is_still_said(tmp_path: Path) -> None:
    async with house(tmp_path, stuck=True) as h:
        async with asyncio.timeout(120):
            while not any("/api/output/query" in path for path in h.fish.asked):
                await asyncio.sleep(0.01)
        await h.bot.kill()  # the file is new, the sub-app not restarted yet, nobody told
        assert [m for m in h.slack.from_bot() if "moved by itself" in h.slack.render_text(m)] == []
        assert h.stands("QUERY") == ("SPARE",)
        h.fish.reads_log.set()
        await h.later(2)
        await h.bot.start()
        said = await h.in_slack("QueryEngine was moved by itself: main → spare", button="switch.undo")
        assert "I was interrupted before I could restart QueryEngine" in h.slack.render_text(said)
        await h.in_telegram("QueryEngine was moved by itself: main → spare", "restart it yourself")
        await h.slack.press("U0ADMIN", said, "switch.undo")
        await h.slack.until(lambda: h.app.read_bytes() == h.original, 10)
        await h.bot.stop()
        audits = [entry for entry in await h.audits() if entry[1] == "query"]
        assert ("recover", "query", "quotadesk", "done") in audits
        assert len([m for m in h.slack.from_bot() if "moved by itself" in h.slack.render_text(m)]) <= 1


async def test_fifty_operators_on_two_platforms_and_one_wins(tmp_path: Path) -> None:
    async with house(tmp_path, forked=True) as h:
        in_slack = await h.in_slack("MediaEngine: poor is out", "Switch?", button="switch.confirm")
        in_telegram = await h.in_telegram("MediaEngine: poor is out", "Switch?")
        assert h.stands("MEDIA") == ("POOR",)
        h.note("50 operators press Confirm at once")
        pressed = await asyncio.gather(
            *(h.slack.press(user, in_slack, "switch.confirm") for user in SLACK_OPS),
            *(h.telegram.press(user, in_telegram, "Confirm switch") for user in TELEGRAM_OPS),
        )
        assert len(pressed) == 50

        def told() -> int:
            private = {m.only_for for m in h.slack.from_bot() if m.only_for in SLACK_OPS}
            alerts = [c for c in h.telegram.called("answerCallbackQuery") if b"text" in c.raw]
            late = [person for person in TELEGRAM_OPS if h.telegram.seen(person)]  # their spinner has ended before
            return len(private) + len(alerts) + len(late)

        await h.slack.until(lambda: told() >= 49, 30)
        await h.slack.until(lambda: h.stands("MEDIA") == ("SPARE",), 10)
        assert told() == 49
        # MediaEngine was stopped before, so it stays stopped.
        assert [path for path in h.fish.asked if path.endswith("/media")] == []
        assert h.fish.apps["media"].status == "stopped"

        h.note("InsightEngine is protected: a second person must confirm")
        before = h.stands("INSIGHT")
        await h.slack.slash("U0ADMIN", "C0SUPPORT", "/switch", "insight spare")
        plan = await h.in_slack("InsightEngine: third → spare", button="switch.confirm")
        await h.slack.press("U0ADMIN", plan, "switch.confirm")
        await h.slack.wait_for(lambda m: m.only_for == "U0ADMIN" and "another operator" in h.slack.render_text(m), 10)
        assert h.stands("INSIGHT") == before
        await h.slack.press("U0ALICE", plan, "switch.confirm")
        await h.slack.until(lambda: h.stands("INSIGHT") == ("SPARE",), 10)
        await h.slack.until(lambda: "switch.undo" in " ".join(plan.action_ids), 10)
        await h.bot.stop()
        audits = await h.audits()
        assert len([a for a in audits if a[:2] == ("switch", "media") and a[3] == "done"]) == 1
        assert [a[2] for a in audits if a[:2] == ("switch", "insight") and a[3] == "done"] == ["slack:U0ALICE"]
