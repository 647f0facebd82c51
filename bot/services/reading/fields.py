"""The fields a text reveals: status, model, ids, times, waiting time, remainders. Each function returns None for what is not there."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from bot.services.reading.view import View

# --- status ---------------------------------------------------------------------------------------------------------------------

_NUMBER: Final = r"([1-5]\d\d)(?!\d|\.\d|\s*(?:ms|s|tokens|px|x)\b)"
_REASONS: Final = (
    r"(?:bad request|unauthorized|payment required|forbidden|not found|method not allowed|request timeout|conflict|gone|"
    r"payload too large|unprocessable|too many requests|internal server error|internal error|not implemented|bad gateway|"
    r"service unavailable|service temporarily|gateway time-?out|overloaded|resource_exhausted|resource exhausted|unavailable|"
    r"invalid_argument|failed_precondition|permission_denied|unauthenticated|not_found|status code)"
)
_STATUS_STRONG: Final = re.compile(
    r"(?:error code|status[ _-]?code|http[ _-]?status(?: code)?|httpstatuscode|http_code|statuscode|response status|status code)"
    r"(?: is| of| was)?[\"'*]* ?[:=]? ?(?:http status code: )?[\"'(\[]?" + _NUMBER
)
_STATUS_PHRASE: Final = re.compile(
    r"(?:\bhttp(?:/[\d.]+)?(?: error| status| 状态码)?[ :=(]{1,3}|\bstatus[\"']?[ :=(]{1,3}|状态码[ :=(]{0,3}|\brejected \()"
    + _NUMBER
    + r"|(?<![\d.,/-])"
    + _NUMBER
    + r"[ )\]:,-]{1,3}"
    + _REASONS
    + r"|<(?:title|h1)>[^<]{0,60}?"
    + _NUMBER
)
_STATUS_LOOSE: Final = re.compile(
    r"\b(?:api error|api request failed|apierror|request failed|failed|error|upstream|exception|rejected|错误|报错|api|denied|response|invalid|returned)"
    r"[ :(\[-]{1,4}(?:with |code |status )*[\"(\[]?([45]\d\d)(?![\d.]|\s*(?:ms|s|tokens)\b|/)"
    r"|(?:^|[\[(<])([45]\d\d)(?:[\])>]| ?[{\[<\"':|-]| [a-z\u4e00-\u9fff.])"
    r"|\b(?:msg|message|error)[\"']?[:=] ?[\"']?([45]\d\d)[ {:]"
    r"|\| ?([45]\d\d) ?\|"
    r"|: ([45]\d\d)(?: -|:|,| [{\"<])"
    r"|(?:exhausted|error|exception|badrequest|forbidden|unauthorized|unavailable|notfound|argument): ([45]\d\d) [a-z]"
)
_STATUS_CODE: Final = re.compile(r"[\"']?\b(?:code|status)[\"']?[ :=]{1,3}[\"']?([45]\d\d)\b(?![.\d-])")
_STATUS_LINE: Final = re.compile(r"^\s*([45]\d\d)(?:\s*$|\s*[{<\"])", re.MULTILINE)
_HUNDREDS: Final = re.compile(r"(?<!\d)[45]\d\d(?!\d)")


def status_of(seen: View) -> int | None:
    """The HTTP status as the text tells it; the outermost one where several are told."""
    low = seen.low
    if not _HUNDREDS.search(low):
        return None
    for pattern in (_STATUS_STRONG, _STATUS_PHRASE, _STATUS_LOOSE, _STATUS_CODE):
        for found in pattern.finditer(low):
            number = int(next(group for group in found.groups() if group))
            if 400 <= number < 600:
                return number
    line = _STATUS_LINE.search(seen.lines)
    return int(line.group(1)) if line else None


# --- request, trace and task ids ------------------------------------------------------------------------------------------------

_ID: Final = r"([a-z0-9][a-z0-9_:.\-]{6,90}[a-z0-9=])"
_KEY_END: Final = r"[\"'`)]{0,2}(?: is| was)? ?[:=]? ?[\"'`\[(]{0,2}"


class _Named(NamedTuple):
    """A pattern on the evened text and the words of which one must be there for it to fit at all."""

    hints: tuple[str, ...]
    pattern: re.Pattern[str]


_REQUEST_KEY: Final = _Named(
    ("request_id", "requestid", "request-id"), re.compile(r"request[_-]?id[\"'`]{0,2} ?[:=] ?[\"'`]{0,2}" + _ID)
)
_REQUEST_TEXT: Final = _Named(
    ("request id", "request_id", "requestid", "request-id", "req_id", "req id", "req-id", "请求", "tid", "log id", "log_id", "logid",
     "correlation", "request identifier", "operation id", "activity"),
    re.compile(
        r"(?:request[ _-]?id|req[ _-]id|请求 ?id|请求编号|请求号|\btid|log[ _-]?id|correlation[ _-]?id|request identifier|operation id|activity ?id)"
        + _KEY_END + _ID
    ),
)
_TRACE: Final = _Named(
    ("trace", "tracking", "sentry id", "ray id", "error id", "event id", "错误id"),
    re.compile(r"(?:trace[ _-]?id|tracking ?id|sentry id|ray id|error id|event id|错误id)" + _KEY_END + _ID),
)
_TASK: Final = _Named(
    ("task_id", "taskid", "task id", "task-id", "任务", "job_id", "job id", "jobid", "generation_id", "generation id", "prediction_id", "prediction id"),
    re.compile(r"(?:task[ _-]?id|任务 ?id|任务编号|任务号|job[ _-]?id|generation[ _-]?id|prediction[ _-]?id)" + _KEY_END + _ID),
)
_SHAPED: Final = re.compile(
    r"\b(req_(?:vrtx_)?[a-z0-9]{16,40}|20\d{12}[0-9]{9,19}[a-z0-9]{0,8}|02\d{12,15}[0-9a-f]{30,50})\b"
)
_BODY: Final = _Named(
    ("chatcmpl", "resp", "msg", "gen", "cmpl", "run", "video", "task", "req"),
    re.compile(r"[\"']id[\"'] ?: ?[\"']((?:chatcmpl|resp|msg|gen|cmpl|run|video|task|req)[-_][a-z0-9_-]{6,80})[\"']"),
)
_BRACKETED: Final = re.compile(r"\]\[(20\d{12}[0-9a-f]{8,30})\]")
_PLACEHOLDER: Final = re.compile(r"x{4,}|^<|redacted|^0+$|your[-_]|example")
_DIGIT: Final = re.compile(r"\d")


def _plausible(value: str) -> bool:
    return len(value) >= 8 and bool(_DIGIT.search(value)) and not _PLACEHOLDER.search(value)


def _first(pattern: re.Pattern[str], seen: View) -> str | None:
    for found in pattern.finditer(seen.low):
        value = found.group(1).rstrip(".:-_")
        if _plausible(value):
            return seen.flat[found.start(1) : found.start(1) + len(value)]
    return None


def _hinted(named: _Named, seen: View) -> str | None:
    low = seen.low
    for hint in named.hints:
        if hint in low:
            return _first(named.pattern, seen)
    return None


def request_id_of(seen: View) -> str | None:
    """Request, trace or task id as written; what support asks for first. A named request id goes before an id by its shape."""
    value = _hinted(_REQUEST_KEY, seen) or _hinted(_REQUEST_TEXT, seen) or _hinted(_TRACE, seen)
    if value:
        return value
    if _DIGIT.search(seen.low):
        value = _first(_SHAPED, seen) or ("][20" in seen.low and _first(_BRACKETED, seen)) or None
        if value:
            return value
        if "id" in seen.low:
            return task_id_of(seen) or _hinted(_BODY, seen)
    return None


def task_id_of(seen: View) -> str | None:
    return _hinted(_TASK, seen)


# --- model ----------------------------------------------------------------------------------------------------------------------

_NAME: Final = r"([A-Za-z0-9@~][\w./:@+~-]*[A-Za-z0-9])"
_Q: Final = r"[\"'`*(\[<]{0,3}"
_MODEL_SAID: Final = tuple(
    _Named(hints, re.compile(pattern))
    for hints, pattern in (
        ((", model:",), r"limit: ?\d+, model: ?" + _NAME),
        (("模型",), r"(?:无权访问模型 ?|模型 ?" + _Q + r")" + _NAME + r"[\"'`]{0,2} ?(?=无可用|不存在|不支持|未开通|没有|的?可用|暂|已下线|不可用|价格|倍率|$|\(|，|,|。)"),
        (("model group",), r"received model group ?= ?" + _NAME),
        (
            ("no available", "no allowed", "no channel", "no provider", "no endpoint", "no account", "no capacity"),
            r"no (?:available |allowed )?(?:channels?|providers?|endpoints?|accounts?|capacity)(?: is| are)?(?: available)?(?: found)? (?:for|supporting) (?:the )?(?:model )?"
            + _Q + _NAME + r"(?= |\"|'|`|\.|$|\))",
        ),
        (("the requested model",), r"support the requested model:? ?" + _Q + _NAME),
        (("available for",), r"(?:channels|providers|capacity|accounts) available for (?:the )?model " + _Q + _NAME),
        (("model or endpoint",), r"\bthe model or endpoint " + _Q + _NAME + r"[\"'`]{0,2} "),
        (("the model",), r"(?:activated|open|enable|load) the model " + _Q + _NAME),
        ((" model is", " model was", " model does"), r"[\"'`]" + _NAME + r"[\"'`] model (?:is|was|does)"),
        (("the model",), r"\b(?:access to|use) the model (?:with the specified model id )?" + _Q + _NAME),
        (("models/",), r"\bmodels/" + _NAME + r"(?=[:)\"'` ]| is |,)(?<!:)"),
        (("the model",), r"\bthe model:? " + _Q + _NAME + r"[\"'`)\]]{0,2} (?:does|is|was|has|requires|cannot|may|not|you|in)"),
        (("model",), r"\bmodel " + _Q + _NAME + r"[\"'`)\]>]{1,2}"),
        (
            ("model",),
            r"\bmodel:? " + _Q + _NAME + r"[\"'`)\]]{0,2},? (?:does not|doesn't|is not|isn't|not found|not exist|was not|is currently|is overloaded|is temporarily|is at|has been|is no longer|is deprecated|is decommissioned|not supported|unavailable|requires|cannot|under group|in group|in organization|on the server|under the)",
        ),
        (("not found the",), r"not found the model " + _Q + _NAME),
        (
            ("invalid model", "unknown model", "unsupported model", "such model", "unrecognized model", "incorrect model", "unexpected model"),
            r"(?:invalid|unknown|unsupported|no such|unrecognized|incorrect|unexpected) model(?: name| id| identifier)?:? ?" + _Q + r"(?:name |passed in model=)?" + _NAME,
        ),
        (("this model",), r"use this model " + _Q + _NAME),
        (("requested model",), r"requested model:? ?" + _Q + _NAME),
        (
            ("rate limit reached for", "per min", "quota for", "access", "capacity for", "support for"),
            r"(?:rate limit reached for|per min \(\w+\) for|quota for|unable to access|has no access to|access to model|capacity for|support for) (?:model )?"
            + _Q + _NAME + r"(?=[\"'`)\]]{0,3} (?:in |on |with|model|under))",
        ),
        (("publishers/", "deployments/", "foundation-model", "inference-profile"), r"(?:publishers/[\w-]+/models|deployments|foundation-model|inference-profile)/" + _NAME),
        (("→",), r"→ " + _NAME),
    )
)
_MODEL_KEY: Final = re.compile(
    r"(?<![\w.])(?:model|model_name|modelname|model_id|modelid|model_group|deployment|engine|litellm_params\.model|model id|使用模型|当前模型|模型名称|模型)[\"'`*]{0,3} ?[:=] ?[\"'`*(]{0,3}"
    + _NAME,
)
_NO_MODEL: Final = frozenset(
    "xxx xxxx none null undefined string unknown not your the a an is was error name id model models group default this that and or for "
    "code-assist true false openai anthropic gemini claude gpt provider model_name your-model token tokens limit requests request input output api "
    "status available you it to of in on we has does cannot with but from at as be not-found missing required invalid type http https message".split()
) - {"gpt"}
_MODELISH: Final = re.compile(
    r"\d|-|/|^(?:gpt|o1|o3|claude|gemini|llama|qwen|glm|kimi|grok|mistral|mixtral|deepseek|yi|ernie|doubao|sora|veo|flux|sonnet|opus|haiku|ollama|codestral|mimo)",
    re.IGNORECASE,
)
_FILE: Final = re.compile(
    r"\.(?:py|ts|js|tsx|go|rs|mjs|java|json|md|html|log|com|ai|cn|io|dev|net|org)(?::\d+)*$|^https?:|^www\.|^[\d.]+$|^v\d+(?:\.\d+)*$|^\d+:\d+|^[0-9a-f]{24,}$|^[0-9a-f]{8}-[0-9a-f]{4}-",
    re.IGNORECASE,
)


def _model(value: str) -> str | None:
    value = value.rstrip(".:,;")
    if value.lower() in _NO_MODEL or len(value) > 100 or _FILE.search(value):
        return None
    if value.lower() == "gpt" or _MODELISH.search(value):
        return value
    return None


def model_of(seen: View) -> str | None:
    """The model's name as written. What the error itself says goes before a client's heading."""
    low = seen.low
    if not (
        "model" in low
        or "模型" in low
        or "rate limit reached for" in low
        or "endpoints" in low
        or "deployment" in low
        or "channel" in low
    ):
        return None
    for named in _MODEL_SAID:
        if not any(hint in low for hint in named.hints):
            continue
        for found in named.pattern.finditer(low):
            value = _model(seen.flat[found.start(1) : found.end(1)])
            if value:
                return value
    for found in _MODEL_KEY.finditer(low):
        value = _model(seen.flat[found.start(1) : found.end(1)])
        if value and not _prose(seen.flat, found.end(1)):
            return value
    if "limit: 0" in low:
        named = _GEMINI.search(seen.flat)
        return named.group(0) if named else None
    return None


_GEMINI: Final = re.compile(r"\bgemini-\d[\w.-]*\w")


_NEXT_WORD: Final = re.compile(r"[\"'`*)\],}]* ?([A-Za-z0-9.]*)")


def _prose(flat: str, end: int) -> bool:
    """`Model: Gemini 2.5 Pro` is a display name; only its first word would be taken."""
    found = _NEXT_WORD.match(flat, end)
    return bool(found and re.fullmatch(r"\d\.\d", found.group(1)))


# --- times ----------------------------------------------------------------------------------------------------------------------

_TIME: Final = re.compile(
    r"20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|20\d\d[-/][01]\d[-/][0-3]\d(?: - | )[0-2]\d:[0-5]\d(?::[0-5]\d)?(?:[.,]\d{1,6})?(?: ?[+-]\d{4}| UTC)?"
    r"|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) 20\d\d [0-2]\d:[0-5]\d:[0-5]\d GMT"
    r"|20\d\d年\d{1,2}月\d{1,2}日(?: ?\d{1,2}:\d\d(?::\d\d)?)?"
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* \d{1,2},? 20\d\d,? (?:at )?\d{1,2}:\d\d(?::\d\d)? ?(?:AM|PM)?"
    r"|(?<=\[)20\d\d-[01]\d-[0-3]\d(?=\])"
)
_NOT_WHEN: Final = re.compile(
    r"(?:reset\w*|expire\w*|retry|until|valid|ends?(?: on| at)?|after|before|deadline|renew\w*|created|available|timestamp_reset|resetstime\w*|quotaresettimestamp|modified|since|effective|remove[ds]?|version|将在|将于|重置|恢复|到期|截止|有效期)"
    r"[\w\"' -]{0,12}[:=]? ?(?:on |at |in )?[\"'(]?$",
    re.IGNORECASE,
)


def occurred_at_of(seen: View, near: str = "") -> str | None:
    """When it happened, as written: the last time before the words that decided, else the first one in the text."""
    text = seen.lines
    if "20" not in text:
        return None
    times = [
        found
        for found in _TIME.finditer(text)
        if not _NOT_WHEN.search(text[max(0, found.start() - 32) : found.start()])
    ]
    if not times:
        return None
    place = text.lower().find(near) if near else -1
    before = [found for found in times if found.start() < place]
    return (before[-1] if before else times[0]).group(0)


# --- waiting time ---------------------------------------------------------------------------------------------------------------

_UNIT: Final = r"(?:milliseconds?|millis|ms|seconds?|secs?|s|minutes?|mins?|min|m|hours?|hrs?|h|days?|d|weeks?|毫秒|秒钟?|分钟?|小时|个小时|天)"
_SPAN: Final = r"(\d+(?:\.\d+)?) ?(" + _UNIT + r")(?![a-z])"
_ANY_SPAN: Final = r"((?:\d+(?:\.\d+)? ?" + _UNIT + r"(?:,? ?(?:and )?|(?![a-z\d])))+)"
_WAIT_SAID: Final = tuple(
    _Named(hints, re.compile(pattern))
    for hints, pattern in (
        (("delay",), r"retry_?delay[\"']?[ :={(]{1,4}[\"']?(?:seconds: ?)?" + _ANY_SPAN),
        (("retry_delay",), r"retry_delay ?\{ ?seconds: ?(\d+)"),
        (("after",), r"retry[-_ ]?after(?:[-_ ]?(?:seconds|secs|s))?[\"')]?[ :=]{1,3}[\"']?" + _ANY_SPAN),
        (("after-ms", "after_ms", "afterms"), r"retry[-_ ]?after[-_ ]?ms[\"']?[ :=]{1,3}[\"']?(\d+(?:\.\d+)?)()"),
        (("after",), r"retry[-_ ]?after(?:[-_ ]?(?:seconds|secs|s))?[\"')]?[ :=]{1,3}[\"']?(\d+(?:\.\d+)?)(?![\w.:/-])"),
        (("try again",), r"try again (?:in|after)(?: about| approximately| around)?:? ?" + _ANY_SPAN),
        (("retry in", "retry after"), r"retry (?:in|after)(?: about| approximately)? ?" + _ANY_SPAN),
        (("wait",), r"(?:please |or )wait(?: for| at least| about| another)* " + _ANY_SPAN),
        (("reset",), r"(?:will |limit |quota |usage )?resets? (?:in|after) (?:about )?" + _ANY_SPAN),
        (
            ("reset", "wait_", "cooldown", "retry_after", "retryafter"),
            r"(?:quotaresetdelay|reset_after|resets_in|resets_in_seconds|reset_seconds|resets-in|wait_time|wait_seconds|cooldown_seconds|retry_after_seconds|retryafterseconds)[\"']?[ :=]{1,3}[\"']?"
            + _ANY_SPAN,
        ),
        (
            ("reset", "wait_", "cooldown", "retry_after", "retryafter"),
            r"(?:resets_in_seconds|reset_seconds|wait_seconds|cooldown_seconds|retry_after_seconds|retryafterseconds|retryafter|resets_in)[\"']?[ :=]{1,3}[\"']?(\d+(?:\.\d+)?)(?![\w.:/-])",
        ),
        (("available",), r"available (?:again )?in (?:about )?" + _ANY_SPAN),
        (("后",), r"(?:请|需要?|等待|稍等|于|在|将在|还需等待?)[^,。;]{0,8}?" + _ANY_SPAN + r" ?(?:之?后|再|重试|恢复|重置)"),
        (("等",), r"(?:等待|再等) ?" + _ANY_SPAN),
    )
)
_PIECE: Final = re.compile(_SPAN)
_SECONDS: Final = {
    "ms": 0.001,
    "mi": 60.0,
    "m": 60.0,
    "s": 1.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
    "毫": 0.001,
    "秒": 1.0,
    "分": 60.0,
    "小": 3600.0,
    "个": 3600.0,
    "天": 86400.0,
}
_OWN_RETRY: Final = re.compile(r"retrying|重试中|attempt \d+$")


def _unit(word: str) -> float:
    if word.startswith(("milli", "ms")):
        return 0.001
    return _SECONDS[word[0]] if word[0] in _SECONDS else 1.0


def seconds_of(span: str) -> float | None:
    """`9m38.016s`, `1 hour 5 minutes`, `856.559356ms`, `30 秒` in seconds; a bare number is seconds."""
    pieces = _PIECE.findall(span)
    if not pieces:
        return float(span) if re.fullmatch(r"\d+(?:\.\d+)?", span.strip()) else None
    return float(sum(float(number) * _unit(unit) for number, unit in pieces))


def retry_after_of(seen: View) -> float | None:
    """Seconds the other side asks to wait. A client's own `Retrying in 2 s` is no such word, nor is a clock time."""
    low = seen.low
    if not (
        "retry" in low
        or "try again" in low
        or "wait" in low
        or "reset" in low
        or "available" in low
        or "后" in low
        or "等待" in low
        or "cooldown" in low
    ):
        return None
    for named in _WAIT_SAID:
        if not any(hint in low for hint in named.hints):
            continue
        for found in named.pattern.finditer(low):
            if _OWN_RETRY.search(low[max(0, found.start() - 3) : found.end()]):
                continue
            if found.re.groups == 2:  # retry-after-ms
                return float(found.group(1)) / 1000
            value = seconds_of(found.group(1))
            if value is not None and value < 60 * 86400:
                return value
    return None


# --- figures --------------------------------------------------------------------------------------------------------------------

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
            r"(?:需要预扣费额度|需要额度|need quota|requested up to|you requested|requested about|requested|requires at least|required)[ :=]{0,3}"
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

