"""A platform that is deaf, dead or refused is told in the support chats of the other one, once, and so is its end."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from bot.errors import DeliveryError
from bot.locales import Words
from bot.model.chat import Line, Place, Reply
from bot.model.team import Team
from bot.ports import Chat, Clock

log = logging.getLogger("quotadesk.platforms")

LASTS_S: Final = 30.0  # a connection that is lost and made again at once is nobody's business
_DEAF: Final = ("deaf", "socket_deaf")  # has lasted already when it is noticed: what was typed meanwhile got no answer


class Platforms:
    """`round` never raises; call it every few seconds."""

    EVERY_S: Final = 10.0

    def __init__(self, chats: Mapping[str, Chat], team: Team, clock: Clock) -> None:
        self._chats, self._team, self._clock = chats, team, clock
        self._since: dict[str, float] = {}
        self._told: set[str] = set()

    async def round(self) -> None:
        """One look: who is down long enough is told to the other platforms, once, and again when it is back."""
        now = self._clock.monotonic()
        for platform, chat in self._chats.items():
            faults = chat.faults()
            if not faults:
                self._since.pop(platform, None)
                if platform in self._told and await self._tell(platform, "back", ()):
                    self._told.discard(platform)
            elif (
                now - self._since.setdefault(platform, now) >= (0 if any(f in _DEAF for f in faults) else LASTS_S)
                and platform not in self._told
                and await self._tell(platform, "down", faults)
            ):
                self._told.add(platform)

    async def _tell(self, platform: str, key: str, faults: Sequence[str]) -> bool:
        """True where at least one chat of another platform has it, or there is none to tell."""
        words = Words(self._team.language, self._team.timezone)
        shown = words.say("common.list_sep").join(_fault(fault, words) for fault in faults)
        line = words.say(f"platforms.{key}", platform=words.say(f"note.platforms.{platform}"), faults=shown)
        places = [place.split(":", 1) for place in self._team.support.chats]
        others = [(self._chats[p], p, id) for p, id in places if p != platform and p in self._chats]
        sent = not others
        for chat, other, id in others:
            try:
                await chat.post(Place(other, id), Reply(blocks=(Line(line, strong=key == "down"),), audience="place"))  # type: ignore[arg-type]
                sent = True
            except DeliveryError as fault:
                log.warning("%s could not be told about %s: %s", other, platform, fault.reason)
        return sent


def _fault(word: str, words: Words) -> str:
    key = f"platforms.faults.{word}"
    return words.say(key) if words.has(key) else word
