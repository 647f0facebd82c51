"""The words of `/balance`: one row for an account, one line where it can be, and what stands behind Details."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from bot.locales import Words
from bot.model.chat import Block, Line, Row
from bot.model.money import AccountState, Kind, Reading, Status
from bot.providers import get
from bot.services import Services

_TONE = {"empty": "bad", "limited": "bad", "low": "warn", "ok": "good", "spend": "quiet", "health": "good"}


def state_word(state: AccountState) -> str:
    """The key under `[balance.states]`: a word for what matters, not a colour."""
    if state.status is Status.COULD_NOT_CHECK:
        return "not_checked"
    if state.status is Status.NOT_OFFERED:
        return "not_offered"
    kinds = {reading.kind for reading in state.readings}
    if state.blocked:
        blocking = [r for r in state.readings if r.blocks]
        money = [r for r in state.readings if r.kind is Kind.ACCOUNT_MONEY]
        limited = any(r.kind is not Kind.ACCOUNT_MONEY for r in blocking) and any(
            r.amount and r.amount > 0 for r in money
        )
        return "limited" if limited or not any(r.kind is Kind.ACCOUNT_MONEY for r in blocking) and blocking else "empty"
    if state.low:
        return "low"
    if kinds <= {Kind.HEALTH}:
        return "health"
    if kinds <= {Kind.SPEND, Kind.HEALTH}:
        return "spend"
    return "ok"


def row(state: AccountState, services: Services, words: Words, now: datetime, now_on: Mapping[str, str]) -> Row:
    word = state_word(state)
    engines = [services.team.engines[name] for name in state.engines if name in services.team.engines]
    titles = [engine.title for engine in engines if now_on.get(engine.name) in state.routes]
    standby = [engine.title for engine in engines if now_on.get(engine.name) not in state.routes]
    sep = words.say("common.list_sep")
    under: list[str] = []
    by_hand = [_figure(r, words, now) for r in state.readings if r.hand_kept_at is not None]
    if word == "not_checked":
        figure = words.say("balance.unchecked", reason=reason(state, words))
        if state.last_good_at is not None:
            shown = sep.join(filter(None, (_figure(r, words, now) for r in _funded_first(state.last_good)[:2])))
            figure += words.say("balance.last_good", figure=shown, when=words.when(state.last_good_at, now, zone=False))
        figure = words.say("balance.figure_sep").join((figure, *by_hand))
    elif word == "not_offered":
        figure = reason(state, words)
        if by_hand:  # the figure is what was asked for; why it is kept by hand stands below
            under.append(figure)
            figure = words.say("balance.figure_sep").join(by_hand)
    else:
        figures = [
            _figure(r, words, now, name_kind=len(state.readings) > 1 or r.kind is not Kind.ACCOUNT_MONEY)
            for r in _funded_first(state.readings)
        ]
        figure = words.say("balance.figure_sep").join(filter(None, figures)) or words.say("common.unknown")
    note = _runway(state, words, now)
    if word == "limited":
        blocking = [r for r in state.readings if r.blocks]
        if blocking:
            note = words.say("balance.blocks", kind=words.say(f"balance.kinds.{blocking[0].kind.value}"))
    if word in ("empty", "limited") and titles:
        under.append(words.say("balance.down", engines=sep.join(titles)))
    elif len(titles) > 1:
        under.append(words.say("balance.shared", n=len(titles), engines=sep.join(titles)))
    elif titles:
        under.append(titles[0])
    if standby:
        under.append(words.say("balance.standby", engines=sep.join(standby)))
    if len(state.routes) > 1:
        under.append(words.say("balance.routes", routes=sep.join(state.routes)))
    if state.note:
        under.append(words.say(f"balance.notes.{state.note}", **state.reason_facts))
    return Row(
        state=words.say(f"balance.states.{word}"),
        name=state.account,
        figure=figure,
        note=note,
        under=tuple(under),
        tone=_TONE.get(word, "quiet"),  # type: ignore[arg-type]
    )


def reason(state: AccountState, words: Words) -> str:
    """The sentence for a machine word; the word itself where there is no sentence."""
    key = f"balance.reasons.{state.reason or 'unknown'}"
    wait = state.reason_facts.get("retry_after_s")
    if isinstance(wait, (int, float)) and wait >= 1 and words.has(f"{key}_for"):
        return words.say(f"{key}_for", wait=words.span(wait))
    if words.has(key):
        return words.say(key, provider=provider_title(state.provider, words), **state.reason_facts)
    if state.reason.startswith("http_"):
        return words.say("balance.reasons.http", status=state.reason[5:])
    return state.reason or words.say("common.unknown")


def _funded_first(readings: Sequence[Reading]) -> list[Reading]:
    """Wallets with something in them before empty ones; everything else keeps its place."""
    wallets = sorted((r for r in readings if r.kind is Kind.ACCOUNT_MONEY), key=lambda r: r.amount == 0)
    return [wallets.pop(0) if r.kind is Kind.ACCOUNT_MONEY else r for r in readings]


def _figure(reading: Reading, words: Words, now: datetime, *, name_kind: bool = False) -> str:
    if reading.kind is Kind.HEALTH:
        return words.say("balance.healthy") if not reading.blocks else words.say("balance.unhealthy")
    label = words.say(f"balance.kinds.{reading.kind.value}")
    if reading.kind is Kind.SPEND and reading.label == "month":
        label = words.say("balance.spent_month")
    elif reading.label:
        label = words.say("balance.window_label", label=_label(reading.label, words), kind=label)
    if reading.unlimited:
        text = words.say("balance.unlimited")
    else:
        amount = reading.amount
        if reading.kind is Kind.SPEND and amount is None:
            amount = reading.used
        text = _of(amount, reading.limit, reading.currency, words)
        parts = [(name, part) for name, part in reading.parts.items() if part]
        if len(parts) > 1:
            shown = words.say("balance.plus").join(
                f"{words.say(f'balance.parts.{name}')} {words.amount(part)}" for name, part in parts
            )
            text += words.say("balance.parts.shown", parts=shown)
    if reading.hand_kept_at is not None:
        text += words.say("balance.by_hand", when=words.when(reading.hand_kept_at, now, zone=False))
    if reading.resets_at is not None:
        text += words.say("balance.resets", when=words.when(reading.resets_at, now, zone=False))
    return f"{label} {text}" if name_kind else text


def _of(amount: Decimal | None, limit: Decimal | None, currency: str | None, words: Words) -> str:
    """The unit is named once: `38 of 100 requests`, `USD 0.31 of 20.00`, `66 % left`."""
    if amount is None or limit is None or limit <= 0:
        return words.money(amount, currency)
    if currency == "percent":
        return words.say("balance.left", amount=words.money(amount, currency))
    if currency and len(currency) == 3 and currency.isupper():
        return words.money(amount, currency) + words.say("balance.of_limit", limit=words.amount(limit))
    return words.number(amount) + words.say("balance.of_limit", limit=words.money(limit, currency))


def _label(label: str, words: Words) -> str:
    key = f"balance.labels.{label.replace(',', '').replace(' ', '_')}"
    return words.say(key) if words.has(key) else label


def provider_title(id: str, words: Words) -> str:
    """The provider's name in the reader's language."""
    provider = get(id)
    if provider is None:
        return id
    return (provider.zh_title or provider.title) if words.language == "zh" else provider.title


def _runway(state: AccountState, words: Words, now: datetime) -> str:
    run_ = state.runway
    if run_.low_days is None or run_.high_days is None or state.blocked:
        return ""
    low, high = run_.low_days, run_.high_days
    if high < 1:
        return words.say("balance.runway.hours", low=max(1, int(low * 24)), high=max(1, int(high * 24)))
    text = words.say("balance.runway.days", low=int(low), high=max(int(low) + 1, int(high)), n=int(high))
    weekend = words.local(now).weekday()
    if low < 7 - weekend and weekend >= 3:
        text += words.say("balance.runway.weekend")
    return text


def details(states: Sequence[AccountState], words: Words, now: datetime) -> tuple[Block, ...]:
    lines: list[Block] = []
    for state in states:
        facts = [
            words.say("balance.detail.provider", provider=provider_title(state.provider, words)),
            words.say("balance.detail.asked", when=words.when(state.asked_at, now)),
        ]
        facts += [
            words.say("balance.detail.resets", when=words.stamp(at), utc=words.utc(at))
            for at in dict.fromkeys(r.resets_at for r in state.readings)
            if at is not None
        ]
        if state.runway.why and state.status is Status.OK:
            facts.append(words.say(f"balance.runway.{state.runway.why}"))
        lines.append(Line(f"{state.account}{words.say('common.colon')}{' · '.join(facts)}"))
    return tuple(lines)
