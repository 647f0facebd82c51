"""The five riddles, as a person gets them, in both languages: the right name, the steps, and never the wrong advice."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.chats.terminal_render import render
from bot.locales import Words
from bot.model.diagnosis import Cause, Diagnosis, Proven
from bot.model.team import Team
from bot.redaction.gate import Gate
from bot.services.diagnosis import Diagnoser
from bot.signatures import load
from handlers.diagnosis_words import worded

NOW = datetime(2026, 11, 22, 2, 42, tzinfo=UTC)
DEEPSEEK = "Error code: 402 - {'error': {'message': 'Insufficient Balance', 'type': 'unknown_error', 'param': None, 'code': 'invalid_request_error'}}"
WARP = '{"error":"No remaining quota: No AI requests remaining"}'
WARP_429 = "logs/warp_server.log HTTP 429: Too Many Requests"
GEMINI = (
    "429 RESOURCE_EXHAUSTED. {'error': {'code': 429, 'message': 'You exceeded your current quota. * Quota exceeded for metric: "
    "generativelanguage.googleapis.com/generate_content_free_tier_input_token_count, limit: 0, model: gemini-2.5-flash-preview-image\\n"
    "Please retry in 11.893074872s.', 'status': 'RESOURCE_EXHAUSTED'}}"
)
RELAY = (
    '500 {"error":{"type":"<nil>","message":"Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing '
    'to upgrade or purchase credits. (request id: 20260126100910722614337HsQybcmN)"},"type":"error"}'
)


@pytest.fixture(scope="module")
def diagnoser() -> Diagnoser:
    return Diagnoser(load())


def read(diagnoser: Diagnoser, text: str, language: str) -> tuple[Diagnosis, str]:
    cleaned = Gate().clean(text)
    diagnosis = diagnoser.explain(cleaned.text)
    words = Words(language, "Asia/Shanghai")
    proven = Proven(diagnosis.cause, "text" if diagnosis.cause is not Cause.UNKNOWN else "unknown")
    reply = worded(diagnosis, proven, Team(), words, NOW, found=cleaned.found)
    return diagnosis, render(reply, words, width=100, colour=False)


@pytest.mark.parametrize(
    ("text", "cause", "facts"),
    [
        (DEEPSEEK, Cause.BALANCE_EXHAUSTED, {"status": 402, "provider": "deepseek"}),
        (WARP, Cause.QUOTA_EXHAUSTED, {"gateway": "warp"}),
        (WARP_429, Cause.RATE_LIMITED, {"status": 429, "gateway": "warp"}),
        (GEMINI, Cause.FREE_TIER_ZERO_LIMIT, {"status": 429, "model": "gemini-2.5-flash-preview-image"}),
        (
            RELAY,
            Cause.BALANCE_EXHAUSTED,
            {"status": 500, "request_id": "20260126100910722614337HsQybcmN", "party": "gateway"},
        ),
    ],
)
def test_cause_and_fields(diagnoser: Diagnoser, text: str, cause: Cause, facts: dict[str, object]) -> None:
    diagnosis, _ = read(diagnoser, text, "en")
    assert diagnosis.cause is cause
    assert {name: getattr(diagnosis, name) for name in facts} == facts


@pytest.mark.parametrize(
    ("text", "language", "says", "never"),
    [
        (DEEPSEEK, "zh", ["余额已用尽", "invalid_request_error", "不要重试"], ["请求格式"]),
        (DEEPSEEK, "en", ["balance is used up", "platform.deepseek.com/top_up", "Do not retry"], ["bad request:"]),
        (WARP, "zh", ["周期额度已用完", "5 分钟", "1 小时", "DISABLE_ANONYMOUS_FALLBACK=true", "UTC"], ["余额已用尽"]),
        (WARP, "en", ["quota is used up", "within 5 minutes", "one hour", "UTC"], ["balance is used up"]),
        (WARP_429, "zh", ["限速", "5 分钟"], ["充值"]),
        (GEMINI, "zh", ["额度是 0", "https://aistudio.google.com/apikey", "image_prompt", "不要重试"], ["后再试，即"]),
        (
            GEMINI,
            "en",
            ["quota for the model is 0", "Generative Language API", "10 to 30 minutes", "Do not retry"],
            ["Retry after"],
        ),
        (
            RELAY,
            "zh",
            ["两种读法", "读法一", "读法二", "20260126100910722614337HsQybcmN", "不是服务器故障"],
            ["过一会儿重试"],
        ),
        (
            RELAY,
            "en",
            ["two readings", "Reading 1", "Reading 2", "20260126100910722614337HsQybcmN"],
            ["Retrying later can work"],
        ),
        ("402 Payment Required", "zh", ["七种", "分组", "密钥", "重复提交"], []),
        ("402 Payment Required", "en", ["seven things", "group", "limit", "submitted twice"], []),
    ],
)
def test_answer(diagnoser: Diagnoser, text: str, language: str, says: list[str], never: list[str]) -> None:
    _, shown = read(diagnoser, text, language)
    flat = " ".join(shown.split())
    assert [piece for piece in says if piece not in shown and piece not in flat] == []
    assert [piece for piece in never if piece in shown] == []
