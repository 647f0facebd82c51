"""Errors that nobody pasted: what a log or a program says, and what became of it."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime

from bot.model.chat import CleanText, Found
from bot.model.diagnosis import Cause
from bot.model.values import dataclass


@dataclass(frozen=True, slots=True)
class Report:
    """One error as it was written. `source` names who wrote it, for people: `query.log`, `yuqing`, `Alertmanager`."""

    text: CleanText
    source: str
    engine: str | None = None  # name in the team file; None: the text may tell
    at: datetime | None = None  # as the reporter says; UTC
    found: Found = field(default_factory=Found)
    times: int = 1  # how often the same was written
    sure: bool = False  # whoever brings it says that it is an error: it is kept, also where no signature knows it


@dataclass(frozen=True, slots=True)
class Taken:
    """What was made of one report. `verdict` is the number under which it is kept, None where it is no error."""

    verdict: int | None
    cause: Cause | None
    engine: str | None = None
    ticket: int | None = None
    new: bool = False  # this report opened the ticket


@dataclass(frozen=True, slots=True)
class Outside:
    """One alert of a monitoring system. `fingerprint` is the same for the same alert, firing and resolved."""

    fingerprint: str
    firing: bool
    name: CleanText
    text: CleanText  # name, summary and description, for people and for the signatures
    engine: str | None = None
    urgent: bool = False
    started: str = ""  # as written: a new start is a new episode
    found: Found = field(default_factory=Found)
