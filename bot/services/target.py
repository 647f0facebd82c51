"""Is a route alive? Free questions only: its settings, its account, its model list. Nothing here costs or changes anything."""

from __future__ import annotations

import ipaddress
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Protocol
from urllib.parse import urlsplit

from bot import providers
from bot.errors import ConfigError, ProviderError
from bot.model.engine import Route, is_placeholder
from bot.model.money import AccountState, Status
from bot.model.team import Secret
from bot.ports import Call, Clock, Http, Keys
from bot.providers.base import MODELS, Known, clean_base, draft, model_names
from bot.services.switch_plan import NO_KEY, Check

_TIMEOUT_S = 10.0
_LONGEST = 8_000_000  # a list of many hundred models with their descriptions is more than a megabyte
CALL_INPUT, CALL_OUTPUT = 20, 8  # tokens that the one real call takes at most
_TAILS = ("/chat/completions", "/completions", "/responses", "/embeddings")


class Checker(Protocol):
    """The part of Balances that a rehearsal needs."""

    async def check(self, route_name: str, *, fresh: bool = False, models: bool = True) -> AccountState:
        """As `Balances.check`."""


def settings(route: Route, keys: Keys) -> Check:
    """The route as the team file has it: address, key, model. Asks nobody."""
    parts = urlsplit(route.base_url.strip())
    facts: dict[str, object] = {"route": route.name}
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return Check("settings", False, "bad_address", facts)
    if parts.username or parts.password:
        return Check("settings", False, "credentials_in_address", facts)
    if route.base_url.rstrip("/").endswith(_TAILS):
        return Check("settings", False, "endpoint_in_address", facts)
    if _forbidden(parts.hostname):
        return Check("settings", False, "forbidden_address", facts)
    if not route.model.strip():
        return Check("settings", False, "model_missing", facts)
    if not _one_line(route.model) or not _one_line(route.base_url):
        return Check("settings", False, "bad_characters", facts)
    if route.key is not None:
        facts["variable"] = route.key.name
        if route.key.moved:
            return Check("settings", False, "key_moved", facts)
        try:
            key = keys.read(route.key)
        except ConfigError:
            return Check("settings", False, "key_unreadable", facts)
        if key is None:
            return Check("settings", False, "key_missing", facts)
        if word := key_fault(key):
            return Check("settings", False, word, facts)
    provider = providers.recognise(route.base_url, route.provider)
    if route.key is None and not (provider and (provider.local or provider.gateway)) and not _local(parts.hostname):
        return Check("settings", None, "no_key", facts)
    return Check("settings", True, "fine", facts)


def key_fault(key: Secret) -> str:
    """A machine word, or "" for a key that could be one."""
    plain = key.reveal()
    if is_placeholder(plain):
        return "key_placeholder"
    if not plain.isascii() or not plain.isprintable() or any(sign in plain for sign in " '\"\\`"):
        return "key_characters"
    return ""


