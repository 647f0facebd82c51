"""A second set of made-up messages, written from the list of families alone and knowing nothing of the rules it is held against.

    python bench/gen_redaction2.py --seed 1 --count 3000 > cases.jsonl

Same rows as bench/gen_redaction.py. Places here are those of real help chats that the first set has not: other shells and languages,
name/value pairs, CSV, SQL, XML, HAR, chat exports, client dumps, multipart bodies, struct dumps.
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

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.gen_redaction import Family, Made, _luhn, in_base64, plain  # noqa: E402
from bot.redaction.rules.shapes import grow  # noqa: E402

# name, shapes, length of the public prefix, variable, what people call the maker; without a prefix only a name tells it
_TABLE: tuple[tuple[str, str, int, str, str, bool], ...] = (
    ("openai_legacy", "sk-<a20>T3BlbkFJ<a20>", 3, "OPENAI_API_KEY", "OpenAI", False),
    ("openai_proj", "sk-proj-<u74>T3BlbkFJ<u74>", 8, "OPENAI_API_KEY", "OpenAI", False),
    ("openai_proj_mid", "sk-proj-<u58>T3BlbkFJ<u58>", 8, "OPENAI_KEY", "ChatGPT", False),
    ("openai_proj_short", "sk-proj-<u20>T3BlbkFJ<u20>", 8, "OPENAI_API_KEY", "gpt", False),
    ("openai_svcacct", "sk-svcacct-<u74>T3BlbkFJ<u74>", 11, "OPENAI_API_KEY", "OpenAI", False),
    ("openai_admin", "sk-admin-<u58>T3BlbkFJ<u58>", 9, "OPENAI_ADMIN_KEY", "OpenAI", False),
    ("openai_sess", "sess-<a40>", 5, "OPENAI_SESSION", "OpenAI", False),
    ("anthropic_api", "sk-ant-api03-<u93>AA", 13, "ANTHROPIC_API_KEY", "Claude", False),
    ("anthropic_admin", "sk-ant-admin01-<u93>AA", 15, "ANTHROPIC_ADMIN_KEY", "Claude", False),
    ("anthropic_oat", "sk-ant-oat01-<u93>AA", 13, "CLAUDE_CODE_OAUTH_TOKEN", "Claude", False),
    ("anthropic_ort", "sk-ant-ort01-<u93>AA", 13, "CLAUDE_REFRESH", "Claude", False),
    ("google_aiza", "AIzaSy<u33>", 6, "GEMINI_API_KEY", "Gemini", False),
    ("google_aq", "AQ.Ab8RN6<u44>", 9, "GOOGLE_API_KEY", "Gemini", False),
    ("google_ya29", "ya29.a0<u150>", 7, "GOOGLE_OAUTH_ACCESS_TOKEN", "Google", False),
    ("google_refresh", "1//0<u99>", 4, "GOOGLE_REFRESH_TOKEN", "Google", False),
    ("google_gocspx", "GOCSPX-<u28>", 7, "GOOGLE_CLIENT_SECRET", "Google", False),
    ("deepseek", "sk-<h32>", 3, "DEEPSEEK_API_KEY", "DeepSeek", False),
    ("moonshot", "sk-<a48>", 3, "MOONSHOT_API_KEY", "Kimi", False),
    ("kimi_plan", "sk-kimi-<a64>", 8, "KIMI_API_KEY", "Kimi", False),
    ("siliconflow", "sk-<l48>", 3, "SILICONFLOW_API_KEY", "硅基流动", False),
    ("openrouter", "sk-or-v1-<h64>", 9, "OPENROUTER_API_KEY", "OpenRouter", False),
    ("groq", "gsk_<a52>", 4, "GROQ_API_KEY", "Groq", False),
    ("xai", "xai-<a80>", 4, "XAI_API_KEY", "Grok", False),
    ("hf", "hf_<L34>", 3, "HF_TOKEN", "HuggingFace", False),
    ("hf_old", "hf_<a34>", 3, "HUGGING_FACE_HUB_TOKEN", "HuggingFace", False),
    ("hf_org", "api_org_<L34>", 8, "HF_TOKEN", "HuggingFace", False),
    ("replicate", "r8_<a37>", 3, "REPLICATE_API_TOKEN", "Replicate", False),
    ("perplexity", "pplx-<a48>", 5, "PERPLEXITY_API_KEY", "Perplexity", False),
    ("fireworks24", "fw_<a22>7k", 3, "FIREWORKS_API_KEY", "Fireworks", False),
    ("fireworks40", "fw_<a38>7k", 3, "FIREWORKS_API_KEY", "Fireworks", False),
    ("together_tgp", "tgp_v1_<u43>", 7, "TOGETHER_API_KEY", "Together", False),
    ("together_hex", "<h64>", 0, "TOGETHER_API_KEY", "Together", True),
    ("mistral", "<a32>", 0, "MISTRAL_API_KEY", "Mistral", True),
    ("cohere", "<a40>", 0, "CO_API_KEY", "Cohere", True),
    ("cerebras", "csk-<a48>", 4, "CEREBRAS_API_KEY", "Cerebras", False),
    ("nvidia", "nvapi-<u64>", 6, "NVIDIA_API_KEY", "NVIDIA", False),
    ("zhipu", "<h32>.<a16>", 0, "ZHIPUAI_API_KEY", "智谱", False),
    ("dashscope", "sk-<h32>", 3, "DASHSCOPE_API_KEY", "通义", False),
    ("dashscope_sp", "sk-sp-<h32>", 6, "DASHSCOPE_API_KEY", "百炼", False),
    ("dashscope_ws", "sk-ws-<a40>", 5, "DASHSCOPE_API_KEY", "百炼", False),
    ("volc_ark_uuid", "<g>", 0, "ARK_API_KEY", "火山方舟", True),
    ("volc_ark_prefixed", "ark-<g>-<h5>", 4, "ARK_API_KEY", "豆包", False),
    ("volc_ak", "AKLT<a43>", 4, "VOLC_ACCESSKEY", "火山", False),
    ("volc_ak_tmp", "AKTP<a43>", 4, "VOLC_ACCESSKEY", "火山", False),
    ("volc_sk", "<a58>==", 0, "VOLC_SECRETKEY", "火山", True),
    ("qianfan", "bce-v3/ALTAK-<a21>/<h40>", 13, "QIANFAN_API_KEY", "千帆", False),
    ("baidu_ak", "<a24>", 0, "QIANFAN_ACCESS_KEY", "文心", True),
    ("baidu_sk", "<a32>", 0, "QIANFAN_SECRET_KEY", "文心", True),
    ("baidu_access", "24.<h32>.2592000.1769<d6>.282335-<d8>", 0, "BAIDU_ACCESS_TOKEN", "百度", True),
    ("tencent_akid", "AKID<a32>", 4, "TENCENTCLOUD_SECRET_ID", "腾讯云", False),
    ("tencent_akid_short", "AKID<a14>", 4, "TENCENTCLOUD_SECRET_ID", "腾讯云", False),
    ("tencent_sk", "<a32>", 0, "TENCENTCLOUD_SECRET_KEY", "混元", True),
    ("aliyun_ak", "LTAI5t<a18>", 6, "ALIBABA_CLOUD_ACCESS_KEY_ID", "阿里云", False),
    ("aliyun_sk", "<a30>", 0, "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "阿里云", True),
    ("aliyun_sts", "STS.<a25>", 4, "ALIBABA_CLOUD_ACCESS_KEY_ID", "阿里云", False),
    ("aliyun_sts_token", "CAIS<b300>", 4, "ALIBABA_CLOUD_SECURITY_TOKEN", "阿里云", False),
    ("minimax_jwt", "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJHcm91cE5hbWUi<u180>.<u342>", 37, "MINIMAX_API_KEY", "MiniMax", False),
    ("minimax_api", "sk-api-<u119>", 7, "MINIMAX_API_KEY", "MiniMax", False),
    ("minimax_plan", "sk-cp-<u119>", 6, "MINIMAX_API_KEY", "MiniMax", False),
    ("modelscope", "ms-<g>", 3, "MODELSCOPE_API_KEY", "魔搭", False),
    ("mimo", "tp-<m48>", 3, "MIMO_API_KEY", "MiMo", False),
    ("spark", "<h32>:<b44>", 0, "SPARK_API_PASSWORD", "讯飞星火", True),
    ("spark_letters", "<L20>:<L20>", 0, "SPARK_API_PASSWORD", "星火", True),
    ("newapi", "sk-<a48>", 3, "NEWAPI_TOKEN", "中转", False),
    ("litellm", "sk-<u22>", 3, "LITELLM_API_KEY", "LiteLLM", False),
    ("azure32", "<h32>", 0, "AZURE_OPENAI_API_KEY", "Azure OpenAI", True),
    ("azure84", "<a52>JQQJ99<a26>", 0, "AZURE_OPENAI_API_KEY", "Azure", False),
    ("aws_akia", "AKIA<t16>", 4, "AWS_ACCESS_KEY_ID", "AWS", False),
    ("aws_asia", "ASIA<t16>", 4, "AWS_ACCESS_KEY_ID", "AWS", False),
    ("aws_secret", "<b40>", 0, "AWS_SECRET_ACCESS_KEY", "AWS", True),
    ("aws_session", "IQoJb3JpZ2luX2Vj<b344>", 0, "AWS_SESSION_TOKEN", "AWS", True),
    ("bedrock_key", "ABSKQmVkcm9ja0FQSUtleS1<a89>", 23, "AWS_BEARER_TOKEN_BEDROCK", "Bedrock", False),
    ("bedrock_short", "bedrock-api-key-<b200>", 16, "AWS_BEARER_TOKEN_BEDROCK", "Bedrock", False),
    ("elevenlabs", "sk_<h48>", 3, "ELEVENLABS_API_KEY", "ElevenLabs", False),
    ("langfuse_sk", "sk-lf-<g>", 6, "LANGFUSE_SECRET_KEY", "Langfuse", False),
    ("langsmith", "lsv2_pt_<h32>_<h10>", 8, "LANGSMITH_API_KEY", "LangSmith", False),
    ("langsmith_sk", "lsv2_sk_<h32>_<h10>", 8, "LANGCHAIN_API_KEY", "LangSmith", False),
    ("warp_refresh", "AMf-vB<u194>", 6, "WARP_REFRESH_TOKEN", "Warp", False),
    ("warp_jwt", "eyJhbGciOiJSUzI1NiIsImtpZCI6Ij<u20>.eyJuYW1lIjoi<u500>.<u342>", 30, "WARP_JWT", "Warp", False),
    ("slack_bot", "xoxb-<d12>-<d13>-<a24>", 5, "SLACK_BOT_TOKEN", "Slack", False),
    ("slack_user", "xoxp-<d12>-<d12>-<d13>-<h32>", 5, "SLACK_USER_TOKEN", "Slack", False),
    ("slack_app", "xapp-1-A<U10>-<d13>-<h64>", 8, "SLACK_APP_TOKEN", "Slack", False),
    ("slack_config", "xoxe.xoxp-1-<a166>", 12, "SLACK_CONFIG_TOKEN", "Slack", False),
    ("slack_config_b", "xoxe.xoxb-1-<a163>", 12, "SLACK_CONFIG_TOKEN", "Slack", False),
    ("slack_refresh", "xoxe-1-<a147>", 7, "SLACK_REFRESH_TOKEN", "Slack", False),
    ("slack_xoxc", "xoxc-<d12>-<d12>-<d13>-<h64>", 5, "SLACK_MCP_XOXC_TOKEN", "Slack", False),
    ("slack_xoxd", "xoxd-<a90>%2B<a40>%2F<a20>%3D", 5, "SLACK_MCP_XOXD_TOKEN", "Slack", False),
    ("slack_signing", "<h32>", 0, "SLACK_SIGNING_SECRET", "Slack signing", True),
    ("telegram", "<d10>:AA<u33>", 0, "TELEGRAM_BOT_TOKEN", "Telegram", False),
    ("telegram_old", "<d9>:AA<u33>", 0, "BOT_TOKEN", "Telegram", False),
    ("discord", "MTE<a21>.G<a5>.<u38>", 0, "DISCORD_TOKEN", "Discord", False),
    ("github_pat", "ghp_<a36>", 4, "GITHUB_TOKEN", "GitHub", False),
    ("github_gho", "gho_<a36>", 4, "GITHUB_TOKEN", "GitHub", False),
    ("github_ghs", "ghs_<a36>", 4, "GITHUB_TOKEN", "GitHub", False),
    ("github_fine", "github_pat_<a22>_<a59>", 11, "GITHUB_TOKEN", "GitHub", False),
    ("gitlab_pat", "glpat-<u20>", 6, "GITLAB_TOKEN", "GitLab", False),
    ("gitlab_routable", "glpat-<u44>.01.<m9>", 6, "GITLAB_TOKEN", "GitLab", False),
    ("npm_token", "npm_<a36>", 4, "NPM_TOKEN", "npm", False),
    ("pypi", "pypi-AgEIcHlwaS5vcmc<u150>", 20, "TWINE_PASSWORD", "PyPI", False),
    ("stripe_sk", "sk_live_51<a97>", 10, "STRIPE_SECRET_KEY", "Stripe", False),
    ("stripe_short", "sk_test_<a24>", 8, "STRIPE_SECRET_KEY", "Stripe", False),
    ("stripe_rk", "rk_live_<a24>", 8, "STRIPE_RESTRICTED_KEY", "Stripe", False),
    ("stripe_whsec", "whsec_<a32>", 6, "STRIPE_WEBHOOK_SECRET", "Stripe", False),
    ("sendgrid", "SG.<u22>.<u43>", 3, "SENDGRID_API_KEY", "SendGrid", False),
    ("jwt", "eyJhbGciOiJIUzI1NiJ9.eyJ<u80>.<u43>", 20, "ACCESS_TOKEN", "new-api", False),
    ("jwt_ewog", "ewogICJhbGciOiAiSFMyNTYiCn0.eyJ<u80>.<u43>", 4, "ACCESS_TOKEN", "new-api", False),
)  # fmt: skip
FAMILIES = tuple(Family(name, shape, pub, env, named, (maker,)) for name, shape, pub, env, maker, named in _TABLE)
COOKIE = Family("cookie", "MTc2<u100>", 4, "")
PASSWORD = Family("basic_url", "<a14>", 0, "")

ERRORS = (
    "Incorrect API key provided", "invalid x-api-key", "Insufficient Balance", "该令牌额度已用尽", "用户额度不足, 剩余额度: ＄0.012304", "Overloaded",
    "当前分组 default 下对于模型无可用渠道", "Rate limit reached for requests per minute (RPM): Limit 3, Used 3, Requested 1",
    "You exceeded your current quota, please check your plan and billing details", "This model's maximum context length is 8192 tokens",
    "prompt is too long: 210000 tokens > 200000 maximum", "messages: at least one message is required", "无权进行此操作，未登录且未提供 access token",
    "API key not valid. Please pass a valid API key.", "Token has expired", "密钥无效或已过期", "The security token included in the request is invalid",
    "Invalid value for 'messages': expected an array", "input must be a string", "余额不足，请充值", "Request had invalid authentication credentials",
)  # fmt: skip


class Row(Made):
    def error(self) -> str:
        return self.stay(self.pick(ERRORS))

    def tail(self) -> str:
        """Evidence beside a secret, in one of the ways people write it."""
        way = self.rng.randrange(9)
        if way == 0:
            return f"{self.error()} (request id: {self.request_id()})"
        if way == 1:
            return f"报错：{self.error()}，请求ID：{self.request_id()}，时间 {self.time()}，模型{self.model()}"
        if way == 2:
            return (
                f"[GIN] {self.time()} | 429 | 1.2s | {self.request_id()}\nmodel={self.model()} task_id={self.task_id()}"
            )
        if way == 3:
            return json.dumps(
                {"error": {"message": self.error(), "type": "x", "code": "invalid_request_error"}, "request_id": self.request_id(), "model": self.model()},
                ensure_ascii=False,
            )  # fmt: skip
        if way == 4:
            return f"任务{self.task_id()}，充值{self.amount()}，账号{self.account()}，{self.time()}"
        if way == 5:
            return f"trace_id={self.trace_id()} {self.model()} {self.error()}"
        if way == 6:
            return f"image sha256:{self.stay(grow('<h64>', self.rng))} commit {self.stay(grow('<h40>', self.rng))} {self.error()}"
        if way == 7:
            return f"{self.request_id()} {self.error()} usage prompt_tokens={self.rng.randint(1, 9999)} {self.stay('max_tokens=4096')}"
        return f"GET {self.host()}/models 401 {self.error()} at {self.time()}"


def low(f: Family) -> str:
    return f.env.lower()


def camel(f: Family) -> str:
    parts = f.env.lower().split("_")
    return parts[0] + "".join(part.title() for part in parts[1:])


# One line each: {k} the key, {E} the variable, {e} lower case, {c} camelCase, {d} dotted, {n} the maker. {q} is a request id.
CONFIG = (
    "{E}={k}", "{E} = {k}", "{e}={k}", "{e}: {k}", '{e}: "{k}"', "{d}={k}", "{d}: {k}", "spring.ai.{d} = {k}", "export {E}={k}; python app.py", "set {E}={k}&& node index.js",
    'setx {E} "{k}"', "setx {E} {k}", '$env:{E}="{k}"', "$Env:{E} = '{k}'", '[Environment]::SetEnvironmentVariable("{E}", "{k}", "User")', "set -gx {E} {k}",
    "set -x {E} '{k}'", "docker run -d -e {E}={k} -p 3000:3000 calciumion/new-api", 'docker run --env {E}="{k}" x', "kubectl create secret generic x --from-literal={E}={k}",
    "helm install x --set {c}={k}", "ENV {E} {k}", "ENV {E}={k}", "ARG {E}={k}", 'Environment="{E}={k}"', 'proxy_set_header Authorization "Bearer {k}";', "proxy_set_header x-api-key {k};",
    "{E} := {k}", '"Env": ["PATH=/usr/bin", "{E}={k}"]', "- name: {E}\n  value: {k}", '- name: {E}\n  value: "{k}"', '{{"name": "{E}", "value": "{k}"}}', '{{"key": "{E}", "value": "{k}"}}',
    '<add key="{c}" value="{k}" />', "<{c}>{k}</{c}>", '<property name="{c}">{k}</property>', '<property name="{c}" value="{k}"/>', '<string name="{e}">{k}</string>',
    '<input type="text" name="{e}" value="{k}">', '"{c}":"{k}"', '"{c}":\n    "{k}"', "{e}: >-\n  {k}", "{e}: |\n  {k}", "{e} =\n  {k}", "{c}: '{k}',", "{c} = `{k}`;",
    'const {c} = "{k}";', 'String {c} = "{k}";', 'private static final String {E} = "{k}";', 'let {c}: String = "{k}".to_string();', 'var {c} = "{k}"', '{c} := "{k}"',
    '{E}: Final = "{k}"', "{e}='{k}'", "os.environ['{E}'] = '{k}'", 'os.environ.setdefault("{E}", "{k}")', 'os.getenv("{E}", "{k}")', "process.env.{E} = '{k}'", 'putenv("{E}={k}");', "define('{E}', '{k}');",
    "'{e}' => '{k}',", ':{e} => "{k}"', '["{e}"]=>\n  string(51) "{k}"', "[{e}] => {k}", '{c}: "{k}"', "@{{ '{c}' = '{k}' }}", "{E}\t{k}", "{E}    {k}", "| {E} | {k} |", "| {E} | `{k}` |", "**{E}**: `{k}`",
    "- {E}: `{k}`", "* {E} — {k}", "`{E}={k}`", "{E}＝{k}", "{E}：{k}", "{n} key: {k}", "{n} API Key：{k}", "{n} Key\n{k}", "{n}的key {k}", "{n} 密钥 {k}", "{n} api_key={k}", "{n}密钥（{k}）", "{n}的密钥是【{k}】",
    "TF_VAR_{e}={k}", 'variable "{e}" {{\n  default = "{k}"\n}}', "--{h} {k}", "--{h}={k}", '--{h} "{k}"', "-{c} {k}", "{h}: {k}", "sudo {E}={k} ./run.sh", "env {E}={k} ./run.sh", "    {E}: {k}\n    PATH: /usr/bin",
    'Config({e}="{k}", timeout=30)', "Config({e}='{k}')", "{{{c}={k}, model=x}}", "ClientOptions({c}={k}, timeout=60)", "&{{{P}:{k} BaseURL:https://api.example.com}}", '{P}:"{k}"', 'Client {{ {e}: Some("{k}"), retries: 2 }}', '{e}: "{k}".into()',
    "{P} = \"{k}\"", "{P}={k};Endpoint=https://api.example.com", "Set-Item Env:{E} '{k}'", "Set-Item -Path Env:{E} -Value '{k}'", "{E}={k} # prod", "{E}={k},", "[{E}={k}]", "({E}={k})", "{E}=<{k}>", "{E}={{{k}}}",
    "{E}=\"{k}\" \\", "  -e {E}={k} \\", "#{E}={k}", "# {E}={k}", "// {c}: {k}", "; {e} = {k}", "REM set {E}={k}", "{E}:{k}", "{E}->{k}", "{E} => {k}", "{E} is {k}", "Key：{k}", "key: {k}", "API_KEY：“{k}”", "APIKEY {k}", "api key是{k}", "api key就是{k}", "秘钥为{k}", "令牌是：{k}", "我的 key = {k} ，麻烦",
    "secret: {k}", "Secret Key: {k}", "api-secret: {k}", "token是{k}", "Access Token：{k}", "my api key is {k}", "the key is: {k}", "here is the key: {k} thanks", "using key {k} .", "key为：{k}", "密钥已改为{k}", "sk填的{k}", "API Key（{k}）",
)  # fmt: skip
# what only a vendor's prefix can tell: the key stands with no name at all
BARE = (
    "{k}", "{k}\n", "这个 {k} 失效了", "{k}，帮我看看", "（{k}）", "【{k}】不能用", "用{k}，报错", "“{k}”", "'{k}'", "<{k}>", "[{k}]", "{k}。", "{k}、谢谢", "{k};", "{k}|x", "a,{k},b", "-> {k}", "{k}?", "{k}!", "{k}...帮忙看看", "》{k}《", "　{k}　",
    "({k})", "=>{k}", "{k}这个还能用吗", "测试{k}测试", "{k}\t已启用", "@bot {k}", "1. {k}\n2. ok", "• {k}", "- {k}", "> {k}", "||{k}||", "~~{k}~~", "_{k}_ ", "/switch {k}", "{k}:429", "path/{k}/x", "{k}@prod",
)  # fmt: skip
HEADERS = (
    "Authorization: Bearer {k}", "authorization: bearer {k}", "Authorization: {k}", "Authorization:Bearer {k}", "Authorization: Token {k}", "Authorization: Key {k}", "Authorization: Bot {k}", "Proxy-Authorization: Bearer {k}",
    "x-api-key: {k}", "X-API-KEY:{k}", "api-key: {k}", "Api-Key: {k}", "x-goog-api-key: {k}", "xi-api-key: {k}", "PRIVATE-TOKEN: {k}", "X-Auth-Token: {k}", "X-Access-Token: {k}", "X-Csrf-Token: {k}", "Ocp-Apim-Subscription-Key: {k}", "mj-api-secret: {k}", "X-Amz-Security-Token: {k}", "New-Api-Key: {k}",
)  # fmt: skip
CLIENT = (
    "curl {u} -H '{h}' -H 'Content-Type: application/json'", 'curl --location "{u}" --header "{h}"', "curl {u} \\\n  -H \"{h}\" \\\n  -H \"content-type: application/json\"", "wget --header='{h}' {u}", 'wget --header="{h}" {u}', 'http GET {u} "{h}"',
    "* [HTTP/2] [1] [{h}]\n* [HTTP/2] [1] [user-agent: curl/8.5.0]\n> GET /v1/models HTTP/2", "Invoke-RestMethod -Uri {u} -Headers @{{ \"{N}\" = \"{v}\" }}", "Invoke-WebRequest {u} -Headers @{{'{N}'='{v}'}}", "fetch('{u}', {{ headers: {{ '{N}': '{v}' }} }})",
    "axios.get('{u}', {{ headers: {{ {N2}: `{v}` }} }})", "AxiosError: 401\n  config: {{\n    headers: AxiosHeaders {{\n      Accept: 'application/json',\n      {N2}: '{v}',\n      'User-Agent': 'axios/1.7.2'\n    }},\n    url: '{u}'",
    '"request": {{"method": "POST", "headers": [{{"name": "{N}", "value": "{v}"}}, {{"name": "Accept", "value": "*/*"}}]}}', '{{"key": "{N}", "value": "{v}", "type": "text"}}', "headers={{'{N}': '{v}', 'Accept': '*/*'}}", 'requests.get("{u}", headers={{"{N}": "{v}"}})',
    "[(b'{N}', b'{v}'), (b'accept', b'*/*')]", "[('{N}', '{v}'), ('accept', '*/*')]", "{{b'{N}': b'{v}'}}", 'HeaderMap {{ "{N}": "{v}", "accept": "*/*" }}', '{{"{N}": ["{v}"], "Accept": ["*/*"]}}', "map[Accept:[*/*] {N}:[{v}]]", "Headers({{'{N}': '{v}'}})", 'req.Header.Set("{N}", "{v}")',
    'req.setRequestHeader("{N}", "{v}");', '.header("{N}", "{v}")', '.addHeader("{N}", "{v}")', "{{'headers': {{'{N}': '{v}'}}, 'url': '{u}'}}", "<Header name=\"{N}\">{v}</Header>", "-H {h!r}", "{h}", "> {h}", "< {h}", "DEBUG:httpx:send {{'{N}': '{v}'}}", '{{\\"{N}\\": \\"{v}\\"}}', '"{{\\\\\\"{N}\\\\\\": \\\\\\"{v}\\\\\\"}}"',
    "header {N} = {v}", "add_header {N} \"{v}\";", "{N}=[{v}]", "[{N}:\"{v}\", Accept:\"*/*\"]", 'Request{{method=POST, url={u}, headers=[{N}:{v}]}}', "HTTPHeaderDict({{'{N}': '{v}'}})", "ImmutableMultiDict([('{N}', '{v}')])", '"{N}" -> "{v}"', "{N}\n{v}\nAccept\n*/*",
)  # fmt: skip
QUERY = (
    "https://api.example.com/v1/models?key={k}", "GET /v1/models?api_key={k}&page=2 HTTP/1.1", '"GET /v1beta/models?key={k} HTTP/1.1" 403 12', "wss://api.example.com/ws?model=x&token={k}", "https://x.example.com/#access_token={k}&state=1", "![x](https://a.example.com/i.png?sig={k})",
    "url=https%3A%2F%2Fa.example.com%2F%3Fapi_key%3D{k}%26a%3D1", "https://a.example.com/?a=1&amp;api_key={k}&amp;b=2", "<https://a.example.com/?access_token={k}|a.example.com>", "curl 'https://a.example.com/v1?apikey={k}'，报错", "访问 https://a.example.com/v1?key={k}，返回", "https://a.example.com/cb?code={k}&state=1",
    "client_id=x&client_secret={k}&grant_type=client_credentials", "https://a.example.com/v1?key={k}）", "POST https://oauth2.googleapis.com/token client_secret={k}",
)  # fmt: skip
TABLES = (
    "id,name,key,status\n1,prod,{k},enabled\n", "name\tapi_key\tquota\nprod\t{k}\t100\n", "| 名称 | 密钥 | 额度 |\n|---|---|---|\n| prod | {k} | 100 |\n", "| name | API Key |\n| --- | --- |\n| prod | `{k}` |\n", "名称,密钥,额度\nprod,{k},100\n", '"name","token"\n"prod","{k}"\n',
    "INSERT INTO channels (id, type, `key`, name) VALUES (1, 14, '{k}', 'prod');", "UPDATE channels SET `key` = '{k}' WHERE id = 3;", "insert into tokens(user_id,key,status) values (1,'{k}',1)", " id | name | key \n----+------+-----\n  1 | prod | {k}\n", "+----+--------+\n| id | secret |\n+----+--------+\n|  1 | {k} |\n+----+--------+\n",
    "<tr><th>Key</th></tr><tr><td>{k}</td></tr>", "名称      令牌                额度\nprod      {k}      100\n", "API Key\n{k}\n复制", "密钥\n{k}\n", "SECRET KEY\n\n{k}\n\n", "name;token\nprod;{k}\n",
)  # fmt: skip
CHAT = (
    "[2026/1/26 10:09] 小王: 我的key是 {k}", "小王 2026/1/26 10:09:10\n我的密钥：{k}", "Alice, [26.01.2026 10:09]\nmy key: {k}", '{{"user":"U012AB3CD","type":"message","ts":"1769421234.123456","text":"api key {k} broken"}}', "<@U012AB3CD> token: {k}", "大家好,key:{k},谁能看看", "【求助】密钥{k}报错", "老师好～我的API Key：{k}～为什么用不了", "key給你：{k}",
    "hi team, key={k} fails since yesterday", "Hi! I pasted my API key ({k}) and it fails", "换了key（{k}）还是不行", "新key:{k}旧key已删", "\"key\":\"{k}\"这样写对吗", "apikey：{k}模型：x", "我的秘钥{k}", "我的api_key {k}", "Q: my token \"{k}\" is rejected", "用的Key：{k}/模型：gpt-4o", "账号:x 密钥:{k} 余额:0",
)  # fmt: skip


def fill(m: Row, f: Family, shape: str, key: str | None = None) -> str:
    names = camel(f)
    return shape.format(
        k=m.plant(f, grow(f.shape, m.rng) if key is None else key), E=f.env, e=low(f), c=names, P=names[:1].upper() + names[1:], d=low(f).replace("_", "."), h=low(f).replace("_", "-"), n=f.words[0],
    )  # fmt: skip


def config(m: Row, f: Family) -> str:
    return fill(m, f, m.pick(CONFIG))


def bare(m: Row, f: Family) -> str:
    return fill(m, f, m.pick(BARE)) if not f.named else config(m, f)


def client(m: Row, f: Family) -> str:
    head = m.pick(HEADERS)
    name, _, value = head.replace("{k}", plain(m, f)).partition(":")
    value = value.strip()
    kebab = name if name.isalpha() else f"'{name}'"
    return m.pick(CLIENT).format(h=f"{name}: {value}", N=name, N2=kebab, v=value, u="https://api.example.com/v1/models")


def query(m: Row, f: Family) -> str:
    key = urllib.parse.quote(grow(f.shape, m.rng), safe=m.pick(("", ":", ":/")))
    return fill(m, f, m.pick(QUERY), key)


def table(m: Row, f: Family) -> str:
    return fill(m, f, m.pick(TABLES))


def chat(m: Row, f: Family) -> str:
    return fill(m, f, m.pick(CHAT))


def vendor_only(m: Row, f: Family) -> str:
    return fill(
        m,
        f,
        m.pick(
            (
                "{n}: {k}",
                "{n}：{k}",
                "{n}={k}",
                "{n} key {k}",
                "我的{n}的 API key：{k}",
                "{n} token {k}",
                "{n} apikey 填 {k}",
            )
        ),
    )


PLACES: dict[str, Callable[[Row, Family], str]] = {
    "config": config, "bare": bare, "client": client, "query": query, "table": table, "chat": chat, "vendor": vendor_only,
}  # fmt: skip

MARKS = ("\u200b", "\u200c", "\u200d", "\u200e", "\u2060", "\ufeff", "\u00ad", "\u200f")


def split(key: str, at: int, joint: str) -> str:
    return key[:at] + joint + key[at:]


def zero(m: Row, key: str) -> str:
    step = m.rng.randint(1, 12)
    return m.pick(MARKS).join(key[i : i + step] for i in range(0, len(key), step))


def wrap(m: Row, key: str) -> str:
    if len(key) < 24:
        return key
    if len(key) <= 84:
        return split(
            key, m.rng.randint(10, len(key) - 8), m.pick(("\n", "\\\n", "\\\n    ", "\r\n", "\n    ", "=\n", "\n> "))
        )
    width = m.rng.choice((24, 40, 64, 76, 80))
    return m.pick(("\n", "\\\n", "\\\n    ", "\r\n", "\n    ", "=\n", "\n> ")).join(
        key[i : i + width] for i in range(0, len(key), width)
    )


def percent(m: Row, key: str) -> str:
    once = "".join(f"%{ord(c):02x}" if not c.isalnum() or m.rng.random() < 0.1 else c for c in key)
    for _ in range(m.rng.choice((0, 0, 1, 2))):
        once = once.replace("%", "%25")
    return once


def escaped(m: Row, key: str) -> str:
    slashes = m.pick(("\\", "\\", "\\\\", "\\\\\\\\"))
    form = m.pick(("04x", "04X"))
    return "".join(f"{slashes}u{ord(c):{form}}" if not c.isalnum() or m.rng.random() < 0.1 else c for c in key)


def wide(m: Row, key: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if 0x21 <= ord(c) <= 0x7E else c for c in key)


def half_wide(m: Row, key: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if m.rng.random() < 0.2 else c for c in key)


def spaces(m: Row, key: str) -> str:
    step = m.rng.choice((4, 5, 6, 8, 10, 12)) if len(key) >= 32 else 5
    return " ".join(key[i : i + step] for i in range(0, len(key), step))


def joined(m: Row, key: str) -> str:
    at = m.rng.randint(4, len(key) - 4)
    return m.pick(('"{}" + "{}"', "'{}' + '{}'", '"{}" "{}"', '"{}" . "{}"', '"{}" +\n    "{}"', '"{}" & "{}"', "'{}'\\\n'{}'", '"{}"+"{}"', 'f"{}" f"{}"', '("{}"\n "{}")')).format(
        key[:at], key[at:]
    )  # fmt: skip


def marked(m: Row, key: str) -> str:
    at = m.rng.randint(3, len(key) - 3)
    return m.pick(("`{}`{}", "**{}**{}", "{}**{}**", "{}`{}`", "*{}*{}", "__{}__{}", "~~{}~~{}", "{}*{}*")).format(
        key[:at], key[at:]
    )


def backslashes(m: Row, key: str) -> str:
    return "".join("\\" + c if c in "_-.*~" else c for c in key)


def userkey(m: Row, key: str) -> str:
    text = m.pick(("{}:", "user:{}", "api:{}", "team-x:{}")).format(key)
    return base64.b64encode(text.encode()).decode()


def wrapped64(m: Row, key: str) -> str:
    text = base64.b64encode(key.encode()).decode()
    return m.pick((text, text.rstrip("="), text.replace("+", "-").replace("/", "_")))


TRAPS: dict[str, Callable[[Row, str], str]] = {
    "zero_width": zero, "wrapped": wrap, "url_encoded": percent, "json_escaped": escaped, "fullwidth": wide, "mixed_width": half_wide, "spaced": spaces, "concatenated": joined,
    "md_split": marked, "md_escaped": backslashes, "base64_of_pair": userkey, "base64_of_key": wrapped64,
}  # fmt: skip
TRAP_HEADS: dict[str, tuple[str, ...]] = {
    "base64_of_pair": ("Authorization: Basic {k}", "authorization: basic {k}", "'Authorization': 'Basic {k}'", "_auth={k}", '{{"auth": "{k}"}}', "Proxy-Authorization: Basic {k}"),
    "base64_of_key": ("data:\n  {E}: {k}\n", "echo {k} | base64 -d", "echo '{k}' | base64 --decode > key", "data:\n  {h}: {k}\ntype: Opaque", '"{c}": "{k}"', 'base64.b64decode("{k}")', 'atob("{k}")', "printf %s {k} | base64 -d"),
    "json_escaped": ('{{"{c}": "{k}"}}', '{{"headers": {{"authorization": "Bearer {k}"}}}}', 'body: "{{\\"{e}\\":\\"{k}\\"}}"', "key: {k}"),
    "url_encoded": ("https://api.example.com/v1?key={k}&x=1", "GET /v1/models?access_token={k} HTTP/1.1", "redirect=https%3A%2F%2Fa.example.com%2F%3Fkey%3D{k}", "{e}={k}&model=x"),
    "spaced": ("密钥：{k}", "{E}={k}", "API Key: {k}", "识别结果 key：{k}", "{n} key: {k}"),
    "concatenated": ("{c} = {k}", "{E} = {k};", "key = {k}", "const {c} = {k}", 'Authorization: "Bearer " + {k}', "api_key={k}"),
    "md_split": ("{n} key: {k}", "密钥：{k}", "{E}={k}", "api key is {k} ok"),
}  # fmt: skip
PLAIN_HEADS = (
    "{E}={k}",
    'curl -H "Authorization: Bearer {k}" https://a.example.com',
    "密钥：{k}",
    "api_key: {k}",
    "{n}的key是{k}",
    '{{"{c}": "{k}"}}',
    "export {E}='{k}'",
)


def trapped(m: Row, f: Family, trap: str) -> str:
    written = TRAPS[trap](m, grow(f.shape, m.rng))
    text = fill(m, f, m.pick(TRAP_HEADS.get(trap) or PLAIN_HEADS), written)
    m.pub[-1] = 0 if trap != "zero_width" else m.pub[-1]
    return text


def again(m: Row, f: Family) -> str:
    """One key in several dresses, the first of them with a name."""
    key = grow(f.shape, m.rng)
    lines = [fill(m, f, "{E}={k}", key)]
    for dress in m.rng.sample((zero, percent, escaped, wide, in_base64, backslashes), 2):
        lines.append(
            m.pick(("again {}", "({})", "log: {} rejected", "retry with {}", '"{}"')).format(m.plant(f, dress(m, key)))
        )
        m.pub[-1] = 0
    lines.append(f"upstream said: {m.plant(f, key)} is wrong")
    m.rng.shuffle(lines)
    return "\n".join(lines)


SAID = (
    "Write a resignation letter that blames the Lisbon merger", "帮我起草给投资人的道歉信，说明裁员三十人的原因", "my patient shows a rash on the left arm, what is it", "Translate: 'we lose 4 million a month'\nand keep it short",
    'summarise this contract: "Party A shall pay"', "一只戴红帽子的柴犬在雪地里奔跑，电影感，4k", "why did Anna's visa get refused?", "列出我们二季度流失的五个大客户的名字和原因",
)  # fmt: skip


def prompt(m: Row) -> str:
    said = m.pick(SAID)
    fam = Family("prompt", "", 0, "")
    way = m.rng.randrange(17)
    js = json.dumps(said, ensure_ascii=m.rng.random() < 0.3)
    written = said.split("\n")[0]
    inner = js[1:-1]
    single = written.replace("'", "").replace('"', "")
    if way == 0:
        text = f"DEBUG:openai._base_client:Request options: {{'method': 'post', 'url': '/chat/completions', 'json_data': {{'messages': [{{'role': 'user', 'content': {said!r}}}], 'model': 'gpt-4o'}}}}"
        written = repr(said)[1:-1].split("\\n")[0]
    elif way == 1:
        text = f"HumanMessage(content={said!r}, additional_kwargs={{}})"
        written = repr(said)[1:-1].split("\\n")[0]
    elif way == 2:
        text = f"Messages:[{{Role:user Content:{single}}}] Model:gpt-4o Stream:false"
        written = single
    elif way == 3:
        text = f'messages: [Message {{ role: "user", content: {js} }}], model: "gpt-4o"'
        written = inner.split("\\n")[0]
    elif way == 4:
        text = f'--X-BOUNDARY\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n{written}\r\n--X-BOUNDARY\r\nContent-Disposition: form-data; name="n"\r\n\r\n1\r\n--X-BOUNDARY--\r\n'
    elif way == 5:
        text = f"1 validation error for Request\nmessages\n  Input should be a valid list [type=list_type, input_value={{'role': 'user', 'content': {said!r}}}, input_type=dict]"
        written = repr(said)[1:-1].split("\\n")[0]
    elif way == 6:
        text = f'curl https://api.example.com/v1/images --data-raw \'{{"prompt":"{single}","size":"1024x1024"}}\''
        written = single
    elif way == 7:
        text = f"ChatMessage(role=user, content={single}), temperature=0.7"
        written = single
    elif way == 8:
        text = f"/imagine prompt: {single} --ar 16:9"
        written = single
    elif way == 9:
        body = json.dumps(
            {"model": "gpt-4o", "input": [{"role": "user", "content": [{"type": "input_text", "text": said}]}]},
            ensure_ascii=False,
        )
        text = f"request body: {json.dumps(body, ensure_ascii=False)}"
        written = json.dumps(inner if False else json.dumps(said, ensure_ascii=False)[1:-1], ensure_ascii=False)[
            1:-1
        ].split("\\\\n")[0]
    elif way == 10:
        text = f"<request><prompt>{single}</prompt></request>"
        written = single
    elif way == 11:
        text = f"prompt: |\n  {single}\nmodel: gpt-4o"
        written = single
    elif way == 12:
        text = f"body=prompt={urllib.parse.quote(single)}&n=1"
        written = urllib.parse.quote(single)
    elif way == 13:
        text = f'{{"contents":[{{"parts":[{{"text":{js}}}]}}],"systemInstruction":{{"parts":[{{"text":{js}}}]}}}}'
        written = inner.split("\\n")[0]
    elif way == 14:
        text = f"Invoke-RestMethod -Body (@{{ messages = @(@{{ role = 'user'; content = \"{single}\" }}) }} | ConvertTo-Json)"
        written = single
    elif way == 15:
        text = (
            f'{{"model":"wan2.5","input":{{"prompt":{js},"negative_prompt":{js}}},"parameters":{{"size":"1280*720"}}}}'
        )
        written = inner.split("\\n")[0]
    else:
        text = f'"tool_calls":[{{"id":"call_1","type":"function","function":{{"name":"send","arguments":{json.dumps(json.dumps({"text": said}, ensure_ascii=False), ensure_ascii=False)}}}}}]'
        written = json.dumps(json.dumps(said, ensure_ascii=False)[1:-1], ensure_ascii=False)[1:-1].split("\\\\n")[0]
    m.plant(fam, written)
    return text + "\n" + m.tail()


def money(m: Row) -> str:
    rng = m.rng
    card = Family("card", "", 0, "")
    number = _luhn(grow(m.pick(("4<d14>", "55<d13>", "2221<d11>", "34<d12>", "6011<d11>", "3530<d11>")), rng))
    group = lambda digits, joint: joint.join(digits[i : i + 4] for i in range(0, len(digits), 4))  # noqa: E731
    way = rng.randrange(9)
    if way == 0:
        return f"card {m.plant(card, number)} exp 09/28 was charged {m.amount()} twice at {m.time()}"
    if way == 1:
        return f"信用卡号：{m.plant(card, group(number, m.pick((' ', '-'))) if len(number) == 16 else number)}，扣款{m.amount()}，任务ID {m.task_id()}"
    if way == 2:
        return (
            f'{{"card_number": "{m.plant(card, number)}", "amount": "{m.amount()}", "request_id": "{m.request_id()}"}}'
        )
    if way == 3:
        union = _luhn(grow(m.pick(("622<d12>", "6217<d12>", "6228<d14>", "6212<d14>")), rng))
        return f"收款账户 {m.plant(Family('bank_cn', '', 0, ''), m.pick((union, group(union, ' '))))} 开户行工行，{m.amount()}，{m.time()}"
    if way == 4:
        phone = f"1{rng.randint(3, 9)}{grow('<d9>', rng)}"
        shape = m.pick(("{}", "+86 {}", "(+86){}", "+86-{}", "0086{}"))
        return f"{m.pick(('打我电话', '手机', 'tel:', 'WhatsApp ', '收货人 张三 '))}{m.plant(Family('phone_cn', '', 0, ''), shape.format(phone))} {m.request_id()} {m.account()}"
    if way == 5:
        phone = f"1{rng.randint(3, 9)}{grow('<d9>', rng)}"
        return f"我的手机{m.plant(Family('phone_cn', '', 0, ''), m.pick((phone[:3] + ' ' + phone[3:7] + ' ' + phone[7:], phone[:3] + '-' + phone[3:7] + '-' + phone[7:])))}，任务{m.task_id()}"
    body = (
        m.pick(("110101", "320102", "440106"))
        + f"{rng.randint(1950, 2006)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}"
        + grow("<d3>", rng)
    )
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    whole = body + "10X98765432"[sum(int(c) * w for c, w in zip(body, weights, strict=True)) % 11]
    if way == 6:
        return f"身份证号码：{m.plant(Family('idcard_cn', '', 0, ''), m.pick((whole, whole.lower())))} 订单 {m.task_id()} {m.amount()}"
    if way == 7:
        return f"证件{m.plant(Family('idcard_cn', '', 0, ''), whole)}，请求 {m.request_id()}"
    return f"姓名李四 {m.plant(Family('idcard_cn', '', 0, ''), whole)} 充值 {m.amount()}"


def logins(m: Row) -> str:
    secret = plain(m, PASSWORD)
    shape = m.pick((
        "postgres://app:{p}@db:5432/app", "SQL_DSN=root:{p}@tcp(mysql:3306)/oneapi?parseTime=true", "REDIS_CONN_STRING=redis://default:{p}@redis:6379", "mongodb+srv://u:{p}@c0.example.net/?w=majority", "curl -u user:{p} https://a.example.com", "curl --user 'user:{p}' https://a.example.com",
        "HTTPS_PROXY=http://u:{p}@10.0.0.8:7890", "socks5://u:{p}@127.0.0.1:1080", "git clone https://oauth2:{p}@gitlab.example.com/a/b.git", "machine a.example.com login bot password {p}", "DB_PASSWORD={p}", '"password": "{p}"', "密码：{p}", "密码是{p}", "账号 admin 密码 {p}", "spring.datasource.password={p}",
        "smtp://a%40example.com:{p}@smtp.example.com:587", "Server=db;User Id=sa;Password={p};Encrypt=true", "mysql -uroot -p{p} newapi", "sshpass -p '{p}' ssh root@10.0.0.3", "PGPASSWORD={p} psql -h db", "amqp://u:{p}@mq:5672/", "jdbc:mysql://db:3306/x?user=root&password={p}", "ftp://u:{p}@ftp.example.com/", "login: root / pwd: {p}",
        "--password {p}", "--password={p}", "-e MYSQL_ROOT_PASSWORD={p}", "<password>{p}</password>", "passwd={p};",
    ))  # fmt: skip
    return shape.format(p=secret) + "\n" + m.tail()


def sessions(m: Row) -> str:
    csrf = Family("csrf", m.pick(("<a32>", "<a64>", "<u43>")), 0, "")
    shape, fam = m.rng.choice((
        ("Cookie: session={k}; lang=zh", COOKIE), ("cookie: a=1; session={k}", COOKIE), ("'cookie': 'session={k}; theme=dark'", COOKIE), ("Set-Cookie: session={k}; Path=/; Expires=Mon, 26 Jan 2026 10:00:00 GMT; HttpOnly", COOKIE), ("curl -b 'session={k}' https://a.example.com", COOKIE), ("curl --cookie \"session={k}\" https://a.example.com", COOKIE),
        ("document.cookie = \"session={k}\"", COOKIE), ("session={k}", COOKIE), ("cookies={{'session': '{k}'}}", COOKIE), ('{{"name": "session", "value": "{k}", "domain": "a.example.com"}}', COOKIE), (".example.com\tTRUE\t/\tTRUE\t1772000000\tsession\t{k}", COOKIE), ("X-CSRF-Token: {k}", csrf), ("csrftoken={k}; lang=zh", csrf), ("XSRF-TOKEN={k}", csrf),
        ('<meta name="csrf-token" content="{k}">', csrf), ('<input type="hidden" name="_csrf" value="{k}">', csrf), ("_csrf={k}&name=x", csrf), ('"csrfToken":"{k}"', csrf), ("csrfmiddlewaretoken={k}", csrf), ("x-xsrf-token: {k}", csrf), ("csrf_token: {k}", csrf), ("'X-CSRFToken': '{k}'", csrf), ("__Host-session={k}; Path=/", COOKIE), ("connect.sid=s%3A{k}", COOKIE),
        ("PHPSESSID={k}", csrf), ("JSESSIONID={k}", csrf), ("sessionid={k}", csrf), ("session_id={k}", csrf), ("Cookie\n session={k}", COOKIE), ("-H 'Cookie: session={k}'", COOKIE),
    ))  # fmt: skip
    return fill(m, fam, shape) + "\n" + m.tail()


def clean(m: Row) -> str:
    shape = m.rng.randrange(22)
    if shape == 0:
        return f"HTTP/1.1 429 Too Many Requests\nx-request-id: {m.request_id()}\nretry-after: 20\nx-ratelimit-remaining-tokens: {m.stay('149984')}\ncf-ray: {m.stay(grow('<h16>-HKG', m.rng))}\ndate: {m.stay('Mon, 26 Jan 2026 10:09:10 GMT')}\n\n{m.tail()}"
    if shape == 1:
        return f"{m.stay('Bearer ' + m.pick(('***', '<token>', '${TOKEN}', '$API_KEY', 'YOUR_TOKEN', '{{token}}')))} {m.tail()}"
    if shape == 2:
        unset = m.pick(("None", "null", '""', "undefined", "****", "[REDACTED]", "<redacted>", "sk-...", "YOUR-API-KEY", "your-openai-key", "$OPENAI_API_KEY", "%OPENAI_API_KEY%", "sk-****************abcd", "********", "env.OPENAI_API_KEY", "secrets.OPENAI_API_KEY"))  # fmt: skip
        return f"api_key={m.stay(unset)} {m.tail()}"
    if shape == 3:
        return f"{m.stay('total_tokens: 81873')} {m.stay('completion_tokens=12')} {m.stay(chr(34) + 'cached_tokens' + chr(34) + ': 1024')} {m.tail()}"
    if shape == 4:
        return f"视频任务ID：{m.task_id()}，状态：{m.stay('SUCCESS')}，{m.stay('https://cdn.example.com/video/' + grow('<h32>', m.rng) + '.mp4')} {m.tail()}"
    if shape == 5:
        return f"{m.task_id()}\n{m.task_id()}\n{m.task_id()}\n这几个任务没出图，{m.amount()}，{m.tail()}"
    if shape == 6:
        return f'{{"choices":[{{"message":{{"role":"assistant","content":"{m.stay("Error: " + m.pick(ERRORS))}"}}}}],"model":"{m.model()}","id":"{m.request_id()}"}}'
    if shape == 7:
        return f"litellm.exceptions.AuthenticationError: {m.stay('Incorrect API key provided: sk-abc12*****wxyz.')} {m.stay('https://platform.openai.com/account/api-keys')} {m.tail()}"
    if shape == 8:
        return (
            f"The API deployment for this resource {m.error()} apim-request-id: {m.stay(grow('<g>', m.rng))} {m.time()}"
        )
    if shape == 9:
        return f'docker pull calciumion/new-api@sha256:{m.stay(grow("<h64>", m.rng))} etag: W/"{m.stay(grow("<h32>", m.rng))}" {m.tail()}'
    if shape == 10:
        return f"用户 {m.stay('user_' + str(m.rng.randint(1, 999)))} 分组 default 渠道 #{m.rng.randint(1, 99)} 倍率 {m.stay('0.25')} {m.tail()}"
    if shape == 11:
        return f"key {m.stay(m.pick(('not found', 'is invalid', 'expired yesterday', '已过期', '额度用完了')))}，{m.tail()}"
    if shape == 12:
        return f"X-Oneapi-Request-Id: {m.request_id()}\nx-tt-logid: {m.stay(grow('20260126100910<h18>', m.rng))}\nvia volc {m.error()}"
    if shape == 13:
        return f"node_modules/openai/core.mjs:{m.rng.randint(1, 900)}:12\n    at OpenAI.makeStatusError (file:///app/{m.stay('node_modules/openai/error.mjs')}:45:20) {{\n  status: 401,\n  request_id: '{m.request_id()}',\n  code: '{m.stay('invalid_api_key')}',\n  message: '{m.error()}'"
    if shape == 14:
        return f"{m.time()} [{m.stay('http-nio-8080-exec-3')}] ERROR {m.stay('c.e.ai.ChatService')} - traceId={m.trace_id()} {m.error()}"
    if shape == 15:
        return f"{m.stay('requests_per_key=60')} {m.stay('token_bucket: 100')} {m.stay('key_count: 12')} {m.stay('keyspace=prod')} {m.stay('api_key_id=key_01')} {m.tail()}"
    if shape == 16:
        return f"{m.stay('ssh-ed25519')} fingerprint SHA256 {m.stay('md5=' + grow('<h32>', m.rng))} {m.stay('integrity=sha512')} {m.tail()}"
    if shape == 17:
        return f"微信支付订单号 {m.stay(grow('42000<d23>', m.rng))} 商户单号 {m.stay(grow('2026012610<d18>', m.rng))} {m.amount()} {m.time()}"
    if shape == 18:
        return f"支付宝交易号：{m.stay(grow('20260126220014<d14>', m.rng))}，{m.amount()}，账号{m.account()}"
    if shape == 19:
        return f"请求体里 {m.stay('max_tokens=8192')}，{m.stay('temperature=0.7')}，{m.stay('stream=true')}，提示词：{m.stay('太长')}会不会报错？{m.tail()}"
    if shape == 20:
        return f"{m.stay('prompt is too long: 210000 tokens > 200000 maximum')} {m.request_id()} {m.stay('messages.0.content: Input should be a valid string')}"
    return f"{m.stay('x-ratelimit-limit-requests: 60')}\n{m.stay('anthropic-ratelimit-tokens-remaining: 1000')}\n{m.stay('openai-processing-ms: 123')}\n{m.tail()}"


def make(seed: int, count: int) -> list[dict[str, object]]:
    rng = random.Random(seed * 7919 + 17)
    rows: list[dict[str, object]] = []
    for number in range(count):
        m = Row(rng)
        family = FAMILIES[number % len(FAMILIES)]
        roll = rng.random()
        trap = ""
        if roll < 0.52:
            kind = rng.choice([place for place in PLACES if place != "vendor" or family.named])
            text = PLACES[kind](m, family)
        elif roll < 0.72:
            kind = "trap"
            trap = rng.choice(list(TRAPS))
            text = trapped(m, family, trap)
        elif roll < 0.75:
            kind, trap, text = "repeat", "repeated", again(m, family)
        elif roll < 0.79:
            kind, text = "prompt", prompt(m)
        elif roll < 0.82:
            kind, text = "money", money(m)
        elif roll < 0.85:
            kind, text = "logins", logins(m)
        elif roll < 0.88:
            kind, text = "sessions", sessions(m)
        else:
            kind, text = "clean", clean(m)
        if kind in PLACES or kind in ("trap", "repeat"):
            before = m.tail() + "\n" if rng.random() < 0.25 else ""
            text = f"{before}{text}\n{m.tail()}"
        if rng.random() < 0.1:
            text = m.pick(("/diagnose ", "/诊断 ", "/diagnose@aihelper_bot\n")) + text
        rows.append(
            {"id": f"h{seed}-{number:05}", "text": text, "secrets": m.secrets, "fam": m.fam, "pub": m.pub, "keep": m.keep, "kind": kind, "trap": trap}
        )  # fmt: skip
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
