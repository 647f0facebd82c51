"""`/balance [engine|route]`: the board, worst first, then one line a row; one engine or route in depth."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from bot.errors import UsageError
from bot.locales import Words
from bot.model.chat import Action, Block, Board, Line, Links, Reply, Request, Role, Row
from bot.model.money import AccountState, Kind, Reading, Status
from bot.ports import AuditEntry
from bot.providers import get
from bot.services import Services
from bot.services.verdict import PENDING
from handlers import charges, chart, warp
from handlers.router import Command, Press

_TONE = {"empty": "bad", "limited": "bad", "low": "warn", "ok": "good", "spend": "quiet", "health": "good"}
_CURRENCY = re.compile(r"[A-Za-z]{3,10}\Z")
# What may follow /balance instead of a name; each is worded and thought out in its own file.
_PARTS: Mapping[str, Callable[[Request, Services, Sequence[str]], AsyncIterator[Reply]]] = {
    **dict.fromkeys(("chart", "图", "走势"), chart.run),
    **dict.fromkeys(("around", "前后"), charges.around),
    **dict.fromkeys(("topup", "top-up", "充值"), charges.topup),
    "warp": lambda request, services, _: warp.run(request, services),
}


async def run(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Partial boards first where an account is slow; the same message is edited with the rest."""
    words = Words(request.language, request.timezone)
    names = request.text.text.split()
    if names and names[0].lower() == "set":
        async for reply in _set_by_hand(request, services, names[1:], words):
            yield reply
        return
    if names and (part := _PARTS.get(names[0].lower())):
        async for reply in part(request, services, names[1:]):
            yield reply
        return
    async for reply in _show(request, services, names, words, fresh=False):
        yield reply


async def refresh(request: Request, services: Services) -> AsyncIterator[Reply]:
    words = Words(request.language, request.timezone)
    async for reply in _show(request, services, request.value.split(), words, fresh=True):
        yield replace(reply, replace=True)


async def show(request: Request, services: Services) -> AsyncIterator[Reply]:
    """A name on a button: one engine or route."""
    words = Words(request.language, request.timezone)
    async for reply in _show(request, services, request.value.split(), words, fresh=False):
        yield reply


async def _show(
    request: Request, services: Services, names: Sequence[str], words: Words, *, fresh: bool
) -> AsyncIterator[Reply]:
    if not services.team.routes:
        yield Reply(title=words.say("balance.title_plain"), blocks=(Line(words.say("balance.no_routes")),))
        return
    states: tuple[AccountState, ...] | None = None
    services.balances.select(names)
    now_on = await using(services)
    async for states in services.balances.ask(names, fresh=fresh):
        if any(state.reason == PENDING for state in states):
            yield replace(board(states, services, words, now_on, names), final=False)
    yield board(states or (), services, words, now_on, names)


async def using(services: Services) -> Mapping[str, str]:
    """Engine -> the route that its own file names now; the preferred one where the file does not tell."""
    standings = await services.switching.overview()
    preferred = {name: engine.routes[0] for name, engine in services.team.engines.items() if engine.routes}
    return preferred | {standing.engine: standing.route for standing in standings if standing.route}


def board(
    states: Sequence[AccountState],
    services: Services,
    words: Words,
    now_on: Mapping[str, str],
    names: Sequence[str] = (),
) -> Reply:
    """The reply for these accounts, in the order given (worst first). `now_on`: see `using`."""
    now = services.clock.now()
    blocks: list[Block] = []
    if services.team.demo:
        blocks.append(Line(words.say("common.demo_note")))
    blocks.append(Board(tuple(_row(state, services, words, now, now_on) for state in states)))
    waiting = sum(state.reason == PENDING for state in states)
    if waiting > 0:
        blocks.append(Line(words.say("balance.waiting", n=waiting)))
    asked = [state.asked_at for state in states]
    title = words.say("balance.title", time=words.when(now, now))
    if asked and (now - min(asked)).total_seconds() >= 5:
        title += words.say("balance.age", ago=words.ago(min(asked), now))
    actions = [Action("balance.refresh", words.say("balance.refresh"), _value(names))]
    actions += _switches(states, services, words, now_on)
    links = [
        (words.say("balance.top_up", account=state.account), state.top_up_url)
        for state in states
        if state.top_up_url and (state.blocked or state.low)
    ]
    if len(names) == 1 and not links:
        links = [
            (words.say("balance.console", account=s.account), s.console_url or s.top_up_url or "")
            for s in states
            if s.console_url or s.top_up_url
        ]
    if links:
        blocks.append(Links(tuple(links[:6])))
    return Reply(title=title, blocks=tuple(blocks), actions=tuple(actions[:6]), details=_details(states, words, now))


def _value(names: Sequence[str]) -> str:
    """The names on the refresh button, as many as Telegram's 64 bytes carry."""
    text = " ".join(names)
    return text if len(text.encode()) <= 44 else ""


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


