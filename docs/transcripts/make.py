"""Writes what people see: the three commands, a switch with undo and a ticket, on each face, from a running bot.

python docs/transcripts/make.py   (the bot runs as a process between a local Slack, a local Telegram and the demo's providers)
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.e2e.harness import ADMIN, SUPPORT, Scene, scene  # noqa: E402
from tests.worlds.telegram import render_text  # noqa: E402

RIDDLE = (
    "Error code: 402 - {'error': {'message': 'Insufficient Balance', 'type': 'unknown_error', 'param': None, "
    "'code': 'invalid_request_error'}}"
)


def steady(text: str) -> str:
    """Ports and fingerprints differ at every run; a reader compares the rest."""
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
    return re.sub(r"(key|密钥) [0-9a-f]{4}\]", r"\1 ····]", text)


class Paper:
    def __init__(self, name: str, what: str) -> None:
        self.path, self.lines = HERE / f"{name}.txt", [what, "=" * len(what), ""]

    def add(self, who: str, text: str) -> None:
        self.lines += [f"--- {who}", *steady(text).split("\n"), ""]

    def write(self) -> None:
        self.path.write_text("\n".join(line.rstrip() for line in self.lines).rstrip() + "\n", encoding="utf-8")
        print(self.path.name)


async def slack(s: Scene, paper: Paper) -> None:
    async def shown(button: str, *, text: str = "", channel: str = "C0TEAM") -> Any:
        return await s.slack.wait_for(
            lambda m: m.channel == channel and button in " ".join(m.action_ids) and text in s.slack.render_text(m), 15
        )

    def keep(who: str, message: Any) -> None:
        only = f" (only {message.only_for} sees it)" if message.only_for else ""
        paper.add(f"quotadesk in {message.channel}{only}, answering {who}", s.slack.render_text(message))

    await s.slack.slash("U0BOB", "C0TEAM", "/balance")
    paper.add("Bob", "/balance")
    keep("Bob", await shown("balance.refresh", text="deepseek-backup"))
    await s.slack.slash("U0BOB", "C0TEAM", "/diagnose", RIDDLE)
    paper.add("Bob", f"/diagnose {RIDDLE}")
    answer = await shown("switch.plan", text="Insufficient")
    keep("Bob", answer)
    before = s.app_env.read_bytes()
    await s.slack.slash("U0ADMIN", "C0TEAM", "/switch", "query deepseek-backup")
    paper.add("Admin", "/switch query deepseek-backup")
    plan = await shown("switch.confirm")
    keep("Admin", plan)
    await s.slack.press("U0ADMIN", plan, "switch.confirm")
    done = await shown("switch.undo")
    paper.add("Admin presses the first button", s.slack.render_text(done))
    await s.slack.press("U0ADMIN", done, "switch.undo")
    await s.slack.until(lambda: s.app_env.read_bytes() == before, 10)
    await s.slack.until(lambda: "switch.undo" not in " ".join(done.action_ids), 10)
    paper.add("Admin presses undo; the file has its former bytes again", s.slack.render_text(done))
    await s.slack.press("U0BOB", answer, "diagnose.escalate")
    note = await shown("ticket.ack", channel="C0SUPPORT")
    paper.add("Bob hands it to a human; in #support", s.slack.render_text(note))
    await s.slack.press("U0ALICE", note, "ticket.ack")
    await s.slack.until(lambda: "ticket.ack" not in " ".join(note.action_ids), 10)
    paper.add("Alice acknowledges", s.slack.render_text(note))
    await s.slack.press("U0ALICE", note, "ticket.resolve")
    await s.slack.until(lambda: "ticket.resolve" not in " ".join(note.action_ids), 10)
    paper.add("Alice resolves", s.slack.render_text(note))


async def telegram(s: Scene, paper: Paper) -> None:
    t = s.telegram

    async def shown(chat: int, data: str, text: str = "") -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            for message in reversed(t.seen(chat)):
                rows = (message.get("reply_markup") or {}).get("inline_keyboard", [])
                if text in message.get("text", "") and any(
                    data in b.get("callback_data", "") for row in rows for b in row
                ):
                    return message
            return None

        found: dict[str, Any] = await t.until(look, 15)
        return found

    def now(message: dict[str, Any]) -> dict[str, Any]:
        return t.messages[message["chat"]["id"], message["message_id"]]

    def press(message: dict[str, Any], data: str) -> str:
        rows = message["reply_markup"]["inline_keyboard"]
        return next(b["text"] for row in rows for b in row if data in b.get("callback_data", ""))

    paper.add("Ada", "/balance")
    await t.say(ADMIN, ADMIN, "/balance")
    paper.add("quotadesk", render_text(await shown(ADMIN, "balance.refresh", "deepseek-backup")))
    paper.add("Ada", f"/diagnose {RIDDLE}")
    await t.say(ADMIN, ADMIN, f"/diagnose {RIDDLE}")
    answer = await shown(ADMIN, "switch.plan:query", "Insufficient")
    paper.add("quotadesk", render_text(answer))
    before = s.app_env.read_bytes()
    paper.add("Ada", "/switch query deepseek-backup")
    await t.say(ADMIN, ADMIN, "/switch query deepseek-backup")
    plan = await shown(ADMIN, "switch.confirm")
    paper.add("quotadesk", render_text(plan))
    await t.press(ADMIN, plan, press(plan, "switch.confirm"))
    done = await shown(ADMIN, "switch.undo")
    paper.add("Ada presses the first button", render_text(done))
    await t.press(ADMIN, done, press(done, "switch.undo"))
    await t.until(lambda: s.app_env.read_bytes() == before, 10)
    await t.until(lambda: "switch.undo" not in str(now(done).get("reply_markup")), 10)
    paper.add("Ada presses undo; the file has its former bytes again", render_text(now(done)))
    await t.press(ADMIN, answer, press(answer, "diagnose.escalate"))
    note = await shown(SUPPORT, "ticket.ack")
    paper.add("Ada hands it to a human; in the support group", render_text(note))
    await t.press(ADMIN, note, press(note, "ticket.ack"))
    await t.until(lambda: "ticket.ack" not in str(now(note).get("reply_markup")), 10)
    paper.add("Ada acknowledges", render_text(now(note)))
    await t.press(ADMIN, now(note), press(now(note), "ticket.resolve"))
    await t.until(lambda: "ticket.resolve" not in str(now(note).get("reply_markup")), 10)
    paper.add("Ada resolves", render_text(now(note)))


def terminal(language: str) -> None:
    paper = Paper(f"terminal-{language}", f"The terminal on the demo team ({language})")
    lines = [
        "balance",
        f"diagnose {RIDDLE}",
        "switch query deepseek-backup",
        "press switch.confirm",
        "press switch.undo",
        f"diagnose {RIDDLE}",
        "press diagnose.escalate",
        "quota tickets",
    ]
    with tempfile.TemporaryDirectory() as folder:
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(HERE.parents[1]), "HOME": folder}
        for number in range(1, len(lines) + 1):
            paper.lines.append(f"> {lines[number - 1]}")
        done = subprocess.run(
            [sys.executable, "-m", "bot", "demo", "--lang", language],
            input="\n".join(lines) + "\n",
            capture_output=True,
            text=True,
            cwd=folder,
            env=environ,
            timeout=120,
            check=True,
        )
    paper.add("what it prints", done.stdout)
    paper.write()


async def main() -> None:
    for language in ("en", "zh"):
        terminal(language)
    for way_slack, way_telegram, language in (("http", "polling", "en"), ("socket", "webhook", "zh")):
        with tempfile.TemporaryDirectory() as folder:
            async with scene(Path(folder), slack=way_slack, telegram=way_telegram, language=language) as s:
                for user in s.slack.users.values():
                    user["locale"] = {"en": "en-US", "zh": "zh-CN"}[language]
                s.telegram.people[ADMIN]["language_code"] = language
                paper = Paper(f"slack-{way_slack}-{language}", f"Slack over {way_slack} ({language})")
                await slack(s, paper)
                paper.write()
                paper = Paper(f"telegram-{way_telegram}-{language}", f"Telegram by {way_telegram} ({language})")
                await telegram(s, paper)
                paper.write()
                print("secrets that left:", s.leaks(s.planted()))


if __name__ == "__main__":
    asyncio.run(main())
