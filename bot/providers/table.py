"""The README's table of providers, made from the shelf: what each tells, and with which credential."""

from __future__ import annotations

from collections.abc import Mapping

from bot.model.money import Kind
from bot.providers import shelf
from bot.providers.base import Provider

_HEADS: Mapping[str, tuple[str, str, str, str]] = {
    "en": ("provider", "`provider =`", "tells", "credential for it"),
    "zh": ("厂商", "`provider =`", "能告知", "要用的凭据"),
}
_KINDS: Mapping[str, Mapping[Kind, str]] = {
    "en": {
        Kind.ACCOUNT_MONEY: "account money",
        Kind.KEY_BUDGET: "key budget",
        Kind.GROUP_QUOTA: "group budget",
        Kind.WINDOW_QUOTA: "quota windows",
        Kind.SPEND: "spend only",
        Kind.HEALTH: "health and models",
    },
    "zh": {
        Kind.ACCOUNT_MONEY: "账户余额",
        Kind.KEY_BUDGET: "密钥额度",
        Kind.GROUP_QUOTA: "分组额度",
        Kind.WINDOW_QUOTA: "周期配额",
        Kind.SPEND: "只有花费",
        Kind.HEALTH: "能否连上、有哪些模型",
    },
}
_NOTHING = {"en": "nothing (console page)", "zh": "不公布（给出控制台）"}
_NEEDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "": "ordinary key",
        "none": "none",
        "admin_key": "Admin key",
        "management_key": "management key",
        "system_token": "system access token",
        "cloud_keys": "cloud access key pair",
        "service_account": "a Google service account (not asked)",
        "service_principal": "service principal (TENANT:CLIENT:SECRET)",
        "billing_token": "token that may read billing",
        "personal_login": "a personal login (not asked)",
        "both": "ordinary key; {second} for the account",
    },
    "zh": {
        "": "普通密钥",
        "none": "不需要",
        "admin_key": "Admin 密钥",
        "management_key": "管理密钥",
        "system_token": "系统访问令牌",
        "cloud_keys": "云账号访问密钥对",
        "service_account": "Google 服务账号（不查）",
        "service_principal": "服务主体（TENANT:CLIENT:SECRET）",
        "billing_token": "能读账单的令牌",
        "personal_login": "本人登录（不查）",
        "both": "普通密钥；查账户要{second}",
    },
}


def _credential(provider: Provider, language: str) -> str:
    words = _NEEDS[language]
    credentials = {ask.credential for ask in provider.asks if not ask.instead_of} - {"none"}
    if not provider.asks:
        return words[provider.needs] if provider.needs else "—"
    if provider.needs and credentials >= {"key", "account_key"}:
        return words["both"].format(second=words[provider.needs])
    if "account_key" in credentials:
        return words[provider.needs]
    return words["" if credentials else "none"]


def markdown(language: str = "en") -> str:
    """A Markdown table, one row a provider, by name; it ends with a line break."""
    heads = _HEADS[language]
    lines = [f"| {' | '.join(heads)} |", "|---|---|---|---|"]
    names = sorted(shelf().values(), key=lambda p: (not p.tells, p.title.lower()))
    for provider in names:
        title = provider.zh_title if language == "zh" else provider.title
        if provider.balance_url and provider.balance_url.startswith("https://"):
            title = f"[{title}]({provider.balance_url})"
        separator = "、" if language == "zh" else ", "
        tells = separator.join(_KINDS[language][kind] for kind in provider.tells) or _NOTHING[language]
        lines.append(f"| {title} | `{provider.id}` | {tells} | {_credential(provider, language)} |")
    return "\n".join(lines) + "\n"
