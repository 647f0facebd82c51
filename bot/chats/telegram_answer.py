"""Where the replies of one delivery go: in place of the old message, as a notice, into the group, or to the person alone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final, Protocol

import structlog

from bot.chats.telegram_render import alert_text
from bot.chats.telegram_send import Sender
from bot.chats.telegram_wire import GONE
from bot.errors import DeliveryError
from bot.model.chat import Action, Form, Line, MessageRef, Person, Place, Reply
from bot.model.values import dataclass
from bot.ports import Clock, Wording

log = structlog.get_logger("telegram")

SPINNER_S: Final = 1.0  # so long a press may wait for a notice before its spinner is ended
WAITING_S: Final = 900.0
_WAITING_MOST: Final = 500


@dataclass(frozen=True, slots=True)
class Origin:
    """What is answered. `messages`: the person's own, the first one is replied to; `button`: ours, which was pressed."""

    person: Person
    place: Place
    messages: tuple[int, ...] = ()
    query: str | None = None
    button: MessageRef | None = None


class Waiting:
    """Private answers for people who have not opened a chat with the bot yet; given when they do. In memory, for a while."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[float, Reply]] = {}

    def keep(self, person: str, reply: Reply) -> None:
        """The newest for each person, for a while, and only in this process: it is private."""
        self._kept.pop(person, None)
        self._kept[person] = (self._clock.monotonic() + WAITING_S, reply)
        while len(self._kept) > _WAITING_MOST:
            self._kept.pop(next(iter(self._kept)))

    def take(self, person: str) -> Reply | None:
        until, reply = self._kept.pop(person, (0.0, None))
        return reply if until > self._clock.monotonic() else None


class Forms(Protocol):
    """Told which form a message asks, so that the reply to it can be read."""

    async def asked(self, person: Person, ref: MessageRef, form: Form) -> None:
        """`ref` is the message with the question: this person's reply to it is the answer."""


