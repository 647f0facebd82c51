"""Names and values as people paste them: what goes, and what must stay as it is."""

from __future__ import annotations

import json
import random

import pytest

from bot.redaction import engine
from bot.redaction.rules.shapes import grow

# {} is the key
GONE = (
    'together_api_key         = "{}"',
    "api_key:               {}",
    'let api_key: &str = "{}";',
    'api_key: Optional[str] = "{}"',
    'apiKey: process.env.KEY || "{}",',
    'const key = process.env.API_KEY ?? "{}"',
    "Provider(name='x', secret=Secret(value='{}'))",
    "Settings(api_key=SecretStr('{}'))",
    'I set API_KEY to "{}" and it fails',
    "apikey——{}",
    '{{"name":"API_KEY","valueFrom":null,"value":"{}"}}',
    '"API_KEY": {{"value": "{}", "isSecret": true}}',
    "API_KEY:\n  value: {}\n  type: secret",
    "API_KEY [secret]: {}",
    "API_KEY?={}",
    'api_key <- "{}"',
    "《令牌》：{}",
    "[Authorization] => Bearer {}",
    "curl -H Authorization:\\ Bearer\\ {} https://api.example.com",
    "curl -u :{} https://api.example.com",
    '| name | QIANFAN_SK |\n|---|---|\n| prod | "{}" |',
    "| 项目 | 值 |\n|---|---|\n| API Key | `{}` |\n| 模型 | glm-4.6 |",
    "| 密钥 | {} |",
    "我的密钥如下：\n{}。余额不足",
    "I set the api key to {} but it fails",
    "API key not valid: {} request id: 0123456789abcdef-HKG",
    "Authentication failed for key {} request id: 0123456789abcdef-HKG",
    "access denied for token {}",
    "The key {} is invalid",
    "Your API key '{}' is no longer valid",
    "密钥 {} 已失效，请更换",
    "token {} expired",
    "密钥：||{}||，余额不足",
    'export TOGETHER_API_KEY="||{}||"',
    "GET /v1/models?access_token={}&alt=sse 403",
)
KEPT = (
    "令牌过期时间：2026-01-26T06:28:01Z 令牌分组：default",
    "password expires: 2026-01-26T06:28:01.123+08:00",
    "| API Key | Insufficient Balance |",
    "move the api key to prod-east-2-default-a1b2c3d4e5f6a7b8",
    "set the token to access the dashboard",
    "api_key=***,<h32>",
    "Overloaded\nchatcmpl-9lKEYI75paQSVn0kol<a8>",
    "invalid x-api-key (claude-sonnet-4-5-20250929)",
    "Incorrect API key provided (deepseek-ai/DeepSeek-V3.1-Terminus)",
    "invalid x-api-key（qwen3-max-2025-09-23）",
    "token revoked: req_<h32>",
    "INFO cache hit key=chat:<h32> ttl=300",
    "token bucket refill key=user:<d6> tokens=37",
    "invalid api key — <h32>",
    "Duplicate entry for key <h32>",
    "a || key || b <h32>",
    "authentication failed for key deepseek-chat-v3-0324-backup",
    "the key max_tokens is invalid, request <h32> is invalid",
    "invalid x-api-key | <h32>",
    'I set the key to "default" and it works',
    "curl -k https://api.example.com/v1/models",
    "def get(self, cookies: CookieTypes | None = None) -> Response:",
    "        self.jar.extract_cookies(urllib_response, urllib_request)",
    "session = aiohttp.ClientSession(\n    timeout=aiohttp.ClientTimeout(total=30),",
    "该令牌额度已用尽 TokenStatusExhausted[sk-<a3>***<a3>]",
    'codes = ("InvalidAccessKeyId", "SignatureDoesNotMatch")',
    "class KeyboardButtonRequestChat:",
    '{"header": {"code": 10110, "message": "x", "sid": "cht000<h5>@dx<h18>"}}',
    "ERROR sdk_result_error session=<g> api_error_status=429",
    "secret_id: arn:aws:secretsmanager:us-east-1:1:secret:prod/llm-AbCdEf",
    "账户余额不足，请充值 ; 17<d11> glm-4.6-flash",
    "request id: chatcmpl-key<a26>",
    "S3 key=uploads/2026/01/26/<h24>.png bucket=acme",
    "kafka key=<h24> partition=3",
    "x-api-key: [redacted]\ncookie: [Filtered]",
    "VXNlcjoxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTA=",
)


