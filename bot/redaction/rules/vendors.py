"""Keys that show their maker by how they begin.

`body` is the alphabet after the prefix: u = base64url, d = base64url with dots, s = base64url with / + = . %.
`exact` are the known lengths of the body: they tell where a wrapped or spaced key ends. `low` is the least body that counts as a
key when it stands in one piece. `check` is an extra condition: see vendor_keys._CHECKS. `sample` and `near` are templates (see
shapes): the first must go wholly, the second must stay as it is.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Vendor(NamedTuple):
    name: str
    kind: str
    prefix: str
    sample: str
    near: str
    exact: tuple[int, ...] = ()
    low: int = 20
    body: str = "u"
    check: str = ""
    shape: str = ""  # the whole token as a pattern, where the sample is but one of many lengths


_MASK = "****<a4>"

RULES: Final[tuple[Vendor, ...]] = (
    # AI providers
    Vendor(
        "openai-project", "openai key", "sk-proj-", "sk-proj-<u74>T3BlbkFJ<u74>", "sk-proj-" + _MASK, (156, 124, 48)
    ),
    Vendor(
        "openai-project-short", "openai key", "sk-proj-", "sk-proj-<u20>T3BlbkFJ<u20>", "sk-proj-<a3>...<a4>", (48,)
    ),
    Vendor(
        "openai-service",
        "openai key",
        "sk-svcacct-",
        "sk-svcacct-<u74>T3BlbkFJ<u74>",
        "sk-svcacct-" + _MASK,
        (156, 124, 48),
    ),
    Vendor(
        "openai-service-long",
        "openai key",
        "sk-service-",
        "sk-service-<u58>T3BlbkFJ<u58>",
        "sk-service-" + _MASK,
        (156, 124, 48),
    ),
    Vendor(
        "openai-admin", "openai key", "sk-admin-", "sk-admin-<u58>T3BlbkFJ<u58>", "sk-admin-" + _MASK, (156, 124, 48)
    ),
    Vendor(
        "openai-browser",
        "openai session",
        "sess-",
        "sess-<a40>",
        "sess-replay-of-the-session",
        (40,),
        32,
        check="plausible",
    ),
    Vendor("anthropic", "anthropic key", "sk-ant-api03-", "sk-ant-api03-<u93>AA", "sk-ant-api03-<a3>...<a4>", (95,)),
    Vendor("anthropic-later", "anthropic key", "sk-ant-", "sk-ant-api04-<u93>AA", "sk-ant-<a3>...<a4>", (101,), 24),
    Vendor(
        "anthropic-admin",
        "anthropic key",
        "sk-ant-admin01-",
        "sk-ant-admin01-<u93>AA",
        "sk-ant-admin01-" + _MASK,
        (95,),
    ),
    Vendor(
        "anthropic-oauth", "anthropic token", "sk-ant-oat01-", "sk-ant-oat01-<u93>AA", "sk-ant-oat01-" + _MASK, (95,)
    ),
    Vendor(
        "anthropic-refresh", "anthropic token", "sk-ant-ort01-", "sk-ant-ort01-<u93>AA", "sk-ant-ort01-" + _MASK, (95,)
    ),
    Vendor("openrouter", "openrouter key", "sk-or-v1-", "sk-or-v1-<h64>", "sk-or-v1-<h3>...<h3>", (64,)),
    Vendor("kimi-plan", "kimi key", "sk-kimi-", "sk-kimi-<a64>", "sk-kimi-" + _MASK, (64,)),
    Vendor("dashscope-plan", "dashscope key", "sk-sp-", "sk-sp-<h32>", "sk-sp-" + _MASK, (32, 48)),
    Vendor("dashscope-workspace", "dashscope key", "sk-ws", "sk-ws<a40>", "sk-ws" + _MASK, (), 20, check="plausible"),
    Vendor("minimax", "minimax key", "sk-api-", "sk-api-<u119>", "sk-api-key-goes-here", (119,), check="plausible"),
    Vendor("minimax-plan", "minimax key", "sk-cp-", "sk-cp-<u119>", "sk-cp-" + _MASK, (119,), check="plausible"),
    Vendor("langfuse", "langfuse key", "sk-lf-", "sk-lf-<g>", "pk-lf-<g>", (36,)),
    Vendor("sk-legacy", "openai key", "sk-", "sk-<a20>T3BlbkFJ<a20>", "sk-abc12*****<a4>", (48,), check="sk"),
    Vendor("sk-48", "api key", "sk-", "sk-<a48>", "sk-your-key-here", (48,), check="sk"),
    Vendor("sk-hex", "api key", "sk-", "sk-<h32>", "task-<h32>", (32,), check="sk"),
    Vendor("sk-letters", "api key", "sk-", "sk-<l48>", "sk-learn-pipeline-with-many-words", (48,), check="sk"),
    Vendor("sk-capitals", "api key", "SK-", "SK-<U32>", "SK-1204-WHITE-PACK-OF-TWELVE", (32, 48), 32, check="capitals"),
    Vendor("sk-litellm", "api key", "sk-", "sk-<u22>", "sk-xxxxxxxxxxxxxxxxxxxxxxxx", (22,), check="sk"),
    Vendor("google", "google key", "AIza", "AIzaSy<u33>", "AIza••••", (35,), 30),
    Vendor("google-auth", "google key", "AQ.", "AQ.Ab8RN6<u44>", "AQ.****", (50,), 30, "d", check="plausible"),
    Vendor("google-access", "google token", "ya29.", "ya29.a0<u160>", "ya29.****", (), 20, "d"),
    Vendor("google-refresh", "google token", "1//0", "1//0<u99>", "1//0****", (99,), 40),
    Vendor("google-client", "google secret", "GOCSPX-", "GOCSPX-<u28>", "GOCSPX-****", (28,), 20),
    Vendor("groq", "groq key", "gsk_", "gsk_<a52>", "gsk_" + _MASK, (52,), check="digit"),
    Vendor("xai", "xai key", "xai-", "xai-<a80>", "xai-grok-code-fast-preview", (80,), 24, check="digit"),
    Vendor(
        "huggingface", "hugging face key", "hf_", "hf_<L34>", "hf_hub_download_from_cache_dir", (34,), 30, check="alnum"
    ),
    Vendor(
        "huggingface-org",
        "hugging face key",
        "api_org_",
        "api_org_<L34>",
        "api_org_settings_for_this_account",
        (34,),
        30,
        check="alnum",
    ),
    Vendor("replicate", "replicate key", "r8_", "r8_<a37>", "r8_quantised_weights_of_this", (37,), 30, check="alnum"),
    Vendor("perplexity", "perplexity key", "pplx-", "pplx-<a48>", "pplx-70b-online", (48,), check="plausible"),
    Vendor(
        "fireworks",
        "fireworks key",
        "fw_",
        "fw_1<a23>",
        "fw_version_of_the_controller_2",
        (24, 40),
        20,
        check="alnum-digit",
        shape=r"fw_[A-Za-z0-9]{24}(?:[A-Za-z0-9]{16})?",
    ),
    Vendor(
        "fireworks-project",
        "fireworks key",
        "fpk_",
        "fpk_1<a23>",
        "fpk_version_of_the_controller_2",
        (24, 40),
        20,
        check="alnum-digit",
        shape=r"fpk_[A-Za-z0-9]{24}(?:[A-Za-z0-9]{16})?",
    ),
    Vendor("together", "together key", "tgp_v1_", "tgp_v1_<u43>", "tgp_v1_" + _MASK, (43,)),
    Vendor("cerebras", "cerebras key", "csk-", "csk-<a48>", "csk-" + _MASK, (48,), check="digit"),
    Vendor("nvidia", "nvidia key", "nvapi-", "nvapi-<u64>", "nvapi-" + _MASK, (64, 60, 66, 70)),
    Vendor(
        "volcengine-ark",
        "volcengine key",
        "ark-",
        "ark-<g>-<h5>",
        "ark-cn-beijing-endpoint-of-doubao",
        (42, 36),
        30,
        check="uuid",
    ),
    Vendor("volcengine-ak", "volcengine key", "AKLT", "AKLT<a43>", "AKLT" + _MASK, (43,), 20),
    Vendor("volcengine-temporary", "volcengine key", "AKTP", "AKTP<a43>", "AKTP" + _MASK, (43,), 20),
    Vendor(
        "qianfan",
        "baidu key",
        "bce-v3/",
        "bce-v3/ALTAK-<a21>/<h40>",
        "bce-v3/chat/completions/models",
        (68,),
        30,
        "s",
        check="digit",
    ),
    Vendor("qianfan-part", "baidu key", "ALTAK-", "ALTAK-<a21>/<h40>", "ALTAK-****", (62,), 20, "s"),
    Vendor("tencent-id", "tencent key", "AKID", "AKID<a32>", "AKID****", (32,), 13),
    Vendor("alibaba-id", "alibaba cloud key", "LTAI", "LTAI5t<a18>", "LTAI****", (20, 16, 24), 12),
    Vendor(
        "alibaba-sts", "alibaba cloud key", "STS.", "STS.<a25>", "STS.AssumeRole", (25,), 20, "d", check="plausible"
    ),
    Vendor("alibaba-sts-token", "alibaba cloud token", "CAIS", "CAIS<b300>", "CAIS is a word", (), 60, "s"),
    Vendor("modelscope", "modelscope key", "ms-", "ms-<g>", "ms-marco-MiniLM-L-6-v2", (36,), 32, check="uuid"),
    Vendor(
        "mimo",
        "mimo key",
        "tp-",
        "tp-<m48>",
        "tp-link-router-with-a-long-name",
        (48, 32),
        24,
        check="alnum-digit",
        shape=r"tp-[A-Za-z0-9]{48}",
    ),
    Vendor(
        "elevenlabs",
        "elevenlabs key",
        "sk_",
        "sk_<h48>",
        "sk_learn_model_of_this_project",
        (48,),
        32,
        check="alnum-digit",
    ),
    Vendor("langsmith", "langsmith key", "lsv2_pt_", "lsv2_pt_<h32>_<h10>", "lsv2_pt_" + _MASK, (43,)),
    Vendor("langsmith-service", "langsmith key", "lsv2_sk_", "lsv2_sk_<h32>_<h10>", "lsv2_sk_" + _MASK, (43,)),
    Vendor("warp-refresh", "warp token", "AMf-vB", "AMf-vB<u194>", "AMf-vB****", (), 60),
    # clouds
    Vendor("aws-id", "aws key", "AKIA", "AKIA<t16>", "AKIA****", (16,), 16, check="upper"),
    Vendor("aws-temporary", "aws key", "ASIA", "ASIA<t16>", "ASIA-PACIFIC", (16,), 16, check="upper"),
    Vendor("aws-bearer", "aws key", "ABIA", "ABIA<t16>", "ABIA****", (16,), 16, check="upper"),
    Vendor("aws-context", "aws key", "ACCA", "ACCA<t16>", "ACCA****", (16,), 16, check="upper"),
    Vendor("aws-session", "aws token", "IQoJb3JpZ2lu", "IQoJb3JpZ2luX2Vj<a400>", "IQoJb3JpZ2lu...", (), 60, "s"),
    Vendor("aws-session-old", "aws token", "FwoGZXIvYXdz", "FwoGZXIvYXdz<a300>", "FwoGZXIvYXdz...", (), 60, "s"),
    Vendor("aws-session-oldest", "aws token", "FQoGZXIvYXdz", "FQoGZXIvYXdz<a300>", "FQoGZXIvYXdz...", (), 60, "s"),
    Vendor("bedrock", "bedrock key", "ABSK", "ABSK<a112>", "ABSK****", (), 40, "s"),
    Vendor(
        "bedrock-short",
        "bedrock key",
        "bedrock-api-key-",
        "bedrock-api-key-<b160>",
        "bedrock-api-key-rotation",
        (),
        40,
        "s",
    ),
    Vendor("digitalocean", "digitalocean token", "dop_v1_", "dop_v1_<h64>", "dop_v1_****", (64,)),
    Vendor("databricks", "databricks token", "dapi", "dapi<h32>", "dapi_****", (32,), 32, check="alnum-digit"),
    # chat platforms
    Vendor("slack-bot", "slack token", "xoxb-", "xoxb-<d12>-<d13>-<a24>", "xoxb-****", (), 20),
    Vendor("slack-user", "slack token", "xoxp-", "xoxp-<d12>-<d12>-<d13>-<h32>", "xoxp-****", (), 20),
    Vendor("slack-workspace", "slack token", "xoxa-", "xoxa-<d12>-<d12>-<a24>", "xoxa-****", (), 20),
    Vendor("slack-old-refresh", "slack token", "xoxr-", "xoxr-<d12>-<d12>-<a24>", "xoxr-****", (), 20),
    Vendor("slack-legacy", "slack token", "xoxs-", "xoxs-<d12>-<d12>-<d12>-<h32>", "xoxs-****", (), 20),
    Vendor("slack-web", "slack token", "xoxc-", "xoxc-<d12>-<d12>-<d13>-<h64>", "xoxc-****", (104,), 20),
    Vendor("slack-cookie", "slack token", "xoxd-", "xoxd-<a100>%2B<a40>%3D%3D", "xoxd-****", (), 20, "s"),
    Vendor("slack-app", "slack token", "xapp-", "xapp-1-A<U10>-<d13>-<h64>", "xapp-1-****", (), 20),
    Vendor("slack-config", "slack token", "xoxe.xox", "xoxe.xoxp-1-<a163>", "xoxe.xoxp-1-****", (), 20),
    Vendor("slack-refresh", "slack token", "xoxe-", "xoxe-1-<a147>", "xoxe-1-****", (149, 148), 20),
    # code hosts and packages
    Vendor("github-personal", "github token", "ghp_", "ghp_<a36>", "ghp_" + _MASK, (36,)),
    Vendor("github-oauth", "github token", "gho_", "gho_<a36>", "gho_" + _MASK, (36,)),
    Vendor("github-user", "github token", "ghu_", "ghu_<a36>", "ghu_" + _MASK, (36,)),
    Vendor("github-server", "github token", "ghs_", "ghs_<a36>", "ghs_" + _MASK, (36,)),
    Vendor("github-refresh", "github token", "ghr_", "ghr_<a36>", "ghr_" + _MASK, (36,)),
    Vendor("github-fine", "github token", "github_pat_", "github_pat_<a22>_<a59>", "github_pat_" + _MASK, (82,)),
    Vendor("gitlab", "gitlab token", "glpat-", "glpat-<u20>", "glpat-" + _MASK, (20,), 18, "d"),
    Vendor(
        "gitlab-routable",
        "gitlab token",
        "glpat-",
        "glpat-<u40>.<m9>",
        "glpat-****",
        (20,),
        18,
        "d",
        shape=r"glpat-[A-Za-z0-9_\-]{27,300}\.[0-9a-z]{9}",
    ),
    Vendor("gitlab-deploy", "gitlab token", "gldt-", "gldt-<u20>", "gldt-" + _MASK, (20,), 18),
    Vendor("npm", "npm token", "npm_", "npm_<a36>", "npm_config_registry_for_this_user", (36,), 30, check="alnum"),
    Vendor("pypi", "pypi token", "pypi-AgE", "pypi-AgEIcHlwaS5vcmc<u150>", "pypi-AgE****", (), 40),
    Vendor("docker", "docker token", "dckr_pat_", "dckr_pat_<u27>", "dckr_pat_" + _MASK, (27,)),
    Vendor("atlassian", "atlassian token", "ATATT3", "ATATT3<u180>", "ATATT3****", (), 40, "s"),
    Vendor("vault", "vault token", "hvs.", "hvs.<u90>", "hvs.****", (), 24, "d", shape=r"hvs\.[A-Za-z0-9_\-]{90,110}"),
    Vendor("grafana", "grafana token", "glsa_", "glsa_<a32>_<h8>", "glsa_" + _MASK, (41,)),
    Vendor("linear", "linear key", "lin_api_", "lin_api_<a40>", "lin_api_" + _MASK, (40,)),
    # payment and mail
    Vendor(
        "stripe-live", "stripe key", "sk_live_", "sk_live_51<a97>", "sk_live_" + _MASK, (99, 24), 10, check="plausible"
    ),
    Vendor(
        "stripe-test", "stripe key", "sk_test_", "sk_test_51<a97>", "sk_test_" + _MASK, (99, 24), 10, check="plausible"
    ),
    Vendor(
        "stripe-restricted",
        "stripe key",
        "rk_live_",
        "rk_live_51<a97>",
        "rk_live_" + _MASK,
        (99, 24),
        10,
        check="plausible",
    ),
    Vendor(
        "stripe-restricted-test",
        "stripe key",
        "rk_test_",
        "rk_test_51<a97>",
        "rk_test_" + _MASK,
        (99, 24),
        10,
        check="plausible",
    ),
    Vendor("stripe-webhook", "stripe key", "whsec_", "whsec_<a32>", "whsec_" + _MASK, (32,), 24, "s"),
    Vendor("sendgrid", "sendgrid key", "SG.", "SG.<u22>.<u43>", "SG.****", (66,), 40, "d"),
    Vendor("shopify", "shopify token", "shpat_", "shpat_<h32>", "shpat_" + _MASK, (32,)),
    # signed tokens
    Vendor("jwt", "jwt", "eyJ", "eyJ<u33>.eyJ<u90>.<u86>", "eyJ****", (), 40, "d", check="jwt"),
    Vendor("jwt-spaced", "jwt", "ewog", "ewog<u33>.eyJ<u90>.<u86>", "ewog****", (), 40, "d", check="jwt"),
)
