"""`quotadesk check` of logs, programs and traces: each fault with its mend, no token in any of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot import checkup_inlets
from bot.checkup import Report
from bot.locales import Words
from bot.settings import EnvKeys, Settings
from bot.team_file import parse


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_fault_has_its_mend(tmp_path: Path, language: str, make_key: Callable[..., str]) -> None:
    token = make_key("", 32)
    environ = {"GOOD": token, "SAME": token, "SHORT": "short"}
    (tmp_path / "a.log").write_text("x")
    (tmp_path / "folder.log").mkdir()
    raw = {
        "routes": {"a": {"base_url": "https://a.example"}},
        "engines": {"query": {"routes": ["a"]}},
        "watch": {"logs": {"query": ["a.log", "absent.log", "folder.log"], "*": ["*.out"]}},
        "reports": {
            "good": {"key_env": "GOOD"},
            "same": {"key_env": "SAME"},
            "short": {"key_env": "SHORT"},
            "unset": {"key_env": "NOT_SET"},
            "file": {"key_file": str(tmp_path)},
        },
    }
    team = parse(raw, tmp_path)
    keys = EnvKeys(lambda text: "", environ=environ, env_file=None)
    settings = Settings(_env_file=None, otel_exporter_otlp_endpoint="http://127.0.0.1:4318")  # type: ignore[call-arg]
    found = list(checkup_inlets.checks(Report(Words(language)), settings, team, keys))
    states = {check.name.rsplit("/", 1)[-1]: check.state for check in found}
    assert states == {
        "a.log": "ok", "absent.log": "off", "folder.log": "fault", "*.out": "off", "program good": "ok", "program same": "fault",
        "program short": "fault", "program unset": "fault", "program file": "fault", "traces": "ok",
    }  # fmt: skip
    assert all(check.mend for check in found if check.state == "fault")
    assert all(check.detail and "{" not in check.detail + check.mend for check in found)
    assert token not in repr(found)
