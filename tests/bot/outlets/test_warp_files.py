"""A Warp gateway's files as they are found: whole, absent, damaged. Nothing is ever written."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.model.engine import Engine
from bot.model.team import Team
from bot.outlets.warp_files import WarpFiles
from bot.redaction.gate import Gate

UNTIL = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)


async def test_whole_state(tmp_path: Path, make_key: Callable[..., str]) -> None:
    (tmp_path / ".last_anonymous_attempt").write_text("1795314600.25")
    (tmp_path / ".anonymous_cooldown").write_text(f"{UNTIL.timestamp()}\n")
    (tmp_path / ".env").write_text(
        f"WARP_JWT={make_key('ey', 60)}\nDISABLE_ANONYMOUS_FALLBACK=True\nAPI_TOKEN=123456\n"
    )
    before = sorted((p.name, p.stat().st_mtime_ns) for p in tmp_path.iterdir())
    tiers = await WarpFiles(tmp_path).look()
    assert tiers is not None
    assert tiers.cooldown_until == UNTIL
    assert tiers.last_attempt == datetime.fromtimestamp(1795314600.25, UTC)
    assert (tiers.personal, tiers.fallback_disabled, tiers.weak_api_token, tiers.unknown) == (True, True, True, ())
    assert sorted((p.name, p.stat().st_mtime_ns) for p in tmp_path.iterdir()) == before


async def test_absent_files_are_none_and_an_absent_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("WARP_JWT=your_personal_jwt_token\nAPI_TOKEN=something-else\n")
    tiers = await WarpFiles(tmp_path).look()
    assert tiers is not None
    assert (tiers.last_attempt, tiers.cooldown_until, tiers.unknown) == (None, None, ())
    assert (tiers.personal, tiers.fallback_disabled, tiers.weak_api_token) == (False, None, False)
    gone = await WarpFiles(tmp_path / "nowhere").look()
    assert gone is not None
    assert not gone.found
    assert await WarpFiles(None).look() is None


@pytest.mark.parametrize("damage", [b"", b"soon", b"nan", b"1e400", b"-5", b"\xff\xfe\x00", b"17" * 3000, b"12"])
async def test_a_damaged_file_is_unknown_not_none(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / ".anonymous_cooldown").write_bytes(damage)
    tiers = await WarpFiles(tmp_path).look()
    assert tiers is not None
    assert tiers.cooldown_until is None
    assert ".anonymous_cooldown" in tiers.unknown
    assert ".env" in tiers.unknown  # there is none: the policy is not known either
    assert tiers.personal is None


async def test_a_pipe_in_a_files_place_does_not_hold_the_reader(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".last_anonymous_attempt")
    tiers = await WarpFiles(tmp_path).look()
    assert tiers is not None
    assert ".last_anonymous_attempt" in tiers.unknown


async def test_a_strange_switch_is_unknown(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DISABLE_ANONYMOUS_FALLBACK=maybe\n")
    tiers = await WarpFiles(tmp_path).look()
    assert tiers is not None
    assert tiers.fallback_disabled is None
    assert "DISABLE_ANONYMOUS_FALLBACK" in tiers.unknown


async def test_without_a_setting_the_engines_folders_are_looked_at(tmp_path: Path) -> None:
    for name in ("app", "warp"):
        (tmp_path / name).mkdir()
    engines = {name: Engine(name, name, env_file=tmp_path / name / ".env") for name in ("app", "warp")}
    team = Team(engines=engines)
    assert await WarpFiles.of(team).look() is None
    (tmp_path / "warp" / ".anonymous_cooldown").write_text(str(UNTIL.timestamp()))
    tiers = await WarpFiles.of(team).look()
    assert tiers is not None
    assert tiers.folder == tmp_path / "warp"


async def test_the_log_shows_its_last_lines_about_quota_and_no_token(
    tmp_path: Path, make_key: Callable[..., str]
) -> None:
    key = make_key("sk-", 48)
    (tmp_path / "logs").mkdir()
    lines = [f"10:{minute:02} HTTP 429: Too Many Requests, Authorization: Bearer {key}" for minute in range(20)]
    (tmp_path / "logs" / "warp_server.log").write_text(
        "\n".join([*lines, "10:21 started", "10:22 Cooldown active"]) + "\n"
    )
    tiers = await WarpFiles(tmp_path, gate=Gate(b"tests")).look()
    assert tiers is not None
    shown = [line.text for line in tiers.log]
    assert len(shown) == 8
    assert shown[-1] == "10:22 Cooldown active"
    assert shown[-2].startswith("10:19 HTTP 429")
    assert not any(key in line or "started" in line for line in shown)
    bare = await WarpFiles(tmp_path).look()  # without a gate nothing of it is shown
    assert bare is not None
    assert bare.log == ()
