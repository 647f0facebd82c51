"""`leak`: not typed by people; chat adapters send it when a message that was no command carried a secret."""

from __future__ import annotations

from bot.model.chat import Role
from handlers import leaks
from handlers.router import Command, Press

COMMAND = Command("leak", leaks.run, Role.MEMBER, {"leak.rotated": Press(leaks.rotated)}, hidden=True)
