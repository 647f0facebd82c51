"""`/balance [engine|route]`: the board, worst first, then one line a row; one engine or route in depth."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC
from decimal import Decimal, InvalidOperation

from bot.errors import UsageError
from bot.locales import Words
from bot.model.chat import Action, Block, Board, Line, Links, Reply, Request, Role
from bot.model.money import AccountState
from bot.ports import AuditEntry
from bot.services import Services
from bot.services.verdict import PENDING
from handlers import charges, chart, warp
from handlers.balance_words import details, provider_title, reason, row, state_word
from handlers.router import Command, Press

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
    now_on = asyncio.ensure_future(using(services))  # the engines' files are read while the accounts are asked
    try:
        async for states in services.balances.ask(names, fresh=fresh):
            if any(state.reason == PENDING for state in states):
                yield replace(board(states, services, words, await now_on, names), final=False)
        yield board(states or (), services, words, await now_on, names)
    finally:
        now_on.cancel()


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
    blocks.append(Board(tuple(row(state, services, words, now, now_on) for state in states)))
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
            if any(route not in state.routes for route in engine.routes):
                out.append(Action("switch.plan", words.say("balance.switch", engine=name), name, style="primary"))
    return out[:4]


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


__all__ = ["COMMAND", "board", "provider_title", "reason", "state_word", "using"]

COMMAND = Command(
    "balance",
    run,
    presses={"balance.refresh": Press(refresh), "balance.show": Press(show)},
    aliases=("bal", "余额"),
    top_level=True,
    order=1,
)
