"""How a command ends: one line on standard error and an exit code, whatever went wrong."""

from __future__ import annotations

import os
import sys
import traceback

from bot.errors import ConfigError, QuotadeskError, UnknownName


def of(fault: BaseException) -> int:
    """2 for configuration and usage, 130 for Ctrl-C, 1 for a fault of ours."""
    if isinstance(fault, ConfigError):
        return _said(2, *_told(fault))
    if isinstance(fault, UnknownName):
        hint = f" Did you mean {', '.join(fault.nearest)}?" if fault.nearest else ""
        known = f" Known: {', '.join(fault.known)}." if fault.known else f" The team file names no {fault.what} yet."
        return _said(2, f"no {fault.what} called {fault.name}.{hint}{known}")
    if isinstance(fault, QuotadeskError):
        return _said(2, str(fault.facts.get("why") or fault))
    if isinstance(fault, KeyboardInterrupt):
        return 130
    if not isinstance(fault, Exception):
        raise fault
    # The traceback, through the gate, only where somebody asked for it.
    _said(1, f"something broke ({type(fault).__name__}). Set LOG_LEVEL=DEBUG to see where; nothing was sent.")
    if os.environ.get("LOG_LEVEL", "").upper() == "DEBUG":
        from bot.redaction.gate import Gate

        sys.stderr.write(Gate().trusted("".join(traceback.format_exception(fault))).text + "\n")
    return 1


def _told(fault: ConfigError) -> list[str]:
    """Each sentence in the terminal's language, where the catalogue has it; words load only now, for a start that fails."""
    from bot import whereabouts
    from bot.locales import Words
    from bot.locales.fault_words import told

    words = Words(whereabouts.language())
    return [told(line, words) for line in fault.faults]


def _said(code: int, *lines: str) -> int:
    for line in lines:
        sys.stderr.write(f"quotadesk: {line}\n")
    return code
