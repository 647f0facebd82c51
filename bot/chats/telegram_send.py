"""What goes out to Telegram: rendered, gated, paced, and sent again plain where the platform refuses the markup."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from html import unescape
from typing import Any, Final, TypeVar

import structlog
from telegram import (
    Bot,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    LinkPreviewOptions,
    Message,
    ReplyParameters,
)

from bot.chats.leaves import each_text
from bot.chats.pace import Pace
from bot.chats.telegram_render import CAPTION_MOST, Keyboard, Rendered, form_text, render
from bot.chats.telegram_text import Names, u16
from bot.chats.telegram_wire import GONE, NO_THREAD, NOT_MODIFIED, REFUSED_CONTENT, Moved, Wire
from bot.errors import DeliveryError
from bot.model.chat import Line, MessageRef, Place, Reply
from bot.ports import Clock, Gate, Wording

log = structlog.get_logger("telegram")
T = TypeVar("T")

_TRIES: Final = 3
_TELL_WAIT_S: Final = 8.0  # a longer queue is said
_NO_PREVIEW: Final = LinkPreviewOptions(is_disabled=True)


class Sender:
    """Every method raises DeliveryError. `counts` is for the metrics: plain_resent, gate_changed, undelivered."""

    def __init__(
        self,
        wire: Wire,
        pace: Pace,
        gate: Gate,
        clock: Clock,
        names: Names,
        moved: Callable[[int, int], Awaitable[None]],
    ) -> None:
        self._wire, self._pace, self._gate, self._clock, self._names = wire, pace, gate, clock, names
        self._moved = moved
        self._told: set[str] = set()
        self.counts: Counter[str] = Counter()
        self._plain: set[str] = (
            set()
        )  # short texts that the gate has left alone before: most of an answer is the catalogue's

    def safe(self, reply: Reply) -> Reply:
        """The reply as the gate leaves it. It should leave it alone: a change is a fault somewhere behind, and counted."""

        def change(text: str) -> str:
            if text in self._plain:
                return text
            clean = self._gate.trusted(text).text
            if clean == text and len(text) <= 200:
                if len(self._plain) >= 4_000:
                    self._plain.clear()
                self._plain.add(text)
            return clean

        clean = each_text(reply, change)
        if clean != reply:
            self.counts["gate_changed"] += 1
        return clean

    async def send(
        self, place: Place, reply: Reply, words: Wording, *, reply_to: int | None = None, urgent: bool = False
    ) -> MessageRef:
        """One reply as one message or several. The reference is that of the last one, which carries the buttons."""
        reply = self.safe(reply)
        wait = self._pace.wait_s(str(self._chat(place.chat)), group=_group(place.chat))
        if urgent and wait > _TELL_WAIT_S:
            late = Line(words.say("telegram.waited", seconds=round(wait)))
            reply = replace(reply, blocks=(*reply.blocks, late))
        rendered = render(reply, words, names=self._names)
        ref: MessageRef | None = None
        if reply.picture is not None:
            ref, rendered = await self._picture(place, reply, rendered, reply_to, urgent)
        if ref is None:
            for number, html in enumerate(rendered.html):
                last = number == len(rendered.html) - 1
                markup = _markup(rendered.keyboard) if last else None
                message = await self._text(
                    place,
                    html,
                    rendered.plain[number],
                    markup,
                    reply_to=reply_to if number == 0 else None,
                    urgent=urgent,
                )
                ref = _ref(place, message)
        if ref is None:
            raise DeliveryError("empty", final=True)
        return ref

    async def ask(self, place: Place, reply: Reply, words: Wording, *, reply_to: int | None = None) -> MessageRef:
        """The reply's form, as a question that the client answers by a reply."""
        form = self.safe(reply).form
        if form is None:
            raise DeliveryError("empty", final=True)
        html = form_text(form, words)
        markup = ForceReply(selective=True, input_field_placeholder=form.inputs[0].label[:64] if form.inputs else None)
        plain = unescape(re.sub(r"<[^>]+>", "", html))
        return _ref(place, await self._text(place, html, plain, markup, reply_to=reply_to, urgent=True))

    async def edit(self, ref: MessageRef, reply: Reply, words: Wording) -> MessageRef:
        """In place; what no longer fits into the message follows as new ones. The reference of the one with the buttons."""
        reply = self.safe(reply)
        rendered = render(reply, words, names=self._names)
        if ref.picture:
            return await self._edit_picture(ref, reply, rendered)
        html, plain = rendered.html[0], rendered.plain[0]
        rest = len(rendered.html) > 1
        markup = None if rest else _markup(rendered.keyboard)

        async def go(bot: Bot, marked: bool, keyboard: Any, thread: int | None) -> Any:
            return await bot.edit_message_text(
                text=html if marked else plain,
                parse_mode="HTML" if marked else None,
                chat_id=self._chat(ref.chat),
                message_id=int(ref.message),
                reply_markup=keyboard,
                link_preview_options=_NO_PREVIEW,
            )

        await self._carefully(ref.chat, go, markup, None, urgent=True)
        if rest:
            place = _place(ref)
            for number in range(1, len(rendered.html)):
                last = number == len(rendered.html) - 1
                keyboard = _markup(rendered.keyboard) if last else None
                message = await self._text(place, rendered.html[number], rendered.plain[number], keyboard, urgent=True)
                ref = _ref(place, message)
        return ref

    async def delete(self, chat: str, message: int) -> bool:
        """False where the bot may not, or the message is too old or gone."""
        try:
            return await self._wire.call(lambda bot: bot.delete_message(self._chat(chat), message))
        except DeliveryError:
            return False

    async def notice(self, query: str, text: str | None = None) -> bool:
        """Answers a press: a notice for the presser only, or just the end of the spinner. False where it is too late."""
        clean = self._gate.trusted(text).text if text else None
        try:
            return await self._wire.call(
                lambda bot: bot.answer_callback_query(query, text=clean, show_alert=bool(clean))
            )
        except DeliveryError:
            return False

    def once(self, key: str, event: str, **facts: object) -> None:
        """A fault that repeats is one line in the log."""
        if key not in self._told:
            self._told.add(key)
            log.warning(event, **facts)

    # --- inside

    def _chat(self, chat: str) -> int:
        if not chat.lstrip("-").isdigit():
            raise DeliveryError("no_chat", final=True)
        return self._wire.moved.get(int(chat), int(chat))

    async def _text(
        self,
        place: Place,
        html: str,
        plain: str,
        markup: InlineKeyboardMarkup | ForceReply | None,
        *,
        reply_to: int | None = None,
        urgent: bool = False,
    ) -> Message:
        async def go(bot: Bot, marked: bool, keyboard: Any, thread: int | None) -> Message:
            return await bot.send_message(
                chat_id=self._chat(place.chat),
                text=html if marked else plain,
                parse_mode="HTML" if marked else None,
                message_thread_id=thread,
                reply_markup=keyboard,
                link_preview_options=_NO_PREVIEW,
                reply_parameters=_reply_to(reply_to),
            )

        message: Message = await self._carefully(place.chat, go, markup, _thread(place), urgent=urgent)
        return message

    async def _picture(
        self, place: Place, reply: Reply, rendered: Rendered, reply_to: int | None, urgent: bool
    ) -> tuple[MessageRef | None, Rendered]:
        """The picture with its text as caption; a text too long for a caption follows as a message of its own, and a picture
        that is refused costs nothing: the text says the same."""
        fits = len(rendered.html) == 1 and u16(rendered.plain[0]) <= CAPTION_MOST
        html, plain = (rendered.html[0], rendered.plain[0]) if fits else ("", "")
        markup = _markup(rendered.keyboard) if fits else None

        async def go(bot: Bot, marked: bool, keyboard: Any, thread: int | None) -> Message:
            return await bot.send_photo(
                chat_id=self._chat(place.chat),
                photo=reply.picture or b"",
                caption=html if marked else plain,
                parse_mode="HTML" if marked else None,
                message_thread_id=thread,
                reply_markup=keyboard,
                reply_parameters=_reply_to(reply_to),
            )

        try:
            message: Message = await self._carefully(place.chat, go, markup, _thread(place), urgent=urgent)
        except DeliveryError as fault:
            if fault.reason != REFUSED_CONTENT:
                raise
            self.once("picture", "a picture was refused; its text is sent alone")
            return None, rendered
        return (_ref(place, message, picture=True) if fits else None), rendered

    async def _edit_picture(self, ref: MessageRef, reply: Reply, rendered: Rendered) -> MessageRef:
        html, plain = rendered.html[0], rendered.plain[0]
        if len(rendered.html) > 1 or u16(plain) > CAPTION_MOST:
            raise DeliveryError(GONE, final=True)

        async def go(bot: Bot, marked: bool, keyboard: Any, thread: int | None) -> Any:
            text, mode = (html, "HTML") if marked else (plain, None)
            chat, message = self._chat(ref.chat), int(ref.message)
            if reply.picture is not None:
                media = InputMediaPhoto(reply.picture, caption=text, parse_mode=mode)
                return await bot.edit_message_media(media, chat_id=chat, message_id=message, reply_markup=keyboard)
            return await bot.edit_message_caption(
                chat_id=chat, message_id=message, caption=text, parse_mode=mode, reply_markup=keyboard
            )

        await self._carefully(ref.chat, go, _markup(rendered.keyboard), None, urgent=True)
        return ref

    async def _carefully(
        self,
        chat: str,
        go: Callable[[Bot, bool, Any, int | None], Awaitable[Any]],
        markup: Any,
        thread: int | None,
        *,
        urgent: bool,
    ) -> Any:
        """In the chat's turn; plain if the markup is refused, without buttons if those are, in General if the topic is gone,
        in the supergroup if the group became one, and again if the call did not get through."""
        marked, tries = True, 0
        while True:
            key = str(self._chat(chat))
            try:
                return await self._pace.run(
                    key,
                    lambda: self._wire.call(lambda bot: go(bot, marked, markup, thread)),  # noqa: B023 awaited at once
                    group=_group(chat),
                    urgent=urgent,
                )
            except Moved as fault:
                if int(key) in self._wire.moved:
                    raise
                await self._moved(int(key), fault.chat)
            except DeliveryError as fault:
                if fault.reason == NOT_MODIFIED:
                    return None
                if fault.reason == NO_THREAD and thread is not None:
                    thread = None
                elif fault.reason == REFUSED_CONTENT and (marked or markup is not None):
                    self.counts["plain_resent"] += 1
                    self.once("markup", "Telegram refused a message; it is sent again plain", step=marked)
                    marked, markup = False, markup if marked else None
                elif fault.reason in ("timeout", "unreachable") and not fault.lost and tries < _TRIES - 1:
                    tries += 1
                    await self._clock.sleep(tries)
                else:
                    raise


def _group(chat: str) -> bool:
    return chat.startswith("-")


def _thread(place: Place) -> int | None:
    return int(place.thread) if place.thread and place.thread.isdigit() else None


def _place(ref: MessageRef) -> Place:
    return Place("telegram", ref.chat, ref.thread, private=not _group(ref.chat))


def _ref(place: Place, message: Message, *, picture: bool = False) -> MessageRef:
    return MessageRef("telegram", place.chat, str(message.message_id), place.thread, picture)


def _reply_to(message: int | None) -> ReplyParameters | None:
    return ReplyParameters(message, allow_sending_without_reply=True) if message is not None else None


def _markup(keyboard: Keyboard) -> InlineKeyboardMarkup | None:
    if not keyboard:
        return None
    rows = [
        [InlineKeyboardButton(b.text, url=b.url, callback_data=b.data, style=b.style or None) for b in row]
        for row in keyboard
    ]
    return InlineKeyboardMarkup(rows)
