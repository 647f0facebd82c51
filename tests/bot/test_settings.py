"""Settings: which shapes are taken, and the team's key for fingerprints, made once and for the bot's user alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.settings import Settings, fingerprint_key, load, revealed


def test_the_key_is_made_once_and_nobody_else_reads_it(tmp_path: Path) -> None:
    folder, settings = tmp_path / "var", Settings(_env_file=None)  # type: ignore[call-arg]
    key = fingerprint_key(settings, folder)
    assert len(key) == 32
    assert fingerprint_key(settings, folder) == key
    assert stat.S_IMODE((folder / "fingerprint.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "address", ["127.0.0.1:7890", "socks5://127.0.0.1:1080", "http://proxy", "http://proxy:80/way", "http://a:b@:1"]
)
def test_a_proxy_needs_a_scheme_a_host_and_a_port(
    address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHAT_PROXY", address)
    with pytest.raises(ConfigError) as wrong:
        load()
    assert wrong.value.faults == (
        "CHAT_PROXY is not usable: give http://host:port of an HTTP proxy (SOCKS is not supported), or leave it empty.",
    )
    monkeypatch.setenv("CHAT_PROXY", "http://user:word@127.0.0.1:7890")
    assert revealed(load().chat_proxy) == "http://user:word@127.0.0.1:7890"
    assert "word" not in repr(load())
