"""What `quotadesk check` calls the things it proves, in the reader's language; scripts get the plain names."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from bot.checkup import shown
from bot.locales import Words, languages

ROOT = Path(__file__).resolve().parents[2]


def names() -> set[str]:
    """The fixed beginning of every name in the code."""
    found = set()
    for path in (ROOT / "bot").glob("checkup*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            made = isinstance(node, ast.Call) and (
                getattr(node.func, "attr", "") in ("ok", "off", "fault") or getattr(node.func, "id", "") == "_sentence"
            )
            named = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "name"
            first = node.args[0] if made and node.args else node.value if named else None  # type: ignore[attr-defined]
            if isinstance(first, ast.JoinedStr):
                first = first.values[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                found.add(first.value.strip())
    return found


@pytest.mark.parametrize("language", languages())
def test_every_check_is_named_in_every_language(language: str) -> None:
    assert len(names()) > 20
    assert [
        name for name in names() if not Words(language).has(f"check.what.{name.replace(' ', '_').replace('.', '')}")
    ] == []


def test_what_follows_the_kind_stays_as_it_is() -> None:
    zh = Words("zh")
    assert shown("env file /srv/my app/.env", zh) == "env 文件 /srv/my app/.env"
    assert shown("slack chat C0SUPPORT", zh) == "Slack 频道 C0SUPPORT"
    assert shown("own .env", zh) == "自己的 .env"
    assert shown("something new", zh) == "something new"
