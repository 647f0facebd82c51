"""From a raw update to a Request: everything a person wrote, quoted or attached passes the gate here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from telegram import Document

from bot.chats import telegram_in as reading
from bot.chats.pictures import PICTURE_MOST, Looking, NoReader, Reader, quiet, read_picture
from bot.chats.posted import FILE_MOST, Posted, Sieve, further, merged
from bot.chats.telegram_answer import Origin
from bot.chats.telegram_in import Raw
from bot.chats.telegram_wire import Wire
from bot.errors import DeliveryError
from bot.model.chat import CleanText, Found, Request
from bot.ports import Clock, Wording
from bot.redaction.gate import Cleaned, Gate

LARGE: Final = 20_000  # characters that are worth a thread: the gate must not hold up the other chats


class Intake:
    """`lost`: told why a posted file could not be read."""

    def __init__(
        self, wire: Wire, gate: Gate, clock: Clock, reader: Reader | None, lost: Callable[[str], None]
    ) -> None:
        self._wire, self._gate, self._clock = wire, gate, clock
        self._reader = reader or NoReader()
        self._sieve = Sieve(gate, lost)

    async def clean(self, raw: str) -> Cleaned:
        """Long texts in a thread, so that nobody waits for them."""
        return await asyncio.to_thread(self._gate.clean, raw) if len(raw) > LARGE else self._gate.clean(raw)

    async def request(
        self, raw: Raw, origin: Origin, words: Wording, number: int, looking: Looking = quiet
    ) -> Request | str:
        """The request, or the sentence to tell the person instead. `looking`: called before a picture is read."""
        text = await self.clean(raw.text)
        founds = [text.found]
        if raw.beside:
            founds.append(further((await self.clean(raw.beside)).found, text.found))
        pieces = [await self.clean(raw.quoted)] if raw.quoted else []
        names: list[str] = []
        unread: dict[str, CleanText] = {}
        for document in raw.files:
            read, trouble = await self._file(document, words, looking)
            if trouble and not (raw.text.strip() or raw.quoted.strip() or read.found.secrets):
                return trouble
            if trouble:
                unread["unread"] = self._gate.trusted(trouble)
            if isinstance(document, Document) and read.found.secrets:
                names.append(self._sieve.name(self.posted(document)))
            pieces.append(read)
        founds += [piece.found for piece in pieces]
        quoted = await self._sieve.joined([piece.text for piece in pieces if piece.text])
        fields = unread | ({"file": self._gate.clean("\n".join(names)).text} if names else {})
        for name, value in raw.fields.items():
            one = await self.clean(value)
            fields[name] = one.text
            founds.append(one.found)
        command = (await self.clean(raw.command)).text.text
        return self.made(
            command,
            origin,
            words,
            text.text,
            merged(founds),
            number,
            quoted=quoted,
            action=raw.action,
            value=raw.value,
            fields=fields,
        )

    def posted(self, document: Document) -> Posted:
        """The file as it was announced; nothing is fetched before it is read."""
        return Posted(
            document.file_name or "",
            document.mime_type or "",
            document.file_size or 0,
            lambda: self._wire.stream(document.file_id),
        )

    async def leaked(self, file: Posted, text: str, origin: Origin, words: Wording, number: int) -> Request | None:
        """Of a file that nobody asked about: a request only if there was a secret which the message's own text did not hold."""
        found, names = await self._sieve.found([file])
        found = further(found, (await self.clean(text)).found)
        nothing = self._gate.clean("").text
        return (
            self.made("leak", origin, words, nothing, found, number, fields={"file": names}) if found.secrets else None
        )

    def made(
        self,
        command: str,
        origin: Origin,
        words: Wording,
        text: CleanText,
        found: Found,
        number: int,
        *,
        quoted: CleanText | None = None,
        action: str | None = None,
        value: str = "",
        fields: Mapping[str, CleanText] | None = None,
    ) -> Request:
        """`text` has passed the gate and `found` says what was taken out; `number` is the update's."""
        return Request(
            command=command,
            text=text,
            asker=origin.person,
            place=origin.place,
            language=words.language,
            timezone=words.timezone,
            received_at=self._clock.now(),
            id=f"telegram:{number}",
            found=found,
            quoted=quoted,
            action=action,
            value=value,
            message=origin.button,
            fields=fields or {},
        )

    async def _file(self, file: reading.Attached, words: Wording, looking: Looking) -> tuple[Cleaned, str]:
        """What is in it and "", or nothing and what is wrong."""
        if isinstance(file, Document) and not reading.is_image(file):
            read = await self._sieve.read(self.posted(file))
            return Cleaned(read.text, read.found), self._told(read.trouble, words)
        text, trouble = await self._picture(file, words, looking)
        return await self.clean(text), trouble

    def _told(self, reason: str, words: Wording) -> str:
        if reason == "too_large":
            return words.say("telegram.file_too_large", megabytes=FILE_MOST // 1_000_000)
        return words.say("telegram.file_not_text" if reason == "not_text" else "telegram.file_lost") if reason else ""

    async def _picture(self, file: reading.Attached, words: Wording, looking: Looking) -> tuple[str, str]:
        if not self._reader.ready:
            return "", words.say("diagnose.picture.not_installed")
        if (file.file_size or 0) > PICTURE_MOST:
            return "", words.say("diagnose.picture.too_large")
        await looking()
        try:
            found = await self._wire.call(lambda bot: bot.get_file(file.file_id))
            picture = bytes(await self._wire.call(lambda _: found.download_as_bytearray()))
        except DeliveryError:
            return "", words.say("telegram.file_lost")
        text, trouble = await read_picture(self._reader, picture)
        return text, words.say(trouble) if trouble else ""
