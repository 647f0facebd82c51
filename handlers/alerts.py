"""`/quota alerts`: what is wrong now, what is silenced; the buttons under an alert."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from bot.errors import UsageError
from bot.locales import Words, alert_words
from bot.model.alert import AlertKind, Episode, Silence
from bot.model.chat import Action, Block, Board, Heading, Line, Reply, Request, Role, Row
from bot.model.money import Kind, Status
from bot.ports import AuditEntry
from bot.services import Services
from bot.services import alerts as machine
from bot.services.alert_book import ALL, AlertBook, How
from handlers import people
from handlers.router import Command, Press

_HOW: dict[str, How] = {"w": "weekend", "h": "hours", "e": "episode"}
_SPANS: dict[str, How] = {"4h": "hours", "monday": "weekend", "weekend": "weekend", "周一": "weekend"}
_TYPED = {"silence": "silence", "静音": "silence", "unsilence": "unsilence", "取消静音": "unsilence"}
_KINDS = frozenset({kind.value for kind in AlertKind} | {ALL})


def _book(services: Services) -> AlertBook:
    return AlertBook(services.store, services.clock)


async def run(request: Request, services: Services) -> AsyncIterator[Reply]:
    """`/alerts`: what is wrong now; `silence` and `unsilence` with an account's name; `tell` with names promises word when
    those accounts work again. Raises UsageError."""
    words = Words(request.language, request.timezone)
    names = request.text.text.split()
    if names and names[0].lower() in ("tell", "通知"):
        if len(names) != 2:
            raise UsageError(why=words.say("alert.tell_usage"))
        for account in services.balances.select(names[1:])[:4]:
            yield await _queue(request, services, account.name, words)
        return
    if names and names[0].lower() in _TYPED:
        yield await _typed(request, services, words, _TYPED[names[0].lower()], names[1:])
        return
    if names:
        raise UsageError(why=words.say("alert.usage"))
    yield await listing(request, services, words)


async def _typed(request: Request, services: Services, words: Words, verb: str, given: list[str]) -> Reply:
    """`silence kimi`, `silence kimi monday`, `unsilence kimi`: what the buttons do, for an account of which no alert is at hand."""
    how = _SPANS.get(given[1].lower()) if len(given) == 2 else "hours" if len(given) == 1 else None
    if how is None or verb == "unsilence" and len(given) != 1:
        raise UsageError(why=words.say("alert.usage"))
    if request.role < Role.OPERATOR:
        operators = [services.team.people_names.get(one, one) for one in services.team.access.operators]
        text = words.say("errors.operators_only", operators=words.say("common.list_sep").join(operators))
        return Reply(blocks=(Line(text),))
    lines = [
        await (
            _silence(request, services, words, account.name, ALL, how)
            if verb == "silence"
            else _end(request, services, words, account.name, ALL)
        )
        for account in services.balances.select(given[:1])[:4]
    ]
    return Reply(blocks=tuple(Line(line) for line in lines))


async def show(request: Request, services: Services) -> AsyncIterator[Reply]:
    """The list behind a button; nothing that is shown changes."""
    yield await listing(request, services, Words(request.language, request.timezone))


async def listing(request: Request, services: Services, words: Words) -> Reply:
    """Open episodes, and silences each with the button that ends it."""
    now = services.clock.now()
    book = _book(services)
    episodes, silences = await book.open(), await book.silences()
    titles = {engine.name: engine.title for engine in services.team.engines.values()}
    blocks: list[Block] = []
    if episodes:
        blocks.append(Board(tuple(_row(e, silences, words, now, titles) for e in episodes)))
    else:
        blocks.append(Line(words.say("alert.open_none")))
    actions: list[Action] = []
    if silences:
        blocks.append(Heading(words.say("alert.silences_title")))
        named = await people.names(services)
        blocks.append(Board(tuple(_silence_row(s, named(s.by), words, now) for s in silences)))
        if request.role >= Role.OPERATOR:
            actions = [Action("alert.unsilence", _ends(s, words), f"{s.kind}:{s.account}") for s in silences[:5]]
    if services.team.quiet_hours:
        start, end = services.team.quiet_hours
        blocks.append(Line(words.say("alert.quiet", start=start, end=end)))
    title = words.say("alert.open_title", time=words.when(now, now))
    return Reply(title=title, blocks=tuple(blocks), actions=tuple(actions))


def _row(episode: Episode, silences: list[Silence], words: Words, now: datetime, titles: dict[str, str]) -> Row:
    state = words.say(f"alert.states.{alert_words.begun(episode.kind, episode.level, episode.facts)}")
    notes = [words.say("alert.open_since", span=alert_words.span(now - (episode.since or now), words))]
    if machine.silenced(episode, silences, now) >= max(episode.level, 1):
        notes.append(words.say("alert.muted"))
    elif not episode.told and not episode.covered:
        notes.append(words.say("alert.not_told"))
    engines = words.say("common.list_sep").join(titles.get(name, name) for name in episode.engines)
    return Row(
        state,
        episode.account,
        alert_words.figure(episode.facts, words),
        words.say("alert.sep").join(notes),
        (words.say("alert.down" if episode.urgent else "alert.affects", engines=engines),) if engines else (),
        "bad" if episode.urgent else "warn",
    )


def _subject(silence: Silence, words: Words) -> str:
    return words.say("alert.all_accounts") if silence.account == ALL else silence.account


def _ends(silence: Silence, words: Words) -> str:
    """The label of the button."""
    if silence.account == ALL:
        return words.say("alert.unsilence_all")
    return words.say("alert.unsilence", account=silence.account)


def _silence_row(silence: Silence, who: str, words: Words, now: datetime) -> Row:
    if silence.episode is not None:
        text = words.say("alert.silence_episode_row", who=who)
    else:
        text = words.say("alert.silence_row", when=words.when(silence.until, now), who=who)
    kind = words.say(f"alert.kinds.{'all' if silence.kind == ALL else silence.kind}")
    return Row(words.say("alert.muted"), _subject(silence, words), kind, text, tone="quiet")


# --- presses ---------------------------------------------------------------------------------------------------------------


def _parsed(value: str, parts: int) -> list[str] | None:
    """The button's fields; None where the button is not one of ours."""
    fields = value.split(":", parts - 1)
    return fields if len(fields) == parts and fields[-2] in _KINDS and fields[-1] else None


