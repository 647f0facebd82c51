"""A make-believe internet of providers on loopback: it refuses what the real ones refuse.

The rules are written down by hand from the providers' own pages, not taken from `bot/providers`: method, path, query,
how the credential travels, which headers must be there. Each scripted account lives under its own path prefix, so one
server plays all of them: `base_url = world.url(alias) + "/v1"`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    method: str
    path: str
    auth: str = "Authorization: Bearer {key}"  # {account}: the second credential; "" none; "signed <algorithm>"
    query: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)  # "*" is any value


BEARER_ACCOUNT = "Authorization: Bearer {account}"
RAW_ACCOUNT = "Authorization: {account}"
RAW = "Authorization: {key}"
VERSION = {"anthropic-version": "2023-06-01"}
USER = {"New-Api-User": "7"}

RULES: Mapping[str, tuple[Rule, ...]] = {
    "302ai": (Rule("balance", "GET", "/dashboard/balance"),),
    "aihubmix": (
        Rule("remain", "GET", "/dashboard/billing/remain"),
        Rule("account", "GET", "/api/user/self", RAW_ACCOUNT),
    ),
    "aimlapi": (Rule("balance", "GET", "/v1/billing/balance"),),
    "anthropic": (
        Rule(
            "costs",
            "GET",
            "/v1/organizations/cost_report",
            "x-api-key: {account}",
            ("starting_at", "bucket_width"),
            VERSION,
        ),
        Rule("models", "GET", "/v1/models", "x-api-key: {key}", (), VERSION),
    ),
    "apiyi": (
        Rule("account", "GET", "/api/user/self", RAW_ACCOUNT),
        Rule("token", "GET", "/api/usage/token/"),
    ),
    "azure-openai": (
        Rule("models", "GET", "/openai/models", "api-key: {key}", ("api-version",)),
        Rule("token", "POST", "/id/oauth2/v2.0/token", "form"),
        Rule(
            "costs",
            "POST",
            "/subscriptions/7/providers/Microsoft.CostManagement/query",
            "Authorization: Bearer made-up",
            ("api-version",),
            {"Content-Type": "application/json"},
        ),
    ),
    "baidu-qianfan": (Rule("account", "POST", "/v1/finance/cash/balance", "signed bce-auth-v1/"),),
    "bedrock": (
        Rule(
            "costs",
            "POST",
            "/",
            "signed AWS4-HMAC-SHA256 ",
            (),
            {"X-Amz-Target": "AWSInsightsIndexService.GetCostAndUsage", "X-Amz-Date": "*"},
        ),
    ),
    "chutes": (Rule("subscription", "GET", "/users/me/subscription_usage"),),
    "cohere": (Rule("models", "GET", "/v1/models"),),
    "crazyrouter": (
        Rule("account", "GET", "/api/user/self", RAW_ACCOUNT, (), {"User-Agent": "*"}),
        Rule("token", "GET", "/api/usage/token/"),
    ),
    "dashscope": (
        Rule(
            "account",
            "POST",
            "/",
            "signed ACS3-HMAC-SHA256 ",
            (),
            {"x-acs-action": "QueryAccountBalance", "x-acs-version": "2017-12-14", "x-acs-signature-nonce": "*"},
        ),
    ),
    "deepinfra": (
        Rule("checklist", "GET", "/payment/checklist", query=("compute_owed",)),
        Rule("month", "GET", "/payment/usage", query=("from",)),
    ),
    "deepseek": (Rule("balance", "GET", "/user/balance"), Rule("models", "GET", "/v1/models")),
    "dmxapi": (
        Rule("account", "GET", "/api/user/self", BEARER_ACCOUNT, (), {"Dmx-Api-User": "7", "Rix-Api-User": "7"}),
    ),
    "fireworks": (
        Rule("accounts", "GET", "/v1/accounts"),
        Rule("summary", "GET", "/v1/accounts/my-team/billing/summary", query=("startTime", "endTime")),
    ),
    "gemini": (Rule("models", "GET", "/v1beta/models", "x-goog-api-key: {key}"),),
    "github-copilot": (
        Rule(
            "credits",
            "GET",
            "/users/7/settings/billing/ai_credit/usage",
            BEARER_ACCOUNT,
            (),
            {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"},
        ),
        Rule("requests", "GET", "/users/7/settings/billing/premium_request/usage", BEARER_ACCOUNT),
    ),
    "groq": (Rule("models", "GET", "/openai/v1/models"),),
    "kimi-code": (Rule("usages", "GET", "/v1/usages"),),
    "laozhang": (
        Rule("account", "GET", "/api/user/self", RAW_ACCOUNT),
        Rule("token", "GET", "/api/usage/token/"),
    ),
    "litellm": (
        Rule("key", "GET", "/key/info"),
        Rule("user", "GET", "/user/info", query=("user_id",)),
        Rule("team", "GET", "/team/info", query=("team_id",)),
    ),
    "lm-studio": (Rule("models", "GET", "/api/v0/models", ""),),
    "minimax": (Rule("plan", "GET", "/v1/token_plan/remains"),),
    "modelscope": (Rule("balance", "GET", "/openapi/v1/magicubes/balance"),),
    "moonshot": (Rule("balance", "GET", "/v1/users/me/balance"),),
    "new-api": (
        Rule("status", "GET", "/api/status", ""),
        Rule("token", "GET", "/api/usage/token/"),
        Rule("subscription", "GET", "/v1/dashboard/billing/subscription"),
        Rule("usage", "GET", "/v1/dashboard/billing/usage"),
        Rule("account", "GET", "/api/user/self", RAW_ACCOUNT, (), USER),
    ),
    "novita": (Rule("detail", "GET", "/openapi/v1/billing/balance/detail"),),
    "ollama": (Rule("models", "GET", "/api/tags", ""),),
    "one-api": (
        Rule("status", "GET", "/api/status", ""),
        Rule("subscription", "GET", "/v1/dashboard/billing/subscription"),
        Rule("usage", "GET", "/v1/dashboard/billing/usage"),
        Rule("account", "GET", "/api/user/self", RAW_ACCOUNT),
    ),
    "openai": (
        Rule("costs", "GET", "/v1/organization/costs", BEARER_ACCOUNT, ("start_time", "bucket_width")),
        Rule("limit", "GET", "/v1/organization/spend_limit", BEARER_ACCOUNT),
        Rule("models", "GET", "/v1/models"),
    ),
    "openai-compatible": (Rule("models", "GET", "/v1/models"),),
    "openrouter": (
        Rule("key", "GET", "/api/v1/key"),
        Rule("credits", "GET", "/api/v1/credits", BEARER_ACCOUNT),
    ),
    "poe": (Rule("balance", "GET", "/usage/current_balance"),),
    "ppio": (Rule("user", "GET", "/v3/user"),),
    "siliconflow": (Rule("user", "GET", "/v1/user/info"),),
    "stepfun": (Rule("account", "GET", "/v1/accounts"),),
    "sub2api": (Rule("usage", "GET", "/v1/usage"),),
    "synthetic": (Rule("quotas", "GET", "/v2/quotas"),),
    "tencent-hunyuan": (
        Rule(
            "account",
            "POST",
            "/",
            "signed TC3-HMAC-SHA256 ",
            (),
            {"X-TC-Action": "DescribeAccountBalance", "X-TC-Version": "2018-07-09", "X-TC-Timestamp": "*"},
        ),
    ),
    "together": (Rule("models", "GET", "/v1/models"),),
    "venice": (Rule("balance", "GET", "/api/v1/billing/balance", BEARER_ACCOUNT),),
    "vllm": (Rule("models", "GET", "/v1/models"),),
    "volcengine-ark": (
        Rule(
            "account",
            "GET",
            "/",
            "signed HMAC-SHA256 ",
            ("Action", "Version"),
            {"X-Date": "*", "X-Content-Sha256": "*"},
        ),
    ),
    "warp": (
        Rule(
            "limits",
            "POST",
            "/graphql/v2",
            query=("op",),
            headers={"User-Agent": "Warp/1.0", "x-warp-client-id": "warp-app", "x-warp-os-category": "*"},
        ),
    ),
    "xai": (
        Rule("team", "GET", "/auth/management-keys/validation", BEARER_ACCOUNT),
        Rule("prepaid", "GET", "/v1/billing/teams/t/prepaid/balance", BEARER_ACCOUNT),
        Rule("month", "GET", "/v1/billing/teams/t/postpaid/invoice/preview", BEARER_ACCOUNT),
    ),
    "zai": (
        Rule("plan", "GET", "/api/monitor/usage/quota/limit", RAW),
        Rule("purse", "GET", "/api/biz/account/query-customer-account-report"),
    ),
    "zenmux": (
        Rule("purse", "GET", "/api/v1/management/payg/balance", BEARER_ACCOUNT),
        Rule("plan", "GET", "/api/v1/management/subscription/detail", BEARER_ACCOUNT),
    ),
    "zhipu": (
        Rule("plan", "GET", "/api/monitor/usage/quota/limit", RAW),
        Rule("purse", "GET", "/api/biz/account/query-customer-account-report"),
    ),
}


@dataclass(slots=True)
class Account:
    """One scripted account. `answers`: JSON text by rule name. `fault` replaces every answer:

    hang, drip, huge, html, null, close, redirect, status:<code>, page:<code> (HTML),
    retry:<seconds or HTTP date>, text:<body>, together:<count> (answers once that many are under way at once).
    """

    provider: str
    answers: Mapping[str, str]
    key: str = ""
    account_key: str = ""
    fault: str = ""
    delay_s: float = 0.0
    refusals: Mapping[str, tuple[int, str]] = field(default_factory=dict)  # rule name -> status and body
    asked: list[str] = field(default_factory=list)  # rule names, in order
    refused: list[str] = field(default_factory=list)  # why a request was turned away
    under_way: int = 0
    most_at_once: int = 0


class Providers:
    """The server, and a stranger beside it that notes whether a credential ever reached it."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.stranger_saw: list[Mapping[str, str]] = []
        self._runners: list[web.AppRunner] = []
        self._release = asyncio.Event()
        self._all_here, self._gathered = asyncio.Event(), 0
        self.port = self.stranger_port = 0

    async def __aenter__(self) -> Providers:
        self.port = await self._serve(self._answer)
        self.stranger_port = await self._serve(self._strange)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._release.set()
        self._all_here.set()
        for runner in self._runners:
            await runner.cleanup()

    async def _serve(self, handler: Any) -> int:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self._runners.append(runner)
        assert site._server is not None
        return int(site._server.sockets[0].getsockname()[1])  # type: ignore[attr-defined]

    def add(self, alias: str, provider: str, answers: Mapping[str, str], **more: Any) -> Account:
        self.accounts[alias] = Account(provider, answers, **more)
        return self.accounts[alias]

    def url(self, alias: str) -> str:
        return f"http://127.0.0.1:{self.port}/{alias}"

    def release(self) -> None:
        """Lets hanging requests go."""
        self._release.set()

    async def _strange(self, request: web.Request) -> web.Response:
        self.stranger_saw.append(dict(request.headers))
        return web.json_response({"is_available": True, "balance_infos": []})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        alias, _, path = request.path.lstrip("/").partition("/")
        account = self.accounts.get(alias)
        if account is None:
            return web.Response(status=404)
        account.under_way += 1
        account.most_at_once = max(account.most_at_once, account.under_way)
        try:
            return await self._of(account, "/" + path, request)
        finally:
            account.under_way -= 1

    async def _of(self, account: Account, path: str, request: web.Request) -> web.StreamResponse:
        if account.delay_s:
            await asyncio.sleep(account.delay_s)
        if account.fault.startswith("together:"):
            await self._together(int(account.fault.removeprefix("together:")))
        elif account.fault:
            account.asked.append(path)
            return await self._faulty(account.fault, request)
        rules = [rule for rule in RULES[account.provider] if rule.path == path and rule.method == request.method]
        if not rules:
            account.refused.append(f"no such page: {request.method} {path}")
            return web.json_response({"error": "not found"}, status=404)
        why = await _form_refusal(account, request) if rules[0].auth == "form" else _refusal(rules[0], account, request)
        if why:
            account.refused.append(why)
            return web.json_response({"error": {"message": why}}, status=401 if "credential" in why else 400)
        account.asked.append(rules[0].name)
        if rules[0].name in account.refusals:
            status, body = account.refusals[rules[0].name]
            return web.Response(status=status, text=body, content_type="application/json")
        if rules[0].name not in account.answers:
            return web.json_response({"error": "not here"}, status=404)
        return web.Response(text=account.answers[rules[0].name], content_type="application/json")

    async def _together(self, count: int) -> None:
        self._gathered += 1
        if self._gathered >= count:
            self._all_here.set()
        await self._all_here.wait()

    async def _faulty(self, fault: str, request: web.Request) -> web.StreamResponse:
        kind, _, value = fault.partition(":")
        if kind == "hang":
            await self._release.wait()
            return web.Response(text="{}")
        if kind in {"drip", "huge"}:
            stream = web.StreamResponse()
            await stream.prepare(request)
            try:
                while not self._release.is_set():
                    await stream.write(b" " if kind == "drip" else b" " * 65536)
                    await asyncio.sleep(0.02 if kind == "drip" else 0)
            except ConnectionError:
                pass
            return stream
        if kind == "close":
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        if kind == "redirect":
            raise web.HTTPFound(f"http://127.0.0.1:{self.stranger_port}/take")
        if kind == "retry":  # seconds, or an HTTP date
            return web.json_response({"error": "slow down"}, status=429, headers={"Retry-After": value})
        if kind == "status":
            return web.json_response({"error": {"message": "no"}}, status=int(value))
        if kind == "page":
            return web.Response(text="<html><body>nginx</body></html>", status=int(value), content_type="text/html")
        body = {"html": "<!doctype html><title>Just a moment...</title>", "null": "null"}.get(kind, value)
        return web.Response(text=body, content_type="text/html" if kind == "html" else "application/json")


