"""SQLAlchemy's asynchronous engine without its ORM, which `sqlalchemy.ext.asyncio` loads along: five megabytes and a tenth of
a second for classes that nothing here uses. The engine's own module needs none of it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import sqlalchemy.ext

_PACKAGE = "sqlalchemy.ext.asyncio"


def _engine() -> ModuleType:
    if _PACKAGE in sys.modules:
        return importlib.import_module(f"{_PACKAGE}.engine")
    bare = ModuleType(_PACKAGE)
    bare.__path__ = [str(Path(folder) / "asyncio") for folder in sqlalchemy.ext.__path__]
    sys.modules[_PACKAGE] = bare
    try:
        return importlib.import_module(f"{_PACKAGE}.engine")
    finally:
        del sys.modules[_PACKAGE]  # whoever asks for the whole package gets it, built on this same engine


if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
else:
    _found = _engine()
    AsyncConnection, AsyncEngine = _found.AsyncConnection, _found.AsyncEngine
    create_async_engine = _found.create_async_engine

__all__ = ["AsyncConnection", "AsyncEngine", "create_async_engine"]
