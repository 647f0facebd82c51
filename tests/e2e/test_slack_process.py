"""The whole of it in Slack: three commands, the buttons, a hand-over, a stranger, a leaked key. The bot is a process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.harness import scene

RIDDLE = "Error code: 402 - {'error': {'message': 'Insufficient Balance', 'type': 'unknown_error', 'param': None, 'code': 'invalid_request_error'}}"


@pytest.mark.parametrize("way", ["http", "socket"])
async def test_three_commands_and_their_buttons(tmp_path: Path, make_key: Callable[..., str], way: str) -> None:
    async with scene(tmp_path, slack=way, telegram="off", language="en") as s:
        slack = s.slack

        # /balance: worst first, private to the asker, a shared account once.
        assert (await slack.slash("U0BOB", "C0TEAM", "/balance")).ok
        board = await slack.wait_for(lambda m: "CNY 0.00" in slack.render_text(m) and "Refresh" in m.labels)
        text = slack.render_text(board)
        assert board.only_for == "U0BOB"
        assert text.index("deepseek-main") < text.index("deepseek-backup")
        assert "CNY 63.20" not in text  # siliconflow could not be checked and has no history: never 0 either
        assert "NOT CHECKED" in text
        assert "NOT OFFERED" in text

        # /diagnose: proved live, with the one button that helps.
        planted = make_key("sk-ant-api03-", 93) + "AA"
        assert (await slack.slash("U0BOB", "C0TEAM", "/diagnose", f"{RIDDLE} my key {planted}")).ok
        answer = await slack.wait_for(lambda m: "Switch query → deepseek-backup" in m.labels)
        text = slack.render_text(answer)
        assert "Insufficient Balance" in text
        assert "Proved by a live check" in text
        assert "There was a secret in your message" in text

        # A member sees the switch button but may not use it.
        before = s.app_env.read_bytes()
        await slack.press("U0BOB", answer, "Switch query → deepseek-backup")
        await slack.wait_for(lambda m: "Only operators" in slack.render_text(m))
        assert s.app_env.read_bytes() == before

        # An operator rehearses, confirms, undoes.
        assert (await slack.slash("U0ADMIN", "C0TEAM", "/switch", "query deepseek-backup")).ok
        plan = await slack.wait_for(lambda m: "switch.confirm" in " ".join(m.action_ids))
        assert s.app_env.read_bytes() == before
        assert s.providers.keys.deepseek not in slack.render_text(plan)
        await slack.press("U0ADMIN", plan, "switch.confirm")
        done = await slack.wait_for(lambda m: "switch.undo" in " ".join(m.action_ids))
        after = s.app_env.read_text()
        assert f"QUERY_ENGINE_API_KEY={s.providers.keys.deepseek_backup}" in after
        await slack.press("U0ADMIN", done, "switch.undo")
        await slack.until(lambda: s.app_env.read_bytes() == before, 10)

        # Hand to a human: stored, then the seven-field note in the support chat; the on-call takes it.
        await slack.press("U0BOB", answer, "diagnose.escalate")
        note = await slack.wait_for(lambda m: m.channel == "C0SUPPORT" and "ticket.ack" in " ".join(m.action_ids), 10)
        text = slack.render_text(note)
        for field in ("platform team", "production", "QueryEngine", "402"):
            assert field in text, field
        await slack.press("U0ALICE", note, "ticket.ack")
        await slack.until(
            lambda: "Alice" in slack.render_text(note) and "ticket.ack" not in " ".join(note.action_ids), 10
        )

        # A stranger gets one polite refusal, and nothing is done.
        slack.add_user("U0EVE", "Eve")
        await slack.slash("U0EVE", "C0TEAM", "/balance")
        refusal = await slack.wait_for(lambda m: m.only_for == "U0EVE")
        assert "slack:U0EVE" in slack.render_text(refusal)

        assert slack.timeouts == []
        assert s.leaks([*s.planted(), planted]) == []
