"""`/balance query`: what is known of one engine besides its accounts, in a few facts above their rows; of one route its use."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot import charts
from bot.locales import Words
from bot.model.chat import Action, Block, Facts, Line
from bot.model.engine import Engine
from bot.model.handoff import Ticket, TicketState
from bot.model.money import AccountState
from bot.model.values import dataclass
from bot.ports import StoredReading, SwitchRecord
from bot.services import Services, smaller, trend
from bot.services.breaker import Breaker
from bot.services.degrade import Pause
from bot.services.switch_plan import Standing
from bot.services.verdict import PENDING
from handlers.balance_words import state_word
from handlers.switch_words import button_value, cooling

_UNRESOLVED: Final = (TicketState.OPEN, TicketState.ACKNOWLEDGED)
_TICKETS: Final = 3


@dataclass(frozen=True, slots=True)
class View:
    """`engine` is None where the name is a route's. `histories` by account, a week of them, oldest first."""

    name: str
    routes: tuple[str, ...]
    engine: Engine | None = None
    standing: Standing | None = None
    last: SwitchRecord | None = None  # the newest one, whatever came of it
    returning: str | None = None
    pause: Pause | None = None
    tickets: tuple[Ticket, ...] = ()  # unresolved, newest first
    out: tuple[Breaker, ...] = ()
    histories: Mapping[str, Sequence[StoredReading]] | None = None

    @property
    def on(self) -> str | None:
        """The team file's route that is in use, as far as that is known."""
        if self.engine is None:
            return self.routes[0] if self.routes else None
        if self.standing is not None and self.standing.route is not None:
            return smaller.whole(self.standing.route)
        return self.engine.routes[0] if self.engine.env_file is None and self.engine.routes else None


async def look(names: Sequence[str], services: Services) -> View | None:
    """None where not exactly one engine or route is named. Asks no provider. Raises UnknownName."""
    if len(names) != 1:
        return None
    accounts = services.balances.select(names)
    wanted = names[0].strip().lower()
    engine = next(
        (e for e in services.team.engines.values() if wanted in {e.name.lower(), e.title.lower()}),
        None,
    )
    week = trend.marks_of_a_week(services.clock.now(), services.team.timezone)
    histories, out = await asyncio.gather(
        services.store.sparse([account.name for account in accounts], week), _out(services)
    )
    routes = engine.routes if engine else tuple(dict.fromkeys(r for account in accounts for r in account.routes))
    view = View(
        engine.name if engine else names[0],
        routes,
        engine,
        out=tuple(each for each in out if each.route in routes),
        histories=histories,
    )
    if engine is None:
        return view
    standing, records, returning, pauses, tickets = await asyncio.gather(
        services.switching.standing(engine),
        services.switching.history(engine.name, 1),
        _returning(engine, services),
        _pauses(services),
        services.store.tickets(states=_UNRESOLVED, limit=200),
    )
    return replace(
        view,
        standing=standing,
        last=records[0] if records else None,
        returning=returning,
        pause=pauses.get(engine.name),
        tickets=tuple(ticket for ticket in tickets if ticket.engine == engine.name),
    )


async def _out(services: Services) -> tuple[Breaker, ...]:
    return await services.fallback.out() if services.fallback is not None else ()


async def _returning(engine: Engine, services: Services) -> str | None:
    return await services.fallback.returning(engine.name) if services.fallback is not None else None


async def _pauses(services: Services) -> Mapping[str, Pause]:
    return await services.degrade.pauses() if services.degrade is not None else {}


# --- in words


def facts(view: View, states: Sequence[AccountState], services: Services, words: Words) -> list[Block]:
    """What stands above the accounts' rows: the route, the last switch, the way back, tickets, use; then what is out."""
    now = services.clock.now()
    rows: list[tuple[str, str]] = []
    if view.engine is not None and view.standing is not None:
        rows += _ways(view.engine, view.standing, view, states, words, now)
        rows.append((words.say("balance.engine.last"), _last(view.last, services, words, now)))
        wanted = view.returning
        if wanted is not None:
            rows.append((words.say("balance.engine.back"), words.say("balance.engine.returns", route=wanted)))
        elif view.on is not None and view.engine.routes and view.on != view.engine.routes[0]:
            rows.append((words.say("balance.engine.back"), words.say("balance.engine.stays")))
        label = words.say("balance.engine.ticket")
        if not view.tickets:
            rows.append((label, words.say("balance.engine.no_ticket")))
        rows += [(label, _ticket(ticket, services, words, now)) for ticket in view.tickets[:_TICKETS]]
    rows += _use(view, states, services, words)
    blocks: list[Block] = [Facts(tuple(rows))] if rows else []
    if view.pause is not None:
        who = services.team.people_names.get(view.pause.by) or view.pause.name or view.pause.by
        when = words.when(view.pause.at, now) if view.pause.at else words.say("common.unknown")
        blocks.append(Line(words.say("switch.paused", when=when, who=who)))
    blocks += [Line(cooling(each, services, words)) for each in view.out]
    return blocks


