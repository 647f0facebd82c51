"""From nothing to a checked set-up: `init` with six answers, three faults mended one after another, the bot's first answer."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from io import StringIO
from pathlib import Path

import pytest

from bot import checkup, init
from bot.demo.world import DemoWorld
from bot.errors import ConfigError
from bot.outlets import env_text
from bot.team_file import read
from tests.e2e.harness import ADMIN, SUPPORT, BotProcess, free_port
from tests.e2e.test_command_line import Shell
from tests.worlds.slack import SlackWorld
from tests.worlds.telegram import TelegramWorld


class Inside:
    """`init` and `check` in this process: the same code as behind the command line, without a start of Python for each."""

    def __init__(self, shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._shell, self._patch, self._capsys = shell, monkeypatch, capsys

    def _enter(self, environ: dict[str, str]) -> None:
        self._patch.chdir(self._shell.folder)
        for name, value in (self._shell.environ | environ).items():
            self._patch.setenv(name, value)
        self._capsys.readouterr()

    def init(self, answers: str = "", options: init.Options | None = None, **environ: str) -> tuple[int, str]:
        """Raises ConfigError as the command line would print it."""
        self._enter(environ)
        self._patch.setattr(sys, "stdin", StringIO(answers))
        code, _ = init.run(options or init.Options(), "en")
        return code, self._capsys.readouterr().out

    async def check(self, *, lang: str = "en", send: bool = False, **environ: str) -> tuple[int, str]:
        self._enter(environ)
        code = await checkup.run(as_json=False, lang=lang, send=send)
        return code, self._capsys.readouterr().out

    async def faults(self) -> dict[str, str]:
        """Name and mend of each."""
        self._enter({})
        code = await checkup.run(as_json=True)
        found = json.loads(self._capsys.readouterr().out)
        faults = {c["name"]: c["mend"] for c in found["checks"] if c["state"] == "fault"}
        assert (code, found["ok"]) == (1 if faults else 0, not faults)
        return faults


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path, forked=False)


@pytest.fixture
def inside(shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Inside:
    return Inside(shell, monkeypatch, capsys)


@pytest.fixture
async def around(shell: Shell) -> AsyncIterator[tuple[SlackWorld, TelegramWorld, DemoWorld]]:
    """Slack, Telegram, providers, and an application with its `.env`, one backup triple commented out."""
    providers = DemoWorld()
    await providers.start()
    async with SlackWorld() as slack, TelegramWorld() as telegram:
        telegram.person(ADMIN, "Ada", started=True)
        telegram.group(SUPPORT, "support", members=(ADMIN,))
        keys = providers.keys
        (shell.folder / "app.env").write_text(
            "HOST=0.0.0.0\n"
            f"QUERY_ENGINE_API_KEY={keys.deepseek_backup}\n"
            f"QUERY_ENGINE_BASE_URL={providers.base('deepseek')}\n"
            "QUERY_ENGINE_MODEL_NAME=deepseek-reasoner\n"
            f"# QUERY_ENGINE_API_KEY={keys.kimi}\n"
            f"# QUERY_ENGINE_BASE_URL={providers.base('kimi')}\n"
            "# QUERY_ENGINE_MODEL_NAME=kimi-k2\n"
        )
        shell.environ |= {
            "SLACK_API_URL": slack.api_url,
            "TELEGRAM_API_URL": telegram.url,
            "HTTP_PORT": str(free_port()),
        }
        yield slack, telegram, providers
    await providers.stop()


def answers(slack: SlackWorld, telegram: TelegramWorld, *, bot_token: str = "") -> str:
    return "\n".join(
        [
            "en Asia/Shanghai",
            "app.env",
            f"{bot_token or slack.bot_token} {slack.app_token}",
            telegram.token,
            f"U0ADMIN {ADMIN}; slack:*",
            f"C0SUPPORT {SUPPORT}",
            "",
        ]
    )


async def test_six_answers_make_a_checked_setup(
    shell: Shell, inside: Inside, around: tuple[SlackWorld, TelegramWorld, DemoWorld]
) -> None:
    slack, telegram, providers = around
    code, out, err = await shell("init", stdin=answers(slack, telegram))
    secrets = [providers.keys.deepseek_backup, providers.keys.kimi, slack.bot_token, slack.app_token, telegram.token]
    assert code == 0, out + err
    assert re.findall(r"^([1-6])/6 ", out, re.M) == list("123456")
    assert "https://api.slack.com/apps?new_app=1&manifest_json=" in out
    assert "/newbot" in out
    assert "FAULT" not in out
    own, config = shell.folder / ".env", shell.folder / "quotadesk.toml"
    assert stat.S_IMODE(own.stat().st_mode) == 0o600
    team = read(config)
    assert (team.language, team.timezone) == ("en", "Asia/Shanghai")
    engine = team.engines["query"]
    assert len(engine.routes) == 2
    assert engine.env_prefix == "QUERY_ENGINE"
    assert team.access.operators == ("slack:U0ADMIN", f"telegram:{ADMIN}")
    for secret in secrets:
        assert secret not in config.read_text()
        assert secret not in out + err
        assert secret in own.read_text()

    # A route keeps its own key through a switch, a new process, and back.
    shell.forked = True
    first, second = engine.routes
    before = (shell.folder / "app.env").read_bytes()
    code, out, err = await shell("switch", "query", second, "--yes", "--json")
    assert json.loads(out)["applied"], out + err
    assert f"QUERY_ENGINE_API_KEY={providers.keys.kimi}\n" in (shell.folder / "app.env").read_text()
    code, out, err = await shell("switch", "query", first, "--yes", "--json")
    assert json.loads(out)["applied"], out + err
    assert (shell.folder / "app.env").read_bytes() == before

    # The test message, and the way back through the running bot.
    code, out = await inside.check(send=True)
    assert (code, out.count("test message")) == (0, 2), out
    bot = BotProcess(shell.folder, shell.environ, port=int(shell.environ["HTTP_PORT"]), forked=True)
    await bot.start()
    try:
        message = next(m for m in telegram.seen(SUPPORT) if "test message" in m["text"])
        await telegram.press(ADMIN, message, "Show balances")
        await telegram.until(lambda: any("local-backup" in m["text"] for m in telegram.seen(SUPPORT)), 15)
        code, out = await inside.check(lang="zh")
        assert "quotadesk 正在那里运行" in out
    finally:
        assert await bot.stop() == 0


async def test_three_faults_mended_one_after_another(
    shell: Shell, inside: Inside, around: tuple[SlackWorld, TelegramWorld, DemoWorld], make_key: Callable[..., str]
) -> None:
    slack, telegram, _ = around
    slack.channels["C0SUPPORT"]["bot_in"] = False
    telegram.chats[SUPPORT].kicked = True
    wrong = make_key("xoxb-", 40)
    code, out = inside.init(answers(slack, telegram, bot_token=wrong))
    assert code == 0
    assert wrong not in out
    faults = await inside.faults()
    assert set(faults) == {"slack token", f"telegram chat {SUPPORT}"}
    assert "SLACK_BOT_TOKEN" in faults["slack token"]

    # 1. The right token: init again, it replaces only that and keeps the former file byte for byte.
    before = (shell.folder / ".env").read_bytes()
    lines = ["", "", f"{slack.bot_token} {slack.app_token}", "", "", "", "n", "y"]
    assert inside.init("\n".join(lines) + "\n")[0] == 0
    kept = next(path for path in (shell.folder / "var" / "backups").iterdir() if path.name.startswith("init-env-"))
    assert kept.read_bytes() == before
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    own = env_text.values((shell.folder / ".env").read_bytes(), ("SLACK_BOT_TOKEN", "TELEGRAM_BOT_TOKEN"))
    assert own == {"SLACK_BOT_TOKEN": slack.bot_token, "TELEGRAM_BOT_TOKEN": telegram.token}
    faults = await inside.faults()
    assert set(faults) == {"slack chat C0SUPPORT", f"telegram chat {SUPPORT}"}
    assert "/invite" in faults["slack chat C0SUPPORT"]

    # 2. The bot is invited to the Slack channel.
    slack.channels["C0SUPPORT"]["bot_in"] = True
    assert set(await inside.faults()) == {f"telegram chat {SUPPORT}"}

    # 3. And to the Telegram group.
    telegram.chats[SUPPORT].kicked = False
    assert await inside.faults() == {}


async def test_each_other_fault_has_its_own_mend(
    shell: Shell, inside: Inside, around: tuple[SlackWorld, TelegramWorld, DemoWorld]
) -> None:
    slack, telegram, _ = around
    inside.init(answers(slack, telegram))
    slack.scopes.discard("files:write")
    telegram.webhook = {"url": "https://elsewhere.example/hook"}
    telegram.chats[ADMIN].started = False
    os.link(shell.folder / "app.env", shell.folder / "second.env")
    (shell.folder / ".env").chmod(0o644)
    other = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    async with other:
        code, out = await inside.check(HTTP_PORT=str(other.sockets[0].getsockname()[1]))
    assert code == 1
    lines = [line for line in out.splitlines() if line.startswith("FAULT")]
    for name in ("own .env", "env file", "Slack scopes", "Telegram webhook", f"Telegram person {ADMIN}", "HTTP port"):
        assert any(name in line for line in lines), (name, out)
    assert out.count("→ ") == len(lines)
    assert telegram.token not in out
    _, out = await inside.check(lang="zh")
    assert "Slack 权限范围：缺少：files:write" in out


async def test_init_takes_flags_and_asks_nothing(
    shell: Shell, inside: Inside, around: tuple[SlackWorld, TelegramWorld, DemoWorld]
) -> None:
    _, telegram, _ = around
    shell.forked = True
    arguments = ("--yes", "--lang", "zh", "--zone", "Asia/Shanghai", "--app-env", "app.env", "--operators", str(ADMIN))
    code, out, err = await shell("init", *arguments, "--no-check", TELEGRAM_BOT_TOKEN=telegram.token)
    assert code == 0, err
    assert "1/6" not in out
    team = read(shell.folder / "quotadesk.toml")
    assert (team.language, team.access.operators) == ("zh", (f"telegram:{ADMIN}",))
    before = {path: path.read_bytes() for path in (shell.folder / ".env", shell.folder / "quotadesk.toml")}
    again = init.Options(language="zh", zone="UTC", app_env="app.env", operators="1001", yes=True)
    assert inside.init(options=again)[0] == 0
    assert before == {path: path.read_bytes() for path in before}  # without --replace nothing is replaced


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["klingon"], "Asia/Shanghai"),
        (["en UTC", "none.env"], "none.env"),
        (["en UTC", "", "xoxb-alone"], "SLACK_APP_TOKEN"),
        (["en UTC", "", "", "12345"], "TELEGRAM_BOT_TOKEN"),
        (["en UTC", "", "", "", "@ada"], "slack:U0ADMIN"),
    ],
)
def test_a_bad_answer_writes_nothing(shell: Shell, inside: Inside, lines: list[str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        inside.init("\n".join(lines) + "\n")
    assert list(shell.folder.iterdir()) == []


def test_a_name_in_use_and_odd_addresses_make_no_mess(
    shell: Shell, inside: Inside, make_key: Callable[..., str]
) -> None:
    """The environment would win over `.env`: a name that it uses for another key is left alone."""
    one, two = make_key("sk-", 32), make_key("sk-", 32)
    (shell.folder / "app.env").write_text(
        f"Q_API_KEY={one}\nQ_BASE_URL=http://10.0.0.7:3000/v1\nQ_MODEL_NAME=m\n"
        f"R_API_KEY={two}\nR_BASE_URL=https://api.deepseek.com\nR_MODEL_NAME=m\n"
    )
    other = make_key("sk-", 32)
    inside.init("en UTC\napp.env\n", DEEPSEEK_API_KEY=other)
    team = read(shell.folder / "quotadesk.toml")
    found = env_text.values((shell.folder / ".env").read_bytes(), ("LOCAL_API_KEY", "DEEPSEEK_2_API_KEY"))
    assert found == {"LOCAL_API_KEY": one, "DEEPSEEK_2_API_KEY": two}
    assert {route.key.env for route in team.routes.values() if route.key} == set(found)


async def test_hidden_answers_are_not_echoed_and_leaving_writes_nothing(
    shell: Shell, make_key: Callable[..., str]
) -> None:
    """At a terminal: a bad answer is asked again, a token is not shown, Ctrl-C before the end leaves all as it was."""
    token = f"{ADMIN}:" + make_key("AA", 33)
    outer, inner = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "init", "--lang", "en"),
        cwd=shell.folder,
        env=shell.environ,
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,
    )
    os.close(inner)
    os.set_blocking(outer, False)
    seen, read = b"", 0

    async def until(text: str) -> None:
        """Until it stands behind what was waited for before."""
        nonlocal seen, read
        async with asyncio.timeout(120):
            while (found := seen.find(text.encode(), read)) < 0:
                with suppress(BlockingIOError):
                    seen += os.read(outer, 65536)
                await asyncio.sleep(0.02)
        read = found + len(text.encode())

    try:
        # A hidden answer is asked for once nothing is shown any more; what was typed before that is thrown away.
        for prompt, typed in (
            ("1/6", "klingon"),
            ("IANA zone", None),
            ("1/6", "en UTC"),
            ("2/6", ""),
            ("3/6", "xoxb-alone"),
            ("SLACK_APP_TOKEN (Socket Mode) and", None),
            ("3/6", ""),
            ("4/6", token),
        ):
            await until(prompt)
            if typed is None:
                continue
            os.write(outer, typed.encode() + b"\n")
        await until("5/6")
        process.send_signal(signal.SIGINT)
        os.write(outer, b"\n")  # a signal right before the reading began is heard when something comes
        await until("Nothing was written.")
        assert await asyncio.wait_for(process.wait(), 60) == 130
    finally:
        if process.returncode is None:
            process.kill()
        os.close(outer)
    assert token.encode() not in seen
    assert list(shell.folder.iterdir()) == []


def test_without_an_application_there_is_a_file_to_fill_in(shell: Shell, inside: Inside) -> None:
    code, out = inside.init("")
    assert code == 0
    assert "quotadesk.toml" in out
    assert read(shell.folder / "quotadesk.toml").engines == {}
    assert not (shell.folder / ".env").exists()
