"""`leak`: not typed by people; chat adapters send it when a message that was no command carried a secret."""

from __future__ import annotations

from bot.model.chat import Role
from handlers import leaks
from handlers.router import Command, Press

_PRESSES = {"leak.rotated": Press(leaks.rotated), "leak.later": Press(leaks.later)}
COMMAND = Command("leak", leaks.run, Role.MEMBER, _PRESSES, hidden=True)
