"""One person on Slack, Telegram and the terminal: the deep link, one language, the Home tab in both languages."""

from __future__ import annotations

import re
from pathlib import Path

from tests.e2e.harness import STRANGER, scene
from tests.e2e.test_command_line import Shell
from tests.e2e.test_telegram_process import message_with


async def test_a_deep_link_makes_two_addresses_one_person(tmp_path: Path) -> None:
    async with scene(tmp_path, language="en") as s:
        slack, telegram = s.slack, s.telegram
        await telegram.say(STRANGER, STRANGER, "/quota link")
        await message_with(s, STRANGER, f"telegram:{STRANGER}")  # closed: no code is made for a stranger
        await telegram.say(STRANGER, STRANGER, "/start link_doesnotexist")
        await message_with(s, STRANGER, "not open to you")

        await slack.slash("U0BOB", "C0TEAM", "/quota", "link")
        offer = await slack.wait_for(lambda m: "t.me/quotadesk_bot?start=link_" in str(m.blocks))
        assert offer.only_for == "U0BOB"
        found = re.search(r"https://t\.me/quotadesk_bot\?start=(link_[A-Za-z0-9_-]+)", str(offer.blocks))
        assert found
        await telegram.say(STRANGER, STRANGER, f"/start {found[1]}")
        await message_with(s, STRANGER, "slack:U0BOB")
        await telegram.say(STRANGER, STRANGER, "/balance deepseek-main")  # Bob's rights
        await message_with(s, STRANGER, "CNY 0.00")
        await telegram.say(STRANGER, STRANGER, f"/start {found[1]}")  # once
        await message_with(s, STRANGER, "unknown, used or older")

        # The language chosen on one side is the other side's too, in the Home tab as well.
        await slack.open_home("U0BOB")
        await slack.until(lambda: "Quota board" in str(slack.homes.get("U0BOB")), 15)
        await telegram.say(STRANGER, STRANGER, "/quota language zh")
        await message_with(s, STRANGER, "以后用中文回答你")
        await slack.open_home("U0BOB")
        await slack.until(lambda: "额度看板" in str(slack.homes["U0BOB"]), 15)
        await slack.slash("U0BOB", "C0TEAM", "/quota", "home")
        await slack.wait_for(lambda m: m.only_for == "U0BOB" and "额度看板" in slack.render_text(m), 15)


async def test_the_terminal_remembers_the_language(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    code, out, err = await shell("demo", "--lang", "en", stdin="language zh\nquota tickets\n")
    assert code == 0, err
    assert "以后用中文回答你" in out
    assert "工单" in out.split("以后用中文回答你")[1]
