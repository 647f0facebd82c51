"""Errors of programs that are no AI service: databases, version control, package managers, containers, compilers, shells."""

from __future__ import annotations

from typing import Final

import re2

from bot.services.reading.view import View

_FOREIGN: Final = re2.compile(
    r"psycopg2?\.|asyncpg\.|pymysql\.|mysqlclient|\bmysql\b|sqlalchemy\.exc|redis\.exceptions|pymongo\.|mongo(?:server)?error|sqlite3\.|django\.db|\bora-\d{5}"
    r"|elasticsearch\.exceptions|kafka\.errors|\berror \d{4} \(\w{5}\)|oom command not allowed|used memory > 'maxmemory'"
    r"|^fatal: |\bgit@|failed to push some refs|\(publickey|ssh: connect to host|\bsftp\b|smtplib\."
    r"|npm err|npm error|\byarn error|err_pnpm|could not find a version that satisfies|no matching distribution"
    r"|error response from daemon|docker login|docker-compose|docker\.com/increase-rate-limit|error from server \(|nodes are available: |\blimits\.(?:cpu|memory)\b|back-off restarting"
    r"|cannot (?:remove|create|access|open|stat) '|bash: |sudo: |\bdpkg|no space left on device"
    r"|error\[e0\d{3}\]|error ts\d{4}|\.(?:c|cc|cpp|h):\d+:\d+: error|\.java:\d+: error|creating ec2"
)
_SERVICE: Final = re2.compile(
    r"openai|anthropic|litellm|\bllm|gpt|claude|gemini|deepseek|qwen|glm|kimi|mistral|llama|completion|embedding|/v1/|api[ _-]?key|langchain|one-api|new-api|upstream"
    r"|openrouter|token|quota[_ ](?:exceeded|exhausted)|渠道|模型|额度|余额|\bai[ _]"
)
_COMMAND_LINE: Final = re2.compile(
    r"error: argument -|error: unrecognized arguments|error: the following arguments are required"
)


def is_foreign(seen: View) -> bool:
    """Whether a text is another program's error and names nothing of an AI service."""
    if _COMMAND_LINE.search(seen.low):
        return True
    return bool(_FOREIGN.search(seen.low)) and not _SERVICE.search(seen.low)
