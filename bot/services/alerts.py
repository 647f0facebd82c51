"""The life of an alert. Pure: episodes in, episodes and lines out; where they are kept and said is the watch's.

A risk opens an episode when it is confirmed, speaks once for each level it reaches, and ends when recovery is proved: by a
figure that rose, or by several looks with a margin for some time. Only then can the same risk speak again. Nothing that is
unknown moves an episode.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from bot.model.alert import AlertEvent, AlertKind, Episode, Phase, Silence
from bot.model.values import dataclass
from bot.services.risks import Condition, Look, assess, utc

GATHER: Final = timedelta(minutes=2)  # what begins together is said together
MANY: Final = 3  # so many accounts at once are one message
_OLD_NEWS: Final = timedelta(hours=24)
_ORDER: Final = (
    AlertKind.MONEY,
    AlertKind.KEY,
    AlertKind.RUNWAY,
    AlertKind.JUMP,
    AlertKind.REACH,
    AlertKind.TOPUP,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """How a kind begins (`confirm` looks over `hold`) and ends without other proof (`proof` looks over `calm`)."""

    confirm: int = 1
    hold: timedelta = timedelta(0)
    proof: int = 2
    calm: timedelta = timedelta(minutes=10)


RULES: Final[Mapping[AlertKind, Rule]] = {
    AlertKind.MONEY: Rule(),
    AlertKind.RUNWAY: Rule(confirm=2, calm=timedelta(hours=1)),
    AlertKind.JUMP: Rule(calm=timedelta(hours=1)),
    AlertKind.REACH: Rule(confirm=3, hold=timedelta(hours=1), proof=1, calm=timedelta(0)),
    AlertKind.KEY: Rule(confirm=2, proof=1, calm=timedelta(0)),
}


# --- one look --------------------------------------------------------------------------------------------------------------


def step(episodes: Mapping[AlertKind, Episode], look: Look) -> dict[AlertKind, Episode]:
    """The account's episodes after this look."""
    after = dict(episodes)
    conditions = assess(look)
    arrived = conditions.pop(AlertKind.TOPUP, None)
    for kind, condition in conditions.items():
        before = episodes.get(kind) or Episode(look.state.account, kind)
        after[kind] = advance(before, condition, look.at, look.state.engines)
    money, runway = after.get(AlertKind.MONEY), after.get(AlertKind.RUNWAY)
    if money and runway and money.open and runway.open:
        # Nearly gone and gone within hours are one piece of news.
        if runway.told >= 2 == money.level > money.told:
            after[AlertKind.MONEY] = replace(money, told=2, owed_since=None)
        elif money.level >= 3 or money.told >= 2:
            after[AlertKind.RUNWAY] = replace(runway, covered=not runway.told, told=runway.told and runway.level)
    if arrived is not None and not _told_by_an_end(episodes, after):
        after[AlertKind.TOPUP] = _arrival(episodes.get(AlertKind.TOPUP), arrived, look)
    return {kind: episode for kind, episode in after.items() if episode != Episode(episode.account, kind)}


def _told_by_an_end(before: Mapping[AlertKind, Episode], after: Mapping[AlertKind, Episode]) -> bool:
    """Whether the arrival ended or eased something that was spoken: its own message names the arrival."""
    for kind in (AlertKind.MONEY, AlertKind.RUNWAY):
        old, new = before.get(kind), after.get(kind)
        if old and new and old.open and phase(new) in ("clear", "better"):
            return True
    return False


def _arrival(before: Episode | None, arrived: Condition, look: Look) -> Episode:
    facts = dict(arrived.facts)
    if before and before.open and before.facts.get("rise_currency") == facts["rise_currency"]:
        facts["rise"] = format(Decimal(before.facts["rise"]) + Decimal(facts["rise"]), "f")
    return Episode(
        look.state.account,
        AlertKind.TOPUP,
        open=True,
        level=1,
        since=look.at,
        owed_since=before.owed_since if before and before.open else look.at,
        engines=look.state.engines,
        facts=facts,
    )


def advance(episode: Episode, condition: Condition, now: datetime, engines: tuple[str, ...]) -> Episode:
    """The episode after one more look. Nothing is said here: `step` tells what has to be."""
    rule = RULES[episode.kind]
    if condition.level > 0:
        return _worse(replace(episode, good=0, first_good=None), condition, rule, now, engines)
    if not episode.open:
        return replace(episode, bad=0, first_bad=None)
    if not condition.sure:
        # Between the two thresholds: no longer as bad, not yet over.
        kept = replace(episode, good=0, first_good=None)
        return _moves(kept, replace(condition, level=1), now) if episode.level > 1 else kept
    return _recovers(episode, condition, rule, now)


