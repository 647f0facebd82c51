"""Who writes: name, language, zone and workspace of a person, from what they chose, else from Slack, else from the team."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, Protocol, TypeGuard
from zoneinfo import ZoneInfo

from bot.chats.slack_wire import Wire
from bot.errors import DeliveryError
from bot.model.values import dataclass
from bot.ports import Clock
from bot.redaction.gate import Gate

Profiles = Callable[[str], Awaitable[tuple[str | None, str | None]]]  # address -> language, zone: what a person chose

KEPT_S: Final = 3_600.0
KEPT_UNKNOWN_S: Final = 60.0
ASK_S: Final = 1.5  # a modal has to open within three seconds of its press


class Defaults(Protocol):
    """What holds for people of whom nothing is known."""

    @property
    def language(self) -> str: ...
    @property
    def timezone(self) -> str: ...
    @property
    def languages(self) -> tuple[str, ...]:
        """Those that we can answer in; others get the team's."""


@dataclass(frozen=True, slots=True)
class About:
    """`team`: the person's own workspace; people of a shared channel have another one."""

    language: str
    timezone: str
    name: str = ""
    team: str | None = None


def known_zone(name: object) -> TypeGuard[str]:
    """Asked one by one: the list of all zones means opening six hundred files."""
    if not isinstance(name, str) or not name:
        return False
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


class People:
    """`about` never raises and never waits long."""

    def __init__(self, wire: Wire, gate: Gate, clock: Clock, defaults: Defaults, profiles: Profiles | None) -> None:
        self._wire, self._gate, self._clock, self._defaults, self._profiles = wire, gate, clock, defaults, profiles
        self._known: dict[str, tuple[float, About]] = {}
        self._asking: dict[str, asyncio.Task[About]] = {}

    async def about(self, user: str) -> About:
        """Their own choice before Slack's profile before the team's. Never raises: the answer matters more than its language."""
        if not user:  # a program
            return About(self._defaults.language, self._defaults.timezone)
        found = await self._from_slack(user)
        if self._profiles is None:
            return found
        try:
            language, zone = await self._profiles(f"slack:{user}")
        except Exception:  # the store may be down: the answer matters more than its language
            return found
        return replace(
            found,
            language=language if language in self._defaults.languages else found.language,
            timezone=zone if zone is not None and known_zone(zone) else found.timezone,
        )

    async def _from_slack(self, user: str) -> About:
        until, about = self._known.get(user, (0.0, None))
        if about is not None and until > self._clock.monotonic():
            return about
        asking = self._asking.get(user)
        if asking is None:  # many commands at once ask once
            asking = self._asking[user] = asyncio.create_task(self._ask(user))
            asking.add_done_callback(lambda _: self._asking.pop(user, None))
        return await asyncio.shield(asking)

    async def _ask(self, user: str) -> About:
        about, kept = About(self._defaults.language, self._defaults.timezone), KEPT_UNKNOWN_S
        try:
            async with asyncio.timeout(ASK_S):
                answer = await self._wire.call(self._wire.client.users_info, user=user, include_locale=True)
            person = answer.get("user") or {}
            profile = person.get("profile") or {}
            language = str(person.get("locale") or "").replace("_", "-").split("-")[0].lower()
            zone = person.get("tz")
            name = str(profile.get("display_name") or profile.get("real_name") or person.get("name") or "")
            about = About(
                language if language in self._defaults.languages else self._defaults.language,
                zone if known_zone(zone) else self._defaults.timezone,
                self._gate.clean(name).text.text[:80],
                person.get("team_id"),
            )
            kept = KEPT_S
        except (DeliveryError, TimeoutError):
            pass  # asked again in a minute
        if len(self._known) > 10_000:
            self._known.clear()
        self._known[user] = (self._clock.monotonic() + kept, about)
        return about
