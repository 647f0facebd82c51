"""systemd units that set a variable themselves: found by reading, and said as unknown where reading is not possible."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.locales import Words
from bot.outlets import units
from bot.outlets.restart import Restart
from tests.switch_room import ALICE, room

NAMES = ("Q_API_KEY", "Q_BASE_URL", "Q_MODEL_NAME")


@pytest.mark.parametrize(
    ("command", "unit"),
    [
        (("systemctl", "restart", "yuqing"), ("yuqing.service", False)),
        (("sudo", "-n", "/usr/bin/systemctl", "--no-block", "restart", "yuqing.service"), ("yuqing.service", False)),
        (("systemctl", "--user", "try-restart", "app"), ("app.service", True)),
        (("systemctl", "status", "yuqing"), None),
        (("systemctl", "restart", "../../etc/passwd"), None),
        (("docker", "compose", "restart"), None),
        ((), None),
    ],
)
def test_the_unit_of_a_command(command: tuple[str, ...], unit: tuple[str, bool] | None) -> None:
    assert units.unit_of(command) == unit


@pytest.mark.parametrize(
    ("service", "drop", "found"),
    [
        ("ExecStart=/bin/app", "", []),
        ('Environment="A=1 2" Q_BASE_URL=https://x', "", [("Q_BASE_URL", "app.service")]),
        ("ExecStart=/bin/app", "[Service]\nEnvironment=Q_API_KEY=made-up", [("Q_API_KEY", "app.service")]),
        ("Environment=Q_API_KEY=x", "[Service]\nEnvironment=", []),
        ("# Environment=Q_API_KEY=x\nPassEnvironment=HOME Q_MODEL_NAME", "", [("Q_MODEL_NAME", "app.service")]),
        ("EnvironmentFile=-{folder}/other.env", "", [("Q_MODEL_NAME", "{folder}/other.env")]),
        ("EnvironmentFile={folder}/app.env", "", []),
        ("EnvironmentFile=-{folder}/gone.env", "", []),
        ("EnvironmentFile={folder}/gone.env", "", None),
    ],
)
def test_what_wins(tmp_path: Path, service: str, drop: str, found: list[tuple[str, str]] | None) -> None:
    own = tmp_path / "app.env"
    own.write_text("Q_API_KEY=a\n")
    (tmp_path / "other.env").write_text("# Q_API_KEY=no\nQ_MODEL_NAME=m\n")
    (tmp_path / "app.service").write_text(f"[Unit]\nEnvironment=Q_API_KEY=x\n[Service]\n{service}\n".replace("{folder}", str(tmp_path)))  # fmt: skip
    if drop:
        (tmp_path / "app.service.d").mkdir()
        (tmp_path / "app.service.d" / "10.conf").write_text(drop)
    if found is not None:
        found = [(name, where.replace("{folder}", str(tmp_path))) for name, where in found]
    assert units.declared("app.service", NAMES, own, (tmp_path,)) == found


def test_a_unit_that_is_not_there_is_unknown(tmp_path: Path) -> None:
    assert units.declared("app.service", NAMES, tmp_path / ".env", (tmp_path,)) is None


@pytest.mark.parametrize(
    ("text", "word"), [("Environment=QUERY_ENGINE_API_KEY=x", "unit_wins"), (None, "unit_unknown")]
)
async def test_the_plan_says_it(tmp_path: Path, text: str | None, word: str) -> None:
    async with room(tmp_path, restart=("systemctl", "restart", "yuqing"), bettafish_url=None) as house:
        if text:
            (tmp_path / "yuqing.service").write_text(f"[Service]\n{text}\n")
        parts = house.parts
        parts["restart"] = Restart(parts["http"], house.clock, parts["gate"], {}, units_in=(tmp_path,))
        plan = await house.rebuilt().plan("query", by=ALICE)
        (notice,) = [notice for notice in plan.warnings if notice.word.startswith("unit_")]
        assert notice.word == word
        for language in ("en", "zh"):
            assert Words(language).say(f"switch.notices.{word}", **notice.facts)
