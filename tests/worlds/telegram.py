"""A local Telegram: the Bot API on a loopback port, strict, with people, groups, topics and a store of what they see.

async with TelegramWorld() as world:
    world.person(1001, "Alice")                       # has a private chat with the bot once she wrote to it
    world.group(-1001, "ops", members=(1001,))
    await world.say(1001, -1001, "/balance")
    message = await world.answer(-1001)
    await world.press(1001, message, "Refresh")
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import string
import struct
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import HTTP
from typing import Any, Self
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web

from tests.worlds.telegram_rules import (
    CAPTION_MOST,
    TEXT_MOST,
    Refused,
    as_json,
    found_by_itself,
    read_commands,
    read_keyboard,
    resolve,
)

Json = dict[str, Any]

PATIENCE_S = 60.0
ANONYMOUS_ADMIN = 1087968824
TOO_OLD = "Bad Request: query is too old and response timeout expired or query ID is invalid"
NOT_MODIFIED = (
    "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a "
    "current content and reply markup of the message"
)
EVERYTHING = ("message", "edited_message", "channel_post", "edited_channel_post", "callback_query", "my_chat_member")


@dataclass
class Call:
    """One request of the bot, as it came."""

    method: str
    params: Json
    raw: bytes
    at: float


@dataclass
class ChatState:
    id: int
    kind: str  # private, group, supergroup, channel
    title: str
    members: set[int] = field(default_factory=set)
    admins: set[int] = field(default_factory=set)
    bot_admin: bool = False
    kicked: bool = False
    topics: set[int] | None = None
    migrated_to: int | None = None
    started: bool = False  # private: the person has written to the bot
    blocked: bool = False
    last_bot: int | None = None


@dataclass
class Trouble:
    method: str | None
    chat: int | None
    times: int
    status: int = 200
    body: bytes | None = None
    retry_after: int | None = None
    hang: bool = False
    lose: bool = False


class TelegramWorld:
    """`privacy`: the bot's privacy mode. `public` maps an https address to where it is served on loopback, since the real
    server takes nothing but https. `retry_scale` shortens the pauses between webhook attempts."""

    def __init__(self, *, clock: Any = None, privacy: bool = True, retry_scale: float = 0.01) -> None:
        letters = string.ascii_letters + string.digits
        self.token = f"{secrets.randbelow(10**9) + 10**9}:AA" + "".join(secrets.choice(letters) for _ in range(33))
        self.bot = {
            "id": int(self.token.split(":")[0]),
            "is_bot": True,
            "first_name": "Quota Desk",
            "username": "quotadesk_bot",
            "can_join_groups": True,
            "can_read_all_group_messages": not privacy,
            "supports_inline_queries": False,
        }
        self.privacy, self.retry_scale, self._clock = privacy, retry_scale, clock
        self.people: dict[int, Json] = {}
        self.chats: dict[int, ChatState] = {}
        self.messages: dict[tuple[int, int], Json] = {}
        self.asks: dict[tuple[int, int], Json] = {}  # ForceReply and the like
        self.deleted: list[tuple[int, int]] = []
        self.calls: list[Call] = []
        self.conflicts = 0
        self.alerts: list[Json] = []
        self.actions: list[Json] = []
        self.commands: dict[tuple[str, str], list[Json]] = {}
        self.webhook: Json = {"url": ""}
        self.webhook_answers: list[int] = []
        self.public: dict[str, str] = {}
        self.query_ttl_s = 15.0
        self._queries: dict[str, Json] = {}
        self._files: dict[str, bytes] = {}
        self._pending: list[Json] = []
        self._allowed: tuple[str, ...] = EVERYTHING
        self._update_id = secrets.randbelow(10**6) + 10**6
        self._ids: dict[int, int] = {}
        self._poll: asyncio.Future[str] | None = None
        self._changed = asyncio.Event()
        self._troubles: list[Trouble] = []
        self._queues: dict[str, asyncio.Queue[Json]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self.url = ""

    # --- life

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=60_000_000)
        app.router.add_route("*", "/bot{token}/{method}", self._serve)
        app.router.add_get("/file/bot{token}/{path:.+}", self._download)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.2, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._poll and not self._poll.done():
            self._poll.set_result("closed")
        assert self._session
        assert self._runner
        await self._session.close()
        await self._runner.cleanup()

    def now(self) -> datetime:
        return self._clock.now() if self._clock else datetime.now(UTC)

    # --- who there is

    def person(self, id: int, name: str, *, language: str | None = "en", started: bool = False, **more: Any) -> int:
        self.people[id] = {"id": id, "is_bot": False, "first_name": name, **more}
        if language:
            self.people[id]["language_code"] = language
        self.chats[id] = ChatState(id, "private", name, members={id}, started=started)
        return id

    def group(
        self, id: int, title: str, *, members: Iterable[int] = (), forum: bool = False, kind: str = "supergroup"
    ) -> ChatState:
        state = ChatState(id, kind, title, members=set(members), topics=set() if forum else None)
        self.chats[id] = state
        return state

    def migrate(self, old: int, new: int) -> None:
        """A group becomes a supergroup; both chats are told by a service message."""
        before = self.chats[old]
        self.chats[new] = ChatState(new, "supergroup", before.title, set(before.members), set(before.admins))
        before.migrated_to = new
        someone = self.people[next(iter(before.members))]
        self._deliver("message", self._message(before, someone, migrate_to_chat_id=new))
        self._deliver("message", self._message(self.chats[new], someone, migrate_from_chat_id=old))

    # --- what people do

    async def say(
        self,
        user: int,
        chat: int,
        text: str,
        *,
        thread: int | None = None,
        reply_to: Json | None = None,
        entities: list[Json] | None = None,
        forwarded: bool = False,
        anonymous: bool = False,
        as_bot: bool = False,
        via_bot: bool = False,
        at: datetime | None = None,
        caption: bool = False,
        **more: Any,
    ) -> Json:
        """Writes a message, as the client would: over 4,096 it becomes several. Returns the last one."""
        message: Json = {}
        for piece in [text[i : i + TEXT_MOST] for i in range(0, len(text), TEXT_MOST)] or [""]:
            state = self.chats[chat]
            if state.kind == "private":
                state.started, state.blocked = True, False
            who = dict(self.people[user])
            if anonymous:
                who = {"id": ANONYMOUS_ADMIN, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
                more["sender_chat"] = {"id": chat, "type": state.kind, "title": state.title}
            if as_bot:
                who["is_bot"] = True
            if forwarded:
                more["forward_origin"] = {"type": "hidden_user", "sender_user_name": "x", "date": 1}
            if via_bot:
                more["via_bot"] = {"id": 5, "is_bot": True, "first_name": "inline", "username": "inline_bot"}
            if thread is not None:
                more["message_thread_id"], more["is_topic_message"] = thread, True
            if reply_to is not None:
                more["reply_to_message"] = {k: v for k, v in reply_to.items() if k != "reply_to_message"}
            spans = entities if entities is not None else found_by_itself(piece, [])
            spans = [{k: v for k, v in span.items() if k != "shown"} for span in spans]
            words = {"caption": piece, "caption_entities": spans} if caption else {"text": piece, "entities": spans}
            message = self._message(state, who, at=at, **words, **more)
            if state.kind == "private" or self._hears(state, message, piece):
                self._deliver("message", message)
        return message

    async def edit(self, message: Json, text: str) -> None:
        changed = {**message, "text": text, "edit_date": int(self.now().timestamp())}
        self.messages[(message["chat"]["id"], message["message_id"])] = changed
        self._deliver("edited_message", changed)

    async def post(self, channel: int, text: str) -> None:
        """A channel post."""
        state = self.chats[channel]
        message = self._message(state, None, text=text, sender_chat={"id": channel, "type": "channel", "title": "c"})
        self._deliver("channel_post", message)

    async def send_document(
        self, user: int, chat: int, name: str, body: bytes, *, caption: str = "", mime: str = "text/plain", **more: Any
    ) -> Json:
        file_id = "F" + secrets.token_hex(8)
        self._files[file_id] = body
        document = {
            "file_id": file_id,
            "file_unique_id": file_id[:8],
            "file_name": name,
            "mime_type": mime,
            "file_size": len(body),
        }
        return await self.say(user, chat, caption, caption=True, document=document, **more)

    async def send_photo(self, user: int, chat: int, body: bytes, *, caption: str = "", **more: Any) -> Json:
        """A picture as a phone sends it: two sizes, the larger one is the whole."""
        sizes = []
        for name, part, side in (("small", body[:20], 90), ("large", body, 1280)):
            file_id = f"P{name}" + secrets.token_hex(8)
            self._files[file_id] = part
            unique = {"file_unique_id": file_id[-8:], "file_size": len(part), "width": side, "height": side}
            sizes.append({"file_id": file_id, **unique})
        return await self.say(user, chat, caption, caption=True, photo=sizes, **more)

    async def press(self, user: int, message: Json, button: str, *, twice: bool = False, lost: bool = False) -> str:
        """Presses a button by its label or its data; returns the query's id. `lost`: the message is too old to be shown."""
        current = self.messages[(message["chat"]["id"], message["message_id"])]
        data = self.button(current, button)["callback_data"]
        query_id = str(secrets.randbelow(10**15))
        self._queries[query_id] = {"at": self.now(), "answered": False}
        shown = {k: current[k] for k in ("chat", "message_id")} | {"date": 0} if lost else current
        query = {
            "id": query_id,
            "from": self.people[user],
            "message": shown,
            "chat_instance": str(message["chat"]["id"]),
            "data": data,
        }
        self._deliver("callback_query", query, again=twice)
        return query_id

    def button(self, message: Json, wanted: str) -> Json:
        for row in message.get("reply_markup", {}).get("inline_keyboard", []):
            for one in row:
                if wanted in (one["text"], one.get("callback_data")) or one.get("callback_data", "").startswith(
                    wanted + ":"
                ):
                    return dict(one)
        raise AssertionError(f"no button {wanted!r} in {message.get('reply_markup')}")

    def repeat(self, count: int = 1) -> None:
        """The newest update comes once more, as after a lost confirmation."""
        for _ in range(count):
            self._hand_over(dict(self._last))

    def post_update(self, update: Json) -> None:
        """Any update, also a broken one; it gets the next number if it has none."""
        self._update_id += 1
        self._hand_over({"update_id": self._update_id, **update})

    # --- what went wrong, on order

    def flood(self, seconds: int, *, chat: int | None = None, method: str | None = None, times: int = 1) -> None:
        self._troubles.append(Trouble(method, chat, times, 429, retry_after=seconds))

    def fail(self, method: str, status: int = 500, body: bytes | None = None, times: int = 1) -> None:
        self._troubles.append(Trouble(method, None, times, status, body))

    def refuse(self, method: str, description: str, times: int = 1, status: int = 400) -> None:
        body = json.dumps({"ok": False, "error_code": status, "description": description}).encode()
        self._troubles.append(Trouble(method, None, times, status, body))

    def hang(self, method: str, times: int = 1) -> None:
        self._troubles.append(Trouble(method, None, times, hang=True))

    def lose_answer(self, method: str, times: int = 1) -> None:
        """The call is carried out and its answer never arrives."""
        self._troubles.append(Trouble(method, None, times, lose=True))

    # --- looking

    def seen(self, chat: int, *, by_bot: bool = True) -> list[Json]:
        """The bot's messages that stand in a chat now, oldest first."""
        return [
            m
            for (where, _), m in sorted(self.messages.items())
            if where == chat and (m.get("from", {}).get("id") == self.bot["id"]) == by_bot
        ]

    def bodies(self) -> bytes:
        """Everything the bot ever sent, for searching."""
        return b"\n".join(call.raw for call in self.calls)

    def called(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method.lower() == method.lower()]

    async def until(self, true: Callable[[], Any], timeout_s: float = PATIENCE_S) -> Any:
        """Waits for the condition; never gives up earlier than a busy machine may need."""
        try:
            async with asyncio.timeout(max(timeout_s, PATIENCE_S)):
                while not (found := true()):
                    self._changed.clear()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._changed.wait(), 0.05)
                return found
        except TimeoutError:
            last = [(c.method, str(c.params)[:160]) for c in self.calls[-6:]]
            raise AssertionError(f"it never became true; the bot's last calls: {last}") from None

    async def answer(self, chat: int, count: int = 1, timeout_s: float = PATIENCE_S) -> Json:
        """The `count`-th message of the bot in this chat, once it stands there."""
        await self.until(lambda: len(self.seen(chat)) >= count, timeout_s)
        return self.seen(chat)[count - 1]

    # --- inside: updates

    def _message(self, state: ChatState, who: Json | None, at: datetime | None = None, **more: Any) -> Json:
        number = self._ids[state.id] = self._ids.get(state.id, 0) + 1
        chat: Json = {"id": state.id, "type": state.kind}
        chat |= {"first_name": state.title} if state.kind == "private" else {"title": state.title}
        if state.topics is not None:
            chat["is_forum"] = True
        message: Json = {"message_id": number, "date": int((at or self.now()).timestamp()), "chat": chat}
        if who is not None:
            message["from"] = who
        message |= {k: v for k, v in more.items() if v is not None}
        self.messages[(state.id, number)] = message
        self._changed.set()
        return message

    def _hears(self, state: ChatState, message: Json, text: str) -> bool:
        """Privacy mode: commands for this bot, replies to it, nothing else; an administrator hears all."""
        if state.kicked:
            return False
        if not self.privacy or state.bot_admin:
            return True
        if message.get("reply_to_message", {}).get("from", {}).get("id") == self.bot["id"]:
            return True
        command = re.match(r"/\w+(?:@(\w+))?", text)
        if not command:
            return False
        if command.group(1):
            return command.group(1).lower() == str(self.bot["username"]).lower()
        return state.last_bot in (None, self.bot["id"])

    def _deliver(self, kind: str, body: Json, *, again: bool = False) -> None:
        self._update_id += 1
        update = {"update_id": self._update_id, kind: body}
        self._last = update
        if kind not in self._allowed:
            return
        self._hand_over(update)
        if again:
            self._hand_over(update)

    def _hand_over(self, update: Json) -> None:
        if self.webhook["url"]:
            body = next((v for k, v in update.items() if k != "update_id" and isinstance(v, dict)), {})
            chat = body.get("chat", body.get("from", {})).get("id", 0)
            kind = "person" if "callback_query" in update else "chat"
            queue = self._queues.get(f"{kind} {chat}")
            if queue is None:
                queue = self._queues[f"{kind} {chat}"] = asyncio.Queue()
                task = asyncio.create_task(self._push(queue))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            queue.put_nowait(update)
        else:
            self._pending.append(update)
        self._changed.set()
        if self._poll and not self._poll.done():
            self._poll.set_result("news")

    async def _push(self, queue: asyncio.Queue[Json]) -> None:
        """One queue: an update that fails holds back the later ones."""
        assert self._session
        while True:
            update = await queue.get()
            pause = 0.0
            for _ in range(8):
                url = self.webhook["url"]
                for public, local in self.public.items():
                    url = url.replace(public, local)
                headers = {"Content-Type": "application/json"}
                if self.webhook.get("secret"):
                    headers["X-Telegram-Bot-Api-Secret-Token"] = self.webhook["secret"]
                try:
                    async with self._session.post(url, data=json.dumps(update), headers=headers) as response:
                        status = response.status
                        await response.read()
                except (aiohttp.ClientError, TimeoutError):
                    status = 0
                self.webhook_answers.append(status)
                self._changed.set()
                if 200 <= status < 300:
                    break
                self.webhook["last_error_date"] = int(self.now().timestamp())
                self.webhook["last_error_message"] = f"Wrong response from the webhook: {status}"
                await asyncio.sleep(pause * self.retry_scale)
                pause = min(60.0, pause * 2 or 2.0)

    # --- inside: the Bot API

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        raw = await request.read()
        if request.match_info["token"] != self.token:
            return _error(Refused("Unauthorized", 401))
        try:
            params, files = await self._params(request, raw)
        except (ValueError, UnicodeDecodeError):
            return _error(Refused("Bad Request: can't parse request"))
        self.calls.append(Call(method, params, raw, asyncio.get_running_loop().time()))
        self._changed.set()
        trouble = self._trouble(method, params)
        if trouble and trouble.hang:
            await asyncio.sleep(3600)
        if trouble and not trouble.lose:
            if trouble.retry_after is not None:
                wait = trouble.retry_after
                return _error(Refused(f"Too Many Requests: retry after {wait}", 429, retry_after=wait))
            if trouble.body is None:
                return web.Response(status=trouble.status, text="<html>Bad Gateway</html>", content_type="text/html")
            return web.Response(status=trouble.status, body=trouble.body, content_type="application/json")
        handler = getattr(self, f"do_{method.lower()}", None)
        if handler is None:
            return _error(Refused("Not Found: method not found", 404))
        try:
            result = handler(params, files)
            if asyncio.iscoroutine(result):
                result = await result
        except Refused as refusal:
            return _error(refusal)
        self._changed.set()
        if trouble and trouble.lose:
            assert request.transport
            request.transport.close()
        return web.json_response({"ok": True, "result": result})

    def _trouble(self, method: str, params: Json) -> Trouble | None:
        chat = str(params.get("chat_id", ""))
        for one in self._troubles:
            wrong_method = one.method is not None and one.method.lower() != method.lower()
            sending = method.lower().startswith(("send", "edit"))
            if wrong_method or (one.method is None and not sending) or (one.chat is not None and str(one.chat) != chat):
                continue
            one.times -= 1
            if one.times <= 0:
                self._troubles.remove(one)
            return one
        return None

    @staticmethod
    async def _params(request: web.Request, raw: bytes) -> tuple[Json, dict[str, bytes]]:
        params: Json = dict(request.query)
        files: dict[str, bytes] = {}
        if request.content_type == "application/json" and raw:
            params |= json.loads(raw)
        elif request.content_type == "application/x-www-form-urlencoded":
            params |= {k: v[0] for k, v in parse_qs(raw.decode(), keep_blank_values=True).items()}
        elif request.content_type.startswith("multipart/"):
            head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
            for part in message_from_bytes(head + raw, policy=HTTP).iter_parts():
                name = str(part.get_param("name", header="content-disposition"))
                body = part.get_payload(decode=True)
                if part.get_filename():
                    files[name] = body
                else:
                    params[name] = body.decode()
        return params, files

    async def _download(self, request: web.Request) -> web.Response:
        if request.match_info["token"] != self.token:
            return web.Response(status=401)
        body = self._files.get(request.match_info["path"].removeprefix("documents/"))
        return web.Response(body=body) if body is not None else web.Response(status=404)

    def do_getme(self, params: Json, files: Mapping[str, bytes]) -> Json:
        return dict(self.bot)

    async def do_getupdates(self, params: Json, files: Mapping[str, bytes]) -> list[Json]:
        if self.webhook["url"]:
            self.conflicts += 1
            raise Refused(
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
                409,
            )
        if self._poll and not self._poll.done():
            self._poll.set_result("other")
        if params.get("allowed_updates") not in (None, ""):
            self._allowed = tuple(as_json(params["allowed_updates"], "allowed updates")) or EVERYTHING
        offset = int(params.get("offset") or 0)
        self._pending = [u for u in self._pending if u["update_id"] >= offset]
        if not self._pending and (wait := float(params.get("timeout") or 0)):
            mine = self._poll = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(min(wait, 50)):
                    why = await mine
            except TimeoutError:
                why = "quiet"
            finally:
                if self._poll is mine:
                    self._poll = None
            if why == "other":
                self.conflicts += 1
                raise Refused(
                    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
                    409,
                )
        return list(self._pending[: int(params.get("limit") or 100)])

    def do_setwebhook(self, params: Json, files: Mapping[str, bytes]) -> bool:
        url = params.get("url", "")
        if url and not re.match(r"https://[^/:]+(:(443|80|88|8443))?/", url):
            raise Refused("Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        if (secret := params.get("secret_token")) and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
            raise Refused("Bad Request: secret token contains unallowed characters")
        if params.get("allowed_updates") not in (None, ""):
            self._allowed = tuple(as_json(params["allowed_updates"], "allowed updates")) or EVERYTHING
        self.webhook = {"url": url, "secret": secret}
        if url:
            waiting, self._pending = self._pending, []
            for update in waiting:
                self._hand_over(update)
            if self._poll and not self._poll.done():
                self._poll.set_result("other")
        return True

    def do_deletewebhook(self, params: Json, files: Mapping[str, bytes]) -> bool:
        if str(params.get("drop_pending_updates")).lower() == "true":
            self._pending.clear()
        self.webhook = {"url": ""}
        return True

    def do_getwebhookinfo(self, params: Json, files: Mapping[str, bytes]) -> Json:
        info = {k: v for k, v in self.webhook.items() if k != "secret"}
        return {"has_custom_certificate": False, "pending_update_count": len(self._pending), **info}

    def do_setmycommands(self, params: Json, files: Mapping[str, bytes]) -> bool:
        language = params.get("language_code", "")
        if language and not re.fullmatch(r"[a-z]{2}", language):
            raise Refused("Bad Request: LANG_CODE_INVALID")
        scope = as_json(params.get("scope") or '{"type": "default"}', "scope")["type"]
        self.commands[(scope, language)] = read_commands(params.get("commands"))
        return True

    def do_getmycommands(self, params: Json, files: Mapping[str, bytes]) -> list[Json]:
        scope = as_json(params.get("scope") or '{"type": "default"}', "scope")["type"]
        return self.commands.get((scope, params.get("language_code", "")), [])

    def do_setmydescription(self, params: Json, files: Mapping[str, bytes]) -> bool:
        if len(params.get("description", "")) > 512:
            raise Refused("Bad Request: description is too long")
        return True

    def do_setmyshortdescription(self, params: Json, files: Mapping[str, bytes]) -> bool:
        if len(params.get("short_description", "")) > 120:
            raise Refused("Bad Request: short description is too long")
        return True

    def do_sendchataction(self, params: Json, files: Mapping[str, bytes]) -> bool:
        self._place(params)
        self.actions.append(params)
        return True

    def do_getchat(self, params: Json, files: Mapping[str, bytes]) -> Json:
        """As the real server: only chats that the bot is in, and people who have written to it."""
        state = self._chat(params)
        if state.migrated_to:
            raise Refused(
                "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=state.migrated_to
            )
        if state.kicked or (state.kind == "private" and not state.started):
            raise Refused("Bad Request: chat not found")
        return {"id": state.id, "type": state.kind, "title": state.title}

    def do_getchatmember(self, params: Json, files: Mapping[str, bytes]) -> Json:
        state, user = self._chat(params), int(params["user_id"])
        if user == self.bot["id"]:
            admin = {"can_delete_messages": True} if state.bot_admin else {}
            who: Json = {"user": self.bot, "status": "administrator" if state.bot_admin else "member"}
            return who | admin
        if user not in self.people:
            raise Refused("Bad Request: user not found")
        status = "administrator" if user in state.admins else "member" if user in state.members else "left"
        return {"user": self.people[user], "status": status}

    def do_getfile(self, params: Json, files: Mapping[str, bytes]) -> Json:
        file_id = params.get("file_id", "")
        if file_id not in self._files:
            raise Refused("Bad Request: wrong file_id or the file is temporarily unavailable")
        if len(self._files[file_id]) > 20_000_000:
            raise Refused("Bad Request: file is too big")
        size = len(self._files[file_id])
        return {
            "file_id": file_id,
            "file_unique_id": file_id[:8],
            "file_size": size,
            "file_path": f"documents/{file_id}",
        }

    def do_sendmessage(self, params: Json, files: Mapping[str, bytes]) -> Json:
        state, extra = self._place(params)
        text, entities = resolve(_text(params, "text"), params.get("parse_mode"), TEXT_MOST)
        markup = read_keyboard(params.get("reply_markup"))
        return self._sent(state, text=text, entities=entities, reply_markup=markup, **extra)

    def do_sendphoto(self, params: Json, files: Mapping[str, bytes]) -> Json:
        state, extra = self._place(params)
        caption, entities = resolve(_text(params, "caption"), params.get("parse_mode"), CAPTION_MOST, what="caption")
        photo = _photo(files)
        markup = read_keyboard(params.get("reply_markup"))
        words: Json = {"caption": caption, "caption_entities": entities} if caption else {}
        return self._sent(state, photo=photo, reply_markup=markup, **words, **extra)

    def do_senddocument(self, params: Json, files: Mapping[str, bytes]) -> Json:
        state, extra = self._place(params)
        caption, entities = resolve(_text(params, "caption"), params.get("parse_mode"), CAPTION_MOST, what="caption")
        if not files:
            raise Refused("Bad Request: there is no document in the request")
        document = {"file_id": "D1", "file_unique_id": "D1", "file_size": len(next(iter(files.values())))}
        return self._sent(
            state,
            document=document,
            caption=caption or None,
            caption_entities=entities,
            reply_markup=read_keyboard(params.get("reply_markup")),
            **extra,
        )

    def do_editmessagetext(self, params: Json, files: Mapping[str, bytes]) -> Json:
        message = self._own(params)
        if "text" not in message:
            raise Refused("Bad Request: there is no text in the message to edit")
        text, entities = resolve(_text(params, "text"), params.get("parse_mode"), TEXT_MOST)
        return self._change(message, params, text=text, entities=entities)

    def do_editmessagecaption(self, params: Json, files: Mapping[str, bytes]) -> Json:
        message = self._own(params)
        if "photo" not in message:
            raise Refused("Bad Request: there is no caption in the message to edit")
        text, entities = resolve(_text(params, "caption"), params.get("parse_mode"), CAPTION_MOST, what="caption")
        return self._change(message, params, caption=text, caption_entities=entities)

    def do_editmessagemedia(self, params: Json, files: Mapping[str, bytes]) -> Json:
        message = self._own(params)
        media = as_json(params.get("media"), "media")
        text, entities = resolve(media.get("caption", ""), media.get("parse_mode"), CAPTION_MOST, what="caption")
        return self._change(message, params, photo=_photo(files), caption=text, caption_entities=entities)

    def do_editmessagereplymarkup(self, params: Json, files: Mapping[str, bytes]) -> Json:
        return self._change(self._own(params), params)

    def do_deletemessage(self, params: Json, files: Mapping[str, bytes]) -> bool:
        state = self._chat(params)
        key = (state.id, int(params["message_id"]))
        message = self.messages.get(key)
        if message is None:
            raise Refused("Bad Request: message to delete not found")
        own = message.get("from", {}).get("id") == self.bot["id"]
        old = self.now().timestamp() - message["date"] > 48 * 3600
        if old or not (own or state.kind == "private" or state.bot_admin):
            raise Refused("Bad Request: message can't be deleted")
        del self.messages[key]
        self.deleted.append(key)
        return True

    def do_answercallbackquery(self, params: Json, files: Mapping[str, bytes]) -> bool:
        query = self._queries.get(str(params.get("callback_query_id")))
        if query is None or query["answered"] or (self.now() - query["at"]).total_seconds() > self.query_ttl_s:
            raise Refused(TOO_OLD)
        if len(params.get("text", "")) > 200:
            raise Refused("Bad Request: MESSAGE_TOO_LONG")
        query["answered"] = True
        self.alerts.append(params)
        return True

    # --- inside: rights and places

    def _chat(self, params: Json) -> ChatState:
        raw = str(params.get("chat_id", ""))
        if not raw:
            raise Refused("Bad Request: chat_id is empty")
        state = self.chats.get(int(raw)) if re.fullmatch(r"-?\d+", raw) else None
        if state is None:
            raise Refused("Bad Request: chat not found")
        return state

    def _place(self, params: Json) -> tuple[ChatState, Json]:
        """The chat, if the bot may write there, and the thread and reply of the new message."""
        state = self._chat(params)
        if state.migrated_to:
            raise Refused(
                "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=state.migrated_to
            )
        if state.kind == "private" and state.blocked:
            raise Refused("Forbidden: bot was blocked by the user", 403)
        if state.kind == "private" and not state.started:
            raise Refused("Forbidden: bot can't initiate conversation with a user", 403)
        if state.kicked:
            raise Refused(f"Forbidden: bot was kicked from the {state.kind} chat", 403)
        extra: Json = {}
        if thread := params.get("message_thread_id"):
            if state.topics is None or int(thread) not in state.topics:
                raise Refused("Bad Request: message thread not found")
            extra |= {"message_thread_id": int(thread), "is_topic_message": True}
        if raw := params.get("reply_parameters"):
            reply = as_json(raw, "reply parameters")
            target = self.messages.get((state.id, int(reply["message_id"])))
            if target is not None:
                extra["reply_to_message"] = target
            elif not reply.get("allow_sending_without_reply"):
                raise Refused("Bad Request: message to be replied not found")
        if raw := params.get("link_preview_options"):
            extra["link_preview_options"] = as_json(raw, "link preview options")
        return state, extra

    def _sent(self, state: ChatState, **parts: Any) -> Json:
        state.last_bot = self.bot["id"]
        markup = parts.pop("reply_markup", None)
        inline = markup if markup and "inline_keyboard" in markup else None
        message = self._message(state, dict(self.bot), reply_markup=inline, **parts)
        if markup and not inline:  # shown to the person, but not part of what the server calls the message
            self.asks[(state.id, message["message_id"])] = markup
        return message

    def _own(self, params: Json) -> Json:
        state = self._chat(params)
        message = self.messages.get((state.id, int(params.get("message_id") or 0)))
        if message is None:
            raise Refused("Bad Request: message to edit not found")
        if message.get("from", {}).get("id") != self.bot["id"]:
            raise Refused("Bad Request: message can't be edited")
        return message

    def _change(self, message: Json, params: Json, **parts: Any) -> Json:
        markup = read_keyboard(params.get("reply_markup"))
        if markup is not None and not markup.get("inline_keyboard"):
            markup = None
        after = {**message, **parts, "reply_markup": markup}
        after = {k: v for k, v in after.items() if v is not None}
        if {k: v for k, v in after.items() if k != "edit_date"} == {
            k: v for k, v in message.items() if k != "edit_date"
        }:
            raise Refused(NOT_MODIFIED)
        after["edit_date"] = int(self.now().timestamp())
        self.messages[(message["chat"]["id"], message["message_id"])] = after
        return after


def _text(params: Json, name: str) -> str:
    value = params.get(name, "")
    if not isinstance(value, str):
        raise Refused(f"Bad Request: {name} must be of type String")
    return value


def _photo(files: Mapping[str, bytes]) -> list[Json]:
    body = next(iter(files.values()), b"")
    if not body.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")):
        raise Refused("Bad Request: IMAGE_PROCESS_FAILED")
    wide, high = struct.unpack(">II", body[16:24]) if body.startswith(b"\x89PNG") else (1, 1)
    if wide + high > 10_000 or max(wide, high) > 20 * min(wide, high):
        raise Refused("Bad Request: PHOTO_INVALID_DIMENSIONS")
    size = {"file_unique_id": secrets.token_hex(4), "file_id": "P" + secrets.token_hex(4)}
    return [{**size, "width": wide, "height": high, "file_size": len(body)}]


def _error(refusal: Refused) -> web.Response:
    body: Json = {"ok": False, "error_code": refusal.code, "description": refusal.description}
    if refusal.parameters:
        body["parameters"] = refusal.parameters
    return web.json_response(body, status=refusal.code)


def render_text(message: Json) -> str:
    """A message as a person sees it, entities marked lightly, buttons below: for transcripts."""
    text = message.get("text", message.get("caption", ""))
    marks = {"bold": "*", "italic": "_", "code": "`", "pre": "```", "text_mention": "@"}
    raw = text.encode("utf-16-le")
    ins: list[tuple[int, int, str]] = []
    for entity in message.get("entities", message.get("caption_entities", [])):
        mark = marks.get(entity["type"], "")
        start, end = entity["offset"], entity["offset"] + entity["length"]
        if entity["type"] == "text_link":
            ins.append((end, 0, f" <{entity['url']}>"))
        elif entity["type"].endswith("blockquote"):
            ins += [(start, 1, "» "), (end, 0, " «")]
        elif mark:
            ins += [(start, 1, mark), (end, 0, mark if mark != "@" else "")]
    for offset, _, mark in sorted(ins, reverse=True):
        raw = raw[: offset * 2] + mark.encode("utf-16-le") + raw[offset * 2 :]
    lines = [raw.decode("utf-16-le")]
    if "photo" in message:
        lines.insert(0, f"(picture {message['photo'][0]['width']}×{message['photo'][0]['height']})")
    for row in message.get("reply_markup", {}).get("inline_keyboard", []):
        lines.append(" ".join(f"[{one['text']}]" for one in row))
    return "\n".join(lines)
