"""The command line's one-shot commands: the same services as in chat, printed once or as JSON for scripts."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from bot import oneshot_json, whereabouts
from bot.app import House, house, read_team
from bot.chats.terminal_render import render
from bot.errors import ConfigError, SwitchRefused
from bot.locales import Words
from bot.model.chat import Person, Place, Reply, Request, Role
from bot.model.handoff import TicketState
from bot.model.money import AccountState, Status
from bot.model.team import Team
from bot.services.switch_plan import Plan, as_json
from bot.settings import EnvKeys, load

_LOCAL = Person("terminal", "operator", os.environ.get("USER", "operator"))


@asynccontextmanager
async def _house() -> AsyncIterator[House]:
    async with house(load(), quiet=True) as built:
        yield built


def _words(team: Team, lang: str | None) -> Words:
    return Words(lang or team.language, team.timezone)


def _show(reply: Reply, words: Words) -> None:
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    width = os.get_terminal_size().columns if sys.stdout.isatty() else None
    print(render(replace(reply, actions=()), words, width=width or 100, colour=colour))


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


# --- balance -----------------------------------------------------------------------------------------------------------


async def balance(names: Sequence[str], *, machine: bool, lang: str | None) -> int:
    """1 where an account cannot be used or could not be asked, else 0. `machine`: JSON, amounts as text with their currency."""
    from handlers.balance import board as board_reply
    from handlers.balance import using
    from handlers.balance_engine import look

    async with _house() as built:
        services = built.services
        words = _words(built.team, lang)
        services.balances.select(names)
        boards = [board async for board in services.balances.ask(names)]
        states: tuple[AccountState, ...] = boards[-1] if boards else ()
        if machine:
            _print_json(
                {
                    "asked_at": oneshot_json.iso(built.clock.now()),
                    "accounts": [oneshot_json.account(state) for state in states],
                }
            )
        elif not built.team.routes:
            print(words.say("balance.no_routes"))
        else:
            about = await look(names, services)
            _show(board_reply(states, services, words, await using(services), names, about), words)
        bad = any(state.blocked or state.status is Status.COULD_NOT_CHECK for state in states)
        return 1 if bad else 0


# --- switch ------------------------------------------------------------------------------------------------------------


async def switch(
    engine: str,
    route: str | None,
    *,
    dry_run: bool,
    yes: bool,
    undo: bool,
    force: bool,
    machine: bool,
    lang: str | None,
) -> int:
    """The person at the machine's own command line is an operator: they can edit the file anyway."""
    async with _house() as built:
        words = _words(built.team, lang)
        built.services.switching.engine(engine)
        if machine:
            return await _switch_json(built, engine, route, dry_run=dry_run, yes=yes, undo=undo, force=force)
        typed = " ".join(filter(None, (engine, route, "--undo" if undo else "", "--force" if force else "")))
        reply = await _ask(built, words, "switch", typed)
        _show(reply, words)
        confirm = next((action for action in reply.actions if action.id == "switch.confirm"), None)
        if undo or confirm is None or dry_run:
            return 0 if confirm is not None or undo and await _undone(built, engine) else 1
        if not yes and not _agreed(words):
            await _press(built, words, "switch.cancel", confirm.value)
            return 1
        _show(await _press(built, words, "switch.confirm", confirm.value), words)
        last = await built.services.switching.last(engine)
        return 0 if last is not None and last.state == "done" else 1


async def _switch_json(
    built: House, engine: str, route: str | None, *, dry_run: bool, yes: bool, undo: bool, force: bool
) -> int:
    switching = built.services.switching
    plan: Plan | None = None
    try:
        if undo:
            done = await switching.undo(engine, _LOCAL, Role.OPERATOR)
        else:
            plan = await switching.plan(engine, route, by=_LOCAL, force=force)
            if dry_run or not plan.possible:
                _print_json(as_json(plan))
                return 0 if plan.possible else 1
            if not yes:
                raise ConfigError("switch --json changes nothing without --yes; add it, or --dry-run.")
            done = await switching.confirm(plan.token, _LOCAL, Role.OPERATOR)
    except SwitchRefused as fault:
        _print_json({**as_json(plan, None, str(fault.facts.get("reason", "refused"))), "engine": engine})
        return 1
    _print_json(as_json(plan, done))
    return 1 if done.verified is False else 0


async def _undone(built: House, engine: str) -> bool:
    records = await built.services.switching.history(engine, 1)
    return bool(records) and records[0].state in ("done", "undone")


