"""Files on the disk: read whole, written beside the old one and synced, never half. The operating system's refusals have a mend."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from bot.outlets.env_text import refused

_LARGEST: Final = 8 * 1024 * 1024
_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def digest(data: bytes) -> str:
    """sha256, hex."""
    return sha256(data).hexdigest()


@contextmanager
def plain(path: Path) -> Iterator[None]:
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


def real_path(path: Path) -> Path:
    """Behind every link. Raises SwitchRefused (missing, no_rights, …)."""
    with plain(path):
        return Path(os.path.realpath(path, strict=True))


def read_whole(path: Path) -> tuple[bytes, os.stat_result]:
    """All bytes and the state that belongs to them. Raises SwitchRefused (not_a_file, too_large, …)."""
    with plain(path):
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


def sync_directory(path: Path) -> None:
    """So that a rename in it survives a power cut."""
    with suppress(OSError):  # some network disks cannot; the rename itself has happened
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_beside(target: Path, data: bytes, like: os.stat_result | None, mark: str) -> Path:
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


def take_lock(path: Path) -> int:
    """Held until the handle is closed or the process ends, however it ends."""
    place = path.with_name(f".{path.name.lstrip('.')}.quotadesk.lock")
    with plain(path):
        handle = os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as fault:
        os.close(handle)
        if fault.errno in (errno.EAGAIN, errno.EACCES):
            raise refused("busy", f"another switch is changing {path} now", path=str(path)) from None
        with plain(path):
            raise
    return handle
