"""Between whoever has a message stored and the queue in which it waits for a platform's turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Before = Callable[[], Awaitable[None]]
_before: ContextVar[Before | None] = ContextVar("before_departure", default=None)


def before_departure() -> Before | None:
    """For a queue, asked by the task that hands a message over. With it, a refusal comes back at once instead of being waited
    out: the message is stored, and whoever stored it waits without holding it."""
    return _before.get()


@contextmanager
def departing(before: Before) -> Iterator[None]:
    """What is handed to a chat within awaits `before` when its turn has come, right before it goes out."""
    token = _before.set(before)
    try:
        yield
    finally:
        _before.reset(token)
