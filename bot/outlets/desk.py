"""The desk: notes, calls and ends in words, through whatever chats are connected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.errors import DeliveryError
from bot.locales import Words, delivery_words, messages
from bot.model.chat import MessageRef, Person, Place, Reply
from bot.model.handoff import Page, Ticket, Waiting
from bot.model.team import Team
from bot.ports import Chat


def place_of(address: str, team: Team) -> Place:
    """`slack:C0SUPPORT`, `telegram:-1009:17` (a topic of a forum group)."""
    platform, _, rest = address.partition(":")
    chat, _, thread = rest.partition(":")
    slack_team = team.access.slack_team if platform == "slack" else None
    return Place(platform, chat, thread or None, team=slack_team)  # type: ignore[arg-type]


class ChatDesk:
    """`chats` may be filled later and change: a platform that is not in it refuses finally ("not_connected")."""

    def __init__(self, chats: Mapping[str, Chat], team: Team) -> None:
        self._chats = chats
        self._team = team

    def _chat(self, platform: str) -> Chat:
        chat = self._chats.get(platform)
        if chat is None:
            raise DeliveryError("not_connected", final=True)
        return chat

    def _words(self, language: str | None = None) -> Words:
        return Words(language or self._team.language, self._team.timezone)

    def _names(self, people: Sequence[Person], chat: Chat | None) -> list[str]:
        """One name for each person: a mention where the person has an address on this platform, else the plain name."""
        here = [p for p in people if chat is not None and p.platform == chat.platform]
        if here and chat is not None:
            return [chat.mention(person) for person in here]
        return list(dict.fromkeys(person.name or person.address for person in people))

    async def _post(self, place: str, reply: Reply) -> MessageRef:
        where = place_of(place, self._team)
        return await self._chat(where.platform).post(where, reply)

    def _oncall(self, ticket: Ticket, chat: Chat | None) -> list[str]:
        people = [self._person(address) for address in ticket.facts.get("oncall") or ()]
        if ticket.urgency == "page":
            return self._names(people, chat)
        # A note wakes nobody: the name without a mention.
        return list(dict.fromkeys(person.name or person.address for person in people))[:1]

    def _person(self, address: str) -> Person:
        platform, _, id = address.partition(":")
        return Person(platform, id, self._team.people_names.get(address, ""))  # type: ignore[arg-type]

    def _note(self, ticket: Ticket, chat: Chat | None, now: datetime, *, maybe_twice: bool = False) -> Reply:
        names = self._oncall(ticket, chat)
        return messages.note(ticket, self._words(), self._team, now, oncall=names, maybe_twice=maybe_twice)

    # --- ports.Desk

    async def note(self, place: str, ticket: Ticket, now: datetime, *, maybe_twice: bool = False) -> MessageRef:
        chat = self._chat(place_of(place, self._team).platform)
        return await self._post(place, self._note(ticket, chat, now, maybe_twice=maybe_twice))

    async def renew(self, ref: MessageRef, ticket: Ticket, now: datetime) -> None:
        chat = self._chat(ref.platform)
        await chat.edit(ref, self._note(ticket, chat, now))

    async def page(self, person: Person, ticket: Ticket, page: Page, language: str, now: datetime) -> MessageRef:
        reply = messages.page(ticket, page, self._words(language), self._team, now)
        return await self._chat(person.platform).direct(person, reply)

    async def call(self, place: str, ticket: Ticket, page: Page, now: datetime) -> MessageRef:
        chat = self._chat(place_of(place, self._team).platform)
        names = self._names(page.people, chat)
        return await self._post(place, messages.page(ticket, page, self._words(), self._team, now, names=names))

    async def remind(
        self, place: str, ticket: Ticket, people: Sequence[Person], now: datetime, *, last: bool
    ) -> MessageRef:
        chat = self._chat(place_of(place, self._team).platform)
        names = self._names(people, chat)
        return await self._post(place, messages.reminder(ticket, self._words(), self._team, now, names, last=last))

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
        if kind == "page":
            person = self._person(address)
            reply = messages.digest(kind, tickets, self._words(language), self._team, now, page=page, twice=twice)
            return await self._chat(person.platform).direct(person, reply)
        chat = self._chat(place_of(address, self._team).platform)
        names = self._names(people, chat) if people else []
        for ticket in tickets if kind == "note" else ():
            names += [name for name in self._oncall(ticket, chat) if name not in names]
        reply = messages.digest(kind, tickets, self._words(), self._team, now, names=names, page=page, twice=twice)
        return await self._post(address, reply)

    async def renew_digest(
        self, ref: MessageRef, kind: str, tickets: Sequence[Ticket], now: datetime, *, language: str | None = None
    ) -> None:
        await self._chat(ref.platform).edit(ref, messages.digest(kind, tickets, self._words(language), self._team, now))

    async def tell_many(
        self, place: str, told: Sequence[tuple[str, Mapping[str, Any], Ticket | None]], now: datetime
    ) -> None:
        await self._post(place, delivery_words.told_many(told, self._words(), self._team, now))

    async def ended(self, waiting: Waiting, ticket: Ticket, now: datetime, *, directly: bool) -> None:
        reply = messages.ended(ticket, self._words(waiting.language), self._team, now)
        ref = waiting.asked_in
        if directly or ref is None:
            await self._chat(waiting.person.platform).direct(waiting.person, reply)
            return
        # On Slack the thread of a message is named by the message itself.
        thread = ref.thread or (ref.message if ref.platform == "slack" else None)
        where = place_of(f"{ref.platform}:{ref.chat}", self._team)
        await self._chat(ref.platform).post(Place(where.platform, where.chat, thread, team=where.team), reply)

    async def tell(
        self, place: str, word: str, facts: Mapping[str, Any], now: datetime, *, ticket: Ticket | None = None
    ) -> None:
        await self._post(place, delivery_words.told(word, facts, self._words(), self._team, now, ticket))
