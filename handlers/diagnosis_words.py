"""Words for a diagnosis: one line of verdict, what it says, the proof, the steps in order, the evidence, the buttons."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal

from bot.locales import Words
from bot.locales.notes import removed
from bot.model.chat import Action, Block, Facts, Found, Heading, Line, Links, Quote, Reply, Steps
from bot.model.diagnosis import MONEY_CAUSES, RETRY, Cause, Diagnosis, Finding, Proven
from bot.model.engine import Engine
from bot.model.team import Team
from bot.providers import get
from bot.providers.base import root_of
from bot.services.detective import QUESTIONS, has_money, is_wallet
from handlers.balance import provider_title

_MOST_QUOTED = 700
_SURE = 0.8
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
    cause = f"cause.{p.cause.value}"
    where = _where(d, words)
    spared = has_money(p)
    title = words.say(_title_key(d, p, cause), cause=words.say(f"{cause}.title"))
    note = _note(d, p, words, spared=spared)
    wallet = is_wallet(d) and not (p.certainty == "proved" or checking)
    blocks: list[Block] = [Line(words.say("common.demo_note"))] if team.demo else []
    blocks.append(Line(words.say(_certainty_key(p, checking=checking, two=wallet and not p.wallet)), strong=True))
    if wallet:
        blocks += _readings(d, p, words)
    elif _open_case(p):
        blocks.append(Line(words.say("diagnose.money_but")))
    elif _unsure(d, p):
        blocks.append(Line(words.say("diagnose.money_seven")))
    else:
        blocks.append(Line(words.say(f"{cause}.meaning")))
    if d.says:
        blocks += [Heading(words.say("diagnose.says")), Quote(d.says[:_MOST_QUOTED])]
        if words.language != "en" and d.says.isascii() and d.cause is not Cause.UNKNOWN and not _doubt(d):
            blocks.append(Line(words.say("diagnose.says_means", text=words.say(f"cause.{d.cause.value}.title"))))
    if p.findings:
        blocks.append(Heading(words.say("diagnose.proof_title")))
        blocks.extend(Line(_finding(f, words, now, team)) for f in p.findings)
    if p.repeats > 1:
        blocks.append(Line(_repeats(p, d, words)))
    first = _first(p, team, words)
    steps = _steps(d, p, words, note, spared=spared)
    heading = words.say(f"diagnose.notes.{note}.title") if note else words.say("diagnose.now")
    if note in CHECKLISTS and number is not None:
        # The buttons name the steps by number, so nothing else may stand among them.
        blocks += [Line(line) for line in first]
        blocks += [Heading(heading), Steps(tuple(_ticked(i, line, done, words) for i, line in enumerate(steps)))]
    elif first or steps:
        blocks += [Heading(heading), Steps((*first, *steps)[:8])]
    blocks.append(Line(_retry(d, p, words, now)))
    links = _links(d, p, team, words)
    if links:
        blocks.append(Links(links))
    blocks.append(Line(_evidence(d, found, words)))
    if not checking:
        blocks += [Line(words.say(f"diagnose.ask_for.{question}.text")) for question in p.questions]
    if p.ask_engine:
        blocks.append(Line(words.say("diagnose.which_engine")))
    actions = _actions(team, p, number, words, checking=checking) if number is not None else ()
    if number is not None and note in CHECKLISTS and not checking:
        actions = (*_checks(number, len(steps), done, words), *actions)
    return Reply(
        title=words.say("diagnose.title", verdict=title, where=where) if where else title,
        blocks=tuple(blocks),
        actions=actions,
        details=_details(d, p, words, note),
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
    if p.wallet == "relay":
        return "diagnose.wallet.relay_title"
    if _open_case(p):
        return "diagnose.not_proved_title"
    if p.certainty == "narrowed" and not is_wallet(d):
        return "diagnose.likely_title"
    return "diagnose.money_unsure_title" if _unsure(d, p) else f"{cause}.title"


def _open_case(p: Proven) -> bool:
    """There is money, and nothing yet speaks for one of the other causes."""
    likely = any(f.verdict == "likely" and f.cause is p.cause for f in p.findings)
    return p.certainty == "narrowed" and not p.wallet and not likely


def _doubt(d: Diagnosis) -> bool:
    return d.confidence < _SURE and len(d.causes) > 1


def _unsure(d: Diagnosis, p: Proven) -> bool:
    return p.certainty == "text" and _doubt(d) and p.cause in MONEY_CAUSES


def _certainty_key(p: Proven, *, checking: bool, two: bool) -> str:
    return f"diagnose.certainty.{'checking' if checking else 'two_readings' if two else p.certainty}"


def _readings(d: Diagnosis, p: Proven, words: Words) -> list[Block]:
    """A relay passed an empty wallet on: ours with the relay, or the relay's own with its provider."""
    names: dict[str, object] = {
        "gateway": _title(d.gateway, words) or words.say("diagnose.wallet.relay"),
        "provider": _title(d.provider, words),
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


def _one(words: Words, key: str) -> str:
    return " ".join(words.lines(key))


def _where(d: Diagnosis, words: Words) -> str:
    provider, gateway = _title(d.provider, words), _title(d.gateway, words)
    if provider and gateway:
        return words.say("diagnose.through", gateway=gateway, provider=provider)
    return provider or gateway


def _title(name: str | None, words: Words) -> str:
    return provider_title(name, words) if name else ""


def _finding(finding: Finding, words: Words, now: datetime, team: Team) -> str:
    facts: dict[str, object] = dict(finding.facts)
    for name, value in finding.facts.items():
        if isinstance(value, tuple) and len(value) == 2 and (value[0] is None or isinstance(value[0], Decimal)):
            facts[name] = words.money(value[0], value[1])
        elif isinstance(value, datetime):
            facts[name] = words.when(value, now, zone=False)
    if isinstance(finding.facts.get("kind"), str):
        facts["kind"] = words.say(f"balance.kinds.{finding.facts['kind']}")
    if "reason" in facts:
        key = f"balance.reasons.{facts['reason']}"
        facts["reason"] = words.say(key, **facts) if words.has(key) else facts["reason"]
    text = words.say(f"diagnose.proof.{finding.key}", **facts)
    engines = finding.facts.get("engines")
    if finding.verdict == "proved" and isinstance(engines, tuple) and engines:
        titles = [team.engines[name].title if name in team.engines else str(name) for name in engines]
        text = words.say("diagnose.used_by", text=text, engines=words.say("common.list_sep").join(titles))
    return words.say(f"diagnose.verdicts.{finding.verdict}", text=text)


def _repeats(p: Proven, d: Diagnosis, words: Words) -> str:
    line = words.say("diagnose.repeats", n=p.repeats, minutes=max(1, round(p.repeats_span_s / 60)))
    if d.retryable is False:
        line += words.say("diagnose.repeats_useless")
    if p.ticket is not None:
        line += words.say("diagnose.repeats_ticket", ticket=p.ticket)
    return line


def _note_blocks(note: str, words: Words) -> list[Block]:
    if not words.has(f"diagnose.notes.{note}"):
        return []
    lines = words.lines(f"diagnose.notes.{note}.steps")
    title = words.say(f"diagnose.notes.{note}.title") if words.has(f"diagnose.notes.{note}.title") else ""
    out: list[Block] = [Heading(title)] if title else []
    if lines:
        out.append(Steps(lines))
    else:
        out += [Line(line) for line in words.lines(f"diagnose.notes.{note}")]
    return out


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
        text = words.say(
            "diagnose.step_no_route", engine=_engine(team, p).title, tried=tried or words.say("common.none")
        )
        return (text,)
    return ()


def _steps(d: Diagnosis, p: Proven, words: Words, note: str | None, *, spared: bool) -> tuple[str, ...]:
    """With money on the account no step says to top up: those of the cause are replaced where they do."""
    if note:
        return words.lines(f"diagnose.notes.{note}.steps")
    if is_wallet(d) and p.certainty != "proved":
        return words.lines(f"diagnose.wallet.{p.wallet or 'open'}_steps")
    if _open_case(p):
        return words.lines("diagnose.money_steps")
    if spared or p.certainty == "narrowed":
        return words.lines(f"diagnose.spared.{p.cause.value}") or words.lines("diagnose.money_steps")
    return words.lines(f"cause.{p.cause.value}.steps")


def _engine(team: Team, p: Proven) -> Engine:
    return team.engines[p.engine or ""]


def _retry(d: Diagnosis, p: Proven, words: Words, now: datetime) -> str:
    retry = RETRY[p.cause] if p.certainty in ("proved", "narrowed") else d.retry
    if retry == "yes" and d.retry_after_s is not None:
        at = now + timedelta(seconds=d.retry_after_s)
        return words.say("diagnose.retry.at", span=words.span(max(1.0, d.retry_after_s)), time=words.when(at, now))
    if retry == "after_reset" and d.retry_after_s is not None:
        at = now + timedelta(seconds=d.retry_after_s)
        return words.say("diagnose.retry.reset_at", time=words.stamp(at), utc=words.utc(at))
    resets = [f.facts.get("resets_at") for f in p.findings if f.verdict == "proved"]
    if retry == "after_reset" and (times := [at for at in resets if isinstance(at, datetime)]):
        return words.say("diagnose.retry.reset_at", time=words.stamp(times[0]), utc=words.utc(times[0]))
    return words.say(f"diagnose.retry.{retry}")


def _links(d: Diagnosis, p: Proven, team: Team, words: Words) -> tuple[tuple[str, str], ...]:
    """The page that helps: of the account that was asked, else of the party in the text. A relay's money is at the relay."""
    name = d.gateway or d.provider
    route = team.routes.get(p.route or "")
    if route and route.provider:
        name = route.provider
    provider = get(name or "")
    if provider is None:
        return ()
    kinds = {
        Cause.AUTH_INVALID: ("keys",),
        Cause.PERMISSION_DENIED: ("keys", "balance"),
        Cause.OVERLOADED: ("status",),
        Cause.SERVER_ERROR: ("status",),
        Cause.NETWORK: ("status",),
        Cause.UPSTREAM_ERROR: ("status",),
        Cause.KEY_LIMIT: ("keys", "balance"),
        Cause.FREE_TIER_ZERO_LIMIT: ("keys", "balance"),
    }.get(p.cause, ("top_up", "balance"))
    if has_money(p) or p.wallet == "relay" or p.certainty == "narrowed" and p.wallet != "ours":
        kinds = ("keys", "balance", "status") if p.wallet != "relay" else ("balance", "status")
    urls = {
        "top_up": provider.top_up_url,
        "balance": provider.balance_url,
        "keys": provider.keys_url,
        "status": provider.status_url,
    }
    labels = {kind: words.say(f"diagnose.pages.{kind}", provider=_title(provider.id, words)) for kind in kinds}
    root = root_of(route.base_url, provider.base_paths) if route else ""
    out: dict[str, tuple[str, str]] = {}
    for kind in reversed(kinds):
        url = (urls[kind] or "").replace("{root}", root)
        if url.startswith("http"):  # a self-hosted gateway's page is known only with its route
            out[url] = (labels[kind], url)
    return tuple(reversed(out.values()))[:3]


def _evidence(d: Diagnosis, found: Found, words: Words) -> str:
    sep = words.say("diagnose.evidence_sep")
    shown = [
        words.say("diagnose.evidence.item", name=words.say(f"diagnose.evidence.{name}"), value=value)
        for name, value in (
            ("time", d.occurred_at),
            ("status", d.status),
            ("model", d.model),
            ("request_id", d.request_id),
            ("task_id", d.task_id if d.task_id != d.request_id else None),
        )
        if value is not None
    ]
    if d.engine:
        shown.append(
            words.say(
                "diagnose.evidence.engine",
                value=d.engine,
                source=words.say(f"diagnose.engine_from.{d.engine_from or 'text'}"),
            )
        )
    text = words.say("diagnose.collected", items=sep.join(shown) or words.say("common.none"))
    if found.counts:
        text += words.say("diagnose.removed", items=removed(found.counts, words))
    return text


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
    out.append(Action("diagnose.again", words.say("diagnose.buttons.again"), str(number)))
    out.append(Action("diagnose.escalate", words.say("diagnose.buttons.escalate"), str(number)))
    out.append(Action("diagnose.wrong", words.say("diagnose.buttons.wrong"), str(number)))
    return tuple(out)


def _details(d: Diagnosis, p: Proven, words: Words, note: str | None) -> tuple[Block, ...]:
    cause = f"cause.{p.cause.value}"
    rows: list[tuple[str, str]] = []
    out = {f.cause for f in p.findings if f.verdict == "ruled_out"}
    others = [other for other in d.causes if other is not p.cause and other not in out]
    if others:
        shown = words.say("common.list_sep").join(words.say(f"cause.{other.value}.title") for other in others)
        rows.append((words.say("diagnose.other_causes"), shown))
    if d.party != "unknown":
        rows.append((words.say("diagnose.party_label"), words.say(f"diagnose.party.{d.party}")))
    if d.signature:
        rows.append((words.say("diagnose.rule"), f"{d.signature} ({d.checked})" if d.checked else d.signature))
    if d.source:
        rows.append((words.say("diagnose.source"), d.source))
    blocks: list[Block] = [Facts(tuple(rows))] if rows else []
    if note and (general := words.lines(f"{cause}.steps")):
        blocks += [Heading(words.say("diagnose.general_steps")), Steps(general)]
    # What a note says about paying is for whom the account is empty.
    for other_note in () if has_money(p) or p.wallet == "relay" else d.notes:
        if other_note != note:
            blocks += _note_blocks(other_note, words)
    if words.has(f"{cause}.dont") and not p.wallet and not _open_case(p):
        blocks.append(Line(words.say("diagnose.dont", text=_one(words, f"{cause}.dont"))))
    if not _open_case(p) and not p.wallet and (prevention := words.lines(f"{cause}.prevention")):
        blocks += [Heading(words.say("diagnose.prevention")), *(Line(line) for line in prevention)]
    return tuple(blocks)


def page(d: Diagnosis, words: Words) -> Reply:
    """An answer page in the guides' shape: short answer, when it applies, what to check, what cannot be said, next step."""
    base = f"pages.{d.page}"
    blocks: list[Block] = [Line(words.say(f"{base}.short"))]
    for part in ("applies", "check", "cannot", "next"):
        lines = words.lines(f"{base}.{part}")
        if lines:
            blocks.append(Heading(words.say(f"diagnose.page.{part}")))
            blocks.append(Steps(lines, numbered=part in ("check", "next")) if len(lines) > 1 else Line(lines[0]))
    if words.has(f"{base}.checked"):
        blocks.append(Line(words.say("diagnose.page.checked", day=words.say(f"{base}.checked"))))
    return Reply(title=words.say(f"{base}.title"), blocks=tuple(blocks))


def no_error(d: Diagnosis, words: Words) -> Reply:
    blocks: list[Block] = [Line(words.say("diagnose.no_error.text"))]
    for note in d.notes:
        if words.has(f"diagnose.notes.{note}"):
            blocks += _note_blocks(note, words)
    return Reply(title=words.say("diagnose.no_error.title"), blocks=tuple(blocks))
