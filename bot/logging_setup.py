"""structlog over the standard library's one handler, so that every line passes the same gate; no local variables in tracebacks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from bot.redaction import logs
from bot.redaction.gate import Gate

# Statement by statement and hop by hop: of no use to an operator, and SQL parameters are what the store keeps clean text for.
_NOISY = ("aiosqlite", "alembic", "PIL", "hpack", "tzlocal", "apscheduler")


def set_up(gate: Gate, level: str, fmt: str) -> None:
    """`fmt`: text or json. Call again to replace."""
    logs.install(gate, level, fmt)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            logs.clean_event(gate),
            _as_fields if fmt == "json" else _as_text,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _as_fields(logger: Any, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    message = event.pop("event", "")
    return {
        "msg": message,
        "extra": {f"x_{k}" if k in ("name", "msg", "args", "module") else k: v for k, v in event.items()},
    }


def _as_text(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    message, trace = str(event.pop("event", "")), event.pop("exception", "")
    if method == "exception":  # the standard library writes it as well, and only once is enough
        trace = ""
    pairs = " ".join(f"{name}={value}" for name, value in event.items())
    return " ".join(filter(None, (message, pairs))).strip() + (f"\n{trace}" if trace else "")
