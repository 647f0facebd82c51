"""The facts of a diagnosis in words: what was found, how often it came, the pages that help, what was kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.locales import Words
from bot.locales.notes import DATED_ID, removed
from bot.model.chat import Found
from bot.model.diagnosis import Cause, Diagnosis, Finding, Proven
from bot.model.money import Kind
from bot.model.team import Team
from bot.providers import get
from bot.providers.base import root_of
from bot.services.detective import has_money
from handlers.balance_words import provider_title
from handlers.diagnosis_when import moment_of

_BRACKETS: Final = re.compile(r"\s*[(（][^()（）]*[)）]$")
_SUBSCRIPTIONS: Final = {"anthropic": "claude-subscription", "openai": "chatgpt-codex"}
_MONEY_PAGES: Final = ("top_up", "balance", "usage")
_PAGES: Final[Mapping[Cause, tuple[str, ...]]] = {
    Cause.BALANCE_EXHAUSTED: _MONEY_PAGES,
    Cause.BILLING_INACTIVE: _MONEY_PAGES,
    Cause.REQUEST_TOO_COSTLY: _MONEY_PAGES,
    Cause.ACCOUNT_SUSPENDED: ("console",),
    Cause.QUOTA_EXHAUSTED: ("usage", "top_up"),
    Cause.RATE_LIMITED: ("usage",),
    Cause.GROUP_LIMIT: ("usage",),
    Cause.KEY_LIMIT: ("keys", "usage"),
    Cause.FREE_TIER_ZERO_LIMIT: ("keys", "usage"),
    Cause.AUTH_INVALID: ("keys",),
    Cause.PERMISSION_DENIED: ("keys", "usage"),
    Cause.UNKNOWN: ("usage", "status"),
    **dict.fromkeys((Cause.OVERLOADED, Cause.SERVER_ERROR, Cause.NETWORK, Cause.UPSTREAM_ERROR), ("status",)),
}
"""What a console's page is good for. None helps against a text that is too long, refused or not well formed."""


def title_of(name: str | None, words: Words) -> str:
    """The provider's name as people write it; empty where none is known."""
    return provider_title(name, words) if name else ""


def short_title(name: str | None, words: Words) -> str:
    """Without what stands in brackets behind it: the name inside a sentence."""
    return _BRACKETS.sub("", title_of(name, words))


def is_open(p: Proven) -> bool:
    """There is money, and nothing yet speaks for one of the other causes."""
    likely = any(f.verdict == "likely" and f.cause is p.cause for f in p.findings)
    return p.certainty == "narrowed" and not p.wallet and not likely


def finding(finding: Finding, words: Words, now: datetime, team: Team) -> str:
    """One sentence: what was looked at and what it says for or against a cause. Amounts come as (amount, currency) pairs."""
    facts: dict[str, object] = dict(finding.facts)
    for name, value in finding.facts.items():
        if isinstance(value, tuple) and len(value) == 2 and (value[0] is None or isinstance(value[0], Decimal)):
            facts[name] = words.money(value[0], value[1])
        elif isinstance(value, datetime):
            facts[name] = words.when(value, now, zone=False)
    if isinstance(finding.facts.get("kind"), str):
        facts["kind"] = words.say(f"balance.kinds.{finding.facts['kind']}")
    if "reason" in facts:
        key = f"balance.reasons.{facts['reason']}"
        route = team.routes.get(str(finding.facts.get("route")))
        facts.setdefault(
            "provider", title_of(route.provider, words) if route and route.provider else facts.get("account")
        )
        facts["reason"] = words.say(key, **facts) if words.has(key) else facts["reason"]
    text = words.say(f"diagnose.proof.{finding.key}", **facts)
    engines = finding.facts.get("engines")
    if finding.verdict == "proved" and isinstance(engines, tuple) and engines:
        titles = [team.engines[name].title if name in team.engines else str(name) for name in engines]
        text = words.say("diagnose.used_by", text=text, engines=words.say("common.list_sep").join(titles))
    return words.say(f"diagnose.verdicts.{finding.verdict}", text=text)


