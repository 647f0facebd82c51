"""What was not meant for the bot is looked at for secrets, whoever posted it and in whatever shape, and answered once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from telegram import Message, User

from bot.chats.telegram_answer import Origin
from bot.chats.telegram_people import Allowed
from bot.chats.telegram_request import Intake
from bot.model.chat import Found, Place, Request
from bot.model.values import dataclass
from bot.ports import Wording

Words = Callable[[User | None], Awaitable[Wording]]
Ask = Callable[[Origin, User | None, Request], Awaitable[None]]
First = Callable[[str], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Posted:
    """A message that nobody was asked by. `user` None: nobody who could be told in private. `text`: all that it shows."""

    message: Message
    origin: Origin
    user: User | None
    text: str
    number: int


class Guard:
    """`hears`: whether a chat is the team's own, whoever writes there. `allowed`: whether this person may ask anything here."""

    def __init__(
        self,
        intake: Intake,
        first: First,
        words: Words,
        ask: Ask,
        hears: Callable[[Place], bool],
        allowed: Allowed | None,
    ) -> None:
        self._intake, self._first, self._words, self._ask = intake, first, words, ask
        self._hears, self._allowed = hears, allowed

    async def overheard(self, posted: Posted) -> bool:
        """Its text first, which is at hand, then its file. Whether its text held a secret."""
        leak = await self._text(posted)
        # The answer to the text has dealt with the message itself already.
        await self.file(replace(posted, origin=replace(posted.origin, messages=())) if leak else posted)
        return leak

    async def file(self, posted: Posted) -> None:
        """A file that nobody asked about. An edit of the words around it does not have it read again; another file is."""
        document, origin = posted.message.document, posted.origin
        if document is None or posted.message.animation is not None:
            return
        file = self._intake.posted(document)
        key = f"telegram:file:{origin.place.chat}:{posted.message.message_id}:{document.file_unique_id}"
        if file.readable and await self._welcome(origin) and await self._first(key):
            words = await self._words(posted.user)
            request = await self._intake.leaked(file, posted.text, origin, words, posted.number)
            if request is not None:
                await self._ask(origin, posted.user, request)

    async def new(self, origin: Origin, found: Found) -> Found:
        """What was not spoken about yet for this message, and is from now on: an edit, or a delivery that came twice, tells nothing
        again."""
        at = f"telegram:leak:{origin.place.chat}:{origin.messages[0]}"
        return replace(found, secrets=tuple([s for s in found.secrets if await self._first(f"{at}:{s.fingerprint}")]))

    async def told(self, origin: Origin, found: Found) -> None:
        """An answer to this message speaks about these secrets: an edit of it tells nothing again."""
        await self.new(origin, found)

    async def _text(self, posted: Posted) -> bool:
        cleaned = await self._intake.clean(posted.text)
        if not cleaned.found.secrets:
            return False
        found = await self.new(posted.origin, cleaned.found)
        if found.secrets:
            words = await self._words(posted.user)
            request = self._intake.made("leak", posted.origin, words, cleaned.text, found, posted.number)
            await self._ask(posted.origin, posted.user, request)
        return True

    async def _welcome(self, origin: Origin) -> bool:
        """Files are fetched for the team's own chats and people only."""
        if self._hears(origin.place) or self._allowed is None:
            return True
        return bool(origin.person.id) and await self._allowed(origin.person, origin.place)
