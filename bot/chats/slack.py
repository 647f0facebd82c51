"""Slack: receives, acknowledges, hands on, sends. It decides nothing.

Acknowledging comes first and nothing that may raise follows it in a listener: Bolt forgets an acknowledgement when its listener
raises soon after. The work is a task of its own; `stop` waits for those that run.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.signature import SignatureVerifier

from bot.chats import slack_in as reading
from bot.chats.leaves import marker
from bot.chats.pace import SLACK, Pace
from bot.chats.slack_answer import Conversation, with_metadata
from bot.chats.slack_in import Raw, Source
from bot.chats.slack_people import People, Profiles
from bot.chats.slack_send import Gate, Memory, Sender
from bot.chats.slack_socket import Sockets
from bot.chats.slack_wire import FILE_MOST, REFUSED_TOKEN, Wire
from bot.errors import DeliveryError
from bot.model.chat import CleanText, Form, Found, Input, Line, MessageRef, Person, Place, Platform, Reply, Request
from bot.model.team import Secret
from bot.ports import Answers, Clock, Wording

log = structlog.get_logger("slack")
Json = dict[str, Any]
Ack = Callable[..., Awaitable[BoltResponse]]

DRAIN_S: Final = 10.0
LARGE: Final = 20_000  # characters that are worth a thread: the gate must not hold up acknowledgements
FILE_HEAD: Final = 20_000
FILE_TAIL: Final = 180_000
_SEEN: Final = 5_000
_ANY: Final = re.compile("")


@dataclass(frozen=True, slots=True)
class SlackOptions:
    """`signing_secret`: HTTP mode; `app_token`: Socket Mode; both may be set. `commands`: command -> configured name,
    for those that are not called as in the contract. `known`: names and aliases of all commands."""

    bot_token: Secret
    api_url: str = "https://slack.com/api/"
    signing_secret: Secret | None = None
    app_token: Secret | None = None
    team_id: str | None = None
    commands: Mapping[str, str] = field(default_factory=dict)
    known: frozenset[str] = frozenset()
    language: str = "en"
    timezone: str = "UTC"
    languages: tuple[str, ...] = ("en", "zh")
    proxy: str | None = None
    ping_s: float = 10.0
    watch_s: float = 5.0


class _Seconds:
    """The bot's clock, as the signature check wants it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock.now().timestamp()


