"""One account asked: its requests in turn, and what came of them. Never raises: a fault is a machine word."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from bot import providers
from bot.errors import ConfigError, ProviderError
from bot.model.engine import Route
from bot.model.money import Balance, Status
from bot.model.team import Secret
from bot.model.values import dataclass
from bot.ports import Answer, Call, Clock, Http, Json, Keys
from bot.providers.base import Ask, Known, Provider, draft, model_names

log = logging.getLogger(__name__)

_DEADLINE_S = 10.0
_UNREACHED = {
    "timeout", "dns", "tls", "tls_expired", "tls_untrusted", "tls_name", "refused",
    "closed", "not_https", "forbidden_address", "bad_address", "bad_header", "proxy",
}  # fmt: skip
_STRANGE = (KeyError, TypeError, ValueError, ArithmeticError, AttributeError, IndexError)
_NOT_ASKED = frozenset({"no_account_key", "skipped"})
_PLAIN = {400: "http_400", 401: "http_401", 402: "http_402", 403: "http_403", 404: "http_404", 429: "rate_limited"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one asking of one account gave. `provider` is who it turned out to be, None if nobody was recognised."""

    provider: Provider | None
    status: Status
    balance: Balance = field(default_factory=lambda: Balance(()))
    reason: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Failure:
    reason: str
    facts: Mapping[str, object] = field(default_factory=dict)
    balance: Balance | None = None
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Credentials:
    key: Secret | None = None
    account_key: Secret | None = None
    user: str = ""
    names: Mapping[str, str] = field(default_factory=dict)  # credential -> the variable or file it is in


class Asker:
    """Asks providers, one request after another for one account. Ten seconds for all of it, whatever it takes."""

    def __init__(self, http: Http, keys: Keys, clock: Clock) -> None:
        self._http, self._keys, self._clock = http, keys, clock
        self._made: dict[str, str] = {}  # host and port -> provider id that the probes told

    async def ask(self, route: Route, *, models: bool = False) -> Outcome:
        """`models`: also ask for the model list, where that is free."""
        end = self._clock.monotonic() + _DEADLINE_S
        provider = providers.recognise(route.base_url, route.provider)
        credentials = self._credentials(route)
        if isinstance(credentials, _Failure):
            return Outcome(provider, Status.COULD_NOT_CHECK, reason=credentials.reason, facts=credentials.facts)
        if provider is None or provider.probe:
            told = await self._probe(route, end, provider)
            if isinstance(told, _Failure):
                return Outcome(provider, Status.COULD_NOT_CHECK, reason=told.reason, facts=told.facts)
            provider = told
        if credentials.key is None and not provider.local and not provider.gateway and route.account_key is None:
            return Outcome(provider, Status.COULD_NOT_CHECK, reason="no_key", facts={"setting": "key_env"})
        known = Known(
            base_url=route.base_url,
            now=self._clock.now(),
            user=credentials.user,
            has_key=credentials.key is not None,
            has_account_key=credentials.account_key is not None,
        )
        return await self._run(provider, known, credentials, end, models)

    def _credentials(self, route: Route) -> _Credentials | _Failure:
        found: list[Secret | None] = []
        for ref in (route.key, route.account_key, route.account_user):
            try:
                secret = self._keys.read(ref)
            except ConfigError:
                return _Failure("key_unreadable", {"variable": ref.name if ref else ""})
            # Only the model's own key must be there: without the others the answer says what it could tell with them.
            if ref is not None and not secret and ref is route.key:
                return _Failure("key_missing", {"variable": ref.name})
            found.append(secret or None)
        user = found[2].reveal().strip() if found[2] else ""
        names = {
            "key": route.key.name if route.key else "",
            "account_key": route.account_key.name if route.account_key else "",
        }
        return _Credentials(found[0], found[1], user if len(user) <= 64 and user.isprintable() else "", names)

    async def _probe(self, route: Route, end: float, otherwise: Provider | None) -> Provider | _Failure:
        """Free questions without a key, in the order that tells the families apart. `otherwise` if none is told."""
        place = urlsplit(route.base_url).netloc.lower()
        if place in self._made and (made := providers.get(self._made[place])):
            return made
        generic = providers.shelf()["openai-compatible"]
        known = Known(base_url=route.base_url, now=self._clock.now())
        for probe in providers.PROBES:
            answer = await self._send(generic, probe.ask, known, _Credentials(), end)
            if isinstance(answer, _Failure):
                if answer.reason in _UNREACHED:
                    return answer
                continue
            made = providers.get(probe.tells(answer[0]) or "-")
            if made:
                self._made[place] = made.id
                return made
        return otherwise or generic

    async def _run(
        self, provider: Provider, known: Known, credentials: _Credentials, end: float, models: bool
    ) -> Outcome:
        answers: dict[str, Json] = {}
        failures: dict[str, _Failure] = {}
        for ask in provider.asks:
            if ask.instead_of:
                former = failures.get(ask.instead_of)
                if former is None or (ask.instead_when and former.reason not in ask.instead_when):
                    continue
            now_known = replace(known, answers=answers, failed={name: f.reason for name, f in failures.items()})
            got = await self._send(provider, ask, now_known, credentials, end)
            if isinstance(got, tuple):
                answers[ask.name] = got[0]
                continue
            if got.balance is not None:
                return Outcome(provider, Status.OK, got.balance)
            failures[ask.name] = got
            if got.reason in _UNREACHED:
                break  # the same host will not answer the next question either
        listed: tuple[str, ...] = ()
        proof = "key_unchecked"
        lost = _lost(provider, answers, failures)
        silent = not answers and (lost is None or lost.reason in _NOT_ASKED)
        if provider.models is not None and (models or silent):
            listed, proof = await self._models(provider, known, credentials, end)
        outcome = self._outcome(provider, known, answers, failures, lost, proof)
        return replace(outcome, models=outcome.models or listed)

    def _outcome(
        self,
        provider: Provider,
        known: Known,
        answers: Mapping[str, Json],
        failures: Mapping[str, _Failure],
        lost: _Failure | None,
        proof: str,
    ) -> Outcome:
        if lost is not None and lost.reason not in _NOT_ASKED:
            return Outcome(
                provider,
                Status.COULD_NOT_CHECK,
                reason=lost.reason,
                facts=lost.facts,
                retry_after_s=lost.retry_after_s,
            )
        if not answers:
            needs = provider.needs if provider.tells or provider.needs else ""
            return Outcome(
                provider,
                Status.NOT_OFFERED,
                Balance((), note=proof),
                reason=f"needs_{needs}" if needs else "no_api",
                facts={"setting": "account_key_env"} if needs and provider.asks else {},
            )
        try:
            balance = provider.read(
                answers, replace(known, answers=answers, failed={name: f.reason for name, f in failures.items()})
            )
        except ProviderError as fault:
            return Outcome(provider, Status.COULD_NOT_CHECK, reason=fault.reason, facts=fault.facts)
        except _STRANGE as fault:
            # A provider file met a shape it does not know: that is not knowing, never a crash of the board.
            log.warning("%s: an answer could not be read (%s)", provider.id, type(fault).__name__)
            return Outcome(provider, Status.COULD_NOT_CHECK, reason="wrong_shape")
        return Outcome(provider, Status.OK, balance, models=balance.models)

    async def _models(
        self, provider: Provider, known: Known, credentials: _Credentials, end: float
    ) -> tuple[tuple[str, ...], str]:
        """The model list, and what it proves of the key: key_works, key_refused, key_unchecked."""
        assert provider.models is not None
        got = await self._send(provider, provider.models, known, credentials, end)
        if isinstance(got, _Failure):
            return (), "key_refused" if got.reason == "http_401" else "key_unchecked"
        names = model_names(got[0])
        return names, "key_unchecked" if provider.public_models or credentials.key is None else "key_works"

    async def _send(
        self, provider: Provider, ask: Ask, known: Known, credentials: _Credentials, end: float
    ) -> tuple[Json] | _Failure:
        request = draft(provider, ask, known, credentials.key, credentials.account_key)
        if isinstance(request, str):
            return _Failure(request)
        left = end - self._clock.monotonic()
        if left <= 0:
            return _Failure("timeout")
        try:
            answer = await self._http.ask(
                Call(request.method, request.url, request.headers, content=request.content, timeout_s=left)
            )
            got = _parsed(provider, ask, answer, self._clock.now())
        except ProviderError as fault:
            got = _Failure(fault.reason, fault.facts)
        except _STRANGE as fault:
            log.warning("%s: an answer could not be looked at (%s)", provider.id, type(fault).__name__)
            got = _Failure("wrong_shape")
        if isinstance(got, _Failure) and got.reason == "http_401" and ask.credential == "key" and not credentials.key:
            return _Failure("no_key", {"setting": "key_env"})
        if isinstance(got, _Failure) and credentials.names.get(ask.credential):
            return replace(got, facts={**got.facts, "variable": credentials.names[ask.credential]})
        return got


