"""Alerts, spans and runways in one reader's words: the same sentences in a support chat and in `/quota alerts`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from bot.locales import Words
from bot.locales.width import narrow
from bot.model.alert import AlertEvent, AlertKind, Notice
from bot.model.chat import Action, Block, Board, Line, Links, Reply, Row
from bot.model.money import Runway

_TONE = {"better": "warn", "clear": "good", "info": "good"}


def span(duration: timedelta, words: Words) -> str:
    """`2 小时 16 分`, `3 d 4 h`, `3 h`: two units, because people compare it with their own watch; none of them zero."""
    minutes = int(max(duration.total_seconds(), 0) // 60)
    if minutes < 1:
        return words.say("alert.span.short")
    if minutes < 60:
        return words.say("alert.span.minutes", m=minutes)
    if minutes < 24 * 60:
        hours, rest = divmod(minutes, 60)
        return words.say("alert.span.hours" if rest else "alert.span.hours_whole", h=hours, m=rest)
    days, rest = divmod(minutes // 60, 24)
    return words.say("alert.span.days" if rest else "alert.span.days_whole", d=days, h=rest)


def days(low: Decimal, high: Decimal, words: Words) -> str:
    """A range: hours below two days, never narrower than one unit."""
    key, factor = ("alert.hours", 24) if high < 2 else ("alert.days", 1)
    first = int((low * factor).to_integral_value(ROUND_FLOOR))
    last = int((high * factor).to_integral_value(ROUND_CEILING))
    return words.say(key, low=first, high=max(last, first + 1))


def runway(run: Runway, words: Words) -> str:
    """Empty where it is not known."""
    return days(run.low_days, run.high_days, words) if run.low_days is not None and run.high_days is not None else ""


def reason(word: str, facts: Mapping[str, Any], words: Words, provider: str = "") -> str:
    """A sentence for a machine word; the word itself where there is none."""
    for section in ("balance.reasons", "alert.reasons"):
        if words.has(f"{section}.{word}"):
            return words.say(f"{section}.{word}", **{"provider": provider, **facts}).rstrip("。.")
    return word.replace("_", " ") or words.say("common.unknown")


def _decimal(facts: Mapping[str, Any], name: str) -> Decimal | None:
    value = facts.get(name)
    return Decimal(value) if isinstance(value, str) and value else None


def _time(facts: Mapping[str, Any], name: str) -> datetime | None:
    value = facts.get(name)
    return datetime.fromisoformat(value) if isinstance(value, str) and value else None


def figure(facts: Mapping[str, Any], words: Words) -> str:
    """What is left, with its kind where it is not simply the account's money. Empty where nothing was told."""
    amount = _decimal(facts, "amount")
    if amount is None:
        return ""
    text = words.money(amount, facts.get("currency"))
    limit = _decimal(facts, "limit")
    if limit:
        unit = str(facts.get("currency") or "")
        if not (len(unit) == 3 and unit.isupper()):  # `0 of 120 requests`: a unit is named once
            text = words.number(amount)
        text = words.say("alert.of", amount=text, limit=words.money(limit, unit or None))
    kind = f"alert.figures.{facts.get('figure')}"
    return words.say("alert.figure", kind=words.say(kind), amount=text) if words.has(kind) else text


def _state(event: AlertEvent) -> str:
    if event.phase == "better":
        return "better"
    if event.phase == "clear":
        ends = {AlertKind.JUMP: "calm", AlertKind.REACH: "reached", AlertKind.KEY: "key_works"}
        return ends.get(event.kind, "clear")
    return begun(event.kind, event.level, event.facts)


def begun(kind: AlertKind, level: int, facts: Mapping[str, Any]) -> str:
    """The key under `[alert.states]` for a risk that is there."""
    if kind is AlertKind.MONEY:
        return "limited" if level >= 3 and facts.get("account_amount") else f"money{min(max(level, 1), 3)}"
    if kind is AlertKind.RUNWAY:
        return "monday" if facts.get("monday") else "runway"
    return kind.value


