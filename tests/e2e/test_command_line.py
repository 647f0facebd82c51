"""The command line as a process: what it prints, its exit codes, one line and no traceback for what is wrong."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot import ending
from bot.app import house
from bot.demo import team as demo
from bot.demo.world import DemoWorld
from bot.errors import ConfigError
from bot.settings import load
from tests.e2e.harness import ROOT, team_file
from tests.e2e.nursery import nursery


class Shell:
    """`forked`: processes come from the nursery, see there; else each is a real `python -m bot`."""

    def __init__(self, folder: Path, *, forked: bool = True) -> None:
        self.folder = folder
        self.forked = forked
        self.environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), "LANG": "en_US.UTF-8"}

    async def __call__(self, *arguments: str, stdin: str | bytes = b"", **environ: str) -> tuple[int, str, str]:
        given = stdin.encode() if isinstance(stdin, str) else stdin
        environ = {**self.environ, **environ}
        if self.forked:
            born = await nursery().start(*arguments, cwd=self.folder, env=environ, stdin=given)
            out, err = await asyncio.wait_for(born.communicate(), 120)
            code = born.returncode
        else:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bot",
                *arguments,
                cwd=self.folder,
                env=environ,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            out, err = await asyncio.wait_for(process.communicate(given), 120)
            code = process.returncode
        assert b"Traceback" not in err, err.decode()
        return code or 0, out.decode(), err.decode()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
async def team(shell: Shell) -> AsyncIterator[DemoWorld]:
    """A configured team on local providers."""
    world = DemoWorld()
    await world.start()
    keys = demo.environment(world)
    app_env = shell.folder / "app" / ".env"
    demo.write_env(demo.team(world, shell.folder), keys, app_env)
    (shell.folder / "quotadesk.toml").write_text(team_file(world, app_env, language="en"), encoding="utf-8")
    shell.environ |= keys
    yield world
    await world.stop()


async def test_demo_reads_one_command_a_line_and_prints_each_reply(shell: Shell) -> None:
    shell.forked = False
    lines = "balance\nswitch query\nswitch.confirm\n/quota audit\nnonsense\ndiagnose\n"
    code, out, err = await shell("demo", "--lang", "en", stdin=lines)
    assert code == 0, err
    for piece in (
        "DEMO",
        "EMPTY",
        "deepseek-main → deepseek-backup",
        "There is no command called nonsense",
        "Which error?",
    ):
        assert piece in out, piece
    assert "NOT CHECKED" in out


async def test_console_as_a_member_may_not_switch(shell: Shell) -> None:
    code, out, _ = await shell("demo", "--lang", "zh", "--as", "member", stdin="switch query\n")
    assert code == 0
    assert "只有 operator" in out


async def test_balance_json_is_the_contract(shell: Shell, team: DemoWorld) -> None:
    code, out, err = await shell("balance", "--json")
    assert code == 1, err  # one account is empty
    data = json.loads(out)
    accounts = {a["account"]: a for a in data["accounts"]}
    assert set(accounts["deepseek-main"]) == {
        "account",
        "provider",
        "routes",
        "engines",
        "status",
        "reason",
        "blocked",
        "readings",
        "runway_days",
        "top_up_url",
    }
    empty = accounts["deepseek-main"]
    assert (empty["status"], empty["blocked"], empty["readings"][0]["amount"], empty["readings"][0]["currency"]) == (
        "ok",
        True,
        "0.00",
        "CNY",
    )
    assert accounts["siliconflow"]["status"] == "could_not_check"
    assert accounts["siliconflow"]["readings"] == []
    assert accounts["gemini"]["status"] == "not_offered"
    kinds = {r["kind"]: r for r in accounts["relay"]["readings"]}
    assert kinds["key_budget"]["amount"] == "0"
    assert kinds["account_money"]["amount"] == "88.1"
    assert data["asked_at"].endswith("Z")
    for name in team.keys.__dataclass_fields__:
        assert getattr(team.keys, name)[-12:] not in out


async def test_switch_from_the_command_line_and_back(shell: Shell, team: DemoWorld) -> None:
    app_env = shell.folder / "app" / ".env"
    before = app_env.read_bytes()
    code, out, err = await shell("switch", "query", "deepseek-backup", "--dry-run", "--json")
    plan = json.loads(out)
    assert (code, plan["engine"], plan["to"], plan["applied"]) == (0, "query", "deepseek-backup", False), err
    assert set(plan) == {"engine", "from", "to", "plan", "checks", "applied", "verified", "undo", "reason"}
    assert [row["variable"] for row in plan["plan"]] == [
        "QUERY_ENGINE_API_KEY",
        "QUERY_ENGINE_BASE_URL",
        "QUERY_ENGINE_MODEL_NAME",
    ]
    assert app_env.read_bytes() == before
    code, out, err = await shell("switch", "query", "deepseek-backup", "--yes", "--json")
    done = json.loads(out)
    assert (code, done["applied"], done["verified"]) == (0, True, True), err
    assert team.keys.deepseek_backup in app_env.read_text()
    assert team.keys.deepseek_backup[-12:] not in out
    code, out, _ = await shell("switch", "query", "--undo")
    assert code == 0
    assert app_env.read_bytes() == before
    code, out, _ = await shell("audit", "--json")
    assert [row["what"] for row in json.loads(out)["audit"]].count("switch") == 2
    code, out, _ = await shell("tickets", "--json")
    assert json.loads(out) == {"tickets": []}


async def test_refused_target_says_why_and_what_is_better(shell: Shell, team: DemoWorld) -> None:
    code, out, _ = await shell("switch", "query", "relay", "--dry-run")
    assert code == 1
    assert "deepseek-backup" in out


async def test_check_proves_and_mends(shell: Shell, team: DemoWorld) -> None:
    code, out, _ = await shell("check", "--json")
    data = json.loads(out)
    assert code == 1
    faults = {c["name"] for c in data["checks"] if c["state"] == "fault"}
    assert any("deepseek-main" in name for name in faults)
    assert all(c["mend"] for c in data["checks"] if c["state"] == "fault")


async def test_bad_configuration_is_one_line_and_exit_2(shell: Shell) -> None:
    (shell.folder / "quotadesk.toml").write_text("[routes.a\n")
    code, out, err = await shell("console", stdin="balance\n", SLACK_BOT_TOKEN="abc")
    assert code == 2, (out, err)
    assert "SLACK_BOT_TOKEN" in err
    assert len(err.strip().splitlines()) <= 2
    assert "abc" not in err
    code, _, err = await shell("console", stdin="balance\n")
    assert code == 2
    assert "CONFIG_FILE" in err


@pytest.mark.parametrize(
    ("text", "environ", "says"),
    [
        ('[engines.q]\nenv_file = "none.env"\nenv_prefix = "Q"\n', {}, "[engines.q] env_file"),
        ('[routes.a]\nbase_url = "https://x.example"\nkey_file = "nokey"\n', {}, "key_file"),
        ("", {"TELEGRAM_BOT_TOKEN": "abc"}, "TELEGRAM_BOT_TOKEN"),
        ("", {"DATABASE_URL": "mysql://x"}, "DATABASE_URL"),
        ("", {"HTTP_PORT": "99999", "LOG_LEVEL": "loud"}, "LOG_LEVEL"),
    ],
)
async def test_each_wrong_setting_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    environ: dict[str, str],
    says: str,
) -> None:
    """The same in this process: what `console` does first."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quotadesk.toml").write_text(text)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    code = 0
    try:
        async with house(load(), quiet=True):
            pass
    except ConfigError as fault:
        code = ending.of(fault)
    err = capsys.readouterr().err
    assert code == 2
    assert says in err
    assert len(err.strip().splitlines()) <= 2
    for value in ("abc", "loud", "99999"):
        assert value not in err


