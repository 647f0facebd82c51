"""A make-believe fortnight of accounts, and two chats that keep what was posted. `python -m tests.fortnight` prints it."""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from bot.charts import week_chart
from bot.chats.terminal_render import render
from bot.locales import Words
from bot.model.chat import MessageRef, Person, Place, Platform, Reply
from bot.model.engine import Engine, Route
from bot.model.money import AccountState, Balance, Kind, Reading, Runway, Status
from bot.model.team import Support, Team, Watching
from bot.outlets.speaker import ChatSpeaker
from bot.ports import Store, StoredReading
from bot.redaction.gate import Gate
from bot.services import verdict
from bot.services.balances import Account
from bot.services.watch import Watch
from bot.store.store import SqlStore
from tests.conftest import FixedClock
from tests.databases import migrated

START = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)  # Monday 23 November, 00:00 in Beijing
ENGINES = {
    "query": ("QueryEngine", ("deepseek",)),
    "report": ("ReportEngine", ("kimi",)),
    "media": ("MediaEngine", ("relay",)),
    "forum": ("ForumHost", ("siliconflow",)),
    "spider": ("MindSpider", ("glm", "aihubmix")),
}
NAMES = ("deepseek", "kimi", "relay", "siliconflow", "glm", "aihubmix")


def team(**more: object) -> Team:
    routes = {
        name: Route(
            name,
            f"https://{name}.example.com/v1",
            provider="deepseek",
            warn_below={"CNY": Decimal(20), "USD": Decimal(5)} if name not in ("glm",) else {},
        )
        for name in NAMES
    }
    engines = {name: Engine(name, title, routes=routes_) for name, (title, routes_) in ENGINES.items()}
    usual = Team(
        language="zh",
        timezone="Asia/Shanghai",
        routes=routes,
        engines=engines,
        support=Support(chats=("slack:C0SUPPORT", "telegram:-1009")),
        quiet_hours=("22:00", "08:00"),
        watch=Watching(every=timedelta(minutes=40)),
    )
    return replace(usual, **more)  # type: ignore[arg-type]


@dataclass(slots=True)
class ListeningChat:
    """Keeps every post and edit, as the plain text a person would read. `deaf`: refuses for a while, or for ever."""

    platform: Platform
    clock: FixedClock
    posts: list[tuple[datetime, str, Reply]] = field(default_factory=list)
    edits: list[tuple[datetime, str, Reply]] = field(default_factory=list)
    directs: list[tuple[datetime, str, Reply]] = field(default_factory=list)
    deaf: Exception | None = None

    async def post(self, place: Place, reply: Reply) -> MessageRef:
        if self.deaf is not None:
            raise self.deaf
        self.posts.append((self.clock.now(), place.address, reply))
        return MessageRef(self.platform, place.chat, str(len(self.posts)), place.thread)

    async def edit(self, ref: MessageRef, reply: Reply) -> None:
        if self.deaf is not None:
            raise self.deaf
        self.edits.append((self.clock.now(), ref.message, reply))

    async def direct(self, person: Person, reply: Reply) -> MessageRef:
        self.directs.append((self.clock.now(), person.address, reply))
        return MessageRef(self.platform, person.id, "1")

    def mention(self, person: Person) -> str:
        return f"@{person.id}"

    def faults(self) -> tuple[str, ...]:
        return ()


Told = Callable[[datetime], "tuple[Reading, ...] | str"]
"""What an account answers at a moment: figures, or the machine word of a failure."""