def repeated(p: Proven, d: Diagnosis, words: Words) -> str:
    """That the same error came before, how often and in which ticket; empty where it is the first."""
    line = ""
    if p.repeats > 1:
        line = words.say("diagnose.repeats", n=p.repeats, minutes=max(1, round(p.repeats_span_s / 60)))
    if line and d.retryable is False:
        line += words.say("diagnose.repeats_useless")
    if p.ticket is not None:
        line += words.say("diagnose.repeats_ticket", ticket=p.ticket)
    return line.strip()


def pages_of(d: Diagnosis, p: Proven, team: Team, words: Words) -> tuple[tuple[str, str], ...]:
    """The page that helps: of the account that was asked, else of the party in the text. A relay's money is at the relay."""
    name = d.gateway or d.provider
    route = team.routes.get(p.route or "")
    if route and route.provider:
        name = route.provider
    if "window_reset" in d.notes:
        name = _SUBSCRIPTIONS.get(name or "", name)  # a window belongs to the subscription, not to the API's account
    provider = get(name or "")
    if provider is None:
        return ()
    kinds: tuple[str, ...] = _PAGES.get(p.cause, ())
    if p.wallet == "relay":
        kinds = ("balance", "status")
    elif has_money(p) or p.certainty == "narrowed" and p.wallet != "ours":
        kinds = ("keys", "usage", "status")
    money = Kind.ACCOUNT_MONEY in provider.tells or not provider.usage_url or provider.balance_url != provider.usage_url
    urls = {
        "top_up": provider.top_up_url,
        "balance": provider.balance_url if money else None,
        "console": provider.balance_url,
        "usage": provider.usage_url or provider.balance_url,
        "keys": provider.keys_url,
        "status": provider.status_url,
    }
    whose = route.name if route and provider.gateway else title_of(provider.id, words)
    labels = {kind: words.say(f"diagnose.pages.{kind}", provider=whose) for kind in kinds}
    root = root_of(route.base_url, provider.base_paths) if route else ""
    out: dict[str, tuple[str, str]] = {}
    for kind in reversed(kinds):
        url = (urls[kind] or "").replace("{root}", root)
        if url.startswith("http"):  # a self-hosted gateway's page is known only with its route
            out[url] = (labels[kind], url)
    return tuple(reversed(out.values()))[:3]


def _moment(written: str | None, words: Words) -> str | None:
    """In the reader's zone where the text names its own; else as it was written."""
    if written is None:
        return None
    at = moment_of(written)
    return words.stamp(at) if at is not None else written


def _number(d: Diagnosis, words: Words) -> str | None:
    """A gateway's number tells when, by its clock, which counts where the text itself does not say it."""
    if d.request_id is None or d.request_id == d.task_id:
        return None
    dated = DATED_ID.match(d.request_id) if d.occurred_at is None else None
    if dated is None:
        return d.request_id
    time = "{}-{}-{} {}:{}:{}".format(*dated.groups())
    return words.say("diagnose.evidence.dated", value=d.request_id, time=time)


def looked(p: Proven) -> bool:
    """Something of the findings was seen just now; else they are what a person said."""
    return any("at" in f.facts for f in p.findings)


def kept(d: Diagnosis, found: Found, words: Words) -> str:
    """What of the error will be kept for the provider's support, and which secrets were taken out, by kind and number."""
    sep = words.say("diagnose.evidence_sep")
    shown = [
        words.say("diagnose.evidence.item", name=words.say(f"diagnose.evidence.{name}"), value=value)
        for name, value in (
            ("time", _moment(d.occurred_at, words)),
            ("status", d.status),
            ("model", d.model),
            ("request_id", _number(d, words)),
            ("task_id", d.task_id),
        )
        if value is not None
    ]
    # Where a call was answered support asks for its number: said while the log is still at hand.
    if (shown or d.engine) and not (d.request_id or d.task_id) and d.cause is not Cause.NETWORK:
        shown.append(words.say("diagnose.evidence.no_request_id"))
    if d.engine:
        shown.append(
            words.say(
                "diagnose.evidence.engine",
                value=d.engine,
                source=words.say(f"diagnose.engine_from.{d.engine_from or 'text'}"),
            )
        )
    if not shown and not found.counts:
        return ""
    text = words.say("diagnose.collected", items=sep.join(shown) or words.say("common.none"))
    if found.counts:
        text += words.say("diagnose.removed", items=removed(found.counts, words))
    return text