def _worse(episode: Episode, condition: Condition, rule: Rule, now: datetime, engines: tuple[str, ...]) -> Episode:
    if episode.open:
        return _moves(replace(episode, facts=condition.facts, engines=engines), condition, now)
    first = episode.first_bad or now
    bad = episode.bad + 1
    if bad < rule.confirm or now - first < rule.hold:
        return replace(episode, bad=bad, first_bad=first)
    again = episode.told > 0  # its end was never said: the same episode goes on
    return replace(
        episode,
        open=True,
        level=condition.level,
        since=episode.since if again else first,
        stopped=now if condition.level >= 3 else None,
        ended=None,
        how="",
        owed_since=now if condition.level > episode.told else None,
        bad=0,
        first_bad=None,
        engines=engines,
        facts=condition.facts,
    )


def _moves(episode: Episode, condition: Condition, now: datetime) -> Episode:
    """Up at once; down when it is proved, so that a level that flickers speaks once."""
    level = condition.level
    if level >= episode.level:
        owed = episode.owed_since or (now if level > episode.told and not episode.covered else None)
        stopped = episode.stopped or (now if level >= 3 else None)
        return replace(episode, level=level, stopped=stopped, bad=0, first_bad=None, owed_since=owed)
    first = episode.first_bad or now
    downs = episode.bad + 1
    if not condition.how and (downs < 2 or now - first < RULES[episode.kind].calm):
        return replace(episode, bad=downs, first_bad=first)
    eased = episode.told >= 3 > level
    return replace(
        episode, level=level, bad=0, first_bad=None, how=condition.how, owed_since=now if eased else episode.owed_since
    )


def _recovers(episode: Episode, condition: Condition, rule: Rule, now: datetime) -> Episode:
    first, good = episode.first_good or now, episode.good + 1
    if not condition.how and (good < rule.proof or now - first < rule.calm):
        return replace(episode, good=good, first_good=first)
    if not episode.told or episode.covered:
        return Episode(episode.account, episode.kind)  # nobody heard of it: nothing to take back
    return replace(
        episode,
        open=False,
        ended=now,
        how=condition.how,
        owed_since=now,
        good=0,
        first_good=None,
        facts={**episode.facts, **condition.facts},
    )


# --- what is owed ----------------------------------------------------------------------------------------------------------


def phase(episode: Episode) -> Phase | None:
    """What the episode has to say; None where everything was said."""
    if episode.covered:
        return None
    if episode.kind is AlertKind.TOPUP:
        return "info" if episode.open else None
    if not episode.open:
        return "clear" if episode.told else None
    if episode.level > episode.told:
        return "worse" if episode.told else "fire"
    return "better" if episode.told >= 3 > episode.level else None


def quiet(now: datetime, hours: tuple[str, str] | None, timezone: str) -> bool:
    """Whether the team's clock on the wall is inside its quiet hours, whatever daylight saving does."""
    if hours is None or hours[0] == hours[1]:
        return False
    wall = now.astimezone(ZoneInfo(timezone)).strftime("%H:%M")
    start, end = hours
    return start <= wall < end if start < end else wall >= start or wall < end


def silenced(episode: Episode, silences: Iterable[Silence], now: datetime) -> int:
    """Up to which level nothing is said now; 0 where no silence holds."""
    levels = [
        s.level
        for s in silences
        if s.until > now
        and s.account in ("*", episode.account)
        and s.kind in ("*", episode.kind.value)
        and s.episode in (None, episode.since)
    ]
    return max(levels, default=0)


@dataclass(frozen=True, slots=True)
class Speech:
    """Groups of lines to say now (one message each) and the episodes as they are once that is said."""

    messages: tuple[tuple[AlertEvent, ...], ...] = ()
    digest: bool = False
    episodes: tuple[Episode, ...] = ()  # only those that changed


