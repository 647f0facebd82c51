"""Follows the applications' log files of `[watch.logs]` and hands in what looks like trouble, before anybody pastes it.

Files belong to one machine, so one process of each host follows them: whoever holds the lease `logs:<host>` in the store. The places
are kept there too. A line that may be about trouble is found by cheap words first; then it passes the gate.
"""

from __future__ import annotations

import asyncio
import glob
import hashlib
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bot.errors import QuotadeskError
from bot.inlets.lines import Record
from bot.inlets.tail import Mark, Tail
from bot.model.chat import CleanText, Found
from bot.model.report import Report, Taken
from bot.ports import Clock, Intake, Store

log = logging.getLogger("quotadesk.logs")

EVERY_S: Final = 2.0
HELD_S: Final = 0.5  # while a record may still go on
FILES_MOST: Final = 200
SHAPES_MOST: Final = 50  # different records of one file in one look
OWED_MOST: Final = 500
RESUME_WITHIN: Final = timedelta(hours=1)  # after a longer rest it goes on at the ends: old trouble is no news
_LEASE_S: Final = 30.0
_RENEW_S: Final = 10.0
_MISSED: Final = 150  # looks without the file: it will not come back
_TROUBLE: Final = re.compile(
    rb"(?i)error|exception|traceback|critical|fatal|fail|quota|balance|credit|insufficient|billing|exceed|limit|denied|forbidden|"
    rb"unauthor|invalid|expired|suspend|overload|unavailable|refused|time[d ]?-?out|too many|payment required|"
    + "错误|失败|异常|余额|额度|欠费|超时|限流|无权|无效|不足|拒绝|耗尽|用尽".encode()
)
_CALM: Final = re.compile(
    rb"\b(?:TRACE|DEBUG|INFO|SUCCESS|NOTICE)\b|\"level\": ?\"(?:trace|debug|info|notice)\"|\" \d{3} [\d-]+(?: |$)"
)
_STRONG: Final = re.compile(rb"(?i)error code|traceback|exception|\"error\"|'error'")
_DIGITS: Final = re.compile(rb"[0-9a-f]{8,}|\d+")
_ROTATED: Final = re.compile(r"\.(?:\d{1,3}|gz|xz|bz2|zst|zip)$|[.-]\d{4}-?\d\d-?\d\d[\w.-]*$")

Clean = Callable[[str], tuple[CleanText, Found]]


@dataclass(slots=True)
class _Sifted:
    """One shape of trouble of one file in one look."""

    record: Record
    times: int


