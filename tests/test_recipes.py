"""CONTRIBUTING's one-file recipes, tried: one file each for a provider, a signature, a command and a language is put into a copy of the
program, and nothing else is touched but the command's two lines in a catalogue. Then it is used, in a terminal and in Slack.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

PROVIDER = '''
"""Acme: what is left of a well."""

from __future__ import annotations

from collections.abc import Mapping

from bot.model.money import Balance, Kind
from bot.providers.base import Ask, Json, Known, Provider, amount, money, part, settled


def read(answers: Mapping[str, Json], known: Known) -> Balance:
    return settled(money(amount(part(answers["balance"], "left")), "CNY"))


PROVIDER = Provider(
    id="acme",
    title="Acme Wells",
    hosts=("wells.acme.example",),
    tells=(Kind.ACCOUNT_MONEY,),
    asks=(Ask("balance", "{root}/left"),),
    read=read,
    source="https://wells.acme.example/docs, read 2026-11",
)
'''
SIGNATURE = """
[origin]
provider = "acme"
hosts = ["wells.acme.example"]
words = ["acme wells"]
source = "https://wells.acme.example/errors"
checked = "2026-11-22"

[[signature]]
id = "acme-dry"
rank = 88
causes = ["balance_exhausted"]
any = ["the well is dry"]
sample = "acme wells: the well is dry (W42)"
near_miss = "the well is deep"
"""
COMMAND = '''
"""`/quota hello`: greets."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bot.locales import Words
from bot.model.chat import Line, Reply, Request
from bot.services import Services
from handlers.router import Command


async def run(request: Request, services: Services) -> AsyncIterator[Reply]:
    yield Reply(blocks=(Line(Words(request.language).say("help.about.hello")),), audience="place")


COMMAND = Command("hello", run)
'''
LANGUAGE = '[help]\ntitle = "Kio eblas"\nabout.hello = "saluton"\n'
SCRIPT = """
import asyncio, json, logging
from bot import app
from bot.settings import load
from handlers.router import discover
from tests.worlds.slack import SlackWorld
from tests.worlds.slack_desk import SlackDesk

async def main():
    async with app.house(load(), quiet=True) as built, SlackWorld() as slack, SlackDesk(slack) as desk:
        desk.chat.bind(built.answers)
        for text in ("hello", "help"):
            await slack.slash("U0ALICE", "C0TEAM", "/quota", text)
            await desk.idle()
        print(json.dumps([json.dumps(m.blocks, ensure_ascii=False) for m in slack.from_bot()], ensure_ascii=False))

asyncio.run(main())
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("bot", "handlers"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "bot/providers/acme.py").write_text(PROVIDER)
    (tmp_path / "bot/signatures/acme.toml").write_text(SIGNATURE)
    (tmp_path / "handlers/hello.py").write_text(COMMAND)
    (tmp_path / "bot/locales/eo.toml").write_text(LANGUAGE)
    english = tmp_path / "bot/locales/en.toml"
    text = english.read_text(encoding="utf-8")
    text = text.replace("\n[help.usage]\n", '\n[help.usage]\nhello = "{typed}"\n')
    english.write_text(text.replace("\n[help.about]\n", '\n[help.about]\nhello = "says hello"\n'), encoding="utf-8")
    return tmp_path


@pytest.fixture
def wells() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Its address, and what it was asked: path and credential."""
    asked: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers.get("Authorization", "")))
            body = json.dumps({"left": "12.50"}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_one_file_each(copy: Path, wells: tuple[str, list[tuple[str, str]]]) -> None:
    address, asked = wells
    (copy / "team.toml").write_text(
        f'language = "en"\n[routes.well]\nprovider = "acme"\nbase_url = "{address}/v1"\nkey_env = "WELL_KEY"\n'
        '[engines.query]\nroutes = ["well"]\n[access]\nmembers = ["slack:*"]\n'
    )
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{copy}:{ROOT}",
        "CONFIG_FILE": str(copy / "team.toml"),
        "DATABASE_URL": f"sqlite+aiosqlite:///{copy}/var/q.db",
        "WELL_KEY": "w" * 24,
    }

    def run(*words: str, given: str = "") -> str:
        done = subprocess.run([sys.executable, *words], cwd=copy, env=environ, input=given, capture_output=True, text=True, timeout=120, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    typed = "balance\ndiagnose acme wells: the well is dry (W42)\nhello\nhelp\n"
    said = run("-m", "bot", "console", "--lang", "eo", "--as", "operator", given=typed)
    assert asked[0] == ("/left", "Bearer " + "w" * 24)  # the provider is asked, by the new file's word
    assert "12,50" in said  # as figures are written in the new language
    assert "Acme Wells" in said or "well" in said
    assert "balance" in said.lower()  # the cause's title, in English where the new language has none
    assert "saluton" in said  # the new command, in the new language
    assert "Kio eblas" in said
    hello, help_text = json.loads(run("-c", SCRIPT).splitlines()[-1])
    assert "says hello" in hello
    assert "/quota hello" in help_text
    # And the filter in a pipe knows the signature too.
    row = json.loads(run("-m", "bot", "diagnose", "--json", "acme wells: the well is dry (W42)"))
    assert (row["cause"], row["provider"]) == ("balance_exhausted", "acme")
