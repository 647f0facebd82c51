"""Webhook addresses that came in pieces or in base64: cut to their last sign, and no further."""

from __future__ import annotations

import random
from base64 import b64encode

import pytest

from bot.redaction import engine
from bot.redaction.rules.shapes import grow

AFTER = "\nOverloaded request id: 0123456789abcdef-HKG"
ADDRESSES = (
    "https://hooks.slack.com/services/T<U9>/B<U9>/<a24>",
    "https://discord.com/api/webhooks/1<d18>/<u67>x",
    "https://open.feishu.cn/open-apis/bot/v2/hook/<g>",
    "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=<g>",
    "https://oapi.dingtalk.com/robot/send?access_token=<h64>",
)


@pytest.mark.parametrize("shape", ADDRESSES)
def test_a_webhook_is_found_wherever_it_is_broken(shape: str) -> None:
    rng = random.Random(6)
    address = grow(shape, rng)
    for gap in ("\n", "\\\n", "=\n", "\r\n    "):
        for at in range(9, len(address), 3):
            clean, _ = engine.redact(f"webhook地址：{address[:at]}{gap}{address[at:]}。{AFTER}")
            assert clean.endswith("。" + AFTER), clean
            assert "webhook]。" in clean or "[token]。" in clean or "[api key]。" in clean, clean
    for width in (4, 7, 11):
        runs = " ".join(address[at : at + width] for at in range(0, len(address), width))
        clean, counts = engine.redact(f"（截图识别）：{runs}{AFTER}")
        assert clean.endswith(" webhook]" + AFTER), (clean, counts)


@pytest.mark.parametrize("shape", [*ADDRESSES, "postgresql://app:<a11>1@db.example.com:5432/app"])
def test_an_address_in_base64_is_read(shape: str) -> None:
    coded = b64encode(grow(shape, random.Random(7)).encode()).decode()
    clean, counts = engine.redact(f"data:\n  target-url: {coded}\n  tz: QXNpYS9TaGFuZ2hhaQ==\n{AFTER}")
    assert sum(counts.values()) == 1, clean
    assert "tz: QXNpYS9TaGFuZ2hhaQ==" in clean, clean
    assert coded[40:52] not in clean


@pytest.mark.parametrize(
    "text", ["the web hook /hook/ and robot/ send it", "hooks.slack .com is down", "webhook/send?key="]
)
def test_talk_about_webhooks_stays(text: str) -> None:
    assert engine.redact(text) == (text, {})