@pytest.mark.parametrize("template", GONE)
def test_a_key_without_a_prefix_goes(template: str) -> None:
    rng = random.Random(7)
    for shape in ("<h64>", "<a24>1aZ", "<h32>"):
        key = grow(shape, rng)
        clean, counts = engine.redact(template.format(key))
        assert counts
        assert key[:12] not in clean, clean
        assert key[-12:] not in clean, clean


def test_what_stands_beside_one_key_is_no_list() -> None:
    rng = random.Random(6)
    key, ident = grow("<h32>", rng), grow("<h32>", rng)
    assert engine.redact(f"API_KEY={key}, {ident}, 429") == (f"API_KEY=[api key], {ident}, 429", {"api key": 1})


@pytest.mark.parametrize("template", KEPT)
def test_what_only_looks_like_a_name_and_a_value_stays(template: str) -> None:
    for seed in range(6):
        text = grow(template, random.Random(seed))
        assert engine.redact(text) == (text, {})


@pytest.mark.parametrize(
    "template", ["MISTRAL_API_KEY={},{},{}\nMODEL=x", '{{"api_keys": ["{}", "{}", "{}"], "retry": 2}}']
)
def test_a_list_of_keys_goes_to_its_last(template: str) -> None:
    rng = random.Random(8)
    for shape in ("<h64>", "<a24>1aZ", "<h32>", "<b38>1a", "OzU#<l4>AZsW@pN"):
        keys = [grow(shape, rng) for _ in range(3)]
        clean, _ = engine.redact(template.format(*keys))
        assert not any(key[-9:] in clean for key in (keys if "#" not in shape else keys[:1])), clean
        assert clean.endswith(template[template.rindex("{}") + 2 :].replace("}}", "}")), clean


def test_a_key_ends_where_the_command_or_the_sentence_goes_on() -> None:
    rng = random.Random(5)
    for template in ("xoxb-<d12>-<d13>-<a24>", "sk-<a40>", "pypi-AgE<u120>", "ABSK<a100>"):
        key = grow(template, rng)
        clean, _ = engine.redact(f"docker run -e NAME={key} -e TZ=Asia/Shanghai app:v1")
        assert clean.endswith(" -e TZ=Asia/Shanghai app:v1"), clean
        clean, _ = engine.redact(f"key {key} maximum context length is 65536")
        assert clean.endswith(" maximum context length is 65536"), clean


def test_a_baidu_access_token_needs_no_name() -> None:
    key = grow("24.<h32>.2592000.17<d8>.282335-<d8>", random.Random(4))
    assert engine.redact(f"用的是{key}，报错")[0] == "用的是[baidu token]，报错"


def test_a_very_long_value_goes_to_its_end() -> None:
    key = grow("<b900>", random.Random(2))
    for template in ("AWS_SESSION_TOKEN={}", "Authorization: Bearer {}", "  SESSION_TOKEN: {}\nnext: 1"):
        assert key[-40:] not in engine.redact(template.format(key))[0]
    for place in (60, 450, 880):
        key = grow("FwoGZXIvYXdz<b900>", random.Random(place))
        clean = engine.redact(f"Bearer {key[:place]}\n  {key[place:]}\nOverloaded")[0]
        assert clean == "Bearer [aws token]\nOverloaded"


