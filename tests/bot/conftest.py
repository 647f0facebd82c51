"""What several rooms' tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.databases import Server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server | None]:
    server = Server.start()
    yield server
    if server is not None:
        server.stop()
