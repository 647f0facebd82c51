"""One queue per chat: pace, order, urgency, and a refusal that holds nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.chats.pace import SLACK, TELEGRAM, Pace, Rates
from bot.errors import DeliveryError
from bot.ports.departure import departing


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


class Wire:
    """Records when each message went."""

    def __init__(self, clock: Any) -> None:
        self.clock, self.sent, self.start = clock, [], clock.monotonic()  # type: ignore[var-annotated]

    def message(self, name: str, fail: list[Exception] | None = None) -> Callable[[], Awaitable[str]]:
        async def send() -> str:
            if fail:
                raise fail.pop(0)
            self.sent.append((round(self.clock.monotonic() - self.start, 3), name))
            return name

        return send


async def run_through(clock: Any, seconds: float, step: float = 0.25) -> None:
    passed = 0.0
    while passed < seconds:
        await settle()
        clock.move(step)
        passed += step
    await settle()


async def test_burst_then_one_a_second_in_order(clock: Any) -> None:
    wire, pace = Wire(clock), Pace(SLACK, clock)
    jobs = [asyncio.create_task(pace.run("C1", wire.message(f"m{n}"))) for n in range(6)]
    await run_through(clock, 5)
    assert await asyncio.gather(*jobs) == [f"m{n}" for n in range(6)]
    assert wire.sent == [(0, "m0"), (0, "m1"), (0, "m2"), (1, "m3"), (2, "m4"), (3, "m5")]


async def test_urgent_overtakes_and_other_chats_do_not_wait(clock: Any) -> None:
    wire, pace = Wire(clock), Pace(Rates(every_s=1, burst=1), clock)
    jobs = [asyncio.create_task(pace.run("C1", wire.message(f"m{n}"))) for n in range(3)]
    await settle()
    jobs.append(asyncio.create_task(pace.run("C1", wire.message("page"), urgent=True)))
    jobs.append(asyncio.create_task(pace.run("C2", wire.message("other"))))
    await run_through(clock, 4)
    await asyncio.gather(*jobs)
    assert wire.sent == [(0, "m0"), (0, "other"), (1, "page"), (2, "m1"), (3, "m2")]


async def test_retry_after_holds_only_its_chat_and_keeps_the_order(clock: Any) -> None:
    wire, pace = Wire(clock), Pace(SLACK, clock)
    refusal = [DeliveryError("rate_limited", retry_after_s=7)]
    jobs = [
        asyncio.create_task(pace.run("C1", wire.message("first", refusal))),
        asyncio.create_task(pace.run("C1", wire.message("second"))),
        asyncio.create_task(pace.run("C2", wire.message("elsewhere"))),
    ]
    await settle()
    assert pace.wait_s("C1") >= 7
    assert pace.wait_s("C2") < 1
    await run_through(clock, 9)
    await asyncio.gather(*jobs)
    assert wire.sent == [(0, "elsewhere"), (7, "first"), (7, "second")]
    assert pace.refusals == 1


async def test_a_wait_beyond_patience_is_told_with_its_seconds(clock: Any) -> None:
    wire, pace = Wire(clock), Pace(SLACK, clock, patience_s=30)
    with pytest.raises(DeliveryError) as caught:
        await pace.run("C1", wire.message("x", [DeliveryError("rate_limited", retry_after_s=600)]))
    assert caught.value.retry_after_s == 600
    assert not wire.sent


async def test_other_failures_belong_to_the_caller_and_do_not_stop_the_queue(clock: Any) -> None:
    wire, pace = Wire(clock), Pace(SLACK, clock)
    bad = asyncio.create_task(pace.run("C1", wire.message("bad", [ValueError("no")])))
    good = asyncio.create_task(pace.run("C1", wire.message("good")))
    await settle()
    with pytest.raises(ValueError, match="no"):
        await bad
    assert await good == "good"


async def test_a_cancelled_caller_leaves_the_queue(clock: Any) -> None:
    wire, pace = Wire(clock), Pace(Rates(every_s=1, burst=1), clock)
    jobs = [asyncio.create_task(pace.run("C1", wire.message(f"m{n}"))) for n in range(3)]
    await settle()
    jobs[1].cancel()
    await run_through(clock, 3)
    assert [name for _, name in wire.sent] == ["m0", "m2"]
    assert pace.waiting() == 0


async def test_a_hanging_send_that_is_cancelled_frees_the_chat(clock: Any) -> None:
    wire, pace = Wire(clock), Pace(SLACK, clock)

    async def hang() -> None:
        await asyncio.Event().wait()

    stuck = asyncio.create_task(pace.run("C1", hang))
    await settle()
    stuck.cancel()
    assert await asyncio.wait_for(pace.run("C1", wire.message("next")), 60) == "next"


async def test_a_telegram_group_gets_twenty_a_minute(clock: Any) -> None:
    wire, pace = Wire(clock), Pace(TELEGRAM, clock)
    jobs = [asyncio.create_task(pace.run("-100", wire.message(f"{n}"), group=True)) for n in range(25)]
    await run_through(clock, 80)
    await asyncio.gather(*jobs)
    first_minute = [name for at, name in wire.sent if at < 60]
    assert len(first_minute) == 20
    assert [name for _, name in wire.sent] == [str(n) for n in range(25)]


async def test_thirty_a_second_over_all_chats(clock: Any) -> None:
    wire, pace = Wire(clock), Pace(TELEGRAM, clock)
    jobs = [asyncio.create_task(pace.run(str(n), wire.message(f"{n}"))) for n in range(100)]
    await settle()
    assert len(wire.sent) == 30
    jobs.append(asyncio.create_task(pace.run("page", wire.message("page"), urgent=True)))
    await run_through(clock, 3, step=0.05)
    await asyncio.gather(*jobs)
    assert len(wire.sent) == 101
    assert [name for _, name in wire.sent].index("page") < 34
    assert len([at for at, _ in wire.sent if at < 2]) <= 91


async def test_slot_serialises_and_keeps_a_refusal(clock: Any) -> None:
    pace, inside = Pace(SLACK, clock), []  # type: ignore[var-annotated]

    async def use(name: str) -> None:
        async with pace.slot("C1"):
            inside.append(f"+{name}")
            await asyncio.sleep(0)
            inside.append(f"-{name}")

    await asyncio.gather(use("a"), use("b"))
    assert inside == ["+a", "-a", "+b", "-b"]
    with pytest.raises(DeliveryError):
        async with pace.slot("C1"):
            raise DeliveryError("rate_limited", retry_after_s=5)
    assert pace.wait_s("C1") >= 5


async def test_close_leaves_nobody_waiting(clock: Any) -> None:
    wire, pace = Wire(clock), Pace(Rates(every_s=1, burst=1), clock)
    jobs = [asyncio.create_task(pace.run("C1", wire.message(f"m{n}"))) for n in range(3)]
    await settle()
    await pace.close()
    results = await asyncio.gather(*jobs, return_exceptions=True)
    assert results[0] == "m0"
    assert [type(r) for r in results[1:]] == [asyncio.CancelledError] * 2


async def test_what_is_stored_is_marked_in_its_turn_and_hears_a_refusal_at_once(clock: Any) -> None:
    told: list[str] = []

    async def marked() -> None:
        told.append("marked")

    async def refused() -> str:
        told.append("sent")
        raise DeliveryError("rate_limited", retry_after_s=40)

    pace = Pace(SLACK, clock)
    with departing(marked), pytest.raises(DeliveryError) as fault:
        await pace.run("C1", refused)
    assert (told, fault.value.retry_after_s) == (["marked", "sent"], 40)
    assert pace.wait_s("C1") >= 40
    with departing(marked), pytest.raises(DeliveryError) as fault:
        await pace.run("C1", refused)
    assert (told, fault.value.retry_after_s) == (["marked", "sent"], 40)  # not even tried
    clock.move(36)
    with departing(marked):
        waiting = asyncio.create_task(pace.run("C1", refused))
    while pace.waiting() == 0:
        await asyncio.sleep(0)
    assert told == ["marked", "sent"]  # nothing of what waits may have arrived
    waiting.cancel()
    await pace.close()
