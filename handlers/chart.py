"""`/balance chart [engine|route]`: a fortnight as a picture, and the same in text. `/balance` hands its words here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal

from bot import charts
from bot.locales import Words, alert_words
from bot.model.chat import Action, Block, Facts, Heading, Line, Reply, Request
from bot.services import Services
from bot.services.trend import Trend, trends

_PICTURED, _SHOWN, _FEW = 4, 8, 5


async def run(request: Request, services: Services, names: Sequence[str]) -> AsyncIterator[Reply]:
    """`names`: what follows the word chart. Raises UnknownName."""
    words = Words(request.language, request.timezone)
    found = await trends(services.balances, services.store, services.clock, names)
    name = words.say("common.list_sep").join(names) or (
        services.team.support.environment or words.say("balance.title_plain")
    )
    title = words.say("chart.title", name=name)
    if not found:
        yield Reply(title=title, blocks=(Line(words.say("chart.none", name=name)),))
        return
    drawn = [series(trend) for trend in found if len(trend.points) > 1][:_PICTURED]
    picture = await asyncio.to_thread(charts.balance_chart, drawn, request.timezone) if drawn else None
    blocks: list[Block] = [block for trend in found[:_SHOWN] for block in twin(trend, words)]
    if picture is not None:
        blocks.append(Line(words.say("chart.picture_note")))
    value = " ".join(names)
    actions = (
        (Action("balance.show", words.say("balance.title_plain"), value),) if 0 < len(value.encode()) <= 44 else ()
    )
    yield Reply(title=title, blocks=tuple(blocks), actions=actions, picture=picture)


def series(trend: Trend) -> charts.Series:
    """For the picture: a fan only where both ends of the runway are known and something is left."""
    low, high = trend.runway.low_days, trend.runway.high_days
    fan = (low, high) if low is not None and high is not None and trend.points[-1][1] > 0 else None
    return charts.Series(
        trend.account, trend.unit, trend.points, trend.threshold, fan, tuple(rise.at for rise in trend.rises)
    )


def twin(trend: Trend, words: Words) -> tuple[Block, ...]:
    """The picture's panel in words: nobody needs the picture to know the figures."""
    first, last = trend.points[0], trend.points[-1]
    amounts = [amount for _, amount in trend.points]

    def money(amount: Decimal) -> str:
        return words.money(amount, trend.unit)

    alone, few = len(trend.points) == 1, len(trend.points) < _FEW
    if alone:
        when = words.when(last[0], last[0], zone=False)
        rows = [(words.say("chart.only"), words.say("chart.one", amount=money(last[1]), when=when))]
    else:
        spark = charts.sparkline(trend.points)
        line = words.say("chart.line", spark=spark, start=money(first[1]), now=money(last[1]))
        rows = [(words.say("chart.window"), line)]
    facts = [] if alone else [words.say("chart.extremes", low=money(min(amounts)), high=money(max(amounts)))]
    if trend.rises:
        now = last[0]
        items = words.say("common.list_sep").join(
            words.say("chart.arrival", amount=money(rise.amount), when=words.when(rise.at, now, zone=False))
            for rise in trend.rises[-3:]
        )
        facts.append(words.say("chart.arrivals", n=len(trend.rises), items=items))
    elif not few:  # two readings say nothing about a fortnight
        facts.append(words.say("chart.no_arrivals"))
    lasts = alert_words.runway(trend.runway, words)
    if lasts and last[1] > 0:
        facts.append(words.say("chart.runway", text=lasts))
    elif last[1] > 0:
        facts.append(words.say("chart.runway_flat" if trend.runway.why == "not_falling" else "chart.runway_unknown"))
    if trend.threshold is not None:
        facts.append(words.say("chart.threshold", amount=money(trend.threshold)))
    if few and not alone:
        facts.append(words.say("chart.few", n=len(trend.points)))
    kind = f"alert.figures.{trend.kind.value}"
    head = f"{trend.account} · {words.say(kind)}" if words.has(kind) else trend.account
    return (Heading(head), Facts(tuple(rows)), *(Line(fact) for fact in facts))
