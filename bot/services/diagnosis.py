"""CleanText to Diagnosis: what one error says, by the signatures. The text decides, not the status; no I/O, never raises."""

from __future__ import annotations

import re
from collections.abc import Iterable
from operator import attrgetter
from typing import Final, NamedTuple

from bot.model.chat import CleanText
from bot.model.diagnosis import Cause, Diagnosis
from bot.services.reading.engine import engine_of
from bot.services.reading.figures import figures_of
from bot.services.reading.foreign import is_foreign
from bot.services.reading.fragment import SHORT, coded, named, spelled, undenied
from bot.services.reading.ids import request_id_of, task_id_of
from bot.services.reading.longer import focused
from bot.services.reading.models import model_of
from bot.services.reading.question import is_question, near_of, page_of
from bot.services.reading.rivals import CLOSE, confidence_of, with_rivals
from bot.services.reading.says import says_of
from bot.services.reading.second import apart
from bot.services.reading.speaker import host_of, origin_of, party_of, relay_of
from bot.services.reading.status import status_of
from bot.services.reading.times import occurred_at_of, retry_after_of
from bot.services.reading.view import View, view
from bot.services.reading.words import MEMORY, Words, begins
from bot.signatures import Origin, Signature, Signatures

_WAITING: Final = frozenset((Cause.RATE_LIMITED, Cause.OVERLOADED, Cause.SERVER_ERROR, Cause.UPSTREAM_ERROR))
_BARE_CODE: Final = 40  # below this rank a signature knows a type or a status without a sentence
_BARE_STATUS: Final = 24  # up to this rank a signature knows no more than a status or a passing word
_CERTAIN: Final = 80  # from this rank on a signature knows a provider's own sentence

_STANDING: Final = re.compile(r"[a-z0-9_/]")  # a code is no part of a longer word and no folder of a path
_PLAIN: Final = re.compile(r"[a-z ,.;!?'\"()-]*")
_TRADE: Final = re.compile(
    r"\b(?:api|errors?|requests?|tokens?|quota|accounts?|servers?|http|fail\w*|exception|keys?|billing|credits?|usage|plan|subscription|upgrade|"
    r"providers?|budget|exceeded|endpoint|retry|retrying|again|overload\w*|rate|balance|timed?|timeout|connection|network|denied|unauthorized|forbidden|"
    r"multi-?modal|function calling|(?:image|audio|video) (?:input|file|format)s?|tool calls?|parameters?|prompt|context|content|policy|access|permission|organization|payment|networkerror|\w*(?:time-?out|error)|e(?:conn|timed|not|host|net)\w+|premature close|service not known|socket|fetch|models? not found|no such model|channels?|upstream|gateway|busy|capacity|login|invalid|credentials?|authenticate|operation|stream|workspace|reasoning|demand|"
    r"authorization|authentication|signature|headers?|bearer|gpus?|throttl\w*|concurrent|deployments?|inference|wallet|prepaid|funds|hosts?|proxy|handshake|"
    r"schema|json|messages|field|body|role|scope|file type|free limit|the model you|top-?up|prohibited|moderation|allow ?list|engine|backends?|traffic|allowance|allocation|spending|instances|this model|that model|(?:currently|temporarily) unavailable|model (?:id|name|version|called)|sign in|country|region|per second|cap|saldo|guthaben|solde|limite|tageslimit|solicitudes)\b"
)
"""Plain words of everyday English are an error only when one of the trade's words is among them."""
_ORDINARY_CODES: Final = re.compile(r"^\d+$")


class _Hit(NamedTuple):
    score: tuple[int, int, int]
    entry: Signature
    near: str


_READ: Final = 30_000  # characters at each end of a text in which a pattern is looked for


_RANK: Final = attrgetter("rank")


