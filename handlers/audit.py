"""`/quota audit [subject]`: who did what, newest first. Operators only."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime

from bot.locales import Words, notes
from bot.model.chat import Board, Line, Reply, Request, Role, Row
from bot.services import Services
from handlers.router import Command

_MOST = 15
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)")


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
            # A name that its owner chose proves nothing: the address stands beside it.
            name=services.team.people_names.get(entry.who) or " · ".join(filter(None, (entry.name, entry.who))),
            figure=f"{_said('audit.actions.' + entry.what.replace('.', '_'), entry.what, words)} {entry.subject}",
            note=_said(f"audit.results.{entry.result}", entry.result, words),
            under=(_detail(entry.detail.text, words, now),) if entry.detail else (),
        )
        for entry in entries
    )
    yield Reply(
        title=words.say("audit.title"), blocks=(Board(rows), Line(words.say("audit.zone", zone=words.zone_name)))
    )


def _detail(text: str, words: Words, now: datetime) -> str:
    """A cause and moments as people read them; the rest as it was written."""
    said = _said(f"cause.{text}.title", text, words)
    return _MOMENT.sub(lambda found: notes.moment(found[0], words, now), said)


def _said(key: str, word: str, words: Words) -> str:
    """In words where there are some; what an older release wrote stays as it was."""
    return words.say(key) if words.has(key) else word


COMMAND = Command("audit", run, role=Role.OPERATOR, aliases=("审计",), order=70)
