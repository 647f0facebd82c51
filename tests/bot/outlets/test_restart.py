"""Restart commands without a shell, and what they are not told."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.model.engine import Engine
from bot.outlets.restart import Restart
from bot.redaction.gate import Gate
from bot.web import Web
from tests.switch_room import RestlessClock


@pytest.fixture
async def restart() -> AsyncIterator[Restart]:
    async with Web() as http:
        environment = {
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "QUERY_ENGINE_API_KEY": "x",
            "SLACK_BOT_TOKEN": "y",
        }
        yield Restart(http, RestlessClock(), Gate(b"t"), environment, timeout_s=60)


def runs(pid: str) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def engine(*argv: str, tmp: Path | None = None) -> Engine:
    return Engine("query", "QueryEngine", tmp / ".env" if tmp else None, "QUERY_ENGINE", restart=argv)


async def test_the_command_sees_the_directory_but_no_key(restart: Restart, tmp_path: Path) -> None:
    taken = await restart.take_up(
        engine(sys.executable, "-c", "import os; print(os.getcwd(), sorted(os.environ))", tmp=tmp_path)
    )
    assert (taken.ok, taken.reason) == (True, "")
    said = str(taken.output)
    assert tmp_path.name in said
    assert "PATH" in said
    assert "API_KEY" not in said
    assert "SLACK" not in said


async def test_a_shell_line_is_no_argument_list(restart: Restart, tmp_path: Path) -> None:
    marker = tmp_path / "made"
    taken = await restart.take_up(engine("true; touch " + str(marker)))
    assert (taken.ok, taken.reason) == (False, "not_found")
    taken = await restart.take_up(engine("true", ";", "touch", str(marker)))
    assert taken.ok is True
    assert not marker.exists()


async def test_a_command_that_hangs_is_ended_with_its_children(restart: Restart, tmp_path: Path) -> None:
    told = tmp_path / "pid"
    script = f"sleep 3600 & echo $! > {told}.part; mv {told}.part {told}; wait"
    async with asyncio.timeout(300):  # it would take an hour
        for restart._timeout_s in (0.5, 5.0, 60.0):  # more where this machine is too busy to start the child at once
            taken = await restart.take_up(engine("sh", "-c", script))
            if told.exists():
                break
        assert (taken.ok, taken.reason) == (False, "timed_out")
        while runs(told.read_text().strip()):
            await asyncio.sleep(0.01)


async def test_a_daemon_that_keeps_the_output_open_is_not_waited_for(restart: Restart, tmp_path: Path) -> None:
    over = tmp_path / "over"
    taken = await restart.take_up(engine("sh", "-c", f"until [ -e {over} ]; do sleep 0.1; done & echo started"))
    over.touch()
    assert (taken.ok, str(taken.output)) == (True, "started")


@pytest.mark.parametrize(
    ("prefix", "url", "argv", "word"),
    [
        ("QUERY_ENGINE", None, (), "none"),
        ("QUERY_ENGINE", None, ("true",), "command"),
        ("QUERY_ENGINE", "http://127.0.0.1:1", (), "bettafish_app"),
        ("KEYWORD_OPTIMIZER", "http://127.0.0.1:1", (), "bettafish_app"),
        ("REPORT_ENGINE", "http://127.0.0.1:1", (), "bettafish_whole"),
        ("FORUM_HOST", "http://127.0.0.1:1", (), "bettafish_whole"),
        ("MINDSPIDER", "http://127.0.0.1:1", (), "own_run"),
        ("REPORT_ENGINE", "http://127.0.0.1:1", ("true",), "command"),
    ],
)
async def test_which_engine_needs_what(
    restart: Restart, prefix: str, url: str | None, argv: tuple[str, ...], word: str
) -> None:
    assert restart.plan(Engine("e", "E", None, prefix, restart=argv, bettafish_url=url)) == word
