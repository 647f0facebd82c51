"""Who is on call: weeks, daylight saving, gaps, swaps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.model.team import OnCall
from bot.services.oncall import NOBODY, Rota, Swap
from tests.conftest import FixedClock
from tests.escalation_room import ADMIN, ALICE, CAROL, room

A, B, C = "slack:A", "telegram:B", "slack:C"
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def weekly(zone: str, since: str = "2026-10-05T09:00", people: tuple[str, ...] = (A, B, C)) -> Rota:
    return Rota(OnCall(people, WEEK, at(since, zone)), zone)


def test_turns() -> None:
    rota = weekly("Asia/Shanghai")
    assert rota.at(at("2026-10-05T09:00", "Asia/Shanghai")).address == A
    assert rota.at(at("2026-10-12T08:59", "Asia/Shanghai")).address == A
    shift = rota.at(at("2026-10-12T09:00", "Asia/Shanghai"))
    assert (shift.address, shift.until) == (B, at("2026-10-19T09:00", "Asia/Shanghai"))
    assert rota.at(at("2026-10-26T09:00", "Asia/Shanghai")).address == A
    assert rota.following(at("2026-10-12T09:00", "Asia/Shanghai")) == C
    assert rota.following(at("2026-10-19T09:00", "Asia/Shanghai")) == A


def test_nobody_before_the_first_handover() -> None:
    rota = weekly("Asia/Shanghai")
    shift = rota.at(at("2026-10-05T08:59", "Asia/Shanghai"))
    assert (shift.address, shift.until) == (None, at("2026-10-05T09:00", "Asia/Shanghai"))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_the_handover_keeps_its_hour_through_daylight_saving(zone: str) -> None:
    rota = weekly(zone, "2026-03-02T09:00")
    moment = at("2026-03-02T09:00", zone)
    for _ in range(60):
        shift = rota.at(moment)
        assert shift.until is not None
        assert shift.until.astimezone(ZoneInfo(zone)).strftime("%a %H:%M") == "Mon 09:00"
        moment = shift.until


def test_a_handover_in_the_hour_that_does_not_exist() -> None:
    rota = Rota(OnCall((A, B), DAY, at("2026-03-27T02:30", "Europe/Berlin")), "Europe/Berlin")
    moment, seen = at("2026-03-27T02:30", "Europe/Berlin"), []
    for _ in range(4):
        shift = rota.at(moment)
        seen.append(shift.address)
        assert shift.until is not None
        assert shift.until > moment
        moment = shift.until
    assert seen == [A, B, A, B]


def test_hours_keep_their_length() -> None:
    rota = Rota(OnCall((A, B), 12 * HOUR, at("2026-10-24T21:00", "Europe/Berlin")), "Europe/Berlin")
    shift = rota.at(at("2026-10-24T22:00", "Europe/Berlin"))
    assert shift.since is not None
    assert shift.until is not None
    assert shift.until - shift.since == 12 * HOUR


@settings(max_examples=60, deadline=None)
@given(
    st.datetimes(datetime(2026, 10, 5), datetime(2030, 1, 1)),
    st.sampled_from(["Europe/Berlin", "Asia/Shanghai", "UTC"]),
)
def test_everybody_in_turn_and_no_moment_twice(moment: datetime, zone: str) -> None:
    rota = weekly(zone)
    shift = rota.at(moment.replace(tzinfo=UTC) + DAY)
    assert shift.address is not None
    assert shift.since is not None
    assert shift.until is not None
    assert shift.since <= moment.replace(tzinfo=UTC) + DAY < shift.until
    assert rota.at(shift.until - timedelta(seconds=1)).address == shift.address
    assert rota.at(shift.until).address == rota.following(shift.since)


def test_gaps() -> None:
    rota = weekly("UTC", people=(A, NOBODY, C))
    start = at("2026-10-05T09:00")
    assert rota.gaps(start, start + 4 * WEEK) == [(start + WEEK, start + 2 * WEEK)]
    assert rota.following(start) == C
    assert rota.following(start + WEEK) == C
    assert rota.at(start + WEEK).address is None
    assert Rota(OnCall(), "UTC").gaps(start, start + DAY) == [(start, start + DAY)]
    assert Rota(OnCall(), "UTC").following(start) is None
    assert Rota(OnCall((A, B)), "UTC").at(start).address == A
    assert Rota(OnCall((A, B)), "UTC").following(start) == B
    assert Rota(OnCall((A,)), "UTC").following(start) is None


def test_swaps() -> None:
    start = at("2026-10-05T09:00")
    swap = Swap(C, start + DAY, start + 2 * DAY)
    rota = Rota(OnCall((A, B), WEEK, start), "UTC", [swap])
    assert rota.at(start).address == A
    assert rota.at(start).until == start + DAY
    shift = rota.at(start + DAY)
    assert (shift.address, shift.until, shift.swapped) == (C, start + 2 * DAY, True)
    back = rota.at(start + 2 * DAY)
    assert (back.address, back.since, back.until) == (A, start + 2 * DAY, start + WEEK)
    nobody = Rota(OnCall((A, B), WEEK, start), "UTC", [swap, Swap(None, start + DAY + HOUR, start + DAY + 3 * HOUR)])
    assert nobody.gaps(start, start + WEEK) == [(start + DAY + HOUR, start + DAY + 3 * HOUR)]
    assert nobody.at(start + DAY).until == start + DAY + HOUR
    assert nobody.at(start + DAY + 4 * HOUR).address == C


async def test_a_swap_outlives_a_restart_and_counts_for_calls(tmp_path: Path, clock: FixedClock) -> None:
    here = await room(tmp_path, clock)
    now = clock.now()
    await here.escalation.rota.swap(CAROL.address, now, now + DAY, ADMIN.address)
    other, _ = here.replica()
    shift = (await other.rota.rota()).at(now)
    assert (shift.address, shift.until, shift.swapped) == (CAROL.address, now + DAY, True)
    await here.open()
    await here.due()
    assert len(here.telegram.to(CAROL.id)) == 1
    assert here.slack.to(ALICE.id) == []
    clock.move(40 * DAY)
    await here.escalation.rota.swap(ALICE.address, clock.now(), clock.now() + DAY, ADMIN.address)
    assert [s.address for s in await here.escalation.rota.swaps()] == [ALICE.address]
    await here.store.close()
