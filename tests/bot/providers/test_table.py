"""The table of providers, and that every machine word of the shelf has a sentence in every language."""

from __future__ import annotations

import pytest

from bot.locales import Words, languages
from bot.providers import shelf
from bot.providers.table import markdown


@pytest.mark.parametrize("language", ["en", "zh"])
def test_one_row_each(language: str) -> None:
    lines = markdown(language).splitlines()
    assert len(lines) == 2 + len(shelf())
    assert all(line.count(" | ") == 3 for line in lines if not line.startswith("|---"))
    for provider in shelf().values():
        assert sum(f"| `{provider.id}` |" in line for line in lines) == 1


def test_credentials_are_told_apart() -> None:
    rows = {line.split("`")[1]: line for line in markdown("en").splitlines()[2:]}
    assert rows["deepseek"].endswith("| account money | ordinary key |")
    assert rows["openrouter"].endswith("| ordinary key; management key for the account |")
    assert rows["anthropic"].endswith("| spend only | Admin key |")
    assert rows["dashscope"].endswith("| cloud access key pair |")
    assert rows["gemini"].endswith("| nothing (console page) | — |")
    assert rows["lm-studio"].endswith("| none |")


@pytest.mark.parametrize("language", languages())
def test_every_word_has_a_sentence(language: str) -> None:
    words = Words(language)
    for provider in shelf().values():
        if provider.needs:
            assert words.has(f"balance.reasons.needs_{provider.needs}")
        for kind in provider.tells:
            assert words.has(f"balance.kinds.{kind.value}")
        for sample in provider.samples:
            if sample.note:
                assert words.has(f"balance.notes.{sample.note}")
            if sample.wrong:
                assert words.has(f"balance.reasons.{sample.wrong}")
            for reading in sample.readings:
                if reading.label:
                    slug = reading.label.replace(",", "").replace(" ", "_")
                    assert words.has(f"balance.labels.{slug}")
                for name in reading.parts:
                    assert words.has(f"balance.parts.{name}")
