"""BettaFish's stop and start, against a server that behaves like it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.model.engine import Engine
from bot.outlets.bettafish import BettaFish
from bot.redaction.gate import Gate
from bot.web import Web
from tests.conftest import made_up
from tests.switch_room import RestlessClock
from tests.worlds.bettafish import BettaFishWorld


@pytest.fixture
async def fish(tmp_path: Path) -> AsyncIterator[BettaFishWorld]:
    path = tmp_path / ".env"
    path.write_text("QUERY_ENGINE_MODEL_NAME=old\n", encoding="utf-8")
    async with BettaFishWorld(path, slow=3) as world:
        yield world


@pytest.fixture
async def client() -> AsyncIterator[BettaFish]:
    async with Web() as http:
        yield BettaFish(http, RestlessClock(), Gate(b"t"))


def engine(fish: BettaFishWorld, prefix: str = "QUERY_ENGINE", app: str | None = "query") -> Engine:
    return Engine("q", "Q", None, prefix, bettafish_url=fish.url, bettafish_app=app)


async def test_only_a_new_start_reads_the_file(fish: BettaFishWorld, client: BettaFish, tmp_path: Path) -> None:
    app = fish.running("query")
    (tmp_path / ".env").write_text("QUERY_ENGINE_MODEL_NAME=new\n", encoding="utf-8")
    assert app.settings == {"QUERY_ENGINE_MODEL_NAME": "old"}
    taken = await client.take_up(engine(fish))
    assert (taken.ok, taken.reason) == (True, "restarted")
    assert app.settings == {"QUERY_ENGINE_MODEL_NAME": "new"}
    assert [path for path in fish.asked if path != "/api/status"] == [
        "/api/output/query",
        "/api/stop/query",
        "/api/start/query",
    ]


async def test_the_evidence_of_the_old_log_is_kept_redacted(fish: BettaFishWorld, client: BettaFish) -> None:
    key = made_up("sk-", 40)
    fish.running("query")
    fish.log.append(f"Error code: 401 - Incorrect API key provided: {key}")
    taken = await client.take_up(engine(fish))
    assert "Error code: 401" in str(taken.output)
    assert key not in str(taken.output)


async def test_what_was_stopped_stays_stopped(fish: BettaFishWorld, client: BettaFish) -> None:
    taken = await client.take_up(engine(fish))
    assert (taken.ok, taken.reason) == (True, "was_stopped")
    assert fish.asked == ["/api/status"]


async def test_an_app_that_does_not_come_up_is_told(fish: BettaFishWorld, client: BettaFish) -> None:
    fish.running("query")
    fish._slow = 10_000
    taken = await client.take_up(engine(fish))
    assert (taken.ok, taken.reason, taken.facts["status"]) == (False, "not_up", "starting")


@pytest.mark.parametrize(
    ("prefix", "app", "word"), [("REPORT_ENGINE", None, "bettafish_whole"), ("MINDSPIDER", None, "own_run")]
)
async def test_where_a_restart_of_the_sub_app_would_not_help_nothing_is_called(
    fish: BettaFishWorld, client: BettaFish, prefix: str, app: str | None, word: str
) -> None:
    taken = await client.take_up(engine(fish, prefix, app))
    assert (taken.ok, taken.reason) == (None, word)
    assert fish.asked == []


async def test_a_server_that_is_gone_or_strange_is_told(fish: BettaFishWorld, client: BettaFish) -> None:
    strange = await client.take_up(engine(fish, app="nonsense"))
    assert (strange.ok, strange.facts["reason"]) == (False, "no_such_app")
    gone = await client.take_up(Engine("q", "Q", None, "QUERY_ENGINE", bettafish_url="http://127.0.0.1:1"))
    assert (gone.ok, gone.facts["reason"]) == (False, "refused")
