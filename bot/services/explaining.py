"""The diagnoser, built when it is wanted: its signatures and patterns would take a quarter of the start."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from bot.model.chat import CleanText
from bot.model.diagnosis import Diagnosis

if TYPE_CHECKING:
    from bot.services.diagnosis import Diagnoser


class Explaining:
    """`explain` as `Diagnoser.explain`. The first one builds it, unless `warm` has done so in another thread."""

    def __init__(self, build: Callable[[], Diagnoser]) -> None:
        self._build = build
        self._lock = Lock()
        self._built: Diagnoser | None = None

    def warm(self) -> Diagnoser:
        """Builds the tables if nobody has (seconds of one core); safe in any thread."""
        with self._lock:
            if self._built is None:
                self._built = self._build()
            return self._built

    def explain(self, text: CleanText, *, brief: bool = False) -> Diagnosis:
        """As `Diagnoser.explain`; builds first where nobody has."""
        return (self._built or self.warm()).explain(text, brief=brief)

    def focused(self, text: CleanText) -> str:
        """As `Diagnoser.focused`; builds first where nobody has."""
        return (self._built or self.warm()).focused(text)
