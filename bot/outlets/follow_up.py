"""Asks once more, in private, whether a key that was pasted has been replaced. Knows its fingerprint only."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from bot.errors import DeliveryError
from bot.locales import Words
from bot.model.chat import Action, Line, Links, Person, Reply
from bot.ports import Chat, DueStep, Store

log = logging.getLogger("quotadesk.follow_up")

KIND = "rotated"


class RotatedFollowUp:
    """The job of `rotated` steps. Payload: person (address), kind, fingerprint, route, revoke_url, language, timezone."""

    def __init__(self, chats: Mapping[str, Chat], store: Store) -> None:
        self._chats, self._store = chats, store

    async def run(self, step: DueStep) -> str:
        """Silent where the person has said so already, or was asked from a platform that does not run."""
        facts = step.payload
        if await self._store.get_fact(f"rotated:{facts['fingerprint']}"):
            return "rotated already"
        platform, _, id = str(facts["person"]).partition(":")
        chat = self._chats.get(platform)
        if chat is None:
            raise DeliveryError("not_connected", final=True)
        words = Words(str(facts["language"]), str(facts["timezone"]))
        kind = words.kind(str(facts["kind"]))
        line = words.say(
            "leak.still",
            kind=kind,
            fingerprint=facts["fingerprint"],
            route=facts.get("route") or words.say("common.unknown"),
        )
        url = str(facts.get("revoke_url") or "")
        links = (Links(((words.say("leak.revoke_page", kind=kind), url),)),) if url else ()
        button = Action("leak.rotated", words.say("leak.rotated"), str(facts["fingerprint"])[:20])
        await chat.direct(Person(platform, id), Reply(blocks=(Line(line), *links), actions=(button,)))  # type: ignore[arg-type]
        return "asked"

    async def failed(self, step: DueStep, why: str) -> None:
        log.info("nobody could be asked whether a key was replaced: %s", why)
