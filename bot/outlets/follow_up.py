"""Asks once more, in private, whether a key that was pasted has been replaced. Knows its fingerprint only."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.errors import DeliveryError
from bot.locales import Words
from bot.model.chat import Action, Line, Links, Person, Reply
from bot.ports import Chat, Clock, DueStep, Store

log = logging.getLogger("quotadesk.follow_up")

KIND = "rotated"
_AFTER = timedelta(hours=1)


class RotatedFollowUp:
    """The job of `rotated` steps. Payload: person (address), secrets (fingerprint, kind, route, revoke_url of each), posted_at,
    language, timezone; older ones hold one secret themselves."""

    def __init__(self, chats: Mapping[str, Chat], store: Store, clock: Clock) -> None:
        self._chats, self._store, self._clock = chats, store, clock

    async def run(self, step: DueStep) -> str:
        """Silent where the person has said so already, or was asked from a platform that does not run."""
        facts = step.payload
        secrets = [
            secret
            for secret in facts.get("secrets", [facts])
            if not await self._store.get_fact(f"rotated:{secret['fingerprint']}")
        ]
        if not secrets:
            return "rotated already"
        platform, _, id = str(facts["person"]).partition(":")
        chat = self._chats.get(platform)
        if chat is None:
            raise DeliveryError("not_connected", final=True)
        words = Words(str(facts["language"]), str(facts["timezone"]))
        posted = datetime.fromisoformat(facts["posted_at"]) if "posted_at" in facts else step.due_at - _AFTER
        lines, links = [], dict[str, str]()
        for secret in secrets:
            kind, route = words.kind(str(secret["kind"])), secret.get("route") or ""
            key = "leak.posted_ours" if route else "leak.posted"
            lines.append(Line(words.say(key, kind=kind, route=route, fingerprint=secret["fingerprint"])))
            if url := secret.get("revoke_url"):
                links[words.say("leak.revoke_page", kind=kind)] = str(url)
        named = ",".join(str(secret["fingerprint"])[:20] for secret in secrets)
        buttons = tuple(Action(f"leak.{name}", words.say(f"leak.{name}"), named) for name in ("rotated", "later"))
        told = words.say("leak.still", time=words.when(posted, self._clock.now()))
        question = Line(words.say("leak.replaced", n=len(secrets)), strong=True)
        pages = (Links(tuple(links.items())),) if links else ()
        await chat.direct(Person(platform, id), Reply(blocks=(Line(told), *lines, question, *pages), actions=buttons))  # type: ignore[arg-type]
        return "asked"

    async def failed(self, step: DueStep, why: str) -> None:
        """Only logged: a question that reaches nobody is no reason to wake anybody."""
        log.info("nobody could be asked whether a key was replaced: %s", why)
