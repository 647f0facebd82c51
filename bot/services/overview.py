"""What a handover must know of tickets, and what a drill has shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from bot.model.chat import Person
from bot.model.handoff import Ticket, TicketState
from bot.model.team import Team
from bot.model.values import dataclass
from bot.ports import Store
from bot.services.due import person_of
from bot.services.oncall import OnCallRota, Rota, Shift

GAPS_WITHIN: Final = timedelta(days=14)  # a drill looks so far ahead for times without anybody


@dataclass(frozen=True, slots=True)
class Summary:
    """What a handover needs of tickets: who is on call, who follows, and the open ones, newest first."""

    at: datetime
    shift: Shift
    following: Person | None
    open: tuple[Ticket, ...]
    acknowledged: tuple[Ticket, ...]
    resolved: int  # in the last 24 hours


@dataclass(frozen=True, slots=True)
class Drill:
    """`steps`: what happened after how long. `gaps`: (machine word, its facts): what would go wrong on a bad night."""

    ticket: Ticket
    steps: tuple[tuple[str, str, timedelta], ...]  # what, to whom, after
    gaps: tuple[tuple[str, Mapping[str, object]], ...]


async def summary(store: Store, rotas: OnCallRota, team: Team, now: datetime) -> Summary:
    """Unresolved tickets, what was resolved of late, and who follows; at most 200 of each."""
    rota = await rotas.rota()
    following = rota.following(now)
    unresolved = await store.tickets(states=(TicketState.OPEN, TicketState.ACKNOWLEDGED), limit=200)
    resolved = await store.tickets(states=(TicketState.RESOLVED,), limit=200)
    return Summary(
        now,
        rota.at(now),
        person_of(following, team) if following else None,
        tuple(t for t in unresolved if t.state is TicketState.OPEN),
        tuple(t for t in unresolved if t.state is TicketState.ACKNOWLEDGED),
        sum(1 for t in resolved if t.resolved_at is not None and t.resolved_at > now - timedelta(days=1)),
    )


def report(ticket: Ticket, rota: Rota, team: Team, pagers: Sequence[str], now: datetime) -> Drill:
    """What the drill has shown so far."""
    steps = tuple(
        (entry.what, entry.detail.text if entry.detail else entry.name or entry.who, entry.at - ticket.opened_at)
        for entry in ticket.timeline
    )
    gaps: list[tuple[str, Mapping[str, object]]] = []
    if not team.support.chats:
        gaps.append(("no_support_chat", {}))
    elif len({chat.partition(":")[0] for chat in team.support.chats}) == 1:
        gaps.append(("one_platform", {"chats": ", ".join(team.support.chats)}))
    if not team.oncall.people:
        gaps.append(("no_oncall", {}))
    else:
        gaps += [("nobody", {"since": a, "until": b}) for a, b in rota.gaps(now, now + GAPS_WITHIN)[:5]]
        if len(rota.everybody()) == 1:
            gaps.append(("one_person", {}))
    if not pagers:
        gaps.append(("no_pager", {}))
    for entry in ticket.timeline:
        if entry.what == "failed" and entry.detail is not None:
            gaps.append(("not_delivered", {"what": entry.detail.text}))
    delivered = {ref.platform + ":" + ref.chat for ref in ticket.messages}
    for chat in team.support.chats:
        if chat not in delivered and not any(g[0] == "not_delivered" and chat in str(g[1]) for g in gaps):
            gaps.append(("not_yet", {"place": chat}))
    acknowledged = next((e for e in ticket.timeline if e.what == "acknowledged"), None)
    if acknowledged is None and now - ticket.opened_at >= team.oncall.ack_within:
        gaps.append(("not_acknowledged", {"within": team.oncall.ack_within}))
    return Drill(ticket, steps, tuple(gaps))
