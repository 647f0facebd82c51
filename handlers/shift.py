"""`/quota shift`: what whoever takes over must know."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from bot.locales import Words, notes
from bot.model.alert import Silence
from bot.model.chat import Action, Block, Line, Reply, Request
from bot.model.handoff import Ticket
from bot.model.money import AccountState, Status
from bot.services import Services
from bot.services.alert_book import ALL, AlertBook
from bot.services.breaker import Breaker
from handlers.oncall import shown
from handlers.router import Command, Press

_SOON_DAYS = 3


async def states_of(services: Services) -> tuple[AccountState, ...]:
    """All accounts, asked at once; empty where the team has none or they cannot be asked."""
    states: tuple[AccountState, ...] = ()
    if services.team.routes:
        async for partial in services.balances.ask(()):
            states = tuple(partial)
    return states


async def run(request: Request, services: Services) -> AsyncIterator[Reply]:
    """What whoever takes over must know: tickets, what is used up, what will not last three days."""
    words = Words(request.language, request.timezone)
    summary = await services.escalation.summary()
    states = await states_of(services)
    sep = words.say("common.list_sep")
    none = words.say("common.none")

    def listed(tickets: Sequence[Ticket]) -> str:
        shown = [
            words.say(
                "oncall.shift_item",
                ticket=t.id,
                what=f"{notes.marked(t, words)}{notes.engine_title(t, services.team, words)} {notes.cause_title(t, words)}",
            )
            for t in tickets[:10]
        ]
        return sep.join(shown) or none

    blocks: list[Block] = [line for line in (await shown(services, words)).blocks[:2] if isinstance(line, Line)]
    blocks.append(Line(words.say("oncall.shift_open", items=listed(summary.open))))
    blocks.append(Line(words.say("oncall.shift_taken", items=listed(summary.acknowledged))))
    blocks.append(Line(words.say("oncall.shift_resolved", n=summary.resolved)))
    if silenced := [_silenced(s, services, words) for s in await AlertBook(services.store, services.clock).silences()]:
        blocks.append(Line(words.say("oncall.shift_silenced", items=sep.join(silenced))))
    if services.fallback is not None and (out := await services.fallback.out()):
        blocks.append(Line(words.say("oncall.shift_out", items=sep.join(_out(each, words) for each in out))))
    if blocked := [s.account for s in states if s.blocked]:
        blocks.append(Line(words.say("oncall.shift_blocked", items=sep.join(blocked))))
    if soon := [_soon(s, words) for s in states if not s.blocked and _ends_soon(s)]:
        blocks.append(Line(words.say("oncall.shift_runway", items=sep.join(soon))))
    if unknown := [s.account for s in states if s.status is Status.COULD_NOT_CHECK]:
        blocks.append(Line(words.say("oncall.shift_unchecked", items=sep.join(unknown))))
    title = words.say("oncall.shift_title", time=words.when(summary.at, summary.at))
    actions = tuple(
        Action("ticket.show", words.say("ticket.buttons.show", ticket=t.id), str(t.id)) for t in summary.open[:5]
    )
    yield Reply(title, tuple(blocks), actions)


def _silenced(silence: Silence, services: Services, words: Words) -> str:
    account = words.say("alert.all_accounts") if silence.account == ALL else silence.account
    kind = words.say(f"alert.kinds.{'all' if silence.kind == ALL else silence.kind}")
    if silence.episode is not None:  # until it is over, whenever that is
        return words.say("oncall.shift_silenced_episode", account=account, kind=kind)
    until = words.when(silence.until, services.clock.now())
    return words.say("oncall.shift_silenced_item", account=account, kind=kind, until=until)


def _out(breaker: Breaker, words: Words) -> str:
    key = f"cause.{breaker.cause}.title"
    return words.say(
        "oncall.shift_out_item", route=breaker.route, why=words.inside(words.say(key)) if words.has(key) else "?"
    )


def _ends_soon(state: AccountState) -> bool:
    return state.runway.low_days is not None and state.runway.low_days < _SOON_DAYS


def _soon(state: AccountState, words: Words) -> str:
    low, high = state.runway.low_days, state.runway.high_days
    return words.say(
        "oncall.shift_runway_item",
        account=state.account,
        low=int(low) if low is not None else "?",
        high=max(int(low or 0) + 1, int(high)) if high is not None else "?",
    )


COMMANDS = (Command("shift", run, presses={"shift.show": Press(run)}, aliases=("交班",), order=24),)
