"""Switching inside a gateway: a channel on or off, a fallback list, a router's slot. Recorded and undone like an engine's switch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from bot.errors import Expired, NotAllowed, ProviderError, SwitchRefused, UnknownName
from bot.model.chat import Person, Role
from bot.model.near import nearest
from bot.model.team import Team
from bot.model.values import dataclass
from bot.ports import AuditEntry, Clock, Gate, Gateway, GatewayTarget, Receipt, Store, SwitchRecord
from bot.services.switch_plan import refuse

VALID: Final = timedelta(minutes=10)
PREFIX: Final = "gateway:"  # in a record's engine, so that it never meets an engine's name


@dataclass(frozen=True, slots=True)
class GatewayPlan:
    """What would change in one target; `token` confirms it. Nothing has been touched."""

    gateway: str
    target: GatewayTarget
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    token: str


@dataclass(frozen=True, slots=True)
class GatewayDone:
    """Read back from the gateway itself."""

    record: int
    gateway: str
    name: str
    receipt: Receipt
    undo: bool = False


class Gateways:
    """Only operators get through. Raises NotAllowed, UnknownName, Expired, SwitchRefused, ProviderError."""

    def __init__(self, gateways: Mapping[str, Gateway], team: Team, store: Store, clock: Clock, gate: Gate) -> None:
        self._gateways, self._team = gateways, team
        self._store, self._clock, self._gate = store, clock, gate

    def names(self) -> tuple[str, ...]:
        """As in the team file, in its order."""
        return tuple(self._gateways)

    def kind(self, name: str) -> str:
        """new-api, litellm or claude-code-router. Raises KeyError."""
        return self._team.gateways[name].kind

    def named(self, name: str) -> str:
        """`name` itself. Raises UnknownName with those that come near."""
        if name in self._gateways:
            return name
        near = nearest(name, self._gateways, cutoff=0.5)
        raise UnknownName("gateway", self._gate.trusted(name[:40]).text, tuple(near), self.names())

    async def targets(self, name: str) -> tuple[GatewayTarget, ...]:
        return await self._gateways[self.named(name)].targets()

    async def plan(self, name: str, target: str, want: Mapping[str, Any], by: Person) -> GatewayPlan:
        """Asks the gateway how the target is now. Raises SwitchRefused (already) where nothing would change."""
        found = await self._gateways[self.named(name)].look(target)
        before = {key: found.state.get(key) for key in want}
        if before == dict(want):
            raise refuse("like_that", "it is like that already", target=found.name)
        now = self._clock.now()
        payload = {"gateway": name, "target": target, "want": dict(want), "before": before}
        token = await self._store.put_token("gateway", payload, now + VALID)
        return GatewayPlan(name, found, before, dict(want), token)

    async def confirm(self, token: str, by: Person, role: Role) -> GatewayDone:
        """Changes what the plan of `token` names, if nobody has changed it meanwhile. Raises NotAllowed, Expired, SwitchRefused and
        ProviderError."""
        self._operators_only(role)
        payload = await self._store.take_token("gateway", token, self._clock.now())
        if payload is None:
            raise Expired
        name, target, want = self.named(str(payload["gateway"])), str(payload["target"]), dict(payload["want"])
        gateway = self._gateways[name]
        found = await gateway.look(target)
        if {key: found.state.get(key) for key in want} != payload["before"]:
            raise refuse("changed_since_plan", "it was changed after this plan was made", engine=found.name)
        detail = {"target": target, "name": found.name, "before": payload["before"], "want": want}
        number = await self._begin(name, by, target, detail)
        receipt = await self._carried(name, by, number, found.name, "switch", gateway.apply(target, want))
        await self._store.finish_switch(number, "done", detail={"after": dict(receipt.after)})
        await self._note("switch", name, by, "done", f"{found.name}: {_shown(receipt)} (#{number})")
        return GatewayDone(number, name, found.name, receipt)

    async def undo(self, name: str, by: Person, role: Role, *, record_id: int | None = None) -> GatewayDone:
        """Writes back what stood there before the last change, if the gateway still shows that change."""
        self._operators_only(role)
        name = self.named(name)
        records = await self._store.switches(PREFIX + name, states=("done",), limit=1)
        if not records:
            raise refuse("nothing_to_undo", f"nothing of {name} to undo", engine=name)
        last = records[0]
        if record_id is not None and record_id != last.id:
            raise refuse("already_undone", "that change is not the last one any more", engine=name)
        held = last.detail
        receipt = Receipt(str(held["target"]), dict(held["before"]), dict(held["want"]))
        done = await self._carried(
            name, by, last.id, str(held["name"]), "undo", self._gateways[name].undo(receipt), undo=True
        )
        await self._store.finish_switch(last.id, "undone", detail={"undone_by": by.address})
        await self._note("undo", name, by, "done", f"{held['name']}: {_shown(done)} (#{last.id})")
        return GatewayDone(last.id, name, str(held["name"]), done, undo=True)

    async def recover(self) -> int:
        """At start: what a killed process left is compared with the gateway. How many records were ended."""
        ended = 0
        for record in await self._store.switches(states=("started",), limit=100):
            name = record.engine.removeprefix(PREFIX)
            if not record.engine.startswith(PREFIX) or name not in self._gateways:
                continue
            want = dict(record.detail["want"])
            try:
                found = await self._gateways[name].look(str(record.detail["target"]))
            except (SwitchRefused, ProviderError):
                continue  # not reachable now: the next start asks again
            taken = all(found.state.get(key) == value for key, value in want.items())
            await self._store.finish_switch(record.id, "done" if taken else "undone", detail={"interrupted": True})
            entry = self._gate.trusted(f"#{record.id} {found.name} was interrupted; it is {'new' if taken else 'old'}")
            await self._store.audit(
                AuditEntry(
                    self._clock.now(), "quotadesk", "recover", record.engine, "done" if taken else "undone", entry
                )
            )
            ended += 1
        return ended

    async def _begin(self, name: str, by: Person, target: str, detail: Mapping[str, Any]) -> int:
        now = self._clock.now()
        number = await self._store.begin_switch(
            SwitchRecord(0, now, PREFIX + name, None, target, by.address, "started", detail=detail)
        )
        await self._note("switch", name, by, "started", f"{detail['name']} (#{number})")
        return number

    async def _carried(
        self, name: str, by: Person, number: int, target: str, what: str, work: Any, *, undo: bool = False
    ) -> Receipt:
        try:
            receipt: Receipt = await work
        except (SwitchRefused, ProviderError) as fault:
            reason = fault.reason if isinstance(fault, ProviderError) else str(fault.facts.get("reason", ""))
            # A lost answer may have been taken: then the record stays open, and the next start asks the gateway.
            if not undo and isinstance(fault, SwitchRefused):
                await self._store.finish_switch(number, "failed", detail={"reason": reason})
            await self._note(what, name, by, "failed", f"{target}: {reason} (#{number})")
            raise
        return receipt

    def _operators_only(self, role: Role) -> None:
        if role < Role.OPERATOR:
            raise NotAllowed("operators only", key="operators_only", operators=", ".join(self._team.access.operators))

    async def _note(self, what: str, name: str, by: Person, result: str, detail: str) -> None:
        await self._store.audit(
            AuditEntry(
                self._clock.now(), by.address, what, PREFIX + name, result, self._gate.trusted(detail), name=by.name
            )
        )


def _shown(receipt: Receipt) -> str:
    return ", ".join(f"{key} {receipt.before.get(key)} -> {value}" for key, value in receipt.after.items())
