"""Runs without a prefix: keys that their shape gives away, and what stands for a text in base64 or in hex digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bot.redaction.joins import exact_end, shaped_end, wrapped_end
from bot.redaction.judge import mixed, plausible
from bot.redaction.makers import decoded, rule_of, unhexed
from bot.redaction.pieces import LINE
from bot.redaction.rx import piece
from bot.redaction.spans import Span
from bot.redaction.token_shapes import AZURE_MIDDLE, OPENAI_MIDDLE
from bot.redaction.vendor_keys import KEY_RUN, squeeze

_KEY_BYTES: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_BROKEN_HEAD: Final = piece(r"([A-Za-z0-9]{1,51})(?:[ \t]*\\?|=)\r?\n[ \t]*(?:[>|#][ \t]*)?$")
BASE64: Final = piece(r"[A-Za-z0-9+/_\-]+={0,2}")
_HEX: Final = piece(r"[0-9a-f]{32}\b")
_DISCORD: Final = piece(r"[MNO][A-Za-z0-9_\-]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,40}$")
_FOLDS: Final = (60, 64, 72, 76, 80)  # where programs fold base64
_LINE_ENDS: Final = (b"\n", b"\r", b"\\")
_SHUT: Final = (*_LINE_ENDS, b"", b'"', b"'")
_MARGIN: Final = 32
_MOST_LINES: Final = 60  # a signed token's
_PAIR: Final = piece(r"[A-Za-z0-9._@\-]{0,40}:([A-Za-z0-9+_\-][A-Za-z0-9+/_\-]{19,}={0,2})\s*$")  # `user:key`
# how an address begins that is a secret, or holds one
_TELLING: Final = piece(
    r"(?:https?://)?(?:hooks\.slack|(?:[a-z]{2,8}\.)?discord(?:app)?\.com/api|open\.(?:feishu|larksuite)|qyapi\.weixin|oapi\.dingtalk)|"
    r"[a-z][a-z0-9+]{1,20}://[^\s:/@]{0,64}:[^\s/@]{4}"
)
_DISCORD_HEAD: Final = piece(r"[MNO][A-Za-z0-9_\-.]+")


def read(view: bytes, start: int, end: int, look: Callable[[bytes], list[Span]] | None) -> Span | None:
    """`look` finds secrets in the text that a coded run stands for; None leaves coded runs alone."""
    run = view[start:end]
    if end - start > 8 and (AZURE_MIDDLE in run or OPENAI_MIDDLE in run):
        middle = AZURE_MIDDLE if AZURE_MIDDLE in run else OPENAI_MIDDLE
        start = view.index(middle, start)
        end = start + len(middle)
        run = middle
    if run in (OPENAI_MIDDLE, AZURE_MIDDLE):
        begin = start
        floor = max(0, start - 90)
        while begin > floor and view[begin - 1] in _KEY_BYTES:
            begin -= 1
        tail = KEY_RUN.match(view, start)
        stop = tail.end() if tail is not None else end
        if run == AZURE_MIDDLE:
            begin, stop = _azure(view, begin, start, end, stop)
        if start - begin < 16 or stop - end < 16:
            return None
        return begin, stop, "openai key" if run == OPENAI_MIDDLE else "azure key", view[begin:stop]
    if run.endswith(b"\n"):
        if view[start] in b"MNO":
            head = _DISCORD_HEAD.match(view, start)
            if head is None:
                return None
            stop = shaped_end(view, start, head.end(), (_DISCORD,))
            return (start, stop, "discord token", squeeze(view[start:stop])) if stop > head.end() else None
        begin = view.index(b":", start) + 1
        head = KEY_RUN.match(view, begin)
        if head is None:
            return None
        stop = exact_end(view, begin, head.end(), (35,), False)
        return (start, stop, "telegram token", squeeze(view[start:stop])) if stop > head.end() else None
    if 0x2E in run:
        if run.startswith(b"24."):
            return start, end, "baidu token", run
        if _HEX.match(run):
            return (start, end, "zhipu key", run) if end - start == 49 else None
        if not _DISCORD.match(run):
            return None
        stop = max(end, wrapped_end(view, start, end, (70, 71, 72, 59)))
        return start, stop, "discord token", squeeze(view[start:stop])
    if 0x3A in run or 0xEF in run:
        soft = (
            end - 1 if run.endswith(b"=") and not run.endswith(b"==") and view[end : end + 1] in (b"\n", b"\r") else end
        )
        stop = max(end, wrapped_end(view, start, soft, (46, 45, 77)))
        return start, stop, "telegram token" if run[:8].isdigit() else "iflytek key", squeeze(view[start:stop])
    if look is None:
        return None
    stop = end
    if run[0] in b"234567":
        inside = unhexed(run)
    else:
        whole = BASE64.match(view, start)
        stop = max(end, whole.end() if whole is not None else end)
        if stop - start in _FOLDS and view[stop : stop + 1] in _LINE_ENDS:
            folded = _folded(view, start, stop, look)
            if folded is not None:
                return folded
        inside = decoded(view[start:stop])
        if inside is None and stop > end:
            stop, inside = end, decoded(run)
    if inside is None:
        return None
    inner = look(inside)
    if inner:
        return start, stop, inner[0][2], inner[0][3]
    pair = _PAIR.match(inside)
    if pair is not None and mixed(pair.group(1)) and plausible(pair.group(1)):
        return start, stop, "password", inside
    return None


def _folded(view: bytes, start: int, stop: int, look: Callable[[bytes], list[Span]]) -> Span | None:
    """The key whose base64 goes on in the lines below its first, which shows whose it is."""
    begin = decoded(view[start:stop])
    if begin is None or not (rule_of(begin) is not None or _TELLING.match(begin)) or _amid(view, start, stop - start):
        return None
    end = _folded_end(view, start, stop)
    inside = decoded(b"".join(view[start:end].replace(b"\\", b"").split())) if end > stop else None
    if inside is None:
        return None
    inner = look(inside)
    size = len(inside.rstrip())
    # it must be longer than what the first line holds of it; an address goes on behind its password
    if not inner or (all(span[1] < size for span in inner) and (b"://" not in begin or len(inside.split()) > 1)):
        return None
    return start, end, inner[0][2], inner[0][3]


def _amid(view: bytes, start: int, width: int) -> bool:
    """Whether the line before is base64 of the same width: then the block was read, or began with nothing to tell of."""
    gap = view[max(0, start - _MARGIN) : start]
    joint = gap[len(gap.rstrip(b" \t\r\n\\>|#")) :]
    if b"\n" not in joint:
        return False
    line_end = start - len(joint)
    before = view[max(0, line_end - width) : line_end]
    return len(before) == width and BASE64.fullmatch(before) is not None


def _folded_end(view: bytes, start: int, stop: int) -> int:
    """Where base64 ends that goes on below in lines as wide as its first, the last one shorter."""
    width, end = stop - start, stop
    for _ in range(_MOST_LINES):
        joint = LINE.match(view, end)
        run = BASE64.match(view, joint.end()) if joint is not None else None
        if run is None or run.end() - run.start() > width or view[run.end() : run.end() + 1] not in _SHUT:
            break
        size, padded = run.end() - run.start(), view[run.end() - 1] == 0x3D
        if size < width and (stop - start + size) % 4 and not padded:
            break
        end = run.end()
        if size < width or padded:
            break
    return end


def _azure(view: bytes, begin: int, start: int, end: int, stop: int) -> tuple[int, int]:
    """Both ends of an Azure key of 84 around its middle, which is whole: either half may be broken over a line end."""
    if start - begin < 52:
        head = _BROKEN_HEAD.search(view, max(0, begin - 140), begin)
        missing = 52 - (start - begin)
        if head is not None and head.end(1) - head.start(1) >= missing:
            begin = head.end(1) - missing
    if stop - end < 26:
        joined = exact_end(view, end, stop, (26,), False)
        stop = max(stop, joined)
    return begin, stop
