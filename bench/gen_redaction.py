"""Made-up messages with made-up secrets, for measuring the gate: families x places x dress, from a seed.

    python bench/gen_redaction.py --seed 1 --count 3000 > cases.jsonl

One JSON object a line: id, text, secrets (as they stand in the text), fam, pub (length of the public prefix), keep (what must stay),
kind (the place), trap (the dress). Nothing here looks like a key: bodies are grown from shapes at run time.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import sys
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bot.redaction.rules.shapes import grow  # noqa: E402
from bot.redaction.rules.vendors import RULES  # noqa: E402


class Family(NamedTuple):
    name: str
    shape: str
    pub: int
    env: str
    named: bool = False  # only a name tells that it is a secret
    words: tuple[str, ...] = ("api key", "API Key", "密钥", "key", "令牌")


ENV = {
    "openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "google": "GEMINI_API_KEY", "github": "GITHUB_TOKEN", "slack": "SLACK_BOT_TOKEN",
    "gitlab": "GITLAB_TOKEN", "npm": "NPM_TOKEN", "stripe": "STRIPE_SECRET_KEY", "warp": "WARP_REFRESH_TOKEN", "huggingface": "HF_TOKEN",
    "aws": "AWS_ACCESS_KEY_ID", "bedrock": "AWS_BEARER_TOKEN_BEDROCK", "tencent": "TENCENTCLOUD_SECRET_ID", "alibaba": "ALIBABA_CLOUD_ACCESS_KEY_ID",
    "volcengine": "ARK_API_KEY", "replicate": "REPLICATE_API_TOKEN", "jwt": "WARP_JWT", "langfuse": "LANGFUSE_SECRET_KEY",
}  # fmt: skip


def _families() -> list[Family]:
    rows = []
    for rule in RULES:
        env = ENV.get(rule.name.split("-")[0], rule.name.split("-")[0].upper() + "_API_KEY")
        rows.append(Family(rule.name, rule.sample, len(rule.prefix), env))
    key = ("api key", "API Key", "密钥", "secret key", "apikey")
    rows += [
        Family("mistral", "<a32>", 0, "MISTRAL_API_KEY", True, key),
        Family("cohere", "<a40>", 0, "CO_API_KEY", True, key),
        Family("together-hex", "<h64>", 0, "TOGETHER_API_KEY", True, key),
        Family("azure-32", "<h32>", 0, "AZURE_OPENAI_API_KEY", True, key),
        Family("azure-84", "<a52>JQQJ99<a26>", 0, "AZURE_OPENAI_API_KEY"),
        Family("aws-secret", "<b40>", 0, "AWS_SECRET_ACCESS_KEY", True, key),
        Family("aws-session", "IQoJb3JpZ2luX2Vj<b300>", 0, "AWS_SESSION_TOKEN", True, key),
        Family("tencent-secret", "<a32>", 0, "TENCENTCLOUD_SECRET_KEY", True, key),
        Family("alibaba-secret", "<a30>", 0, "ALIBABA_CLOUD_ACCESS_KEY_SECRET", True, key),
        Family("baidu-ak", "<a24>", 0, "QIANFAN_ACCESS_KEY", True, key),
        Family("baidu-sk", "<a32>", 0, "QIANFAN_SECRET_KEY", True, key),
        Family(
            "baidu-access",
            "24.<h32>.2592000.1769652870.282335-<d8>",
            0,
            "BAIDU_ACCESS_TOKEN",
            True,
            ("access token", "令牌"),
        ),
        Family("volc-sk", "<a58>==", 0, "VOLC_SECRETKEY", True, key),
        Family(
            "ark-uuid", "<g>", 0, "ARK_API_KEY", True, ("火山方舟API Key", "方舟 API Key", "ARK API Key", "方舟密钥")
        ),
        Family("zhipu", "<h32>.<a16>", 0, "ZHIPUAI_API_KEY"),
        Family("spark", "<h32>:<b44>", 0, "SPARK_API_PASSWORD", True, ("APIPassword", "api password")),
        Family("spark-letters", "<L20>:<L20>", 0, "SPARK_API_PASSWORD", True, ("APIPassword", "api password")),
        Family("slack-signing", "<h32>", 0, "SLACK_SIGNING_SECRET", True, ("signing secret", "Signing Secret")),
        Family("telegram", "<d10>:AA<u33>", 0, "TELEGRAM_BOT_TOKEN"),
        Family("discord", "M<a23>.G<a5>.<u38>", 0, "DISCORD_TOKEN"),
        Family("csrf", "<a32>", 0, "CSRF_TOKEN", True, ("csrf token",)),
        Family("dashscope-workspace-key", "sk-ws-<a48>", 5, "DASHSCOPE_API_KEY"),
    ]
    return rows


FAMILIES = _families()
ERRORS = (
    ("Incorrect API key provided", "invalid_api_key"), ("当前分组 default 下对于模型无可用渠道", "model_not_found"),
    ("You exceeded your current quota, please check your plan and billing details", "insufficient_quota"),
    ("用户额度不足, 剩余额度: ＄0.012304", "insufficient_user_quota"), ("Your credit balance is too low to access the Anthropic API", "invalid_request_error"),
    ("token limit exceeded for this request", "context_length_exceeded"), ("该令牌额度已用尽", "token_quota_exhausted"),
    ("This key is not authorized for model", "permission_denied"), ("Invalid token: expired", "token_expired"), ("invalid x-api-key", "authentication_error"),
    ("Invalid prompt: your prompt was flagged as potentially violating our usage policy", "invalid_prompt"),
    ("ModelNotOpen: your account has not activated the model", "ModelNotOpen"), ("密钥已失效，请重新创建", "401"), ("账户余额不足，请充值后重试", "Arrearage"),
)  # fmt: skip
MODELS = ("gpt-4o-2024-11-20", "claude-sonnet-4-5-20250929", "Qwen/Qwen3-235B-A22B-Instruct-2507", "ft:gpt-4o-mini-2024-07-18:acme::AbC12xYz",
          "doubao-seedance-1-0-pro-250528", "ep-20260126101355-hx7kq", "deepseek-chat", "moonshot-v1-128k", "anthropic/claude-sonnet-4.5", "gemini-3-pro-preview")  # fmt: skip
HOSTS = (
    "https://api.openai.com/v1",
    "https://newapi.example-relay.cn/v1",
    "https://ark.cn-beijing.volces.com/api/v3",
    "https://generativelanguage.googleapis.com/v1beta",
)
SENTENCES = (
    "Write a farewell letter to my colleagues in the Hamburg office",
    "总结一下我们公司第三季度的亏损原因，不要告诉别人",
    'He said "never mind" and left, it\'s over',
    "请帮我写一封辞职信，理由是家里老人生病",
    "a cat in a red raincoat, neon rain, 35mm film",
    "Explain why customer 4711 cancelled the contract\nand draft an apology",
)


class Made:
    """One message being made: the text, what is secret in it, what must stay."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.secrets: list[str] = []
        self.fam: list[str] = []
        self.pub: list[int] = []
        self.keep: list[str] = []

    def plant(self, family: Family, written: str) -> str:
        self.secrets.append(written)
        self.fam.append(family.name)
        self.pub.append(family.pub if written[: family.pub].isascii() else 0)
        return written

    def stay(self, text: str) -> str:
        self.keep.append(text)
        return text

    def pick(self, options: tuple[str, ...]) -> str:
        return self.rng.choice(options)

    def request_id(self) -> str:
        shape = self.pick(("req_<h32>", "req_011C<a20>", "msg_01<a22>", "chatcmpl-<a29>", "chatcmpl-<g>", "gen-1769<d6>-<a20>", "resp_<h50>", "<g>", "<h32>", "<h16>-HKG",
                           "20260126100910<d9><a8>", "20260126100910<d15>", "0217693<d8><h38>", "20260126100910<h18>", "batch_<h32>", "thread_<a24>"))  # fmt: skip
        return self.stay(grow(shape, self.rng))

    def task_id(self) -> str:
        shape = self.pick(
            (
                "17693<d11>",
                "8<d17>",
                "6<d16>",
                "4<d15>",
                "<g>",
                "cgt-20260126101355-<m5>",
                "video_<h32>",
                "<m26>",
                "task_01J<U23>",
                "mj-<d16>",
                "1-6977<h4>-<h24>",
            )
        )
        return self.stay(grow(shape, self.rng))

    def trace_id(self) -> str:
        return self.stay(grow(self.pick(("00-<h32>-<h16>-01", "<h32>", "1-6977<h4>-<h24>")), self.rng))

    def time(self) -> str:
        rng = self.rng
        base = f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
        clock = f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}"
        return self.stay(
            self.pick((f"{base} {clock}", f"{base}T{clock}Z", f"{base}T{clock}.123+08:00", f"{base} {clock},456"))
        )

    def amount(self) -> str:
        number = f"{self.rng.randint(1, 999)}.{self.rng.randint(0, 99):02}"
        return self.stay(
            self.pick((f"¥{number}", f"${number}", f"CNY {number}", "＄0.012304", f"{self.rng.randint(1, 900)}元"))
        )

    def account(self) -> str:
        return self.stay(self.pick(("z***@gmail.com", "138****1234", "尾号1234", "we****fo")))

    def model(self) -> str:
        return self.stay(self.pick(MODELS))

    def error(self) -> str:
        return self.stay(self.rng.choice(ERRORS)[0])

    def host(self) -> str:
        return self.stay(self.pick(HOSTS))


