"""`/quota oncall`, `/quota oncall swap …`, `/quota drill`, `/quota shift`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.errors import NotAllowed, QuotadeskError, UsageError
from bot.locales import Words, notes
from bot.model.alert import Silence
from bot.model.chat import Action, Block, Heading, Line, Reply, Request, Steps
from bot.model.handoff import Ticket
from bot.model.money import AccountState, Status
from bot.ports import AuditEntry
from bot.services import Services
from bot.services.alert_book import ALL, AlertBook
from bot.services.breaker import Breaker
from bot.services.escalation import DRILL_ENDS_AFTER
from bot.services.oncall import NOBODY, Rota
from handlers.router import Command, Press
from handlers.tickets import span_of

_SOON_DAYS = 3
_LONGEST_SWAP = timedelta(weeks=4)
_MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|[^>]*)?>")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\Z")


def _name(address: str | None, services: Services, words: Words) -> str:
    if address is None:
        return words.say("page.nobody_name")
    return services.team.people_names.get(address) or address


async def run(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Who, until when, who is next, gaps of the coming week."""
    words = Words(request.language, request.timezone)
    parts = request.text.text.split()
    if parts and parts[0].lower() in ("swap", "换班"):
        yield await _swap(request, services, words, parts[1:])
        return
    yield await _shown(services, words)


async def on_call(services: Services, words: Words) -> str:
    """Who is on call now, and until when, in one line."""
    now = services.clock.now()
    shift = (await services.escalation.rota.rota()).at(now)
    name = _name(shift.address, services, words)
    until = words.when(shift.until, now) if shift.until else ""
    key = ("now" if shift.address else "nobody") + ("" if until else "_open")
    line = words.say(f"oncall.{key}", name=name, until=until)
    return line + (words.say("oncall.swapped") if shift.swapped else "")


async def _shown(services: Services, words: Words) -> Reply:
    now = services.clock.now()
    rota = await services.escalation.rota.rota()
    blocks: list[Block] = [Line(await on_call(services, words), strong=True)]
    if following := rota.following(now):
        blocks.append(Line(words.say("oncall.next", name=_name(following, services, words))))
    if len(rota.everybody()) > 1:
        names = words.say("common.list_sep").join(_name(a, services, words) for a in rota.everybody())
        blocks.append(Line(words.say("oncall.order", names=names)))
    blocks += [
        Line(words.say("oncall.gap", since=words.when(a, now), until=words.when(b, now)))
        for a, b in rota.gaps(now, now + timedelta(days=7))[:3]
        if services.team.oncall.people
    ]
    swaps = [swap for swap in await services.escalation.rota.swaps() if swap.until > now]
    if swaps:
        blocks.append(Heading(words.say("oncall.swaps")))
        blocks += [
            Line(
                words.say(
                    "oncall.swap",
                    name=_name(s.address, services, words),
                    since=words.when(s.since, now),
                    until=words.when(s.until, now),
                )
            )
            for s in swaps[-5:]
        ]
    return Reply(words.say("oncall.title", time=words.when(now, now)), tuple(blocks))


# --- swap ------------------------------------------------------------------------------------------------------------


async def _swap(request: Request, services: Services, words: Words, parts: Sequence[str]) -> Reply:
    if not await services.escalation.may(request.asker, request.role):
        return Reply(blocks=(Line(words.say("ticket.errors.oncall_only")),))
    if not parts:
        raise UsageError(why=words.say("oncall.usage"))
    now = services.clock.now()
    rota = await services.escalation.rota.rota()
    address, times = _who(parts, services, request, words)
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
        "oncall.done",
        name=_name(address, services, words),
        since=words.when(since, now),
        until=words.when(until, now),
    )
    return Reply(blocks=(Line(line),), audience="place")


def _who(parts: Sequence[str], services: Services, request: Request, words: Words) -> tuple[str | None, Sequence[str]]:
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
    names_known = words.say("common.list_sep").join(_name(a, services, words) for a in known if a != NOBODY)
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


# --- drill -----------------------------------------------------------------------------------------------------------


async def drill(request: Request, services: Services) -> AsyncIterator[Reply]:
    words = Words(request.language, request.timezone)
    try:
        ticket = await services.escalation.drill(request.asker, request.role, request.language, request.message)
    except NotAllowed:
        yield Reply(blocks=(Line(words.say("ticket.errors.oncall_only")),))
        return
    value = str(ticket.id)
    actions = (
        Action("drill.report", words.say("ticket.buttons.report"), value),
        Action("ticket.show", words.say("ticket.buttons.show", ticket=ticket.id), value),
    )
    title = words.say("oncall.drill_started", ticket=ticket.id)
    yield Reply(title, (Line(words.say("oncall.drill_text", span=words.span(DRILL_ENDS_AFTER))),), actions)