def test_a_card_is_known_by_its_number_whatever_word_ends_before_it() -> None:
    for text, gone in (
        ("paid with 4111111111111111 on 2026-05-04", "4111111111111111"),
        ("paid with 4111 1111 1111 1111 473 CNY", "1111 1111"),
        ("信用卡：3782 8224 6310 005，扣款", "3782 8224 6310 005"),
        ("ID card 11010519491231002X paid", "11010519491231002X"),
    ):
        assert gone not in engine.redact(text)[0]
    for text in ("task id 4111111111111111", "videoId 4111111111111111", "request_id=4111111111111111"):
        assert engine.redact(text) == (text, {})


def test_a_prompt_without_quotes_ends_where_the_next_parameter_begins() -> None:
    said = "一只橘猫坐在窗台上看雨，电影感"
    clean, _ = engine.redact(f"提交参数：model=wan2.5, prompt={said}, duration=5")
    assert clean == f"提交参数：model=wan2.5, prompt=[prompt, {len(said)} characters], duration=5"
    for text in ("generate(model=name, prompt=prompt, n=1)", "run(prompt=text)", "model=x, prompt=12, n=1"):
        assert engine.redact(text) == (text, {})


def test_a_dropped_prompt_says_what_media_went_with_it() -> None:
    data = grow("<b120>", random.Random(1))
    body = f'{{"contents": [{{"parts": [{{"inlineData": {{"mimeType": "image/jpeg", "data": "{data}"}}}}]}}]}}'
    assert engine.redact(body)[0].endswith(" characters, image/jpeg]]}")


AFTER = (
    "No remaining quota: none", "OK", "in arrears", "TZ=Asia/Shanghai", 'TZ="Asia/Shanghai"', "id: 12", "model: gpt-4o", "gpt-4o is slow", "HTTP/1.1 401", "v1.2.3",
    "Qwen/Qwen3-235B-A22B-Instruct-2507", "RateLimitError", "AuthenticationError: denied", "rate_limit_exceeded", "- next", "a b c d", "Id 42", "API key not valid.",
)  # fmt: skip


@pytest.mark.parametrize("after", AFTER)
def test_what_stands_behind_a_whole_key_stays(after: str) -> None:
    rng = random.Random(3)
    for template in (
        "nvapi-<u64>",
        "LTAI4G<a18>",
        "ya29.a0<u90>",
        "xoxe-1-<a146>",
        "<h64>",
        "<a40>",
        "gsk_<a52>",
        "<d10>:AA<u33>",
    ):
        key = grow(template, rng)
        for between in ("\n", " ", "\r\n"):
            text = f"TOGETHER_API_KEY={key}{between}{after}"
            assert engine.redact(text)[0].endswith("]" + between + after), text


def test_a_list_of_messages_ends_where_it_ends_in_a_quoted_answer_and_in_a_call() -> None:
    said = "请写一封道歉信，给王女士"
    body = json.dumps(
        {"model": "x", "messages": [{"role": "user", "content": said}], "n": 1}, ensure_ascii=False, indent=2
    )
    for text in (
        "\n".join("> " + line for line in body.split("\n")) + "\nInsufficient Balance",
        f'Request(model="x", messages=[ChatMessage(role="user", content="{said}")], n=1)\nInsufficient Balance',
        "{Model:x Messages:[{Role:user Content:" + said + " {a} }] Stream:false}\nInsufficient Balance",
    ):
        clean, _ = engine.redact(text)
        assert said not in clean
        assert clean.endswith("\nInsufficient Balance"), clean


def test_a_last_piece_that_reads_like_a_word_belongs_to_the_key() -> None:
    rng = random.Random(8)
    body = grow("<a47>", rng)
    for text, left in (
        (f"MOONSHOT_API_KEY=sk-{body[:22]}\r\n{body[22:]}\r\nM \nend", "[api key] \nend"),
        (f"provided: sk-{grow('<a14>', rng)}\\\nHgj1_88H.", "provided: [api key]."),
        ("APIPassword: zzuKLxD kWYdKbG EiAWZU: JucRaWw hzvdtuB FxPWyC", "APIPassword: [token]"),
    ):
        assert engine.redact(text)[0].endswith(left)