def _lines(event: AlertEvent, words: Words, now: datetime) -> list[str]:
    """What follows the figure, most telling first."""
    facts, out = event.facts, list[str]()
    low, high = _decimal(facts, "low_days"), _decimal(facts, "high_days")
    lasts = days(low, high, words) if low is not None and high is not None else ""
    if event.phase in ("clear", "better", "info"):
        out += _arrival(event, words, now)
        shown = figure(facts, words)
        if shown and out:
            out.append(words.say("alert.now", figure=shown))
        if lasts and not (event.phase == "better" and facts.get("account_amount")):
            out.append(lasts)
        return out
    if event.kind is AlertKind.MONEY and event.level >= 3:
        if facts.get("account_amount"):
            account = words.money(_decimal(facts, "account_amount"), facts.get("account_currency"))
            kind = words.say(f"alert.figures.{facts.get('figure')}")
            out.append(words.say("alert.limited", amount=account, kind=kind))
    elif event.kind is AlertKind.JUMP:
        spent, typical = _decimal(facts, "spent"), _decimal(facts, "typical")
        unit = facts.get("spent_in")
        key = "alert.jump" if typical else "alert.jump_new"
        out.append(words.say(key, spent=words.money(spent, unit), typical=words.money(typical, unit)))
    elif event.kind in (AlertKind.REACH, AlertKind.KEY):
        why = reason(
            str(facts.get("reason") or "key_refused"),
            facts.get("reason_facts") or {},
            words,
            str(facts.get("provider") or ""),
        )
        out.append(words.say(f"alert.{event.kind.value}", reason=why))
        last = _time(facts, "last_good_at")
        if last is not None and figure(facts, words):
            out.append(
                words.say("alert.last_good", figure=figure(facts, words), when=words.when(last, now, zone=False))
            )
        return out
    if lasts and not (event.kind is AlertKind.MONEY and event.level >= 3):
        out.append(lasts)
        if facts.get("weekend") and begun(event.kind, event.level, facts) != "monday":
            out.append(words.say("alert.weekend"))
    resets = _time(facts, "resets_at")
    if resets is not None:
        out.append(words.say("alert.resets", when=words.when(resets, now, zone=False), utc=words.utc(resets)))
    return out


def _arrival(event: AlertEvent, words: Words, now: datetime) -> list[str]:
    rise, at = _decimal(event.facts, "rise"), _time(event.facts, "rise_at")
    if rise is None or at is None:
        return []
    if event.phase != "info" and not event.facts.get("how"):
        return []
    key = {"account_money": "arrived", "key_budget": "raised"}.get(str(event.facts.get("rise_figure")), "reset")
    if event.phase == "info" and key == "arrived":
        key = "gain"
    amount = words.money(rise, event.facts.get("rise_currency"))
    return [words.say(f"alert.{key}", amount=amount, when=words.when(at, now, zone=False))]


def row(event: AlertEvent, words: Words, now: datetime, titles: Mapping[str, str]) -> Row:
    """One line: state, account, figure, what matters; below it the engines. `titles`: engine name to its title."""
    state = words.say(f"alert.states.{_state(event)}")
    lines = _lines(event, words, now)
    shown = figure(event.facts, words)
    ends = event.phase in ("clear", "better", "info")
    if event.kind in (AlertKind.REACH, AlertKind.KEY) and not ends:
        shown = ""
    if ends and lines and event.facts.get("rise"):
        shown = ""  # the figure is in the sentence about the arrival
    note = words.say("alert.sep").join(lines)
    if event.phase in ("clear", "better"):
        begin = begun(event.kind, event.level, event.facts)
        before = words.say(f"alert.states.{'reach_for' if begin == 'reach' else begin}")
        note += words.say(
            "alert.was", state=before, span=span((event.at if event.phase == "clear" else now) - event.since, words)
        )
    under: list[str] = []
    names = words.say("common.list_sep").join(titles.get(name, name) for name in event.engines)
    if names and event.phase in ("fire", "worse"):
        under.append(words.say("alert.down" if event.urgent else "alert.affects", engines=names))
    if (standby := event.facts.get("standby")) and event.phase in ("fire", "worse"):
        under.append(words.say("alert.standby", engines=names_of(standby, words, titles)))
    if event.ended is not None:
        state = words.say("alert.over", title=state)
        under = [words.say("alert.lasted", span=span(event.ended - event.since, words))]
    tone = _TONE.get(event.phase) or ("good" if event.ended else "bad" if event.urgent or event.level >= 3 else "warn")
    return Row(state, event.account, shown, note, tuple(under), tone)  # type: ignore[arg-type]