async def report(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Each step with its time, then the gaps; the backup routes are asked live."""
    words = Words(request.language, request.timezone)
    if not request.value.isdigit() or len(request.value) > 9:
        raise QuotadeskError(key="old_button")
    drilled = await services.escalation.drill_report(int(request.value))
    now = services.clock.now()
    steps = tuple(
        words.say("oncall.drill_step", span=_short(after, words), what=_step(what, who, words))
        for what, who, after in drilled.steps
    )
    gaps = [_gap(word, dict(facts), words, now) for word, facts in drilled.gaps]
    gaps += await _backups(services, words)
    blocks: list[Block] = [Heading(words.say("oncall.drill_steps")), Steps(steps, numbered=False)]
    blocks.append(Heading(words.say("oncall.drill_gaps")))
    blocks.append(Steps(tuple(gaps), numbered=False) if gaps else Line(words.say("oncall.drill_no_gaps")))
    refresh = Action("drill.report", words.say("ticket.buttons.report"), request.value)
    yield Reply(words.say("oncall.drill_report", ticket=drilled.ticket.id), tuple(blocks), (refresh,))


def _short(after: timedelta, words: Words) -> str:
    return f"{after.total_seconds():.1f} s" if after < timedelta(minutes=1) else words.span(after)


def _step(what: str, who: str, words: Words) -> str:
    key = f"ticket.what.{what}"
    return words.say(key, who=who, detail=who) if words.has(key) else what


def _gap(word: str, facts: dict[str, object], words: Words, now: datetime) -> str:
    for name, value in facts.items():
        if isinstance(value, datetime):
            facts[name] = words.when(value, now)
        elif isinstance(value, timedelta):
            facts[name] = words.span(value)
    if word == "not_delivered":
        facts = dict(_undelivered(str(facts["what"]), words))
    return words.say(f"oncall.gaps.{word}", **facts)


def _undelivered(detail: str, words: Words) -> dict[str, str]:
    """`note telegram:-1009: removed`, as the timeline has it, in words."""
    kind, _, rest = detail.partition(" ")
    target, _, reason = rest.rpartition(": ")

    def said(shelf: str, word: str) -> str:
        key = f"page.{shelf}.{word}"
        return words.say(key) if words.has(key) else word

    return {"what": said("kinds", kind), "target": target, "reason": said("reasons", reason)}


async def _states(services: Services) -> tuple[AccountState, ...]:
    """All accounts, asked at once; empty where the team has none or they cannot be asked."""
    states: tuple[AccountState, ...] = ()
    if services.team.routes:
        async for partial in services.balances.ask(()):
            states = tuple(partial)
    return states


async def _backups(services: Services, words: Words) -> list[str]:
    states = {route: state for state in await _states(services) for route in state.routes}
    gaps: list[str] = []
    for engine in services.team.engines.values():
        if len(engine.routes) < 2:
            gaps.append(words.say("oncall.gaps.no_backup", engine=engine.title))
            continue
        first = states.get(engine.routes[0])
        for route in engine.routes[1:]:
            state = states.get(route)
            reason = _useless(state, first)
            if reason:
                key = f"diagnose.why.{reason}"
                why = words.say(key) if words.has(key) else reason
                gaps.append(words.say("oncall.gaps.backup", engine=engine.title, route=route, reason=why))
    return gaps[:12]


def _useless(state: AccountState | None, first: AccountState | None) -> str:
    if state is None:
        return ""
    if first is not None and state.account == first.account:
        return "same_account"
    if state.blocked:
        return "blocked"
    return state.reason if state.status is Status.COULD_NOT_CHECK else ""


# --- shift -----------------------------------------------------------------------------------------------------------


async def shift(request: Request, services: Services) -> AsyncIterator[Reply]:
    """What whoever takes over must know: tickets, what is used up, what will not last three days."""
    words = Words(request.language, request.timezone)
    summary = await services.escalation.summary()
    states = await _states(services)
    sep = words.say("common.list_sep")
    none = words.say("common.none")

    def listed(tickets: Sequence[Ticket]) -> str:
        shown = [
            words.say(
                "oncall.shift_item",
                ticket=t.id,
                what=f"{notes.engine_title(t, services.team)} {notes.cause_title(t, words)}",
            )
            for t in tickets[:10]
        ]
        return sep.join(shown) or none

    blocks: list[Block] = list((await _shown(services, words)).blocks[:2])
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
    return words.say("oncall.shift_out_item", route=breaker.route, why=words.say(key) if words.has(key) else "?")


def _ends_soon(state: AccountState) -> bool:
    return state.runway.low_days is not None and state.runway.low_days < _SOON_DAYS


def _soon(state: AccountState, words: Words) -> str:
    low, high = state.runway.low_days, state.runway.high_days
    return words.say(
        "oncall.shift_runway_item",
        account=state.account,
        low=words.number(round(low, 1)) if low is not None else "?",
        high=words.number(round(high, 1)) if high is not None else "?",
    )


COMMANDS = (
    Command("oncall", run, aliases=("值班",), order=22),
    Command("drill", drill, presses={"drill.report": Press(report)}, aliases=("演练",), order=23),
    Command("shift", shift, presses={"shift.show": Press(shift)}, aliases=("交班",), order=24),
)
