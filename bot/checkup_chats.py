"""`quotadesk check`, the part that asks Slack and Telegram: tokens, scopes, chats, people, webhook, and the test message."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from pydantic import SecretStr

from bot.chats import slack_render, telegram_render
from bot.chats.slack_manifest import ManifestOptions, scopes
from bot.checkup import Check, Report
from bot.errors import ProviderError
from bot.model.chat import Action, Line, Reply
from bot.model.team import Team
from bot.ports import Answer, Call
from bot.settings import Settings
from bot.web import Web

Json = dict[str, Any]
_PEOPLE_MOST = 20
_WAITING_MANY = 100
_QUERIES = ("conversations.info", "conversations.history", "users.info")  # these take no JSON
_ABSENT = ("left", "kicked")


class Chats:
    """`answered`: the newest answer of a platform, for its clock."""

    def __init__(self, report: Report, settings: Settings, team: Team, web: Web) -> None:
        self._report, self._settings, self._team, self._web = report, settings, team, web
        self._scopes: frozenset[str] = frozenset()
        self._sendable: list[str] = []
        self.answered: Answer | None = None

    def _named(self, platform: str, addresses: tuple[str, ...]) -> list[str]:
        """Ids on one platform, without `*`."""
        ids = (address.partition(":")[2] for address in addresses if address.startswith(f"{platform}:"))
        return [id for id in dict.fromkeys(ids) if id != "*"]

    def _people(self, platform: str) -> list[str]:
        team = self._team
        return self._named(platform, (*team.oncall.people, *team.access.operators))[:_PEOPLE_MOST]

    async def _ask(self, name: str, url: str, body: Json | None = None, token: SecretStr | None = None) -> Json | Check:
        """The answer's body; without `body` a GET. The address may hold a token: no error repeats it."""
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
        try:
            answer = await self._web.ask(Call("GET" if body is None else "POST", url, headers, json=body))
            found = answer.json()
        except ProviderError as fault:
            key = f"balance.reasons.{fault.reason}"
            words = self._report.words
            return self._report.fault(name, "no_answer", why=words.say(key) if words.has(key) else fault.reason)
        self.answered = answer
        self._scopes = self._scopes | {s.strip() for s in answer.headers.get("x-oauth-scopes", "").split(",") if s}
        return found if isinstance(found, dict) else self._report.fault(name, "no_answer", why="?")

    # --- Slack

    async def _slack(self, name: str, method: str, body: Json | None = None) -> Json | Check:
        settings = self._settings
        if method in _QUERIES:
            url = f"{settings.slack_api_url}{method}?{urlencode(body or {})}"
            return await self._ask(name, url, None, settings.slack_bot_token)
        return await self._ask(name, f"{settings.slack_api_url}{method}", body or {}, settings.slack_bot_token)

    async def slack(self) -> AsyncIterator[Check]:
        """Token, scopes, chats and people, by asking Slack. Without a token the one check is `off`."""
        report, settings, team = self._report, self._settings, self._team
        if settings.slack_bot_token is None:
            yield report.off("slack", "not_set", setting="SLACK_BOT_TOKEN")
            return
        me = await self._slack("slack", "auth.test")
        if isinstance(me, Check):
            yield me
            return
        if not me.get("ok"):
            yield report.fault("slack token", "slack_token_bad", why=_word(me))
            return
        yield report.ok("slack token", "slack_token", bot=me.get("user", ""), team=me.get("team", ""))
        wanted = team.access.slack_team
        if wanted and me.get("team_id") and me["team_id"] != wanted:
            yield report.fault("slack workspace", "slack_workspace", id=me["team_id"])
        if self._scopes:
            absent = [scope for scope in scopes(ManifestOptions()) if scope not in self._scopes]
            if absent:
                yield report.fault("slack scopes", "slack_scopes_bad", names=", ".join(absent))
            else:
                yield report.ok("slack scopes", "slack_scopes")
        if settings.slack_app_token is not None:
            url = f"{settings.slack_api_url}apps.connections.open"
            opened = await self._ask("slack socket", url, {}, settings.slack_app_token)
            if isinstance(opened, Check):
                yield opened
            elif opened.get("ok"):
                yield report.ok("slack socket", "slack_socket")
            else:
                yield report.fault("slack socket", "slack_socket_bad", why=_word(opened))
        elif settings.slack_signing_secret is not None:
            yield report.off("slack signing secret", "slack_secret")
        for chat in self._named("slack", team.support.chats):
            yield await self._slack_chat(chat)
        for person in self._people("slack"):
            found = await self._slack(f"slack person {person}", "users.info", {"user": person})
            if isinstance(found, Check):
                yield found
            elif not found.get("ok") or (found.get("user") or {}).get("deleted"):
                yield report.fault(f"slack person {person}", "person_unknown", id=person, why=_word(found))

    async def _slack_chat(self, chat: str) -> Check:
        """conversations.info where the app may; else its history, which it may read only where it is."""
        name = f"slack chat {chat}"
        if "channels:read" in self._scopes:
            found = await self._slack(name, "conversations.info", {"channel": chat})
            inside = isinstance(found, dict) and (found.get("channel") or {}).get("is_member")
        else:
            found = await self._slack(name, "conversations.history", {"channel": chat, "limit": 1})
            inside = True
        if isinstance(found, Check):
            return found
        if found.get("ok") and inside:
            self._sendable.append(f"slack:{chat}")
            return self._report.ok(name, "chat_in")
        if found.get("error") == "missing_scope":
            self._sendable.append(f"slack:{chat}")
            return self._report.off(name, "chat_unseen")
        return self._report.fault(name, "slack_chat_bad", why=_word(found), id=chat)

    # --- Telegram

    async def _telegram(self, name: str, method: str, body: Json | None = None) -> Json | Check:
        token = self._settings.telegram_bot_token
        secret = token.get_secret_value() if token else ""
        return await self._ask(name, f"{self._settings.telegram_api_url}/bot{secret}/{method}", body)

    async def telegram(self) -> AsyncIterator[Check]:
        """Token, webhook, chats and people, by asking Telegram. Without a token the one check is `off`."""
        report = self._report
        if self._settings.telegram_bot_token is None:
            yield report.off("telegram", "not_set", setting="TELEGRAM_BOT_TOKEN")
            return
        me = await self._telegram("telegram", "getMe")
        if isinstance(me, Check):
            yield me
            return
        if not me.get("ok"):
            yield report.fault("telegram token", "telegram_token_bad")
            return
        bot = me["result"]
        all_read = bot.get("can_read_all_group_messages")
        yield report.ok(
            "telegram token", "telegram_token_all" if all_read else "telegram_token", bot=bot.get("username")
        )
        yield await self._webhook()
        for chat in dict.fromkeys((*self._named("telegram", self._team.support.chats), *self._team.telegram_chats)):
            yield await self._telegram_chat(chat, int(bot["id"]))
        for person in self._people("telegram"):
            found = await self._telegram(f"telegram person {person}", "getChat", {"chat_id": int(person)})
            if isinstance(found, Check):
                yield found
            elif not found.get("ok"):
                yield report.fault(f"telegram person {person}", "telegram_person", id=person, bot=bot.get("username"))

    async def _webhook(self) -> Check:
        report, wanted = self._report, self._settings.telegram_webhook_url
        found = await self._telegram("telegram webhook", "getWebhookInfo")
        if isinstance(found, Check):
            return found
        info: Mapping[str, Any] = found.get("result") or {}
        url, waiting = str(info.get("url") or ""), int(info.get("pending_update_count") or 0)
        host = urlsplit(url).hostname or ""
        if not wanted and url:
            return report.fault("telegram webhook", "webhook_foreign", host=host)
        if wanted and url and url != wanted:
            return report.fault("telegram webhook", "webhook_other", host=host)
        if wanted and url and info.get("last_error_message") and waiting:
            why = str(info["last_error_message"])[:120]
            return report.fault("telegram webhook", "webhook_failing", why=why, n=waiting)
        if waiting > _WAITING_MANY:
            return report.fault("telegram webhook", "webhook_waiting", n=waiting)
        key = "polling" if not wanted else "webhook" if url else "webhook_later"
        return report.ok("telegram webhook", key, n=waiting)

    async def _telegram_chat(self, chat: str, own: int) -> Check:
        name = f"telegram chat {chat}"
        found = await self._telegram(name, "getChat", {"chat_id": int(chat)})
        if isinstance(found, Check):
            return found
        if not found.get("ok"):
            moved = (found.get("parameters") or {}).get("migrate_to_chat_id")
            if moved:
                return self._report.fault(name, "telegram_moved", id=chat, new=moved)
            return self._report.fault(name, "telegram_chat_bad", id=chat)
        if not chat.startswith("-"):
            self._sendable.append(f"telegram:{chat}")
            return self._report.ok(name, "chat_in")
        member = await self._telegram(name, "getChatMember", {"chat_id": int(chat), "user_id": own})
        if isinstance(member, Check):
            return member
        state: Mapping[str, Any] = member.get("result") or {}
        if state.get("status") in _ABSENT or state.get("can_send_messages") is False:
            return self._report.fault(name, "telegram_chat_bad", id=chat)
        self._sendable.append(f"telegram:{chat}")
        return self._report.ok(name, "chat_may_delete" if state.get("can_delete_messages") else "chat_in")

    # --- the test message

    async def send(self) -> AsyncIterator[Check]:
        """One message with a button to each support chat: pressing it proves the way back."""
        words = self._report.words
        reply = Reply(
            title=words.say("check.test_title"),
            blocks=(Line(words.say("check.test_text")),),
            actions=(Action("balance.refresh", words.say("help.try_balance")),),
            audience="place",
        )
        if not self._team.support.chats:
            yield self._report.off("test message", "no_support_chat")
        for address in self._team.support.chats:
            name = f"test message {address}"
            platform, _, chat = address.partition(":")
            token = self._settings.slack_bot_token if platform == "slack" else self._settings.telegram_bot_token
            if token is None or address not in self._sendable:
                yield self._report.off(name, "test_not_sent")
                continue
            found = await (self._post_slack if platform == "slack" else self._post_telegram)(name, chat, reply)
            if isinstance(found, Check):
                yield found
            elif found.get("ok"):
                yield self._report.ok(name, "test_sent")
            else:
                yield self._report.fault(name, "test_refused", why=_word(found))

    async def _post_slack(self, name: str, chat: str, reply: Reply) -> Json | Check:
        made = slack_render.Renderer().message(reply)
        return await self._slack(name, "chat.postMessage", {"channel": chat, "text": made.text, "blocks": made.blocks})

    async def _post_telegram(self, name: str, chat: str, reply: Reply) -> Json | Check:
        made = telegram_render.render(reply, self._report.words)
        rows = [[{"text": b.text, "callback_data": b.data} for b in row if b.data] for row in made.keyboard]
        body = {
            "chat_id": int(chat),
            "text": made.html[0],
            "parse_mode": "HTML",
            "reply_markup": {"inline_keyboard": rows},
        }
        return await self._telegram(name, "sendMessage", body)


def _word(body: Mapping[str, Any]) -> str:
    """A platform's own short reason."""
    return str(body.get("error") or body.get("description") or "refused")[:80]
