"""The whole of it in Telegram, by polling and by webhook, and one ticket that lives on both platforms. The bot is a process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import ADMIN, BOB, GROUP, STRANGER, SUPPORT, Scene, scene

RIDDLE = "Error code: 402 - {'error': {'message': 'Insufficient Balance', 'type': 'unknown_error', 'param': None, 'code': 'invalid_request_error'}}"


def shown(s: Scene, chat: int) -> list[str]:
    return [str(m.get("text") or m.get("caption") or "") for m in s.telegram.seen(chat)]


def labels(message: dict[str, Any]) -> list[str]:
    return [b["text"] for row in (message.get("reply_markup") or {}).get("inline_keyboard", []) for b in row]


async def message_with(s: Scene, chat: int, text: str = "", button: str = "") -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        for message in reversed(s.telegram.seen(chat)):
            if text in str(message.get("text", "")) and (
                not button or any(button in label for label in labels(message))
            ):
                return message
        return None

    return await s.telegram.until(look, 15)


@pytest.mark.parametrize("way", ["polling", "webhook"])
async def test_three_commands_and_their_buttons(tmp_path: Path, make_key: Callable[..., str], way: str) -> None:
    hook = way == "webhook"
    async with scene(tmp_path, slack="off", telegram=way, language="zh", forked=hook, proxied=hook) as s:
        telegram = s.telegram
        await telegram.say(ADMIN, ADMIN, "/balance")
        board = await message_with(s, ADMIN, "¥0.00", "刷新")
        assert "已用尽" in board["text"]
        assert "不公布" in board["text"]

        planted = make_key("sk-", 48)
        asked = await telegram.say(ADMIN, ADMIN, f"/diagnose {RIDDLE} key={planted}")
        answer = await message_with(s, ADMIN, "把握：已证实", "切换 query → deepseek-backup")
        assert "Insufficient Balance" in answer["text"]
        assert (ADMIN, asked["message_id"]) in telegram.deleted  # it carried a key

        before = s.app_env.read_bytes()
        await telegram.press(ADMIN, answer, "切换 query → deepseek-backup")
        plan = await message_with(s, ADMIN, "还没有动任何东西", "确认切换")
        assert s.app_env.read_bytes() == before
        await telegram.press(ADMIN, plan, "确认切换")
        done = await message_with(s, ADMIN, "已切换", "撤销")
        assert f"QUERY_ENGINE_API_KEY={s.providers.keys.deepseek_backup}" in s.app_env.read_text()
        await telegram.press(ADMIN, done, "撤销")
        await telegram.until(lambda: s.app_env.read_bytes() == before, 10)

        await telegram.press(ADMIN, answer, "转人工")
        note = await message_with(s, SUPPORT, "QueryEngine", "接手")
        assert "402" in note["text"]
        await telegram.press(ADMIN, note, "接手")
        await telegram.until(lambda: "接手" not in labels(telegram.messages[(SUPPORT, note["message_id"])]), 10)

        await telegram.say(STRANGER, GROUP, "/balance@quotadesk_bot")
        await telegram.until(
            lambda: any(f"telegram:{STRANGER}" in text for text in shown(s, GROUP) + shown(s, STRANGER)), 10
        )
        assert s.leaks([*s.planted(), planted]) == []


async def test_one_ticket_on_both_platforms(tmp_path: Path) -> None:
    async with scene(tmp_path, language="en") as s:
        await s.telegram.say(BOB, BOB, f"/diagnose {RIDDLE}")
        answer = await message_with(s, BOB, "Proved by a live check", "Hand to a human")
        await s.telegram.press(BOB, answer, "Hand to a human")
        in_slack = await s.slack.wait_for(
            lambda m: m.channel == "C0SUPPORT" and "ticket.ack" in " ".join(m.action_ids), 10
        )
        in_telegram = await message_with(s, SUPPORT, "QueryEngine", "Acknowledge")
        await s.slack.press("U0ALICE", in_slack, "ticket.ack")
        await s.slack.until(lambda: "ticket.ack" not in " ".join(in_slack.action_ids), 10)
        stands = lambda: s.telegram.messages[(SUPPORT, in_telegram["message_id"])]  # noqa: E731
        await s.telegram.until(lambda: "Alice" in stands()["text"] and "Acknowledge" not in labels(stands()), 10)
        await s.telegram.press(ADMIN, stands(), "Resolve")
        await s.slack.until(lambda: "ticket.resolve" not in " ".join(in_slack.action_ids), 10)
        # The one who asked is told where they asked.
        await s.telegram.until(lambda: sum("#1" in text for text in shown(s, BOB)) >= 1, 10)
        assert s.leaks(s.planted()) == []
