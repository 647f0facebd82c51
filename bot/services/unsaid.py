"""What an earlier pass of the fallback chain did not get said: the process ended, or a chat did not take it."""

from __future__ import annotations

from dataclasses import replace

from bot.errors import SwitchRefused
from bot.model.engine import Engine
from bot.ports import SwitchRecord
from bot.services.leaving import ITSELF, Leaving
from bot.services.owed import Announcement, Owed, from_json
from bot.services.switch_plan import done_of


class Unsaid(Leaving):
    """Nobody is moved twice, and nothing that happened stays unsaid."""

    async def owed(self) -> list[Announcement]:
        """What a pass before this one did not get said: the process ended, or a chat did not take it."""
        said = []
        for each in await self._outbox.due():
            engine = self._team.engines.get(each.engine)
            again = await self._again(each, engine) if engine and each.route in self._team.routes else None
            if again is not None:
                said.append(again)
            elif engine is None or not await self._under_way(engine):
                await self._outbox.over(each.id)
        return said

    async def _under_way(self, engine: Engine) -> bool:
        return bool(await self._store.switches(engine.name, states=("started",), limit=1))

    async def _again(self, owed: Owed, engine: Engine) -> Announcement | None:
        """None: there is nothing to say, or not yet."""
        if owed.said is None:
            return await self._ended(owed, engine)
        said = from_json(owed, engine.title)
        if (number := owed.said.get("record")) is not None:
            records = await self._store.switches(engine.name, states=("done",), limit=20)
            record = next((record for record in records if record.id == number), None)
            return None if record is None else self._of(said, record, engine)
        if said.say not in ("ask", "advice") or said.to_route is None:
            return said
        try:
            plan = await self._switching.plan(engine.name, said.to_route, by=ITSELF)
        except SwitchRefused:
            return None  # the file is gone: the question is void
        return replace(said, plan=plan) if plan.possible else await self._still(owed, engine)

    async def _ended(self, owed: Owed, engine: Engine) -> Announcement | None:
        """An engine was about to move when the process ended. The record of the switch tells what came of it."""
        if await self._under_way(engine):
            return None
        for record in await self._store.switches(engine.name, states=("done",), limit=5):
            if record.who != "quotadesk" or record.at < owed.at:
                continue
            if owed.kind == "leave" and record.from_route == owed.route:
                if owed.route == engine.routes[0]:
                    await self.return_to(engine.name, owed.route)
                said = Announcement(
                    "moved", engine.name, engine.title, owed.route, why=owed.why, sent=owed.sent, trying=owed.trying
                )
                cost = await self._switching.cost(engine, record.from_route, record.to_route)
                return await self._owe(owed.id, self._of(replace(said, cost=cost), record, engine))
            if owed.kind == "back" and record.to_route == owed.route:
                said = Announcement("returned", engine.name, engine.title, sent=owed.sent, trying=owed.trying)
                return await self._owe(owed.id, self._of(said, record, engine))
        return await self._still(owed, engine)

    async def _still(self, owed: Owed, engine: Engine) -> Announcement | None:
        """The engine stands where it was about to leave: the ways are looked at anew."""
        known = await self.breaker(owed.route)
        on_it = await self._on(engine) == owed.route
        if owed.kind == "leave" and on_it and known.worth_leaving(self._clock.now()):
            return await self._owe(
                owed.id, replace(await self._leave(engine, owed.route, known), sent=owed.sent, trying=owed.trying)
            )
        return None

    @staticmethod
    def _of(said: Announcement, record: SwitchRecord, engine: Engine) -> Announcement:
        return replace(
            said, from_route=record.from_route, to_route=record.to_route or None, done=done_of(record, engine)
        )
