"""Plans, results and standings of `/switch` in words. Nothing is asked or done here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from bot.errors import SwitchRefused
from bot.locales import Words
from bot.model.chat import Action, Block, Board, Facts, Line, Quote, Reply, Row
from bot.model.money import AccountState, Kind
from bot.services import Services
from bot.services.breaker import Breaker
from bot.services.degrade import Pause
from bot.services.prices import DEARER
from bot.services.switch_plan import Check, Done, Plan, Shown, Standing
from handlers.price_words import call_cost, price_line, route_name

_MIND = DEARER | {"slower"}  # known, and no fault: but somebody should look
_BEGINS = re.compile(
    r"^(the|it|its|there|no|a|an|this|that|these|another|somebody|only|nothing|one|two|not)\b"
)  # never a name
_STATE = {True: ("yes", "good"), False: ("no", "bad"), None: ("unknown", "warn")}


def rehearsal(plan: Plan, services: Services, words: Words) -> Reply:
    """What a switch would change and every check before it. `plan.refused`: it was asked for with force."""
    blocks: list[Block] = demo(services, words)
    blocks.append(Line(words.say("switch.nothing_yet"), strong=True))
    blocks.append(changes(plan, words))
    blocks.append(checks(plan.checks, words, plan.account))
    blocks += [
        Line(words.say(f"switch.notices.{notice.word}", **_plain(notice.facts, words))) for notice in plan.warnings
    ]
    if plan.refused:
        blocks.append(Line(words.say("switch.forced"), strong=True))
    foot = words.say("switch.second_person_foot" if plan.second_person else "switch.foot", minutes=10)
    blocks.append(Line(foot))
    return Reply(
        title=way(plan.title, plan.from_route, plan.to_route, words),
        blocks=tuple(blocks),
        actions=(
            Action(
                "switch.confirm",
                words.say("switch.buttons.confirm"),
                plan.token,
                style="danger" if plan.refused else "primary",
            ),
            *((Action("switch.probe", _probe(plan, words), plan.token),) if plan.callable else ()),
            Action("switch.cancel", words.say("switch.buttons.cancel"), plan.token),
        ),
        audience="place",
    )


def changes(plan: Plan, words: Words) -> Facts:
    """The three variables, before and after, masked."""
    return Facts(
        tuple((change.variable, _change(change.before, change.after, change.same, words)) for change in plan.changes)
    )


def _probe(plan: Plan, words: Words) -> str:
    """The button of the one real call, with what it costs at most where the price is known."""
    cost = next((call_cost(check, words) for check in plan.checks if check.name == "price"), "")
    return words.say("switch.buttons.probe_cost", cost=cost) if cost else words.say("switch.buttons.probe")


def way(title: str, before: str | None, after: str | None, words: Words) -> str:
    """`Query: deepseek → kimi`; an unknown route is told as such."""
    return words.say("switch.title", engine=title, before=route_name(before, words), after=route_name(after, words))


def _change(before: Shown, after: Shown, same: bool, words: Words) -> str:
    if same:
        return words.say("switch.same", value=_shown(after, words))
    return words.say("switch.change", before=_shown(before, words), after=_shown(after, words))


def _shown(value: Shown, words: Words) -> str:
    return value.text if value.word in ("key", "text") else words.say(f"switch.values.{value.word}")


def checks(checks: tuple[Check, ...], words: Words, account: AccountState | None = None) -> Board:
    """One row a check, in the order in which they were made. `account`: the balance that the new route would live on."""
    return Board(
        tuple(
            Row(
                state=words.say(f"switch.states.{'mind' if check.word in _MIND else _STATE[check.ok][0]}"),
                name=words.say(f"switch.names.{check.name}"),
                figure=check_line(check, words, account),
                tone=_STATE[check.ok][1],  # type: ignore[arg-type]
            )
            for check in checks
        )
    )


def check_line(check: Check, words: Words, account: AccountState | None) -> str:
    """What one check found, with its figures in the account's own currency."""
    if check.name == "price":
        return price_line(check, words)
    facts = _plain(check.facts, words)
    if check.name == "balance" and account is not None:
        facts["figure"] = _figure(account, words)
        if not facts["figure"] and words.has(alone := f"switch.words.{check.word}_alone"):
            return words.say(alone)
    return words.say(f"switch.words.{check.word}", **facts)


def sentence(fragment: str, words: Words) -> str:
    """A check's line, which stands in a table elsewhere, as a sentence of its own."""
    whole = _BEGINS.sub(lambda found: found.group().capitalize(), fragment.rstrip())
    return whole + ("" if whole.endswith((".", "。", "!", "！", "?", "？", "…")) else words.say("common.stop"))


def fault_line(fault: SwitchRefused, words: Words) -> str:
    """The refusal in the reader's words; its own English where the catalogue has none."""
    key = f"switch.words.{fault.facts.get('reason')}"
    return words.say(key, **{k: v for k, v in fault.facts.items() if k != "reason"}) if words.has(key) else str(fault)


def _figure(state: AccountState, words: Words) -> str:
    """What is left: of what blocks, else of the account's money, else of whatever has a figure."""
    with_amount = [
        reading for reading in state.readings if reading.amount is not None and reading.kind is not Kind.SPEND
    ]
    order = sorted(with_amount, key=lambda reading: (not reading.blocks, reading.kind is not Kind.ACCOUNT_MONEY))
    if not order:
        return words.say("balance.unlimited") if any(reading.unlimited for reading in state.readings) else ""
    first = order[0]
    money = words.money(first.amount, first.currency)
    if first.kind is Kind.ACCOUNT_MONEY:
        return money
    return words.say("switch.kind_of", kind=words.say(f"switch.kinds.{first.kind.value}"), figure=money)


