"""Ten thousand commands on each platform, one bot process: is each answered once, with its own answer, and does the memory stay flat?

    python -m bench.soak [commands] [--people 25]

Every fiftieth delivery comes twice, as from a platform that has not seen the acknowledgement. A person asks again when the answer
has come. Prints a table; exit code 1 if an answer was lost, came twice, was somebody else's, or the memory grew by over a tenth
in the last two thirds.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench import speed
from bench.peers import Peers, Process, Samples, percentile

TWICE_EVERY = 50
GROWTH = 1.10
TRACE = re.compile(r"soak-[0-9a-f]{4}-\d{6}")

# What is typed, and words of its answer.
ASKED: tuple[tuple[str, str, str], ...] = (
    ("quota", "help", "diagnose"),
    ("quota", "oncall", ""),
    ("balance", "", ""),
    ("diagnose", "Error code: 402 - {{'error': {{'message': 'Insufficient Balance'}}, 'request_id': '{trace}'}}", "{trace}"),
    ("diagnose", "429 Too Many Requests, please retry after 7s (request id: {trace})", "{trace}"),
)  # fmt: skip


@dataclass
class Tally:
    sent: int = 0
    twice: int = 0
    answered: int = 0
    lost: int = 0
    doubled: int = 0
    foreign: int = 0
    megabytes: list[float] = field(default_factory=list)
    samples: Samples = field(default_factory=Samples)

    @property
    def growth(self) -> float:
        """Resident memory at the end against a third of the way, when caches are full."""
        return self.megabytes[-1] / self.megabytes[len(self.megabytes) // 3]

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.foreign) and self.growth <= GROWTH

    def row(self, name: str) -> str:
        third = self.megabytes[len(self.megabytes) // 3]
        return (
            f"| {name} | {self.sent} | {self.twice} | {self.answered} | {self.lost} | {self.doubled} | {self.foreign} "
            f"| {percentile(self.samples.acks, 0.99) * 1000:.0f} ms | {third:.0f} MB | {self.megabytes[-1]:.0f} MB |"
        )


Ask = Callable[[int, int, str, str, int, Tally], Awaitable[str]]


async def soak(peers: Peers, server: Process, count: int, people: int, ask: Ask, dice: random.Random) -> Tally:
    tally, left = Tally(), iter(range(count))
    new: Counter[str] = Counter()
    said: dict[str, str] = {}

    def heard(key: str, text: str, fresh: bool) -> None:
        new[key] += fresh
        said[key] = said.get(key, "") + text

    peers.heard = heard
    mark = f"{dice.randrange(16**4):04x}"

    async def person(worker: int) -> None:
        for number in left:
            command, text, expected = dice.choice(ASKED)
            trace = f"soak-{mark}-{number:06}"
            times = 2 if number % TWICE_EVERY == 7 else 1
            tally.sent += 1
            tally.twice += times == 2
            try:
                key = await ask(worker, number, command, text.format(trace=trace), times, tally)
            except TimeoutError:
                tally.lost += 1
                continue
            tally.answered += 1
            answer = said.pop(key, "")
            if expected.format(trace=trace) not in answer or set(TRACE.findall(answer)) - {trace}:
                tally.foreign += 1
            if number % 200 == 0:
                tally.megabytes.append(server.memory())

    await asyncio.gather(*(person(worker) for worker in range(people)))
    await asyncio.sleep(1)  # a second answer may be under way
    tally.doubled = sum(new.values()) - tally.answered
    tally.megabytes.append(server.memory())
    return tally


async def main(count: int, people: int) -> int:
    good, dice = True, random.Random()
    print(
        "| platform | commands | delivered twice | answered | lost | doubled | wrong answer | ack p99 | memory after a third | at the end |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory(prefix="quotadesk-soak-") as name:
        async with Peers() as peers:
            server = speed.bot(Path(name), peers.settings)
            await server.start("/readyz")
            base = f"http://127.0.0.1:{server.port}"

            async def slack(worker: int, number: int, command: str, text: str, times: int, tally: Tally) -> str:
                key = f"s{number}"
                await peers.slash(
                    f"{base}/slack/events", worker, f"/{command}", text, tally.samples, times=times, key=key
                )
                return key

            async def telegram(worker: int, number: int, command: str, text: str, times: int, tally: Tally) -> str:
                typed = f"/{command} {text}".strip()
                await peers.update(f"{base}/telegram/webhook", worker, typed, tally.samples, times=times)
                return f"chat {5000 + worker}"

            try:
                for name, ask in (("Slack", slack), ("Telegram", telegram)):
                    tally = await soak(peers, server, count, people, ask, dice)
                    print(tally.row(name), flush=True)
                    good = good and tally.good
            finally:
                await server.stop()
    return 0 if good else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("commands", type=int, nargs="?", default=10_000)
    parser.add_argument("--people", type=int, default=25)
    options = parser.parse_args()
    sys.exit(asyncio.run(main(options.commands, options.people)))
