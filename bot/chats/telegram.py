"""Telegram: receives by polling or webhook, hands on, sends. It decides nothing.

Every update is taken once (its id is remembered in the store), then answered in a task of its own; `stop` waits for those that run.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import structlog
from aiohttp import web

from bot.chats import telegram_in as reading
from bot.chats.leaves import marker
from bot.chats.pace import Pace
from bot.chats.pictures import Reader
from bot.chats.telegram_inbox import Inbox
from bot.chats.telegram_people import Allowed, Memory, People, Profiles, TelegramOptions
from bot.chats.telegram_poll import Hook, Poller
from bot.chats.telegram_send import Sender
from bot.chats.telegram_wire import Wire
from bot.errors import ConfigError, DeliveryError
from bot.model.chat import MessageRef, Person, Place, Platform, Reply
from bot.ports import Answers, Clock, Wording
from bot.redaction.gate import Gate

__all__ = ["TelegramChat", "TelegramOptions"]

log = structlog.get_logger("telegram")
Json = dict[str, Any]

BODY_MOST: Final = 1_000_000  # bytes of one update


class TelegramChat:
    """Implements ports.Chat. `bind` hands it the router, last of all."""

    def __init__(
        self,
        options: TelegramOptions,
        gate: Gate,
        memory: Memory,
        clock: Clock,
        words: Callable[[str, str], Wording],
        profiles: Profiles | None = None,
        reader: Reader | None = None,
        allowed: Allowed | None = None,
    ) -> None:
        if options.webhook_url and not options.webhook_secret:
            raise ConfigError("TELEGRAM_WEBHOOK_URL is set without TELEGRAM_WEBHOOK_SECRET: set a secret.")
        self._options, self._clock, self._words = options, clock, words
        self._wire = Wire(options.bot_token, options.api_url, proxy=options.proxy, trust=options.trust)
        self._people = People(options, self._wire, gate, memory, clock, words, profiles)
        self._pace = Pace(options.rates, clock)
        self._sender = Sender(self._wire, self._pace, gate, clock, self._people.name, self._people.moved)
        self._inbox = Inbox(
            self._sender,
            self._wire,
            self._people,
            gate,
            memory,
            clock,
            options.known,
            reader,
            allowed,
            options.hears,
        )
        self._identity: asyncio.Task[None] | None = None
        self._stopping = False
        self._poller: Poller | None = None
        self._hook: Hook | None = None
        if options.webhook_url and options.webhook_secret:
            self._hook = Hook(self._wire, clock, options.webhook_url, options.webhook_secret)
        else:
            owner = secrets.token_hex(6)
            self._poller = Poller(self._wire, memory, clock, owner, self._inbox.accept, wait_s=options.poll_s)

    # --- life

    def bind(self, answers: Answers) -> None:
        """Before `start`: who answers."""
        self._inbox.bind(answers)

    async def start(self) -> None:
        """Connects. A Telegram that cannot be reached, or a refused token, is a fault and not an error: it is tried again."""
        await self._wire.open()
        await self._people.load_moves()
        identified = asyncio.Event()
        self._identity = asyncio.create_task(self._identify(identified), name="telegram identity")
        with suppress(TimeoutError):
            await asyncio.wait_for(identified.wait(), 5)

    async def stop(self) -> None:
        """Takes nothing new, lets running answers end for ten seconds, then closes."""
        self._stopping = True
        if self._identity is not None:
            self._identity.cancel()
            await asyncio.gather(self._identity, return_exceptions=True)
        for part in (self._poller, self._hook):
            if part is not None:
                await part.stop()
        await self._inbox.drain()
        await self._wire.close()

    async def _identify(self, done: asyncio.Event) -> None:
        """Who we are (commands carry our name), then the command menu, then the updates."""
        while not self._people.own_id:
            try:
                me = await self._wire.raw("getMe")
                self._people.own_id, self._people.username = int(me["id"]), str(me["username"])
            except (DeliveryError, KeyError, TypeError, ValueError) as fault:
                reason = fault.reason if isinstance(fault, DeliveryError) else "not_telegram"
                log.warning("Telegram does not know us", reason=reason, setting="TELEGRAM_BOT_TOKEN")
                done.set()
                await self._clock.sleep(15)
        for part in (self._poller, self._hook):
            if part is not None:
                part.start()
        done.set()
        await self._people.tell_name()
        await self._menu()

    async def _menu(self) -> None:
        """The command menu, by language and scope; set only where it differs."""
        names = [name for name in reading.COMMANDS if name != "start"]
        try:
            for language in ("", *self._options.languages):
                words = self._words(language or self._options.language, self._options.timezone)
                wanted = [{"command": name, "description": words.say(f"telegram.commands.{name}")} for name in names]
                start = {"command": "start", "description": words.say("telegram.commands.start")}
                for scope, commands in (("default", wanted), ("all_private_chats", [*wanted, start])):
                    params: Json = {"scope": {"type": scope}, "language_code": language}
                    if await self._wire.raw("getMyCommands", **params) != commands:
                        await self._wire.raw("setMyCommands", commands=commands, **params)
        except DeliveryError as fault:
            log.warning("the command menu could not be set", reason=fault.reason)

    # --- ports.Chat

    @property
    def platform(self) -> Platform:
        return "telegram"

    async def post(self, place: Place, reply: Reply) -> MessageRef:
        return await self._sender.send(place, reply, self._people.default_words(), urgent=False)

    async def edit(self, ref: MessageRef, reply: Reply) -> None:
        await self._sender.edit(ref, reply, self._people.default_words())

    async def direct(self, person: Person, reply: Reply) -> MessageRef:
        place = Place("telegram", person.id, private=True)
        return await self._sender.send(place, reply, self._people.default_words(), urgent=True)

    def mention(self, person: Person) -> str:
        if person.name:
            self._people.remember(person.address, person.name)
        return marker(person.address) if person.platform == "telegram" else person.name or person.id

    def faults(self) -> tuple[str, ...]:
        found = [self._wire.trouble] if self._wire.trouble else []
        if not self._people.own_id and not found:
            found.append("not_identified")
        part = self._poller or self._hook
        if part is not None and self._people.own_id:
            found += part.faults()
        return tuple(dict.fromkeys(found))

    @property
    def counts(self) -> Counter[str]:
        """For the metrics: plain_resent, gate_changed, undelivered, duplicates, and Telegram's refusals by name."""
        both = self._sender.counts + self._wire.counts
        both["waited"] = self._pace.refusals
        both["poller_rebuilt"] = self._poller.rebuilt if self._poller else 0
        return both

    @property
    def leading(self) -> bool:
        """Whether this replica polls."""
        return self._poller is not None and self._poller.leading

    @property
    def busy(self) -> int:
        """Deliveries that are being answered."""
        return self._inbox.busy

    # --- the webhook's door

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """POST /telegram/webhook. 200 as soon as the update is taken; never an error for an update that is bad: Telegram would
        hold back all later ones of the same chat."""
        wanted = self._options.webhook_secret
        given = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
        if wanted is None or self._hook is None:
            return web.Response(status=404)
        if not hmac.compare_digest(given.encode("utf-8", "replace"), wanted.reveal().encode()):
            return web.Response(status=401)
        if self._stopping or not self._inbox.bound or not self._people.own_id:
            return web.Response(status=503, headers={"Retry-After": "5"})  # not taken: it comes again
        if (request.content_length or 0) > BODY_MOST:
            log.warning("an update was too large and is left out")
            return web.Response(status=200)
        try:
            update = json.loads(await request.read())
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=200)
        except (ValueError, RecursionError):
            log.warning("an update was no JSON and is left out")
            return web.Response(status=200)
        if isinstance(update, dict) and isinstance(update.get("update_id"), int):
            self._inbox.accept(update)
        return web.Response(status=200)
