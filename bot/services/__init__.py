"""Thinking. Services know the model, the doors and the shelves; no platform, no SQL, no wording."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from bot.model.chat import CleanText
from bot.model.diagnosis import Diagnosis
from bot.model.team import Team
from bot.model.values import dataclass
from bot.ports import Clock, Gate, Keys, Store, WarpView

if TYPE_CHECKING:
    from bot.services.balances import Balances
    from bot.services.degrade import Degrade
    from bot.services.escalation import Escalation
    from bot.services.fallback import Fallback
    from bot.services.gateways import Gateways
    from bot.services.oncall import OnCallRota
    from bot.services.proof import Proof
    from bot.services.reports import Reports
    from bot.services.reword import Reword
    from bot.services.switching import Switching


class Explains(Protocol):
    """`bot.services.diagnosis.Diagnoser`, or what builds it later."""

    def explain(self, text: CleanText, *, brief: bool = False) -> Diagnosis:
        """Never raises. `brief`: without what a pipe does not print (says, engine, figures, task id), for speed."""

    def focused(self, text: CleanText) -> str:
        """Of a long log the one record that counts, to be explained in its place; any other text as it is."""


@dataclass(frozen=True, slots=True)
class Services:
    """What a handler may call. Built once by `bot.app`."""

    team: Team
    store: Store
    clock: Clock
    gate: Gate
    keys: Keys
    balances: Balances
    diagnosis: Explains
    proof: Proof
    switching: Switching
    escalation: Escalation
    oncall: OnCallRota
    warp: WarpView | None = None
    fallback: Fallback | None = None
    gateways: Gateways | None = None
    degrade: Degrade | None = None
    reword: Reword | None = None
    reports: Reports | None = None
