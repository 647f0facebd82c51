"""The name under which this process holds leases, and whether the holder of such a name is dead."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

_PROC = Path("/proc")


def name(pid: int | None = None) -> str:
    """`host-pid`; on Linux with a mark of the machine's boot and process space, and the moment the process began, so that a
    number which is given out again is not taken for the same process."""
    pid = pid or os.getpid()
    plain = f"{socket.gethostname()}-{pid}"
    space, began = _space(), _began(pid)
    return f"{plain}-{space}-{began}" if space and began else plain


def gone(owner: str) -> bool:
    """True only for a process of this machine, boot and process space that does not run any more."""
    parts = owner.rsplit("-", 3)
    if len(parts) < 4:
        return False
    host, pid, space, began = parts
    if host != socket.gethostname() or not pid.isdigit() or not space or space != _space():
        return False
    return _began(int(pid)) != began


def _space() -> str:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
        return hashlib.sha256(f"{boot} {os.readlink(_PROC / 'self/ns/pid')}".encode()).hexdigest()[:8]
    except OSError:
        return ""


def _began(pid: int) -> str:
    """In clock ticks since boot; "" for a process that does not run, one that was killed and not yet buried included."""
    try:
        # The program's name, in brackets, may hold anything.
        fields = (_PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
