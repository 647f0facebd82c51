"""Engines offered from an application's file: what stood live stays a route, and a key never meets another's address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.app import House, house
from bot.model.chat import Person, Role
from bot.settings import Settings
from tests.conftest import made_up

ADA = Person("terminal", "ada", "Ada")


class Listener:
    """A provider that accepts one key and remembers every key it was ever sent."""

    def __init__(self, key: str) -> None:
        self.key, self.heard = key, set[str]()
        app = web.Application()
        app.router.add_get("/{tail:.*}", self._answer)
        self.server = TestServer(app, host="127.0.0.1")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/v1"

    async def _answer(self, request: web.Request) -> web.Response:
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if sent:
            self.heard.add(sent)
        if not request.path.endswith("/models"):
            return web.Response(status=404)
        status = 200 if sent == self.key else 401
        return web.json_response({"object": "list", "data": [{"id": "m-a"}, {"id": "m-b"}]}, status=status)


@pytest.fixture
async def ends() -> AsyncIterator[tuple[Listener, Listener]]:
    one, two = Listener(made_up("sk-", 32)), Listener(made_up("sk-", 32))
    await one.server.start_server()
    await two.server.start_server()
    yield one, two
    await one.server.close()
    await two.server.close()


@asynccontextmanager
async def started(tmp_path: Path, app: Path, config: str = "") -> AsyncIterator[House]:
    """One life of the process: everything is read anew from the files."""
    place = tmp_path / "quotadesk.toml"
    if config:
        place.write_text(config, encoding="utf-8")
    settings = Settings(
        _env_file=None,
        database_url=f"sqlite+aiosqlite:///{tmp_path}/var/quotadesk.db",
        config_file=place,
        **({} if config else {"target_env_file": app}),
    )
    settings.model_fields_set.discard("config_file")
    async with house(settings, environ={}, quiet=True) as built:
        yield built


async def move(built: House, route: str) -> None:
    plan = await built.services.switching.plan("query", route, by=ADA)
    assert plan.possible, plan.refused
    assert (await built.services.switching.confirm(plan.token, ADA, Role.OPERATOR)).to_route == route


def written(app: Path, live: Listener, spare: Listener) -> bytes:
    app.parent.mkdir(exist_ok=True)
    app.write_text(
        f"QUERY_ENGINE_API_KEY={live.key}\nQUERY_ENGINE_BASE_URL={live.url}\nQUERY_ENGINE_MODEL_NAME=m-a\n\n"
        f"# QUERY_ENGINE_API_KEY={spare.key}\n# QUERY_ENGINE_BASE_URL={spare.url}\n# QUERY_ENGINE_MODEL_NAME=m-b\n"
    )
    return app.read_bytes()


async def test_the_former_live_route_stays_through_restarts(tmp_path: Path, ends: tuple[Listener, Listener]) -> None:
    live, spare = ends
    app = tmp_path / "app" / ".env"
    original = written(app, live, spare)
    async with started(tmp_path, app) as built:
        first = dict(built.team.routes)
        order = built.team.engines["query"].routes
        backup = order[1]
        await move(built, backup)
    for _ in range(2):
        async with started(tmp_path, app) as built:
            team = built.team
            assert team.engines["query"].routes == order
            assert {n: (r.base_url, r.model) for n, r in team.routes.items()} == {
                n: (r.base_url, r.model) for n, r in first.items()
            }
            assert (await built.services.switching.overview())[0].route == backup
            keys = {name: built.services.keys.read(route.key) for name, route in team.routes.items()}
            assert keys[order[0]] is not None
            assert keys[order[0]].reveal() == live.key
            await move(built, order[0])
            assert app.read_bytes() == original
            await move(built, backup)
    async with started(tmp_path, app) as built:
        await built.services.balances.check(order[0])
        await built.services.balances.check(backup)
    assert live.heard == {live.key}
    assert spare.heard == {spare.key}


async def test_a_route_of_the_team_file_keeps_the_key_of_its_address(
    tmp_path: Path, ends: tuple[Listener, Listener]
) -> None:
    live, spare = ends
    app = tmp_path / "app" / ".env"
    written(app, live, spare)
    config = f"""
        [routes.first]
        base_url = "{live.url}"
        model = "m-a"
        key_env = "QUERY_ENGINE_API_KEY"
        key_env_file = "{app}"
        [routes.second]
        base_url = "{spare.url}"
        model = "m-b"
        key_env = "QUERY_ENGINE_API_KEY"
        key_env_file = "{app}"
        key_line = 5
        [engines.query]
        env_file = "{app}"
        env_prefix = "QUERY_ENGINE"
        routes = ["first", "second"]
    """
    async with started(tmp_path, app, config) as built:
        await move(built, "second")
    async with started(tmp_path, app, config) as built:
        await built.services.balances.check("first")
        await move(built, "first")
        await move(built, "second")
    for backup in (tmp_path / "var" / "backups").iterdir():
        backup.unlink()
    # Nothing tells the old key any more: the new one is not sent in its place, and the reason is said.
    async with started(tmp_path, app, config) as built:
        await built.services.balances.check("first")
        plan = await built.services.switching.plan("query", "first", by=ADA)
        assert not plan.possible
        assert [check.word for check in plan.refused] == ["key_moved"]
    assert live.heard == {live.key}
    assert spare.heard == {spare.key}
