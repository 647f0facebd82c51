"""`/balance [engine|route]`: the board, worst first, then one line a row; one engine or route in depth."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC
from decimal import Decimal, InvalidOperation

from bot.errors import UsageError
from bot.locales import Words, currency_unit
from bot.model.chat import Action, Block, Board, Line, Links, Reply, Request, Role
from bot.model.money import AccountState, Status
from bot.ports import AuditEntry
from bot.services import Services, smaller
from bot.services.verdict import PENDING
from handlers import balance_engine, charges, chart, warp
from handlers.balance_words import details, provider_title, reason, row, state_word
from handlers.router import Command, Press
from handlers.switch_words import button_value

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
    """The same accounts as the board that was pressed on, asked anew but not twice within three seconds; it takes that board's
    place."""
    words = Words(request.language, request.timezone)
    async for reply in _show(request, services, request.value.split(), words, fresh=True):
        yield replace(reply, replace=True)


async def show(request: Request, services: Services) -> AsyncIterator[Reply]:
    """A name on a button: one engine or route."""
    words = Words(request.language, request.timezone)
    async for reply in _show(request, services, request.value.split(), words, fresh=False):
        yield reply


async def draw(request: Request, services: Services) -> AsyncIterator[Reply]:
    """The chart of a name on a button; none is the whole team."""
    async for reply in chart.run(request, services, request.value.split()):
        yield reply


async def _show(
    request: Request, services: Services, names: Sequence[str], words: Words, *, fresh: bool
) -> AsyncIterator[Reply]:
    if not services.team.routes:
        yield Reply(title=words.say("balance.title_plain"), blocks=(Line(words.say("balance.no_routes")),))
        return
    states: tuple[AccountState, ...] | None = None
    services.balances.select(names)
    # The engines' files and the store are read while the accounts are asked.
    now_on = asyncio.ensure_future(using(services))
    about = asyncio.ensure_future(balance_engine.look(names, services))
    try:
        async for states in services.balances.ask(names, fresh=fresh):
            if any(state.reason == PENDING for state in states):
                yield replace(board(states, services, words, await now_on, names, await about), final=False)
        yield board(states or (), services, words, await now_on, names, await about)
    finally:
        now_on.cancel()
        about.cancel()


async def using(services: Services) -> Mapping[str, str]:
    """Engine -> the route that its own file names now; the preferred one where the file does not tell."""
    standings = await services.switching.overview()
    preferred = {name: engine.routes[0] for name, engine in services.team.engines.items() if engine.routes}
    return preferred | {standing.engine: smaller.whole(standing.route) for standing in standings if standing.route}


def board(
    states: Sequence[AccountState],
    services: Services,
    words: Words,
    now_on: Mapping[str, str],
    names: Sequence[str] = (),
    about: balance_engine.View | None = None,
) -> Reply:
    """The reply for these accounts, in the order given (worst first). `now_on`: see `using`; `about`: the one engine or route
    that was asked for."""
    now = services.clock.now()
    blocks: list[Block] = []
    if services.team.demo:
        blocks.append(Line(words.say("common.demo_note")))
    if about is not None:
        blocks += balance_engine.facts(about, states, services, words)
    blocks.append(Board(tuple(row(state, services, words, now, now_on) for state in states)))
    waiting = sum(state.reason == PENDING for state in states)
    if waiting > 0:
        blocks.append(Line(words.say("balance.waiting", n=waiting)))
    asked = [state.asked_at for state in states]
    title = words.say("balance.title", time=words.when(now, now))
    if about is not None:
        name = about.engine.title if about.engine else about.name
        title = words.say("balance.title_of", name=name, time=words.when(now, now))
    if asked and (now - min(asked)).total_seconds() >= 5:
        title += words.say("balance.age", ago=words.ago(min(asked), now))
    actions = [Action("balance.refresh", words.say("balance.refresh"), _value(names))]
    switches = _switches(states, services, words, now_on)
    actions += balance_engine.actions(about, states, switches, words) if about is not None else switches
    links = [
        (words.say("balance.top_up", account=state.account), state.top_up_url)
        for state in states
        if state.top_up_url and (state.blocked or state.low)
    ]
    # Where a provider publishes nothing, its own page is the only place to look.
    links += [
        (words.say("balance.console", account=s.account), s.console_url or s.top_up_url or "")
        for s in states
        if s.note != "local"
        and (s.console_url or s.top_up_url)
        and (s.status is Status.NOT_OFFERED or (len(names) == 1 and not links))
    ]
    if links:
        blocks.append(Links(tuple(links[:6])))
    return Reply(title=title, blocks=tuple(blocks), actions=tuple(actions[:6]), details=details(states, words, now))


def _value(names: Sequence[str]) -> str:
    """The names on the refresh button, as many as Telegram's 64 bytes carry."""
    text = " ".join(names)
    return text if len(text.encode()) <= 44 else ""


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
            others = [route for route in engine.routes if route not in state.routes]
            if others:
                out.append(_switch(name, _best(others, states), words))
    return out[:4]


def _best(routes: Sequence[str], states: Sequence[AccountState]) -> str:
    """The first route that works as far as this board tells, rather one that is not low; "" for none. The plan looks again."""
    of = {route: state for state in states for route in state.routes if state.status is Status.OK and not state.blocked}
    working = [route for route in routes if route in of]
    return next((route for route in working if not of[route].low), working[0] if working else "")


def _switch(engine: str, route: str, words: Words) -> Action:
    """The button names the route that it goes to, where one is known to work and its name fits."""
    value = button_value(engine, route)
    label = words.say("balance.switch", engine=engine)
    if route and value.endswith(f" {route}"):
        label = words.say("balance.switch_to", engine=engine, route=route)
    return Action("switch.plan", label[:70], value, style="primary")


async def _set_by_hand(request: Request, services: Services, args: Sequence[str], words: Words) -> AsyncIterator[Reply]:
    """`/balance set azure 1200 USD`: a figure for a provider without an API, aged and labelled ever after."""
    if request.role < Role.OPERATOR:
        yield Reply(
            blocks=(
                Line(
                    words.say(
                        "errors.operators_only",
                        operators=words.say("common.list_sep").join(
                            services.team.people_names.get(address, address)
                            for address in services.team.access.operators
                        ),
                    )
                ),
            )
        )
        return
    unit = currency_unit(args[2]) if len(args) == 3 else None
    if unit is None:
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
        {"amount": str(amount), "currency": unit, "at": now.astimezone(UTC).isoformat()},
        now,
    )
    await services.store.audit(
        AuditEntry(
            now,
            request.asker.address,
            "balance.set",
            alias,
            "done",
            services.gate.trusted(f"{amount} {unit}"),
            name=request.asker.name,
        )
    )
    yield Reply(
        blocks=(
            Line(
                words.say(
                    "balance.set_done",
                    account=alias,
                    figure=words.money(amount, unit),
                    when=words.when(now, now),
                )
            ),
        )
    )


__all__ = ["COMMAND", "board", "provider_title", "reason", "state_word", "using"]

COMMAND = Command(
    "balance",
    run,
    presses={"balance.refresh": Press(refresh), "balance.show": Press(show), "balance.chart": Press(draw)},
    aliases=("bal", "余额"),
    top_level=True,
    order=1,
)
