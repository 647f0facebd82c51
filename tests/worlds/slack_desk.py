"""The Slack adapter with a router that a test writes, against a SlackWorld. The store is a real protocol's small part."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Any

from bot.chats.slack import SlackChat, SlackOptions
from bot.clock import SystemClock
from bot.locales import Words
from bot.model.chat import Line, Person, Place, Reply, Request
from bot.model.team import Secret
from bot.redaction.gate import Gate
from bot.server import Server
from tests.worlds.slack import SlackWorld

Script = Callable[[Request], AsyncIterator[Reply]]


class Memory:
    """Delivery ids and tokens, as the store keeps them."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.tokens: dict[tuple[str, str], tuple[Mapping[str, Any], datetime]] = {}
        self.broken = False

    async def first_time(self, key: str, at: datetime) -> bool:
        if self.broken:
            raise OSError("database is locked")
        new = key not in self.seen
        self.seen.add(key)
        return new

    async def put_token(self, kind: str, payload: Mapping[str, Any], expires_at: datetime) -> str:
        if self.broken:
            raise OSError("database is locked")
        token = secrets.token_urlsafe(12)
        self.tokens[kind, token] = (payload, expires_at)
        return token

    async def peek_token(self, kind: str, token: str, at: datetime) -> Mapping[str, Any] | None:
        payload, expires = self.tokens.get((kind, token), (None, at))
        return payload if expires > at else None


class Router:
    """Answers by script and remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.scripts: dict[str, Script] = {}

    def on(self, name: str, *replies: Reply | Exception) -> None:
        """`name`: a command or an action id."""

        async def script(_: Request) -> AsyncIterator[Reply]:
            for reply in replies:
                if isinstance(reply, Exception):
                    raise reply
                yield reply

        self.scripts[name] = script

    async def answer(self, request: Request) -> AsyncIterator[Reply]:
        self.requests.append(request)
        script = self.scripts.get(request.action or request.command)
        if script is None:
            yield Reply(blocks=(Line(f"{request.action or request.command}: {request.text.text}"),))
            return
        async for reply in script(request):
            yield reply

    @property
    def last(self) -> Request:
        return self.requests[-1]


class SlackDesk:
    """`async with SlackDesk(slack) as desk`: HTTP mode; `socket=True`: Socket Mode."""

    def __init__(
        self,
        slack: SlackWorld,
        *,
        socket: bool = False,
        clock: Any = None,
        memory: Any = None,
        reader: Any = None,
        **options: Any,
    ) -> None:
        self.slack, self.router = slack, Router()
        self.memory: Any = memory or Memory()
        self.chosen: dict[str, tuple[str | None, str | None]] = {}
        self.gate = Gate(b"test")
        self.strangers: set[str] = set()
        values: dict[str, Any] = {
            "bot_token": Secret(slack.bot_token),
            "api_url": slack.api_url,
            "known": frozenset({"balance", "diagnose", "switch", "tickets", "help", "余额"}),
        }
        values |= {"app_token": Secret(slack.app_token)} if socket else {"signing_secret": Secret(slack.signing_secret)}
        values |= options
        self.chat = SlackChat(
            SlackOptions(**values),
            self.gate,
            self.memory,
            clock or SystemClock(),
            Words,
            self._profile,
            self._allowed,
            reader,
        )
        self.chat.bind(self.router)
        self.server = None if socket else Server("127.0.0.1", 0, slack=self.chat.handle)

    async def _profile(self, address: str) -> tuple[str | None, str | None]:
        return self.chosen.get(address, (None, None))

    async def _allowed(self, person: Person, _: Place) -> bool:
        return person.id not in self.strangers

    async def __aenter__(self) -> SlackDesk:
        await self.chat.start()
        if self.server is not None:
            await self.server.start()
            self.slack.events_url = f"http://127.0.0.1:{self.server.port}/slack/events"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.chat.stop()
        if self.server is not None:
            await self.server.stop()

    async def idle(self) -> None:
        """Until every delivery has been answered."""
        async with asyncio.timeout(120):
            while self.chat.busy:
                await asyncio.sleep(0.01)
