"""Answer pages are found by what people mean, not by the words they are written with; an error text never opens one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.services.reading.question import asks, near_of, page_of
from bot.services.reading.view import view
from bot.signatures import load

PAGES = load().pages
ERRORS = Path(__file__).parents[1] / "errors.jsonl"
ASKED = {
    "reconcile": [
        "our balance dropped overnight, how do I find out why",
        "We got charged twice for one call, how come?",
        "the console shows a different balance than the API, which one is right?",
        "Is there a way to double-check what was deducted?",
        "昨晚余额突然少了一大截，从哪查起",
        "同一个请求扣了两次钱，怎么回事",
        "平台是不是多收了我的钱",
        "怎么对一下账",
    ],
    "outage_402": [
        "got a 402, should I wait until it's fixed?",
        "does payment required mean their servers are broken",
        "402: who is at fault, them or us?",
        "收到 402 要不要等官方恢复",
        "402 是他们那边出问题了吗",
        "看到 402 是不是服务中断了",
    ],
    "failed_task_charged": [
        "my video render crashed, do I still pay for it?",
        "Kling failed on my clip, were credits taken?",
        "Do unsuccessful requests count against my credits?",
        "No picture came back, is it still charged?",
        "图没画出来会扣积分吗",
        "任务超时了，积分退不退？",
        "没有返回结果也算钱吗",
        "生成失败给不给退",
    ],
    "top_up_missing": [
        "I recharged an hour ago and nothing shows up",
        "my redeem code did nothing",
        "Stripe charged me yet the balance remains the same",
        "how long does a deposit take to appear?",
        "支付宝付了钱，账户里没有",
        "充值成功但余额还是零",
        "兑换码输入了没反应",
        "我昨天充了 100，今天还是报余额不足",
    ],
    "gateway": [
        "explain what one-api / new-api is for",
        "How is a gateway different from calling the vendor directly?",
        "what's the point of litellm?",
        "中转站是干嘛的？",
        "聚合接口是什么意思",
        "兼容 OpenAI 的接口指的是什么",
    ],
    "base_url": [
        "which url do I put into the client?",
        "should the address end in /v1?",
        "which env var holds the endpoint?",
        "API 地址在哪改",
        "换服务商要改哪些变量",
        "怎么让程序走中转",
    ],
    "model_not_found": [
        "why is my model name unknown to the provider?",
        "I can't see gpt-5 in my models, why?",
        "My model can't be found. What now?",
        "说没有这个模型，从哪里开始排查",
        "提示 model_not_found 先看哪里？",
        "模型列表里没有我要的，怎么办",
    ],
    "cost_control": [
        "our monthly API bill exploded, how do we prevent that?",
        "how to set limits per team member?",
        "who is using up our budget?",
        "每个月 API 费用太高，有什么办法压下来",
        "怎么防止团队乱花钱",
        "有没有办法限制同事的用量",
    ],
    "cheaper": [
        "can I run a model myself to save money?",
        "are there trial credits somewhere?",
        "Is there a budget-friendly replacement for GPT-4?",
        "有没有不要钱的 API",
        "deepseek-reasoner 太贵，能换什么",
        "本地跑模型能省钱吗",
    ],
}
STRANGE = [
    "what's the weather tomorrow?", "who is on call?", "how do I write a unit test?", "what is kubernetes?", "is lunch free today?",
    "how do I reset my password?", "what time is it in Tokyo?", "why is my build failing?", "明天天气怎么样", "今天谁值班", "怎么申请年假", "数据库连不上怎么办",
    "什么是 RAG？", "为什么我的电脑这么慢", "我没收到快递", "git 冲突怎么解决",
]  # fmt: skip


@pytest.mark.parametrize(("page", "question"), [(page, said) for page, all_said in ASKED.items() for said in all_said])
def test_the_page_answers_what_was_meant(page: str, question: str) -> None:
    found = page_of(view(question), PAGES)
    assert found is not None
    assert found.id == page


@pytest.mark.parametrize("question", STRANGE)
def test_a_question_about_something_else_has_no_page(question: str) -> None:
    assert page_of(view(question), PAGES) is None


def test_no_error_text_opens_a_page() -> None:
    texts = [json.loads(line)["text"] for line in ERRORS.read_text(encoding="utf-8").splitlines()]
    assert len(texts) > 1000
    assert [text for text in texts if page_of(view(text), PAGES)] == []


def test_pages_that_come_near_are_named_the_nearest_first() -> None:
    assert near_of(view("模型怎么微调？"), PAGES)[0] == "model_not_found"
    assert near_of(view("what's for lunch?"), PAGES) == ()
    assert near_of(view("余额 " * 200), PAGES) == ()


def test_a_statement_is_no_question() -> None:
    assert asks("how do I see it")
    assert asks("到账要多久")
    assert not asks("see you at lunch")
    assert not asks("402 Payment Required")
