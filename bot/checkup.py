"""`quotadesk check`: proves each setting, token, scope, database, env file, route and the clock; each fault with its mend."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

from bot import app as house
from bot.errors import ConfigError, ProviderError, QuotadeskError
from bot.locales import Words
from bot.model.money import Status
from bot.ports import Answer, Call
from bot.settings import Settings, load

_CLOCK_LIMIT_S = 60
_SCOPES = ("commands", "chat:write", "users:read")

State = Literal["ok", "fault", "off"]


@dataclass(frozen=True, slots=True)
class Check:
    """`off`: not configured, so nothing to prove. `mend`: what to do, naming the setting, never its value."""

    name: str
    state: State
    detail: str = ""
    mend: str = ""


async def run(*, as_json: bool) -> int:
    """Prints every check as it is done; 1 if any failed, 2 if the settings cannot even be read."""
    checks: list[Check] = []
    async for check in _checks():
        checks.append(check)
        if not as_json:
            mark = {"ok": "ok   ", "fault": "FAULT", "off": "off  "}[check.state]
            print(
                f"{mark}  {check.name}: {check.detail}" + (f"\n       → {check.mend}" if check.mend else ""), flush=True
            )
    failed = any(check.state == "fault" for check in checks)
    if as_json:
        json.dump(
            {"ok": not failed, "checks": [asdict(check) for check in checks]}, sys.stdout, ensure_ascii=False, indent=2
        )
        sys.stdout.write("\n")
    return 1 if failed else 0


async def _checks() -> AsyncIterator[Check]:
    try:
        settings = load()
    except ConfigError as fault:
        for line in fault.faults:
            yield Check("settings", "fault", "not usable", line)
        return
    yield Check("settings", "ok", "read")
    try:
        async with house.house(settings, quiet=True) as built:
            yield Check("database", "ok", "open, migrated, writable")
            team = built.team
            yield Check("team", "ok", f"{len(team.engines)} engines, {len(team.routes)} routes")
            if not (team.access.members or team.access.operators):
                yield Check(
                    "access",
                    "fault",
                    "nobody may use the bot",
                    "name people in [access] members and operators of CONFIG_FILE",
                )
            elif not team.access.operators:
                yield Check(
                    "access",
                    "fault",
                    "no operator",
                    "name at least one in [access] operators, or nobody can switch or acknowledge",
                )
            else:
                yield Check(
                    "access",
                    "ok",
                    f"{len(team.access.members)} member entries, {len(team.access.operators)} operator entries",
                )
            async for check in _slack(settings, built):
                yield check
            async for check in _telegram(settings, built):
                yield check
            async for check in _routes(built):
                yield check
    except ConfigError as fault:
        for line in fault.faults:
            yield Check("configuration", "fault", "not usable", line)
    except QuotadeskError as fault:
        yield Check(
            "database",
            "fault",
            str(fault),
            "look at DATABASE_URL: the folder must exist and be writable, the server must answer",
        )


async def _slack(settings: Settings, built: house.House) -> AsyncIterator[Check]:
    if settings.slack_bot_token is None:
        yield Check("slack", "off", "SLACK_BOT_TOKEN is not set")
        return
    headers = {"Authorization": f"Bearer {settings.slack_bot_token.get_secret_value()}"}
    answer = await _post(built, "slack", f"{settings.slack_api_url}auth.test", headers)
    if isinstance(answer, Check):
        yield answer
        return
    body = answer.json()
    if not body.get("ok"):
        word = str(body.get("error", "refused"))[:40]
        yield Check(
            "slack token",
            "fault",
            word,
            "SLACK_BOT_TOKEN: copy the Bot User OAuth Token again after installing the app",
        )
        return
    yield Check("slack token", "ok", f"bot {body.get('user', '')} in {body.get('team', '')}")
    team = built.team.access.slack_team
    if team and body.get("team_id") and body["team_id"] != team:
        yield Check(
            "slack workspace",
            "fault",
            "the token is of another workspace",
            "[access] slack_team: write the id of the workspace that the app is installed in",
        )
    scopes = {scope.strip() for scope in answer.headers.get("x-oauth-scopes", "").split(",") if scope.strip()}
    if scopes:
        absent = [scope for scope in _SCOPES if scope not in scopes]
        mend = "add them under OAuth & Permissions (`quotadesk slack-manifest` lists all) and reinstall the app"
        yield Check(
            "slack scopes",
            "fault" if absent else "ok",
            "missing: " + ", ".join(absent) if absent else "complete",
            mend if absent else "",
        )
    if settings.slack_app_token is not None:
        headers = {"Authorization": f"Bearer {settings.slack_app_token.get_secret_value()}"}
        answer = await _post(built, "slack socket", f"{settings.slack_api_url}apps.connections.open", headers)
        if isinstance(answer, Check):
            yield answer
        elif answer.json().get("ok"):
            yield Check("slack socket", "ok", "a connection may be opened")
        else:
            yield Check(
                "slack socket",
                "fault",
                str(answer.json().get("error", "refused"))[:40],
                "SLACK_APP_TOKEN: an App-Level Token with connections:write",
            )
    yield _clock(answer, built) if isinstance(answer, Answer) else Check("clock", "off", "no server to compare with")


async def _telegram(settings: Settings, built: house.House) -> AsyncIterator[Check]:
    if settings.telegram_bot_token is None:
        yield Check("telegram", "off", "TELEGRAM_BOT_TOKEN is not set")
        return
    base = f"{settings.telegram_api_url}/bot{settings.telegram_bot_token.get_secret_value()}"
    answer = await _post(built, "telegram", f"{base}/getMe", {})
    if isinstance(answer, Check):
        yield answer
        return
    body = answer.json()
    if not body.get("ok"):
        yield Check(
            "telegram token", "fault", f"refused ({answer.status})", "TELEGRAM_BOT_TOKEN: copy it again from @BotFather"
        )
        return
    yield Check("telegram token", "ok", f"@{body['result'].get('username', '')}")
    for address in built.team.support.chats:
        platform, _, chat = address.partition(":")
        if platform != "telegram":
            continue
        found = await _post(built, "telegram chat", f"{base}/getChat", {}, {"chat_id": int(chat)})
        if isinstance(found, Check):
            yield found
        elif found.json().get("ok"):
            yield Check(f"telegram chat {chat}", "ok", "the bot is in it")
        else:
            yield Check(
                f"telegram chat {chat}",
                "fault",
                "the bot cannot see it",
                "add the bot to the support group, or mend [support] chats",
            )
    yield _clock(answer, built)


async def _routes(built: house.House) -> AsyncIterator[Check]:
    words = Words("en", built.team.timezone)
    if not built.team.routes:
        return
    from handlers.balance import reason, state_word

    boards = [states async for states in built.services.balances.ask(())]
    for state in boards[-1]:
        name = f"route {', '.join(state.routes)}"
        if state.status is Status.COULD_NOT_CHECK:
            yield Check(
                name, "fault", reason(state, words), "see the sentence before; `quotadesk balance` tells the same"
            )
        elif state.blocked:
            yield Check(
                name,
                "fault",
                state_word(state),
                f"top it up ({state.top_up_url})" if state.top_up_url else "top it up in its console",
            )
        else:
            yield Check(name, "ok", state_word(state))


def _clock(answer: Answer, built: house.House) -> Check:
    """Signed requests (Slack, clouds) are refused when this machine's clock is off."""
    try:
        there = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return Check("clock", "off", "the server told no time")
    off = abs((built.clock.now() - (there if there.tzinfo else there.replace(tzinfo=UTC))).total_seconds())
    if off > _CLOCK_LIMIT_S:
        return Check(
            "clock",
            "fault",
            f"{off:.0f} s off",
            "turn on time synchronisation (NTP); Slack refuses requests more than 5 minutes off",
        )
    return Check("clock", "ok", f"within {max(1, round(off))} s, {datetime.now(UTC):%H:%M} UTC")


async def _post(
    built: house.House, name: str, url: str, headers: dict[str, str], body: dict[str, object] | None = None
) -> Answer | Check:
    """The address may hold a token: no error repeats it."""
    try:
        answer = await built.web.ask(Call("POST", url, headers, json=body or {}))
        answer.json()
        return answer
    except ProviderError as fault:
        return Check(
            name,
            "fault",
            f"no usable answer ({fault.reason})",
            "check the network, and the *_API_URL setting if you changed it",
        )
