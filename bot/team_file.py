"""The team file (TOML): parsed into `Team`. Every fault is one sentence: which setting, what is wrong, the mend."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.errors import ConfigError
from bot.model.engine import Engine, GatewaySettings, KeyRef, Route
from bot.model.team import Access, OnCall, Retention, Support, Team, Watching

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
]
_ENGINE = ["title", "env_file", "env_prefix", "routes", "failover", "restart", "bettafish", "protected"]
_ACCESS = ["members", "operators", "slack_team", "telegram_chats"]
_SUPPORT = ["chats", "owner", "environment", "review_after"]
_ONCALL = ["people", "handover", "ack_within"]
_WATCH = ["every", "ends_within", "weekly_report"]
_RETENTION = ["readings", "tickets", "audit", "sightings"]
_GATEWAY = ["kind", "url", "key_env", "key_file", "user_env", "user_file", "config", "pid_file", "restart"]
_KINDS = ("new-api", "litellm", "claude-code-router")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}\Z")
_SPAN = re.compile(r"(\d+)\s*(s|m|h|d|w)\Z")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_ADDRESS = re.compile(r"(slack|telegram):(\*|-?[A-Za-z0-9]+)\Z")
_LOOKS_LIKE_KEY = re.compile(r"(sk-|AIza|xox|gsk_|key-)[A-Za-z0-9_-]{12,}|[A-Za-z0-9_-]{40,}")


def read(path: Path) -> Team:
    """Raises ConfigError if the file is missing, no TOML, or has faults (all are listed)."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"CONFIG_FILE {path} does not exist: copy quotadesk.example.toml to it, or run `quotadesk init`."
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"CONFIG_FILE {path} is not UTF-8 text: save it as UTF-8.") from None
    except OSError as fault:
        raise ConfigError(
            f"CONFIG_FILE {path} cannot be read ({fault.strerror}): mend its path or its rights."
        ) from None
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise ConfigError(f"CONFIG_FILE {path} is no valid TOML: {_place(str(fault))}.") from None
    return parse(raw, path.parent)


def parse(raw: Mapping[str, Any], folder: Path) -> Team:
    """`folder`: relative paths in the file start here."""
    return _Parser(folder).team(raw)


def _place(message: str) -> str:
    """tomllib's message without any quoted piece of the file: the file may hold what it should not."""
    found = re.search(r"line (\d+), column (\d+)", message)
    return f"look at line {found[1]}, column {found[2]}" if found else "look at its last lines"


