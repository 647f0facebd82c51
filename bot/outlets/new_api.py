"""Channels of new-api and one-api: on, off, priority, weight; read back and taken back.

Three generations differ: newest new-api refuses `status` in PUT and has `POST /api/channel/:id/status`; older ones and one-api take it
in PUT. Errors may come with HTTP 200 and `success: false`. A partial PUT names only the id and what changes: a key is neither sent
nor echoed. Never deletes, never tests (a test is a paid request and can switch a channel off). Read 2026-11: one-api
router/api.go, new-api router/api-router.go and controller/channel.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bot.errors import BadAnswer, ProviderError, SwitchRefused
from bot.model.team import Secret
from bot.outlets.env_text import refused
from bot.ports import Answer, Call, GatewayTarget, Http, Receipt

ON, OFF_BY_HAND, OFF_BY_ITSELF = 1, 2, 3
_FIELDS: Final = ("status", "priority", "weight")
_PAGE: Final = 100


class NewApi:
    """The `Gateway` door. `user`: the numeric id of the token's owner, which some generations want in a header."""

    def __init__(self, http: Http, url: str, token: Secret, user: str = "") -> None:
        self._http, self._url, self._token, self._user = http, url.rstrip("/"), token, user

    async def targets(self) -> tuple[GatewayTarget, ...]:
        found: dict[str, GatewayTarget] = {}
        for page in range(50):
            rows = await self._page(page)
            fresh = [row for row in rows if str(row.get("id")) not in found]
            for row in fresh:
                target = _target(row)
                found[target.id] = target
            if not fresh:
                break
        return tuple(found.values())

    async def _page(self, page: int) -> list[Mapping[str, Any]]:
        data = await self._ask("GET", f"/api/channel/?p={page}&page_size={_PAGE}")
        rows = data.get("items") if isinstance(data, Mapping) else data
        if rows is None:
            return []
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            raise BadAnswer("wrong_shape")
        return rows

    async def look(self, target: str) -> GatewayTarget:
        """One channel as the gateway has it now."""
        if not target.isdigit():
            raise refused("no_such_target", "a channel is named by its number", target=target)
        try:
            data = await self._ask("GET", f"/api/channel/{target}")
        except SwitchRefused as fault:
            # Reading changes nothing, so with a token that is taken there is but one thing to refuse.
            data = None
            if fault.facts.get("reason") != "gateway_refused" or fault.facts.get("status") != 200:
                raise
        if not isinstance(data, Mapping) or str(data.get("id")) != target:
            raise refused("no_such_target", f"the gateway has no channel {target}", target=target)
        return _target(data)

    async def apply(self, target: str, want: Mapping[str, Any]) -> Receipt:
        """`want`: status (1 or 2), priority, weight; whole numbers."""
        unknown = set(want) - set(_FIELDS)
        if unknown or not want or not all(isinstance(value, int) for value in want.values()):
            raise refused(
                "bad_value", "only status, priority and weight can be changed", variable=", ".join(unknown), what=""
            )
        if want.get("status", ON) not in (ON, OFF_BY_HAND):
            raise refused("bad_value", "status is 1 (on) or 2 (off)", variable="status", what="")
        before = await self.look(target)
        await self._write(target, {name: value for name, value in want.items() if before.state.get(name) != value})
        after = await self.look(target)
        if any(after.state.get(name) != value for name, value in want.items()):
            raise refused("not_taken", f"the gateway does not show the change of channel {target}", target=before.name)
        return Receipt(target, {name: before.state.get(name) for name in want}, dict(want))

    async def undo(self, receipt: Receipt) -> Receipt:
        # A channel that the gateway has switched off by itself meanwhile must not be switched on by us.
        now = await self.look(receipt.target)
        if any(now.state.get(name) != value for name, value in receipt.after.items()):
            raise refused("changed_since", f"channel {receipt.target} was changed after that", path=now.name)
        former = {name: value for name, value in receipt.before.items() if isinstance(value, int)}
        if former.get("status") == OFF_BY_ITSELF:
            former["status"] = OFF_BY_HAND  # only the gateway itself may write 3
        return await self.apply(receipt.target, former)

    async def _write(self, target: str, changes: Mapping[str, Any]) -> None:
        rest = dict(changes)
        if "status" in rest and await self._own_status_route(target, rest["status"]):
            del rest["status"]
        if rest:
            await self._ask("PUT", "/api/channel/", {"id": int(target), **rest})

    async def _own_status_route(self, target: str, status: int) -> bool:
        """The newest generation's own route. False where this gateway has none, so that PUT is the way."""
        answer = await self._send("POST", f"/api/channel/{target}/status", {"status": status})
        if answer.status in (404, 405):
            return False
        try:
            _unwrapped(answer)
        except ProviderError as fault:
            if fault.reason in ("html", "not_json"):  # older ones answer unknown routes with their web page
                return False
            raise
        return True

    async def _ask(self, method: str, path: str, body: Any = None) -> Any:
        return _unwrapped(await self._send(method, path, body))

    async def _send(self, method: str, path: str, body: Any) -> Answer:
        headers = {"Authorization": self._token.reveal()}
        if self._user:
            headers["New-Api-User"] = self._user
        return await self._http.ask(Call(method, self._url + path, headers, json=body))


def _unwrapped(answer: Answer) -> Any:
    """`data` of a good answer. Raises SwitchRefused where the gateway refuses, whatever the HTTP status."""
    if answer.status in (401, 403):
        raise refused(
            "gateway_denied", f"the gateway refused the access token (HTTP {answer.status})", status=answer.status
        )
    parsed = answer.json()
    if not isinstance(parsed, Mapping):
        raise BadAnswer("wrong_shape")
    if answer.status >= 400 or parsed.get("success") is False:
        said = str(parsed.get("message", ""))
        if "New-Api-User" in said or "未登录" in said or "access token" in said.lower():
            raise refused("gateway_denied", "the gateway refused the access token", status=answer.status)
        raise refused("gateway_refused", "the gateway refused the change", status=answer.status)
    return parsed.get("data")


def _target(row: Mapping[str, Any]) -> GatewayTarget:
    models = row.get("models")
    return GatewayTarget(
        str(row.get("id")),
        str(row.get("name") or row.get("id"))[:60],
        {name: row.get(name) if isinstance(row.get(name), int) else 0 for name in _FIELDS},
        tuple(models.split(",")) if isinstance(models, str) and models else (),
    )
