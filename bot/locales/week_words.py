"""The weekly report in one reader's words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.locales import Words
from bot.locales.alert_words import names_of, runway
from bot.locales.width import narrow
from bot.model.alert import WeekReport, WeekRow
from bot.model.chat import Block, Board, Line, Reply, Row


def report(week: WeekReport, words: Words, titles: Mapping[str, str]) -> Reply:
    """One row for each account and currency, the shortest runway first."""
    from babel.dates import format_skeleton

    first, last = (format_skeleton("MMMd", words.local(at), locale=words.locale) for at in (week.start, week.end))
    title = words.say("report.title", start=first, end=last)
    rows = narrow([_week_row(one, words, week.end, titles) for one in week.rows])
    blocks: list[Block] = [Board(rows)] if rows else [Line(words.say("report.none"))]
    if week.unseen:
        blocks.append(Line(words.say("report.unseen", accounts=words.say("common.list_sep").join(week.unseen))))
    if len({one.currency for one in week.rows}) > 1:
        blocks.append(Line(words.say("report.note")))
    return Reply(title=title, blocks=tuple(blocks), audience="place")


def _week_row(one: WeekRow, words: Words, now: datetime, titles: Mapping[str, str]) -> Row:
    lasts = runway(one.runway, words)
    state = "unknown" if not lasts and one.runway.why != "not_falling" else "short" if one.before_monday else "ok"
    if one.spent is None:
        spent = words.say("report.spent_unknown")
    else:
        spent = words.say("report.spent", amount=words.money(one.spent, one.currency))
        if one.spent_before is not None:
            spent += words.say("report.before", amount=words.money(one.spent_before, one.currency))
    left = words.say("report.left", amount=words.money(one.left, one.currency))
    under: list[str] = []
    if one.since is not None:
        under.append(words.say("report.since", when=words.when(one.since, now, zone=False)))
    if one.arrived > 0:
        under.append(words.say("report.arrived", amount=words.money(one.arrived, one.currency)))
    if one.alerts:
        under.append(words.say("report.alerts", n=one.alerts))
    if one.engines:
        under.append(words.say("report.engines", engines=names_of(one.engines, words, titles)))
    note = words.say("alert.sep").join(filter(None, (left, lasts)))
    tone = {"short": "warn", "ok": "good"}.get(state, "quiet")
    more = (words.say("common.list_sep").join(under),) if under else ()
    return Row(words.say(f"report.states.{state}"), one.account, spent, note, more, tone)  # type: ignore[arg-type]
