"""`/quota audit [subject]`: who did what, newest first. Operators only."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bot.locales import Words
from bot.model.chat import Board, Line, Reply, Request, Role, Row
from bot.services import Services
from handlers.router import Command

_MOST = 15


async def run(request: Request, services: Services) -> AsyncIterator[Reply]:
    words = Words(request.language, request.timezone)
    now = services.clock.now()
    entries = await services.store.audits(subject=request.text.text.strip() or None, limit=_MOST)
    if not entries:
        yield Reply(title=words.say("audit.title"), blocks=(Line(words.say("audit.empty")),))
        return
    rows = tuple(
        Row(
            state=words.when(entry.at, now, zone=False),
            name=services.team.people_names.get(entry.who, entry.who),
            figure=f"{entry.what} {entry.subject}",
            note=words.say(f"audit.results.{entry.result}")
            if words.has(f"audit.results.{entry.result}")
            else entry.result,
            under=(entry.detail.text,) if entry.detail else (),
        )
        for entry in entries
    )
    yield Reply(
        title=words.say("audit.title"), blocks=(Board(rows), Line(words.say("audit.zone", zone=words.zone_name)))
    )


COMMAND = Command("audit", run, role=Role.OPERATOR, aliases=("审计",), order=70)
