"""`/quota oncall`: who, until when, who is next; `/quota oncall swap …`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.errors import UsageError
from bot.locales import Words
from bot.model.chat import Block, Heading, Line, Reply, Request
from bot.ports import AuditEntry
from bot.services import Services
from bot.services.oncall import NOBODY, Rota
from handlers import people
from handlers.router import Command
from handlers.tickets import span_of

_LONGEST_SWAP = timedelta(weeks=4)
_MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|[^>]*)?>")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\Z")


def name_of(address: str | None, named: Callable[[str], str], words: Words) -> str:
    """`named`: see `people.names`."""
    return words.say("page.nobody_name") if address is None else named(address)


async def run(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Who, until when, who is next, gaps of the coming week."""
    words = Words(request.language, request.timezone)
    parts = request.text.text.split()
    if parts and parts[0].lower() in ("swap", "换班"):
        yield await _swap(request, services, words, parts[1:])
        return
    yield await shown(services, words)


async def on_call(services: Services, words: Words) -> str:
    """Who is on call now, and until when, in one line."""
    now = services.clock.now()
    shift = (await services.escalation.rota.rota()).at(now)
    name = name_of(shift.address, await people.names(services), words)
    until = words.when(shift.until, now) if shift.until else ""
    key = ("now" if shift.address else "nobody") + ("" if until else "_open")
    line = words.say(f"oncall.{key}", name=name, until=until)
    return line + (words.say("oncall.swapped") if shift.swapped else "")


async def shown(services: Services, words: Words) -> Reply:
    """Who is on call now and next, the order, hours of the next week that nobody covers, and swaps."""
    now = services.clock.now()
    rota = await services.escalation.rota.rota()
    named = await people.names(services)
    blocks: list[Block] = [Line(await on_call(services, words), strong=True)]
    if following := rota.following(now):
        blocks.append(Line(words.say("oncall.next", name=name_of(following, named, words))))
    if len(rota.everybody()) > 1:
        names = words.say("common.list_sep").join(name_of(a, named, words) for a in rota.everybody())
        blocks.append(Line(words.say("oncall.order", names=names)))
    blocks += [
        Line(words.say("oncall.gap", since=words.when(a, now, zone=False), until=words.when(b, now)))
        for a, b in rota.gaps(now, now + timedelta(days=7))[:3]
        if services.team.oncall.people
    ]
    every = await services.escalation.rota.swaps()
    # The later one counts: what it covers wholly is only history.
    swaps = [
        swap
        for n, swap in enumerate(every)
        if swap.until > now and not any(s.since <= swap.since and swap.until <= s.until for s in every[n + 1 :])
    ]
    if swaps:
        blocks.append(Heading(words.say("oncall.swaps")))
        blocks += [
            Line(
                words.say(
                    "oncall.swap",
                    name=name_of(s.address, named, words),
                    since=words.when(s.since, now, zone=False),
                    until=words.when(s.until, now),
                )
            )
            for s in swaps[-5:]
        ]
    return Reply(words.say("oncall.title", time=words.when(now, now)), tuple(blocks))


def _called(address: str | None, request: Request, named: Callable[[str], str], words: Words) -> str:
    """Whoever asks may never have acted before: then the platform's name is not on record yet."""
    name = name_of(address, named, words)
    return request.asker.name or name if name == request.asker.address else name


# --- swap ------------------------------------------------------------------------------------------------------------


async def _swap(request: Request, services: Services, words: Words, parts: Sequence[str]) -> Reply:
    if not await services.escalation.may(request.asker, request.role):
        return Reply(blocks=(Line(words.say("ticket.errors.oncall_only")),))
    if not parts:
        raise UsageError(why=words.say("oncall.usage"))
    now = services.clock.now()
    rota = await services.escalation.rota.rota()
    named = await people.names(services)
    address, times = _who(parts, services, request, words, named)
    since, until = _span(times, now, rota, request.timezone, words)
    if not now - timedelta(days=1) <= since < until <= now + _LONGEST_SWAP:
        raise UsageError(why=words.say("oncall.bad_span"))
    await services.escalation.rota.swap(address, since, until, request.asker.address)
    detail = f"{address or NOBODY} {since.isoformat(timespec='minutes')} {until.isoformat(timespec='minutes')}"
    await services.store.audit(
        AuditEntry(
            now, request.asker.address, "oncall", "swap", "done", services.gate.trusted(detail), name=request.asker.name
        )
    )
    line = words.say(
        "oncall.done" if address else "oncall.done_nobody",
        name=_called(address, request, named, words),
        since=words.when(since, now, zone=False),
        until=words.when(until, now),
    )
    return Reply(blocks=(Line(line),), audience="place")


def _who(
    parts: Sequence[str], services: Services, request: Request, words: Words, named: Callable[[str], str]
) -> tuple[str | None, Sequence[str]]:
    """A person of the rota, the asker, or nobody. Only people whom the team file knows: chat text adds nobody new."""
    team = services.team
    known = dict.fromkeys(
        [*team.oncall.people, *(a for a in team.access.operators if not a.endswith("*")), *team.people_names]
    )
    for n in range(len(parts), 0, -1):  # names may hold spaces: the longest first
        text = " ".join(parts[:n])
        mention = _MENTION.fullmatch(text)
        bare = text.lstrip("@").strip().lower()
        if bare in (NOBODY, "没有人", "无"):
            return None, parts[n:]
        if bare in ("me", "我"):
            return request.asker.address, parts[n:]
        for address in known:
            names = {address.lower(), address.partition(":")[2].lower(), team.people_names.get(address, "").lower()}
            if (mention and address == f"slack:{mention[1]}") or (bare and bare in names):
                return address, parts[n:]
    names_known = words.say("common.list_sep").join(named(a) for a in known if a != NOBODY)
    raise UsageError(why=words.say("oncall.unknown", name=parts[0], names=names_known or words.say("common.none")))


def _span(times: Sequence[str], now: datetime, rota: Rota, timezone: str, words: Words) -> tuple[datetime, datetime]:
    """Nothing: to the end of the turn (else a day). `4h`. `18:00`: until then. `18:00 23:00`: from, until."""
    if not times:
        return now, rota.at(now).until or now + timedelta(days=1)
    if len(times) == 1:
        if (span := span_of(times[0])) is not None:
            return now, now + span
        return now, _clock(times[0], now, timezone, words)
    since = _clock(times[0], now, timezone, words)
    span = span_of(times[1])
    return since, since + span if span is not None else _clock(times[1], since, timezone, words)


def _clock(text: str, after: datetime, timezone: str, words: Words) -> datetime:
    """`18:00`: the next one after `after`, on the asker's clock. `2026-11-23T18:00`: that one."""
    zone = ZoneInfo(timezone)
    if found := _CLOCK.match(text):
        there = after.astimezone(zone).replace(tzinfo=None)
        at = there.replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0)
        at = at if at > there else at + timedelta(days=1)
        return at.replace(tzinfo=zone).astimezone(UTC)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(why=words.say("oncall.usage")) from None
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


COMMANDS = (Command("oncall", run, aliases=("值班",), order=22),)
