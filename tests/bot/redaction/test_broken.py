"""Keys that came in pieces: set in runs by text recognition, or broken over lines where their length is not known."""

from __future__ import annotations

import random

import pytest

from bot.redaction import engine
from bot.redaction.rules.shapes import grow

AFTER = "\n429 You exceeded your current quota, please check your plan"

# how the value is introduced, what it is, how wide its runs are
RUNS = (
    ("OCR: ADMIN_PASSWORD {}", "<a17>x7Q", (5, 8, 9, 10)),
    ("ADMIN_PASSWORD= {}", "Oftv<a11>7", (4,)),
    ("密码：{}", "<a14>x7Q", (4, 9)),
    ("STRIPE_SECRET_KEY {}", "sk_live_51<a97>", (4, 5, 6, 7)),
    ("密钥：{}", "STS.<a21>x7Q", (12,)),
    ("QIANFAN_AK= {}", "<a20>x7Qz", (12,)),
    ("OCR: QIANFAN_AK {}", "vfhf<a16>x7Qz", (4, 6, 12)),
    ("AZURE_OPENAI_API_KEY {}", "a24<h26>19b", (16,)),
    ("NVIDIA_API_KEY= {}", "nvapi-<u64>", (7, 9)),
    ("DEEPSEEK_API_KEY= {}", "sk-<h32>", (9, 10)),
)


@pytest.mark.parametrize(("template", "shape", "widths"), RUNS)
def test_a_key_in_runs_goes_to_its_last_run_and_no_further(template: str, shape: str, widths: tuple[int, ...]) -> None:
    rng = random.Random(4)
    for width in widths:
        for _ in range(4):
            key = grow(shape, rng)
            runs = " ".join(key[at : at + width] for at in range(0, len(key), width))
            clean, _ = engine.redact(template.format(runs) + AFTER)
            assert clean.endswith("]" + AFTER), (width, runs, clean)


@pytest.mark.parametrize(
    "text",
    [
        "ADMIN_PASSWORD must have eight characters",
        "your password gets sent there with your account",
        "API_KEY set here Code Path Line",
        "SOME_TOKEN gpt4o claude3 qwen3b",
    ],
)
def test_words_behind_a_name_are_no_runs(text: str) -> None:
    assert engine.redact(text) == (text, {})