def _parsed(provider: Provider, ask: Ask, answer: Answer, now: datetime) -> tuple[Json] | _Failure:
    if 200 <= answer.status < 300:
        parsed = answer.json()
        told = provider.explain(ask.name, answer.status, parsed)
        if told is None:
            return (parsed,)
        return _Failure("told", balance=told) if isinstance(told, Balance) else _Failure(told)
    try:
        body = answer.json()
    except ProviderError as fault:
        body = None
        # A challenge page says nothing about the key.
        if fault.reason == "html" and answer.status in {401, 403}:
            return _Failure("html", {"status": answer.status})
    told = provider.explain(ask.name, answer.status, body)
    if isinstance(told, Balance):
        return _Failure("told", balance=told)
    word = told or _PLAIN.get(answer.status) or f"http_{answer.status // 100}xx"
    wait = _retry_after(answer, now)
    facts: dict[str, object] = {"status": answer.status}
    if wait is not None:
        facts["retry_after_s"] = wait
    return _Failure(word, facts, retry_after_s=wait)


def _lost(provider: Provider, answers: Mapping[str, Json], failures: Mapping[str, _Failure]) -> _Failure | None:
    """The failure that leaves the account unknown: a needed ask that failed, and everything sent in its place too."""
    for ask in provider.asks:
        if ask.instead_of or ask.name in answers or ask.name not in failures:
            continue
        chain, last = ask.name, failures[ask.name]
        replaced = False
        for other in provider.asks:
            if other.instead_of == chain:
                chain = other.name
                replaced = replaced or other.name in answers
                later = failures.get(other.name, last)
                last = last if later.reason in _NOT_ASKED else later
        if replaced:
            continue
        if not ask.optional:
            return last
    real = [failure for failure in failures.values() if failure.reason not in _NOT_ASKED]
    return real[0] if real and not answers else None


def _retry_after(answer: Answer, now: datetime) -> float | None:
    """Seconds, told as such or as an HTTP date. None where nothing usable is told."""
    value = answer.headers.get("retry-after", "").strip()
    if value.isdecimal() and value.isascii():
        return float(value) if len(value) < 7 else None
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None
    seconds = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()
    return max(seconds, 0.0) if seconds < 1_000_000 else None
