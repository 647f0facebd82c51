"""Other programs' errors are told apart from an AI service's."""

import pytest

from bot.services.reading.foreign import is_foreign
from bot.services.reading.view import view


@pytest.mark.parametrize(
    "text",
    [
        "sqlalchemy.exc.OperationalError: (pymysql.err.OperationalError) (1045, \"Access denied for user 'root'@'localhost'\")",
        "ERROR 1226 (42000): User 'app' has exceeded the 'max_user_connections' resource (current value: 10)",
        "redis.exceptions.ConnectionError: Error 111 connecting to localhost:6379. Connection refused.",
        "npm ERR! code E404\nnpm ERR! 404 Not Found - GET https://registry.example.org/left-padd - Not found",
        "fatal: Authentication failed for 'https://github.com/foo/bar.git/'",
        "toomanyrequests: You have reached your pull rate limit. https://www.docker.com/increase-rate-limit",
        'Error from server (Forbidden): pods is forbidden: User "ci" cannot list resource "pods"',
        "forbidden: exceeded quota: compute-resources, requested: limits.cpu=2, used: limits.cpu=8",
        "ssh: connect to host 10.0.0.5 port 22: Connection timed out",
        "rm: cannot remove '/var/lib/x': Permission denied",
        "api_server.py: error: argument --tool-call-parser: invalid choice: 'llama3_json'",
        "mysql 连接失败: Too many connections",
    ],
)
def test_another_programs_error(text):
    assert is_foreign(view(text))


@pytest.mark.parametrize(
    "text",
    [
        "Error code: 429 - {'error': {'message': 'Rate limit reached for gpt-4o'}}",
        "ERROR: (pymysql.err.OperationalError) while updating the quota of token 12 of channel openai",
        "psycopg2.OperationalError while saving the answer of the LLM",
        "预扣费额度失败, 用户剩余额度: 0",
        "Connection refused",
        "",
    ],
)
def test_an_ai_services_error_or_an_open_one(text):
    assert not is_foreign(view(text))