def notice(
    item: Notice,
    words: Words,
    now: datetime,
    titles: Mapping[str, str],
    switchable: Collection[str] = (),
) -> Reply:
    """A notice as a message. One account: a sentence with buttons. Many: a board. `switchable`: engines with another route."""
    rows = [row(event, words, now, titles) for event in item.events]
    if item.digest or len({event.account for event in item.events}) > 1:
        n = len({event.account for event in item.events})
        key = "alert.digest_over" if item.over and _had_risk(item) else "alert.digest"
        if all(event.phase == "clear" for event in item.events):
            key = "alert.digest_good"
        title = words.say(key, n=n)
        return Reply(
            title=title,
            blocks=(Board(narrow(rows)),),
            actions=_digest_actions(item, words),
            audience="place",
        )
    first = rows[0]
    title = words.say("alert.title", state=first.state, account=first.name, figure=first.figure).rstrip()
    blocks: list[Block] = []
    for index, (line, event) in enumerate(zip(rows, item.events, strict=True)):
        text = line.note
        if index > 0:
            head = words.say("alert.title", state=line.state, account=line.name, figure=line.figure).rstrip()
            text = head + (words.say("common.colon") + text if text else "")
        blocks += [Line(t) for t in (text, *line.under) if t]
        url = event.facts.get("top_up_url")
        if url and event.kind in (AlertKind.MONEY, AlertKind.RUNWAY) and not _done(event):
            blocks.append(Links(((words.say("alert.top_up", account=event.account), str(url)),)))
    return Reply(title=title, blocks=tuple(blocks), actions=_actions(item, words, switchable), audience="place")


def _done(event: AlertEvent) -> bool:
    return event.ended is not None or event.phase in ("clear", "info")


def _had_risk(item: Notice) -> bool:
    return any(event.phase not in ("clear", "info") for event in item.events)


def _digest_actions(item: Notice, words: Words) -> tuple[Action, ...]:
    if item.over:
        return ()
    return (
        Action("alert.list", words.say("alert.list")),
        Action("alert.silence", words.say("alert.silence.all"), "h:*:*"),
    )


def _actions(item: Notice, words: Words, switchable: Collection[str]) -> tuple[Action, ...]:
    live = next((event for event in item.events if not _done(event)), None)
    if live is None:
        return ()
    name, kind = live.account, live.kind.value
    actions: list[Action] = []
    engine = next((e for e in live.engines if e in switchable and len(e) <= 40), None)
    if live.urgent and engine is not None:
        actions.append(Action("switch.plan", words.say("balance.switch", engine=engine), engine, style="primary"))
    actions.append(Action("balance.show", words.say("alert.show", account=name), name))
    if live.urgent:
        actions.append(Action("alert.tell", words.say("alert.tell"), name))
    actions += [
        Action("alert.silence", words.say(f"alert.silence.{how}"), f"{how[0]}:{kind}:{name}")
        for how in ("weekend", "hours", "episode")
    ]
    return tuple(actions)


def names_of(engines: Sequence[str], words: Words, titles: Mapping[str, str]) -> str:
    """Titles in one line; a name without a title stands as it is."""
    return words.say("common.list_sep").join(titles.get(name, name) for name in engines)
