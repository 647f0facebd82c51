"""`/help`, `/start`, bare `/quota`: what can be typed here, by role."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bot.locales import Words
from bot.model.chat import Action, Block, Facts, Line, Reply, Request, Role
from bot.services import Services
from handlers import router


async def run(request: Request, services: Services) -> AsyncIterator[Reply]:
    """Every command that this person may use, as it is typed on this team's Slack, with one line each."""
    words = Words(request.language, request.timezone)
    rows = []
    for command in router.discover().values():
        if command.hidden or command.role > request.role:
            continue
        typed = (
            f"/{services.team.slack_commands.get(command.name, command.name)}"
            if command.top_level
            else f"/quota {command.name}"
        )
        rows.append((words.say(f"help.usage.{command.name}", typed=typed), words.say(f"help.about.{command.name}")))
    operator = request.role is Role.OPERATOR  # who may switch
    blocks: list[Block] = [Line(words.say("help.intro" if operator else "help.intro_member")), Facts(tuple(rows))]
    if services.team.demo:
        blocks.append(Line(words.say("help.demo")))
    if operator:
        blocks.append(Line(words.say("help.operator")))
    yield Reply(
        title=words.say("help.title"),
        blocks=tuple(blocks),
        actions=(Action("balance.refresh", words.say("help.try_balance")),),
        harmless=True,
    )


COMMAND = router.Command("help", run, aliases=("start", "?", "帮助", "quota"), order=90)