def _agreed(words: Words) -> bool:
    if not sys.stdin.isatty():
        raise ConfigError(
            "switch asks before it changes anything and standard input is no terminal: add --yes or --dry-run."
        )
    return input(words.say("terminal.agree") + " ").strip().lower() in ("y", "yes", "是", "好")


async def _ask(built: House, words: Words, command: str, text: str = "", **press: str) -> Reply:
    """The same way as from a chat; the last edit of the answer."""
    cleaned = built.gate.clean(text)
    request = Request(
        command=command,
        text=cleaned.text,
        asker=_LOCAL,
        place=Place("terminal", "command line", private=True),
        language=words.language,
        timezone=words.timezone,
        received_at=built.clock.now(),
        id=secrets.token_hex(8),
        found=cleaned.found,
        role=Role.OPERATOR,
        action=press.get("action"),
        value=press.get("value", ""),
    )
    replies = [reply async for reply in built.answers.answer(request)]
    return replies[-1]


async def _press(built: House, words: Words, action: str, value: str) -> Reply:
    return await _ask(built, words, action.split(".")[0], action=action, value=value)


# --- tickets, audit ------------------------------------------------------------------------------------------------------


async def tickets(*, machine: bool, lang: str | None) -> int:
    """The open ones. `machine`: JSON, times in UTC."""
    from bot.locales.notes import fields

    async with _house() as built:
        words = _words(built.team, lang)
        now = built.clock.now()
        found = await built.store.tickets(states=(TicketState.OPEN, TicketState.ACKNOWLEDGED))
        if machine:
            _print_json({"tickets": [oneshot_json.ticket(t, fields(t, words, now)) for t in found]})
            return 0
        _show(await _ask(built, words, "tickets"), words)
        return 0


async def audit(*, machine: bool) -> int:
    """The last two hundred entries, newest first."""
    async with _house() as built:
        entries = await built.store.audits(limit=200)
        rows = [
            {
                "at": oneshot_json.iso(e.at),
                "who": e.who,
                "what": e.what,
                "subject": e.subject,
                "result": e.result,
                "detail": e.detail.text,
            }
            for e in entries
        ]
        if machine:
            _print_json({"audit": rows})
        elif not rows:
            print(_words(built.team, None).say("audit.empty"))
        else:
            for row in rows:
                print(f"{row['at']}  {row['who']}  {row['what']} {row['subject']}: {row['result']}  {row['detail']}")
        return 0


async def cases(*, machine: bool, lang: str | None) -> int:
    """Diagnoses that a reader called wrong, as `/cases` shows them or as JSON."""
    from handlers.cases import cases as kept

    async with _house() as built:
        if machine:
            _print_json({"cases": [case.as_json() for case in await kept(built.store)]})
        else:
            _show(await _ask(built, _words(built.team, lang), "cases"), _words(built.team, lang))
        return 0


# --- without a database -----------------------------------------------------------------------------------------------------


def explain(text: str, lang: str | None) -> int:
    """The diagnosis in words, with no network at all. Not knowing is an answer too: exit 0; 2 where there is no text."""
    from bot.model.diagnosis import Cause, Proven
    from bot.redaction.gate import Gate
    from bot.services.diagnosis import Diagnoser
    from bot.signatures import load as load_signatures
    from handlers.diagnosis_pages import no_error, page
    from handlers.diagnosis_words import worded

    words = Words(lang or whereabouts.language(), whereabouts.zone())
    cleaned = Gate().clean(text)
    if not cleaned.text:
        print(words.say("diagnose.ask"))
        return 2
    diagnoser = Diagnoser(load_signatures())
    diagnosis = diagnoser.explain(Gate().trusted(diagnoser.focused(cleaned.text)))
    if diagnosis.page:
        _show(page(diagnosis.page, words), words)
        return 0
    if not diagnosis.is_error:
        _show(no_error(diagnosis, words), words)
        return 0
    proven = Proven(diagnosis.cause, "text" if diagnosis.cause is not Cause.UNKNOWN else "unknown")
    _show(worded(diagnosis, proven, Team(), words, datetime.now(UTC), found=cleaned.found), words)
    return 0


def slack_manifest(public_url: str | None) -> str:
    """For this configuration. With a public address: HTTP mode; without one: Socket Mode."""
    from bot.chats.slack_manifest import ManifestOptions, manifest, text

    settings = load()
    team = read_team(settings, EnvKeys(lambda text: "")) if settings.config_file.exists() else Team()
    options = ManifestOptions(public_url=public_url, commands=team.slack_commands, leak_guard=True)
    return text(manifest(options, _words(team, None))).rstrip()
