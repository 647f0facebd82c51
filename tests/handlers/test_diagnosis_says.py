"""The original kept, its meaning beside it; a status that misleads put right; the page and the moment that help."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.locales import Words
from bot.model.chat import Found, Line, Links, Quote, Reply
from bot.model.diagnosis import Proven
from bot.model.team import Team
from bot.redaction.gate import Gate
from handlers.diagnosis_says import translated
from handlers.diagnosis_words import worded
from tests.diagnose_room import diagnoser, front, shown

NOW = datetime(2026, 11, 22, 2, 42, tzinfo=UTC)
RELAYED = '500 {"error":{"type":"<nil>","message":"Your credit balance is too low to access the Anthropic API. (request id: 20260126100910722614337HsQybcmN)"},"type":"error"}'
FREE = '429 {"error": {"message": "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day", "code": 429}}'
SPEED = "429 Rate limit reached for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Used 29000. Please try again in 3s. https://platform.openai.com/account/rate-limits"


def told(text: str, language: str = "en", zone: str = "Asia/Shanghai") -> Reply:
    d = diagnoser().explain(Gate().trusted(text))
    return worded(d, Proven(d.cause, "text"), Team(), Words(language, zone), NOW, found=Found(), number=1)


@pytest.mark.parametrize(
    ("text", "language", "means"),
    [
        ("Error code: 402 - {'error': {'message': 'Insufficient Balance'}}", "zh", "余额不足"),
        (RELAYED, "zh", "余额太低，无法调用 Anthropic API"),
        ('401 {"error":{"message":"该令牌额度已用尽","type":"one_api_error"}}', "en", "this token's quota is used up"),
        ('{"error":{"message":"当前分组上游负载已饱和,请稍后再试","type":"rix_api_error"}}', "en", "saturated; please try again"),
    ],
)  # fmt: skip
def test_another_language_is_translated_beside_the_original(text: str, language: str, means: str) -> None:
    reply = told(text, language)
    quote = next(block for block in reply.blocks if isinstance(block, Quote))
    assert quote.text in text
    assert any(isinstance(block, Line) and means in block.text for block in reply.blocks)


def test_the_readers_own_language_is_not_translated() -> None:
    assert "Meaning" not in shown(told("Error code: 402 - {'error': {'message': 'Insufficient Balance'}}"))
    assert "意思" not in shown(told("403 账户余额不足，请充值", "zh"))


def test_a_number_that_support_will_ask_for_is_told_as_missing() -> None:
    """Not where no call was answered, nor beside a task's number; a gateway's number says when."""
    bare = "Error code: 402 - {'error': {'message': 'Insufficient Balance'}}"
    assert "Kept: status 402 · no request id in the text" in shown(told(bare))
    assert "收集到：状态 402 · 原文里没有请求号" in shown(told(bare, "zh"))
    named = "request id 20260126100910722614337HsQybcmN (made at 2026-01-26 10:09:10 by the server's clock)"
    assert named in shown(told(RELAYED))
    assert "no request id" not in shown(told("Connection error. model: gpt-4o openai.APIConnectionError"))
    assert "no request id" not in shown(told('{"status": 402, "task_id": "task_01HZX3Q7J9", "message": "余额不足"}'))


def test_phrases_are_told_in_their_order_and_once() -> None:
    text = (
        "Please check your plan and billing details. You exceeded your current quota. YOU EXCEEDED YOUR CURRENT QUOTA"
    )
    assert translated(text, Words("zh")) == "请检查套餐和账单；已超出当前额度"
    assert translated("nothing of the kind", Words("zh")) == ""


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_two_wallets_are_not_told_twice(language: str) -> None:
    text = front(told(RELAYED, language))
    other = {"en": "provider's model with the same key", "zh": "换一个别家的模型"}[language]
    assert text.count(other) <= 2  # the step and the question
    assert {"en": "not settled", "zh": "还分不清"}[language] in text.splitlines()[0]


def test_a_status_that_misleads_is_put_right() -> None:
    assert "The status 429 misleads" in shown(told("429 余额不足或无可用资源包,请充值。"))
    assert "misleads" not in shown(told("429 Too Many Requests"))


def test_a_quota_of_the_day_names_the_moment_of_its_reset() -> None:
    assert "08:00" in shown(told(FREE, "zh"))
    assert "00:00 UTC" in shown(told(FREE, "zh"))
    day = "429 Quota exceeded for metric: generativelanguage.googleapis.com/generate_requests_per_model_per_day, limit: 100 GenerateRequestsPerDayPerProjectPerModel retryDelay 11s"
    assert "16:00" in shown(told(day, "zh"))  # midnight Pacific


def test_no_top_up_for_what_money_does_not_mend() -> None:
    (links,) = [block for block in told(SPEED).blocks if isinstance(block, Links)]
    assert [label for label, _ in links.items] == ["Quota and usage: OpenAI API"]
    long = told("400 This model's maximum context length is 65536 tokens (openai)")
    assert not [block for block in long.blocks if isinstance(block, Links)]


def test_a_link_of_a_step_is_not_told_again() -> None:
    text = front(told("Error code: 402 - {'error': {'message': 'Insufficient Balance'}} api.deepseek.com"))
    assert text.count("https://platform.deepseek.com/top_up") == 1


def test_the_programs_own_stack_is_not_quoted() -> None:
    text = "BadRequestError: 400 Billing hard limit has been reached\n    at APIError.generate (file:///C:/Users/x/error.mjs:40:20)"
    quote = next(block for block in told(text).blocks if isinstance(block, Quote))
    assert quote.text.endswith("has been reached")


def test_words_that_nobody_knows_are_not_called_silence() -> None:
    strange = told('Error code: 418 - {"error": {"message": "quux frobnicated the vantage"}}')
    assert strange.title == "I do not know this error, so I do not guess"
    assert told("Error: 403 status code (no body)").title == "This text does not carry the reason"


def test_the_moments_of_a_text_are_told_in_the_readers_zone() -> None:
    window = "Claude AI usage limit reached|{} 2026-11-21T23:00:00Z"
    future = shown(told(window.format(int(NOW.timestamp()) + 3600), "zh"))
    assert "11:42（北京），即 03:42 UTC" in future
    assert "11月22日 07:00（北京）" in future
    assert "https://claude.ai/settings/usage" in str(told(window.format(1760000400)).blocks)
    assert "has passed: try once more" in shown(told(window.format(1760000400)))


def test_a_moment_that_no_calendar_holds_is_kept_as_it_was_written() -> None:
    text = shown(told("9999-12-31T23:59:59Z Error code: 402 - Insufficient Balance"))
    assert "Insufficient Balance" in text


def test_what_was_not_found_has_no_line_of_its_own() -> None:
    assert "Kept" not in shown(told("Our servers are currently overloaded. Please try again later."))


@pytest.mark.parametrize(
    ("text", "zh", "en"),
    [
        ("说我没额度了", "余额或额度用完了", "Money or quota is used up"),
        ("402 | 超过访问次数或余额不足以支持继续访问服务", "余额或额度用完了", "Money or quota is used up"),
        ("deepseek 没余额了", "余额已用尽 · 深度求索 DeepSeek", "The balance is used up · DeepSeek"),
        ("Too Many Requests", "这段文字没有写明原因", "This text does not carry the reason"),
        ("算力不足", "这段文字没有写明原因", "This text does not carry the reason"),
    ],
)
def test_a_few_words_are_not_told_more_surely_than_they_say(text: str, zh: str, en: str) -> None:
    for language, title in (("zh", zh), ("en", en)):
        reply = told(text, language)
        assert reply.title == title
        if "没额度" in text:
            assert "The balance is used up" not in shown(reply).split("Details")[0]


def test_a_live_check_ends_the_doubt_of_a_few_words() -> None:
    d = diagnoser().explain(Gate().trusted("没额度"))
    for language, doubt in (("en", "These few words do not tell"), ("zh", "这几个字分不清")):
        words = Words(language, "Asia/Shanghai")
        assert doubt in front(worded(d, Proven(d.cause, "text"), Team(), words, NOW, found=Found()))
        assert doubt not in shown(worded(d, Proven(d.cause, "proved"), Team(), words, NOW, found=Found()))
