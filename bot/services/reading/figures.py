"""Remainders and limits, as written."""

from __future__ import annotations

import re
from typing import Final

from bot.services.reading.view import View

_DIGIT: Final = re.compile(r"\d")
_MONEY: Final = r"([-$¥€]{0,2} ?-?[\d,]+(?:\.\d+)?(?: ?(?:usd|cny|tokens?|credits?|元|requests?|points?))?)"
_FIGURES: Final = (
    (
        "remaining",
        re.compile(
            r"(?:剩余额度|剩余配额|剩余|remain(?:ing)?(?: quota| balance| credits?)?|remain quota|can only afford|balance is|balance:|account balance of|left:)[ :=]{0,3}"
            + _MONEY
        ),
    ),
    (
        "needed",
        re.compile(
            r"(?:需要预扣费额度|需要额度|need quota|requested up to|you requested|requested about|requested|requires at least|requires|required|estimated cost(?: is| of)?|will cost|would cost|costs)[ :=]{0,3}"
            + _MONEY
        ),
    ),
    (
        "limit",
        re.compile(
            r"(?:\blimit|max budget|limitvalue|quotavalue|maximum context length is|maximum number of tokens allowed|token limit is|token count exceeds the maximum number of tokens allowed)[\"']?[ :=(]{0,3}[\"']?"
            + _MONEY
        ),
    ),
    ("used", re.compile(r"(?:\bused|current cost|current usage|current spend)[\"']?[ :=]{0,3}" + _MONEY)),
)
_RESET: Final = re.compile(
    r"(?:resets?(?: at| on)?|reset time|将在|将于|reset_at|resets_at|x-ratelimit-reset|quotaresettimestamp|usage limit reached\|)[\"']?[ :=]{0,3}[\"']?"
    r"(\d{10,13}|20\d\d-\d\d-\d\d[t ][\d:.]+z?|\d{1,2}(?::\d\d)? ?[ap]m(?: \([\w/+-]+\))?|\d{1,2}/\d{1,2}/20\d\d)"
)


def figures_of(seen: View) -> dict[str, str]:
    """Remainders and limits as written: remaining, needed, limit, used, resets_at."""
    low, flat = seen.low, seen.flat
    found: dict[str, str] = {}
    if not _DIGIT.search(low):
        return found
    for name, pattern in _FIGURES:
        hit = pattern.search(low)
        if hit and any(sign.isdigit() for sign in hit.group(1)):
            found[name] = flat[hit.start(1) : hit.end(1)].strip(" ,")
    if "reset" in low or "usage limit reached|" in low or "将" in low:
        hit = _RESET.search(low)
        if hit:
            found["resets_at"] = flat[hit.start(1) : hit.end(1)]
    return found