def plain(m: Made, family: Family) -> str:
    return m.plant(family, grow(family.shape, m.rng))


# places: each takes the made message and one family, and gives the text


def env(m: Made, f: Family) -> str:
    style = m.pick(
        (
            "{0}={1}",
            "export {0}={1}",
            'export {0}="{1}"',
            "{0}='{1}'",
            '$env:{0} = "{1}"',
            "set {0}={1}",
            "{0}: {1}",
            '"{0}": "{1}",',
            "{0} = {1}",
            "- {0}={1}",
        )
    )
    return "\n".join(
        (
            ".env:",
            "MODEL_NAME=" + m.model(),
            m.stay("MAX_TOKENS=4096"),
            style.format(f.env, plain(m, f)),
            "BASE_URL=" + m.host(),
            "# " + m.error() + " " + m.time(),
        )
    )


def http(m: Made, f: Family) -> str:
    mark = m.pick(("", "> ", ">>> "))
    header = m.pick(
        (
            "Authorization: Bearer {}",
            "authorization:Bearer {}",
            "AUTHORIZATION: BEARER {}",
            "x-api-key: {}",
            "api-key: {}",
            "x-goog-api-key: {}",
            "PRIVATE-TOKEN: {}",
            "Authorization: Token {}",
            "X-Auth-Token: {}",
            "xi-api-key: {}",
        )
    )
    cookie = Family("cookie", "<u43>", 0, "")
    sid = Family("cookie", "<a32>", 0, "")
    lines = [f"{mark}POST /v1/chat/completions HTTP/1.1", f"{mark}Host: api.example.com", mark + header.format(plain(m, f)), f"{mark}User-Agent: OpenAI/Python 1.99.1",
             f"{mark}Cookie: session={plain(m, cookie)}; sid={plain(m, sid)}", "", "< HTTP/1.1 " + m.stay("429"), "< x-request-id: " + m.request_id(),
             "< retry-after: 20", f"< Set-Cookie: session={plain(m, cookie)}; Path=/; HttpOnly", "", '{"error": {"message": "' + m.error() + '"}}']  # fmt: skip
    return "\n".join(lines)


