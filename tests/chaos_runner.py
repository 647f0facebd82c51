"""A replica that only delivers, as a process that can be killed: `python -m tests.chaos_runner DATABASE_URL DESK_URL`."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import aiohttp

from bot import replica
from bot.chats.pace import SLACK, TELEGRAM, Pace
from bot.clock import SystemClock
from bot.errors import DeliveryError
from bot.model.chat import MessageRef, Person, Place, Platform, Reply
from bot.outlets.desk import ChatDesk
from bot.redaction.gate import Gate
from bot.services.delivery import Delivery
from bot.services.oncall import OnCallRota
from bot.services.steps import StepRunner
from bot.store.store import SqlStore
from tests.escalation_room import team, text_of


class WireChat:
    """Posts to the test's server, at the platform's own pace and with the faults that a platform has."""

    def __init__(self, platform: Platform, url: str, session: aiohttp.ClientSession) -> None:
        self.platform: Platform = platform
        self._url, self._session = url, session
        self._pace = Pace(SLACK if platform == "slack" else TELEGRAM, SystemClock())

    async def _send(self, verb: str, chat: str, reply: Reply, message: str = "") -> MessageRef:
        group = chat.startswith("-")
        return await self._pace.run(chat, lambda: self._post(verb, chat, reply, message), group=group)

    async def _post(self, verb: str, chat: str, reply: Reply, message: str = "") -> MessageRef:
        body = {"verb": verb, "chat": f"{self.platform}:{chat}", "message": message, "text": text_of(reply)}
        try:
            async with self._session.post(self._url, json=body, timeout=aiohttp.ClientTimeout(5)) as answer:
                if answer.status == 429:
                    raise DeliveryError("rate_limited", retry_after_s=float(answer.headers["Retry-After"]))
                if answer.status >= 500:
                    raise DeliveryError(f"http_{answer.status}")
                sent: dict[str, Any] = await answer.json()
        except (aiohttp.ClientError, TimeoutError):
            raise DeliveryError("network", lost=True) from None
        return MessageRef(self.platform, chat, sent["message"])

    async def post(self, place: Place, reply: Reply) -> MessageRef:
        return await self._send("post", place.chat, reply)

    async def edit(self, ref: MessageRef, reply: Reply) -> None:
        await self._send("edit", ref.chat, reply, ref.message)

    async def direct(self, person: Person, reply: Reply) -> MessageRef:
        return await self._send("direct", person.id, reply)

    def mention(self, person: Person) -> str:
        return f"@{person.id}"

    def faults(self) -> tuple[str, ...]:
        return ()


async def main(url: str, desk: str) -> None:
    gate, clock = Gate(b"tests"), SystemClock()
    store = SqlStore(url, gate)
    await store.open()
    async with aiohttp.ClientSession() as session:
        the_team = team()
        chats: Any = {name: WireChat(name, desk, session) for name in ("slack", "telegram")}  # type: ignore[arg-type]
        runner = StepRunner(store, clock, owner=replica.name(), gone=replica.gone)
        Delivery(
            the_team, store, ChatDesk(chats, the_team), [], OnCallRota(the_team, store, clock), runner, clock, gate
        )
        print("ready", flush=True)
        await runner.run_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
