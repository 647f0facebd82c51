"""`make chaos`: the bot is killed and hindered while people use it. Ends with 1 if a ticket, a step or an answer was lost or a
call came twice unmarked.

    python -m bench.chaos [--seconds 150] [--seed 1] [--database sqlite|postgres] [--only-restarts]

The bot is a process between a local Slack (HTTP), a local Telegram (polling), a local PagerDuty and local providers. In turns:
`kill -9`; SIGTERM under load (it has to be gone within 10 s, and whatever it had accepted answered); platforms that answer 429 or
500, hang, or carry a call out and lose the answer; providers that refuse every key; a database that somebody else holds; a disk
that is full (SQLite, where a small file system can be mounted); connections to the database that are cut (PostgreSQL); an
application file that cannot be written. With PostgreSQL two replicas stand behind a balancer, a kill strikes one of them, and
SIGTERM is a rolling restart: one after the other. `--only-restarts` leaves out kills and faults: then nothing may be refused
either. Not tried here: a clock that jumps (tests/bot/services).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import re
import secrets
import subprocess
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from bench.balancer import Balancer
from bot.demo import team as demo
from bot.demo.world import DemoKeys, DemoWorld
from bot.store import tables
from tests.databases import Server
from tests.e2e.harness import GROUP, SUPPORT, BotProcess, Scene, team_file
from tests.worlds.pagers import PagerWorld
from tests.worlds.slack import Message, SlackWorld
from tests.worlds.telegram import TelegramWorld

TROUBLES = (
    "Error code: 402 - {'error': {'message': 'Insufficient Balance', 'type': 'unknown_error'}}",
    "Error code: 401 - {'error': {'message': 'Incorrect API key provided', 'code': 'invalid_api_key'}}",
    "Error code: 404 - {'error': {'message': 'The model `deepseek-v9` does not exist', 'code': 'model_not_found'}}",
    "Error code: 403 - {'error': {'message': 'Your account has been deactivated', 'code': 'account_deactivated'}}",
)
NOT_KEPT = "Nothing was kept"  # said where the database would not have it: the person knows, and asks again
DISK_MB = 24
MARK = "May have arrived twice"  # said by a note whose first copy may have arrived
GRACE_S = 14.0  # what was asked this long before a kill may be cut off by it
DRAIN_S = 10.0
OWNER = "platform team"


@dataclass
class Asked:
    """One command of one person, who asks nothing else."""

    platform: str
    who: str
    at: float
    accepted: bool
    kind: str = "command"
    answered: bool = False


@dataclass
class Tally:
    asked: list[Asked] = field(default_factory=list)
    kills: list[float] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    drains: list[float] = field(default_factory=list)
    tickets: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    marked: int = 0
    pages: int = 0
    leaks: int = 0
    told_to_repeat: int = 0
    gaps: int = 0  # refused although nothing had been killed

    def cut_off(self, one: Asked) -> bool:
        return any(one.at - 1 <= kill <= one.at + GRACE_S for kill in self.kills)

    def counts(self) -> dict[str, int]:
        accepted = [one for one in self.asked if one.accepted]
        unanswered = [one for one in accepted if not one.answered]
        return {
            "commands and presses sent": len(self.asked),
            "refused at the door (the bot was down)": len(self.asked) - len(accepted),
            "accepted": len(accepted),
            "answered": len(accepted) - len(unanswered),
            "cut off by kill -9, to be asked again": sum(self.cut_off(one) for one in unanswered),
            "lost answers": sum(not self.cut_off(one) for one in unanswered),
            "kill -9": len(self.kills),
            "told that nothing was kept, to be asked again": self.told_to_repeat,
            "SIGTERM under load": len(self.drains),
            "drains over 10 s": sum(took > DRAIN_S for took in self.drains),
            "faults": sum(self.faults.values()),
            "tickets": self.tickets,
            "of them paged": self.pages,
            "lost tickets and steps": len(self.lost),
            "notes and calls twice, marked as such": self.marked,
            "notes and calls twice, unmarked": len(self.doubled),
            "secrets that got out": self.leaks,
        }

    @property
    def good(self) -> bool:
        counts = self.counts()
        wrong = ("lost answers", "lost tickets and steps", "notes and calls twice, unmarked", "drains over 10 s")
        return not self.gaps and not any(counts[name] for name in (*wrong, "secrets that got out"))


@dataclass
class Stage:
    scene: Scene
    pager: PagerWorld
    dice: random.Random
    tally: Tally
    replicas: list[BotProcess]
    database: AsyncEngine  # looked at from outside
    disk: Path | None = None  # a small file system that can be filled
    quiet: bool = False  # nobody asks
    gentle: bool = False  # no faults
    calm_s: float = 6.0  # longer than any hang
    escalations: int = 20  # one person in so many; a Telegram group takes twenty messages a minute, a ticket makes four

    # --- people

    async def people(self, every_s: float) -> None:
        """Each one asks once and waits; new ones all the time."""
        running: set[asyncio.Task[None]] = set()
        number = 0
        try:
            while True:
                await asyncio.sleep(every_s * self.dice.uniform(0.5, 1.5))
                if self.quiet:
                    continue
                number += 1
                ask = self._escalation if number % self.escalations == 1 else (self._slack, self._telegram)[number % 2]
                task = asyncio.create_task(ask(number))
                running.add(task)
                task.add_done_callback(running.discard)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _slack(self, number: int) -> None:
        who = f"U0X{number:05}"
        self.scene.slack.add_user(who, f"P{number}")
        command, text = self.dice.choice(
            (("/quota", "help"), ("/diagnose", TROUBLES[0]), ("/quota", "oncall"), ("/balance", ""))
        )
        at = time.monotonic()
        ack = await self.scene.slack.slash(who, "C0TEAM", command, text)
        self.tally.asked.append(Asked("slack", who, at, ack.ok))

    async def _telegram(self, number: int) -> None:
        who = 100_000 + number
        self.scene.telegram.person(who, f"P{number}", started=True)
        at = time.monotonic()
        await self.scene.telegram.say(who, who, self.dice.choice(("/help", f"/diagnose {TROUBLES[1]}", "/balance")))
        self.tally.asked.append(Asked("telegram", str(who), at, True))

    async def _escalation(self, number: int) -> None:
        """Diagnoses, then hands it to a human."""
        slack, who = self.scene.slack, f"U0Y{number:05}"
        slack.add_user(who, f"E{number}")
        engine = self.dice.choice(("query", "media", "solo"))
        at = time.monotonic()
        ack = await slack.slash(
            who, "C0TEAM", "/diagnose", f"{engine} {TROUBLES[0] if engine == 'solo' else self.dice.choice(TROUBLES)}"
        )
        self.tally.asked.append(Asked("slack", who, at, ack.ok))
        with contextlib.suppress(AssertionError):
            answer = await slack.wait_for(
                lambda m: m.only_for == who and "diagnose.escalate" in " ".join(m.action_ids), 20
            )
            await asyncio.sleep(1)  # it may still be edited
            at = time.monotonic()
            press = await slack.press(who, answer, "diagnose.escalate")
            self.tally.asked.append(Asked("slack", who, at, press.ok, "escalation"))

    async def on_call(self) -> None:
        """Alice takes and resolves what stands in the support channel, so that new trouble opens new tickets."""
        while True:
            await asyncio.sleep(2)
            for message in self.notes()[-3:]:
                for verb in ("ticket.ack", "ticket.resolve"):
                    if not self.quiet and any(verb in id for id in message.action_ids):
                        with contextlib.suppress(AssertionError):
                            await self.scene.slack.press("U0ALICE", message, verb)
                        break

    def notes(self) -> list[Message]:
        slack = self.scene.slack
        return [
            m for m in slack.from_bot() if m.channel == "C0SUPPORT" and "ticket." in " ".join(m.action_ids) + str(m.raw)
        ]

    # --- what goes wrong

    async def faults(self) -> None:
        while True:
            await asyncio.sleep(self.dice.uniform(0.4, 1.6))
            if self.gentle or self.quiet:
                continue
            kinds = ["429", "500", "hang", "lose", "keys", "locked", "file"]
            kinds += ["disk"] * (self.disk is not None) + ["cut"] * (len(self.replicas) > 1)
            await self._fault(self.dice.choice(kinds))

    async def _fault(self, kind: str) -> None:
        slack, telegram = self.scene.slack, self.scene.telegram
        method = self.dice.choice(
            ("chat.postMessage", "response_url", "chat.update", "chat.postEphemeral", "users.info")
        )
        self.tally.faults[kind] += 1
        if kind == "429":
            slack.fail(method, retry_after=1, times=2)
            telegram.flood(1)
        elif kind == "500":
            slack.fail(method, status=500, times=2)
            telegram.fail("sendMessage", 502)
        elif kind == "hang":
            slack.fail(method, hang_s=self.dice.uniform(1, self.calm_s - 1))
        elif kind == "lose":
            telegram.lose_answer("sendMessage")
        elif kind == "keys":
            kept, self.scene.providers.keys = self.scene.providers.keys, DemoKeys()
            await asyncio.sleep(2)
            self.scene.providers.keys = kept
        elif kind == "locked":
            await self._hold_database(self.dice.choice((1.0, 2.0, 3.5)))
        elif kind == "disk":
            await self._fill_disk(self.dice.choice((1.0, 2.0)))
        elif kind == "cut":
            await self._cut_connections()
        elif kind == "file":
            folder = self.scene.app_env.parent
            folder.chmod(0o555)
            await asyncio.sleep(1)
            folder.chmod(0o755)

    async def _hold_database(self, seconds: float) -> None:
        with contextlib.suppress(DBAPIError):  # the bot was quicker for five seconds
            async with self.database.connect() as other:
                if self.database.dialect.name == "postgresql":
                    await other.execute(text("LOCK TABLE steps, tickets, deliveries IN ACCESS EXCLUSIVE MODE"))
                else:
                    await other.exec_driver_sql("BEGIN IMMEDIATE")
                await asyncio.sleep(seconds)
                await other.rollback()

    async def _cut_connections(self) -> None:
        async with self.database.connect() as other:
            await other.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
                )
            )

    async def _fill_disk(self, seconds: float) -> None:
        assert self.disk
        ballast = self.disk / "ballast"
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        await asyncio.sleep(seconds)
        ballast.unlink()

    async def kill(self) -> None:
        victim = self.dice.choice(self.replicas)
        self.tally.kills.append(time.monotonic())
        await victim.kill()
        await asyncio.sleep(self.dice.uniform(0, 0.5))
        await victim.start(30)

    async def drain(self) -> None:
        """SIGTERM while people ask, one replica after the other. The platforms are kept well for it: a call that hangs may take
        its ten seconds."""
        self.gentle = True
        await asyncio.sleep(self.calm_s)
        for one in self.replicas:
            start = time.monotonic()
            code = await one.stop()
            self.tally.drains.append(time.monotonic() - start)
            if code:
                self.tally.lost.append(f"SIGTERM ended with {code}")
            await one.start(30)
        self.gentle = False

    # --- the reckoning

    async def _due(self) -> list[str]:
        """Keys of steps that are due or to be tried again soon; reminders are hours away."""
        step = tables.steps.c
        soon = datetime.now(UTC) + timedelta(seconds=45)
        async with self.database.connect() as db:
            return list(await db.scalars(select(step.key).where(step.state == "pending", step.due_at <= soon)))

    async def settle(self, seconds: float) -> None:
        """Until nothing is due any more: leases of killed processes have to run out first."""
        self.quiet = True
        deadline, still = time.monotonic() + seconds, 0
        while time.monotonic() < deadline and still < 4:
            await asyncio.sleep(0.5)
            waiting = [
                one
                for one in self.tally.asked
                if one.platform == "telegram"
                and not self.scene.telegram.seen(int(one.who))
                and not self.tally.cut_off(one)
            ]
            still = 0 if await self._due() or waiting else still + 1

    async def reckon(self) -> None:
        slack, telegram, tally = self.scene.slack, self.scene.telegram, self.tally
        shown: dict[str, list[str]] = defaultdict(list)
        for message in slack.from_bot():
            whose = message.only_for or (message.channel if message.channel.startswith("D") else "")
            shown[whose].append(slack.render_text(message))
        for one in tally.asked:
            if one.platform == "telegram":
                one.answered = bool(telegram.seen(int(one.who)))
            else:
                texts = shown[one.who] + shown[f"D{one.who[1:]}"]
                one.answered = bool(texts)
                if one.kind == "escalation" and not any("#" in said for said in texts):
                    one.answered = any(NOT_KEPT in said for said in texts)
                    tally.told_to_repeat += one.answered
        tally.lost += [f"still waiting: {key}" for key in await self._due()]
        step = tables.steps.c
        async with self.database.connect() as db:
            stored = set(await db.scalars(select(tables.tickets.c.id)))
            failed = (await db.execute(select(step.key, step.result).where(step.result.like("failed%")))).all()
        tally.tickets = len(stored)
        tally.lost += [f"given up: {key} {result}" for key, result in failed if ":renew:" not in key]
        told = {int(n) for texts in shown.values() for said in texts for n in re.findall(r"#(\d+)", said)}
        tally.lost += [f"told #{n}, which is not stored" for n in told - stored]
        copies: Counter[tuple[str, int]] = Counter()
        for message in self.notes():
            copies.update(("slack", number) for number in _numbers(slack.render_text(message)))
        for note in telegram.seen(SUPPORT):
            copies.update(("telegram", number) for number in _numbers(str(note.get("text", ""))))
        # Several that waited come as one list, which has no buttons.
        lists = [slack.render_text(m) for m in slack.from_bot() if m.channel == "C0SUPPORT"]
        reached = {*copies, *(("slack", number) for said in lists for number in _numbers(said))}
        # As they were sent: a later edit takes the mark away.
        marked = {
            ("slack", n) for e in slack.transcript if e.direction == "bot" and MARK in e.body for n in _numbers(e.body)
        }
        marked |= {("telegram", n) for c in telegram.calls if MARK in str(c.params) for n in _numbers(str(c.params))}
        for id in stored:
            for place in ("slack", "telegram"):
                if (place, id) not in reached:
                    tally.lost.append(f"#{id} never reached {place}")
                elif copies[(place, id)] > 1 and (place, id) in marked:
                    tally.marked += 1
                elif copies[(place, id)] > 1:
                    tally.doubled.append(f"#{id} {copies[(place, id)]} times in {place}")
        calls = Counter(n for m in slack.from_bot() if m.channel == "D0ALICE" for n in _numbers(slack.render_text(m)))
        for id, times in calls.items():
            if times > 1 and ("slack", id) in marked:
                tally.marked += 1
            elif times > 1:
                tally.doubled.append(f"Alice was called {times} times for #{id}")
        pages = Counter((event["event_action"], event["dedup_key"]) for event in self.pager.events)
        tally.pages = sum(action == "trigger" for action, _ in pages)
        for other in self.replicas[1:]:
            self.scene.bot.output += other.output
        tally.leaks = len(self.scene.leaks(self.scene.planted()))


def _numbers(text: str) -> set[int]:
    """Of a note, or of several that came as one list."""
    return {int(number) for number in re.findall(r"#(\d+)", text)}


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A file system of a few megabytes at `folder`; None where none may be mounted."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=700", "none", str(folder)]
    try:
        mounted = subprocess.run(["mount", *options], capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    try:
        yield folder if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.asynccontextmanager
async def database(folder: Path, which: str) -> AsyncIterator[tuple[str, int, Path | None]]:
    """Its URL, how many replicas share it, and its disk where that can be filled."""
    if which == "sqlite":
        with small_disk(folder / "var") as disk:
            yield f"sqlite+aiosqlite:///{folder}/var/quotadesk.db", 1, disk
        return
    server = await asyncio.to_thread(Server.start)
    if server is None:
        raise SystemExit("no PostgreSQL on this machine")
    try:
        yield await server.new_database(), 2, None
    finally:
        await asyncio.to_thread(server.stop)


@contextlib.asynccontextmanager
async def stage(folder: Path, seed: int, which: str) -> AsyncIterator[Stage]:
    providers = DemoWorld()
    await providers.start()
    try:
        async with (
            SlackWorld() as slack,
            TelegramWorld() as telegram,
            PagerWorld(secrets.token_hex(16)) as pager,
            database(folder, which) as (url, count, disk),
        ):
            telegram.group(GROUP, "team")
            telegram.person(1001, "Ada", started=True)
            telegram.group(SUPPORT, "support", members=(1001,))
            app_env = folder / "app" / ".env"
            keys = demo.environment(providers)
            demo.write_env(demo.team(providers, folder), keys, app_env)
            team = team_file(providers, app_env, language="en")
            team = re.sub(r"members = .*", 'members = ["slack:*", "telegram:*"]', team)
            # No other way out: its trouble calls somebody.
            written = app_env.read_text(encoding="utf-8")
            own = [line for line in written.splitlines() if line.startswith("QUERY_ENGINE_")]
            app_env.write_text(
                written + "\n".join(own).replace("QUERY_ENGINE_", "SOLO_ENGINE_") + "\n", encoding="utf-8"
            )
            team += '[engines.solo]\ntitle = "SoloEngine"\nroutes = ["deepseek-main"]\n'
            team += f'env_file = "{app_env}"\nenv_prefix = "SOLO_ENGINE"\n'
            (folder / "quotadesk.toml").write_text(team, encoding="utf-8")
            environ = {
                **keys,
                "CONFIG_FILE": str(folder / "quotadesk.toml"),
                "DATABASE_URL": url,
                "LOG_LEVEL": "INFO",
                "SLACK_BOT_TOKEN": slack.bot_token,
                "SLACK_API_URL": slack.api_url,
                "SLACK_SIGNING_SECRET": slack.signing_secret,
                "TELEGRAM_BOT_TOKEN": telegram.token,
                "TELEGRAM_API_URL": telegram.url,
                "PAGERDUTY_ROUTING_KEY": pager.routing_key,
                "PAGERDUTY_EVENTS_URL": pager.events_url,
            }
            replicas = [BotProcess(folder, environ) for _ in range(count)]
            async with Balancer([one.url for one in replicas]) as balancer:
                slack.events_url = f"{balancer.url}/slack/events"
                engine = create_async_engine(url, poolclass=NullPool)
                for one in replicas:
                    await one.start(30)
                try:
                    scene = Scene(slack, telegram, providers, replicas[0], folder, app_env)
                    yield Stage(scene, pager, random.Random(seed), Tally(), replicas, engine, disk)
                finally:
                    await engine.dispose()
                    for one in replicas:
                        if one.process and one.process.returncode is None:
                            await one.kill()
    finally:
        await providers.stop()


async def run(
    seconds: float,
    *,
    seed: int = 1,
    every_s: float = 0.25,
    pause_s: float = 9.0,
    settle_s: float = 100.0,
    calm_s: float = 6.0,
    escalations: int = 20,
    which: str = "sqlite",
    only_restarts: bool = False,
) -> Tally:
    """`every_s`: a new person; `pause_s`: between two ends of the process. Every third end is a SIGTERM."""
    with tempfile.TemporaryDirectory(prefix="quotadesk-chaos-") as name:
        async with stage(Path(name), seed, which) as on:
            on.calm_s, on.escalations = calm_s, escalations
            work = [on.people(every_s), on.on_call(), *([] if only_restarts else [on.faults()])]
            tasks = [asyncio.create_task(one) for one in work]
            try:
                end, turn = time.monotonic() + seconds, 0
                while time.monotonic() < end:
                    await asyncio.sleep(pause_s * on.dice.uniform(0.6, 1.2))
                    turn += 1
                    await (on.drain() if only_restarts or turn % 3 == 2 else on.kill())
                await on.settle(settle_s)
            finally:
                for task in tasks:
                    task.cancel()
                ended = await asyncio.gather(*tasks, return_exceptions=True)
            for fault in ended:
                if isinstance(fault, Exception):
                    raise fault
            await on.reckon()
            if only_restarts and len(on.replicas) > 1:
                on.tally.gaps = sum(not one.accepted for one in on.tally.asked)
            if keep := os.environ.get("CHAOS_LOG"):
                seen = "\n---\n".join(str(note.get("text")) for note in on.scene.telegram.seen(SUPPORT))
                Path(keep).write_text("".join(on.scene.bot.output) + seen, encoding="utf-8")
            return on.tally


def table(tally: Tally) -> str:
    return "\n".join(
        ["| what | count |", "|---|---:|", *(f"| {name} | {count} |" for name, count in tally.counts().items())]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=150.0, help="of load; up to 100 more to settle")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--only-restarts", action="store_true", help="SIGTERM under load and nothing else")
    options = parser.parse_args()
    work = run(
        min(options.seconds, 180.0), seed=options.seed, which=options.database, only_restarts=options.only_restarts
    )
    tally = asyncio.run(asyncio.wait_for(work, 300))
    print(table(tally))
    for line in [*tally.lost, *tally.doubled][:20]:
        print("-", line)
    for one in tally.asked:
        if one.accepted and not one.answered and not tally.cut_off(one):
            print("- lost answer:", one)
    print(f"faults: {dict(tally.faults)}; drains: {[round(took, 1) for took in tally.drains]} s")
    return 0 if tally.good else 1


if __name__ == "__main__":
    raise SystemExit(main())
