"""The text of a dotenv file, without loss: every byte that is not one of the asked values comes back as it was.

The grammar is that of python-dotenv, which pydantic-settings (and so BettaFish) reads with: `export`, quoted names, single and
double quotes over several lines, comments, `${NAME}`, the last of several equal names wins, a line that cannot be read is
skipped. Bytes that are no UTF-8 are carried through untouched. Nothing here touches a disk.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bot.errors import SwitchRefused
from bot.model.values import dataclass

_NEWLINE: Final = re.compile(r"\r\n|\n|\r")
_BLANK: Final = re.compile(r"\s*")
_SPACE: Final = re.compile(r"[^\S\r\n]*")
_EXPORT: Final = re.compile(r"(?:export[^\S\r\n]+)?")
_NAME: Final = re.compile(r"([^=#\s]+)")
_QUOTED_NAME: Final = re.compile(r"'([^']+)'")
_QUOTED: Final = {
    "'": re.compile(r"'((?:\\.|[^'\\])*)'", re.DOTALL),
    '"': re.compile(r'"((?:\\.|[^"\\])*)"', re.DOTALL),
}
_ESCAPES: Final = {"'": re.compile(r"\\([\\'])"), '"': re.compile(r"\\([\\'\"abfnrtv])")}
_ESCAPED: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_TO_LINE_END: Final = re.compile(r"[^\r\n]*")
_REMARK: Final = re.compile(r"\s+#.*")
_TAIL: Final = re.compile(r"(?:[^\S\r\n]*#[^\r\n]*)?[^\S\r\n]*(?:\r\n|\n|\r|\Z)")
_REST: Final = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)?")
_REFERENCE: Final = re.compile(r"\$\{([^}:]*)(?::-([^}]*))?\}")
_NEEDS_QUOTES: Final = re.compile(r"[\s#$`&;|<>()*?!\[\]{}]")


@dataclass(frozen=True, slots=True)
class Binding:
    """One stretch of the file: a variable, a comment, blank lines, or what cannot be read (`error`). Never printed with its value."""

    name: str | None
    value: str | None
    start: int
    end: int
    line: int  # of the name or comment, 1-based
    value_start: int = -1
    value_end: int = -1
    quote: str = ""
    error: bool = False

    def __repr__(self) -> str:
        return f"Binding({self.name}, line {self.line})"


def refused(reason: str, message: str, **facts: object) -> SwitchRefused:
    """`reason` is the machine word that handlers translate; `message` is the English fallback. Neither holds a value."""
    fault = SwitchRefused(message)
    fault.facts = {"reason": reason, **facts}
    return fault


def decode(data: bytes) -> str:
    """Any bytes, reversibly. Raises SwitchRefused where NUL says that this is no text (UTF-16, a database)."""
    if b"\0" in data:
        raise refused("not_text", "the env file holds NUL bytes, so it is no text file; nothing was changed")
    return data.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """What `decode` read, byte for byte, whatever its encoding was."""
    return text.encode("utf-8", "surrogateescape")


def parse(text: str) -> list[Binding]:
    """Every character of `text` belongs to exactly one binding, in order (a BOM before the first belongs to none)."""
    return list(_bindings(text))


def _bindings(text: str) -> Iterator[Binding]:
    position, line = (1 if text.startswith("\ufeff") else 0), 1
    while position < len(text):
        found = one(text, position, line)
        yield found
        line = found.line + len(_NEWLINE.findall(text, _blank_end(text, position), found.end))
        position = found.end


def _blank_end(text: str, position: int) -> int:
    found = _BLANK.match(text, position)
    return found.end() if found else position


def one(text: str, start: int, line: int) -> Binding:
    """The stretch that begins at `start`."""
    at = _blank_end(text, start)
    line += len(_NEWLINE.findall(text, start, at))
    if at >= len(text):
        return Binding(None, None, start, len(text), line)
    # A name may follow `export`; whoever writes only `export` has a variable of that name.
    found = _EXPORT.match(text, at)
    at = found.end() if found else at
    name: str | None = None
    value: str | None = None
    value_start = value_end = -1
    quote = ""
    if not text.startswith("#", at):
        named = (_QUOTED_NAME if text.startswith("'", at) else _NAME).match(text, at)
        if named is None:
            return _broken(text, start, at, line)
        name, at = named.group(1), named.end()
    space = _SPACE.match(text, at)
    after_name, at = at, space.end() if space else at
    if text.startswith("=", at):
        before_space = at + 1
        space = _SPACE.match(text, before_space)
        at, padded = (space.end(), space.end() > at + 1) if space else (at + 1, False)
        value_start = at
        first = text[at : at + 1]
        if first in _QUOTED:
            whole = _QUOTED[first].match(text, at)
            if whole is None:
                return _broken(text, start, at, line)
            quote, value_end = first, whole.end()
            value = _ESCAPES[first].sub(lambda mark: _ESCAPED.get(mark[1], mark[1]), whole.group(1))
        elif first == "#" and padded:
            # `NAME=  # remark`: a new value goes right behind the sign, so that the remark stays one.
            value, value_start, value_end = "", before_space, before_space
        else:
            rest = _TO_LINE_END.match(text, at)
            value = _REMARK.sub("", rest.group() if rest else "").rstrip()
            value_end = at + len(value)
        at = value_end
    elif name is not None:
        value_start = value_end = after_name
    if not quote and value is not None:
        rest = _TO_LINE_END.match(text, at)
        at = rest.end() if rest else at
    tail = _TAIL.match(text, at)
    if tail is None:
        return _broken(text, start, at, line)
    return Binding(name, value, start, tail.end(), line, value_start, value_end, quote)


def _broken(text: str, start: int, at: int, line: int) -> Binding:
    rest = _REST.match(text, at)
    return Binding(None, None, start, rest.end() if rest else len(text), line, error=True)


# --- reading ---------------------------------------------------------------------------------------------------------


def values(data: bytes, names: Sequence[str]) -> dict[str, str | None]:
    """What the application reads for these names, `${NAME}` of earlier lines filled in. None: the variable is not there."""
    seen: dict[str, str | None] = {}
    for binding in parse(decode(data)):
        if binding.name is not None:
            seen[binding.name] = None if binding.value is None else _expand(binding.value, seen)
    return {name: seen.get(name) for name in names}


def _expand(value: str, seen: Mapping[str, str | None]) -> str:
    def fill(mark: re.Match[str]) -> str:
        known = seen.get(mark[1])
        if known is not None:
            return known
        return mark[0] if mark[2] is None else mark[2]  # the application's environment may know it; we do not

    return _REFERENCE.sub(fill, value)


def faults(data: bytes, names: Sequence[str]) -> list[SwitchRefused]:
    """Why these variables cannot be changed safely, one line each; empty where they can."""
    text = decode(data)
    bindings = parse(text)
    found: list[SwitchRefused] = []
    for name in names:
        same = [binding for binding in bindings if binding.name == name]
        if len({binding.value for binding in same}) > 1:
            where = ", ".join(str(binding.line) for binding in same)
            found.append(
                refused(
                    "duplicate",
                    f"{name} is set on lines {where} with different values; keep one of them",
                    variable=name,
                    lines=where,
                )
            )
        hidden = _hidden(text, bindings, name)
        if hidden:
            found.append(
                refused(
                    "unbalanced",
                    f"line {hidden}: a quote is not closed before {name}, so it is not read as a variable; close the quote",
                    variable=name,
                    line=hidden,
                )
            )
    return found


def _hidden(text: str, bindings: Sequence[Binding], name: str) -> int | None:
    """The line where `name=` stands inside another value or in a line that cannot be read."""
    if name not in text:
        return None
    pattern = re.compile(rf"(?:\A|[\r\n])[^\S\r\n]*(?:export[^\S\r\n]+)?(['\"]?){re.escape(name)}\1[^\S\r\n]*=")
    for binding in bindings:
        if (binding.name == name and "\n" not in (binding.value or "") and "\r" not in (binding.value or "")) or (
            binding.name is None and not binding.error
        ):
            continue
        begin = _blank_end(text, binding.start) if not binding.error else binding.start
        for mark in pattern.finditer(text, begin, binding.end):
            if binding.error or mark.start() > begin:
                return text_line(text, mark.end())
        if binding.error and re.match(rf"\s*(?:export\s+)?{re.escape(name)}\s*=", text[binding.start : binding.end]):
            return binding.line
    return None


def text_line(text: str, position: int) -> int:
    """The line of this character, 1-based."""
    return 1 + len(_NEWLINE.findall(text, 0, position))


# --- changing --------------------------------------------------------------------------------------------------------


def check_value(name: str, value: str) -> None:
    """Raises SwitchRefused for what could add a variable or be read differently by another reader of the file."""
    wrong = ""
    if any(unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for sign in value):
        wrong = "a control character"
    elif any(sign in "'\"\\" for sign in value):
        wrong = "a quote or a backslash"
    elif "${" in value:
        wrong = "${, which the application would fill in"
    elif value != value.strip():
        wrong = "a space at its start or end"
    if wrong:
        raise refused("bad_value", f"the new value of {name} holds {wrong}", variable=name, what=wrong)


def edit(data: bytes, new: Mapping[str, str]) -> bytes:
    """`data` with these values and every other byte as it was.

    The quoting stays; quotes are added only where the value needs them. Missing variables are appended in the order of `new`,
    with the newline of the file's last line. Lines that set the same variable to the same value are all changed, so that they
    still agree. Raises SwitchRefused (not_text, bad_value, duplicate, unbalanced); a value that is there already is not touched.
    """
    for name, value in new.items():
        check_value(name, value)
    text = decode(data)
    bindings = parse(text)
    for fault in faults(data, tuple(new)):
        raise fault
    changes: list[tuple[int, int, str]] = []
    missing: list[str] = []
    for name, value in new.items():
        same = [binding for binding in bindings if binding.name == name]
        if not same:
            missing.append(name)
        for binding in same:
            if binding.value == value:
                continue
            written = _written(value, binding.quote)
            if binding.value is None:
                written = "=" + written
            changes.append((binding.value_start, binding.value_end, written))
    pieces: list[str] = []
    at = 0
    for start, end, written in sorted(changes):
        pieces += [text[at:start], written]
        at = end
    pieces.append(text[at:])
    if missing:
        pieces.append(_appendix(text, [f"{name}={_written(new[name], '')}" for name in missing]))
    result = "".join(pieces)
    _prove(text, bindings, result, new)
    return encode(result)


def _written(value: str, quote: str) -> str:
    if not quote and _NEEDS_QUOTES.search(value):
        quote = "'"
    return f"{quote}{value}{quote}"


def _appendix(text: str, lines: Sequence[str]) -> str:
    breaks = _NEWLINE.findall(text)
    newline = breaks[-1] if breaks else "\n"
    whole = not text.strip("\ufeff") or bool(_NEWLINE.search(text, max(0, len(text) - 1)))
    joined = newline.join(lines)
    return joined + newline if whole else newline + joined


def _prove(text: str, before: Sequence[Binding], result: str, new: Mapping[str, str]) -> None:
    """The new text is read again: the values are there, and all that is not ours is the same."""
    after = parse(result)
    last = {binding.name: binding.value for binding in after if binding.name in new}
    others = [text[b.start : b.end].strip() for b in before if b.name not in new]
    kept = [result[b.start : b.end].strip() for b in after if b.name not in new]
    if last != dict(new) or [piece for piece in others if piece] != [piece for piece in kept if piece]:
        raise refused(
            "unbalanced",
            "a quote in the env file is not closed, so new lines would be read as part of it; close the quote",
            variable=next(iter(new)),
            line=next((binding.line for binding in before if binding.error), 0),
        )
