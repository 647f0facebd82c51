"""The gate: raw text in, CleanText out. Nothing raw goes past it, and nothing else can make a CleanText."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from bot.model.chat import CleanText, Found, SecretSeen, claim_gate
from bot.model.values import dataclass
from bot.redaction.engine import canonical, redact, sweep
from bot.redaction.revoke import NOT_A_KEY, REVOKE

__all__ = ["Cleaned", "Gate", "redact"]

_clean_text = claim_gate("bot.redaction.gate")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What is left of a text, and what was taken out of it."""

    text: CleanText
    found: Found


class Gate:
    """One team's gate. `fingerprint_key` makes the fingerprints of two teams incomparable; `known` maps fingerprint to route."""

    __slots__ = ("_key", "_known")

    def __init__(self, fingerprint_key: bytes = b"", known: Mapping[str, str] | None = None) -> None:
        self._key = fingerprint_key
        self._known: dict[str, str] = dict(known or {})

    def know(self, secret: str, route: str) -> None:
        """Remembers a route's own key by its fingerprint only, so that a pasted copy of it can be named."""
        if secret:
            self._known[self.fingerprint(secret)] = route

    def clean(self, raw: str) -> Cleaned:
        """Takes out every secret. Never raises on bad text: lone surrogates and NUL become U+FFFD first."""
        text, counts, secrets = sweep(_mended(raw))
        seen: list[SecretSeen] = []
        marks: set[str] = set()
        for kind, secret in secrets:
            if kind in NOT_A_KEY:
                continue
            mark = self.fingerprint(secret)
            if mark not in marks:
                marks.add(mark)
                seen.append(SecretSeen(kind, mark, self._known.get(mark), REVOKE.get(kind)))
        return Cleaned(_clean_text(text), Found(counts, tuple(seen)))

    def trusted(self, text: str) -> CleanText:
        """For text that we wrote ourselves: it passes the same gate, only what was found is not told."""
        return _clean_text(redact(_mended(text))[0])

    def fingerprint(self, secret: str) -> str:
        """Eight hex digits of a keyed hash, the same for one key in any dress (URL-encoded, escaped, wrapped, base64).

        Useless without the team's key: a short key could otherwise be guessed from its hash.
        """
        bare = canonical(_mended(secret))
        return hmac.new(self._key or b"quotadesk", bare.encode("utf-8"), hashlib.sha256).hexdigest()[:8]


def _mended(text: str) -> str:
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
