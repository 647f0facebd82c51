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
    "forum": "ForumHost",
    "keyword": "KeywordOptimizer",
}
_HINTS: Final = ("engine", "mindspider", "forum", "keyword")
_VARIABLE: Final = re.compile(
    r"\b(query|media|insight|report)_engine_(?:api_key|base_url|model_name|provider|request_timeout)|\b(mindspider|forum|keyword)(?:_host|_optimizer)?_(?:api_key|base_url|model_name)"
)
_FILE: Final = re.compile(
    r"\b(query|media|insight|report)_engine_streamlit_app\.py|\b(query|media|insight|report)engine[/\\]+\w|\b(mindspider)[/\\]+\w|\b(forum)engine[/\\]+|\b(keyword)_optimizer\.py|logs[/\\]+(query|media|insight|report|forum)\.log"
)
_PREFIX: Final = re.compile(
    r"\b(query|media|insight|report)engine\.\w|\[(query|media|insight|report) engine streamlit app\]|\b(forum) ?host ?:|\b(keyword)_optimizer:|\b(mindspider)\.\w|(?<![\w.])(query|media|insight|report) ?engine\b|\b(mindspider)\b|\b(keyword) ?optimizer\b"
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
