"""One incident on both platforms, the bot as a process: a night, two seconds, people without the right, chats that are gone, a drill.

`NIGHT_TRANSCRIPT=night.txt` writes the night down, to be read.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.locales import Words
from tests.e2e.harness import ADMIN, BOB, SUPPORT, Scene, scene
from tests.e2e.test_telegram_process import RIDDLE, message_with, shown
from tests.worlds import telegram as telegram_world
from tests.worlds.pagers import PagerWorld
from tests.worlds.slack import Message

ENGLISH = Words("en")
PATIENCE = 60.0  # for a machine that does many other things; how fast it is, `bench/echo_both.py` measures


def night_team(text: str) -> str:
    """No other route is left, Alice is called first and Ada three seconds later."""
    text = re.sub(r'(title = "QueryEngine".*?routes = )\[[^\]]*\]', r'\1["deepseek-main"]', text, flags=re.DOTALL)
    people = f'people = ["slack:U0ALICE", "telegram:{ADMIN}"]\nack_within = "3s"'
    text = text.replace('people = ["slack:U0ALICE"]', people)
    return text + f'"telegram:{ADMIN}" = "Ada"\n"telegram:{BOB}" = "Bob"\n'


@dataclass
class Transcript:
    """What stands in every chat, written down whenever it changes."""

    s: Scene
    began: float = field(default_factory=time.monotonic)
    lines: list[str] = field(default_factory=list)
    _seen: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, text: str) -> None:
        self.lines.append(f"{time.monotonic() - self.began:6.2f} s  {text}")

    def _names(self) -> dict[str, str]:
        names = {f"telegram {SUPPORT}": "Telegram, support group", "slack C0SUPPORT": "Slack, #support"}
        names |= {f"telegram {ADMIN}": "Telegram, direct to Ada", f"telegram {BOB}": "Telegram, direct to Bob"}
        return names | {f"slack {self.s.slack.dm('U0ALICE')}": "Slack, direct to Alice"}

    def look(self) -> None:
        now: dict[tuple[str, str], str] = {}
        for m in self.s.slack.from_bot():
            now[(f"slack {m.channel}", m.ts)] = "\n".join([self.s.slack.render_text(m)])
        for (chat, number), message in list(self.s.telegram.messages.items()):
            if message.get("from", {}).get("id") == self.s.telegram.bot["id"]:
                now[(f"telegram {chat}", str(number))] = telegram_world.render_text(message)
        for key, text in now.items():
            if self._seen.get(key) != text:
                what = "edited" if key in self._seen else "posted"
                self.add(f"{self._names().get(key[0], key[0])}: {what}")
                self.lines += [f"            | {line}" for line in text.split("\n")]
        self._seen = now

    async def follow(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def written(s: Scene) -> AsyncIterator[Transcript]:
    transcript = Transcript(s)
    following = asyncio.create_task(transcript.follow())
    try:
        yield transcript
        transcript.look()
    finally:
        following.cancel()
        if path := os.environ.get("NIGHT_TRANSCRIPT"):
            Path(path).write_text("\n".join(transcript.lines) + "\n", encoding="utf-8")


async def handed_over(s: Scene, words: Words = ENGLISH) -> tuple[Message, dict[str, Any]]:
    """Bob asks in Telegram and hands it to a human: the notes in both support chats."""
    await s.telegram.say(BOB, BOB, f"/diagnose {RIDDLE}")
    human = words.say("diagnose.buttons.escalate")
    answer = await message_with(s, BOB, "Insufficient Balance", human)
    await s.telegram.press(BOB, answer, human)
    in_slack = await s.slack.wait_for(lambda m: m.channel == "C0SUPPORT" and "ticket.ack" in m.action_ids, PATIENCE)
    return in_slack, await message_with(s, SUPPORT, "QueryEngine", words.say("ticket.buttons.ack"))


async def took(until: Callable[..., Any], true: Callable[[], Any]) -> float:
    began = time.monotonic()
    await until(true, PATIENCE)
    return time.monotonic() - began


def stands(s: Scene, message: dict[str, Any]) -> str:
    return telegram_world.render_text(s.telegram.messages[(message["chat"]["id"], message["message_id"])])


async def test_a_night(tmp_path: Path) -> None:
    await a_night(tmp_path, ENGLISH)


async def a_night(tmp_path: Path, words: Words) -> None:
    """Called, no answer, the next person, taken in Telegram, Slack edited, resolved in Slack, the asker told."""
    ack = words.say("ticket.buttons.ack")

    def by(key: str, name: str, platform: str) -> str:
        return words.say(f"note.{key}", name=name, platform=platform, time="").rstrip(" ·")

    taken, resolved = by("acknowledged", "Ada", "Telegram"), by("resolved", "Alice", "Slack")
    async with PagerWorld("pager-" + os.urandom(8).hex()) as pagers:
        more = {"PAGERDUTY_ROUTING_KEY": pagers.routing_key, "PAGERDUTY_EVENTS_URL": pagers.events_url}
        async with scene(tmp_path, language=words.language, amend=night_team, more=more) as s, written(s) as night:
            s.telegram.people[BOB]["language_code"] = words.language
            for user in s.slack.users.values():
                user["locale"] = {"en": "en-US", "zh": "zh-CN"}[words.language]
            in_slack, in_telegram = await handed_over(s, words)
            alice = s.slack.dm("U0ALICE")
            call = await s.slack.wait_for(lambda m: m.channel == alice and "ticket.ack" in m.action_ids, PATIENCE)
            assert "Ada" in s.slack.render_text(call)  # who is next
            night.add("Alice sleeps")
            await message_with(s, ADMIN, "QueryEngine", ack)
            mentioned = await s.slack.wait_for(
                lambda m: m.channel == "C0SUPPORT" and "Ada" in s.slack.render_text(m) and m is not in_slack, 10
            )
            assert "#1" in s.slack.render_text(mentioned)

            direct = await message_with(s, ADMIN, "QueryEngine", ack)
            night.add("Ada presses Acknowledge in Telegram, twice")
            await s.telegram.press(ADMIN, direct, "ticket.ack", twice=True)
            seconds = await took(s.slack.until, lambda: taken in s.slack.render_text(in_slack))
            night.add(f"(Slack shows it after {seconds:.2f} s)")
            await s.telegram.until(lambda: taken in stands(s, in_telegram), PATIENCE)
            await s.slack.until(lambda: "ticket.ack" not in " ".join(call.action_ids), PATIENCE)
            await s.telegram.until(lambda: s.telegram.alerts, PATIENCE)

            night.add("Alice, awake now, presses Resolve in Slack")
            await s.slack.press("U0ALICE", in_slack, "ticket.resolve")
            seconds = await took(s.telegram.until, lambda: resolved in stands(s, in_telegram))
            night.add(f"(Telegram shows it after {seconds:.2f} s)")
            await s.telegram.until(lambda: any(resolved in text for text in shown(s, BOB)), PATIENCE)
            night.add("Bob, who asked, knows")
            await s.telegram.until(lambda: [i.state for i in pagers.incidents.values()] == ["resolved"], PATIENCE)
            verbs = [event["event_action"] for event in pagers.events]
            assert verbs[0] == "trigger"
            assert verbs[-2:] == ["acknowledge", "resolve"]
            assert len({event["dedup_key"] for event in pagers.events}) == 1
            night.add("PagerDuty: " + ", ".join(verbs) + ", one dedup key")
            # Nobody is called after it was taken.
            calls = len([m for m in s.slack.from_bot() if m.channel == alice])
            await asyncio.sleep(1)
            assert len([m for m in s.slack.from_bot() if m.channel == alice]) == calls
            assert s.leaks([*s.planted(), pagers.routing_key]) == []


async def test_refusals_and_late_presses_are_private(tmp_path: Path) -> None:
    async with scene(tmp_path, language="en") as s:
        in_slack, in_telegram = await handed_over(s)
        s.telegram.chats[SUPPORT].members.add(BOB)
        public = lambda: [text for text in shown(s, SUPPORT) if "#1" in text]  # noqa: E731
        assert len(public()) == 1

        alerts = len(s.telegram.alerts)
        await s.telegram.press(BOB, in_telegram, "ticket.ack")
        await s.telegram.until(
            lambda: any("Only operators" in a.get("text", "") for a in s.telegram.alerts[alerts:]), 5
        )
        await s.slack.press("U0BOB", in_slack, "ticket.ack")
        refused = await s.slack.wait_for(lambda m: "Only operators" in s.slack.render_text(m), PATIENCE)
        assert refused.only_for == "U0BOB"
        assert len(public()) == 1
        assert "ticket.ack" in in_slack.action_ids

        old = dict(s.telegram.messages[(SUPPORT, in_telegram["message_id"])])
        await s.slack.press("U0ALICE", in_slack, "ticket.ack")
        await s.telegram.until(lambda: "Alice took it" in stands(s, in_telegram), PATIENCE)
        await s.slack.press("U0ALICE", in_slack, "ticket.resolve")
        await s.telegram.until(lambda: "Alice resolved it" in stands(s, in_telegram), PATIENCE)
        # A screen that still shows the old buttons: who has it, said to whoever pressed.
        current = s.telegram.messages[(SUPPORT, in_telegram["message_id"])]
        s.telegram.messages[(SUPPORT, in_telegram["message_id"])] = old
        alerts = len(s.telegram.alerts)
        await s.telegram.press(ADMIN, old, "ticket.ack")
        s.telegram.messages[(SUPPORT, in_telegram["message_id"])] = current
        await s.telegram.until(lambda: any("Alice" in a.get("text", "") for a in s.telegram.alerts[alerts:]), PATIENCE)
        assert len(public()) == 1


async def test_a_group_that_removed_the_bot(tmp_path: Path) -> None:
    """What cannot stand in one chat is told in the other, by name; nothing waits."""
    async with scene(tmp_path, language="en") as s:
        s.telegram.chats[SUPPORT].kicked = True
        await s.telegram.say(BOB, BOB, f"/diagnose {RIDDLE}")
        answer = await message_with(s, BOB, "Insufficient Balance", "Hand to a human")
        await s.telegram.press(BOB, answer, "Hand to a human")
        note = await s.slack.wait_for(lambda m: m.channel == "C0SUPPORT" and "ticket.ack" in m.action_ids, PATIENCE)
        told = await s.slack.wait_for(
            lambda m: "support chat on Telegram: the chat removed" in s.slack.render_text(m), PATIENCE
        )
        assert "ticket.show" in told.action_ids
        await s.slack.press("U0ALICE", note, "ticket.resolve")
        await s.telegram.until(lambda: any("Alice resolved it" in text for text in shown(s, BOB)), PATIENCE)


async def test_a_channel_that_removed_the_bot(tmp_path: Path) -> None:
    async with scene(tmp_path, language="en") as s:
        s.slack.channels["C0SUPPORT"]["bot_in"] = False
        await s.telegram.say(BOB, BOB, f"/diagnose {RIDDLE}")
        answer = await message_with(s, BOB, "Insufficient Balance", "Hand to a human")
        await s.telegram.press(BOB, answer, "Hand to a human")
        await message_with(s, SUPPORT, "QueryEngine", "Acknowledge")
        told = await message_with(s, SUPPORT, "support chat on Slack: the chat removed the bot")
        assert "#1" in str(told)


async def test_a_deleted_note_stands_again_and_the_timeline_says_so(tmp_path: Path) -> None:
    async with scene(tmp_path, language="en") as s:
        in_slack, in_telegram = await handed_over(s)
        in_slack.deleted = True
        del s.telegram.messages[(SUPPORT, in_telegram["message_id"])]
        await s.telegram.say(ADMIN, SUPPORT, "/quota ticket 1 ack")
        again = await s.slack.wait_for(
            lambda m: m.channel == "C0SUPPORT" and "Ada" in s.slack.render_text(m) and "ticket.resolve" in m.action_ids,
            PATIENCE,
        )
        assert "took it on Telegram" in s.slack.render_text(again)
        await message_with(s, SUPPORT, "took it on Telegram", "Resolve")
        await s.slack.slash("U0ALICE", "C0SUPPORT", "/quota", "ticket 1")
        said = "the message in the support chat on Slack was deleted; sent again"
        await s.slack.wait_for(lambda m: said in s.slack.render_text(m), PATIENCE)


def weak_team(text: str) -> str:
    """The second engine's backup is an account that is empty."""
    return re.sub(
        r'(title = "MediaEngine".*?routes = )\[[^\]]*\]',
        r'\1["relay", "deepseek-main"]',
        night_team(text),
        flags=re.DOTALL,
    )


