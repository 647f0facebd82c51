"""A small Slack on loopback: Web API, response URLs, Socket Mode, and people who type and press. It refuses what Slack refuses.

async with SlackWorld() as slack:
    slack.events_url = f"http://127.0.0.1:{port}/slack/events"      # HTTP mode; leave it out for Socket Mode
    ack = await slack.slash("U0ALICE", "C0TEAM", "/balance")
    message = await slack.wait_for(lambda m: "DeepSeek" in slack.render_text(m))
    await slack.press("U0ALICE", message, "balance.refresh")
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import hashlib
import hmac
import itertools
import json
import random
import secrets
import string
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import WSMsgType, web

from tests.worlds.slack_rules import MAX_TEXT_SUM, buttons, check_blocks, check_view, read_blocks, units

Json = dict[str, Any]
ACK_S = 3.0  # what Slack gives
PATIENCE_S = 60.0


def _body(prefix: str, length: int) -> str:
    return prefix + "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))


@dataclass
class Message:
    """One message as it stands now. `only_for`: the one person who sees an ephemeral."""

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    only_for: str | None = None
    edits: int = 0
    deleted: bool = False
    unseen: bool = False  # an ephemeral message in a thread without replies shows nowhere
    via: str = ""  # chat.postMessage, response_url, ...
    files: list[Json] = field(default_factory=list)
    raw: Json = field(default_factory=dict)  # the last request body

    @property
    def labels(self) -> list[str]:
        return [button["text"]["text"] for _, button in buttons(self.blocks)]

    @property
    def action_ids(self) -> list[str]:
        return [button["action_id"] for _, button in buttons(self.blocks)]


@dataclass
class Ack:
    """How the bot acknowledged one delivery."""

    ok: bool
    seconds: float
    status: int = 0
    body: str = ""
    trigger_id: str = ""
    response_url: str = ""
    attempts: int = 1


@dataclass
class Trouble:
    status: int = 200
    error: str = ""
    retry_after: float | None = None
    hang_s: float = 0.0
    times: int = 1
    raw: str | None = None
    when: Callable[[Json], bool] | None = None


@dataclass
class Entry:
    direction: str  # "bot" (what the bot sent), "slack" (what Slack sent to it), "answer" (what Slack answered the bot)
    name: str
    body: str


@dataclass
class _Url:
    channel: str
    user: str
    made_at: float
    original: Message | None = None
    used: int = 0


class SlackWorld:
    """`now` gives Unix seconds; by default the real ones. Time limits of 3 s are always measured in real time."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self.bot_token = _body("xoxb-", 40)
        self.app_token = _body("xapp-1-", 40)
        self.signing_secret = secrets.token_hex(16)
        self.team, self.bot_user, self.bot_id, self.app_id = "T0TEAM", "U0BOT", "B0BOT", "A0APP"
        self.scopes = {
            "commands",
            "chat:write",
            "users:read",
            "im:write",
            "im:history",
            "app_mentions:read",
            "files:write",
            "files:read",
            "channels:history",
            "groups:history",
        }
        self.users: dict[str, Json] = {}
        self.channels: dict[str, Json] = {}
        self.messages: list[Message] = []
        self.views: dict[str, Json] = {}  # view id -> view as it stands
        self.homes: dict[str, Json] = {}  # person -> Home tab
        self.files: dict[str, Json] = {}
        self.transcript: list[Entry] = []
        self.calls: list[str] = []  # method names in order
        self.timeouts: list[str] = []  # deliveries that were acknowledged late or not at all
        self.events_url: str | None = None
        self.headers: dict[str, str] = {}  # of the last response from the bot
        self._trouble: dict[str, list[Trouble]] = {}
        self._urls: dict[str, _Url] = {}
        self._triggers: dict[str, float] = {}
        self._spent: set[str] = set()
        self._ts = itertools.count(1)
        self._sockets: list[_Socket] = []
        self._tickets: set[str] = set()
        self._acks: dict[str, asyncio.Future[Json]] = {}
        self.socket_opens = 0
        self.refuse_sockets: str | None = None  # error of apps.connections.open
        self.deaf = False  # sockets are open, but nothing on them is read or answered
        self.silent_hello = False
        self.pace_burst: int | None = None  # set it: more than one message a second after that many is refused with 429
        self._free: dict[str, float] = {}
        self._changed = asyncio.Event()
        for user, name in (("U0ALICE", "Alice"), ("U0BOB", "Bob"), ("U0ADMIN", "Admin")):
            self.add_user(user, name)
        self.add_channel("C0TEAM", "team")
        self.add_channel("C0SUPPORT", "support")
        self.add_channel("C0OUT", "elsewhere", bot_in=False)
        self.add_channel("G0SECRET", "secret", bot_in=False, private=True)

    # --- set-up

    def add_user(self, user: str, name: str, *, locale: str = "en-US", tz: str = "Europe/Berlin", **more: Any) -> None:
        self.users[user] = {
            "id": user,
            "name": name.lower(),
            "real_name": name,
            "profile": {"display_name": name, "real_name": name},
            "locale": locale,
            "tz": tz,
            "team_id": self.team,
            "is_bot": False,
            "deleted": False,
            **more,
        }
        self.channels[f"D{user[1:]}"] = {"id": f"D{user[1:]}", "name": "directmessage", "bot_in": True, "im": user}

    def add_channel(self, channel: str, name: str, *, bot_in: bool = True, private: bool = False) -> None:
        self.channels[channel] = {"id": channel, "name": name, "bot_in": bot_in, "private": private}

    def dm(self, user: str) -> str:
        return f"D{user[1:]}"

    def fail(self, method: str, **how: Any) -> None:
        """The next `times` calls of `method` ("response_url" too) meet this trouble: status, error, retry_after, hang_s, raw."""
        self._trouble.setdefault(method, []).append(Trouble(**how))

    async def __aenter__(self) -> SlackWorld:
        app = web.Application(client_max_size=20_000_000)
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_post("/response/{id}", self._response)
        app.router.add_post("/upload/{id}", self._upload)
        app.router.add_get("/files/{id}/{name}", self._download)
        app.router.add_get("/link", self._link)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handle_signals=False)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._client = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=PATIENCE_S), connector=aiohttp.TCPConnector(limit=0)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        for socket in list(self._sockets):
            with contextlib.suppress(Exception):
                await socket.ws.close()
        await self._client.close()
        await self._runner.cleanup()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def api_url(self) -> str:
        return f"{self.base}/api/"

    def leaked(self, needle: str) -> list[Entry]:
        """Everything the bot sent that holds `needle`."""
        return [entry for entry in self.transcript if entry.direction == "bot" and needle in entry.body]

    # --- what people see

    def visible(self, channel: str, user: str) -> list[Message]:
        return [
            m
            for m in self.messages
            if m.channel == channel and not m.deleted and not m.unseen and m.only_for in (None, user)
        ]  # newest last

    def from_bot(self) -> list[Message]:
        return [m for m in self.messages if m.user == self.bot_user and not m.deleted]

    @staticmethod
    def render_text(message: Message) -> str:
        """The message as a person reads it, buttons in brackets."""
        lines = read_blocks(message.blocks) if message.blocks else message.text.split("\n")
        return "\n".join([*lines, *(f"<file {f['name']}>" for f in message.files)])

    async def wait_for(self, found: Callable[[Message], bool], timeout: float = PATIENCE_S) -> Message:
        """The newest message of the bot for which `found` is true."""

        async def look() -> Message:
            while True:
                self._changed.clear()
                for message in reversed(self.from_bot()):
                    if found(message):
                        return message
                await self._changed.wait()

        try:
            return await asyncio.wait_for(look(), max(timeout, PATIENCE_S))
        except TimeoutError:
            seen = "\n---\n".join(self.render_text(m) for m in self.from_bot()[-5:])
            raise AssertionError(f"no such message; the last ones:\n{seen}\ncalls: {self.calls[-12:]}") from None

    async def until(self, true: Callable[[], bool], timeout: float = PATIENCE_S) -> None:
        end = time.monotonic() + max(timeout, PATIENCE_S)
        while not true():
            if time.monotonic() > end:
                raise AssertionError(f"did not happen; calls: {self.calls[-12:]}")
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), 0.05)

    # --- the Web API

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        raw = await request.text()
        self.transcript.append(Entry("bot", method, raw + " " + str(request.query_string)))
        self.calls.append(method)
        args: Json = dict(request.query)
        if request.content_type == "application/json" and raw:
            args.update(json.loads(raw))
        elif raw:
            args.update(await request.post())
        for name in ("blocks", "view", "files", "metadata"):
            if isinstance(args.get(name), str):
                try:
                    args[name] = json.loads(args[name])
                except ValueError:
                    return self._answer(method, {"ok": False, "error": f"invalid_{name}_format"})
        if (trouble := await self._meet(method, args)) is not None:
            return trouble
        header = request.headers.get("Authorization", "")
        token = header.removeprefix("Bearer ")
        if method == "apps.connections.open":
            return self._answer(method, self._open_link(token, args))
        token = token or str(args.pop("token", ""))
        if token != self.bot_token:
            return self._answer(method, {"ok": False, "error": "invalid_auth" if token else "not_authed"})
        handler = getattr(self, "_m_" + method.replace(".", "_"), None)
        if handler is None:
            return self._answer(method, {"ok": False, "error": "unknown_method"})
        if (scope := _SCOPES.get(method)) and scope not in self.scopes:
            return self._answer(
                method,
                {"ok": False, "error": "missing_scope", "needed": scope, "provided": ",".join(sorted(self.scopes))},
            )
        answer = handler(args)
        self._changed.set()
        return self._answer(method, answer)

    async def _meet(self, method: str, args: Json) -> web.Response | None:
        """The trouble that was ordered for this call, if any."""
        for trouble in self._trouble.get(method, []):
            if trouble.times <= 0 or (trouble.when and not trouble.when(args)):
                continue
            trouble.times -= 1
            if trouble.hang_s:
                await asyncio.sleep(trouble.hang_s)
                return None if trouble.status == 200 and not trouble.error else web.Response(status=trouble.status)
            if trouble.raw is not None:
                return web.Response(status=trouble.status, text=trouble.raw, content_type="text/html")
            if trouble.retry_after is not None:
                return web.json_response(
                    {"ok": False, "error": "ratelimited"},
                    status=429,
                    headers={"Retry-After": str(int(trouble.retry_after))},
                )
            return web.json_response(
                {"ok": False, "error": trouble.error or "internal_error"}, status=trouble.status or 200
            )
        return None

    def _answer(self, method: str, body: Json) -> web.Response:
        self.transcript.append(Entry("answer", method, json.dumps(body)))
        if (wait := body.pop("_retry_after", None)) is not None:
            return web.json_response(body, status=429, headers={"Retry-After": str(wait)})
        return web.json_response(
            body, headers={"x-oauth-scopes": ",".join(sorted(self.scopes))} if method == "auth.test" else None
        )

    def _m_auth_test(self, _: Json) -> Json:
        return {
            "ok": True,
            "url": f"{self.base}/",
            "team": "Team",
            "user": "quotadesk",
            "team_id": self.team,
            "user_id": self.bot_user,
            "bot_id": self.bot_id,
        }

    def _m_users_info(self, args: Json) -> Json:
        user = self.users.get(args.get("user", ""))
        if user is None:
            return {"ok": False, "error": "user_not_found"}
        shown = dict(user)
        if str(args.get("include_locale", "")).lower() not in ("true", "1"):
            shown.pop("locale")
        return {"ok": True, "user": shown}

    def _m_conversations_info(self, args: Json) -> Json:
        known = self.channels.get(args.get("channel", ""))
        if known is None or (known.get("private") and not known["bot_in"]):
            return {"ok": False, "error": "channel_not_found"}
        return {"ok": True, "channel": {"id": args["channel"], "is_member": known["bot_in"]}}

    def _m_conversations_history(self, args: Json) -> Json:
        return self._reach(args.get("channel", "")) or {"ok": True, "messages": []}

    def _m_conversations_open(self, args: Json) -> Json:
        user = args.get("users", "")
        if user not in self.users:
            return {"ok": False, "error": "user_not_found"}
        if self.users[user]["deleted"]:
            return {"ok": False, "error": "user_disabled"}
        return {"ok": True, "channel": {"id": self.dm(user)}}

    def _m_conversations_replies(self, args: Json) -> Json:
        channel, ts = args.get("channel", ""), args.get("ts", "")
        if not self.channels.get(channel, {}).get("bot_in"):
            return {"ok": False, "error": "not_in_channel"}
        thread = [m for m in self.messages if m.channel == channel and ts in (m.ts, m.thread_ts) and not m.only_for]
        if not thread:
            return {"ok": False, "error": "thread_not_found"}
        most = int(args.get("limit", 1000))
        return {"ok": True, "messages": [self._shown(m) for m in thread[:most]]}

    def _content(self, args: Json, *, update: bool = False) -> Json | None:
        """The refusal of this content, if any."""
        text = args.get("text") or ""
        if not text and not args.get("blocks"):
            return {"ok": False, "error": "no_text"}
        if update and units(text) > 4000:
            return {"ok": False, "error": "msg_too_long"}
        if "blocks" in args and args["blocks"] is not None:
            faults, total = check_blocks(args["blocks"])
            if faults:
                return {"ok": False, "error": "invalid_blocks", "response_metadata": {"messages": list(faults)}}
            if total > MAX_TEXT_SUM:
                return {"ok": False, "error": "msg_blocks_too_long"}
        return None

    def _reach(self, channel: str) -> Json | None:
        known = self.channels.get(channel)
        if known is None or (known.get("private") and not known["bot_in"]):
            return {"ok": False, "error": "channel_not_found"}
        if known.get("archived"):
            return {"ok": False, "error": "is_archived"}
        if not known["bot_in"]:
            return {"ok": False, "error": "not_in_channel"}
        return None

    def _m_chat_postMessage(self, args: Json) -> Json:  # noqa: N802
        channel = args.get("channel", "")
        refusal = self._reach(channel) or self._content(args)
        if refusal:
            return refusal
        if self.pace_burst is not None:
            free = max(self._free.get(channel, 0.0), self._now() - self.pace_burst)
            if free + 1 > self._now() + 1e-6:
                return {"ok": False, "error": "ratelimited", "_retry_after": 1}
            self._free[channel] = free + 1
        message = self._store(channel, args, "chat.postMessage")
        return {"ok": True, "channel": channel, "ts": message.ts, "message": self._shown(message)}

    def _m_chat_postEphemeral(self, args: Json) -> Json:  # noqa: N802
        channel, user = args.get("channel", ""), args.get("user", "")
        refusal = self._reach(channel)
        if refusal:
            return refusal
        if user not in self.users or user in self.channels[channel].get("without", ()):
            return {"ok": False, "error": "user_not_in_channel"}
        if refusal := self._content(args):
            return refusal
        message = self._store(channel, args, "chat.postEphemeral", only_for=user)
        message.unseen = message.thread_ts is not None and not any(
            m.thread_ts == message.thread_ts and not m.only_for for m in self.messages
        )
        return {"ok": True, "message_ts": message.ts}

    def _own(self, args: Json) -> Message | Json:
        found = [m for m in self.messages if m.channel == args.get("channel") and m.ts == args.get("ts")]
        if not found or found[0].only_for or found[0].deleted:
            return {"ok": False, "error": "message_not_found"}
        if found[0].user != self.bot_user:
            return {"ok": False, "error": "cant_update_message"}
        return found[0]

    def _m_chat_update(self, args: Json) -> Json:
        refusal = self._reach(args.get("channel", ""))
        if refusal:
            return refusal
        message = self._own(args)
        if isinstance(message, dict):
            return message
        if refusal := self._content(args, update=True):
            return refusal
        self._edit(message, args)
        return {"ok": True, "channel": message.channel, "ts": message.ts, "text": message.text}

    def _m_chat_delete(self, args: Json) -> Json:
        message = self._own(args)
        if isinstance(message, dict):
            return {**message, "error": message["error"].replace("update", "delete")}
        message.deleted = True
        return {"ok": True, "channel": message.channel, "ts": message.ts}

    def _trigger(self, args: Json) -> Json | None:
        trigger = args.get("trigger_id", "")
        if trigger in self._spent:
            return {"ok": False, "error": "exchanged_trigger_id"}
        if trigger not in self._triggers:
            return {"ok": False, "error": "invalid_trigger_id"}
        if self._now() - self._triggers[trigger] > ACK_S:
            return {"ok": False, "error": "expired_trigger_id"}
        self._spent.add(trigger)
        return None

    def _view_fault(self, view: Any) -> Json | None:
        if faults := check_view(view):
            return {"ok": False, "error": "invalid_arguments", "response_metadata": {"messages": list(faults)}}
        return None

    def _m_views_open(self, args: Json) -> Json:
        refusal = self._view_fault(args.get("view")) or self._trigger(args)
        if refusal:
            return refusal
        view = {**args["view"], "id": f"V{next(self._ts):06}", "hash": secrets.token_hex(4)}
        view["state"] = {"values": _state(view["blocks"], {})}
        self.views[view["id"]] = view
        return {"ok": True, "view": view}

    def _m_views_update(self, args: Json) -> Json:
        view = self.views.get(args.get("view_id", ""))
        if view is None:
            return {"ok": False, "error": "not_found"}
        if args.get("hash") and args["hash"] != view["hash"]:
            return {"ok": False, "error": "hash_conflict"}
        if refusal := self._view_fault(args.get("view")):
            return refusal
        view.update(args["view"], hash=secrets.token_hex(4))
        view["state"] = {"values": _state(view["blocks"], view.get("state", {}).get("values", {}))}
        return {"ok": True, "view": view}

    def _m_views_publish(self, args: Json) -> Json:
        if refusal := self._view_fault(args.get("view")):
            return refusal
        user = args.get("user_id", "")
        if user not in self.users:
            return {"ok": False, "error": "invalid_arguments"}
        self.homes[user] = {**args["view"], "id": f"VH{user}", "hash": secrets.token_hex(4)}
        return {"ok": True, "view": self.homes[user]}

    def _m_files_getUploadURLExternal(self, args: Json) -> Json:  # noqa: N802
        length = int(args.get("length", 0))
        if not args.get("filename") or length <= 0:
            return {"ok": False, "error": "invalid_arguments"}
        id = f"F{next(self._ts):06}"
        self.files[id] = {"id": id, "name": args["filename"], "length": length, "bytes": None}
        return {"ok": True, "upload_url": f"{self.base}/upload/{id}", "file_id": id}

    def _m_files_completeUploadExternal(self, args: Json) -> Json:  # noqa: N802
        files = [self.files.get(f["id"], {}) for f in args.get("files") or []]
        if not files or any(f.get("bytes") is None for f in files):
            return {"ok": False, "error": "file_not_found"}
        if channel := args.get("channel_id"):
            if refusal := self._reach(channel):
                return refusal
            text = args.get("initial_comment", "")
            message = self._store(channel, {"text": text, "thread_ts": args.get("thread_ts")}, "file")
            message.files = [{"id": f["id"], "name": f["name"]} for f in files]
        return {"ok": True, "files": [{"id": f["id"], "title": f["name"]} for f in files]}

    async def _upload(self, request: web.Request) -> web.Response:
        file = self.files.get(request.match_info["id"])
        if file is None:
            return web.Response(status=404)
        if request.content_type.startswith("multipart/"):
            body = b""
            for value in (await request.post()).values():
                body = value.file.read() if isinstance(value, web.FileField) else str(value).encode()
        else:
            body = await request.read()
        if len(body) != file["length"]:
            return web.Response(status=400, text="wrong length")
        file["bytes"] = body
        return web.Response(text=f"OK - {len(body)}")

    def add_file(self, name: str, body: bytes, *, mimetype: str = "text/plain") -> Json:
        """A file that a person attached."""
        id = f"F{next(self._ts):06}"
        self.files[id] = {"id": id, "name": name, "bytes": body}
        url = f"{self.base}/files/{id}/{name}"
        return {"id": id, "name": name, "mimetype": mimetype, "size": len(body), "url_private": url, "mode": "hosted"}

    async def _download(self, request: web.Request) -> web.Response:
        self.calls.append("file")
        if request.headers.get("Authorization") != f"Bearer {self.bot_token}" or "files:read" not in self.scopes:
            return web.Response(text="<!DOCTYPE html><title>Sign in</title>", content_type="text/html")
        return web.Response(body=self.files[request.match_info["id"]]["bytes"], content_type="text/plain")

    # --- response URLs

    async def _response(self, request: web.Request) -> web.StreamResponse:
        raw = await request.text()
        self.transcript.append(Entry("bot", "response_url", raw))
        self.calls.append("response_url")
        url = self._urls.get(request.match_info["id"])
        body = json.loads(raw)
        if (trouble := await self._meet("response_url", body)) is not None:
            return trouble
        if url is None:
            return web.Response(status=404, text="invalid_url")
        if self._now() - url.made_at > 30 * 60:
            return web.json_response({"ok": False, "error": "expired_url"}, status=404)
        if url.used >= 5:
            return web.json_response({"ok": False, "error": "used_url"}, status=404)
        url.used += 1
        self._changed.set()
        if body.get("delete_original"):
            if url.original is not None:
                url.original.deleted = True
            return web.Response(text="ok")
        if refusal := self._content(body):
            return web.json_response(refusal, status=400 if refusal["error"] == "no_text" else 200)
        if body.get("replace_original") and url.original is not None:
            self._edit(url.original, body)
            return web.Response(text="ok")
        # A slash command has no original: Slack then posts a new one.
        private = body.get("response_type", "ephemeral") != "in_channel"
        self._store(url.channel, body, "response_url", only_for=url.user if private else None)
        return web.Response(text="ok")

    def _store(self, channel: str, args: Json, via: str, only_for: str | None = None) -> Message:
        message = Message(
            channel,
            self._stamp(),
            self.bot_user,
            args.get("text") or "",
            copy.deepcopy(args.get("blocks") or []),
            args.get("thread_ts") or None,
            only_for,
            via=via,
            raw=args,
        )
        self.messages.append(message)
        return message

    def _edit(self, message: Message, args: Json) -> None:
        message.text, message.blocks = args.get("text") or "", copy.deepcopy(args.get("blocks") or [])
        message.edits += 1
        message.raw = args

    def _stamp(self) -> str:
        return f"{int(self._now())}.{next(self._ts):06}"

    def _shown(self, message: Message) -> Json:
        shown: Json = {"type": "message", "user": message.user, "ts": message.ts, "text": message.text}
        if message.user == self.bot_user:
            shown.update(bot_id=self.bot_id, blocks=message.blocks)
        if message.thread_ts:
            shown["thread_ts"] = message.thread_ts
        if message.files:
            shown["files"] = message.files
        return shown

    # --- people: what Slack sends to the bot

    def _new_trigger(self) -> str:
        trigger = f"{next(self._ts)}.{secrets.token_hex(8)}"
        self._triggers[trigger] = self._now()
        return trigger

    def _new_url(self, channel: str, user: str, original: Message | None = None) -> str:
        id = secrets.token_urlsafe(16)
        self._urls[id] = _Url(channel, user, self._now(), original)
        return f"{self.base}/response/{id}"

    async def slash(self, user: str, channel: str, command: str, text: str = "", *, team: str | None = None) -> Ack:
        trigger, url = self._new_trigger(), self._new_url(channel, user)
        known = self.channels[channel]
        name = "directmessage" if channel.startswith("D") else "privategroup" if known.get("private") else known["name"]
        form = {
            "token": "deprecated",
            "command": command,
            "text": text,
            "response_url": url,
            "trigger_id": trigger,
            "user_id": user,
            "user_name": self.users.get(user, {}).get("name", "x"),
            "team_id": team or self.team,
            "team_domain": "team",
            "channel_id": channel,
            "channel_name": name,
            "api_app_id": self.app_id,
            "is_enterprise_install": "false",
        }
        ack = await self._deliver(f"slash {command}", "slash_commands", form)
        ack.trigger_id, ack.response_url = trigger, url
        return ack

    async def _interact(self, name: str, payload: Json) -> Ack:
        payload = {
            "team": {"id": self.team, "domain": "team"},
            "api_app_id": self.app_id,
            "token": "deprecated",
            "enterprise": None,
            "is_enterprise_install": False,
            **payload,
        }
        ack = await self._deliver(name, "interactive", payload)
        ack.trigger_id = payload.get("trigger_id", "")
        ack.response_url = payload.get("response_url", "")
        return ack

    def _person(self, user: str) -> Json:
        return {
            "id": user,
            "username": self.users.get(user, {}).get("name", ""),
            "name": self.users.get(user, {}).get("name", ""),
            "team_id": self.team,
        }

    async def press(self, user: str, message: Message, which: str, *, trigger: str | None = None) -> Ack:
        """Presses the button whose label or action id is `which` (an action id may leave out its `#2`), as it stands now."""
        block_id, button = self._find(message.blocks, which)
        url = self._new_url(message.channel, user, message)
        container: Json = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": message.channel,
            "is_ephemeral": message.only_for is not None,
        }
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        payload: Json = {
            "type": "block_actions",
            "user": self._person(user),
            "container": container,
            "trigger_id": trigger or self._new_trigger(),
            "channel": {"id": message.channel, "name": self.channels[message.channel]["name"]},
            "response_url": url,
            "actions": [self._pressed(block_id, button)],
        }
        if message.only_for is None:  # a press on an ephemeral message carries no message
            payload["message"] = self._shown(message)
        return await self._interact(f"press {which}", payload)

    async def press_home(self, user: str, which: str) -> Ack:
        view = self.homes[user]
        block_id, button = self._find(view["blocks"], which)
        return await self._interact(
            f"press {which}",
            {
                "type": "block_actions",
                "user": self._person(user),
                "container": {"type": "view", "view_id": view["id"]},
                "view": view,
                "trigger_id": self._new_trigger(),
                "actions": [self._pressed(block_id, button)],
            },
        )

    @staticmethod
    def _find(blocks: list[Json], which: str) -> tuple[str, Json]:
        for block_id, button in buttons(blocks):
            if which in (button["text"]["text"], button["action_id"], button["action_id"].split("#")[0]):
                return block_id, button
        raise AssertionError(f"no button {which!r}; there are {[b['action_id'] for _, b in buttons(blocks)]}")

    def _pressed(self, block_id: str, button: Json) -> Json:
        pressed = {
            "type": "button",
            "action_id": button["action_id"],
            "block_id": block_id,
            "text": button["text"],
            "action_ts": self._stamp(),
        }
        if "value" in button:
            pressed["value"] = button["value"]
        return pressed

    async def submit(self, user: str, view: Json, values: dict[str, str]) -> Ack:
        """Fills in the inputs by block id and presses Submit; menus stand as they were chosen. Slack itself insists on required
        ones, closes the form when it is accepted, and refuses errors that name no input."""
        state: Json = _state(view["blocks"], view.get("state", {}).get("values", {}))
        for block in view["blocks"]:
            if block["type"] != "input":
                continue
            here = state[block["block_id"]][block["element"]["action_id"]]
            if block["element"]["type"] == "plain_text_input":
                here["value"] = values.get(block["block_id"])
            if not (here.get("value") or here.get("selected_option") or block.get("optional")):
                raise AssertionError(f"{block['block_id']} is required")
        ack = await self._submitted(user, view, state)
        answer = json.loads(ack.body) if ack.body.startswith("{") else {}
        if answer.get("response_action") == "errors":
            inputs = {block["block_id"] for block in view["blocks"] if block["type"] == "input"}
            assert answer["errors"], "errors without an error"
            assert set(answer["errors"]) <= inputs, f"no such inputs: {set(answer['errors']) - inputs}"
            view["errors"] = answer["errors"]
        elif ack.ok:
            view["closed"] = True
        return ack

    async def choose(self, user: str, view: Json, field: str, value: str) -> Ack:
        """Chooses `value` in the menu of the input whose block id starts with `field`."""
        block = next(b for b in view["blocks"] if b["type"] == "input" and b["block_id"].split("#")[0] == field)
        element = block["element"]
        option = next((one for one in element["options"] if one["value"] == value), None)
        assert option is not None, f"no {value!r} in {[one['value'] for one in element['options']]}"
        view["state"]["values"][block["block_id"]][element["action_id"]]["selected_option"] = option
        if not block.get("dispatch_action"):
            return Ack(True, 0.0, 200)
        pressed = {
            "type": element["type"],
            "action_id": element["action_id"],
            "block_id": block["block_id"],
            "selected_option": option,
            "action_ts": self._stamp(),
        }
        return await self._interact(
            f"choose {field}",
            {
                "type": "block_actions",
                "user": self._person(user),
                "container": {"type": "view", "view_id": view["id"]},
                "view": json.loads(json.dumps({**view, "app_id": self.app_id, "team_id": self.team})),
                "trigger_id": self._new_trigger(),
                "actions": [pressed],
            },
        )

    async def _submitted(self, user: str, view: Json, state: Json) -> Ack:
        return await self._interact(
            f"submit {view.get('callback_id')}",
            {
                "type": "view_submission",
                "user": self._person(user),
                "trigger_id": self._new_trigger(),
                "view": {**view, "state": {"values": state}, "app_id": self.app_id, "team_id": self.team},
                "response_urls": [],
            },
        )

    def says(self, user: str, channel: str, text: str, *, thread: str | None = None, files: Any = ()) -> Message:
        """A person's message stands in a channel; the bot is not told."""
        escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        message = Message(channel, self._stamp(), user, escaped, thread_ts=thread, files=list(files))
        self.messages.append(message)
        return message

    async def shortcut(self, user: str, message: Message, callback: str = "diagnose_message") -> Ack:
        if message.only_for is not None:
            raise AssertionError("no shortcuts on ephemeral messages")
        return await self._interact(
            f"shortcut {callback}",
            {
                "type": "message_action",
                "callback_id": callback,
                "user": self._person(user),
                "trigger_id": self._new_trigger(),
                "response_url": self._new_url(message.channel, user),
                "message_ts": message.ts,
                "action_ts": self._stamp(),
                "channel": {"id": message.channel, "name": self.channels[message.channel]["name"]},
                "message": self._shown(message),
            },
        )

    async def event(self, event: Json, *, event_id: str | None = None, retries: int = 3) -> Ack:
        """Sends an event; as Slack does, again with retry headers (here without the minutes between) until it is accepted."""
        body = {
            "token": "deprecated",
            "team_id": self.team,
            "api_app_id": self.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": event_id or f"Ev{secrets.token_hex(5).upper()}",
            "event_time": int(self._now()),
            "authorizations": [{"team_id": self.team, "user_id": self.bot_user, "is_bot": True}],
        }
        name = f"event {event['type']}"
        ack = await self._deliver(name, "events_api", body)
        for attempt in range(1, retries + 1):
            if ack.ok:
                return ack
            reason = "http_timeout" if ack.seconds >= ACK_S else "http_error"
            ack = await self._deliver(name, "events_api", body, retry=(attempt, reason))
            ack.attempts = attempt + 1
        return ack

    async def message(self, user: str, channel: str, text: str, *, thread: str | None = None, **more: Any) -> Ack:
        """Writes a message the bot is told about: message.im or message.channels."""
        files, event_id = more.pop("files", ()), more.pop("event_id", None)
        stood = self.says(user, channel, text, thread=thread, files=files)
        event = {
            **self._shown(stood),
            "channel": channel,
            "channel_type": "im" if channel.startswith("D") else "channel",
            "event_ts": stood.ts,
            "team": self.team,
            **more,
        }
        return await self.event(event, event_id=event_id)

    async def mention(self, user: str, channel: str, text: str, *, thread: str | None = None, **more: Any) -> Ack:
        """`text` follows the bot's name. `raw=True`: it is already in Slack's form."""
        files, event_id = more.pop("files", ()), more.pop("event_id", None)
        stood = self.says(user, channel, text, thread=thread, files=files)
        stood.text = f"<@{self.bot_user}> " + (text if more.pop("raw", False) else stood.text)
        event = {
            **self._shown(stood),
            "type": "app_mention",
            "channel": channel,
            "event_ts": stood.ts,
            "team": self.team,
            **more,
        }
        return await self.event(event, event_id=event_id)

    async def open_home(self, user: str) -> Ack:
        return await self.event(
            {"type": "app_home_opened", "user": user, "channel": self.dm(user), "tab": "home", "event_ts": "1"}
        )

    async def url_verification(self) -> Ack:
        return await self._deliver(
            "url_verification",
            "events_api",
            {"type": "url_verification", "challenge": secrets.token_hex(8), "token": "deprecated"},
        )

    # --- delivery

    async def _deliver(self, name: str, kind: str, body: Json, *, retry: tuple[int, str] | None = None) -> Ack:
        self.transcript.append(Entry("slack", name, json.dumps(body, ensure_ascii=False)))
        ack = await (self._over_http(kind, body, retry) if self.events_url else self._over_socket(kind, body, retry))
        if not ack.ok:
            self.timeouts.append(name)
        return ack

    def sign(self, raw: bytes, at: float | None = None) -> dict[str, str]:
        stamp = str(int(self._now() if at is None else at))
        mac = hmac.new(self.signing_secret.encode(), b"v0:" + stamp.encode() + b":" + raw, hashlib.sha256)
        return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={mac.hexdigest()}"}

    async def _over_http(self, kind: str, body: Json, retry: tuple[int, str] | None) -> Ack:
        if kind == "slash_commands":
            raw, mime = urlencode(body).encode(), "application/x-www-form-urlencoded"
        elif kind == "interactive":
            raw, mime = urlencode({"payload": json.dumps(body)}).encode(), "application/x-www-form-urlencoded"
        else:
            raw, mime = json.dumps(body).encode(), "application/json"
        headers = {"Content-Type": mime, **self.sign(raw)}
        if retry:
            headers |= {"X-Slack-Retry-Num": str(retry[0]), "X-Slack-Retry-Reason": retry[1]}
        return await self.post_raw(raw, headers)

    async def post_raw(self, raw: bytes, headers: dict[str, str]) -> Ack:
        assert self.events_url is not None
        start = time.monotonic()
        try:
            async with (
                asyncio.timeout(ACK_S),
                self._client.post(self.events_url, data=raw, headers=headers) as answer,
            ):
                text = await answer.text()
                self.headers = dict(answer.headers)
                return Ack(answer.status == 200, time.monotonic() - start, answer.status, text)
        except (TimeoutError, aiohttp.ClientError) as fault:
            return Ack(False, time.monotonic() - start, 0, type(fault).__name__)

    async def _over_socket(self, kind: str, body: Json, retry: tuple[int, str] | None) -> Ack:
        live = [s for s in self._sockets if not s.leaving and not s.ws.closed]
        if not live:
            return Ack(False, ACK_S, 0, "no socket")
        envelope = secrets.token_hex(8)
        waiting: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._acks[envelope] = waiting
        message: Json = {
            "envelope_id": envelope,
            "type": kind,
            "payload": body,
            "accepts_response_payload": kind != "events_api",
        }
        if retry:
            message |= {"retry_attempt": retry[0], "retry_reason": retry[1]}
        start = time.monotonic()
        await random.choice(live).ws.send_str(json.dumps(message))
        try:
            answer = await asyncio.wait_for(waiting, ACK_S)
            return Ack(True, time.monotonic() - start, 200, json.dumps(answer.get("payload") or {}))
        except TimeoutError:
            return Ack(False, time.monotonic() - start, 0, "operation_timeout")

    # --- Socket Mode, the other end

    @property
    def sockets(self) -> int:
        return len([s for s in self._sockets if not s.leaving and not s.ws.closed])

    def _open_link(self, token: str, args: Json) -> Json:
        if "token" in args:
            return {"ok": False, "error": "invalid_arguments"}
        if self.refuse_sockets:
            return {"ok": False, "error": self.refuse_sockets}
        if token != self.app_token:
            return {"ok": False, "error": "not_allowed_token_type" if token == self.bot_token else "invalid_auth"}
        ticket = secrets.token_urlsafe(12)
        self._tickets.add(ticket)
        self.socket_opens += 1
        return {"ok": True, "url": f"ws://127.0.0.1:{self.port}/link?ticket={ticket}&app_id={self.app_id}"}

    async def _link(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("ticket") not in self._tickets:
            return web.Response(status=403)
        self._tickets.discard(request.query["ticket"])
        ws = web.WebSocketResponse(autoping=False)
        await ws.prepare(request)
        if self.sockets >= 10:
            await ws.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await ws.close()
            return ws
        socket = _Socket(ws)
        self._sockets.append(socket)
        if not self.silent_hello:
            await ws.send_json(
                {"type": "hello", "num_connections": self.sockets, "connection_info": {"app_id": self.app_id}}
            )
        self._changed.set()
        try:
            async for message in ws:
                if self.deaf or socket.deaf:
                    continue
                if message.type == WSMsgType.PING:
                    await ws.pong(message.data)
                elif message.type == WSMsgType.TEXT:
                    self.transcript.append(Entry("bot", "socket", message.data))
                    answer = json.loads(message.data)
                    waiting = self._acks.pop(answer.get("envelope_id", ""), None)
                    if waiting is not None and not waiting.done():
                        waiting.set_result(answer)
        finally:
            with contextlib.suppress(ValueError):
                self._sockets.remove(socket)
            self._changed.set()
        return ws

    async def disconnect(self, reason: str = "refresh_requested", *, close: bool = False) -> None:
        """Tells every socket to go. `warning` and `refresh_requested` leave it open for the bot to move first."""
        for socket in list(self._sockets):
            socket.leaving = reason != "warning"
            await socket.ws.send_json({"type": "disconnect", "reason": reason, "debug_info": {}})
            if close:
                await socket.ws.close()

    def deafen(self) -> None:
        """The present sockets stay open, and nobody is at the other end any more. New ones work."""
        for socket in self._sockets:
            socket.deaf = socket.leaving = True


def _state(blocks: list[Json], before: Json) -> Json:
    """What the inputs hold: as before where block and action have the same ids, whatever the new first choice is."""
    values: Json = {}
    for block in blocks:
        if block["type"] != "input":
            continue
        id, element = block["block_id"], block["element"]
        fresh: Json = {"type": element["type"]}
        if element["type"] == "static_select":
            fresh["selected_option"] = element.get("initial_option")
        else:
            fresh["value"] = element.get("initial_value")
        values[id] = {element["action_id"]: before.get(id, {}).get(element["action_id"], fresh)}
    return values


@dataclass(eq=False)
class _Socket:
    ws: web.WebSocketResponse
    leaving: bool = False
    deaf: bool = False


_SCOPES = {
    "users.info": "users:read",
    "conversations.open": "im:write",
    "conversations.replies": "channels:history",
    "conversations.history": "channels:history",
    "conversations.info": "channels:read",
    "chat.postMessage": "chat:write",
    "chat.postEphemeral": "chat:write",
    "chat.update": "chat:write",
    "files.getUploadURLExternal": "files:write",
    "files.completeUploadExternal": "files:write",
}
