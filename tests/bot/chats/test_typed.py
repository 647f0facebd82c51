"""What people type on phones."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chats.typed import form_fields, is_root, split_command, tidy


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ("/balance", ("balance", "", "")),
        ("  /Balance@My_Bot  query ", ("balance", "My_Bot", "query")),
        ("\u200e\ufeff/switch\u00a0query\u3000deepseek", ("switch", "", "query deepseek")),
        ("\uff0fbalance", ("balance", "", "")),
        ("/quota", ("help", "", "")),
        ("/quota tickets 7", ("tickets", "", "7")),
        ("/quota@my_bot /tickets", ("tickets", "my_bot", "")),
        ("/quota 余额", ("help", "", "余额")),
        ("/switch query \u2014yes \u2013n", ("switch", "", "query --yes -n")),
        ("/resolve 42 充值了“主账户”", ("resolve", "", "42 充值了“主账户”")),
        ("/diagnose \u201c402\u201d \u2014 x\u00a0y", ("diagnose", "", "\u201c402\u201d \u2014 x\u00a0y")),
        ("/diagnose\n  Traceback\n    x", ("diagnose", "", "Traceback\n    x")),
        ("balance", None),
        ("/srv/app/.env is gone", None),
        ("/", None),
        ("", None),
        ("余额 /balance", None),
    ],
)
def test_commands(raw, found):
    assert split_command(raw) == found


def test_root():
    assert is_root("/quota tickets")
    assert is_root("\u200e/quota@bot")
    assert not is_root("/quotas")
    assert not is_root("/balance quota")


def test_tidy_keeps_chinese_quotation_marks():
    assert tidy("\u201cquery\u201d") == '"query"'
    assert tidy("“主账户”") == "“主账户”"


def test_forms():
    labels = {"order": "Order time", "sum": "金额"}
    assert form_fields("Order time: 10:42\n金额：¥20\nmore\n", labels) == {"order": "10:42", "sum": "¥20\nmore"}
    assert form_fields("- SUM: 20", labels) == {"sum": "20"}
    assert form_fields("at noon", labels) == {"order": "at noon"}
    assert form_fields("https://x.example: broken", labels) == {"order": "https://x.example: broken"}
    assert form_fields("  ", labels) == {}


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_nothing_of_an_error_is_lost_or_changed(text):
    got = split_command("/diagnose " + text)
    assert got is not None
    assert got[2] == text.strip() or got[2] == text.lstrip("\u200b\u200e\ufeff \u00ad").strip()
