"""Values that are secret because of the name before them: NAME=value, headers, query parameters, speech ("my key is ...").

`near` must stay as it is. Values are judged by named_values.telling: placeholders and masks stay, they are a diagnosis.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Named(NamedTuple):
    kind: str
    words: tuple[str, ...]  # how the name ends, lower case
    sample: str
    near: str


NAMES: Final[tuple[Named, ...]] = (
    Named(
        "password",
        ("password", "passwords", "passwd", "passphrase", "passcode", "pwd", "pass", "密码", "口令"),
        "DB_PASSWORD=<a8>9x",
        "password: incorrect",
    ),
    Named("secret", ("secret", "secrets", "apisecret", "密匙"), "client_secret: '<a30>1a'", "client_secret: missing"),
    Named(
        "token",
        ("token", "jwt", "令牌", "apipassword", "api_password"),
        "MY_TOKEN=<a30>1a",
        "max_tokens=4096, token_count: 25300, token limit exceeded",
    ),
    Named(
        "api key",
        (
            "key",
            "keys",
            "accesskeyid",
            "access_key_id",
            "accesskey id",
            "secretid",
            "secret_id",
            "密钥",
            "秘钥",
            "钥匙",
            "🔑",
        ),
        "MISTRAL_API_KEY=<a30>1a",
        "cache_key=chat:gpt-4o-2024-11-20:v2 primary_key: id KEY_NAME=prod-east-2",
    ),
    Named("credential", ("credential", "credentials", "dsn"), "GOOGLE_CREDENTIAL=<a30>1a", "credential: expired"),
    Named("cookie", ("cookie", "cookies"), "Cookie: session=<a40>; lang=zh", "cookie: ${COOKIE}"),
    Named(
        "authorization",
        ("authorization", "auth", "basicauth"),
        "Authorization: Bearer <a30>1a",
        "Authorization: Bearer ***",
    ),
    Named("signature", ("signature",), "X-Slack-Signature: v0=<h64>", "signature: invalid"),
    Named(
        "session",
        ("session", "sessionid", "session_id", "sessid", "sid", "csrf", "csrftoken"),
        "csrftoken=<a32>1a",
        "session: expired",
    ),
)

# Makers whose keys have no prefix: their name with a separator, and a value of a key's very length behind it, is enough.
VENDORS: Final = (
    "mistral", "cohere", "together", "azure", "openai", "智谱", "火山", "方舟", "豆包", "文心", "千帆", "百度", "混元", "腾讯云", "阿里云", "讯飞", "星火", "aws", "signing",
)  # fmt: skip

# Names that look secret and are not: what stands before the word `key`, `token`, `pass`, ... for the whole name to be harmless.
HARMLESS_BEFORE: Final = (
    "cache_", "cache-", "cache", "primary_", "primary-", "primary ", "primary", "foreign_", "foreign ", "public_", "public-",
    "public ", "public", "partition_", "sort_", "group_", "row_", "hot_", "dict_", "object_", "idempotency-", "idempotency_",
    "idempotency", "routing_", "index_", "unique_", "composite_", "pk-lf-", "config_", "setting_", "map_", "next_page_", "page_",
    "next_", "continuation_", "continuation", "pagination_", "nextpage", "eos_", "bos_", "pad_", "stop_", "special_", "first_",
    "last_", "kafka ", "redis ", "memcached ", "object ", "s3 ", "dedupe_", "dedup_", "lookup_", "storage_", "shard_", "range_", "per_", "per-", "per ", "by", "by_", "com", "tres", "sur", "tur", "mon", "don", "hoc", "whis", "joc", "bypass", "com",
)  # fmt: skip

# The letters that may stand right before a lower-case `key`, `token`, ... without a joint: apikey, authtoken, dbpassword.
STEMS: Final = (
    "api", "access", "secret", "auth", "app", "private", "sign", "signing", "license", "master", "my", "user", "client", "bot",
    "refresh", "session", "id", "x", "db", "root", "admin", "channel", "csrf", "xsrf", "csrfmiddleware", "bearer", "security",
    "webhook", "ssh", "account", "encryption", "sk", "new", "old", "j", "php", "asp", "asp.net_", "gemini", "openai", "claude", "deepseek", "zhipu", "your",
    "login", "redis", "mysql", "pg", "smtp", "mail", "ak", "apps", "corp", "consumer", "service", "aes", "jwt", "personalaccess",
    "personal", "project", "model", "llm", "gpt", "relay", "oauth", "push", "deploy",
)  # fmt: skip
