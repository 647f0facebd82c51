"""`quotadesk init`: six questions, then `.env` and the team file. Nothing is written before the last answer, and then at once.

Keys of the application's file are copied into the bot's `.env` and named in the team file. They are not read from the
application's live variables later: a switch changes those, and a route must keep its own key (`--keys reference` does it all
the same, for files whose keys are never switched). No key is printed and none goes into the team file.
"""

from __future__ import annotations

import getpass
import os
import secrets
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TextIO, TypeVar
from zoneinfo import available_timezones

from dotenv import dotenv_values

from bot import offers, team_file, whereabouts
from bot.chats.slack_manifest import ManifestOptions, link, manifest
from bot.errors import ConfigError, SwitchRefused
from bot.init_file import Plan, addresses, team_text
from bot.locales import Words, languages
from bot.model.team import Team
from bot.outlets import env_keys, env_text
from bot.redaction.gate import Gate
from bot.settings import EnvKeys

TOKENS = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "TELEGRAM_BOT_TOKEN")
_TRIES = 3
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Options:
    """What flags answer; None: it is asked, or with `yes` taken from the machine and the environment."""

    language: str | None = None
    zone: str | None = None
    app_env: str | None = None
    operators: str | None = None
    members: str | None = None
    support: str | None = None
    keys: Literal["copy", "reference"] = "copy"
    yes: bool = False
    replace: bool = False
    config: Path = Path("quotadesk.toml")
    env: Path = Path(".env")


@dataclass(slots=True)
class Talk:
    """Questions on a terminal or answers from a pipe; hidden ones are not echoed."""

    source: TextIO
    target: TextIO
    yes: bool
    _ended: bool = field(default=False)

    def say(self, text: str = "") -> None:
        self.target.write(text + "\n")
        self.target.flush()

    def ask(self, prompt: str, *, hidden: bool = False) -> str:
        """ "" for Enter, for the end of the input, and with --yes."""
        if self.yes or self._ended:
            return ""
        if hidden and self.source is sys.stdin and self.source.isatty():
            return getpass.getpass(prompt).strip()
        self.target.write(prompt)
        self.target.flush()
        line = self.source.readline()
        self._ended = not line
        if not self.source.isatty():
            self.target.write("\n")  # a transcript of piped answers stays readable; what was typed is not repeated
        return line.strip()

    def until(self, prompt: str, read: Callable[[str], _T], *, hidden: bool = False) -> _T:
        """Asks again after a bad answer; from a pipe, the bad answer ends it all. Raises ConfigError."""
        for left in reversed(range(_TRIES if self.source.isatty() else 1)):
            try:
                return read(self.ask(prompt, hidden=hidden))
            except ConfigError as fault:
                if not left:
                    raise
                self.say("     " + " ".join(fault.faults))
        raise AssertionError("unreachable")


def collect(options: Options, talk: Talk, default_language: str) -> tuple[Plan, Words]:
    """The answers, checked. Raises ConfigError for one that cannot be used."""
    language, zone = options.language or default_language, options.zone or whereabouts.zone()
    words = Words(language)
    had = {name: value for name, value in _values(options.env).items() if value}
    if not talk.yes:
        talk.say(words.say("init.intro"))
    if options.language is None or options.zone is None:
        prompt = words.say("init.q_place", language=language, zone=zone)
        language, zone = talk.until(prompt, lambda text: _place(text, language, zone, words))
        words = Words(language, zone)
    base = Team(language=language, timezone=zone)
    default_app = options.app_env or os.environ.get("TARGET_ENV_FILE", "")
    if options.app_env is None:
        prompt = words.say("init.q_app", default=default_app or words.say("init.none"))
        found = talk.until(prompt, lambda text: _application(text or default_app, base))
    else:
        found = _application(default_app, base)
    for line in _shown(found, words):
        talk.say(line)
    outside = {name: value for name in TOKENS if (value := os.environ.get(name))}
    tokens = outside if talk.yes else {}
    had = outside | had
    if not talk.yes:
        talk.say(slack_lines(found, words))
        tokens |= talk.until(_prompt(words, "init.q_slack", had, "SLACK_BOT_TOKEN"), _slack_tokens, hidden=True)
        talk.say(words.say("init.botfather"))
        tokens |= talk.until(_prompt(words, "init.q_telegram", had, "TELEGRAM_BOT_TOKEN"), _telegram_token, hidden=True)
    operators, members = addresses(options.operators or ""), addresses(options.members or "")
    if options.operators is None and options.members is None:
        operators, members = talk.until(words.say("init.q_people"), _people)
    support = addresses(options.support or "")
    if options.support is None:
        support = talk.until(words.say("init.q_support"), addresses)
    return Plan(language, zone, found, tokens, operators, members, support), words