class Diagnoser:
    """Explains texts. Building one compiles the word search once (some 50 ms); `explain` is pure.

    `memory` in bytes bounds what the word search keeps of the texts it has seen, for speed alone.
    """

    def __init__(self, signatures: Signatures, memory: int = MEMORY) -> None:
        self._signatures = signatures
        self._words = Words(signatures.words, memory)
        self._regex: dict[str, re.Pattern[str]] = {}

    def explain(self, text: CleanText, *, brief: bool = False) -> Diagnosis:
        """Never raises, whatever the text. `causes` has at least one member; `unknown` where the text carries no reason.

        `brief` leaves out what a pipe does not print (says, engine, figures, task id), for speed.
        """
        seen = view(text.text)
        status = status_of(seen)
        page = page_of(seen, self._signatures.pages)
        if page is not None:
            return Diagnosis(
                causes=(Cause.UNKNOWN,), confidence=0.9, text=text, is_error=False, page=page.id, status=status
            )
        if status is None and is_question(seen):
            near = () if brief else near_of(seen, self._signatures.pages)
            return Diagnosis(causes=(Cause.UNKNOWN,), confidence=0.6, text=text, is_error=False, near=near)
        hits, speakers = self._read(undenied(seen), status)
        if not hits or hits[0].entry.rank <= _BARE_STATUS:
            hits = self._again(seen, status, speakers) or hits
        if hits and hits[0].entry.rank < _CERTAIN and is_foreign(seen):
            hits, status = [], None
        if (
            hits
            and hits[0].entry.rank < 70
            and status is None
            and len(seen.low) > SHORT
            and _PLAIN.fullmatch(seen.low)
            and not _TRADE.search(seen.low)
        ):
            hits = []
        provider, gateway = origin_of(speakers)
        if provider is None and gateway is None and (hits or status is not None):
            provider = named(seen, self._signatures.nicknames)
        hosted = host_of(speakers)
        return self._told(text, seen, status, provider, gateway, hits, hosted=hosted, known=bool(speakers), brief=brief)

    def focused(self, text: CleanText) -> str:
        """Of a long log the one record that counts, to be explained in its place; any other text as it is. Takes some 0.1 s at most."""
        return focused(text.text, self._rank_of)

    def _rank_of(self, text: str) -> int:
        seen = view(text)
        hits = [] if is_foreign(seen) else self._read(seen, status_of(seen))[0]
        return hits[0].entry.rank if hits else 0

    def fitting(self, text: str) -> tuple[str, ...]:
        """The ids of every signature that fits a text, best first; for the shelf's own tests and for `why`."""
        seen = view(text)
        return tuple(hit.entry.id for hit in self._read(seen, status_of(seen), every=True)[0])

    def _read(self, seen: View, status: int | None, *, every: bool = False) -> tuple[list[_Hit], list[Origin]]:
        words = self._words.found(seen.low, seen.raw)
        origins = self._signatures.origins
        speakers = [origins[word] for word in sorted(filter(origins.__contains__, words), key=len, reverse=True)]
        who = {name or "" for speaker in speakers for name in (speaker.provider, speaker.gateway)}
        return self._decide(seen, words, status, who, every), speakers

    def _again(self, seen: View, status: int | None, speakers: list[Origin]) -> list[_Hit]:
        """What the text says with its codes taken apart, its letters put right or its number read as a code; [] where that decides
        nothing either."""
        for look in (apart, spelled):
            if (again := look(seen)) is not None:
                found = self._read(again, status)[0]
                if found and found[0].entry.rank > _BARE_STATUS:
                    return found
        who = {speaker.provider or speaker.gateway or "" for speaker in speakers}
        if not who and (nick := named(seen, self._signatures.nicknames)):
            who = {nick}
        if who and (again := coded(seen)) is not None:
            words = self._words.found(again.low, again.raw)
            return [hit for hit in self._decide(again, words, status, who, every=False) if hit.entry.provider in who]
        return []

    def _decide(self, seen: View, words: Iterable[str], status: int | None, who: set[str], every: bool) -> list[_Hit]:
        """The signatures that fit, best first. Without `every` those that could no longer change the answer are not examined."""
        announced: dict[str, str] = {}
        candidates: list[Signature] = []
        anchors = self._signatures.anchors
        for word in words:
            for entry in anchors.get(word, ()):
                known = announced.get(entry.id)
                if known is None:
                    candidates.append(entry)
                    announced[entry.id] = word
                elif len(word) > len(known):
                    announced[entry.id] = word
        if status is not None:
            candidates += self._signatures.by_status.get(status, ())
        candidates.sort(key=_RANK, reverse=True)
        pays = status == 402 or "payment required" in seen.low
        hits: list[_Hit] = []
        floor = 0
        for entry in candidates:
            if entry.rank < floor and not every and not entry.provider and not entry.gateway:
                continue
            if (entry.status and status not in entry.status) or (entry.origin and who.isdisjoint(entry.origin)):
                continue
            if status in entry.unless_status or (pays and _asks_for_more(entry)):
                continue
            hit = self._fits(entry, seen, announced.get(entry.id, ""))
            if hit is not None:
                hits.append(hit)
                floor = max(floor, entry.rank - CLOSE)
        hits.sort(key=lambda hit: hit.score, reverse=True)
        return hits

    def _fits(self, entry: Signature, seen: View, announced: str) -> _Hit | None:
        """Whether the entry's words stand in the text. `announced`: the longest of them that the word search has found."""
        low = seen.low
        for word in entry.all:
            if word not in low:
                return None
        near, length = "", 0
        if entry.any:
            if announced in entry.any and begins(announced, seen):
                near = announced
            else:
                near = max((word for word in entry.any if word in low and begins(word, seen)), key=len, default="")
            if not near and not entry.code:
                return None
        if entry.code and not near:
            code = next((code for code in entry.code if self._stands(code, low)), None)
            if code is None:
                return None
            near = code
        for word in entry.none:
            if word in low:
                return None
        if entry.regex:
            pattern = self._pattern(entry.regex)
            found_at = pattern.search(low[:_READ]) or (pattern.search(low[-_READ:]) if len(low) > _READ else None)
            if found_at is None:
                return None
            near = near or found_at.group(0)
        near = near or max(entry.all, key=len, default="")
        length = len(near) + sum(map(len, entry.all)) + (12 if entry.status else 0) + (8 if entry.origin else 0)
        return _Hit((entry.rank, min(length, 60) // 6, low.rfind(near) if near else -1), entry, near)

    def _pattern(self, regex: str) -> re.Pattern[str]:
        compiled = self._regex.get(regex)
        if compiled is None:
            compiled = self._regex[regex] = re.compile(regex)
        return compiled

    def _stands(self, code: str, low: str) -> bool:
        """The code stands alone: not inside a longer word, and a bare number only where codes stand."""
        if _ORDINARY_CODES.match(code):
            return bool(
                self._pattern(
                    r"(?:code[\"' :=]{1,5}|err(?:or)?(?:no)?[\"' :=]{1,4}|[\[(|]\s?|^|(?:错误|代码|错误码|返回码)[ :]{0,2}|status_msg[\"' :=]{1,4}|error[: ]{1,2})"
                    + code
                    + r"(?=\s?[\])|\"',}:;]|\s|$)"
                ).search(low)
            )
        start = low.find(code)
        while start >= 0:
            end = start + len(code)
            if not (start and _STANDING.match(low[start - 1])) and not (end < len(low) and _STANDING.match(low[end])):
                return True
            start = low.find(code, start + 1)
        return False

    def _told(
        self,
        text: CleanText,
        seen: View,
        status: int | None,
        provider: str | None,
        gateway: str | None,
        hits: list[_Hit],
        *,
        hosted: str | None,
        known: bool,
        brief: bool,
    ) -> Diagnosis:
        entry = hits[0].entry if hits else None
        causes = list(entry.causes) if entry else [Cause.UNKNOWN]
        if entry is not None:
            provider = hosted or entry.provider or provider
            gateway = gateway or entry.gateway
        for hit in hits[1:]:
            provider = provider or hit.entry.provider
            gateway = gateway or hit.entry.gateway
        request_id = request_id_of(seen)
        gateway = gateway or relay_of(seen, request_id)
        retry_after = retry_after_of(seen)
        causes = with_rivals(causes, status, entry, retry_after, seen.low)
        engine, engine_from = (None, "") if brief else engine_of(seen)
        said = bool(entry) or status is not None or (known and request_id is not None)
        return Diagnosis(
            causes=tuple(causes),
            confidence=confidence_of(entry, [hit.entry for hit in hits]),
            text=text,
            says="" if brief else says_of(seen, hits[0].near if hits else ""),
            provider=provider,
            gateway=gateway,
            status=status,
            model=model_of(seen),
            request_id=request_id,
            task_id=None if brief else task_id_of(seen),
            retry_after_s=retry_after,
            occurred_at=occurred_at_of(seen, hits[0].near if hits else ""),
            engine=engine,
            engine_from=engine_from,
            party=party_of(causes[0], entry, gateway, seen),
            signature=entry.id if entry else "",
            notes=entry.notes if entry else (),
            figures={} if brief else figures_of(seen),
            is_error=said,
            near=() if brief or said else near_of(seen, self._signatures.pages),
            checked=entry.checked if entry else "",
            source=entry.source if entry else "",
        )


def _asks_for_more(entry: Signature) -> bool:
    """Whoever asks for payment asks neither for patience nor for another spelling."""
    cause, rank = entry.causes[0], entry.rank
    return (rank < _BARE_CODE and cause is Cause.INVALID_REQUEST) or (rank < _CERTAIN and cause in _WAITING)