def _row(state: AccountState, services: Services, words: Words, now: datetime, now_on: Mapping[str, str]) -> Row:
    word = state_word(state)
    engines = [services.team.engines[name] for name in state.engines if name in services.team.engines]
    titles = [engine.title for engine in engines if now_on.get(engine.name) in state.routes]
    standby = [engine.title for engine in engines if now_on.get(engine.name) not in state.routes]
    sep = words.say("common.list_sep")
    under: list[str] = []
    if word == "not_checked":
        figure = words.say("balance.unchecked", reason=reason(state, words))
        if state.last_good_at is not None:
            shown = sep.join(filter(None, (_figure(r, words) for r in state.last_good[:2])))
            figure += words.say("balance.last_good", figure=shown, when=words.when(state.last_good_at, now, zone=False))
    elif word == "not_offered":
        figure = reason(state, words)
    if word in ("not_checked", "not_offered"):
        by_hand = [r for r in state.readings if r.hand_kept_at is not None]
        figure = words.say("balance.figure_sep").join(filter(None, (figure, *(_figure(r, words) for r in by_hand))))
    else:
        figures = [
            _figure(r, words, name_kind=len(state.readings) > 1 or r.kind is not Kind.ACCOUNT_MONEY)
            for r in state.readings
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


def _figure(reading: Reading, words: Words, *, name_kind: bool = False) -> str:
    if reading.kind is Kind.HEALTH:
        return words.say("balance.healthy") if not reading.blocks else words.say("balance.unhealthy")
    label = words.say(f"balance.kinds.{reading.kind.value}")
    if reading.label:
        label = words.say("balance.window_label", label=_label(reading.label, words), kind=label)
    if reading.unlimited:
        text = words.say("balance.unlimited")
    elif reading.kind is Kind.SPEND:
        spent = reading.amount if reading.amount is not None else reading.used
        text = words.money(spent, reading.currency)
        if reading.limit is not None:
            text += words.say("balance.of_limit", limit=words.money(reading.limit, reading.currency))
    else:
        text = words.money(reading.amount, reading.currency)
        if reading.limit is not None and reading.limit > 0:
            text += words.say("balance.of_limit", limit=words.money(reading.limit, reading.currency))
        parts = [(name, amount) for name, amount in reading.parts.items() if amount]
        if len(parts) > 1:
            shown = words.say("balance.plus").join(
                f"{words.say(f'balance.parts.{name}')} {words.amount(amount)}" for name, amount in parts
            )
            text += words.say("balance.parts.shown", parts=shown)
    if reading.hand_kept_at is not None:
        text += words.say("balance.by_hand", when=words.stamp(reading.hand_kept_at))
    if reading.resets_at is not None:
        text += words.say("balance.resets", when=words.stamp(reading.resets_at), utc=words.utc(reading.resets_at))
    return f"{label} {text}" if name_kind else text


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


def _switches(
    states: Sequence[AccountState], services: Services, words: Words, now_on: Mapping[str, str]
) -> list[Action]:
    """For each engine whose own account is used up: the one button that helps."""
    out: list[Action] = []
    for state in states:
        for name in state.engines if state.blocked else ():
            engine = services.team.engines.get(name)
            if engine is None or not engine.env_file or now_on.get(name) not in state.routes or len(name) > 40:
                continue
            if any(route not in state.routes for route in engine.routes):
                out.append(Action("switch.plan", words.say("balance.switch", engine=name), name, style="primary"))
    return out[:4]


def _details(states: Sequence[AccountState], words: Words, now: datetime) -> tuple[Block, ...]:
    lines: list[Block] = []
    for state in states:
        facts = [
            words.say("balance.detail.provider", provider=provider_title(state.provider, words)),
            words.say("balance.detail.asked", when=words.when(state.asked_at, now)),
        ]
        if state.runway.why and state.status is Status.OK:
            facts.append(words.say(f"balance.runway.{state.runway.why}"))
        lines.append(Line(f"{state.account}{words.say('common.colon')}{words.say('common.list_sep').join(facts)}"))
    return tuple(lines)


async def _set_by_hand(request: Request, services: Services, args: Sequence[str], words: Words) -> AsyncIterator[Reply]:
    """`/balance set azure 1200 USD`: a figure for a provider without an API, aged and labelled ever after."""
    if request.role < Role.OPERATOR:
        yield Reply(
            blocks=(
                Line(
                    words.say(
                        "errors.operators_only",
                        operators=words.say("common.list_sep").join(services.team.access.operators),
                    )
                ),
            )
        )
        return
    if len(args) != 3 or not _CURRENCY.match(args[2]):
        raise UsageError(why=words.say("balance.set_usage"))
    accounts = services.balances.select([args[0]])
    try:
        amount = Decimal(args[1].replace(",", ""))
    except InvalidOperation:
        raise UsageError(why=words.say("balance.set_usage")) from None
    if not amount.is_finite() or abs(amount) > Decimal("1e12"):
        raise UsageError(why=words.say("balance.set_usage"))
    now = services.clock.now()
    alias = accounts[0].name
    await services.store.set_fact(
        f"hand:{alias}",
        {"amount": str(amount), "currency": args[2].upper(), "at": now.astimezone(UTC).isoformat()},
        now,
    )
    await services.store.audit(
        AuditEntry(
            now,
            request.asker.address,
            "balance.set",
            alias,
            "done",
            services.gate.trusted(f"{amount} {args[2].upper()}"),
        )
    )
    yield Reply(
        blocks=(
            Line(
                words.say(
                    "balance.set_done",
                    account=alias,
                    figure=words.money(amount, args[2].upper()),
                    when=words.when(now, now),
                )
            ),
        )
    )


COMMAND = Command(
    "balance",
    run,
    presses={"balance.refresh": Press(refresh), "balance.show": Press(show)},
    aliases=("bal", "余额"),
    top_level=True,
    order=1,
)
