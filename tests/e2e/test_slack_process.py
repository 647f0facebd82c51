"""The whole of it in Slack: three commands, the buttons, a hand-over, a stranger, a leaked key. The bot is a process."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.harness import scene
from tests.worlds.slack_rules import read_blocks

RIDDLE = "Error code: 402 - {'error': {'message': 'Insufficient Balance', 'type': 'unknown_error', 'param': None, 'code': 'invalid_request_error'}}"


@pytest.mark.parametrize("way", ["http", "socket"])
async def test_three_commands_and_their_buttons(tmp_path: Path, make_key: Callable[..., str], way: str) -> None:
    socket = way == "socket"
    async with scene(tmp_path, slack=way, telegram="off", language="en", forked=socket, proxied=socket) as s:
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
        answer = await slack.wait_for(
            lambda m: "Switch query → deepseek-backup" in m.labels and "Insufficient Balance" in slack.render_text(m)
        )
        text = slack.render_text(answer)
        assert "Proved by a live check" in text
        assert "There was a secret in your message" in text

        # A member sees the switch button but may not use it.
        before = s.app_env.read_bytes()
        await slack.press("U0BOB", answer, "Switch query → deepseek-backup")
        await slack.wait_for(lambda m: "Only operators" in slack.render_text(m))
        assert s.app_env.read_bytes() == before

        # An operator rehearses, confirms, undoes.
        assert (await slack.slash("U0ADMIN", "C0TEAM", "/switch", "query deepseek-backup")).ok
        plan = await slack.wait_for(lambda m: m.channel == "C0TEAM" and "switch.confirm" in m.action_ids)
        assert s.app_env.read_bytes() == before
        assert s.providers.keys.deepseek not in slack.render_text(plan)
        await slack.press("U0ADMIN", plan, "switch.confirm")
        done = await slack.wait_for(lambda m: m.channel == "C0TEAM" and "switch.undo" in m.action_ids)
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

        # The same by the form: engine and route chosen, masked values before and after, plan, confirm.
        await slack.slash("U0ADMIN", "C0TEAM", "/switch")
        engines = await slack.wait_for(lambda m: "switch.choose" in m.action_ids)
        await slack.press("U0ADMIN", engines, "switch.choose")
        await slack.until(lambda: bool(slack.views))
        view = next(iter(slack.views.values()))
        await slack.choose("U0ADMIN", view, "engine", "query")
        await slack.choose("U0ADMIN", view, "route", "deepseek-main")
        await slack.until(lambda: "already" in json.dumps(view["blocks"]))
        await slack.submit("U0ADMIN", view, {})
        assert "already" in view["errors"]["route#query"]
        await slack.choose("U0ADMIN", view, "route", "deepseek-backup")
        masked = re.compile(r"QUERY_ENGINE_API_KEY  \[deepseek key \w{4}\] → \[deepseek key \w{4}\]")
        await slack.until(lambda: bool(masked.search("\n".join(read_blocks(view["blocks"])))))
        await slack.choose("U0ADMIN", view, "model", "deepseek-chat")
        await slack.until(lambda: "deepseek-reasoner → deepseek-chat" in "\n".join(read_blocks(view["blocks"])))
        await slack.submit("U0BOB", view, {})
        await slack.wait_for(lambda m: m.only_for == "U0BOB" and "Only operators" in slack.render_text(m))
        await slack.submit("U0ADMIN", view, {})
        assert view["closed"]
        plan = await slack.wait_for(
            lambda m: "backup (deepseek-chat)" in slack.render_text(m) and m.channel == "C0TEAM"
        )
        assert (plan.only_for, s.app_env.read_bytes()) == (None, before)
        await slack.press("U0ADMIN", plan, "switch.confirm")
        await slack.until(lambda: "switch.confirm" not in plan.action_ids and bool(plan.action_ids), 10)
        assert "switch.undo" in plan.action_ids, slack.render_text(plan)
        lines = [line for line in s.app_env.read_text().splitlines() if line.startswith("QUERY_ENGINE")]
        assert "QUERY_ENGINE_MODEL_NAME=deepseek-chat" in lines, slack.render_text(plan)

        # A stranger gets one polite refusal, and nothing is done.
        slack.add_user("U0EVE", "Eve")
        await slack.slash("U0EVE", "C0TEAM", "/balance")
        refusal = await slack.wait_for(lambda m: m.only_for == "U0EVE")
        assert "slack:U0EVE" in slack.render_text(refusal)

        assert slack.timeouts == []
        assert s.leaks([*s.planted(), planted]) == []
