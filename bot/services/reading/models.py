"""The model a text names."""

from __future__ import annotations

import re
from typing import Final

from bot.services.reading.ids import Named
from bot.services.reading.sieve import Sieve
from bot.services.reading.view import View

_NAME: Final = r"([A-Za-z0-9@~][\w./:@+~-]*[A-Za-z0-9])"
_Q: Final = r"[\"'`*(\[<]{0,3}"
_FAMOUS: Final = (
    r"((?:deepseek-(?:chat|reasoner|coder|[vr]\d)|gpt-\d|o[134]-(?:mini|pro)|claude-[a-z\d]|gemini-\d|kimi-[a-z\d]|moonshot-v1-|glm-\d|qwen\d|qwen-[a-z]"
    r"|doubao-[a-z\d]|grok-\d|mistral-[a-z]|minimax-m\d|hunyuan-[a-z]|ernie-[a-z\d])[\w.-]*)"
)
_MODEL_SAID: Final = tuple(
    Named(hints, re.compile(pattern))
    for hints, pattern in (
        ((", model:",), r"limit: ?\d+, model: ?" + _NAME),
        (("), time",), r"\bmodel: [\w .-]{2,30} \(" + _NAME + r"\), time"),
        (("endpoint for",), r"dedicated endpoint for " + _Q + _NAME),
        (("non-serverless",), r"non-serverless model " + _Q + _NAME),
        (("to this model",), r"specific to this model " + _Q + _NAME),
        (("but you passed",), r"but you passed " + _Q + _NAME),
        (("prediction with",), r"generate prediction with " + _Q + _NAME),
        (("for model",), r"(?:request |\d{3}\)? )(?:failed |error )?(?:with \d{3} )?for model " + _Q + _NAME),
        (("invoke model",), r"(?:failed|unable) to invoke model " + _Q + _NAME),
        (("error from provider(",), r"error from provider\([\w.-]+," + _NAME + r": \d"),
        (("enqueued token",), r"enqueued token limit reached for " + _Q + _NAME),
        (("api deployment",), r"\bapi deployment [\"'`]" + _NAME + r"[\"'`]"),
        (("max_tokens for",), r"max_tokens for [\"'`]" + _NAME + r"[\"'`]"),
        (("access model",), r"\baccess model " + _Q + _NAME),
        (("invocation of model",), r"invocation of model id " + _Q + _NAME),
        (("] model",), r"for the \[" + _NAME + r"\] model"),
        (("rate-limited upstream",), r"(?<![\w./:@-])" + _NAME + r" is temporarily rate-limited upstream"),
        (("valid model id",), r"(?<![\w./:@-])" + _NAME + r" is not a valid model id"),
        (
            ("模型",),
            r"(?:无权访问模型 ?|模型 ?"
            + _Q
            + r")"
            + _NAME
            + r"[\"'`]{0,2} ?(?=无可用|返回|报错|失败|调用|出错|不存在|不支持|未开通|没有|的?可用|暂|已下线|不可用|价格|倍率|$|\(|，|,|。)",
        ),
        (("model group",), r"received model group ?= ?" + _NAME),
        (
            ("no available", "no allowed", "no channel", "no provider", "no endpoint", "no account", "no capacity"),
            r"no (?:available |allowed )?(?:channels?|providers?|endpoints?|accounts?|capacity)(?: is| are)?(?: available)?(?: found)? (?:for|supporting) (?:the )?(?:model )?"
            + _Q
            + _NAME
            + r"(?= |\"|'|`|\.|$|\))",
        ),
        (("the requested model",), r"support the requested model:? ?" + _Q + _NAME),
        (("available for",), r"(?:channels|providers|capacity|accounts) available for (?:the )?model " + _Q + _NAME),
        (("model or endpoint",), r"\bthe model or endpoint " + _Q + _NAME + r"[\"'`]{0,2} "),
        (("the model",), r"(?:activated|open|enable|load) the model " + _Q + _NAME),
        (("too large for",), r"request too large for (?:model )?" + _Q + _NAME + r"(?=[\"'`)\]]{0,3} (?:in |on ))"),
        ((" model is", " model was", " model does"), r"[\"'`]" + _NAME + r"[\"'`] model (?:is|was|does)"),
        (("the model",), r"\b(?:access to|use) the model (?:with the specified model id )?" + _Q + _NAME),
        (("models/",), r"\bmodels/" + _NAME + r"(?=[:)\"'` ]| is |,|$)(?<!:)"),
        (
            ("the model",),
            r"\bthe model:? " + _Q + _NAME + r"[\"'`)\]]{0,2} (?:does|is|was|has|requires|cannot|may|not|you|in)",
        ),
        (("model",), r"\bmodel " + _Q + _NAME + r"[\"'`)\]>]{1,2}"),
        (
            ("model",),
            r"\bmodel:? "
            + _Q
            + _NAME
            + r"[\"'`)\]]{0,2},? (?:does not|doesn't|is not|isn't|not found|not exist|was not|is currently|is overloaded|is temporarily|is at|has been|has hit|has reached|is no longer|is deprecated|is decommissioned|not supported|unavailable|requires|cannot|returned|failed|responded|answered|gave|says?|task|request error|request failed|error:|under group|in group|in organization|on the server|under the)",
        ),
        ((" model ",), r"\b(?:on|with|using|use|call(?:ing|ed)?) model:? " + _Q + _NAME),
        (("模型",), r"(?:调用|使用|请求) ?" + _Q + r"(?=[\w./:@+~-]*\d)" + _NAME + r"[\"'`]{0,2} ?模型"),
        (("not found the",), r"not found the model " + _Q + _NAME),
        (("model not found:",), r"\bmodel not found: " + _Q + _NAME + r"(?=\.?(?:[\"'`\s,)]|$))"),
        (
            (
                "invalid model",
                "unknown model",
                "unsupported model",
                "such model",
                "unrecognized model",
                "incorrect model",
                "unexpected model",
            ),
            r"(?:invalid|unknown|unsupported|no such|unrecognized|incorrect|unexpected) model(?: name| id| identifier)?:? ?"
            + _Q
            + r"(?:name |passed in model=)?"
            + _NAME,
        ),
        (("this model",), r"use this model " + _Q + _NAME),
        ((" and model ",), r"\bfor team [\w-]+ and model " + _Q + _NAME),
        (("requested model",), r"requested model:? ?" + _Q + _NAME),
        (
            ("rate limit reached for", "per min", "quota for", "access", "capacity for", "support for"),
            r"(?:rate limit reached for|per min \(\w+\) for|quota for|unable to access|has no access to|access to model|capacity for|support for) (?:model )?"
            + _Q
            + _NAME
            + r"(?=[\"'`)\]]{0,3} (?:in |on |with|model|under))",
        ),
        (
            ("publishers/", "deployments/", "foundation-model", "inference-profile"),
            r"(?:publishers/[\w-]+/models|deployments|foundation-model|inference-profile)/" + _NAME,
        ),
        (("→",), r"→ " + _NAME),
        # As people write it themselves: "402 … model deepseek-chat", "模型 kimi-k2 报 429". Only names that can be nothing else.
        (("model ", "模型"), r"(?:\bmodel |模型 ?)" + _FAMOUS + r"(?![\w/])"),
    )
)
_MODEL_KEY: Final = re.compile(
    r"(?:(?<![\w.])|(?<=\brun\.))(?:model|runtimemodel|model_name|modelname|usedmodel|model_id|modelid|model_group|modelversion|model_version|deployment|engine|litellm_params\.model|model id|使用模型|当前模型|模型名称|模型)[\"'`*]{0,3} ?[:=] ?[\"'`*(]{0,3}"
    + _NAME,
)
_SIEVE: Final = Sieve((*(named.pattern.pattern for named in _MODEL_SAID), _MODEL_KEY.pattern))
_NO_MODEL: Final = frozenset(
    ("xxx", "xxxx", "none", "null", "undefined", "string", "unknown", "not", "your", "the", "a", "an", "is", "was", "error", "name", "id",
     "model", "models", "group", "default", "this", "that", "and", "or", "for", "code-assist", "true", "false", "openai", "anthropic",
     "gemini", "claude", "provider", "model_name", "your-model", "token", "tokens", "limit", "requests", "request", "input", "output",
     "api", "status", "available", "you", "it", "to", "of", "in", "on", "we", "has", "does", "cannot", "with", "but", "from", "at", "as",
     "be", "not-found", "missing", "required", "invalid", "type", "http", "https", "message")
)  # fmt: skip
_MODELISH: Final = re.compile(
    r"\d|-|/|^(?:gpt|o1|o3|claude|gemini|llama|qwen|glm|kimi|grok|mistral|mixtral|deepseek|yi|ernie|doubao|sora|veo|flux|sonnet|opus|haiku|ollama|codestral|mimo)",
    re.IGNORECASE,
)
_FILE: Final = re.compile(
    r"\.(?:py|ts|js|tsx|go|rs|mjs|java|json|md|html|log|com|ai|cn|io|dev|net|org)(?::\d+)*$|^https?:|^www\.|^[\d.]+$|^v\d+(?:\.\d+)*$|^\d+:\d+|^[0-9a-f]{24,}$|^[0-9a-f]{8}-[0-9a-f]{4}-",
    re.IGNORECASE,
)


