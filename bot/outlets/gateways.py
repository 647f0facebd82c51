"""The team's gateways, made from their settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.model.engine import Engine, GatewaySettings
from bot.model.team import Team
from bot.outlets.ccr import Ccr
from bot.outlets.env_text import refused
from bot.outlets.litellm import LiteLlm
from bot.outlets.new_api import NewApi
from bot.ports import Clock, Gateway, GatewayTarget, Http, Keys, Receipt, Restarter, TakenUp


def build(
    team: Team, http: Http, keys: Keys, restarter: Restarter, clock: Clock, backups: Path
) -> Mapping[str, Gateway]:
    """By name. A key is read when the gateway is used, so that a changed one counts at once and a missing one is told then."""
    return {name: _Late(settings, http, keys, restarter, clock, backups) for name, settings in team.gateways.items()}


class _Late:
    def __init__(
        self, settings: GatewaySettings, http: Http, keys: Keys, restarter: Restarter, clock: Clock, backups: Path
    ) -> None:
        self._settings, self._http, self._keys = settings, http, keys
        self._restarter, self._clock, self._backups = restarter, clock, backups

    async def targets(self) -> tuple[GatewayTarget, ...]:
        return await self._now().targets()

    async def look(self, target: str) -> GatewayTarget:
        return await self._now().look(target)

    async def apply(self, target: str, want: Mapping[str, Any]) -> Receipt:
        return await self._now().apply(target, want)

    async def undo(self, receipt: Receipt) -> Receipt:
        return await self._now().undo(receipt)

    def _now(self) -> Gateway:
        settings = self._settings
        if settings.kind == "claude-code-router":
            return self._router()
        key = self._keys.read(settings.key)
        if key is None:
            variable = settings.key.name if settings.key else "key_env"
            raise refused("key_missing", f"there is no key in {variable}", variable=variable, route=settings.name)
        if settings.kind == "litellm":
            return LiteLlm(self._http, settings.url, key)
        user = self._keys.read(settings.user)
        return NewApi(self._http, settings.url, key, user.reveal() if user else "")

    def _router(self) -> Ccr:
        settings = self._settings
        config = settings.config or Path("config.json")
        # The restart command runs beside the router's file, as one of an engine does.
        engine = Engine(settings.name, settings.name, config, restart=settings.restart)

        async def restart() -> TakenUp:
            return await self._restarter.take_up(engine)

        pid_file = settings.pid_file or config.with_name(".claude-code-router.pid")
        return Ccr(config, self._backups, restart, pid_file, self._clock)