def code(m: Made, f: Family) -> str:
    shape = m.pick(("const apiKey = `{}`", "client = OpenAI(api_key='{}')", "{{'api_key': '{}', 'timeout': 30}}", "map[Authorization:[Bearer {}] Content-Type:[application/json]]",
                    "headers=[(b'authorization', b'Bearer {}'), (b'accept', b'*/*')]", "--api-key {}", 'os.environ["API_KEY"] = "{}"', "Headers({{'authorization': 'Bearer {}'}})",
                    'curl -H "Authorization: Bearer {}"', "curl -H 'x-api-key: {}'", 'apiKey: "{}",', "api_key => '{}'", 'var secretKey string = "{}"', "--token={}"))  # fmt: skip
    wrap = m.pick(("{}", "`{}`", "```python\n{}\n```", "> {}"))
    return wrap.format(shape.format(plain(m, f))) + "\n" + m.error() + " | " + m.request_id() + " | " + m.model()


def jsonlog(m: Made, f: Family) -> str:
    cookie = Family("cookie", "<a43>", 0, "")
    row = {"ts": m.time(), "level": "error", "model": m.model(), "status": 429, "request_id": m.request_id(), "trace_id": m.trace_id(),
           "headers": {"authorization": "Bearer " + plain(m, f), "cookie": f"session={plain(m, cookie)}; theme=dark"}, "usage": {"prompt_tokens": 7908}, "error": m.error()}  # fmt: skip
    m.stay('"prompt_tokens": 7908')
    return json.dumps(row, ensure_ascii=False)