async def silence(request: Request, services: Services) -> AsyncIterator[Reply]:
    """`h:money:kimi`: how long, which risk, which account. The message stays; the notice is private."""
    words = Words(request.language, request.timezone)
    fields = _parsed(request.value, 3)
    if fields is None or fields[0] not in _HOW or not _known(fields[2], services):
        yield Reply(blocks=(Line(words.say("alert.bad_button")),), alert=True)
        return
    how, kind, account = fields
    yield Reply(blocks=(Line(await _silence(request, services, words, account, kind, _HOW[how])),), alert=True)


async def _silence(request: Request, services: Services, words: Words, account: str, kind: str, how: How) -> str:
    made = await _book(services).silence(account, kind, how, request.asker, services.team.timezone)
    await _audit(request, services, "alert.silence", account, f"{kind} {how}")
    what = _what(account, kind, words)
    if made.episode is not None:
        return words.say("alert.silenced_episode", what=what)
    return words.say("alert.silenced_until", what=what, when=words.when(made.until, services.clock.now()))


async def unsilence(request: Request, services: Services) -> AsyncIterator[Reply]:
    """`value` is the kind and the account; a button that cannot be read is told so, and changes nothing."""
    words = Words(request.language, request.timezone)
    fields = _parsed(request.value, 2)
    if fields is None:
        yield Reply(blocks=(Line(words.say("alert.bad_button")),), alert=True)
        return
    kind, account = fields
    yield Reply(blocks=(Line(await _end(request, services, words, account, kind)),), alert=True)


async def _end(request: Request, services: Services, words: Words, account: str, kind: str) -> str:
    """`ALL`: every silence of that account."""
    kinds = [s.kind for s in await _book(services).silences() if s.account == account and kind in (ALL, s.kind)]
    was = [one for one in kinds if await _book(services).unsilence(account, one)]
    for one in was:
        await _audit(request, services, "alert.unsilence", account, one)
    key = "alert.unsilenced" if was else "alert.unsilenced_none"
    return words.say(key, what=_what(account, kind, words))


async def tell(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Whoever presses hears of the recovery, once."""
    words = Words(request.language, request.timezone)
    if not _known(request.value, services) or request.value == ALL:
        yield Reply(blocks=(Line(words.say("alert.bad_button")),), alert=True)
        return
    reply = await _queue(request, services, request.value, words)
    yield Reply(blocks=reply.blocks, alert=True)


async def _queue(request: Request, services: Services, name: str, words: Words) -> Reply:
    account = next(a for a in services.balances.accounts() if a.name == name)
    state = await services.balances.check(account.routes[0], models=False)
    if state.status is Status.OK and not state.blocked:
        known = sorted(
            (r for r in state.readings if r.amount is not None), key=lambda r: r.kind is not Kind.ACCOUNT_MONEY
        )
        figure = words.money(known[0].amount, known[0].currency) if known else words.say("common.unknown")
        return Reply(blocks=(Line(words.say("alert.tell_works", account=name, figure=figure)),))
    await _book(services).tell_when_back(
        name, request.asker, request.language, request.timezone, None if request.place.private else request.message
    )
    return Reply(blocks=(Line(words.say("alert.tell_kept", account=name)),))


def _known(account: str, services: Services) -> bool:
    return account == ALL or any(a.name == account for a in services.balances.accounts())


def _what(account: str, kind: str, words: Words) -> str:
    if kind == ALL:
        return words.say("alert.all_but_down") if account == ALL else words.say("alert.all_of", account=account)
    name = words.say(f"alert.kinds.{kind}")
    return name if account == ALL else words.say("alert.kind_of", account=account, kind=name)


async def _audit(request: Request, services: Services, what: str, subject: str, detail: str) -> None:
    await services.store.audit(
        AuditEntry(
            services.clock.now(),
            request.asker.address,
            what,
            subject,
            "done",
            services.gate.trusted(detail),
            name=request.asker.name,
        )
    )


COMMAND = Command(
    "alerts",
    run,
    presses={
        "alert.silence": Press(silence, Role.OPERATOR),
        "alert.unsilence": Press(unsilence, Role.OPERATOR),
        "alert.list": Press(show),
        "alert.tell": Press(tell),
    },
    aliases=("alert", "提醒"),
    order=45,
)