async def test_duplicate_variable_is_named(shell: Shell, make_key: Callable[..., str]) -> None:
    one, two = make_key("sk-", 32), make_key("sk-", 32)
    (shell.folder / "app.env").write_text(
        f"Q_API_KEY={one}\nQ_API_KEY={two}\nQ_BASE_URL=https://x.example\nQ_MODEL_NAME=m\n"
    )
    (shell.folder / "quotadesk.toml").write_text('[engines.q]\nenv_file = "app.env"\nenv_prefix = "Q"\n')
    code, _, err = await shell("console", stdin="balance\n")
    assert code == 2
    assert "Q_API_KEY" in err
    assert "lines 1, 2" in err
    assert one not in err


async def test_engines_are_offered_from_an_application_file(shell: Shell, make_key: Callable[..., str]) -> None:
    (shell.folder / "app.env").write_text(
        f"QUERY_ENGINE_API_KEY={make_key('sk-', 32)}\nQUERY_ENGINE_BASE_URL=http://127.0.0.1:9\nQUERY_ENGINE_MODEL_NAME=m\n"
        f"# QUERY_ENGINE_API_KEY={make_key('sk-', 32)}\n# QUERY_ENGINE_BASE_URL=http://127.0.0.1:9/backup\n"
    )
    code, out, err = await shell("balance", "--json", TARGET_ENV_FILE=str(shell.folder / "app.env"))
    assert code == 1, err
    accounts = json.loads(out)["accounts"]
    assert [a["engines"] for a in accounts] == [["query"], ["query"]]
    assert {a["status"] for a in accounts} == {"could_not_check"}


async def test_wrong_usage_is_exit_2(shell: Shell) -> None:
    for arguments in (("nonsense",), ("switch",), ("switch", "nobody", "--dry-run")):
        code, _, err = await shell(*arguments)
        assert code == 2, arguments
        assert err


async def test_diagnose_and_redact_answer_without_any_configuration(shell: Shell, make_key: Callable[..., str]) -> None:
    key = make_key("sk-", 48)
    code, out, _ = await shell("diagnose", "--lang", "en", "-", stdin=f"402 Insufficient Balance {key}")
    assert code == 0
    assert key[-12:] not in out
    code, out, _ = await shell("redact", f"key={key}")
    assert code == 0
    assert key[-12:] not in out
    code, out, err = await shell(
        "diagnose",
        "--jsonl",
        stdin='{"id":"1","text":"402 Insufficient Balance"}\n{"id": "torn\n{"id":"2","text":"hello"}\n',
    )
    assert code == 1
    assert [json.loads(line)["id"] for line in out.splitlines()] == ["1", "2"]
    assert err


async def test_cases_are_exported_for_signatures(shell: Shell, team: DemoWorld, make_key: Callable[..., str]) -> None:
    assert (await shell("cases", "--json"))[:2] == (0, '{\n  "cases": []\n}\n')
    key = make_key("sk-", 48)
    lines = f"diagnose [QueryEngine] 402 Insufficient Balance {key}\ndiagnose.wrong\n4\n"
    await shell("console", stdin=lines)
    code, out, _ = await shell("cases", "--json")
    [case] = json.loads(out)["cases"]
    assert code == 0
    assert (case["said"], case["right"], case["by"]) == ("balance_exhausted", "group_limit", "terminal:operator")
    assert "402 Insufficient Balance" in case["text"]
    assert key not in out
