"""The demo's make-believe providers: one loopback server that speaks the real providers' shapes, with made-up keys."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

_ALNUM = string.ascii_letters + string.digits


def _made_up(prefix: str, length: int, alphabet: str = _ALNUM) -> str:
    return prefix + "".join(secrets.choice(alphabet) for _ in range(length))


@dataclass(frozen=True, slots=True)
class DemoKeys:
    """Fresh at every start; they open nothing but the demo server."""

    deepseek: str = field(default_factory=lambda: _made_up("sk-", 32, "0123456789abcdef"), repr=False)
    deepseek_backup: str = field(default_factory=lambda: _made_up("sk-", 32, "0123456789abcdef"), repr=False)
    kimi: str = field(default_factory=lambda: _made_up("sk-", 48), repr=False)
    relay: str = field(default_factory=lambda: _made_up("sk-", 48), repr=False)
    relay_account: str = field(default_factory=lambda: _made_up("", 32), repr=False)
    aihubmix: str = field(default_factory=lambda: _made_up("sk-", 48), repr=False)
    siliconflow: str = field(default_factory=lambda: _made_up("sk-", 48, string.ascii_lowercase), repr=False)
    gemini: str = field(default_factory=lambda: _made_up("AIza", 35), repr=False)


def _models(*names: str) -> dict[str, object]:
    return {"object": "list", "data": [{"id": name, "object": "model"} for name in names]}


class DemoWorld:
    """`await start()`, then `base(name)` is a route's address. One path prefix a provider; a wrong key is a 401."""

    def __init__(self) -> None:
        self.keys = DemoKeys()
        self._runner: web.AppRunner | None = None
        self._apps = {"query": "running", "media": "running", "insight": "running", "forum": "stopped"}

    async def start(self) -> None:
        """Listens on a free port of this machine alone."""
        app = web.Application()
        app.router.add_get("/deepseek/user/balance", self._deepseek)
        app.router.add_get(
            "/deepseek/{v1:(?:v1/)?}models",
            self._guarded("deepseek", "deepseek_backup", models=("deepseek-chat", "deepseek-reasoner")),
        )
        app.router.add_get("/kimi/v1/users/me/balance", self._kimi)
        app.router.add_get(
            "/kimi/v1/models", self._guarded("kimi", models=("kimi-k2", "kimi-latest", "moonshot-v1-8k"))
        )
        app.router.add_get("/relay/api/status", self._relay_status)
        app.router.add_get("/relay/api/usage/token/", self._relay_token)
        app.router.add_get("/relay/api/user/self", self._relay_account)
        app.router.add_get(
            "/relay/v1/models", self._guarded("relay", models=("gemini-2.5-pro", "claude-sonnet-4-5", "kling-v2"))
        )
        app.router.add_get("/aihubmix/dashboard/billing/remain", self._aihubmix)
        app.router.add_get("/aihubmix/v1/models", self._guarded("aihubmix", models=("gemini-2.5-pro", "gpt-4o-mini")))
        app.router.add_get("/siliconflow/v1/user/info", self._siliconflow)
        app.router.add_get("/siliconflow/v1/models", self._guarded("siliconflow", models=("Qwen/Qwen3-30B-A3B",)))
        app.router.add_get("/gemini/v1beta/models", self._gemini)
        app.router.add_get(
            "/gemini/v1beta/openai/models", self._guarded("gemini", models=("gemini-2.5-pro", "gemini-2.5-flash"))
        )
        app.router.add_get("/ollama/api/tags", self._ollama_tags)
        app.router.add_get("/ollama/api/version", self._ollama_version)
        app.router.add_get("/ollama/v1/models", self._ollama_models)
        app.router.add_post("/{server}/{rest:(?:v1/|v1beta/openai/)?chat/completions}", self._completion)
        app.router.add_get("/app/api/status", self._app_status)
        app.router.add_get("/app/api/{verb:start|stop}/{app}", self._app_move)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()

    async def stop(self) -> None:
        """Nobody can be asked any more; may be called twice."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def root(self) -> str:
        """Its address without a slash at the end. Raises RuntimeError before `start`."""
        if self._runner is None:
            raise RuntimeError("the demo world is not started")
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    def base(self, name: str) -> str:
        """The address a route would have: with `/v1` where the real one has it."""
        tails: Mapping[str, str] = {"deepseek": "", "gemini": "/v1beta/openai"}
        return f"{self.root}/{name}{tails.get(name, '/v1')}"

    # --- answers: shapes as the real providers document them

    def _bearer(self, request: web.Request) -> str:
        return request.headers.get("Authorization", "").removeprefix("Bearer ").strip()

    def _refused(self) -> web.Response:
        body = {
            "error": {
                "message": "Authentication Fails",
                "type": "authentication_error",
                "code": "invalid_request_error",
            }
        }
        return web.json_response(body, status=401)

    def _guarded(self, *names: str, models: tuple[str, ...]):  # type: ignore[no-untyped-def]
        async def answer(request: web.Request) -> web.Response:
            allowed = {getattr(self.keys, name) for name in names}
            key = self._bearer(request) or request.headers.get("x-goog-api-key", "")
            return web.json_response(_models(*models)) if key in allowed else self._refused()

        return answer

    async def _deepseek(self, request: web.Request) -> web.Response:
        totals = {
            self.keys.deepseek: ("0.00", "0.00", "0.00", False),
            self.keys.deepseek_backup: ("120.35", "0.00", "120.35", True),
        }
        found = totals.get(self._bearer(request))
        if found is None:
            return self._refused()
        total, granted, paid, usable = found
        info = {"currency": "CNY", "total_balance": total, "granted_balance": granted, "topped_up_balance": paid}
        return web.json_response({"is_available": usable, "balance_infos": [info]})

    async def _kimi(self, request: web.Request) -> web.Response:
        if self._bearer(request) != self.keys.kimi:
            return self._refused()
        data = {"available_balance": 18.4, "voucher_balance": 8.4, "cash_balance": 10.0}
        return web.json_response({"code": 0, "data": data, "scode": "0x0", "status": True})

    async def _relay_status(self, request: web.Request) -> web.Response:
        data = {
            "system_name": "Demo relay",
            "quota_per_unit": 500000,
            "quota_display_type": "USD",
            "usd_exchange_rate": 7.2,
        }
        return web.json_response({"success": True, "message": "", "data": data})

    async def _relay_token(self, request: web.Request) -> web.Response:
        if self._bearer(request) != self.keys.relay:
            return web.json_response({"success": False, "message": "Invalid token"}, status=401)
        data = {
            "object": "token_usage",
            "name": "team",
            "total_granted": 10_000_000,
            "total_used": 9_999_000,
            "total_available": 0,
            "unlimited_quota": False,
            "expires_at": 0,
        }
        return web.json_response({"code": True, "message": "ok", "data": data})

    async def _relay_account(self, request: web.Request) -> web.Response:
        if self._bearer(request) != self.keys.relay_account:
            return web.json_response({"success": False, "message": "unauthorized"}, status=401)
        data = {
            "id": 7,
            "username": "demo",
            "quota": 44_050_000,
            "used_quota": 5_950_000,
            "group": "default",
            "status": 1,
        }
        return web.json_response({"success": True, "message": "", "data": data})

    async def _aihubmix(self, request: web.Request) -> web.Response:
        if self._bearer(request) != self.keys.aihubmix:
            return self._refused()
        return web.json_response({"object": "list", "total_usage": 42.10})

    async def _siliconflow(self, request: web.Request) -> web.Response:
        # A web page where JSON was expected: "could not check", never 0.
        return web.Response(text="<html><title>502 Bad Gateway</title></html>", content_type="text/html", status=502)

    async def _gemini(self, request: web.Request) -> web.Response:
        if request.headers.get("x-goog-api-key") != self.keys.gemini:
            body = {"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}
            return web.json_response(body, status=400)
        return web.json_response({"models": [{"name": "models/gemini-2.5-pro"}, {"name": "models/gemini-2.5-flash"}]})

    async def _ollama_tags(self, request: web.Request) -> web.Response:
        return web.json_response({"models": [{"name": "qwen3:8b", "model": "qwen3:8b", "size": 5_200_000_000}]})

    async def _ollama_version(self, request: web.Request) -> web.Response:
        return web.json_response({"version": "0.12.6"})

    async def _ollama_models(self, request: web.Request) -> web.Response:
        return web.json_response(_models("qwen3:8b"))

    async def _completion(self, request: web.Request) -> web.Response:
        """The one real call that a plan offers: an answer where the board shows money, else what that provider says instead."""
        server, key = request.match_info["server"], self._bearer(request)
        keys = {self.keys.deepseek_backup: "deepseek", self.keys.kimi: "kimi", self.keys.aihubmix: "aihubmix"}
        keys |= {self.keys.siliconflow: "siliconflow", self.keys.gemini: "gemini"}
        if server == "deepseek" and key == self.keys.deepseek:
            empty = {"message": "Insufficient Balance", "type": "unknown_error", "code": "invalid_request_error"}
            return web.json_response({"error": empty}, status=402)
        if server == "relay" and key == self.keys.relay:
            used = {"message": "该令牌额度已用尽", "type": "new_api_error", "code": "insufficient_user_quota"}
            return web.json_response({"error": used}, status=403)
        if server != "ollama" and keys.get(key) != server:
            return self._refused()
        choice = {"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 4, "completion_tokens": 1, "total_tokens": 5}
        return web.json_response({"object": "chat.completion", "choices": [choice], "usage": usage})

    async def _app_status(self, request: web.Request) -> web.Response:
        ports = {"insight": 8501, "media": 8502, "query": 8503, "forum": None}
        return web.json_response(
            {name: {"status": s, "port": ports[name], "output_lines": 0} for name, s in self._apps.items()}
        )

    async def _app_move(self, request: web.Request) -> web.Response:
        app, verb = request.match_info["app"], request.match_info["verb"]
        if app not in self._apps:
            return web.json_response({"success": False, "message": "unknown app"})
        self._apps[app] = "running" if verb == "start" else "stopped"
        return web.json_response({"success": True, "message": f"{app} {self._apps[app]}"})
