"""The bot as a process of its own, between a local Slack, a local Telegram and local providers. Nothing inside it is touched."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from bot.demo import team as demo
from bot.demo.world import DemoWorld
from tests.e2e.nursery import Born, nursery
from tests.worlds.slack import SlackWorld
from tests.worlds.telegram import TelegramWorld

ROOT = Path(__file__).resolve().parents[2]
_port = itertools.count(os.getpid() * 40)  # parallel workers begin at different places
ADMIN, BOB, STRANGER, GROUP, SUPPORT = 1001, 1002, 1666, -1001, -1009


def free_port() -> int:
    """One that nobody is given by chance before the bot has taken it: below the range which systems hand out by themselves, and
    another one at each call."""
    for _ in range(12_000):
        port = 20_000 + next(_port) % 12_000
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


@dataclass
class BotProcess:
    """`python -m bot run` in its own folder; its whole output is kept to be searched. `forked`: from the nursery, see there."""

    folder: Path
    environ: Mapping[str, str]
    port: int = field(default_factory=free_port)
    output: list[str] = field(default_factory=list)
    forked: bool = False
    process: asyncio.subprocess.Process | Born | None = None
    _reader: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, timeout_s: float = 90.0) -> None:
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "HTTP_HOST": "127.0.0.1",
            "HTTP_PORT": str(self.port),
            "LOG_LEVEL": "DEBUG",
            **self.environ,
        }
        if self.forked:
            self.process = await nursery().start("run", cwd=self.folder, env=environ, merged=True)
        else:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bot",
                "run",
                cwd=self.folder,
                env=environ,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
        self._reader = asyncio.create_task(self._read())
        async with aiohttp.ClientSession() as client, asyncio.timeout(timeout_s):
            while True:
                if self.process.returncode is not None:
                    raise AssertionError("the bot ended:\n" + "".join(self.output[-40:]))
                with contextlib.suppress(aiohttp.ClientError):
                    async with client.get(f"{self.url}/readyz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.05)

    async def _read(self) -> None:
        assert self.process
        assert self.process.stdout
        while line := await self.process.stdout.readline():
            self.output.append(line.decode("utf-8", "replace"))

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process
        assert self._reader
        if self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), 60)
            except TimeoutError:
                self.process.kill()
                raise AssertionError("the bot did not end within a minute:\n" + "".join(self.output[-40:])) from None
        await self._reader
        return self.process.returncode or 0

    async def kill(self) -> None:
        assert self.process
        assert self._reader
        self.process.kill()
        await self.process.wait()
        await self._reader


def toml(team_text: str) -> str:
    return team_text.strip() + "\n"


def team_file(world: DemoWorld, app_env: Path, *, language: str = "zh") -> str:
    """The demo's routes and engines as a team file, open to a few people of both worlds."""
    made = demo.team(world, app_env.parent)
    lines = [f'language = "{language}"', 'timezone = "Asia/Shanghai"']
    for route in made.routes.values():
        lines += [
            f"[routes.{route.name}]",
            f'provider = "{route.provider}"',
            f'base_url = "{route.base_url}"',
            f'model = "{route.model}"',
        ]
        for stem, ref in (("key", route.key), ("account_key", route.account_key), ("account_user", route.account_user)):
            if ref and ref.env:
                lines.append(f'{stem}_env = "{ref.env}"')
        if route.warn_below:
            lines.append("warn_below = { " + ", ".join(f'{c} = "{a}"' for c, a in route.warn_below.items()) + " }")
    for engine in made.engines.values():
        lines += [
            f"[engines.{engine.name}]",
            f'title = "{engine.title}"',
            f'env_file = "{app_env}"',
            f'env_prefix = "{engine.env_prefix}"',
            f"routes = {list(engine.routes)!r}".replace("'", '"'),
            'failover = "ask"',
        ]
        if engine.bettafish_url:
            lines.append(f'bettafish = {{ url = "{engine.bettafish_url}", app = "{engine.bettafish_app}" }}')
    lines += [
        "[access]",
        f'members = ["slack:U0BOB", "telegram:{BOB}"]',
        f'operators = ["slack:U0ADMIN", "slack:U0ALICE", "telegram:{ADMIN}"]',
        'slack_team = "T0TEAM"',
        f"telegram_chats = [{GROUP}, {SUPPORT}, {ADMIN}, {BOB}]",
        "[support]",
        f'chats = ["slack:C0SUPPORT", "telegram:{SUPPORT}"]',
        'owner = "platform team"',
        'environment = "production"',
        "[oncall]",
        'people = ["slack:U0ALICE"]',
        "[people]",
        '"slack:U0ALICE" = "Alice"',
    ]
    return "\n".join(lines) + "\n"


