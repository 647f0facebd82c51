"""A small new-api in three generations and a small LiteLLM proxy, with what the real ones refuse."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.worlds.bettafish import _World


class NewApiWorld(_World):
    """`generation`: one-api, older, newest. A key is never returned; a deletion or a test is counted as `harm`."""

    def __init__(self, generation: str, token: str) -> None:
        super().__init__()
        self.generation, self.token = generation, token
        self.harm = 0
        self.bodies: list[Any] = []
        self.deaf = False  # says yes and does nothing
        self.channels = {
            n: {"id": n, "name": name, "status": 1, "priority": 10 - n, "weight": 0, "models": "gpt-4o,claude-sonnet-4"}
            for n, name in ((7, "main"), (8, "spare"))
        }

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/channel/", self._list)
        app.router.add_get("/api/channel/{id:\\d+}", self._one)
        app.router.add_put("/api/channel/", self._put)
        if self.generation == "newest":
            app.router.add_post("/api/channel/{id:\\d+}/status", self._status)
        else:
            app.router.add_post("/api/{rest:.*}", self._page)
        app.router.add_get("/api/channel/test{rest:.*}", self._harm)
        app.router.add_delete("/api/{rest:.*}", self._harm)
        return app

    def _denied(self, request: web.Request) -> web.Response | None:
        self.asked.append(f"{request.method} {request.path}")
        good = request.headers.get("Authorization", "").removeprefix("Bearer ") == self.token
        if good and (self.generation != "older" or request.headers.get("New-Api-User") == "1"):
            return None
        if self.generation == "newest":
            return web.json_response({"success": False, "code": "AUTH_UNAUTHORIZED", "message": "no"}, status=401)
        return web.json_response({"success": False, "message": "无权进行此操作，未登录且未提供 access token"})

    async def _list(self, request: web.Request) -> web.Response:
        if denied := self._denied(request):
            return denied
        rows = list(self.channels.values()) if request.query.get("p") == "0" else []
        data: Any = rows if self.generation == "one-api" else {"items": rows, "total": len(rows)}
        return web.json_response({"success": True, "message": "", "data": data})

    async def _one(self, request: web.Request) -> web.Response:
        if denied := self._denied(request):
            return denied
        row = self.channels.get(int(request.match_info["id"]))
        if row is None:
            return web.json_response({"success": False, "message": "record not found"})
        return web.json_response({"success": True, "data": row})

    async def _put(self, request: web.Request) -> web.Response:
        if denied := self._denied(request):
            return denied
        body = await request.json()
        self.bodies.append(body)
        if self.generation == "newest" and "status" in body:
            return web.json_response({"success": False, "message": "status is not allowed here"}, status=400)
        if not self.deaf:
            self.channels[body["id"]].update(body)
        return web.json_response({"success": True, "data": body})

    async def _status(self, request: web.Request) -> web.Response:
        if denied := self._denied(request):
            return denied
        body = await request.json()
        self.bodies.append(body)
        if not self.deaf:
            self.channels[int(request.match_info["id"])]["status"] = body["status"]
        return web.json_response({"success": True, "data": True})

    async def _page(self, request: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><html></html>", content_type="text/html")

    async def _harm(self, request: web.Request) -> web.Response:
        self.harm += 1
        return web.json_response({"success": True})


class LiteLlmWorld(_World):
    def __init__(self, key: str, *, database: bool = True) -> None:
        super().__init__()
        self.key, self.database = key, database
        self.fallbacks: dict[str, list[str]] = {}
        self.models: list[dict[str, Any]] = [
            {
                "model_name": "chat",
                "litellm_params": {"model": "deepseek/deepseek-chat", "api_base": "https://api.deepseek.com"},
                "model_info": {"id": "m1", "db_model": True},
            },
            {
                "model_name": "backup",
                "litellm_params": {"model": "openai/gpt-4o-mini"},
                "model_info": {"id": "m2", "db_model": False},
            },
        ]

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/model/info", self._info)
        app.router.add_post("/model/update", self._update)
        app.router.add_get("/fallback/{model}", self._get)
        app.router.add_post("/fallback", self._post)
        app.router.add_delete("/fallback/{model}", self._delete)
        return app

    def _denied(self, request: web.Request, *, writes: bool = False) -> web.Response | None:
        self.asked.append(f"{request.method} {request.path}")
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            return web.json_response({"error": {"message": "Authentication Error"}}, status=401)
        if writes and not self.database:
            return web.json_response({"detail": {"error": "No DB Connected. See docs"}}, status=500)
        return None

    async def _info(self, request: web.Request) -> web.Response:
        return self._denied(request) or web.json_response({"data": self.models})

    async def _update(self, request: web.Request) -> web.Response:
        if denied := self._denied(request, writes=True):
            return denied
        body = await request.json()
        for row in self.models:
            if row["model_info"]["id"] == body["model_info"]["id"]:
                row["litellm_params"].update(body["litellm_params"])
        return web.json_response({"ok": True})

    async def _get(self, request: web.Request) -> web.Response:
        if denied := self._denied(request):
            return denied
        name = request.match_info["model"]
        if name not in self.fallbacks:
            return web.json_response({"detail": "none"}, status=404)
        return web.json_response({"model": name, "fallback_models": self.fallbacks[name], "fallback_type": "general"})

    async def _post(self, request: web.Request) -> web.Response:
        if denied := self._denied(request, writes=True):
            return denied
        body = await request.json()
        self.fallbacks[body["model"]] = body["fallback_models"]
        return web.json_response(body)

    async def _delete(self, request: web.Request) -> web.Response:
        if denied := self._denied(request, writes=True):
            return denied
        self.fallbacks.pop(request.match_info["model"], None)
        return web.Response(status=200)
