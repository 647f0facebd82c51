"""Places, people and refusals by their names, whatever a platform calls them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.locales import Words, delivery_words
from bot.model.handoff import TimelineEntry
from bot.model.team import Support
from bot.redaction.gate import Gate
from tests.escalation_room import ALICE, SLACK_DESK, TELEGRAM_DESK, team

EN, ZH = Words("en", "Asia/Shanghai"), Words("zh", "Asia/Shanghai")
NOW = datetime(2026, 11, 22, 2, 42, tzinfo=UTC)


@pytest.mark.parametrize(
    ("address", "en", "zh"),
    [
        (SLACK_DESK, "the support chat on Slack", "Slack 支持群"),
        (ALICE.address, "Alice (Slack)", "Alice（Slack）"),
        ("telegram:4711", "4711 (Telegram)", "4711（Telegram）"),
        ("pagerduty", "pagerduty", "pagerduty"),
    ],
)
def test_places(address: str, en: str, zh: str) -> None:
    assert (delivery_words.place(address, team(), EN), delivery_words.place(address, team(), ZH)) == (en, zh)


def test_one_of_two_support_chats_is_told_apart() -> None:
    both = team(support=replace(Support(), chats=(SLACK_DESK, "slack:C0OTHER")))
    assert delivery_words.place("slack:C0OTHER", both, EN) == "the support chat C0OTHER on Slack"


@pytest.mark.parametrize(
    ("word", "target", "said"),
    [
        ("blocked", TELEGRAM_DESK, "the chat removed the bot"),
        ("blocked", "telegram:2002", "the person blocked the bot, left, or never opened it"),
        ("not_in_channel", SLACK_DESK, "the chat removed the bot"),
        ("is_archived", SLACK_DESK, "the channel is archived"),
        ("user_not_found", ALICE.address, "this person is no longer there"),
        ("message_not_found", SLACK_DESK, "the message was deleted"),
        ("gone", TELEGRAM_DESK, "the message was deleted"),
        ("lost: timeout", SLACK_DESK, "no answer"),
        ("http_502", TELEGRAM_DESK, "the platform does not answer"),
        ("something_new", SLACK_DESK, "something_new"),
        ("", SLACK_DESK, "unknown"),
    ],
)
def test_reasons(word: str, target: str, said: str) -> None:
    assert delivery_words.reason(word, target, team(), EN) == said


@pytest.mark.parametrize(
    ("what", "detail", "en", "zh"),
    [
        ("paged", "0: Alice", "to be called: Alice", "该呼叫：Alice"),
        ("paged", "2: nobody", "to be called: nobody", "该呼叫：没有人"),
        ("reached", ALICE.address, "call delivered to Alice (Slack)", "呼叫已送到 Alice（Slack）"),
        (
            "deleted",
            SLACK_DESK,
            "the message in the support chat on Slack was deleted; sent again",
            "Slack 支持群里的消息被删除了，已重新发送",
        ),
        (
            "failed",
            f"note {TELEGRAM_DESK}: blocked",
            "NOT delivered: the note to the support chat on Telegram (the chat removed the bot)",
            "没有送到：交接单，Telegram 支持群（群里移除了机器人）",
        ),
    ],
)
def test_timeline(what: str, detail: str, en: str, zh: str) -> None:
    entry = TimelineEntry(NOW, "terminal:quotadesk", what, Gate(b"tests").trusted(detail))
    assert delivery_words.entry(entry, team(), EN, NOW) == en
    assert delivery_words.entry(entry, team(), ZH, NOW) == zh
