"""Backups that people keep in comments of an env file."""

from __future__ import annotations

import secrets
from pathlib import Path

from bot.outlets import env_text
from bot.outlets.env_triples import find_triples, value_on_line


def test_backups_in_comments_are_found_by_line_and_never_printed() -> None:
    live, spare = secrets.token_hex(16), secrets.token_hex(16)
    data = f"""HOST=0.0.0.0
QUERY_ENGINE_API_KEY={live}
QUERY_ENGINE_BASE_URL=https://api.deepseek.com
QUERY_ENGINE_MODEL_NAME=deepseek-chat
TAVILY_API_KEY={live}
# spare
# QUERY_ENGINE_API_KEY='{spare}'
# QUERY_ENGINE_BASE_URL=https://relay.example/v1
#QUERY_ENGINE_MODEL_NAME=deepseek-reasoner
# QUERY_ENGINE_API_KEY=backup_key_here
# QUERY_ENGINE_BASE_URL=https://api.backup.example
# see https://docs.example/keys
""".encode()
    first, second, third = find_triples(data)
    assert (first.prefix, first.commented, first.base_url, first.model, first.lines) == (
        "QUERY_ENGINE",
        False,
        "https://api.deepseek.com",
        "deepseek-chat",
        (2, 3, 4),
    )
    assert (second.commented, second.key_line, second.model, second.placeholder) == (
        True,
        7,
        "deepseek-reasoner",
        False,
    )
    assert (third.commented, third.model, third.placeholder) == (True, "", True)
    assert value_on_line(data, 7) == spare
    assert value_on_line(data, 8, "QUERY_ENGINE_API_KEY") is None
    ref = second.key_ref(Path("app.env"))
    assert ref is not None
    assert (ref.env, ref.line) == ("QUERY_ENGINE_API_KEY", 7)
    assert live not in repr((first, second, third, env_text.parse(env_text.decode(data))))
    assert spare not in repr((first, second, third))
