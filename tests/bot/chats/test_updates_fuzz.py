"""Readers that meet what nobody foresaw: Slack's forms and texts, and team files of any shape."""

from __future__ import annotations

import copy
import json
import string
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import ClientSession
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.chats import slack_in, slack_text
from bot.errors import ConfigError
from bot.redaction.gate import Gate
from bot.store.store import SqlStore
from bot.team_file import parse
from tests.bot.chats.test_telegram import SECRET, Script, running
from tests.worlds.slack import SlackWorld
from tests.worlds.slack_desk import SlackDesk
from tests.worlds.telegram import TelegramWorld

TEXT = st.text(max_size=60) | st.sampled_from(
    ["/quota help", "<@U0BOT> hi", "<https://a|b>", "```x```", "\u202e", "\ud800", "&amp;lt;"]
)
KEYS = (
    "text", "user", "user_id", "user_name", "channel", "channel_id", "command", "trigger_id", "response_url", "team_id", "ts",
    "thread_ts", "attachments", "blocks", "files", "fields", "title", "value", "fallback", "type",
)  # fmt: skip
TEXTS = st.dictionaries(st.sampled_from(KEYS[:13]), TEXT, max_size=10)


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_any_slash_command_is_read(form: dict[str, str]) -> None:
    """A form holds texts only, so every mixture of them has to be read."""
    raw = slack_in.slash(form, {"quota": "quota"})
    assert raw.command
    assert len(raw.text) <= slack_text.RAW_MOST
    assert "\ue000" not in raw.text


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300))
def test_text_from_slack_holds_no_marker_and_is_not_given_back_twice(text: str) -> None:
    shown = slack_text.plain(text)
    assert not {"\ue000", "\ue001"} & set(shown)
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert slack_text.unescape(escaped) == text


NAMES = st.sampled_from(
    [
        "language",
        "timezone",
        "routes",
        "engines",
        "access",
        "support",
        "oncall",
        "slack",
        "people",
        "watch",
        "gateways",
        "retention",
        "reports",
    ]
)
PARTS = st.sampled_from(
    ["base_url", "provider", "key_env", "key_file", "warn_below", "routes", "env_file", "env_prefix", "members", "operators", "every",
     "readings", "tickets", "handover", "people", "chats", "telegram_chats", "kind", "url", "logs", "per_minute", "engine", "bettafish", "restart", "failover"]
)  # fmt: skip
TOML_LEAF = (
    st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.text(string.printable, max_size=30)
    | st.sampled_from(["10m", "1w", "slack:*"])
)
TOML = st.recursive(
    TOML_LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PARTS | st.text("ab.-", max_size=4), inner, max_size=4), max_leaves=10
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(NAMES, TOML, max_size=5))
def test_any_team_file_is_read_or_refused_in_sentences(raw: dict[str, Any]) -> None:
    faults: tuple[str, ...] = ("read.",)
    try:
        parse(raw, Path("/srv"))
    except ConfigError as fault:
        faults = fault.faults
    assert faults
    assert all(sentence.strip().endswith((".", "?")) for sentence in faults), faults


# --- whole deliveries: what comes is never answered by a 5xx, and the next good one is heard ------------------------------

JSON_LEAF = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | TEXT
JSON = st.recursive(
    JSON_LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*KEYS, "id", "message", "chat", "from"]), inner, max_size=4), max_leaves=6
)  # fmt: skip


def changed(draw: st.DrawFn, body: Any) -> Any:
    """The same with up to three of its places taken out or filled with something else."""
    body = copy.deepcopy(body)
    for _ in range(draw(st.integers(0, 3))):
        node: Any = body
        while isinstance(node, (dict, list)) and node:
            key = draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
            inner = node[key]
            if isinstance(inner, (dict, list)) and inner and draw(st.booleans()):
                node = inner
                continue
            if draw(st.booleans()):
                node[key] = draw(JSON)
            else:
                node.pop(key)
            break
    return body


