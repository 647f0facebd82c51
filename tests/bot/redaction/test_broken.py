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
    ("TWINE_PASSWORD={}", "pypi-AgEIcHlwaS5vcmc<a149>x", (5,)),
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


# how the value is introduced and closed, what it is, where it is broken, and by what
LINES = (
    ("Together API key：{}。", "<h64>", (32,), "\n  "),
    ("TOGETHER_API_KEY={}", "<h64>", (32,), "\n"),
    ("TOGETHER_API_KEY={}", "<h64>", (16, 20), "\r\n"),
    ("MISTRAL_API_KEY={}", "Lphv<a26>x7", (4, 14), "\n> "),
    ("client = OpenAI(api_key='{}')", "100<h29>", (5, 14), "\r\n"),
    ("ZHIPUAI_API_KEY={}", "<h32>.<a16>", (4, 8), "\n  "),
    ("> ZHIPUAI_API_KEY={}", "<h32>.<a16>", (10, 20), "\n> "),
    ("export GITLAB_TOKEN={}", "glpat-<u20>", (3, 5), "\n"),
    ('curl -H "Authorization: Bearer {}" https://api.example.com', "AKIA<t16>", (3, 8), "=\n"),
    ("密钥：{}。", "sk-proj-<u20>T3BlbkFJ<u20>", (4,), "\n"),
    ("export GITHUB_TOKEN={}", "ghp_<a36>", (2,), "\\\n"),
    ("OPENAI_API_KEY={}", "sk-<a48>", (17, 20, 26, 38), "\n    "),
    ("密钥：{}。", "sk-<a48>-39", (24,), "\n  "),
    ("DEEPSEEK_API_KEY={}", "sk-<h32>", (3,), "\n    "),
    ("QIANFAN_SK={}", "QV<a28>x7", (3, 16), "\n"),
    ("AZURE_OPENAI_API_KEY={}", "<a52>JQQJ99<a26>", (16,), "\n"),
    ("火山SecretKey：{}。", "<a58>==", (16, 20), "\n"),
    ("SPARK_API_PASSWORD={}", "<h32>:<a32>", (16,), "\n"),
    ("WARP_REFRESH_TOKEN={}", "AMf-vB<u210>", (20, 40), "\n"),
    ("ADMIN_PASSWORD={}", "vo0<a13>xY7Q", (10,), "\n    "),
    ('ADMIN_PASSWORD: "{}"', "qE<a8>Wx7Q", (7,), "\n  "),
    ("export LITELLM_API_KEY={}", "sk-<a19>hBh", (22,), "\n"),
    ('> GITLAB_TOKEN = "{}"', "glpat-<u20>", (10,), '" +\n>     "'),
    ('session = "{}"', "<a40>%3D", (41,), '"+"'),
    ("printf '%s' {} | docker login", "<h32>.<a16>", (19, 38), "\r\n"),
    ("printf '%s' {} | docker login", "sk-<a48>-82", (23, 45), "\n  "),
    ("用的是 {}", "24.<h32>.2592000.17<d8>.282335-<d8>", (24,), "=\n"),
    ("{}", "<h32>:<a32>", (25, 32), "\n    "),
    ("> {}", "<d10>:AA<u33>", (13,), "\n> "),
    ("（{}）", "M<a23>.G<a5>.<u38>", (16,), "\n"),
    ("my key is\n{}", "<h32>", (), ""),
    ("> CO_API_KEY:\n> {}", "<a37>x7Q", (), ""),
)


@pytest.mark.parametrize(("template", "shape", "breaks", "joint"), LINES)
def test_a_broken_value_goes_to_its_last_line_and_no_further(
    template: str, shape: str, breaks: tuple[int, ...], joint: str
) -> None:
    rng = random.Random(5)
    before, after = template.split("{}")
    for _ in range(4):
        key = grow(shape, rng)
        if len(breaks) == 1 and breaks[0] * 3 <= len(key):
            breaks = tuple(range(breaks[0], len(key), breaks[0]))  # lines of one width
        ends = (0, *breaks, len(key))
        pieces = joint.join(key[begin:end] for begin, end in zip(ends, ends[1:], strict=False))
        clean, _ = engine.redact(before + pieces + after + AFTER)
        assert clean.endswith(("]" + after + AFTER, "]" + AFTER)), (pieces, clean)
        assert clean.count("[") == 1, (pieces, clean)


@pytest.mark.parametrize(
    "template",
    [
        "MISTRAL_API_KEY=<a32>\n<h32>",
        "DEEPSEEK_API_KEY=<h32>\n<h32>",
        "API_KEY=none\n<h32>",
        "token: 1\n<h32>",
        "api_key: abc\nrate_limit_exceeded",
        "KEY=ab1\nqwen3-max",
        "PASSWORD=<a12>7\nproduction",
        "PASSWORD=<a12>7\nInvalidApiKey",
        "PASSWORD=<a12>7\nQwen3",
        "PASSWORD=<a12>7\nreq_<h24>",
        "TOGETHER_API_KEY=<h64>\n<h32>",
        "<h32>:<a32>\nIncorrect API key provided",
        "request_id=<h32>\n<h8>.service",
        "token = 'eyJ<a33>.eyJ<a40>.<a43>'\n\"name\": 1",
        '"qianfan_sk": "<a30>x7",\nbaidu_model=ernie-4.5-turbo-128k',
    ],
)
def test_what_stands_alone_below_a_whole_value_stays(template: str) -> None:
    for seed in range(6):
        text = grow(template, random.Random(seed))
        below = text.split("\n")[1]
        assert engine.redact(text)[0].endswith("\n" + below), text


@pytest.mark.parametrize(
    ("noise", "shape", "name"),
    [
        ("POST https://hooks.slack.com/ failed 429\n", "https://hooks.slack.com/services/T<t9>/B<t9>/<a24>", ""),
        ("    key: k12\n    name: app\n", "<a40>", "API_KEY="),
        ("took 1234567\n12:00:01 ok\n", "<h32>.<a16>", "x "),
    ],
)
def test_what_comes_before_a_broken_key_does_not_hide_it(noise: str, shape: str, name: str) -> None:
    key = grow(shape, random.Random(3))
    for place in (6, len(key) - 20) if name == "API_KEY=" else (20, len(key) - 14):
        clean, _ = engine.redact(f"{noise * 300}{name}{key[:place]}\n{key[place:]}\nOverloaded")
        assert clean.startswith(noise * 300 + name + "["), clean[-200:]
        assert clean.endswith("]\nOverloaded"), clean[-200:]
