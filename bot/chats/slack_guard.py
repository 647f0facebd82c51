"""What was not meant for the bot is looked at for secrets, whoever posted it and in whatever shape, and answered once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.chats.slack_in import Raw, Source
from bot.chats.slack_people import About
from bot.chats.slack_request import Intake
from bot.model.chat import Found, Place, Request

First = Callable[[str], Awaitable[bool]]


class Guard:
    """`hears`: whether a chat is the team's own, whoever writes there. `open_to`: whether the one who wrote may ask anything.
    `give`: has a request answered where it came from."""

    def __init__(
        self,
        intake: Intake,
        first: First,
        about: Callable[[str], Awaitable[About]],
        give: Callable[[Source, Request], Awaitable[None]],
        hears: Callable[[Place], bool],
        open_to: Callable[[Source], Awaitable[bool]],
    ) -> None:
        self._intake, self._first, self._about, self._give = intake, first, about, give
        self._hears, self._open_to = hears, open_to

    async def overheard(self, raw: Raw) -> None:
        """Its text first, which is at hand, then its files."""
        if (await self._intake.clean(raw.text)).found.secrets:
            request = await self._intake.request(replace(raw, files=()), await self._about(raw.source.user))
            assert isinstance(request, Request)  # nothing to fetch is left in it
            found = await self.new(raw.source, request.found)
            if found.secrets:
                await self._give(raw.source, replace(request, found=found))
        await self._files(raw)

    async def _files(self, raw: Raw) -> None:
        """The files of a message that nobody asked about."""
        source = replace(raw.source, kind="posted")
        if not self._intake.readable(raw) or not await self._welcome(source):
            return
        if await self._first(f"slack:posted:{source.id}"):
            request = await self._intake.posted(raw, await self._about(source.user))
            if request is not None:
                await self._give(source, request)

    async def new(self, source: Source, found: Found) -> Found:
        """What was not spoken about yet for this message, and is from now on: an edit tells nothing again. A program may post the
        same a hundred times a day; of it each secret is spoken about once in a chat."""
        at = f"slack:leak:{source.chat}:{source.ts if source.user else ''}"
        return replace(found, secrets=tuple([s for s in found.secrets if await self._first(f"{at}:{s.fingerprint}")]))

    async def told(self, source: Source, found: Found) -> None:
        """An answer to this message speaks about these secrets: an edit of it tells nothing again."""
        await self.new(source, found)

    async def _welcome(self, source: Source) -> bool:
        """Files are fetched for the team's own chats and people only."""
        place = Place("slack", source.chat, source.thread, source.private, source.team)
        return self._hears(place) or (bool(source.user) and await self._open_to(source))
