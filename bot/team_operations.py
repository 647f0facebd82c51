"""The team file's tables about running: what is watched, how long things are kept, which gateways are the team's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.model.engine import Engine, GatewaySettings, Route
from bot.model.near import nearest
from bot.model.team import Reporter, Retention, Watching
from bot.team_values import Values, plain_address, safe

_WATCH = ["every", "ends_within", "weekly_report", "logs"]
_RETENTION = ["readings", "tickets", "audit", "sightings"]
_REPORTS = ["key_env", "key_file", "engine", "per_minute"]
_GATEWAY = ["kind", "url", "key_env", "key_file", "user_env", "user_file", "config", "pid_file", "restart"]
_KINDS = ("new-api", "litellm", "claude-code-router")


class Operations(Values):
    """The tables about running things: watch, on call, retention, programs. Faults are collected, not raised."""

    def _watch(self, table: Mapping[str, Any], engines: Mapping[str, Engine]) -> Watching:
        self._known("[watch]", table, _WATCH)
        usual = Watching()
        every = self._span("[watch]", table, "every", usual.every)
        if every < timedelta(minutes=2):
            self._fault("watch_every")
            every = usual.every
        report = table.get("weekly_report", True)
        if not isinstance(report, bool):
            self._fault("weekly")
        return Watching(
            every,
            self._span("[watch]", table, "ends_within", usual.ends_within),
            report is not False,
            self._logs(table.get("logs", {}), engines),
        )

    def _logs(self, table: object, engines: Mapping[str, Engine]) -> dict[str, tuple[str, ...]]:
        where = "[watch.logs]"
        if not isinstance(table, dict):
            self._fault("logs_table", where=where)
            return {}
        out: dict[str, tuple[str, ...]] = {}
        for name, paths in table.items():
            if name != "*":
                self._engine_named(f"{where} {safe(name)}", name, engines)
            given = [paths] if isinstance(paths, str) else paths
            found = self._list(where, {safe(name): given}, safe(name))
            out[name] = tuple(str(path) for text in found if (path := self._path(text.strip())))
            if given == [] or given == "":
                self._fault("logs_none", where=where, name=safe(name))
        return out

    def _engine_named(self, where: str, name: str, engines: Mapping[str, Engine]) -> None:
        if name not in engines:
            if near := nearest(name, engines, most=1):
                self._fault("engine_near", where=where, near=near[0])
            else:
                self._fault("engine", where=where)

    def _reporter(self, name: str, table: Mapping[str, Any], engines: Mapping[str, Engine]) -> Reporter:
        where = f"[reports.{name}]"
        self._named(where, name)
        self._known(where, table, _REPORTS)
        key, engine = self._ref(where, table, "key"), self._text(where, table, "engine")
        if key is None and not any(fault.startswith(f"{where} key") for fault in self.faults):
            self._fault("reporter_key", where=where)
        if engine:
            self._engine_named(f"{where} engine {safe(engine)}", engine, engines)
        each = table.get("per_minute", 60)
        if not isinstance(each, int) or isinstance(each, bool) or not 1 <= each <= 6_000:
            self._fault("per_minute", where=where)
            each = 60
        return Reporter(name, key, engine or None, each)

    def _retention(self, table: Mapping[str, Any]) -> Retention:
        self._known("[retention]", table, _RETENTION)
        usual = Retention()
        spans = {name: self._span("[retention]", table, name, getattr(usual, name)) for name in _RETENTION}
        for name, least in (("readings", 35), ("tickets", 7), ("audit", 30), ("sightings", 7)):
            if spans[name] < timedelta(days=least):
                self._fault("retention", name=name, least=least)
        return Retention(**spans)

    def _warp(self, table: Mapping[str, Any]) -> Path | None:
        self._known("[warp]", table, ["folder"])
        return self._path(self._text("[warp]", table, "folder"))

    def _model(self, table: Mapping[str, Any], routes: Mapping[str, Route]) -> str:
        self._known("[model]", table, ["route"])
        name = self._text("[model]", table, "route")
        route = routes.get(name)
        if name and route is None:
            self._fault("model_route", name=safe(name))
        elif route is not None and not route.model:
            self._fault("model_needs", name=name)
        return name

    def _gateway(self, name: str, table: Mapping[str, Any]) -> GatewaySettings:
        where = f"[gateways.{name}]"
        self._named(where, name)
        self._known(where, table, _GATEWAY)
        kind = self._choice(table, "kind", _KINDS, "", where)
        url, config = self._text(where, table, "url"), self._path(self._text(where, table, "config"))
        if kind == "claude-code-router":
            if config is None:
                self._fault("gateway_config", where=where)
        elif kind:
            if not plain_address(url):
                self._fault("gateway_url", where=where)
            if not table.get("key_env") and not table.get("key_file"):
                self._fault("gateway_key", where=where)
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
