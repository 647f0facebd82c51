"""What the faces of a house are made of: each platform with its settings, and what hears or tells beside them."""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING

from bot.app import House
from bot.errors import ConfigError
from bot.locales import Words, languages
from bot.model.chat import CleanText, Found
from bot.outlets.ocr import ScreenReader
from bot.services import heartbeat
from bot.settings import revealed, secret
from handlers.router import discover

if TYPE_CHECKING:
    from bot.chats.slack import SlackChat
    from bot.chats.telegram import TelegramChat
    from bot.inlets.logs import LogWatch
    from bot.server import Handler


def heartbeat_of(built: House) -> heartbeat.Heartbeat | None:
    """None where HEARTBEAT_URL is not set."""
    url = secret(built.settings.heartbeat_url)
    if url is None:
        return None
    return heartbeat.Heartbeat(url.reveal(), built.web, built.store, built.clock, built.owner, built.team.support.chats)


def _clean(built: House, raw: str) -> tuple[CleanText, Found]:
    cleaned = built.gate.clean(raw)
    return cleaned.text, cleaned.found


def log_watch(built: House) -> LogWatch | None:
    """None where [watch.logs] names no file."""
    patterns, reports = built.team.watch.logs, built.services.reports
    if not patterns or reports is None:
        return None
    from bot.inlets.logs import LogWatch

    took = partial(built.metrics.took, "logs")
    host = socket.gethostname()
    return LogWatch(patterns, reports, partial(_clean, built), built.store, built.clock, built.owner, host, took)


def posts(built: House) -> dict[str, Handler]:
    """The paths for programs; none where [reports] names nobody."""
    reporters, reports = built.team.reporters, built.services.reports
    if not reporters or reports is None:
        return {}
    from bot.inlets.programs import Programs

    def heard(kind: str, result: str) -> None:
        if kind != "errors" or result != "taken":  # what was taken is counted one by one
            built.metrics.reports.labels(kind, result).inc()

    programs = Programs(
        reporters,
        built.team.engines,
        built.services.keys,
        reports,
        partial(_clean, built),
        built.clock,
        heard,
        partial(built.metrics.took, "errors"),
    )
    return {"/v1/errors": programs.errors, "/v1/alertmanager": programs.alertmanager}


def command_words() -> frozenset[str]:
    """Names and aliases of all commands."""
    return frozenset(word for c in discover().values() for word in (c.name, *c.aliases))


def slack_chat(built: House) -> SlackChat:
    """Not started. Raises ConfigError without SLACK_BOT_TOKEN."""
    from bot.chats.slack import SlackChat, SlackOptions

    settings = built.settings
    token = secret(settings.slack_bot_token)
    if token is None:
        raise ConfigError("SLACK_BOT_TOKEN is not set.")
    options = SlackOptions(
        bot_token=token,
        api_url=settings.slack_api_url,
        signing_secret=secret(settings.slack_signing_secret),
        app_token=secret(settings.slack_app_token),
        team_id=built.team.access.slack_team,
        commands=built.team.slack_commands,
        known=command_words(),
        language=built.team.language,
        timezone=built.team.timezone,
        languages=languages(),
        proxy=revealed(settings.chat_proxy),
        trust=built.trust,
        hears=built.team.hears,
    )
    return SlackChat(options, built.gate, built.store, built.clock, Words, built.chosen, built.allowed, ScreenReader())


def telegram_chat(built: House) -> TelegramChat:
    """Not started. Raises ConfigError without TELEGRAM_BOT_TOKEN."""
    from bot.chats.telegram import TelegramChat, TelegramOptions

    settings = built.settings
    token = secret(settings.telegram_bot_token)
    if token is None:
        raise ConfigError("TELEGRAM_BOT_TOKEN is not set.")
    options = TelegramOptions(
        bot_token=token,
        api_url=settings.telegram_api_url,
        webhook_url=settings.telegram_webhook_url,
        webhook_secret=secret(settings.telegram_webhook_secret),
        language=built.team.language,
        timezone=built.team.timezone,
        languages=languages(),
        chats=frozenset(built.team.telegram_chats),
        names=built.team.people_names,
        known=command_words(),
        proxy=revealed(settings.chat_proxy),
        trust=built.trust,
        hears=built.team.hears,
    )
    return TelegramChat(
        options, built.gate, built.store, built.clock, Words, built.chosen, ScreenReader(), built.allowed
    )
