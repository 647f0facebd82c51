"""Where a switch takes effect: an application's env file, its restart, a gateway's own switch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from bot.errors import SwitchRefused
from bot.model.chat import CleanText
from bot.model.engine import Engine
from bot.model.team import Secret
from bot.model.values import dataclass


@dataclass(frozen=True, slots=True)
class EnvView:
    """An application's env file as it stands. `path` is the real file behind a link; `faults` are why it cannot be changed."""

    path: Path
    link: bool
    digest: str  # sha256 of the bytes
    values: Mapping[str, Secret | None]  # None: the variable is not there
    faults: tuple[SwitchRefused, ...] = ()
    overridden: tuple[tuple[str, str], ...] = ()  # (variable, machine word of where): these win over the file
    hinted: tuple[tuple[str, str], ...] = ()  # (variable, file): these may win
    processes: int = 0  # running programs of that directory that could be looked at


class EnvChange(Protocol):
    """A prepared change under the file's lock: the backup is on the disk, the file is still the old one."""

    @property
    def backup(self) -> str:
        """Path of the file with the former bytes, mode 0600."""

    @property
    def digest_before(self) -> str:
        """sha256 of the file's bytes as they are now, hex."""

    @property
    def digest_after(self) -> str:
        """sha256 of the bytes that `commit` will put there, hex."""

    @property
    def changed(self) -> tuple[str, ...]:
        """The variables whose value is not the same afterwards."""

    async def commit(self) -> None:
        """The one atomic step. Raises SwitchRefused; then the file is as it was."""


class EnvFiles(Protocol):
    """Every method raises SwitchRefused with `reason` in its facts; the file is then as it was."""

    async def look(self, path: Path, names: Sequence[str]) -> EnvView:
        """The file without a lock; what forbids a change is in `faults` and not raised. Raises only where nothing can be read."""

    def change(self, path: Path, values: Mapping[str, Secret], at: datetime) -> AbstractAsyncContextManager[EnvChange]:
        """Takes the lock (SwitchRefused `busy`), prepares new `values` with all other bytes kept, and gives the lock back."""

    def restore(self, path: Path, backup: str, expect: str, at: datetime) -> AbstractAsyncContextManager[EnvChange]:
        """The exact bytes of `backup`, if the file's digest is still `expect`; else SwitchRefused (changed_since)."""

    async def digest(self, path: Path) -> str | None:
        """None where there is no readable file."""

    async def held(self, path: Path) -> bool:
        """Whether somebody changes the file at this moment."""

    async def backup_values(self, backup: str, names: Sequence[str]) -> Mapping[str, Secret | None]:
        """What these variables held in a backup; None where one was not there."""


@dataclass(frozen=True, slots=True)
class TakenUp:
    """What was done so that the application uses its changed file. `ok` None: nothing was to be done by us."""

    how: str  # none | command | bettafish
    ok: bool | None
    reason: str = ""  # machine word: exit_code, timed_out, not_found, was_stopped, whole_app, ...
    facts: Mapping[str, object] = field(default_factory=dict)
    output: CleanText | None = None


class Restarter(Protocol):
    """Makes an application take up its changed file."""

    async def take_up(self, engine: Engine) -> TakenUp:
        """Never raises: what went wrong is in the result."""

    async def declared(self, engine: Engine) -> tuple[tuple[str, str], ...] | None:
        """(variable, where) that the service manager sets itself and that would win over the env file; None: not known."""

    def can_pause(self, engine: Engine) -> bool:
        """Whether the application has a call that stops just this engine."""

    async def pause(self, engine: Engine) -> TakenUp:
        """Never raises."""

    async def resume(self, engine: Engine) -> TakenUp:
        """Never raises."""

    def plan(self, engine: Engine) -> str:
        """Machine word of what `take_up` would do: none, command, bettafish_app, bettafish_whole, own_run."""


@dataclass(frozen=True, slots=True)
class GatewayTarget:
    """One thing of a gateway that can be switched. `state` is JSON without any key: status, priority, model, …"""

    id: str
    name: str
    state: Mapping[str, Any]
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a gateway said before and after, read back from it. JSON, kept in the record, enough to undo."""

    target: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


class Gateway(Protocol):
    """A program that routes for many and has its own switch. Raises SwitchRefused (reason in its facts) and ProviderError."""

    async def targets(self) -> tuple[GatewayTarget, ...]:
        """All channels or routes that may be switched, in the gateway's own order."""

    async def look(self, target: str) -> GatewayTarget:
        """One target as it is now. Raises SwitchRefused (no_such_target)."""

    async def apply(self, target: str, want: Mapping[str, Any]) -> Receipt:
        """Changes only what `want` names. Raises SwitchRefused (not_taken) where reading back does not show it."""

    async def undo(self, receipt: Receipt) -> Receipt:
        """Writes `before` back, if the gateway still shows `after`; else SwitchRefused (changed_since)."""
