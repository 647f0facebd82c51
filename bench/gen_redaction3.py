"""A third set of made-up messages: what people paste from tools, shells, configuration and chats, each key in one dress.

    python bench/gen_redaction3.py --seed 1 --count 2000            # JSON lines, as bench/gen_redaction.py writes them
    python bench/gen_redaction3.py --seed 1 --count 2000 --score    # cleans them and tells leaks, lost evidence, changed messages

Shares nothing with the first two sets or with the rules: the shapes of keys are written again from the makers' documents, and a leak
is told by other means than the rules use.
"""

from __future__ import annotations

import argparse
import base64
import collections
import html
import json
import random
import re
import string
import sys
import unicodedata
import urllib.parse
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

LOW, UP, NUM = string.ascii_lowercase, string.ascii_uppercase, string.digits
HEX, ALNUM, URL64, STD64 = NUM + "abcdef", LOW + UP + NUM, LOW + UP + NUM + "-_", LOW + UP + NUM + "+/"


class Kind(NamedTuple):
    name: str
    grow: Callable[[random.Random], str]
    public: int  # so many characters in front are the same for everybody
    variable: str
    maker: str
    bare: bool = False  # nothing but its name tells it


def some(r: random.Random, alphabet: str, count: int) -> str:
    return "".join(r.choices(alphabet, k=count))


def after(prefix: str, alphabet: str, *counts: int, tail: str = "") -> Callable[[random.Random], str]:
    return lambda r: prefix + some(r, alphabet, r.choice(counts)) + tail


def guid(r: random.Random) -> str:
    return str(uuid.UUID(int=r.getrandbits(128), version=4))


def _openai(prefix: str, half: int) -> Callable[[random.Random], str]:
    return lambda r: prefix + some(r, URL64, half - 1) + some(r, ALNUM, 1) + "T3Blbk" + "FJ" + some(r, URL64, half - 1) + some(r, ALNUM, 1)  # fmt: skip


def _signed(
    claims: Callable[[random.Random], dict[str, object]], alg: str, signature: int
) -> Callable[[random.Random], str]:
    def grow(r: random.Random) -> str:
        def part(data: object) -> str:
            return base64.urlsafe_b64encode(json.dumps(data, separators=(",", ":")).encode()).decode().rstrip("=")

        return f"{part({'alg': alg, 'typ': 'JWT'})}.{part(claims(r))}.{some(r, URL64, signature)}"

    return grow


