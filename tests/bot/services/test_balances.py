"""Accounts of a team against a make-believe internet of providers: real HTTP, real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from bot.errors import UnknownName
from bot.model.engine import Engine, KeyRef, Route
from bot.model.money import AccountState, Kind, Status
from bot.model.team import Team
from bot.providers import shelf
from bot.redaction.gate import Gate
from bot.services.balances import Balances
from bot.settings import EnvKeys
from bot.store.store import SqlStore
from bot.web import Web
from tests.conftest import FixedClock
from tests.databases import migrated
from tests.worlds.providers import RULES, Providers

DEEPSEEK = (
    '{"is_available": %s, "balance_infos": [{"currency": "CNY", "total_balance": "%s", "granted_balance": "0",'
    ' "topped_up_balance": "%s"}]}'
)


def wallet(amount: str, available: bool = True) -> Mapping[str, str]:
    return {
        "balance": DEEPSEEK % (str(available).lower(), amount, amount),
        "models": '{"data": [{"id": "deepseek-chat"}]}',
    }


class Desk:
    """One team in the making, then its Balances."""

    def __init__(
        self, world: Providers, store: SqlStore, web: Web, clock: FixedClock, make_key: Callable[..., str]
    ) -> None:
        self.world, self.store, self.web, self.clock, self.make_key = world, store, web, clock, make_key
        self.environ: dict[str, str] = {}
        self.routes: dict[str, Route] = {}
        self.engines: dict[str, Engine] = {}

    def route(self, name: str, provider: str, answers: Mapping[str, str] | None = None, **more: Any) -> Route:
        """A route to a scripted account of its own, with made-up credentials in the environment."""
        account_key, path = more.pop("account_key", False), more.pop("path", "/v1")
        user = more.pop("user", False)
        named = more.pop("named", provider)
        key, second = self.make_key("sk-", 40), f"{self.make_key('id', 20)}:{self.make_key('sec', 30)}"
        if provider == "azure-openai":  # tenant, client, secret
            second = f"id:{second}"
        variable = name.upper().replace("-", "_")
        self.environ |= {f"{variable}_KEY": key, f"{variable}_ACCOUNT": second, f"{variable}_USER": "7"}
        self.world.add(name, provider, answers or {}, key=key, account_key=second, **more)
        self.routes[name] = Route(
            name,
            self.world.url(name) + path,
            provider=named,
            key=KeyRef(env=f"{variable}_KEY"),
            account_key=KeyRef(env=f"{variable}_ACCOUNT") if account_key else None,
            account_user=KeyRef(env=f"{variable}_USER") if user else None,
        )
        return self.routes[name]

    def engine(self, name: str, *routes: str) -> None:
        self.engines[name] = Engine(name, name.title() + "Engine", routes=routes)

    def balances(self) -> Balances:
        gate = Gate(b"team")
        keys = EnvKeys(gate.fingerprint, environ=self.environ, env_file=None)
        team = Team(routes=self.routes, engines=self.engines, timezone="Asia/Shanghai")
        return Balances(team, self.web, keys, self.store, self.clock, gate)

    async def board(self, *names: str) -> dict[str, AccountState]:
        boards = [states async for states in self.balances().ask(names)]
        return {state.account: state for state in boards[-1]}


@pytest.fixture
async def desk(tmp_path: Path, clock: FixedClock, make_key: Callable[..., str]) -> AsyncIterator[Desk]:
    store = SqlStore(await migrated(tmp_path / "desk.db"), Gate())
    await store.open()
    async with Providers() as world, Web() as web:
        yield Desk(world, store, web, clock, make_key)
    await store.close()


# --- every provider over the wire


ASKED = [p for p in shelf().values() if p.asks and p.samples]


@pytest.mark.parametrize("provider", ASKED, ids=lambda p: p.id)
async def test_every_provider_over_the_wire(desk: Desk, provider: Any) -> None:
    """The requests stand before a server that knows the real ones' rules, and the readings are the sample's."""
    sample = next(s for s in provider.samples if not s.wrong and not s.failed and "ollama.com" not in s.base_url)
    desk.route("it", provider.id, sample.answers, account_key=sample.account_key, user=bool(sample.user))
    account = desk.world.accounts["it"]
    states = await desk.board()
    state = states["it"]
    assert not account.refused, account.refused
    assert (state.status, state.reason) == (Status.OK, "")
    assert state.provider == provider.id
    if provider.currency:
        assert state.note == "currency_assumed"  # behind a loopback address the host tells nothing
    if provider.id not in {"openrouter", "hosted"}:
        assert [(r.kind, r.amount, r.currency) for r in state.readings] == [
            (r.kind, r.amount, r.currency) for r in sample.readings
        ]
    assert state.blocked is (sample.usable is False or any(r.blocks for r in sample.readings))


def test_the_world_knows_every_provider() -> None:
    assert {p.id for p in ASKED} <= set(RULES)


@pytest.mark.parametrize(
    "provider", [p for p in shelf().values() if not p.tells and p.models and p.id in RULES], ids=lambda p: p.id
)
async def test_nothing_is_published_but_the_key_is_proved(desk: Desk, provider: Any) -> None:
    path = {"groq": "/openai/v1", "gemini": "/v1beta/openai", "azure-openai": "/openai/v1"}.get(provider.id, "/v1")
    desk.route("it", provider.id, {"models": '{"data": [{"id": "a-model"}]}'}, path=path)
    state = (await desk.board())["it"]
    assert not desk.world.accounts["it"].refused
    assert state.status is Status.NOT_OFFERED
    assert state.note in {"key_works", "key_unchecked"}
    assert state.readings == ()
    assert state.console_url
    assert state.models == ("a-model",)


async def test_a_key_that_is_refused_is_said_where_nothing_is_published(desk: Desk) -> None:
    desk.route("it", "groq", path="/openai/v1", fault="status:401")
    state = (await desk.board())["it"]
    assert (state.status, state.reason, state.note, state.blocked) == (
        Status.NOT_OFFERED,
        "no_api",
        "key_refused",
        True,
    )


async def test_a_second_credential_stays_at_home(desk: Desk) -> None:
    """An Admin key named on a route to a relay is not given to the relay, and the row says so."""
    route = desk.route("it", "openai", {"models": "{}"}, account_key=True)
    desk.routes["it"] = Route(
        "it", "https://relay.example/v1", provider="openai", key=route.key, account_key=route.account_key
    )
    state = (await desk.board())["it"]
    assert (state.status, state.reason) == (Status.COULD_NOT_CHECK, "foreign_host")


async def test_a_server_that_wants_a_key_the_route_does_not_name(desk: Desk) -> None:
    desk.route("it", "vllm", fault="status:401")
    desk.routes["it"] = Route("it", desk.world.url("it") + "/v1", provider="vllm")
    state = (await desk.board())["it"]
    assert (state.status, state.reason) == (Status.COULD_NOT_CHECK, "no_key")


async def test_what_another_credential_would_tell_is_named(desk: Desk) -> None:
    desk.route("it", "openai", {"models": '{"data": [{"id": "gpt"}]}'})
    state = (await desk.board())["it"]
    assert (state.status, state.reason) == (Status.NOT_OFFERED, "needs_admin_key")
    assert state.reason_facts["setting"] == "account_key_env"
    assert state.note == "key_works"


# --- accounts


async def test_a_shared_key_is_one_account_with_all_its_engines(desk: Desk) -> None:
    first = desk.route("main", "deepseek", wallet("110.00"))
    desk.routes["second"] = Route("second", first.base_url, model="other", provider="deepseek", key=first.key)
    desk.route("other", "deepseek", wallet("5"))
    desk.engine("query", "main", "other")
    desk.engine("media", "second")
    balances = desk.balances()
    assert [(a.name, a.routes, a.engines) for a in balances.accounts()] == [
        ("main", ("main", "second"), ("query", "media")),
        ("other", ("other",), ("query",)),
    ]
    states = await desk.board()
    assert desk.world.accounts["main"].asked == ["balance"]
    assert states["main"].routes == ("main", "second")
    assert [a.name for a in balances.select(["media"])] == ["main"]
    assert [a.name for a in balances.select(["QueryEngine"])] == ["main", "other"]
    assert [a.name for a in balances.select(["second", "query"])] == ["main", "other"]


async def test_unknown_names_offer_the_nearest(desk: Desk) -> None:
    desk.route("deepseek-main", "deepseek")
    desk.engine("query", "deepseek-main")
    with pytest.raises(UnknownName) as caught:
        desk.balances().select(["qury"])
    assert caught.value.nearest == ("query",)
    assert set(caught.value.known) == {"query", "deepseek-main"}


async def test_a_missing_key_is_named_not_asked(desk: Desk) -> None:
    desk.route("it", "deepseek", wallet("1"))
    del desk.environ["IT_KEY"]
    state = (await desk.board())["it"]
    assert (state.status, state.reason) == (Status.COULD_NOT_CHECK, "key_missing")
    assert state.reason_facts["variable"] == "IT_KEY"
    assert desk.world.accounts["it"].asked == []


# --- faults


FAULTS = {
    "html": "html",
    "null": "wrong_shape",
    "huge": "too_large",
    "close": "closed",
    "redirect": "redirect",
    "status:401": "http_401",
    "status:500": "http_5xx",
    "page:403": "html",
    "page:502": "http_5xx",
    "page:404": "http_404",
    "retry:30": "rate_limited",
    "retry:DATE": "rate_limited",
    'text:{"is_available": "yes"}': "wrong_shape",
    "text:not json at all": "not_json",
    "text:" + "[" * 5000: "not_json",
    'text:{"balance_infos": []}': "wrong_shape",
}


@pytest.mark.parametrize(("fault", "reason"), FAULTS.items(), ids=lambda v: str(v)[:30])
async def test_a_fault_is_a_reason_and_never_a_zero(desk: Desk, fault: str, reason: str) -> None:
    date = format_datetime(desk.clock.now() + timedelta(seconds=30), usegmt=True)
    desk.route("bad", "deepseek", fault=fault.replace("DATE", date))
    desk.route("good", "deepseek", wallet("110.00"))
    states = await desk.board()
    assert (states["bad"].status, states["bad"].reason) == (Status.COULD_NOT_CHECK, reason)
    assert states["bad"].readings == ()
    assert states["good"].readings[0].amount == Decimal(110)
    assert desk.world.stranger_saw == []
    for value in desk.environ.values():
        if len(value) > 10:
            assert value not in repr(states)
    if reason == "rate_limited":
        assert states["bad"].reason_facts["retry_after_s"] == 30
    if reason == "http_401":
        assert states["bad"].reason_facts["variable"] == "BAD_KEY"


async def test_a_dead_name_and_a_dead_port(desk: Desk) -> None:
    desk.route("it", "deepseek")
    desk.routes["it"] = Route("it", "https://no-such-host.invalid/v1", provider="deepseek", key=KeyRef(env="IT_KEY"))
    desk.routes["shut"] = Route("shut", "http://127.0.0.1:9/v1", provider="deepseek", key=KeyRef(env="IT_KEY"))
    states = await desk.board()
    assert states["it"].reason == "dns"
    assert states["shut"].reason == "refused"


async def test_the_last_good_figure_stays_with_its_age(desk: Desk) -> None:
    desk.route("it", "deepseek", wallet("63.20"))
    await desk.board()
    good_at = desk.clock.now()
    desk.clock.move(timedelta(hours=16))
    desk.world.accounts["it"].fault = "status:503"
    state = (await desk.board())["it"]  # a new process: only the database remembers
    assert state.status is Status.COULD_NOT_CHECK
    assert state.readings == ()
    assert [r.amount for r in state.last_good] == [Decimal("63.20")]
    assert state.last_good_at == good_at


async def test_401_that_means_used_up(desk: Desk) -> None:
    status = '{"success": true, "data": {"quota_per_unit": 500000, "display_in_currency": true}}'
    desk.route(
        "relay",
        "one-api",
        {"status": status},
        refusals={
            "subscription": (401, '{"error": {"message": "该令牌额度已用尽 (request id: 1)", "type": "one_api_error"}}')
        },
        named="",
    )
    state = (await desk.board())["relay"]
    assert (state.provider, state.status, state.blocked) == ("one-api", Status.OK, True)
    assert state.note == "key_exhausted"
    assert state.readings[0].kind is Kind.KEY_BUDGET
    assert state.readings[0].amount is None


async def test_a_gateway_of_unknown_make_is_told_by_free_probes(desk: Desk) -> None:
    sample = shelf()["new-api"].samples[0]
    desk.route("relay", "new-api", sample.answers, named="", account_key=True, user=True)
    state = (await desk.board())["relay"]
    assert state.provider == "new-api"
    assert [r.currency for r in state.readings] == ["CNY", "CNY"]
    assert state.console_url == desk.world.url("relay") + "/console"
    assert not desk.world.accounts["relay"].refused


async def test_a_server_of_unknown_make_is_health_only(desk: Desk) -> None:
    desk.route("box", "openai-compatible", {"models": '{"data": [{"id": "m"}]}'}, named="")
    state = (await desk.board())["box"]
    assert (state.provider, state.status, state.note) == ("openai-compatible", Status.OK, "no_balance_known")
    assert [r.kind for r in state.readings] == [Kind.HEALTH]
    assert state.models == ("m",)


# --- verdicts


async def test_a_used_up_key_blocks_although_the_account_has_money(desk: Desk) -> None:
    sample = next(s for s in shelf()["openrouter"].samples if "gone" in s.name)
    desk.route("it", "openrouter", sample.answers, account_key=True)
    state = (await desk.board())["it"]
    assert state.blocked
    assert [r.kind for r in state.readings if r.blocks] == [Kind.KEY_BUDGET]
    assert next(r for r in state.readings if r.kind is Kind.ACCOUNT_MONEY).amount == Decimal("74.75")


async def test_worst_first(desk: Desk) -> None:
    warn = {"CNY": Decimal(30)}
    for name, amount, available in (
        ("fine", "500", True),
        ("low", "25", True),
        ("nearly", "5", True),
        ("empty", "0", False),
    ):
        desk.route(name, "deepseek", wallet(amount, available))
        route = desk.routes[name]
        desk.routes[name] = Route(name, route.base_url, provider="deepseek", key=route.key, warn_below=warn)
    desk.route("silent", "groq", {"models": "{}"}, path="/openai/v1")
    desk.route("broken", "deepseek", fault="status:500")
    boards = [states async for states in desk.balances().ask()]
    assert [s.account for s in boards[-1]] == ["empty", "nearly", "low", "broken", "fine", "silent"]
    assert [(s.level, s.low, s.blocked) for s in boards[-1][:3]] == [
        (2, True, True),
        (2, True, False),
        (1, True, False),
    ]


async def test_a_figure_kept_by_hand_is_labelled(desk: Desk) -> None:
    desk.route("azure", "azure-openai", {"models": '{"data": []}'}, path="/openai/v1")
    state = await desk.balances().keep_by_hand("azure", Decimal(1200), "USD")
    assert state.status is Status.NOT_OFFERED
    assert state.readings[0].amount == Decimal(1200)
    assert state.readings[0].hand_kept_at == desk.clock.now()


# --- time


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_hanging_account_never_holds_the_others(desk: Desk) -> None:
    desk.route("slow", "deepseek", fault="hang")
    for number in range(5):
        desk.route(f"quick-{number}", "deepseek", wallet("10"))
    boards: list[tuple[AccountState, ...]] = []

    async def collect() -> None:
        async for states in desk.balances().ask():
            boards.append(states)

    task = asyncio.create_task(collect())
    await until(lambda: all(desk.world.accounts[f"quick-{n}"].asked for n in range(5)))
    await asyncio.sleep(0.1)
    assert boards == []
    desk.clock.move(1.6)
    await until(lambda: bool(boards))
    assert [s.reason for s in boards[0] if s.account == "slow"] == ["pending"]
    assert sum(s.status is Status.OK for s in boards[0]) == 5
    desk.world.accounts["slow"].fault = ""
    desk.world.release()
    await task
    assert len(boards) == 2
    assert all(s.reason != "pending" for s in boards[-1])


async def test_one_request_per_account_however_many_ask(desk: Desk) -> None:
    desk.route("it", "deepseek", wallet("10"), delay_s=0.05)
    balances = desk.balances()

    async def one(fresh: bool) -> AccountState:
        return [states async for states in balances.ask(["it"], fresh=fresh)][-1][0]

    states = await asyncio.gather(*(one(fresh) for fresh in (False, True, False, True)), balances.check("it"))
    assert {s.readings[0].amount for s in states} == {Decimal(10)}
    account = desk.world.accounts["it"]
    assert account.most_at_once == 1
    assert account.asked.count("balance") <= 2  # the board's, and the check's with its model list


async def test_memory_lasts_a_minute_and_fresh_passes_it(desk: Desk) -> None:
    desk.route("it", "deepseek", wallet("10"))
    balances = desk.balances()

    async def asked(fresh: bool = False) -> int:
        async for _ in balances.ask(fresh=fresh):
            pass
        return len(desk.world.accounts["it"].asked)

    assert await asked() == 1
    desk.clock.move(59)
    assert await asked() == 1
    assert await asked(fresh=True) == 2
    assert await asked(fresh=True) == 2  # a finger that cannot stop
    desk.clock.move(61)
    assert await asked() == 3


async def test_refresh_never_passes_a_limit_of_the_provider(desk: Desk) -> None:
    """Bedrock bills every asking, new-api allows twenty in twenty minutes."""
    desk.route("relay", "new-api", shelf()["new-api"].samples[0].answers)
    desk.route("aws", "bedrock", shelf()["bedrock"].samples[0].answers, account_key=True)
    balances = desk.balances()
    for seconds in (0, 80, 20):
        desk.clock.move(seconds)
        async for _ in balances.ask(fresh=True):
            pass
    assert desk.world.accounts["relay"].asked.count("token") == 2
    assert desk.world.accounts["aws"].asked == ["costs"]


async def test_retry_after_is_kept(desk: Desk) -> None:
    desk.route("it", "deepseek", fault="retry:120")
    balances = desk.balances()
    for seconds in (0, 60, 30):
        desk.clock.move(seconds)
        async for _ in balances.ask(fresh=True):
            pass
    assert len(desk.world.accounts["it"].asked) == 1
    desk.clock.move(31)
    async for _ in balances.ask(fresh=True):
        pass
    assert len(desk.world.accounts["it"].asked) == 2


async def test_fifty_accounts_are_asked_at_the_same_time(desk: Desk) -> None:
    """None is answered before all fifty have asked: one by one, or a few at a time, would wait for ever."""
    for number in range(50):
        desk.route(f"r{number}", "deepseek", wallet("10"), fault="together:50")
    async with asyncio.timeout(30):
        states = await desk.board()
    assert len(states) == 50
    assert all(s.status is Status.OK for s in states.values())


async def test_the_watch_asks_all_in_one_go_and_leaves_out_strangers(desk: Desk) -> None:
    desk.route("a", "deepseek", wallet("10"))
    desk.route("b", "deepseek", wallet("20"))
    desk.route("bad", "deepseek", fault="status:500")
    found = await desk.balances().check_all(["b", "bad", "nobody"])
    assert {name: state.status for name, state in found.items()} == {"b": Status.OK, "bad": Status.COULD_NOT_CHECK}
    assert list(await desk.store.latest(["a", "b", "bad"])) == ["b"]


async def test_graphql_errors_are_no_figure(desk: Desk) -> None:
    desk.route("it", "warp", fault='text:{"errors": [{"message": "not authorised"}], "data": null}')
    state = (await desk.board())["it"]
    assert state.status is Status.COULD_NOT_CHECK
    assert state.readings == ()


async def test_history_gives_a_runway(desk: Desk) -> None:
    desk.route("it", "deepseek", wallet("60"))
    for hours in range(6 * 24, 0, -6):
        left = 60 + Decimal(10) * hours / 24
        account = desk.world.accounts["it"]
        account.answers = wallet(str(left))
        desk.clock.move(0)
        await desk.board()
        desk.clock.move(timedelta(hours=6))
    desk.world.accounts["it"].answers = wallet("60")
    state = (await desk.board())["it"]
    assert state.runway.low_days is not None
    assert state.runway.high_days is not None
    assert Decimal(5) <= state.runway.low_days <= Decimal(6) <= state.runway.high_days <= Decimal("7.1")


async def test_check_lists_the_models(desk: Desk) -> None:
    desk.route("it", "deepseek", wallet("10"))
    state = await desk.balances().check("it")
    assert state.models == ("deepseek-chat",)
    assert state.readings[0].amount == Decimal(10)
