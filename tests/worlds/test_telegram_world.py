"""The local Telegram refuses what the real one refuses, in its words."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import ClientSession

from tests.worlds.telegram import NOT_MODIFIED, TOO_OLD, TelegramWorld
from tests.worlds.telegram_rules import Refused, parse_html

ALICE = 1001


@pytest.fixture
async def world():
    async with TelegramWorld() as made:
        made.person(ALICE, "Alice", started=True)
        made.person(1002, "Bob")
        yield made


@pytest.fixture
async def ask(world):
    async with ClientSession() as http:

        async def call(method: str, **params: object) -> dict:
            async with http.post(f"{world.url}/bot{world.token}/{method}", json=params) as answer:
                body = await answer.json()
                assert answer.status == (200 if body["ok"] else body["error_code"])
                return body

        yield call


@pytest.mark.parametrize(
    ("html", "says"),
    [
        ("<x>a</x>", 'Unsupported start tag "x" at byte offset 0'),
        ("余<x>", 'Unsupported start tag "x" at byte offset 3'),
        ("<b>a", 'Can\'t find end tag corresponding to start tag "b"'),
        ("<b>a</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("a</b>", "Unexpected end tag at byte offset 1"),
        ("a < b", "Unclosed start tag at byte offset 2"),
    ],
)
def test_markup_is_refused_as_a_whole(html, says):
    with pytest.raises(Refused) as refused:
        parse_html(html)
    assert refused.value.description == f"Bad Request: can't parse entities: {says}"


def test_offsets_are_utf16_units():
    text, entities = parse_html("😀<b>x&amp;y</b>")
    assert text == "😀x&y"
    assert entities == [{"type": "bold", "offset": 2, "length": 3}]


@pytest.mark.parametrize(
    ("params", "code", "says"),
    [
        ({"text": "x" * 4097}, 400, "Bad Request: message is too long"),
        ({"text": "<b> </b>", "parse_mode": "HTML"}, 400, "Bad Request: message text is empty"),
        ({"text": "x", "chat_id": 5}, 400, "Bad Request: chat not found"),
        ({"text": "x", "chat_id": 1002}, 403, "Forbidden: bot can't initiate conversation with a user"),
        ({"text": "x", "message_thread_id": 9}, 400, "Bad Request: message thread not found"),
        ({"text": "x", "reply_parameters": {"message_id": 99}}, 400, "Bad Request: message to be replied not found"),
        ({"text": 5}, 400, "Bad Request: text must be of type String"),
        (
            {"text": "x", "reply_markup": {"inline_keyboard": [[{"text": "a", "callback_data": "余" * 22}]]}},
            400,
            "Bad Request: BUTTON_DATA_INVALID",
        ),
        (
            {"text": "x", "reply_markup": {"inline_keyboard": [[{"text": "a", "url": "javascript:x"}]]}},
            400,
            "Bad Request: BUTTON_URL_INVALID",
        ),
    ],
)
async def test_refused_messages(ask, params, code, says):
    body = await ask("sendMessage", **{"chat_id": ALICE, **params})
    assert (body["error_code"], body["description"]) == (code, says)


async def test_text_counts_after_the_markup(ask):
    body = await ask("sendMessage", chat_id=ALICE, text=f"<b>{'&lt;' * 4096}</b>", parse_mode="HTML")
    assert body["result"]["text"] == "<" * 4096


async def test_edits_presses_and_deletions(world, ask):
    keyboard = {"inline_keyboard": [[{"text": "Go", "callback_data": "a.b"}]]}
    sent = (await ask("sendMessage", chat_id=ALICE, text="x", reply_markup=keyboard))["result"]
    place = {"chat_id": ALICE, "message_id": sent["message_id"]}
    assert (await ask("editMessageText", text="x", reply_markup=keyboard, **place))["description"] == NOT_MODIFIED
    assert (await ask("editMessageText", text="y", **place))["result"]["text"] == "y"
    assert "reply_markup" not in world.messages[(ALICE, sent["message_id"])]  # an edit without a keyboard takes it away
    gone = await ask("editMessageText", text="y", chat_id=ALICE, message_id=77)
    assert gone["description"] == "Bad Request: message to edit not found"
    await ask("editMessageText", text="z", reply_markup=keyboard, **place)
    query = await world.press(ALICE, sent, "Go")
    assert (await ask("answerCallbackQuery", callback_query_id=query))["ok"]
    assert (await ask("answerCallbackQuery", callback_query_id=query))["description"] == TOO_OLD
    world.group(-1, "g", members=(ALICE,))
    theirs = await world.say(ALICE, -1, "/x")
    refused = await ask("deleteMessage", chat_id=-1, message_id=theirs["message_id"])
    assert refused["description"] == "Bad Request: message can't be deleted"


async def test_two_pollers_and_a_webhook_conflict(world, ask):
    first = asyncio.create_task(ask("getUpdates", timeout=5))
    await world.until(lambda: world._poll is not None)
    second = asyncio.create_task(ask("getUpdates", timeout=5))
    assert "terminated by other getUpdates request" in (await first)["description"]
    await world.say(ALICE, ALICE, "/help")
    update = (await second)["result"][0]
    assert (await ask("getUpdates"))["result"][0] == update  # not confirmed yet
    assert (await ask("getUpdates", offset=update["update_id"] + 1))["result"] == []
    assert not (await ask("setWebhook", url="http://plain.example/x"))["ok"]
    assert (await ask("setWebhook", url="https://bot.example/x"))["ok"]
    assert "webhook is active" in (await ask("getUpdates"))["description"]


async def test_privacy_mode_hears_commands_for_the_bot_only(world):
    state = world.group(-1, "g", members=(ALICE,))
    heard = []
    for text in ("hello", "/x@other_bot", "/x@quotadesk_bot", "/x"):
        before = len(world._pending)
        await world.say(ALICE, -1, text)
        heard.append(len(world._pending) > before)
    assert heard == [False, False, True, True]
    state.last_bot = 5
    before = len(world._pending)
    await world.say(ALICE, -1, "/x")
    assert len(world._pending) == before


async def test_commands_are_checked(ask):
    good = [{"command": "help", "description": "x"}]
    assert (await ask("setMyCommands", commands=good, language_code="zh"))["ok"]
    assert not (await ask("setMyCommands", commands=good, language_code="zh-hans"))["ok"]
    bad = json.dumps([{"command": "Help", "description": "x"}])
    assert (await ask("setMyCommands", commands=bad))["description"] == "Bad Request: BOT_COMMAND_INVALID"
