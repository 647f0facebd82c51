"""Chinese as it is set: full-width signs without blanks beside them, and a blank between Chinese and Latin or digits."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.app import House, demo_house
from bot.chats.terminal_render import render
from bot.locales import Words, fitted
from bot.model.chat import Person, Place, Quote, Reply, Request, Role
from bot.settings import Settings
from handlers.router import Router, discover

ROOT = Path(__file__).resolve().parents[2]
CJK, SIGNS = "\u4e00-\u9fff", "，。；：、！？（）《》“”"
# An address ends at a blank: a chat would take the sign behind it into the link.
ADDRESS = re.compile(r"https?://\S+ (?=[；，。：）])")
RULES = {
    "a blank beside a full-width sign": re.compile(rf"[{SIGNS}] +\S|\S +[{SIGNS}]"),
    "a half-width sign in Chinese": re.compile(rf"[{CJK}][,;:!?]|[,;!?][{CJK}]|[{CJK}]\([{CJK}]|[{CJK}]\)"),
    "no blank between Chinese and Latin": re.compile(rf"[{CJK}][A-Za-z0-9]|[A-Za-z0-9%][{CJK}]"),
    "a sign twice": re.compile(r"[，；：、]{2}|。。|[，；：、]。|。[，；、]|：$\n：|（（|））(?=）)"),
}
# A dot between two parts has its own blanks. Dates as they are written, names of people and things, one letter that is a word's part.
FINE = re.compile(rf"\d+年|年\d+|\d+月|月\d+日?|\d+日|@[{CJK}]|[{CJK}]@|A股|K线|OK[{CJK}]")


def faults(text: str, *, only: tuple[str, ...] = tuple(RULES)) -> list[str]:
    plain = FINE.sub("", ADDRESS.sub("", text)).replace(" · ", "¤")
    return [
        f"{name}: …{plain[max(0, m.start() - 12) : m.end() + 12]}…"
        for name in only
        for m in RULES[name].finditer(plain)
    ]


def lines(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for name, child in node.items():
            yield from lines(child, f"{path}.{name}")
    elif isinstance(node, list):
        for number, child in enumerate(node):
            yield from lines(child, f"{path}.{number}")
    elif isinstance(node, str) and re.search(rf"[{CJK}]", node):
        yield path, node


def test_the_catalogue_is_set_as_chinese_is() -> None:
    catalogue = tomllib.loads((ROOT / "bot/locales/zh.toml").read_text(encoding="utf-8"))
    found = []
    for where, line in lines(catalogue):
        # A value stands for whatever it will be: `fitted` sets the blanks around it.
        found += [f"{where}: {fault}" for fault in faults(re.sub(r" ?\{\w+\} ?", "¤", line).strip(" "))]
    assert found == []


@pytest.mark.parametrize(
    ("template", "value", "whole"),
    [
        ("{x} 查的", "12:42（北京）", "12:42（北京）查的"),
        ("{x} 查的", "12:42", "12:42 查的"),
        ("切到{x}", "kimi", "切到 kimi"),
        ("{x}内部出错", "OpenAI", "OpenAI 内部出错"),
        ("{x} 内部出错", "硅基流动", "硅基流动内部出错"),
        ("说明：{x}", "（没有设置）", "说明：（没有设置）"),
        ("原文 {x}", "a， b", "原文 a， b"),
        ("{x}{x}", "甲", "甲甲"),
        ("{y}", "甲", "?"),
        ("{x} → {x}", "甲", "甲 → 甲"),
        ("\n  {x}", "甲", "\n  甲"),
    ],
)
def test_values_meet_words_as_they_should(template: str, value: str, whole: str) -> None:
    assert fitted(template, {"x": value}) == whole


def test_zones_are_named_in_the_readers_language() -> None:
    zones = ("Europe/Berlin", "Asia/Shanghai", "UTC", "America/Argentina/Buenos_Aires")
    assert [Words("zh", zone).zone_name for zone in zones] == ["柏林", "北京", "UTC", "Buenos Aires"]
    assert [Words("en", zone).zone_name for zone in zones] == ["Berlin", "Beijing", "UTC", "Buenos Aires"]


@pytest.fixture
async def built() -> Any:
    async with demo_house(Settings(), "zh") as house:
        yield house


RIDDLES = (
    "Error code: 402 - {'error': {'message': 'Insufficient Balance'}}",
    "429 RESOURCE_EXHAUSTED quotaId: GenerateRequestsPerDay, limit: 0, model: gemini-2.5-pro retryDelay 11s",
    "500 {'error':{'message':'Your credit balance is too low to access the Anthropic API (request id: 20260126100910722614337HsQybcmN)'}}",
    "something that nobody knows",
    "<html><title>Welcome to nginx!</title>",
)


async def test_answers_are_set_as_chinese_is(built: House) -> None:
    """Every command as an operator reads it, the wrong names, and a few errors; only what is quoted stays as it was."""
    router = Router(built.services)
    typed = [(name, "") for name, c in discover().items() if not c.hidden and name not in ("drill", "gateway")]
    typed += [
        ("balance", "query"),
        ("balance", "nothing"),
        ("switch", "query"),
        ("switch", "query history"),
        ("nothing", ""),
    ]
    typed += [("diagnose", text) for text in RIDDLES] + [
        ("timezone", "Berlin"),
        ("ticket", "77"),
        ("alerts", "tell query"),
    ]
    found = []
    for command, text in typed:
        cleaned = built.gate.clean(text)
        request = Request(
            command=command,
            text=cleaned.text,
            asker=Person("terminal", "operator", "operator"),
            place=Place("terminal", "console", private=True),
            language="zh",
            timezone="Asia/Shanghai",
            received_at=built.clock.now(),
            id=f"{command} {text}",
            found=cleaned.found,
            role=Role.OPERATOR,
        )
        replies = [reply async for reply in router.answer(request)]
        shown = replies[-1]
        said = Reply(
            shown.title,
            tuple(b for b in shown.blocks if not isinstance(b, Quote)),
            shown.actions,
            tuple(b for b in shown.details if not isinstance(b, Quote)),
        )
        for line in render(said, Words("zh", "Asia/Shanghai"), width=None).split("\n"):
            # Columns are set with blanks: two and more are no fault.
            found += [f"{command} {text[:20]}: {fault}" for cell in re.split(r" {2,}", line) for fault in faults(cell)]
    assert found == []
