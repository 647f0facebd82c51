"""Telegram's Bot API through python-telegram-bot: one call, one answer, or a DeliveryError that says what it means."""

from __future__ import annotations

import logging
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

import aiohttp
from telegram import Bot
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from bot.chats.pace import RATE_LIMITED
from bot.chats.telegram_http import Requests
from bot.errors import DeliveryError
from bot.model.team import Secret
from bot.trust import Trust

T = TypeVar("T")

REFUSED_TOKEN: Final = "refused_token"  # noqa: S105 a machine word, no token
REFUSED_CONTENT: Final = "refused_content"
NO_THREAD: Final = "no_thread"
NOT_MODIFIED: Final = "not_modified"
GONE: Final = "gone"

_READ_S: Final = 10.0
# Beginnings of what the server says, lower case: the library changes the case of what it passes on.
_CONTENT: Final = (
    "can't parse entities",
    "message is too long",
    "message caption is too long",
    "message text is empty",
    "text must be",
    "button_",
    "reply_markup",
    "text buttons are",
    "inline keyboard",
    "can't parse",
    "entity_",
    "image_process_failed",
    "photo_invalid",
    "media_",
)
_GONE: Final = (
    "message to edit not found",
    "message can't be edited",
    "message to delete not found",
    "message can't be deleted",
    "there is no text in the message",
    "there is no caption in the message",
    "message_id_invalid",
)


class _Bot(Bot):
    """The library's client, and a way to a method's plain JSON for what it would refuse to read as a whole."""

    def __repr__(self) -> str:
        return "Bot"  # the library's own shows the token

    async def ask(self, method: str, params: dict[str, Any], read_s: float) -> Any:
        return await self._post(method, params, read_timeout=read_s)


class Moved(DeliveryError):
    """The group became a supergroup with this id."""

    def __init__(self, chat: int) -> None:
        super().__init__("moved", retry_after_s=1)
        self.chat = chat


class Wire:
    """`trouble`: the last machine word of a token or network fault, "" when the last call went well."""

    def __init__(self, token: Secret, api_url: str, *, proxy: str | None = None, trust: Trust | None = None) -> None:
        self._token, self._proxy, self._trust = token, proxy, trust or Trust()
        self._api_url = api_url.rstrip("/")
        self._bot: _Bot | None = None
        self._requests: list[Requests] = []
        self.trouble = ""
        self.counts: Counter[str] = Counter()
        self.moved: dict[int, int] = {}  # former group -> supergroup

    async def open(self) -> None:
        # The library's own lines may carry a whole answer.
        logging.getLogger("telegram").setLevel(logging.WARNING)
        logging.getLogger("telegram.request").setLevel(logging.CRITICAL)
        warnings.filterwarnings("ignore", message=".*PTB_TIMEDELTA.*")
        await self._connect()

    async def _connect(self) -> None:
        if self._api_url.startswith("https:"):
            await self._trust.at_hand()
        updates, rest = self._request(4), self._request(128)
        # Not Bot.initialize(): it asks getMe, and a Telegram that is away must not stop the start.
        for request in (updates, rest):
            await request.initialize()
        self._requests += [updates, rest]
        self._bot = _Bot(
            self._token.reveal(),
            base_url=f"{self._api_url}/bot",
            base_file_url=f"{self._api_url}/file/bot",
            request=rest,
            get_updates_request=updates,
        )

    def _request(self, pool: int) -> Requests:
        return Requests(pool, self._trust, read_s=_READ_S, connect_s=5.0, proxy=self._proxy)

    async def close(self) -> None:
        self._bot = None
        for request in self._requests:
            await request.shutdown()
        self._requests = []

    async def rebuild(self) -> None:
        """New connections, for when the old ones lead nowhere. Those before them may still be in use, older ones not."""
        await self._connect()
        old, self._requests = self._requests[:-4], self._requests[-4:]
        for request in old:
            await request.shutdown()

    @property
    def bot(self) -> _Bot:
        """Raises DeliveryError (`closed`) before `open` and after `close`."""
        if self._bot is None:
            raise DeliveryError("closed", retry_after_s=5)
        return self._bot

    async def call(self, method: Callable[[_Bot], Awaitable[T]]) -> T:
        """Raises DeliveryError; `not_modified` is among its reasons, `Moved` among its kinds."""
        try:
            result = await method(self.bot)
        except TelegramError as fault:
            error = self._meaning(fault)
            self.counts[error.reason] += 1
            raise error from None  # the original may carry the whole answer
        except (TypeError, ValueError, KeyError, AttributeError):
            # The server's own answer could not be read (newer than the library): what was asked is done.
            self.counts["unreadable"] += 1
            raise DeliveryError("unreadable", retry_after_s=5, lost=True) from None
        self.trouble = ""
        return result

    async def raw(self, method: str, **params: Any) -> Any:
        """The method's plain JSON."""
        read_s = _READ_S + float(params.get("timeout") or 0)
        return await self.call(lambda bot: bot.ask(method, params, read_s))

    async def stream(self, file_id: str) -> AsyncIterator[bytes]:
        """A file, a piece at a time. Raises DeliveryError."""
        file = await self.call(lambda bot: bot.get_file(file_id))
        requests = self._requests[-1]
        try:
            async for chunk in requests.stream(file.file_path or ""):
                yield chunk
        except TelegramError as fault:
            error = self._meaning(fault)
            self.counts[error.reason] += 1
            raise error from None

    def _meaning(self, fault: TelegramError) -> DeliveryError:
        text = str(fault.message).lower()
        match fault:
            case RetryAfter():
                wait = fault.retry_after  # seconds now, a timedelta in later releases
                seconds = wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
                return DeliveryError(RATE_LIMITED, retry_after_s=seconds)
            case ChatMigrated():
                return Moved(fault.new_chat_id)
            case Forbidden():
                return DeliveryError("blocked", final=True)
            case InvalidToken():
                self.trouble = REFUSED_TOKEN
                return DeliveryError(REFUSED_TOKEN, retry_after_s=60)
            case Conflict():
                return DeliveryError("webhook_active" if "webhook is active" in text else "conflict", retry_after_s=5)
            case BadRequest():
                return self._refusal(text)
            case TimedOut():
                self.trouble = "timeout"
                unsent = isinstance(fault.__cause__, aiohttp.ConnectionTimeoutError)
                return DeliveryError("timeout", retry_after_s=5, lost=not unsent)
            case NetworkError():
                self.trouble = "unreachable"
                cause = fault.__cause__
                unsent = isinstance(cause, (aiohttp.ClientConnectorError, aiohttp.InvalidURL))
                lost = isinstance(cause, (aiohttp.ClientError, OSError)) and not unsent
                return DeliveryError("unreachable", retry_after_s=5, lost=lost)
            case _:
                return DeliveryError("refused", final=True)

    @staticmethod
    def _refusal(text: str) -> DeliveryError:
        if "message is not modified" in text:
            return DeliveryError(NOT_MODIFIED)
        if "thread not found" in text:
            return DeliveryError(NO_THREAD)
        if any(sign in text for sign in _GONE):
            return DeliveryError(GONE, final=True)
        if any(sign in text for sign in _CONTENT):
            return DeliveryError(REFUSED_CONTENT)
        if "query is too old" in text:
            return DeliveryError("old_query", final=True)
        return DeliveryError("no_chat" if "chat not found" in text else "refused", final=True)
