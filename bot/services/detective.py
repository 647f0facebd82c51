"""What live facts and a person's answers make of a diagnosis: proved, likely, ruled out, open. Pure.

A 402 has many fathers: the account, a group, the key, the right to the model, one costly task, retries, a task sent twice.
Only a figure of the team's own proves one of them; a person's word makes it likely.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from bot.model.diagnosis import MONEY_CAUSES, Cause, Diagnosis, Finding, Proven, Verdict
from bot.model.money import AccountState, Kind, Reading, Status

BLOCKING_CAUSE: Final = {
    Kind.ACCOUNT_MONEY: Cause.BALANCE_EXHAUSTED,
    Kind.KEY_BUDGET: Cause.KEY_LIMIT,
    Kind.GROUP_QUOTA: Cause.GROUP_LIMIT,
    Kind.WINDOW_QUOTA: Cause.QUOTA_EXHAUSTED,
}
_AUTH_REASONS: Final = ("http_401", "auth", "key_refused", "key_missing")
_NO_WAY: Final = ("timeout", "dns", "tls", "refused", "closed", "proxy")
_PAYMENT: Final = (Cause.KEY_LIMIT, Cause.GROUP_LIMIT, Cause.REQUEST_TOO_COSTLY)
_COSTLY: Final = ("video", "kling", "sora", "veo", "wan2", "hailuo", "runway", "image", "flux", "dall-e", "midjourney",
                  "imagen", "seedance", "seedream", "suno", "视频", "图片")  # fmt: skip
QUESTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "other": ("yes", "no", "unknown"),  # does another provider's model work with the same key?
    "small": ("yes", "no", "unknown"),  # did a small request on the same key work?
    "limit": ("yes", "no", "unknown"),  # is the key's limit set by the asker's own group?
}
_MOST: Final = 2


def is_wallet(diagnosis: Diagnosis) -> bool:
    """A relay passed on that a wallet is empty: its caller's or its own."""
    return diagnosis.party == "gateway" and diagnosis.provider is not None and diagnosis.cause in MONEY_CAUSES


def has_money(proven: Proven) -> bool:
    """Money on the account was seen, and none of it was seen to be missing: topping up is then no answer."""
    seen = {f.verdict for f in proven.findings if f.cause is Cause.BALANCE_EXHAUSTED and f.key in ("has", "unlimited")}
    empty = any(f.verdict == "proved" and f.cause is Cause.BALANCE_EXHAUSTED for f in proven.findings)
    return "ruled_out" in seen and not empty


def judge(
    diagnosis: Diagnosis,
    base: Proven,
    suspects: Sequence[tuple[str, AccountState]],
    answers: Mapping[str, str],
    repeats: int = 1,
) -> Proven:
    """`suspects`: route and account that the text may be about. `repeats`: how often it came, this time included."""
    case = _Case(diagnosis, answers, repeats)
    for route, state in suspects:
        case.look(route, state)
    case.hear()
    return case.verdict(base, known=bool(suspects))


