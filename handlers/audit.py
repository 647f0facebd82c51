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
            figure=f"{_said('audit.actions.' + entry.what.replace('.', '_'), entry.what, words)} {entry.subject}",
            note=_said(f"audit.results.{entry.result}", entry.result, words),
            under=(_said(f"cause.{entry.detail.text}.title", entry.detail.text, words),) if entry.detail else (),
        )
        for entry in entries
    )
    yield Reply(
        title=words.say("audit.title"), blocks=(Board(rows), Line(words.say("audit.zone", zone=words.zone_name)))
    )


def _said(key: str, word: str, words: Words) -> str:
    """In words where there are some; what an older release wrote stays as it was."""
    return words.say(key) if words.has(key) else word


COMMAND = Command("audit", run, role=Role.OPERATOR, aliases=("审计",), order=70)
