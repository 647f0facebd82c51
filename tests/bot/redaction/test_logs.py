"""Whatever is logged, by us or by a library, holds no secret."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import random
import sys
from collections.abc import Iterator

import pytest
import structlog

from bot.redaction.gate import Gate
from bot.redaction.logs import clean_event, install, loop_handler
from bot.redaction.rules.shapes import grow

RNG = random.Random(7)
TOKEN = grow("<d10>:AA<u33>", RNG)
KEY = grow("sk-ant-api03-<u93>AA", RNG)
PASSWORD = grow("<a14>1x", RNG)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level, hook = list(root.handlers), root.level, sys.excepthook
    stream = io.StringIO()
    install(Gate(b"team"), "INFO", "text", stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    sys.excepthook = hook


def clean(stream: io.StringIO) -> str:
    text = stream.getvalue()
    for secret in (TOKEN[12:], KEY[14:], PASSWORD):
        assert not any(secret[i : i + 12] in text for i in range(len(secret) - 11)), text
    return text


@pytest.mark.parametrize(
    "name", ["bot", "httpx", "telegram.ext.Application", "slack_sdk.web", "aiohttp.access", "sqlalchemy.engine"]
)
def test_message_arguments_and_traceback(log: io.StringIO, name: str) -> None:
    logger = logging.getLogger(name)
    logger.warning("POST https://api.telegram.org/bot%s/sendMessage for %s", TOKEN, "chat 5")
    logger.warning("headers %r", {"authorization": f"Bearer {KEY}"})
    try:
        raise ValueError(f"cannot reach postgresql://app:{PASSWORD}@db.example.com/app")
    except ValueError:
        logger.exception("failed with %s", KEY)
    logger.error("extra", extra={"api_key": KEY, "size": 5})
    logger.error("wrong %d %s", KEY)
    text = clean(log)
    assert "api.telegram.org/bot[telegram token]/sendMessage for chat 5" in text
    assert "ValueError: cannot reach postgresql://app:[password]@db.example.com/app" in text


def test_httpx_is_silent_below_warning(log: io.StringIO) -> None:
    logging.getLogger("httpx").info("HTTP Request: POST https://api.telegram.org/bot%s/getMe", TOKEN)
    assert log.getvalue() == ""


def test_json_lines(log: io.StringIO) -> None:
    install(Gate(b"team"), "info", "json", log)
    logging.getLogger("bot").info("key %s", KEY, extra={"route": "deepseek", "token": PASSWORD, "tries": 3})
    row = json.loads(clean(log))
    assert (row["event"], row["route"], row["tries"], row["level"]) == ("key [anthropic key]", "deepseek", 3, "info")


def test_structlog_events(log: io.StringIO) -> None:
    process = clean_event(Gate(b"team"))
    event = process(
        None,
        "info",
        {"event": f"used {KEY}", "api_key": PASSWORD, "count": 2, "nested": {"url": f"https://x/bot{TOKEN}/y"}},
    )
    assert event["event"] == "used [anthropic key]"
    assert event["count"] == 2
    assert PASSWORD not in repr(event)
    assert TOKEN[12:24] not in repr(event)
    logger = structlog.wrap_logger(
        structlog.PrintLogger(log), processors=[process, structlog.processors.JSONRenderer()]
    )
    try:
        raise RuntimeError(KEY)
    except RuntimeError:
        logger.error("boom", exc_info=True)
    assert "[anthropic key]" in clean(log)


def test_what_nobody_caught(log: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise RuntimeError(f"Authorization: Bearer {KEY}")
    except RuntimeError as error:
        sys.excepthook(RuntimeError, error, error.__traceback__)
        loop = asyncio.new_event_loop()
        loop_handler(Gate(b"team"))(loop, {"message": f"task {TOKEN} died", "exception": error})
        loop.close()
    told = capsys.readouterr().err
    assert "RuntimeError: Authorization: Bearer [anthropic key]" in told
    assert KEY[14:26] not in told
    assert "[telegram token]" in clean(log)