def _one_line(value: str) -> bool:
    return not any(unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Zl", "Zp"} or sign in "'\"\\" for sign in value)


def _forbidden(host: str) -> bool:
    """Link-local and cloud metadata: nothing that speaks to a model lives there, and much that must not be asked."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.rstrip(".").lower() in {"metadata.google.internal", "metadata"}
    return address.is_link_local or address.is_multicast or address.is_unspecified


def _local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost" or host.endswith((".local", ".internal", ".lan")) or "." not in host


async def balance(route: Route, checker: Checker) -> tuple[Check, AccountState]:
    """The route's account asked now: passed, failed or not known, and the whole state."""
    state = await checker.check(route.name, fresh=True, models=False)
    facts: dict[str, object] = {"account": state.account, "route": route.name}
    if state.status is Status.OK and state.blocked:
        return Check("balance", False, "blocked", facts), state
    if state.status is Status.OK:
        return Check("balance", True, "low" if state.low else "usable", facts), state
    if state.status is Status.NOT_OFFERED:
        return Check("balance", None, "not_offered", facts), state
    facts["reason"] = state.reason
    return Check("balance", None, "not_checked", facts), state


async def models(base_url: str, model: str, key: Secret | None, provider_id: str, http: Http, clock: Clock) -> Check:
    """`GET …/models` with this very key and address, 10 s, no redirect to another host. It proves the key where the list is
    not public; it never proves that there is money."""
    provider = providers.recognise(base_url, provider_id) or providers.shelf()["openai-compatible"]
    if key is not None and key.reveal() == NO_KEY:
        key = None
    known = Known(base_url=base_url, now=clock.now(), has_key=key is not None)
    request = draft(provider, provider.models or MODELS, known, key)
    if isinstance(request, str):
        return Check("models", None, "no_list")
    try:
        answer = await http.ask(
            Call(
                request.method,
                request.url,
                request.headers,
                content=request.content,
                timeout_s=_TIMEOUT_S,
                max_bytes=_LONGEST,
            )
        )
        if answer.status in (401, 403):
            return Check("models", False, "key_refused", {"status": answer.status})
        if answer.status == 402:
            return Check("models", False, "no_money", {"status": answer.status})
        if answer.status in (404, 405):
            return Check("models", None, "no_list", {"status": answer.status})
        if answer.status == 429:
            return Check("models", None, "rate_limited", {"status": answer.status})
        if not 200 <= answer.status < 300:
            return Check("models", False if answer.status >= 500 else None, "http_error", {"status": answer.status})
        listed = answer.json()
    except ProviderError as fault:
        return Check("models", False, "html" if fault.reason == "html" else "dead", {"reason": fault.reason})
    if _error_inside(listed):
        return Check("models", False, "error_in_200")
    names = model_names(listed)
    if not names:
        return Check("models", None, "no_list")
    plain = {name.lower().removeprefix("models/") for name in names}
    if model.lower() not in plain and f"{model.lower()}:latest" not in plain:
        return Check("models", None, "not_listed", {"model": model, "n": len(names)})
    proves = key is not None and not provider.public_models
    return Check("models", True, "listed" if proves else "listed_only", {"model": model})


def _error_inside(answer: Any) -> bool:
    return isinstance(answer, Mapping) and (bool(answer.get("error")) or answer.get("success") is False)


def same_address(one: str, other: str) -> bool:
    """Whether two base addresses are one, without regard to case and a final slash."""
    return clean_base(one).lower() == clean_base(other).lower()


_QUOTA_PHRASES = (
    "no remaining quota",
    "配额已用尽",
    "配额均已用尽",
    "额度不足",
    "warp api error",
    "服务暂时不可用",
    "insufficient balance",
)
_UNPAID = (
    "额度已用尽",
    "余额不足",
    "insufficient_quota",
    "insufficient_user_quota",
)  # in an error only: an answer may speak of them
_WARP_PORTS = (28888, 28889)


def may_be_called(route: Route) -> bool:
    """A paid call is never sent to a Warp gateway: with an empty quota it would register a new identity there."""
    provider = providers.recognise(route.base_url, route.provider)
    if (provider is not None and "warp" in provider.id) or "warp" in route.provider.lower():
        return False
    try:
        return urlsplit(route.base_url).port not in _WARP_PORTS
    except ValueError:
        return False


async def completion(route: Route, keys: Keys, http: Http) -> Check:
    """One smallest completion. It costs a few tokens, so only after a person has said yes; the one proof that there is money.

    HTTP 200 is not enough: the body must be an answer, and its text must not be a quota phrase.
    """
    if not may_be_called(route):
        return Check("call", None, "never_called")
    key = keys.read(route.key)
    host = urlsplit(route.base_url).hostname or ""
    body = {"model": route.model, "messages": [{"role": "user", "content": "ping"}], "max_tokens": CALL_OUTPUT}
    call = Call(
        "POST",
        clean_base(route.base_url) + "/chat/completions",
        {"Authorization": f"Bearer {key.reveal() if key else NO_KEY}"},
        json=body,
        timeout_s=120.0 if _local(host) else 30.0,
    )
    try:
        answer = await http.ask(call)
        if answer.status == 400 and b"max_completion_tokens" in answer.body:
            body["max_completion_tokens"] = body.pop("max_tokens")
            answer = await http.ask(replace(call, json=body))
        if answer.status != 200:
            word = {401: "key_refused", 402: "no_money", 404: "model_unknown", 429: "rate_limited"}.get(answer.status)
            said = answer.body.decode("utf-8", "replace").lower()
            if answer.status in (403, 429) and any(phrase in said for phrase in (*_QUOTA_PHRASES, *_UNPAID)):
                word = "no_money"  # a gateway's way to say it
            if answer.status == 404 and "model" not in said:  # a wrong address, just as well
                word = None
            return Check("call", False, word or "http_error", {"status": answer.status, "model": route.model})
        parsed = answer.json()
    except ProviderError as fault:
        return Check("call", False, "html" if fault.reason == "html" else "dead", {"reason": fault.reason})
    return Check("call", *_answered(parsed))


def _answered(parsed: Any) -> tuple[bool, str]:
    choices = parsed.get("choices") if isinstance(parsed, Mapping) else None
    if _error_inside(parsed) or not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        return False, "error_in_200"
    message = choices[0].get("message")
    text = message.get("content") if isinstance(message, Mapping) else None
    if isinstance(text, str) and any(phrase in text.lower() for phrase in _QUOTA_PHRASES):
        return False, "quota_in_200"
    usage = parsed.get("usage")
    spent = usage.get("completion_tokens") if isinstance(usage, Mapping) else None
    # A reasoning model may think its few tokens away and say nothing.
    if text or choices[0].get("finish_reason") == "length" or (isinstance(spent, (int, Decimal)) and spent > 0):
        return True, "answered"
    return False, "empty_200"
