"""`/balance around …` and `/balance topup …`: what the readings show. Evidence, never a verdict, never a promise."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence

from bot.errors import UsageError
from bot.locales import Words, alert_words
from bot.model.chat import Block, Board, Heading, Line, Reply, Request, Row, Steps
from bot.ports import Sighting
from bot.services import Services
from bot.services.charges import Around, Arrival, Charges, Move, NoSuchTask, TopUp, amount_of, moment

_CURRENCY = re.compile(r"[A-Za-z]{3,10}\Z")
_SIGNS = {"¥": "CNY", "￥": "CNY", "$": "USD", "＄": "USD", "元": "CNY", "€": "EUR", "rmb": "CNY"}
_MOST = 12


# --- around ----------------------------------------------------------------------------------------------------------------


async def around(request: Request, services: Services, args: Sequence[str]) -> AsyncIterator[Reply]:
    """`args`: a moment in the reader's zone, or a task id; up to thirty days back. Raises UsageError where nothing is given."""
    words = Words(request.language, request.timezone)
    what = " ".join(args).strip()
    if not what:
        raise UsageError(why=words.say("charge.around.usage"))
    now = services.clock.now()
    at = moment(what, now, request.timezone)
    if at is not None and (at > now or (now - at).days > 30):
        key = "future" if at > now else "old"
        yield Reply(blocks=(Line(words.say(f"charge.around.{key}", when=words.when(at, now))),))
        return
    try:
        found = await _charges(services).around(what, request.timezone)
    except NoSuchTask as fault:
        yield Reply(
            blocks=(
                Line(words.say("charge.around.unknown", id=services.gate.trusted(fault.id).text)),
                Line(words.say("charge.around.usage")),
            )
        )
        return
    yield around_reply(found, services, words)


def _charges(services: Services) -> Charges:
    return Charges(services.balances, services.store, services.clock)


def around_reply(found: Around, services: Services, words: Words) -> Reply:
    """What every account spent around a moment, its tasks beside it. Amounts keep their own currency; silent accounts are named."""
    now = services.clock.now()
    blocks: list[Block] = []
    if found.task:
        task = services.gate.trusted(found.task).text
        blocks.append(Line(words.say("charge.around.task", id=task, when=words.when(found.at, now))))
    blocks.append(Board(tuple(_move(move, words) for move in found.moves[:_MOST])))
    if found.silent:
        names = words.say("common.list_sep").join(found.silent)
        blocks.append(Line(f"{names}{words.say('common.colon')}{words.say('charge.around.none')}"))
    blocks.append(Heading(words.say("charge.around.tasks")))
    if found.seen:
        blocks.append(Steps(tuple(_seen(s, services, words) for s in found.seen[-_MOST:]), numbered=False))
    else:
        blocks.append(Line(words.say("charge.around.no_tasks")))
    for id, count in found.repeats[:5]:
        clean = services.gate.trusted(id).text
        blocks.append(Line(words.say("charge.around.twice", n=count, id=clean), strong=True))
    blocks += [Line(line) for line in words.lines("charge.around.limits")]
    blocks.append(Line(words.say("charge.around.next")))
    return Reply(title=words.say("charge.around.title", when=words.when(found.at, now)), blocks=tuple(blocks))


def _move(move: Move, words: Words) -> Row:
    kind = f"alert.figures.{move.kind.value}"
    name = f"{move.account} · {words.say(kind)}" if words.has(kind) else move.account
    under = [words.say("charge.around.of_task")] if move.of_task else []
    if move.before is None or move.after is None or move.change is None:
        side = move.before or move.after
        assert side is not None
        when = words.local(side[0]).strftime("%H:%M:%S")
        text = words.say("charge.around.one_side", figure=words.money(side[1], move.currency), when=when)
        return Row("?", name, text, under=tuple(under), tone="quiet")
    start, end = (words.local(side[0]).strftime("%H:%M:%S") for side in (move.before, move.after))
    key, sign = ("fell", "−") if move.change < 0 else ("rose", "+") if move.change > 0 else ("same", "=")
    amount = words.money(abs(move.change), move.currency)
    if move.wide is not None:
        under.append(words.say("charge.around.wide", span=alert_words.span(move.wide, words)))
    return Row(sign, name, words.say(f"charge.around.{key}", amount=amount, start=start, end=end), under=tuple(under))


