"""Files that were posted without a command: looked through for secrets as they stream in, and never kept."""

from __future__ import annotations

import asyncio
from codecs import getincrementaldecoder
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import PurePosixPath
from typing import Final

from bot.chats.leaves import unmarked
from bot.errors import DeliveryError
from bot.model.chat import CleanText, Found, SecretSeen
from bot.model.values import dataclass
from bot.redaction.gate import Gate
from bot.redaction.stream import Blocks

FILE_MOST: Final = 5_000_000  # bytes; what is larger is not fetched at all
FILES_MOST: Final = 10  # of one message
WAITING_MOST: Final = 20  # messages whose files wait for their turn
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
        return self.size <= FILE_MOST and is_text(self.name, self.mime)


class Sieve:
    """Looks through the files of one message at a time. `lost` is told why a file could not be read; nobody else is."""

    def __init__(self, gate: Gate, lost: Callable[[str], None]) -> None:
        self._gate, self._lost = gate, lost
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0

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
                    found = await self._look(file)
                    if found.secrets:
                        founds.append(found)
                        names.append(" ".join(unmarked(self._gate.clean(file.name).text.text).split())[:_NAME_MOST])
        finally:
            self._waiting -= 1
        return merged(founds), self._gate.clean("\n".join(names)).text

    async def _look(self, file: Posted) -> Found:
        """Of a file that breaks off, what was found before it did."""
        founds: list[Found] = []
        blocks, decode, size = Blocks(), None, 0
        try:
            async for chunk in file.open():
                size += len(chunk)
                if size > FILE_MOST:
                    raise DeliveryError("too_large", final=True)
                if decode is None:
                    wide = chunk.startswith((b"\xff\xfe", b"\xfe\xff"))
                    if b"\0" in chunk[:2_000] and not wide:
                        raise DeliveryError("not_text", final=True)
                    decode = getincrementaldecoder("utf-16" if wide else "utf-8-sig")("replace").decode
                founds += await asyncio.to_thread(self._clean, blocks.feed(decode(chunk)))
        except DeliveryError as fault:
            self._lost(fault.reason)
        founds += await asyncio.to_thread(self._clean, blocks.finish())
        return merged(founds)

    def _clean(self, blocks: Iterable[str]) -> list[Found]:
        return [found for block in blocks if (found := self._gate.clean(block).found).secrets]


def merged(founds: Iterable[Found]) -> Found:
    """Each secret once, whichever text it stood in."""
    counts: Counter[str] = Counter()
    seen: dict[str, SecretSeen] = {}
    for found in founds:
        counts.update(found.counts)
        seen |= {secret.fingerprint: secret for secret in found.secrets}
    return Found(dict(counts), tuple(seen.values()))
