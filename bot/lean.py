"""Libraries without the extras that they load wherever they find them.

httpx brings its command line and structlog its coloured console along as soon as Rich is installed, which it is for our own
terminal: four megabytes and as much time as all our services take. Both do without where Rich is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


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
    """To be called before anything else imports httpx or structlog."""
    with without("rich", "click", "pygments"):
        import httpx  # noqa: F401
        import structlog  # noqa: F401
