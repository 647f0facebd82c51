"""Private keys as they are really pasted, and values that a program showed under their name."""

from __future__ import annotations

import random
from base64 import b64encode

import pytest

from bot.redaction import engine
from bot.redaction.rules.shapes import grow

BEGIN, END = "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"
# what holds the lines together, and what follows; {} is the key
PEMS = (
    ("\n", "{end}\n2026-01-26 12:00:01 Overloaded"),
    ("\n", "==\n\n2026-01-26 12:00:01 Overloaded"),
    ("\n", "==\n2026-01-26 12:00:01 Overloaded"),
    ("\n", "\n\n2026-01-26 12:00:01 Overloaded"),
    ("\n", "\nInsufficient Balance"),
    ("\n\n", "==\n\n2026-01-26 12:00:01 Overloaded"),
    ("\\n", '==", "client_email": "x"'),
    ("\n> ", "{end}\n> 2026-01-26 Overloaded"),
    ("\napp-1  | ", "{end}\napp-1  | 2026-01-26 Overloaded"),
    (" ", "{end} 2026-01-26 Overloaded"),
)


@pytest.mark.parametrize(("joint", "after"), PEMS)
def test_a_private_key_ends_where_it_ends(joint: str, after: str) -> None:
    lines = [grow("<b64>", random.Random(seed)) for seed in range(4)] + [grow("<b30>", random.Random(9))]
    tail = after.replace("{end}", joint + END)
    clean, counts = engine.redact(f"see {BEGIN}{joint}{joint.join(lines)}{tail}")
    assert clean == "see [private key]" + after.removeprefix("{end}").removeprefix("=="), clean
    assert counts == {"private key": 1}


FOLDED = (
    "sk-ant-api03-<u93>AA",
    "bce-v3/ALTAK-<a21>/<h40>",
    "glpat-<u20>.<m200>",
    "eyJhbGciOiJSUzI1NiIsImtpZCI6<u240>.eyJpc3MiOiJodHRwczovL3<u320>.<u342>",
    "https://hooks.slack.com/services/T<t9>/B<t9>/<a24>",
    "https://oapi.dingtalk.com/robot/send?access_token=<h64>",
    "postgres://app:<a20>@db.example.com:5432/prod?sslmode=require&application_name=quota-tests",
)


@pytest.mark.parametrize("joint", ["\n", "\n    ", "\r\n  ", "\\\n"])
@pytest.mark.parametrize("width", [64, 76])
def test_base64_that_was_folded_goes_whole(joint: str, width: int) -> None:
    for seed, shape in enumerate(FOLDED):
        coded = b64encode(grow(shape, random.Random(seed)).encode()).decode()
        folded = joint.join(coded[at : at + width] for at in range(0, len(coded), width))
        clean, _ = engine.redact(f"data:\n  key: {folded}\n  tz: QXNpYS9TaGFuZ2hhaQ==\nOverloaded")
        assert clean.split("]", 1)[1] == "\n  tz: QXNpYS9TaGFuZ2hhaQ==\nOverloaded", clean


@pytest.mark.parametrize("shape", ["sk-<h32>", "xoxb-<d12>-<d12>-<a24>", "pplx-<a48>", "github_pat_<a22>_<a59>"])
def test_a_key_whose_signs_were_widened_goes(shape: str) -> None:
    key = grow(shape, random.Random(2)).replace("-", "－").replace("_", "＿")
    for template in ("API_KEY={}\nOverloaded", "密钥：{}，模型：glm－4.6"):
        clean, counts = engine.redact(template.format(key))
        assert sum(counts.values()) == 1, clean
        assert template.format("\0").split("\0")[1] in clean, clean


SHOWN = (
    "<b>API Key</b>: <code>{}</code> 余额不足",
    ">>> os.environ['ARK_API_KEY']\n'{}'\n>>> ",
    "> localStorage.getItem('together_api_key')\n'{}'\nOverloaded",
    "$ echo $ARK_API_KEY\n{}\n$ python main.py",
    "C:\\bot>echo %ARK_API_KEY%\r\n{}\r\n",
    "slack_signing_secret\n  Extra inputs are not permitted [type=extra_forbidden, input_value='{}', input_type=str]",
)


@pytest.mark.parametrize("template", SHOWN)
@pytest.mark.parametrize("shape", ["<g>", "<h32>", "<a31>x7"])
def test_a_value_shown_under_its_name_goes(template: str, shape: str) -> None:
    key = grow(shape, random.Random(3))
    clean, _ = engine.redact(template.format(key))
    assert clean.split("[")[0] + clean.split("]", 1)[1] != clean
    assert key[4:12] not in clean
    assert clean.replace("[api key]", "{}") == template


@pytest.mark.parametrize(
    "text",
    [
        "    client = OpenAI(os.environ['OPENAI_API_KEY'])\nInsufficientBalance",
        "os.getenv('GEMINI_API_KEY')\ngoogle.genai.errors.ClientError",
        "$ echo $OPENAI_API_KEY\n\n$ python main.py",
        "OPENAI_API_KEY=process.env.OPENAI_API_KEY\nMODEL_NAME=deepseek-ai/DeepSeek-V3.1-Terminus",
        'key = os.getenv("OPENAI_API_KEY")\nwan2.5-t2v-preview-0123456789abcdef',
        "max_tokens\n  Input should be a valid integer [type=int_parsing, input_value='4096x', input_type=str]",
    ],
)
def test_what_only_stands_below_a_name_stays(text: str) -> None:
    assert engine.redact(text) == (text, {})
