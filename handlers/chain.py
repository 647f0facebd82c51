"""Lets the fallback chain run and says what it did in the support chats, in the team's language."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from bot.errors import DeliveryError, QuotadeskError
from bot.locales import Words
from bot.model.chat import Place, Reply
from bot.ports import Chat
from bot.services import Services
from bot.services.fallback import Announcement, Fallback
from handlers.fallback_words import announced

log = logging.getLogger("quotadesk.chain")

EVERY_S: Final = 15.0
_LEASE_S: Final = 120.0


class Chain:
    """One replica at a time lets time pass; each takes up what it heard itself. `chats` by platform; `owner` must differ between replicas."""

    def __init__(self, fallback: Fallback, services: Services, chats: Mapping[str, Chat], owner: str) -> None:
        self._fallback, self._services, self._chats, self._owner = fallback, services, chats, owner

    async def run_forever(self) -> None:
        """Until cancelled. A pass that fails is logged; the next one tries again."""
        clock = self._services.clock
        while True:
            try:
                await self.tick()
            except QuotadeskError as fault:
                log.warning("a pass of the fallback chain failed: %s", fault)
            except Exception:
                log.exception("a pass of the fallback chain broke")
            await clock.sleep(EVERY_S)

    async def tick(self) -> int:
        """How many things were said."""
        services = self._services
        leads = await services.store.lead("fallback", self._owner, services.clock.now(), _LEASE_S)
        said = await self._fallback.tick() if leads else await self._fallback.listen()
        for each in said:
            await self._say(each)
        return len(said)

    async def _say(self, said: Announcement) -> None:
        team = self._services.team
        returning = await self._fallback.returning(said.engine) or ""
        reply = announced(said, self._services, Words(team.language, team.timezone), returning)
        for address in team.support.chats:
            platform, _, chat = address.partition(":")
            if platform in self._chats:
                await self._post(Place(self._chats[platform].platform, chat), reply)

    async def _post(self, place: Place, reply: Reply) -> None:
        """Once more where the platform asked for patience; what is lost then still stands in the audit."""
        for attempt in range(2):
            try:
                await self._chats[place.platform].post(place, reply)
                return
            except DeliveryError as fault:
                if fault.final or fault.lost or fault.retry_after_s is None or attempt:
                    log.warning("a fallback message could not be posted to %s: %s", place.address, fault.reason)
                    return
                await self._services.clock.sleep(min(fault.retry_after_s, 30.0))
