"""The doors. Services reach the network, the database, people and files only through these.

What comes back is a model type or plain data; what fails raises an error of `bot.errors`. Import from here, whichever file it is in.
"""

from __future__ import annotations

from bot.ports.basics import (
    Clock,
    Gate,
    Keys,
    Wording,
)
from bot.ports.http import (
    Answer,
    Call,
    Http,
    Json,
)
from bot.ports.people import (
    Answers,
    Chat,
    Desk,
    Pager,
    Speaker,
    WarpTiers,
    WarpView,
)
from bot.ports.reports import Intake
from bot.ports.store import (
    AuditEntry,
    DueStep,
    Profile,
    Sighting,
    Store,
    StoredReading,
    SwitchRecord,
)
from bot.ports.switch import (
    EnvChange,
    EnvFiles,
    EnvView,
    Gateway,
    GatewayTarget,
    Receipt,
    Restarter,
    TakenUp,
)

__all__ = [
    "Answer",
    "Answers",
    "AuditEntry",
    "Call",
    "Chat",
    "Clock",
    "Desk",
    "DueStep",
    "EnvChange",
    "EnvFiles",
    "EnvView",
    "Gate",
    "Gateway",
    "GatewayTarget",
    "Http",
    "Intake",
    "Json",
    "Keys",
    "Pager",
    "Profile",
    "Receipt",
    "Restarter",
    "Sighting",
    "Speaker",
    "Store",
    "StoredReading",
    "SwitchRecord",
    "TakenUp",
    "WarpTiers",
    "WarpView",
    "Wording",
]
