"""A form on Telegram: its question stands in the chat, and the reply to it is the answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from telegram import Message, User

from bot.chats.telegram_in import Raw
from bot.chats.telegram_people import Memory, People
from bot.chats.typed import form_fields
from bot.model.chat import Form, MessageRef, Person
from bot.ports import Clock

FORM_KEPT: Final = timedelta(hours=24)


class Forms:
    """Telegram has no forms: a question to which one replies, a field at a time, remembered by the store."""

    def __init__(self, people: People, memory: Memory, clock: Clock) -> None:
        self._people, self._memory, self._clock = people, memory, clock

    async def asked(self, person: Person, ref: MessageRef, form: Form) -> None:
        """Remembered per person and chat, the newest only: a reply to that message is the answer."""
        kept = {
            "message": ref.message,
            "id": form.id,
            "value": form.value,
            "inputs": [[one.name, one.label] for one in form.inputs],
            "until": (self._clock.now() + FORM_KEPT).isoformat(),
        }
        await self._memory.set_fact(f"telegram.form:{ref.chat}:{person.id}", kept, self._clock.now())

    async def answer(self, message: Message, user: User) -> Callable[[str], Raw] | None:
        """What reads the text as the form that this message replies to; None where it replies to none. Works once."""
        before = message.reply_to_message
        if before is None or before.from_user is None or before.from_user.id != self._people.own_id:
            return None
        key = f"telegram.form:{self._people.alias(message.chat.id)}:{user.id}"
        kept = await self._memory.get_fact(key)
        if not isinstance(kept, dict) or kept.get("message") != str(before.message_id):
            return None
        await self._memory.set_fact(key, None, self._clock.now())
        if self._clock.now() > datetime.fromisoformat(kept["until"]):
            return None
        labels = {str(name): str(label) for name, label in kept["inputs"]}
        form, value = str(kept["id"]), str(kept["value"])

        def read(text: str) -> Raw:
            return Raw(form.partition(".")[0], action=form, value=value, fields=form_fields(text, labels))

        return read
