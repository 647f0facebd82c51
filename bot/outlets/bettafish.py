"""BettaFish's own HTTP API: stop and start of the sub-app whose variables changed, and nothing else.

Source: 666ghj/BettaFish app.py at aa3b913, read and run 2026-11. The API has no authentication and answers HTTP 200 even where it
refuses; `GET /api/config` holds all keys, so it is never asked. A sub-app that was stopped before stays stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bot.errors import BadAnswer, ProviderError, QuotadeskError
from bot.model.engine import Engine
from bot.ports import Call, Clock, Gate, Http, TakenUp

_APPS: Final = {
    "QUERY_ENGINE": "query",
    "MEDIA_ENGINE": "media",
    "INSIGHT_ENGINE": "insight",
    "KEYWORD_OPTIMIZER": "insight",  # lives inside the Insight child
}
_WHOLE: Final = frozenset({"REPORT_ENGINE", "FORUM_HOST"})  # clients that are built once in the Flask process
_OWN_RUN: Final = frozenset({"MINDSPIDER", "MINDSPIDER_ENGINE"})
_SIGNS: Final = ("Error code:", "失败", "错误")
_UP_WITHIN_S: Final = 60.0


def app_of(engine: Engine) -> str:
    """The sub-app to stop and start; "" where that would not help."""
    if engine.env_prefix in _WHOLE | _OWN_RUN or engine.bettafish_app in ("report", "forum", "mindspider"):
        return ""
    return engine.bettafish_app or _APPS.get(engine.env_prefix, "")


def plan(engine: Engine) -> str:
    """bettafish_app, bettafish_whole (only a restart of the whole program helps) or own_run (its next run reads the file)."""
    if engine.env_prefix in _OWN_RUN or engine.bettafish_app == "mindspider":
        return "own_run"
    return "bettafish_app" if app_of(engine) else "bettafish_whole"


class BettaFish:
    """A BettaFish program by its HTTP API: one sub-app stopped, started, watched until it runs."""

    def __init__(self, http: Http, clock: Clock, gate: Gate) -> None:
        self._http, self._clock, self._gate = http, clock, gate

    async def take_up(self, engine: Engine) -> TakenUp:
        """Never raises: what went wrong is in the result."""
        how = plan(engine)
        if how != "bettafish_app":
            return TakenUp("bettafish", None, how)
        app = app_of(engine)
        try:
            return await self._again(engine.bettafish_url or "", app)
        except ProviderError as fault:
            return TakenUp("bettafish", False, "not_reached", {"app": app, "reason": fault.reason})

    async def turn(self, engine: Engine, *, on: bool) -> TakenUp:
        """Stops or starts the sub-app, once. Never raises."""
        url, app = engine.bettafish_url or "", app_of(engine)
        facts: dict[str, object] = {"app": app}
        try:
            running = await self._status(url, app) != "stopped"
            if running == on:
                return TakenUp("bettafish", True, "runs_already" if on else "stopped_already", facts)
            await self._say(url, f"/api/{'start' if on else 'stop'}/{app}", "start_refused" if on else "stop_refused")
        except ProviderError as fault:
            return TakenUp("bettafish", False, "not_reached", {**facts, "reason": fault.reason})
        return TakenUp("bettafish", True, "resumed" if on else "paused", facts)

    async def _again(self, url: str, app: str) -> TakenUp:
        status = await self._status(url, app)
        if status == "stopped":
            return TakenUp("bettafish", True, "was_stopped", {"app": app})
        evidence = await self._evidence(url, app)
        began = self._clock.monotonic()
        await self._say(url, f"/api/stop/{app}", "stop_refused")
        await self._say(url, f"/api/start/{app}", "start_refused")
        while (status := await self._status(url, app)) != "running":
            if self._clock.monotonic() - began > _UP_WITHIN_S:
                return TakenUp("bettafish", False, "not_up", {"app": app, "status": status}, evidence)
            await self._clock.sleep(1.0)
        seconds = round(self._clock.monotonic() - began, 1)
        return TakenUp("bettafish", True, "restarted", {"app": app, "seconds": seconds}, evidence)

    async def _status(self, url: str, app: str) -> str:
        answer = await self._get(url, "/api/status")
        state = answer.get(app)
        word = state.get("status") if isinstance(state, Mapping) else None
        if word not in ("stopped", "starting", "running"):
            raise BadAnswer("no_such_app" if state is None else "wrong_shape")
        return str(word)

    async def _say(self, url: str, path: str, refused: str) -> None:
        """Calls with side effects are sent once, whatever comes of them."""
        if (await self._get(url, path)).get("success") is not True:
            raise BadAnswer(refused)

    async def _evidence(self, url: str, app: str) -> Any:
        """The newest lines that name a cause: a start deletes the sub-app's log."""
        try:
            lines = (await self._get(url, f"/api/output/{app}")).get("output")
        except QuotadeskError:
            return None
        told = (
            [line for line in lines if isinstance(line, str) and any(sign in line for sign in _SIGNS)]
            if isinstance(lines, list)
            else []
        )
        whole = self._gate.trusted("\n".join(told[-3:]))  # cut first, half a key would be no key
        return self._gate.trusted("\n".join(line[:400] for line in whole.text.split("\n"))) if told else None

    async def _get(self, url: str, path: str) -> Mapping[str, Any]:
        answer = await self._http.ask(Call("GET", url.rstrip("/") + path, timeout_s=20.0, max_bytes=4_000_000))
        if answer.status != 200:
            raise BadAnswer(f"http_{answer.status}")
        parsed = answer.json()
        if not isinstance(parsed, Mapping):
            raise BadAnswer("wrong_shape")
        return parsed