class _Case:
    def __init__(self, diagnosis: Diagnosis, answers: Mapping[str, str], repeats: int) -> None:
        self._d, self._answers, self._repeats = diagnosis, answers, repeats
        self._findings: list[Finding] = []
        self._proved: list[Cause] = []
        self._likely: list[Cause] = []
        self._out: set[Cause] = set()
        self._model_seen = False

    def _add(self, verdict: Verdict, key: str, facts: Mapping[str, object], cause: Cause | None = None) -> None:
        self._findings.append(Finding(verdict, key, facts, cause))
        if cause is not None:
            if verdict == "proved":
                self._proved.append(cause)
            elif verdict == "likely":
                self._likely.append(cause)
            elif verdict == "ruled_out":
                self._out.add(cause)

    # --- what the accounts say

    def look(self, route: str, state: AccountState) -> None:
        facts: dict[str, object] = {"account": state.account, "route": route, "at": state.asked_at}
        if state.status is not Status.OK:
            self._unseen(state, facts)
            return
        if self._d.cause is Cause.AUTH_INVALID:
            self._add("ruled_out", "key_accepted", facts, Cause.AUTH_INVALID)
        for reading in state.readings:
            self._figure(reading, state, facts)
        if state.blocked and Cause.BALANCE_EXHAUSTED not in self._proved and not self._proved:
            self._add("proved", "not_usable", facts, Cause.BALANCE_EXHAUSTED)
        self._model(state, facts)

    def _unseen(self, state: AccountState, facts: Mapping[str, object]) -> None:
        why = {**facts, "reason": state.reason, **state.reason_facts}
        if state.reason.startswith(_AUTH_REASONS):
            # A refused key says nothing about money: some gateways refuse an exhausted token with 401 as well.
            if self._d.cause in MONEY_CAUSES:
                self._add("open", "key_refused", why, None)
            else:
                self._add("proved", "key_refused", why, Cause.AUTH_INVALID)
        elif self._d.cause is Cause.NETWORK and state.reason in _NO_WAY:
            self._add("likely", "no_way_either", why, Cause.NETWORK)
        else:
            self._add("open", state.status.value, why)

    def _figure(self, reading: Reading, state: AccountState, facts: Mapping[str, object]) -> None:
        cause = BLOCKING_CAUSE.get(reading.kind)
        if cause is None:
            return
        figure = {
            **facts,
            "figure": (reading.amount, reading.currency),
            "kind": reading.kind.value,
            "resets_at": reading.resets_at,
            "engines": state.engines,
        }
        if reading.blocks or (reading.amount is not None and reading.amount <= 0 and not reading.unlimited):
            self._add("proved", "empty", figure, cause)
        elif reading.unlimited:
            self._add("ruled_out", "unlimited", figure, cause)
        elif reading.amount is not None:
            need = needed(self._d)
            if need is not None and need[1] == reading.currency and reading.amount < need[0]:
                if cause is Cause.BALANCE_EXHAUSTED:
                    self._add("ruled_out", "has", figure, cause)
                self._add("likely", "too_costly", {**figure, "need": need}, Cause.REQUEST_TOO_COSTLY)
            else:
                self._add("ruled_out", "has", figure, cause)

    def _model(self, state: AccountState, facts: Mapping[str, object]) -> None:
        """The right to the model, where the account's own list was asked."""
        wanted = (self._d.model or "").lower()
        if not wanted or not state.models or self._d.cause not in MONEY_CAUSES:
            return
        self._model_seen = True
        listed = any(wanted == name.lower().removeprefix("models/") for name in state.models)
        self._findings.append(
            Finding("ruled_out" if listed else "likely", "model_listed" if listed else "model_absent",
                    {**facts, "model": self._d.model})
        )  # fmt: skip

    # --- what a person says

    def hear(self) -> None:
        if self._d.cause not in MONEY_CAUSES:
            return
        small, limit = self._answers.get("small"), self._answers.get("limit")
        if small == "yes":
            self._add("likely", "small_works", {}, Cause.REQUEST_TOO_COSTLY)
        elif small == "no":
            self._add("ruled_out", "small_fails", {}, Cause.REQUEST_TOO_COSTLY)
        if limit == "yes" and Cause.KEY_LIMIT not in self._out:
            self._add("likely", "limit_ours", {}, Cause.KEY_LIMIT)
        elif limit == "no":
            self._findings.append(Finding("open", "limit_theirs", {}, None))
        if (said := self._answers.get("other")) in ("yes", "no"):
            self._findings.append(Finding("likely", f"other_{said}", {}, None))

    # --- the verdict

    def verdict(self, base: Proven, *, known: bool) -> Proven:
        d, money = self._d, self._d.cause in MONEY_CAUSES
        if is_wallet(d):
            return self._wallet(base)
        if self._proved and (d.cause in self._proved or money or d.cause in (Cause.UNKNOWN, Cause.AUTH_INVALID)):
            cause = d.cause if d.cause in self._proved else self._proved[0]
            return self._done(replace(base, cause=cause, certainty="proved"))
        if not money:
            return self._done(base)
        if self._repeats > 1 and (d.request_id or d.task_id) and d.cause in self._out:
            self._findings.append(Finding("likely", "same_number", {"n": self._repeats}, None))
        likely = [cause for cause in self._likely if cause not in self._out]
        if likely:
            return self._done(replace(base, cause=likely[0], certainty="narrowed"))
        if d.cause not in self._out:
            return self._done(base)
        # There is money, so what the text says first is not it: name what is left, and what would prove each.
        still = [c for c in dict.fromkeys((*d.causes, *_PAYMENT)) if c in MONEY_CAUSES and c not in self._out]
        if is_costly(d) and Cause.REQUEST_TOO_COSTLY in still:
            still = [Cause.REQUEST_TOO_COSTLY, *(c for c in still if c is not Cause.REQUEST_TOO_COSTLY)]
        self._findings += [Finding("open", f"may_be_{cause.value}", {}, cause) for cause in still[:4]]
        if d.cause is Cause.BALANCE_EXHAUSTED:
            self._findings.append(Finding("open", "may_be_other_account", {}, None))
            if not self._model_seen:
                self._findings.append(Finding("open", "may_be_model_right", {}, None))
        if self._repeats <= 1:
            self._findings.append(Finding("open", "may_be_retries", {}, None))
        return self._done(replace(base, cause=still[0] if still else d.cause, certainty="narrowed"))

    def _wallet(self, base: Proven) -> Proven:
        """Ours at the relay, or the relay's own at its provider. Our figures at the relay decide it."""
        if Cause.BALANCE_EXHAUSTED in self._proved:
            return self._done(replace(base, cause=Cause.BALANCE_EXHAUSTED, certainty="proved", wallet="ours"))
        # A key's own limit there would come in the relay's words, not in its provider's: it is shown and decides nothing.
        if has_money(replace(base, findings=tuple(self._findings))):
            return self._done(replace(base, certainty="narrowed", wallet="relay"))
        said = {"yes": "relay", "no": "ours"}.get(self._answers.get("other", ""), "")
        return self._done(replace(base, certainty="narrowed" if said else base.certainty, wallet=said))

    def _done(self, proven: Proven) -> Proven:
        proven = replace(proven, findings=tuple(self._findings))
        return replace(proven, questions=self._questions(proven))

    def _questions(self, p: Proven) -> tuple[str, ...]:
        """Only what would move the verdict, at most two in all, the one about the engine included."""
        room = _MOST - len(self._answers) - p.ask_engine
        want: list[str] = []
        if is_wallet(self._d):
            want += ["other"] if not p.wallet else []
        elif self._d.cause in MONEY_CAUSES or p.cause in MONEY_CAUSES:
            unsure = p.certainty == "narrowed" or (p.certainty == "text" and len(self._d.causes) > 1)
            if unsure and Cause.REQUEST_TOO_COSTLY in (*self._d.causes, p.cause, *_open(p)):
                want.append("small")
            if p.cause is Cause.KEY_LIMIT or (unsure and Cause.KEY_LIMIT not in self._out):
                want.append("limit")
        return tuple(q for q in want if q not in self._answers)[: max(0, room)]


def _open(p: Proven) -> tuple[Cause, ...]:
    return tuple(f.cause for f in p.findings if f.verdict == "open" and f.cause is not None)


def is_costly(diagnosis: Diagnosis) -> bool:
    """Pictures, videos and music cost many times what a sentence does."""
    low = f"{diagnosis.model or ''} {diagnosis.text.text[:2000]}".lower()
    return bool(diagnosis.task_id) or any(word in low for word in _COSTLY)


_SIGNS: Final = {"$": "USD", "usd": "USD", "¥": "CNY", "cny": "CNY", "元": "CNY", "€": "EUR"}
_AMOUNT: Final = re.compile(r"\d[\d,]*(?:\.\d+)?")


def needed(diagnosis: Diagnosis) -> tuple[Decimal, str] | None:
    """What the request would have cost, where the text says it as money. Tokens and quota units are no money."""
    raw = (diagnosis.figures.get("needed") or diagnosis.figures.get("required") or "").lower()
    currency = next((code for sign, code in _SIGNS.items() if sign in raw), None)
    found = _AMOUNT.search(raw)
    if currency is None or found is None:
        return None
    return Decimal(found.group().replace(",", "")), currency
