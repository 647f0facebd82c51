"""The composition root: builds every room once, hands each chat the router, runs everything in one task group."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry

from bot import offers, preflight, replica, team_file
from bot.charts import week_chart
from bot.clock import SystemClock
from bot.errors import ConfigError
from bot.locales import best
from bot.logging_setup import set_up
from bot.metrics import Measured, Metrics
from bot.model.chat import Person, Place, Role
from bot.model.engine import Engine
from bot.model.money import AccountState
from bot.model.team import Team
from bot.outlets import env_file, env_keys, follow_up, gateways, notify
from bot.outlets.desk import ChatDesk
from bot.outlets.pagerduty import PagerDuty
from bot.outlets.restart import Restart
from bot.outlets.speaker import ChatSpeaker
from bot.outlets.warp_files import WarpFiles
from bot.ports import Chat, Clock, Pager
from bot.redaction.gate import Gate
from bot.services import Services, smaller
from bot.services.balances import Balances
from bot.services.degrade import Degrade
from bot.services.escalation import build as build_escalation
from bot.services.explaining import Explaining
from bot.services.fallback import Fallback
from bot.services.gateways import Gateways
from bot.services.proof import Proof
from bot.services.reports import Reports
from bot.services.reword import Reword
from bot.services.steps import StepRunner
from bot.services.switching import Switching
from bot.services.watch import Watch
from bot.settings import EnvKeys, Settings, database_directory, fingerprint_key, revealed, secret
from bot.store.store import SqlStore
from bot.trust import Trust
from bot.web import Web
from handlers.router import Router, discover

if TYPE_CHECKING:
    from bot.services.diagnosis import Diagnoser
    from bot.tracing import Tracing

log = structlog.get_logger("app")


@dataclass(slots=True)
class House:
    """Everything, built. `chats` is filled by the faces that run; the desk posts through whatever is in it."""

    settings: Settings
    team: Team
    gate: Gate
    store: SqlStore
    web: Web
    clock: Clock
    services: Services
    answers: Measured
    steps: StepRunner
    watch: Watch
    chats: dict[str, Chat]
    registry: CollectorRegistry
    metrics: Metrics
    owner: str
    explaining: Explaining
    trust: Trust

    async def chosen(self, address: str) -> tuple[str | None, str | None]:
        """Language and zone that this person chose; None where nothing was chosen."""
        profile = await self.store.profile(address)
        return profile.language, profile.timezone

    async def allowed(self, person: Person, place: Place) -> bool:
        """Whether this person may read anything here."""
        profile = await self.store.profile(person.address)
        return self.team.role(person, place, profile.linked) > Role.NOBODY

    async def profile(self, person: Person, hint: str | None) -> tuple[str, str]:
        """The person's own choice, else the platform's hint, else the team's."""
        language, timezone = await self.chosen(person.address)
        return language or best(hint, self.team.language), timezone or self.team.timezone


def read_team(settings: Settings, keys: EnvKeys) -> Team:
    """The team file; without one, what TARGET_ENV_FILE offers; without either, a closed and empty team."""
    if settings.config_file.exists() or "config_file" in settings.model_fields_set:
        team = team_file.read(settings.config_file)
        if not team.engines and settings.target_env_file:
            team = offers.team_from(settings.target_env_file, keys, team, backups=_backups(settings))
        return offers.bound(team, keys, _backups(settings))
    if settings.target_env_file is not None:
        return offers.team_from(settings.target_env_file, keys, backups=_backups(settings))
    return Team()


def _backups(settings: Settings) -> Path:
    return database_directory(settings) / "backups"