async def _form_refusal(account: Account, request: web.Request) -> str | None:
    """Entra's token endpoint: the credential stands in the form, the tenant in the address."""
    form, (_, client, secret) = await request.post(), account.account_key.split(":")
    wanted = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
    if any(form.get(name) != value for name, value in wanted.items()) or not str(form.get("scope")).endswith(
        "/.default"
    ):
        return "credential: wrong form"
    return "a credential came where none belongs" if "Authorization" in request.headers else None


def _refusal(rule: Rule, account: Account, request: web.Request) -> str | None:
    """Why the real provider would turn this request away; None if it would not."""
    for name in rule.query:
        if name not in request.query:
            return f"query {name} is missing"
    for name, value in rule.headers.items():
        given = request.headers.get(name)
        if given is None or (value != "*" and given != value):
            return f"header {name} is missing or wrong"
    own = {name.lower() for name in request.headers} & {"authorization", "x-api-key", "x-goog-api-key", "api-key"}
    if not rule.auth:
        return "a credential came where none belongs" if own else None
    if rule.auth.startswith("signed "):
        given = request.headers.get("Authorization", "")
        ok = given.startswith(rule.auth.removeprefix("signed ")) and account.account_key.split(":")[0] in given
        return (
            None if ok and account.account_key.split(":")[1] not in str(request.headers) else "credential: not signed"
        )
    name, _, value = rule.auth.partition(": ")
    wanted = value.replace("{key}", account.key).replace("{account}", account.account_key)
    if request.headers.get(name) != wanted or own - {name.lower()}:
        return "credential: missing, wrong or in the wrong place"
    return None
