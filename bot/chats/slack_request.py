"""From a raw delivery to a Request: everything a person wrote, quoted or attached passes the gate here."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from bot.chats.leaves import unmarked
from bot.chats.pictures import PICTURE_MOST, NoReader, Reader, read_picture, slack_picture
from bot.chats.slack_in import Raw, whole
from bot.chats.slack_people import About
from bot.chats.slack_send import Cleaned, Gate, Sender
from bot.chats.slack_wire import FILE_MOST, Wire
from bot.errors import DeliveryError
from bot.model.chat import CleanText, Found, MessageRef, Person, Place, Request
from bot.ports import Clock

Json = dict[str, Any]

LARGE: Final = 20_000  # characters that are worth a thread: the gate must not hold up acknowledgements
FILE_HEAD: Final = 20_000
FILE_TAIL: Final = 180_000
_TEXT_NAMES: Final = (".log", ".txt", ".json", ".jsonl", ".md", ".out", ".err", ".yaml", ".yml")


class Intake:
    def __init__(self, wire: Wire, gate: Gate, sender: Sender, clock: Clock, reader: Reader | None = None) -> None:
        self._wire, self._gate, self._sender, self._clock = wire, gate, sender, clock
        self._reader = reader or NoReader()

    async def clean(self, raw: str) -> Cleaned:
        return await asyncio.to_thread(self._gate.clean, raw) if len(raw) > LARGE else self._gate.clean(raw)

    async def request(self, raw: Raw, about: About) -> Request | str:
        """The request, or the catalogue key of what to tell the person instead."""
        source = raw.source
        text = await self.clean(raw.text)
        founds = [text.found]
        quoted: CleanText | None = None
        outside, trouble = await self._outside(raw)
        if outside.strip():
            cleaned = await self.clean(outside)
            quoted = cleaned.text
            founds.append(cleaned.found)
        elif trouble and not raw.text.strip():
            return trouble
        fields: dict[str, CleanText] = {}
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
            found=_merged(founds),
            quoted=quoted,
            action=raw.action,
            value=raw.value,
            message=MessageRef("slack", source.chat, source.message, source.thread) if source.message else None,
            fields=fields,
        )

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
            text, files = whole(parent), list(parent.get("files") or [])
        trouble = ""
        for file in files[:3]:
            body, why = await self._file(file)
            trouble = trouble or why
            text = f"{text}\n{body}" if text.strip() and body else text or body
        return text, "" if text.strip() else trouble

    async def _file(self, file: Mapping[str, Any]) -> tuple[str, str]:
        name, mime = str(file.get("name", "")).lower(), str(file.get("mimetype", ""))
        readable = mime.startswith("text/") or mime in ("application/json", "application/x-ndjson", "application/xml")
        if slack_picture(file):
            return await self._picture(file)
        if not readable and not name.endswith(_TEXT_NAMES):
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
        return unmarked(body), ""

    async def _picture(self, file: Mapping[str, Any]) -> tuple[str, str]:
        if not self._reader.ready:
            return "", "diagnose.picture.not_installed"
        if int(file.get("size") or 0) > PICTURE_MOST:
            return "", "diagnose.picture.too_large"
        try:
            picture = await self._wire.fetch(str(file.get("url_private") or ""), PICTURE_MOST)
        except DeliveryError as fault:
            self._sender.once(f"file {fault.reason}", "an attached picture could not be read", reason=fault.reason)
            return "", "diagnose.picture.too_large" if fault.reason == "too_large" else "slack.file_unreadable"
        return await read_picture(self._reader, picture)


def _merged(founds: list[Found]) -> Found:
    counts: Counter[str] = Counter()
    for found in founds:
        counts.update(found.counts)
    secrets = {seen.fingerprint: seen for found in founds for seen in found.secrets}
    return Found(dict(counts), tuple(secrets.values()))
