"""The number that ties a command to what it led to: log lines, the ticket, notes and pages, spans. Kept per task, not per process."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("quotadesk_trace", default="")
_SHAPE = re.compile(r"[0-9a-f]{8}")


def new() -> str:
    """Eight hex digits: short enough to be read out to somebody."""
    return secrets.token_hex(4)


def current() -> str:
    """ "" where nothing has begun."""
    return _current.get()


def enter(trace: object) -> str:
    """From now on, in this task and those that it starts. What is no such number counts as none. Returns what was before."""
    before = _current.get()
    _current.set(trace if isinstance(trace, str) and _SHAPE.fullmatch(trace) else "")
    return before
