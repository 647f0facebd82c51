"""`/quota cases`: diagnoses that somebody called wrong, as candidates for new signatures. Operators only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict

from bot.locales import Words
from bot.model.chat import Block, Line, Quote, Reply, Request, Role
from bot.model.values import dataclass
from bot.ports import Store
from bot.services import Services
from handlers import people
from handlers.router import Command

_MOST = 5
_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Case:
    """`text` is redacted; `said` is what the bot answered, `right` what a person says it is; `at` ISO 8601."""

    id: int
    at: str
    by: str
    said: str
    right: str
    text: str

    def as_json(self) -> Mapping[str, object]:
        """Flat, for `--json`: causes as their ids, times in ISO 8601."""
        return asdict(self)


async def cases(store: Store) -> tuple[Case, ...]:
    """All of them, newest first."""
    found = []
    for key, kept in (await store.facts("case:")).items():
        number = key.partition(":")[2]
        if isinstance(kept, dict) and number.isdigit():
            texts = {name: str(kept.get(name) or "") for name in ("at", "by", "said", "right", "text")}
            found.append(Case(int(number), **texts))
    return tuple(sorted(found, key=lambda case: -case.id))


async def run(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Diagnoses that a reader called wrong, with what it should have been. The texts have passed the gate."""
    words = Words(request.language, request.timezone)
    found = await cases(services.store)
    if not found:
        yield Reply(title=words.say("diagnose.cases.title"), blocks=(Line(words.say("diagnose.cases.none")),))
        return
    named = await people.names(services)
    blocks: list[Block] = []
    for case in found[:_MOST]:
        titles = [words.say(f"cause.{cause}.title") for cause in (case.said, case.right)]
        note = words.say("diagnose.cases.note", said=titles[0], right=titles[1])
        name = named(case.by)
        blocks += [Line(f"#{case.id} · {name} · {note}"), Quote(case.text[:_SHOWN])]
    if len(found) > _MOST:
        blocks.append(Line(words.say("diagnose.cases.more", n=_MOST)))
    yield Reply(title=words.say("diagnose.cases.title"), blocks=tuple(blocks))


COMMAND = Command("cases", run, role=Role.OPERATOR, aliases=("样本",), order=72)
