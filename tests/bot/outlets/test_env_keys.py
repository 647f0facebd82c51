"""Keys and former triples that stand in env files, read by reference."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.model.team import Secret
from bot.outlets import env_keys
from bot.outlets.env_file import EnvFiles


@pytest.fixture
def app(tmp_path: Path) -> Path:
    path = tmp_path / "app" / ".env"
    path.parent.mkdir()
    path.write_bytes(b"export Q_API_KEY='old'\nQ_BASE_URL=https://old.example/v1\nQ_MODEL_NAME=m-old\n")
    return path


async def test_keys_are_read_by_reference(app: Path) -> None:
    app.write_bytes(b"Q_API_KEY=live\n# Q_API_KEY=spare\n# Q_BASE_URL=https://spare.example/v1\n")
    assert env_keys.values_of(app)["Q_API_KEY"] == "live"
    assert env_keys.value_at(app, 2) == "spare"
    (triple,) = env_keys.triples(app)
    assert triple.base_url == "https://spare.example/v1"


async def test_a_live_route_keeps_its_own_key_after_a_switch(app: Path, tmp_path: Path) -> None:
    first = env_keys.FirstSeen()
    assert first.values_of(app)["Q_API_KEY"] == "old"
    new = {"Q_API_KEY": Secret("new"), "Q_BASE_URL": Secret("https://new.example/v1")}
    async with EnvFiles(tmp_path / "var" / "backups").change(app, new, datetime(2026, 11, 22, tzinfo=UTC)) as change:
        await change.commit()
    assert first.values_of(app)["Q_API_KEY"] == "old"
    ((backup, triple),) = env_keys.former_triples(app, tmp_path / "var" / "backups")
    ref = triple.key_ref(backup)
    assert (triple.base_url, triple.model) == ("https://old.example/v1", "m-old")
    assert ref is not None
    assert ref.env_file is not None
    assert env_keys.values_of(ref.env_file)["Q_API_KEY"] == "old"


def test_a_file_that_is_not_there_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    for read in (lambda: env_keys.values_of(tmp_path / "none"), lambda: env_keys.value_at(tmp_path / "none", 1)):
        with pytest.raises(ConfigError) as caught:
            read()
        assert "env_file" in caught.value.faults[0]