class _Parser:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._faults: list[str] = []

    def team(self, raw: Mapping[str, Any]) -> Team:
        self._known("", raw, _TOP)
        language = self._choice(raw, "language", ("en", "zh"), "en")
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
            watch=self._watch(self._table(raw, "watch")),
            warp_folder=self._warp(self._table(raw, "warp")),
            model_route=self._model(self._table(raw, "model"), routes),
            gateways={name: self._gateway(name, table) for name, table in self._tables(raw, "gateways")},
            retention=self._retention(self._table(raw, "retention")),
        )
        if self._faults:
            raise ConfigError(*self._faults)
        return team

    # --- parts

    def _route(self, name: str, table: Mapping[str, Any]) -> Route:
        where = f"[routes.{name}]"
        self._named(where, name)
        for wrong in ("key", "api_key", "token", "secret"):
            if wrong in table:
                self._faults.append(
                    f"{where} {wrong} is not allowed: keys are never written here; put it in the environment and name it in key_env."
                )
        self._known(where, {k: v for k, v in table.items() if k not in ("key", "api_key", "token", "secret")}, _ROUTE)
        base_url = self._text(where, table, "base_url")
        provider = self._text(where, table, "provider")
        if base_url:
            parts = urlsplit(base_url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
                self._faults.append(
                    f"{where} base_url is no plain http(s) address: write it like https://api.example.com/v1, without user, key or query."
                )
        elif not provider:
            self._faults.append(f"{where} needs base_url (or at least provider).")
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
        )

    def _engine(self, name: str, table: Mapping[str, Any], routes: Mapping[str, Route]) -> Engine:
        where = f"[engines.{name}]"
        self._named(where, name)
        self._known(where, table, _ENGINE)
        wanted = self._list(where, table, "routes")
        for route in wanted:
            if route not in routes:
                near = get_close_matches(route, routes, n=1)
                hint = f" Did you mean {near[0]}?" if near else " Add a table for it under [routes]."
                self._faults.append(f"{where} routes names {route}, which is no route.{hint}")
        env_file = self._text(where, table, "env_file")
        prefix = self._text(where, table, "env_prefix")
        if env_file and not prefix:
            self._faults.append(
                f"{where} has env_file without env_prefix: name the variables' prefix, like QUERY_ENGINE."
            )
        if prefix and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", prefix):
            self._faults.append(f"{where} env_prefix may hold letters, digits and _ only.")
        fish = table.get("bettafish")
        if fish is not None and not (isinstance(fish, dict) and isinstance(fish.get("url"), str)):
            self._faults.append(
                f'{where} bettafish is a table like {{ url = "http://127.0.0.1:5000", app = "query" }}.'
            )
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
            self._faults.append("[access] telegram_chats is a list of numbers, like [-1001, 1002].")
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
            self._faults.append('[oncall] handover is a table like { every = "1w", from = 2026-11-16T09:00:00+08:00 }.')
            handover = {}
        if "from" in handover:
            since = handover["from"]
            if not isinstance(since, datetime) or since.tzinfo is None:
                self._faults.append(
                    "[oncall] handover.from is a date-time with its offset, like 2026-11-16T09:00:00+08:00."
                )
                since = None
        every = self._span("[oncall] handover", handover, "every", timedelta(weeks=1))
        if every < timedelta(minutes=1):
            self._faults.append('[oncall] handover.every is too short: use something like "1w" or "1d".')
        return OnCall(
            people=self._addresses("[oncall]", table, "people"),
            every=every,
            since=since.astimezone(UTC) if since else None,
            ack_within=self._span("[oncall]", table, "ack_within", timedelta(minutes=10)),
        )

    def _watch(self, table: Mapping[str, Any]) -> Watching:
        self._known("[watch]", table, _WATCH)
        usual = Watching()
        every = self._span("[watch]", table, "every", usual.every)
        if every < timedelta(minutes=2):
            self._faults.append('[watch] every is too short for the providers\' limits: use "2m" or more, like "10m".')
            every = usual.every
        report = table.get("weekly_report", True)
        if not isinstance(report, bool):
            self._faults.append("[watch] weekly_report is true or false.")
        return Watching(every, self._span("[watch]", table, "ends_within", usual.ends_within), report is not False)

    def _retention(self, table: Mapping[str, Any]) -> Retention:
        self._known("[retention]", table, _RETENTION)
        usual = Retention()
        spans = {name: self._span("[retention]", table, name, getattr(usual, name)) for name in _RETENTION}
        for name, least in (("readings", 35), ("tickets", 7), ("audit", 30), ("sightings", 7)):
            if spans[name] < timedelta(days=least):
                self._faults.append(
                    f'[retention] {name} is too short: keep at least "{least}d", the bot looks that far back.'
                )
        return Retention(**spans)

    def _warp(self, table: Mapping[str, Any]) -> Path | None:
        self._known("[warp]", table, ["folder"])
        return self._path(self._text("[warp]", table, "folder"))

    def _model(self, table: Mapping[str, Any], routes: Mapping[str, Route]) -> str:
        self._known("[model]", table, ["route"])
        name = self._text("[model]", table, "route")
        route = routes.get(name)
        if name and route is None:
            self._faults.append(f"[model] route names no route of this file: {_safe(name)}.")
        elif route is not None and not route.model:
            self._faults.append(f"[model] route: [routes.{name}] needs model for this.")
        return name

    def _gateway(self, name: str, table: Mapping[str, Any]) -> GatewaySettings:
        where = f"[gateways.{name}]"
        self._named(where, name)
        self._known(where, table, _GATEWAY)
        kind = self._choice(table, "kind", _KINDS, "", where)
        url, config = self._text(where, table, "url"), self._path(self._text(where, table, "config"))
        if kind == "claude-code-router":
            if config is None:
                self._faults.append(f"{where} needs config: the path of the router's config.json.")
        elif kind:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
                self._faults.append(f"{where} needs url: a plain http(s) address, like http://127.0.0.1:3000.")
            if not table.get("key_env") and not table.get("key_file"):
                self._faults.append(f"{where} needs key_env: the variable with the gateway's access token.")
        return GatewaySettings(
            name,
            kind or "new-api",  # type: ignore[arg-type]
            url.rstrip("/"),
            self._ref(where, table, "key"),
            self._ref(where, table, "user"),
            config,
            self._path(self._text(where, table, "pid_file")),
            tuple(self._list(where, table, "restart")),
        )

    # --- values

    def _table(self, raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        value = raw.get(name, {})
        if not isinstance(value, dict):
            self._faults.append(f"[{name}] is a table: write it as [{name}] with its settings below.")
            return {}
        return value

    def _tables(self, raw: Mapping[str, Any], name: str) -> list[tuple[str, Mapping[str, Any]]]:
        out: list[tuple[str, Mapping[str, Any]]] = []
        for key, value in self._table(raw, name).items():
            if isinstance(value, dict):
                out.append((key, value))
            else:
                self._faults.append(
                    f"[{name}] {_safe(key)} is not a table: write [{name}.NAME] with its settings below."
                )
        return out

    def _known(self, where: str, table: Mapping[str, Any], names: Sequence[str]) -> None:
        for key in table:
            if key not in names:
                near = get_close_matches(key, names, n=1, cutoff=0.6)
                hint = f" Did you mean {near[0]}?" if near else f" Known: {', '.join(names)}."
                self._faults.append(f"{where or 'the team file'}: {_safe(key)} is no setting.{hint}")

    def _named(self, where: str, name: str) -> None:
        if not _NAME.match(name) or _LOOKS_LIKE_KEY.match(name):
            self._faults.append(f"{_safe(where)}: use a short name of letters, digits, - and _ (40 at most).")

    def _text(self, where: str, table: Mapping[str, Any], key: str) -> str:
        value = table.get(key, "")
        if not isinstance(value, str):
            self._faults.append(f"{where} {key} is a text in quotes.")
            return ""
        return value.strip()

    def _list(self, where: str, table: Mapping[str, Any], key: str) -> list[str]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._faults.append(f'{where} {key} is a list of texts, like ["one", "two"].')
            return []
        return value

    def _addresses(self, where: str, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        out = []
        for item in self._list(where, table, key):
            if _ADDRESS.match(item):
                out.append(item)
            else:
                self._faults.append(
                    f"{where} {key} holds {_safe(item)}: write slack:U0ID, telegram:1001, or slack:* for everybody there."
                )
        return tuple(out)

    def _choice(self, table: Mapping[str, Any], key: str, choices: Sequence[str], default: str, where: str = "") -> str:
        value = table.get(key, default)
        if value not in choices:
            self._faults.append(f"{where} {key} is one of: {', '.join(choices)}.".strip())
            return default
        return str(value)

    def _zone(self, value: object) -> str:
        try:
            ZoneInfo(str(value))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._faults.append("timezone is no zone I know: use an IANA name like Asia/Shanghai.")
            return "UTC"
        return str(value)

    def _span(self, where: str, table: Mapping[str, Any], key: str, default: timedelta) -> timedelta:
        value = table.get(key)
        if value is None:
            return default
        found = _SPAN.match(value) if isinstance(value, str) else None
        if not found or int(found[1]) == 0:
            self._faults.append(f'{where} {key} is a duration like "10m", "4h", "1d" or "1w".')
            return default
        return timedelta(**{_UNITS[found[2]]: int(found[1])})

    def _ref(self, where: str, table: Mapping[str, Any], stem: str) -> KeyRef | None:
        env, file = self._text(where, table, f"{stem}_env"), self._text(where, table, f"{stem}_file")
        if env and file:
            self._faults.append(f"{where} has both {stem}_env and {stem}_file: keep one.")
        if env and (_LOOKS_LIKE_KEY.match(env) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", env)):
            self._faults.append(
                f"{where} {stem}_env is the NAME of an environment variable, like DEEPSEEK_API_KEY, never the key itself."
            )
            return None
        if file:
            return KeyRef(file=self._path(file))
        return KeyRef(env=env) if env else None

    def _of_application(self, where: str, table: Mapping[str, Any], ref: KeyRef | None) -> KeyRef | None:
        """`key_env_file`: key_env is a variable of an application's `.env`; `key_line`: commented out, on that line."""
        file, line = self._path(self._text(where, table, "key_env_file")), table.get("key_line")
        if line is not None and (not isinstance(line, int) or isinstance(line, bool) or line < 1):
            self._faults.append(f"{where} key_line is the number of a line, like 12.")
            return ref
        if (file or line) and (ref is None or ref.env is None):
            self._faults.append(f"{where} key_env_file and key_line need key_env: name the variable in that file.")
            return ref
        if line is not None and file is None:
            self._faults.append(f"{where} key_line needs key_env_file: name the file with that line.")
        return replace(ref, env_file=file, line=line) if ref is not None and file is not None else ref

    def _warn(self, where: str, value: object) -> dict[str, Decimal]:
        if value is None:
            return {}
        out: dict[str, Decimal] = {}
        for currency, amount in value.items() if isinstance(value, dict) else ():
            try:
                if isinstance(amount, (bool, float)) or not isinstance(amount, (str, int)):
                    raise InvalidOperation
                out[str(currency)] = Decimal(amount)
            except InvalidOperation:
                self._faults.append(
                    f'{where} warn_below.{_safe(str(currency))} is an amount in quotes, like "20" or "3.50".'
                )
        if not isinstance(value, dict):
            self._faults.append(f'{where} warn_below is a table like {{ CNY = "20", USD = "3" }}.')
        return out

    def _quiet(self, value: object) -> tuple[str, str] | None:
        if value is None:
            return None
        if (
            isinstance(value, list)
            and len(value) == 2
            and all(isinstance(v, str) and re.fullmatch(r"[0-2]\d:[0-5]\d", v) for v in value)
        ):
            return value[0], value[1]
        self._faults.append('quiet_hours is two times in the team\'s zone, like ["22:00", "07:00"].')
        return None

    def _path(self, text: str) -> Path | None:
        if not text:
            return None
        path = Path(text).expanduser()
        return path if path.is_absolute() else (self._folder / path)


def _safe(text: str) -> str:
    """A name from the file for a message; anything that could be a key is not repeated."""
    return "a value that looks like a key" if _LOOKS_LIKE_KEY.search(text) else text[:60]
