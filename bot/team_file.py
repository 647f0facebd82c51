"""The team file (TOML): parsed into `Team`. Every fault is one sentence: which setting, what is wrong, the mend."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.errors import ConfigError, Fault
from bot.locales import languages
from bot.locales.fault_words import fault as fault_of
from bot.model.engine import Engine, Route
from bot.model.near import nearest
from bot.model.team import Access, OnCall, Support, Team
from bot.team_operations import Operations
from bot.team_values import plain_address, safe

_TOP = (
    "language",
    "timezone",
    "quiet_hours",
    "routes",
    "engines",
    "access",
    "support",
    "oncall",
    "slack",
    "people",
    "watch",
    "warp",
    "model",
    "gateways",
    "retention",
    "reports",
    "demo",
)
_ROUTE = [
    "provider",
    "base_url",
    "model",
    "title",
    "key_env",
    "key_file",
    "key_env_file",
    "key_line",
    "account_key_env",
    "account_key_file",
    "account_user_env",
    "account_user_file",
    "warn_below",
    "price",
]
_ENGINE = ["title", "env_file", "env_prefix", "routes", "failover", "restart", "bettafish", "protected"]
_ACCESS = ["members", "operators", "slack_team", "telegram_chats"]
_SUPPORT = ["chats", "owner", "environment", "review_after"]
_ONCALL = ["people", "handover", "ack_within"]


def read(path: Path) -> Team:
    """Raises ConfigError if the file is missing, no TOML, or has faults (all are listed)."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(fault_of("file_absent", path=path)) from None
    except UnicodeDecodeError:
        raise ConfigError(fault_of("file_text", path=path)) from None
    except OSError as fault:
        raise ConfigError(fault_of("file_unread", path=path, why=fault.strerror)) from None
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise ConfigError(_place(str(fault), path)) from None
    return parse(raw, path.parent)


def parse(raw: Mapping[str, Any], folder: Path) -> Team:
    """`folder`: relative paths in the file start here."""
    return _Parser(folder).team(raw)


def _place(message: str, path: Path) -> Fault:
    """tomllib's message without any quoted piece of the file: the file may hold what it should not."""
    if found := re.search(r"line (\d+), column (\d+)", message):
        return fault_of("toml_at", path=path, line=found[1], column=found[2])
    return fault_of("toml_end", path=path)