USER = {"id": "U0ALICE", "name": "alice", "team_id": "T0TEAM"}
SLACK_EVENTS = [
    {"type": "event_callback", "event_id": "Ev1", "team_id": "T0TEAM", "event": {"type": kind, "user": "U0ALICE", "text": "<@U0BOT> diagnose 402",
     "channel": "C0TEAM", "ts": "1.1", "thread_ts": "1.0", "files": [{"id": "F1", "name": "a.log", "url_private": "x", "size": 3}],
     "blocks": [{"type": "rich_text", "elements": [{"type": "text", "text": "x"}]}], "tab": "home", "channel_type": "im"}}
    for kind in ("message", "app_mention", "app_home_opened")
]  # fmt: skip
SLACK_FORMS = [
    {"type": "block_actions", "user": USER, "team": {"id": "T0TEAM"}, "channel": {"id": "C0TEAM"}, "trigger_id": "1.2", "response_url": "http://x",
     "container": {"type": "message", "message_ts": "1.1"}, "message": {"ts": "1.1", "text": "x"},
     "actions": [{"type": "button", "action_id": "ticket.ack", "value": "1", "block_id": "b", "action_ts": "1.1"}]},
    {"type": "view_submission", "user": USER, "team": {"id": "T0TEAM"}, "view": {"id": "V1", "callback_id": "ticket.evidence", "private_metadata": "{}",
     "state": {"values": {"b": {"a": {"type": "plain_text_input", "value": "x"}}}}, "blocks": []}},
    {"type": "message_action", "callback_id": "diagnose_message", "user": USER, "team": {"id": "T0TEAM"}, "channel": {"id": "C0TEAM"},
     "message": {"ts": "1.1", "text": "402", "user": "U0BOB"}, "trigger_id": "1.2", "response_url": "http://x"},
]  # fmt: skip
SLASH = {
    "command": "/diagnose",
    "text": "402",
    "user_id": "U0ALICE",
    "channel_id": "C0TEAM",
    "team_id": "T0TEAM",
    "trigger_id": "1.2",
}
SENDER = {"id": 1001, "is_bot": False, "first_name": "Alice", "language_code": "en"}
CHAT = {"id": -1001, "type": "supergroup", "title": "ops"}
MESSAGE = {"message_id": 7, "date": 1795315320, "chat": CHAT, "from": SENDER, "text": "/diagnose 402", "message_thread_id": 3,
           "entities": [{"type": "bot_command", "offset": 0, "length": 9}], "document": {"file_id": "f", "file_unique_id": "u", "file_name": "a.log", "file_size": 3},
           "reply_to_message": {"message_id": 6, "date": 1795315310, "chat": CHAT, "from": SENDER, "text": "402"}}  # fmt: skip
UPDATES = [
    {"update_id": 1, "message": MESSAGE},
    {"update_id": 1, "edited_message": {**MESSAGE, "edit_date": 1795315330}},
    {"update_id": 1, "callback_query": {"id": "1", "from": SENDER, "chat_instance": "1", "data": "ticket.ack:1", "message": MESSAGE}},
    {"update_id": 1, "my_chat_member": {"chat": CHAT, "from": SENDER, "date": 1795315320,
     "old_chat_member": {"status": "left", "user": SENDER}, "new_chat_member": {"status": "member", "user": SENDER}}},
    {"update_id": 1, "message": {**MESSAGE, "migrate_to_chat_id": -1002}},
]  # fmt: skip


@st.composite
def slack_deliveries(draw: st.DrawFn) -> tuple[bytes, str]:
    kind = draw(st.sampled_from(["event", "form", "slash", "bytes"]))
    if kind == "event":
        return json.dumps(changed(draw, draw(st.sampled_from(SLACK_EVENTS)))).encode(), "application/json"
    if kind == "bytes":
        return draw(st.binary(max_size=80)), draw(st.sampled_from(["application/json", FORM, "text/plain", ""]))
    if kind == "slash":
        return urlencode({k: str(v) for k, v in changed(draw, SLASH).items()}, errors="replace").encode(), FORM
    return urlencode({"payload": json.dumps(changed(draw, draw(st.sampled_from(SLACK_FORMS))))}).encode(), FORM


@st.composite
def telegram_deliveries(draw: st.DrawFn) -> bytes:
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=80))
    body = changed(draw, draw(st.sampled_from(UPDATES)))
    if isinstance(body.get("update_id"), int):
        body["update_id"] = draw(st.integers(1, 10**9))
    return json.dumps(body).encode()


FORM = "application/x-www-form-urlencoded"


async def test_slack_is_never_answered_by_a_fault_of_ours() -> None:
    good = urlencode({**SLASH, "command": "/balance", "trigger_id": "9.9"}).encode(), FORM
    async with SlackWorld() as world, SlackDesk(world) as desk, ClientSession() as client:
        assert world.events_url is not None
        for number, (raw, mime) in enumerate([*drawn(slack_deliveries(), 100), good]):
            async with client.post(
                world.events_url, data=raw, headers={"Content-Type": mime, **world.sign(raw)}
            ) as answer:
                assert 200 <= answer.status < 500, (number, raw)
        await desk.idle()
        assert "balance" in {request.command for request in desk.router.requests}


async def test_telegram_is_never_answered_by_a_fault_of_ours() -> None:
    store = SqlStore("sqlite+aiosqlite:///:memory:", Gate())
    await store.open()
    async with TelegramWorld() as world:
        world.person(1001, "Alice", started=True)
        world.group(-1001, "ops", members=(1001,))
        router = Script()
        async with running(world, store, router, hook=True) as chat:
            async with ClientSession() as client:
                url = world.public["https://bot.example"] + "/telegram/webhook"
                for number, raw in enumerate(drawn(telegram_deliveries(), 100)):
                    async with client.post(
                        url, data=raw, headers={"X-Telegram-Bot-Api-Secret-Token": SECRET}
                    ) as answer:
                        assert answer.status == 200, (number, raw)
            await chat.stop()
            assert router.asked  # some of them are whole, and were answered
    await store.close()


def drawn(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """So many examples, always the same, for a test that keeps one server for all of them; `make fuzz` looks further."""
    out: list[Any] = []

    @settings(
        max_examples=count, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(strategy)
    def collect(example: Any) -> None:
        out.append(example)

    collect()
    return out
