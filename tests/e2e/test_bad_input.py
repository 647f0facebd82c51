"""What people and other programs really send, to a bot that runs as a process: answered rightly or left alone, never a crash,
never an answer to another bot. And a flood."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.e2e.harness import ADMIN, BOB, GROUP, SUPPORT, Scene, scene
from tests.e2e.test_telegram_process import RIDDLE, labels, message_with, shown

CHANNEL = -1777
FLOOD = 200
BROKEN = ("Traceback", "handler failed", "could not be answered")


def lines_of(s: Scene, *words: str) -> list[str]:
    return [line for line in s.bot.output if any(word in line for word in words)]


async def test_slack(tmp_path: Path, make_key: Callable[..., str]) -> None:
    async with scene(tmp_path, telegram="off", language="en") as s:
        slack = s.slack

        async def asks(text: str, says: str, *, command: str = "/quota", user: str = "U0BOB") -> str:
            before = len(slack.messages)
            assert (await slack.slash(user, "C0TEAM", command, text)).ok
            found = await slack.wait_for(
                lambda m: m.channel == "C0TEAM" and m in slack.messages[before:] and says in slack.render_text(m), 15
            )
            return slack.render_text(found)

        # Typographic dashes and quotes, non-breaking and full-width blanks, direction marks, zero-width signs.
        for text in (
            "balance deepseek\u2011main",
            "balance\u00a0deepseek-main",
            "\u200fbalance \u202adeepseek-main\u202c",
            "bal\u200bance\u3000deepseek-main",
            "`balance deepseek-main`",
        ):
            assert "siliconflow" not in await asks(text, "deepseek-main"), text
        await asks("switch query \u2014history", "Routes of QueryEngine", user="U0ADMIN")
        await asks("balance \U0001f4b0", "no engine or route")
        await asks("balance quary", "Did you mean")
        await asks("\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627", "quotadesk")
        await asks("<!channel> @all <@U0ALICE> <http://evil.example|balance>", "quotadesk")
        await asks("query nobody", "nobody", command="/switch", user="U0ADMIN")

        # Mentions in a pasted error come back as text; 40,000 characters are one question.
        key = make_key("sk-ant-api03-", 93) + "AA"
        filler = "INFO worker 7 is waiting for its turn\n"
        paste = (filler * 1200)[: 39_000 - len(RIDDLE)] + f"<!channel> <!here> @all &lt;!everyone&gt; {key}\n{RIDDLE}"
        said = await asks(paste, "Insufficient Balance", command="/diagnose")
        assert "There was a secret in your message" in said
        for text in (entry.body for entry in slack.transcript if entry.direction == "bot"):
            assert not re.search(r"<!(channel|here|everyone)|<@U0ALICE>", text)

        # Left alone: another bot, our own echo, an edit, a deletion, somebody joining.
        before = len(slack.messages)
        await slack.mention("U0BOB", "C0TEAM", "balance", bot_id="B0OTHER")
        await slack.message("U0BOB", slack.dm("U0BOB"), "balance", bot_id="B0OTHER", subtype="bot_message")
        await slack.message(slack.bot_user, slack.dm("U0BOB"), "balance")
        await slack.message("U0BOB", slack.dm("U0BOB"), "balance", edited={"user": "U0BOB", "ts": "1.2"})
        await slack.message("U0BOB", slack.dm("U0BOB"), "", subtype="message_changed")
        await slack.message("U0BOB", "C0TEAM", "", subtype="channel_join")
        await slack.message("U0BOB", "C0TEAM", "just people talking about balance")
        await asks("help", "quotadesk")
        # Without the echo, and without what the watch says in the support channel at its own time.
        told = [m for m in slack.messages[before:] if m in slack.from_bot() and m.channel != "C0SUPPORT"]
        ours = [m for m in told if m.text != "balance"]
        assert len(ours) == 1, [slack.render_text(m) for m in ours]

        # Two presses at once do one thing; the old button says so politely.
        original = s.app_env.read_bytes()
        await asks("query deepseek-backup", "Nothing has been touched", command="/switch", user="U0ADMIN")
        plan = await slack.wait_for(lambda m: m.channel == "C0TEAM" and "switch.confirm" in " ".join(m.action_ids))
        await asyncio.gather(*(slack.press("U0ADMIN", plan, "switch.confirm") for _ in range(2)))
        done = await slack.wait_for(lambda m: m.channel == "C0TEAM" and "switch.undo" in " ".join(m.action_ids), 15)
        await asyncio.gather(*(slack.press("U0ADMIN", done, "switch.undo") for _ in range(2)))
        await slack.until(lambda: s.app_env.read_bytes() == original, 10)
        audit = await asks("audit", "undo", user="U0ADMIN")
        assert (audit.count("switch query · started"), audit.count("undo query · started")) == (1, 1), audit
        assert lines_of(s, *BROKEN) == []
        assert s.leaks([*s.planted(), key]) == []


async def test_telegram(tmp_path: Path, make_key: Callable[..., str]) -> None:
    async with scene(tmp_path, slack="off", language="en") as s:
        telegram = s.telegram
        telegram.group(CHANNEL, "news", kind="channel")

        async def asks(text: str, says: str, *, user: int = BOB, chat: int | None = None) -> str:
            before = len(shown(s, chat or user))
            await telegram.say(user, chat or user, text)
            await telegram.until(lambda: any(says in one for one in shown(s, chat or user)[before:]), 15)
            return next(one for one in shown(s, chat or user)[before:] if says in one)

        for text in (
            "/balance deepseek\u2011main",
            "/quota\u00a0balance\u00a0deepseek-main",
            "\u200f/balance \u202adeepseek-main\u202c",
            "\uff0fbalance\u3000deepseek-main",
        ):
            assert "siliconflow" not in await asks(text, "deepseek-main"), text
        await asks("/balance \U0001f4b0", "no engine or route")
        await asks("/balance quary", "Did you mean")
        await asks("/\u05e9\u05dc\u05d5\u05dd", "")
        key = make_key("sk-", 48)
        filler = "INFO worker 7 is waiting for its turn\n"
        paste = (filler * 1200)[: 39_000 - len(RIDDLE)] + f"@all @everyone <b>bold</b> {key}\n{RIDDLE}"
        await asks(f"/diagnose {paste}", "Insufficient Balance")
        assert not any(e["type"] == "mention" for m in telegram.seen(BOB) for e in m.get("entities", ()))

        # An anonymous administrator is told why; nothing is done.
        original = s.app_env.read_bytes()
        before = len(shown(s, GROUP))
        await telegram.say(ADMIN, GROUP, "/switch@quotadesk_bot query deepseek-backup", anonymous=True)
        await telegram.until(lambda: len(shown(s, GROUP)) > before, 10)
        assert "under your own name" in shown(s, GROUP)[-1]

        # Left alone: other bots, inline bots, channel posts, edits, forwards, code, other bots' commands, broken updates.
        before = len(telegram.called("sendMessage"))
        command = await telegram.say(BOB, GROUP, "nothing for a bot")
        await telegram.say(BOB, GROUP, "/balance@quotadesk_bot", as_bot=True)
        await telegram.say(BOB, GROUP, "/balance@quotadesk_bot", via_bot=True)
        await telegram.say(BOB, GROUP, "/balance@quotadesk_bot", forwarded=True)
        await telegram.say(BOB, GROUP, "/balance@other_bot")
        code = [{"type": "code", "offset": 0, "length": 22}]
        await telegram.say(BOB, GROUP, "/balance@quotadesk_bot", entities=code)
        await telegram.edit(command, "/balance@quotadesk_bot")
        await telegram.post(CHANNEL, "/balance@quotadesk_bot")
        for odd in ({}, {"message": None}, {"message": {"text": 5}}, {"callback_query": {"id": "1"}}, {"poll": {}}):
            telegram.post_update(odd)
        await asks("/help", "quotadesk")
        sent = telegram.called("sendMessage")[before:]
        told = [
            call.params["chat_id"] for call in sent if call.params["chat_id"] != str(SUPPORT)
        ]  # the watch speaks there
        assert told == [str(BOB)], [call.params for call in sent]

        # Two presses at once, and an old button.
        await telegram.say(ADMIN, ADMIN, "/switch query deepseek-backup")
        plan = await message_with(s, ADMIN, "", "确认切换")
        await asyncio.gather(*(telegram.press(ADMIN, plan, "确认切换", twice=True) for _ in range(2)))
        done = await message_with(s, ADMIN, "", "撤销")
        assert s.app_env.read_bytes() != original
        button = labels(plan).index("确认切换")
        assert button >= 0
        await telegram.press(ADMIN, done, "撤销")
        await telegram.until(lambda: s.app_env.read_bytes() == original, 10)
        await telegram.say(ADMIN, ADMIN, "/quota audit")
        audit = await message_with(s, ADMIN, "谁做了什么")
        assert "撤销 query" in str(audit["text"])
        assert lines_of(s, *BROKEN) == []
        assert s.leaks([*s.planted(), key]) == []


async def test_a_flood_on_both_platforms_is_answered_once_each(tmp_path: Path) -> None:
    """200 commands at once on each; every tenth of Telegram's updates is delivered twice."""
    async with scene(tmp_path, language="en") as s:
        slack, telegram = s.slack, s.telegram
        people = range(5000, 5000 + FLOOD)
        for person in people:
            telegram.person(person, f"P{person}", started=True)
        started = time.monotonic()

        async def write(person: int) -> None:
            await telegram.say(person, person, f"/zzz{person}")
            if person % 10 == 0:
                telegram.repeat()

        acks, _ = await asyncio.gather(
            asyncio.gather(*(slack.slash("U0BOB", "C0TEAM", "/quota", f"yyy{n}x") for n in range(FLOOD))),
            asyncio.gather(*(write(person) for person in people)),
        )

        def answers() -> tuple[Counter[str], Counter[str]]:
            in_slack = Counter(
                found for m in slack.from_bot() for found in re.findall(r"called (yyy\d+x)", slack.render_text(m))
            )
            in_telegram = Counter(
                found
                for person in people
                for text in shown(s, person)
                for found in re.findall(r"called (zzz\d+)", text)
            )
            return in_slack, in_telegram

        def complete() -> bool:
            return all(len(counter) == FLOOD for counter in answers())

        async with asyncio.timeout(90):
            while not complete():
                await asyncio.sleep(0.05)
        took = time.monotonic() - started
        await asyncio.sleep(0.3)  # room for a second answer, if there were one
        counts = {}
        for name, counter in zip(("slack", "telegram"), answers(), strict=True):
            counts[name] = {
                "sent": FLOOD,
                "accepted": sum(ack.ok for ack in acks) if name == "slack" else FLOOD,
                "answered": len(counter),
                "lost": FLOOD - len(counter),
                "doubled": sum(counter.values()) - len(counter),
            }
        slowest = sorted(ack.seconds for ack in acks)[int(FLOOD * 0.99) - 1]
        print(f"flood: {counts}, all answered in {took:.1f} s, slack acknowledged at p99 in {slowest * 1000:.0f} ms")
        for name in counts:
            assert counts[name] == {"sent": FLOOD, "accepted": FLOOD, "answered": FLOOD, "lost": 0, "doubled": 0}, (
                counts
            )
        assert slack.timeouts == []
        assert lines_of(s, *BROKEN) == []
