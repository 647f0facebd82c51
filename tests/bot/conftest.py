"""What several rooms' tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import FixedClock
from tests.databases import Server

if TYPE_CHECKING:
    from tests.escalation_room import Room


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server | None]:
    server = Server.start()
    yield server
    if server is not None:
        server.stop()


@pytest.fixture
async def here(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Room]:
    """Tickets, steps and pages on a database, two chats and a pager in memory."""
    from tests.escalation_room import room  # only where it is asked for: it loads half the house

    made = await room(tmp_path, clock)
    yield made
    await made.store.close()
