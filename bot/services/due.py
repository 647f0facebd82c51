"""What becomes due for a ticket, as rows: what to do, when, for whom. Makes them only; whoever moves a ticket stores them with it.

Keys begin with `ticket:<id>:<kind>:`, so that a move cancels what no longer matters by prefix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from bot.model import trace
from bot.model.chat import MessageRef, Person
from bot.model.handoff import Ticket
from bot.model.team import Team
from bot.ports import DueStep

SELF: Final = Person("terminal", "quotadesk", "quotadesk")
_LATEST_CALLS: Final = 12


def person_of(address: str, team: Team) -> Person:
    """From an address of the team file, with the display name it gives."""
    platform, _, id = address.partition(":")
    return Person(platform, id, team.people_names.get(address, ""))  # type: ignore[arg-type]


def target_of(step: DueStep) -> str:
    """The chat, the person or the paging service that it goes to; "" for what stays here."""
    return str(step.payload.get("place") or step.payload.get("person") or step.payload.get("pager") or "")


def step_of(kind: str, key: str, due: datetime, **payload: Any) -> DueStep:
    """`at` in the payload is when it was meant for, however often it is put off."""
    # What a step leads to is known in the log by the number of the command that it began with.
    if number := trace.current():
        payload.setdefault("trace", number)
    return DueStep(0, kind, key, due, {"at": due.isoformat(), **payload})


class Due:
    """`pagers`: names of the paging services that are set up."""

    def __init__(self, team: Team, pagers: Sequence[str]) -> None:
        self._team = team
        self._pagers = tuple(pagers)

    def note(self, ticket: str, place: str, due: datetime, *, instead_of: str = "") -> DueStep:
        key = f"ticket:{ticket}:note:{place}" + (f":instead:{instead_of}" if instead_of else "")
        return step_of("note", key, due, lane=place, place=place)

    def escalate(self, ticket: str, level: int, due: datetime, began: datetime) -> DueStep:
        """`began` tells one chain of calls from the next, after a snooze or a reopening."""
        key = f"ticket:{ticket}:page:{began.isoformat()}:{level}"
        return step_of("escalate", key, due, lane="self", level=level, began=began.isoformat())

    def worse(self, ticket: Ticket, now: datetime) -> DueStep:
        """The same key as the chain that a ticket opens with: where that runs already, this is nothing new."""
        first = self.escalate(str(ticket.id), 0, ticket.opened_at, ticket.opened_at)
        payload = {**first.payload, "at": now.isoformat(), "began": now.isoformat(), "ticket": ticket.id}
        return DueStep(0, first.kind, first.key, now, payload)

    def review(self, ticket: str, due: datetime) -> DueStep:
        """The look at an open ticket at `due`."""
        return step_of("review", f"ticket:{ticket}:review:{due.isoformat()}", due, lane="self")

    def drill_end(self, ticket: str, due: datetime) -> DueStep:
        """The report of a fire drill at `due`."""
        return step_of("drill", f"ticket:{ticket}:drill:end", due, lane="self")

    def renewals(self, ticket: Ticket, now: datetime) -> list[DueStep]:
        """One edit for each copy of the note, the support chats' own first. Of a long night's calls only the latest: the
        buttons of the others say who has it when they are pressed."""
        first: dict[str, MessageRef] = {}
        for ref in ticket.messages:
            if (place := f"{ref.platform}:{ref.chat}") in self._team.support.chats:
                first.setdefault(place, ref)
        others = [ref for ref in ticket.messages if ref not in first.values()]
        return [self.renewal(ticket.id, ref, now) for ref in (*first.values(), *others[-_LATEST_CALLS:])]

    def renewal(self, ticket: int, ref: MessageRef, now: datetime) -> DueStep:
        """Edits this copy of the ticket, after the others of the same chat."""
        place = f"{ref.platform}:{ref.chat}"
        key = f"ticket:{ticket}:renew:{now.isoformat()}:{place}:{ref.message}"
        return step_of("renew", key, now, lane=place, ref=asdict(ref), ticket=ticket)

    def pagers(self, ticket: Ticket, verb: str, now: datetime) -> list[DueStep]:
        """Only for a ticket that called somebody: a mailbox must not hear the end of what it never heard of."""
        if ticket.urgency != "page":
            return []
        return [
            step_of(
                "pager",
                f"ticket:{ticket.id}:pager:{name}:{verb}:{now.isoformat()}",
                now,
                lane=f"pager:{name}",
                pager=name,
                verb=verb,
            )
            for name in self._pagers
        ]

    def ends(self, ticket: Ticket, now: datetime) -> list[DueStep]:
        """Tells everybody who asked, one step each."""
        return [
            step_of(
                "ended",
                f"ticket:{ticket.id}:ended:{now.isoformat()}:{waiting.person.address}",
                now,
                lane=f"{waiting.asked_in.platform}:{waiting.asked_in.chat}"
                if waiting.asked_in
                else waiting.person.address,
                person=waiting.person.address,
            )
            for waiting in ticket.waiting
            if waiting.person.address != SELF.address  # a log or a program reported it: nobody waits for the answer
        ]

    def tells(
        self, step: DueStep, but_not: str, word: str, facts: dict[str, Any], now: datetime, *, key: str = ""
    ) -> list[DueStep]:
        """Says `word` (a key under [page.tell]) in every support chat but one; in that one, too, where there is no other."""
        places = [place for place in self._team.support.chats if place != but_not] or list(self._team.support.chats)
        more = {"ticket": step.payload["ticket"]} if "ticket" in step.payload else {}
        return [
            step_of(
                "tell",
                f"tell:{key or step.key}:{word}:{place}",
                now,
                lane=place,
                place=place,
                word=word,
                facts=facts,
                **more,
            )
            for place in places
        ]
