"""Libraries without the extras that they load wherever they find them.

httpx brings its command line and structlog its coloured console along as soon as Rich is installed, which it is for our own
terminal: four megabytes and as much time as all our services take. Both do without where Rich is missing.
"""

from __future__ import annotations

import mimetypes
import os
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_MMAP_THRESHOLD: Final = -3  # of malloc.h
_ARENA_MAX: Final = -8
_PLUGINS: Final = "PYDANTIC_DISABLE_PLUGINS"


@contextmanager
def without(*names: str) -> Iterator[None]:
    """While this is open these packages cannot be imported; what is loaded already stays as it is."""
    absent = [name for name in names if name not in sys.modules]
    for name in absent:
        sys.modules[name] = None  # type: ignore[assignment]  # Python's own sign for: there is no such module
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def load() -> None:
    """To be called before anything else imports httpx, structlog or our settings."""
    with without("rich", "click", "pygments"):
        import httpx  # noqa: F401
        import structlog  # noqa: F401
    with _no_plugins():
        import bot.settings  # noqa: F401


@contextmanager
def _no_plugins() -> Iterator[None]:
    """Pydantic would read what every installed package says of itself, in search of plugins that we have not got."""
    before = os.environ.get(_PLUGINS)
    os.environ[_PLUGINS] = "__all__"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_PLUGINS]
        else:
            os.environ[_PLUGINS] = before


def load_server(trust: ssl.SSLContext) -> None:
    """To be called before anything else imports aiohttp, which reads the machine's list of authorities twice as soon as it is
    loaded: as much time and memory as SQLite. Connections that name no list get `trust`, and those that check nothing need none.
    Its server reads the machine's thousand types of files; here none is served."""
    if "aiohttp" in sys.modules:
        return
    usual, known = ssl.create_default_context, mimetypes.knownfiles
    mimetypes.knownfiles = []
    ssl.create_default_context = lambda *_args, **_options: trust
    ssl.SSLContext.set_default_verify_paths = lambda self: None  # type: ignore[method-assign]
    try:
        import aiohttp.web  # noqa: F401
    finally:
        mimetypes.knownfiles = known
        ssl.create_default_context = usual
        del ssl.SSLContext.set_default_verify_paths  # its parent's shows again


def one_heap() -> None:
    """glibc gives each thread a heap of its own, each with its own waste; under Python's lock one is as fast. And what is large goes
    back to the machine at once: else every module's file, read and dropped, leaves a hole among what stays."""
    if set_option := _from_libc("mallopt"):
        set_option(_ARENA_MAX, 1)
        set_option(_MMAP_THRESHOLD, 128 * 1024)


def give_back() -> None:
    """What was needed while loading goes back to the machine; glibc keeps it otherwise, in case it is wanted again."""
    if trim := _from_libc("malloc_trim"):
        trim(0)


def _from_libc(name: str) -> Callable[..., int] | None:
    """None on other systems, and where the C library is another one than glibc."""
    if sys.platform != "linux":
        return None
    import ctypes

    found: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None)
    return found