async def test_a_drill_from_start_to_report(tmp_path: Path) -> None:
    async with scene(tmp_path, language="en", amend=weak_team) as s:
        await s.slack.slash("U0ALICE", "C0TEAM", "/quota", "drill")
        started = await s.slack.wait_for(lambda m: "drill.report" in m.action_ids, PATIENCE)
        note = await s.slack.wait_for(lambda m: m.channel == "C0SUPPORT" and "ticket.ack" in m.action_ids, PATIENCE)
        await message_with(s, SUPPORT, "DRILL", "Acknowledge")
        alice = s.slack.dm("U0ALICE")
        call = await s.slack.wait_for(lambda m: m.channel == alice and "ticket.ack" in m.action_ids, PATIENCE)
        for message in (note, call):
            assert "DRILL" in s.slack.render_text(message)
        await s.slack.press("U0ALICE", note, "ticket.ack")
        await s.slack.until(lambda: "Alice took it" in s.slack.render_text(note), PATIENCE)
        await s.slack.press("U0ALICE", started, "drill.report")
        report = await s.slack.wait_for(lambda m: "No paging service" in s.slack.render_text(m), PATIENCE)
        text = s.slack.render_text(report)
        for said in (
            "opened by Alice",
            "note delivered to the support chat on Slack",
            "taken by Alice",
            "QueryEngine has no backup route",
        ):
            assert said in text, said
        assert "Backup route deepseek-main of MediaEngine would not help" in text  # asked live
        assert re.search(r"\d+\.\d s · to be called: Alice\b", text)
        assert re.search(r"Alice took it after \d+\.\d s\. \d gaps were found\.", text)
        said = [s.slack.render_text(m) for m in s.slack.from_bot() if m.channel in ("C0SUPPORT", alice)]
        assert [each for each in said if "#1" in each and "DRILL" not in each] == []
        assert s.leaks(s.planted()) == []
        if path := os.environ.get("DRILL_TRANSCRIPT"):
            await asyncio.to_thread(Path(path).write_text, text + "\n", encoding="utf-8")
