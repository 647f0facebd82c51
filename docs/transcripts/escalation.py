"""Writes what a person and the provider's support get when the bot cannot help: notes and exports of five errors, a night, a drill.

python docs/transcripts/escalation.py   (the bot runs as a process between a local Slack, a local Telegram and local services)
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

from make import Paper  # noqa: E402

from bot.locales import Words  # noqa: E402
from tests import test_riddles as riddles  # noqa: E402
from tests.e2e import test_escalation_process as night  # noqa: E402
from tests.e2e.harness import ADMIN, Scene, scene  # noqa: E402
from tests.worlds.pagers import PagerWorld  # noqa: E402

ERRORS = {
    "DeepSeek, 402": riddles.DEEPSEEK,
    "Warp, no requests left": riddles.WARP,
    "Warp, 429": riddles.WARP_429,
    "Gemini, free tier of 0": riddles.GEMINI,
    "A relay with an empty account of its own": riddles.RELAY,
}


def _spoken(s: Scene, language: str) -> None:
    for user in s.slack.users.values():
        user["locale"] = {"en": "en-US", "zh": "zh-CN"}[language]
    s.telegram.people[ADMIN]["language_code"] = language


async def exports(language: str) -> None:
    paper = Paper(
        f"exports-{language}", f"Five errors handed to a human: the note, and the text for the provider ({language})"
    )
    with tempfile.TemporaryDirectory() as folder:
        async with scene(Path(folder), telegram="off", language=language) as s:
            _spoken(s, language)
            for number, (name, text) in enumerate(ERRORS.items(), 1):
                await s.slack.slash("U0BOB", "C0TEAM", "/diagnose", text)
                answer = await s.slack.wait_for(
                    lambda m, n=number: len(_escalates(s)) >= n and m is _escalates(s)[-1], 20
                )
                await s.slack.press("U0BOB", answer, "diagnose.escalate")
                note = await s.slack.wait_for(
                    lambda m, n=number: m.channel == "C0SUPPORT" and f"#{n} " in s.slack.render_text(m), 20
                )
                paper.add(f"{name}: {text}", s.slack.render_text(note))
                await s.slack.slash("U0ALICE", "C0SUPPORT", "/quota", f"ticket {number} export")
                export = await s.slack.wait_for(
                    lambda m, n=number: m.only_for == "U0ALICE" and f"#{n}" in s.slack.render_text(m), 20
                )
                paper.add("the text for the provider's support", s.slack.render_text(export))
            print("secrets that left:", s.leaks(s.planted()))
    paper.write()


def _escalates(s: Scene) -> list[Any]:
    return [m for m in s.slack.from_bot() if m.channel == "C0TEAM" and "diagnose.escalate" in " ".join(m.action_ids)]


async def drill(language: str) -> None:
    """With a support group that has removed the bot, a backup that is empty, and a rota with a gap."""
    paper = Paper(f"drill-{language}", f"A fire drill and its report ({language})")

    with tempfile.TemporaryDirectory() as folder:
        async with scene(Path(folder), language=language, amend=night.weak_team) as s:
            _spoken(s, language)
            s.telegram.chats[night.SUPPORT].kicked = True
            await s.slack.slash("U0ALICE", "C0TEAM", "/quota", "oncall swap nobody 02:00 07:00")
            swapped = await s.slack.wait_for(lambda m: "07:00" in s.slack.render_text(m), 20)
            paper.add("Alice: /quota oncall swap nobody 02:00 07:00", s.slack.render_text(swapped))
            await s.slack.slash("U0ALICE", "C0TEAM", "/quota", "drill")
            started = await s.slack.wait_for(lambda m: "drill.report" in m.action_ids, 20)
            paper.add("Alice: /quota drill", s.slack.render_text(started))
            note = await s.slack.wait_for(lambda m: m.channel == "C0SUPPORT" and "ticket.ack" in m.action_ids, 20)
            paper.add("in #support", s.slack.render_text(note))
            await s.slack.wait_for(
                lambda m: (
                    m.channel == "C0SUPPORT" and "Telegram" in s.slack.render_text(m) and "ticket.show" in m.action_ids
                ),
                20,
            )
            await s.slack.press("U0ALICE", note, "ticket.ack")
            await s.slack.until(lambda: "ticket.ack" not in " ".join(note.action_ids), 20)
            before = len(s.slack.from_bot())
            await s.slack.press("U0ALICE", started, "drill.report")
            report = await s.slack.wait_for(
                lambda m: m in s.slack.from_bot()[before:] and "drill.report" in m.action_ids, 30
            )
            paper.add("Alice presses the report", s.slack.render_text(report))
    paper.write()


async def a_night(language: str) -> None:
    what = "A night: called, no answer, the next person, taken in Telegram, resolved in Slack, the asker told"
    paper = Paper(f"night-{language}", f"{what} ({language})")
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "night.txt"
        os.environ["NIGHT_TRANSCRIPT"] = str(kept)
        await night.a_night(Path(folder), Words(language))
        paper.add("every change in every chat, by seconds", kept.read_text(encoding="utf-8"))
    paper.write()


async def payloads() -> None:
    """What PagerDuty's events address and an Apprise service get for one incident."""
    paper = Paper("pagers", "One incident as PagerDuty's Events API v2 and an Apprise service (JSON) get it")
    async with PagerWorld("pager-" + os.urandom(8).hex()) as pagers:
        more = {"PAGERDUTY_ROUTING_KEY": pagers.routing_key, "PAGERDUTY_EVENTS_URL": pagers.events_url}
        more["NOTIFY_URLS"] = pagers.notify_url(os.urandom(8).hex())
        with tempfile.TemporaryDirectory() as folder:
            async with scene(Path(folder), language="en", amend=night.night_team, more=more) as s:
                in_slack, _ = await night.handed_over(s)
                await s.slack.until(lambda: pagers.events, 20)
                await s.slack.press("U0ALICE", in_slack, "ticket.ack")
                await s.slack.until(lambda: len(pagers.events) >= 2, 20)
                await s.slack.press("U0ALICE", in_slack, "ticket.resolve")
                await s.slack.until(lambda: len(pagers.events) >= 3 and len(pagers.notified) >= 2, 20)
        for event in pagers.events:
            shown = {**event, "routing_key": "(the key of the service)"}
            paper.add(f"PagerDuty: {event['event_action']}", json.dumps(shown, ensure_ascii=False, indent=2))
        for notice in pagers.notified:
            paper.add("Apprise", json.dumps(notice, ensure_ascii=False, indent=2))
    paper.write()


async def main() -> None:
    for language in ("en", "zh"):
        await exports(language)
        await drill(language)
        await a_night(language)
    await payloads()


if __name__ == "__main__":
    asyncio.run(main())
