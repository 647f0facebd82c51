"""`home`: the live board of Slack's Home tab; `/quota home` shows the same anywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from bot.locales import Words, notes
from bot.model.chat import Action, Block, Board, Heading, Line, Reply, Request, Role, Row
from bot.model.handoff import TicketState
from bot.services import Services
from handlers.balance import board, using
from handlers.oncall import on_call
from handlers.preferences import chosen, linked
from handlers.router import Command, Press

_MOST = 10


async def run(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Slack's home tab: balances where there are routes, open tickets, who is on call, and what this person has chosen."""
    words = Words(request.language, request.timezone)
    now = services.clock.now()
    blocks: list[Block] = []
    if services.team.routes:
        boards = [states async for states in services.balances.ask(())]
        shown = board(boards[-1], services, words, await using(services))
        blocks += [Heading(shown.title), *shown.blocks]
    operator = request.role is Role.OPERATOR
    tickets = await services.store.tickets(states=(TicketState.OPEN, TicketState.ACKNOWLEDGED), limit=_MOST)
    blocks.append(Heading(words.say("home.tickets")))
    if tickets:
        rows = [
            Row(
                words.say(f"home.states.{ticket.state.value}"),
                f"#{ticket.id}",
                notes.marked(ticket, words) + notes.cause_title(ticket, words),
                words.when(ticket.opened_at, now, zone=False),
            )
            for ticket in tickets
        ]
        blocks.append(Board(tuple(rows)))
    else:
        blocks.append(Line(words.say("home.no_tickets")))
    blocks += [Heading(words.say("home.oncall")), Line(await on_call(services, words))]
    blocks += [Heading(words.say("preferences.title")), chosen(request, words, await linked(request, services, words))]
    yield Reply(
        title=words.say("home.title", environment=services.team.support.environment or "quotadesk"),
        blocks=tuple(blocks),
        actions=(
            Action("home.refresh", words.say("balance.refresh")),
            *(
                (Action("switch.choose", words.say("switch.buttons.choose")),)
                if operator and services.team.engines
                else ()
            ),
            *(Action("ticket.show", f"#{ticket.id}", str(ticket.id)) for ticket in tickets[:5]),
        ),
    )


async def refresh(request: Request, services: Services) -> AsyncIterator[Reply]:
    """The same, in place of what stands there."""
    async for reply in run(request, services):
        yield replace(reply, replace=True)


COMMAND = Command("home", run, presses={"home.refresh": Press(refresh)}, order=85)