def _plain(facts: Mapping[str, object], words: Words) -> dict[str, object]:
    """Facts as words can take them: lists joined, machine reasons as sentences where there are some."""
    out = dict(facts)
    for name, value in facts.items():
        if isinstance(value, tuple):
            out[name] = words.say("common.list_sep").join(str(part) for part in value)
        elif isinstance(value, float):
            out[name] = words.number(Decimal(str(value)))
    reason = facts.get("reason")
    if isinstance(reason, str):
        key = f"balance.reasons.{reason}"
        out["reason"] = words.say(key, **{k: v for k, v in out.items() if k != "reason"}) if words.has(key) else reason
    return out


def result(done: Done, services: Services, words: Words, returning: str | None = None) -> Reply:
    """`returning`: the route that the engine goes back to by itself, "" for none, None where that is not offered."""
    now = services.clock.now()
    blocks: list[Block] = demo(services, words)
    said = {True: "verified", False: "not_verified", None: "not_verifiable"}[done.verified]
    blocks.append(Line(words.say(f"switch.{said}"), strong=True))
    if done.changed or done.recorded and not any(check.word == "interrupted" for check in done.checks):
        variables = words.say("common.list_sep").join(done.changed)
        blocks.append(Line(words.say("switch.changed", n=len(done.changed), variables=variables)))
    blocks += [Line(check_line(check, words, None)) for check in done.checks if check.ok is not True]
    taken = done.taken_up
    blocks.append(
        Line(words.say(f"switch.taken.{taken.reason or 'command_ok'}", engine=done.title, **_plain(taken.facts, words)))
    )
    if taken.ok is False and taken.output:
        blocks.append(Quote(taken.output.text[-600:]))
    if done.automation != "off" and done.who != "quotadesk":  # by hand: it is said that this turns nothing off
        blocks.append(Line(words.say("switch.notices.automation_stays", engine=done.title, mode=done.automation)))
    if not done.recorded:
        blocks.append(Line(words.say("switch.not_recorded")))
    who = services.team.people_names.get(done.who) or done.name or done.who
    title = words.say(
        "switch.undone" if done.undo else "switch.done",
        way=way(done.title, done.from_route, done.to_route, words),
        time=words.when(done.at, now),
        who=who,
    )
    actions: tuple[Action, ...] = ()
    if not done.undo:
        actions = (
            Action("switch.undo", words.say("switch.buttons.undo"), button_value(done.engine, str(done.record))),
        )
    if returning and returning != done.to_route:
        blocks.append(Line(words.say("switch.returns", engine=done.title, route=route_name(returning, words))))
        actions += (Action("switch.stay", words.say("switch.buttons.stay"), button_value(done.engine)),)
    elif returning is not None and done.from_route and not done.undo:
        label = words.say("switch.buttons.return", route=route_name(done.from_route, words))
        actions += (Action("switch.return", label[:70], button_value(done.engine, done.from_route)),)
    details = (Quote(taken.output.text),) if taken.output else ()
    return Reply(title=title, blocks=tuple(blocks), actions=actions, details=details, audience="place")


def cooling(breaker: Breaker, services: Services, words: Words) -> str:
    """`main: out, balance used up; until a balance check proves it well`."""
    now = services.clock.now()
    needs = "time" if breaker.needs == "reset" and breaker.dated else breaker.needs
    until = words.when(breaker.until, now) if breaker.until else ""
    return words.say(
        f"switch.out.{needs}",
        route=breaker.route,
        cause=words.inside(words.say(f"cause.{breaker.cause}.title")),
        until=until,
    )


def standing_row(
    standing: Standing, services: Services, words: Words, out: Mapping[str, Breaker], paused: Mapping[str, Pause]
) -> Row:
    """One engine: its route and since when, `out` of order, `paused`, or why its file cannot be read."""
    now = services.clock.now()
    note = ""
    if standing.fault:
        note = words.say(
            f"switch.words.{standing.fault}", engine=standing.title, path="", variable="", line="", lines=""
        )
    elif standing.since:
        note = words.say("switch.since", when=words.when(standing.since, now, zone=False))
    under = []
    if standing.others:
        under.append(words.say("switch.others", routes=words.say("common.list_sep").join(standing.others)))
    if standing.failover != "off":
        under.append(words.say(f"switch.failover.{standing.failover}"))
    pause = paused.get(standing.engine)
    if pause is not None:
        who = services.team.people_names.get(pause.by) or pause.name or pause.by
        when = words.when(pause.at, now) if pause.at else words.say("common.unknown")
        under.append(words.say("switch.paused", when=when, who=who))
    under += [cooling(out[name], services, words) for name in (standing.route or "", *standing.others) if name in out]
    return Row(
        state=words.say(f"switch.states.{'unknown' if standing.fault else 'paused' if pause else 'on'}"),
        name=standing.title,
        figure=route_name(standing.route, words),
        note=note,
        under=tuple(under),
        tone="warn" if standing.fault or pause or standing.route is None or standing.route in out else "good",
    )


def demo(services: Services, words: Words) -> list[Block]:
    """That nothing real is touched, on the demo team; else nothing."""
    return [Line(words.say("common.demo_note"))] if services.team.demo else []


def button_value(*parts: str) -> str:
    """A button's value, shortened from its end to what Telegram's 64 bytes leave beside the longest id."""
    kept = [part for part in parts if part]
    while len(kept) > 1 and len(" ".join(kept).encode()) > 46:
        kept.pop()
    return " ".join(kept)