class Village:
    """Accounts whose money is a function of time. Stands where Balances stands; keeps readings once an hour."""

    def __init__(self, team: Team, store: Store, clock: FixedClock, told: Mapping[str, Told]) -> None:
        self.team, self.store, self.clock, self.told = team, store, clock, dict(told)
        self.asked = 0
        self._kept: dict[str, datetime] = {}
        self.runways: dict[str, Callable[[datetime], Runway]] = {}

    def accounts(self) -> tuple[Account, ...]:
        return tuple(
            Account(r.name, r.provider, (r.name,), self.team.engines_of(r.name), r, r.warn_below, (r.name, "", ""))
            for r in self.team.routes.values()
            if r.name in self.told
        )

    async def check_all(self, names: Sequence[str], at_once: int = 16) -> dict[str, AccountState]:
        return {name: await self.check(name) for name in names}

    async def check(self, route_name: str, *, fresh: bool = False, models: bool = True) -> AccountState:
        self.asked += 1
        now = self.clock.now()
        account = next(a for a in self.accounts() if a.name == route_name)
        state = AccountState(
            route_name,
            "deepseek",
            (route_name,),
            account.engines,
            Status.OK,
            now,
            top_up_url="https://platform.example.com/top_up",
        )
        told = self.told[route_name](now)
        if isinstance(told, str):
            latest = (await self.store.latest([route_name])).get(route_name, [])
            return replace(
                state,
                status=Status.COULD_NOT_CHECK,
                reason=told,
                reason_facts={"variable": f"{route_name.upper()}_API_KEY"},
                last_good=tuple(s.reading for s in latest),
                last_good_at=latest[0].at if latest else None,
            )
        balance = Balance(told)
        if now - self._kept.get(route_name, datetime.min.replace(tzinfo=UTC)) >= timedelta(hours=1):
            self._kept[route_name] = now
            await self.store.add_readings([StoredReading(route_name, now, reading) for reading in told])
        level = verdict.level(balance, account.warn_below)
        runway = self.runways.get(route_name, lambda at: Runway(why="too_little_data"))(now)
        return replace(
            state, readings=told, blocked=verdict.blocked(balance), low=level > 0, level=level, runway=runway
        )


def money(amount: Decimal, currency: str = "CNY") -> tuple[Reading, ...]:
    left = amount.quantize(Decimal("0.01"))
    return (Reading(Kind.ACCOUNT_MONEY, max(left, Decimal(0)), currency, blocks=left <= 0),)


@dataclass(slots=True)
class Wallet:
    """Falls by `a_day` (less at weekends and at night), rises at its top-ups; `more` adds to the pace for a while."""

    start: Decimal
    a_day: Decimal
    top_ups: Mapping[timedelta, Decimal] = field(default_factory=dict)
    more: tuple[timedelta, timedelta, Decimal] | None = None  # from, to, times as fast
    _at: datetime = START
    _left: Decimal = Decimal(0)
    _begun: bool = False

    def __call__(self, now: datetime) -> Decimal:
        if not self._begun:
            self._left, self._begun = self.start, True
        minute = timedelta(minutes=5)
        while self._at + minute <= now:
            self._at += minute
            self._left = max(self._left - self._pace(self._at) / 288, Decimal(0))
            since = self._at - START
            self._left += sum((a for t, a in self.top_ups.items() if since - minute < t <= since), Decimal(0))
        return self._left

    def _pace(self, at: datetime) -> Decimal:
        local = at + timedelta(hours=8)
        pace = self.a_day * (Decimal("0.4") if local.weekday() >= 5 else 1)
        pace *= Decimal("1.6") if 9 <= local.hour < 21 else Decimal("0.4")
        if self.more and START + self.more[0] <= at < START + self.more[1]:
            pace *= self.more[2]
        return pace

    def runway(self, now: datetime) -> Runway:
        left = self(now)
        mean = self.a_day * Decimal("0.85")
        return Runway(
            (left / mean * Decimal("0.8")).quantize(Decimal("0.1")),
            (left / mean * Decimal("1.2")).quantize(Decimal("0.1")),
        )


def at(day: int, clock: str) -> timedelta:
    """Days after the first Monday, and a time on the wall in Beijing."""
    hour, minute = clock.split(":")
    return timedelta(days=day, hours=int(hour), minutes=int(minute))


def between(now: datetime, day: int, start: str, end: str) -> bool:
    return START + at(day, start) <= now < START + at(day, end)


