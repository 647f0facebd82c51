"""How a command ends: the sentence on standard error, in the terminal's language, and the exit code."""

from __future__ import annotations

import pytest

from bot import ending
from bot.errors import ConfigError, UnknownName
from bot.locales.fault_words import fault


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh_CN.UTF-8", "quotadesk: 设置了 SLACK_BOT_TOKEN，却没有"),
        ("C.UTF-8", "quotadesk: SLACK_BOT_TOKEN is set, but"),
    ],
)
def test_a_wrong_setting_is_told_in_the_language_of_the_terminal(
    language: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LC_ALL", language)
    assert ending.of(ConfigError(fault("slack_needs"), "a sentence of a file's own reader")) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith(words)
    assert told[1:] == ["quotadesk: a sentence of a file's own reader"]


def test_other_ends(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOG_LEVEL", raising=False)
    assert ending.of(UnknownName("engine", "qurey", ("query",), ("query", "media"))) == 2
    assert "Did you mean query?" in capsys.readouterr().err
    assert ending.of(KeyboardInterrupt()) == 130
    assert ending.of(ValueError("with a value that nobody may see")) == 1
    assert "a value" not in capsys.readouterr().err
    with pytest.raises(SystemExit):
        ending.of(SystemExit(3))
