"""Where each kind of key is revoked or replaced: the maker's own page, without referral parts.

Each address was looked up in public documentation or code in 2026-11. A kind that has none here (a private key, a password) can be
anybody's: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

REVOKE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "openai key": "https://platform.openai.com/api-keys",
        "openai session": "https://platform.openai.com/settings/profile",
        "anthropic key": "https://console.anthropic.com/settings/keys",
        "anthropic token": "https://claude.ai/settings/claude-code",
        "google key": "https://aistudio.google.com/apikey",
        "google token": "https://myaccount.google.com/connections",
        "google secret": "https://console.cloud.google.com/apis/credentials",
        "openrouter key": "https://openrouter.ai/settings/keys",
        "kimi key": "https://platform.moonshot.cn/console/api-keys",
        "moonshot key": "https://platform.moonshot.cn/console/api-keys",
        "deepseek key": "https://platform.deepseek.com/api_keys",
        "siliconflow key": "https://cloud.siliconflow.cn/account/ak",
        "dashscope key": "https://bailian.console.aliyun.com/?tab=model#/api-key",
        "minimax key": "https://platform.minimaxi.com/user-center/basic-information/interface-key",
        "langfuse key": "https://cloud.langfuse.com",
        "langsmith key": "https://smith.langchain.com/settings",
        "groq key": "https://console.groq.com/keys",
        "xai key": "https://console.x.ai/team/default/api-keys",
        "hugging face key": "https://huggingface.co/settings/tokens",
        "replicate key": "https://replicate.com/account/api-tokens",
        "perplexity key": "https://www.perplexity.ai/account/api/keys",
        "fireworks key": "https://app.fireworks.ai/settings/users/api-keys",
        "together key": "https://api.together.ai/settings/api-keys",
        "cerebras key": "https://cloud.cerebras.ai",
        "nvidia key": "https://build.nvidia.com/settings/api-keys",
        "volcengine key": "https://console.volcengine.com/ark/region:ark+cn-beijing/apiKey",
        "baidu key": "https://console.bce.baidu.com/iam/#/iam/apikey/list",
        "tencent key": "https://console.cloud.tencent.com/cam/capi",
        "alibaba cloud key": "https://ram.console.aliyun.com/manage/ak",
        "alibaba cloud token": "https://ram.console.aliyun.com/manage/ak",
        "zhipu key": "https://open.bigmodel.cn/usercenter/proj-mgmt/apikeys",
        "modelscope key": "https://modelscope.cn/my/myaccesstoken",
        "mimo key": "https://platform.xiaomimimo.com",
        "iflytek key": "https://console.xfyun.cn/services",
        "azure key": "https://portal.azure.com/#view/Microsoft_Azure_ProjectOxford/CognitiveServicesHub",
        "aws key": "https://console.aws.amazon.com/iam/home#/security_credentials",
        "aws token": "https://console.aws.amazon.com/iam/home#/roles",
        "bedrock key": "https://console.aws.amazon.com/bedrock/home#/api-keys",
        "elevenlabs key": "https://elevenlabs.io/app/settings/api-keys",
        "warp token": "https://app.warp.dev",
        "slack token": "https://api.slack.com/apps",
        "slack webhook": "https://api.slack.com/apps",
        "telegram token": "https://t.me/BotFather",
        "discord token": "https://discord.com/developers/applications",
        "discord webhook": "https://support.discord.com/hc/en-us/articles/228383668",
        "feishu webhook": "https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot",
        "dingtalk webhook": "https://open.dingtalk.com/document/robots/custom-robot-access",
        "wecom webhook": "https://developer.work.weixin.qq.com/document/path/91770",
        "github token": "https://github.com/settings/tokens",
        "gitlab token": "https://gitlab.com/-/user_settings/personal_access_tokens",
        "npm token": "https://www.npmjs.com/settings/~/tokens",
        "pypi token": "https://pypi.org/manage/account/token/",
        "docker token": "https://app.docker.com/settings/personal-access-tokens",
        "atlassian token": "https://id.atlassian.com/manage-profile/security/api-tokens",
        "vault token": "https://developer.hashicorp.com/vault/docs/commands/token/revoke",
        "grafana token": "https://grafana.com/docs/grafana/latest/administration/service-accounts/",
        "linear key": "https://linear.app/settings/account/security",
        "digitalocean token": "https://cloud.digitalocean.com/account/api/tokens",
        "databricks token": "https://docs.databricks.com/aws/en/dev-tools/auth/pat",
        "stripe key": "https://dashboard.stripe.com/apikeys",
        "sendgrid key": "https://app.sendgrid.com/settings/api_keys",
        "shopify token": "https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens",
        "sentry key": "https://sentry.io/settings/",
    }
)

# What is personal or a text rather than a key: nothing to revoke, and no warning that a key leaked.
NOT_A_KEY: Final = frozenset(("prompt", "image", "card", "resident id", "phone", "mail", "header"))
