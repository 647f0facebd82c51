"""Slack: receives, acknowledges, hands on, sends. It decides nothing.

Acknowledging comes first and nothing that may raise follows it in a listener: Bolt forgets an acknowledgement when its listener
raises soon after. The work is a task of its own; `stop` waits for those that run.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.signature import SignatureVerifier

from bot.chats.leaves import marker
from bot.chats.pace import SLACK, Pace
from bot.chats.pictures import Reader
from bot.chats.slack_inbox import Allowed, Inbox
from bot.chats.slack_people import People, Profiles
from bot.chats.slack_request import Intake
from bot.chats.slack_send import Memory, Sender
from bot.chats.slack_wire import SILENT, Wire
from bot.errors import DeliveryError
from bot.model.chat import MessageRef, Person, Place, Platform, Reply
from bot.model.team import Secret
from bot.model.values import dataclass
from bot.ports import Answers, Clock, Wording
from bot.redaction.gate import Gate
from bot.trust import Trust

if TYPE_CHECKING:
    from bot.chats.slack_socket import Sockets

log = structlog.get_logger("slack")
Json = dict[str, Any]
Ack = Callable[..., Awaitable[BoltResponse]]

CHECK_S: Final = 15.0  # how soon a fault is looked at again
CHECK_WELL_S: Final = 300.0
_ANY: Final = re.compile("")
_OTHERS: Final = (b"payload=", b"{")  # interactions are one field, events are JSON


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
    trust: Trust | None = None
    hears: Callable[[Place], bool] = lambda place: True  # whether a chat is the team's own


def _slash(raw: bytes) -> Json | None:
    """A slash command's fields; None for every other delivery."""
    if raw.startswith(_OTHERS) or b"ssl_check=" in raw:
        return None
    try:
        fields = dict(parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=100))
    except ValueError:
        return None
    return fields if fields.get("command") and fields.get("trigger_id") and "payload" not in fields else None


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
        allowed: Allowed | None = None,
        reader: Reader | None = None,
    ) -> None:
        self._options, self._clock, self._words = options, clock, words
        self._wire = Wire(options.bot_token, options.api_url, proxy=options.proxy, trust=options.trust)
        self._sender = Sender(self._wire, Pace(SLACK, clock), gate, memory, clock)
        people = People(self._wire, gate, clock, options, profiles)
        intake = Intake(self._wire, gate, self._sender, clock, reader)
        names = {name: name for name in ("balance", "diagnose", "switch", "quota")}
        names |= {configured.lstrip("/").lower(): command for command, configured in options.commands.items()}
        known = options.known | set(names) | {"help"}
        self._inbox = Inbox(self._sender, intake, people, memory, clock, words, names, known, allowed, options.hears)
        self._identity: Json = {}
        self._loops: list[asyncio.Task[None]] = []
        self._stopping = False
        self._verifier = (
            SignatureVerifier(options.signing_secret.reveal(), clock=_Seconds(clock))  # type: ignore[arg-type]
            if options.signing_secret
            else None
        )
        self._app = self._bolt()
        self._sockets = self._socket_mode(options.app_token) if options.app_token else None

    def _socket_mode(self, token: Secret) -> Sockets:
        from bot.chats.slack_socket import Sockets  # with a second client, which HTTP mode does not need

        ping_s, watch_s = self._options.ping_s, self._options.watch_s
        return Sockets(self._app, self._wire, token, self._clock, ping_s=ping_s, watch_s=watch_s)

    # --- life

    def bind(self, answers: Answers) -> None:
        """Before `start`: who answers."""
        self._inbox.answers = answers

    async def start(self) -> None:
        """Connects. A Slack that cannot be reached, or a refused token, is a fault and not an error: it is tried again."""
        await self._wire.open()
        identified = asyncio.Event()
        self._loops.append(asyncio.create_task(self._inbox.keep_homes(), name="slack homes"))
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
        if self._sockets is not None:
            await self._sockets.stop()
        await self._inbox.drain()
        await self._sender.close()
        for task in self._loops:
            task.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self._wire.close()

    async def _identify(self, done: asyncio.Event) -> None:
        """Who we are; then a look every five minutes (sooner while something is wrong), so that a revoked token shows
        before somebody needs it, and a fault does not outlive its cause."""
        checked = -CHECK_WELL_S
        while True:
            now = self._clock.monotonic()
            if self._wire.trouble or not self._identity or now - checked >= CHECK_WELL_S:
                checked = now
                try:
                    self._identity = await self._wire.call(self._wire.client.auth_test)
                    self._inbox.bot_user = str(self._identity.get("user_id", ""))
                except DeliveryError as fault:
                    self._sender.once(f"auth.test {fault.reason}", "Slack does not answer as ours", reason=fault.reason)
            done.set()
            await self._clock.sleep(CHECK_S)

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

    @property
    def busy(self) -> int:
        """Deliveries that are being answered."""
        return self._inbox.busy

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
        if self._stopping or self._inbox.answers is None or not self._wire.is_open:
            return web.Response(status=503)
        if (command := _slash(raw)) is not None:
            # Two hundred at once: the way through Bolt's middleware would cost the last of them most of its time.
            with self._inbox.rush.acknowledging():
                self._inbox.start(self._inbox.slash(command))
                return web.Response()
        try:
            with self._inbox.rush.acknowledging():
                answer = await self._app.async_dispatch(await to_bolt_request(request))
        except Exception as fault:  # Bolt cannot read what a newer Slack sends: accepted, or it would come again
            log.warning("a delivery could not be read", kind=type(fault).__name__)
            return web.Response()
        return await to_aiohttp_response(answer)

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
            logger=SILENT,
        )

        inbox = self._inbox

        @app.command(_ANY)
        async def command(ack: Ack, body: Json) -> None:
            await ack()
            inbox.start(inbox.slash(body))

        @app.action(_ANY)
        async def action(ack: Ack, body: Json) -> None:
            await ack()
            inbox.start(inbox.press(body))

        @app.view(_ANY)
        async def view(ack: Ack, body: Json) -> None:
            errors = await inbox.judged(body)
            await (ack(response_action="errors", errors=errors) if errors else ack())

        @app.shortcut(_ANY)
        async def shortcut(ack: Ack, body: Json) -> None:
            await ack()
            if body.get("type") == "message_action":  # a global shortcut has no message to explain
                inbox.start(inbox.shortcut(body))

        @app.event(_ANY)
        async def event(ack: Ack, body: Json) -> None:
            await ack()
            inbox.start(inbox.event(body))

        @app.error
        async def fault(error: Exception) -> BoltResponse:
            # Never the request's body in a log. What nobody handles is still accepted: Slack switches failing apps off.
            log.warning("a delivery was not handled", kind=type(error).__name__)
            return BoltResponse(status=200, body="")

        return app
