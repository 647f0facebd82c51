"""Makes an application take up its changed file: the team's own restart command, BettaFish's API, or nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from bot.model.engine import Engine
from bot.outlets import bettafish, units
from bot.outlets.bettafish import BettaFish
from bot.ports import Clock, Gate, Http, TakenUp

_SHOWN: Final = 2000  # bytes of the command's last output
_PASSED: Final = frozenset(
    [
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "LANG",
        "LANGUAGE",
        "TZ",
        "TMPDIR",
        "XDG_RUNTIME_DIR",
        "DBUS_SESSION_BUS_ADDRESS",
        "DOCKER_HOST",
        "DOCKER_CONTEXT",
        "KUBECONFIG",
    ]
)


class Restart:
    """The `Restarter` door. `environment`: what the bot runs in; a restart command sees only its harmless part.

    Variables that a child inherits win over an env file, so neither the bot's keys nor an engine's variables are passed on.
    """

    def __init__(
        self,
        http: Http,
        clock: Clock,
        gate: Gate,
        environment: Mapping[str, str],
        *,
        timeout_s: float = 60.0,
        units_in: Sequence[Path] = units.FOLDERS,
    ) -> None:
        self._bettafish = BettaFish(http, clock, gate)
        self._gate = gate
        self._environment = {
            name: value for name, value in environment.items() if name in _PASSED or name.startswith("LC_")
        }
        self._timeout_s = timeout_s
        self._units = units_in

    def plan(self, engine: Engine) -> str:
        if engine.restart:
            return "command"
        return bettafish.plan(engine) if engine.bettafish_url else "none"

    async def take_up(self, engine: Engine) -> TakenUp:
        if engine.restart:
            return await self._command(engine)
        if engine.bettafish_url:
            return await self._bettafish.take_up(engine)
        return TakenUp("none", None, "by_hand")

    async def declared(self, engine: Engine) -> tuple[tuple[str, str], ...] | None:
        found = units.unit_of(engine.restart)
        if found is None or engine.env_file is None:
            return ()
        unit, of_user = found
        folders = [Path(self._environment.get("HOME", "/")) / ".config/systemd/user"] if of_user else self._units
        told = await asyncio.to_thread(units.declared, unit, engine.variables, engine.env_file, folders)
        return None if told is None else tuple(told)

    def can_pause(self, engine: Engine) -> bool:
        return engine.bettafish_url is not None and bettafish.app_of(engine) != ""

    async def pause(self, engine: Engine) -> TakenUp:
        return await self._turned(engine, on=False)

    async def resume(self, engine: Engine) -> TakenUp:
        return await self._turned(engine, on=True)

    async def _turned(self, engine: Engine, *, on: bool) -> TakenUp:
        if not self.can_pause(engine):
            return TakenUp("none", False, "no_pause")
        return await self._bettafish.turn(engine, on=on)

    async def _command(self, engine: Engine) -> TakenUp:
        """Runs the arguments without a shell, in the directory of the env file; kills the whole group after the time-out."""
        # A file, not a pipe: a command that leaves a daemon behind would keep a pipe open for ever.
        with tempfile.TemporaryFile() as output:
            try:
                process = await asyncio.create_subprocess_exec(
                    *engine.restart,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=self._environment,
                    cwd=engine.env_file.parent if engine.env_file else None,
                    start_new_session=True,
                )
            except FileNotFoundError:
                return TakenUp("command", False, "not_found", {"command": engine.restart[0]})
            except OSError:
                return TakenUp("command", False, "no_rights", {"command": engine.restart[0]})
            facts: dict[str, object] = {"command": engine.restart[0]}
            try:
                code = await asyncio.wait_for(process.wait(), self._timeout_s)
                ok, reason = code == 0, "" if code == 0 else "exit_code"
                facts["code"] = code
            except TimeoutError:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
                ok, reason = False, "timed_out"
                facts["seconds"] = self._timeout_s
            size = output.seek(0, os.SEEK_END)
            output.seek(max(0, size - _SHOWN))
            said = output.read().decode("utf-8", "replace").strip()
        return TakenUp("command", ok, reason, facts, self._gate.trusted(said) if said else None)
