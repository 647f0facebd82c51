"""Which faces run: Slack, Telegram and their HTTP server together, or the terminal."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import structlog

from bot import lean, whereabouts
from bot.app import House, demo_house, house
from bot.errors import ConfigError
from bot.fittings import heartbeat_of, log_watch, posts, slack_chat, telegram_chat
from bot.locales import Words, fault_words
from bot.metrics import LOOK_S, Live, Looks
from bot.model.chat import Role
from bot.outlets.platforms import Platforms
from bot.redaction.logs import loop_handler
from bot.services import heartbeat
from bot.services.keeping import Keeping
from bot.services.outage import Outages
from bot.settings import Settings, load
from bot.trust import Trust
from handlers.chain import Chain
from handlers.router import discover

log = structlog.get_logger("faces")

STEPS_DRAIN_S = 3.0
HEAD_START_S = 0.5
WARM_S = 0.5
WARM_LATE = 10  # so many times


async def run() -> int:
    """Each platform whose credentials are set; with none, the terminal on the demo team."""
    settings = load()
    if not (settings.slack or settings.telegram):
        gc.enable()
        sys.stderr.write(
            "No platform token is set: this is the terminal on the demo team. See .env.example for Slack and Telegram.\n"
        )
        return await console(lang=None, role="operator", demo=True)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    trust = Trust()
    lean.load_server(trust)
    if _encrypted(settings):
        loop.run_in_executor(None, trust.read)  # beside all that follows, which takes longer
    async with house(settings, trust=trust) as built:
        loop.set_exception_handler(loop_handler(built.gate))
        await serve(built, stopping)
    return 0


def _encrypted(settings: Settings) -> bool:
    """Not where both are somebody's own servers behind the same wall."""
    slack = settings.slack and settings.slack_api_url.startswith("https:")
    return slack or (settings.telegram and settings.telegram_api_url.startswith("https:"))


async def serve(built: House, stopping: asyncio.Event) -> None:
    """Starts all faces, works until `stopping`, then drains: no new work, running answers end, sockets close."""
    settings = built.settings
    slack = slack_chat(built) if settings.slack else None
    telegram = telegram_chat(built) if settings.telegram else None
    chats = [chat for chat in (slack, telegram) if chat is not None]
    for chat in chats:
        chat.bind(built.answers)
        built.chats[chat.platform] = chat

    async def faults() -> Sequence[str]:
        found = [f"{chat.platform}: {fault}" for chat in chats for fault in chat.faults()]
        try:
            await built.store.ping()
        except Exception as fault:
            found.append(f"database: {getattr(fault, 'reason', 'not writable')}")
        return found

    beat = heartbeat_of(built)
    if beat is not None:
        built.steps.every("heartbeat", heartbeat.EVERY_S, beat.round)
    logs = log_watch(built)
    from bot.server import Server  # with aiohttp, which no command of the terminal needs

    server = Server(
        settings.http_host,
        settings.http_port,
        slack=slack.handle if slack and settings.slack_signing_secret else None,
        telegram=telegram.handle if telegram and settings.telegram_webhook_url else None,
        faults=faults,
        posts=posts(built),
        remarks=lambda: (*(beat.faults() if beat else ()), *(logs.faults() if logs else ())),
        registry=built.registry,
    )
    telling = Platforms(built.chats, built.team, built.clock)
    built.steps.every("platforms", Platforms.EVERY_S, telling.round)
    built.steps.every("metrics", LOOK_S, Looks(built.metrics, built.store, built.clock).round)
    built.steps.every("retention", Keeping.EVERY_S, Keeping(built.team.retention, built.store, built.clock).round)
    leads = {"watch": lambda: built.watch.leads}
    if telegram is not None:
        leads["telegram"] = lambda: telegram.leading
    if logs is not None:
        leads["logs"] = lambda: logs.leads
    built.registry.register(Live(built.chats, built.steps, leads))
    try:
        await server.start()
    except OSError as fault:
        taken = "port_taken" if fault.errno == errno.EADDRINUSE else "port_unusable"
        raise ConfigError(fault_words.fault(taken)) from None
    log.info("listening", host=settings.http_host, port=server.port)
    chain = _chain(built)
    work = [built.steps.run_forever(), built.watch.run_forever(), *([chain.run_forever()] if chain else [])]
    if logs is not None:
        work.append(logs.run_forever())
    running: list[asyncio.Task[None]] = []
    starting = [asyncio.create_task(chat.start()) for chat in chats]
    try:
        # The platforms go first, but nothing else waits long for one that does not answer.
        await asyncio.wait(starting, timeout=HEAD_START_S)
        running = [asyncio.create_task(each) for each in work]
        await asyncio.gather(*starting)
        log.info("started", faces=[chat.platform for chat in chats], pid=os.getpid())
        warming = asyncio.create_task(_warm(built, lambda: any(chat.busy for chat in chats)))
        await _first(stopping, *running)
        warming.cancel()
    finally:
        log.info("stopping")
        # No new steps; those that are being sent get a moment while the chats can still send. Then both chats at once: each
        # lets its answers end for up to ten seconds, and whoever asked us to stop does not wait for twice that.
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=STEPS_DRAIN_S)
        await asyncio.gather(*(chat.stop() for chat in chats), return_exceptions=True)
        await server.stop()
        await asyncio.gather(*running, return_exceptions=True)