def _prompt(words: Words, key: str, had: Mapping[str, str], name: str) -> str:
    return words.say(key, now=words.say("init.keeps" if had.get(name) else "init.skips"))


def _place(text: str, language: str, zone: str, words: Words) -> tuple[str, str]:
    zones = {name.lower(): name for name in available_timezones()}
    for piece in text.replace(",", " ").split():
        if piece.lower() in languages():
            language = piece.lower()
        elif piece.lower() in zones:
            zone = zones[piece.lower()]
        else:
            raise ConfigError(words.say("init.bad_place", names=", ".join(languages())))
    return language, zone


def _application(text: str, base: Team) -> Team:
    if not text:
        return base
    path = Path(text).expanduser().absolute()
    keys = EnvKeys(Gate(secrets.token_bytes(16)).fingerprint, values_of=env_keys.values_of, value_at=env_keys.value_at)
    try:
        return offers.team_from(path, keys, base)
    except ConfigError as fault:
        raise ConfigError(*(line.removeprefix("TARGET_ENV_FILE ") for line in fault.faults)) from None


def _shown(team: Team, words: Words) -> list[str]:
    if not team.engines:
        return []
    path = next((str(engine.env_file) for engine in team.engines.values() if engine.env_file), "")
    lines = [words.say("init.found", path=path, engines=len(team.engines), routes=len(team.routes))]
    for engine in team.engines.values():
        lines.append(f"       {engine.name:<12} {engine.title:<18} {' → '.join(engine.routes)}")
    for route in team.routes.values():
        backup = words.say("init.backup") if route.key and route.key.line else ""
        key = words.say("init.key_found") if route.key else words.say("init.no_key")
        lines.append(f"       {route.name:<20} {route.base_url}  {route.model}  {key}{backup}")
    return lines


def slack_lines(team: Team, words: Words) -> str:
    """How to make the Slack app: a link that carries the manifest, with this team's own command names."""
    made = manifest(ManifestOptions(commands=team.slack_commands, leak_guard=True), words)
    return words.say("init.slack", link=link(made))


def _slack_tokens(text: str) -> dict[str, str]:
    """A bot token with an app-level token or a signing secret, told by their shapes, in any order."""
    found: dict[str, str] = {}
    for piece in text.replace(",", " ").split():
        if piece.startswith(("xoxb-", "xoxe.xoxb-")):
            found["SLACK_BOT_TOKEN"] = piece
        elif piece.startswith("xapp-"):
            found["SLACK_APP_TOKEN"] = piece
        elif len(piece) == 32 and all(sign in "0123456789abcdef" for sign in piece):
            found["SLACK_SIGNING_SECRET"] = piece
        else:
            raise ConfigError(
                "SLACK_BOT_TOKEN begins with xoxb-, SLACK_APP_TOKEN with xapp-; SLACK_SIGNING_SECRET has 32 characters of 0-9 a-f: paste two of them with a blank between."
            )
    if found and ("SLACK_BOT_TOKEN" not in found or len(found) < 2):
        raise ConfigError(
            "SLACK_BOT_TOKEN and one of SLACK_APP_TOKEN (Socket Mode) and SLACK_SIGNING_SECRET (HTTP) are needed: paste both with a blank between."
        )
    return found


def _telegram_token(text: str) -> dict[str, str]:
    head, colon, body = text.partition(":")
    if text and not (colon and head.isdigit() and len(body) >= 30 and not set(body) & set(" \t'\"\\")):
        raise ConfigError("TELEGRAM_BOT_TOKEN is the whole token from @BotFather: digits, a colon, 35 characters.")
    return {"TELEGRAM_BOT_TOKEN": text} if text else {}


