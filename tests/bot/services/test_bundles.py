"""One at a time to a place; what gathers goes together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from bot.errors import DeliveryError
from bot.services.bundles import Bundles


class Post:
    """Keeps what was sent; waits at the gate."""

    def __init__(self) -> None:
        self.sent: list[list[int]] = []
        self.begun = asyncio.Event()
        self.gate = asyncio.Event()
        self.fault: Callable[[], Exception] | None = None

    async def __call__(self, items: Sequence[int]) -> list[str]:
        self.sent.append(list(items))
        self.begun.set()
        await self.gate.wait()
        if self.fault:
            raise self.fault()
        return [f"sent {item}" for item in items]


async def begun(bundles: Bundles[int, str], post: Post, count: int, place: str = "a") -> list[asyncio.Task[str]]:
    """All are there, and the first message is at the gate."""
    for n in range(count):
        bundles.expect(place, n)
    tasks = [asyncio.create_task(bundles.send(place, n, post, number=n)) for n in range(count)]
    await post.begun.wait()
    return tasks


async def test_what_came_due_together_goes_together_whoever_wakes_first() -> None:
    for order in ((0, 1, 2, 3, 4), (4, 2, 0, 1, 3)):
        bundles, post = Bundles[int, str](), Post()
        post.gate.set()
        for n in (*order, 9):
            bundles.expect("a", n)
        tasks = []
        for n in order:
            tasks.append(asyncio.create_task(bundles.send("a", n, post, number=n)))
            await asyncio.sleep(0)  # each has begun to wait before the next is there
        assert post.sent == []
        bundles.settle("a", 9)  # it will not come
        await asyncio.gather(*tasks)
        assert post.sent == [list(order)]
        assert bundles._boxes == {}


async def test_the_oldest_of_more_than_fit_go_first() -> None:
    bundles, post = Bundles[int, str](most=3, least=1), Post()
    tasks = await begun(bundles, post, 7)
    post.gate.set()
    await asyncio.gather(*tasks)
    assert post.sent == [[0, 1, 2], [3, 4, 5], [6]]


async def test_what_gathers_goes_together_in_order() -> None:
    bundles, post = Bundles[int, str](most=4), Post()
    tasks = await begun(bundles, post, 9)
    post.gate.set()
    assert await asyncio.gather(*tasks) == [f"sent {n}" for n in range(9)]
    assert [item for sent in post.sent for item in sent] == list(range(9))
    assert max(map(len, post.sent)) == 4
    assert bundles._boxes == {}


async def test_two_go_one_by_one() -> None:
    bundles, post = Bundles[int, str](), Post()
    post.gate.set()
    await asyncio.gather(*await begun(bundles, post, 2))
    assert post.sent == [[0], [1]]


async def test_places_do_not_wait_for_each_other() -> None:
    bundles, post, other = Bundles[int, str](), Post(), Post()
    held = await begun(bundles, post, 1)
    other.gate.set()
    assert await asyncio.gather(*await begun(bundles, other, 1, "b")) == ["sent 0"]
    post.gate.set()
    await asyncio.gather(*held)


async def test_a_refusal_is_everybodys() -> None:
    bundles, post = Bundles[int, str](), Post()
    post.fault = lambda: DeliveryError("http_502", retry_after_s=7)
    tasks = await begun(bundles, post, 6)
    post.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(each, DeliveryError) and each.retry_after_s == 7 for each in results)
    assert len({id(each) for each in results}) == 6


async def test_cancelled_while_waiting_is_not_sent() -> None:
    bundles, post = Bundles[int, str](), Post()
    tasks = await begun(bundles, post, 2)
    tasks[1].cancel()
    post.gate.set()
    assert await tasks[0] == "sent 0"
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
    assert [1] not in post.sent
    assert bundles._boxes == {}


async def test_whoever_sends_is_cancelled_the_others_may_have_arrived() -> None:
    bundles, post = Bundles[int, str](least=1), Post()
    tasks = await begun(bundles, post, 3)
    leader = next(n for n, task in enumerate(tasks) if post.sent[0][0] == n)
    tasks[leader].cancel()
    post.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[leader], asyncio.CancelledError)
    together = [n for n in post.sent[0] if n != leader]
    assert all(isinstance(results[n], DeliveryError) and results[n].lost for n in together)