def _ways(
    engine: Engine, standing: Standing, view: View, states: Sequence[AccountState], words: Words, now: datetime
) -> list[tuple[str, str]]:
    sep = words.say("common.list_sep")

    def shown(route: str) -> str:
        state = next((state for state in states if smaller.whole(route) in state.routes), None)
        if state is None:
            return route
        key = "balance.engine.asking" if state.reason == PENDING else f"balance.states.{state_word(state)}"
        return words.say("balance.engine.route", route=route, state=words.say(key))

    if standing.route is not None:
        value = shown(standing.route)
        if standing.since is not None:
            since = words.say("switch.since", when=words.when(standing.since, now, zone=False))
            value += words.say("balance.figure_sep") + since
    elif standing.fault == "no_env_file":
        value = words.say("balance.engine.untold", route=shown(view.on) if view.on else words.say("common.unknown"))
    elif standing.fault:
        value = words.say(
            f"switch.words.{standing.fault}", engine=engine.title, path="", variable="", line="", lines=""
        )
    else:
        value = words.say("switch.unlisted")
    rows = [(words.say("balance.engine.now"), value)]
    others = [route for route in engine.routes if route != view.on]
    rows.append(
        (
            words.say("balance.engine.others"),
            sep.join(map(shown, others)) if others else words.say("balance.engine.no_others"),
        )
    )
    return rows


def _last(record: SwitchRecord | None, services: Services, words: Words, now: datetime) -> str:
    if record is None:
        return words.say("balance.engine.never")
    unlisted = words.say("switch.unlisted")
    way = words.say("switch.change", before=record.from_route or unlisted, after=record.to_route or unlisted)
    who = words.say("balance.engine.itself") if record.who == "quotadesk" else ""
    who = who or services.team.people_names.get(record.who, record.who)
    kind = "put_back" if record.detail.get("undo_of") else "switched"
    text = words.say(f"balance.engine.{kind}", when=words.when(record.at, now, zone=False), way=way, who=who)
    if record.state in ("started", "failed") or (record.state == "undone" and kind == "switched"):
        text += words.say("balance.figure_sep") + words.say(f"switch.record_states.{record.state}")
    return text


def _ticket(ticket: Ticket, services: Services, words: Words, now: datetime) -> str:
    cause = f"cause.{ticket.cause}.title"
    parts = [
        f"#{ticket.id} {words.say(f'ticket.states.{ticket.state.value}')}",
        words.say(cause) if words.has(cause) else "",
        words.ago(ticket.opened_at, now),
    ]
    if (by := ticket.acknowledged_by) is not None:
        name = services.team.people_names.get(by.address) or by.name or by.address
        parts.append(words.say("balance.engine.taken", who=name))
    if ticket.drill:
        parts.append(words.say("note.drill"))
    return words.say("balance.figure_sep").join(filter(None, parts))


def _use(view: View, states: Sequence[AccountState], services: Services, words: Words) -> list[tuple[str, str]]:
    """A week of the account in use, else of the first one with a history: the line, and what each day took."""
    now = services.clock.now()
    ordered = sorted(states, key=lambda state: view.on not in state.routes)
    for state in ordered:
        stored = [*(view.histories or {}).get(state.account, ())]
        stored += [StoredReading(state.account, state.asked_at, r) for r in state.readings if state.took_s is not None]
        found = trend.leading(stored)
        if found is None or len({point.at for point in found[1]}) < 2:
            continue
        (_, unit, _), line = found
        line = [point for point in line if point.at >= now - trend.WEEK]
        if len(line) < 2:
            continue
        points = [(point.at, point.left) for point in line]
        start, end = words.money(line[0].left, unit), words.money(line[-1].left, unit)
        rows = [
            (
                words.say("balance.engine.week"),
                words.say(
                    "balance.engine.route",
                    route=words.say("chart.line", spark=charts.sparkline(points, 14), start=start, now=end),
                    state=state.account,
                ),
            )
        ]
        days = trend.daily(line, now, words.timezone)
        if any(used is not None for used in days):
            *before, today = [_amount(used, unit, words) for used in days]
            value = words.say("balance.engine.today", days=" ".join(before), today=today)
            rows.append((words.say("balance.engine.daily", unit=unit), value))
        return rows
    return []


def _amount(used: Decimal | None, unit: str, words: Words) -> str:
    if used is None:
        return words.say("balance.engine.no_reading")
    if len(unit) == 3 and unit.isupper():
        return words.amount(used.quantize(Decimal("0.01")))
    return words.number(used.quantize(Decimal(1)))


# --- what can be done


def actions(view: View, states: Sequence[AccountState], switches: Sequence[Action], words: Words) -> list[Action]:
    """After Refresh: the way out, the tickets, the picture."""
    found: list[Action] = []
    if view.engine is not None:
        mine = [action for action in switches if action.value.split(" ")[0] == view.engine.name]
        if not mine and view.standing is not None and view.standing.switchable and len(view.engine.name) <= 40:
            mine = [
                Action("switch.plan", words.say("balance.switch", engine=view.engine.name), button_value(view.name))
            ]
        found += mine[:1]
        found += [
            Action("ticket.show", words.say("ticket.buttons.show", ticket=ticket.id), str(ticket.id))
            for ticket in view.tickets[:_TICKETS]
        ]
    drawable = any((view.histories or {}).values()) or any(r.amount is not None for s in states for r in s.readings)
    if drawable and len(view.name.encode()) <= 44:
        found.append(Action("balance.chart", words.say("balance.engine.chart"), view.name))
    return found
