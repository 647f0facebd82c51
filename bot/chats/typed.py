"""What people really type: phones turn quotes, dashes and blanks into typographic ones. The same for every chat."""

from __future__ import annotations

import re

# Zero-width, byte-order and direction marks: nobody types them on purpose, and they hide a command from its name.
# Tables and not patterns: a set of signs from all over Unicode takes a millisecond to compile.
_INVISIBLE = dict.fromkeys(
    (
        0xAD,
        0x180E,
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2065),
        *range(0x2066, 0x206A),
        0xFEFF,
    )
)
_BLANKS = dict.fromkeys((0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000), " ")
_TYPOGRAPHIC = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
    }
)
_DASHES = str.maketrans({**dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"), "\u2014": "--", "\u2015": "--"})
_CJK = re.compile("[\u2e80-\u9fff\uf900-\ufaff]")
_COMMAND = re.compile(r"[/\uff0f]?([A-Za-z_][A-Za-z0-9_-]{0,31})(?:@([A-Za-z0-9_]{2,64}))?(?=\s|$)")

ROOT = "quota"
FREE_TEXT = frozenset({"diagnose", "redact"})  # an error text stays as it was written, to the letter


def tidy(text: str) -> str:
    """Arguments as a keyboard would give them. Chinese quotation marks in Chinese text are right as they are."""
    text = text.translate(_INVISIBLE).translate(_BLANKS).translate(_DASHES)
    return (text if _CJK.search(text) else text.translate(_TYPOGRAPHIC)).strip()


def split_command(raw: str, *, slash: bool = True) -> tuple[str, str, str] | None:
    """(command, bot's name after @ or "", the rest) of `/switch query`; None where it is no command.

    With `slash`, a text without the stroke is no command. `/quota tickets 7` comes out as ("tickets", "", "7"); `/quota`
    alone as ("help", "", ""). The rest is raw still: it has not passed the gate.
    """
    head = raw[:200].translate(_BLANKS).lstrip()
    stripped = head.translate(_INVISIBLE)
    if slash and not stripped.startswith(("/", "\uff0f")):
        return None
    found = _COMMAND.match(stripped)
    if not found:
        return None
    # The rest is cut from the raw text, so that nothing inside an error is changed.
    rest = _after(raw, len(found.group()))
    name, bot = found.group(1).lower(), found.group(2) or ""
    if name == ROOT:
        inner = split_command(rest, slash=False)
        name, rest = (inner[0], inner[2]) if inner else ("help", rest)
    return name, bot, rest.strip() if name in FREE_TEXT else tidy(rest)


def is_root(raw: str) -> bool:
    """Whether the command was typed below `/quota`, and so is meant for this bot whatever it is called."""
    found = _COMMAND.match(raw[:200].translate(_BLANKS).translate(_INVISIBLE).lstrip())
    return found is not None and found.group(1).lower() == ROOT


def _after(raw: str, length: int) -> str:
    """The text behind the first `length` visible characters."""
    raw = raw.lstrip()
    seen = 0
    for place, sign in enumerate(raw):
        if seen >= length:
            return raw[place:]
        if ord(sign) not in _INVISIBLE:
            seen += 1
    return ""


def form_fields(text: str, labels: dict[str, str]) -> dict[str, str]:
    """A form answered as text: `label: value` lines, by label or name; `labels` is name -> label, in order.

    Lines without a label belong to the field above them; where no label is found at all, the whole text is the first field.
    """
    known = {tidy(word).lower(): name for name, label in labels.items() for word in (label, name)}
    out: dict[str, str] = {}
    here: str | None = None
    for line in text.splitlines():
        head, mark, value = line.partition(":") if ":" in line.split("\uff1a")[0] else line.partition("\uff1a")
        name = known.get(tidy(head).lower().lstrip("-* ")) if mark else None
        if name is not None:
            here = name
            out[name] = value.strip()
        elif here is not None and line.strip():
            out[here] = f"{out[here]}\n{line.strip()}".strip()
    if not out and labels and text.strip():
        out[next(iter(labels))] = text.strip()
    return {name: value for name, value in out.items() if value}
