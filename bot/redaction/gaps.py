"""What stands between a name and a value: does it say that the one is the other's?"""

from __future__ import annotations

from typing import Final

from bot.redaction.makers import in_runs
from bot.redaction.named_values import flag
from bot.redaction.rx import piece
from bot.redaction.spaced import spaced_end, strewn

# what stands between nearly all names and values
PLAIN: Final = frozenset(
    (b"=", b":", b": ", b"='", b"=\"", b" = ", b" = '", b" = \"", b": '", b": \"", b"\": \"", b"': '", b"\":\"", b"':'", "：".encode(), b"=\\\"", b"\\\":\\\"", b"\\\": \\\"")
)  # fmt: skip
_SEPARATORS: Final = piece(
    r"[:=,>|~(]|[\x80-\xff]|\?\?| is| was| equals| to | or |value|content|provided |used |body|<<<|using|use |below|\n\r?\n"
)
# names a value without saying so: only what looks like nothing but a key counts behind it
_AIMLESS: Final = piece(r"[ \t]*(?:[\xe4-\xe9][\x80-\xbf]{2})*[ \t]*$")
_AIMED: Final = piece(r"(?:是|为|填|填的|填了|用的|成|了|下|给你)[ \t]*$")
_BLANKS: Final = frozenset((b" ", b"  ", b" token ", b" key ", b" bot "))
_PLAINLY: Final = piece(r"[a-z_]{2,20}[:,.;]?")
_WORD_ENDS: Final = (b" ", b"\n", b"")
_PART: Final = piece(r"\\?\"(?:\r?\n[^\n]*)?\r?\n\r?\n$")
_FIELD: Final = piece(r"name=\\?\"[A-Za-z0-9_\-.\[\]]{0,40}$")
_SCHEME_ENDS: Final = (b"bearer ", b"basic ", b"token ", b"bot ")
_LOOSE: Final = piece(r"^[\"'`\]\)\\*]{0,6}[ \t]*(?:\|{1,2}|(?:—){1,2}|–|－|~)[ \t]*[`*\"']*$")
_FAR: Final = 15  # more than four Chinese characters
_FAR_GAP: Final = piece(r"(?:[\xe4-\xe9][\x80-\xbf]{2}){5}")
_DOUBLE_DASH: Final = "——".encode()
_QUOTES: Final = (b'"', b"'", b"`")
_ROW: Final = piece(r"(?:^|\n)[A-Z0-9]{1,24}_(?:[A-Z0-9]{1,20}_){0,3}$")
_CELL: Final = piece(
    r"(?:^|[\n|*>\-•])[ \t`*\"'#]*[A-Za-z0-9]{1,24}_[A-Za-z0-9_.]{0,40}$|"
    r"(?:^|\n)[ \t]*\|[ \t`*]*(?:(?:[Aa][Pp][Ii]|[Ss]ecret|[Aa]ccess)[ _\-]?){1,2}$"
)
_CHINESE_CELL: Final = piece(r"(?:^|\n)[ \t]*\|[ \t`*]*(?:[Aa][Pp][Ii] ?|我的|接口|访问)?$")
_BELOW_IT: Final = "如下".encode()


def blank(view: bytes, start: int, at: int, kind: str, gap: bytes) -> bool | None:
    """Whether nothing but a blank stands between name and value; None when the two do not belong together."""
    if gap in _BLANKS and not flag(view, start):
        # the usual case: a word in a sentence
        word_behind = _PLAINLY.match(view, at)
        if (
            word_behind is not None
            and view[word_behind.end() : word_behind.end() + 1] in _WORD_ENDS
            and not (view[start - 1 : start] == b"_" and (in_runs(view, at) or _strewn(view, at, word_behind.end())))
        ):
            return None
    if (
        0x0A in gap
        and gap[0] in b'\\"'
        and _PART.match(gap) is not None
        and _FIELD.search(view, max(0, start - 48), start) is None
    ):
        return None  # a string's end and an empty line, but no part of a form
    if gap[:1] == b"]" and gap.find(b"=>") < 0 and _label(view, start):
        return None  # our own `[... key]`
    if gap.endswith(b"> ") and gap.find(b"=>") < 0 and gap.find(b"->") < 0:
        return None  # `<token> trace_id=...`
    if gap == b" to ":
        return True
    return (
        _SEPARATORS.search(gap) is None
        and not gap.endswith(_SCHEME_ENDS)
        and not (kind == "authorization" and gap.endswith(b"key "))
    )


def _strewn(view: bytes, at: int, end: int) -> bool:
    """Whether the word is but the first run of a key."""
    whole = spaced_end(view, at, end)
    return whole > end and strewn(view[at:whole])


def aimless(view: bytes, start: int, gap: bytes, blank: bool) -> bool | None:
    """Whether what stands between name and value does not tell that the one is the other's; None when it tells that it is not."""
    vague = not blank and (
        (gap[-1:] == b"\n" and gap.find(_BELOW_IT) < 0 and gap.find(b"\n\r\n") < 0 and gap.find(b"\n\n") < 0)
        or (_AIMLESS.match(gap) is not None and _AIMED.search(gap) is None)
    )
    vague = vague or (len(gap) > _FAR and _FAR_GAP.match(gap) is not None)
    if gap.find(b"\xe2\x80") >= 0 and gap != _DOUBLE_DASH and _LOOSE.match(gap) is not None:
        # a dash may be but a dash, unless a list's item is a setting's name
        vague = _CELL.search(view, max(0, start - 48), start) is None
    elif gap == b",":
        if _ROW.search(view, max(0, start - 48), start) is None:
            return None  # no row of two cells whose first is a setting's name
    elif gap == b"|":
        vague = True  # `key|...|...`
    elif gap[-1:] in _QUOTES and gap.find(b"||") >= 0:
        pass  # `process.env.KEY || "..."`
    elif (
        gap != _DOUBLE_DASH
        and _LOOSE.match(gap) is not None
        and _CELL.search(view, max(0, start - 48), start) is None
        and (view[start] < 0x80 or _CHINESE_CELL.search(view, max(0, start - 48), start) is None)
    ):
        return None  # `invalid x-api-key | <request id>` is no table
    return vague


def _label(view: bytes, at: int) -> bool:
    """Whether only letters and blanks stand between a bracket and this place."""
    opening = view.rfind(b"[", max(0, at - 24), at)
    return opening >= 0 and all(byte == 0x20 or 97 <= byte <= 122 for byte in view[opening + 1 : at])