def story() -> tuple[dict[str, Told], dict[str, Callable[[datetime], Runway]]]:
    """Two weeks: top-ups, a night without money, short and long outages, an expired key, a reset, a runaway job, a dead line."""
    kimi = Wallet(Decimal(70), Decimal(12), {at(4, "10:58"): Decimal(200)})
    deepseek = Wallet(Decimal(88), Decimal(13), {at(8, "05:40"): Decimal(100)})
    aihubmix = Wallet(Decimal(60), Decimal("1.2"))
    silicon = Wallet(Decimal(400), Decimal(6), {}, (at(9, "14:00"), at(9, "17:00"), Decimal(60)))
    relay = Wallet(Decimal(88), Decimal(2))

    def line_is_dead(now: datetime) -> bool:
        return between(now, 11, "15:00", "18:00")

    def guarded(tell: Told) -> Told:
        return lambda now: "dns" if line_is_dead(now) else tell(now)

    def of_silicon(now: datetime) -> tuple[Reading, ...] | str:
        if any(between(now, day, "11:00", "11:20") for day in range(14)) or between(now, 2, "14:00", "17:10"):
            return "timeout"
        return money(silicon(now))

    def of_relay(now: datetime) -> tuple[Reading, ...] | str:
        return "http_401" if between(now, 9, "10:00", "15:30") else money(relay(now), "USD")

    def of_glm(now: datetime) -> tuple[Reading, ...] | str:
        resets = START + timedelta(days=(now - START).days + 1)
        busy = between(now, 3, "16:00", "24:00")
        left = Decimal(0) if busy else Decimal(80)
        return (
            Reading(
                Kind.WINDOW_QUOTA, left, "requests", limit=Decimal(120), resets_at=resets, label="day", blocks=left <= 0
            ),
        )

    told: dict[str, Told] = {
        "kimi": guarded(lambda now: money(kimi(now))),
        "deepseek": guarded(lambda now: money(deepseek(now))),
        "aihubmix": guarded(lambda now: money(aihubmix(now), "USD")),
        "siliconflow": guarded(of_silicon),
        "relay": guarded(of_relay),
        "glm": guarded(of_glm),
    }
    runways = {"kimi": kimi.runway, "deepseek": deepseek.runway, "aihubmix": aihubmix.runway, "relay": relay.runway}
    return told, runways


@dataclass(slots=True)
class Scene:
    clock: FixedClock
    store: SqlStore
    team: Team
    village: Village
    slack: ListeningChat
    telegram: ListeningChat
    watch: Watch

    def replica(self, owner: str) -> Watch:
        chats = {"slack": self.slack, "telegram": self.telegram}
        speaker = ChatSpeaker(chats, self.team)
        return Watch(self.team, self.village, self.store, self.clock, speaker, owner, chance=random.Random(7))

    async def run(self, until: datetime, minutes: int = 45, *watches: Watch) -> None:
        """Passes of the watch, `minutes` apart."""
        while self.clock.now() < until:
            for watch in watches or (self.watch,):
                await watch.tick()
            self.clock.move(timedelta(minutes=minutes))

    def transcript(self, chat: ListeningChat | None = None) -> list[str]:
        """What one support chat reads, in the team's time."""
        out = []
        for when, _, reply in (chat or self.slack).posts:
            local = when + timedelta(hours=8)
            words = Words(self.team.language, self.team.timezone)
            lines = render(reply, words, width=None).splitlines()
            text = " / ".join(line.strip() for line in lines if line.strip())
            out.append(f"{local:%a %d %b %H:%M}  {text}")
        return out


async def scene(
    folder: Path,
    told: Mapping[str, Told],
    start: datetime = START,
    team_: Team | None = None,
    database: str = "a",
    url: str = "",
) -> Scene:
    """`url`: another database than the file `database` in `folder`."""
    clock = FixedClock(start)
    store = SqlStore(url or await migrated(folder / f"{database}.db"), Gate(b"tests"))
    await store.open()
    the_team = team_ or team()
    village = Village(the_team, store, clock, told)
    slack, telegram = ListeningChat("slack", clock), ListeningChat("telegram", clock)
    speaker = ChatSpeaker({"slack": slack, "telegram": telegram}, the_team, week_chart)
    watch = Watch(the_team, village, store, clock, speaker, "one", chance=random.Random(7))
    return Scene(clock, store, the_team, village, slack, telegram, watch)


async def fortnight(folder: Path, language: str = "zh") -> Scene:
    told, runways = story()
    made = await scene(folder, told, team_=team(language=language))
    made.village.runways = runways
    await made.run(START + timedelta(days=14, hours=10))
    return made


async def main(language: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = await fortnight(Path(folder), language)
        for line in made.transcript():
            print(line)
        print(f"{len(made.slack.posts)} messages, {len(made.slack.edits)} edits, {made.village.asked} looks")
        await made.store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "zh"))
