"""Grows samples from templates, so that no file holds anything that looks like a key.

`<a20>` stands for twenty letters and digits, and so on: see CLASSES. Everything else in a template stands for itself.
"""

from __future__ import annotations

import re
import string
from typing import Final, Protocol

CLASSES: Final = {
    "a": string.ascii_letters + string.digits,
    "u": string.ascii_letters + string.digits + "_-",
    "b": string.ascii_letters + string.digits + "+/",
    "h": "0123456789abcdef",
    "l": string.ascii_lowercase,
    "m": string.ascii_lowercase + string.digits,
    "U": string.ascii_uppercase + string.digits,
    "t": string.ascii_uppercase + "234567",
    "L": string.ascii_letters,
    "d": string.digits,
}
_FIELD: Final = re.compile(r"<(g|[abhlmuULtd])(\d*)>")


def shape(template: str) -> str:
    """The pattern that every sample of the template matches, and nothing else."""
    out, at = "", 0
    for field in _FIELD.finditer(template):
        out += re.escape(template[at : field.start()])
        at = field.end()
        if field[1] == "g":
            out += "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
        else:
            out += f"[{re.escape(CLASSES[field[1]])}]{{{field[2] or 1}}}"
    return out + re.escape(template[at:])


class Chooser(Protocol):
    """random.Random has it, and so has secrets.SystemRandom."""

    def choice(self, seq: str, /) -> str: ...


def grow(template: str, rng: Chooser) -> str:
    """One sample: every field of the template filled with made-up characters; `<g>` is a UUID."""

    def some(alphabet: str, count: int) -> str:
        return "".join(rng.choice(alphabet) for _ in range(count))

    def fill(match: re.Match[str]) -> str:
        if match[1] == "g":
            return "-".join(some(CLASSES["h"], n) for n in (8, 4, 4, 4, 12))
        return some(CLASSES[match[1]], int(match[2] or 1))

    return _FIELD.sub(fill, template)
