"""From nothing to a checked set-up: `init` with six answers, three faults mended one after another, the bot's first answer."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot.demo.world import DemoWorld
from bot.outlets import env_text
from bot.team_file import read
from tests.e2e.harness import ADMIN, SUPPORT, BotProcess, free_port
from tests.e2e.test_command_line import Shell
from tests.worlds.slack import SlackWorld
from tests.worlds.telegram import TelegramWorld


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


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
    shell: Shell, around: tuple[SlackWorld, TelegramWorld, DemoWorld]
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
    first, second = engine.routes
    before = (shell.folder / "app.env").read_bytes()
    code, out, err = await shell("switch", "query", second, "--yes", "--json")
    assert (code, json.loads(out)["verified"]) == (0, True), out + err
    code, out, err = await shell("switch", "query", first, "--yes", "--json")
    assert (code, json.loads(out)["verified"]) == (0, True), out + err
    assert (shell.folder / "app.env").read_bytes() == before

    # The test message, and the way back through the running bot.
    code, out, err = await shell("check", "--send", "--lang", "en")
    assert (code, out.count("test message")) == (0, 2), out + err
    bot = BotProcess(shell.folder, shell.environ, port=int(shell.environ["HTTP_PORT"]))
    await bot.start()
    try:
        message = next(m for m in telegram.seen(SUPPORT) if "test message" in m["text"])
        await telegram.press(ADMIN, message, "Show balances")
        await telegram.until(lambda: any("CNY" in str(m.get("text")) for m in telegram.seen(SUPPORT)), 15)
        code, out, _ = await shell("check", "--lang", "zh")
        assert "quotadesk 正在那里运行" in out
    finally:
        assert await bot.stop() == 0


async def test_three_faults_mended_one_after_another(
    shell: Shell, around: tuple[SlackWorld, TelegramWorld, DemoWorld], make_key: Callable[..., str]
) -> None:
    slack, telegram, _ = around
    slack.channels["C0SUPPORT"]["bot_in"] = False
    telegram.chats[SUPPORT].kicked = True
    wrong = make_key("xoxb-", 40)
    code, out, err = await shell("init", stdin=answers(slack, telegram, bot_token=wrong))
    assert code == 1, out + err

    async def check() -> tuple[int, dict[str, str]]:
        code, out, err = await shell("check", "--json")
        assert wrong not in out + err
        found = json.loads(out)["checks"]
        return code, {c["name"]: c["mend"] for c in found if c["state"] == "fault"}

    code, faults = await check()
    assert (code, set(faults)) == (1, {"slack token", f"telegram chat {SUPPORT}"})
    assert "SLACK_BOT_TOKEN" in faults["slack token"]

    # 1. The right token: init again, it replaces only that and keeps the former file byte for byte.
    before = (shell.folder / ".env").read_bytes()
    lines = ["", "", f"{slack.bot_token} {slack.app_token}", "", "", "", "n", "y"]
    code, out, err = await shell("init", "--no-check", stdin="\n".join(lines) + "\n")
    assert code == 0, out + err
    [kept] = (shell.folder / "var" / "backups").iterdir()
    assert kept.read_bytes() == before
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    own = env_text.values((shell.folder / ".env").read_bytes(), ("SLACK_BOT_TOKEN", "TELEGRAM_BOT_TOKEN"))
    assert own == {"SLACK_BOT_TOKEN": slack.bot_token, "TELEGRAM_BOT_TOKEN": telegram.token}
    code, faults = await check()
    assert set(faults) == {"slack chat C0SUPPORT", f"telegram chat {SUPPORT}"}
    assert "/invite" in faults["slack chat C0SUPPORT"]

    # 2. The bot is invited to the Slack channel.
    slack.channels["C0SUPPORT"]["bot_in"] = True
    code, faults = await check()
    assert (code, set(faults)) == (1, {f"telegram chat {SUPPORT}"})

    # 3. And to the Telegram group.
    telegram.chats[SUPPORT].kicked = False
    assert await check() == (0, {})


async def test_each_other_fault_has_its_own_mend(
    shell: Shell, around: tuple[SlackWorld, TelegramWorld, DemoWorld]
) -> None:
    slack, telegram, _ = around
    code, out, err = await shell("init", "--no-check", stdin=answers(slack, telegram))
    assert code == 0, out + err
    slack.scopes.discard("files:write")
    telegram.webhook = {"url": "https://elsewhere.example/hook"}
    telegram.chats[ADMIN].started = False
    os.link(shell.folder / "app.env", shell.folder / "second.env")
    (shell.folder / ".env").chmod(0o644)
    taken = await _something_else()
    code, out, _ = await shell("check", "--lang", "en", HTTP_PORT=str(taken[1]))
    taken[0].close()
    assert code == 1
    lines = [line for line in out.splitlines() if line.startswith("FAULT")]
    for name in ("own .env", "env file", "slack scopes", "telegram webhook", f"telegram person {ADMIN}", "http port"):
        assert any(name in line for line in lines), (name, out)
    assert out.count("→") == len(lines)
    assert telegram.token not in out


async def _something_else() -> tuple[object, int]:
    import asyncio

    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    return server, int(server.sockets[0].getsockname()[1])


async def test_init_takes_flags_and_asks_nothing(
    shell: Shell, around: tuple[SlackWorld, TelegramWorld, DemoWorld]
) -> None:
    _, telegram, _ = around
    arguments = ("--yes", "--lang", "zh", "--zone", "Asia/Shanghai", "--app-env", "app.env", "--operators", str(ADMIN))
    code, out, err = await shell("init", *arguments, "--no-check", TELEGRAM_BOT_TOKEN=telegram.token)
    assert code == 0, err
    assert "1/6" not in out
    team = read(shell.folder / "quotadesk.toml")
    assert (team.language, team.access.operators) == ("zh", (f"telegram:{ADMIN}",))
    before = {path: path.read_bytes() for path in (shell.folder / ".env", shell.folder / "quotadesk.toml")}
    code, out, _ = await shell("init", *arguments, "--no-check", TELEGRAM_BOT_TOKEN=telegram.token)
    assert code == 0
    assert before == {path: path.read_bytes() for path in before}  # without --replace nothing is replaced
    code, out, _ = await shell("check", "--json")
    assert "team" in {c["name"] for c in json.loads(out)["checks"]}


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
async def test_a_bad_answer_writes_nothing(shell: Shell, lines: list[str], says: str) -> None:
    code, out, err = await shell("init", stdin="\n".join(lines) + "\n")
    assert code == 2, out
    assert says in err
    assert list(shell.folder.iterdir()) == []


async def test_without_an_application_there_is_a_file_to_fill_in(shell: Shell) -> None:
    code, out, err = await shell("init", "--no-check", stdin="")
    assert code == 0, err
    assert "quotadesk.toml" in out
    assert read(shell.folder / "quotadesk.toml").engines == {}
    assert not (shell.folder / ".env").exists()
