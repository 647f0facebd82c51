"""An application's env file, changed as one: old or new at every instant, never something between.

A change takes the lock (a file beside it that stays, empty), keeps the exact former bytes as a backup, writes a temporary
file beside the target with its mode and owner, fsyncs, and renames. Backups lie in the bot's own directory, not beside the
file: applications commit and serve their directory, and a backup holds keys. Ten per file are kept, mode 0600.

A link is followed: the file behind it is changed and the link stays. A file with two hard links, one that is mounted by itself,
or one whose owner could not be kept is refused, since a rename would part it from what the application reads.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeVar

from bot.errors import ConfigError, SwitchRefused
from bot.model.team import Secret
from bot.outlets import env_text
from bot.outlets.env_text import refused
from bot.ports import EnvChange, EnvView

_T = TypeVar("_T")
KEPT: Final = 10
_LARGEST: Final = 8 * 1024 * 1024
_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_COMPOSE: Final = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


@contextmanager
def _plain(path: Path) -> Iterator[None]:
    """What the operating system refuses becomes one reason with a mend. The file is as it was."""
    try:
        yield
    except OSError as fault:
        shown, code = str(path), fault.errno
        if code == errno.ENOENT:
            raise refused("missing", f"{shown} is not there: mend env_file in the team file", path=shown) from None
        if code in (errno.EACCES, errno.EPERM):
            raise refused(
                "no_rights", f"quotadesk may not read or write {shown} or its directory", path=shown
            ) from None
        if code == errno.EROFS:
            raise refused("read_only_disk", f"{shown} lies on a read-only disk", path=shown) from None
        if code in _FULL:
            raise refused(
                "disk_full", f"the disk of {shown} is full: free some space and try again", path=shown
            ) from None
        if code == errno.EBUSY:
            raise refused("mounted", f"{shown} is mounted by itself; mount its directory instead", path=shown) from None
        if code == errno.ELOOP:
            raise refused(
                "missing", f"{shown} is a link in a circle: mend env_file in the team file", path=shown
            ) from None
        name = errno.errorcode.get(code or 0, "error")
        raise refused("disk", f"the disk refused {shown} ({name})", path=shown, code=name) from None


def _real(path: Path) -> Path:
    with _plain(path):
        return Path(os.path.realpath(path, strict=True))


def _read(path: Path) -> tuple[bytes, os.stat_result]:
    with _plain(path):
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise refused(
                    "not_a_file", f"{path} is no regular file: mend env_file in the team file", path=str(path)
                )
            if status.st_size > _LARGEST:
                raise refused("too_large", f"{path} is larger than an env file can be", path=str(path))
            pieces = []
            while piece := os.read(handle, 1 << 20):
                pieces.append(piece)
            return b"".join(pieces), status
        finally:
            os.close(handle)


def _sync_directory(path: Path) -> None:
    with suppress(OSError):  # some network disks cannot; the rename itself has happened
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _write_beside(target: Path, data: bytes, like: os.stat_result | None, mark: str) -> Path:
    """A complete, synced file in the directory of `target`. With `like`: its mode, owner and extended attributes."""
    temporary = target.with_name(f".{target.name.lstrip('.')}.quotadesk-{mark}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]
        if like is not None:
            _same_owner(handle, target, like)
            os.fchmod(handle, stat.S_IMODE(like.st_mode))
            _same_attributes(handle, target)
        os.fsync(handle)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    finally:
        os.close(handle)
    return temporary


def _same_owner(handle: int, target: Path, like: os.stat_result) -> None:
    mine = os.fstat(handle)
    if (mine.st_uid, mine.st_gid) == (like.st_uid, like.st_gid):
        return
    try:
        os.fchown(handle, like.st_uid, like.st_gid)
    except PermissionError:
        # A file that suddenly belongs to the bot would lock its application out.
        raise refused(
            "owner",
            f"{target} belongs to another user, and quotadesk may not give a new file to that user: run it as that user",
            path=str(target),
        ) from None


def _same_attributes(handle: int, target: Path) -> None:
    if not hasattr(os, "listxattr"):
        return
    with suppress(OSError):
        for name in os.listxattr(target):
            with suppress(OSError):  # labels that only the kernel sets
                os.setxattr(handle, name, os.getxattr(target, name))


# --- the lock, the backups -------------------------------------------------------------------------------------------


def _lock(path: Path) -> int:
    """Held until the handle is closed or the process ends, however it ends."""
    place = path.with_name(f".{path.name.lstrip('.')}.quotadesk.lock")
    with _plain(path):
        handle = os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as fault:
        os.close(handle)
        if fault.errno in (errno.EAGAIN, errno.EACCES):
            raise refused("busy", f"another switch is changing {path} now", path=str(path)) from None
        with _plain(path):
            raise
    return handle


def _family(path: Path) -> str:
    """The common beginning of all backups of one file."""
    return f"{path.name.lstrip('.') or 'env'}-{sha256(os.fsencode(path)).hexdigest()[:10]}-"


def _keep(path: Path, data: bytes, directory: Path, at: datetime) -> Path:
    with _plain(directory):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        taken = {entry.name for entry in directory.iterdir()}
        stem = f"{_family(path)}{at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"
        place = next(directory / name for n in range(100_000) if (name := f"{stem}-{n:05d}.env") not in taken)
        temporary = _write_beside(place, data, None, secrets.token_hex(4))
        temporary.replace(place)
        _sync_directory(directory)
        return place


def backups(path: Path, directory: Path) -> list[Path]:
    """Oldest first."""
    if not directory.is_dir():
        return []
    begin = _family(path)
    return sorted(entry for entry in directory.iterdir() if entry.name.startswith(begin) and entry.suffix == ".env")


# --- one change ------------------------------------------------------------------------------------------------------


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
        with _plain(self.path):
            temporary = _write_beside(self.path, self.after, self.like, secrets.token_hex(4))
            try:
                # Someone who does not know our lock (the application itself, an editor) may have written meanwhile.
                now, status = _read(self.path)
                if now != self.before or status.st_ino != self.like.st_ino:
                    raise refused(
                        "changed_meanwhile", f"{self.path} was changed by someone else just now", path=str(self.path)
                    )
                temporary.replace(self.path)
            except BaseException:
                with suppress(OSError):
                    temporary.unlink()
                raise
            _sync_directory(self.path.parent)
        with suppress(OSError):
            for old in backups(self.path, self.directory)[:-KEPT]:
                old.unlink()

    def close(self) -> None:
        os.close(self.lock)


def prepare(path: Path, make: Callable[[bytes], bytes], names: Sequence[str], directory: Path, at: datetime) -> Change:
    """Takes the lock, reads, makes the new bytes, stores the backup. The caller closes what it gets."""
    target = _real(path)
    lock = _lock(target)
    try:
        _clear(target)
        before, like = _read(target)
        if not like.st_mode & 0o222:
            raise refused("read_only", f"{target} is marked read-only: allow its owner to write", path=str(target))
        if like.st_nlink > 1:
            raise refused(
                "hard_links", f"{target} has another hard link, which a switch would part from it", path=str(target)
            )
        after = make(before)
        old, new = env_text.values(before, names), env_text.values(after, names)
        changed = tuple(name for name in names if old[name] != new[name])
        return Change(target, before, after, like, _keep(target, before, directory, at), changed, directory, lock)
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


# --- what wins over the file -----------------------------------------------------------------------------------------


def exported(path: Path, names: Sequence[str], processes: Path = Path("/proc")) -> tuple[list[tuple[str, str]], int]:
    """(variable, "process <id>") for running programs of this directory that have the variable in their environment, and
    how many programs could be looked at.

    Such a variable wins over the file, and children inherit it. Only names are looked at; only what the system lets us read.
    """
    home = path.parent
    found: list[tuple[str, str]] = []
    seen = 0
    with suppress(OSError):
        for entry in processes.iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            with suppress(OSError):
                place = Path(os.readlink(entry / "cwd"))
                if place != home and home not in place.parents:
                    continue
                have = {item.split(b"=", 1)[0] for item in (entry / "environ").read_bytes().split(b"\0")}
                seen += 1
                found += [(name, f"process {entry.name}") for name in names if name.encode() in have]
    return sorted(found), seen


def composed(path: Path, names: Sequence[str]) -> list[tuple[str, str]]:
    """(variable, file) where a compose file beside it sets the variable itself, so that the env file does not count."""
    found: list[tuple[str, str]] = []
    for place in (path.with_name(name) for name in _COMPOSE):
        try:
            text = place.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for name in names:
            if re.search(
                rf"(?m)^[ \t]*(?:-[ \t]*)?[\"']?{re.escape(name)}[\"']?[ \t]*[:=](?![^\n]*\$\{{?{re.escape(name)})",
                text,
            ):
                found.append((name, place.name))
    return found


# --- for services ----------------------------------------------------------------------------------------------------


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
        target = _real(path)
        data, status = _read(target)
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
                return digest(_read(_real(path))[0])
            except SwitchRefused:
                return None

        return await asyncio.to_thread(read)

    async def held(self, path: Path) -> bool:
        def look() -> bool:
            try:
                os.close(_lock(_real(path)))
            except SwitchRefused as fault:
                return fault.facts["reason"] == "busy"
            return False

        return await asyncio.to_thread(look)

    async def backup_values(self, backup: str, names: Sequence[str]) -> Mapping[str, Secret | None]:
        data = await asyncio.to_thread(self._backup, backup)
        return {name: None if v is None else Secret(v) for name, v in env_text.values(data, names).items()}


# --- for reading keys by reference -----------------------------------------------------------------------------------


def values_of(path: Path) -> Mapping[str, str]:
    """All variables as the application reads them. Raises ConfigError."""
    try:
        data, _ = _read(_real(path))
        names = tuple(dict.fromkeys(b.name for b in env_text.parse(env_text.decode(data)) if b.name))
        return {name: value for name, value in env_text.values(data, names).items() if value is not None}
    except SwitchRefused as fault:
        raise ConfigError(f"{fault}.") from None


def value_at(path: Path, line: int, name: str | None = None) -> str | None:
    """The value of the variable on one line, commented out or live; None where it sets another one. Raises ConfigError."""
    try:
        return env_text.value_on_line(_read(_real(path))[0], line, name)
    except SwitchRefused as fault:
        raise ConfigError(f"{fault}.") from None


class FirstSeen:
    """`values_of` and `value_at` as the file was when this process first looked.

    A route that is known only from an application's live variables keeps its own key after a switch. Without this it would
    take the key of the route that the file names now, and send it to its own, former address. Lines move, too, when
    somebody edits the file.
    """

    def __init__(self) -> None:
        self._seen: dict[Path, Mapping[str, str]] = {}
        self._lines: dict[tuple[Path, int, str | None], str | None] = {}

    def value_at(self, path: Path, line: int, name: str | None = None) -> str | None:
        """Raises ConfigError."""
        place = (path, line, name)
        if place not in self._lines:
            self._lines[place] = value_at(path, line, name)
        return self._lines[place]

    def values_of(self, path: Path) -> Mapping[str, str]:
        """Raises ConfigError."""
        if path not in self._seen:
            self._seen[path] = values_of(path)
        return self._seen[path]


def triples(path: Path) -> list[env_text.Triple]:
    """The engines and backups that stand in the file. Raises SwitchRefused."""
    return env_text.find_triples(_read(_real(path))[0])


def former_triples(path: Path, directory: Path) -> list[tuple[Path, env_text.Triple]]:
    """Live triples of the file's backups, newest first: what a switch has replaced. `triple.key_ref(backup)` reads its key."""
    found: list[tuple[Path, env_text.Triple]] = []
    with suppress(SwitchRefused):
        for backup in reversed(backups(_real(path), directory)):
            with suppress(SwitchRefused, OSError):
                found += [(backup, t) for t in env_text.find_triples(backup.read_bytes()) if not t.commented]
    return found