_PATH: Final = re.compile(
    r"/v\d/.*$|/(?:chat/)?(?:completions|embeddings|messages|responses|images).*$|:(?:stream)?(?:generatecontent|rawpredict|predict).*$|/operations/.*$",
    re.IGNORECASE,
)


def _model(value: str) -> str | None:
    value = _PATH.sub("", value).rstrip(".:,;")
    if value.lower() in _NO_MODEL or len(value) > 100 or _FILE.search(value):
        return None
    if value.lower() == "gpt" or _MODELISH.search(value):
        return value
    return None


_HEADED: Final = re.compile(r"\s*Model: ([^\n|{}\"]{2,40}?)[ \t]*\n+\s*Provider: ")


def model_of(seen: View) -> str | None:
    """The model's name as written. What the error itself says goes before a client's heading."""
    low = seen.low
    fitting = _SIEVE.passed(seen.raw)
    if not fitting and "limit: 0" not in low and not low.startswith("model: "):
        return None
    if not (
        "model" in low
        or "模型" in low
        or "rate limit reached for" in low
        or "endpoints" in low
        or "deployment" in low
        or "channel" in low
        or "limit: 0" in low
        or "rate-limited upstream" in low
        or "too large for" in low
        or "max_tokens for" in low
        or "error from provider(" in low
        or "enqueued token" in low
        or "prediction with" in low
    ):
        return None
    if low.startswith("model: ") and (headed := _HEADED.match(seen.lines)) and "/" not in headed.group(1):
        # Continue's report form: a display name on a line of its own. What the error itself says goes before it.
        title = headed.group(1)
    else:
        title = ""
    keyed = bool(fitting) and fitting[-1] == len(_MODEL_SAID)
    for number in fitting[:-1] if keyed else fitting:
        named = _MODEL_SAID[number]
        if not any(hint in low for hint in named.hints):
            continue
        for found in named.pattern.finditer(low):
            value = _model(seen.flat[found.start(1) : found.end(1)])
            if value:
                return value
    if title:
        return title
    for told in _MODEL_KEY.finditer(low) if keyed else ():
        value = _model(seen.flat[told.start(1) : told.end(1)])
        if value and not _prose(seen.flat, told.end(1)):
            return value
    if "limit: 0" in low:
        gemini = _GEMINI.search(seen.flat)
        return gemini.group(0) if gemini else None
    return None


_GEMINI: Final = re.compile(r"\bgemini-\d[\w.-]*\w")


_NEXT_WORD: Final = re.compile(r"[\"'`*)\],}]* ?([A-Za-z0-9.]*)")


def _prose(flat: str, end: int) -> bool:
    """`Model: Gemini 2.5 Pro` is a display name; only its first word would be taken."""
    found = _NEXT_WORD.match(flat, end)
    return bool(found and re.fullmatch(r"\d\.\d", found.group(1)))
