"""Values that were broken within their first few characters, so that neither their prefix nor their length can be seen.

Behind a key's name the break is taken out, and the finders look at the text that is left.
"""

from __future__ import annotations

from typing import Final

from bot.redaction import names, tokens
from bot.redaction.glue import SHUT
from bot.redaction.judge import all_hex, dated, evidence, placeholder, whole_hex, wordlike
from bot.redaction.makers import rule_of
from bot.redaction.pieces import PIECE
from bot.redaction.rx import finder, piece
from bot.redaction.spans import UNREADABLE, Span
from bot.redaction.strangers import names_next, thing

_NAMES: Final = "key(?:[ _-]?id)?|(?:token|jwt)(?:_bedrock)?|secret(?:[ _-]?id)?|password|passwd|pwd|pass|bearer|authorization|[_-][as]k|密钥|秘钥|令牌|密码|口令"
_BREAK: Final = r"[ \t]{0,4}[\\=]?\r?\n[ \t]{0,24}(?:[>|#][ \t]{0,4})?"
HINTS: Final = (
    rf"(?i:{_NAMES})(?:[\"'`\])]{{0,2}}[ \t]{{0,4}}(?:=>|:=|=|:|：|＝|是|is)[ \t]{{0,4}}|[ \t])(?i:bearer |basic |token |bot |key )?"
    rf"(?:[\"'`]|“|‘|「|（|\(){{0,2}}[A-Za-z0-9_\-./+]{{1,7}}{_BREAK}[A-Za-z0-9_\-./+]"
)
_SITE: Final = finder(HINTS)
_WINDOW: Final = 1_200
_REST: Final = 160
_MOST_LINES: Final = 48
_LINE: Final = piece(r"[ \t]*(?:[>|#][ \t]*)?[A-Za-z0-9_\-./+:%]+={0,2}[ \t]*\\?\r?\n")
_LAST_LINE: Final = piece(r"[ \t]*(?:[>|#][ \t]*)?[A-Za-z0-9_\-./+:%=]{1,1200}")
_BEFORE: Final = 160
_MOST: Final = 100  # joints that are looked at as a whole; a person breaks no more keys so near their names
_BREAKS: Final = 4


def find(view: bytes, spans: list[Span]) -> None:
    """Adds values that were broken within their first seven characters, behind a name."""
    position = joints = 0
    while True:
        start, end = _SITE(view, position)
        if start < 0:
            return
        if joints >= _MOST:
            spans.append((start, len(view), UNREADABLE, b""))
            return
        position = end
        joints += _early(view, start, end, spans)


def _early(view: bytes, start: int, end: int, spans: list[Span]) -> bool:
    """Whether there was a joint to be looked at."""
    if not _belongs(view, _before_break(view, start, end), end - 1):
        return False
    first = max(0, view.rfind(b"\n", 0, start) + 1, start - _BEFORE)
    text, behind = view[first : _far(view, end - 1)], first
    # where the joined text has a seam, and where what follows it came from
    seams: list[tuple[int, int]] = []
    begin, stop = start - first, end - first
    for _ in range(_BREAKS):
        head = text[:begin] + _before_break(text, begin, stop)
        if not _belongs(text, head, stop - 1):
            break
        seams.append((len(head), stop - 1 - len(head) + (seams[-1][1] if seams else 0)))
        text = head + text[stop - 1 :]
        begin, stop = _SITE(text, begin)
        if begin < 0 or begin >= seams[-1][0]:
            break
    if not seams:
        return False
    found = tokens.find(text, deep=False)
    names.find(text, found)
    for left, right, kind, secret in found:
        if left < seams[0][0] < right:
            shift = [moved for seam, moved in seams if seam < right]
            spans.append((behind + left, behind + right + shift[-1], kind, secret))
    return True


def _before_break(text: bytes, begin: int, stop: int) -> bytes:
    head = text[begin : text.rfind(b"\n", begin, stop)].rstrip(b" \t\r")
    return head[:-1] if head[-1:] in (b"\\", b"=") else head


def _far(view: bytes, begin: int) -> int:
    """Where the last line ends that can belong to what begins here: lines of one run each, and one of any kind."""
    stop = begin
    for _ in range(_MOST_LINES):
        run = _LINE.match(view, stop)
        if run is None or run.end() - begin > _WINDOW:
            break
        stop = run.end()
    last = _LAST_LINE.match(view, stop)
    return (last.end() if last is not None else stop) + _REST


def _belongs(text: bytes, head: bytes, begin: int) -> bool:
    """Whether the run that begins the next line may be the rest of what ends this one."""
    run = PIECE.match(text, begin)
    if run is None:
        return False
    rest, stop = run.group(), run.end()
    first = _LAST.search(head)
    if first is None or names_next(text, begin, stop) or evidence(rest) or dated(rest):
        return False
    value = first.group() + rest
    if placeholder(value) or first.group().lower() in _NOTHING:
        return False
    if rule_of(value) is not None:
        return True
    if whole_hex(rest) and not (all_hex(value) and len(value) in (32, 64) and len(rest) != 32):
        return False
    return SHUT.match(text, stop) is not None and not (
        thing(text, begin, stop) or (wordlike(rest) and len(rest) > 3 and not rest.isdigit())
    )


_LAST: Final = piece(r"[A-Za-z0-9_\-./+]{1,7}$")
_NOTHING: Final = frozenset(
    (b"none", b"null", b"nil", b"true", b"false", b"empty", b"unset", b"invalid", b"missing", b"expired")
)
