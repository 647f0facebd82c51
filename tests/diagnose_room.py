"""`/diagnose` on a real database against the make-believe internet of providers, through the real router."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.model.chat import MessageRef, Person, Place, Reply, Request, Role
from bot.model.engine import Engine, KeyRef, Route
from bot.model.team import Access, Support, Team
from bot.outlets.desk import ChatDesk
from bot.redaction.gate import Gate
from bot.services import Services
from bot.services.balances import Balances
from bot.services.diagnosis import Diagnoser
from bot.services.escalation import build
from bot.services.proof import Proof
from bot.services.reword import Reword
from bot.settings import EnvKeys
from bot.signatures import load
from bot.store.store import SqlStore
from bot.web import Web
from handlers.router import Router
from tests.conftest import FixedClock, made_up
from tests.databases import migrated
from tests.escalation_room import text_of
from tests.worlds.providers import Account, Providers

ADA = Person("slack", "U0ADMIN", "Ada")
BOB = Person("telegram", "1002", "Bob")
_ids = itertools.count()
_shared: list[Diagnoser] = []


def diagnoser() -> Diagnoser:
    """One for all tests: building it takes longer than most of them."""
    if not _shared:
        _shared.append(Diagnoser(load()))
    return _shared[0]


def deepseek(amount: str) -> Mapping[str, str]:
    info = {"currency": "CNY", "total_balance": amount, "granted_balance": "0", "topped_up_balance": amount}
    usable = amount.strip("0.") != ""
    return {
        "balance": json.dumps({"is_available": usable, "balance_infos": [info]}),
        "models": '{"data": [{"id": "deepseek-chat"}]}',
    }


def relay(account: str, key: str) -> Mapping[str, str]:
    """A new-api gateway: dollars on the account, dollars left of the key's own budget."""
    units = lambda dollars: int(float(dollars) * 500_000)  # noqa: E731
    status = {"quota_per_unit": 500_000, "quota_display_type": "USD", "system_name": "relay"}
    token = {"object": "token_usage", "name": "t", "total_granted": 10_000_000, "total_used": 10_000_000 - units(key),
             "total_available": units(key), "unlimited_quota": False, "expires_at": 0}  # fmt: skip
    return {
        "status": json.dumps({"success": True, "data": status}),
        "token": json.dumps({"code": True, "message": "ok", "data": token}),
        "account": json.dumps({"success": True, "data": {"id": 7, "quota": units(account), "used_quota": 1, "group": "default"}}),
    }  # fmt: skip


@dataclass
class Room:
    world: Providers
    store: SqlStore
    web: Web
    clock: FixedClock
    gate: Gate = field(default_factory=lambda: Gate(b"team"))
    environ: dict[str, str] = field(default_factory=dict)
    routes: dict[str, Route] = field(default_factory=dict)
    engines: dict[str, Engine] = field(default_factory=dict)
    model_route: str = ""
    _services: Services | None = None

    def route(self, name: str, provider: str, answers: Mapping[str, str], **more: Any) -> Account:
        key, second = made_up("sk-", 40), made_up("acc", 30)
        variable = name.upper().replace("-", "_")
        self.environ |= {f"{variable}_KEY": key, f"{variable}_ACCOUNT": second, f"{variable}_USER": "7"}
        self.routes[name] = Route(
            name,
            self.world.url(name) + "/v1",
            more.pop("model", ""),
            provider,
            KeyRef(env=f"{variable}_KEY"),
            account_key=KeyRef(env=f"{variable}_ACCOUNT") if provider == "new-api" else None,
            account_user=KeyRef(env=f"{variable}_USER") if provider == "new-api" else None,
        )
        return self.world.add(name, provider, answers, key=key, account_key=second, **more)

    def engine(self, name: str, *routes: str) -> None:
        self.engines[name] = Engine(name, f"{name.title()}Engine", routes=routes, env_prefix=f"{name.upper()}_ENGINE")

    @property
    def team(self) -> Team:
        return Team(
            timezone="Asia/Shanghai",
            routes=self.routes,
            engines=self.engines,
            access=Access(members=("slack:*", "telegram:1002"), operators=("slack:U0ADMIN",)),
            support=Support(("slack:C0SUPPORT",), "platform team", "staging"),
            model_route=self.model_route,
        )

    @property
    def services(self) -> Services:
        if self._services is None:
            team, unused = self.team, None
            keys = EnvKeys(self.gate.fingerprint, environ=self.environ, env_file=None)
            balances = Balances(team, self.web, keys, self.store, self.clock, self.gate)
            escalation, _ = build(team, self.store, ChatDesk({}, team), [], self.clock, self.gate, owner="one")
            self._services = Services(
                team=team, store=self.store, clock=self.clock, gate=self.gate, keys=keys, balances=balances,
                diagnosis=diagnoser(), proof=Proof(team, balances, self.store, self.clock), switching=unused,  # type: ignore[arg-type]
                escalation=escalation, oncall=escalation.rota, reword=Reword(team, self.web, keys, self.gate),
            )  # fmt: skip
        return self._services

    async def ask(self, text: str = "", by: Person = ADA, language: str = "en", command: str = "diagnose", **more: Any) -> list[Reply]:  # fmt: skip
        cleaned = self.gate.clean(text)
        request = Request(
            command=command, text=cleaned.text, found=cleaned.found, asker=by, place=Place(by.platform, "C0TEAM"),
            language=language, timezone="Asia/Shanghai", received_at=self.clock.now(), id=str(next(_ids)),
            message=MessageRef(by.platform, "C0TEAM", "9.9"), role=Role.NOBODY, **more,
        )  # fmt: skip
        return [reply async for reply in Router(self.services).answer(request)]

    async def press(self, reply: Reply, id: str, value: str = "", **more: Any) -> Reply:
        """The button `id` of an answer; `value` picks one of several by the end of its value."""
        action = next(a for a in reply.actions if a.id == id and a.value.endswith(value))
        return (await self.ask(command=id.partition(".")[0], action=id, value=action.value, **more))[-1]


@asynccontextmanager
async def room(folder: Path, clock: FixedClock) -> AsyncIterator[Room]:
    store = SqlStore(await migrated(folder / "desk.db"), Gate())
    await store.open()
    async with Providers() as world, Web() as web:
        yield Room(world, store, web, clock)
    await store.close()


def shown(reply: Reply) -> str:
    """All that a reader sees, links and buttons included."""
    return "\n".join([text_of(reply), *(action.label for action in reply.actions)])


def front(reply: Reply) -> str:
    """Without the details."""
    return shown(replace(reply, details=()))
