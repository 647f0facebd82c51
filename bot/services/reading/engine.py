"""Which engine of the application speaks, from log prefixes, file names and variables."""

from __future__ import annotations

import re
from typing import Final

from bot.services.reading.view import View

_ENGINES: Final = {
    "query": "QueryEngine",
    "media": "MediaEngine",
    "insight": "InsightEngine",
    "report": "ReportEngine",
    "mindspider": "MindSpider",
    "mind": "MindSpider",
    "forum": "ForumHost",
    "keyword": "KeywordOptimizer",
}
_HINTS: Final = ("engine", "mind", "forum", "keyword", "引擎", "logs")
_NAMES: Final = "query|media|insight|report"
_VARIABLE: Final = re.compile(
    rf"\b({_NAMES})_engine_(?:api_key|base_url|model_name|provider|request_timeout)|\b(mindspider|forum|keyword)(?:_host|_optimizer)?_(?:api_key|base_url|model_name)"
)
_FILE: Final = re.compile(
    rf"\b({_NAMES})_engine(?:_streamlit_app)?\.py|\b({_NAMES})engine[/\\]+\w|\b(mindspider)[/\\]+\w|\b(forum)engine[/\\]+|\b(keyword)_optimizer\.py|logs[/\\]+({_NAMES}|forum)\.log"
)
_PREFIX: Final = re.compile(
    rf"\b({_NAMES})engine\.\w|\[({_NAMES}) engine streamlit app\]|\b(forum) ?host ?:|\b(keyword)_optimizer:|\b(mindspider)\.\w"
    rf"|(?<!sql )(?<!database )(?<![\w.])({_NAMES})[ _-]?engine(?![a-z0-9])|\bengine(?:_name)?[\"']? ?[:=] ?[\"']?({_NAMES}|mindspider|forum|keyword)\b"
    rf"|({_NAMES}) ?引擎|\b(mind) ?spider\b|\b(keyword)[ _]?optimizer\b"
)


def engine_of(seen: View) -> tuple[str | None, str]:
    """The engine's title and how it was seen: `variable`, `file_name` or `log_prefix`; `(None, "")` where nothing tells."""
    low = seen.low
    if not any(hint in low for hint in _HINTS):
        return None, ""
    for how, pattern in (("variable", _VARIABLE), ("file_name", _FILE), ("log_prefix", _PREFIX)):
        found = pattern.search(low)
        if found:
            return _ENGINES[next(group for group in found.groups() if group)], how
    return None, ""
