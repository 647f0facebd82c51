"""Both platforms' other end, as light as it can be, and the load: people who type and wait for the answer.

The server under test is another process; it talks to this one over loopback.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import os
import secrets
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

ROOT = Path(__file__).resolve().parent.parent
TICK = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Samples:
    """Seconds of each acknowledgement and each full answer, and what the server used for them."""

    acks: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    wall: float = 0.0
    cpu: float = 0.0

    def add(self, other: Samples) -> None:
        self.acks += other.acks
        self.answers += other.answers
        self.wall += other.wall
        self.cpu += other.cpu

    @property
    def per_second(self) -> float:
        return len(self.answers) / self.wall

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds of the server for one answer."""
        return self.cpu / len(self.answers) * 1000


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass
class Process:
    """A server under test."""

    arguments: list[str]
    environ: Mapping[str, str]
    folder: Path
    port: int
    process: asyncio.subprocess.Process | None = None
    started_s: float = 0.0

    async def start(self, ready: str) -> None:
        begun = time.monotonic()
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self.arguments,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(self.folder), **self.environ},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=None if os.environ.get("BENCH_LOG") else asyncio.subprocess.DEVNULL,
        )
        async with aiohttp.ClientSession() as client, asyncio.timeout(60):
            while True:
                if self.process.returncode is not None:
                    raise RuntimeError(f"{self.arguments} ended at once; BENCH_LOG=1 shows why")
                try:
                    async with client.get(f"http://127.0.0.1:{self.port}{ready}") as answer:
                        if answer.status == 200:
                            break
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.005)
        self.started_s = time.monotonic() - begun

    def cpu(self) -> float:
        """Seconds of CPU since its start, user and system."""
        assert self.process
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    async def rest(self) -> None:
        """Until it has used next to no CPU for a second."""
        async with asyncio.timeout(60):
            used = -1.0
            while self.cpu() - used > 0.03:
                used = self.cpu()
                await asyncio.sleep(1.0)

    def memory(self) -> float:
        """Resident megabytes now."""
        assert self.process
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("no VmRSS")

    async def stop(self) -> None:
        if self.process and self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), 15)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()


