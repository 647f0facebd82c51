"""What every room is handed: the clock, the gate, the keys, a reader's wording."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from bot.model.chat import CleanText
from bot.model.engine import KeyRef
from bot.model.team import Secret


class Clock(Protocol):
    """Time as everybody here gets it: nobody asks the machine, so tests move it."""

    def now(self) -> datetime:
        """UTC, with tzinfo."""

    def monotonic(self) -> float:
        """Seconds, for durations only."""

    async def sleep(self, seconds: float) -> None:
        """Returns after so many seconds of this clock; 0 or less only lets others have a turn."""


class Gate(Protocol):
    """The one maker of CleanText, as services and outlets see it."""

    def trusted(self, text: str) -> CleanText:
        """For text from a provider or of our own: it passes the same rules."""

    def fingerprint(self, secret: str) -> str:
        """Eight hex digits of a keyed hash, the same for one secret in any dress, useless without the team's key."""


class Keys(Protocol):
    """Reads credentials at the moment they are needed, so a changed file or variable counts at once."""

    def read(self, ref: KeyRef | None) -> Secret | None:
        """None where the variable or file is absent or empty. Raises ConfigError if a file cannot be read."""

    def fingerprint(self, ref: KeyRef | None) -> str:
        """Short keyed hash of the credential, "" where there is none."""


class Wording(Protocol):
    """One reader's language and zone, as chats see it (`bot.locales.Words`)."""

    @property
    def language(self) -> str:
        """`en`, `zh` or another catalogue's code."""

    @property
    def timezone(self) -> str:
        """IANA name."""

    def say(self, key: str, /, **values: object) -> str:
        """The line under `key`, filled in; never raises."""
