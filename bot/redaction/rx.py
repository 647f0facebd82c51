"""Compiles a pattern for bytes. Patterns are UTF-8 and matched byte by byte: small automata, and offsets that are byte offsets.

So a Chinese word may stand as a literal or in an alternation, but never inside a character class. Counts stay bounded where a thread
could otherwise wait for an end that never comes while shorter matches are found: that would make a hostile text slow.
"""

from __future__ import annotations

from typing import Any

import re2


def rx(pattern: str) -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = 48 << 20
    options.log_errors = False
    return re2.compile(pattern.encode("utf-8"), options)
