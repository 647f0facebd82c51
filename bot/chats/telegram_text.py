"""What Telegram text is made of: spans, escaped, without mentions, chat links or commands from outside."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Final

from bot.chats.leaves import MARKER
from bot.model.values import dataclass

_COMMANDS: Final = frozenset({"balance", "diagnose", "switch", "quota", "help", "start"})

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ue000\ue001\ufeff]|[\ud800-\udfff]")
_AT = re.compile(r"(?<![A-Za-z0-9_])@(?=[A-Za-z0-9_])")
_STROKE = re.compile(r"(?<![\w/])/(?=(\w{1,64})(?![\w/])(@?))")
_HOSTS = re.compile(r"\b(t|telegram)\.(?=(?:me|dog)\b)|\btg:(?=//)", re.I)
_JOINER = "\u2060"  # keeps the text readable and whole, and stops the client from making it clickable

Names = Callable[[str], str]  # "telegram:1001" -> display name, "" where unknown


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text in one style; `text` is not escaped yet. `href` goes with the tags `a` and `person`."""

    text: str
    tag: str = ""  # "", b, code, a, person
    href: str = ""


def u16(text: str) -> int:
    """UTF-16 units, in which Telegram counts lengths and places."""
    if text.isascii() or max(text) <= "\uffff":
        return len(text)
    return len(text) + sum(sign > "\uffff" for sign in text)


def escape(text: str) -> str:
    """For text and for attributes."""
    return html.escape(text, quote=True)


def clean(text: str) -> str:
    """Without control signs and direction overrides; markers stay for `spans_of`."""
    text = text.replace("\r\n", "\n").replace("\t", "    ")
    out, at = [], 0
    for found in MARKER.finditer(text):
        out += [_CONTROL.sub("", text[at : found.start()]), found.group()]
        at = found.end()
    return "".join([*out, _CONTROL.sub("", text[at:])])


def neutral(text: str, commands: bool = False) -> str:
    """Text in which nothing becomes a mention, a link to a chat or a command; with `commands`, ours stay."""
    text = _AT.sub("@" + _JOINER, text)
    text = _HOSTS.sub(lambda m: m.group() + _JOINER, text)
    return _STROKE.sub(
        lambda m: "/" if commands and m.group(1).lower() in _COMMANDS and not m.group(2) else "/" + _JOINER,
        text,
    )


def spans_of(line: str, names: Names, *, tag: str = "", commands: bool = False) -> tuple[Span, ...]:
    """One line with our own marks for people made into mentions; whatever else looks like markup or a mention stays text."""
    out: list[Span] = []
    at = 0
    for found in MARKER.finditer(line):
        out.append(Span(neutral(line[at : found.start()], commands), tag))
        platform, id = found.groups()
        name = neutral(clean(names(f"{platform}:{id}"))) or id
        if platform == "telegram" and id.isdigit():
            out.append(Span(name, "person", f"tg://user?id={id}"))
        else:
            out.append(Span(name, tag))
        at = found.end()
    out.append(Span(neutral(line[at:], commands), tag))
    return tuple(span for span in out if span.text)
