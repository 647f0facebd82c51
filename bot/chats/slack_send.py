"""Sends replies to Slack: the gate a last time, the right call, the chat's pace, and plain text where blocks are refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TypeVar

import structlog

from bot.chats.leaves import MARKER, each_text
from bot.chats.pace import RATE_LIMITED, Pace, Rates
from bot.chats.slack_render import Rendered, Renderer
from bot.chats.slack_wire import REFUSED_CONTENT, Wire
from bot.chats.stored import pack, unpack
from bot.errors import DeliveryError
from bot.model.chat import Form, Reply
from bot.ports import Clock, Wording
from bot.redaction.gate import Gate

T = TypeVar("T")
Json = dict[str, Any]
log = structlog.get_logger("slack")

DETAILS_KEPT: Final = timedelta(days=7)
FORM_KEPT: Final = timedelta(hours=1)
_CHOICES_MOST: Final = 500


class Memory(Protocol):
    """The part of the store that a chat needs."""

    async def first_time(self, key: str, at: datetime) -> bool: ...

    async def put_token(self, kind: str, payload: Mapping[str, Any], expires_at: datetime) -> str: ...

    async def peek_token(self, kind: str, token: str, at: datetime) -> Mapping[str, Any] | None: ...


class Sender:
    """Every method raises DeliveryError. `counts` is for the metrics: plain_resent, gate_changed, undelivered, …"""

    def __init__(self, wire: Wire, pace: Pace, gate: Gate, memory: Memory, clock: Clock) -> None:
        self._wire, self._pace, self._gate, self._memory, self._clock = wire, pace, gate, memory, clock
        # Private answers do not count against a channel's pace; only a refusal makes them wait.
        self._quick = Pace(Rates(every_s=0.0), clock)
        self._renderer = Renderer()
        self._direct: dict[str, str] = {}  # person -> channel of the direct message
        self._plain: set[str] = (
            set()
        )  # short texts that the gate has left alone before: most of an answer is the catalogue's
        self._told: set[str] = set()  # faults that are in the log already
        self._choices: dict[str, str] = {}  # open form -> the newest choice in it
        self.counts: Counter[str] = Counter()

    async def close(self) -> None:
        await self._pace.close()
        await self._quick.close()

    # --- what goes out

    def safe(self, reply: Reply) -> Reply:
        """The reply as the gate leaves it. It should leave it alone: a change is a fault somewhere behind, and counted."""
        changed = 0

        def change(text: str) -> str:
            nonlocal changed
            if text in self._plain:
                return text
            clean = self._gate.clean(text).text.text
            if clean != text:
                changed += 1
            elif len(text) <= 200:
                if len(self._plain) >= 4_000:
                    self._plain.clear()
                self._plain.add(text)
            return clean

        reply = each_text(reply, change)
        if changed:
            self.counts["gate_changed"] += 1
            self.once("gate_changed", "a reply still held something that the gate takes out", texts=changed)
        return reply

    def once(self, key: str, event: str, **facts: object) -> None:
        """One line in the log for each kind of fault, not one for each message."""
        if key not in self._told:
            self._told.add(key)
            log.warning(event, **facts)

    async def _rendered(self, reply: Reply, words: Wording) -> Rendered:
        more = None
        if reply.details:
            try:
                token = await self._memory.put_token(
                    "slack.details", {"blocks": pack(reply.details)}, self._clock.now() + DETAILS_KEPT
                )
                more = (words.say("slack.details"), token)
            except Exception as fault:  # the store may be down: then the details stand in the message
                self.once("details", "details could not be kept", kind=type(fault).__name__)
                return self._renderer.message(
                    Reply(reply.title, (*reply.blocks, *reply.details), reply.actions), cut_note=words.say("slack.cut")
                )
        return self._renderer.message(reply, more=more, cut_note=words.say("slack.cut"))

    async def _twice(self, reply: Reply, words: Wording, send: Callable[[Rendered], Awaitable[T]]) -> T:
        """A reply that Slack refuses is sent again plain, and the fault is logged once."""
        reply = self.safe(reply)
        rendered = await self._rendered(reply, words)
        try:
            return await send(rendered)
        except DeliveryError as fault:
            if fault.reason != REFUSED_CONTENT:
                raise
            self.counts["plain_resent"] += 1
            self.once("refused", "Slack refused the blocks of a reply; it went out plain", title=reply.title[:80])
            return await send(self._renderer.plain(reply))

    async def post(self, chat: str, thread: str | None, reply: Reply, words: Wording) -> str:
        """The `ts` of the new message. A reply that mentions somebody is urgent."""
        urgent = _mentions(reply)

        async def send(content: Rendered) -> str:
            args: Json = {"thread_ts": thread} if thread else {}
            args |= {"blocks": content.blocks} if content.blocks else {"mrkdwn": False}
            answer = await self._pace.run(
                chat,
                lambda: self._wire.call(
                    self._wire.client.chat_postMessage,
                    channel=chat,
                    text=content.text,
                    unfurl_links=False,
                    unfurl_media=False,
                    **args,
                ),
                urgent=urgent,
            )
            return str(answer.get("ts", ""))

        return await self._twice(reply, words, send)

    def wait_s(self, chat: str) -> float:
        """About how many seconds a message to this chat would wait now."""
        return self._pace.wait_s(chat)

    @property
    def refusals(self) -> int:
        """How often Slack has told a chat to wait, since the start."""
        return self._pace.refusals + self._quick.refusals

    async def update(self, chat: str, ts: str, reply: Reply, words: Wording) -> None:
        """In place of a message of ours; in the chat's turn. Raises DeliveryError."""

        async def send(content: Rendered) -> None:
            await self._pace.run(
                chat,
                lambda: self._wire.call(
                    self._wire.client.chat_update,
                    channel=chat,
                    ts=ts,
                    text=content.text,
                    blocks=content.blocks,
                    parse="none",
                ),
            )

        await self._twice(reply, words, send)

    async def ephemeral(self, chat: str, user: str, thread: str | None, reply: Reply, words: Wording) -> None:
        """Seen by one person until they reload; it cannot be edited later. Raises DeliveryError."""

        async def send(content: Rendered) -> None:
            args: Json = {"thread_ts": thread} if thread else {}
            await self._quick.run(
                f"{chat} for {user}",
                lambda: self._wire.call(
                    self._wire.client.chat_postEphemeral,
                    channel=chat,
                    user=user,
                    text=content.text,
                    blocks=content.blocks or None,
                    **args,
                ),
            )

        await self._twice(reply, words, send)

    async def respond(
        self, url: str, reply: Reply, words: Wording, *, replace: bool = False, public: bool = False, thread: str | None
    ) -> None:
        """To a response URL. Raises DeliveryError("gone") when that way is used up."""

        async def send(content: Rendered) -> None:
            body: Json = {"text": content.text, "replace_original": replace, "unfurl_links": False}
            if content.blocks:
                body["blocks"] = content.blocks
            else:
                body["mrkdwn"] = False
                if replace:
                    body["blocks"] = []
            if not replace:
                body["response_type"] = "in_channel" if public else "ephemeral"
                if thread:
                    body["thread_ts"] = thread
            await self._quick.run(url, lambda: self._wire.respond(url, body))

        await self._twice(reply, words, send)

    # --- modals, Home, files, people

    async def open_form(self, trigger: str, form: Form, metadata: Json, words: Wording) -> None:
        """Raises DeliveryError("expired_trigger_id") and its like when three seconds are over."""
        await self._wire.call(self._wire.client.views_open, trigger_id=trigger, view=self._view(form, metadata, words))

    def chose(self, view: str, choice: str) -> None:
        """`choice` is the newest one in that form."""
        self._choices.pop(view, None)
        self._choices[view] = choice
        while len(self._choices) > _CHOICES_MOST:
            self._choices.pop(next(iter(self._choices)))

    async def renew_form(
        self, view: str, choice: str, stand: str | None, form: Form, metadata: Json, words: Wording
    ) -> None:
        """`stand`: the hash of the form that was answered; Slack refuses where the form has changed since. Then only the newest
        choice goes in all the same: what has changed is the answer to an older one."""
        new = self._view(form, metadata, words)
        try:
            await self._wire.call(self._wire.client.views_update, view_id=view, view=new, hash=stand or None)
        except DeliveryError as fault:
            if fault.reason == "hash_conflict" and self._choices.get(view) == choice:
                await self._wire.call(self._wire.client.views_update, view_id=view, view=new)
            elif fault.reason not in ("hash_conflict", "not_found"):  # it was closed
                raise

    def _view(self, form: Form, metadata: Json, words: Wording) -> Json:
        reply = self.safe(Reply(form=form))
        assert reply.form is not None
        return self._renderer.form(
            reply.form, metadata, submit=words.say("slack.submit"), close=words.say("slack.close")
        )

    async def publish_home(self, user: str, reply: Reply, words: Wording) -> None:
        """The person's home tab; where Slack refuses the content, once more as plain text. Raises DeliveryError."""
        reply = self.safe(reply)
        view = self._renderer.home(reply, words.say("slack.cut"))
        try:
            await self._wire.call(self._wire.client.views_publish, user_id=user, view=view)
        except DeliveryError as fault:
            if fault.reason != REFUSED_CONTENT:
                raise
            self.counts["plain_resent"] += 1
            self.once("refused_home", "Slack refused the blocks of a Home tab")
            text = self._renderer.plain(reply).text[:2_900]
            block = {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}}
            await self._wire.call(
                self._wire.client.views_publish, user_id=user, view={"type": "home", "blocks": [block]}
            )

    async def picture(self, chat: str, thread: str | None, reply: Reply) -> None:
        """Beside the message, which is its text twin: a picture that cannot be sent is counted and no more."""
        assert reply.picture is not None
        alt = reply.title or "chart"
        try:
            await self._wire.upload(reply.picture, name="chart.png", alt=alt[:900], channel=chat, thread=thread)
        except DeliveryError as fault:
            self.counts["picture_failed"] += 1
            self.once(f"picture {fault.reason}", "a picture could not be uploaded", reason=fault.reason)

    async def direct_channel(self, user: str) -> str:
        """The channel of the direct message with this person, opened if need be. Needs the scope im:write."""
        if user not in self._direct:
            answer = await self._wire.call(self._wire.client.conversations_open, users=user)
            self._direct[user] = str((answer.get("channel") or {}).get("id", ""))
        return self._direct[user]

    def learn_direct(self, user: str, chat: str) -> None:
        """The direct chat with a person, so that it need not be asked for."""
        self._direct[user] = chat

    def knows_direct(self, user: str) -> str | None:
        """The direct chat's id; None where nobody has seen it yet."""
        return self._direct.get(user)

    async def keep_form(self, form: Form, metadata: Json) -> str:
        """Stored for an hour; the token that a button carries. The form opens in any replica."""
        payload = {
            "id": form.id,
            "title": form.title,
            "value": form.value,
            "inputs": [[i.name, i.label, i.hint, i.required, i.long] for i in form.inputs],
            "metadata": metadata,
        }
        return await self._memory.put_token("slack.form", payload, self._clock.now() + FORM_KEPT)

    async def kept(self, kind: str, token: str) -> Mapping[str, Any] | None:
        """What was stored under a token; None once it has run out. It stays for the next press."""
        return await self._memory.peek_token(kind, token, self._clock.now())

    async def details(self, token: str) -> Reply | None:
        """What stands behind a Details button; None once it has run out."""
        payload = await self.kept("slack.details", token)
        return None if payload is None else Reply(blocks=unpack(payload.get("blocks", ())))


def _mentions(reply: Reply) -> bool:
    texts = (getattr(block, "text", "") for block in reply.blocks)
    if MARKER.search(reply.title) or any(MARKER.search(text) for text in texts):
        return True
    rows = [row for block in reply.blocks for row in getattr(block, "rows", ())]
    return any(MARKER.search(str(row)) for row in rows)


def may_retry(fault: DeliveryError) -> bool:
    """Whether another way to the same reader is worth a try: not while the outcome of this one is unknown."""
    return not fault.lost and fault.reason != RATE_LIMITED
