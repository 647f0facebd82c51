"""The team file that `quotadesk init` writes: readable, commented in the team's language, without any key."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bot.errors import ConfigError
from bot.locales import Words
from bot.model.engine import KeyRef
from bot.model.team import Team
from bot.providers import recognise

_ADDRESS = re.compile(r"(slack|telegram):(\*|-?[A-Za-z0-9]+)")
_SLACK = re.compile(r"[UWCGD][A-Z0-9]{5,}")
_TELEGRAM = re.compile(r"-?\d{3,}")


@dataclass(frozen=True, slots=True)
class Plan:
    """The answers. `team`: engines and routes that were found; `tokens`: variable -> value, for `.env` only."""

    language: str
    timezone: str
    team: Team
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    operators: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    support: tuple[str, ...] = ()


def addresses(text: str) -> tuple[str, ...]:
    """`slack:U0ADMIN telegram:1001`; a bare Slack or Telegram id is enough. Raises ConfigError."""
    out = []
    for piece in re.split(r"[\s,，、]+", text.strip()):
        if not piece:
            continue
        if _SLACK.fullmatch(piece):
            piece = f"slack:{piece}"
        elif _TELEGRAM.fullmatch(piece):
            piece = f"telegram:{piece}"
        if not _ADDRESS.fullmatch(piece):
            raise ConfigError(
                "An address is slack:U0ADMIN, telegram:1001, slack:C0SUPPORT, telegram:-1009 or slack:*; ids, no names."
            )
        out.append(piece)
    return tuple(dict.fromkeys(out))


def _text(value: object) -> str:
    return json.dumps(str(value), ensure_ascii=False)


def _list(values: Iterable[str]) -> str:
    return "[" + ", ".join(_text(value) for value in values) + "]"


def _key(ref: KeyRef | None) -> list[str]:
    if ref is None or ref.env is None:
        return []
    lines = [f"key_env  = {_text(ref.env)}"]
    if ref.env_file is not None:
        lines.append(f"key_env_file = {_text(ref.env_file)}")
    if ref.line is not None:
        lines.append(f"key_line = {ref.line}")
    return lines


def team_text(plan: Plan, words: Words) -> str:
    """Valid under bot/team_file.py; keys by reference only."""

    def note(name: str) -> str:
        return "# " + words.say(f"init.file.{name}")

    lines = [
        note("head"),
        "",
        f"language = {_text(plan.language)}",
        f"timezone = {_text(plan.timezone)}",
        '# quiet_hours = ["22:00", "08:00"]',
        "",
        note("routes"),
    ]
    for route in plan.team.routes.values():
        provider = route.provider or getattr(recognise(route.base_url), "id", "")
        lines += ["", f"[routes.{route.name}]"]
        lines += [f"provider = {_text(provider)}"] if provider else [note("provider")]
        lines += [f"base_url = {_text(route.base_url)}"]
        lines += [f"model    = {_text(route.model)}"] if route.model else []
        lines += _key(route.key)
        lines += ['# warn_below = { CNY = "20", USD = "3" }']
    if not plan.team.routes:
        lines += [
            "# [routes.deepseek]",
            '# base_url = "https://api.deepseek.com"',
            '# model    = "deepseek-chat"',
            '# key_env  = "DEEPSEEK_API_KEY"',
        ]
    lines += ["", note("engines")]
    for engine in plan.team.engines.values():
        lines += [
            "",
            f"[engines.{engine.name}]",
            f"title      = {_text(engine.title)}",
            f"env_file   = {_text(engine.env_file)}",
            f"env_prefix = {_text(engine.env_prefix)}",
            f"routes     = {_list(engine.routes)}",
            'failover   = "ask"',
            '# restart  = ["systemctl", "restart", "app"]',
        ]
    if not plan.team.engines:
        lines += [
            "# [engines.query]",
            '# env_file   = "/srv/app/.env"',
            '# env_prefix = "QUERY_ENGINE"',
            '# routes     = ["deepseek"]',
        ]
    oncall = [address for address in plan.operators if not address.endswith(":*")]
    chats = [int(a.partition(":")[2]) for a in plan.support if a.startswith("telegram:-")]
    lines += [
        "",
        note("access"),
        "",
        "[access]",
        f"operators = {_list(plan.operators)}",
        f"members   = {_list(plan.members)}",
        '# slack_team = "T0TEAM"',
        f"# telegram_chats = {chats}",
        "",
        note("support"),
        "",
        "[support]",
        f"chats       = {_list(plan.support)}",
        'owner       = ""',
        'environment = "production"',
        "",
        note("oncall"),
        "",
        "[oncall]",
        f"people     = {_list(oncall)}",
        'ack_within = "10m"',
    ]
    return "\n".join(lines) + "\n"
