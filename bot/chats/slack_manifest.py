"""The Slack app's manifest for this configuration: paste it, or follow the link, and the app has every command and no scope
too many. Limits and fields: Slack's manifest reference, read 2026-11."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final
from urllib.parse import urlencode

from bot.errors import ConfigError
from bot.model.values import dataclass
from bot.ports import Wording

Json = dict[str, Any]

COMMANDS: Final = ("balance", "diagnose", "switch", "quota")
_NAME: Final = re.compile(r"/[a-z0-9_\-.\u0080-\uffff]{1,31}")


@dataclass(frozen=True, slots=True)
class ManifestOptions:
    """`public_url`: where Slack reaches this bot (`https://bot.example.com`); None means Socket Mode.
    `commands`: command -> configured name. `threads`: read the message that a mention answers. `files`: read attached logs,
    send charts. `leak_guard`: read the channels the bot is in, to warn about posted keys."""

    name: str = "quotadesk"
    public_url: str | None = None
    commands: Mapping[str, str] = field(default_factory=dict)
    threads: bool = True
    files: bool = True
    leak_guard: bool = False


def scopes(options: ManifestOptions) -> tuple[str, ...]:
    """The bot's OAuth scopes, each for something it does."""
    wanted = ["app_mentions:read", "chat:write", "commands", "im:history", "im:write", "users:read"]
    if options.threads or options.leak_guard:
        wanted += ["channels:history", "groups:history"]
    if options.files:
        wanted += ["files:read", "files:write"]
    return tuple(sorted(wanted))


def manifest(options: ManifestOptions, words: Wording) -> Json:
    """Raises ConfigError naming the setting if a command's name or the public address cannot be used."""
    faults = []
    names: dict[str, str] = {}
    for command in COMMANDS:
        name = "/" + options.commands.get(command, command).lstrip("/")
        names[command] = name
        if not _NAME.fullmatch(name):
            faults.append(f"[slack.commands] {command} is not usable: use a lower-case word of at most 31 characters.")
    if len(set(names.values())) < len(names):
        faults.append("[slack.commands] gives two commands the same name: choose different ones.")
    base = (options.public_url or "").rstrip("/").removesuffix("/slack/events")
    if options.public_url and not base.startswith("https://"):
        faults.append("The public address is not usable: Slack wants https://.")
    if faults:
        raise ConfigError(*faults)
    url = {"url": f"{base}/slack/events"} if base else {}
    request_url = {"request_url": f"{base}/slack/events"} if base else {}
    events = ["app_home_opened", "app_mention", "message.im"]
    if options.leak_guard:
        events += ["message.channels", "message.groups"]
    return {
        "_metadata": {"major_version": 1, "minor_version": 1},
        "display_information": {
            "name": options.name[:35],
            "description": words.say("slack.manifest.about")[:140],
            "background_color": "#1d3557",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": options.name[:80], "always_online": True},
            "slash_commands": [
                {
                    "command": names[command],
                    **url,
                    "description": words.say(f"slack.manifest.{command}"),
                    "usage_hint": words.say(f"slack.manifest.{command}_hint"),
                    "should_escape": False,
                }
                for command in COMMANDS
            ],
            "shortcuts": [
                {
                    "name": words.say("slack.manifest.shortcut")[:24],
                    "type": "message",
                    "callback_id": "diagnose_message",
                    "description": words.say("slack.manifest.shortcut_about")[:150],
                }
            ],
        },
        "oauth_config": {"scopes": {"bot": list(scopes(options))}},
        "settings": {
            "event_subscriptions": {**request_url, "bot_events": events},
            "interactivity": {"is_enabled": True, **request_url},
            "org_deploy_enabled": False,
            "socket_mode_enabled": not base,
            "token_rotation_enabled": False,
        },
    }


def text(made: Json) -> str:
    """As JSON, which Slack's manifest editor takes as it is."""
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def link(made: Json) -> str:
    """A page of Slack's with this manifest filled in."""
    packed = json.dumps(made, separators=(",", ":"), ensure_ascii=False)
    return "https://api.slack.com/apps?" + urlencode({"new_app": 1, "manifest_json": packed})
