"""`quotadesk check`: proves each setting, token, scope, chat, person, env file, route, the clock, the port and the database.

A fault never hides the next one: what can still be proved is proved. Each fault says how to mend it, naming the setting.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal

from bot import app as house
from bot import checkup_inlets, preflight
from bot.clock import SystemClock
from bot.errors import ConfigError, ProviderError, QuotadeskError
from bot.locales import Words
from bot.locales.fault_words import told
from bot.model.money import Status
from bot.model.team import Team
from bot.outlets import env_keys
from bot.ports import Answer, Call
from bot.settings import EnvKeys, Settings, load, revealed
from bot.web import Web

_CLOCK_LIMIT_S = 60

State = Literal["ok", "fault", "off"]


@dataclass(frozen=True, slots=True)
class Check:
    """`off`: not configured, so nothing to prove. `mend`: what to do, naming the setting, never its value."""

    name: str
    state: State
    detail: str = ""
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Makes checks in the reader's language: `check.<key>` and, for a fault, `check.<key>_mend`."""

    words: Words

    def ok(self, name: str, key: str, **facts: object) -> Check:
        """`key` under `check.` in the catalogue, filled in with `facts`."""
        return Check(name, "ok", self.words.say(f"check.{key}", **facts))

    def off(self, name: str, key: str, **facts: object) -> Check:
        """Not set up, which is no fault."""
        return Check(name, "off", self.words.say(f"check.{key}", **facts))

    def fault(self, name: str, key: str, **facts: object) -> Check:
        """With what to do about it, from `check.<key>_mend`."""
        mend = self.words.say(f"check.{key}_mend", **facts)
        return Check(name, "fault", self.words.say(f"check.{key}", **facts), mend)


