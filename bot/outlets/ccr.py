"""claude-code-router: which provider and model a slot of its `Router` uses; in its file, with a restart that is proved.

Its HTTP API returns all provider keys and replaces the whole file, so it is not used: the one string is changed in config.json with
the same care as an env file. The running process keeps the old routing, and a restart may do nothing while it says that it did:
the new process id is the proof. Run with 2.0.0, 2026-11.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from bot.errors import SwitchRefused
from bot.outlets import env_file
from bot.outlets.env_text import refused
from bot.ports import Clock, GatewayTarget, Receipt, TakenUp

_UP_WITHIN_S = 20.0
_SLOTS = ("default", "background", "think", "longContext", "webSearch", "image")


def route(data: bytes, slot: str, target: str) -> bytes:
    """`data` with `Router.<slot>` = `target` ("provider,model") and every other byte as it was. Raises SwitchRefused."""
    parsed = _parsed(data)
    provider, _, model = target.partition(",")
    listed = {str(p.get("name")): p.get("models") for p in parsed.get("Providers", []) if isinstance(p, Mapping)}
    models = listed.get(provider)
    if provider not in listed or (isinstance(models, list) and model not in models):
        raise refused("no_such_target", f"the router's file lists no {target}", target=target)
    router = parsed.get("Router")
    old = router.get(slot) if isinstance(router, Mapping) else None
    if not isinstance(old, str):
        raise refused("no_such_target", f"the router's file has no slot {slot}", target=slot)
    text = data.decode("utf-8")
    wanted = {**parsed, "Router": {**parsed["Router"], slot: target}}
    # The place is found by trying: exactly one string of the file makes the wanted document when it is replaced.
    old_text, new_text, at = json.dumps(old, ensure_ascii=False), json.dumps(target, ensure_ascii=False), -1
    for quoted in dict.fromkeys((old_text, json.dumps(old))):
        while (at := text.find(quoted, at + 1)) >= 0:
            tried = text[:at] + new_text + text[at + len(quoted) :]
            with suppress(ValueError):
                if json.loads(tried) == wanted:
                    return tried.encode("utf-8")
    raise refused("unusual", "the router's file writes this slot in a way that cannot be changed safely")


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise refused("unusual", "the router's config.json is no plain JSON (comments?): change it by hand") from None
    if not isinstance(parsed, dict):
        raise refused("unusual", "the router's config.json is no JSON object")
    return parsed


class Ccr:
    """The `Gateway` door. A target is a slot of `Router`; `want` is {"route": "provider,model"}.

    `restart` runs the configured command (a list of arguments). `pid_file` is where the router keeps its process id.
    """

    def __init__(
        self,
        config: Path,
        backups: Path,
        restart: Callable[[], Awaitable[TakenUp]],
        pid_file: Path,
        clock: Clock,
    ) -> None:
        self._config, self._backups, self._restart = config, backups, restart
        self._pid_file, self._clock = pid_file, clock

    async def targets(self) -> tuple[GatewayTarget, ...]:
        parsed = _parsed(await asyncio.to_thread(self._bytes))
        router = parsed.get("Router")
        choices = tuple(
            f"{p.get('name')},{model}"
            for p in parsed.get("Providers", [])
            if isinstance(p, Mapping)
            for model in p.get("models") or ()
        )
        slots = router if isinstance(router, Mapping) else {}
        return tuple(
            GatewayTarget(slot, slot, {"route": slots[slot]}, choices)
            for slot in _SLOTS
            if isinstance(slots.get(slot), str)
        )

    async def look(self, target: str) -> GatewayTarget:
        found = next((each for each in await self.targets() if each.id == target), None)
        if found is None:
            raise refused("no_such_target", f"the router's file has no slot {target}", target=target)
        return found

    def _bytes(self) -> bytes:
        try:
            return self._config.read_bytes()
        except OSError:
            raise refused("missing", f"{self._config} cannot be read", path=str(self._config)) from None

    async def apply(self, target: str, want: Mapping[str, Any]) -> Receipt:
        """Raises SwitchRefused: not_taken where the file is changed but no new process came; the file is then put back."""
        if set(want) != {"route"}:
            raise refused("bad_value", "only the route of a slot can be changed", variable="", what="")
        before = await self.look(target)
        new = str(want["route"])
        await asyncio.to_thread(self._change, target, new)
        if not await self._taken_up():
            with suppress(SwitchRefused):
                await asyncio.to_thread(self._change, target, str(before.state["route"]))
            raise refused("not_taken", "no new router process came, so the former route was put back", target=target)
        return Receipt(target, dict(before.state), {"route": new})

    async def undo(self, receipt: Receipt) -> Receipt:
        if dict((await self.look(receipt.target)).state) != dict(receipt.after):
            raise refused("changed_since", "the slot was changed after that", path=str(self._config))
        return await self.apply(receipt.target, receipt.before)

    def _change(self, slot: str, target: str) -> None:
        change = env_file.prepare(
            self._config, lambda data: route(data, slot, target), (), self._backups, self._clock.now()
        )
        try:
            change.commit()
        finally:
            change.close()

    async def _taken_up(self) -> bool:
        """A new process id, or none before and one now. Nothing running before and after is taken up at its next start."""
        old = await asyncio.to_thread(self._pid)
        if old is None:
            return True
        taken = await self._restart()
        if taken.ok is False:
            return False
        began = self._clock.monotonic()
        while self._clock.monotonic() - began < _UP_WITHIN_S:
            new = await asyncio.to_thread(self._pid)
            if new is not None and new != old:
                return True
            await self._clock.sleep(0.5)
        return False

    def _pid(self) -> int | None:
        """The running process, None where the file is stale or absent."""
        try:
            number = int(self._pid_file.read_text(encoding="ascii").strip())
        except (OSError, ValueError):
            return None
        return number if Path(f"/proc/{number}").exists() or not Path("/proc/self").exists() else None