def nested(m: Made, f: Family) -> str:
    inner = json.dumps(
        {
            m.pick(("secretKey", "api_key", "app_secret", "accessToken", "SecretAccessKey")): plain(m, f),
            "region": "cn-beijing",
        }
    )
    return json.dumps(
        {"config": inner, "err": m.error(), "request_id": m.request_id(), "task": {"task_id": m.task_id()}},
        ensure_ascii=False,
    )


def zh(m: Made, f: Family) -> str:
    word = m.pick(f.words)
    shapes = (
        "我的{w}是{k}请看",
        "{w}：{k}，{t}调用{m}报{e}",
        "麻烦查一下，{w}:{k}。充值{a}未到账，{t}下单",
        "你好，{w}填的“{k}”，模型填的{m}",
        "我填的{w}: {k}\n错误：{e}\n请求id：{r}",
        "（{w}＝{k}）任务ID {i}，{t}提交",
        "{w}→{k}←额度不足？任务ID {i}",
    )
    more = ("@客服 {k}这个key昨天还能用今天就401了，订单时间{t}金额{a}", "我把{k}换成新的也不行，{e}，请求编号{r}")
    shape = m.rng.choice(shapes if f.named else shapes + more)
    makers: dict[str, Callable[[], str]] = {
        "t": m.time,
        "m": m.model,
        "e": m.error,
        "a": m.amount,
        "r": m.request_id,
        "i": m.task_id,
    }
    values = {name: make() for name, make in makers.items() if "{" + name + "}" in shape}
    return shape.format(w=word, k=plain(m, f), **values)


def screen(m: Made, f: Family) -> str:
    return (f"令牌管理\n名称        状态      API Key                已用额度     创建时间\n{m.stay('prod-bot')}     已启用    {plain(m, f)}    复制  删除\n"
            f"剩余额度 {m.amount()}   最近请求 {m.time()}   模型 {m.model()}\n请求ID {m.request_id()}")  # fmt: skip


def url(m: Made, f: Family) -> str:
    name = m.pick(("key", "api_key", "apikey", "access_token", "token", "sk", "client_secret"))
    value = m.plant(f, urllib.parse.quote(grow(f.shape, m.rng), safe=":"))
    shape = m.pick(("{}", "[link]({})", "<{}|link>"))
    return (
        "GET "
        + shape.format(f"{m.host()}/models/x:generateContent?{name}={value}&alt=sse")
        + f" 403\n{m.error()} at {m.time()} trace={m.trace_id()}"
    )


def yaml(m: Made, f: Family) -> str:
    style = m.pick(("kind: Secret\nmetadata:\n  name: llm-gateway\nstringData:\n  {e}: \"{k}\"\n", "litellm_params:\n  model: x\n  api_key: {k}\n  rpm: 60\n", "environment:\n  - {e}={k}\n  - TZ=Asia/Shanghai\n",
                    '[provider.x]\napi_key = "{k}"\nmodel = "y"\n'))  # fmt: skip
    return style.format(e=f.env, k=plain(m, f)) + "# " + m.error()


def docker(m: Made, f: Family) -> str:
    p = m.pick(("app-1  | ", "", "new-api  | "))
    digest = m.stay(grow("<h64>", m.rng))
    return (f"{p}[SYS] {m.time()} | image sha256:{digest}\n{p}[INFO] loaded channel key={plain(m, f)} base_url={m.host()}\n"
            f"{p}[ERR] {m.time()} | {m.request_id()} | relay error: {m.error()} (status 429, insufficient_quota)\n{p}[GIN] 429 |   1.23s |  POST /v1/chat/completions")  # fmt: skip


def traceback_(m: Made, f: Family) -> str:
    line = m.pick(
        (
            'llm = ChatOpenAI(model="x", openai_api_key="{}")',
            'headers = {{"Authorization": f"Bearer {}"}}',
            "api_key = '{}'",
        )
    )
    return (f'Traceback (most recent call last):\n  File "/app/engine.py", line 357, in <module>\n    {line.format(plain(m, f))}\nopenai.APIStatusError: Error code: 503 - '
            f"{{'error': {{'message': '{m.error()}', 'param': None}}, 'request_id': '{m.request_id()}', 'model': '{m.model()}'}}")  # fmt: skip


PLACES: dict[str, Callable[[Made, Family], str]] = {
    "env": env, "http": http, "code": code, "jsonlog": jsonlog, "nested": nested, "zh": zh, "screen": screen, "url": url, "yaml": yaml, "docker": docker, "pytb": traceback_,
}  # fmt: skip

# dress: takes a key, gives how it is written


