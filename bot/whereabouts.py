"""What the machine tells about the person at its terminal: language and zone."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from zoneinfo import available_timezones


def language() -> str:
    """LC_ALL, LC_MESSAGES, LANG: Chinese where they say so, else English."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name, ""):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def zone() -> str:
    """Its IANA name, else UTC."""
    known = available_timezones()
    guesses = [os.environ.get("TZ", "").lstrip(":")]
    with suppress(OSError, UnicodeDecodeError):
        guesses.append(Path("/etc/timezone").read_text(encoding="utf-8").strip())
    guesses.append(os.path.realpath("/etc/localtime").partition("zoneinfo/")[2])
    return next((guess for guess in guesses if guess in known), "UTC")
