"""Words for a diagnosis: one line of verdict, what it says, the proof, the steps in order, the evidence, the buttons."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from bot.locales import Words
from bot.model.chat import Action, Block, Found, Heading, Line, Links, Reply, Steps
from bot.model.diagnosis import MONEY_CAUSES, Cause, Diagnosis, Proven
from bot.model.engine import Engine
from bot.model.team import Team
from bot.services.detective import QUESTIONS, has_money, is_wallet
from handlers.diagnosis_facts import finding, is_open, kept, looked, pages_of, repeated, short_title
from handlers.diagnosis_pages import details
from handlers.diagnosis_says import meaning, says, strange
from handlers.diagnosis_when import stated, when_to_retry

_EITHER = "money_or_window"  # a note of signatures whose few words fit an empty balance and a used-up quota alike
_SURE = 0.8
_STATED = 0.9  # from here on the text itself says it, not only its status or its type
CHECKLISTS = frozenset({"gemini_zero"})  # notes whose steps are ticked one by one


def worded(
    d: Diagnosis,
    p: Proven,
    team: Team,
    words: Words,
    now: datetime,
    *,
    found: Found,
    number: int | None = None,
    checking: bool = False,
    done: Collection[int] = (),
) -> Reply:
    """The whole answer. `number`: the sighting's, for the buttons; None leaves them out (no chat to press them in). `done`:
    places of the checklist's steps that somebody ticked."""
    if p.certainty == "proved" and _EITHER in d.notes:  # the live check told which of the two it is
        d = replace(d, notes=tuple(n for n in d.notes if n != _EITHER))
    cause = f"cause.{p.cause.value}"
    where = _where(d, words)
    spared = has_money(p)
    title = words.say(_title_key(d, p, cause), cause=words.inside(words.say(f"{cause}.title")))
    wallet = is_wallet(d) and not (p.certainty == "proved" or checking)
    note = None if is_wallet(d) and p.certainty != "proved" else _note(d, p, words, spared=spared)
    blocks: list[Block] = [Line(words.say("common.demo_note"))] if team.demo else []
    blocks.append(Line(words.say(_certainty_key(d, p, checking=checking, two=wallet and not p.wallet)), strong=True))
    if wallet:
        blocks += _readings(d, p, words)
    elif is_open(p):
        blocks.append(Line(words.say("diagnose.money_but")))
    elif _unsure(d, p):
        blocks.append(Line(words.say("diagnose.money_seven")))
    else:
        blocks += meaning(d, p, words, note)
    blocks += says(d, title, words, doubt=_doubt(d) or _EITHER in d.notes)
    if p.findings:
        blocks.append(Heading(words.say("diagnose.proof_title" if looked(p) else "diagnose.said_title")))
        blocks.extend(Line(finding(f, words, now, team)) for f in p.findings)
    if p.repeats > 1 or p.ticket is not None:
        blocks.append(Line(repeated(p, d, words)))
    first = _first(p, team, words)
    reset = stated(d, p, words, now)
    dated = d.retry_after_s is not None or reset is not None and not reset.vague
    steps = _steps(d, p, words, note, spared=spared, dated=dated)
    told = note and not words.has(f"diagnose.notes.{note}.means")  # what it means stands above already
    heading = words.say(f"diagnose.notes.{note}.title") if told else words.say("diagnose.now")
    if note in CHECKLISTS and number is not None:
        # The buttons name the steps by number, so nothing else may stand among them.
        blocks += [Line(line) for line in first]
        blocks += [Heading(heading), Steps(tuple(_ticked(i, line, done, words) for i, line in enumerate(steps)))]
    elif first or steps:
        blocks += [Heading(heading), Steps((*first, *steps)[:8])]
    blocks.append(Line(when_to_retry(d, p, words, now, reset)))
    links = tuple(link for link in pages_of(d, p, team, words) if not any(link[1] in step for step in (*first, *steps)))
    if links and note not in CHECKLISTS:  # each step has its own link there
        blocks.append(Links(links))
    if collected := kept(d, found, words):
        blocks.append(Line(collected))
    if not checking:
        for place, question in enumerate(p.questions):
            text = words.say(f"diagnose.ask_for.{question}.text")
            blocks.append(Line(words.say("diagnose.one_more" if place else "diagnose.one_question", text=text)))
    if p.ask_engine:
        blocks.append(Line(words.say("diagnose.which_engine")))
    actions = _actions(team, p, number, words, checking=checking) if number is not None else ()
    if number is not None and note in CHECKLISTS and not checking:
        actions = (*_checks(number, len(steps), done, words), *actions)
    return Reply(
        title=words.say("diagnose.title", verdict=title, where=where) if where else title,
        blocks=tuple(blocks),
        actions=actions,
        details=details(d, p, words, note),
    )


