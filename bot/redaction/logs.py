"""Every log line passes the gate: message, arguments, exception text, traceback, whichever library wrote it."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Protocol

from bot.model import trace
from bot.model.chat import CleanText

__all__ = ["CleanFormatter", "GateFilter", "clean_event", "install", "loop_handler"]

# httpx writes whole addresses at INFO, and a Telegram address holds the bot's token.
QUIET: Final = (
    "httpx",
    "httpcore",
    "telegram",
    "telegram.ext",
    "slack_sdk",
    "slack_bolt",
    "aiohttp.access",
    "sqlalchemy",
    "asyncio",
    "apprise",
    "urllib3",
)


class Trusting(Protocol):
    def trusted(self, text: str) -> CleanText: ...


class GateFilter(logging.Filter):
    """Rewrites a record before any handler sees it: the message is formatted, cleaned, and left without arguments."""

    def __init__(self, gate: Trusting) -> None:
        super().__init__()
        self._gate = gate

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "_clean", False):
            return True
        if (number := trace.current()) and not hasattr(record, "trace"):
            record.trace = number
        try:
            message = record.getMessage()
        except Exception:  # a wrong format string must neither stop the log nor print its arguments raw
            message = f"{record.msg} [arguments left out: they do not fit the message]"
        record.msg, record.args = self._clean(message), None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = self._clean("".join(traceback.format_exception(*record.exc_info)).rstrip())
            record.exc_info = None
        elif record.exc_text:
            record.exc_text = self._clean(record.exc_text)
        if record.stack_info:
            record.stack_info = self._clean(record.stack_info)
        for name, value in list(record.__dict__.items()):
            if name not in _STANDARD:
                record.__dict__[name] = _scrub(value, self._gate)
        record._clean = True
        return True

    def _clean(self, text: str) -> str:
        return self._gate.trusted(text).text


_STANDARD: Final = frozenset(logging.LogRecord("", 0, "", 0, "", None, None).__dict__) | {
    "message",
    "asctime",
    "_clean",
    "taskName",
}


def _scrub(value: Any, gate: Trusting, name: str = "") -> Any:
    """Numbers stay numbers; everything else becomes clean text, containers entry by entry."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {gate.trusted(str(key)).text: _scrub(entry, gate, str(key)) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_scrub(entry, gate, name) for entry in value]
    text = value if isinstance(value, str) else repr(value)
    if name:
        # a bare value is judged with its name before it, as it would stand in a line
        named = gate.trusted(f"{name}={text}").text
        return named[len(name) + 1 :] if named.startswith(f"{name}=") else named
    return gate.trusted(text).text


def clean_event(gate: Trusting) -> Any:
    """A structlog processor; put it last before the renderer, after the exception has become text."""

    def process(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        info = event.pop("exc_info", None)
        if info:
            if info is True:
                info = sys.exc_info()
            elif isinstance(info, BaseException):
                info = (type(info), info, info.__traceback__)
            event["exception"] = "".join(traceback.format_exception(*info)).rstrip()
        for key in list(event):
            event[key] = _scrub(event[key], gate, "" if key in ("event", "exception", "stack") else key)
        return event

    return process


class CleanFormatter(logging.Formatter):
    """The last look: whatever a handler is about to write passes the gate once more, even where no filter was asked."""

    def __init__(self, gate: Trusting, fmt: str = "text") -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._gate = gate
        self._json = fmt == "json"

    def format(self, record: logging.LogRecord) -> str:
        if not self._json:
            line, number = self._gate.trusted(super().format(record)).text, getattr(record, "trace", "")
            return (
                line
                if not number
                else line.replace("\n", f" trace={number}\n", 1)
                if "\n" in line
                else f"{line} trace={number}"
            )
        row: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": self._gate.trusted(record.getMessage()).text,
        }
        row |= {key: _scrub(value, self._gate, key) for key, value in record.__dict__.items() if key not in _STANDARD}
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            row["exception"] = self._gate.trusted(record.exc_text).text
        return json.dumps(row, ensure_ascii=False, default=str)


def loop_handler(gate: Trusting) -> Any:
    """For `loop.set_exception_handler`: what nobody caught is logged clean, without the objects' own words about themselves."""

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        message = gate.trusted(str(context.get("message", "unhandled error in a task"))).text
        logging.getLogger("bot.loop").error(
            message, exc_info=(type(error), error, error.__traceback__) if isinstance(error, BaseException) else None
        )

    return handle


def _hook(gate: Trusting) -> Any:
    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.stderr.write("interrupted\n")
            return
        sys.stderr.write(gate.trusted("".join(traceback.format_exception(kind, error, trace))).text)

    return hook


def install(gate: Trusting, level: str = "INFO", fmt: str = "text", stream: Any = None) -> logging.Handler:
    """Makes the root logger write through the gate and nothing else, and sets `sys.excepthook`. Returns the one handler.

    `level` is a logging level's name, `fmt` is "text" or "json", `stream` standard error unless given. Call again to replace.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(CleanFormatter(gate, fmt))
    handler.addFilter(GateFilter(gate))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        # a library's own handler would write past the gate
        for old in list(logger.handlers):
            logger.removeHandler(old)
        logger.propagate = True
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    sys.excepthook = _hook(gate)
    return handler
