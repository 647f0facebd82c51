"""A small BettaFish on loopback, and a model provider for it to call.

BettaFish keeps what the real one keeps: a sub-app reads `.env` when it starts and never again, start and stop are GET and answer
200 also when they refuse, `GET /api/config` would hold all keys (asking for it is recorded as a fault).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from dotenv import dotenv_values

APPS = {"insight": "INSIGHT_ENGINE", "media": "MEDIA_ENGINE", "query": "QUERY_ENGINE", "forum": "FORUM_HOST"}


class _World:
    def __init__(self) -> None:
        self._server: TestServer | None = None
        self.asked: list[str] = []

    def _app(self) -> web.Application:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        self._server = TestServer(self._app(), host="127.0.0.1")
        await self._server.start_server()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        await self._server.close()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.port}"


@dataclass
class SubApp:
    status: str = "stopped"
    settings: dict[str, str | None] = field(default_factory=dict)  # what it read when it started
    starts: int = 0
    polls: int = 0


class BettaFishWorld(_World):
    """`slow`: so many status answers say "starting" after a start. `refuse`: apps whose stop and start answer success false.
    `reads_log`: whether a log is read; a restart begins with that, so a cleared one stops it before it does anything."""

    def __init__(self, env_file: Path, *, slow: int = 1) -> None:
        super().__init__()
        self._env_file = env_file
        self._slow = slow
        self.apps = {name: SubApp() for name in APPS}
        self.refuse: set[str] = set()
        self.reads_log = asyncio.Event()
        self.reads_log.set()
        self.log = ["[10:39:01] boot", "[10:39:02] | ERROR | QueryEngine.llms.base:stream_invoke:130 - Error code: 402"]

    def start(self, name: str) -> None:
        app = self.apps[name]
        app.status, app.polls = "starting", 0
        app.starts += 1
        app.settings = {k: v for k, v in dotenv_values(self._env_file).items() if k.startswith(APPS[name])}
        if not self._slow:
            app.status = "running"

    async def work(self, name: str) -> int:
        """One request of that engine, with what it read when it started. The status."""
        key, base, model = (
            self.apps[name].settings[f"{APPS[name]}_{part}"] for part in ("API_KEY", "BASE_URL", "MODEL_NAME")
        )
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
        async with (
            ClientSession(headers={"Authorization": f"Bearer {key}"}) as client,
            client.post(f"{base}/chat/completions", json=body) as answer,
        ):
            return answer.status

    def running(self, name: str) -> SubApp:
        self.start(name)
        self.apps[name].status = "running"
        return self.apps[name]

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/status", self._status)
        app.router.add_get("/api/start/{app}", self._start)
        app.router.add_get("/api/stop/{app}", self._stop)
        app.router.add_get("/api/output/{app}", self._output)
        return app

    async def _status(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        for app in self.apps.values():
            if app.status == "starting":
                app.polls += 1
                if app.polls > self._slow:
                    app.status = "running"
        return web.json_response(
            {name: {"status": app.status, "port": 8501, "output_lines": 2} for name, app in self.apps.items()}
        )

    async def _start(self, request: web.Request) -> web.Response:
        return self._turn(request, ("stopped",), lambda name: self.start(name))

    async def _stop(self, request: web.Request) -> web.Response:
        return self._turn(request, ("running", "starting"), lambda name: setattr(self.apps[name], "status", "stopped"))

    def _turn(self, request: web.Request, allowed: tuple[str, ...], act: Any) -> web.Response:
        self.asked.append(request.path)
        name = request.match_info["app"]
        if name not in self.apps or name in self.refuse or self.apps[name].status not in allowed:
            return web.json_response({"success": False, "message": "no"})
        act(name)
        return web.json_response({"success": True, "message": "ok"})

    async def _output(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        await self.reads_log.wait()
        return web.json_response({"success": True, "output": self.log})


class ProviderWorld(_World):
    """DeepSeek's shape: a balance by key, a model list that wants a key. `money` by key; unknown keys get 401.

    `mood`: fine, html, dead500, error200. `chats` counts completions, which nobody should ever send.
    """

    def __init__(self, models: tuple[str, ...] = ("deepseek-chat", "deepseek-reasoner")) -> None:
        super().__init__()
        self.models = models
        self.money: dict[str, str] = {}
        self.mood = "fine"
        self.chats = 0
        self.says = "ok"
        self.together = 0  # so many questions must be waiting before the first is answered
        self._waiting, self._enough = 0, asyncio.Event()
        self.lists: dict[str, Any] = {}  # path -> a price list that anybody may read

    def _app(self) -> web.Application:
        app = web.Application()
        for path in ("/api/v1/models", "/api/pricing", "/api/status"):
            app.router.add_get(path, self._prices)
        app.router.add_get("/user/balance", self._balance)
        app.router.add_get("/v1/models", self._list)
        app.router.add_get("/models", self._list)
        app.router.add_post("/v1/chat/completions", self._chat)
        return app

    async def _gathered(self) -> None:
        self._waiting += 1
        if self._waiting >= self.together:
            self._enough.set()
        await self._enough.wait()

    def _known(self, request: web.Request) -> str | None:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return key if key in self.money else None

    async def _balance(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        await self._gathered()
        key = self._known(request)
        if key is None:
            return web.json_response({"error": {"message": "Authentication Fails"}}, status=401)
        amount = self.money[key]
        row = {"currency": "CNY", "total_balance": amount, "granted_balance": "0.00", "topped_up_balance": amount}
        return web.json_response({"is_available": float(amount) > 0, "balance_infos": [row]})

    async def _prices(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        assert "Authorization" not in request.headers
        return web.json_response(self.lists[request.path]) if request.path in self.lists else web.Response(status=404)

    async def _list(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        await self._gathered()
        if self.mood == "html":
            return web.Response(text="<html>welcome</html>", content_type="text/html")
        if self.mood == "dead500":
            return web.Response(status=500, text="oops")
        if self.mood == "error200":
            return web.json_response({"error": {"message": "insufficient quota"}})
        if self._known(request) is None:
            return web.json_response({"error": {"message": "Authentication Fails"}}, status=401)
        return web.json_response({"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]})

    async def _chat(self, request: web.Request) -> web.Response:
        self.chats += 1
        if self.money.get(self._known(request) or "", "0.00") == "0.00":
            return web.json_response({"error": {"message": "Insufficient Balance"}}, status=402)
        return web.json_response({"choices": [{"message": {"content": self.says}, "finish_reason": "stop"}]})
