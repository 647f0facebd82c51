"""Says in the support chats what the watch has to say. Wording is the locales'; a platform that is not there is skipped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from bot.errors import DeliveryError
from bot.locales import Words, alert_words, week_words
from bot.model.alert import Await, Notice, WeekReport
from bot.model.chat import Line, MessageRef, Place, Reply
from bot.model.money import AccountState, Kind
from bot.model.team import Team
from bot.outlets.desk import place_of
from bot.ports import Chat


class ChatSpeaker:
    """`chats` may be filled later and change. Support chats read the team's language and zone. `draw` makes the weekly
    report's picture, in the zone it is given; None where there is nothing to draw."""

    def __init__(
        self, chats: Mapping[str, Chat], team: Team, draw: Callable[[WeekReport, str], bytes | None] | None = None
    ) -> None:
        self._chats, self._team, self._draw = chats, team, draw
        self._titles = {engine.name: engine.title for engine in team.engines.values()}
        self._switchable = frozenset(e.name for e in team.engines.values() if e.env_file and len(e.routes) > 1)

    def places(self) -> tuple[str, ...]:
        return tuple(place for place in self._team.support.chats if place.partition(":")[0] in self._chats)

    async def say(self, place: str, notice: Notice, now: datetime) -> MessageRef:
        return await self._post(place, self._worded(notice, now))

    async def edit(self, ref: MessageRef, notice: Notice, now: datetime) -> None:
        await self._chat(ref.platform).edit(ref, self._worded(notice, now))

    async def report(self, place: str, report: WeekReport, now: datetime) -> MessageRef:
        reply = week_words.report(report, self._words, self._titles)
        if self._draw is not None and (picture := await asyncio.to_thread(self._draw, report, self._team.timezone)):
            reply = replace(reply, picture=picture)
        return await self._post(place, reply)

    async def back(self, waiting: Await, state: AccountState, now: datetime) -> None:
        """In the thread where it was asked; where that is gone, directly."""
        words = Words(waiting.language, waiting.timezone)
        chat = self._chat(waiting.person.platform)
        text = words.say("alert.back", account=state.account, figure=shown(state, words))
        ref = waiting.asked_in
        if ref is not None:
            named = words.say("alert.back_to", who=chat.mention(waiting.person), text=text)
            slack_team = self._team.access.slack_team if ref.platform == "slack" else None
            try:
                await chat.post(Place(ref.platform, ref.chat, ref.thread, team=slack_team), _line(named))
                return
            except DeliveryError as fault:
                if not fault.final:
                    raise
        await chat.direct(waiting.person, _line(text))

    def _worded(self, notice: Notice, now: datetime) -> Reply:
        return alert_words.notice(notice, self._words, now, self._titles, self._switchable)

    @property
    def _words(self) -> Words:
        return Words(self._team.language, self._team.timezone)

    def _chat(self, platform: str) -> Chat:
        chat = self._chats.get(platform)
        if chat is None:
            raise DeliveryError("not_connected", retry_after_s=60.0)
        return chat

    async def _post(self, place: str, reply: Reply) -> MessageRef:
        where = place_of(place, self._team)
        return await self._chat(where.platform).post(where, reply)


def _line(text: str) -> Reply:
    return Reply(blocks=(Line(text),), audience="place")


def shown(state: AccountState, words: Words) -> str:
    """The account's money, or the first figure it told."""
    known = [r for r in state.readings if r.amount is not None]
    known.sort(key=lambda r: r.kind is not Kind.ACCOUNT_MONEY)
    return words.money(known[0].amount, known[0].currency) if known else words.say("common.unknown")
