"""A clean environment, a clock that stands still until moved, made-up keys."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import string
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest


class FixedClock:
    """Time moves only when a test says so; `sleep` returns when somebody has moved time far enough."""

    def __init__(self, at: datetime = datetime(2026, 11, 22, 2, 42, tzinfo=UTC)) -> None:
        self._now = at
        self._mono = 1000.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._mono

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._mono + seconds, future))
        await future

    def move(self, by: timedelta | float) -> None:
        step = by if isinstance(by, timedelta) else timedelta(seconds=by)
        self._now += step
        self._mono += step.total_seconds()
        due = [entry for entry in self._sleepers if entry[0] <= self._mono]
        self._sleepers = [entry for entry in self._sleepers if entry[0] > self._mono]
        for _, future in due:
            if not future.done():
                future.set_result(None)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A house that a test has built sets up logging for its process; the next test must not find that."""
    root, hook = logging.getLogger(), sys.excepthook
    level, handlers = root.level, root.handlers[:]
    levels = {name: each.level for name, each in _loggers().items()}
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    for name, each in _loggers().items():
        if each.level != levels.get(name, logging.NOTSET):
            each.setLevel(levels.get(name, logging.NOTSET))
    sys.excepthook = hook


def _loggers() -> dict[str, logging.Logger]:
    known = logging.root.manager.loggerDict
    return {name: each for name, each in known.items() if isinstance(each, logging.Logger)}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No setting of the machine leaks into a test."""
    prefixes = (
        "SLACK_",
        "TELEGRAM_",
        "HTTP_",
        "DATABASE_URL",
        "CONFIG_FILE",
        "TARGET_ENV_FILE",
        "LOG_",
        "PAGERDUTY_",
        "NOTIFY_",
    )
    for name in list(os.environ):
        if name.startswith(prefixes) or name.endswith("_API_KEY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TZ", "UTC")


def made_up(prefix: str, length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """A key that never existed: public prefix and a fresh random body. One key in thirty thousand has a template's "xxxx"."""
    while True:
        key = prefix + "".join(secrets.choice(alphabet) for _ in range(length))
        if "xxxx" not in key.lower():
            return key


@pytest.fixture
def make_key() -> Callable[..., str]:
    return made_up
