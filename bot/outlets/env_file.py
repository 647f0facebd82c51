"""An application's env file, changed as one: old or new at every instant, never something between.

A change takes the lock (a file beside it that stays, empty), keeps the exact former bytes as a backup, writes a temporary
file beside the target with its mode and owner, fsyncs, and renames. Backups lie in the bot's own directory, not beside the
file: applications commit and serve their directory, and a backup holds keys. Ten per file are kept, mode 0600.

A link is followed: the file behind it is changed and the link stays. A file with two hard links, one that is mounted by itself,
or one whose owner could not be kept is refused, since a rename would part it from what the application reads.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from bot.errors import SwitchRefused
from bot.model.team import Secret
from bot.model.values import dataclass
from bot.outlets import env_text
from bot.outlets.env_backups import keep, thin_out
from bot.outlets.env_disk import digest, plain, read_whole, real_path, sync_directory, take_lock, write_beside
from bot.outlets.env_text import refused
from bot.outlets.env_winners import composed, exported
from bot.ports import EnvChange, EnvView

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Change:
    """Prepared under the lock. `commit` is the one atomic step; `close` gives the lock back. Blocking; see EnvFiles."""

    path: Path
    before: bytes
    after: bytes
    like: os.stat_result
    backup: Path
    changed: tuple[str, ...]
    directory: Path
    lock: int

    def commit(self) -> None:
        with plain(self.path):
            temporary = write_beside(self.path, self.after, self.like, secrets.token_hex(4))
            try:
                # Someone who does not know our lock (the application itself, an editor) may have written meanwhile.
                now, status = read_whole(self.path)
                if now != self.before or status.st_ino != self.like.st_ino:
                    raise refused(
                        "changed_meanwhile", f"{self.path} was changed by someone else just now", path=str(self.path)
                    )
                temporary.replace(self.path)
            except BaseException:
                with suppress(OSError):
                    temporary.unlink()
                raise
            sync_directory(self.path.parent)
        thin_out(self.path, self.directory)

    def close(self) -> None:
        os.close(self.lock)


def prepare(path: Path, make: Callable[[bytes], bytes], names: Sequence[str], directory: Path, at: datetime) -> Change:
    """Takes the lock, reads, makes the new bytes, stores the backup. The caller closes what it gets."""
    target = real_path(path)
    lock = take_lock(target)
    try:
        _clear(target)
        before, like = read_whole(target)
        if not like.st_mode & 0o222:
            raise refused("read_only", f"{target} is marked read-only: allow its owner to write", path=str(target))
        if like.st_nlink > 1:
            raise refused(
                "hard_links", f"{target} has another hard link, which a switch would part from it", path=str(target)
            )
        after = make(before)
        old, new = env_text.values(before, names), env_text.values(after, names)
        changed = tuple(name for name in names if old[name] != new[name])
        return Change(target, before, after, like, keep(target, before, directory, at), changed, directory, lock)
    except BaseException:
        os.close(lock)
        raise


def _clear(target: Path) -> None:
    """Temporary files of a process that was killed. Nobody else writes one while we hold the lock."""
    begin = f".{target.name.lstrip('.')}.quotadesk-"
    with suppress(OSError):
        for entry in target.parent.iterdir():
            if entry.name.startswith(begin) and entry.suffix == ".tmp":
                entry.unlink()


@dataclass(frozen=True, slots=True)
class _Open:
    inner: Change

    @property
    def backup(self) -> str:
        return str(self.inner.backup)

    @property
    def digest_before(self) -> str:
        return digest(self.inner.before)

    @property
    def digest_after(self) -> str:
        return digest(self.inner.after)

    @property
    def changed(self) -> tuple[str, ...]:
        return self.inner.changed

    async def commit(self) -> None:
        await _to_the_end(asyncio.create_task(asyncio.to_thread(self.inner.commit)))


async def _to_the_end(task: asyncio.Task[_T]) -> _T:
    """A thread cannot be stopped: whoever is cancelled waits for it, so that no lock and no half-told change is left."""
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


class EnvFiles:
    """The `EnvFiles` door. `backups` is made at the first change; `environment` is what the bot itself runs in."""

    def __init__(
        self, backups: Path, environment: Mapping[str, str] | None = None, processes: Path = Path("/proc")
    ) -> None:
        self._backups = backups
        self._environment = dict(environment or {})
        self._processes = processes

    async def look(self, path: Path, names: Sequence[str]) -> EnvView:
        return await asyncio.to_thread(self._look, path, tuple(names))

    def _look(self, path: Path, names: tuple[str, ...]) -> EnvView:
        target = real_path(path)
        data, status = read_whole(target)
        faults = env_text.faults(data, names)
        if not status.st_mode & 0o222:
            faults.append(
                refused("read_only", f"{target} is marked read-only: allow its owner to write", path=str(target))
            )
        hints = composed(target, names) + [(name, "environment") for name in names if name in self._environment]
        winning, seen = exported(target, names, self._processes)
        return EnvView(
            path=target,
            link=path.is_symlink(),
            digest=digest(data),
            values={name: None if v is None else Secret(v) for name, v in env_text.values(data, names).items()},
            faults=tuple(faults),
            overridden=tuple(winning),
            processes=seen,
            hinted=tuple(hints),
        )

    @asynccontextmanager
    async def change(self, path: Path, values: Mapping[str, Secret], at: datetime) -> AsyncIterator[EnvChange]:
        plain = {name: secret.reveal() for name, secret in values.items()}
        async with self._opened(path, lambda data: env_text.edit(data, plain), tuple(plain), at) as change:
            yield change

    @asynccontextmanager
    async def restore(self, path: Path, backup: str, expect: str, at: datetime) -> AsyncIterator[EnvChange]:
        def make(now: bytes) -> bytes:
            if digest(now) != expect:
                raise refused("changed_since", f"{path} was changed after that switch", path=str(path))
            return self._backup(backup)

        names = tuple(dict.fromkeys(b.name for b in env_text.parse(env_text.decode(self._backup(backup))) if b.name))
        async with self._opened(path, make, names, at) as change:
            yield change

    @asynccontextmanager
    async def _opened(
        self, path: Path, make: Callable[[bytes], bytes], names: tuple[str, ...], at: datetime
    ) -> AsyncIterator[EnvChange]:
        task = asyncio.create_task(asyncio.to_thread(prepare, path, make, names, self._backups, at))
        try:
            inner = await _to_the_end(task)
        except asyncio.CancelledError:
            if not task.cancelled() and task.exception() is None:
                task.result().close()
            raise
        try:
            yield _Open(inner)
        finally:
            inner.close()

    def _backup(self, backup: str) -> bytes:
        place = Path(backup)
        try:
            if place.resolve().parent != self._backups.resolve():
                raise FileNotFoundError
            return place.read_bytes()
        except FileNotFoundError:
            raise refused("backup_gone", "the backup of that switch is not there any more (ten are kept)") from None
        except OSError:
            raise refused("backup_gone", "the backup of that switch cannot be read") from None

    async def digest(self, path: Path) -> str | None:
        def read() -> str | None:
            try:
                return digest(read_whole(real_path(path))[0])
            except SwitchRefused:
                return None

        return await asyncio.to_thread(read)

    async def held(self, path: Path) -> bool:
        def look() -> bool:
            try:
                os.close(take_lock(real_path(path)))
            except SwitchRefused as fault:
                return fault.facts["reason"] == "busy"
            return False

        return await asyncio.to_thread(look)

    async def backup_values(self, backup: str, names: Sequence[str]) -> Mapping[str, Secret | None]:
        data = await asyncio.to_thread(self._backup, backup)
        return {name: None if v is None else Secret(v) for name, v in env_text.values(data, names).items()}
