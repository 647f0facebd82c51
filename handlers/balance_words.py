"""The words of `/balance`: one row for an account, one line where it can be, and what stands behind Details."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from bot.locales import Words, alert_words
from bot.locales.width import ROOM, cells, packed
from bot.model.chat import Block, Line, Row
from bot.model.money import AccountState, Balance, Kind, Reading, Status
from bot.providers import get
from bot.services import Services, verdict

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
    """One account on the board. `now_on`: the route that each engine uses now. What cannot be known is said, never shown as 0."""
    word = state_word(state)
    engines = [services.team.engines[name] for name in state.engines if name in services.team.engines]
    titles = [engine.title for engine in engines if now_on.get(engine.name) in state.routes]
    standby = [engine.title for engine in engines if now_on.get(engine.name) not in state.routes]
    sep, dot = words.say("common.list_sep"), words.say("balance.figure_sep")
    lead = 2 + cells(words.say(f"balance.states.{word}")) + 2 + cells(state.account)
    figure, beneath = _figures(state, word, services, words, now, ROOM - lead)
    note = _runway(state, words, now)
    wallets = [r for r in state.readings if r.kind is Kind.ACCOUNT_MONEY and r.amount and r.amount > 0]
    blocking = [r for r in state.readings if r.blocks]
    if word == "limited" and blocking and wallets:
        note = words.say("balance.blocks", kind=words.say(f"balance.kinds.{blocking[0].kind.value}"))
    if note and (beneath or lead + cells(figure) + 2 + cells(note) > ROOM):
        beneath.insert(0, note)  # beside the figure that it is about, not after a second wallet
        note = ""
    belongs: list[str] = []
    if word in ("empty", "limited") and titles:
        belongs.append(words.say("balance.down", engines=sep.join(titles)))
    elif len(titles) > 1:
        belongs.append(words.say("balance.shared", n=len(titles), engines=sep.join(titles)))
    elif titles:
        belongs.append(titles[0])
    if standby:
        belongs.append(words.say("balance.standby", engines=sep.join(standby)))
    if len(state.routes) > 1:
        belongs.append(words.say("balance.routes", routes=sep.join(state.routes)))
    under = [*packed(beneath, dot), *packed(belongs, dot)]
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


def _figures(
    state: AccountState, word: str, services: Services, words: Words, now: datetime, room: int
) -> tuple[str, list[str]]:
    """What stands on the row's own line, and what goes beneath it because a phone would wrap it."""
    dot = words.say("balance.figure_sep")
    by_hand = [_figure(r, words, now) for r in state.readings if r.hand_kept_at is not None]
    if word == "not_checked":
        said = reason(state, words)
        figure, *advice = _parted(said, room)
        if state.last_good_at is None:
            return figure, [*advice, *by_hand]
        sep = words.say("common.list_sep")
        shown = sep.join(filter(None, (_figure(r, words, now) for r in _funded_first(state.last_good)[:2])))
        when = words.when(state.last_good_at, now, zone=False)
        whole = said + words.say("balance.last_good", figure=shown, when=when)
        if not by_hand and cells(whole) <= room:
            return whole, []
        return figure, [*advice, words.say("balance.last_good_beneath", figure=shown, when=when), *by_hand]
    if word == "not_offered":
        if by_hand:  # the figure is what was asked for; why it is kept by hand stands below
            return dot.join(by_hand), [reason(state, words)]
        figure, *advice = _parted(reason(state, words), room)
        return figure, advice
    several, ordered = len(state.readings) > 1, _worst_first(state, services)
    figures = [_figure(r, words, now, name_kind=several or r.kind is not Kind.ACCOUNT_MONEY) for r in ordered]
    figures = [figure for figure in figures if figure] or [words.say("common.unknown")]
    whole = dot.join(figures)
    if cells(whole) <= room:
        return whole, []
    first = ordered[0]
    if cells(figures[0]) > room and first.resets_at is not None:
        plain = _figure(replace(first, resets_at=None), words, now, name_kind=True)
        when = words.say("balance.resets_beneath", when=words.when(first.resets_at, now, zone=False))
        return plain, [when, *figures[1:]]
    return figures[0], figures[1:]


def _parted(said: str, room: int) -> list[str]:
    """What happened, and what to do: two lines where one would be too long."""
    for colon in ("：", ": "):
        what, found, advice = said.partition(colon)
        if found and cells(said) > room:
            return [what, advice]
    return [said]


def _worst_first(state: AccountState, services: Services) -> list[Reading]:
    """What blocks, then what is low, then the window with the smallest share left; the rest keeps its place."""
    warn_below = verdict.thresholds(services.team.routes[name] for name in state.routes if name in services.team.routes)
    ordered = _funded_first(state.readings)
    funded = any(r.kind is Kind.ACCOUNT_MONEY and r.amount and r.amount > 0 for r in ordered)

    def badness(reading: Reading) -> tuple[bool, int, Decimal]:
        share = Decimal(1)
        if reading.amount is not None and reading.limit:
            share = reading.amount / reading.limit
        elif reading.amount is not None and reading.currency == "percent":
            share = reading.amount / 100
        empty_beside = funded and reading.kind is Kind.ACCOUNT_MONEY and not reading.amount
        level = 0 if empty_beside else verdict.level(Balance((reading,)), warn_below)
        return (not reading.blocks, -level, share)

    return sorted(ordered, key=badness)


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
    """The provider's or gateway's name in the reader's language; the id where it has none."""
    provider = get(id)
    if provider is None:
        return words.say(f"speakers.{id}") if words.has(f"speakers.{id}") else id
    return (provider.zh_title or provider.title) if words.language == "zh" else provider.title


def _runway(state: AccountState, words: Words, now: datetime) -> str:
    run_ = state.runway
    if run_.low_days is None or run_.high_days is None or state.blocked:
        return ""
    text = alert_words.runway(run_, words)
    weekend = words.local(now).weekday()
    if run_.low_days < 7 - weekend and weekend >= 3:
        text += words.say("balance.runway.weekend")
    return text


def details(states: Sequence[AccountState], words: Words, now: datetime) -> tuple[Block, ...]:
    """Under the board, account by account: who was asked and when, what resets at what moment (also in UTC), what each figure
    is."""
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
        runs_out = any(r.kind not in (Kind.HEALTH, Kind.SPEND) for r in state.readings)
        if state.runway.why and state.status is Status.OK and runs_out:
            facts.append(words.say(f"balance.runway.{state.runway.why}"))
        lines.append(Line(f"{state.account}{words.say('common.colon')}{' · '.join(facts)}"))
    return tuple(lines)
