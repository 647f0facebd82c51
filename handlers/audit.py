"""`/quota audit [subject]`: who did what, newest first. Operators only."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from datetime import datetime

from bot.locales import Words, notes
from bot.model.chat import Board, Line, Reply, Request, Role, Row
from bot.ports import AuditEntry
from bot.services import Services
from bot.services.alert_book import ALL
from bot.services.gateways import PREFIX as GATEWAY
from bot.services.oncall import NOBODY
from handlers import people
from handlers.router import Command

_MOST = 15
_STATUS = re.compile(r"\bstatus (\d) -> (\d)\b")
_WORD = re.compile(r"(?<![\w-])(?:NOT |not )?[a-z_]+(?![\w-])")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)")


async def run(request: Request, services: Services) -> AsyncIterator[Reply]:
    """The last entries; with a word after the command those about that subject alone. Names stand with their addresses: a name
    proves nothing."""
    words = Words(request.language, request.timezone)
    now = services.clock.now()
    entries = await services.store.audits(subject=request.text.text.strip() or None, limit=_MOST)
    if not entries:
        yield Reply(title=words.say("audit.title"), blocks=(Line(words.say("audit.empty")),))
        return
    named = await people.names(services)
    rows = tuple(
        Row(
            state=words.when(entry.at, now, zone=False),
            # A name that its owner chose proves nothing: the address stands beside it.
            name=services.team.people_names.get(entry.who) or " · ".join(filter(None, (entry.name, entry.who))),
            figure=" ".join(
                filter(
                    None,
                    (
                        _said("audit.actions." + entry.what.replace(".", "_"), entry.what, words),
                        _subject(entry.subject, words),
                    ),
                )
            ),
            note=_said(f"audit.results.{entry.result}", entry.result, words),
            under=(_detail(entry, named, words, now),) if entry.detail.text else (),
        )
        for entry in entries
    )
    yield Reply(
        title=words.say("audit.title"), blocks=(Board(rows), Line(words.say("audit.zone", zone=words.zone_name)))
    )


def _detail(entry: AuditEntry, named: Callable[[str], str], words: Words, now: datetime) -> str:
    """Causes, people and moments as people read them; the rest as it was written."""
    text = entry.detail.text
    if entry.what == "case":
        return " → ".join(_said(f"cause.{cause}.title", cause, words) for cause in text.split(" -> "))
    if entry.what.startswith("alert."):
        kind, _, how = text.partition(" ")
        parts = (
            _said(f"alert.kinds.{'all' if kind == ALL else kind}", kind, words),
            _said(f"audit.how.{how}", how, words),
        )
        return " · ".join(filter(None, parts))
    if entry.what == "oncall":
        who, _, span = text.partition(" ")
        text = f"{words.say('page.nobody_name') if who == NOBODY else named(who)} {span.replace(' ', ' – ')}"
    if text == "no right":
        return words.say("audit.no_right")
    said = _said(f"cause.{text}.title", text, words)
    said = _MOMENT.sub(lambda found: notes.moment(found[0], words, now), said)
    if said != text:
        return said
    if entry.subject.startswith(GATEWAY):
        text = _STATUS.sub(lambda found: _status(found, words), text)
    said = _WORD.sub(lambda found: _machine(found[0], words), text).replace(" -> ", " → ")
    return said.replace(", ", words.say("common.list_sep")).replace(": ", words.say("common.colon"))


def _status(found: re.Match[str], words: Words) -> str:
    """`status 1 -> 2` of a gateway's channel."""
    before, after = (_said(f"gateway.states.{each}", each, words) for each in found.groups())
    return words.say("switch.change", before=before, after=after)


def _subject(subject: str, words: Words) -> str:
    if subject.startswith(GATEWAY):
        return words.say("gateway.list", gateway=subject.removeprefix(GATEWAY))
    return _said(f"audit.subjects.{subject}", subject, words)


def _machine(word: str, words: Words) -> str:
    """A word of the machine's own in a detail, where there are words for it; all else is left: it may be a name."""
    return words.say(key) if words.has(key := f"audit.words.{word}") else word


def _said(key: str, word: str, words: Words) -> str:
    """In words where there are some; what an older release wrote stays as it was."""
    return words.say(key) if words.has(key) else word


COMMAND = Command("audit", run, role=Role.OPERATOR, aliases=("审计",), order=70)
