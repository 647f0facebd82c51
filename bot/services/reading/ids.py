"""Request, trace and task ids, as written."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from bot.services.reading.sieve import Sieve
from bot.services.reading.view import View

_ID: Final = r"([a-z0-9][a-z0-9_:.\-]{6,90}[a-z0-9=])"
_KEY_END: Final = r"[\"'`)]{0,2}(?: is| was| for failed request)? ?[:=]? ?,?(?:<[^<>]{1,60}> ?)?[\"'`\[(]{0,2}"


class Named(NamedTuple):
    """A pattern on the evened text and the words of which one must be there for it to fit at all; none are asked for by ()."""

    hints: tuple[str, ...]
    pattern: re.Pattern[str]


_REQUEST_KEY: Final = Named(
    ("request_id", "requestid", "request-id"), re.compile(r"request[_-]?id[\"'`]{0,2} ?[:=] ?[\"'`]{0,2}" + _ID)
)
_REQUEST_TEXT: Final = Named(
    (
        "request id",
        "request_id",
        "requestid",
        "request-id",
        "reqid",
        "req_id",
        "req id",
        "req-id",
        "请求",
        "rid",
        "tid",
        "log id",
        "log_id",
        "logid",
        "correlation",
        "request identifier",
        "operation id",
        "activity",
    ),
    re.compile(
        r"(?:request[ _-]?id|req[ _-]?id|请求 ?id|请求编号|请求号|\btid|[\"']rid[\"']|log[ _-]?id|correlation[ _-]?id|request identifier|operation id|activity ?id)"
        + _KEY_END
        + _ID
    ),
)
_TRACE: Final = Named(
    ("trace", "tracking", "sentry id", "ray id", "ray_id", "error id", "event id", "错误id"),
    re.compile(r"(?:trace[ _-]?id|tracking ?id|sentry id|ray[ _]id|error id|event id|错误id)" + _KEY_END + _ID),
)
_TASK: Final = Named(
    (
        "task_id",
        "taskid",
        "task id",
        "task-id",
        "任务",
        "job_id",
        "job id",
        "jobid",
        "generation_id",
        "generation id",
        "prediction_id",
        "prediction id",
    ),
    re.compile(
        r"(?:task[ _-]?id|任务 ?id|任务编号|任务号|job[ _-]?id|generation[ _-]?id|prediction[ _-]?id)" + _KEY_END + _ID
    ),
)
_TASK_PLAIN: Final = Named(
    ("task ", 'task"', "job ", "任务", "task#"),
    re.compile(
        r"(?:\btask|\bjob|任务) ?#?[\"'`(\[]{0,2}"
        r"([0-9a-f]{8}-[0-9a-f-]{20,30}|[0-9a-f]{8,40}|[0-9]{10,24}|(?:cgt|task|video|job)[-_][a-z0-9_-]{8,50})(?![\w./:-]*\w)"
    ),
)
"""`task 7f3a9b2c1d failed`: without a colon only what cannot be an ordinary number or word."""
_SHAPED: Final = Named(
    (), re.compile(r"\b(req_(?:vrtx_)?[a-z0-9]{16,40}|20\d{12}[0-9]{9,19}[a-z0-9]{0,8}|02\d{12,15}[0-9a-f]{30,50})\b")
)
_TWICE: Final = Named((), re.compile(r"\(request id: ?[\w-]+\) \(request id: ?(20\d{18,27}[a-z0-9]{0,8})\)"))
"""A relay adds its own id behind the one of the relay that it asked; the caller's relay is the last."""
_BODY: Final = Named(
    ("chatcmpl", "resp", "msg", "gen", "cmpl", "run", "video", "task", "req", '"as-', "'as-"),
    re.compile(
        r"[\"']id[\"'] ?: ?[\"']((?:chatcmpl|resp|msg|gen|cmpl|run|video|task|req|as)[-_][a-z0-9_-]{6,80})[\"']"
    ),
)
_BRACKETED: Final = Named((), re.compile(r"\]\[(20\d{12}[0-9a-f]{8,30})\]"))
_SPARK: Final = Named(("sid",), re.compile(r"\bsid[\"'`]?[ :=]{1,3}[\"'`]?([a-z]{3}[0-9a-f]{6,10}@[a-z0-9]{8,40})"))
"""iFlytek's `sid`, the id of one conversation that its support asks for."""
_WAYS: Final = (_TWICE, _REQUEST_KEY, _REQUEST_TEXT, _TRACE, _SHAPED, _BRACKETED, _SPARK, _TASK, _TASK_PLAIN, _BODY)
"""Ways to tell an id, the surest first: a named request id goes before an id by its shape."""
_SIEVE: Final = Sieve(way.pattern.pattern for way in _WAYS)
_PLACEHOLDER: Final = re.compile(r"x{4,}|^<|^aj_|redacted|^0+$|your[-_]|example")
_DIGIT: Final = re.compile(r"\d")


def _plausible(value: str) -> bool:
    return len(value) >= 8 and bool(_DIGIT.search(value)) and not _PLACEHOLDER.search(value)


def _first(pattern: re.Pattern[str], seen: View) -> str | None:
    for found in pattern.finditer(seen.low):
        value = found.group(1).rstrip(".:-_")
        if _plausible(value):
            return seen.flat[found.start(1) : found.start(1) + len(value)]
    return None


def _hinted(named: Named, seen: View) -> str | None:
    if not named.hints:
        return _first(named.pattern, seen)
    low = seen.low
    for hint in named.hints:
        if hint in low:
            return _first(named.pattern, seen)
    return None


def request_id_of(seen: View) -> str | None:
    """Request, trace or task id as written; what support asks for first."""
    for number in _SIEVE.passed(seen.raw):
        if value := _hinted(_WAYS[number], seen):
            return value
    return None


def task_id_of(seen: View) -> str | None:
    return _hinted(_TASK, seen) or _hinted(_TASK_PLAIN, seen)