def zero_width(m: Made, key: str) -> str:
    mark = m.pick(("\u200b", "\u200c", "\u200d", "\ufeff", "\u2060", "\u00ad"))
    step = m.rng.randint(4, 9)
    return mark.join(key[i : i + step] for i in range(0, len(key), step))


def wrapped(m: Made, key: str) -> str:
    at = m.rng.randint(max(9, len(key) // 4), max(10, len(key) - 8))
    return key[:at] + m.pick(("\n", "\\\n", "\n  ", "\r\n", "=\n")) + key[at:]


def json_escaped(m: Made, key: str) -> str:
    return "".join(f"\\u{ord(c):04x}" if not c.isalnum() or m.rng.random() < 0.08 else c for c in key)


def url_encoded(m: Made, key: str) -> str:
    once = "".join(f"%{ord(c):02X}" if not c.isalnum() or m.rng.random() < 0.08 else c for c in key)
    return once.replace("%", "%25") if m.rng.random() < 0.3 else once


def in_base64(m: Made, key: str) -> str:
    return base64.b64encode(key.encode()).decode()


def md_escaped(m: Made, key: str) -> str:
    return key.replace("_", "\\_").replace("-", "\\-") if ("_" in key or "-" in key) else key


def md_split(m: Made, key: str) -> str:
    at = m.rng.randint(5, len(key) - 5)
    return m.pick(("`{}`{}", "**{}**{}", "{}**{}**")).format(key[:at], key[at:])


def concatenated(m: Made, key: str) -> str:
    at = m.rng.randint(5, len(key) - 5)
    return m.pick(('"{}" + "{}"', "'{}' + '{}'", '"{}" "{}"', '"{}"\n    "{}"', '"{}" +\n  "{}"')).format(
        key[:at], key[at:]
    )


def fullwidth(m: Made, key: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if 0x21 <= ord(c) <= 0x7E else c for c in key)


def spaced(m: Made, key: str) -> str:
    step = m.rng.choice((4, 8, 9, 10))
    return " ".join(key[i : i + step] for i in range(0, len(key), step))


DRESS: dict[str, Callable[[Made, str], str]] = {
    "zero_width": zero_width, "wrapped": wrapped, "json_escaped": json_escaped, "url_encoded": url_encoded, "base64_of_key": in_base64,
    "md_escaped": md_escaped, "md_split": md_split, "concatenated": concatenated, "fullwidth": fullwidth, "spaced": spaced,
}  # fmt: skip


def trapped(m: Made, f: Family, trap: str) -> str:
    written = DRESS[trap](m, grow(f.shape, m.rng))
    m.plant(f, written)
    if written.isascii() is False or trap in ("wrapped", "md_split", "concatenated", "json_escaped", "base64_of_key"):
        m.pub[-1] = 0
    head = {
        "base64_of_key": m.pick((f"apiVersion: v1\nkind: Secret\ndata:\n  {f.env}: {{}}\n", f"echo {{}} | base64 -d   # {f.env}", "Authorization: Basic {}")),
        "json_escaped": '{{"api_key": "{}", "model": "x"}}',
        "url_encoded": "https://newapi.example-relay.cn/v1/models?api_key={}&page=1",
        "spaced": "密钥（截图识别）：{}",
        "concatenated": f"{f.env} = {{}}",
    }.get(trap) or m.pick((f"{f.env}={{}}", 'curl -H "Authorization: Bearer {}" https://api.example.com/v1', "密钥：{}。"))  # fmt: skip
    return head.format(written) + f"\n{m.error()} request id: {m.request_id()} model={m.model()} {m.time()}"


def repeated(m: Made, f: Family) -> str:
    key = grow(f.shape, m.rng)
    lines = [f"Authorization: Bearer {m.plant(f, key)}", f"WARN key {key} rejected, status 401",
             f"GET {m.host()}/models?key={m.plant(f, urllib.parse.quote(key, safe='').replace('-', '%2D').replace('_', '%5F'))}&pageSize=50",
             'body: {"api_key":"' + m.plant(f, json_escaped(m, key)) + '","model":"' + m.model() + '"}', f"{m.time()} {m.error()} request_id={m.request_id()}"]  # fmt: skip
    m.pub[-2:] = [0, 0]
    m.rng.shuffle(lines)
    return "\n".join(lines)


def prompt(m: Made) -> str:
    said = m.pick(SENTENCES)
    fam = Family("prompt", "", 0, "")
    image = Family("prompt_image", "iVBORw0KGgo<b200>", 0, "")
    body: dict[str, object] = {"model": m.pick(("gpt-4o", "wan2.5-t2v-preview")), "temperature": 0.7}
    way = m.rng.randrange(9)
    if way == 0:
        body["messages"] = [{"role": "system", "content": "You are terse."}, {"role": "user", "content": said}]
    elif way == 1:
        body["messages"] = [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": said},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64," + plain(m, image)}},
                ],
            }
        ]
    elif way == 2:
        body["prompt"], body["negative_prompt"] = said, "blurry, low quality"
    elif way == 3:
        body["input"], body["instructions"] = said, "be nice"
    elif way == 4:
        body["contents"] = [
            {
                "role": "user",
                "parts": [{"text": said}, {"inlineData": {"mimeType": "image/png", "data": plain(m, image)}}],
            }
        ]
    elif way == 5:
        body["system"], body["messages"] = said, [{"role": "user", "content": "hi there"}]
    elif way == 6:
        body["messages"] = [
            {
                "role": "assistant",
                "tool_calls": [
                    {"function": {"name": "mail", "arguments": json.dumps({"body": said}, ensure_ascii=False)}}
                ],
            }
        ]
    elif way == 7:
        body["input"] = {"prompt": said, "size": "1280x720"}
    else:
        body["image"] = "data:image/jpeg;base64," + plain(m, image)
        body["prompt"] = said
    body["max_tokens"] = 1024
    dress = m.rng.randrange(6)
    ascii_ = m.rng.random() < 0.3
    text = json.dumps(body, ensure_ascii=ascii_, indent=2 if dress == 4 else None)
    written = json.dumps(said, ensure_ascii=ascii_)[1:-1]
    if dress == 1:
        text = written = ""
        text = repr(body)
        written = repr(said)[1:-1] if way != 6 else json.dumps(said, ensure_ascii=False)[1:-1]
    elif dress == 2:
        text = '{"level": "error", "request_body": ' + json.dumps(text, ensure_ascii=ascii_) + ', "status": 400}'
        written = json.dumps(written, ensure_ascii=ascii_)[1:-1]
    elif dress == 3:
        text = (
            "curl https://api.example.com/v1/x -H 'Content-Type: application/json' -d '"
            + text.replace("'", "'\\''")
            + "'"
        )
        written = written.replace("'", "'\\''")
    if way == 6:
        written = "colleagues in the Hamburg"
    m.plant(fam, written.split("\\n")[0] if way != 6 else written)
    return text + f"\n{m.error()} {m.request_id()} {m.time()}"


