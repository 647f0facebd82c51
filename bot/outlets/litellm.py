"""LiteLLM proxy: the fallback list of a model group, and a database model's upstream; read back and taken back.

`POST /fallback` and `POST /model/update` need the proxy's database; without one it says so and the config file is the only way.
`GET /health` is never asked: it sends real requests. Models of the config file cannot be changed by API. Run with 1.106.2, 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from bot.errors import BadAnswer, ProviderError
from bot.model.team import Secret
from bot.outlets.env_text import refused
from bot.ports import Call, GatewayTarget, Http, Receipt

_FIELDS: Final = ("fallbacks", "upstream")


class LiteLlm:
    """The `Gateway` door. A target is a model group; its state holds `fallbacks` (in order) and, for one database model,
    `upstream` (the model it is sent to)."""

    def __init__(self, http: Http, url: str, key: Secret) -> None:
        self._http, self._url, self._key = http, url.rstrip("/"), key

    async def targets(self) -> tuple[GatewayTarget, ...]:
        groups: dict[str, list[Mapping[str, Any]]] = {}
        for row in await self._models():
            groups.setdefault(str(row.get("model_name")), []).append(row)
        return tuple([await self._target(name, rows) for name, rows in groups.items()])

    async def look(self, target: str) -> GatewayTarget:
        rows = [row for row in await self._models() if row.get("model_name") == target]
        if not rows:
            raise refused("no_such_target", f"the proxy has no model {target}", target=target)
        return await self._target(target, rows)

    async def _target(self, name: str, rows: list[Mapping[str, Any]]) -> GatewayTarget:
        state: dict[str, Any] = {"fallbacks": await self._fallbacks(name)}
        upstreams = [str(_at(row, "litellm_params", "model") or "") for row in rows]
        if len(rows) == 1 and _at(rows[0], "model_info", "db_model") is True:
            state["upstream"] = upstreams[0]
        return GatewayTarget(name, name[:60], state, tuple(upstreams))

    async def apply(self, target: str, want: Mapping[str, Any]) -> Receipt:
        """`want`: fallbacks (a list of model groups) and upstream (a model name), or one of them."""
        if not want or set(want) - set(_FIELDS):
            raise refused("bad_value", "only fallbacks and upstream can be changed", variable="", what="")
        before = await self.look(target)
        if "fallbacks" in want:
            await self._set_fallbacks(target, list(want["fallbacks"]))
        if "upstream" in want:
            await self._set_upstream(target, before, str(want["upstream"]))
        after = await self.look(target)
        if any(after.state.get(name) != value for name, value in want.items()):
            raise refused("not_taken", f"the proxy does not show the change of {target}", target=target)
        return Receipt(target, {name: before.state.get(name) for name in want}, dict(want))

    async def undo(self, receipt: Receipt) -> Receipt:
        now = await self.look(receipt.target)
        if any(now.state.get(name) != value for name, value in receipt.after.items()):
            raise refused("changed_since", f"{receipt.target} was changed after that", path=receipt.target)
        return await self.apply(receipt.target, receipt.before)

    async def _set_fallbacks(self, target: str, names: list[str]) -> None:
        if names:
            await self._ask(
                "POST", "/fallback", {"model": target, "fallback_models": names, "fallback_type": "general"}
            )
        elif await self._fallbacks(target):
            await self._ask("DELETE", f"/fallback/{quote(target, safe='')}")

    async def _set_upstream(self, target: str, before: GatewayTarget, model: str) -> None:
        rows = [row for row in await self._models() if row.get("model_name") == target]
        if "upstream" not in before.state:
            raise refused("config_only", f"{target} stands in the proxy's config file: change it there", target=target)
        number = _at(rows[0], "model_info", "id")
        await self._ask(
            "POST",
            "/model/update",
            {"model_name": target, "litellm_params": {"model": model}, "model_info": {"id": number}},
        )

    async def _models(self) -> list[Mapping[str, Any]]:
        answer = await self._ask("GET", "/model/info")
        rows = answer.get("data") if isinstance(answer, Mapping) else None
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            raise BadAnswer("wrong_shape")
        return rows

    async def _fallbacks(self, name: str) -> list[str]:
        answer = await self._ask("GET", f"/fallback/{quote(name, safe='')}", missing={})
        found = answer.get("fallback_models", []) if isinstance(answer, Mapping) else []
        return [str(each) for each in found] if isinstance(found, list) else []

    async def _ask(self, method: str, path: str, body: Any = None, missing: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self._key.reveal()}"}
        answer = await self._http.ask(Call(method, self._url + path, headers, json=body))
        if answer.status == 404 and missing is not None:
            return missing
        if answer.status in (401, 403):
            raise refused("gateway_denied", f"the proxy refused the key (HTTP {answer.status})", status=answer.status)
        if answer.status >= 400:
            said = answer.body[:2000].decode("utf-8", "replace").lower()
            if "no db connected" in said or "no connected db" in said:
                raise refused("no_database", "the proxy has no database: change its config file and restart it")
            raise refused("gateway_refused", f"the proxy refused (HTTP {answer.status})", status=answer.status)
        try:
            return answer.json()
        except ProviderError:
            return {}  # a deletion may answer with nothing


def _at(row: Mapping[str, Any], *path: str) -> Any:
    value: Any = row
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
