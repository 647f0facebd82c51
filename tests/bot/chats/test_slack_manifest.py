"""The manifest: Slack's limits, the configured names, and no scope without a use."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.chats.slack_manifest import ManifestOptions, link, manifest, scopes, text
from bot.errors import ConfigError
from bot.locales import Words


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("url", [None, "https://bot.example.com/"])
def test_within_slacks_limits_in_both_modes_and_languages(language: str, url: str | None) -> None:
    made = json.loads(text(manifest(ManifestOptions(public_url=url), Words(language))))
    assert len(made["display_information"]["name"]) <= 35
    assert 1 <= len(made["display_information"]["description"]) <= 140
    commands = made["features"]["slash_commands"]
    assert [c["command"] for c in commands] == ["/balance", "/diagnose", "/switch", "/quota"]
    for command in commands:
        assert len(command["command"]) <= 32
        assert 1 <= len(command["description"]) <= 2_000
        assert not command["description"].startswith("slack.")
        assert ("url" in command) == (url is not None)
        assert command["should_escape"] is False
    (shortcut,) = made["features"]["shortcuts"]
    assert (shortcut["callback_id"], shortcut["type"]) == ("diagnose_message", "message")
    assert len(shortcut["name"]) <= 24
    settings = made["settings"]
    assert settings["socket_mode_enabled"] is (url is None)
    where = {
        settings["interactivity"].get("request_url"),
        settings["event_subscriptions"].get("request_url"),
        *(c.get("url") for c in commands),
    }
    assert where == ({None} if url is None else {"https://bot.example.com/slack/events"})
    assert made["features"]["app_home"]["messages_tab_read_only_enabled"] is False


def test_each_scope_has_a_use() -> None:
    least = ManifestOptions(threads=False, files=False)
    assert scopes(least) == ("app_mentions:read", "chat:write", "commands", "im:history", "im:write", "users:read")
    assert set(scopes(ManifestOptions())) - set(scopes(least)) == {
        "channels:history",
        "groups:history",
        "files:read",
        "files:write",
    }
    events: Any = manifest(least, Words("en"))["settings"]["event_subscriptions"]["bot_events"]
    assert "message.channels" not in events
    guarded: Any = manifest(ManifestOptions(leak_guard=True), Words("en"))["settings"]["event_subscriptions"]
    assert "message.channels" in guarded["bot_events"]


def test_configured_names_and_their_faults() -> None:
    made = manifest(ManifestOptions(commands={"balance": "/ai-balance"}), Words("en"))
    assert made["features"]["slash_commands"][0]["command"] == "/ai-balance"
    with pytest.raises(ConfigError) as caught:
        manifest(
            ManifestOptions(commands={"balance": "Two Words", "switch": "quota"}, public_url="http://x"), Words("en")
        )
    assert len(caught.value.faults) == 3
    assert "Two Words" not in str(caught.value)


def test_the_link_carries_the_whole_manifest() -> None:
    made = manifest(ManifestOptions(), Words("zh"))
    query = parse_qs(urlsplit(link(made)).query)
    assert json.loads(query["manifest_json"][0]) == made
