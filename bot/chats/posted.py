"""Text files, looked through for secrets as they stream in: posted without a command and never kept, or given to a command."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import PurePosixPath
from typing import Final

from bot.chats.leaves import unmarked
from bot.errors import DeliveryError
from bot.model.chat import CleanText, Found, SecretSeen
from bot.model.values import dataclass
from bot.redaction.decoding import Decoder
from bot.redaction.gate import Gate
from bot.redaction.stream import Blocks

FILE_MOST: Final = 5_000_000  # bytes; what is larger is not fetched at all
FILES_MOST: Final = 10  # of one message
WAITING_MOST: Final = 20  # messages whose files wait for their turn
ASKED_MOST: Final = 2  # files that somebody asked about are read at a time
_NAME_MOST: Final = 80
_KINDS: Final = frozenset(
    f"application/{kind}"
    for kind in (
        "json",
        "ld+json",
        "x-ndjson",
        "xml",
        "yaml",
        "x-yaml",
        "toml",
        "sql",
        "javascript",
        "x-sh",
        "x-python",
        "x-httpd-php",
        "x-pem-file",
    )
)
_ENDINGS: Final = frozenset(
    [
        ".log",
        ".txt",
        ".text",
        ".json",
        ".jsonl",
        ".ndjson",
        ".md",
        ".out",
        ".err",
        ".csv",
        ".tsv",
        ".yaml",
        ".yml",
        ".toml",
        ".ini",
        ".cfg",
        ".conf",
        ".config",
        ".properties",
        ".env",
        ".html",
        ".xml",
        ".har",
        ".http",
        ".curl",
        ".sh",
        ".bash",
        ".zsh",
        ".ps1",
        ".bat",
        ".py",
        ".ipynb",
        ".js",
        ".ts",
        ".go",
        ".java",
        ".rb",
        ".php",
        ".rs",
        ".sql",
        ".tf",
        ".tfvars",
        ".pem",
        ".key",
        ".crt",
        ".diff",
        ".patch",
        ".plist",
        ".netrc",
        ".npmrc",
        ".pypirc",
    ]
)


def is_text(name: str, mime: str) -> bool:
    """Whether a file is worth reading as text, by what it is called and said to be."""
    name, mime = name.lower(), mime.lower().partition(";")[0].strip()
    if mime.startswith("text/") or mime in _KINDS:
        return True
    last = PurePosixPath(name).name
    # `.env.production` and `.netrc` have no ending in the usual sense; `app.log.1` has one more.
    return any(f".{part}" in _ENDINGS for part in last.split(".")[1:][-2:])


@dataclass(frozen=True, slots=True)
class Posted:
    """One file of a message. `open` fetches it, a piece at a time, and raises DeliveryError."""

    name: str
    mime: str
    size: int  # bytes; 0 where the platform does not tell
    open: Callable[[], AsyncIterator[bytes]]

    @property
    def readable(self) -> bool:
        """Whether it is text by name and type, and not too large to be looked through."""
        return self.size <= FILE_MOST and is_text(self.name, self.mime)


@dataclass(frozen=True, slots=True)
class Read:
    """What became of a file that somebody asked about. `trouble`: a machine word, "" where it was read to its end."""

    text: CleanText
    found: Found
    trouble: str = ""


class Sieve:
    """Looks through the files of one message at a time. `lost` is told why a file could not be read; nobody else is."""

    def __init__(self, gate: Gate, lost: Callable[[str], None]) -> None:
        self._gate, self._lost = gate, lost
        self._turn = asyncio.Semaphore(1)
        self._asked = asyncio.Semaphore(ASKED_MOST)
        self._waiting = 0

    async def read(self, file: Posted) -> Read:
        """A file that was given to a command: all of a short one, the excerpt of a long one. Never raises."""
        nothing = self._gate.clean("").text
        if not is_text(file.name, file.mime):
            return Read(nothing, Found(), "not_text")
        if file.size > FILE_MOST:
            return Read(nothing, Found(), "too_large")
        from bot.chats.excerpt import Excerpt  # a fifth of a megabyte for those who are given logs

        excerpt = Excerpt()
        async with self._asked:
            found, trouble = await self._look(file, excerpt.feed)
            text = await asyncio.to_thread(lambda: self._gate.trusted(unmarked(excerpt.text)))
        return Read(nothing if trouble else text, found, trouble)

    async def found(self, files: Iterable[Posted]) -> tuple[Found, CleanText]:
        """What was in the readable ones, and the names of those that carried a secret, one per line. Never raises."""
        founds: list[Found] = []
        names: list[str] = []
        readable = [file for file in files if file.readable][:FILES_MOST]
        if not readable or self._waiting >= WAITING_MOST:
            if readable:
                self._lost("too_many")
            return Found(), self._gate.clean("").text
        self._waiting += 1
        try:
            async with self._turn:
                for file in readable:
                    found, trouble = await self._look(file)
                    if trouble:
                        self._lost(trouble)
                    if found.secrets:
                        founds.append(found)
                        names.append(self.name(file))
        finally:
            self._waiting -= 1
        return merged(founds), self._gate.clean("\n".join(names)).text

    async def joined(self, texts: Sequence[CleanText]) -> CleanText | None:
        """One below the other; None for none. What stands next to each other now is looked at once more."""
        if len(texts) < 2:
            return texts[0] if texts else None
        return await asyncio.to_thread(lambda: self._gate.trusted("\n".join(text.text for text in texts)))

    def name(self, file: Posted) -> str:
        """As it may be shown: people name files after what is in them."""
        return " ".join(unmarked(self._gate.clean(file.name).text.text).split())[:_NAME_MOST]

    async def _look(self, file: Posted, keep: Callable[[str], None] | None = None) -> tuple[Found, str]:
        """Of a file that breaks off, what was found before it did, and why it broke off. `keep` gets the clean blocks."""
        founds: list[Found] = []
        blocks, decoder, size, trouble = Blocks(), Decoder(), 0, ""
        try:
            async for piece in file.open():
                size += len(piece)
                if size > FILE_MOST:
                    raise DeliveryError("too_large", final=True)
                founds += await asyncio.to_thread(self._clean, blocks.feed(decoder.feed(piece)), keep)
        except DeliveryError as fault:
            trouble = fault.reason
        founds += await asyncio.to_thread(self._clean, blocks.feed(decoder.feed(b"", last=True)), keep)
        founds += await asyncio.to_thread(self._clean, blocks.finish(), keep)
        return merged(founds), trouble

    def _clean(self, blocks: Iterable[str], keep: Callable[[str], None] | None) -> list[Found]:
        founds: list[Found] = []
        for block in blocks:
            cleaned = self._gate.clean(block)
            if keep is not None:
                keep(cleaned.text.text)
            if cleaned.found:
                founds.append(cleaned.found)
        return founds


def merged(founds: Iterable[Found]) -> Found:
    """Each secret once, whichever text it stood in."""
    counts: Counter[str] = Counter()
    seen: dict[str, SecretSeen] = {}
    for found in founds:
        counts.update(found.counts)
        seen |= {secret.fingerprint: secret for secret in found.secrets}
    return Found(dict(counts), tuple(seen.values()))


def further(found: Found, told: Found) -> Found:
    """What is in the first one and not in the second."""
    known = {secret.fingerprint for secret in told.secrets}
    secrets = tuple(secret for secret in found.secrets if secret.fingerprint not in known)
    return Found(dict(Counter(secret.kind for secret in secrets)), secrets)
