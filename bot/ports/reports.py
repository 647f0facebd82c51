"""Where errors go that nobody pasted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.model.report import Outside, Report, Taken


class Intake(Protocol):
    """Both raise StoreError: then nothing was kept and the same may be brought again."""

    async def take(self, reports: Sequence[Report]) -> Sequence[Taken]:
        """One answer for each, in order. The same trouble opens one ticket, however often it is reported."""

    async def alerts(self, alerts: Sequence[Outside]) -> Sequence[int | None]:
        """The ticket of each alert, in order; None where one ended that was never heard of."""