async def _warm(built: House, busy: Callable[[], bool]) -> None:
    """A quarter of a second that the first answers would wait for: in a thread, and not before the readiness check is through.
    Nor beside somebody's first question, as long as that takes no longer than usual."""
    for _ in range(WARM_LATE):
        await built.clock.sleep(WARM_S)
        if not busy():
            break
    gc.collect()  # a megabyte of classes that were only drafts makes room for what is read now
    gc.freeze()
    gc.enable()
    await asyncio.to_thread(_read_words, Words(built.team.language, built.team.timezone))
    await asyncio.to_thread(built.explaining.warm)
    if built.team.routes:
        await built.web.at_hand()
    gc.freeze()  # what stands now stays for ever: the collector need not walk over it again
    lean.give_back()


def _read_words(words: Words) -> None:
    """The team's catalogue, and how its language writes numbers and dates, before somebody asks for them. Another language is read
    when its first reader comes: a twentieth of a second, and half a megabyte that most teams never need."""
    now = datetime.now(UTC)
    words.money(Decimal("1.50"), "USD")
    words.when(now, now)
    words.say("balance.refresh")


def _chain(built: House) -> Chain | None:
    services, fallback = built.services, built.services.fallback
    if fallback is None:
        return None
    outages = Outages(
        built.team, services.balances, fallback, services.escalation, built.store, built.gate, built.clock
    )
    return Chain(fallback, services, built.chats, built.owner, outages)


async def _first(stopping: asyncio.Event, *tasks: asyncio.Task[None]) -> None:
    """Returns when asked to stop; raises if a part that must run for ever has ended."""
    waiting = asyncio.create_task(stopping.wait())
    done, _ = await asyncio.wait({waiting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    for task in done - {waiting}:
        task.result()
        raise RuntimeError("a part that must run for ever has ended")


async def console(*, lang: str | None, role: str, demo: bool) -> int:
    """The terminal. Without a team of its own, or when asked, on the demo team."""
    settings = load()
    language = lang or whereabouts.language()
    if demo:
        async with demo_house(settings, language) as built:
            return await _talk(built, language, role, Words(language).say("terminal.greeting"))
    async with house(settings, quiet=True) as built:
        language = lang or built.team.language
        return await _talk(built, language, role, "")


async def _talk(built: House, language: str, role: str, greeting: str) -> int:
    commands = [c.name for c in discover().values() if not c.hidden]
    from bot.chats.terminal import TerminalChat, TerminalOptions  # with rich, which no other face needs

    options = TerminalOptions(
        language=language,
        timezone=built.team.timezone,
        role=Role[role.upper()],
        commands=tuple(commands),
        names=lambda: (*built.team.engines, *built.team.routes),
        greeting=greeting,
    )
    chat = TerminalChat(gate=built.gate, words=Words, clock=built.clock, options=options, profiles=built.chosen)
    chat.bind(built.answers)
    built.chats["terminal"] = chat
    runner = asyncio.create_task(built.steps.run_forever())
    try:
        await chat.run()
    finally:
        runner.cancel()
        await asyncio.gather(runner, return_exceptions=True)
    return 0
