"""Lets the fallback chain run and says what it did in the support chats, in the team's language."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from typing import Final

from bot.errors import DeliveryError, QuotadeskError
from bot.locales import Words
from bot.model.chat import Place, Reply
from bot.ports import Chat
from bot.services import Services
from bot.services.fallback import Fallback
from bot.services.lead import Lead
from bot.services.outage import PLACE, Outages
from bot.services.owed import Announcement
from handlers import degrade
from handlers.fallback_words import announced, repeated

log = logging.getLogger("quotadesk.chain")

EVERY_S: Final = 15.0


class Chain:
    """One replica at a time lets time pass; each takes up what it heard itself. `chats` by platform; `owner` must differ between replicas."""

    def __init__(
        self,
        fallback: Fallback,
        services: Services,
        chats: Mapping[str, Chat],
        owner: str,
        outages: Outages | None = None,
    ) -> None:
        self._fallback, self._services, self._chats = fallback, services, chats
        self._lead = Lead(services.store, services.clock, "fallback", owner)
        self._outages = outages

    async def run_forever(self) -> None:
        """Until cancelled; then another replica may lead at once. A pass that fails is logged; the next one tries again."""
        keeping = asyncio.create_task(self._lead.keep(self._fallback.stirred.set))
        try:
            while True:
                try:
                    await self.tick()
                except QuotadeskError as fault:
                    log.warning("a pass of the fallback chain failed: %s", fault)
                except Exception:
                    log.exception("a pass of the fallback chain broke")
                await self._pause()
        finally:
            keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeping
            await self._lead.let_go()

    async def _pause(self) -> None:
        """Until the next pass is due, or something was heard."""
        waits = [
            asyncio.ensure_future(self._services.clock.sleep(EVERY_S)),
            asyncio.ensure_future(self._fallback.stirred.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    async def tick(self) -> int:
        """How many things were said."""
        await self._lead.ask()
        said: Sequence[Announcement] = await self._fallback.listen()
        if self._lead.held:
            said = (*await self._fallback.owed(), *said, *await self._fallback.tick(lambda: self._lead.held))
            if self._outages is not None:
                await self._outages.look()
        for each in said:
            await self._say(each)
        return len(said)

    async def _say(self, said: Announcement) -> None:
        team = self._services.team
        returning = await self._fallback.returning(said.engine) or ""
        words = Words(team.language, team.timezone)
        reply = announced(said, self._services, words, returning)
        if said.say == "no_route":
            await self._call(said, words)
            reply = await degrade.offered(reply, said.engine, self._services, words)
        done = True
        for address in team.support.chats:
            platform, _, chat = address.partition(":")
            if platform not in self._chats or address in said.sent:
                continue
            place = Place(self._chats[platform].platform, chat)
            again = address in said.trying
            await self._fallback.tries(said, address)
            if await self._post(said, place, repeated(reply, words) if again else reply):
                await self._fallback.told(said, address)
            else:
                done = False
        if done:
            await self._fallback.over(said)

    async def _call(self, said: Announcement, words: Words) -> None:
        """Nobody has to be awake to see it in the chat: in production the on-call is called."""
        if self._outages is None or PLACE in said.sent:
            return
        why = words.inside(words.say(f"cause.{said.why}.title"))
        symptom = words.say(
            "switch.said.no_route", engine=said.title, before=said.from_route or "?", after="?", why=why
        )
        await self._outages.begins(said, symptom)
        await self._fallback.told(said, PLACE)

    async def _post(self, said: Announcement, place: Place, reply: Reply) -> bool:
        """Once more where the platform asked for patience; False: a later pass tries again. What can never arrive there counts
        as said: it still stands in the audit."""
        for attempt in range(2):
            try:
                await self._chats[place.platform].post(place, reply)
                return True
            except DeliveryError as fault:
                if fault.final:
                    log.warning("a fallback message can never be posted to %s: %s", place.address, fault.reason)
                    return True
                if not fault.lost:
                    await self._fallback.refused(said, place.address)
                if fault.lost or fault.retry_after_s is None or attempt:
                    log.warning("a fallback message could not be posted to %s yet: %s", place.address, fault.reason)
                    return False
                await self._services.clock.sleep(min(fault.retry_after_s, 30.0))
        return False
