"""Where the replies of one delivery go: private or public, new or in place of an old one, in the thread it came from.

A private message cannot be edited later (only an interaction on it can), so an interim reply that would be private waits a
moment for the final one. A way that is used up (a response URL takes five answers in 30 minutes) gives way to the next.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

import structlog

from bot.chats.pace import RATE_LIMITED
from bot.chats.slack_in import Source
from bot.chats.slack_send import Sender, may_retry
from bot.errors import DeliveryError
from bot.model.chat import Action, Form, Line, Reply
from bot.ports import Clock, Wording

log = structlog.get_logger("slack")
Json = dict[str, Any]
Way = Callable[[Reply], Awaitable[None]]

HOLD_S: Final = 2.0  # an interim private reply waits so long for the final one
_STANDING: Final = ("mention", "dm", "shortcut")  # where what was asked about stands in the chat
TELL_WAIT_S: Final = 5.0  # a longer queue is said


class Conversation:
    """The answers to one delivery. `deliver` never raises."""

    def __init__(self, sender: Sender, source: Source, words: Wording, clock: Clock) -> None:
        self._sender, self._source, self._words, self._clock = sender, source, words, clock
        self._chat = source.chat
        self._url = source.response_url
        self._edit: Way | None = None  # how the message that we sent can be edited
        self._held: asyncio.Task[None] | None = None
        self._above = False  # an interim reply stands there that nothing can edit
        self._leaving = False  # the held reply is on its way: too late to drop it

    async def deliver(self, replies: AsyncIterator[Reply]) -> None:
        """Every reply in its order, and a sentence instead of an exception: the person always gets an answer."""
        try:
            async for reply in replies:
                await self.give(reply)
        except Exception:
            log.exception("the router failed")  # it should not; the person still gets an answer
            await self.give(self._line("slack.broken"))
        finally:
            await self._settle(drop=False)

    async def give(self, reply: Reply) -> None:
        """One reply, by the first way that works. What reaches nobody is logged and counted."""
        await self._settle(drop=True)
        if reply.delete_original and self._source.kind in _STANDING:
            reply = replace(reply, blocks=(*reply.blocks, Line(self._words.say("slack.delete_it"))))
        if self._above and not reply.alert and reply.form is None:
            reply = replace(reply, blocks=(Line(self._words.say("slack.newer")), *reply.blocks))
        try:
            if reply.form is not None:
                await self._form(reply, reply.form)
            elif reply.final or self._edit is not None or self._editable(reply):
                await self._out(reply)
            else:
                self._held = asyncio.create_task(self._later(reply))
        except DeliveryError as fault:
            self._undelivered(fault)

    def _undelivered(self, fault: DeliveryError) -> None:
        self._sender.counts["undelivered"] += 1
        log.warning("a reply reached nobody", reason=fault.reason, kind=self._source.kind)

    async def _settle(self, *, drop: bool) -> None:
        """A held reply that a newer one follows is dropped, unless it is being sent already."""
        held, self._held = self._held, None
        if held is None:
            return
        if drop and not self._leaving:
            held.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await held
        self._leaving = False

    async def _later(self, reply: Reply) -> None:
        await self._clock.sleep(HOLD_S)
        self._leaving = True
        try:
            await self._out(reply)
            self._above = self._edit is None
        except DeliveryError as fault:
            self._undelivered(fault)

    async def looking(self) -> None:
        """Said while a picture is read, and edited by what comes next where that is possible."""
        await self.give(Reply(blocks=self._line("diagnose.picture.reading").blocks, final=False))

    # --- ways

    def _editable(self, reply: Reply) -> bool:
        if self._source.private:
            return True
        return self._replaces(reply) or (reply.audience == "place" and not reply.alert)

    def _replaces(self, reply: Reply) -> bool:
        return reply.replace and not reply.alert and self._source.message is not None and not self._source.home

    async def _out(self, reply: Reply) -> None:
        if self._source.kind == "home":
            await self._sender.publish_home(self._source.user, reply, self._words)
        elif self._edit is not None and not reply.alert:
            try:
                await self._edit(reply)
            except DeliveryError as fault:
                if not may_retry(fault):
                    raise
                self._edit = None
                await self._first(reply)
        else:
            await self._first(reply)
        if reply.picture is not None:
            await self._picture(reply)

    async def _first(self, reply: Reply) -> None:
        if self._replaces(reply):
            ways = [self._original, self._private_by_url, self._private_by_call]
        elif reply.alert or (reply.audience == "asker" and not self._source.private):
            ways = [self._private_by_url, self._private_by_call, self._direct]
        else:
            ways = [self._public, self._public_by_url, self._private_by_url, self._direct]
        if self._source.home:  # a press on the Home tab belongs to no channel
            ways = [self._direct]
        refused: DeliveryError | None = None
        for way in ways:
            if refused is not None and not may_retry(refused) and way == self._public_by_url:
                continue  # it may stand there already; a private copy does no harm, a second public one does
            try:
                if await way(reply):
                    return
            except DeliveryError as fault:
                refused = fault
        raise refused or DeliveryError("no_way", final=True)

    async def _original(self, reply: Reply) -> bool:
        """In place of the message that carried the button."""
        source = self._source
        assert source.message is not None
        by_url = self._url is not None

        async def edit(next: Reply) -> None:
            nonlocal by_url
            if by_url and self._url is not None:
                try:
                    await self._sender.respond(self._url, next, self._words, replace=True, thread=None)
                    return
                except DeliveryError as fault:
                    if source.hidden or not (may_retry(fault) or fault.reason == RATE_LIMITED):
                        raise
                    by_url = False
            if source.hidden:
                raise DeliveryError("gone", final=True)
            await self._sender.update(self._chat, source.message or "", next, self._words)

        await edit(reply)
        self._edit = edit
        return True

    async def _private_by_url(self, reply: Reply) -> bool:
        if self._url is None:
            return False
        thread = self._source.thread if self._source.threaded else None
        try:
            await self._sender.respond(self._url, reply, self._words, thread=thread)
        except DeliveryError as fault:
            if fault.reason == "gone":
                self._url = None
            raise
        return True

    async def _private_by_call(self, reply: Reply) -> bool:
        if not self._chat or not self._source.user:
            return False
        # In a thread without replies an ephemeral message would not show at all.
        thread = self._source.thread if self._source.threaded else None
        await self._sender.ephemeral(self._chat, self._source.user, thread, reply, self._words)
        return True

    async def _direct(self, reply: Reply) -> bool:
        chat = await self._sender.direct_channel(self._source.user)
        ts = await self._sender.post(chat, None, reply, self._words)
        self._edit = lambda next: self._sender.update(chat, ts, next, self._words)
        return True

    async def _public(self, reply: Reply) -> bool:
        if not self._chat:
            return False
        chat, wait = self._chat, self._sender.wait_s(self._chat)
        if wait > TELL_WAIT_S and self._url is not None:
            with contextlib.suppress(DeliveryError):
                await self._private_by_url(self._line("slack.queued", seconds=round(wait)))
        ts = await self._sender.post(chat, self._source.thread, reply, self._words)
        self._edit = lambda next: self._sender.update(chat, ts, next, self._words)
        return True

    async def _public_by_url(self, reply: Reply) -> bool:
        """Where the bot is no member: a response URL reaches the channel all the same."""
        if self._url is None or self._source.hidden:
            return False
        thread = self._source.thread if self._source.threaded else None
        await self._sender.respond(self._url, reply, self._words, public=True, thread=thread)
        return True

    async def _picture(self, reply: Reply) -> None:
        """A file cannot be ephemeral, so what only the asker may see goes to the direct message."""
        if reply.audience == "place" or self._source.private:
            await self._sender.picture(self._chat, self._source.thread, reply)
        else:
            with contextlib.suppress(DeliveryError):
                await self._sender.picture(await self._sender.direct_channel(self._source.user), None, reply)

    # --- forms

    async def _form(self, reply: Reply, form: Form) -> None:
        source = self._source
        if source.view is not None:
            await self._sender.renew_form(source.view, source.id, source.stand, form, self._metadata(form), self._words)
        elif form.errors:  # the form is closed already: it took too long to see what is wrong
            lines = tuple(Line(said) for said in dict.fromkeys(form.errors.values()))
            await self._out(Reply(blocks=lines, alert=True))
        elif not form.by_buttons:
            await self.open_form(form)
        elif not await self._opened(form):
            await self._out(replace(reply, form=None))

    async def open_form(self, form: Form) -> None:
        """A modal while the press is fresh (three seconds), else a button that opens it."""
        if await self._opened(form):
            return
        token = await self._sender.keep_form(form, self._metadata(form))
        button = Action("form.open", self._words.say("slack.form_open"), token, style="primary")
        await self._first(
            Reply(blocks=(Line(self._words.say("slack.form_ready", title=form.title)),), actions=(button,))
        )

    def _metadata(self, form: Form) -> Json:
        source = self._source
        metadata: Json = {"v": form.value, "c": self._chat}
        metadata |= {key: value for key, value in (("t", source.thread), ("m", source.message)) if value}
        if source.hidden:
            metadata["h"] = 1
        if source.private:
            metadata["p"] = 1
        return metadata

    async def _opened(self, form: Form) -> bool:
        source = self._source
        if not source.trigger_id or source.kind not in ("slash", "press", "shortcut"):
            return False
        try:
            await self._sender.open_form(source.trigger_id, form, self._metadata(form), self._words)
        except DeliveryError as fault:
            if "trigger" not in fault.reason:
                raise
            return False
        return True

    def _line(self, key: str, **values: object) -> Reply:
        return Reply(blocks=(Line(self._words.say(key, **values)),), alert=self._source.kind == "press")


def with_metadata(source: Source, metadata: Json) -> Source:
    """The source as it was when the form was asked for."""
    return replace(
        source,
        chat=str(metadata.get("c") or source.chat),
        thread=metadata.get("t"),
        message=metadata.get("m"),
        hidden=bool(metadata.get("h")),
        private=bool(metadata.get("p")),
    )