class _Parser(Operations):
    def team(self, raw: Mapping[str, Any]) -> Team:
        self._known("", raw, _TOP)
        language = self._choice(raw, "language", languages(), "en")
        routes = {name: self._route(name, table) for name, table in self._tables(raw, "routes")}
        engines = {name: self._engine(name, table, routes) for name, table in self._tables(raw, "engines")}
        slack = raw.get("slack") if isinstance(raw.get("slack"), dict) else {}
        commands = slack.get("commands", {}) if isinstance(slack, dict) else {}
        people = raw.get("people")
        team = Team(
            language=language,
            timezone=self._zone(raw.get("timezone", "UTC")),
            routes=routes,
            engines=engines,
            access=self._access(self._table(raw, "access")),
            support=self._support(self._table(raw, "support")),
            oncall=self._oncall(self._table(raw, "oncall")),
            people_names={str(k): str(v) for k, v in people.items()} if isinstance(people, dict) else {},
            slack_commands={str(k): str(v) for k, v in commands.items()} if isinstance(commands, dict) else {},
            quiet_hours=self._quiet(raw.get("quiet_hours")),
            demo=raw.get("demo") is True,
            watch=self._watch(self._table(raw, "watch"), engines),
            warp_folder=self._warp(self._table(raw, "warp")),
            model_route=self._model(self._table(raw, "model"), routes),
            gateways={name: self._gateway(name, table) for name, table in self._tables(raw, "gateways")},
            retention=self._retention(self._table(raw, "retention")),
            reporters={name: self._reporter(name, table, engines) for name, table in self._tables(raw, "reports")},
        )
        if self.faults:
            raise ConfigError(*self.faults)
        return team

    # --- parts

    def _route(self, name: str, table: Mapping[str, Any]) -> Route:
        where = f"[routes.{name}]"
        self._named(where, name)
        for wrong in ("key", "api_key", "token", "secret"):
            if wrong in table:
                self._fault("key_here", where=where, wrong=wrong)
        self._known(where, {k: v for k, v in table.items() if k not in ("key", "api_key", "token", "secret")}, _ROUTE)
        base_url = self._text(where, table, "base_url")
        provider = self._text(where, table, "provider")
        if base_url:
            if not plain_address(base_url):
                self._fault("base_url", where=where)
        elif not provider:
            self._fault("base_url_absent", where=where)
        return Route(
            name=name,
            base_url=base_url.rstrip("/"),
            model=self._text(where, table, "model"),
            provider=provider,
            key=self._of_application(where, table, self._ref(where, table, "key")),
            account_key=self._ref(where, table, "account_key"),
            account_user=self._ref(where, table, "account_user"),
            warn_below=self._warn(where, table.get("warn_below")),
            title=self._text(where, table, "title"),
            price=self._price(where, table.get("price")),
        )

    def _engine(self, name: str, table: Mapping[str, Any], routes: Mapping[str, Route]) -> Engine:
        where = f"[engines.{name}]"
        self._named(where, name)
        self._known(where, table, _ENGINE)
        wanted = self._list(where, table, "routes")
        for route in wanted:
            if route not in routes:
                if near := nearest(route, routes, most=1):
                    self._fault("route_near", where=where, route=safe(route), near=near[0])
                else:
                    self._fault("route", where=where, route=safe(route))
        env_file = self._text(where, table, "env_file")
        prefix = self._text(where, table, "env_prefix")
        if env_file and not prefix:
            self._fault("prefix_absent", where=where)
        if prefix and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", prefix):
            self._fault("prefix", where=where)
        fish = table.get("bettafish")
        if fish is not None and not (isinstance(fish, dict) and isinstance(fish.get("url"), str)):
            self._fault("bettafish", where=where)
            fish = None
        return Engine(
            name=name,
            title=self._text(where, table, "title") or name,
            env_file=self._path(env_file),
            env_prefix=prefix,
            routes=tuple(dict.fromkeys(wanted)),
            failover=self._choice(table, "failover", ("off", "ask", "auto"), "off", where),  # type: ignore[arg-type]
            restart=tuple(self._list(where, table, "restart")),
            bettafish_url=fish.get("url") if fish else None,
            bettafish_app=str(fish["app"]) if fish and fish.get("app") else None,
            protected=table.get("protected") is True,
        )

    def _access(self, table: Mapping[str, Any]) -> Access:
        self._known("[access]", table, _ACCESS)
        chats = table.get("telegram_chats", [])
        if not isinstance(chats, list) or not all(isinstance(c, int) and not isinstance(c, bool) for c in chats):
            self._fault("telegram_chats")
            chats = []
        return Access(
            members=self._addresses("[access]", table, "members"),
            operators=self._addresses("[access]", table, "operators"),
            slack_team=self._text("[access]", table, "slack_team") or None,
            telegram_chats=tuple(chats),
        )

    def _support(self, table: Mapping[str, Any]) -> Support:
        self._known("[support]", table, _SUPPORT)
        return Support(
            chats=self._addresses("[support]", table, "chats"),
            owner=self._text("[support]", table, "owner"),
            environment=self._text("[support]", table, "environment"),
            review_after=self._span("[support]", table, "review_after", timedelta(hours=4)),
        )

    def _oncall(self, table: Mapping[str, Any]) -> OnCall:
        self._known("[oncall]", table, _ONCALL)
        handover = table.get("handover", {})
        since = None
        if not isinstance(handover, dict):
            self._fault("handover")
            handover = {}
        if "from" in handover:
            since = handover["from"]
            if not isinstance(since, datetime) or since.tzinfo is None:
                self._fault("handover_from")
                since = None
        every = self._span("[oncall] handover", handover, "every", timedelta(weeks=1))
        if every < timedelta(minutes=1):
            self._fault("handover_every")
        return OnCall(
            people=self._addresses("[oncall]", table, "people"),
            every=every,
            since=since.astimezone(UTC) if since else None,
            ack_within=self._span("[oncall]", table, "ack_within", timedelta(minutes=10)),
        )