KINDS: tuple[Kind, ...] = (
    Kind("openai-old", lambda r: "sk-" + some(r, ALNUM, 20) + "T3Blbk" + "FJ" + some(r, ALNUM, 20), 3, "OPENAI_API_KEY", "OpenAI"),
    Kind("openai-project", _openai("sk-proj-", 74), 8, "OPENAI_API_KEY", "OpenAI"),
    Kind("openai-project-58", _openai("sk-proj-", 58), 8, "OPENAI_API_KEY", "OpenAI"),
    Kind("openai-project-20", _openai("sk-proj-", 20), 8, "OPENAI_API_KEY", "OpenAI"),
    Kind("openai-service", _openai("sk-svcacct-", 58), 11, "OPENAI_API_KEY", "OpenAI"),
    Kind("openai-admin", _openai("sk-admin-", 74), 9, "OPENAI_ADMIN_KEY", "OpenAI"),
    Kind("openai-browser", after("sess-", ALNUM, 40), 5, "OPENAI_SESSION", "OpenAI"),
    Kind("anthropic", after("sk-ant-api03-", URL64, 93, tail="AA"), 13, "ANTHROPIC_API_KEY", "Claude"),
    Kind("anthropic-admin", after("sk-ant-admin01-", URL64, 93, tail="AA"), 15, "ANTHROPIC_ADMIN_KEY", "Anthropic"),
    Kind("anthropic-login", after("sk-ant-oat01-", URL64, 93, tail="AA"), 13, "CLAUDE_CODE_OAUTH_TOKEN", "Claude"),
    Kind("anthropic-refresh", after("sk-ant-ort01-", URL64, 93, tail="AA"), 13, "refreshToken", "Claude"),
    Kind("google", after("AIzaSy", URL64, 33), 6, "GOOGLE_API_KEY", "Gemini"),
    Kind("google-2026", after("AQ.Ab8RN6", URL64, 44), 9, "GEMINI_API_KEY", "Gemini"),
    Kind("google-access", after("ya29.a0", URL64, 140, 180, 210), 7, "GOOGLE_ACCESS_TOKEN", "Google"),
    Kind("google-refresh", after("1//0", URL64, 99), 4, "GOOGLE_REFRESH_TOKEN", "Google"),
    Kind("google-client", after("GOCSPX-", URL64, 28), 7, "GOOGLE_CLIENT_SECRET", "Google"),
    Kind("deepseek", after("sk-", HEX, 32), 3, "DEEPSEEK_API_KEY", "DeepSeek"),
    Kind("moonshot", after("sk-", ALNUM, 48), 3, "MOONSHOT_API_KEY", "Kimi"),
    Kind("kimi-coding", after("sk-kimi-", ALNUM, 64), 8, "KIMI_API_KEY", "Kimi"),
    Kind("siliconflow", after("sk-", LOW, 48), 3, "SILICONFLOW_API_KEY", "硅基流动"),
    Kind("openrouter", after("sk-or-v1-", HEX, 64), 9, "OPENROUTER_API_KEY", "OpenRouter"),
    Kind("groq", after("gsk_", ALNUM, 52), 4, "GROQ_API_KEY", "Groq"),
    Kind("xai", after("xai-", ALNUM, 80), 4, "XAI_API_KEY", "Grok"),
    Kind("huggingface", after("hf_", LOW + UP, 34), 3, "HF_TOKEN", "HuggingFace"),
    Kind("huggingface-org", after("api_org_", LOW + UP, 34), 8, "HF_TOKEN", "HuggingFace"),
    Kind("replicate", after("r8_", ALNUM, 37), 3, "REPLICATE_API_TOKEN", "Replicate"),
    Kind("perplexity", after("pplx-", ALNUM, 48), 5, "PPLX_API_KEY", "Perplexity"),
    Kind("fireworks", lambda r: "fw_" + some(r, ALNUM, r.choice((22, 38))) + "3Q", 3, "FIREWORKS_API_KEY", "Fireworks"),
    Kind("together", after("tgp_v1_", URL64, 43), 7, "TOGETHER_API_KEY", "Together"),
    Kind("together-old", after("", HEX, 64), 0, "TOGETHER_API_KEY", "Together", True),
    Kind("mistral", after("", ALNUM, 32), 0, "MISTRAL_API_KEY", "Mistral", True),
    Kind("cohere", after("", ALNUM, 40), 0, "CO_API_KEY", "Cohere", True),
    Kind("cerebras", after("csk-", LOW + NUM, 48), 4, "CEREBRAS_API_KEY", "Cerebras"),
    Kind("nvidia", after("nvapi-", URL64, 60, 64, 70), 6, "NVIDIA_API_KEY", "NVIDIA"),
    Kind("zhipu", lambda r: some(r, HEX, 32) + "." + some(r, ALNUM, 16), 0, "ZHIPUAI_API_KEY", "智谱"),
    Kind("zhipu-jwt", _signed(lambda r: {"api_key": some(r, HEX, 32), "exp": 1769000000000, "timestamp": 1768999000000}, "HS256", 43), 37, "ZHIPU_TOKEN", "智谱"),
    Kind("dashscope", after("sk-", HEX, 32), 3, "DASHSCOPE_API_KEY", "通义千问"),
    Kind("dashscope-plan", after("sk-sp-", HEX, 32), 6, "DASHSCOPE_API_KEY", "百炼"),
    Kind("ark", guid, 0, "ARK_API_KEY", "火山方舟", True),
    Kind("ark-2026", lambda r: "ark-" + guid(r) + "-" + some(r, HEX, 5), 4, "ARK_API_KEY", "豆包"),
    Kind("volc-ak", lambda r: "AKLT" + some(r, ALNUM, 43), 4, "VOLC_ACCESS_KEY_ID", "火山引擎"),
    Kind("volc-sk", lambda r: base64.b64encode(some(r, HEX, 43).encode()).decode(), 0, "VOLC_SECRET_ACCESS_KEY", "火山引擎", True),
    Kind("qianfan", lambda r: f"bce-v3/ALTAK-{some(r, ALNUM, 21)}/{some(r, HEX, 40)}", 13, "QIANFAN_API_KEY", "千帆"),
    Kind("baidu-sk", after("", ALNUM, 32), 0, "BAIDU_SECRET_KEY", "百度", True),
    Kind("tencent-id", after("AKID", ALNUM, 32), 4, "TENCENTCLOUD_SECRET_ID", "腾讯云"),
    Kind("tencent-key", after("", ALNUM, 32), 0, "TENCENTCLOUD_SECRET_KEY", "腾讯云", True),
    Kind("alibaba-id", after("LTAI5t", ALNUM, 18), 6, "ALIBABA_CLOUD_ACCESS_KEY_ID", "阿里云"),
    Kind("alibaba-secret", after("", ALNUM, 30), 0, "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "阿里云", True),
    Kind("minimax", _signed(lambda r: {"GroupName": "x", "UserName": "y", "SubjectID": some(r, NUM, 19), "iss": "minimax"}, "RS256", 342), 37, "MINIMAX_API_KEY", "MiniMax"),
    Kind("minimax-2026", after("sk-api-", URL64, 119), 7, "MINIMAX_API_KEY", "MiniMax"),
    Kind("modelscope", lambda r: "ms-" + guid(r), 3, "MODELSCOPE_API_KEY", "魔搭"),
    Kind("spark", lambda r: some(r, HEX, 32) + ":" + base64.b64encode(some(r, HEX, 24).encode()).decode(), 0, "SPARK_API_PASSWORD", "讯飞星火", True),
    Kind("gateway", lambda r: "sk-" + some(r, ALNUM, 48), 3, "ONE_API_TOKEN", "中转站"),
    Kind("gateway-channel", lambda r: "sk-" + some(r, ALNUM, 48) + "-" + str(r.randint(1, 99)), 3, "NEW_API_TOKEN", "中转站"),
    Kind("litellm", after("sk-", URL64, 22), 3, "LITELLM_MASTER_KEY", "LiteLLM"),
    Kind("azure", after("", HEX, 32), 0, "AZURE_OPENAI_API_KEY", "Azure", True),
    Kind("azure-84", lambda r: some(r, ALNUM, 52) + "JQQJ" + "99" + some(r, ALNUM, 26), 0, "AZURE_OPENAI_KEY", "Azure"),
    Kind("aws-id", after("AKIA", UP + "234567", 16), 4, "AWS_ACCESS_KEY_ID", "AWS"),
    Kind("aws-temporary", after("ASIA", UP + "234567", 16), 4, "AWS_ACCESS_KEY_ID", "AWS"),
    Kind("aws-secret", after("", STD64, 40), 0, "AWS_SECRET_ACCESS_KEY", "AWS", True),
    Kind("aws-session", lambda r: "IQoJb3JpZ2lu" + some(r, STD64, 320), 12, "AWS_SESSION_TOKEN", "AWS", True),
    Kind("bedrock", lambda r: "ABSK" + base64.b64encode(("BedrockAPIKey-" + some(r, ALNUM, 82)).encode()).decode(), 23, "AWS_BEARER_TOKEN_BEDROCK", "Bedrock"),
    Kind("elevenlabs", after("sk_", HEX, 48), 3, "ELEVENLABS_API_KEY", "ElevenLabs"),
    Kind("langfuse", lambda r: "sk-lf-" + guid(r), 6, "LANGFUSE_SECRET_KEY", "Langfuse"),
    Kind("langsmith", lambda r: f"lsv2_pt_{some(r, HEX, 32)}_{some(r, HEX, 10)}", 8, "LANGSMITH_API_KEY", "LangSmith"),
    Kind("warp", after("AMf-vB", URL64, 180, 200, 220), 6, "WARP_REFRESH_TOKEN", "Warp"),
    Kind("slack-bot", lambda r: f"xoxb-{some(r, NUM, 12)}-{some(r, NUM, 13)}-{some(r, ALNUM, 24)}", 5, "SLACK_BOT_TOKEN", "Slack"),
    Kind("slack-user", lambda r: f"xoxp-{some(r, NUM, 12)}-{some(r, NUM, 12)}-{some(r, NUM, 13)}-{some(r, HEX, 32)}", 5, "SLACK_USER_TOKEN", "Slack"),
    Kind("slack-app", lambda r: f"xapp-1-A{some(r, UP + NUM, 10)}-{some(r, NUM, 13)}-{some(r, HEX, 64)}", 7, "SLACK_APP_TOKEN", "Slack"),
    Kind("slack-config", after("xoxe.xoxp-1-", ALNUM, 163, 166), 12, "SLACK_CONFIG_TOKEN", "Slack"),
    Kind("slack-signing", after("", HEX, 32), 0, "SLACK_SIGNING_SECRET", "Slack signing", True),
    Kind("telegram", lambda r: f"{r.randint(10**8, 10**10 - 1)}:AA{some(r, URL64, 33)}", 0, "TELEGRAM_BOT_TOKEN", "Telegram"),
    Kind("discord", lambda r: f"MT{some(r, ALNUM, 24)}.G{some(r, ALNUM, 5)}.{some(r, URL64, 38)}", 0, "DISCORD_TOKEN", "Discord"),
    Kind("github", after("ghp_", ALNUM, 36), 4, "GITHUB_TOKEN", "GitHub"),
    Kind("github-actions", after("ghs_", ALNUM, 36), 4, "GITHUB_TOKEN", "GitHub"),
    Kind("github-fine", lambda r: f"github_pat_{some(r, ALNUM, 22)}_{some(r, ALNUM, 59)}", 11, "GH_TOKEN", "GitHub"),
    Kind("gitlab", after("glpat-", URL64, 20), 6, "GITLAB_TOKEN", "GitLab"),
    Kind("gitlab-routable", lambda r: f"glpat-{some(r, URL64, r.choice((27, 40, 60)))}.{some(r, LOW + NUM, 9)}", 6, "GITLAB_TOKEN", "GitLab"),
    Kind("npm", after("npm_", ALNUM, 36), 4, "NPM_TOKEN", "npm"),
    Kind("pypi", after("pypi-AgEIcHlwaS5vcmc", URL64, 140, 160), 20, "TWINE_PASSWORD", "PyPI"),
    Kind("stripe", lambda r: "sk_live_51" + some(r, ALNUM, 97), 10, "STRIPE_SECRET_KEY", "Stripe"),
    Kind("stripe-short", after("sk_test_", ALNUM, 24), 8, "STRIPE_SECRET_KEY", "Stripe"),
    Kind("stripe-hook", after("whsec_", ALNUM, 32), 6, "STRIPE_WEBHOOK_SECRET", "Stripe"),
    Kind("sendgrid", lambda r: f"SG.{some(r, URL64, 22)}.{some(r, URL64, 43)}", 3, "SENDGRID_API_KEY", "SendGrid"),
    Kind("login-jwt", _signed(lambda r: {"sub": guid(r), "name": "me", "iat": 1769000000}, "HS256", 43), 37, "ACCESS_TOKEN", "登录"),
    Kind("mimo", lambda r: "tp-" + some(r, LOW + NUM, 46) + "4z", 3, "MIMO_API_KEY", "MiMo"),
)  # fmt: skip

# -- evidence: each goes into a message and must come out of it ---------------------------------------------------------------------

MODELS = (
    "gpt-4o-2024-11-20", "gpt-5.1-codex-max", "claude-sonnet-4-5-20250929", "claude-3-5-haiku-20241022", "gemini-2.5-flash-preview-09-2025",
    "deepseek-ai/DeepSeek-V3.2-Exp", "Qwen/Qwen3-235B-A22B-Instruct-2507", "doubao-seed-1-6-thinking-250715", "glm-4.6-flash", "kimi-k2-0905-preview",
    "moonshot-v1-128k-vision-preview", "hunyuan-turbos-20250926", "ERNIE-4.5-Turbo-128K", "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8",
    "accounts/fireworks/models/kimi-k2-instruct-0905", "anthropic.claude-sonnet-4-5-20250929-v1:0", "us.anthropic.claude-opus-4-1-20250805-v1:0",
    "text-embedding-3-large", "sora-2-pro-1280x720", "MiniMax-M2", "grok-4-fast-non-reasoning", "BAAI/bge-reranker-v2-m3", "wan2.5-t2v-preview",
)  # fmt: skip
FAULTS = (
    "You exceeded your current quota, please check your plan and billing details", "Insufficient Balance", "账户余额不足，请充值后重试", "该令牌额度已用尽",
    "Your credit balance is too low to access the Anthropic API", "Rate limit reached for gpt-4o in organization", "当前分组上游负载已饱和，请稍后再试",
    "context_length_exceeded", "The model `gpt-5` does not exist or you do not have access to it", "insufficient_quota", "预扣费额度失败",
    "token limit exceeded", "Access denied due to invalid subscription key or wrong API endpoint", "invalid x-api-key", "无效的令牌",
    "API key not valid. Please pass a valid API key.", "身份验证失败", "key is required", "Too Many Requests", "免费额度已用完，请开通按量付费",
)  # fmt: skip
MASKED = (
    "sk-****{4}", "sk-proj-****{4}", "sk-...{4}", "sk-ant-api03-{3}...{4}", "AIza••••••{4}", "Bearer ***", "sk-{4}*****{4}", "{4}****{4}",
    "sk-or-v1-{3}...{3}", "ghp_****************{4}", "xoxb-****-****", "AKIA************{4}", "eyJh…{4}", "[REDACTED]",
)  # fmt: skip
HOLDERS = (
    "YOUR_API_KEY", "<YOUR_API_KEY>", "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "${OPENAI_API_KEY}", "your-api-key-here", "{{api_key}}", "$ANTHROPIC_API_KEY",
    "os.environ['OPENAI_API_KEY']", 'os.getenv("DEEPSEEK_API_KEY")', "process.env.OPENAI_API_KEY", "${{ secrets.OPENAI_API_KEY }}", "%OPENAI_API_KEY%",
    "sk-your-key", "<token>", "changeme", "null", "None", "!secret openai", "vault:secret/data/llm#key", "REPLACE_ME",
)  # fmt: skip


def request_id(r: random.Random) -> str:
    return r.choice(
        (
            lambda: "req_" + some(r, HEX, 32),
            lambda: "req_011C" + some(r, "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", 20),
            lambda: "msg_01" + some(r, ALNUM, 22),
            lambda: "chatcmpl-" + some(r, ALNUM, 29),
            lambda: "chatcmpl-" + guid(r),
            lambda: f"gen-{r.randint(1760000000, 1769999999)}-{some(r, ALNUM, 20)}",
            lambda: "resp_" + some(r, HEX, 48),
            lambda: "batch_" + some(r, HEX, 24),
            lambda: "toolu_01" + some(r, ALNUM, 22),
            lambda: guid(r),
            lambda: some(r, HEX, 32),
            lambda: (
                f"20260{r.randint(1, 9)}1210{r.randint(1000, 5959)}{r.randint(10**6, 10**9 - 1)}{some(r, ALNUM, 8)}"
            ),
            lambda: f"2026031517{r.randint(1000, 5959)}{some(r, HEX, 16)}",
            lambda: f"021{r.randint(760000000000, 769999999999)}{some(r, HEX, 38)}",
            lambda: some(r, HEX, 16) + "-" + r.choice(("HKG", "SIN", "LAX", "NRT", "FRA")),
            lambda: "as-" + some(r, LOW + NUM, 10),
        )
    )()


def task_id(r: random.Random) -> str:
    return r.choice(
        (
            lambda: guid(r),
            lambda: "task_01J" + some(r, "0123456789ABCDEFGHJKMNPQRSTVWXYZ", 23),
            lambda: f"cgt-20260{r.randint(1, 9)}15{r.randint(100000, 235959)}-{some(r, LOW + NUM, 5)}",
            lambda: "video_" + some(r, HEX, 48),
            lambda: some(r, LOW + NUM, 26),
            lambda: r.choice("12345789") + some(r, NUM, r.choice((15, 16, 17))),
            lambda: r.choice("123456789") + some(r, NUM, 17),
        )
    )()


def trace_id(r: random.Random) -> str:
    return r.choice(
        (
            lambda: f"00-{some(r, HEX, 32)}-{some(r, HEX, 16)}-01",
            lambda: some(r, HEX, 32),
            lambda: f"1-{some(r, HEX, 8)}-{some(r, HEX, 24)}",
        )
    )()


def moment(r: random.Random) -> str:
    return r.choice(
        (
            f"2026-0{r.randint(1, 9)}-1{r.randint(0, 9)}T0{r.randint(0, 9)}:{r.randint(10, 59)}:{r.randint(10, 59)}.{r.randint(100, 999)}Z",
            f"2026/0{r.randint(1, 9)}/2{r.randint(0, 8)} - 1{r.randint(0, 9)}:{r.randint(10, 59)}:{r.randint(10, 59)}",
            str(r.randint(1760000000, 1769999999)),
            str(r.randint(1760000000000, 1769999999999)),
            f"2026-0{r.randint(1, 9)}-0{r.randint(1, 9)} 2{r.randint(0, 3)}:{r.randint(10, 59)}:{r.randint(10, 59)},{r.randint(100, 999)}",
            f"Mon, 2{r.randint(0, 8)} Jan 2026 10:{r.randint(10, 59)}:10 GMT",
        )
    )


def money(r: random.Random) -> str:
    return r.choice((f"¥{r.randint(1, 999)}.00", f"${r.randint(0, 9)}.{some(r, NUM, 6)}", f"CNY {r.randint(1, 99)}.50", f"-{r.randint(1, 99)}.1{r.randint(1, 9)} USD", f"{r.randint(1, 99)} 元", f"＄0.0{some(r, NUM, 5)}"))  # fmt: skip


def masked(r: random.Random) -> str:
    return re.sub(r"\{(\d)\}", lambda found: some(r, ALNUM, int(found[1])), r.choice(MASKED))


class Message:
    def __init__(self, r: random.Random) -> None:
        self.r = r
        self.secrets: list[tuple[str, int, str]] = []
        self.keep: list[str] = []

    def stays(self, text: str) -> str:
        self.keep.append(text)
        return text

    def rid(self) -> str:
        return self.stays(request_id(self.r))

    def model(self) -> str:
        return self.stays(self.r.choice(MODELS))

    def fault(self) -> str:
        return self.stays(self.r.choice(FAULTS))

    def proof(self) -> str:
        """A line of evidence, as it stands beside keys."""
        r = self.r
        return r.choice(
            (
                lambda: f"request id: {self.rid()}",
                lambda: f"(request id: {self.rid()})",
                lambda: (
                    f'{{"error":{{"message":"{self.fault()}","type":"{self.stays("invalid_request_error")}"}},"request_id":"{self.rid()}"}}'
                ),
                lambda: (
                    f"{self.stays(moment(r))} {self.model()} {self.stays('HTTP ' + r.choice(('401', '402', '403', '429', '503')))} {self.fault()}"
                ),
                lambda: f"x-request-id: {self.rid()}",
                lambda: f"trace_id={self.stays(trace_id(r))} model={self.model()}",
                lambda: f"任务ID：{self.stays(task_id(r))}，扣了{self.stays(money(r))}，{self.fault()}",
                lambda: f"task_id: {self.stays(task_id(r))} status={self.stays('failed')}",
                lambda: (
                    f"[GIN] {self.stays('2026/01/26 - 10:09:10')} | {self.stays('429')} | 1.234s | POST {self.stays('/v1/chat/completions')}"
                ),
                lambda: (
                    f"订单号 {self.stays('2026' + some(r, NUM, r.choice((14, 20, 24))))} 支付宝 {self.stays(money(r))}"
                ),
                lambda: f"commit {self.stays(some(r, HEX, 40))}",
                lambda: f"image sha256:{self.stays(some(r, HEX, 64))}",
                lambda: f'etag: W/"{self.stays(some(r, HEX, 32))}"',
                lambda: f"openai=={self.stays('1.99.1')} python/{self.stays('3.11.9')} {self.fault()}",
                lambda: (
                    f"usage: {self.stays('prompt_tokens=1280')} {self.stays('completion_tokens=12')} {self.stays('max_tokens: 4096')}"
                ),
                lambda: f"key {self.stays(masked(r))} 报错 {self.fault()}",
                lambda: f"cf-ray: {self.stays(some(r, HEX, 16) + '-HKG')}",
            )
        )()


# -- dresses: how a key looks after a chat, a shell or an encoder had it -------------------------------------------------------------


def _sprinkle(mark: str) -> Callable[[random.Random, str], str]:
    def dress(r: random.Random, key: str) -> str:
        step = r.randint(6, 14)
        return mark.join(key[at : at + step] for at in range(0, len(key), step))

    return dress


def _broken(joint: str) -> Callable[[random.Random, str], str]:
    def dress(r: random.Random, key: str) -> str:
        width = r.randint(max(12, len(key) // 3), max(13, len(key) - 8))
        return joint.join(key[at : at + width] for at in range(0, len(key), width))

    return dress


def _fullwidth(r: random.Random, key: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in key)


def _percent(r: random.Random, key: str) -> str:
    return "".join(char if char.isalnum() and r.random() > 0.05 else f"%{ord(char):02{r.choice('xX')}}" for char in key)


def _unicode(r: random.Random, key: str) -> str:
    return "".join(char if char.isalnum() and r.random() > 0.05 else f"\\u{ord(char):04x}" for char in key)


def _between(marks: str) -> Callable[[random.Random, str], str]:
    def dress(r: random.Random, key: str) -> str:
        first = r.randint(4, len(key) // 2)
        second = r.randint(first + 2, len(key) - 2)
        return key[:first] + marks + key[first:second] + marks + key[second:]

    return dress


DRESSES: dict[str, Callable[[random.Random, str], str]] = {
    "zero-width": lambda r, key: _sprinkle(r.choice(("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad")))(r, key),
    "line": _broken("\n"),
    "crlf": _broken("\r\n"),
    "indented": _broken("\n    "),
    "shell": _broken("\\\n"),
    "mail": _broken("=\n"),
    "quoted": _broken("\n> "),
    "fullwidth": _fullwidth,
    "percent": _percent,
    "percent-twice": lambda r, key: urllib.parse.quote(_percent(r, key), safe=""),
    "unicode": _unicode,
    "unicode-twice": lambda r, key: _unicode(r, key).replace("\\", "\\\\"),
    "markdown-escapes": lambda r, key: re.sub(r"([_\-.*])", r"\\\1", key),
    "bold": _between("**"),
    "underlined": _between("__"),
    "ticks": _between("`"),
    "struck": _between("~~"),
    "plus": lambda r, key: _between(r.choice(('" + "', "' + '", '" . "', "' . '", '" & "', '" "', "' '", '"\n    "', '" +\n      "', '" \\\n  "')))(r, key),
    "entities": lambda r, key: "".join(char if char.isalnum() else f"&#{ord(char)};" for char in key),
    "base64": lambda r, key: base64.b64encode(key.encode()).decode(),
    "base64-line": lambda r, key: base64.b64encode((key + "\n").encode()).decode(),
    "base64-url": lambda r, key: base64.urlsafe_b64encode(key.encode()).decode().rstrip("="),
    "base64-json": lambda r, key: base64.b64encode(json.dumps({"api_key": key, "v": 1}).encode()).decode(),
}  # fmt: skip
# what a dress can be put on: without a maker's prefix a key in pieces is known by its name alone
_HARD = frozenset(("base64-json",))

# -- places: where it stands -------------------------------------------------------------------------------------------------------

Place = Callable[[Message, Kind, str], str]


def _camel(name: str) -> str:
    parts = name.lower().split("_")
    return parts[0] + "".join(part.title() for part in parts[1:])


def _curl_user(m: Message, kind: Kind, key: str) -> str:
    return f"curl -s -u {m.r.choice(('api', 'user', 'sk', 'token'))}:{key} https://api.{m.r.choice(('stripe', 'example', 'relay'))}.com/v1/models"


def _netrc(m: Message, kind: Kind, key: str) -> str:
    return m.r.choice(
        ("machine api.example.com login me password {}", "machine github.com\n  login me\n  password {}\n")
    ).format(key)


def _basic(m: Message, kind: Kind, key: str) -> str:
    pair = m.r.choice((f"api:{key}", f"{key}:", f"me@corp:{key}", f":{key}"))
    coded = base64.b64encode(pair.encode()).decode()
    m.secrets.append((coded, 0, "basic"))
    return m.r.choice((f"Authorization: Basic {coded}", f"-H 'Authorization: Basic {coded}'", f'"Authorization": "Basic {coded}"', f'  "auths": {{"registry.example.com": {{"auth": "{coded}"}}}}'))  # fmt: skip


def _nested(m: Message, kind: Kind, key: str) -> str:
    text = json.dumps({_camel(kind.variable): key})
    for _ in range(m.r.randint(1, 3)):
        text = json.dumps({m.r.choice(("payload", "body", "data", "raw")): text})
    return text


def _har(m: Message, kind: Kind, key: str) -> str:
    return json.dumps({"request": {"method": "POST", "url": f"https://api.example.com/v1/x?key={key}", "headers": [{"name": "authorization", "value": f"Bearer {key}"}, {"name": "content-type", "value": "application/json"}], "cookies": []}}, indent=m.r.choice((None, 2)))  # fmt: skip


def _dump(m: Message, kind: Kind, key: str) -> str:
    """A whole set of headers, as a client prints it: the credential goes, and so do the harmless ones (not searched for here)."""
    rid = m.rid()
    pairs = [("host", "api.example.com"), ("user-agent", "OpenAI/Python 1.99.1"), ("accept", "application/json"), ("authorization", f"Bearer {key}"), ("x-stainless-lang", "python"), ("x-request-id", rid)]  # fmt: skip
    shape = m.r.randrange(8)
    if shape == 0:
        return "Headers([" + ", ".join(f"(b'{name}', b'{value}')" for name, value in pairs) + "])"
    if shape == 1:
        return "headers=" + repr(dict(pairs))
    if shape == 2:
        return f"Headers({dict(pairs)!r})"
    if shape == 3:
        return "<CIMultiDict(" + ", ".join(f"'{name}': '{value}'" for name, value in pairs) + ")>"
    if shape == 4:
        return "map[" + " ".join(f"{name.title()}:[{value}]" for name, value in pairs) + "]"
    if shape == 5:
        return '"headers": ' + json.dumps(dict(pairs), indent=2)
    if shape == 6:
        return "HeaderMap { inner: {" + ", ".join(f'"{name}": "{value}"' for name, value in pairs) + "} }"
    return "\n".join(f"{m.r.choice(('> ', '> '))}{name}: {value}" for name, value in pairs)


def _xxd(m: Message, kind: Kind, key: str) -> str:
    coded = key.encode().hex()
    m.secrets.append((coded, 0, "hex"))
    return f"echo {coded} | xxd -r -p"


def _struct(m: Message, kind: Kind, key: str) -> str:
    return m.r.choice((
        f"&{{BaseURL:https://api.example.com/v1 APIKey:{key} Timeout:30s}}",
        f'Config {{ base_url: "https://api.example.com", api_key: "{key}", retries: 3 }}',
        f'config.Options{{ApiKey: "{key}", Model: "{m.model()}"}}',
        f"ProviderConfig(apiKey={key}, baseUrl=https://api.example.com, model={m.model()})",
        f"Settings(api_key='{key}', model='{m.model()}')",
        f'#<Config api_key="{key}", model="{m.model()}">',
        f'Client {{ apiKey: \'{key}\', baseURL: "https://api.example.com" }}',
        f'%{{api_key: "{key}", model: "{m.model()}"}}',
        f'Secret(Some("{key}")) api_token: Some("{key}")',
        f"array(3) {{\n  [\"api_key\"]=>\n  string({len(key)}) \"{key}\"\n}}",
        f"Array\n(\n    [api_key] => {key}\n    [model] => {m.model()}\n)",
        f"Namespace(api_key='{key}', verbose=True)",
    ))  # fmt: skip


def _chat(m: Message, kind: Kind, key: str) -> str:
    maker = kind.maker
    asks = (
        f"我的{maker} key是{key}，帮我看看为什么报错", f"{maker}密钥：{key}（昨天刚买的）", f"口令是{key}。请查一下", f"key给你：{key} 谢谢",
        f"这是我的key{key}麻烦看下", f"{maker}的 API Key 填的是「{key}」，对不对？", f"密钥【{key}】不能用了", f"令牌：“{key}”，提示无效",
        f"@bot 我用的key = {key} 为啥{m.fault()}", f"hi, my {maker} key is {key}, can you check?", f"here's the token: {key}.", f"api key → {key}",
        f"The key I'm using ({key}) stopped working", f"用这个 key：\n{key}\n还是不行", f"秘钥如下\n{key}", f"新的密钥换成了{key}，旧的作废",
        f"密码为：{key}；账号 test", f"my key:{key}!!!", f"key（{maker}）：{key}", f"{maker} api key: `{key}`", f"*key*: _{key}_", f"> key: {key}",
        f"・API Key：{key}", f"1. key={key}\n2. model={m.model()}", f"apikey：{key}、base_url：https://api.example.com/v1",
    )  # fmt: skip
    return m.r.choice(asks)


def _slack(m: Message, kind: Kind, key: str) -> str:
    return m.r.choice((
        f"my key is `{key}` :pray:", f"```\nexport {kind.variable}={key}\n```", f"&gt; {kind.variable}={key}",
        f"<https://api.example.com/v1?key={key}|https://api.example.com/v1?key={key}>", f"“{kind.variable}” = “{key}”", f"• *{kind.variable}*: {key}",
        f"<@U012AB3CD> {kind.variable}=‘{key}’",
    ))  # fmt: skip


def _yaml(m: Message, kind: Kind, key: str) -> str:
    name = kind.variable
    return m.r.choice((
        f"env:\n  - name: {name}\n    value: {key}\n", f"{name}: >-\n  {key}\nmodel: {m.model()}", f"{name}: |\n    {key}\n", f"{name.lower()}: &k '{key}'\n",
        f"environment:\n  - {name}={key}\n", f'environment:\n  {name}: "{key}"', f"  {name.lower()}: !!str {key}", f"{{{name.lower()}: {key}, rpm: 60}}",
        f"apiVersion: v1\nkind: ConfigMap\ndata:\n  config.yaml: |\n    providers:\n      - api_key: {key}\n        model: {m.model()}\n",
        f"data:\n  {name}: {base64.b64encode(key.encode()).decode()}\nkind: Secret",
    ))  # fmt: skip


def _shell(m: Message, kind: Kind, key: str) -> str:
    name = kind.variable
    return m.r.choice((
        f"export {name}={key}", f"export {name}='{key}' && python app.py", f'$env:{name} = "{key}"', f"$env:{name}='{key}'; python main.py",
        f"set -x {name} {key}", f"set -gx {name} '{key}'", f"set {name}={key}", f'setx {name} "{key}"', f"setx {name} {key} /M", f"setenv {name} {key}",
        f"{name}={key} python main.py", f"docker run -e {name}={key} -p 3000:3000 app", f"docker run --env {name}='{key}' app", f"heroku config:set {name}={key}",
        f"fly secrets set {name}={key}", f"gh secret set {name} --body {key}", f"kubectl create secret generic llm --from-literal={name}={key}",
        f"echo '{name}={key}' >> ~/.bashrc", f"[Environment]::SetEnvironmentVariable('{name}', '{key}', 'User')", f"declare -x {name}=\"{key}\"",
        f"llm keys set openai --value {key}", f"aider --openai-api-key {key}", f"app --api-key={key} --model {m.model()}", f"export {name}=$(echo {key})",
        f"npm config set //npm.example.com/:_authToken={key}", f"vercel env add {name} <<< {key}", f"printf '%s' {key} | docker login -u me --password-stdin",
        f"wrangler secret put {name} # {key}" if not kind.bare else f"{name}={key}", f"Environment={name}={key}", f'Environment="{name}={key}"',
        f"  {name}\t{key}", f"{name}:  {key}", f"| {name} | {key} |", f"{name}：{key}", f"{name} -> {key}", f"{name} is {key}", f"unset x; {name}:={key}",
    ))  # fmt: skip


def _curl(m: Message, kind: Kind, key: str) -> str:
    head = m.r.choice(("Authorization: Bearer ", "authorization:Bearer ", "x-api-key: ", "api-key: ", "x-goog-api-key: ", "Authorization: Token ", "Authorization: ", "PRIVATE-TOKEN: ", "X-Auth-Token: ", "xi-api-key: "))  # fmt: skip
    quote = m.r.choice(("'", '"'))
    return m.r.choice((
        f"curl https://api.example.com/v1/models -H {quote}{head}{key}{quote}", f"curl -X POST https://api.example.com/v1/x \\\n  -H {quote}{head}{key}{quote} \\\n  -d '{{\"model\":\"x\"}}'",
        f"curl --header={quote}{head}{key}{quote} https://api.example.com", f'http POST api.example.com "{head.strip()}{key}"', f"wget --header={quote}{head}{key}{quote} https://x.example.com",
        f"curl --oauth2-bearer {key} https://api.example.com/v1/models", f'fetch("https://api.example.com/v1", {{\n  "headers": {{\n    "accept": "*/*",\n    "authorization": "Bearer {key}"\n  }},\n  "method": "POST"\n}});',
        f'Invoke-WebRequest -Uri "https://api.example.com" -Headers @{{\n"authorization"="Bearer {key}"\n  "accept"="*/*"\n}}', f"curl ^\"https://api.example.com^\" ^\n  -H ^\"authorization: Bearer {key}^\"",
        f"curl -d 'grant_type=refresh_token&refresh_token={key}&client_id=abc' https://oauth.example.com/token", f"curl --data-urlencode 'api_key={key}' https://x.example.com",
        f"requests.get(url, headers={{'Authorization': 'Bearer {key}'}})", f"requests.get(url, auth=('api', '{key}'))", f"axios.get(u, {{headers: {{Authorization: `Bearer {key}`}}}})",
        f'req.Header.Set("Authorization", "Bearer {key}")', f'.header("x-api-key", "{key}")', f'conn.setRequestProperty("Authorization", "Bearer " + "{key}");', f"curl_setopt($ch, CURLOPT_HTTPHEADER, ['Authorization: Bearer {key}']);",
        f"OpenAI(api_key='{key}', base_url='https://api.example.com/v1')", f'openai.api_key = "{key}"', f"new OpenAI({{ apiKey: '{key}' }})", f'genai.configure(api_key="{key}")', f'option.WithAPIKey("{key}")',
        f'ChatOpenAI(openai_api_key="{key}", model="{m.model()}")', f'.apiKey("{key}")', f'builder.Services.AddOpenAI("{key}")' if not kind.bare else f'apiKey: "{key}"', f'define("API_KEY", "{key}");', f"const API_KEY = '{key}'",
    ))  # fmt: skip


def _url(m: Message, kind: Kind, key: str) -> str:
    quoted = urllib.parse.quote(key, safe="")
    return m.r.choice((
        f"GET https://api.example.com/v1beta/models?key={quoted}&alt=sse", f"https://api.example.com/v1?access_token={quoted}，打不开", f"wss://rt.example.com/v1?model=x&api_key={quoted}",
        f"git clone https://oauth2:{quoted}@git.example.com/a/b.git", f"origin\thttps://me:{quoted}@github.com/a/b.git (fetch)", f"https://{quoted}@github.com/a/b", f"redis://:{quoted}@10.0.0.3:6379/0",
        f"postgres://app:{quoted}@db.example.com/app?sslmode=require", f"https_proxy=http://u:{quoted}@proxy.example.com:8080", f"callback?state=1&code={quoted}&scope=x", f"https://files.example.com/a.mp4?Expires=1769000000&Signature={quoted}",
        f"pip install --index-url https://__token__:{quoted}@pypi.example.com/simple x", f"url=https%3A%2F%2Fapi.example.com%2F%3Fapi_key%3D{quoted}%26x%3D1", f"POST /v1/x?apikey={quoted} HTTP/1.1",
    ))  # fmt: skip


def _files(m: Message, kind: Kind, key: str) -> str:
    name = kind.variable
    return m.r.choice((
        f"//npm.example.com/:_authToken={key}", f"[pypi]\nusername = __token__\npassword = {key}", f"[default]\naws_secret_access_key = {key}\nregion = us-east-1", _netrc(m, kind, key),
        f"{name.lower().replace('_', '.')}={key}", f"spring.ai.openai.api-key={key}", f"spring:\n  ai:\n    openai:\n      api-key: {key}", f'<add key="{name}" value="{key}" />', f"<apiKey>{key}</apiKey>",
        f'<property name="apiKey">{key}</property>', f'<string name="api_key">{key}</string>', f"<key>{name}</key>\n<string>{key}</string>", f'variable "api_key" {{\n  default = "{key}"\n}}',
        f'"attributes": {{\n  "id": "1",\n  "secret_string": "{key}",\n  "arn": "x"\n}}', f'api_key = "{key}" # terraform.tfvars', f"api_key: ENC({key})" if not kind.bare else f"api_key: {key}", f"'api_key' => '{key}',", f"'api_key' => env('{name}', '{key}'),",
        f'"Env": [\n  "PATH=/usr/bin",\n  "{name}={key}"\n]', f'{{"key": "{name}", "value": "{key}", "enabled": true}}', f'{{"Name":"{name}","Value":"{key}"}}', f'{{"type":"bearer","bearer":[{{"key":"token","value":"{key}","type":"string"}}]}}',
        f'"key": "{name}",\n"value": "{key}",\n"type": "secret"', f"{name.lower()}: {key}\n---", f"{{\n  \"claudeAiOauth\": {{\n    \"accessToken\": \"{key}\",\n    \"expiresAt\": 1769000000000\n  }}\n}}", f'{{"tokens": {{"access_token": "{key}"}}}}',
        f"Run python app.py\n  env:\n    {name}: {key}\n    PY: 3.11", f"##[debug]{name}='{key}'", f"+ export {name}={key}", f"-{name}=old\n+{name}={key}", f"-----+\nContent-Disposition: form-data; name=\"api_key\"\n\n{key}\n------", f"INSERT INTO channels (id, name, `key`) VALUES (3, 'x', '{key}');",
        f"UPDATE tokens SET `key`='{key}' WHERE id=3;", f"SELECT * FROM channels WHERE key = '{key}'", f"id,name,api_key\n3,main,{key}\n", f"secret:\n    api-key:  {key}\n", f"Data\n====\n{name}:  {key}", f"{name}\n{key}\n",
    ))  # fmt: skip


def _reversed(m: Message, kind: Kind, key: str) -> str:
    return m.r.choice((f"{key} = {kind.variable}", f"{key}  # {kind.variable}", f"{key} 是我的{kind.maker} key", f"{key} ← {kind.maker} api key", f'{{"value": "{key}", "name": "{kind.variable}"}}', f"{key} (this is my api key)"))  # fmt: skip


def _log(m: Message, kind: Kind, key: str) -> str:
    return m.r.choice((
        f"Incorrect API key provided: {key}. You can find your API key at https://platform.openai.com/account/api-keys.", f"level=error msg=\"auth failed\" api_key={key} request_id={m.rid()}", f"invalid token {key} (request id: {m.rid()})" if not kind.bare else f"token={key} (request id: {m.rid()})",
        f"DEBUG httpcore send_request_headers.started request=<Request [b'POST']> headers: b'authorization: Bearer {key}'", f"DEBUG:openai._base_client:Request options: {{'headers': {{'Authorization': 'Bearer {key}'}}, 'url': '/chat/completions'}}",
        f"AuthenticationError: Error code: 401 - {{'error': {{'message': 'Incorrect API key provided: {key}.', 'code': 'invalid_api_key'}}}}", f"E0126 10:09:10.123456 1 client.go:42] token=\"{key}\" trace={m.stays(trace_id(m.r))}", f"litellm.AuthenticationError: Received={key}, expected to start with sk-" if not kind.bare else f"api_key={key}",
        f"{{\"ts\":1769000000,\"msg\":\"call\",\"authorization\":\"Bearer {key}\",\"rid\":\"{m.rid()}\"}}", f"2026-01-26 ERROR [key={key}] {m.fault()}", f"channel #7 ({kind.maker}) key {key} disabled: {m.fault()}" if not kind.bare else f"channel #7 key: {key} disabled: {m.fault()}",
        f"ValueError: bad key '{key}' rid={m.rid()}" if not kind.bare else f"ValueError: api_key='{key}' rid={m.rid()}", f"assert api_key == '{key}'", f">>> client.api_key\n'{key}'", f"api_key        = '{key}'\nself           = <Client object at 0x7f1c2a3b4c5d>",
    ))  # fmt: skip


PLACES: dict[str, Place] = {
    "curl": _curl, "shell": _shell, "yaml": _yaml, "files": _files, "chat": _chat, "slack": _slack, "url": _url, "struct": _struct, "log": _log, "dump": _dump,
    "nested": _nested, "har": _har, "basic": _basic, "curl-user": _curl_user, "hex": _xxd, "reversed": _reversed,
}  # fmt: skip
_WEIGHTS = (12, 14, 8, 16, 12, 5, 8, 8, 10, 6, 3, 2, 3, 1, 1, 3)


def clean(m: Message) -> str:
    r = m.r
    lines = [m.proof() for _ in range(r.randint(1, 4))]
    extra = r.choice(
        (
            lambda: f'"integrity": "{m.stays("sha512-" + base64.b64encode(r.randbytes(64)).decode())}"',
            lambda: f"traceparent: {m.stays('00-' + some(r, HEX, 32) + '-' + some(r, HEX, 16) + '-01')}",
            lambda: f"docker pull ghcr.io/a/b@{m.stays('sha256:' + some(r, HEX, 64))}",
            lambda: (
                f"/home/me/.cache/huggingface/hub/models--Qwen--Qwen3-8B/snapshots/{m.stays(some(r, HEX, 40))}/config.json"
            ),
            lambda: f"api_key={m.stays(r.choice(HOLDERS))} {m.fault()}",
            lambda: f"export OPENAI_API_KEY={m.stays(r.choice(HOLDERS))}",
            lambda: f"Authorization: Bearer {m.stays(r.choice(HOLDERS))}",
            lambda: (
                f"ISBN {m.stays('978-7-' + some(r, NUM, 3) + '-' + some(r, NUM, 5) + '-' + some(r, NUM, 1))} 订单 {m.stays('E' + some(r, NUM, 14))}"
            ),
            lambda: f"请问key在哪里看？{m.stays('令牌额度')}怎么充值？我的密码忘了，{m.stays('token用量')}多少",
            lambda: (
                f"{m.stays('total_tokens=8192')} {m.stays('cache_key=chat:gpt-4o-2024-11-20:v2')} {m.stays('primary_key=id')} {m.stays('keyboard layout')}"
            ),
            lambda: (
                f'  File "/usr/lib/python3.11/site-packages/{m.stays("openai/_base_client.py")}", line {m.stays("1047")}, in request'
            ),
            lambda: (
                f"at async {m.stays('OpenAI.makeRequest')} (file:///app/node_modules/openai/{m.stays('client.mjs:417:19')})"
            ),
            lambda: (
                f"<@{m.stays('U' + some(r, UP + NUM, 10))}> 在 <#{m.stays('C' + some(r, UP + NUM, 10))}|ai-help> 说 {m.fault()}"
            ),
            lambda: f"https://acme.slack.com/archives/C0{some(r, UP + NUM, 9)}/p{m.stays(some(r, NUM, 16))}",
            lambda: f"ft:gpt-4o-mini-2024-07-18:{m.stays('my-org:custom-suffix:' + some(r, ALNUM, 8))}",
            lambda: f"endpoint {m.stays('ep-20260126100910-' + some(r, LOW + NUM, 5))} 的 token 统计不对",
            lambda: f"批量任务 {m.stays(task_id(r))}, {m.stays(task_id(r))}, {m.stays(task_id(r))} 都卡住了",
            lambda: f"mermaid: A-->B; md5sum {m.stays(some(r, HEX, 32))}  model.safetensors",
            lambda: f"fingerprint {m.stays('SHA256:' + some(r, STD64, 43))} ssh-ed25519",
            lambda: f"system_fingerprint: {m.stays('fp_' + some(r, HEX, 10))} service_tier={m.stays('default')}",
            lambda: (
                f"key_id={m.stays('12')} token_name={m.stays('prod-main')} key_name={m.stays('backup')} tokenizer={m.stays('o200k_base')}"
            ),
            lambda: f"next_page_token={m.stays(some(r, ALNUM, 24))} cursor={m.stays(some(r, ALNUM, 20))}",
            lambda: (
                f"group=default 倍率 {m.stays('0.25')} 渠道 {m.stays('#' + str(r.randint(1, 99)))} {m.stays('sk-****' + some(r, ALNUM, 4))}"
            ),
            lambda: f"pod llm-gateway-{m.stays(some(r, LOW + NUM, 10) + '-' + some(r, LOW + NUM, 5))} CrashLoopBackOff",
            lambda: (
                f"uid={m.stays(some(r, NUM, 9))} 邮箱 {m.stays('z***@example.com')} 手机 {m.stays('138****1234')} 尾号{m.stays('6222')}"
            ),
            lambda: (
                f"arn:aws:bedrock:us-east-1:{m.stays(some(r, NUM, 12))}:inference-profile/{m.stays('us.anthropic.claude-sonnet-4-5-20250929-v1:0')}"
            ),
            lambda: (
                f"The server had an error processing your request. (Please include the request ID {m.stays('req_' + some(r, HEX, 32))} in your message.)"
            ),
            lambda: f"KeyError: {m.stays(repr('choices'))} token={m.stays('None')} password: {m.stays('incorrect')}",
            lambda: (
                f"X-Amzn-RequestId: {m.stays(guid(r))} X-Amzn-Trace-Id: Root={m.stays('1-' + some(r, HEX, 8) + '-' + some(r, HEX, 24))}"
            ),
            lambda: (
                f"generation_id={m.stays('gen-' + str(r.randint(1760000000, 1769999999)) + '-' + some(r, ALNUM, 20))} session affinity lost"
            ),
        )
    )()
    lines.insert(r.randint(0, len(lines)), extra)
    return r.choice(("\n", "\n", " ; ", "\n\n")).join(lines)


def make(seed: int, count: int) -> list[dict[str, object]]:
    r = random.Random(seed * 104_729 + 31)
    rows: list[dict[str, object]] = []
    for number in range(count):
        m = Message(r)
        if r.random() < 0.15:
            text = clean(m)
            kept = list(dict.fromkeys(keep for keep in m.keep if keep in text))
            rows.append({"id": f"t{seed}-{number:05}", "text": text, "secrets": [], "fam": [], "pub": [], "keep": kept, "kind": "clean", "trap": ""})  # fmt: skip
            continue
        kind = KINDS[number % len(KINDS)]
        place = r.choices(tuple(PLACES), weights=_WEIGHTS)[0]
        if place == "reversed" and kind.bare:
            place = "shell"
        key = kind.grow(r)
        dress = ""
        if place not in ("basic", "hex", "url", "nested", "har", "dump", "struct") and r.random() < 0.45:
            dress = r.choice(tuple(DRESSES))
            if kind.bare and (dress not in ("percent", "unicode", "zero-width", "fullwidth", "shell", "plus")):
                dress = ""
            if place == "files" and dress in ("line", "crlf", "indented", "quoted", "mail", "shell"):
                dress = ""
        worn = DRESSES[dress](r, key) if dress else key
        m.secrets.append((key, kind.public, kind.name))
        if worn != key:
            m.secrets.append((worn, 0 if dress.startswith("base64") else _public(worn, key, kind.public), kind.name))
        text = PLACES[place](m, kind, worn)
        before = m.proof() + r.choice(("\n", "\n\n", "\n", " | ")) if r.random() < 0.4 else ""
        follow = r.choice(("\n", "\n", "\n\n", " \n")) + m.proof()
        text = before + text + follow
        kept = list(
            dict.fromkeys(keep for keep in m.keep if keep in text)
        )  # some were made up for places that were not chosen
        rows.append(
            {"id": f"t{seed}-{number:05}", "text": text, "secrets": [one[0] for one in m.secrets], "pub": [one[1] for one in m.secrets], "fam": [one[2] for one in m.secrets], "keep": kept, "kind": place, "trap": dress}
        )  # fmt: skip
    return rows


def _public(worn: str, key: str, public: int) -> int:
    """How much of the dressed key is the same for everybody."""
    bare = 0
    for at in range(len(worn)):
        if _bared(worn[: at + 1]).startswith(key[:public]):
            bare = at + 1
            break
    return bare


def _bared(text: str) -> str:
    """Every dress off, whatever the order: for the search of leaks, and too coarse for anything else."""
    for _ in range(3):
        text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text.replace("\\\\", "\\"))
        text = html.unescape(urllib.parse.unquote(text))
    text = unicodedata.normalize("NFKC", text)
    return re.sub(r"[\s\u200b-\u200f\u2060\ufeff\u00ad\\*`~\"'+&>]|=(?=$)", "", text)


def leaks(row: dict[str, object], left: str) -> bool:
    """Whether twelve characters of a secret, five of them beyond its public part, are left: as it stood, or once undressed."""
    views = (left, _bared(left))
    for secret, public in zip(row["secrets"], row["pub"], strict=True):  # type: ignore[call-overload]
        for form, start in ((secret, public), (_bared(secret), min(public, len(_bared(secret))))):
            for at in range(max(0, start - 7), max(1, len(form) - 11)):
                if any(form[at : at + 12] in view for view in views):
                    return True
    return False


def score(rows: list[dict[str, object]], shown: int) -> tuple[int, int, int]:
    from bot.redaction.engine import redact

    missed: collections.Counter[str] = collections.Counter()
    lost = changed = kept = 0
    for row in rows:
        text = str(row["text"])
        left = redact(text)[0]
        faults = []
        if leaks(row, left):
            missed[f"{row['kind']}/{row['trap'] or 'plain'}"] += 1
            faults.append("LEAK")
        gone = [keep for keep in row["keep"] if keep not in left]  # type: ignore[attr-defined]
        kept += len(row["keep"])  # type: ignore[arg-type]
        lost += len(gone)
        if gone:
            faults.append(f"LOST {gone}")
        if not row["secrets"] and left != text:
            changed += 1
            faults.append("CHANGED")
        if redact(left)[0] != left:
            faults.append("SECOND PASS DIFFERS")
        if faults and shown > 0:
            shown -= 1
            print(f"== {row['id']} {row['kind']}/{row['trap']} {row['fam']} {'; '.join(faults)}\n{text!r}\n-> {left!r}")
    print(f"{len(rows)} messages: {sum(missed.values())} with a leak, {lost} of {kept} evidence strings lost, {changed} without a secret changed")  # fmt: skip
    if missed:
        print(", ".join(f"{name} {count}" for name, count in missed.most_common(30)))
    return sum(missed.values()), lost, changed


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--score", action="store_true")
    parser.add_argument("--show", type=int, default=0)
    options = parser.parse_args()
    rows = make(options.seed, options.count)
    if options.score:
        sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
        raise SystemExit(any(score(rows, options.show)))
    for row in rows:
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
