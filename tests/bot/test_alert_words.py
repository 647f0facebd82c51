"""Alerts as people read them, in both languages; buttons fit Telegram's 64 bytes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.locales import Words, alert_words, week_words
from bot.model.alert import AlertEvent, AlertKind, Notice, WeekReport, WeekRow
from bot.model.chat import Board, Line, Links, Reply
from bot.model.money import Runway

NOW = datetime(2026, 11, 22, 2, 58, tzinfo=UTC)
TITLES = {"report": "ReportEngine", "query": "QueryEngine"}
KIMI = {"figure": "account_money", "amount": "18.40", "currency": "CNY", "low_days": "1.2", "high_days": "2.4"}


def event(kind: AlertKind, phase: str, level: int = 1, account: str = "kimi", **facts: Any) -> AlertEvent:
    since = NOW - timedelta(hours=2, minutes=16)
    return AlertEvent(account, kind, phase, level, level >= 3, NOW, since, ("report",), facts)  # type: ignore[arg-type]


def read(reply: Reply) -> str:
    out = [reply.title]
    for block in reply.blocks:
        if isinstance(block, Line):
            out.append(block.text)
        elif isinstance(block, Board):
            out += [" ".join(filter(None, (r.state, r.name, r.figure, r.note, *r.under))) for r in block.rows]
        elif isinstance(block, Links):
            out += [label for label, _ in block.items]
    return "\n".join(out)


def said(language: str, *events: AlertEvent, digest: bool = False) -> str:
    notice = Notice("1", NOW, events, digest)
    return read(alert_words.notice(notice, Words(language, "Asia/Shanghai"), NOW, TITLES))


def test_low_before_the_weekend() -> None:
    low = event(AlertKind.MONEY, "fire", **KIMI, weekend=True, top_up_url="https://example.com/pay")
    assert said("zh", low) == "偏低 · kimi ¥18.40\n约 1–3 天，撑不过周末\n影响 ReportEngine\n充值 kimi"
    assert said("en", low) == (
        "LOW · kimi CNY 18.40\nabout 1–3 days left; will not last the weekend\naffects ReportEngine\nTop up kimi"
    )


def test_the_end_names_arrival_runway_and_duration() -> None:
    facts = KIMI | {"amount": "218.20", "low_days": "17", "high_days": "22", "how": "topped_up"}
    facts |= {"rise": "199.80", "rise_currency": "CNY", "rise_at": NOW.isoformat(), "rise_figure": "account_money"}
    end = event(AlertKind.MONEY, "clear", **facts)
    assert said("zh", end) == ("恢复 · kimi\n10:58 到账约 ¥199.80，现 ¥218.20，约 17–22 天（偏低持续了 2 小时 16 分）")
    assert "(LOW for 2 h 16 min)" in said("en", end)


def test_a_key_budget_that_blocks_is_not_the_account() -> None:
    facts = {"figure": "key_budget", "amount": "0", "limit": "20", "currency": "USD"}
    facts |= {"account_amount": "88.10", "account_currency": "USD"}
    text = said("zh", event(AlertKind.MONEY, "fire", 3, "relay", **facts))
    assert text.startswith("受限 · relay 密钥额度 US$0.00 / US$20.00")
    assert "账户还有 US$88.10，卡住的是密钥额度" in text
    assert "断了 ReportEngine" in text


def test_unknown_is_not_empty() -> None:
    text = said("en", event(AlertKind.REACH, "fire", reason="timeout", **KIMI, last_good_at=NOW.isoformat()))
    assert "does not mean empty" in text
    assert "last seen CNY 18.40" in text


def test_what_stands_still_offers_the_switch_first() -> None:
    empty = Notice("1", NOW, (event(AlertKind.MONEY, "fire", 3, **KIMI),))
    first = alert_words.notice(empty, Words("en"), NOW, TITLES, {"report"}).actions[0]
    assert (first.id, first.value, first.style) == ("switch.plan", "report", "primary")
    assert "switch.plan" not in {a.id for a in alert_words.notice(empty, Words("en"), NOW, TITLES).actions}


def test_an_ended_message_loses_its_buttons() -> None:
    low = event(AlertKind.MONEY, "fire", **KIMI)
    live = alert_words.notice(Notice("1", NOW, (low,)), Words("zh"), NOW, TITLES)
    assert [action.id for action in live.actions] == ["balance.show", *["alert.silence"] * 3]
    from dataclasses import replace

    over = alert_words.notice(Notice("1", NOW, (replace(low, ended=NOW),)), Words("zh"), NOW, TITLES)
    assert over.actions == ()
    assert over.title == "已结束：偏低 · kimi ¥18.40"
    assert "持续了 2 小时 16 分" in read(over)


@pytest.mark.parametrize("kind", [k for k in AlertKind if k is not AlertKind.TOPUP])
def test_buttons_fit_whatever_the_name(kind: AlertKind) -> None:
    name = "a" * 40
    reply = alert_words.notice(Notice("1", NOW, (event(kind, "fire", 3, name),)), Words("en"), NOW, TITLES)
    assert reply.actions
    assert all(len(f"{a.id}:{a.value}".encode()) <= 64 for a in reply.actions)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("kind", list(AlertKind))
@pytest.mark.parametrize("phase", ["fire", "worse", "better", "clear", "info"])
def test_every_line_is_worded(language: str, kind: AlertKind, phase: str) -> None:
    for facts in ({}, KIMI, KIMI | {"reason": "some_new_word", "spent": "5", "typical": "0", "spent_in": "CNY"}):
        for digest in (False, True):
            text = said(language, event(kind, phase, 2, **facts), digest=digest)
            assert "alert." not in text
            assert "None" not in text
            assert "{" not in text


def test_spans_have_two_units() -> None:
    words = Words("zh")
    shown = [alert_words.span(timedelta(minutes=m), words) for m in (0, 14, 136, 60 * 26)]
    assert shown == ["不到 1 分钟", "14 分钟", "2 小时 16 分", "1 天 2 小时"]


def test_the_week_keeps_currencies_apart() -> None:
    rows = (
        WeekRow("kimi", ("report",), "CNY", Decimal("18.40"), Decimal(74), Decimal(61), Decimal(200), Runway(Decimal(1), Decimal(2)), 2, True),
        WeekRow("relay", (), "USD", Decimal(88), None, None, Decimal(0), Runway(why="too_little_data")),
    )  # fmt: skip
    week = WeekReport(NOW - timedelta(days=7), NOW, rows, ("gemini",))
    text = read(week_words.report(week, Words("zh", "Asia/Shanghai"), TITLES))
    assert "撑不到下周一 kimi 花了 ¥74.00（上周 ¥61.00） 还剩 ¥18.40，约 1–2 天" in text
    assert "到账 ¥200.00" in text
    assert "说不准 relay 读数太少" in text
    assert "gemini" in text
    assert "不折算" in text