def _people(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Operators, then behind a semicolon the members."""
    operators, _, members = text.replace("；", ";").partition(";")
    return addresses(operators), addresses(members)


# --- files -----------------------------------------------------------------------------------------------------------


def _values(path: Path) -> Mapping[str, str | None]:
    return dotenv_values(path, interpolate=False) if path.is_file() else {}


def copied(plan: Plan, taken: Mapping[str, str | None]) -> tuple[Plan, dict[str, str]]:
    """The plan with each route's key under a name of the bot's own, and the names with their values.

    A name that the bot's `.env` or the environment uses for another key is left alone: the environment would win over the file.
    """
    keys = EnvKeys(lambda text: "", values_of=env_keys.values_of, value_at=env_keys.value_at)
    routes, values = {}, dict[str, str]()
    for route in plan.team.routes.values():
        found = keys.read(route.key)
        if found is None or route.key is None:
            routes[route.name] = replace(route, key=None)
            continue
        stem = "".join(sign if sign.isalnum() else "_" for sign in route.name).upper()
        stem = f"ROUTE_{stem}" if stem[:1].isdigit() else stem
        number, name = 1, f"{stem}_API_KEY"
        while any(
            known not in (None, "", found.reveal())
            for known in (taken.get(name), os.environ.get(name), values.get(name))
        ):
            number, name = number + 1, f"{stem}_{number + 1}_API_KEY"
        values[name] = found.reveal()
        routes[route.name] = replace(route, key=replace(route.key, env=name, env_file=None, line=None))
    return replace(plan, team=replace(plan.team, routes=routes)), values


def write(options: Options, plan: Plan, words: Words, talk: Talk, now: datetime) -> list[str]:
    """Both files, whole or not at all; what was there before is kept byte for byte. What was done, one line each."""
    said: list[str] = []
    had = _values(options.env)
    text: str | None = None
    new: dict[str, str] = {}
    if not options.config.exists() or _replaces(options, talk, words, options.config.name):
        if options.keys == "copy":
            plan, new = copied(plan, had)
        text = team_text(plan, words)
        team_file.parse(tomllib.loads(text), options.config.absolute().parent)
    else:
        said.append(words.say("init.kept", name=options.config.name))
    for name, value in plan.tokens.items():
        if not had.get(name) or had[name] == value or _replaces(options, talk, words, name):
            new[name] = value
        else:
            said.append(words.say("init.kept", name=name))
    before = options.env.read_bytes() if options.env.exists() else None
    try:
        after = env_text.edit(before or b"", new)
    except SwitchRefused as fault:
        raise ConfigError(f"{options.env} cannot be completed: {fault}.") from None
    files: list[tuple[Path, bytes, int]] = []
    if after != (before or b""):
        files.append((options.env, after, 0o600))
        names = words.say("common.list_sep").join(new) or words.say("init.none")
        said.append(words.say("init.wrote_env", path=options.env, names=names))
    if text is not None:
        files.append((options.config, text.encode(), 0o644))
        said.append(words.say("init.wrote_team", path=options.config))
    said += [words.say("init.backup_kept", path=place) for place in _put(files, now)]
    return said


def _replaces(options: Options, talk: Talk, words: Words, name: str) -> bool:
    if options.replace or options.yes:
        return options.replace
    return talk.ask(words.say("init.q_replace", name=name)).lower() in ("y", "yes", "是", "好")


def _put(files: list[tuple[Path, bytes, int]], now: datetime) -> list[Path]:
    """All temporary files first, then all renames: an interruption leaves either nothing or whole files."""
    kept: list[Path] = []
    ready: list[tuple[Path, Path]] = []
    try:
        for path, data, mode in files:
            real = Path(os.path.realpath(path))
            if real.exists():
                kept.append(_backup(real, now))
            real.parent.mkdir(parents=True, exist_ok=True)
            temporary = real.with_name(f".{real.name.lstrip('.')}.{secrets.token_hex(4)}.tmp")
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            ready.append((temporary, real))
            with os.fdopen(handle, "wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
        for temporary, real in ready:
            temporary.replace(real)
        return kept
    except OSError as fault:
        raise ConfigError(
            f"{fault.filename or 'a file'} cannot be written ({fault.strerror}): mend its rights."
        ) from None
    finally:
        for temporary, _ in ready:
            temporary.unlink(missing_ok=True)


def _backup(path: Path, now: datetime) -> Path:
    """In `var/backups`, readable by the owner only: beside the file it would be committed one day, with its keys."""
    folder = Path("var") / "backups"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    place = folder / f"init-{path.name.lstrip('.')}-{now.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(path.read_bytes())
    return place


def run(options: Options, default_language: str) -> tuple[int, str]:
    """0 and the language of the answers; 130 where it was left before the end, with nothing written. Raises ConfigError."""
    talk = Talk(sys.stdin, sys.stdout, options.yes)
    words = Words(options.language or default_language)
    try:
        plan, words = collect(options, talk, default_language)
        said = write(options, plan, words, talk, datetime.now(UTC))
    except (KeyboardInterrupt, EOFError):
        talk.say("\n" + words.say("init.left"))
        return 130, words.language
    talk.say()
    for line in said:
        talk.say(line)
    if options.yes:
        had = _values(options.env)
        if not had.get("SLACK_BOT_TOKEN"):
            talk.say(slack_lines(plan.team, words))
        if not had.get("TELEGRAM_BOT_TOKEN"):
            talk.say(words.say("init.botfather"))
    return 0, words.language