def _luhn(digits: str) -> str:
    total = 0
    for index, char in enumerate(reversed(digits)):
        value = int(char) * (2 if index % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


def payment(m: Made) -> str:
    rng = m.rng
    what = rng.randrange(4)
    if what == 0:
        number = _luhn(grow(m.pick(("4<d14>", "51<d13>", "54<d13>", "37<d12>")), rng))
        number = (
            m.pick(("{}", " ", "-")).join((number,))
            if rng.random() < 0.5
            else m.pick((" ", "-")).join(number[i : i + 4] for i in range(0, len(number), 4))
            if len(number) == 16
            else number
        )
        return f"用{m.pick(('卡', '信用卡', 'card '))}{m.plant(Family('card', '', 0, ''), number)}支付了{m.amount()}，{m.time()}，订单没到账，账号{m.account()}"
    if what == 1:
        number = _luhn(grow(m.pick(("622<d12>", "6217<d14>", "6228<d14>")), rng))
        if rng.random() < 0.4:
            number = " ".join(number[i : i + 4] for i in range(0, len(number), 4))
        return f"转账到银行卡号{m.plant(Family('bank_cn', '', 0, ''), number)}，金额{m.amount()}，时间{m.time()}"
    if what == 2:
        body = (
            m.pick(("110105", "310104", "440305", "510107"))
            + f"{rng.randint(1950, 2005)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}"
            + f"{rng.randint(0, 999):03}"
        )
        check = "10X98765432"[
            sum(int(c) * w for c, w in zip(body, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), strict=True))
            % 11
        ]
        return f"实名：身份证{m.plant(Family('idcard_cn', '', 0, ''), body + check)}，充值{m.amount()}于{m.time()}，账号昵称{m.account()}"
    number = f"1{rng.randint(3, 9)}{rng.randint(0, 9)}"
    tail = (f"{rng.randint(0, 9999):04}", f"{rng.randint(0, 9999):04}")
    written = m.pick(
        ("{0}{1}{2}", "{0}-{1}-{2}", "{0} {1} {2}", "+86 {0}{1}{2}", "+86{0}{1}{2}", "86-{0}{1}{2}")
    ).format(number, *tail)
    return f"{m.pick(('手机号', '联系电话：', '我的电话是', 'phone: '))}{m.plant(Family('phone_cn', '', 0, ''), written)}，{m.time()}充值{m.amount()}，任务ID {m.task_id()}"


