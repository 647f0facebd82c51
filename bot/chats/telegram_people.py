"""Who writes and where: names, language and zone, and groups whose id has changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import field
from datetime import datetime
from typing import Any, Final, Protocol

import structlog
from telegram import User

from bot.chats import telegram_in as reading
from bot.chats.pace import TELEGRAM, Rates
from bot.chats.telegram_wire import Wire
from bot.model.chat import Language, Person, Place
from bot.model.team import Secret
from bot.model.values import dataclass
from bot.ports import Clock, Wording
from bot.redaction.gate import Gate
from bot.trust import Trust

log = structlog.get_logger("telegram")
Profiles = Callable[[str], Awaitable[tuple[str | None, str | None]]]  # address -> language, zone: what a person chose

Allowed = Callable[[Person, Place], Awaitable[bool]]  # whether this person may read here at all

_KNOWN: Final = 5_000


class Memory(Protocol):
    """The part of the store that a chat needs."""

    async def first_time(self, key: str, at: datetime) -> bool: ...

    async def lead(self, name: str, owner: str, now: datetime, lease_s: float) -> bool: ...

    async def get_fact(self, key: str) -> Any: ...

    async def set_fact(self, key: str, value: Any, at: datetime) -> None: ...

    async def facts(self, prefix: str) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class TelegramOptions:
    """`webhook_url` None: long polling. `chats`: ids that the team file names, so that a group that became a supergroup is
    still known by its old one. `names`: addresses -> display names. `known`: names and aliases of all commands."""

    bot_token: Secret
    api_url: str = "https://api.telegram.org"
    webhook_url: str | None = None
    webhook_secret: Secret | None = None
    language: Language = "en"
    timezone: str = "UTC"
    languages: tuple[str, ...] = ("en", "zh")
    chats: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)
    known: frozenset[str] = frozenset()
    proxy: str | None = None
    poll_s: float = 20.0
    rates: Rates = TELEGRAM
    trust: Trust | None = None
    hears: Callable[[Place], bool] = lambda place: True  # whether a chat is the team's own


class People:
    """`own_id` and `username` are the bot's, 0 and "" until Telegram has told them."""

    def __init__(
        self,
        options: TelegramOptions,
        wire: Wire,
        gate: Gate,
        memory: Memory,
        clock: Clock,
        words: Callable[[str, str], Wording],
        profiles: Profiles | None,
    ) -> None:
        self._options, self._wire, self._gate, self._memory, self._clock = options, wire, gate, memory, clock
        self._words, self._profiles = words, profiles
        self._names: OrderedDict[str, str] = OrderedDict()
        self.own_id, self.username = 0, ""

    def person(self, user: User) -> Person:
        """Their name has passed the gate and is remembered for mentions."""
        name = self._gate.clean(reading.shown_name(user)).text.text
        self.remember(f"telegram:{user.id}", name)
        return Person("telegram", str(user.id), name)

    def remember(self, address: str, name: str) -> None:
        """For mentions, in this process; the longest unseen are forgotten."""
        self._names[address] = name
        self._names.move_to_end(address)
        while len(self._names) > _KNOWN:
            self._names.popitem(last=False)

    def name(self, address: str) -> str:
        return self._options.names.get(address) or self._names.get(address, "")

    async def wording(self, user: User) -> Wording:
        """What the person chose, else Telegram's language for them, else the team's."""
        chosen: tuple[str | None, str | None] = (None, None)
        if self._profiles is not None:
            with suppress(Exception):  # a database that is away must not cost the answer
                chosen = await self._profiles(f"telegram:{user.id}")
        hint = (user.language_code or "").replace("_", "-").split("-")[0].lower()
        language = chosen[0] or (hint if hint in self._options.languages else self._options.language)
        return self._words(language, chosen[1] or self._options.timezone)

    def default_words(self) -> Wording:
        """The team's language and zone."""
        return self._words(self._options.language, self._options.timezone)

    def alias(self, chat: int) -> str:
        """The id by which the team file knows the chat."""
        if str(chat) not in self._options.chats:
            for old, new in self._wire.moved.items():
                if new == chat and str(old) in self._options.chats:
                    return str(old)
        return str(chat)

    async def moved(self, old: int, new: int) -> None:
        """A group has a new id: messages go there from now on, also after a restart."""
        self._wire.moved[old] = new
        log.warning("a group became a supergroup; put its new id into the team file", old=old, new=new)
        with suppress(Exception):
            await self._memory.set_fact(f"telegram.moved:{old}", new, self._clock.now())

    async def tell_name(self) -> None:
        """For deep links (`https://t.me/<name>?start=…`) that other platforms show."""
        with suppress(Exception):  # without it only the link is missing
            await self._memory.set_fact("telegram.username", self.username, self._clock.now())

    async def load_moves(self) -> None:
        """What `moved` has stored; nothing where the store does not answer."""
        with suppress(Exception):
            for key, new in (await self._memory.facts("telegram.moved:")).items():
                self._wire.moved[int(key.partition(":")[2])] = int(new)
