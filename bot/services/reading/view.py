"""Evens a pasted text out, so that one word list fits JSON, Python dicts, JSON inside JSON, boxes, HTML and wrapped lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

LONGEST: Final = 240_000  # characters read of one text; of a longer one its head and its tail
_ROUNDS: Final = 3

_UNICODE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
_ANSI: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_PERCENT: Final = re.compile(r"%(?:7B|22|20|0A|27|3A|E[4-9]%[89AB])", re.IGNORECASE)
_CJK_GAP: Final = re.compile(r"(?<=[\u3000-\u9fff]) +(?=[\u3000-\u9fff])")
_ENTITIES: Final = (
    ("&quot;", '"'),
    ("&#34;", '"'),
    ("&#39;", "'"),
    ("&#x27;", "'"),
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&amp;", "&"),
)

_EVEN: Final = {
    **dict.fromkeys(range(0x2500, 0x25A0), " "),  # boxes of rich, Claude Code, opencode
    **{ord(wide): narrow for wide, narrow in zip("，：；！？（）［］｛｝＄｜＝％～", ",:;!?()[]{}$|=%~", strict=True)},
    **dict.fromkeys((0x201C, 0x201D, 0x201E, 0x2033, 0xFF02), '"'),
    **dict.fromkeys((0x2018, 0x2019, 0x2032, 0xFF07), "'"),
    **dict.fromkeys((0xA0, 0x2002, 0x2003, 0x2009, 0x3000, 0x202F), " "),
    **dict.fromkeys((0x200B, 0x200C, 0x200D, 0xFEFF, 0xAD), ""),
    **dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013), "-"),
}


@dataclass(frozen=True, slots=True)
class View:
    """`lines`: unescaped, line breaks kept. `flat`: one line, single spaces. `low`: `flat` in lower case, of the same length."""

    lines: str
    flat: str
    low: str


def _unescape(text: str) -> str:
    for _ in range(_ROUNDS):
        if "\\" not in text:
            break
        before = text
        while "\\\\" in text:
            text = text.replace("\\\\", "\\")
        if "\\u" in text:
            text = _UNICODE.sub(lambda found: chr(int(found.group(1), 16)), text)
        text = (
            text.replace('\\"', '"')
            .replace("\\n", "\n")
            .replace("\\r", "")
            .replace("\\t", " ")
            .replace("\\'", "'")
            .replace("\\/", "/")
        )
        if text == before:
            break
    return text


def view(text: str) -> View:
    if len(text) > LONGEST:
        text = text[: LONGEST // 2] + "\n" + text[-LONGEST // 2 :]
    if "%" in text and len(_PERCENT.findall(text)) > 3:
        text = unquote(text, errors="replace")
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    text = _unescape(text)
    if "&" in text:
        for entity, sign in _ENTITIES:
            text = text.replace(entity, sign)
    if not text.isascii():
        # A lone surrogate cannot be searched; it comes from half an escaped emoji.
        text = text.encode("utf-8", "replace").decode("utf-8").translate(_EVEN)
    flat = " ".join(text.split())
    if not flat.isascii():
        flat = _CJK_GAP.sub("", flat)
    low = flat.lower()
    if len(low) != len(flat):  # a few letters grow in lower case; then the case is given up, not the places
        flat = low
    return View(text, flat, low)
