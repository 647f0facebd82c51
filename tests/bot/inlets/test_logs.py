"""The watch over log files, with the real gate, signatures, proof, escalation and store; the files are real, time is not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.errors import StoreError
from bot.inlets.logs import EVERY_S, RESUME_WITHIN, LogWatch
from bot.model.chat import CleanText, Found
from bot.model.handoff import Ticket, TicketState
from bot.model.report import Report, Taken
from bot.services.reports import Reports
from tests.conftest import FixedClock, made_up
from tests.diagnose_room import BOB, Room, deepseek, room

FISH = "[09:15:09] 2026-11-22 09:15:09.{n:03d} | {level:<8} | {module} - {text}\n"
EMPTY = "Error code: 402 - {'error': {'message': 'Insufficient Balance', 'type': 'unknown_error'}}"


@dataclass
class Watched:
    room: Room
    folder: Path
    watch: LogWatch
    reports: Reports
    taken: list[Taken] = field(default_factory=list)
    written: int = 0

    def write(self, text: str, *, level: str = "ERROR", module: str = "QueryEngine.llms.base:invoke:130", name: str = "query.log") -> None:  # fmt: skip
        self.written += 1
        with (self.folder / name).open("a", encoding="utf-8") as out:
            out.write(FISH.format(n=self.written % 1000, level=level, module=module, text=text))

    async def look(self) -> None:
        """Two looks: what the first holds back, because more lines may belong to it, the second hands in."""
        for _ in range(2):
            await self.watch.tick()
            self.room.clock.move(EVERY_S)

    async def tickets(self) -> list[Ticket]:
        return await self.room.services.escalation.list()

    def another(self, owner: str, host: str = "host-a") -> LogWatch:
        return self.make({"query": [f"{self.folder}/query.log"], "*": [f"{self.folder}/*.log"]}, owner, host)

    def make(self, patterns: dict[str, list[str]], owner: str, host: str = "host-a") -> LogWatch:
        def clean(raw: str) -> tuple[CleanText, Found]:
            cleaned = self.room.gate.clean(raw)
            return cleaned.text, cleaned.found

        return LogWatch(patterns, self.reports, clean, self.room.store, self.room.clock, owner, host, self.taken.extend)


@pytest.fixture
async def watched(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Watched]:
    async with room(tmp_path, clock) as made:
        made.route("deepseek", "deepseek", deepseek("0"))
        made.engine("query", "deepseek")
        s = made.services
        reports = Reports(s.team, s.diagnosis, s.proof, s.escalation, made.store, clock)
        folder = tmp_path / "logs"
        folder.mkdir()
        out = Watched(made, folder, None, reports)  # type: ignore[arg-type]
        out.watch = out.another("one")
        yield out
        out.watch._let_go()


async def test_one_incident_before_anybody_pastes_anything(watched: Watched) -> None:
    key = made_up("sk-", 40)
    await watched.look()
    watched.write("search begins", level="INFO", module="QueryEngine.agent:run:1")
    watched.write(f"stream failed: {EMPTY} key {key}")
    watched.write(f"try 1 failed: {EMPTY}", level="WARNING", module="retry_helper:wrapper:97")
    await watched.look()
    (ticket,) = await watched.tickets()
    assert (ticket.engine, ticket.cause, ticket.count) == ("query", "balance_exhausted", 1)
    assert ticket.opened_by.name == "quotadesk (query.log)"
    assert key not in repr(await watched.room.store.ticket(ticket.id))
    assert ticket.removed  # and the note says so
    # Somebody pastes the same: no second ticket, the same one counts.
    await watched.room.ask(f"QueryEngine: {EMPTY}", by=BOB)
    (same,) = await watched.tickets()
    assert (same.id, same.count) == (ticket.id, 2)


async def test_a_loop_counts_once_a_minute_and_a_resolved_ticket_is_not_silence(watched: Watched) -> None:
    await watched.look()
    for _ in range(30):
        watched.write(EMPTY)
    await watched.look()
    for _ in range(3):
        watched.write(EMPTY)
        await watched.look()
    (ticket,) = await watched.tickets()
    assert ticket.count == 1
    watched.room.clock.move(60)
    watched.write(EMPTY)
    await watched.look()
    assert [t.count for t in await watched.tickets()] == [2]
    await watched.room.services.escalation.healed(ticket.id)
    watched.write(EMPTY)
    await watched.look()
    (newer,) = await watched.tickets()
    assert newer.id != ticket.id


async def test_what_passes_by_itself_calls_for_nobody_until_it_stays(watched: Watched) -> None:
    await watched.look()
    for _ in range(4):
        watched.write("Error code: 429 - {'error': {'message': 'Rate limit reached for requests', 'type': 'requests'}}")
        await watched.look()
    assert await watched.tickets() == []
    assert all(one.verdict and one.ticket is None for one in watched.taken)
    watched.write("Error code: 429 - {'error': {'message': 'Rate limit reached for requests', 'type': 'requests'}}")
    await watched.look()
    (ticket,) = await watched.tickets()
    assert ticket.cause == "rate_limited"


@pytest.mark.parametrize(
    ("level", "text"),
    [
        ("INFO", "the balance check took 402 ms, quota is fine"),
        ("ERROR", "KeyError: 'title' while rendering"),
        ("ERROR", "Error code: 400 - {'error': {'message': \"This model's maximum context length is 65536 tokens.\"}}"),
        ("INFO", '127.0.0.1 - - [22/Nov/2026 09:00:00] "GET /quota HTTP/1.1" 500 -'),
    ],
)
async def test_what_is_no_trouble_of_an_account_opens_nothing(watched: Watched, level: str, text: str) -> None:
    await watched.look()
    for _ in range(7):
        watched.write(text, level=level)
    await watched.look()
    assert await watched.tickets() == []


async def test_history_is_left_alone_and_a_new_file_is_read_from_its_beginning(watched: Watched) -> None:
    watched.write(EMPTY)
    await watched.look()
    assert await watched.tickets() == []
    watched.write(EMPTY, name="media.log", module="MediaEngine.llms.base:invoke:130")
    await watched.look()
    (ticket,) = await watched.tickets()
    assert ticket.cause == "balance_exhausted"


async def test_another_process_goes_on_where_the_first_one_stopped(watched: Watched) -> None:
    await watched.look()
    second = watched.another("two")
    assert await second.tick() == 0
    assert not second.leads
    watched.watch._let_go()
    watched.write(EMPTY)  # while nobody looks
    watched.room.clock.move(31)  # the lease of the first one is over
    await second.tick()
    await second.tick()
    assert second.leads
    assert len(await watched.tickets()) == 1
    await watched.watch.tick()
    assert not watched.watch.leads
    assert watched.watch.files == 0
    second._let_go()


async def test_another_machine_follows_its_own_files(watched: Watched) -> None:
    await watched.look()
    other = watched.another("other", "host-b")
    await other.tick()
    assert other.leads
    assert watched.watch.leads
    other._let_go()


async def test_after_a_long_rest_old_trouble_is_no_news(watched: Watched) -> None:
    await watched.look()
    watched.watch._let_go()
    watched.write(EMPTY)
    watched.room.clock.move(RESUME_WITHIN.total_seconds() + 60)
    await watched.look()
    assert await watched.tickets() == []


async def test_what_the_database_could_not_take_is_handed_in_again(watched: Watched) -> None:
    real, refused = watched.reports.take, [True]

    class Refusing:
        async def take(self, reports: list[Report]) -> object:
            if refused.pop() if refused else False:
                raise StoreError("locked")
            return await real(reports)

    await watched.look()
    watched.watch._intake = Refusing()  # type: ignore[assignment]
    watched.write(EMPTY)
    await watched.watch.tick()
    with pytest.raises(StoreError):
        await watched.watch.tick()
    assert await watched.tickets() == []
    await watched.watch.tick()
    assert len(await watched.tickets()) == 1


async def test_rotated_copies_beside_their_file_are_not_read_again(watched: Watched) -> None:
    await watched.look()
    watched.write(EMPTY)
    await watched.look()
    (ticket,) = await watched.tickets()
    await watched.room.services.escalation.healed(ticket.id)
    (watched.folder / "query.log").rename(watched.folder / "query.2026-11-22_00-00-00_000001.log")
    await watched.look()
    watched.write("fine again", level="INFO")
    await watched.look()
    assert await watched.tickets() == []


async def test_a_file_that_may_not_be_read_is_named(watched: Watched) -> None:
    (watched.folder / "query.log").mkdir()  # what a wrong mount makes of it; rights do not stop root
    await watched.look()
    assert watched.watch.faults() == ("log query.log: Is a directory",)


async def test_the_ticket_is_resolved_for_nobody_in_particular(watched: Watched) -> None:
    await watched.look()
    watched.write(EMPTY)
    await watched.look()
    (ticket,) = await watched.tickets()
    await watched.room.services.escalation.healed(ticket.id)
    steps = [step.kind for step in await watched.room.store.pending_steps()]
    assert "ended" not in steps  # a log does not wait for an answer
    whole = await watched.room.store.ticket(ticket.id)
    assert whole is not None
    assert whole.state is TicketState.RESOLVED