class Peers:
    """Slack and Telegram in one small server. An answer is known by its response URL or its chat."""

    def __init__(self) -> None:
        self.slack_secret = secrets.token_hex(16)
        self.slack_token = "xoxb-" + secrets.token_hex(20)
        self.telegram_token = f"{secrets.randbelow(10**9) + 10**9}:AA" + secrets.token_hex(17)[:33]
        self.hook_secret = secrets.token_hex(16)
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._count = itertools.count(1)
        self._menus: dict[str, Any] = {}
        self.last_answer = 0.0  # perf_counter of the newest message at a response URL or by the Web API
        # Key of the asker, the text, and whether it is a new message (not an edit): for those who count.
        self.heard: Callable[[str, str, bool], None] = lambda key, text, new: None

    async def __aenter__(self) -> Peers:
        app = web.Application(client_max_size=20_000_000)
        app.router.add_post("/response/{id}", self._response)
        app.router.add_route("*", "/api/{method}", self._slack)
        app.router.add_route("*", "/bot{token}/{method}", self._telegram)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, backlog=512).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._client = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()
        await self._runner.cleanup()

    @property
    def settings(self) -> dict[str, str]:
        """Both platforms, HTTP and webhook. The webhook's public address is only ever told to this server."""
        return {
            "SLACK_BOT_TOKEN": self.slack_token,
            "SLACK_SIGNING_SECRET": self.slack_secret,
            "SLACK_API_URL": f"{self.url}/api/",
            "TELEGRAM_BOT_TOKEN": self.telegram_token,
            "TELEGRAM_API_URL": self.url,
            "TELEGRAM_WEBHOOK_URL": "https://desk.example.com/telegram/webhook",
            "TELEGRAM_WEBHOOK_SECRET": self.hook_secret,
        }

    # --- the platforms' servers

    def _arrived(self, key: str) -> None:
        waiting = self._waiting.pop(key, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    async def _response(self, request: web.Request) -> web.Response:
        raw = await request.read()
        self.last_answer = time.perf_counter()
        self.heard(request.match_info["id"], raw.decode(), b'"replace_original": true' not in raw)
        self._arrived(request.match_info["id"])
        return web.Response(text="ok")

    async def _slack(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        form = await request.post()
        if method == "auth.test":
            body: dict[str, Any] = {"ok": True, "user_id": "U0BOT", "bot_id": "B0BOT", "team_id": "T0TEAM"}
        elif method == "users.info":
            user = {"id": form.get("user"), "locale": "en-US", "tz": "Europe/Berlin", "team_id": "T0TEAM"}
            body = {"ok": True, "user": {**user, "name": "p", "real_name": "P", "profile": {"display_name": "P"}}}
        else:
            body = {"ok": True, "ts": f"1700000000.{next(self._count):06}", "channel": {"id": "D0"}}
        return web.json_response(body)

    async def _telegram(self, request: web.Request) -> web.Response:
        method = request.match_info["method"].lower()
        raw = await request.read()
        if request.content_type == "application/json":
            params = json.loads(raw or b"{}")
        else:
            params = dict(await request.post()) if raw else {}
        result: Any = True
        if method == "getme":
            own = int(self.telegram_token.split(":")[0])
            result = {"id": own, "is_bot": True, "first_name": "Desk", "username": "quotadesk_bot"}
        elif method in ("setmycommands", "getmycommands"):
            key = f"{params.get('scope')} {params.get('language_code')}"
            if method.startswith("set"):
                self._menus[key] = params["commands"]
            else:
                result = self._menus.get(key, [])
        elif method == "getwebhookinfo":
            result = {"url": self.settings["TELEGRAM_WEBHOOK_URL"], "pending_update_count": 0}
        elif method.startswith(("send", "edit")) and "chat_id" in params:
            chat = int(params["chat_id"])
            result = {"message_id": next(self._count), "date": 1700000000, "chat": {"id": chat, "type": "private"}}
            if method == "sendchataction":
                result = True
            else:
                self.heard(f"chat {chat}", str(params.get("text", "")), method.startswith("send"))
                self._arrived(f"chat {chat}")
        return web.json_response({"ok": True, "result": result})

    # --- the people

    async def _timed(
        self, key: str, url: str, body: bytes, headers: dict[str, str], out: Samples, *, times: int = 1
    ) -> None:
        """`times`: so often it is delivered, as platforms do that have not seen the acknowledgement."""
        waiting = self._waiting[key] = asyncio.get_running_loop().create_future()
        start = time.perf_counter()
        for _ in range(times):
            async with self._client.post(url, data=body, headers=headers) as answer:
                await answer.read()
                if answer.status != 200:
                    raise RuntimeError(f"the server answered {answer.status}")
        out.acks.append(time.perf_counter() - start)
        await asyncio.wait_for(waiting, 30)
        out.answers.append(time.perf_counter() - start)

    async def slash(
        self, url: str, worker: int, command: str, text: str, out: Samples, *, times: int = 1, key: str = ""
    ) -> None:
        """One slash command, from sending to the full answer at its response URL."""
        key = key or secrets.token_urlsafe(12)
        form = {
            "token": "deprecated",
            "command": command,
            "text": text,
            "response_url": f"{self.url}/response/{key}",
            "trigger_id": f"{next(self._count)}.{key}",
            "user_id": f"U0P{worker:03}",
            "user_name": "p",
            "team_id": "T0TEAM",
            "team_domain": "team",
            "channel_id": "C0TEAM",
            "channel_name": "team",
            "api_app_id": "A0APP",
            "is_enterprise_install": "false",
        }
        await self._signed(key, url, form, out, times=times)

    async def press(self, url: str, worker: int, action: str, value: str, out: Samples) -> None:
        """A button of a message that only this person sees, from pressing to the full answer at its response URL."""
        key = secrets.token_urlsafe(12)
        payload = {
            "type": "block_actions",
            "user": {"id": f"U0P{worker:03}", "username": "p", "team_id": "T0TEAM"},
            "container": {
                "type": "message",
                "message_ts": f"1700000000.{next(self._count):06}",
                "channel_id": "C0TEAM",
                "is_ephemeral": True,
            },
            "team": {"id": "T0TEAM", "domain": "team"},
            "channel": {"id": "C0TEAM", "name": "team"},
            "trigger_id": f"{next(self._count)}.{key}",
            "response_url": f"{self.url}/response/{key}",
            "actions": [
                {
                    "type": "button",
                    "action_id": action,
                    "block_id": "b",
                    "value": value,
                    "text": {"type": "plain_text", "text": action},
                    "action_ts": f"{time.time():.6f}",
                }
            ],
        }
        await self._signed(key, url, {"payload": json.dumps(payload)}, out)

    async def _signed(self, key: str, url: str, form: Mapping[str, str], out: Samples, times: int = 1) -> None:
        raw, stamp = urlencode(form).encode(), str(int(time.time()))
        mac = hmac.new(self.slack_secret.encode(), b"v0:" + stamp.encode() + b":" + raw, hashlib.sha256)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={mac.hexdigest()}",
        }
        await self._timed(key, url, raw, headers, out, times=times)

    async def update(self, url: str, worker: int, text: str, out: Samples, *, times: int = 1) -> None:
        """One Telegram update, from delivery to the message that answers it."""
        number = next(self._count)
        person = {"id": 5000 + worker, "is_bot": False, "first_name": "P", "language_code": "en"}
        length = len(text.split()[0])
        message = {
            "message_id": number,
            "date": int(time.time()),
            "chat": {"id": 5000 + worker, "type": "private", "first_name": "P"},
            "from": person,
            "text": text,
            "entities": [{"type": "bot_command", "offset": 0, "length": length}],
        }
        raw = json.dumps({"update_id": 7_000_000 + number, "message": message}).encode()
        headers = {"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": self.hook_secret}
        await self._timed(f"chat {5000 + worker}", url, raw, headers, out, times=times)


async def load(one: Callable[[int, Samples], Awaitable[None]], server: Process, *, workers: int, count: int) -> Samples:
    """`count` requests by `workers` people, each of whom waits for the answer before the next question."""
    out, left = Samples(), iter(range(count))

    async def person(number: int) -> None:
        for _ in left:
            await one(number, out)

    cpu, start = server.cpu(), time.perf_counter()
    await asyncio.gather(*(person(number) for number in range(workers)))
    out.wall, out.cpu = time.perf_counter() - start, server.cpu() - cpu
    return out
