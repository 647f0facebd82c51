"""People and chats: what is said to them, and by which service they are called."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from bot.model.alert import Await, Notice, WeekReport
from bot.model.chat import CleanText, MessageRef, Person, Place, Platform, Reply, Request
from bot.model.handoff import Page, Ticket, Waiting
from bot.model.money import AccountState
from bot.model.values import dataclass


class Chat(Protocol):
    """One platform, outgoing. Every method raises DeliveryError."""

    @property
    def platform(self) -> Platform:
        """Which one; the first half of its addresses."""

    async def post(self, place: Place, reply: Reply) -> MessageRef:
        """A new message; the reference of its last part, which carries the buttons, where it was split."""

    async def edit(self, ref: MessageRef, reply: Reply) -> None:
        """Puts `reply` in the place of what stands there. An edit that changes nothing is no error."""

    async def direct(self, person: Person, reply: Reply) -> MessageRef:
        """A direct message to one person. DeliveryError(final=True) where the person never opened a chat with the bot."""

    def mention(self, person: Person) -> str:
        """Plain text that the chat's renderer turns into a mention of this person."""

    def faults(self) -> tuple[str, ...]:
        """Machine words of what is wrong now (deaf, refused_token, …); empty is healthy."""


class Answers(Protocol):
    """What a chat adapter hands requests to: the router."""

    def answer(self, request: Request) -> AsyncIterator[Reply]:
        """One reply, then perhaps edits of it. Never raises: errors are replies."""


class Desk(Protocol):
    """The support chats and the people, in words. `place` is an address of [support] chats. Everything raises DeliveryError;
    final, where the platform is not connected."""

    async def note(self, place: str, ticket: Ticket, now: datetime, *, maybe_twice: bool = False) -> MessageRef:
        """A new message with the ticket and its buttons. `maybe_twice` says in it that it may have arrived before."""

    async def renew(self, ref: MessageRef, ticket: Ticket, now: datetime) -> None:
        """The same message, with the ticket as it is now."""

    async def page(self, person: Person, ticket: Ticket, page: Page, language: str, now: datetime) -> MessageRef:
        """A direct message."""

    async def call(self, place: str, ticket: Ticket, page: Page, now: datetime) -> MessageRef:
        """A mention in a support chat."""

    async def remind(
        self, place: str, ticket: Ticket, people: Sequence[Person], now: datetime, *, last: bool
    ) -> MessageRef:
        """That nobody has moved the ticket, with a mention of `people`; `last`: no further reminder follows."""

    async def digest(
        self,
        kind: str,
        address: str,
        tickets: Sequence[Ticket],
        now: datetime,
        *,
        page: Page | None = None,
        people: Sequence[Person] = (),
        language: str | None = None,
        twice: Sequence[int] = (),
    ) -> MessageRef:
        """Many tickets in one message, a line and a button each. `kind`: note, call, remind (to a chat), page (to a person);
        `people` are mentioned. `twice`: ids of those that may have arrived before."""

    async def renew_digest(
        self, ref: MessageRef, kind: str, tickets: Sequence[Ticket], now: datetime, *, language: str | None = None
    ) -> None:
        """The same message of many tickets, with each as it is now."""

    async def tell_many(
        self, place: str, told: Sequence[tuple[str, Mapping[str, Any], Ticket | None]], now: datetime
    ) -> None:
        """Many sentences in one message."""

    async def ended(self, waiting: Waiting, ticket: Ticket, now: datetime, *, directly: bool) -> None:
        """The resolution, to somebody who asked: in their thread, or `directly`."""

    async def tell(
        self, place: str, word: str, facts: Mapping[str, Any], now: datetime, *, ticket: Ticket | None = None
    ) -> None:
        """A sentence of the bot's own: a catalogue key under [page.tell]."""


class Pager(Protocol):
    """A paging service. One incident per ticket, whatever is sent again. Everything raises DeliveryError."""

    @property
    def name(self) -> str:
        """For the timeline and for messages; no key and no address in it."""

    async def trigger(self, ticket: Ticket, page: Page, now: datetime) -> None:
        """Opens the incident, or raises it again under the same key."""

    async def acknowledge(self, ticket: Ticket) -> None:
        """Nothing happens where there is no such incident."""

    async def resolve(self, ticket: Ticket) -> None:
        """Nothing happens where there is no such incident."""


class Speaker(Protocol):
    """What the watch says unasked, in words. `place` is an address of [support] chats. Everything raises DeliveryError;
    final, where nothing will ever arrive there."""

    def places(self) -> tuple[str, ...]:
        """Support chats whose platform is connected now."""

    async def say(self, place: str, notice: Notice, now: datetime) -> MessageRef:
        """A new message; its reference is kept to edit it when something in it ends."""

    async def edit(self, ref: MessageRef, notice: Notice, now: datetime) -> None:
        """The same message, with what has ended meanwhile."""

    async def report(self, place: str, report: WeekReport, now: datetime) -> MessageRef:
        """The week: money left and spent per account and currency, never summed across currencies."""

    async def back(self, waiting: Await, state: AccountState, now: datetime) -> None:
        """To somebody who asked to hear it: the account works again."""


@dataclass(frozen=True, slots=True)
class WarpTiers:
    """A Warp gateway's two state files and its policy. None: no such file. `unknown`: names of what cannot be read."""

    folder: Path
    found: bool  # the folder is there
    last_attempt: datetime | None = None
    cooldown_until: datetime | None = None
    personal: bool | None = None  # a personal token is set
    fallback_disabled: bool | None = None
    weak_api_token: bool = False
    unknown: tuple[str, ...] = ()
    log: tuple[CleanText, ...] = ()  # the last lines of its log that speak of quota, newest last


class WarpView(Protocol):
    """A Warp gateway on this machine, read from its files."""

    async def look(self) -> WarpTiers | None:
        """None where the team has no Warp folder. Never writes, never asks Warp for anything."""