def credentials(m: Made) -> str:
    password = Family("basic_url", "<a12>", 0, "")
    way = m.rng.randrange(8)
    if way == 0:
        return f"pip install failed: https://deploy:{plain(m, password)}@git.example.cn/team/bot.git exit code 128 {m.time()}"
    if way == 1:
        return f"SQL_DSN=root:{plain(m, password)}@tcp(10.0.0.3:3306)/newapi {m.error()}"
    if way == 2:
        return f"curl -u admin:{plain(m, password)} https://api.example.com/v1 {m.error()}"
    if way == 3:
        secret = base64.b64encode(grow("team-x:<a16>", m.rng).encode()).decode()
        return f"> Authorization: Basic {m.plant(Family('basic_auth', '', 0, ''), secret)}\n< HTTP/1.1 401 Unauthorized\n< x-request-id: {m.request_id()}"
    if way == 4:
        return f"DATABASE_URL=postgresql+asyncpg://app:{plain(m, password)}@db.example.com:5432/app\n{m.error()} {m.time()}"
    if way == 5:
        return f"HTTPS_PROXY=http://u713:{plain(m, password)}@10.0.0.8:7890 {m.error()}"
    if way == 6:
        return f"Cookie: session={plain(m, Family('cookie', 'MTc2<u120>', 0, ''))}; _gid=GA1.2; lang=zh\nNew-Api-User: 63\nGET /api/user/self 401 {m.error()}"
    shape, name = m.rng.choice((("T<U9>/B<U9>/<a24>", "https://hooks.slack.com/services/"), ("<g>", "https://open.feishu.cn/open-apis/bot/v2/hook/"),
                                ("<h64>", "https://oapi.dingtalk.com/robot/send?access_token="), ("<g>", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key="),
                                ("1<d18>/<u68>", "https://discord.com/api/webhooks/"), ("<d10>:AA<u33>/sendMessage", "https://api.telegram.org/bot")))  # fmt: skip
    secret = grow(shape, m.rng)
    m.plant(Family("webhook", "", 0, ""), secret.split("/sendMessage")[0])
    return f"POST {name}{secret} -> 400 {m.error()} {m.time()}"


def pem(m: Made) -> str:
    lines = [grow("<b64>", m.rng) for _ in range(m.rng.randint(3, 12))]
    fam = Family("pem", "", 0, "")
    joint = m.pick(("\n", "\\n"))
    for line in lines[:2]:
        m.plant(fam, line)
    end = joint + "-----END PRIVATE KEY-----" if m.rng.random() < 0.8 else ""
    text = f"-----BEGIN PRIVATE KEY-----{joint}{joint.join(lines)}{end}"
    if joint == "\\n":
        return (
            '{"type": "service_account", "private_key": "'
            + text
            + '", "client_email": "x@y.iam.gserviceaccount.com"} '
            + m.error()
        )
    return text + ("\n" + m.error() if end else "")


CLEAN: tuple[Callable[[Made], str], ...] = (
    lambda m: f"订单时间：{m.time()}\n金额：{m.amount()}\n支付方式：{m.stay('微信支付')}\n账号：{m.account()}\n模型：{m.model()}\n状态码：429\n错误：{m.error()}\n请求ID：{m.request_id()}\n重复提交：否",
    lambda m: f"任务ID {m.task_id()}，{m.model()}，{m.time()}提交，{m.error()}，金额{m.amount()}，没有重复提交，账号{m.account()}",
    lambda m: f"MAX_TOKENS=4096\nTOKENIZER=cl100k_base\ncache_key=chat:{m.model()}:v2\nprimary_key: id\ntoken_count: 25300\nKEY_NAME=prod-east-2\npublic_key: rsa-2048\n{m.error()}",
    lambda m: f"Incorrect API key provided: {m.stay(grow(m.pick(('sk-abc12*****<a4>', 'sk-proj-************************<a4>', 'sk-or-v1-<h3>...<h3>', 'sk-ant-api03-<a3>...<a4>', 'AIza••••', 'sk-****<a4>')), m.rng))}. You can find your API key at https://platform.openai.com/account/api-keys. {m.model()} {m.error()}",
    lambda m: f"{m.pick(('OPENAI_API_KEY', 'DEEPSEEK_API_KEY', 'WARP_JWT', 'password'))}={m.stay(m.pick(('your_api_key', 'sk-xxxxxxxxxxxxxxxxxxxxxxxx', '<YOUR_API_KEY>', '${OPENAI_API_KEY}', '{{KEY}}', 'sk-your-key-here', 'primary_key_here', 'changeme')))}\nMODEL_NAME={m.model()}\n{m.error()}",
    lambda m: f"    api_key = {m.stay(m.pick(('os.getenv(' + chr(39) + 'GEMINI_API_KEY' + chr(39) + ')', 'config.api_key', 'settings.openai_api_key', 'process.env.OPENAI_API_KEY', 'self._api_key')))}\n{m.error()} {m.model()}",
    lambda m: f"$ git log -1\ncommit {m.stay(grow('<h40>', m.rng))}\nimage: new-api@sha256:{m.stay(grow('<h64>', m.rng))}\netag \"{m.stay(grow('<h32>', m.rng))}\"\n{m.model()}: {m.error()}",
    lambda m: f"{m.request_id()}\n{m.request_id()}\n{m.request_id()}\n这三个请求都被扣费了吗？{m.model()} {m.error()}",
    lambda m: f"视频任务 {m.task_id()} 状态 PROCESSING 分辨率 1280x720 时长 5s {m.model()} 下载 https://cdn.example.com/v/{m.stay(grow('<h24>', m.rng))}.mp4 {m.error()}",
    lambda m: f"[GIN] {m.time()} | 429 | 7684ms | POST \"/v1/chat/completions\"\n[ERR] {m.request_id()} | {m.error()} | channel #30 {m.model()}",
    lambda m: f"{m.time()} {m.model()} {m.error()} x-request-id={m.request_id()} trace_id={m.trace_id()} span={m.stay(grow('<h16>', m.rng))} created {m.stay('1769652870209')}",
    lambda m: json.dumps({"id": m.request_id(), "object": "chat.completion", "created": 1769464202, "model": m.model(), "usage": {"prompt_tokens": 1532, "total_tokens": 1620}, "system_fingerprint": m.stay(grow("fp_<h10>", m.rng)), "error": m.error()}, ensure_ascii=False),
    lambda m: f"请问{m.model()}为什么{m.error()}？昨天{m.time()}充值的{m.amount()}，请求编号{m.request_id()}，账号{m.account()}，TraceId: {m.trace_id()}",
    lambda m: f"python: openai==1.99.1 node: v20.11.9 sdk sha {m.stay(grow('<h40>', m.rng))} endpoint https://api.deepseek.com model {m.model()} pk-lf-{m.stay(grow('<g>', m.rng))}",
)  # fmt: skip


def make(seed: int, count: int) -> list[dict[str, object]]:
    rng = random.Random(seed)
    rows: list[dict[str, object]] = []
    places = list(PLACES)
    traps = list(DRESS)
    for number in range(count):
        m = Made(rng)
        family = FAMILIES[number % len(FAMILIES)]
        roll = rng.random()
        trap = ""
        if roll < 0.48:
            kind = rng.choice(places if not family.named else [p for p in places if p != "screen"])
            text = PLACES[kind](m, family)
        elif roll < 0.68:
            kind, trap = "trap", rng.choice(traps)
            text = trapped(m, family, trap)
        elif roll < 0.73:
            kind, trap = "repeat", "repeated"
            text = repeated(m, family)
        elif roll < 0.78:
            kind, text = "prompt", prompt(m)
        elif roll < 0.82:
            kind, text = "payment", payment(m)
        elif roll < 0.86:
            kind, text = "credentials", credentials(m)
        elif roll < 0.87:
            kind, text = "pem", pem(m)
        else:
            kind, text = "clean", rng.choice(CLEAN)(m)
        if rng.random() < 0.15:
            text = rng.choice(("/diagnose ", "/诊断 ", "/diagnose@aihelper_bot ")) + text
        rows.append(
            {
                "id": f"g{seed}-{number:05}",
                "text": text,
                "secrets": m.secrets,
                "fam": m.fam,
                "pub": m.pub,
                "keep": m.keep,
                "kind": kind,
                "trap": trap,
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=3000)
    options = parser.parse_args()
    for row in make(options.seed, options.count):
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