def _seen(sighting: Sighting, services: Services, words: Words) -> str:
    engine = services.team.engines.get(sighting.engine or "")
    cause = f"cause.{sighting.cause}.title"
    id = str(sighting.request_id or sighting.payload.get("task_id") or "")
    return words.say(
        "charge.around.seen",
        when=words.local(sighting.at).strftime("%H:%M:%S"),
        cause=words.say(cause) if words.has(cause) else sighting.cause,
        engine=engine.title if engine else sighting.engine or words.say("charge.around.no_engine"),
        id=services.gate.trusted(id).text if id else words.say("charge.around.no_id"),
    )


# --- a payment -------------------------------------------------------------------------------------------------------------


async def topup(request: Request, services: Services, args: Sequence[str]) -> AsyncIterator[Reply]:
    """`50 CNY 10:05`, also `¥50 10:05` and `50元 昨天 18:05`."""
    words = Words(request.language, request.timezone)
    usage = UsageError(why=words.say("charge.topup.usage"))
    text = " ".join(args)
    for sign, currency in _SIGNS.items():
        text = re.sub(rf"{re.escape(sign)}", f" {currency} ", text, flags=re.IGNORECASE)
    parts = text.split()
    currencies = [p for p in parts if _CURRENCY.match(p) and p.lower() not in ("yesterday", "today")]
    amounts = [p for p in parts if amount_of(p) is not None]
    if len(currencies) != 1 or not amounts:
        raise usage
    amount = amount_of(amounts[0])
    rest = " ".join(p for p in parts if p not in (currencies[0], amounts[0]))
    now = services.clock.now()
    at = moment(rest, now, request.timezone) if rest else None
    if at is None or amount is None:
        raise usage
    if at > now or (now - at).days > 30:
        key = "future" if at > now else "old"
        yield Reply(blocks=(Line(words.say(f"charge.around.{key}", when=words.when(at, now))),))
        return
    found = await _charges(services).top_up(amount, currencies[0].upper(), at)
    yield topup_reply(found, services, words)


def topup_reply(found: TopUp, services: Services, words: Words) -> Reply:
    """Rises that fit a payment first, in its currency, then the others."""
    now = services.clock.now()
    sep = words.say("common.list_sep")
    paid = words.money(found.amount, found.currency)
    blocks: list[Block] = []
    fits = [rise for rise in found.rises if rise.fits]
    others = [rise for rise in found.rises if not rise.fits]
    if fits:
        blocks.append(Heading(words.say("charge.topup.fits_title")))
        blocks.append(Steps(tuple(_rise(r, "fits", paid, found, services, words) for r in fits[:5]), numbered=False))
    elif found.looked:
        since = words.when(found.paid_at, now)
        accounts = sep.join(found.looked)
        blocks.append(
            Line(
                words.say("charge.topup.nothing", currency=found.currency, since=since, accounts=accounts), strong=True
            )
        )
    else:
        blocks.append(Line(words.say("charge.topup.no_account", currency=found.currency), strong=True))
    if others:
        blocks.append(Heading(words.say("charge.topup.other_title")))
        blocks.append(Steps(tuple(_rise(r, "other", paid, found, services, words) for r in others[:5]), numbered=False))
    if found.rises:
        blocks.append(Line(words.say("charge.topup.spent")))
    if found.unseen:
        blocks.append(Line(words.say("charge.topup.unseen", accounts=sep.join(found.unseen))))
    if not fits:
        accounts = sep.join(account.name for account in services.balances.accounts())
        blocks.append(Heading(words.say("charge.topup.four_title")))
        blocks.append(Steps(words.lines("charge.topup.four", accounts=accounts)))
        blocks.append(Heading(words.say("charge.topup.why_title")))
        blocks.append(Steps(words.lines("charge.topup.why"), numbered=False))
        blocks.append(Line(words.say("charge.topup.hand_over")))
    blocks.append(Line(words.say("charge.topup.limits")))
    title = words.say("charge.topup.title", amount=paid, when=words.when(found.paid_at, now))
    return Reply(title=title, blocks=tuple(blocks))


def _rise(rise: Arrival, key: str, paid: str, found: TopUp, services: Services, words: Words) -> str:
    now = services.clock.now()
    return words.say(
        f"charge.topup.{key}",
        account=rise.account,
        amount=words.money(rise.gained, found.currency),
        start=words.when(rise.start, now, zone=False),
        end=words.when(rise.end, now, zone=False),
        paid=paid,
    )