@dataclass
class Scene:
    """Everything around one running bot."""

    slack: SlackWorld
    telegram: TelegramWorld
    providers: DemoWorld
    bot: BotProcess
    folder: Path
    app_env: Path

    def planted(self) -> list[str]:
        """Every secret that the bot holds; none may ever leave it."""
        keys = self.providers.keys
        own = [getattr(keys, name) for name in keys.__dataclass_fields__]
        return [*own, self.slack.bot_token, self.slack.signing_secret, self.slack.app_token, self.telegram.token]

    def exits(self) -> dict[str, str]:
        """Everything that left the bot or stays on disk, as text to be searched."""
        kept = "".join(
            path.read_bytes().decode("utf-8", "replace")
            for path in (self.folder / "var").rglob("*")
            if path.is_file()
            and "backups" not in path.parts  # exact backups of the application's own file hold its keys
        )
        telegram = b"\n".join(call.raw for call in self.telegram.calls).decode("utf-8", "replace")
        return {
            "log": "".join(self.bot.output),
            "disk": kept,
            "slack": "\n".join(entry.body for entry in self.slack.transcript if entry.direction == "bot"),
            "telegram": telegram,
        }

    def leaks(self, secrets: list[str]) -> list[tuple[str, str]]:
        """(exit, first characters) for each run of 12 characters of a secret that got out."""
        found = []
        for name, text in self.exits().items():
            for secret in secrets:
                body = secret.split(":", 1)[-1]
                pieces = {body[i : i + 12] for i in range(max(1, len(body) - 11))}
                if any(piece in text for piece in pieces):
                    found.append((name, secret[:6]))
        return found


@contextlib.asynccontextmanager
async def scene(
    folder: Path,
    *,
    slack: str = "http",
    telegram: str = "polling",
    language: str = "zh",
    amend: Callable[[str], str] = str,
    more: Mapping[str, str] | None = None,
    forked: bool = True,
    proxied: bool = False,
) -> AsyncIterator[Scene]:
    """`slack`: http, socket or off. `telegram`: polling, webhook or off. `amend` changes the team file, `more` are further
    settings. `forked`: the bot comes from the nursery, see there. `proxied`, with one platform only: its address resolves nowhere,
    and the world stands behind it as the HTTP proxy that knows the way."""
    providers = DemoWorld()
    await providers.start()
    try:
        async with SlackWorld() as slack_world, TelegramWorld() as telegram_world:
            telegram_world.person(ADMIN, "Ada", language="zh", started=True)
            telegram_world.person(BOB, "Bob", language="en", started=True)
            telegram_world.person(STRANGER, "Eve", language="en")
            telegram_world.group(GROUP, "team", members=(ADMIN, BOB, STRANGER))
            telegram_world.group(SUPPORT, "support", members=(ADMIN,))
            app_env = folder / "app" / ".env"
            keys = demo.environment(providers)
            demo.write_env(demo.team(providers, folder), keys, app_env)
            config = folder / "quotadesk.toml"
            config.write_text(amend(team_file(providers, app_env, language=language)), encoding="utf-8")
            environ = {
                **keys,
                "CONFIG_FILE": str(config),
                "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/var/quotadesk.db",
                **(more or {}),
            }
            bot = BotProcess(folder, environ, forked=forked)
            if slack != "off":
                environ |= {"SLACK_BOT_TOKEN": slack_world.bot_token, "SLACK_API_URL": slack_world.api_url}
                if slack == "http":
                    environ["SLACK_SIGNING_SECRET"] = slack_world.signing_secret
                    slack_world.events_url = f"{bot.url}/slack/events"
                else:
                    environ["SLACK_APP_TOKEN"] = slack_world.app_token
            if telegram != "off":
                environ |= {"TELEGRAM_BOT_TOKEN": telegram_world.token, "TELEGRAM_API_URL": telegram_world.url}
                if telegram == "webhook":
                    address = "https://desk.example.com/telegram/webhook"
                    telegram_world.public["https://desk.example.com"] = bot.url
                    environ |= {
                        "TELEGRAM_WEBHOOK_URL": address,
                        "TELEGRAM_WEBHOOK_SECRET": "hook-" + os.urandom(12).hex(),
                    }
            if proxied:
                platform, there = ("SLACK", slack_world.api_url) if slack != "off" else ("TELEGRAM", telegram_world.url)
                environ |= {
                    f"{platform}_API_URL": f"http://platform.invalid{urlsplit(there).path}",
                    "CHAT_PROXY": f"http://{urlsplit(there).netloc}",
                }
            bot.environ = environ
            await bot.start()
            try:
                yield Scene(slack_world, telegram_world, providers, bot, folder, app_env)
            finally:
                if bot.process and bot.process.returncode is None:
                    code = await bot.stop()
                    assert code == 0, "".join(bot.output[-40:])
    finally:
        await providers.stop()
