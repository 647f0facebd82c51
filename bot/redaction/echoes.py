"""Keys that an error gives back in the middle of its sentence, where only a blank stands between name and value."""

from __future__ import annotations

from typing import Final

from bot.redaction.rx import piece

# `authentication failed for key ...`; `for key` alone is said of database rows and caches as well
_BEFORE: Final = piece(
    r"(?:[Aa]uth[a-z]{0,14}|[Ll]og[ -]?in|[Aa]ccess|[Vv]erification|[Vv]alidation|[Pp]ermission)[a-z ]{0,12} "
    r"(?:failed|failure|denied|rejected|refused|error)[a-z]{0,2} (?:for|with|using)(?: the| your| this)?(?: api| access| secret| auth)?[ _\-]?$"
)
# `the key ... is invalid`
_BEHIND: Final = piece(
    r"[\"'`”]{0,2} ?(?:(?:is|was|has been|are)(?: not| no longer| already)? (?:valid|invalid|expired|revoked|disabled|deleted|incorrect|wrong|"
    r"rejected|unauthorized|blocked|banned|inactive|suspended|leaked|recogni[sz]ed|active|authorized|enabled)"
    r"|(?:expired|revoked|rejected)\b|(?:不正确|无效|不可用|失效|过期|错误|已失效|已过期|已被|已禁用|被禁用|被封|不存在))"
)
_BACK: Final = 72


def given_back(view: bytes, start: int, end: int) -> bool:
    """Whether the sentence around a name and its value says that the value was refused: then it is the key itself, no request id."""
    return _BEHIND.match(view, end) is not None or _BEFORE.search(view, max(0, start - _BACK), start) is not None