def _note(d: Diagnosis, p: Proven, words: Words, *, spared: bool) -> str | None:
    """A note is the advice for exactly this error; the general steps of its cause then move behind the details. A live
    proof of another cause, or money on the account, knows better than the note."""
    if (
        spared
        or p.certainty == "narrowed"
        or (p.certainty == "proved" and (p.cause is not d.cause or d.confidence < _SURE))
    ):
        return None
    return next((n for n in d.notes if words.lines(f"diagnose.notes.{n}.steps")), None)


def _ticked(index: int, line: str, done: Collection[int], words: Words) -> str:
    return words.say("diagnose.step_done" if index in done else "diagnose.step_open", text=line)


def _checks(number: int, steps: int, done: Collection[int], words: Words) -> tuple[Action, ...]:
    return tuple(
        Action("diagnose.done", words.say("diagnose.buttons.done", n=index + 1), f"{number}:{index}")
        for index in range(steps)
        if index not in done
    )


def _title_key(d: Diagnosis, p: Proven, cause: str) -> str:
    """A cause that several others may explain as well is called likely, and a money cause with money there is not called one."""
    if strange(d, p):
        return "diagnose.strange_title"
    if p.wallet == "relay":
        return "diagnose.wallet.relay_title"
    if is_wallet(d) and p.certainty != "proved" and not p.wallet:
        return "diagnose.wallet.open_title"
    if is_open(p):
        return "diagnose.not_proved_title"
    if p.certainty == "narrowed" and not is_wallet(d):
        return "diagnose.likely_title"
    if p.certainty == "text" and _EITHER in d.notes:
        return "diagnose.money_or_window_title"
    return "diagnose.money_unsure_title" if _unsure(d, p) else f"{cause}.title"


def _doubt(d: Diagnosis) -> bool:
    return d.confidence < _SURE and len(d.causes) > 1


def _unsure(d: Diagnosis, p: Proven) -> bool:
    return p.certainty == "text" and _doubt(d) and p.cause in MONEY_CAUSES


def _certainty_key(d: Diagnosis, p: Proven, *, checking: bool, two: bool) -> str:
    level: str = "stated" if p.certainty == "text" and d.confidence >= _STATED and not _doubt(d) else p.certainty
    if level == "narrowed" and not looked(p):
        level = "said"
    return f"diagnose.certainty.{'checking' if checking else 'two_readings' if two else level}"


def _readings(d: Diagnosis, p: Proven, words: Words) -> list[Block]:
    """A relay passed an empty wallet on: ours with the relay, or the relay's own with its provider."""
    names: dict[str, object] = {
        "gateway": short_title(d.gateway, words) or words.say("diagnose.wallet.relay"),
        "provider": short_title(d.provider, words),
    }
    own = next((f for f in p.findings if f.cause is Cause.BALANCE_EXHAUSTED and f.key in ("has", "unlimited")), None)
    if p.wallet == "relay" and own is not None:
        names["figure"] = (
            words.money(*own.facts["figure"])  # type: ignore[misc]
            if own.key == "has"
            else words.say("diagnose.wallet.unlimited")
        )
        keys = ["relay_proved"]
    elif p.wallet:
        keys = [f"{p.wallet}_said"]
    else:
        keys = ["one", "two", "hint"]
    if d.status is not None and d.status >= 500:
        keys.insert(0, "trust")
    return [Line(words.say(f"diagnose.wallet.{key}", status=d.status, **names)) for key in keys]


