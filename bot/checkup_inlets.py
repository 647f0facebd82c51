"""`quotadesk check` of what comes in besides chats: log files, programs with their tokens, traces."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import ConfigError
from bot.inlets.logs import files_of
from bot.inlets.programs import TOKEN_LEAST
from bot.model.team import Team
from bot.ports import Keys
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.checkup import Check, Report


def checks(report: Report, settings: Settings, team: Team, keys: Keys) -> Iterator[Check]:
    """Log files, programs' tokens and the tracing library, as far as they are set up. Reads no line of a log."""
    for engine, patterns in team.watch.logs.items():
        for pattern in patterns:
            yield _log(report, engine, pattern)
    yield from _programs(report, settings, team, keys)
    if settings.otel_exporter_otlp_endpoint:
        absent = [name for name in ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http") if not _there(name)]
        yield report.fault("traces", "traces_absent") if absent else report.ok("traces", "traces")


def _log(report: Report, engine: str, pattern: str) -> Check:
    name = f"log {pattern}"
    found = [path for path in files_of(pattern) if path.exists()]
    for path in found:
        if not path.is_file():
            return report.fault(name, "log_no_file", path=path)
        if not os.access(path, os.R_OK):
            return report.fault(name, "log_unreadable", path=path)
    # A folder that may not be entered looks like one without files.
    folder = Path(pattern).parent
    if not found and folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):
        return report.fault(name, "log_unreadable", path=folder)
    if not found:
        return report.off(name, "log_waits")
    return report.ok(name, "log", n=len(found), engine=report.words.say("check.log_any") if engine == "*" else engine)


def _programs(report: Report, settings: Settings, team: Team, keys: Keys) -> Iterator[Check]:
    seen: dict[str, str] = {}
    for reporter in team.reporters.values():
        name, setting = f"program {reporter.name}", reporter.key.name if reporter.key else ""
        try:
            secret = keys.read(reporter.key)
        except ConfigError as fault:
            what, _, mend = fault.faults[0].partition(": ")
            yield report.fault(name, "program_unread", why=what, mend=mend)
            continue
        if secret is None:
            yield report.fault(name, "program_unset", setting=setting)
        elif len(secret.reveal()) < TOKEN_LEAST:
            yield report.fault(name, "program_short", setting=setting, n=TOKEN_LEAST)
        elif other := seen.get(secret.reveal()):
            yield report.fault(name, "program_same", other=other, setting=setting)
        else:
            seen[secret.reveal()] = reporter.name
            yield report.ok(name, "program", address=f"http://{settings.http_host}:{settings.http_port}/v1/errors")


def _there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
