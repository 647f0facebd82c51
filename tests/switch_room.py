"""A team with two BettaFish engines, a real store, a real file, real loopback servers: for every test of switching."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.model.chat import Person
from bot.model.engine import Engine, KeyRef, Route
from bot.model.team import Access, Team
from bot.outlets.env_file import EnvFiles
from bot.outlets.restart import Restart
from bot.redaction.gate import Gate
from bot.services.balances import Balances
from bot.services.switching import Switching
from bot.settings import EnvKeys
from bot.store.store import SqlStore
from bot.web import Web
from tests.conftest import FixedClock, made_up
from tests.databases import migrated
from tests.worlds.bettafish import BettaFishWorld, ProviderWorld

ALICE = Person("slack", "U0ADMIN", "Alice")
BOB = Person("telegram", "1001", "Bob")


class RestlessClock(FixedClock):
    """Sleeping moves the time instead of waiting."""

    async def sleep(self, seconds: float) -> None:
        self.move(seconds)


@dataclass
class Room:
    team: Team
    path: Path
    original: bytes
    provider: ProviderWorld
    fish: BettaFishWorld
    store: SqlStore
    clock: FixedClock
    switching: Switching
    keys: dict[str, str]
    environ: dict[str, str]
    backups: Path
    parts: dict[str, Any] = field(default_factory=dict)

    def rebuilt(self, **engine: Any) -> Switching:
        """The same house with the query engine changed."""
        engines = {**self.team.engines, "query": replace(self.team.engines["query"], **engine)}
        self.team = replace(self.team, engines=engines)
        p = self.parts
        balances = Balances(self.team, p["http"], p["keys"], self.store, self.clock, p["gate"])
        p["balances"] = balances
        self.switching = Switching(
            self.team, p["keys"], p["files"], p["http"], balances, p["restart"], self.store, self.clock, p["gate"]
        )
        return self.switching


@asynccontextmanager
async def room(tmp_path: Path, *, clock: FixedClock | None = None, **engine: Any) -> AsyncIterator[Room]:
    clock = clock or RestlessClock()
    keys = {name: made_up("sk-", 32) for name in ("MAIN", "SPARE", "POOR", "DEAD")}
    environ = {f"{name}_API_KEY": key for name, key in keys.items()}
    path = tmp_path / "app" / ".env"
    path.parent.mkdir(exist_ok=True)
    gate = Gate(b"test")
    async with ProviderWorld() as provider, Web() as http:
        provider.money = {keys["MAIN"]: "0.00", keys["SPARE"]: "120.35", keys["POOR"]: "0.00"}
        original = (
            f"# BettaFish\r\nHOST=0.0.0.0\n\nexport QUERY_ENGINE_API_KEY='{keys['MAIN']}'  # Alice's\n"
            f'QUERY_ENGINE_BASE_URL="{provider.url}/v1"\nQUERY_ENGINE_MODEL_NAME=deepseek-reasoner\n'
            f"MEDIA_ENGINE_API_KEY={keys['SPARE']}\nMEDIA_ENGINE_BASE_URL={provider.url}/v1\n"
            "MEDIA_ENGINE_MODEL_NAME=deepseek-chat\nTAVILY_API_KEY=${HOST}"
        ).encode()
        path.write_bytes(original)
        path.chmod(0o640)
        async with BettaFishWorld(path) as fish:
            routes = {
                name: Route(name, f"{provider.url}/v1", model, "deepseek", KeyRef(env=f"{key}_API_KEY"))
                for name, key, model in (
                    ("main", "MAIN", "deepseek-reasoner"),
                    ("poor", "POOR", "deepseek-reasoner"),
                    ("dead", "DEAD", "deepseek-reasoner"),
                    ("spare", "SPARE", "deepseek-reasoner"),
                    ("spare-chat", "SPARE", "deepseek-chat"),
                )
            }
            team = Team(
                routes=routes,
                engines={
                    "query": Engine(
                        "query",
                        "QueryEngine",
                        path,
                        "QUERY_ENGINE",
                        ("main", "poor", "dead", "spare"),
                        bettafish_url=fish.url,
                        bettafish_app="query",
                    ),
                    "media": Engine("media", "MediaEngine", path, "MEDIA_ENGINE", ("spare-chat", "main")),
                },
                access=Access(operators=(ALICE.address, BOB.address)),
            )
            store = SqlStore(await migrated(tmp_path / "q.db"), gate)
            await store.open()
            env_keys = EnvKeys(gate.fingerprint, environ=environ, env_file=None)
            backups = tmp_path / "var" / "backups"
            found = Room(team, path, original, provider, fish, store, clock, None, keys, environ, backups)  # type: ignore[arg-type]
            found.parts = {
                "http": http,
                "keys": env_keys,
                "files": EnvFiles(backups),
                "restart": Restart(http, clock, gate, os.environ),
                "gate": gate,
            }
            found.rebuilt(**engine)
            yield found
            await store.close()