class SlackChat:
    """Implements ports.Chat. `bind` hands it the router, last of all; until then deliveries are answered 503."""

    def __init__(
        self,
        options: SlackOptions,
        gate: Gate,
        memory: Memory,
        clock: Clock,
        words: Callable[[str, str], Wording],
        profiles: Profiles | None = None,
    ) -> None:
        self._options, self._gate, self._memory, self._clock, self._words = options, gate, memory, clock, words
        self._answers: Answers | None = None
        self._wire = Wire(options.bot_token, options.api_url, proxy=options.proxy)
        self._sender = Sender(self._wire, Pace(SLACK, clock), gate, memory, clock)
        self._people = People(self._wire, gate, clock, options, profiles)
        self._identity: Json = {}
        self._work: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._stopping = False
        names = {name: name for name in ("balance", "diagnose", "switch", "quota")}
        names |= {configured.lstrip("/").lower(): command for command, configured in options.commands.items()}
        self._names = names
        self._verifier = (
            SignatureVerifier(options.signing_secret.reveal(), clock=_Seconds(clock))  # type: ignore[arg-type]
            if options.signing_secret
            else None
        )
        self._app = self._bolt()
        self._sockets = (
            Sockets(self._app, self._wire, options.app_token, clock, ping_s=options.ping_s, watch_s=options.watch_s)
            if options.app_token
            else None
        )

    # --- life

    def bind(self, answers: Answers) -> None:
        self._answers = answers

    async def start(self) -> None:
        """Connects. A Slack that cannot be reached, or a refused token, is a fault and not an error: it is tried again."""
        await self._wire.open()
        identified = asyncio.Event()
        self._loops.append(asyncio.create_task(self._identify(identified), name="slack identity"))
        try:
            await asyncio.wait_for(identified.wait(), 5)
        except TimeoutError:
            log.warning("Slack has not answered yet; going on without")
        if self._sockets is not None:
            await self._sockets.start()

    async def stop(self) -> None:
        """Takes nothing new, lets running answers end for ten seconds, then closes."""
        self._stopping = True
        if self._work:
            await asyncio.wait(set(self._work), timeout=DRAIN_S)
        for task in [*self._work, *self._loops]:
            task.cancel()
        await asyncio.gather(*self._work, *self._loops, return_exceptions=True)
        if self._sockets is not None:
            await self._sockets.stop()
        await self._wire.close()

    async def _identify(self, done: asyncio.Event) -> None:
        """Who we are, once; then a look every five minutes, so that a revoked token shows before somebody needs it."""
        while True:
            pause = 300.0
            try:
                self._identity = await self._wire.call(self._wire.client.auth_test)
            except DeliveryError as fault:
                log.warning("Slack does not know us", reason=fault.reason, setting="SLACK_BOT_TOKEN")
                pause = 30.0
            done.set()
            await self._clock.sleep(pause)

    # --- ports.Chat

    @property
    def platform(self) -> Platform:
        return "slack"

    async def post(self, place: Place, reply: Reply) -> MessageRef:
        words = self._words(self._options.language, self._options.timezone)
        ts = await self._sender.post(place.chat, place.thread, reply, words)
        if reply.picture is not None:
            await self._sender.picture(place.chat, place.thread, reply)
        return MessageRef("slack", place.chat, ts, place.thread)

    async def edit(self, ref: MessageRef, reply: Reply) -> None:
        words = self._words(self._options.language, self._options.timezone)
        await self._sender.update(ref.chat, ref.message, reply, words)

    async def direct(self, person: Person, reply: Reply) -> MessageRef:
        chat = await self._sender.direct_channel(person.id)
        return await self.post(Place("slack", chat, private=True), reply)

    def mention(self, person: Person) -> str:
        return marker(person.address) if person.platform == "slack" else person.name or person.id

    def faults(self) -> tuple[str, ...]:
        found = [self._wire.trouble] if self._wire.trouble else []
        if not self._identity and not found:
            found.append("not_identified")
        if self._sockets is not None:
            found += self._sockets.faults()
        return tuple(found)

    @property
    def counts(self) -> Counter[str]:
        """For the metrics: plain_resent, gate_changed, undelivered, duplicates, and Slack's refusals by name."""
        both = self._sender.counts + self._wire.counts
        both["waited"] = self._sender.refusals
        both["sockets_rebuilt"] = self._sockets.rebuilt if self._sockets else 0
        return both

    # --- receiving

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """POST /slack/events. The signature is checked over the raw bytes before anything is read from them."""
        raw = await request.read()
        if self._verifier is None:
            return web.Response(status=404)
        stamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        try:
            genuine = stamp.isdigit() and self._verifier.is_valid(raw, stamp, signature)
        except (UnicodeDecodeError, ValueError):
            genuine = False
        if not genuine:
            return web.Response(status=401)
        if self._stopping or self._answers is None:
            return web.Response(status=503)
        return await to_aiohttp_response(await self._app.async_dispatch(await to_bolt_request(request)))

    def _bolt(self) -> AsyncApp:
        async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
            # One workspace, one token. No auth.test here: an outage of the API must not cost the acknowledgement.
            return AuthorizeResult(
                enterprise_id=enterprise_id,
                team_id=team_id,
                bot_token=self._options.bot_token.reveal(),
                bot_id=self._identity.get("bot_id"),
                bot_user_id=self._identity.get("user_id"),
            )

        app = AsyncApp(
            name="quotadesk",
            client=self._wire.client,
            signing_secret="checked before",  # noqa: S106
            # Checked in `handle`: with the bot's clock, and 401 also for a timestamp that is no number (Bolt: 500).
            request_verification_enabled=False,
            authorize=authorize,
            raise_error_for_unhandled_request=True,
            logger=logging.getLogger("slack_bolt"),
        )

        @app.command(_ANY)
        async def command(ack: Ack, body: Json) -> None:
            await ack()
            self._start(self._slash(body))

        @app.action(_ANY)
        async def action(ack: Ack, body: Json) -> None:
            await ack()
            self._start(self._press(body))

        @app.view(_ANY)
        async def view(ack: Ack, body: Json) -> None:
            await ack()
            self._start(self._submitted(body))

        @app.shortcut(_ANY)
        async def shortcut(ack: Ack, body: Json) -> None:
            await ack()
            if body.get("type") == "message_action":
                self._start(self._answer(reading.shortcut(body)))

        @app.event(_ANY)
        async def event(ack: Ack, body: Json) -> None:
            await ack()
            self._start(self._event(body))

        @app.error
        async def fault(error: Exception) -> BoltResponse:
            # Never the request's body in a log. What nobody handles is still accepted: Slack switches failing apps off.
            log.warning("a delivery was not handled", kind=type(error).__name__)
            return BoltResponse(status=200, body="")

        return app

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Never raises: it runs right after an acknowledgement."""

        async def guarded() -> None:
            try:
                await work
            except Exception:
                log.exception("a delivery could not be answered")

        task = asyncio.create_task(guarded())
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _first(self, source: Source) -> bool:
        """Deliveries are repeated: by Slack when an answer was late, and by whoever replays a signed request."""
        key = f"slack:{source.kind}:{source.id}"
        if not source.id:
            return True
        if key in self._seen:
            self._sender.counts["duplicates"] += 1
            return False
        self._seen[key] = None
        while len(self._seen) > _SEEN:
            self._seen.popitem(last=False)
        try:
            first = await self._memory.first_time(key, self._clock.now())
        except Exception as fault:  # an answer given twice is better than none
            self._sender.once("memory", "delivery ids could not be stored", kind=type(fault).__name__)
            return True
        self._sender.counts["duplicates"] += not first
        return first

    # --- one kind of delivery each

    async def _slash(self, body: Json) -> None:
        raw = reading.slash(body, self._names)
        if body.get("channel_name") == "directmessage":
            raw = replace(raw, source=await self._direct_source(raw.source))
        await self._answer(raw)

    async def _direct_source(self, source: Source) -> Source:
        """A command in a direct message is private only in the one with the bot: the other is two people's own."""
        try:
            own = await self._sender.direct_channel(source.user)
        except DeliveryError:
            return source
        return replace(source, private=own == source.chat)

    async def _press(self, body: Json) -> None:
        raw = reading.press(body)
        if raw is None or not await self._first(raw.source):
            return
        source = raw.source
        if source.chat and self._sender.knows_direct(source.user) == source.chat:
            source = replace(source, private=True)
        if source.home:
            source = replace(source, private=True)
        if raw.action == "details.show":
            await self._details(source, raw.value)
        elif raw.action == "form.open":
            await self._form(source, raw.value)
        else:
            await self._ask(replace(raw, source=source))
            if source.home:  # what was pressed there has changed what stands there
                await self._home(source.user, source.team)

    async def _details(self, source: Source, token: str) -> None:
        conversation, words = await self._conversation(source)
        reply = await self._sender.details(token)
        await conversation.give(reply or Reply(blocks=(Line(words.say("slack.details_gone")),), alert=True))

    async def _form(self, source: Source, token: str) -> None:
        conversation, words = await self._conversation(source)
        kept = await self._sender.kept("slack.form", token)
        if kept is None:
            await conversation.give(Reply(blocks=(Line(words.say("slack.form_gone")),), alert=True))
            return
        inputs = tuple(Input(*values) for values in kept["inputs"])
        form = Form(kept["id"], kept["title"], kept["value"], inputs)
        # Where it was asked for, not where the button stands; the trigger is this press's.
        before = with_metadata(source, kept["metadata"])
        await Conversation(self._sender, before, words, self._clock).open_form(form)

    async def _submitted(self, body: Json) -> None:
        view = body.get("view") or {}
        if body.get("type") != "view_submission":
            return
        try:
            context = json.loads(view.get("private_metadata") or "{}")
        except ValueError:
            context = {}
        raw = reading.submission(body, context if isinstance(context, dict) else {})
        await self._answer(replace(raw, source=replace(raw.source, private=bool(context.get("p")))))

    async def _event(self, body: Json) -> None:
        event = body.get("event") or {}
        kind, bot_user = event.get("type"), str(self._identity.get("user_id", ""))
        if kind == "app_home_opened":
            if event.get("tab") in (None, "home"):
                self._sender.learn_direct(str(event.get("user")), str(event.get("channel")))
                await self._home(str(event.get("user", "")), body.get("team_id"))
            return
        if kind not in ("app_mention", "message") or not reading.from_person(event, bot_user):
            return
        direct = event.get("channel_type") == "im" or str(event.get("channel", "")).startswith("D")
        if kind == "message" and direct:
            self._sender.learn_direct(str(event["user"]), str(event["channel"]))
            await self._answer(reading.message(body, event, bot_user, self._options.known, kind="dm"))
        elif kind == "app_mention" and not direct:
            await self._answer(reading.message(body, event, bot_user, self._options.known, kind="mention"))
        elif kind == "message" and f"<@{bot_user}" not in str(event.get("text") or ""):
            raw = reading.overheard(body, event)
            if (await self._clean(raw.text)).found.secrets and await self._first(raw.source):
                await self._ask(raw)

    async def _home(self, user: str, team: str | None) -> None:
        source = Source(id="", kind="home", user=user, name="", team=team, chat="", private=True, home=True)
        await self._ask(Raw(source, "home"))

    # --- from raw to answered

    async def _answer(self, raw: Raw) -> None:
        if await self._first(raw.source):
            await self._ask(raw)

    async def _ask(self, raw: Raw) -> None:
        conversation, words = await self._conversation(raw.source)
        request = await self._request(raw, conversation, words)
        if request is not None and self._answers is not None:
            await conversation.deliver(_named(self._answers.answer(request)))

    async def _conversation(self, source: Source) -> tuple[Conversation, Wording]:
        about = await self._people.about(source.user)
        words = self._words(about.language, about.timezone)
        return Conversation(self._sender, source, words, self._clock), words

    async def _request(self, raw: Raw, conversation: Conversation, words: Wording) -> Request | None:
        """None when the person has been told what is missing instead."""
        source = raw.source
        about = await self._people.about(source.user)
        text = await self._clean(raw.text)
        founds = [text.found]
        quoted: CleanText | None = None
        outside, trouble = await self._outside(raw)
        if outside.strip():
            cleaned = await self._clean(outside)
            quoted = cleaned.text
            founds.append(cleaned.found)
        elif trouble and not raw.text.strip():
            await conversation.give(Reply(blocks=(Line(words.say(trouble)),)))
            return None
        fields: dict[str, CleanText] = {}
        for name, value in raw.fields.items():
            cleaned = await self._clean(value)
            fields[name] = cleaned.text
            founds.append(cleaned.found)
        return Request(
            command=raw.command,
            text=text.text,
            asker=Person("slack", source.user, about.name or self._gate.clean(source.name).text.text),
            place=Place(
                "slack",
                source.chat or self._sender.knows_direct(source.user) or source.user,
                thread=source.thread,
                private=source.private,
                team=about.team or source.team,
            ),
            language=about.language,
            timezone=about.timezone,
            received_at=self._clock.now(),
            id=source.id or f"{source.kind}-{source.user}",
            found=_merged(founds),
            quoted=quoted,
            action=raw.action,
            value=raw.value,
            message=MessageRef("slack", source.chat, source.message, source.thread) if source.message else None,
            fields=fields,
        )

    async def _clean(self, raw: str) -> Any:
        return await asyncio.to_thread(self._gate.clean, raw) if len(raw) > LARGE else self._gate.clean(raw)

    async def _outside(self, raw: Raw) -> tuple[str, str]:
        """The text that came along (quoted, attached, or of the thread's first message), and a catalogue key if it failed."""
        files, text = list(raw.files), raw.quoted
        if raw.parent and not text and not files:
            try:
                answer = await self._wire.call(
                    self._wire.client.conversations_replies, channel=raw.source.chat, ts=raw.parent, limit=1
                )
            except DeliveryError as fault:
                self._sender.once(f"parent {fault.reason}", "a thread could not be read", reason=fault.reason)
                return "", "slack.thread_unreadable"
            parent: Json = next(iter(answer.get("messages") or []), {})
            text, files = reading.whole(parent), list(parent.get("files") or [])
        trouble = ""
        for file in files[:3]:
            body, trouble = await self._file(file)
            text = f"{text}\n{body}" if text.strip() and body else text or body
        return text, "" if text.strip() else trouble

    async def _file(self, file: Mapping[str, Any]) -> tuple[str, str]:
        name, mime = str(file.get("name", "")).lower(), str(file.get("mimetype", ""))
        readable = mime.startswith("text/") or mime in ("application/json", "application/x-ndjson", "application/xml")
        if not readable and not name.endswith(
            (".log", ".txt", ".json", ".jsonl", ".md", ".out", ".err", ".yaml", ".yml")
        ):
            return "", "slack.file_not_text"
        if int(file.get("size") or 0) > FILE_MOST:
            return "", "slack.file_too_large"
        try:
            body = await self._wire.download(str(file.get("url_private") or ""))
        except DeliveryError as fault:
            self._sender.once(f"file {fault.reason}", "an attached file could not be read", reason=fault.reason)
            return "", "slack.file_too_large" if fault.reason == "too_large" else "slack.file_unreadable"
        if len(body) > FILE_HEAD + FILE_TAIL:  # the first error and the last lines tell; the middle repeats
            body = f"{body[:FILE_HEAD]}\n…\n{body[-FILE_TAIL:]}"
        return body.replace("\ue000", "").replace("\ue001", ""), ""


async def _named(replies: AsyncIterator[Reply]) -> AsyncIterator[Reply]:
    async for reply in replies:
        yield reply


def _merged(founds: list[Found]) -> Found:
    counts: Counter[str] = Counter()
    for found in founds:
        counts.update(found.counts)
    secrets = {seen.fingerprint: seen for found in founds for seen in found.secrets}
    return Found(dict(counts), tuple(secrets.values()))


__all__ = ["REFUSED_TOKEN", "SlackChat", "SlackOptions"]