@contextlib.asynccontextmanager
async def house(
    settings: Settings,
    *,
    team_of: Callable[[EnvKeys], Team] | None = None,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    clock: Clock | None = None,
    quiet: bool = False,
    trust: Trust | None = None,
) -> AsyncIterator[House]:
    """Builds all rooms and opens the store; closes everything at the end. Raises ConfigError with every fault found.

    `folder`: keep everything of ours there (the demo); else where DATABASE_URL says.
    """
    clock = clock or SystemClock()
    directory = folder or database_directory(settings)
    gate = Gate(fingerprint_key(settings, directory))
    set_up(gate, "CRITICAL" if quiet else settings.log_level, settings.log_format)
    environ = os.environ if environ is None else environ
    first = env_keys.FirstSeen()
    keys = EnvKeys(gate.fingerprint, environ=environ, values_of=first.values_of, value_at=first.value_at)
    team = (team_of or (lambda keys: read_team(settings, keys)))(keys)
    if wrong := preflight.faults(team, keys):
        raise ConfigError(*wrong)
    for route in team.routes.values():
        if (found := keys.read(route.key)) is not None:
            gate.know(found.reveal(), route.name)
    url = f"sqlite+aiosqlite:///{folder / 'quotadesk.db'}" if folder else settings.database_url.get_secret_value()
    owner = replica.name()
    chats: dict[str, Chat] = {}
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    store = SqlStore(url, gate)
    tracing: Tracing | None = None
    await store.open()
    trust = trust or Trust()
    async with Web(tls=trust, proxy=revealed(settings.provider_proxy)) as web:
        try:
            balances = Balances(team, web, keys, store, clock, gate)
            files = env_file.EnvFiles(directory / "backups", environ)
            restarter = Restart(web, clock, gate, environ)
            switching = Switching(team, keys, files, web, balances, restarter, store, clock, gate)

            async def route_of(engine: Engine) -> str | None:
                route = (await switching.standing(engine)).route
                return smaller.whole(route) if route else None

            desk = ChatDesk(chats, team)
            escalation, steps = build_escalation(
                team, store, desk, pagers(settings, web, team), clock, gate, owner=owner, gone=replica.gone
            )
            steps.serve(follow_up.KIND, follow_up.RotatedFollowUp(chats, store, clock))
            chain = Fallback(team, switching, balances, store, clock)
            doors = gateways.build(team, web, keys, restarter, clock, directory / "backups")
            behind = Gateways(doors, team, store, clock, gate)
            speaker = ChatSpeaker(chats, team, week_chart)

            async def using() -> Mapping[str, str]:
                return {one.engine: smaller.whole(one.route) for one in await switching.overview() if one.route}

            def saw(states: tuple[AccountState, ...]) -> None:
                metrics.saw(states)
                chain.saw(states)

            watch = Watch(team, balances, store, clock, speaker, owner, saw=saw, using=using)
            explaining = Explaining(_diagnoser)
            proof = Proof(team, balances, store, clock, route_of)
            if settings.otel_exporter_otlp_endpoint:
                tracing, explaining, proof = _traced(settings, owner, proof)
                steps.around = tracing.delivery
            services = Services(
                team=team,
                store=store,
                clock=clock,
                gate=gate,
                keys=keys,
                balances=balances,
                diagnosis=explaining,
                proof=proof,
                switching=switching,
                escalation=escalation,
                oncall=escalation.rota,
                fallback=chain,
                gateways=behind,
                degrade=Degrade(team, switching, balances, restarter, store, clock, gate),
                warp=WarpFiles.of(team, gate),
                reword=Reword(team, web, keys, gate),
                reports=Reports(team, explaining, proof, escalation, store, clock, chain),
            )
            await switching.recover()
            await behind.recover()
            router = Router(services)
            names = frozenset((*discover(), *router.actions))
            answers = Measured(tracing.answers(router, names) if tracing else router, metrics, names)
            yield House(
                settings,
                team,
                gate,
                store,
                web,
                clock,
                services,
                answers,
                steps,
                watch,
                chats,
                registry,
                metrics,
                owner,
                explaining,
                trust,
            )
            await switching.drain()
        finally:
            if tracing is not None:
                await tracing.stop()
            await store.close()


def _traced(settings: Settings, owner: str, proof: Proof) -> tuple[Tracing, Explaining, Proof]:
    """Raises ConfigError where the extra is not installed. Imported only here: most teams have no collector."""
    from bot import tracing

    started = tracing.start(settings, owner)
    explaining = Explaining(lambda: tracing.TracedDiagnoser.of(_diagnoser(), started))
    return started, explaining, tracing.TracedProof.of(proof, started)


def _diagnoser() -> Diagnoser:
    from bot.services.diagnosis import Diagnoser  # with a hundred patterns to compile
    from bot.signatures import load

    return Diagnoser(load())


def pagers(settings: Settings, web: Web, team: Team) -> list[Pager]:
    """The paging services that have a setting. Raises ConfigError for an address that Apprise does not know."""
    key = secret(settings.pagerduty_routing_key)
    duty = [PagerDuty(web, key, settings.pagerduty_events_url, team)] if key else []
    return [*duty, *notify.pagers(secret(settings.notify_urls), team)]


@contextlib.asynccontextmanager
async def demo_house(settings: Settings, language: str, timezone: str = "Asia/Shanghai") -> AsyncIterator[House]:
    """The demo team with its own providers, application file and database, all gone at the end."""
    from bot.demo import team as demo
    from bot.demo.world import DemoWorld

    world = DemoWorld()
    await world.start()
    try:
        with tempfile.TemporaryDirectory(prefix="quotadesk-demo-") as name:
            folder = Path(name)
            environ = {"PATH": os.environ.get("PATH", ""), **demo.environment(world)}
            team = demo.team(world, folder, language=language, timezone=timezone)
            demo.write_env(team, environ, folder / "app.env")
            async with house(settings, team_of=lambda keys: team, environ=environ, folder=folder, quiet=True) as built:
                await demo.write_history(built.store, built.clock)
                yield built
    finally:
        await world.stop()
