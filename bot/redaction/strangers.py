"""What stands right behind a key: its rest, or the next name, a flag, a model, a version, an error's class."""

from __future__ import annotations

from typing import Final

from bot.redaction.judge import camel, numbered, plausible, spoken, wordlike
from bot.redaction.rx import piece

_FLAG: Final = piece(r"(?:-[a-z]|--[a-z]{3}[a-z\-]*)[ =]")  # `-e NAME=...`: the command goes on
_NAME: Final = piece(r"[A-Za-z0-9_]?=[\"']?[A-Za-z0-9/$]")  # `sk=...`
_PARTED: Final = piece(r"[\-_./:+]+")
_GOES_ON: Final = piece(r" +[^ \r\n]|[.:/][A-Za-z0-9]|:")
_HUMPED: Final = piece(r"(?:[A-Z]?[a-z]*[aeiouy][a-z]*)(?:[A-Z][a-z]*[aeiouy][a-z]*)*")  # `RateLimitError`


def flag(view: bytes, begin: int) -> bool:
    return _FLAG.match(view, begin) is not None


def goes_on(view: bytes, stop: int) -> bool:
    """Whether more of a sentence or of a name follows on the same line."""
    return _GOES_ON.match(view, stop) is not None


def names_next(view: bytes, begin: int, end: int) -> bool:
    """Whether this run is a name with a value of its own behind it."""
    if _NAME.match(view, end - 1) is not None:
        return True
    colon = end - 1 if view[end - 1] == 0x3A else end
    if view[colon : colon + 2] not in (b": ", b":\t"):
        return False
    parts = _PARTED.split(view[begin:colon])
    return all(wordlike(part) or _HUMPED.fullmatch(part) for part in parts if part) and not view[begin:colon].isdigit()


def thing(view: bytes, begin: int, stop: int) -> bool:
    """Whether a run in the next line is a thing's name: a model, a version, `HTTP/1.1`, `RateLimitError`, `rate_limit_exceeded`."""
    run = view[begin:stop]
    if stop - begin >= 3 and run.isalnum() and (stop - begin < 8 or run.islower() or run.isupper()):
        return False  # the usual rest of a key
    if view[begin - 1] in b"\n\t " and view[max(0, begin - 24) : begin].rstrip(b" \t\r\n").endswith(b"\\"):
        return False  # a shell's own continuation
    if stop - begin < 3:
        return goes_on(view, stop) and (wordlike(run) or numbered(run) or run == b"-")
    parts = [part for part in _PARTED.split(run) if part]
    if len(parts) == 1:
        return stop - begin >= 8 and not run.islower() and not run.isupper() and _HUMPED.fullmatch(parts[0]) is not None
    odd = [part for part in parts if not (wordlike(part) or numbered(part) or _HUMPED.fullmatch(part))]
    return stop - begin >= 5 and (not odd or (len(odd) == 1 and len(odd[0]) <= 4 < len(parts)))


def lettered(view: bytes, run: bytes, stop: int) -> bool:
    """A long run without a digit, in odd capitals and alone to the end of its line or string."""
    if run.endswith(b":") or spoken(run):
        return False  # `ModelNotOpen: ...`
    odd = any(len(part) >= 6 and not part.islower() and not camel(part) for part in run.replace(b"_", b"-").split(b"-"))
    return (
        len(run) >= 8
        and (odd or (len(run) >= 14 and plausible(run)))
        and view[stop : stop + 1] not in (b" ", b":", b"(")
    )


def ends_line(view: bytes, end: int) -> bool:
    """Whether nothing but blanks stands between this place and the line's end."""
    return view[end : end + 24].split(b"\n", 1)[0].strip() == b""
