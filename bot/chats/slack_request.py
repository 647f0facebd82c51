"""From a raw delivery to a Request: everything a person wrote, quoted or attached passes the gate here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any, Final

from bot.chats.pictures import PICTURE_MOST, Looking, NoReader, Reader, quiet, read_picture, slack_picture
from bot.chats.posted import Posted, Read, Sieve, further, merged
from bot.chats.slack_in import Raw
from bot.chats.slack_people import About
from bot.chats.slack_send import Sender
from bot.chats.slack_text import whole
from bot.chats.slack_wire import Wire
from bot.errors import DeliveryError
from bot.model.chat import CleanText, Found, MessageRef, Person, Place, Request
from bot.model.values import dataclass
from bot.ports import Clock
from bot.redaction.gate import Cleaned, Gate

Json = dict[str, Any]

LARGE: Final = 20_000  # characters that are worth a thread: the gate must not hold up acknowledgements


@dataclass(frozen=True, slots=True)
class _Outside:
    """`names`: of the files that carried a secret, one per line. `trouble`: a catalogue key if something could not be read."""

    text: CleanText | None = None
    found: Found = field(default_factory=Found)
    names: CleanText | None = None
    trouble: str = ""


class Intake:
    """From what Slack sent to a Request: everything typed or posted passes the gate here."""

    def __init__(self, wire: Wire, gate: Gate, sender: Sender, clock: Clock, reader: Reader | None = None) -> None:
        self._wire, self._gate, self._sender, self._clock = wire, gate, sender, clock
        self._reader = reader or NoReader()
        self._sieve = Sieve(gate, self._lost)

    async def clean(self, raw: str) -> Cleaned:
        """Long texts in a thread, so that nobody waits for them."""
        return await asyncio.to_thread(self._gate.clean, raw) if len(raw) > LARGE else self._gate.clean(raw)

    async def request(self, raw: Raw, about: About, looking: Looking = quiet) -> Request | str:
        """The request, or the catalogue key of what to tell the person instead. `looking`: called before a picture is read."""
        source = raw.source
        text = await self.clean(raw.text)
        founds = [text.found]
        if raw.beside:
            founds.append(further((await self.clean(raw.beside)).found, text.found))
        outside = await self._outside(raw, looking)
        founds.append(outside.found)
        if outside.trouble and not outside.text and not raw.text.strip() and not outside.found.secrets:
            return outside.trouble
        fields: dict[str, CleanText] = {"file": outside.names} if outside.names else {}
        if outside.trouble:
            fields["unread"] = self._gate.trusted(outside.trouble)
        for name, value in raw.fields.items():
            cleaned = await self.clean(value)
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
                # The person's own workspace: in a shared channel others write, who are nobody here.
                team=about.team or source.team,
            ),
            language=about.language,
            timezone=about.timezone,
            received_at=self._clock.now(),
            id=source.id or f"{source.kind}-{source.user}",
            found=merged(founds),
            quoted=outside.text,
            action=raw.action,
            value=raw.value,
            message=MessageRef("slack", source.chat, source.message, source.thread) if source.message else None,
            fields=fields,
        )

    def readable(self, raw: Raw) -> bool:
        """Whether there is a file to be looked through."""
        return any(file.readable for file in self._posted(raw))

    async def posted(self, raw: Raw, about: About) -> Request | None:
        """Of files that nobody asked about: a request only if there was a secret which the message's own text did not hold."""
        found, names = await self._sieve.found(self._posted(raw))
        found = further(found, (await self.clean(raw.text)).found)
        if not found.secrets:
            return None
        request = await self.request(replace(raw, text="", files=()), about)
        assert isinstance(request, Request)  # nothing to fetch is left in it
        return replace(request, found=found, fields={"file": names})

    def _posted(self, raw: Raw) -> list[Posted]:
        """Those that stand with Slack itself: of one from elsewhere, or of another workspace, there is only a link or less."""
        return [
            self._file(file)
            for file in raw.files
            if file.get("url_private") and not file.get("is_external") and file.get("user") in (None, raw.source.user)
        ]

    def _file(self, file: Mapping[str, Any]) -> Posted:
        url = str(file.get("url_private") or "")
        kind, size = str(file.get("mimetype") or ""), int(file.get("size") or 0)
        return Posted(str(file.get("name") or ""), kind, size, lambda: self._wire.stream(url))

    def _lost(self, reason: str) -> None:
        self._sender.counts["files_unread"] += 1
        self._sender.once(f"file {reason}", "a posted file could not be read", reason=reason)

    async def _outside(self, raw: Raw, looking: Looking) -> _Outside:
        """What came along: quoted, attached, or the thread's first message."""
        files, text = list(raw.files), raw.quoted
        if raw.parent and not text and not files:
            try:
                answer = await self._wire.call(
                    self._wire.client.conversations_replies, channel=raw.source.chat, ts=raw.parent, limit=1
                )
            except DeliveryError as fault:
                self._sender.once(f"parent {fault.reason}", "a thread could not be read", reason=fault.reason)
                return _Outside(trouble="slack.thread_unreadable")
            parent: Json = next(iter(answer.get("messages") or []), {})
            text, files = whole(parent), list(parent.get("files") or [])
        first = await self.clean(text)
        texts, founds, names, trouble = [first.text] if first.text else [], [first.found], [], ""
        for file in files[:3]:
            if slack_picture(file):
                seen, why = await self._picture(file, looking)
                looking = quiet  # said once
                cleaned = await self.clean(seen)
                read = Read(cleaned.text, cleaned.found)
            else:
                log = self._file(file)
                read = await self._sieve.read(log)
                why = self._told(read.trouble)
                if read.found.secrets:
                    names.append(self._sieve.name(log))
            trouble = trouble or why
            founds.append(read.found)
            texts += [read.text] if read.text else []
        return _Outside(
            await self._sieve.joined(texts), merged(founds), self._gate.clean("\n".join(names)).text, trouble
        )

    def _told(self, reason: str) -> str:
        """The catalogue key for why a file could not be read."""
        if reason not in ("", "not_text", "too_large"):
            self._sender.once(f"file {reason}", "an attached file could not be read", reason=reason)
        known = {"": "", "not_text": "slack.file_not_text", "too_large": "slack.file_too_large"}
        return known.get(reason, "slack.file_unreadable")

    async def _picture(self, file: Mapping[str, Any], looking: Looking) -> tuple[str, str]:
        if not self._reader.ready:
            return "", "diagnose.picture.not_installed"
        if int(file.get("size") or 0) > PICTURE_MOST:
            return "", "diagnose.picture.too_large"
        await looking()
        try:
            picture = await self._wire.fetch(str(file.get("url_private") or ""), PICTURE_MOST)
        except DeliveryError as fault:
            self._sender.once(f"file {fault.reason}", "an attached picture could not be read", reason=fault.reason)
            return "", "diagnose.picture.too_large" if fault.reason == "too_large" else "slack.file_unreadable"
        return await read_picture(self._reader, picture)