async def run(*, as_json: bool, lang: str | None = None, send: bool = False) -> int:
    """Prints every check as it is done; 1 if any failed. `send`: a test message with a button to each support chat."""
    from bot import whereabouts

    report = Report(Words(lang or whereabouts.language()))
    checks: list[Check] = []
    async for check in _checks(report, send):
        checks.append(check)
        if not as_json:
            _show(check, report.words)
    failed = sum(check.state == "fault" for check in checks)
    if as_json:
        data = {"ok": not failed, "checks": [asdict(check) for check in checks]}
        json.dump(data, sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
    else:
        print("\n" + report.words.say("check.faults" if failed else "check.none_left", n=failed))
    return 1 if failed else 0


def _show(check: Check, words: Words) -> None:
    mark = words.say(f"check.marks.{check.state}")
    colon = words.say("common.colon")
    named = shown(check.name, words)
    print(f"{mark}  {named}{colon}{check.detail}" + (f"\n       → {check.mend}" if check.mend else ""), flush=True)


def shown(name: str, words: Words) -> str:
    """`slack chat C0SUPPORT` in the reader's language: its kind is in the catalogue, what follows is a name. Scripts get `name`."""
    parts = name.split(" ")
    for length in range(min(3, len(parts)), 0, -1):
        key = f"check.what.{'_'.join(parts[:length]).replace('.', '')}"
        if words.has(key):
            return words.say("check.named", what=words.say(key), name=" ".join(parts[length:])).strip()
    return name


async def _checks(report: Report, send: bool) -> AsyncIterator[Check]:
    from bot.checkup_chats import Chats

    try:
        settings = load()
    except ConfigError as fault:
        for line in fault.faults:
            yield _sentence(report.words, "settings", line)
        return
    yield report.ok("settings", "settings")
    if check := _own_file(report):
        yield check
    keys = EnvKeys(lambda text: "", values_of=env_keys.values_of, value_at=env_keys.value_at)
    team, wrong = Team(), False
    try:
        team = house.read_team(settings, keys)
        yield report.ok("team", "team", engines=len(team.engines), routes=len(team.routes))
    except ConfigError as fault:
        wrong = True
        for line in fault.faults:
            yield _sentence(report.words, "team", line)
    if not wrong:
        yield _access(report, team)
        for check in _files(report, team, keys):
            wrong = wrong or check.state == "fault"
            yield check
        for check in checkup_inlets.checks(report, settings, team, keys):
            yield check
    async with Web(proxy=revealed(settings.chat_proxy)) as web:
        chats = Chats(report, settings, team, web)
        async for check in chats.slack():
            yield check
        async for check in chats.telegram():
            yield check
        yield _clock(report, chats.answered)
        yield await _port(report, settings, web)
        if wrong:
            yield report.off("database", "waits")
            return
        async for check in _house(report, settings):
            yield check
        if send:
            async for check in chats.send():
                yield check


def _sentence(words: Words, name: str, line: str) -> Check:
    """A configuration fault is one sentence with its mend behind the colon."""
    said = told(line, words)
    what, colon, mend = said.partition(words.say("common.colon"))
    if not colon:  # no sentence of ours, or one in English
        what, colon, mend = said.partition(": ")
    return Check(name, "fault", what, mend) if colon else Check(name, "fault", said, said)


def _own_file(report: Report) -> Check | None:
    path = Path(".env")
    if not path.exists():
        return None
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        return report.fault("own .env", "own_env_open", mode=f"{mode:04o}")
    return report.ok("own .env", "own_env", mode=f"{mode:04o}")


def _access(report: Report, team: Team) -> Check:
    if not (team.access.members or team.access.operators):
        return report.fault("access", "access_nobody")
    if not team.access.operators:
        return report.fault("access", "access_no_operator")
    return report.ok("access", "access", members=len(team.access.members), operators=len(team.access.operators))


def _files(report: Report, team: Team, keys: EnvKeys) -> Iterator[Check]:
    """Each application file once: readable, writable (a rename needs its directory), no variable twice; and every key."""
    found = preflight.faults(team, keys)
    for line in found:
        yield _sentence(report.words, "env file" if " env_file " in line else "key", line)
    paths = dict.fromkeys(engine.env_file for engine in team.engines.values() if engine.env_file)
    for path in paths:
        if any(str(path) in line for line in found):
            continue
        real = Path(os.path.realpath(path))
        if not (os.access(real, os.W_OK) and os.access(real.parent, os.W_OK)):
            yield report.fault(f"env file {path}", "env_not_writable", path=path)
        elif real.stat().st_nlink > 1:
            yield report.fault(f"env file {path}", "env_links", path=path)
        else:
            engines = [engine.name for engine in team.engines.values() if engine.env_file == path]
            yield report.ok(f"env file {path}", "env", engines=", ".join(engines))


async def _port(report: Report, settings: Settings, web: Web) -> Check:
    """Free, or ours already."""
    if not (settings.slack or settings.telegram):
        return report.off("http port", "port_off")
    host, port = settings.http_host, settings.http_port
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
        return report.ok("http port", "port", port=port)
    except OSError as fault:
        if fault.errno != errno.EADDRINUSE:
            return report.fault("http port", "port_refused", port=port, why=fault.strerror or "")
    shown = "127.0.0.1" if host in ("0.0.0.0", "") else "[::1]" if host == "::" else host  # noqa: S104
    try:
        answer = await web.ask(Call("GET", f"http://{shown}:{port}/healthz", timeout_s=3))
        if answer.json() == {"alive": True}:
            return report.ok("http port", "port_ours", port=port)
    except ProviderError:
        pass
    return report.fault("http port", "port_taken", port=port)


def _clock(report: Report, answer: Answer | None) -> Check:
    """Signed requests (Slack, clouds) are refused when this machine's clock is off."""
    try:
        there = parsedate_to_datetime(answer.headers.get("date", "")) if answer else None
    except ValueError:
        there = None
    if there is None:
        return report.off("clock", "clock_unknown")
    now = SystemClock().now()
    off = abs((now - (there if there.tzinfo else there.replace(tzinfo=UTC))).total_seconds())
    if off > _CLOCK_LIMIT_S:
        return report.fault("clock", "clock_off", seconds=round(off))
    return report.ok("clock", "clock", seconds=max(1, round(off)), time=f"{datetime.now(UTC):%H:%M}")


async def _house(report: Report, settings: Settings) -> AsyncIterator[Check]:
    try:
        async with house.house(settings, quiet=True) as built:
            yield report.ok("database", "database")
            async for check in _routes(report, built):
                yield check
    except ConfigError as fault:
        for line in fault.faults:
            yield _sentence(report.words, "configuration", line)
    except QuotadeskError as fault:
        reason = f"errors.store_reasons.{getattr(fault, 'reason', '')}"
        why = report.words.say(reason) if report.words.has(reason) else str(fault)
        yield report.fault("database", "database_bad", why=why)


async def _routes(report: Report, built: house.House) -> AsyncIterator[Check]:
    """Every account's balance or free probe, asked now."""
    if not built.team.routes:
        yield report.off("routes", "no_routes")
        return
    from handlers.balance_words import reason, state_word

    words = report.words
    boards = [states async for states in built.services.balances.ask(())]
    for state in boards[-1]:
        name = f"route {', '.join(state.routes)}"
        if state.status is Status.COULD_NOT_CHECK:
            # The sentence for a person: what is wrong, a colon, the mend.
            what, _, mend = reason(state, words).partition(words.say("common.colon"))
            yield Check(name, "fault", what, mend or words.say("check.route_bad_mend"))
        elif state.blocked:
            word = words.say(f"balance.states.{state_word(state)}")
            yield report.fault(name, "route_empty", word=word, page=state.top_up_url or words.say("check.console"))
        else:
            yield report.ok(name, "plain", text=words.say(f"balance.states.{state_word(state)}"))