def speak(
    episodes: Sequence[Episode],
    silences: Sequence[Silence],
    now: datetime,
    *,
    is_quiet: bool,
    gather: timedelta = GATHER,
) -> Speech:
    """What has to be said at this moment. What is held by quiet hours or a silence stays owed."""
    changed: dict[str, Episode] = {}
    ready: list[tuple[Episode, Phase]] = []
    held: list[tuple[Episode, Phase]] = []
    for episode in episodes:
        what = phase(episode)
        if what is None:
            continue
        mute = silenced(episode, silences, now)
        if what == "info" and now - (episode.since or now) > _OLD_NEWS:
            changed[episode.id] = _said(episode, what)
            continue
        if what in ("fire", "worse", "info") and mute >= max(episode.level, 1):
            continue
        if what in ("clear", "better") and mute >= episode.told:
            changed[episode.id] = _said(episode, what)  # silenced: the first message is edited, nothing is posted
            continue
        if what == "clear" and episode.kind is AlertKind.RUNWAY and not episode.how:
            # It lasted after all: no news, only no longer true. With money in the account the end is news.
            changed[episode.id] = _said(episode, what)
            continue
        if is_quiet and not episode.urgent:
            held.append((episode, what))
            continue
        ready.append((episode, what))
    if not ready:
        return Speech(episodes=tuple(changed.values()))
    urgent = {e.account for e, _ in ready if e.urgent}
    waited = now - min(e.owed_since or now for e, _ in ready)
    if waited < gather:
        ready = [(e, what) for e, what in ready if e.account in urgent]
    groups: dict[str, list[AlertEvent]] = {}
    for episode, what in sorted(ready, key=lambda pair: (not pair[0].urgent, _ORDER.index(pair[0].kind))):
        changed[episode.id] = _said(episode, what)
        lines = groups.setdefault(episode.account, [])
        if not _joined(episode, what, lines):
            lines.append(_event(episode, what, now))
        else:
            changed[episode.id] = replace(changed[episode.id], covered=changed[episode.id].open)
    for episode, what in held:
        if _joined(episode, what, groups.get(episode.account, ())):
            said = _said(episode, what)
            changed[episode.id] = replace(said, covered=said.open)
    if len(groups) >= MANY:
        return Speech((tuple(line for lines in groups.values() for line in lines),), True, tuple(changed.values()))
    return Speech(tuple(tuple(lines) for lines in groups.values()), False, tuple(changed.values()))


def _joined(episode: Episode, what: Phase, lines: Sequence[AlertEvent]) -> bool:
    """A runway is part of the line about money, in its beginning and in its end."""
    if episode.kind is not AlertKind.RUNWAY:
        return False
    same: tuple[Phase, ...] = ("clear", "better") if what == "clear" else ("fire", "worse")
    return any(line.kind is AlertKind.MONEY and line.phase in same for line in lines)


def _event(episode: Episode, what: Phase, now: datetime) -> AlertEvent:
    return AlertEvent(
        episode.account,
        episode.kind,
        what,
        episode.told if what in ("clear", "better") else episode.level,
        episode.urgent,
        episode.ended or now,
        (episode.stopped if max(episode.level, episode.told) >= 3 else None) or episode.since or now,
        episode.engines,
        {**episode.facts, "how": episode.how},
    )


def _said(episode: Episode, what: Phase) -> Episode:
    if what in ("clear", "info"):
        return Episode(episode.account, episode.kind)
    stopped = episode.stopped if episode.level >= 3 else None
    return replace(episode, told=episode.level, stopped=stopped, owed_since=None)


# --- JSON ------------------------------------------------------------------------------------------------------------------

_TIMES: Final = ("since", "stopped", "ended", "owed_since", "first_bad", "first_good")


def episode_to_json(episode: Episode) -> dict[str, Any] | None:
    """None for an episode of which nothing needs to be remembered."""
    if episode == Episode(episode.account, episode.kind):
        return None
    out: dict[str, Any] = {
        name: getattr(episode, name)
        for name in ("open", "level", "told", "covered", "how", "bad", "good")
        if getattr(episode, name)
    }
    out |= {name: at.isoformat() for name in _TIMES if (at := getattr(episode, name)) is not None}
    return {**out, "engines": list(episode.engines), "facts": dict(episode.facts)}


def episode_from_json(account: str, kind: AlertKind, value: Mapping[str, Any]) -> Episode:
    """Fields that this version does not know are left out."""
    known: dict[str, Any] = {
        name: value[name] for name in ("open", "level", "told", "covered", "how", "bad", "good") if name in value
    }
    known |= {name: utc(value[name]) for name in _TIMES if value.get(name)}
    return Episode(account, kind, **known, engines=tuple(value.get("engines", ())), facts=dict(value.get("facts", {})))
