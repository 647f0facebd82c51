"""A local Slack and the bot's Slack face in front of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.worlds.slack import SlackWorld
from tests.worlds.slack_desk import SlackDesk


@pytest.fixture
async def slack() -> AsyncIterator[SlackWorld]:
    async with SlackWorld() as world:
        yield world


@pytest.fixture
async def desk(slack: SlackWorld) -> AsyncIterator[SlackDesk]:
    async with SlackDesk(slack) as desk:
        yield desk
