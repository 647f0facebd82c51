"""A few words from a chat, a code beside a name, a picture's letters taken for others."""

from __future__ import annotations

import pytest

from bot.model.diagnosis import Cause
from bot.redaction.gate import Gate
from bot.services.diagnosis import Diagnoser
from bot.services.reading.fragment import coded, named, spelled, undenied
from bot.services.reading.view import view
from bot.signatures import load

SIGNATURES = load()
DIAGNOSER = Diagnoser(SIGNATURES)
GATE = Gate()


def test_misread_letters_are_put_right_and_others_left_alone() -> None:
    for wrong in ("lnsufficient Ba1ance", "Insufficlent balance", "insuficient balance", "insufficeint balance"):
        plain = spelled(view(wrong))
        assert plain is not None, wrong
        assert plain.low == "insufficient balance"
    for right in ("insufficient balance", "the modal of a sever", "killing the filling", "余额不足"):
        assert spelled(view(right)) is None, right
    assert spelled(view("lnsufficient " * 40)) is None


def test_a_lone_number_is_a_code_and_a_status_is_none() -> None:
    plain = coded(view("minimax 1008"))
    assert plain is not None
    assert plain.low == "minimax code: 1008 (1008)"
    for text in ("deepseek 402", "http 429", "kimi 价格 ¥1008", "port:11434", "1.1008"):
        assert coded(view(text)) is None, text


def test_a_provider_is_known_by_what_people_call_it_but_not_by_its_models() -> None:
    names = SIGNATURES.nicknames
    assert named(view("文心 error_code 18"), names) == "baidu"
    assert named(view("kimi 报错"), names) == "moonshot"
    for text in ("kimi-k2 报错", "glm4 报错", "https://kimi.com 报错", "kimi " * 20):
        assert named(view(text), names) is None, text


@pytest.mark.parametrize(
    ("text", "cause", "provider"),
    [
        ("minimax 1008", Cause.BALANCE_EXHAUSTED, "minimax"),
        ("glm 1302 错误", Cause.RATE_LIMITED, "zhipu"),
        ("硅基流动 30001", Cause.BALANCE_EXHAUSTED, "siliconflow"),
        ("deepseek 没余额了", Cause.BALANCE_EXHAUSTED, "deepseek"),
        ("lnsufficient Ba1ance", Cause.BALANCE_EXHAUSTED, None),
        ("daily limit reached", Cause.QUOTA_EXHAUSTED, None),
        ("openai.RateLimitError", Cause.UNKNOWN, None),
        ("40000", Cause.UNKNOWN, None),
        ("调用失败", Cause.UNKNOWN, None),
        ("1008 pages of minimax theory", Cause.UNKNOWN, None),
    ],
)
def test_a_fragment_is_told_where_it_decides(text: str, cause: Cause, provider: str | None) -> None:
    found = DIAGNOSER.explain(GATE.clean(text).text)
    assert found.cause is cause
    assert cause is Cause.UNKNOWN or found.provider == provider


def test_what_somebody_says_it_is_not_does_not_count() -> None:
    assert undenied(view("不是余额不足，是 429 限速")).low == ",是 429 限速"
    assert undenied(view("not a billing issue, rate limited")).low == ", rate limited"
    for text in ("该令牌不是有效的密钥", "余额不足", "no credits left", "not enough balance"):
        seen = view(text)
        assert undenied(seen) is seen, text
