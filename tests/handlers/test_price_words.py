"""The price of a switch in one line, in both languages, with no figure that nobody told."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bot.locales import Words
from bot.model.engine import Route
from bot.model.money import Price
from bot.services.prices import compared
from handlers.price_words import call_cost, price_line

OLD = Route("main", "https://a.example/v1", "m")
NEW = Route("spare", "https://b.example/v1", "m")
CHEAP = Price("USD", Decimal("0.28"), Decimal("0.42"), "team_file")
TWICE = Price("USD", Decimal("0.56"), Decimal("0.84"), "team_file")
DEAR = Price("USD", Decimal("0.868"), Decimal("0.84"), "list", "OpenRouter")
YUAN = Price("CNY", Decimal(4), None, "list", "")
LOCAL = Price("", Decimal(0), Decimal(0), "local")
FREE = Price("USD", Decimal(0), Decimal(0), "list", "OpenRouter")


@pytest.mark.parametrize(
    ("old", "new", "english", "chinese"),
    [
        (
            CHEAP,
            DEAR,
            "about 3.1 × dearer per input token, about 2 × dearer per output token: USD 0.868 in, USD 0.84 out per million tokens "
            "(OpenRouter's list, read within the hour), instead of USD 0.28 in, USD 0.42 out per million tokens (team file)",
            "输入约为原来的 3.1 倍，输出约为原来的 2 倍：每百万 token 输入 US$0.868、输出 US$0.84（OpenRouter 的价目表，一小时内读到的）；"
            "原来每百万 token 输入 US$0.28、输出 US$0.42（团队文件）",
        ),
        (
            CHEAP,
            TWICE,
            "about 2 × dearer: USD 0.56 in, USD 0.84 out per million tokens, instead of USD 0.28 in, USD 0.42 out per million tokens (team file)",
            "约为原来的 2 倍：每百万 token 输入 US$0.56、输出 US$0.84；原来每百万 token 输入 US$0.28、输出 US$0.42（团队文件）",
        ),
        (
            CHEAP,
            CHEAP,
            "the same, USD 0.28 in, USD 0.42 out per million tokens (team file)",
            "不变，每百万 token 输入 US$0.28",
        ),
        (
            DEAR,
            FREE,
            "input is free there, output is free there: USD 0.00 in",
            "输入免费，输出免费：每百万 token 输入 US$0.00",
        ),
        (
            None,
            YUAN,
            "CNY 4.00 in per million tokens (the gateway's own list, read within the hour); what main costs is not known",
            "每百万 token 输入 ¥4.00（网关自己的价目表，一小时内读到的）；main 的价格未知",
        ),
        (CHEAP, YUAN, "not compared, the currencies differ: CNY 4.00 in", "币种不同，不比较：每百万 token 输入 ¥4.00"),
        (LOCAL, CHEAP, "dearer: USD 0.28 in", "更贵：每百万 token 输入 US$0.28"),
        (CHEAP, LOCAL, "a machine of your own: nothing is billed per token", "自己的机器，不按 token 计费"),
        (CHEAP, None, "spare publishes none", "查不到 spare 公布的价格"),
    ],
)
def test_lines(old: Price | None, new: Price | None, english: str, chinese: str) -> None:
    check = compared(OLD, old, NEW, new)
    assert price_line(check, Words("en")).startswith(english)
    assert price_line(check, Words("zh")).startswith(chinese)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_word_of_a_price_has_words(language: str) -> None:
    words = Words(language)
    prices = (None, CHEAP, DEAR, YUAN, LOCAL, FREE, Price("USD", None, Decimal(1)))
    for old in prices:
        for new in prices:
            for route in (OLD, None):
                line = price_line(compared(route, old if route else None, NEW, new), words)
                assert "switch.price" not in line
                assert "{" not in line
                assert "None" not in line


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (CHEAP, "at most about USD 0.000009"),
        (DEAR, "at most about USD 0.000025"),
        (Price("CNY", Decimal(40), Decimal(160)), "at most about CNY 0.0021"),
        (Price("CNY", Decimal("0.01"), Decimal("0.01")), "at most about CNY 0.000001"),
        (LOCAL, "costs nothing"),
        (FREE, "costs nothing"),
        (YUAN, ""),
        (None, ""),
    ],
)
def test_what_one_real_call_costs(new: Price | None, said: str) -> None:
    assert call_cost(compared(OLD, None, NEW, new), Words("en")) == said
