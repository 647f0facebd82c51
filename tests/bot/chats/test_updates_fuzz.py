"""Readers that meet what nobody foresaw: Slack's forms and texts, and team files of any shape."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.chats import slack_in
from bot.errors import ConfigError
from bot.team_file import parse

TEXT = st.text(max_size=60) | st.sampled_from(
    ["/quota help", "<@U0BOT> hi", "<https://a|b>", "```x```", "\u202e", "\ud800", "&amp;lt;"]
)
KEYS = (
    "text", "user", "user_id", "user_name", "channel", "channel_id", "command", "trigger_id", "response_url", "team_id", "ts",
    "thread_ts", "attachments", "blocks", "files", "fields", "title", "value", "fallback", "type",
)  # fmt: skip
TEXTS = st.dictionaries(st.sampled_from(KEYS[:13]), TEXT, max_size=10)


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_any_slash_command_is_read(form: dict[str, str]) -> None:
    """A form holds texts only, so every mixture of them has to be read."""
    raw = slack_in.slash(form, {"quota": "quota"})
    assert raw.command
    assert len(raw.text) <= slack_in.RAW_MOST
    assert "\ue000" not in raw.text


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300))
def test_text_from_slack_holds_no_marker_and_is_not_given_back_twice(text: str) -> None:
    shown = slack_in.plain(text)
    assert not {"\ue000", "\ue001"} & set(shown)
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert slack_in.unescape(escaped) == text


NAMES = st.sampled_from(
    [
        "language",
        "timezone",
        "routes",
        "engines",
        "access",
        "support",
        "oncall",
        "slack",
        "people",
        "watch",
        "gateways",
        "retention",
    ]
)
PARTS = st.sampled_from(
    ["base_url", "provider", "key_env", "key_file", "warn_below", "routes", "env_file", "env_prefix", "members", "operators", "every",
     "readings", "tickets", "handover", "people", "chats", "telegram_chats", "kind", "url", "bettafish", "restart", "failover"]
)  # fmt: skip
TOML_LEAF = (
    st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.text(string.printable, max_size=30)
    | st.sampled_from(["10m", "1w", "slack:*"])
)
TOML = st.recursive(
    TOML_LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PARTS | st.text("ab.-", max_size=4), inner, max_size=4), max_leaves=10
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(NAMES, TOML, max_size=5))
def test_any_team_file_is_read_or_refused_in_sentences(raw: dict[str, Any]) -> None:
    faults: tuple[str, ...] = ("read.",)
    try:
        parse(raw, Path("/srv"))
    except ConfigError as fault:
        faults = fault.faults
    assert faults
    assert all(sentence.strip().endswith((".", "?")) for sentence in faults), faults