class Conversation:
    """The answers to one delivery. `deliver` never raises."""

    def __init__(
        self,
        sender: Sender,
        origin: Origin,
        words: Wording,
        clock: Clock,
        waiting: Waiting,
        forms: Forms,
        username: str,
    ) -> None:
        self._sender, self._origin, self._words, self._clock = sender, origin, words, clock
        self._waiting, self._forms, self._username = waiting, forms, username
        self._query = origin.query  # None once it is answered
        self._ref: MessageRef | None = None  # ours, to be edited by the next reply
        self._deleted: bool | None = None
        self._told_private = False
        self._door: MessageRef | None = None  # shown in the group to who has no private chat with us yet
        self._spinner = asyncio.create_task(self._end_spinner()) if origin.query else None

    async def deliver(self, replies: AsyncIterator[Reply]) -> None:
        """Every reply in its order, and a sentence instead of an exception: the person always gets an answer."""
        try:
            async for reply in replies:
                await self.give(reply)
        except Exception:
            log.exception("the router failed")  # it should not; the person still gets an answer
            await self.give(Reply(blocks=(Line(self._words.say("telegram.broken")),)))
        finally:
            await self._close()

    async def give(self, reply: Reply) -> None:
        """One reply, by the first way that works. What reaches nobody is logged and counted."""
        try:
            if reply.form is not None and reply.form.by_buttons:
                reply = replace(reply, form=None)
            if reply.delete_original:
                reply = await self._delete_original(reply)
            if reply.alert and (text := alert_text(reply)) and await self._notice(text):
                return
            if reply.title or reply.blocks or reply.details or reply.picture or not reply.form:
                self._ref = await self._out(reply)
            if reply.form is not None:
                await self._ask(reply)
            if reply.final:
                self._ref = None
        except DeliveryError as fault:
            self._sender.counts["undelivered"] += 1
            log.warning("a reply reached nobody", reason=fault.reason)

    def carried(self, message: int) -> None:
        """This message, which was answered by the command, holds the secret: it goes as well."""
        self._origin = replace(self._origin, messages=(*self._origin.messages, message))

    async def looking(self) -> None:
        """Said while a picture is read, and edited by what comes next."""
        await self.give(Reply(blocks=(Line(self._words.say("diagnose.picture.reading")),), final=False))

    # --- ways

    async def _out(self, reply: Reply) -> MessageRef:
        ref = self._ref if self._ref is not self._door else None  # what is for one person never goes into the door
        if ref is None and reply.replace and not reply.alert:
            ref = self._origin.button
        if ref is not None:
            if reply.picture is not None and not ref.picture:
                # A text cannot become a picture: the new message takes the old one's place.
                new = await self._new(reply)
                await self._sender.delete(ref.chat, int(ref.message))
                return new
            try:
                return await self._sender.edit(ref, reply, self._words)
            except DeliveryError as fault:
                if fault.reason != GONE:
                    raise
        return await self._new(reply)

    async def _new(self, reply: Reply) -> MessageRef:
        origin = self._origin
        if reply.audience == "place" or reply.harmless or origin.place.private:
            quote = origin.messages[0] if origin.messages and not origin.place.private and not self._deleted else None
            return await self._sender.send(origin.place, reply, self._words, reply_to=quote, urgent=True)
        return await self._private(reply)

    async def _private(self, reply: Reply) -> MessageRef:
        """Asked in a group, for the asker only: a direct message; where that is not possible yet, the way to it."""
        origin = self._origin
        try:
            ref = await self._sender.send(
                Place("telegram", origin.person.id, private=True), reply, self._words, urgent=True
            )
        except DeliveryError as fault:
            if not fault.final:
                raise
            self._waiting.keep(origin.person.id, replace(reply, replace=False, alert=False))
            door = Action(
                "start.private",
                self._words.say("telegram.open_private"),
                url=f"https://t.me/{self._username}?start=private",
            )
            notice = Reply(blocks=(Line(self._words.say("telegram.private_first")),), actions=(door,))
            if self._door is None:
                self._door = await self._beside(notice)
            return self._door
        if not self._told_private:
            self._told_private = True
            text = self._words.say("telegram.sent_privately")
            # A press gets a word that nobody else sees; a command's author must find out in the group.
            if origin.query is None or not await self._notice(text):
                await self._beside(Reply(blocks=(Line(text),)))
        return ref

    async def _beside(self, reply: Reply) -> MessageRef:
        """Into the group, below the person's message."""
        quote = self._origin.messages[0] if self._origin.messages and not self._deleted else None
        return await self._sender.send(self._origin.place, reply, self._words, reply_to=quote, urgent=True)

    async def _ask(self, reply: Reply) -> None:
        origin = self._origin
        if reply.form is None:
            return
        place = origin.place
        if not place.private and reply.audience == "asker":
            place = Place("telegram", origin.person.id, private=True)
        try:
            ref = await self._sender.ask(place, reply, self._words)
        except DeliveryError as fault:
            if not fault.final or place == origin.place:
                raise
            ref = await self._sender.ask(origin.place, reply, self._words)
        await self._forms.asked(origin.person, ref, reply.form)

    async def _delete_original(self, reply: Reply) -> Reply:
        """Every message of the paste; says whether all are gone."""
        if self._deleted is None and self._origin.messages:
            done = [await self._sender.delete(self._origin.place.chat, number) for number in self._origin.messages]
            self._deleted = all(done)
        if self._deleted is None:
            return reply
        key = "telegram.deleted" if self._deleted else "telegram.could_not_delete"
        if not self._origin.person.id:  # said to all, for nobody knows whose it was
            key += "_for_all"
        line = Line(self._words.say(key), strong=True)
        return replace(reply, blocks=(*reply.blocks, line))

    # --- the press

    async def _notice(self, text: str | None) -> bool:
        query, self._query = self._query, None
        return query is not None and await self._sender.notice(query, text)

    async def _end_spinner(self) -> None:
        await self._clock.sleep(SPINNER_S)
        await self._notice(None)

    async def _close(self) -> None:
        if self._spinner is not None:
            self._spinner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._spinner
            await self._notice(None)
