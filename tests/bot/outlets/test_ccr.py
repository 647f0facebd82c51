"""claude-code-router: one string of its file, and a restart that is believed only with a new process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.errors import SwitchRefused
from bot.outlets import ccr
from bot.outlets.ccr import Ccr
from bot.ports import TakenUp
from tests.conftest import made_up
from tests.switch_room import RestlessClock

KEY = made_up("sk-", 32)
TEXT = """{
  "APIKEY": "",   "Providers": [
    {"name": "deepseek", "api_base_url": "https://api.deepseek.com/chat/completions", "api_key": "KEY_HERE",
     "models": ["deepseek-chat", "deepseek-reasoner"]},
    {"name": "深度", "models": ["m"]}
  ],
  "Router": { "background":"deepseek,deepseek-chat",
     "default"  :  "deepseek,deepseek-chat", "longContextThreshold": 60000 },
  "NON_INTERACTIVE_MODE": false
}""".replace("KEY_HERE", KEY)


class Service:
    """Stands for the running router: a real process whose id is in the pid file."""

    def __init__(self, folder: Path) -> None:
        self.pid_file = folder / "router.pid"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.works = True

    def start(self) -> None:
        process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        self.processes.append(process)
        self.pid_file.write_text(str(process.pid), encoding="ascii")

    async def restart(self) -> TakenUp:
        if self.works:
            self.start()
        return TakenUp("command", True)

    def stop(self) -> None:
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(10)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    yield service
    service.stop()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.json"
    path.write_text(TEXT, encoding="utf-8")
    path.chmod(0o600)
    return path


def made(config: Path, service: Service) -> Ccr:
    return Ccr(config, config.parent / "backups", service.restart, service.pid_file, RestlessClock())


async def test_one_string_changes_and_undo_gives_the_bytes_back(config: Path, service: Service) -> None:
    service.start()
    gateway = made(config, service)
    receipt = await gateway.apply("default", {"route": "deepseek,deepseek-reasoner"})
    changed = config.read_text(encoding="utf-8")
    assert changed == TEXT.replace(
        '"default"  :  "deepseek,deepseek-chat"', '"default"  :  "deepseek,deepseek-reasoner"'
    )
    assert json.loads(changed)["Router"]["background"] == "deepseek,deepseek-chat"
    assert len(service.processes) == 2
    await gateway.undo(receipt)
    assert config.read_text(encoding="utf-8") == TEXT
    assert KEY not in repr(receipt) + repr(await gateway.targets())


async def test_a_restart_that_does_nothing_is_not_believed(config: Path, service: Service) -> None:
    service.start()
    service.works = False
    with pytest.raises(SwitchRefused) as caught:
        await made(config, service).apply("default", {"route": "deepseek,deepseek-reasoner"})
    assert caught.value.facts["reason"] == "not_taken"
    assert config.read_text(encoding="utf-8") == TEXT


async def test_what_is_not_listed_or_not_plain_is_refused(config: Path, service: Service) -> None:
    gateway = made(config, service)
    for slot, route in (("default", "deepseek,gpt"), ("default", "nobody,m"), ("thunk", "deepseek,deepseek-chat")):
        with pytest.raises(SwitchRefused):
            await gateway.apply(slot, {"route": route})
    assert config.read_text(encoding="utf-8") == TEXT
    with pytest.raises(SwitchRefused) as caught:
        ccr.route(b'// comment\n{"Router": {}}', "default", "a,b")
    assert caught.value.facts["reason"] == "unusual"


def test_letters_beyond_ascii() -> None:
    data = ccr.route(TEXT.encode(), "default", "深度,m")
    assert json.loads(data)["Router"]["default"] == "深度,m"
