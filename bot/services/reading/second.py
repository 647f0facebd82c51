"""A second look at a text whose words nobody knew: codes taken apart, so that the plain shapes can read them."""

from __future__ import annotations

import re
from typing import Final

from bot.services.reading.view import View

_LONGEST: Final = 20_000  # a longer text has words enough of its own
_OWN_FAULT: Final = "is not defined"  # a program that lacks a name tells its own names, no code of a service
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[_.][A-Za-z0-9]+)+|[A-Za-z]+[a-z0-9][A-Z][A-Za-z0-9]+")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_.]+")
_CLASS: Final = re.compile(r"(?:Error|Exception|Exceptions|Errors|Err)\d?$")
"""A class of an SDK repeats the status and says nothing of its own (`PermissionDeniedError`)."""


def apart(seen: View) -> View | None:
    """The text with `deactivated_workspace` and `NoFaceDetected` as words; None where there is nothing to take apart."""
    flat = seen.flat
    if len(flat) > _LONGEST or not _CODE.search(flat) or _OWN_FAULT in seen.low:
        return None
    plain = _CODE.sub(_words, flat)
    return None if plain == flat else View(seen.lines, plain, plain.lower() if plain.isascii() else plain.lower())


def _words(code: re.Match[str]) -> str:
    text = code.group()
    if _CLASS.search(text):
        return text
    return _HUMP.sub(" ", text)