class LogWatch:
    """`patterns`: engine name, or "*" where the text tells, to absolute paths that may hold * and ?. `owner` differs between
    replicas, `host` between machines. `heard` gets what became of each look's reports."""

    def __init__(
        self,
        patterns: Mapping[str, Sequence[str]],
        intake: Intake,
        clean: Clean,
        store: Store,
        clock: Clock,
        owner: str,
        host: str,
        heard: Callable[[Sequence[Taken]], None] = lambda taken: None,
    ) -> None:
        self._patterns = {pattern: engine for engine, paths in patterns.items() for pattern in paths}
        self._intake, self._clean, self._store, self._clock = intake, clean, store, clock
        self._owner, self._host, self._heard = owner, host, heard
        self._key = f"logs:{host}"
        self._tails: dict[Path, tuple[Tail, str]] = {}
        self._owed: list[Report] = []
        self._saved: Mapping[str, Any] | None = None
        self._begun = False
        self._led_at = 0.0
        self.leads = False

    @property
    def files(self) -> int:
        """How many are followed now."""
        return len(self._tails)

    @property
    def _held(self) -> bool:
        return any(tail.held for tail, _ in self._tails.values())

    def faults(self) -> tuple[str, ...]:
        """Files that are there and cannot be read."""
        return tuple(f"log {path.name}: {tail.fault}" for path, (tail, _) in self._tails.items() if tail.fault)

    async def run_forever(self) -> None:
        """Until cancelled. A look that fails is logged; the next one tries again."""
        try:
            while True:
                try:
                    await self.tick()
                except QuotadeskError as fault:
                    log.warning("a look at the logs failed: %s", fault)
                except Exception:
                    log.exception("a look at the logs broke")
                await self._clock.sleep(HELD_S if self._held else EVERY_S)
        finally:
            self._let_go()

    async def tick(self) -> int:
        """One look at every file; how many reports were handed in. Nothing where another process of this host leads."""
        now = self._clock.monotonic()
        if not self.leads or now - self._led_at >= _RENEW_S:
            self.leads = await self._store.lead(self._key, self._owner, self._clock.now(), _LEASE_S)
            self._led_at = now
        if not self.leads:
            self._let_go()
            return 0
        if self._saved is None:
            self._saved = await self._resume()
        found = await asyncio.to_thread(self._look)
        # What the store could not take last time goes first; the places are kept only once all of it is in.
        self._owed = [*self._owed, *found][-OWED_MOST:]
        count = len(self._owed)
        if self._owed:
            self._heard(await self._intake.take(self._owed))
            self._owed = []
        await self._keep()
        return count

    # --- where we are

    async def _resume(self) -> Mapping[str, Any]:
        kept = await self._store.get_fact(self._key)
        kept = kept if isinstance(kept, dict) else {}
        try:
            rested = self._clock.now() - datetime.fromisoformat(str(kept.get("at")))
        except ValueError:
            return {}
        if rested > RESUME_WITHIN:
            log.info("the logs were not followed for %s: going on at their ends", rested)
            return {}
        return kept

    async def _keep(self) -> None:
        places = {str(path): mark.as_json() for path, (tail, _) in self._tails.items() if (mark := tail.place())}
        kept = {"files": places, "patterns": sorted(self._patterns)}
        before = self._saved or {}
        now = self._clock.now()
        # The time is renewed now and then: it tells the next process how long nobody looked.
        fresh = {name: before.get(name) for name in kept} == kept and _age(before, now) < RESUME_WITHIN / 6
        if not fresh:
            self._saved = {**kept, "at": now.isoformat()}
            await self._store.set_fact(self._key, self._saved, now)

    def _let_go(self) -> None:
        for tail, _ in self._tails.values():
            tail.close()
        self._tails.clear()
        self._saved, self._begun = None, False

    # --- looking (in a thread)

    def _look(self) -> list[Report]:
        self._find()
        out: list[Report] = []
        for path, (tail, engine) in self._tails.items():
            skipped = tail.skipped
            sifted = self._sift(tail.look())
            if tail.skipped > skipped:
                log.warning("%s grew too fast: %d bytes were not looked at", path.name, tail.skipped - skipped)
            for one in sifted:
                text, removed = self._clean(one.record.text.decode("utf-8", "replace"))
                named = None if engine == "*" else engine
                out.append(Report(text, path.name, named, found=removed, times=one.times))
        return out

    def _find(self) -> None:
        saved = self._saved or {}
        marks, known = saved.get("files") or {}, set(saved.get("patterns") or ())
        first, self._begun = not self._begun, True
        inodes = {inode for tail, _ in self._tails.values() if (inode := tail.inode)}
        for pattern, engine in self._patterns.items():
            for path in files_of(pattern):
                if path in self._tails or len(self._tails) >= FILES_MOST:
                    continue
                there = _inode(path)
                if there in inodes:
                    continue  # a file that is followed already, under the name that it was rotated to
                mark = Mark.of(marks.get(str(path))) if first else None
                # What is there when a pattern is new is history; what appears later is read from its beginning.
                history = first and pattern not in known and there is not None
                self._tails[path] = (Tail(path, mark, from_end=history and mark is None), engine)
        for path in [
            path
            for path, (tail, _) in self._tails.items()
            if str(path) not in self._patterns and tail.missing > _MISSED
        ]:
            self._tails.pop(path)[0].close()

    @staticmethod
    def _sift(records: Sequence[Record]) -> list[_Sifted]:
        """Records that may be about trouble, each shape once: a loop writes the same line with other numbers."""
        shapes: dict[bytes, _Sifted] = {}
        for record in records:
            if not _TROUBLE.search(record.text) or _calm(record.text):
                continue
            shape = hashlib.sha256(_DIGITS.sub(b"", record.text[-4096:])).digest()
            if known := shapes.get(shape):
                known.times += 1
            elif len(shapes) < SHAPES_MOST:
                shapes[shape] = _Sifted(record, 1)
        return list(shapes.values())


def _calm(text: bytes) -> bool:
    """What a program says by the way, and lines of an access log."""
    return bool(_CALM.search(text[:300])) and not _STRONG.search(text)


def files_of(pattern: str) -> list[Path]:
    """The pattern's files; a plain path also where it does not exist yet. Rotated copies beside their own file are left out."""
    if not glob.has_magic(pattern):
        return [Path(pattern)]
    found = sorted(glob.glob(pattern, recursive=True))
    names = set(found)
    return [Path(name) for name in found if not _is_copy(name, names) and Path(name).is_file()]


def _is_copy(name: str, names: set[str]) -> bool:
    cut = _ROTATED.sub("", name)
    return cut != name and (cut in names or f"{cut}.log" in names)


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _age(saved: Mapping[str, Any], now: datetime) -> timedelta:
    try:
        return now - datetime.fromisoformat(str(saved.get("at")))
    except ValueError:
        return timedelta.max