def _where(d: Diagnosis, words: Words) -> str:
    provider, gateway = short_title(d.provider, words), short_title(d.gateway, words)
    if provider and gateway and provider != gateway:
        return words.say("diagnose.through", gateway=gateway, provider=provider)
    return provider or gateway


def _first(p: Proven, team: Team, words: Words) -> tuple[str, ...]:
    """What brings the engine back at once, before the cause is mended."""
    if p.better_route and p.engine:
        way = "step_switch" if team.engines[p.engine].env_file else "step_route"
        key = f"diagnose.{way}_figure" if p.better_figure else f"diagnose.{way}"
        figure = words.money(*p.better_figure) if p.better_figure else ""
        return (words.say(key, engine=_engine(team, p).title, route=p.better_route, figure=figure),)
    if p.no_route_left and p.engine:
        tried = words.say("common.list_sep").join(
            words.say(
                "diagnose.tried",
                route=route,
                why=words.say(f"diagnose.why.{why}") if words.has(f"diagnose.why.{why}") else why,
            )
            for route, why in p.tried
        )
        key = "diagnose.step_no_route" if tried else "diagnose.step_only_route"
        return (words.say(key, engine=_engine(team, p).title, tried=tried),)
    return ()


def _steps(d: Diagnosis, p: Proven, words: Words, note: str | None, *, spared: bool, dated: bool) -> tuple[str, ...]:
    """With money on the account no step says to top up: those of the cause are replaced where they do. `dated`: the text
    tells when the limit ends."""
    if note:
        return words.lines(f"diagnose.notes.{note}.steps")
    if is_wallet(d) and p.certainty != "proved":
        steps = words.lines(f"diagnose.wallet.{p.wallet or 'open'}_steps")
        empty_key = any(f.verdict == "proved" and f.cause is Cause.KEY_LIMIT for f in p.findings)
        return (words.say("diagnose.wallet.key_too"), *steps) if empty_key else steps
    if is_open(p):
        return words.lines("diagnose.money_steps")
    if spared or p.certainty == "narrowed":
        return words.lines(f"diagnose.spared.{p.cause.value}") or words.lines("diagnose.money_steps")
    shown = next((f for f in p.findings if f.verdict == "proved" and f.cause is p.cause), None)
    if p.certainty == "proved" and shown is not None:
        proved = words.lines(f"diagnose.proved.{p.cause.value}", account=shown.facts.get("account"))
        if proved:
            return proved
    general = words.lines(f"cause.{p.cause.value}.steps")
    if p.cause is Cause.QUOTA_EXHAUSTED and dated:
        general = general[1:]  # its first step is to find the reset, which the text has told
    if p.better_route and p.engine:  # the first step of all names the very route
        general = tuple(s for s in general if not any(word in s for word in words.lines("diagnose.fallback_words")))
    return general


def _engine(team: Team, p: Proven) -> Engine:
    return team.engines[p.engine or ""]


def _actions(team: Team, p: Proven, number: int, words: Words, *, checking: bool) -> tuple[Action, ...]:
    out: list[Action] = []
    for question in p.questions if not checking else ():
        out += [
            Action(
                "diagnose.answer", words.say(f"diagnose.ask_for.{question}.{answer}"), f"{number}:{question}:{answer}"
            )
            for answer in QUESTIONS[question]
        ]
    if p.ask_engine:
        out += [Action("diagnose.engine", e.title, f"{number}:{e.name}"[:40]) for e in list(team.engines.values())[:6]]
    if p.better_route and p.engine and team.engines[p.engine].env_file and len(p.engine) <= 40:
        label = words.say("diagnose.buttons.switch", engine=p.engine, route=p.better_route)
        out.append(Action("switch.plan", label, p.engine, style="primary"))
    if p.cause is Cause.UNKNOWN and team.model_route and not checking:
        out.append(Action("diagnose.reword", words.say("diagnose.buttons.reword"), str(number)))
    if checking or p.findings:  # else there is nothing that could be asked again
        out.append(Action("diagnose.again", words.say("diagnose.buttons.again"), str(number)))
    out.append(Action("diagnose.escalate", words.say("diagnose.buttons.escalate"), str(number)))
    out.append(Action("diagnose.wrong", words.say("diagnose.buttons.wrong"), str(number)))
    return tuple(out)
